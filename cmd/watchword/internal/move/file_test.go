package move_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/move"
)

func file(t testing.TB, name, text string) *move.File {
	t.Helper()
	f, err := openFile(t, name, text, "")
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func openFile(t testing.TB, name, text, format string) (*move.File, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return move.OpenFile(path, format)
}

// Both formats say the same of a user, to the last field.
func TestFile(t *testing.T) {
	want := watchword.User{
		ID: "70", Login: "ann", Email: "ann@example.com", FirstName: "Ann, \"A\"", LastName: "Lee", Phone: "+1", Location: "Köln",
		Active: false, Staff: true, Superuser: true, Version: 1,
		CreatedAt: time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC), LastLoginAt: time.Date(2024, 3, 19, 9, 7, 3, 863037000, time.UTC),
		Groups: []string{"a", "b c"}, Permissions: []string{"x.y"}, Scopes: []string{"read", "write"}, Extra: []byte(`{"plan":"pro"}`),
	}
	for name, text := range map[string]string{
		"users.csv": "\ufeffid,login,email,password_hash,first_name,last_name,phone,location,active,staff,superuser,groups,permissions,scopes,extra,created_at,last_login_at\r\n" +
			`70,ann,ann@example.com,` + aHash + `,"Ann, ""A""",Lee,+1,Köln,false,1,YES,b c;a,"[""x.y""]",write read,"{""plan"":""pro""}",2020-01-02T03:04:05Z,2024-03-19 10:07:03.863037+01:00` + "\r\n" +
			"\r\n,bob,,,,,,,,,,,,,,,\r\n",
		"users.jsonl": `{"id":70,"login":"ann","email":"ann@example.com","password_hash":"` + aHash + `","first_name":"Ann, \"A\"","last_name":"Lee","phone":"+1","location":"Köln",` +
			`"active":false,"staff":true,"superuser":true,"groups":["b c","a"],"permissions":["x.y"],"scopes":"write read","extra":{"plan":"pro"},"created_at":"2020-01-02T03:04:05Z","last_login_at":"2024-03-19T10:07:03.863037+01:00"}` +
			"\n\n" + `{"login":"bob","active":null}`,
	} {
		t.Run(name, func(t *testing.T) {
			h, f := newHouse(t), file(t, name, text)
			wantUsers(t, run(t, f, h, move.Options{}), move.Users{Read: 2, Added: 2})
			u, hash := user(t, h, "ANN@example.com")
			if !reflect.DeepEqual(u, want) || hash != aHash {
				t.Errorf("ann:\n got %+v\nwant %+v", u, want)
			}
			if u, _ := user(t, h, "bob"); u.ID != "71" || !u.Active {
				t.Errorf("bob: %+v", u)
			}
			wantUsers(t, run(t, f, h, move.Options{}), move.Users{Read: 2, Same: 2})
		})
	}
}

