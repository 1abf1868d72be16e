package httpauth_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/watchword-auth/watchword/httpauth"
)

const csrfCookie, csrfHeader = "__Host-ww_csrf", "X-CSRF-Token"

var csrfKey = []byte("a key of 32 bytes for csrf tokens")

// protected is the native profile over cookies with the token demanded.
func protected(t *testing.T, b *bench) (httpauth.Profile, http.Handler) {
	t.Helper()
	p := httpauth.Native("/auth/v1", httpauth.TwoCookies{}).WithCSRF(httpauth.CSRFToken{Key: csrfKey})
	h, err := httpauth.Handler(b.auth, p)
	if err != nil {
		t.Fatal(err)
	}
	return p, h
}

// oldBrowser sends neither Sec-Fetch-Site nor Origin.
func (j cookieJar) oldBrowser(h http.Handler, method, path, body string, header ...string) *http.Response {
	answer := j.send(h, method, path, body, append([]string{"Sec-Fetch-Site", ""}, header...)...)
	j.take(answer)
	return answer
}

// token asks for one as a page does.
func (j cookieJar) token(t *testing.T, h http.Handler) string {
	t.Helper()
	var body struct {
		Token string `json:"csrf_token"`
	}
	answer := j.oldBrowser(h, "GET", "/auth/v1/csrf", "")
	if err := json.NewDecoder(answer.Body).Decode(&body); err != nil || answer.StatusCode != 200 || body.Token == "" || body.Token != j[csrfCookie].Value {
		t.Fatalf("GET csrf = %d %+v, %v", answer.StatusCode, body, err)
	}
	return body.Token
}

func TestCSRFToken(t *testing.T) {
	b := newBench(t)
	p, h := protected(t, b)
	jar := cookieJar{}
	if got := jar.oldBrowser(h, "POST", "/auth/v1/token", annLogin); got.StatusCode != 403 || len(got.Cookies()) != 0 {
		t.Fatalf("sign-in without a token = %d, want 403 (login CSRF)", got.StatusCode)
	}
	before := jar.token(t, h)
	if c := jar[csrfCookie]; c.HttpOnly || !c.Secure || c.Path != "/" || c.SameSite != http.SameSiteLaxMode {
		t.Errorf("cookie %v", c)
	}
	if got := jar.oldBrowser(h, "POST", "/auth/v1/token", annLogin, csrfHeader, before); got.StatusCode != 200 {
		t.Fatalf("sign-in = %d", got.StatusCode)
	}
	token := jar[csrfCookie].Value
	if token == before {
		t.Error("sign-in did not rotate the token")
	}
	if again := jar.token(t, h); again != token {
		t.Error("GET csrf takes the token from other tabs")
	}

	eve := cookieJar{}
	eve.oldBrowser(h, "POST", "/auth/v1/token", annLogin, csrfHeader, eve.token(t, h))
	other := httpauth.Native("/auth/v1", httpauth.TwoCookies{}).WithCSRF(httpauth.CSRFToken{Key: []byte("another key of 32 bytes and a few")})
	foreign, err := httpauth.Handler(b.auth, other)
	if err != nil {
		t.Fatal(err)
	}
	planted := func(value string) cookieJar {
		with := cookieJar{csrfCookie: {Name: csrfCookie, Value: value}}
		for name, c := range jar {
			if name != csrfCookie {
				with[name] = c
			}
		}
		return with
	}
	guarded := p.Guard(b.auth).Require()(subject)
	foreignToken := cookieJar{}.token(t, foreign)
	tests := []struct {
		name   string
		jar    cookieJar
		header []string
		status int // at routes that know the session
		early  int // at refresh, which does not
	}{
		{"no header", jar, nil, 403, 403},
		{"empty header", jar, []string{csrfHeader, ""}, 403, 403},
		{"another name", jar, []string{"X-CSRFToken", token}, 403, 403},
		{"the token before sign-in", jar, []string{csrfHeader, before}, 403, 403},
		{"a stranger's in the header", jar, []string{csrfHeader, eve[csrfCookie].Value}, 403, 403},
		{"cut short", jar, []string{csrfHeader, token[:63]}, 403, 403},
		{"lower case", planted(strings.ToLower(token)), []string{csrfHeader, strings.ToLower(token)}, 403, 403},
		{"planted text", planted("x"), []string{csrfHeader, "x"}, 403, 403},
		{"another server's", planted(foreignToken), []string{csrfHeader, foreignToken}, 403, 403},
		{"no cookie", planted(""), []string{csrfHeader, token}, 403, 403},
		{"a stranger's, planted", planted(eve[csrfCookie].Value), []string{csrfHeader, eve[csrfCookie].Value}, 403, 200},
		{"one for nobody, planted", planted(before), []string{csrfHeader, before}, 403, 200},
		{"its own, but from another site", jar, []string{csrfHeader, token, "Sec-Fetch-Site", "cross-site"}, 403, 403},
		{"its own", jar, []string{csrfHeader, token}, 200, 200},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			header := append([]string{"Sec-Fetch-Site", ""}, tt.header...)
			if got := tt.jar.send(guarded, "POST", "/", "", header...); got.StatusCode != tt.status {
				t.Errorf("POST behind the guard = %d, want %d", got.StatusCode, tt.status)
			}
			if got := tt.jar.send(guarded, "GET", "/", ""); got.StatusCode != 200 {
				t.Errorf("GET behind the guard = %d", got.StatusCode)
			}
			want := map[int]int{200: 404, 403: 403}[tt.status] // there is no session x
			if got := tt.jar.send(h, "DELETE", "/auth/v1/sessions/x", "", header...); got.StatusCode != want {
				t.Errorf("DELETE session = %d, want %d", got.StatusCode, want)
			}
			if got := tt.jar.send(h, "POST", "/auth/v1/refresh", "{}", header...); got.StatusCode != tt.early {
				t.Errorf("refresh = %d, want %d", got.StatusCode, tt.early)
			}
		})
	}
	if got := jar.oldBrowser(h, "POST", "/auth/v1/logout", "{}", csrfHeader, token); got.StatusCode != 200 || jar[csrfCookie].Value == token {
		t.Errorf("sign-out = %d and leaves the token of the session: %v", got.StatusCode, jar[csrfCookie].Value == token)
	}
	if got := jar.oldBrowser(h, "POST", "/auth/v1/token", annLogin, csrfHeader, jar[csrfCookie].Value); got.StatusCode != 200 {
		t.Errorf("the next sign-in = %d", got.StatusCode)
	}
}

