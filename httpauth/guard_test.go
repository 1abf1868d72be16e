package httpauth_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/httpauth"
	"github.com/watchword-auth/watchword/jwt"
)

// subject answers with who asks.
var subject = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	c, ok := httpauth.ClaimsFrom(r.Context())
	if !ok {
		_, _ = w.Write([]byte("anonymous"))
		return
	}
	_, _ = w.Write([]byte(c.Subject))
})

func TestGuardFindsTheToken(t *testing.T) {
	b := newBench(t)
	access, refresh := b.signIn()
	guard := b.profile.Guard(b.auth)
	const none, bad = "Bearer", `Bearer error="invalid_token"`
	tests := map[string]struct {
		header    []string
		path      string
		status    int
		challenge string // its beginning
	}{
		"good":                      {bearer(access), "/", 200, ""},
		"lower case":                {[]string{"Authorization", "bearer " + access}, "/", 200, ""},
		"upper case":                {[]string{"Authorization", "BEARER " + access}, "/", 200, ""},
		"more spaces":               {[]string{"Authorization", "Bearer   " + access}, "/", 200, ""},
		"none":                      {nil, "/", 401, none},
		"empty":                     {[]string{"Authorization", ""}, "/", 401, none},
		"another scheme":            {[]string{"Authorization", "Basic " + access}, "/", 401, none},
		"a longer scheme":           {[]string{"Authorization", "Bearers " + access}, "/", 401, none},
		"DPoP":                      {[]string{"Authorization", "DPoP " + access}, "/", 401, none},
		"no scheme":                 {[]string{"Authorization", access}, "/", 401, none},
		"a colon":                   {[]string{"Authorization", "Bearer: " + access}, "/", 401, none},
		"a leading space":           {[]string{"Authorization", " Bearer " + access}, "/", 401, none},
		"in the query":              {nil, "/?access_token=" + access, 401, none},
		"in a cookie":               {[]string{"Cookie", "ww_access=" + access + "; access_token=" + access}, "/", 401, none},
		"in X-Authorization":        {[]string{"X-Authorization", "Bearer " + access}, "/", 401, none},
		"in Proxy-Authorization":    {[]string{"Proxy-Authorization", "Bearer " + access}, "/", 401, none},
		"scheme alone":              {[]string{"Authorization", "Bearer"}, "/", 401, bad},
		"scheme and a space":        {[]string{"Authorization", "Bearer "}, "/", 401, bad},
		"a tab":                     {[]string{"Authorization", "Bearer\t" + access}, "/", 401, none},
		"a tab after the space":     {[]string{"Authorization", "Bearer \t" + access}, "/", 401, bad},
		"something after the token": {[]string{"Authorization", "Bearer " + access + " x"}, "/", 401, bad},
		"a trailing space":          {[]string{"Authorization", "Bearer " + access + " "}, "/", 401, bad},
		"two tokens, a comma":       {[]string{"Authorization", "Bearer " + access + "," + access}, "/", 401, bad},
		"quotes":                    {[]string{"Authorization", `Bearer "` + access + `"`}, "/", 401, bad},
		"a parameter":               {[]string{"Authorization", "Bearer token=" + access}, "/", 401, bad},
		"padding":                   {[]string{"Authorization", "Bearer " + access + "="}, "/", 401, bad},
		"padding alone":             {[]string{"Authorization", "Bearer ="}, "/", 401, bad},
		"two headers":               {append(bearer(access), bearer(access)...), "/", 401, bad},
		"two headers, one is Basic": {append(bearer(access), "Authorization", "Basic eDp5"), "/", 401, bad},
		"rubbish":                   {bearer("x"), "/", 401, bad},
		"not ASCII":                 {bearer(access + "é"), "/", 401, bad},
		"too long":                  {bearer(strings.Repeat("a", 20_000)), "/", 401, bad},
		"a refresh token":           {bearer(refresh), "/", 401, bad},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			a := serve(guard.Require()(subject), call{method: "GET", path: tt.path, header: tt.header})
			if a.status != tt.status {
				t.Fatalf("status %d, want %d: %s", a.status, tt.status, a.body)
			}
			got := a.header.Get("WWW-Authenticate")
			if tt.challenge == none && got != none || !strings.HasPrefix(got, tt.challenge) {
				t.Errorf("WWW-Authenticate %q, want %q", got, tt.challenge)
			}
			if a.status == 200 && a.body != "1" {
				t.Errorf("claims of %q, want of 1", a.body)
			}
			if a.status != 200 && a.header.Get("Cache-Control") != "no-store" {
				t.Errorf("header %v lacks no-store", a.header)
			}
		})
	}
}

