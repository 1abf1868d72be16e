package docs_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/compare"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/config"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/engine"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/open"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/server"
	"github.com/watchword-auth/watchword/dialect"
	"github.com/watchword-auth/watchword/password"
)

const secret = "correct horse battery"

// serve starts a server with the user ann, who may do all, and returns its
// address.
func serve(t *testing.T, change func(*config.Config)) string {
	t.Helper()
	c := config.Default()
	c.DB = "sqlite:" + filepath.Join(t.TempDir(), "w.db")
	change(&c)
	db, err := open.Store(t.Context(), c.DB)
	if err != nil {
		t.Fatal(err)
	}
	hasher, err := password.New(password.Config{Preferred: password.Params{Scheme: "pbkdf2-sha256", Rounds: 1000}})
	if err != nil {
		t.Fatal(err)
	}
	hash, err := hasher.Hash(t.Context(), secret)
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.CreateUser(t.Context(), watchword.NewUser{PasswordHash: hash, User: watchword.User{
		Login: "ann", Email: "ann@example.com", FirstName: "Ann", Active: true, Staff: true, Superuser: true, Scopes: []string{"admin", "posts:read"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	seal, err := engine.Seal(t.Context(), c, db)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s, err := server.New(t.Context(), server.Options{Config: c, DB: db, Seal: seal, Listener: listener, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- s.Run(ctx, func() { close(ready) }) }()
	<-ready
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run = %v", err)
		}
		if err := db.Close(context.Background()); err != nil {
			t.Errorf("Close = %v", err)
		}
	})
	return s.URL()
}

// watcher is a client that holds every exchange against a document.
type watcher struct {
	contract *contract
	checked  int
}

// RoundTrip sends a request, and checks it and its answer.
func (w *watcher) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, err
	}
	_ = answer.Body.Close()
	answer.Body = io.NopCloser(bytes.NewReader(text))
	checked := w.contract.check(exchange{
		name: r.Method + " " + r.URL.Path, method: r.Method, path: r.URL.Path, header: r.Header, body: body,
		status: answer.StatusCode, answer: answer.Header, text: text,
	})
	if checked {
		w.checked++
	}
	return answer, nil
}

// documents reads all documents of a server, and returns the one of
// everything.
func documents(t *testing.T, address string, names ...string) *contract {
	t.Helper()
	read := func(path string) *contract {
		answer, err := http.Get(address + path)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = answer.Body.Close() }()
		text, err := io.ReadAll(answer.Body)
		if err != nil || answer.StatusCode != http.StatusOK {
			t.Fatalf("GET %s = %d %v", path, answer.StatusCode, err)
		}
		return newContract(t, text)
	}
	for _, name := range append(names, "native") {
		read("/openapi/" + name + ".json")
	}
	return read("/openapi.json")
}

// variants are settings of dialects under which the answers differ.
func variants() map[string][]config.Dialect {
	one := func(name string, settings ...any) config.Dialect {
		d := config.Dialect{Name: name, SampleRoutes: true, Settings: make(map[string]any)}
		for i := 0; i < len(settings); i += 2 {
			d.Settings[settings[i].(string)] = settings[i+1]
		}
		return d
	}
	return map[string][]config.Dialect{
		"defaults":  {one("ellar"), one("oauth2")},
		"esmerald":  {one("esmerald"), one("djwto")},
		"easyjwt":   {one("easyjwt", "create_user", true, "password_change", true)},
		"rotating":  {one("easyjwt", "ROTATE_REFRESH_TOKENS", true), one("djwto", "rotate_refresh_tokens", true)},
		"sliding":   {one("easyjwt", "sliding", true)},
		"guard":     {one("ellar", "strategy", "guard", "rotate_refresh_tokens", true, "blacklist", true)},
		"cookies":   {one("djwto", "DJWTO_MODE", "ONE-COOKIE"), one("ellar", "transport", "one-cookie")},
		"more":      {one("djwto", "DJWTO_MODE", "TWO-COOKIES", "DJWTO_CSRF", false)},
		"usernames": {one("esmerald", "login_model", "LoginUserIn", "backend_authentication", "BackendUsernameAuthentication", "blacklist", true, "signin_url", "/login")},
		"strict":    {one("oauth2", "strict_form", true, "validation", "esmerald", "success_status", int64(201))},
		"headers":   {one("easyjwt", "AUTH_HEADER_TYPES", []any{"JWT"}, "AUTH_HEADER_NAME", "HTTP_X_ACCESS", "username_field", "username")},
	}
}