func TestCSRFTokenIsNotAskedForWithoutNeed(t *testing.T) {
	b := newBench(t)
	id, secret := b.newClient("billing", "read")
	_, h := protected(t, b)
	form := "grant_type=client_credentials&client_id=" + id + "&client_secret=" + secret
	machine := []string{"Content-Type", "application/x-www-form-urlencoded"}
	if got := (cookieJar{}).oldBrowser(h, "POST", "/auth/v1/token", form, machine...); got.StatusCode != 200 {
		t.Errorf("client credentials = %d", got.StatusCode)
	}
	if got := (cookieJar{}).oldBrowser(h, "POST", "/auth/v1/introspect", "token=x&client_id="+id+"&client_secret="+secret, machine...); got.StatusCode != 200 {
		t.Errorf("introspect = %d", got.StatusCode)
	}
	// Bearer beside cookies: what only scripts can send needs no token.
	p := httpauth.Native("/auth/v1", httpauth.Beside{Transport: httpauth.OneCookie{}, Also: []httpauth.Transport{httpauth.Bearer{}}})
	p = p.WithCSRF(httpauth.CSRFToken{Key: csrfKey})
	access, _ := b.signIn()
	if got := (cookieJar{}).send(p.Guard(b.auth).Require()(subject), "POST", "/", "", "Authorization", "Bearer "+access); got.StatusCode != 200 {
		t.Errorf("POST by bearer = %d", got.StatusCode)
	}
	bearerOnly := httpauth.Native("/auth/v1", nil).WithCSRF(httpauth.CSRFToken{Key: csrfKey})
	b.mount(bearerOnly)
	b.signIn()
	b.do(call{method: "GET", path: "/auth/v1/csrf"}).is(t, 404, "not_found", "")
}

