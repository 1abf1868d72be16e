package adminapi_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/watchword-auth/watchword"
)

func TestHostileInput(t *testing.T) {
	s := newSite(t)
	boss := s.signIn("root").Access
	long := strings.Repeat("x", 300)
	for _, test := range []struct {
		name, method, path, body string
		field                    string // what the answer says is wrong; "" where there is nothing to name
	}{
		{"no body", "POST", "users", "", "415"},
		{"an empty object", "POST", "users", `{}`, "login"},
		{"no JSON", "POST", "users", `login=ann`, ""},
		{"half an object", "POST", "users", `{"login":"ann"`, ""},
		{"two objects", "POST", "users", `{"login":"ann"}{"login":"bob"}`, ""},
		{"a list", "POST", "users", `[{"login":"ann"}]`, ""},
		{"null", "PATCH", "users/6", `null`, ""},
		{"a member twice", "POST", "users", `{"login":"ann","login":"root2"}`, "login"},
		{"a member twice, once with escapes", "POST", "users", `{"login":"ann","lo\u0067in":"root2"}`, "login"},
		{"an unknown member", "POST", "users", `{"login":"ann","is_superuser":true}`, "is_superuser"},
		{"a member in another case", "POST", "users", `{"login":"ann","Superuser":true}`, "Superuser"},
		{"text for a flag", "POST", "users", `{"login":"ann","staff":"true"}`, "staff"},
		{"a number for text", "POST", "users", `{"login":1}`, "login"},
		{"null for text", "PATCH", "users/6", `{"email":null}`, "email"},
		{"text for a list", "PATCH", "users/6", `{"scopes":"admin"}`, "scopes"},
		{"a number in a list", "PATCH", "users/6", `{"scopes":[1]}`, "scopes"},
		{"a list for an object", "PATCH", "users/6", `{"extra":[]}`, "extra"},
		{"a member of extra twice", "PATCH", "users/6", `{"extra":{"a":1,"a":2}}`, "extra"},
		{"too much extra", "PATCH", "users/6", `{"extra":{"a":"` + strings.Repeat("x", 9000) + `"}}`, "extra"},
		{"no UTF-8", "PATCH", "users/6", "{\"first_name\":\"\xff\"}", ""},
		{"half a surrogate", "PATCH", "users/6", `{"first_name":"\ud800"}`, ""},
		{"a NUL", "PATCH", "users/6", `{"first_name":"\u0000"}`, "first_name"},
		{"a line break", "PATCH", "users/6", `{"login":"tom\nroot"}`, "login"},
		{"an escape", "PATCH", "users/6", `{"last_name":"\u001b[2J"}`, "last_name"},
		{"a character without width", "POST", "users", `{"login":"ro\u200bot"}`, "login"},
		{"a turn of direction", "PATCH", "users/6", `{"login":"\u202etoor"}`, "login"},
		{"the name of a client like another's id", "POST", "clients", `{"name":"client_victim"}`, "name"},
		{"no login", "PATCH", "users/6", `{"login":""}`, "login"},
		{"space around a login", "PATCH", "users/6", `{"login":" root"}`, "login"},
		{"a long login", "PATCH", "users/6", `{"login":"` + long + `"}`, "login"},
		{"the login of a mirrored user", "POST", "users", `{"login":"7@https://auth.example.com"}`, "login"},
		{"the same as an address", "POST", "users", `{"login":"ann","email":"7@https://auth.example.com"}`, "email"},
		{"no address", "PATCH", "users/6", `{"email":"tom"}`, "email"},
		{"two scopes in one", "PATCH", "users/6", `{"scopes":["posts:read admin"]}`, "scopes"},
		{"an empty scope", "PATCH", "users/6", `{"scopes":[""]}`, "scopes"},
		{"a scope twice", "PATCH", "users/6", `{"scopes":["a","a"]}`, "scopes"},
		{"endless scopes", "PATCH", "users/6", `{"scopes":["` + strings.Join(strings.Split(strings.Repeat("s", 201), ""), `","`) + `"]}`, "scopes"},
		{"an empty permission", "PATCH", "users/6", `{"permissions":[""]}`, "permissions"},
		{"a group with a line break", "PATCH", "users/6", `{"groups":["a\r\nb"]}`, "groups"},
		{"a hash for a password", "POST", "users", `{"login":"ann","password_hash":"x"}`, "password_hash"},
		{"a chosen id", "POST", "users", `{"login":"ann","id":"1"}`, "id"},
		{"no password", "POST", "users/6/password", `{}`, "password"},
		{"no session to end", "POST", "sessions/end", `{}`, "user"},
		{"one session and all", "POST", "sessions/end", `{"user":"6","all":true}`, "user"},
		{"no key", "POST", "keys/retire", `{}`, "kid"},
		{"no name", "POST", "clients", `{"scopes":[]}`, "name"},
		{"a client's name with a line break", "POST", "clients", `{"name":"a\nb"}`, "name"},
		{"a field that users do not have", "POST", "clients", `{"name":"a","user_fields":["password_hash"]}`, "user_fields"},
		{"a client's scope of two words", "POST", "clients", `{"name":"a","scopes":["a b"]}`, "scopes"},
		{"no token", "POST", "explain", `{"token":""}`, "token"},
		{"an unknown parameter", "GET", "users?staff=true", "", "staff"},
		{"a parameter twice", "GET", "users?q=a&q=b", "", "q"},
		{"a flag that is none", "GET", "users?active=1", "", "active"},
		{"a page of nothing", "GET", "users?limit=0", "", "limit"},
		{"an endless page", "GET", "users?limit=501", "", "limit"},
		{"a page of another kind", "GET", "users?limit=1e3", "", "limit"},
		{"a cursor of nobody", "GET", "users?cursor=!", "", "cursor"},
		{"a made-up cursor", "GET", "users?cursor=aWQ6eA", "", ""},
		{"a made-up cursor of sessions", "GET", "sessions?cursor=aWQ6MQ", "", "cursor"},
		{"a made-up cursor of the log", "GET", "audit?cursor=LTE", "", "cursor"},
		{"a query that cannot be read", "GET", "audit?kind=%zz", "", ""},
		{"no time", "GET", "audit?since=yesterday", "", "since"},
		{"a NUL in a query", "GET", "users?q=%00", "", "q"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := s.ask(boss, test.method, test.path, test.body)
			if test.field == "415" {
				got.is(t, http.StatusUnsupportedMediaType, "unsupported_media_type")
				return
			}
			got.is(t, http.StatusBadRequest, "invalid_request")
			if want := `"field":"` + test.field + `"`; test.field != "" && !strings.Contains(got.body, want) {
				t.Errorf("the answer is %s, want %s in it", got.body, want)
			}
			if len(got.body) > 1000 {
				t.Errorf("the answer has %d bytes", len(got.body))
			}
		})
	}
	s.ask(boss, "POST", "users", `{"login":"`+strings.Repeat("x", 70<<10)+`"}`).is(t, http.StatusRequestEntityTooLarge, "too_large")
	s.ask(boss, "POST", "users", `login=ann`, "Content-Type", "application/x-www-form-urlencoded").is(t, 415, "unsupported_media_type")
	s.ask(boss, "POST", "users", `{"login":"ann"}`, "Content-Encoding", "gzip").is(t, 415, "unsupported_media_type")
	s.ask(boss, "POST", "users", `{"login":"ann"}`, "Content-Type", "application/json; charset=utf-7").is(t, 415, "unsupported_media_type")
	s.ask(boss, "PUT", "users", `{}`).is(t, http.StatusMethodNotAllowed, "method_not_allowed")
	s.ask(boss, "POST", "users", `{"login":"TOM@example.com"}`).is(t, http.StatusConflict, "conflict")
	s.ask(boss, "POST", "clients", `{"name":"shop"}`).is(t, http.StatusConflict, "conflict")
	for _, id := range []string{"0", "06", "-6", "+6", "6%20", "99", "6%2f..%2f1", "1%20OR%201=1", "%00", strings.Repeat("9", 40)} {
		for _, method := range []string{"GET", "DELETE"} {
			s.ask(boss, method, "users/"+id, "").is(t, http.StatusNotFound, "not_found")
		}
	}
	s.ask(boss, "DELETE", "sessions/"+strings.Repeat("A", 22), "").is(t, http.StatusNotFound, "not_found")
	s.ask(boss, "POST", "keys/retire", `{"kid":"x"}`).is(t, http.StatusNotFound, "not_found")
	s.ask(boss, "POST", "keys/rotate", `{"profile":"x"}`).is(t, http.StatusNotFound, "not_found")
	s.ask(boss, "DELETE", "clients/x", "").is(t, http.StatusNotFound, "not_found")
	if n := len(s.told(watchword.UserChanged)) + len(s.told(watchword.KeyChanged)) + len(s.told(watchword.Revoked)); n > 0 {
		t.Errorf("%d things were done", n)
	}
	if u := s.user(tom); u.Login != "tom" || u.Email != "tom@example.com" || len(u.Scopes) != 1 {
		t.Errorf("tom is %+v", u)
	}
}

