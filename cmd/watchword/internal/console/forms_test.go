package console_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/manage"
)

// posts are all forms there are, and the permission that each needs; "" for
// what anybody may who is signed in, "superuser" for a superuser alone.
var posts = map[string]string{
	"signout":                         "",
	"account/password":                "",
	"account/sessions/x/end":          "",
	"account/sessions/end":            "",
	"users/new":                       "users.add",
	"users/3":                         "users.view users.change",
	"users/3/password":                "users.change",
	"users/3/sessions/end":            "sessions.end",
	"users/3/delete":                  "users.delete",
	"sessions/AAAAAAAAAAAAAAAAAA/end": "sessions.end",
	"sessions/end":                    "superuser",
	"keys/rotate":                     "keys.change",
	"keys/retire":                     "keys.change",
	"clients/new":                     "clients.change",
	"clients/secret":                  "clients.change",
	"clients/delete":                  "clients.change",
	"explain":                         "tokens.explain",
}

// gets are all pages.
var gets = map[string]string{
	"account":                        "",
	"users":                          "users.view",
	"users/new":                      "users.add",
	"users/3":                        "users.view",
	"users/3/delete":                 "users.view",
	"sessions":                       "sessions.view",
	"sessions/end":                   "superuser",
	"keys":                           "keys.view",
	"keys/retire?profile=native&id=": "keys.view",
	"clients":                        "clients.view",
	"clients/new":                    "clients.change",
	"clients/secret?id=SHOP":         "clients.view",
	"clients/delete?id=SHOP":         "clients.view",
	"audit":                          "audit.view",
	"explain":                        "tokens.explain",
	"settings":                       "settings.view",
}

// Nobody sees a page, and no form of his does anything.
func TestNobodySeesNothing(t *testing.T) {
	s := start(t)
	for path := range gets {
		if got := s.guest(t).get(t, path); got.status != http.StatusSeeOther || !strings.HasPrefix(got.header.Get("Location"), "/admin/signin") {
			t.Errorf("GET %s = %d %s", path, got.status, got.header.Get("Location"))
		}
	}
	for path := range posts {
		g := s.guest(t)
		g.get(t, "signin")
		if got := g.post(t, path, nil); got.status != http.StatusSeeOther || got.header.Get("Location") != "/admin/signin" {
			t.Errorf("POST %s = %d %s", path, got.status, got.header.Get("Location"))
		}
	}
	if got := s.guest(t).get(t, "no/such/page"); got.status != http.StatusSeeOther {
		t.Errorf("an unknown page = %d: it tells strangers which pages there are", got.status)
	}
	if _, err := s.db.UserByID(t.Context(), "3"); err != nil {
		t.Errorf("user 3: %v", err)
	}
}

// Staff get exactly what their permissions say, page by page and form by form.
func TestWhoMayWhat(t *testing.T) {
	s := start(t)
	shop, err := s.actions.AddClient(t.Context(), manage.Actor{Operator: true}, "shop", nil)
	if err != nil {
		t.Fatal(err)
	}
	root, helper := s.signedIn(t, "root"), s.signedIn(t, "helper")
	for path, needs := range gets {
		path = strings.Replace(path, "SHOP", shop.ID, 1)
		if got := root.get(t, path); got.status != http.StatusOK {
			t.Errorf("GET %s by a superuser = %d", path, got.status)
		}
		got := helper.get(t, path)
		if want := wanted(needs); got.status != want {
			t.Errorf("GET %s by staff without permissions = %d, want %d", path, got.status, want)
		}
		if needs == "" || needs == "superuser" {
			continue
		}
		g, u := s.withPermissions(t, strings.Fields(needs)...)
		if got := g.get(t, path); got.status != http.StatusOK {
			t.Errorf("GET %s by staff with %s = %d", path, needs, got.status)
		}
		s.drop(t, u)
	}
	for path, needs := range posts {
		if needs == "" {
			continue
		}
		var all []string
		for _, p := range manage.Permissions() {
			if !strings.Contains(needs, string(p)) {
				all = append(all, string(p))
			}
		}
		if needs == "superuser" {
			needs = "sessions.end"
		}
		// Whoever has all permissions but those may not.
		g, u := s.withPermissions(t, all...)
		if got := g.post(t, path, nil); got.status != http.StatusForbidden {
			t.Errorf("POST %s by staff without %s = %d", path, needs, got.status)
		}
		s.drop(t, u)
	}
	if _, err := s.db.UserByID(t.Context(), "3"); err != nil {
		t.Errorf("user 3: %v", err)
	}
}

