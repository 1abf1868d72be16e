package watchword_test

import (
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/watchword-auth/watchword"
)

var pageTime = time.Date(2026, 3, 4, 5, 6, 7, 891011000, time.UTC)

func TestFactPageJSON(t *testing.T) {
	second := pageTime.Truncate(time.Second)
	page := watchword.FactPage{
		Cursor: watchword.Cursor{Epoch: "ABC-d_2", N: 7}, More: true, Now: pageTime,
		StatusKey: make([]byte, 32), Profiles: []string{"native", "djwto"},
		Facts: []watchword.Fact{
			{Kind: watchword.SessionFact, Number: 1 << 40, Until: second},
			{Kind: watchword.UserFact, ID: "änne \"x\"\n", UpTo: math.MaxInt64, Except: 3, Before: second, Until: second},
			{Kind: watchword.UserFact, Before: second, Until: second},
			{Kind: watchword.TokenFact, ID: "jti", Until: second},
			{Kind: watchword.ClaimsFact, Number: 5, Before: second, Until: second},
			{Kind: watchword.KeyFact, Until: second},
			{Kind: watchword.ProfileFact, ID: "12"},
		},
	}
	const want = `{"cursor":"ABC-d_2.7","more":true,"now":1772600767891011,` +
		`"status_key":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","profiles":["native","djwto"],"facts":[` +
		`{"kind":"session","number":1099511627776,"until":1772600767},` +
		`{"kind":"user","id":"änne \"x\"\n","up_to":9223372036854775807,"except":3,"before":1772600767,"until":1772600767},` +
		`{"kind":"user","before":1772600767,"until":1772600767},` +
		`{"kind":"token","id":"jti","until":1772600767},` +
		`{"kind":"claims","number":5,"before":1772600767,"until":1772600767},` +
		`{"kind":"key","until":1772600767},` +
		`{"kind":"profile","id":"12"}]}`
	data, err := json.Marshal(page)
	if err != nil || string(data) != want {
		t.Fatalf("Marshal = %s, %v, want %s", data, err, want)
	}
	var got watchword.FactPage
	if err := json.Unmarshal(data, &got); err != nil || !reflect.DeepEqual(got, page) {
		t.Errorf("Unmarshal = %+v, %v, want %+v", got, err, page)
	}
}

func TestFactsDoNotDieEarlyOnTheWire(t *testing.T) {
	page := watchword.FactPage{Now: pageTime, Facts: []watchword.Fact{{Kind: watchword.TokenFact, ID: "x", Until: pageTime}}}
	data, err := json.Marshal(page)
	if err != nil {
		t.Fatal(err)
	}
	var got watchword.FactPage
	if err := json.Unmarshal(data, &got); err != nil || got.Facts[0].Until.Before(pageTime) {
		t.Errorf("a fact until %v arrives as %+v, %v", pageTime, got.Facts, err)
	}
}

func TestFactPageRefusals(t *testing.T) {
	for name, body := range map[string]string{
		"no JSON":                    `<html>`,
		"an array":                   `[]`,
		"no time":                    `{"facts":[]}`,
		"a time before 1970":         `{"now":-1}`,
		"a time with a fraction":     `{"now":1.5}`,
		"a second cursor":            `{"now":1,"cursor":"a.1","cursor":"a.2"}`,
		"a crooked cursor":           `{"now":1,"cursor":"a"}`,
		"a short status key":         `{"now":1,"status_key":"AAAA"}`,
		"a status key with padding":  `{"now":1,"status_key":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}`,
		"facts that are no list":     `{"now":1,"facts":{}}`,
		"a fact of no kind":          `{"now":1,"facts":[{}]}`,
		"a fact of an unknown kind":  `{"now":1,"facts":[{"kind":"device","id":"x"}]}`,
		"a kind by number":           `{"now":1,"facts":[{"kind":1,"number":4}]}`,
		"a negative number":          `{"now":1,"facts":[{"kind":"session","number":-4}]}`,
		"a number that is too large": `{"now":1,"facts":[{"kind":"session","number":9223372036854775808}]}`,
		"a date past the year 9999":  `{"now":1,"facts":[{"kind":"session","number":4,"until":253402300800}]}`,
		"two ids":                    `{"now":1,"facts":[{"kind":"token","id":"a","id":"b"}]}`,
		"bad UTF-8":                  "{\"now\":1,\"facts\":[{\"kind\":\"token\",\"id\":\"\xff\"}]}",
		"something after the end":    `{"now":1}{}`,
	} {
		var page watchword.FactPage
		if err := page.UnmarshalJSON([]byte(body)); err == nil {
			t.Errorf("%s: %s was read as %+v", name, body, page)
		}
	}
	if _, err := json.Marshal(watchword.FactPage{Facts: []watchword.Fact{{Kind: 99}}}); err == nil {
		t.Error("a fact of kind 99 was written")
	}
}

func TestParseCursor(t *testing.T) {
	c := watchword.Cursor{Epoch: "4ZQ", N: 12}
	if got, err := watchword.ParseCursor(c.String()); err != nil || got != c {
		t.Errorf("ParseCursor(%q) = %+v, %v", c.String(), got, err)
	}
	for _, text := range []string{
		"", ".", "a", "a.", ".1", "a.-1", "a.+1", "a.01", "a. 1", "a.1 ", "a.1.2", "a b.1", "a\n.1", "ä.1", "a.0x1", "a.1e3",
		"a.9223372036854775808", strings.Repeat("a", 65) + ".1", "a\x00.1", "a.1\r\nevent: x",
	} {
		if got, err := watchword.ParseCursor(text); !errors.Is(err, watchword.InvalidRequest) {
			t.Errorf("ParseCursor(%q) = %+v, %v, want InvalidRequest", text, got, err)
		}
	}
}

func TestFactKindNames(t *testing.T) {
	for kind, want := range map[watchword.FactKind]string{watchword.SessionFact: "session", watchword.ProfileFact: "profile", 0: "0", 200: "200"} {
		if got := kind.String(); got != want {
			t.Errorf("FactKind(%d).String() = %q, want %q", uint8(kind), got, want)
		}
	}
}

func FuzzParseCursor(f *testing.F) {
	for _, s := range []string{"4ZQ.12", "a.0", "", "a.01", "x.9223372036854775807"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := watchword.ParseCursor(text)
		if err == nil && (c.String() != text || c.N < 0 || strings.ContainsAny(text, " \r\n\"\\")) {
			t.Errorf("ParseCursor(%q) = %+v", text, c)
		}
	})
}

func FuzzFactPage(f *testing.F) {
	f.Add([]byte(`{"cursor":"a.1","more":true,"now":5,"facts":[{"kind":"user","id":"1","up_to":2,"except":1,"before":3,"until":4}]}`))
	f.Add([]byte(`{"now":1,"facts":[{"kind":"profile","id":"x"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var page, again watchword.FactPage
		if page.UnmarshalJSON(data) != nil {
			return
		}
		out, err := json.Marshal(page)
		if err != nil {
			t.Fatalf("%s was read as %+v and cannot be written: %v", data, page, err)
		}
		if err := again.UnmarshalJSON(out); err != nil || !reflect.DeepEqual(page, again) {
			t.Errorf("%s became %s: %+v and %+v, %v", data, out, page, again, err)
		}
	})
}