// Bad rows are named by their lines, and the good ones around them come.
func TestBadRows(t *testing.T) {
	long := strings.Repeat("x", 70<<10)
	for _, tt := range []struct {
		name, text string
		bad        map[string]string // kinds by place
		logins     []string
	}{
		{
			"rows.csv", "login,email,active,extra\n" +
				"ann,a@x,,\n" + // 2
				"bob,b@x\n" + // 3: too few
				",none@x,,\n" + // 4: no login
				"carl,c@x,perhaps,\n" + // 5
				"dan,d@x,,[1]\n" + // 6: no object
				"eve,e@x,,\"{\"\"a\"\":\n1}\"\n" + // 7 and 8: one row
				"ann,other@x,,\n" + // 9: known by the same login
				"fay,f@x,," + long + "\n" + // 10
				"gus,g@x,,\"{\n" + // 11: never closed
				"hal,h@x,,\n" +
				"ivo,\"i@x\",,\n" +
				"kim,k\"@x,,\n" + // 14: a stray quote
				"leo,l@x,,{\"a\":1}\n" + // 15: quotes not doubled
				"max,m@x,\xff,\n" + // 16
				"ned,n@x,,",
			map[string]string{
				"line 3": move.BadRow, "line 4": move.BadRow, "line 5": move.BadRow, "line 6": move.BadRow, "line 9": move.KeyTwice,
				"line 10": move.BadRow, "line 11": move.BadRow, "line 14": move.BadRow, "line 15": move.BadRow, "line 16": move.BadRow,
			},
			[]string{"ann", "eve", "hal", "ivo", "ned"},
		},
		{
			"rows.jsonl", `{"login":"ann"}` + "\n" +
				`{"login":"bob"` + "\n" +
				`{"login":"carl","login":"carl"}` + "\n" +
				`{"login":"dan","age":3}` + "\n" +
				`["eve"]` + "\n" +
				`{"login":7}` + "\n" +
				`{"login":"fay","active":"perhaps"}` + "\n" +
				`{"login":"gus","extra":"{}"}` + "\n" +
				`{"login":"hal","id":-3}` + "\n" +
				`{"login":"ivo","groups":[1]}` + "\n" +
				`{"login":"kim","extra":{"a":1,"a":2}}` + "\n" +
				`{"login":"` + long + `"}` + "\n" +
				`{"login":"leo","id":5}` + "\n" +
				`{"login":"max","id":"5"}` + "\n" +
				`{"email":"e@x"}` + "\n" +
				`{"login":"zed","created_at":"soon"}`,
			map[string]string{
				"line 2": move.BadRow, "line 3": move.BadRow, "line 4": move.BadRow, "line 5": move.BadRow, "line 6": move.BadRow, "line 7": move.BadRow,
				"line 8": move.BadRow, "line 9": move.BadID, "line 10": move.BadRow, "line 11": move.BadRow, "line 12": move.BadRow,
				"line 14": move.KeyTwice, "line 15": move.BadRow, "line 16": move.BadRow,
			},
			[]string{"ann", "leo"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHouse(t)
			r := run(t, file(t, tt.name, tt.text), h, move.Options{})
			got := make(map[string]string)
			for _, l := range r.LeftOut {
				got[l.Place] = l.Kind
				if len(l.Login) > 64 || len(l.Why) > 200 {
					t.Errorf("%s is told of in %d bytes", l.Place, len(l.Login)+len(l.Why))
				}
			}
			if !reflect.DeepEqual(got, tt.bad) {
				t.Errorf("left out %+v, want %v", r.LeftOut, tt.bad)
			}
			if r.Users.Added != len(tt.logins) {
				t.Errorf("%d came, want %d", r.Users.Added, len(tt.logins))
			}
			for _, login := range tt.logins {
				user(t, h, login)
			}
		})
	}
}