func wanted(needs string) int {
	if needs == "" {
		return http.StatusOK
	}
	return http.StatusForbidden
}

// withPermissions is somebody of the staff with these.
func (s *site) withPermissions(t *testing.T, permissions ...string) (*guest, watchword.User) {
	t.Helper()
	u := s.add(t, watchword.User{Login: "temp", Staff: true, Permissions: permissions})
	return s.signedIn(t, "temp"), u
}

func (s *site) drop(t *testing.T, u watchword.User) {
	t.Helper()
	if err := s.db.DeleteUser(t.Context(), u.ID, s.now(), s.now()); err != nil {
		t.Fatal(err)
	}
}

// A menu shows what will work and nothing else.
func TestMenu(t *testing.T) {
	s := start(t)
	g, _ := s.withPermissions(t, "audit.view")
	page := g.get(t, "account").text
	if !strings.Contains(page, `href="/admin/audit"`) || strings.Contains(page, `href="/admin/users"`) || strings.Contains(page, `href="/admin/keys"`) {
		t.Error("the menu is not that of one who may see the audit log alone")
	}
	if got := g.get(t, ""); got.header.Get("Location") != "/admin/audit" {
		t.Errorf("the start leads to %s", got.header.Get("Location"))
	}
	if got := s.signedIn(t, "helper").get(t, ""); got.header.Get("Location") != "/admin/account" {
		t.Errorf("the start of one without permissions leads to %s", got.header.Get("Location"))
	}
}

// Only a superuser sets staff or superuser, and touches who is either.
func TestOnlySuperusersMakeSuperusers(t *testing.T) {
	s := start(t)
	g, _ := s.withPermissions(t, "users.view", "users.add", "users.change", "users.delete")
	if page := g.get(t, "users/new").text; strings.Contains(page, `name="superuser"`) || strings.Contains(page, `name="staff"`) {
		t.Error("the form offers what would be refused")
	}
	for _, flag := range []string{"staff", "superuser"} {
		got := g.post(t, "users/new", url.Values{"login": {"eve"}, "password": {secret}, "active": {"on"}, flag: {"on"}})
		if got.status != http.StatusForbidden {
			t.Errorf("adding a user with %s = %d", flag, got.status)
		}
		page := g.get(t, "users/3")
		g.post(t, "users/3", url.Values{"seen": {page.seen(t)}, "login": {"ann"}, "email": {"ann@example.com"}, "first_name": {"Eve"}, "active": {"on"}, flag: {"on"}})
		if u, err := s.db.UserByID(t.Context(), "3"); err != nil || u.Staff || u.Superuser {
			t.Errorf("user 3 = %+v, %v", u, err)
		}
	}
	for _, id := range []string{"1", "2"} {
		page := g.get(t, "users/"+id)
		if strings.Contains(page.text, "Set the password") || !strings.Contains(page.text, "not change him") {
			t.Errorf("the page of user %s offers what would be refused", id)
		}
		for _, form := range []struct {
			path string
			with url.Values
		}{
			{"users/" + id, url.Values{"seen": {page.seen(t)}, "login": {"taken-over"}, "active": {"on"}}},
			{"users/" + id + "/password", url.Values{"password": {"a password of eve's"}}},
			{"users/" + id + "/delete", nil},
		} {
			if got := g.post(t, form.path, form.with); got.status != http.StatusForbidden && got.status != http.StatusUnprocessableEntity {
				t.Errorf("POST %s = %d", form.path, got.status)
			}
		}
	}
	if got := s.guest(t).signIn(t, "root", secret); got.status != http.StatusSeeOther {
		t.Errorf("root signs in: %d", got.status)
	}
}

