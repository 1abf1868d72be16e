package server_test

import (
	"encoding/json"
	"log/slog"
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/config"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/engine"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/open"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/server"
	"github.com/watchword-auth/watchword/password"
)

// clientOf starts an authority with the user bob, and a client service of it
// behind a proxy on this machine. The settings are the dialects'.
func clientOf(t *testing.T, of map[string]any, with func(url string) map[string]any) (authority, client *served) {
	t.Helper()
	loopback := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	authority = serve(t, func(c *config.Config) {
		c.HTTP.TrustedProxies = loopback
		c.Dialects = []config.Dialect{{Name: "easyjwt", Settings: of}}
	})
	hasher, err := password.New(password.Config{Preferred: password.Params{Scheme: "pbkdf2-sha256", Rounds: 1000}})
	if err != nil {
		t.Fatal(err)
	}
	hash, err := hasher.Hash(t.Context(), "bob at the authority")
	if err != nil {
		t.Fatal(err)
	}
	bob := watchword.User{Login: "bob", Email: "bob@example.com", Active: true, Staff: true}
	if _, err := authority.db.CreateUser(t.Context(), watchword.NewUser{User: bob, PasswordHash: hash}); err != nil {
		t.Fatal(err)
	}
	client = serve(t, func(c *config.Config) {
		c.HTTP.TrustedProxies = loopback
		c.Dialects = []config.Dialect{{Name: "easyjwt-client", SampleRoutes: true, Settings: with(authority.url)}}
	})
	return authority, client
}

// EZ-45 EZ-50 EZ-57: a client service signs people in with the authority's
// password, on its own routes too, its own users first; the authority counts
// the caller, not the service, and not whom the caller claims to be.
func TestClientService(t *testing.T) {
	authority, client := clientOf(t, map[string]any{"SIGNING_KEY": strings.Repeat("k", 32)}, func(url string) map[string]any {
		return map[string]any{"REMOTE_AUTH_SERVICE_URL": url}
	})
	const bob = `{"email":"bob@example.com","password":"bob at the authority"}`
	if got := client.ask(t, "POST", "/auth/token/", bob, "X-Forwarded-For", "198.51.100.66, 203.0.113.7"); got.status != 200 {
		t.Fatalf("sign-in = %d %s", got.status, got.text)
	}
	if logs := authority.logs.String(); !strings.Contains(logs, "path=/auth/token/ status=200") ||
		!strings.Contains(logs, "address=203.0.113.7") || strings.Contains(logs, "198.51.100.66") {
		t.Errorf("the authority saw %s", logs)
	}
	u, _, err := client.db.UserByLogin(t.Context(), "bob@example.com")
	if err != nil || u.Staff || u.Login != "2@"+authority.url {
		t.Errorf("bob's account is %+v, %v", u, err)
	}
	for login, pass := range map[string]string{"bob@example.com": "bob at the authority", "ann": secret} {
		if got := client.ask(t, "POST", "/auth/v1/token", `{"login":"`+login+`","password":"`+pass+`"}`); got.status != 200 {
			t.Errorf("native sign-in of %s = %d %s", login, got.status, got.text)
		}
	}
	if got := client.ask(t, "POST", "/auth/v1/token", `{"login":"bob@example.com","password":"wrong"}`); got.status != 400 || !strings.Contains(got.text, "invalid_grant") {
		t.Errorf("native sign-in with a wrong password = %d %s", got.status, got.text)
	}
	// Ann is the client's own, and nobody at the authority.
	if got := client.ask(t, "POST", "/auth/token/", `{"email":"ann","password":"wrong"}`); got.status != 401 {
		t.Errorf("the client's own user at the authority = %d %s", got.status, got.text)
	}
	if err := authority.stop(); err != nil {
		t.Fatal(err)
	}
	if got := client.ask(t, "POST", "/auth/v1/token", `{"login":"bob@example.com","password":"bob at the authority"}`); got.status != 503 {
		t.Errorf("native sign-in without the authority = %d %s", got.status, got.text)
	}
	if got := client.ask(t, "POST", "/auth/v1/token", `{"login":"ann","password":"`+secret+`"}`); got.status != 200 {
		t.Errorf("the client's own user without the authority = %d %s", got.status, got.text)
	}
}

// EZ-22 EZ-23: by the authority's published keys tokens are good without it.
func TestClientServiceByPublishedKeys(t *testing.T) {
	authority, client := clientOf(t, map[string]any{"ALGORITHM": "ES256", "AUDIENCE": "shop", "ISSUER": "auth"}, func(url string) map[string]any {
		return map[string]any{
			"REMOTE_AUTH_SERVICE_URL": url, "jwk_url": url + "/auth/.well-known/jwks.json", "audience": "shop", "issuer": "auth",
		}
	})
	got := client.ask(t, "POST", "/auth/token/", `{"email":"bob@example.com","password":"bob at the authority"}`)
	var tokens struct{ Access, Refresh string }
	if err := json.Unmarshal([]byte(got.text), &tokens); err != nil || got.status != 200 {
		t.Fatalf("sign-in = %d %s", got.status, got.text)
	}
	view := func(token string) int {
		return client.ask(t, "GET", "/api/test/", "", "Authorization", "Bearer "+token).status
	}
	if status := view(tokens.Access); status != 200 {
		t.Errorf("the view = %d", status)
	}
	if err := authority.stop(); err != nil {
		t.Fatal(err)
	}
	if status := view(tokens.Access); status != 200 {
		t.Errorf("the view without the authority = %d", status)
	}
	payload, signature, _ := strings.Cut(tokens.Access, ".")
	for name, raw := range map[string]string{
		"refresh token": tokens.Refresh, "tampered": tokens.Access[:len(tokens.Access)-4] + "AAAA", "halves swapped": signature + "." + payload,
	} {
		if status := view(raw); status != 401 {
			t.Errorf("%s: the view = %d", name, status)
		}
	}
}

// Where users come from an authority, nobody can make himself one, under the
// name of somebody who is yet to come.
func TestClientServiceRefusesSignUp(t *testing.T) {
	c := config.Default()
	c.DB = "sqlite:" + filepath.Join(t.TempDir(), "client.db")
	c.Signup.Enabled = true
	c.Dialects = []config.Dialect{{Name: "easyjwt-client"}}
	db, err := open.Store(t.Context(), c.DB)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	seal, err := engine.Seal(t.Context(), c, db)
	if err != nil {
		t.Fatal(err)
	}
	var lc net.ListenConfig
	listener, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	_, err = server.New(t.Context(), server.Options{Config: c, DB: db, Seal: seal, Listener: listener, Log: slog.New(slog.DiscardHandler)})
	if err == nil || !strings.Contains(err.Error(), "signup.enabled") {
		t.Errorf("New = %v", err)
	}
}
