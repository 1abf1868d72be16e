package e2e_test

import (
	"encoding/json"
	"flag"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/watchword-auth/watchword/e2e/browser"
)

var screenshot = flag.String("swagger-screenshot", "", "write the picture of Authorize to this file")

// janeHash is the guide's hash of "hashsecret".
const janeHash = "$2a$12$KplebFTPwFcgGQosJgI4De0PyB2AoRCSxasxHpFoYZPp6uQV/xLzm"

const oauth2Settings = `
[[dialect]]
name = "oauth2"
sample_routes = true
[dialect.settings]
SECRET_KEY_FILE = "signing.key"
ALGORITHM = "HS256"
ACCESS_TOKEN_EXPIRE_MINUTES = 30
[dialect.settings.scopes]
"read:posts" = "Read posts."
`

// serveWith starts a server with a key and settings of its own.
func serveWith(t *testing.T, settings string, args ...string) *browser.Server {
	t.Helper()
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("signing.key", browser.Command(t, dir, "", "key", "secret"))
	write("w.toml", "addr = \"127.0.0.1:0\"\ndb = \"sqlite:w.db\"\n"+settings)
	browser.Command(t, dir, janeHash, "user", "add", "janedoe", "--password-hash-stdin",
		"--email", "janedoe@example.com", "--first-name", "Jane", "--last-name", "Doe", "--db", "sqlite:w.db")
	browser.Command(t, dir, "ann-pass-77", "user", "add", "ann", "--password-stdin", "--email", "ann@example.com", "--db", "sqlite:w.db")
	return browser.Serve(t, dir, append([]string{"--config", "w.toml"}, args...)...)
}

// swagger opens a page of Swagger UI. What its policy forbids is noted.
func swagger(t *testing.T, address string) *browser.Tab {
	t.Helper()
	tab := browser.New(t).Tab(t)
	_, err := chromedp.Call(tab.Context(), page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{
		Source: `window.forbidden = []; addEventListener("securitypolicyviolation", e => forbidden.push(e.effectiveDirective + " " + e.blockedURI + " " + e.sourceFile + ":" + e.lineNumber))`,
	})
	if err != nil {
		t.Fatal(err)
	}
	tab.Open(address)
	tab.Wait(`document.querySelector(".btn.authorize") !== null`)
	return tab
}

// settle reports what the page has asked of anybody else, and what its policy
// has forbidden.
func settle(t *testing.T, tab *browser.Tab, server *browser.Server) {
	t.Helper()
	for _, r := range tab.Requests() {
		if !strings.HasPrefix(r.URL, server.URL+"/") && !strings.HasPrefix(r.URL, "data:") {
			t.Errorf("the page asked for %s", r.URL)
		}
	}
	if list := browser.Eval[[]string](tab, "forbidden"); len(list) > 0 {
		t.Errorf("forbidden by the page's policy: %q", list)
	}
	if stored := browser.Eval[int](tab, "localStorage.length + sessionStorage.length"); stored != 0 {
		t.Errorf("%d items are kept in the browser", stored)
	}
}

// execute opens an operation, fills its body in where there is one, and sends
// it. It returns the answer's status and body as the page shows them.
func execute(tab *browser.Tab, id, body string) (status, answer string) {
	at := "[id$='-" + id + "'] "
	tab.Click(at + ".opblock-summary-control")
	tab.Click(at + ".try-out__btn")
	if body != "" {
		enter(tab, at+".body-param__text", body)
	}
	tab.Click(at + ".execute")
	tab.Wait(`document.querySelector("` + at + `.live-responses-table .response-col_status") !== null`)
	status = tab.Text(at + ".live-responses-table tbody .response-col_status")
	answer = browser.Eval[string](tab, `document.querySelector("`+at+`.live-responses-table tbody .response-col_description pre").textContent`)
	return strings.Fields(status)[0], answer
}

// enter puts a text into a field in place of what stands there, so that React
// hears of it.
func enter(tab *browser.Tab, selector, text string) {
	quoted, _ := json.Marshal(text)
	browser.Eval[bool](tab, `(() => {
		const field = document.querySelector("`+selector+`");
		Object.getOwnPropertyDescriptor(Object.getPrototypeOf(field), "value").set.call(field, `+string(quoted)+`);
		return field.dispatchEvent(new Event("input", {bubbles: true}));
	})()`)
}