// Every form is refused that does not carry the session's own token, and every
// one that another site sent.
func TestForgedForms(t *testing.T) {
	s := start(t)
	other := s.signedIn(t, "helper")
	for path := range posts {
		g := s.signedIn(t, "root")
		own := g.token(t)
		for _, forged := range []struct {
			name, token string
			header      []string
		}{
			{"no token", "", nil},
			{"a made-up token", strings.Repeat("A", len(own)), nil},
			{"the token of another session", other.token(t), nil},
			{"the token of nobody", nobodysToken(t, s), nil},
			{"another origin", own, []string{"Origin", "https://evil.example"}},
			{"no origin", own, []string{"Origin", "null"}},
			{"a browser that says so", own, []string{"Sec-Fetch-Site", "cross-site"}},
			{"a sister domain", own, []string{"Sec-Fetch-Site", "same-site"}},
		} {
			body := url.Values{"csrf": {forged.token}}.Encode()
			if got := g.do(t, http.MethodPost, path, body, forged.header...); got.status != http.StatusForbidden || !strings.Contains(got.text, "Sent from elsewhere") {
				t.Errorf("POST %s with %s = %d", path, forged.name, got.status)
			}
		}
		// The token counts in the form alone: an address ends up in logs.
		if got := g.do(t, http.MethodPost, path+"?csrf="+own, ""); got.status != http.StatusForbidden {
			t.Errorf("POST %s with the token in the address = %d", path, got.status)
		}
	}
	if _, err := s.db.UserByID(t.Context(), "3"); err != nil {
		t.Errorf("user 3: %v", err)
	}
	// Nor can anybody be made to sign in as the forger.
	g := s.guest(t)
	g.get(t, "signin")
	for _, header := range [][]string{{"Origin", "https://evil.example"}, {"Sec-Fetch-Site", "cross-site"}} {
		if got := g.post(t, "signin", url.Values{"login": {"root"}, "password": {secret}}, header...); got.status != http.StatusForbidden || len(g.cookies(t)) != 1 {
			t.Errorf("sign-in sent by another site = %d", got.status)
		}
	}
	if got := s.guest(t).do(t, http.MethodPost, "signin", url.Values{"login": {"root"}, "password": {secret}}.Encode()); got.status != http.StatusForbidden {
		t.Errorf("sign-in without a token = %d", got.status)
	}
}

// nobodysToken is the one that the page at the door has.
func nobodysToken(t *testing.T, s *site) string {
	t.Helper()
	g := s.guest(t)
	g.get(t, "signin")
	return g.token(t)
}

// Nothing is changed by following a link.
func TestGetChangesNothing(t *testing.T) {
	s := start(t)
	g := s.signedIn(t, "root")
	for path := range posts {
		if _, page := gets[path]; page {
			continue
		}
		switch path {
		case "users/3", "users/new", "keys/retire", "clients/new", "clients/secret", "clients/delete", "users/3/delete", "sessions/end", "explain":
			continue // pages that ask
		}
		if got := g.get(t, path+"?csrf="+g.token(t)); got.status != http.StatusNotFound {
			t.Errorf("GET %s = %d", path, got.status)
		}
	}
}

func TestFormsAreBounded(t *testing.T) {
	s := start(t)
	g := s.signedIn(t, "root")
	if got := g.post(t, "explain", url.Values{"token": {strings.Repeat("x", 1<<20)}}); got.status != http.StatusRequestEntityTooLarge {
		t.Errorf("a form of a megabyte = %d", got.status)
	}
	if got := g.do(t, http.MethodPost, "users/new", "csrf=%zz"); got.status != http.StatusBadRequest {
		t.Errorf("a form that is none = %d", got.status)
	}
}
