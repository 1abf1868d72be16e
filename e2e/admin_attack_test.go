package e2e_test

import (
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// Pages of others, on another site and on another port of the same one, where
// cookies are sent along, send forms in the name of whoever is signed in. In a
// real browser none of them does anything.
func TestFormsOfOtherSites(t *testing.T) {
	server := adminServer(t)
	evil := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fields := ""
		for name, values := range r.URL.Query() {
			if name != "to" && name != "as" {
				fields += fmt.Sprintf(`<input type="hidden" name="%s" value="%s">`, html.EscapeString(name), html.EscapeString(values[0]))
			}
		}
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("Referrer-Policy", r.URL.Query().Get("as"))
		_, _ = fmt.Fprintf(w, `<form method="post" action="%s">%s<button>Win</button></form>`, html.EscapeString(r.URL.Query().Get("to")), fields)
	}))
	defer evil.Close()
	sites := map[string]string{
		"another site": strings.Replace(evil.URL, "127.0.0.1", "localhost", 1),
		"another port": evil.URL,
	}
	tab := pagesTab(t)
	tab.Open(server.URL + "/admin/")
	adminSignIn(tab, "admin", "admin-pass")
	tab.Open(server.URL + "/admin/users/new")
	tab.Fill("#login", "control")
	tab.Follow("main button.primary")
	if got := tab.Text("h1"); got != "control" {
		t.Fatalf("our own form leads to %q", got)
	}
	for name, site := range sites {
		for _, form := range []string{
			"to=/admin/users/new&login=mallory&superuser=on&active=on&password=long-enough-pass",
			"to=/admin/users/2/delete", "to=/admin/users/1/password&password=long-enough-pass", "to=/admin/signout",
			"to=/admin/sessions/end", "to=/admin/keys/rotate&profile=native",
			"to=/admin/signin&login=admin&password=admin-pass&next=/admin/",
		} {
			for _, referrer := range []string{"", "no-referrer"} { // with it the origin is null
				target := strings.Replace(form, "to=", "to="+server.URL, 1)
				tab.Open(site + "/?as=" + referrer + "&" + target)
				tab.Follow("button")
				// A form that comes without cookies is asked to sign in, as the
				// browser is that has not sent them.
				if got := tab.Text("h1"); got != "Sent from elsewhere" && got != "Sign in" && got != "Users" {
					t.Errorf("%s with referrer %q sends %s and gets %q", name, referrer, form, got)
				}
			}
		}
	}
	tab.Open(server.URL + "/admin/users?q=")
	if got := tab.Text("tbody"); strings.Contains(got, "mallory") || !strings.Contains(got, "control") {
		t.Errorf("the users are %q", got)
	}
	tab.Open(server.URL + "/admin/audit")
	if got := tab.Text("tbody"); strings.Count(got, "user changed") != 2 || strings.Contains(got, "key changed") || strings.Contains(got, "signed out") {
		t.Errorf("the audit log has %q", got)
	}
}
