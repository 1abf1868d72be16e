package e2e_test

import (
	"encoding/json"
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/watchword-auth/watchword/e2e/browser"
)

// pictures is where TestAdminScreenshots writes those of the README.
var pictures = flag.String("screenshots", "", "write pictures of the admin pages into this directory")

// easyjwtSettings are those that django-easyjwt's README prints.
const easyjwtSettings = `
addr = "127.0.0.1:0"
db = "sqlite:auth.db"
[[dialect]]
name = "easyjwt"
[dialect.settings]
ACCESS_TOKEN_LIFETIME = "5m"
REFRESH_TOKEN_LIFETIME = "24h"
SIGNING_KEY = "d577273ff885c3f84dadb8578bb40000"
VERIFYING_KEY = false
AUDIENCE = false
ISSUER = false
JWK_URL = false
LEEWAY = 0
`

// adminServer starts a server with the walk-through's first user.
func adminServer(t *testing.T) *browser.Server {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "auth.toml"), []byte(easyjwtSettings), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("DJANGO_SUPERUSER_EMAIL", "admin@test.com")
	t.Setenv("DJANGO_SUPERUSER_USERNAME", "admin")
	t.Setenv("DJANGO_SUPERUSER_PASSWORD", "admin-pass")
	browser.Command(t, dir, "", "user", "add", "--superuser", "--noinput", "--db", "sqlite:auth.db")
	return browser.Serve(t, dir, "--config", "auth.toml")
}

// pagesTab opens a tab that notes what the pages' policy forbids.
func pagesTab(t *testing.T) *browser.Tab {
	t.Helper()
	tab := browser.New(t).Tab(t)
	_, err := chromedp.Call(tab.Context(), page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{
		Source: `window.forbidden = []; addEventListener("securitypolicyviolation", e => forbidden.push(e.effectiveDirective + " " + e.blockedURI))`,
	})
	if err != nil {
		t.Fatal(err)
	}
	return tab
}

// at reports that the tab shows another page than it should.
func at(t *testing.T, tab *browser.Tab, path string) {
	t.Helper()
	if got := browser.Eval[string](tab, "location.pathname"); got != path {
		t.Fatalf("the browser is at %s, want %s:\n%s", got, path, tab.Text("body"))
	}
	if list := browser.Eval[[]string](tab, "window.forbidden"); len(list) > 0 {
		t.Errorf("%s: forbidden by the page's policy: %q", path, list)
	}
}

func adminSignIn(tab *browser.Tab, login, password string) {
	tab.Fill("#login", login)
	tab.Fill("#password", password)
	tab.Follow("form button.primary")
}

// The walk-through of django-easyjwt's README, steps 1 to 4 (EZ-42): a
// superuser signs in and adds two users, of whom one is staff; the other is
// refused; both are still there after a restart.
func TestAdminWalkThrough(t *testing.T) {
	server := adminServer(t)
	tab := pagesTab(t)
	tab.Open(server.URL + "/admin/")
	at(t, tab, "/admin/signin")
	adminSignIn(tab, "admin", "admin-pass")
	at(t, tab, "/admin/users")
	for _, u := range []struct {
		email, password string
		staff           bool
	}{{"staff@test.com", "staff-pass", true}, {"user@test.com", "user-pass", false}} {
		tab.Follow(`a[href="/admin/users/new"]`)
		tab.Fill("#email", u.email)
		tab.Fill("#password", u.password)
		if u.staff {
			tab.Click("input[name=staff]")
		}
		tab.Follow("form.panel button.primary")
		if got := tab.Text("[role=status]"); !strings.Contains(got, "The user was added") {
			t.Errorf("after adding %s the page says %q", u.email, got)
		}
		tab.Follow(`a[href="/admin/users"]`)
	}
	tab.Follow(".me button")
	at(t, tab, "/admin/signin")
	adminSignIn(tab, "user@test.com", "user-pass")
	at(t, tab, "/admin/signin")
	refusal := tab.Text("[role=alert]")
	adminSignIn(tab, "nobody@test.com", "user-pass")
	if again := tab.Text("[role=alert]"); again != refusal || refusal == "" {
		t.Errorf("one who is not of the staff is told %q, one who is nobody %q", refusal, again)
	}
	tab.Open(server.URL + "/admin/users")
	at(t, tab, "/admin/signin")

	var users []struct {
		ID, Login, Email string
		Staff, Superuser bool
	}
	if err := json.Unmarshal([]byte(browser.Command(t, server.Dir, "", "user", "list", "--json", "--db", "sqlite:auth.db")), &users); err != nil {
		t.Fatal(err)
	}
	if len(users) != 3 || users[0].ID != "1" || !users[0].Superuser ||
		users[1].ID != "2" || users[1].Email != "staff@test.com" || users[1].Login != "staff" || !users[1].Staff || users[1].Superuser ||
		users[2].ID != "3" || users[2].Email != "user@test.com" || users[2].Login != "user" || users[2].Staff {
		t.Errorf("the users are %+v", users)
	}

	server.Stop()
	again := browser.Serve(t, server.Dir, "--config", "auth.toml")
	tab.Open(again.URL + "/admin/")
	adminSignIn(tab, "staff@test.com", "staff-pass")
	at(t, tab, "/admin/account")
	if got := browser.Eval[int](tab, `document.querySelectorAll(".menu a").length`); got != 0 {
		t.Errorf("one without permissions sees %d entries of the menu", got)
	}
}

