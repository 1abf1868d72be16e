package e2e_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/watchword-auth/watchword/e2e/browser"
)

// clientServer starts a client service of an authority, whose pages are for
// browsers.
func clientServer(t *testing.T, authority string) (*browser.Server, string) {
	t.Helper()
	dir := t.TempDir()
	settings := "addr = \"127.0.0.1:0\"\ndb = \"sqlite:client.db\"\n" +
		"[[dialect]]\nname = \"easyjwt-client\"\nsample_routes = true\n[dialect.settings]\nREMOTE_AUTH_SERVICE_URL = \"" + authority + "\"\n"
	if err := os.WriteFile(filepath.Join(dir, "client.toml"), []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	return browser.Serve(t, dir, "--config", "client.toml"), dir
}

// The walk-through of django-easyjwt's README, step 25 (EZ-57, EZ-58): somebody
// signs in on the client service's page with the authority's password, and on
// the admin pages once he is staff there.
func TestClientServicePages(t *testing.T) {
	server, dir := clientServer(t, adminServer(t).URL)
	tab := pagesTab(t)
	signIn := func(password string) {
		tab.Fill("[name=username]", "admin@test.com")
		tab.Fill("[name=password]", password)
		tab.Follow("form button")
	}
	tab.Open(server.URL + "/auth/password-change/")
	at(t, tab, "/auth/login/")
	signIn("wrong")
	if text := tab.Text("[role=alert]"); text != "Please enter a correct e-mail and password." {
		t.Errorf("a wrong password: %q", text)
	}
	signIn("admin-pass")
	at(t, tab, "/auth/password-change/") // where the visit began
	tab.Open(server.URL + "/auth/login/")
	if text := tab.Text("body"); !strings.Contains(text, "You are signed in as admin@test.com.") {
		t.Errorf("signed in, the page says %q", text)
	}
	for _, c := range tab.Cookies(server.URL + "/") {
		if c.Name == "sessionid" && (!c.HTTPOnly || c.SameSite != "Lax" || strings.Contains(c.Value, "eyJ")) {
			t.Errorf("the session's cookie is %+v", c)
		}
	}
	if cookies := browser.Eval[string](tab, "document.cookie"); strings.Contains(cookies, "sessionid") || !strings.Contains(cookies, "csrftoken=") {
		t.Errorf("a script reads the cookies %q", cookies)
	}
	tab.Open(server.URL + "/api/test/")
	if text := tab.Text("body"); text != `"success"` {
		t.Errorf("the view says %q", text)
	}

	tab.Open(server.URL + "/admin/")
	at(t, tab, "/admin/signin")
	adminSignIn(tab, "admin@test.com", "admin-pass")
	if text := tab.Text("body"); !strings.Contains(text, "this account may not use these pages") {
		t.Errorf("not staff here, the admin pages say %q", text)
	}
	browser.Command(t, dir, "", "user", "set", "admin", "--staff", "--db", "sqlite:client.db")
	adminSignIn(tab, "admin@test.com", "admin-pass")
	at(t, tab, "/admin/account")

	tab.Open(server.URL + "/auth/login/")
	tab.Follow("form button")
	at(t, tab, "/auth/login/")
	tab.Open(server.URL + "/api/test/")
	if text := tab.Text("body"); !strings.Contains(text, "Authentication credentials were not provided.") {
		t.Errorf("signed out, the view says %q", text)
	}
}