// TestDialectsKeepToTheirDocuments plays each dialect's own script against a
// running server.
func TestDialectsKeepToTheirDocuments(t *testing.T) {
	for name, dialects := range variants() {
		t.Run(name, func(t *testing.T) {
			address := serve(t, func(c *config.Config) { c.Dialects, c.Limits.Enabled = dialects, false })
			for _, d := range dialects {
				c := documents(t, address, d.Name)
				made, err := dialect.ByName(d.Name, dialect.Options{Settings: d.Settings, SampleRoutes: true})
				if err != nil {
					t.Fatal(err)
				}
				w := &watcher{contract: c}
				client := &http.Client{Transport: w, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
				_, err = compare.Play(t.Context(), compare.Side{URL: address, Client: client}, made.Script,
					map[string]string{"login": "ann@example.com", "password": secret})
				if err != nil {
					t.Fatal(err)
				}
				if w.checked < len(made.Script)/2 {
					t.Errorf("%s: %d of %d exchanges were about described routes", d.Name, w.checked, len(made.Script))
				}
			}
		})
	}
}

// A caller sends requests of the native API.
type caller struct {
	t       *testing.T
	address string
	client  *http.Client
	token   string // sent as a bearer, where it is not ""
}

func newCaller(t *testing.T, address string) (*caller, *watcher) {
	t.Helper()
	w := &watcher{contract: documents(t, address)}
	return &caller{t: t, address: address, client: &http.Client{Transport: w}}, w
}

// send sends a body, a form where it is one, and wants a status.
func (c *caller) send(want int, method, path, body string, header ...string) []byte {
	c.t.Helper()
	r, err := http.NewRequestWithContext(c.t.Context(), method, c.address+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	switch {
	case body == "":
	case strings.HasPrefix(body, "{") || strings.HasPrefix(body, "["):
		r.Header.Set("Content-Type", "application/json")
	default:
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	answer, err := c.client.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	if answer.StatusCode != want {
		c.t.Errorf("%s %s = %d %s, want %d", method, path, answer.StatusCode, text, want)
	}
	return text
}

// TestNativeKeepsToItsDocument goes through the native routes, rightly and
// wrongly.
func TestNativeKeepsToItsDocument(t *testing.T) {
	address := serve(t, func(c *config.Config) { c.Limits.Enabled, c.Signup.Enabled = false, true })
	c, w := newCaller(t, address)
	credentials := fmt.Sprintf(`{"login":"ann","password":%q}`, secret)
	form := url.Values{"grant_type": {"password"}, "username": {"ann"}, "password": {secret}}.Encode()

	tokens := object(t, c.send(200, "POST", "/auth/v1/token", credentials))
	// As Swagger UI sends it (OA-30): a client that has neither id nor secret.
	c.send(200, "POST", "/auth/v1/token", form, "Authorization", "Basic Og==")
	c.send(200, "POST", "/auth/v1/token", form+"&client_id=&client_secret=&scope=", "X-Requested-With", "XMLHttpRequest")
	c.send(400, "POST", "/auth/v1/token", `{"login":"ann","password":"wrong"}`)
	c.send(400, "POST", "/auth/v1/token", "{")
	c.send(400, "POST", "/auth/v1/token", "[]")
	c.send(400, "POST", "/auth/v1/token", "grant_type=magic")
	c.send(415, "POST", "/auth/v1/token", "x", "Content-Type", "text/plain")
	c.send(413, "POST", "/auth/v1/token", `{"login":"`+strings.Repeat("a", 70_000)+`"}`)
	c.send(401, "POST", "/auth/v1/token", "grant_type=client_credentials&client_id=x&client_secret=y")
	c.send(401, "GET", "/auth/v1/me", "")

	access, refresh := tokens["access_token"].(string), tokens["refresh_token"].(string)
	c.send(200, "POST", "/auth/v1/verify", fmt.Sprintf(`{"token":%q}`, access))
	c.send(401, "POST", "/auth/v1/verify", `{"token":"x.y.z"}`)
	c.token = access
	c.send(200, "GET", "/auth/v1/me", "")
	sessions := object(t, c.send(200, "GET", "/auth/v1/sessions", ""))["sessions"].([]any)
	for _, s := range sessions {
		if s := s.(map[string]any); s["current"] != true {
			c.send(204, "DELETE", "/auth/v1/sessions/"+s["id"].(string), "")
			break
		}
	}
	c.send(404, "DELETE", "/auth/v1/sessions/none", "")
	c.send(200, "PATCH", "/auth/v1/me", `{"first_name":"Anna","phone":"+49 30 1234"}`)
	c.send(400, "PATCH", "/auth/v1/me", `{"superuser":true}`)
	c.send(400, "POST", "/auth/v1/password", fmt.Sprintf(`{"current":%q,"new":"short"}`, secret))
	c.send(200, "POST", "/auth/v1/password", fmt.Sprintf(`{"current":%q,"new":"another horse"}`, secret))

	made := object(t, c.send(201, "POST", "/auth/v1/admin/clients", `{"name":"billing"}`))
	basic := []string{"Authorization", "Basic " + basicOf(made["id"], made["secret"])}
	c.send(200, "POST", "/auth/v1/introspect", "token="+access, basic...)
	c.send(200, "POST", "/auth/v1/introspect", "token=nothing", basic...)
	c.send(401, "POST", "/auth/v1/introspect", "token="+access)
	c.send(200, "POST", "/auth/v1/token", "grant_type=client_credentials", basic...)
	c.send(200, "POST", "/auth/v1/revoke", "token=nothing", basic...)
	c.send(200, "POST", "/auth/v1/token", fmt.Sprintf(`{"login":"ann","password":%q}`, "another horse"))
	administer(c)
	follow(c)

	c.send(202, "POST", "/auth/v1/users", `{"login":"bob","password":"a long enough one"}`)
	c.send(400, "POST", "/auth/v1/users", `{"login":"carl","password":"short"}`)
	c.token = ""
	c.send(200, "POST", "/auth/v1/refresh", fmt.Sprintf(`{"refresh_token":%q}`, refresh))
	c.send(400, "POST", "/auth/v1/refresh", `{"refresh_token":"x"}`)
	c.send(400, "POST", "/auth/v1/refresh", `{}`)
	c.send(200, "POST", "/auth/v1/logout", fmt.Sprintf(`{"refresh_token":%q,"everywhere":true}`, refresh))
	c.send(401, "GET", "/auth/v1/me", "", "Authorization", "Bearer "+access)
	for _, path := range []string{"/.well-known/jwks.json", "/.well-known/oauth-authorization-server", "/healthz", "/readyz"} {
		c.send(200, "GET", path, "")
	}
	c.send(405, "GET", "/auth/v1/token", "")
	untested(t, w)
}

// administer goes through the routes for administration.
func administer(c *caller) {
	const users = "/auth/v1/admin/users"
	c.send(200, "GET", users, "")
	c.send(200, "GET", users+"?limit=1", "")
	c.send(400, "GET", users+"?limit=x", "")
	made := object(c.t, c.send(201, "POST", users, `{"login":"dora","password":"a long enough one","email":"dora@example.com"}`))
	id := users + "/" + fmt.Sprint(made["id"])
	c.send(409, "POST", users, `{"login":"dora","password":"a long enough one"}`)
	c.send(400, "POST", users, `{"login":""}`)
	c.send(200, "GET", id, "")
	c.send(404, "GET", users+"/999", "")
	c.send(200, "PATCH", id, `{"extra":{"seats":5},"first_name":"Dora","staff":true,"groups":["editors"]}`)
	c.send(204, "POST", id+"/password", `{"password":"quite another one"}`)
	c.send(200, "POST", "/auth/v1/admin/sessions/end", `{"user":"`+fmt.Sprint(made["id"])+`"}`)
	c.send(204, "DELETE", id, "")
	client := object(c.t, c.send(201, "POST", "/auth/v1/admin/clients", `{"name":"stock","scopes":["orders:read"]}`))
	at := "/auth/v1/admin/clients/" + fmt.Sprint(client["id"])
	c.send(200, "POST", at+"/secret", "")
	c.send(204, "DELETE", at, "")
	for _, name := range []string{"sessions", "keys", "clients", "audit", "settings", "dialects"} {
		c.send(200, "GET", "/auth/v1/admin/"+name, "")
	}
	sessions := object(c.t, c.send(200, "GET", "/auth/v1/admin/sessions", ""))["sessions"].([]any)
	for _, s := range sessions {
		if s := s.(map[string]any); s["current"] != true {
			c.send(204, "DELETE", "/auth/v1/admin/sessions/"+s["id"].(string), "")
		}
	}
	c.send(204, "POST", "/auth/v1/admin/keys/rotate", `{}`)
	keys := object(c.t, c.send(200, "GET", "/auth/v1/admin/keys", ""))["keys"].([]any)
	for _, k := range keys {
		if k := k.(map[string]any); k["state"] == "next" {
			c.send(204, "POST", "/auth/v1/admin/keys/retire", fmt.Sprintf(`{"kid":%q,"profile":%q}`, k["kid"], k["profile"]))
		}
	}
	c.send(200, "POST", "/auth/v1/admin/explain", fmt.Sprintf(`{"token":%q}`, c.token))
	c.send(401, "GET", users, "", "Authorization", "Bearer x.y.z")
}

// follow goes through what services elsewhere follow.
func follow(c *caller) {
	made := object(c.t, c.send(201, "POST", "/auth/v1/admin/clients", `{"name":"follower","scopes":["revocations"]}`))
	basic := []string{"Authorization", "Basic " + basicOf(made["id"], made["secret"])}
	c.send(200, "GET", "/auth/v1/revocations", "", basic...)
	c.send(400, "GET", "/auth/v1/revocations?limit=x", "", basic...)
	c.send(401, "GET", "/auth/v1/revocations", "", "Authorization", "Basic eDp5")
	c.send(200, "GET", "/auth/v1/status/0", "", basic...)
	c.send(403, "GET", "/auth/v1/directory", "", basic...)
	c.send(403, "GET", "/auth/v1/directory/1", "", basic...)
}

// untested reports operations that no exchange has succeeded at: a new route is
// to be held against what is said of it. Which fields of users a client may
// copy is set by the command line alone, so that directories stay closed here.
func untested(t *testing.T, w *watcher) {
	t.Helper()
	for pattern, item := range w.contract.doc["paths"].(map[string]any) {
		for method, op := range item.(map[string]any) {
			id := fmt.Sprint(op.(map[string]any)["operationId"])
			done := false
			for _, status := range []int{200, 201, 202, 204} {
				done = done || w.contract.used[fmt.Sprint(id, " ", status)]
			}
			if !done && !strings.Contains(pattern, "/directory") {
				t.Errorf("%s %s was never called with success", method, pattern)
			}
		}
	}
}

// Tokens in cookies.
func TestCookiesKeepToTheirDocument(t *testing.T) {
	for _, transport := range []string{"one-cookie", "two-cookies"} {
		t.Run(transport, func(t *testing.T) {
			address := serve(t, func(c *config.Config) { c.Transport, c.Limits.Enabled = transport, false })
			c, _ := newCaller(t, address)
			credentials := fmt.Sprintf(`{"login":"ann","password":%q}`, secret)
			c.send(200, "POST", "/auth/v1/token", credentials)
			cookies := cookiesOf(t, address, credentials)
			c.send(200, "GET", "/auth/v1/me", "", "Cookie", cookies)
			c.send(200, "POST", "/auth/v1/refresh", "{}", "Cookie", cookies, "Sec-Fetch-Site", "same-origin")
			c.send(403, "POST", "/auth/v1/refresh", "{}", "Cookie", cookies, "Sec-Fetch-Site", "cross-site")
			c.send(200, "POST", "/auth/v1/logout", "{}", "Cookie", cookies)
			c.send(401, "GET", "/auth/v1/me", "", "Cookie", cookies)
		})
	}
}

// cookiesOf signs in and returns what a browser would send: the cookies are
// Secure, and the server is not.
func cookiesOf(t *testing.T, address, credentials string) string {
	t.Helper()
	answer, err := http.Post(address+"/auth/v1/token", "application/json", strings.NewReader(credentials))
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	var list []string
	for _, c := range answer.Cookies() {
		list = append(list, c.Name+"="+c.Value)
	}
	return strings.Join(list, "; ")
}

func basicOf(id, secret any) string {
	r := &http.Request{Header: make(http.Header)}
	r.SetBasicAuth(fmt.Sprint(id), fmt.Sprint(secret))
	return strings.TrimPrefix(r.Header.Get("Authorization"), "Basic ")
}