// Over https the cookies have a prefix that pages of http cannot plant, and go
// to the pages alone.
func TestAdminCookiesOverHTTPS(t *testing.T) {
	dir := t.TempDir()
	browser.Command(t, dir, "admin-pass", "user", "add", "admin", "--superuser", "--password-stdin", "--db", "sqlite:w.db")
	server := browser.Serve(t, dir, "--addr", "127.0.0.1:0", "--db", "sqlite:w.db", "--tls-self-signed")
	tab := pagesTab(t)
	tab.Open(server.URL + "/admin/users")
	adminSignIn(tab, "admin", "admin-pass")
	at(t, tab, "/admin/users")
	names := make(map[string]bool)
	for _, c := range tab.Cookies(server.URL + "/admin/") {
		names[c.Name] = true
		if !c.Secure || !c.HTTPOnly || c.Path != "/admin/" || c.SameSite != "Lax" {
			t.Errorf("cookie %+v", c)
		}
	}
	if len(names) != 3 || !names["__Secure-ww_admin"] || !names["__Secure-ww_admin_refresh"] || !names["__Secure-ww_admin_csrf"] {
		t.Errorf("the cookies are %v", names)
	}
	if list := tab.Cookies(server.URL + "/auth/v1/me"); len(list) != 0 {
		t.Errorf("the API would get %+v", list)
	}
	if seen := browser.Eval[string](tab, "document.cookie"); seen != "" {
		t.Errorf("scripts see %q", seen)
	}
}

// hostile are texts that would do something where they are not escaped, for
// each place where one may stand.
func hostile() []string {
	return []string{
		`<script>pwned("script")</script>`,
		`"><img src=x onerror=pwned('attribute')>`,
		`'><svg/onload=pwned("svg")>`,
		`</title><script>pwned("title")</script>`,
		`</textarea><script>pwned("textarea")</script>`,
		"javascript:pwned('url')",
		`{{.Me}}${pwned("template")}`,
		"\u05d0\u05d1\u05d2.exe", // runs from right to left; what turns others' text around is not kept
	}
}

// What people call themselves, and what they send to be written into the log,
// does nothing on any page.
func TestStoredScriptsDoNothing(t *testing.T) {
	server := adminServer(t)
	for i, text := range hostile() {
		browser.Command(t, server.Dir, "long-enough-pass", "user", "add", text, "--password-stdin", "--db", "sqlite:auth.db",
			"--first-name", text, "--last-name", text, "--phone", text, "--location", text, "--group", text, "--permission", text,
			"--extra", `{"x":`+quoted(t, text)+`,"n":`+quoted(t, strings.Repeat("<b>", i))+`}`)
		browser.Command(t, server.Dir, "", "client", "add", text, "--db", "sqlite:auth.db")
	}
	tab := pagesTab(t)
	_, err := chromedp.Call(tab.Context(), page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{
		Source: `window.done = []; window.pwned = what => done.push(what); window.alert = window.pwned`,
	})
	if err != nil {
		t.Fatal(err)
	}
	tab.Open(server.URL + "/admin/")
	// A failed sign-in writes its login into the audit log, and shows it again.
	for _, text := range hostile()[:3] {
		adminSignIn(tab, text, "x")
		still(t, tab, "the door")
	}
	adminSignIn(tab, "admin", "admin-pass")
	paths := []string{"users", "sessions", "clients", "audit", "keys", "settings", "account"}
	for i, text := range hostile() {
		id := string(rune('2' + i))
		paths = append(paths, "users/"+id, "users/"+id+"/delete")
		query := browser.Eval[string](tab, "new URLSearchParams({q:"+quoted(t, text)+", name:"+quoted(t, text)+", user:"+quoted(t, text)+
			", since:"+quoted(t, text)+", by:"+quoted(t, text)+", id:"+quoted(t, text)+", profile:"+quoted(t, text)+", done:"+quoted(t, text)+"}).toString()")
		for _, p := range []string{"users", "clients/delete", "clients/secret", "audit", "sessions", "keys/retire"} {
			paths = append(paths, p+"?"+query)
		}
	}
	tab.Open(server.URL + "/admin/clients")
	asking := browser.Eval[[]string](tab, `[...document.querySelectorAll("td a[href*='?id=']")].map(a => a.getAttribute("href").slice("/admin/".length))`)
	if len(asking) != 2*len(hostile()) {
		t.Errorf("the clients have the links %q", asking)
	}
	for _, path := range append(paths, asking...) {
		tab.Open(server.URL + "/admin/" + path)
		still(t, tab, path)
	}
	tab.Open(server.URL + "/admin/users/2")
	if got := browser.Eval[string](tab, `document.querySelector("#login").value`); got != hostile()[0] {
		t.Errorf("the login is shown as %q", got)
	}
	tab.Open(server.URL + "/admin/explain")
	tab.Fill("#token", hostile()[0])
	tab.Follow("main button.primary")
	still(t, tab, "explain")
}

