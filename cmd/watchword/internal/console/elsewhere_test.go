package console_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/watchword-auth/watchword/cmd/watchword/internal/djangotest"
)

// Where the people are in a Django project's own table, its staff sign in as
// they do there, see whom there is, and are told who keeps them.
func TestUsersOfAnotherSystem(t *testing.T) {
	s := startAt(t, "http://127.0.0.1:8080", djangotest.SQLite(t))
	if got := s.guest(t).signIn(t, "ann", secret); got.status != http.StatusForbidden {
		t.Errorf("sign-in of one who is not of the staff = %d", got.status)
	}
	g := s.signedIn(t, "root")
	list := g.get(t, "users").text
	if !strings.Contains(list, ">ann<") || !strings.Contains(list, ">helper<") || strings.Contains(list, "users/new") {
		t.Errorf("the list is not one to look at:\n%s", list)
	}
	if text := g.get(t, "users?q=ann").text; !strings.Contains(text, ">ann<") || strings.Contains(text, ">helper<") {
		t.Error("ann is not found")
	}
	page := g.get(t, "users/3").text
	if !strings.Contains(page, "kept by another system") || strings.Contains(page, "Set the password") || strings.Contains(page, "Delete this user") || !strings.Contains(page, "<fieldset class=\"pad\" disabled>") {
		t.Errorf("the page of a user offers what would be refused:\n%s", page)
	}
	if got := g.get(t, "users/new"); got.status != http.StatusForbidden {
		t.Errorf("the form for a new user = %d", got.status)
	}
	for _, path := range []string{"users/new", "users/3", "users/3/password", "users/3/delete"} {
		seen := g.get(t, "users/3").seen(t)
		form := url.Values{"seen": {seen}, "login": {"eve"}, "email": {"eve@example.com"}, "password": {"a good password"}, "active": {"on"}}
		if got := g.post(t, path, form); got.status < 400 || got.status >= 500 {
			t.Errorf("POST %s = %d", path, got.status)
		}
	}
	own := url.Values{"current": {secret}, "new": {"another password"}, "again": {"another password"}}
	if got := g.post(t, "account/password", own); got.status != http.StatusUnprocessableEntity || !strings.Contains(got.text, "kept by another system") {
		t.Errorf("changing one's own password = %d", got.status)
	}
	for _, path := range []string{"account", "sessions", "audit", "keys"} {
		if got := g.get(t, path); got.status != http.StatusOK {
			t.Errorf("GET %s = %d", path, got.status)
		}
	}
}
