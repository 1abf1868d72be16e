package httpauth_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/httpauth"
)

// who answers with the scheme and the subject.
var who = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	i, ok := httpauth.IdentityFrom(r.Context())
	c, claims := httpauth.ClaimsFrom(r.Context())
	switch {
	case ok != claims:
		http.Error(w, "identity and claims disagree", http.StatusInternalServerError)
	case !ok:
		_, _ = w.Write([]byte("nobody"))
	default:
		_, _ = fmt.Fprintf(w, "%s %s", i.Scheme, c.Subject)
	}
})

// signed is a scheme of an application's own: requests signed by an HMAC.
type signed struct{ secret []byte }

func (s signed) Authenticate(r *http.Request) (httpauth.Identity, bool, error) {
	shown := r.Header.Get("X-Signature")
	if shown == "" {
		return httpauth.Identity{}, false, nil
	}
	if !hmac.Equal([]byte(shown), []byte(s.sign(r.Method, r.URL.Path))) {
		return httpauth.Identity{}, true, watchword.InvalidCredentials
	}
	return httpauth.Identity{Scheme: "HMAC", Claims: httpauth.UserClaims(watchword.User{ID: "machine", Scopes: []string{"posts:read"}})}, true, nil
}

func (s signed) Challenge(*http.Request, error) string { return "" }

func (s signed) sign(method, path string) string {
	m := hmac.New(sha256.New, s.secret)
	m.Write([]byte(method + " " + path))
	return hex.EncodeToString(m.Sum(nil))
}

func findKey(_ context.Context, key string) (httpauth.Identity, error) {
	switch sum := sha256.Sum256([]byte(key)); sum {
	case sha256.Sum256([]byte("key-of-bob")):
		u := watchword.User{ID: "bob", Groups: []string{"ops"}, Scopes: []string{"posts:read"}}
		return httpauth.Identity{Claims: httpauth.UserClaims(u), User: u}, nil
	case sha256.Sum256([]byte("breaks")):
		return httpauth.Identity{}, watchword.Unavailable
	case sha256.Sum256([]byte("nobody")):
		return httpauth.Identity{}, nil
	default:
		return httpauth.Identity{}, watchword.NotFound
	}
}

func basicAuth(login, password string) []string {
	return []string{"Authorization", "Basic " + base64.StdEncoding.EncodeToString([]byte(login+":"+password))}
}

// several is a guard for bearer or cookie, with every other scheme behind it.
func several(t *testing.T, b *bench) (i *httpauth.Identifier, cookie string, s signed) {
	t.Helper()
	p := httpauth.Native("/auth/v1", httpauth.Beside{Transport: httpauth.OneCookie{}, Also: []httpauth.Transport{httpauth.Bearer{}}})
	h, err := httpauth.Handler(b.auth, p)
	if err != nil {
		t.Fatal(err)
	}
	jar := cookieJar{}
	jar.take(jar.send(h, "POST", "/auth/v1/token", annLogin))
	s = signed{[]byte("shared")}
	return p.Guard(b.auth).With(httpauth.APIKey{Find: findKey}, httpauth.Basic{Users: b.auth, Realm: "shop"}, s), jar.header(), s
}