// still reports that a script ran that is not the pages' own.
func still(t *testing.T, tab *browser.Tab, where string) {
	t.Helper()
	if done := browser.Eval[[]string](tab, "window.done"); len(done) > 0 {
		t.Errorf("%s: %q ran", where, done)
	}
	foreign := `[...document.querySelectorAll("script:not([src^='/admin/assets/']), img, iframe, svg[onload], a[href^='javascript']")].map(e => e.outerHTML)`
	if list := browser.Eval[[]string](tab, foreign); len(list) > 0 {
		t.Errorf("%s: the page has %q", where, list)
	}
	if list := browser.Eval[[]string](tab, "window.forbidden"); len(list) > 0 {
		t.Errorf("%s: only the policy kept this from happening: %q", where, list)
	}
}

func quoted(t *testing.T, text string) string {
	t.Helper()
	b, err := json.Marshal(text)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// A keyboard is enough to sign in, and to add a user.
func TestAdminByKeyboard(t *testing.T) {
	server := adminServer(t)
	tab := pagesTab(t)
	tab.Open(server.URL + "/admin/")
	press := func(keys ...string) {
		t.Helper()
		for _, k := range keys {
			tab.Do(chromedp.KeyEvent(k))
		}
	}
	follow := func(keys ...string) {
		t.Helper()
		press(keys[:len(keys)-1]...)
		if _, err := chromedp.RunResponse(tab.Context(), chromedp.KeyEvent(keys[len(keys)-1])); err != nil {
			t.Fatal(err)
		}
	}
	// The first field has the focus.
	follow("admin", "\t", "admin-pass", "\r")
	at(t, tab, "/admin/users")
	// The first stop is the link that skips the menu, and is to be seen then.
	press("\t")
	if got := tab.Text(":focus"); got != "Skip to content" {
		t.Errorf("the first stop is %q", got)
	}
	press("\r")
	tabTo(t, tab, `a[href="/admin/users/new"]`)
	if !browser.Eval[bool](tab, `getComputedStyle(document.activeElement).outlineStyle !== "none"`) {
		t.Error("what has the focus is not to be seen")
	}
	follow("\r")
	at(t, tab, "/admin/users/new")
	tabTo(t, tab, "#email")
	press("key@test.com")
	tabTo(t, tab, "#password")
	press("keyboard-pass")
	tabTo(t, tab, "input[name=staff]")
	press(" ")
	tabTo(t, tab, "#extra")
	press("[]")
	tabTo(t, tab, "form.panel button.primary")
	follow("\r")
	// What was wrong is told with the field that it is about.
	described := `document.getElementById(document.querySelector("#extra").getAttribute("aria-describedby")).textContent`
	if got := browser.Eval[string](tab, described); !strings.Contains(got, "JSON object") || !browser.Eval[bool](tab, `document.querySelector("#extra").ariaInvalid === "true"`) {
		t.Errorf("the field with the fault is described by %q", got)
	}
	tab.Fill("#extra", "")
	tabTo(t, tab, "#password")
	press("keyboard-pass")
	tabTo(t, tab, "form.panel button.primary")
	follow("\r")
	at(t, tab, "/admin/users/2")
	if !browser.Eval[bool](tab, `document.querySelector("input[name=staff]").checked`) {
		t.Error("the box was not ticked")
	}
}

// tabTo presses the tab key until what the selector names has the focus.
func tabTo(t *testing.T, tab *browser.Tab, selector string) {
	t.Helper()
	for range 60 {
		if browser.Eval[bool](tab, "document.activeElement.matches("+quoted(t, selector)+")") {
			return
		}
		tab.Do(chromedp.KeyEvent("\t"))
	}
	t.Fatalf("the tab key does not come to %s", selector)
}

// Everything has a name, nothing is wider than a small screen, and nothing of
// it needs a script.
func TestAdminPagesAreForEverybody(t *testing.T) {
	server := adminServer(t)
	browser.Command(t, server.Dir, "long-enough-pass", "user", "add", strings.Repeat("long", 60), "--password-stdin", "--db", "sqlite:auth.db",
		"--email", strings.Repeat("long", 50)+"@example.com", "--extra", `{"long":"`+strings.Repeat("x", 500)+`"}`)
	browser.Command(t, server.Dir, "", "client", "add", "shop", "--scope", "orders:read", "--db", "sqlite:auth.db")
	tab := pagesTab(t)
	set := func(p emulation.SetEmulatedMediaParams) {
		if _, err := chromedp.Call(tab.Context(), emulation.SetEmulatedMedia, p); err != nil {
			t.Fatal(err)
		}
	}
	tab.Do(chromedp.EmulateViewport(360, 740))
	if _, err := chromedp.Call(tab.Context(), emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}); err != nil {
		t.Fatal(err)
	}
	tab.Open(server.URL + "/admin/")
	adminSignIn(tab, "admin", "admin-pass")
	if _, err := chromedp.Call(tab.Context(), emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{}); err != nil {
		t.Fatal(err)
	}
	grounds := make(map[string]bool)
	for _, path := range []string{"users", "users/new", "users/1", "users/2", "sessions", "keys", "clients", "clients/new", "audit", "explain", "settings", "account", "users/2/delete", "nowhere"} {
		for _, scheme := range []string{"light", "dark"} {
			set(emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
			tab.Open(server.URL + "/admin/" + path)
			if wide := browser.Eval[int](tab, "document.documentElement.scrollWidth"); wide > 360 {
				t.Errorf("%s is %d pixels wide", path, wide)
			}
			for _, fault := range browser.Eval[[]string](tab, faultsOfAccess) {
				t.Errorf("%s (%s): %s", path, scheme, fault)
			}
			grounds[browser.Eval[string](tab, "getComputedStyle(document.body).backgroundColor")] = true
		}
	}
	tab.Open(server.URL + "/admin/users/new")
	tab.Fill("#email", "nonsense")
	tab.Fill("#scopes", "\"")
	tab.Follow("main button.primary")
	tab.Wait(`document.activeElement.id === "email"`) // the first field at fault
	tab.Open(server.URL + "/admin/audit")
	if got := browser.Eval[string](tab, `[...document.querySelectorAll("tbody tr:last-child .more")].map(e => e.innerText).join()`); !strings.Contains(got, "added,by command line") {
		t.Errorf("a narrow audit log tells only %q", got)
	}
	if len(grounds) != 2 {
		t.Errorf("grounds are %v, want one for light and one for dark", grounds)
	}
}

// faultsOfAccess looks for what a screen reader would stumble over, and for
// texts that stand out too little (WCAG 2.2, 1.3.1, 1.4.3, 2.4.2, 4.1.2).
const faultsOfAccess = `(() => {
  const faults = [];
  const visible = e => e.getClientRects().length > 0;
  for (const e of document.querySelectorAll("input:not([type=hidden]), select, textarea")) {
    if (!e.labels.length && !e.ariaLabel) faults.push("no label: " + e.outerHTML);
  }
  for (const e of document.querySelectorAll("a, button")) {
    if (!(e.ariaLabel || e.textContent.trim())) faults.push("no name: " + e.outerHTML);
  }
  for (const e of document.querySelectorAll("[aria-describedby], [aria-labelledby]")) {
    for (const id of (e.getAttribute("aria-describedby") || e.getAttribute("aria-labelledby")).split(" ")) {
      if (!document.getElementById(id)) faults.push("names what is not there: " + id);
    }
  }
  const ids = [...document.querySelectorAll("[id]")].map(e => e.id);
  for (const id of ids.filter((id, i) => ids.indexOf(id) !== i)) faults.push("twice the id " + id);
  for (const e of document.querySelectorAll("table")) {
    if (!e.caption || !e.caption.textContent.trim()) faults.push("a table without caption");
    for (const th of e.querySelectorAll("th:not([scope])")) faults.push("no scope: " + th.outerHTML);
  }
  if (document.querySelectorAll("h1").length !== 1) faults.push("not one h1");
  if (document.querySelectorAll("main").length !== 1 || !document.documentElement.lang || !document.title) faults.push("no main, language or title");
  const parse = c => { const m = c.match(/[\d.]+/g).map(Number); return m.length < 4 ? [...m, 1] : m; };
  const light = c => { const f = c.slice(0, 3).map(v => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }); return 0.2126 * f[0] + 0.7152 * f[1] + 0.0722 * f[2]; };
  const behind = e => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if (c[3] === 1) return c; } return [255, 255, 255, 1]; };
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const told = new Set();
  for (let n = walk.nextNode(); n; n = walk.nextNode()) {
    const e = n.parentElement;
    if (!n.data.trim() || !visible(e) || e.closest(".skip, .hidden, :disabled, option, script")) continue;
    const a = light(parse(getComputedStyle(e).color)), b = light(behind(e));
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const what = e.tagName + "." + e.className + " " + ratio.toFixed(2);
    if (ratio < 4.5 && !told.has(what)) { told.add(what); faults.push("contrast " + what + ": " + n.data.trim().slice(0, 30)); }
  }
  return faults;
})()`

// TestAdminScreenshots writes the pictures that the documents show.
func TestAdminScreenshots(t *testing.T) {
	dir := *pictures
	if dir == "" {
		dir = t.TempDir()
	}
	server := adminServer(t)
	for _, u := range []struct {
		login, first, last string
		more               []string
	}{
		{"grace", "Grace", "Hopper", []string{"--staff", "--permission", "users.view", "--permission", "sessions.view", "--group", "support"}},
		{"edsger", "Edsger", "Dijkstra", nil},
		{"barbara", "Barbara", "Liskov", []string{"--scope", "posts:read", "--scope", "posts:write", "--group", "editors", "--extra", `{"plan":"pro","seats":5}`}},
		{"tony", "Tony", "Hoare", []string{"--inactive"}},
		{"frances", "Frances", "Allen", []string{"--staff", "--permission", "audit.view"}},
		{"alan", "Alan", "Kay", nil},
		{"radia", "Radia", "Perlman", nil},
	} {
		args := append([]string{
			"user", "add", u.login, "--password-stdin", "--email", u.login + "@example.com",
			"--first-name", u.first, "--last-name", u.last, "--db", "sqlite:auth.db",
		}, u.more...)
		browser.Command(t, server.Dir, "long-enough-pass", args...)
	}
	tab := pagesTab(t)
	tab.Do(chromedp.EmulateViewport(1120, 640))
	tab.Open(server.URL + "/admin/")
	adminSignIn(tab, "grace", "long-enough-pass")
	tab.Follow(".me button")
	adminSignIn(tab, "admin", "admin-pass")
	shot := func(name string) { tab.Screenshot(filepath.Join(dir, name+".png")) }
	at(t, tab, "/admin/users")
	shot("admin-users")
	tab.Open(server.URL + "/admin/users/4")
	shot("admin-user")
	token := accessToken(t, server, "barbara", "long-enough-pass")
	browser.Command(t, server.Dir, "", "session", "end", "--user", "barbara", "--db", "sqlite:auth.db")
	tab.Open(server.URL + "/admin/explain")
	for range 50 { // the server hears of it within a second
		tab.Fill("#token", token)
		tab.Follow("main button.primary")
		if strings.HasPrefix(tab.Text("#verdict"), "Refused") {
			break
		}
	}
	tab.Do(chromedp.EmulateViewport(1120, 760))
	if _, err := chromedp.Call(tab.Context(), emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "dark"}},
	}); err != nil {
		t.Fatal(err)
	}
	shot("admin-explain")
}

// accessToken signs in at the API.
func accessToken(t *testing.T, server *browser.Server, login, password string) string {
	t.Helper()
	body := strings.NewReader(`{"login":` + quoted(t, login) + `,"password":` + quoted(t, password) + `}`)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/auth/v1/token", body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	got, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer got.Body.Close()
	var tokens struct {
		Access string `json:"access_token"`
	}
	if err := json.NewDecoder(got.Body).Decode(&tokens); err != nil {
		t.Fatal(err)
	}
	return tokens.Access
}