func TestExemptRoutes(t *testing.T) {
	b := newBench(t)
	p := httpauth.Native("/auth/v1", httpauth.OneCookie{}).WithCSRF(httpauth.CSRFToken{Key: csrfKey})
	for i := range p.Routes {
		p.Routes[i].InsecureUnprotected = p.Routes[i].Op == httpauth.OpToken
	}
	h, err := httpauth.Handler(b.auth, p)
	if err != nil {
		t.Fatal(err)
	}
	jar := cookieJar{}
	if got := jar.oldBrowser(h, "POST", "/auth/v1/token", annLogin); got.StatusCode != 200 {
		t.Fatalf("the exempt sign-in = %d", got.StatusCode)
	}
	if got := (cookieJar{}).send(h, "POST", "/auth/v1/token", annLogin, "Sec-Fetch-Site", "cross-site"); got.StatusCode != 403 {
		t.Errorf("the exempt sign-in from another site = %d", got.StatusCode)
	}
	if got := jar.oldBrowser(h, "POST", "/auth/v1/refresh", "{}"); got.StatusCode != 403 {
		t.Errorf("refresh = %d, only sign-in is exempt", got.StatusCode)
	}
	open := *p.Guard(b.auth)
	open.InsecureUnprotected = true
	if got := jar.oldBrowser(open.Require()(subject), "POST", "/", ""); got.StatusCode != 200 {
		t.Errorf("POST behind the exempt guard = %d", got.StatusCode)
	}
}

func TestCSRFTokenOfOthersNames(t *testing.T) {
	b := newBench(t)
	p := httpauth.Native("/auth/v1", httpauth.OneCookie{}).WithCSRF(httpauth.CSRFToken{
		Key: csrfKey, Cookie: "csrftoken", HeaderName: "x-csrftoken", Domain: "example.com",
	})
	h, err := httpauth.Handler(b.auth, p)
	if err != nil {
		t.Fatal(err)
	}
	jar := cookieJar{}
	jar.oldBrowser(h, "GET", "/auth/v1/csrf", "")
	token := jar["csrftoken"].Value
	if len(token) != 64 || jar["csrftoken"].Domain != "example.com" || strings.Trim(token, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") != "" {
		t.Errorf("cookie %v, want 64 letters and digits", jar["csrftoken"])
	}
	if got := jar.oldBrowser(h, "POST", "/auth/v1/token", annLogin, "X-CSRFToken", token); got.StatusCode != 200 {
		t.Errorf("sign-in = %d", got.StatusCode)
	}
}

func TestCSRFTokenBindRefuses(t *testing.T) {
	b := newBench(t)
	for name, tt := range map[string]struct {
		token httpauth.CSRFToken
		want  string
	}{
		"no key":               {httpauth.CSRFToken{}, "0 bytes"},
		"a short key":          {httpauth.CSRFToken{Key: csrfKey[:31]}, "31 bytes"},
		"no cookie name":       {httpauth.CSRFToken{Key: csrfKey, Cookie: "a b"}, "cookie"},
		"__Host- and a domain": {httpauth.CSRFToken{Key: csrfKey, Cookie: "__host-x", Domain: "example.com"}, "dropped"},
		"a safelisted header":  {httpauth.CSRFToken{Key: csrfKey, HeaderName: "accept-language"}, "anybody"},
	} {
		p := httpauth.Native("/auth/v1", httpauth.OneCookie{}).WithCSRF(tt.token)
		if err := httpauth.Mount(http.NewServeMux(), b.auth, p); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: Mount = %v, want an error with %q", name, err, tt.want)
		}
		r := httptest.NewRequest("POST", "/", nil)
		r.Header.Set("Cookie", "__Host-ww_access=x")
		if _, err := p.Guard(b.auth).Check(r); err == nil {
			t.Errorf("%s: the guard lets through", name)
		}
	}
}