func TestTokenInAFormIsNotRead(t *testing.T) {
	b := newBench(t)
	access, _ := b.signIn()
	a := serve(b.profile.Guard(b.auth).Require()(subject), formCall("/", "access_token="+access))
	a.is(t, 401, "", "unauthenticated")
}

func TestGuardPolicies(t *testing.T) {
	b := newBench(t)
	access, _ := b.signIn()
	guard := b.profile.Guard(b.auth)
	tests := map[string]struct {
		policies  []watchword.Policy
		status    int
		challenge string
	}{
		"none":                  {nil, 200, ""},
		"a scope":               {[]watchword.Policy{watchword.Scope("posts:read")}, 200, ""},
		"two":                   {[]watchword.Policy{watchword.Scope("posts:read"), watchword.Permission("p1")}, 200, ""},
		"a scope it lacks":      {[]watchword.Policy{watchword.Scope("posts:read", "admin")}, 403, `Bearer error="insufficient_scope", error_description="the token lacks a scope", scope="posts:read admin"`},
		"a permission":          {[]watchword.Policy{watchword.Permission("p2")}, 403, `Bearer error="insufficient_scope", error_description="permission 'p2' is needed"`},
		"the second refuse":     {[]watchword.Policy{watchword.Scope("posts:read"), watchword.Scope("x")}, 403, `Bearer error="insufficient_scope", error_description="the token lacks a scope", scope="x"`},
		"a message":             {[]watchword.Policy{watchword.Because("only on Mondays", watchword.Permission("p2"))}, 403, `Bearer error="insufficient_scope", error_description="only on Mondays"`},
		"a message over scopes": {[]watchword.Policy{watchword.Because("ask Ann", watchword.Scope("x"))}, 403, `Bearer error="insufficient_scope", error_description="ask Ann", scope="x"`},
		"a sign-in of long ago": {[]watchword.Policy{watchword.Fresh(5 * time.Minute)}, 401, `Bearer error="insufficient_user_authentication", error_description="a more recent sign-in is needed", max_age="300"`},
		"a role":                {[]watchword.Policy{watchword.Role("boss")}, 403, `Bearer error="insufficient_scope", error_description="role 'boss' is needed"`},
		"a store that is down":  {[]watchword.Policy{watchword.Not(func(*watchword.Claims) error { return watchword.Unavailable })}, 503, ""},
		"an error of its own": {
			[]watchword.Policy{func(*watchword.Claims) error { return errors.New("detail") }},
			403, `Bearer error="insufficient_scope", error_description="this is not permitted"`,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			for kind, h := range map[string]http.Handler{
				"Require": guard.Require(tt.policies...)(subject), "Optional": guard.Optional(tt.policies...)(subject),
			} {
				a := serve(h, call{method: "GET", path: "/", header: bearer(access)})
				if a.status != tt.status || a.header.Get("WWW-Authenticate") != tt.challenge {
					t.Errorf("%s: %d, %q, want %d, %q", kind, a.status, a.header.Get("WWW-Authenticate"), tt.status, tt.challenge)
				}
			}
		})
	}
}