func TestIdentifier(t *testing.T) {
	b := newBench(t)
	access, _ := b.signIn()
	i, cookie, s := several(t, b)
	const post, get = "POST", "GET"
	sign := []string{"X-Signature", s.sign(get, "/")}
	evil := []string{"Sec-Fetch-Site", "cross-site"}
	join := func(lists ...[]string) (all []string) {
		for _, l := range lists {
			all = append(all, l...)
		}
		return all
	}
	tests := []struct {
		name, method string
		header       []string
		body         string // of both strategies; "" means nobody
		status       int    // of Require
		code         string
	}{
		{"nothing", get, nil, "", 401, "unauthenticated"},
		{"bearer", get, bearer(access), "Bearer 1", 200, ""},
		{"cookie", get, []string{"Cookie", cookie}, "Cookie 1", 200, ""},
		{"API key", get, []string{"X-API-Key", "key-of-bob"}, "APIKey bob", 200, ""},
		{"basic", get, basicAuth(ann, annPass), "Basic 1", 200, ""},
		{"basic by e-mail, lower case scheme", get, []string{"Authorization", "basic " + base64.StdEncoding.EncodeToString([]byte("ann@example.com:"+annPass))}, "Basic 1", 200, ""},
		{"one of its own", get, sign, "HMAC machine", 200, ""},
		{"the first wins", get, join(bearer(access), []string{"X-API-Key", "key-of-bob"}, sign), "Bearer 1", 200, ""},
		{"key before basic", get, join(basicAuth(ann, annPass), []string{"X-API-Key", "key-of-bob"}), "APIKey bob", 200, ""},
		{"a bad first, a good second", get, join(bearer("x.y.z"), []string{"X-API-Key", "key-of-bob"}), "APIKey bob", 200, ""},
		{"bad ones only: the first says why", get, join(bearer("x.y.z"), []string{"X-API-Key", "x"}), "", 401, "token_malformed"},
		{"two tokens that disagree", get, join(bearer(access), []string{"Cookie", cookie}), "", 401, "token_malformed"},
		{"an unknown key", get, []string{"X-API-Key", "x"}, "", 401, "invalid_credentials"},
		{"two keys", get, []string{"X-API-Key", "key-of-bob", "X-API-Key", "key-of-bob"}, "", 401, "invalid_credentials"},
		{"an empty key", get, []string{"X-API-Key", ""}, "", 401, "invalid_credentials"},
		{"a key too long", get, []string{"X-API-Key", strings.Repeat("k", 20_000)}, "", 401, "invalid_credentials"},
		{"a key whose store is down", get, []string{"X-API-Key", "breaks"}, "", 503, "unavailable"},
		{"a key of nobody", get, []string{"X-API-Key", "nobody"}, "", 401, "invalid_credentials"},
		{"wrong password", get, basicAuth(ann, "x"), "", 401, "invalid_credentials"},
		{"unknown login", get, basicAuth("eve", "x"), "", 401, "invalid_credentials"},
		{"no login", get, basicAuth("", annPass), "", 401, "invalid_credentials"},
		{"no colon", get, []string{"Authorization", "Basic YW5u"}, "", 401, "invalid_credentials"},
		{"no base64", get, []string{"Authorization", "Basic !"}, "", 401, "invalid_credentials"},
		{"no credentials", get, []string{"Authorization", "Basic"}, "", 401, "invalid_credentials"},
		{"not UTF-8", get, basicAuth(ann, "\xff"), "", 401, "invalid_credentials"},
		{"a control character", get, basicAuth(ann, annPass+"\x00"), "", 401, "invalid_credentials"},
		{"two headers", get, join(basicAuth(ann, annPass), basicAuth(ann, annPass)), "", 401, "token_malformed"},
		{"a wrong signature", get, []string{"X-Signature", "x"}, "", 401, "invalid_credentials"},
		{"a signature of another method", post, sign, "", 401, "invalid_credentials"},
		{"cookie from another site", post, join([]string{"Cookie", cookie}, evil), "", 403, "cross_origin"},
		{"basic from another site", post, join(basicAuth(ann, annPass), evil), "", 403, "cross_origin"},
		{"bearer from another site", post, join(bearer(access), evil), "Bearer 1", 200, ""},
		{"an unknown scheme", get, []string{"Authorization", "Negotiate x"}, "", 401, "unauthenticated"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := call{method: tt.method, path: "/", header: tt.header}
			want := tt.body
			if want == "" {
				want = "nobody"
			}
			if a := serve(i.Identify(who), c); a.status != 200 || a.body != want {
				t.Errorf("Identify: %d %s, want %s", a.status, a.body, want)
			}
			for name, h := range map[string]http.Handler{"Require": i.Require()(who), "Require behind Identify": i.Identify(i.Require()(who))} {
				a := serve(h, c)
				if a.status != tt.status || tt.status == 200 && a.body != want || tt.code != "" && a.text(t, "code") != tt.code {
					t.Errorf("%s: %d %s, want %d %s", name, a.status, a.body, tt.status, tt.code)
				}
				challenge := a.header.Get("WWW-Authenticate")
				if (challenge != "") != (tt.status == 401) {
					t.Errorf("%s: %d with WWW-Authenticate %q", name, a.status, challenge)
				}
				for _, scheme := range []string{"Bearer", `APIKey header="X-Api-Key"`, `Basic realm="shop", charset="UTF-8"`} {
					if tt.status == 401 && !strings.Contains(challenge, scheme) {
						t.Errorf("%s: WWW-Authenticate %q lacks %s", name, challenge, scheme)
					}
				}
			}
			who, err := i.Check(c.request())
			if (err == nil) != (tt.status == 200) || who.Authenticated() != (err == nil) || err != nil && watchword.CodeOf(err).Error() != tt.code {
				t.Errorf("Check = %+v, %v", who, err)
			}
		})
	}
}