// TestHostileTextIsKept: what may be a name is kept as it is, and comes back
// as JSON and nothing else.
func TestHostileTextIsKept(t *testing.T) {
	s := newSite(t)
	boss := s.signIn("root").Access
	const script = `</script><img src=x onerror=alert(1)> ' OR 1=1 -- {{.}} ${7*7} \\ "`
	got := s.ask(boss, "PATCH", "users/6", fmt.Sprintf(`{"first_name":%q,"extra":{"<b>":%q}}`, script, script))
	got.is(t, http.StatusOK, "")
	if got.header.Get("Content-Type") != "application/json" || got.members(t)["first_name"] != script {
		t.Errorf("the answer is %s of type %s", got.body, got.header.Get("Content-Type"))
	}
	if extra, _ := got.members(t)["extra"].(map[string]any); extra["<b>"] != script {
		t.Errorf("extra is %v", got.members(t)["extra"])
	}
	s.ask(boss, "PATCH", "users/6", `{"extra":null,"first_name":""}`).is(t, http.StatusOK, "")
	if u := s.user(tom); u.Extra != nil || u.FirstName != "" {
		t.Errorf("tom is %+v", u)
	}
}

// TestPages goes through lists by pages of every size.
func TestPages(t *testing.T) {
	s := newSite(t)
	boss := s.signIn("root").Access
	for range 4 {
		s.signIn("tom")
	}
	for _, test := range []struct {
		path, list string
		want       int
	}{
		{"users", "users", 9},
		{"users?q=T", "users", 4},
		{"users?q=TOM@", "users", 1},
		{"users?ranked=true", "users", 5}, // root, idle, sam, tess and tina
		{"users?active=false", "users", 0},
		{"sessions", "sessions", 5},
		{"sessions?user=6", "sessions", 4},
		{"clients", "clients", 4},
		{"audit?kind=signed_in", "entries", 5},
		{"audit?kind=signed_in&user=6", "entries", 4},
		{"audit?actor=user:1", "entries", 0},
		{"audit?since=2100-01-01T00:00:00Z", "entries", 0},
	} {
		t.Run(test.path, func(t *testing.T) {
			for _, limit := range []int{1, 2, 3, 500} {
				seen, pages := make(map[string]bool), 0
				for cursor := ""; ; pages++ {
					path, separator := test.path, "?"
					if strings.Contains(path, "?") {
						separator = "&"
					}
					got := s.ask(boss, "GET", fmt.Sprintf("%s%slimit=%d&cursor=%s", path, separator, limit, url.QueryEscape(cursor)), "")
					got.is(t, http.StatusOK, "")
					m := got.members(t)
					list, ok := m[test.list].([]any)
					if !ok || len(list) > limit {
						t.Fatalf("a page is %s", got.body)
					}
					for _, one := range list {
						id := fmt.Sprint(one.(map[string]any)["id"])
						if seen[id] {
							t.Fatalf("%s is there twice", id)
						}
						seen[id] = true
					}
					next, more := m["next"].(string)
					if !more {
						break
					}
					if cursor = next; pages > 100 {
						t.Fatal("there is no end")
					}
				}
				if len(seen) != test.want {
					t.Errorf("by pages of %d there are %d, want %d", limit, len(seen), test.want)
				}
			}
		})
	}
}