func TestOptional(t *testing.T) {
	b := newBench(t)
	access, _ := b.signIn()
	h := b.profile.Guard(b.auth).Optional()(subject)
	tests := map[string]struct {
		header []string
		status int
		body   string
	}{
		"nobody":         {nil, 200, "anonymous"},
		"another scheme": {[]string{"Authorization", "Basic eDp5"}, 200, "anonymous"},
		"somebody":       {bearer(access), 200, "1"},
		"a bad token":    {bearer(access + "x"), 401, ""},
		"two headers":    {append(bearer(access), bearer(access)...), 401, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			a := serve(h, call{method: "GET", path: "/", header: tt.header})
			if a.status != tt.status || tt.body != "" && a.body != tt.body {
				t.Errorf("%d %q, want %d %q", a.status, a.body, tt.status, tt.body)
			}
		})
	}
	b.clock.advance(time.Hour)
	if a := serve(h, call{method: "GET", path: "/", header: bearer(access)}); a.status != 401 {
		t.Errorf("an expired token is answered with %d, want 401", a.status)
	}
}

func TestZeroGuardRefusesEverything(t *testing.T) {
	b := newBench(t)
	access, _ := b.signIn()
	for name, guard := range map[string]*httpauth.Guard{
		"zero": {},
		"a zero verifier": {Verify: func(ctx context.Context, raw string, kinds ...watchword.Kind) (*watchword.Claims, error) {
			return new(watchword.Verifier).Verify(ctx, raw, kinds...)
		}},
		"a verifier without claims": {Verify: func(context.Context, string, ...watchword.Kind) (*watchword.Claims, error) { return nil, nil }},
	} {
		c, err := guard.Check(call{method: "GET", path: "/", header: bearer(access)}.request())
		if c != nil || err == nil {
			t.Errorf("%s: Check = %v, %v, want a refusal", name, c, err)
		}
		if _, err := guard.Check(call{method: "GET", path: "/"}.request()); !errors.Is(err, watchword.Unauthenticated) {
			t.Errorf("%s: Check without a token = %v, want %v", name, err, watchword.Unauthenticated)
		}
		for kind, h := range map[string]http.Handler{"Require": guard.Require()(subject), "Optional": guard.Optional()(subject)} {
			if a := serve(h, call{method: "GET", path: "/", header: bearer(access)}); a.status != 401 {
				t.Errorf("%s: %s = %d, want 401", name, kind, a.status)
			}
		}
	}
}

func TestGuardDenyAndReport(t *testing.T) {
	b := newBench(t)
	guard := b.profile.Guard(b.auth)
	var reported error
	guard.Report = func(_ *http.Request, p httpauth.Problem, err error) { reported = err }
	guard.Deny = func(w http.ResponseWriter, r *http.Request, p httpauth.Problem) {
		if p.Request != r || p.Op != 0 {
			t.Errorf("problem of %v and %d, want of the request and 0", p.Request, p.Op)
		}
		http.Error(w, p.Code.Error(), http.StatusTeapot)
	}
	a := serve(guard.Require()(subject), call{method: "GET", path: "/", header: bearer("x.y.z")})
	if a.status != http.StatusTeapot || a.body != "token_malformed\n" || !errors.Is(reported, watchword.TokenMalformed) {
		t.Errorf("%d %q, reported %v", a.status, a.body, reported)
	}
}

// ambient is Bearer as if browsers sent it unasked.
type ambient struct{ httpauth.Bearer }

func (ambient) Ambient() bool { return true }

func (ambient) Write(w http.ResponseWriter, t watchword.Tokens) error {
	w.Header().Set("X-Written", t.Access)
	return nil
}

func (ambient) Clear(w http.ResponseWriter) { w.Header().Set("X-Cleared", "yes") }