func TestIdentifierPolicies(t *testing.T) {
	b := newBench(t)
	access, _ := b.signIn()
	i, _, _ := several(t, b)
	key := []string{"X-API-Key", "key-of-bob"}
	tests := []struct {
		name      string
		policy    watchword.Policy
		header    []string
		status    int
		challenge string
	}{
		{"a scope of a token", watchword.Scope("posts:write"), bearer(access), 200, ""},
		{"a scope of a key", watchword.Scope("posts:read"), key, 200, ""},
		{"a scope that a key lacks", watchword.Scope("posts:write"), key, 403, ""},
		{"a scope that a token lacks", watchword.Scope("x"), bearer(access), 403, `Bearer error="insufficient_scope", error_description="the token lacks a scope", scope="x"`},
		{"a group of a key", watchword.Role("ops"), key, 200, ""},
		{"a group of a user by password", watchword.Role("g1"), basicAuth(ann, annPass), 200, ""},
		{"a permission", watchword.Permission("p1"), basicAuth(ann, annPass), 200, ""},
		{"his e-mail", watchword.Claim("email", "ann@example.com"), basicAuth(ann, annPass), 200, ""},
		{"freshness of a key", watchword.Fresh(1 << 40), key, 401, `Bearer error="insufficient_user_authentication", error_description="a more recent sign-in is needed", max_age="1099"`},
	}
	for _, tt := range tests {
		a := serve(i.Require(tt.policy)(who), call{method: "GET", path: "/", header: tt.header})
		if a.status != tt.status || a.header.Get("WWW-Authenticate") != tt.challenge {
			t.Errorf("%s: %d, WWW-Authenticate %q", tt.name, a.status, a.header.Get("WWW-Authenticate"))
		}
	}
}

// counting counts how often it is asked.
type counting struct {
	signed
	asked *int
}

func (c counting) Authenticate(r *http.Request) (httpauth.Identity, bool, error) {
	*c.asked++
	return c.signed.Authenticate(r)
}