// TestNothingSecretIsShown looks into every list.
func TestNothingSecretIsShown(t *testing.T) {
	s := newSite(t)
	in := s.signIn("root")
	stored, encoded, err := s.store.UserByLogin(t.Context(), "root")
	if err != nil || encoded == "" {
		t.Fatalf("UserByLogin = %+v, %v", stored, err)
	}
	for _, path := range []string{"users", "users/1", "sessions", "keys", "clients", "audit", "settings", "dialects"} {
		got := s.ask(in.Access, "GET", path, "")
		got.is(t, http.StatusOK, "")
		for _, hidden := range []string{secret, encoded, "pbkdf2", in.Access, in.Refresh, "secret_hash", "sealed", "Sealed"} {
			if strings.Contains(got.body, hidden) {
				t.Errorf("%s shows %q", path, hidden)
			}
		}
		if got.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s may be kept by caches", path)
		}
	}
}

func TestExplain(t *testing.T) {
	s := newSite(t)
	boss := s.signIn("root").Access
	got := s.ask(boss, "POST", "explain", `{"token":"`+s.signIn("tom").Access+`"}`)
	got.is(t, http.StatusOK, "")
	if got.members(t)["accepted"] != true || !strings.Contains(got.body, `"check":"revocation"`) {
		t.Errorf("of a good token it says %s", got.body)
	}
	got = s.ask(boss, "POST", "explain", `{"token":"`+s.signIn("tom").Access+`x"}`)
	if got.members(t)["accepted"] != false || !strings.Contains(got.body, `"passed":false,"code":"bad_signature","fix":"a signature by a key`) {
		t.Errorf("of a bad token it says %s", got.body)
	}
}