// An unbound token, by a guard that was made by hand, refuses.
func TestUnboundCSRFTokenRefuses(t *testing.T) {
	x := &httpauth.Exchange{Request: httptest.NewRequest("POST", "/", nil)}
	x.Request.Header.Set("X-Csrf-Token", "x")
	x.Request.Header.Set("Cookie", "ww_csrf=x")
	token := httpauth.CSRFToken{Key: csrfKey, Cookie: "ww_csrf", HeaderName: "X-Csrf-Token"}
	if err := token.Check(x); err == nil {
		t.Error("Check = nil")
	}
	if c, err := token.Issue(x, nil); err == nil || c != nil {
		t.Errorf("Issue = %v, %v", c, err)
	}
}

func FuzzCSRFToken(f *testing.F) {
	bound, err := httpauth.CSRFToken{Key: csrfKey}.Bind("http://localhost", "/")
	if err != nil {
		f.Fatal(err)
	}
	good, err := bound.Issue(&httpauth.Exchange{Request: httptest.NewRequest("GET", "/", nil)}, nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(uint8(64), "")
	f.Add(uint8(64), "A")
	f.Add(uint8(0), strings.ToLower(good.Value))
	f.Add(uint8(63), "=")
	// Every process has a token of its own: what is tried is made from it.
	f.Fuzz(func(t *testing.T, keep uint8, more string) {
		value := good.Value[:min(int(keep), len(good.Value))] + more
		r := httptest.NewRequest("POST", "/", nil)
		r.Header["X-Csrf-Token"] = []string{value}
		r.Header["Cookie"] = []string{"ww_csrf=" + value}
		if err := bound.Check(&httpauth.Exchange{Request: r}); (err == nil) != (value == good.Value) {
			t.Errorf("Check(%q) = %v", value, err)
		}
	})
}

func TestNoGETChangesAnythingByCookie(t *testing.T) {
	b := newBench(t)
	for _, op := range []httpauth.Op{httpauth.OpSignOut, httpauth.OpRefresh} {
		p := httpauth.Profile{Name: "x", Prefix: "/", Transport: httpauth.OneCookie{}, Routes: []httpauth.Route{{Pattern: "GET x", Op: op}}}
		if err := httpauth.Mount(http.NewServeMux(), b.auth, p); err == nil || !strings.Contains(err.Error(), "cookies") {
			t.Errorf("operation %d by GET over cookies: Mount = %v", op, err)
		}
		p.Transport = nil
		if err := httpauth.Mount(http.NewServeMux(), b.auth, p); err != nil {
			t.Errorf("operation %d by GET over bearer: Mount = %v", op, err)
		}
	}
}

// A sign-in ends the session whose cookies it overwrites; one by bearer ends
// nothing.
func TestSignInReplacesTheSession(t *testing.T) {
	b := newBench(t)
	h := cookieHandler(t, b, httpauth.OneCookie{})
	jar := cookieJar{}
	jar.take(jar.send(h, "POST", "/auth/v1/token", annLogin))
	old := jar.header()
	jar.take(jar.send(h, "POST", "/auth/v1/token", annLogin))
	if got := (cookieJar{}).send(h, "GET", "/auth/v1/me", "", "Cookie", old); got.StatusCode != 401 {
		t.Errorf("GET me with the former cookies = %d", got.StatusCode)
	}
	if got := jar.send(h, "GET", "/auth/v1/me", ""); got.StatusCode != 200 {
		t.Errorf("GET me = %d", got.StatusCode)
	}
}

// Of two tokens that disagree sign-out ends both: neither may live on after
// a 200.
func TestSignOutEndsAllThatIsShown(t *testing.T) {
	b := newBench(t)
	h := cookieHandler(t, b, httpauth.Beside{Transport: httpauth.OneCookie{}, Also: []httpauth.Transport{httpauth.Bearer{}}})
	jar := cookieJar{}
	jar.take(jar.send(h, "POST", "/auth/v1/token", annLogin))
	access, _ := b.signIn()
	if got := jar.send(h, "POST", "/auth/v1/logout", "{}", "Authorization", "Bearer "+access); got.StatusCode != 200 {
		t.Fatalf("logout = %d", got.StatusCode)
	}
	b.do(call{method: "GET", path: "/auth/v1/me", header: bearer(access)}).is(t, 401, "", "session_ended")
	if got := jar.send(h, "GET", "/auth/v1/me", ""); got.StatusCode != 401 {
		t.Errorf("GET me by cookie = %d", got.StatusCode)
	}
}
