package httpauth_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/httpauth"
)

var _ httpauth.Service = (*watchword.Authority)(nil)

func TestMountReportsEveryFault(t *testing.T) {
	err := httpauth.Mount(http.NewServeMux(), failing{}, httpauth.Native("/auth/v1", nil))
	if err == nil {
		t.Fatal("a service without anything optional was mounted with every route")
	}
	for _, want := range []string{
		"POST token: httpauth_test.failing is no ClientAuthenticator", "GET me: httpauth_test.failing is no UserFinder", "POST password", "PasswordChanger",
		"GET sessions", "DELETE sessions/{id}", "SessionKeeper", "POST introspect", "Introspector", "POST revoke", "Revoker", "jwks.json", "KeyPublisher", "oauth-authorization-server", "no Issuer",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not mention %s:\n%v", want, err)
		}
	}
}

func TestMountRefuses(t *testing.T) {
	serve := func(*httpauth.Exchange) (httpauth.Reply, error) { return httpauth.Reply{}, nil }
	route := func(r httpauth.Route) httpauth.Profile {
		return httpauth.Profile{Name: "mine", Prefix: "/x", Routes: []httpauth.Route{r}}
	}
	signIn := httpauth.Input{JSON: []httpauth.Field{{Param: httpauth.ParamLogin}, {Param: httpauth.ParamPassword}}}
	tests := map[string]struct {
		profile httpauth.Profile
		want    string
	}{
		"no prefix":             {httpauth.Profile{Name: "mine"}, `prefix ""`},
		"a relative prefix":     {httpauth.Profile{Name: "mine", Prefix: "x"}, `prefix "x"`},
		"a prefix with a slash": {httpauth.Profile{Name: "mine", Prefix: "/x/"}, `prefix "/x/"`},
		"an odd redirect":       {httpauth.Profile{Name: "mine", Prefix: "/", SlashRedirect: 200}, "200 is no status"},
		"no method":             {route(httpauth.Route{Pattern: "/a", Serve: serve}), "not a method"},
		"a lower-case method":   {route(httpauth.Route{Pattern: "get /a", Serve: serve}), "not a method"},
		"two spaces":            {route(httpauth.Route{Pattern: "GET  a", Serve: serve}), "not a method"},
		"no Serve":              {route(httpauth.Route{Pattern: "GET a"}), "no Serve"},
		"no such operation":     {route(httpauth.Route{Pattern: "GET a", Op: 99, Serve: serve}), "no operation 99"},
		"scopes, no guard":      {route(httpauth.Route{Pattern: "GET a", Serve: serve, Scopes: []string{"s"}}), "not guarded"},
		"needs":                 {route(httpauth.Route{Pattern: "GET a", Serve: serve, Needs: func(httpauth.Service) error { return errors.New("no moon") }}), "no moon"},
		"an input of nothing":   {route(httpauth.Route{Pattern: "POST a", Op: httpauth.OpSignIn}), "reads nothing"},
		"an input of too little": {route(httpauth.Route{Pattern: "POST a", Op: httpauth.OpSignIn, In: httpauth.Input{
			JSON: signIn.JSON, Form: signIn.JSON[:1],
		}}), `no field for "password"`},
		"a bad pattern": {route(httpauth.Route{Pattern: "GET a/{", Serve: serve}), "a/{"},
		"no id":         {route(httpauth.Route{Pattern: "DELETE a", Op: httpauth.OpEndSession}), "SessionKeeper"},
		"twice": {httpauth.Profile{Name: "mine", Prefix: "/x", Routes: []httpauth.Route{
			{Pattern: "GET a", Serve: serve}, {Pattern: "GET /x/a", Serve: serve},
		}}, "GET /x/a is both mine's and mine's"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			err := httpauth.Mount(http.NewServeMux(), &asking{}, tt.profile)
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "mine") && name != "a bad pattern" {
				t.Errorf("Mount = %v, want mention of %s", err, tt.want)
			}
		})
	}
	b := newBench(t)
	if err := httpauth.Mount(http.NewServeMux(), b.auth, route(httpauth.Route{Pattern: "DELETE sessions", Op: httpauth.OpEndSession})); err == nil || !strings.Contains(err.Error(), "no {id}") {
		t.Errorf("Mount of a path without {id} = %v", err)
	}
	if err := httpauth.Mount(http.NewServeMux(), nil, httpauth.Native("/auth/v1", nil)); err == nil {
		t.Error("a profile without a service was mounted")
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /x/{$}", http.NotFound)
	if err := httpauth.Mount(mux, &asking{}, httpauth.Profile{Name: "mine", Prefix: "/x", Routes: []httpauth.Route{{Pattern: "GET /x/", Serve: serve}}}); err == nil {
		t.Error("a path that the program's mux has already was mounted")
	}
}

