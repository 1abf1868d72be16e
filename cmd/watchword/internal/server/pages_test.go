package server_test

import (
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/watchword-auth/watchword/cmd/watchword/internal/config"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/engine"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/open"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/server"
)

// The pages are there beside any dialect, be it mounted at "/", under a policy
// of their own; answers of the API keep theirs.
func TestAdminPages(t *testing.T) {
	s := serve(t, func(c *config.Config) {
		c.Dialects = []config.Dialect{{Name: "djwto", Prefix: "/", Settings: map[string]any{"DJWTO_SIGNING_KEY": strings.Repeat("k", 32)}}}
	})
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for _, test := range []struct {
		method, path string
		status       int
		location     string
	}{
		{"GET", "/admin", http.StatusTemporaryRedirect, "/admin/"},
		{"GET", "/admin/", http.StatusSeeOther, "/admin/signin"},
		{"GET", "/admin/users", http.StatusSeeOther, "/admin/signin?next=%2Fadmin%2Fusers"},
		{"GET", "/admin/signin", http.StatusOK, ""},
		{"PROPFIND", "/admin/users", http.StatusSeeOther, "/admin/signin"},
		{"POST", "/admin/users/new", http.StatusSeeOther, "/admin/signin"},
		{"POST", "/login/", http.StatusForbidden, ""},
	} {
		r, err := http.NewRequestWithContext(t.Context(), test.method, s.url+test.path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		got, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = got.Body.Close()
		if test.path == "/login/" {
			if policy := got.Header.Get("Content-Security-Policy"); got.StatusCode == http.StatusNotFound || strings.Contains(policy, "style-src") {
				t.Errorf("the dialect's sign-in = %d under the policy %q", got.StatusCode, policy)
			}
			continue
		}
		if got.StatusCode != test.status || got.Header.Get("Location") != test.location {
			t.Errorf("%s %s = %d %q, want %d %q", test.method, test.path, got.StatusCode, got.Header.Get("Location"), test.status, test.location)
		}
		if policy := got.Header.Get("Content-Security-Policy"); test.path != "/admin" && !strings.Contains(policy, "style-src 'self'") {
			t.Errorf("%s: the policy is %q", test.path, policy)
		}
	}
}

func TestAdminPagesSwitchedOff(t *testing.T) {
	s := serve(t, func(c *config.Config) { c.Admin.Enabled = false })
	for _, path := range []string{"/admin", "/admin/", "/admin/signin", "/admin/users"} {
		if got := s.ask(t, "GET", path, ""); got.status != http.StatusNotFound {
			t.Errorf("%s = %d", path, got.status)
		}
	}
}

// A dialect that is put where the pages are is refused at the start, and not
// shadowed.
func TestDialectInTheWayOfThePages(t *testing.T) {
	c := config.Default()
	c.DB = "sqlite::memory:"
	c.Dialects = []config.Dialect{{Name: "esmerald", Prefix: "/", Settings: map[string]any{
		"signing_key": strings.Repeat("k", 32), "signin_url": "/admin/signin",
	}}}
	db, err := open.Store(t.Context(), c.DB)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close(t.Context()) })
	seal, err := engine.Seal(t.Context(), c, db)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	_, err = server.New(t.Context(), server.Options{Config: c, DB: db, Seal: seal, Listener: listener, Log: slog.New(slog.DiscardHandler)})
	if err == nil || !strings.Contains(err.Error(), "admin.enabled") {
		t.Errorf("New = %v, want a word of admin.enabled", err)
	}
}