// signIn signs in by the password flow of the dialog. It writes a picture of
// that into a file where there is one.
func signIn(tab *browser.Tab, login, password, picture string) {
	tab.Click(".scheme-container .btn.authorize")
	tab.Fill("#oauth_username", login)
	tab.Fill("#oauth_password", password)
	if picture != "" {
		tab.Screenshot(picture)
	}
	tab.Click(".auth-container .auth-btn-wrapper .authorize")
	tab.Wait(`document.querySelector(".dialog-ux").textContent.includes("Authorized") || document.querySelector(".dialog-ux .errors") !== null`)
}

func same(t *testing.T, got, want string) {
	t.Helper()
	var g, w any
	if err := json.Unmarshal([]byte(got), &g); err != nil {
		t.Fatalf("%q: %v", got, err)
	}
	if err := json.Unmarshal([]byte(want), &w); err != nil {
		t.Fatal(err)
	}
	gotText, _ := json.Marshal(g)
	wantText, _ := json.Marshal(w)
	if string(gotText) != string(wantText) {
		t.Errorf("the page shows %s, want %s", gotText, wantText)
	}
}

// ES-25, OA-30: the guide's walk: at /docs/swagger Authorize signs janedoe in,
// GET /users/me shows her record, and after the sign-in only the bearer token
// travels.
func TestSwaggerAuthorizesByPassword(t *testing.T) {
	server := serveWith(t, oauth2Settings)
	tab := swagger(t, server.URL+"/docs/swagger")
	signIn(tab, "janedoe", "hashsecret", *screenshot)
	tab.Click(".btn-done")
	before := len(tab.Requests())
	status, body := execute(tab, "oauth2_get_users_me", "")
	if status != "200" {
		t.Errorf("GET /users/me: %s %s", status, body)
	}
	same(t, body, `{"username":"janedoe","email":"janedoe@example.com","full_name":"Jane Doe","disabled":false}`)

	var form url.Values
	for i, r := range tab.Requests() {
		if r.URL == server.URL+"/token" {
			form, _ = url.ParseQuery(r.Body)
			continue
		}
		if text := r.URL + r.Body + r.Header["Authorization"]; strings.Contains(text, "hashsecret") || strings.Contains(text, "janedoe") {
			t.Errorf("%s %s carries the password or the name", r.Method, r.URL)
		}
		if i >= before && r.URL == server.URL+"/users/me" && !strings.HasPrefix(r.Header["Authorization"], "Bearer ey") {
			t.Errorf("GET /users/me sent %q", r.Header["Authorization"])
		}
	}
	if form.Get("grant_type") != "password" || form.Get("username") != "janedoe" {
		t.Errorf("Swagger UI sent %v to the token endpoint", form)
	}
	settle(t, tab, server)

	// Nothing outlives the page.
	tab.Open(server.URL + "/docs/swagger")
	tab.Wait(`document.querySelector(".btn.authorize.unlocked") !== null`)
	if status, body := execute(tab, "oauth2_get_users_me", ""); status != "401" {
		t.Errorf("after a reload GET /users/me: %s %s", status, body)
	}
}

// The native routes by the same button, at /docs.
func TestSwaggerAuthorizesNatively(t *testing.T) {
	server := serveWith(t, "")
	tab := swagger(t, server.URL+"/docs")
	signIn(tab, "ann", "wrong", "")
	if text := tab.Text(".dialog-ux .errors"); text == "" {
		t.Error("a wrong password is not told")
	}
	enter(tab, "#oauth_password", "ann-pass-77")
	tab.Click(".auth-container .auth-btn-wrapper .authorize")
	tab.Wait(`document.querySelector(".dialog-ux").textContent.includes("Logout")`)
	tab.Click(".btn-done")
	status, body := execute(tab, "native_get_me", "")
	if status != "200" || !strings.Contains(body, `"ann@example.com"`) {
		t.Errorf("GET /auth/v1/me: %s %s", status, body)
	}
	settle(t, tab, server)
}