func TestFileRefused(t *testing.T) {
	for _, tt := range []struct{ name, file, text, format, want string }{
		{"no format", "users.txt", "login\nann\n", "", "--format"},
		{"empty", "users.csv", "", "", "the file is empty"},
		{"unknown column", "users.csv", "login,mail\n", "", "column 2: the name mail is not known"},
		{"column twice", "users.csv", "login,email,email\n", "", "there twice"},
		{"no login", "users.csv", "email\n", "", "no column login"},
		{"bad head", "users.csv", "\"login\n", "", "line 1"},
		{"csv said", "users.txt", "nick\n", "csv", "no column login"},
	} {
		if _, err := openFile(t, tt.file, tt.text, tt.format); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
	if _, err := move.OpenFile(filepath.Join(t.TempDir(), "none.csv"), ""); err == nil {
		t.Error("a file that is not there was opened")
	}
}

// FuzzCSV wants every line of a file to be in a row: good lines are found
// again, whatever stands around them.
func FuzzCSV(f *testing.F) {
	for _, seed := range []string{"", "a,b\n", "\"", "x,\"\n", "\"a\nb\",c\n\"", "a\"b\"\"\r\n", "\x00,\xff\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 10_000 {
			t.Skip("long enough")
		}
		source := file(t, "users.csv", "login,email\nfirst,first@x\n"+text+"\nlast,last@x\n")
		var all []move.Person
		if err := source.People(t.Context(), func(p move.Person) error {
			all = append(all, p)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if len(all) < 2 || all[0].Login != "first" {
			t.Fatalf("%q: the first row is lost: %+v", text, all)
		}
		// What a closed quote has taken into a field is that row's.
		if last := all[len(all)-1]; last.Login != "last" && !strings.Contains(last.Email+last.Login, "last") {
			t.Errorf("%q: the last row is lost: %+v", text, last)
		}
	})
}

func FuzzJSONL(f *testing.F) {
	for _, seed := range []string{"", "{}", `{"login":"x","extra":{"a":[1,2]}}`, `{"id":1e3}`, "\"", "\x00{"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 10_000 {
			t.Skip("long enough")
		}
		source := file(t, "users.jsonl", text+"\n"+`{"login":"last"}`)
		var last move.Person
		if err := source.People(t.Context(), func(p move.Person) error {
			last = p
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if last.Login != "last" || last.Fault != "" {
			t.Errorf("%q: the last row is lost: %+v", text, last)
		}
	})
}

// Texts that are too long to keep are cut and counted; rights that make long
// tokens are named.
func TestLongTexts(t *testing.T) {
	h := newHouse(t)
	many := strings.Repeat("x", 1024) + ";" + strings.Repeat("y", 1024) + ";z"
	r := run(t, file(t, "users.csv", "login,last_name,permissions\nann,"+strings.Repeat("é", 600)+",\nbob,\"tab\there\",a.b\neve,Lee,"+many+"\nfay,,"+strings.Repeat("x", 1025)+"\ngus,,\"a\tb\"\n"), h, move.Options{})
	wantUsers(t, r, move.Users{Read: 5, Added: 3, LeftOut: 2, Cleaned: 2, LongLists: 1})
	if u, _ := user(t, h, "ann"); u.LastName != strings.Repeat("é", 512) {
		t.Errorf("ann's name has %d bytes", len(u.LastName))
	}
	if u, _ := user(t, h, "bob"); u.LastName != "tab here" {
		t.Errorf("bob is called %q", u.LastName)
	}
	if want := []move.Named{{Place: "line 4", Login: "eve"}}; !reflect.DeepEqual(r.LongLists, want) {
		t.Errorf("long lists: %+v", r.LongLists)
	}
}

// Where columns have slipped, or the row of names is missing, hashes stand in
// strange places. They are not shown from there either.
func TestSlippedColumns(t *testing.T) {
	const hash = "pbkdf2_sha256$1000$thesalt$thedigestOlqJn3tsBLNdmW69A5WxnO57ndqEwgfo0vWwCMlPgc="
	var shown strings.Builder
	for _, tt := range []struct{ name, text string }{
		{"no names.csv", "7,ann," + hash + "\n"},
		{"names.csv", "login,email,active,created_at,permissions,extra,id\n" +
			hash + ",,,,,,\n,,,,,,\nann," + hash + ",,,,,\nbob,," + hash + ",,,,\ncarl,,," + hash + ",,,\ndan,,,,[" + hash + ",,\neve,,,,," + hash + ",\nfay,,,,,," + hash + "\n"},
		{"names.jsonl", `{"login":"` + hash + `"}` + "\n" + `{"login":"ann","` + hash + `":1}` + "\n" + `{"login":"bob","staff":"` + hash + `"}` + "\n" + hash},
		{"mirror.csv", "login,password_hash\nann," + hash[:60] + "\n"},
	} {
		f, err := openFile(t, tt.name, tt.text, "")
		if err != nil {
			shown.WriteString(err.Error())
			continue
		}
		r := run(t, f, newHouse(t), move.Options{})
		if r.Users.LeftOut+r.Hashes.Unchecked != r.Users.Read || r.Users.Read == 0 {
			t.Errorf("%s: %+v", tt.name, r.Users)
		}
		text, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		shown.Write(text)
	}
	for _, hidden := range []string{"thesalt", "thedigest", "OlqJn"} {
		if strings.Contains(shown.String(), hidden) {
			t.Errorf("%s is shown: %s", hidden, shown.String())
		}
	}
}
