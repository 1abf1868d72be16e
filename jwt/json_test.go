package jwt_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/watchword-auth/watchword/jwt"
)

func ignore(string, jwt.Value) error { return nil }

func TestWalk(t *testing.T) {
	var got []string
	payload := []byte(" {\"a\" : \"x\\n\\u00e9\\ud83d\\ude00\", \"\\u0062\":[1,{\"a\":-0.5e+3}],\t\"c\":{}\n,\"\":true,\"é\":null} ")
	err := jwt.Walk(payload, func(name string, v jwt.Value) error {
		got = append(got, name+"="+string(v.Raw()))
		return nil
	})
	want := []string{`a="x\n\u00e9\ud83d\ude00"`, `b=[1,{"a":-0.5e+3}]`, "c={}", "=true", "é=null"}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("Walk = %q, %v; want %q", got, err, want)
	}
	for _, same := range []string{"{}", "{\"a\":{\"a\":{\"a\":1}}}", `{"a":[{"b":1},{"b":2}],"b":3}`} {
		if err := jwt.Walk([]byte(same), ignore); err != nil {
			t.Errorf("Walk(%s) = %v", same, err)
		}
	}
}

func TestWalkRefuses(t *testing.T) {
	for _, tt := range []struct{ name, payload string }{
		{"empty", ``},
		{"space", `  `},
		{"array", `[]`},
		{"number", `1`},
		{"open", `{`},
		{"open after a name", `{"a"`},
		{"open after a colon", `{"a":`},
		{"open after a value", `{"a":1`},
		{"open after a comma", `{"a":1,`},
		{"open string", `{"a":"`},
		{"open escape", `{"a":"\`},
		{"open array", `{"a":[1`},
		{"trailing comma", `{"a":1,}`},
		{"leading comma", `{,"a":1}`},
		{"two commas", `{"a":1,,"b":1}`},
		{"comma in an array", `{"a":[1,]}`},
		{"leading comma in an array", `{"a":[,1]}`},
		{"no comma", `{"a":1 "b":2}`},
		{"no comma in an array", `{"a":[1 2]}`},
		{"no colon", `{"a" 1}`},
		{"no quotes", `{a:1}`},
		{"single quotes", `{'a':1}`},
		{"name a number", `{1:1}`},
		{"data after", `{"a":1}x`},
		{"object after", `{"a":1}{}`},
		{"NUL after", "{\"a\":1}\x00"},
		{"closed twice", `{"a":1}}`},
		{"wrong bracket", `{"a":[1}}`},
		{"byte order mark", "\ufeff{}"},
		{"other space", "{\u00a0}"},
		{"vertical tab", "{\v}"},
		{"duplicate", `{"a":1,"a":1}`},
		{"duplicate, not adjacent", `{"a":1,"b":1,"a":1}`},
		{"duplicate, escaped", `{"a":1,"\u0061":1}`},
		{"duplicate below", `{"x":{"a":1,"a":1}}`},
		{"duplicate in an array", `{"x":[[{"a":1,"a":1}]]}`},
		{"duplicate after a nested object", `{"a":{"b":1},"a":1}`},
		{"duplicate empty name", `{"":1,"":1}`},
		{"invalid UTF-8", "{\"a\":\"\xff\"}"},
		{"overlong UTF-8", "{\"a\":\"\xc0\x80\"}"},
		{"surrogate in UTF-8", "{\"a\":\"\xed\xa0\x80\"}"},
		{"lone high surrogate", `{"a":"\ud800"}`},
		{"lone low surrogate", `{"a":"\udc00"}`},
		{"two high surrogates", `{"a":"\ud800\ud800"}`},
		{"high surrogate, then text", `{"a":"\ud800x"}`},
		{"lone surrogate in a name", `{"\ud800":1}`},
		{"newline in a string", "{\"a\":\"\n\"}"},
		{"NUL in a string", "{\"a\":\"\x00\"}"},
		{"bad escape", `{"a":"\x"}`},
		{"upper-case escape", `{"a":"\U0041"}`},
		{"short escape", `{"a":"\u004"}`},
		{"escape no hex", `{"a":"\u00g0"}`},
		{"leading zero", `{"a":01}`},
		{"plus", `{"a":+1}`},
		{"only minus", `{"a":-}`},
		{"no integer part", `{"a":.5}`},
		{"no fraction", `{"a":1.}`},
		{"no exponent", `{"a":1e}`},
		{"no exponent after a sign", `{"a":1e+}`},
		{"hexadecimal", `{"a":0x1}`},
		{"NaN", `{"a":NaN}`},
		{"Infinity", `{"a":-Infinity}`},
		{"True", `{"a":True}`},
		{"tru", `{"a":tru}`},
		{"nul", `{"a":nul`},
		{"comment", `{"a":1/*x*/}`},
		{"too deep", strings.Repeat(`{"a":`, 33) + "1" + strings.Repeat("}", 33)},
		{"arrays too deep", `{"a":` + strings.Repeat("[", 32) + strings.Repeat("]", 32) + "}"},
		{"far too deep", `{"a":` + strings.Repeat("[", 100000)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := jwt.Walk([]byte(tt.payload), ignore); !errors.Is(err, jwt.ErrMalformed) {
				t.Errorf("Walk(%.60q) = %v, want ErrMalformed", tt.payload, err)
			}
		})
	}
}

func TestWalkDepth(t *testing.T) {
	deepest := strings.Repeat(`{"a":`, 32) + "1" + strings.Repeat("}", 32)
	if err := jwt.Walk([]byte(deepest), ignore); err != nil {
		t.Errorf("32 objects: %v", err)
	}
}

// TestWalkManyNames crosses from the array of names to the map, in objects side by side and nested.
func TestWalkManyNames(t *testing.T) {
	object := func(n int, last string) string {
		var b strings.Builder
		b.WriteByte('{')
		for i := range n {
			fmt.Fprintf(&b, `"n%d":%d,`, i, i)
		}
		return b.String() + last + "}"
	}
	for _, n := range []int{1, 15, 16, 30, 31, 32, 33, 64, 1000} {
		fine := []string{
			object(n, `"x":1`),
			object(n, `"x":`+object(n, `"x":1`)),
			object(n, `"x":[`+object(n, `"y":1`)+","+object(n, `"y":2`)+"]"),
		}
		for _, payload := range fine {
			if err := jwt.Walk([]byte(payload), ignore); err != nil {
				t.Errorf("%d names: %v", n, err)
			}
		}
		last := fmt.Sprintf(`"n%d":0`, n-1)
		double := []string{
			object(n, `"n0":0`),
			object(n, last),
			object(n, `"x":`+object(n, last)),
			object(n, `"x":`+object(n, `"y":1`)+`,"n0":0`),
		}
		for _, payload := range double {
			if err := jwt.Walk([]byte(payload), ignore); !errors.Is(err, jwt.ErrMalformed) {
				t.Errorf("%d names and one twice: %v, want ErrMalformed", n, err)
			}
		}
	}
}

func TestWalkStops(t *testing.T) {
	stop := errors.New("stop")
	seen := 0
	err := jwt.Walk([]byte(`{"a":1,"b":2,"c":3}`), func(name string, _ jwt.Value) error {
		if seen++; name == "b" {
			return stop
		}
		return nil
	})
	if err != stop || seen != 2 {
		t.Errorf("Walk = %v after %d members, want the visitor's error after 2", err, seen)
	}
}

// TestWalkDoesNotAlias: a caller who reuses its buffer changes no claim.
func TestWalkDoesNotAlias(t *testing.T) {
	payload := []byte(`{"sub":"alice"}`)
	var sub string
	var value jwt.Value
	err := jwt.Walk(payload, func(_ string, v jwt.Value) (err error) {
		value = v
		sub, err = v.Text()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	copy(payload, `{"sub":"mallo"}`)
	value.Raw()[1] = 'x'
	if again, _ := value.Text(); sub != "alice" || again != "alice" {
		t.Errorf("claims changed to %q, %q", sub, again)
	}
}

// read returns what reader makes of the value text.
func read[T any](t *testing.T, text string, reader func(jwt.Value) (T, error)) (T, error) {
	t.Helper()
	var got T
	var fault error
	if err := jwt.Walk([]byte(`{"v":`+text+`}`), func(_ string, v jwt.Value) error {
		got, fault = reader(v)
		return nil
	}); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return got, fault
}

func TestValueText(t *testing.T) {
	for text, want := range map[string]string{
		`""`: "", `"a"`: "a", `"\"\\\/\b\f\n\r\t"`: "\"\\/\b\f\n\r\t", `"\u0000"`: "\x00", `"\uD83D\uDE00x"`: "😀x", `"é\u00e9"`: "éé",
	} {
		if got, err := read(t, text, jwt.Value.Text); err != nil || got != want {
			t.Errorf("Text(%s) = %q, %v; want %q", text, got, err, want)
		}
	}
	for _, text := range []string{`1`, `null`, `true`, `["a"]`, `{}`} {
		if got, err := read(t, text, jwt.Value.Text); !errors.Is(err, jwt.ErrClaim) {
			t.Errorf("Text(%s) = %q, %v; want ErrClaim", text, got, err)
		}
	}
}

func TestValueTexts(t *testing.T) {
	for text, want := range map[string][]string{`"a"`: {"a"}, `["a","\u0062"]`: {"a", "b"}, `[ ]`: {}, `""`: {""}} {
		if got, err := read(t, text, jwt.Value.Texts); err != nil || got == nil || !slices.Equal(got, want) {
			t.Errorf("Texts(%s) = %#v, %v; want %q", text, got, err, want)
		}
	}
	for _, text := range []string{`1`, `null`, `[1]`, `["a",null]`, `["a",["b"]]`, `{}`, `{"a":"b"}`} {
		if got, err := read(t, text, jwt.Value.Texts); !errors.Is(err, jwt.ErrClaim) || got != nil {
			t.Errorf("Texts(%s) = %q, %v; want ErrClaim", text, got, err)
		}
	}
}

func TestValueInt(t *testing.T) {
	for text, want := range map[string]int64{
		`0`: 0, `-1`: -1, `9223372036854775807`: 1<<63 - 1, `-9223372036854775808`: -1 << 63,
	} {
		if got, err := read(t, text, jwt.Value.Int); err != nil || got != want {
			t.Errorf("Int(%s) = %d, %v; want %d", text, got, err, want)
		}
	}
	for _, text := range []string{`1.0`, `1e3`, `1E0`, `9223372036854775808`, `-9223372036854775809`, `1e400`, `"1"`, `null`, `true`, `[1]`} {
		if got, err := read(t, text, jwt.Value.Int); !errors.Is(err, jwt.ErrClaim) || got != 0 {
			t.Errorf("Int(%s) = %d, %v; want ErrClaim", text, got, err)
		}
	}
}

func TestValueTime(t *testing.T) {
	for text, want := range map[string]time.Time{
		`0`:            time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC),
		`1300819380`:   time.Date(2011, 3, 22, 18, 43, 0, 0, time.UTC),
		`253402300799`: time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC),
	} {
		if got, err := read(t, text, jwt.Value.Time); err != nil || got != want {
			t.Errorf("Time(%s) = %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{
		`1300819380.5`, `1300819380.0`, `1.3e9`, `"1300819380"`, `"2011-03-22T18:43:00Z"`, `-1`, `253402300800`,
		`9223372036854775807`, `99999999999999999999`, `null`, `true`, `{}`, `[1]`,
	} {
		if got, err := read(t, text, jwt.Value.Time); !errors.Is(err, jwt.ErrClaim) || !got.IsZero() {
			t.Errorf("Time(%s) = %v, %v; want ErrClaim", text, got, err)
		}
	}
}

func TestValueBool(t *testing.T) {
	for text, want := range map[string]bool{`true`: true, `false`: false} {
		if got, err := read(t, text, jwt.Value.Bool); err != nil || got != want {
			t.Errorf("Bool(%s) = %v, %v", text, got, err)
		}
	}
	for _, text := range []string{`1`, `0`, `"true"`, `null`, `[]`} {
		if got, err := read(t, text, jwt.Value.Bool); !errors.Is(err, jwt.ErrClaim) || got {
			t.Errorf("Bool(%s) = %v, %v; want ErrClaim", text, got, err)
		}
	}
}

func TestValueNested(t *testing.T) {
	idx, err := read(t, `{"status_list":{"idx":7,"uri":"x"}}`, func(v jwt.Value) (n int64, err error) {
		err = v.Walk(func(_ string, list jwt.Value) error {
			return list.Walk(func(name string, v jwt.Value) (err error) {
				if name == "idx" {
					n, err = v.Int()
				}
				return err
			})
		})
		return n, err
	})
	if err != nil || idx != 7 {
		t.Errorf("nested member = %d, %v; want 7", idx, err)
	}
	sum, err := read(t, `[1,2,3]`, func(v jwt.Value) (sum int64, err error) {
		err = v.Each(func(e jwt.Value) error {
			n, err := e.Int()
			sum += n
			return err
		})
		return sum, err
	})
	if err != nil || sum != 6 {
		t.Errorf("sum of elements = %d, %v; want 6", sum, err)
	}
	for _, text := range []string{`1`, `"x"`, `null`} {
		_, errWalk := read(t, text, func(v jwt.Value) (int, error) { return 0, v.Walk(ignore) })
		_, errEach := read(t, text, func(v jwt.Value) (int, error) { return 0, v.Each(func(jwt.Value) error { return nil }) })
		if !errors.Is(errWalk, jwt.ErrClaim) || !errors.Is(errEach, jwt.ErrClaim) {
			t.Errorf("Walk(%s) = %v, Each = %v; want ErrClaim", text, errWalk, errEach)
		}
	}
	if null, _ := read(t, `null`, func(v jwt.Value) (bool, error) { return v.IsNull(), nil }); !null {
		t.Error("IsNull(null) = false")
	}
}

func TestZeroValue(t *testing.T) {
	var v jwt.Value
	_, errText := v.Text()
	_, errTexts := v.Texts()
	_, errInt := v.Int()
	_, errTime := v.Time()
	_, errBool := v.Bool()
	for _, err := range []error{errText, errTexts, errInt, errTime, errBool, v.Walk(ignore), v.Each(nil)} {
		if !errors.Is(err, jwt.ErrClaim) {
			t.Errorf("a reader of the zero Value: %v, want ErrClaim", err)
		}
	}
}