// The simple JWT package's page: a token that is pasted into Authorize is sent
// on calls.
func TestSwaggerSendsABearer(t *testing.T) {
	server := serveWith(t, "[keys]\nalgorithm = \"HS256\"\nsecret_file = \"signing.key\"\n[[dialect]]\nname = \"esmerald\"\n")
	tab := swagger(t, server.URL+"/docs/swagger")
	tab.Click(".scheme-container .btn.authorize")
	tab.Fill(".auth-container input", "a.pasted.token")
	tab.Click(".auth-container .auth-btn-wrapper .authorize")
	tab.Click(".btn-done")
	status, body := execute(tab, "esmerald_post_signin", `{"email":"ann@example.com","password":"ann-pass-77"}`)
	if status != "200" || !strings.Contains(body, `"access_token"`) {
		t.Errorf("POST /auth/signin: %s %s", status, body)
	}
	sent := false
	for _, r := range tab.Requests() {
		sent = sent || r.URL == server.URL+"/auth/signin" && r.Header["Authorization"] == "Bearer a.pasted.token"
	}
	if !sent {
		t.Errorf("the token was not sent: %+v", tab.Requests())
	}
	settle(t, tab, server)
}

// Behind a proxy that serves everything below a path, which the server finds in
// its issuer alone.
func TestSwaggerBehindAPrefix(t *testing.T) {
	var behind http.Handler
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.StripPrefix("/identity", behind).ServeHTTP(w, r)
	}))
	defer front.Close()
	server := serveWith(t, "issuer = \""+front.URL+"/identity\"\n"+oauth2Settings)
	address, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	behind = httputil.NewSingleHostReverseProxy(address)
	server.URL = front.URL + "/identity"
	for page, call := range map[string]string{"/docs/swagger": "oauth2_get_users_me", "/docs": "native_get_me"} {
		tab := swagger(t, server.URL+page)
		if page == "/docs" {
			browser.Eval[bool](tab, `(() => {
				const list = document.querySelector(".download-url-wrapper select");
				list.value = [...list.options].find(o => o.textContent === "native").value;
				return list.dispatchEvent(new Event("change", {bubbles: true}));
			})()`)
			tab.Wait(`document.querySelector("[id$='-native_get_me']") !== null && document.querySelector("[id$='-oauth2_get_users_me']") === null`)
		}
		signIn(tab, "janedoe", "hashsecret", "")
		tab.Click(".btn-done")
		if status, body := execute(tab, call, ""); status != "200" || !strings.Contains(body, "janedoe@example.com") {
			t.Errorf("%s: %s %s", page, status, body)
		}
		settle(t, tab, server)
	}
}

// Each document can be chosen on the page.
func TestSwaggerListsTheDocuments(t *testing.T) {
	server := serveWith(t, oauth2Settings)
	tab := swagger(t, server.URL+"/docs")
	got := browser.Eval[[]string](tab, `[...document.querySelectorAll(".download-url-wrapper option")].map(o => o.textContent)`)
	if want := "everything native oauth2"; strings.Join(got, " ") != want {
		t.Errorf("documents %q, want %s", got, want)
	}
	// An address in the link is not taken for a document's: nobody is shown
	// another's API under this server's name.
	tab.Open(server.URL + "/docs?url=https://" + browser.Host + "/evil.json&configUrl=https://" + browser.Host + "/evil.json")
	tab.Wait(`document.querySelector(".btn.authorize") !== null`)
	settle(t, tab, server)
}

// OA-32: all of it can be switched off.
func TestDocsSwitchedOff(t *testing.T) {
	server := serveWith(t, "[docs]\nenabled = false\n"+oauth2Settings)
	for _, path := range []string{"/docs", "/docs/swagger", "/openapi.json", "/openapi/oauth2.json", "/docs/assets/swagger-ui-bundle.js"} {
		answer, err := http.Get(server.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		if answer.StatusCode != http.StatusNotFound {
			t.Errorf("GET %s = %d, want 404", path, answer.StatusCode)
		}
	}
}
