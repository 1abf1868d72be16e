package server_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/config"
)

// promote makes ann a superuser.
func (s *served) promote(t *testing.T) {
	t.Helper()
	yes, now := true, time.Now()
	if _, err := s.db.UpdateUser(t.Context(), "1", watchword.UserChange{Superuser: &yes}, 0, now.Add(time.Hour), now); err != nil {
		t.Fatal(err)
	}
}

func TestAdministration(t *testing.T) {
	s := serve(t, nil)
	s.promote(t)
	access, _ := s.signIn(t)
	admin := func(method, path, body string, headers ...string) answer {
		return s.ask(t, method, "/auth/v1/admin/"+path, body, append(headers, "Authorization", "Bearer "+access)...)
	}
	for range 2 { // the second time it is the first answer
		got := admin(http.MethodPost, "users", `{"login":"bob","password":"a good password"}`, "Idempotency-Key", "one")
		if got.status != http.StatusCreated || !strings.Contains(got.text, `"id":"2","login":"bob"`) {
			t.Fatalf("add a user = %d %s", got.status, got.text)
		}
	}
	bob := s.ask(t, http.MethodPost, "/auth/v1/token", `{"login":"bob","password":"a good password"}`)
	if bob.status != http.StatusOK {
		t.Fatalf("sign in as bob = %d %s", bob.status, bob.text)
	}
	if got := admin(http.MethodPatch, "users/2", `{"active":false}`); got.status != http.StatusOK {
		t.Fatalf("disable = %d %s", got.status, got.text)
	}
	// This process knows at once that his token counts no longer.
	_, rest, _ := strings.Cut(bob.text, `"access_token":"`)
	token, _, _ := strings.Cut(rest, `"`)
	if got := s.ask(t, http.MethodGet, "/auth/v1/me", "", "Authorization", "Bearer "+token); got.status != http.StatusUnauthorized {
		t.Errorf("a disabled user's token = %d %s", got.status, got.text)
	}
	if got := admin(http.MethodPost, "keys/rotate", `{}`); got.status != http.StatusNoContent {
		t.Errorf("rotate = %d %s", got.status, got.text)
	}
	if got := admin(http.MethodGet, "settings", ""); !strings.Contains(got.text, `transport = 'json'`) {
		t.Errorf("settings = %d %s", got.status, got.text)
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	list, err := s.db.ListAudit(t.Context(), watchword.AuditFilter{Actor: "user:1"})
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, e := range list {
		told = append(told, e.Kind+" "+e.UserID+" "+e.Detail)
	}
	for _, want := range []string{"user_changed 2 added", "user_changed 2 active", "key_changed  rotated native"} {
		if !strings.Contains(strings.Join(told, "\n"), want) {
			t.Errorf("the log lacks %q:\n%s", want, strings.Join(told, "\n"))
		}
	}
}

func TestAdministrationSwitchedOff(t *testing.T) {
	s := serve(t, func(c *config.Config) { c.Admin.Enabled = false })
	s.promote(t)
	access, _ := s.signIn(t)
	for _, path := range []string{"/auth/v1/admin/users", "/admin/"} {
		if got := s.ask(t, http.MethodGet, path, "", "Authorization", "Bearer "+access); got.status != http.StatusNotFound {
			t.Errorf("%s = %d %s", path, got.status, got.text)
		}
	}
}

// TestOwnRecord: people change their own names, and nothing else.
func TestOwnRecord(t *testing.T) {
	s := serve(t, nil)
	access, _ := s.signIn(t)
	patch := func(body string) answer {
		return s.ask(t, http.MethodPatch, "/auth/v1/me", body, "Authorization", "Bearer "+access)
	}
	if got := patch(`{"first_name":"Ann","phone":"+49 30 1234"}`); got.status != http.StatusOK || !strings.Contains(got.text, `"phone":"+49 30 1234"`) {
		t.Errorf("PATCH me = %d %s", got.status, got.text)
	}
	if got := patch(`{"first_name":"Eve","superuser":true}`); got.status != http.StatusBadRequest {
		t.Errorf("PATCH me with superuser = %d %s", got.status, got.text)
	}
	if u, err := s.db.UserByID(t.Context(), "1"); err != nil || u.FirstName != "Ann" || u.Superuser {
		t.Errorf("the record is %+v, %v", u, err)
	}
}

// What a dialect's settings put into tokens is a superuser's to change.
func TestClaimedExtraDataOfDialects(t *testing.T) {
	s := serve(t, func(c *config.Config) {
		c.Dialects = []config.Dialect{{Name: "djwto", UserFields: []string{"role"}}}
	})
	yes, may, now := true, []string{"users.add"}, time.Now()
	staff := watchword.UserChange{Staff: &yes, Permissions: &may}
	if _, err := s.db.UpdateUser(t.Context(), "1", staff, 0, now.Add(time.Hour), now); err != nil {
		t.Fatal(err)
	}
	access, _ := s.signIn(t)
	for body, want := range map[string]int{
		`{"login":"bob","extra":{"role":"owner"}}`: http.StatusForbidden,
		`{"login":"eve","extra":{"plan":"pro"}}`:   http.StatusCreated,
	} {
		if got := s.ask(t, http.MethodPost, "/auth/v1/admin/users", body, "Authorization", "Bearer "+access); got.status != want {
			t.Errorf("staff adds %s = %d %s, want %d", body, got.status, got.text, want)
		}
	}
}