func TestSchemesAreAskedOnce(t *testing.T) {
	asked := 0
	scheme := counting{signed{[]byte("k")}, &asked}
	i := &httpauth.Identifier{Schemes: []httpauth.Scheme{scheme}}
	c := call{method: "GET", path: "/", header: []string{"X-Signature", scheme.sign("GET", "/")}}
	if a := serve(i.Identify(i.Require()(i.Require()(who))), c); a.body != "HMAC machine" || asked != 1 {
		t.Errorf("%d %s, asked %d times", a.status, a.body, asked)
	}
	// What another Identifier found by schemes of its own does not count.
	stricter := &httpauth.Identifier{Schemes: []httpauth.Scheme{httpauth.APIKey{Find: findKey}}}
	if a := serve(i.Identify(stricter.Require()(who)), c); a.status != 401 {
		t.Errorf("another Identifier's identity opens the route: %d %s", a.status, a.body)
	}
	if a := serve(stricter.Identify(who), c); a.status != 200 || a.body != "nobody" {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// The innermost that found somebody counts, for identity and claims alike.
func TestIdentityOfSeveral(t *testing.T) {
	b := newBench(t)
	access, _ := b.signIn()
	guard := b.profile.Guard(b.auth)
	keys := &httpauth.Identifier{Schemes: []httpauth.Scheme{httpauth.APIKey{Find: findKey}}}
	both := append(bearer(access), "X-API-Key", "key-of-bob")
	for name, tt := range map[string]struct {
		h      http.Handler
		header []string
		body   string
	}{
		"a guard alone":                   {guard.Require()(who), both, " 1"},
		"a guard inside":                  {keys.Identify(guard.Require()(who)), both, " 1"},
		"a guard outside":                 {guard.Require()(keys.Require()(who)), both, "APIKey bob"},
		"a guard outside, nobody inside":  {guard.Require()(keys.Identify(who)), bearer(access), " 1"},
		"a guard inside that is optional": {keys.Identify(guard.Optional()(who)), []string{"X-API-Key", "key-of-bob"}, "APIKey bob"},
	} {
		if a := serve(tt.h, call{method: "GET", path: "/", header: tt.header}); a.body != tt.body {
			t.Errorf("%s: %d %q, want %q", name, a.status, a.body, tt.body)
		}
	}
}

func TestZeroIdentifierRefuses(t *testing.T) {
	b := newBench(t)
	access, _ := b.signIn()
	for name, i := range map[string]*httpauth.Identifier{
		"no schemes": {}, "a zero guard": (&httpauth.Guard{}).With(), "a zero key": {Schemes: []httpauth.Scheme{httpauth.APIKey{}}}, "zero Basic": {Schemes: []httpauth.Scheme{httpauth.Basic{}}},
	} {
		for _, header := range [][]string{bearer(access), {"X-API-Key", "key-of-bob"}, basicAuth(ann, annPass), nil} {
			c := call{method: "GET", path: "/", header: header}
			if a := serve(i.Require()(who), c); a.status != 401 {
				t.Errorf("%s: Require = %d", name, a.status)
			}
			if a := serve(i.Identify(who), c); a.body != "nobody" {
				t.Errorf("%s: Identify = %s", name, a.body)
			}
		}
	}
}

// router is one as chi, gorilla/mux and others have it: middlewares are
// func(http.Handler) http.Handler.
type router struct {
	mux   *http.ServeMux
	stack []func(http.Handler) http.Handler
}

func (r *router) Use(m ...func(http.Handler) http.Handler) { r.stack = append(r.stack, m...) }

func (r *router) With(m ...func(http.Handler) http.Handler) *router {
	return &router{r.mux, append(append([]func(http.Handler) http.Handler{}, r.stack...), m...)}
}

func (r *router) Get(path string, h http.HandlerFunc) {
	var all http.Handler = h
	for n := len(r.stack) - 1; n >= 0; n-- {
		all = r.stack[n](all)
	}
	r.mux.Handle("GET "+path, all)
}

func TestRoutersOfOthers(t *testing.T) {
	b := newBench(t)
	access, _ := b.signIn()
	guard := b.profile.Guard(b.auth)
	i := guard.With(httpauth.Basic{Users: b.auth})
	r := &router{mux: http.NewServeMux()}
	r.Use(b.profile.CORS(b.auth), i.Identify)
	r.Get("/open", who)
	r.With(i.Require(watchword.Scope("posts:read"))).Get("/read", who)
	r.With(i.Require(), i.Require(watchword.Scope("admin"))).Get("/admin", who)
	r.With(guard.Optional()).Get("/optional", who)
	r.With(guard.Require()).Get("/bearer", subject)
	for path, want := range map[string]int{"/open": 200, "/read": 200, "/admin": 403, "/bearer": 200} {
		if a := serve(r.mux, call{method: "GET", path: path, header: bearer(access)}); a.status != want {
			t.Errorf("GET %s = %d %s", path, a.status, a.body)
		}
	}
	for path, want := range map[string]int{"/open": 200, "/read": 401, "/admin": 401, "/optional": 200, "/bearer": 401} {
		if a := serve(r.mux, call{method: "GET", path: path}); a.status != want {
			t.Errorf("GET %s without a token = %d %s", path, a.status, a.body)
		}
	}
}

func TestAnswersInOnePlace(t *testing.T) {
	b := newBench(t)
	p := httpauth.Native("/auth/v1", nil)
	p.Problem = func(p httpauth.Problem) httpauth.Reply {
		return httpauth.JSON(http.StatusTeapot, httpauth.Object{{Name: "why", Value: p.Code.Error()}})
	}
	guard := p.Guard(b.auth)
	protect, err := guard.Protect(who)
	if err != nil {
		t.Fatal(err)
	}
	mounted, err := httpauth.Handler(b.auth, p)
	if err != nil {
		t.Fatal(err)
	}
	for name, h := range map[string]http.Handler{
		"guard": guard.Require()(who), "identifier": guard.With(httpauth.Basic{Users: b.auth}).Require()(who), "mux": protect, "route": mounted,
	} {
		if a := serve(h, call{method: "GET", path: "/auth/v1/me"}); a.status != http.StatusTeapot || a.body != `{"why":"unauthenticated"}` {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
}

func FuzzBasic(f *testing.F) {
	f.Add("Basic YW5uOng=")
	f.Add("basic  YW5uOng=")
	f.Add("Basic")
	f.Fuzz(func(t *testing.T, value string) {
		users := &heardUser{}
		r := httptest.NewRequest("GET", "/", nil)
		r.Header["Authorization"] = []string{value}
		i, shown, err := httpauth.Basic{Users: users}.Authenticate(r)
		if i.Authenticated() != (shown && err == nil) || i.Authenticated() && (users.login == "" || strings.ContainsAny(users.login+users.password, "\x00\n\x7f")) {
			t.Errorf("Authenticate(%q) = %+v, %t, %v", value, i, shown, err)
		}
	})
}

// heardUser knows everybody.
type heardUser struct{ login, password string }

func (h *heardUser) Authenticate(_ context.Context, c watchword.Credentials, _ watchword.Client) (watchword.User, error) {
	h.login, h.password = c.Login, c.Password
	return watchword.User{ID: "1"}, nil
}