func TestMountBesideTheProgramsOwnRoutes(t *testing.T) {
	b := newBench(t)
	mux := http.NewServeMux()
	if err := httpauth.Mount(mux, b.auth, httpauth.Native("/auth/v1", nil)); err != nil {
		t.Fatal(err)
	}
	guard := httpauth.Native("/auth/v1", nil).Guard(b.auth)
	mux.Handle("GET /posts", guard.Require(watchword.Scope("posts:read"))(subject))
	mux.HandleFunc("GET /", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("page")) })
	access, _ := b.signIn()
	for _, tt := range []struct {
		path   string
		header []string
		status int
		body   string
	}{
		{"/posts", bearer(access), 200, "1"},
		{"/posts", nil, 401, ""},
		{"/auth/v1/me", bearer(access), 200, ""},
		{"/auth/v1/other", nil, 200, "page"},
		{"/", nil, 200, "page"},
	} {
		a := serve(mux, call{method: "GET", path: tt.path, header: tt.header})
		if a.status != tt.status || tt.body != "" && a.body != tt.body {
			t.Errorf("GET %s = %d %s, want %d %s", tt.path, a.status, a.body, tt.status, tt.body)
		}
	}
}

func TestMethods(t *testing.T) {
	b := newBench(t)
	access, _ := b.signIn()
	tests := []struct {
		method, path string
		status       int
		allow        string
	}{
		{"GET", "/auth/v1/token", 405, "POST"},
		{"HEAD", "/auth/v1/token", 405, "POST"},
		{"PUT", "/auth/v1/token", 405, "POST"},
		{"DELETE", "/auth/v1/refresh", 405, "POST"},
		{"PATCH", "/auth/v1/logout", 405, "POST"},
		{"GET", "/auth/v1/verify", 405, "POST"},
		{"GET", "/auth/v1/introspect", 405, "POST"},
		{"GET", "/auth/v1/revoke", 405, "POST"},
		{"GET", "/auth/v1/password", 405, "POST"},
		{"POST", "/auth/v1/me", 405, "GET, HEAD"},
		{"POST", "/auth/v1/sessions", 405, "GET, HEAD"},
		{"GET", "/auth/v1/sessions/x", 405, "DELETE"},
		{"POST", "/.well-known/jwks.json", 405, "GET, HEAD"},
		{"post", "/auth/v1/token", 405, "POST"},
		{"BREW", "/auth/v1/token", 405, "POST"},
		{"OPTIONS", "/auth/v1/token", 204, "POST, OPTIONS"},
		{"OPTIONS", "/auth/v1/me", 204, "GET, HEAD, OPTIONS"},
		{"OPTIONS", "/auth/v1/me", 204, "GET, HEAD, OPTIONS"}, // the first left the list alone
		{"HEAD", "/auth/v1/me", 200, ""},
		{"HEAD", "/.well-known/jwks.json", 200, ""},
		{"GET", "/auth/v1/nothing", 404, ""},
		{"POST", "/auth/v1/token/", 404, ""},
		{"POST", "/auth/v1/TOKEN", 404, ""},
		{"GET", "/", 404, ""},
	}
	for _, tt := range tests {
		a := b.do(call{method: tt.method, path: tt.path, header: bearer(access)})
		if a.status != tt.status || a.header.Get("Allow") != tt.allow {
			t.Errorf("%s %s = %d, Allow %q, want %d, %q", tt.method, tt.path, a.status, a.header.Get("Allow"), tt.status, tt.allow)
		}
		if a.header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s %s: header %v lacks nosniff", tt.method, tt.path, a.header)
		}
		if a.status >= 400 && (a.text(t, "error") == "" || a.text(t, "error_description") == "" || a.text(t, "code") == "") {
			t.Errorf("%s %s: body %s", tt.method, tt.path, a.body)
		}
	}
}

// say is a route that answers with a text.
func say(pattern, text string) httpauth.Route {
	return httpauth.Route{Pattern: pattern, Serve: func(x *httpauth.Exchange) (httpauth.Reply, error) {
		return x.JSON(200, text+x.Request.PathValue("id"))
	}}
}

