package console_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// EZ-42: an admin creates and edits users on pages under /admin/.
func TestCreateAndEditUsers(t *testing.T) {
	s := start(t)
	g := s.signedIn(t, "root")
	got := g.post(t, "users/new", url.Values{
		"email": {"staff@test.com"}, "password": {"staff-pass"}, "active": {"on"}, "staff": {"on"}, "extra": {` {"plan": "pro"} `},
		"scopes": {"posts:read\nposts:write posts:read"},
	})
	if got.status != http.StatusSeeOther || !strings.HasPrefix(got.header.Get("Location"), "/admin/users/4?done=") {
		t.Fatalf("create = %d %s\n%s", got.status, got.header.Get("Location"), got.text)
	}
	u, err := s.db.UserByID(t.Context(), "4")
	if err != nil || u.Login != "staff" || u.Email != "staff@test.com" || !u.Staff || u.Superuser || !u.Active ||
		strings.Join(u.Scopes, " ") != "posts:read posts:write" || string(u.Extra) != `{"plan":"pro"}` {
		t.Errorf("the user = %+v, %v", u, err)
	}
	page := g.get(t, "users/4")
	form := url.Values{
		"seen": {page.seen(t)}, "login": {"staff"}, "email": {"staff@test.com"}, "active": {"on"}, "staff": {"on"},
		"first_name": {"Sam"}, "permissions": {"users.view\r\nusers.change"}, "scopes": {"posts:read\nposts:write"}, "extra": {`{"plan":"pro"}`},
	}
	if got = g.post(t, "users/4", form); got.status != http.StatusSeeOther {
		t.Fatalf("edit = %d %s", got.status, got.text)
	}
	if u, err = s.db.UserByID(t.Context(), "4"); err != nil || u.FirstName != "Sam" || len(u.Permissions) != 2 || len(u.Scopes) != 2 || !u.Staff {
		t.Errorf("the user = %+v, %v", u, err)
	}
	if again := g.post(t, "users/4", form); again.status != http.StatusConflict || !strings.Contains(again.text, "meanwhile") {
		t.Errorf("the same form again = %d, want to be told that the record has changed", again.status)
	}
	if got := s.guest(t).signIn(t, "staff@test.com", "staff-pass"); got.status != http.StatusSeeOther {
		t.Errorf("sign-in of the new user = %d", got.status)
	}
}