func TestAmbientTransport(t *testing.T) {
	b := newBench(t)
	b.mount(httpauth.Native("/auth/v1", ambient{}))
	signIn := `{"login":"ann","password":"ann-pass-77"}`
	evil := []string{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"}
	b.do(jsonCall("POST", "/auth/v1/token", signIn, evil...)).is(t, 403, "invalid_request", "cross_origin")

	a := b.do(jsonCall("POST", "/auth/v1/token", signIn))
	a.is(t, 200, "", "")
	if got := a.keys(t); got != "expires_in scope token_type" {
		t.Errorf("the answer has %s: tokens that ride in headers do not stand in it", got)
	}
	access := a.header.Get("X-Written")
	guard := b.profile.Guard(b.auth)
	for name, tt := range map[string]struct {
		method string
		header []string
		status int
	}{
		"same origin":       {"POST", []string{"Sec-Fetch-Site", "same-origin"}, 200},
		"no browser":        {"POST", nil, 200},
		"cross site":        {"POST", evil, 403},
		"cross site, GET":   {"GET", evil, 200},
		"cross site, DELET": {"DELETE", evil, 403},
		"another origin":    {"POST", []string{"Origin", "https://evil.example"}, 403},
	} {
		if a := serve(guard.Require()(subject), call{method: tt.method, path: "https://api.example/", header: append(bearer(access), tt.header...)}); a.status != tt.status {
			t.Errorf("%s: %d, want %d", name, a.status, tt.status)
		}
	}
	if a := b.do(jsonCall("POST", "/auth/v1/logout", "{}", bearer(access)...)); a.status != 200 || a.header.Get("X-Cleared") != "yes" {
		t.Errorf("sign-out = %d %v, want 200 and cleared", a.status, a.header)
	}
	b.do(call{method: "GET", path: "/auth/v1/me", header: bearer(access)}).is(t, 401, "invalid_token", "session_ended")
}

// carrying is a transport whose refresh token comes in a header, and which
// may fail to write.
type carrying struct {
	ambient
	err error
}

func (carrying) Refresh(r *http.Request) (string, bool) {
	token := r.Header.Get("X-Refresh")
	return token, token != ""
}

func (c carrying) Write(w http.ResponseWriter, t watchword.Tokens) error {
	if c.err == nil {
		w.Header().Set("X-Refresh", t.Refresh)
	}
	return c.err
}

func TestRefreshTokenOfTheTransport(t *testing.T) {
	b := newBench(t)
	b.mount(httpauth.Native("/auth/v1", carrying{}))
	in := b.do(jsonCall("POST", "/auth/v1/token", `{"login":"ann","password":"ann-pass-77"}`))
	refresh := in.header.Get("X-Refresh")
	none := b.do(call{method: "POST", path: "/auth/v1/refresh"})
	none.is(t, 400, "invalid_request", "invalid_request")
	b.do(jsonCall("POST", "/auth/v1/refresh", `{"refresh_token":"x"}`, "X-Refresh", refresh)).is(t, 400, "invalid_request", "invalid_request")
	both := b.do(jsonCall("POST", "/auth/v1/refresh", `{"refresh_token":"`+refresh+`"}`, "X-Refresh", refresh))
	both.is(t, 200, "", "")
	next := b.do(call{method: "POST", path: "/auth/v1/refresh", header: []string{"X-Refresh", refresh}})
	next.is(t, 200, "", "")
	if got := next.header.Get("X-Refresh"); got == "" || got == refresh || strings.Contains(next.body, got) {
		t.Errorf("the successor is %q, the body %s", got, next.body)
	}
	b.do(call{method: "POST", path: "/auth/v1/logout", header: []string{"X-Refresh", next.header.Get("X-Refresh")}}).is(t, 200, "", "")
	b.do(call{method: "POST", path: "/auth/v1/refresh", header: []string{"X-Refresh", next.header.Get("X-Refresh")}}).is(t, 400, "invalid_grant", "session_ended")
}

func TestTransportThatCannotWrite(t *testing.T) {
	b := newBench(t)
	b.mount(httpauth.Native("/auth/v1", carrying{err: errors.New("cookie of 5,000 bytes")}))
	a := b.do(jsonCall("POST", "/auth/v1/token", `{"login":"ann","password":"ann-pass-77"}`))
	a.is(t, 500, "server_error", "internal")
	if strings.Contains(a.body, "cookie") {
		t.Errorf("the answer shows the error: %s", a.body)
	}
}

func TestBearerOfOthers(t *testing.T) {
	tests := map[string]struct {
		transport httpauth.Bearer
		name, val string
		token     string
		ok        bool
	}{
		"exact case":          {httpauth.Bearer{ExactCase: true}, "Authorization", "Bearer a", "a", true},
		"exact case, other":   {httpauth.Bearer{ExactCase: true}, "Authorization", "bearer a", "", false},
		"schemes":             {httpauth.Bearer{Schemes: []string{"JWT", "Token"}}, "Authorization", "token a", "a", true},
		"schemes, exact":      {httpauth.Bearer{Schemes: []string{"JWT"}, ExactCase: true}, "Authorization", "jwt a", "", false},
		"schemes, not Bearer": {httpauth.Bearer{Schemes: []string{"JWT"}}, "Authorization", "Bearer a", "", false},
		"no schemes at all":   {httpauth.Bearer{Schemes: []string{}}, "Authorization", "Bearer a", "", false},
		"another header":      {httpauth.Bearer{Header: "x-auth"}, "X-Auth", "Bearer a", "a", true},
		"the usual header":    {httpauth.Bearer{Header: "x-auth"}, "Authorization", "Bearer a", "", false},
	}
	for name, tt := range tests {
		token, ok := tt.transport.Access(call{method: "GET", path: "/", header: []string{tt.name, tt.val}}.request())
		if token != tt.token || ok != tt.ok {
			t.Errorf("%s: Access = %q, %t, want %q, %t", name, token, ok, tt.token, tt.ok)
		}
	}
}

// BenchmarkGuard compares a guarded handler with the bare one, for a token
// that the verifier has seen before.
func BenchmarkGuard(b *testing.B) {
	done := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	for _, algorithm := range []jwt.Algorithm{jwt.ES256, jwt.HS256} {
		bench := newBench(b, func(c *watchword.Config) { c.KeyAlgorithm, c.Now = algorithm, nil })
		access, _ := bench.signIn()
		guard := bench.profile.Guard(bench.auth)
		for name, h := range map[string]http.Handler{
			"bare":    done,
			"guarded": guard.Require(watchword.Scope("posts:read"))(done),
		} {
			b.Run(string(algorithm)+"/"+name, func(b *testing.B) {
				r := call{method: "GET", path: "/", header: bearer(access)}.request()
				w := httptest.NewRecorder()
				b.ReportAllocs()
				for b.Loop() {
					h.ServeHTTP(w, r)
				}
				if w.Code != 200 {
					b.Fatalf("status %d", w.Code)
				}
			})
		}
		b.Run(string(algorithm)+"/Check", func(b *testing.B) {
			r := call{method: "GET", path: "/", header: bearer(access)}.request()
			b.ReportAllocs()
			for b.Loop() {
				if _, err := guard.Check(r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkGuardTransports is Check on a token seen before, by where it rides.
func BenchmarkGuardTransports(b *testing.B) {
	bench := newBench(b, func(c *watchword.Config) { c.Now = nil })
	access, _ := bench.signIn()
	beside := httpauth.Beside{Transport: httpauth.OneCookie{}, Also: []httpauth.Transport{httpauth.Bearer{}}}
	cookie := []string{"Cookie", "__Host-ww_access=" + access}
	for _, tt := range []struct {
		name      string
		transport httpauth.Transport
		header    []string
	}{
		{"bearer", nil, bearer(access)},
		{"cookie", httpauth.OneCookie{}, cookie},
		{"bearer beside cookie", beside, bearer(access)},
		{"cookie beside bearer", beside, cookie},
	} {
		guard := httpauth.Native("/auth/v1", tt.transport).Guard(bench.auth)
		r := call{method: "GET", path: "/", header: tt.header}.request()
		b.Run(tt.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := guard.Check(r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