func TestSeveralProfilesAtSharedPrefixes(t *testing.T) {
	mux := http.NewServeMux()
	shape := func(name string) func(httpauth.Problem) httpauth.Reply {
		return func(p httpauth.Problem) httpauth.Reply {
			return httpauth.JSON(p.Status, httpauth.Object{{"by", name}})
		}
	}
	django := httpauth.Profile{Name: "django", Prefix: "/", SlashRedirect: 301, Problem: shape("django"), Routes: []httpauth.Route{
		say("POST token/", "django token"), say("GET users/{id}/", "django user "), say("DELETE both", "django both"),
	}}
	fast := httpauth.Profile{Name: "fast", Prefix: "/", SlashRedirect: 307, Problem: shape("fast"), Routes: []httpauth.Route{
		say("POST token", "fast token"), say("GET users/me", "fast me"), say("GET login", "fast login"), say("GET both", "fast both"),
	}}
	if err := httpauth.MountAll(mux, httpauth.Face{&asking{}, django}, httpauth.Face{&asking{}, fast}); err != nil {
		t.Fatal(err)
	}
	mux.HandleFunc("/", httpauth.NotFound)
	tests := []struct {
		method, path string
		status       int
		want         string // body, or Location
	}{
		{"POST", "/token", 200, `"fast token"`},
		{"POST", "/token/", 200, `"django token"`}, // neither slash redirect took it
		{"GET", "/token", 405, `{"by":"fast"}`},
		{"GET", "/token/", 405, `{"by":"django"}`},
		{"GET", "/users/7/", 200, `"django user 7"`},
		{"GET", "/users/7", 301, "/users/7/"},
		{"GET", "/users/7?a=b&c=%2F", 301, "/users/7/?a=b&c=%2F"},
		{"GET", "/users/a%2Fb", 301, "/users/a%2Fb/"},
		{"GET", "/users/me", 200, `"fast me"`},
		{"GET", "/users/me/", 200, `"django user me"`}, // a route before a redirect
		{"GET", "/login/", 307, "/login"},
		{"POST", "/login/", 307, "/login"},
		{"GET", "/both", 200, `"fast both"`},
		{"DELETE", "/both", 200, `"django both"`},
		{"POST", "/both", 405, `{"by":"django"}`},
		{"GET", "/nothing", 404, `{"error":"not_found","error_description":"there is no such thing","code":"not_found"}`},
		{"GET", "/users/7/8/", 404, `{"error":"not_found","error_description":"there is no such thing","code":"not_found"}`},
	}
	for _, tt := range tests {
		a := serve(mux, call{method: tt.method, path: tt.path})
		got := a.body
		if a.status/100 == 3 {
			got = a.header.Get("Location")
		}
		if a.status != tt.status || got != tt.want {
			t.Errorf("%s %s = %d %s, want %d %s", tt.method, tt.path, a.status, got, tt.status, tt.want)
		}
	}

	err := httpauth.MountAll(http.NewServeMux(), httpauth.Face{&asking{}, fast}, httpauth.Face{&asking{}, httpauth.Profile{
		Name: "other", Prefix: "/", Routes: []httpauth.Route{say("POST token", "")},
	}})
	if err == nil || !strings.Contains(err.Error(), "POST /token is both fast's and other's") {
		t.Errorf("MountAll of the same route twice = %v", err)
	}
}

func TestRedirectsStayOnTheHost(t *testing.T) {
	h, err := httpauth.Handler(&asking{}, httpauth.Profile{Name: "x", Prefix: "/", SlashRedirect: 307, Routes: []httpauth.Route{say("GET {id}/", "")}})
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"//evil.example", "/%2fevil.example", "/%5cevil.example", `/\evil.example`, "/evil.example%2f.."} {
		r := call{method: "GET", path: "/"}.request()
		if err := parsePath(r, path); err != nil {
			t.Fatal(err)
		}
		w := newRecorder()
		h.ServeHTTP(w, r)
		to := w.Header().Get("Location")
		if strings.HasPrefix(to, "//") || strings.HasPrefix(to, `/\`) || to != "" && to[0] != '/' {
			t.Errorf("GET %s redirects to %s", path, to)
		}
	}
}

func TestPrefixes(t *testing.T) {
	for prefix, path := range map[string]string{"/": "/a", "/x": "/x/a", "/x/y": "/x/y/a"} {
		h, err := httpauth.Handler(&asking{}, httpauth.Profile{Name: "x", Prefix: prefix, Routes: []httpauth.Route{say("GET a", ""), say("GET /b", "")}})
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range []string{path, "/b"} {
			if a := serve(h, call{method: "GET", path: p}); a.status != 200 {
				t.Errorf("prefix %s: GET %s = %d, want 200", prefix, p, a.status)
			}
		}
	}
}
