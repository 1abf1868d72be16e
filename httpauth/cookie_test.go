package httpauth_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/httpauth"
)

// cookieJar is a browser's, as far as names go.
type cookieJar map[string]*http.Cookie

func (j cookieJar) take(r *http.Response) {
	for _, c := range r.Cookies() {
		if c.MaxAge < 0 {
			delete(j, c.Name)
			continue
		}
		j[c.Name] = c
	}
}

func (j cookieJar) header() string {
	var parts []string
	for _, c := range j {
		parts = append(parts, c.Name+"="+c.Value)
	}
	return strings.Join(parts, "; ")
}

// send is one request of a browser that is on the site itself.
func (j cookieJar) send(h http.Handler, method, path, body string, header ...string) *http.Response {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	if len(j) > 0 {
		r.Header.Set("Cookie", j.header())
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func cookieHandler(t *testing.T, b *bench, tr httpauth.Transport) http.Handler {
	t.Helper()
	h, err := httpauth.Handler(b.auth, httpauth.Native("/auth/v1", tr))
	if err != nil {
		t.Fatal(err)
	}
	return h
}

const annLogin = `{"login":"` + ann + `","password":"` + annPass + `"}`

func TestCookieTransports(t *testing.T) {
	type attributes struct {
		path     string
		httpOnly bool
	}
	native := map[string]attributes{"__Host-ww_access": {"/", true}, "__Secure-ww_refresh": {"/auth/v1", true}}
	tests := []struct {
		name      string
		transport httpauth.Transport
		payload   string
		want      map[string]attributes
	}{
		{"one cookie", httpauth.OneCookie{}, "", native},
		{"two cookies", httpauth.TwoCookies{}, "__Host-ww_payload", map[string]attributes{
			"__Host-ww_access": native["__Host-ww_access"], "__Secure-ww_refresh": native["__Secure-ww_refresh"], "__Host-ww_payload": {"/", false},
		}},
		{"with a domain", httpauth.OneCookie{Cookies: httpauth.Cookies{Domain: "example.com"}}, "", map[string]attributes{
			"ww_access": {"/", true}, "ww_refresh": {"/auth/v1", true},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t)
			h := cookieHandler(t, b, tt.transport)
			jar := cookieJar{}
			answer := jar.send(h, "POST", "/auth/v1/token", annLogin)
			jar.take(answer)
			if answer.StatusCode != 200 || len(jar) != len(tt.want) {
				t.Fatalf("sign-in = %d with %d cookies, want %d", answer.StatusCode, len(jar), len(tt.want))
			}
			var body map[string]any
			if err := json.NewDecoder(answer.Body).Decode(&body); err != nil || body["access_token"] != nil || body["refresh_token"] != nil || body["expires_in"] != 300.0 {
				t.Errorf("body %v, %v: tokens are for cookies only", body, err)
			}
			for name, want := range tt.want {
				c := jar[name]
				if c == nil || c.Path != want.path || c.HttpOnly != want.httpOnly || !c.Secure || c.SameSite != http.SameSiteLaxMode || c.MaxAge <= 0 {
					t.Errorf("cookie %s: %v", name, c)
				}
			}
			if tt.payload != "" {
				text, err := base64.StdEncoding.DecodeString(jar[tt.payload].Value)
				var claims struct{ Sub string }
				if err != nil || json.Unmarshal(text, &claims) != nil || claims.Sub != "1" {
					t.Errorf("payload %s, %v", text, err)
				}
			}
			if got := jar.send(h, "GET", "/auth/v1/me", ""); got.StatusCode != 200 {
				t.Errorf("GET me = %d", got.StatusCode)
			}
			before := jar.header()
			answer = jar.send(h, "POST", "/auth/v1/refresh", "{}")
			jar.take(answer)
			if answer.StatusCode != 200 || jar.header() == before {
				t.Errorf("refresh = %d, cookies changed: %v", answer.StatusCode, jar.header() != before)
			}
			answer = jar.send(h, "POST", "/auth/v1/logout", "{}")
			for _, c := range answer.Cookies() {
				if want := tt.want[c.Name]; c.Path != want.path || !c.Secure || c.Value != "" || c.MaxAge >= 0 || c.Domain != jar[c.Name].Domain {
					t.Errorf("deletion %v does not repeat path and domain", c)
				}
			}
			old := jar.header()
			jar.take(answer)
			if answer.StatusCode != 200 || len(jar) != 0 {
				t.Errorf("logout = %d and leaves %v", answer.StatusCode, jar)
			}
			if got := (cookieJar{}).send(h, "GET", "/auth/v1/me", "", "Cookie", old); got.StatusCode != 401 {
				t.Errorf("GET me after logout = %d", got.StatusCode)
			}
		})
	}
}

func TestPlainNamesWhereTheIssuerIsHTTP(t *testing.T) {
	b := newBench(t, func(c *watchword.Config) { c.Issuer = "http://127.0.0.1:8080" })
	answer := cookieJar{}.send(cookieHandler(t, b, httpauth.TwoCookies{}), "POST", "/auth/v1/token", annLogin)
	jar := cookieJar{}
	jar.take(answer)
	for _, name := range []string{"ww_access", "ww_refresh", "ww_payload"} {
		if jar[name] == nil || !jar[name].Secure {
			t.Errorf("cookie %s is %v", name, jar[name])
		}
	}
}

// Every unsafe route refuses what a browser sends from elsewhere, sign-in
// included, and nothing happens.
func TestCrossSiteRequestsAreRefused(t *testing.T) {
	b := newBench(t)
	h := cookieHandler(t, b, httpauth.OneCookie{})
	jar := cookieJar{}
	jar.take(jar.send(h, "POST", "/auth/v1/token", annLogin))
	for _, header := range [][]string{
		{"Sec-Fetch-Site", "cross-site"},
		{"Sec-Fetch-Site", "same-site"},
		{"Sec-Fetch-Site", "", "Origin", "https://evil.example"},
		{"Sec-Fetch-Site", "", "Origin", "null"},
	} {
		for path, body := range map[string]string{
			"/auth/v1/token": annLogin, "/auth/v1/refresh": "{}", "/auth/v1/logout": `{"everywhere":true}`,
			"/auth/v1/password": `{"current":"` + annPass + `","new":"a brand new one"}`,
		} {
			answer := jar.send(h, "POST", path, body, header...)
			if answer.StatusCode != 403 || len(answer.Cookies()) != 0 {
				t.Errorf("POST %s with %v = %d, %d cookies", path, header, answer.StatusCode, len(answer.Cookies()))
			}
		}
		if answer := jar.send(h, "DELETE", "/auth/v1/sessions/x", "", header...); answer.StatusCode != 403 {
			t.Errorf("DELETE with %v = %d", header, answer.StatusCode)
		}
	}
	if answer := jar.send(h, "GET", "/auth/v1/me", ""); answer.StatusCode != 200 {
		t.Errorf("after all that GET me = %d", answer.StatusCode)
	}
}

func TestPlantedCookiesAreRefused(t *testing.T) {
	b := newBench(t)
	h := cookieHandler(t, b, httpauth.OneCookie{})
	jar := cookieJar{}
	jar.take(jar.send(h, "POST", "/auth/v1/token", annLogin))
	for name, header := range map[string]string{
		"another before": "__Host-ww_access=planted; " + jar.header(),
		"another after":  jar.header() + "; __Host-ww_access=planted",
		"too long":       "__Host-ww_access=" + strings.Repeat("a", 17<<10),
	} {
		if answer := (cookieJar{}).send(h, "GET", "/auth/v1/me", "", "Cookie", header); answer.StatusCode != 401 {
			t.Errorf("%s: GET me = %d", name, answer.StatusCode)
		}
	}
}

func TestACookieThatBrowsersWouldDropIsAnError(t *testing.T) {
	b := newBench(t, func(c *watchword.Config) {
		c.Claims = func(_ context.Context, _ watchword.User, s *watchword.ClaimSet) error {
			s.Custom = map[string]any{"big": strings.Repeat("x", 5000)}
			return nil
		}
	})
	var reported error
	profile := httpauth.Native("/auth/v1", httpauth.TwoCookies{})
	profile.Report = func(_ *http.Request, _ httpauth.Problem, err error) { reported = err }
	h, err := httpauth.Handler(b.auth, profile)
	if err != nil {
		t.Fatal(err)
	}
	answer := cookieJar{}.send(h, "POST", "/auth/v1/token", annLogin)
	if answer.StatusCode != 500 || len(answer.Cookies()) != 0 {
		t.Errorf("sign-in = %d with %d cookies", answer.StatusCode, len(answer.Cookies()))
	}
	if reported == nil || !strings.Contains(reported.Error(), "4096") || !strings.Contains(reported.Error(), "ww_access") {
		t.Errorf("reported %v, want the cookie and the bound", reported)
	}
	if s, err := b.store.Session(context.Background(), 1); err != nil || s.EndedAt.IsZero() {
		t.Errorf("the session that nobody holds is open: %v", err)
	}
}

func TestCookieAndBearerSideBySide(t *testing.T) {
	b := newBench(t)
	h := cookieHandler(t, b, httpauth.Beside{Transport: httpauth.OneCookie{}, Also: []httpauth.Transport{httpauth.Bearer{}}})
	jar := cookieJar{}
	jar.take(jar.send(h, "POST", "/auth/v1/token", annLogin))
	access := jar["__Host-ww_access"].Value
	other, err := b.auth.SignIn(context.Background(), watchword.SignInRequest{Credentials: watchword.Credentials{Login: ann, Password: annPass}})
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name   string
		jar    cookieJar
		header []string
		status int
	}{
		{"cookie", jar, nil, 200},
		{"bearer", cookieJar{}, []string{"Authorization", "Bearer " + access}, 200},
		{"both the same", jar, []string{"Authorization", "Bearer " + access}, 200},
		{"two that disagree", jar, []string{"Authorization", "Bearer " + other.Access}, 401},
		{"neither", cookieJar{}, nil, 401},
	}
	for _, tt := range tests {
		if got := tt.jar.send(h, "GET", "/auth/v1/me", "", tt.header...); got.StatusCode != tt.status {
			t.Errorf("%s: GET me = %d, want %d", tt.name, got.StatusCode, tt.status)
		}
	}
	// A script of another origin that has a token of its own is no forgery.
	cross := []string{"Authorization", "Bearer " + other.Access, "Sec-Fetch-Site", "cross-site", "Origin", "https://app.example"}
	if got := (cookieJar{}).send(h, "POST", "/auth/v1/logout", "{}", cross...); got.StatusCode != 200 {
		t.Errorf("POST logout by bearer from another origin = %d", got.StatusCode)
	}
	if got := jar.send(h, "POST", "/auth/v1/logout", "{}", "Sec-Fetch-Site", "cross-site"); got.StatusCode != 403 {
		t.Errorf("POST logout by cookie from another site = %d", got.StatusCode)
	}
}

// A bearer beside it does not make a refresh cookie one that a script sent.
func TestRefreshCookieBesideABearer(t *testing.T) {
	b := newBench(t)
	h := cookieHandler(t, b, httpauth.Beside{Transport: httpauth.OneCookie{}, Also: []httpauth.Transport{httpauth.Bearer{}}})
	jar := cookieJar{}
	jar.take(jar.send(h, "POST", "/auth/v1/token", annLogin))
	access := jar["__Host-ww_access"].Value
	for _, token := range []string{access, "x"} {
		if got := jar.send(h, "POST", "/auth/v1/refresh", "{}", "Sec-Fetch-Site", "cross-site", "Authorization", "Bearer "+token); got.StatusCode != 403 {
			t.Errorf("refresh from another site with bearer %.5s = %d", token, got.StatusCode)
		}
	}
	if got := jar.send(h, "POST", "/auth/v1/refresh", "{}", "Authorization", "Bearer "+access); got.StatusCode != 200 {
		t.Errorf("refresh from the site itself = %d", got.StatusCode)
	}
}

// Cross-site WebSocket hijacking: the handshake is a GET with cookies.
func TestWebSocketsFromElsewhereAreRefused(t *testing.T) {
	b := newBench(t)
	p := httpauth.Native("/auth/v1", httpauth.OneCookie{})
	p.Origins = []string{"https://app.example.com"}
	h, err := httpauth.Handler(b.auth, p)
	if err != nil {
		t.Fatal(err)
	}
	jar := cookieJar{}
	jar.take(jar.send(h, "POST", "/auth/v1/token", annLogin))
	guarded := p.Guard(b.auth).Require()(subject)
	upgrade := []string{"Connection", "Upgrade", "Upgrade", "websocket"}
	for _, tt := range []struct {
		name   string
		header []string
		status int
	}{
		{"the site itself", nil, 200},
		{"no browser", []string{"Sec-Fetch-Site", ""}, 200},
		{"another site", []string{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"}, 403},
		{"a sister host", []string{"Sec-Fetch-Site", "same-site", "Origin", "https://blog.example.com"}, 403},
		{"a sister host, old browser", []string{"Sec-Fetch-Site", "", "Origin", "https://blog.example.com"}, 403},
		{"the front-end", []string{"Sec-Fetch-Site", "same-site", "Origin", "https://app.example.com"}, 200},
	} {
		if got := jar.send(guarded, "GET", "/ws", "", append(upgrade, tt.header...)...); got.StatusCode != tt.status {
			t.Errorf("%s: %d, want %d", tt.name, got.StatusCode, tt.status)
		}
	}
}

func TestBindRefuses(t *testing.T) {
	b := newBench(t)
	for name, tr := range map[string]httpauth.Transport{
		"no cookie name":           httpauth.OneCookie{Cookies: httpauth.Cookies{Access: "a b"}},
		"two of one name":          httpauth.OneCookie{Cookies: httpauth.Cookies{Access: "x", Refresh: "x"}},
		"__Host- and a domain":     httpauth.OneCookie{Cookies: httpauth.Cookies{Access: "__HOST-a", Domain: "example.com"}},
		"a path without a slash":   httpauth.OneCookie{Cookies: httpauth.Cookies{RefreshPath: "auth"}},
		"a path with an attribute": httpauth.OneCookie{Cookies: httpauth.Cookies{RefreshPath: "/; Domain=evil.example"}},
		"a bad domain":             httpauth.OneCookie{Cookies: httpauth.Cookies{Domain: "a;b"}},
		"__Host- and a path":       httpauth.TwoCookies{Cookies: httpauth.Cookies{Refresh: "__Host-r"}},
	} {
		profile := httpauth.Native("/auth/v1", tr)
		if err := httpauth.Mount(http.NewServeMux(), b.auth, profile); err == nil {
			t.Errorf("%s: mounted", name)
		}
		if _, err := profile.Guard(b.auth).Check(httptest.NewRequest("GET", "/", nil)); err == nil {
			t.Errorf("%s: the guard lets through", name)
		}
	}
}

func TestMachinesGetTheirTokenInTheBody(t *testing.T) {
	b := newBench(t)
	id, secret, record := watchword.NewClientSecret("billing", []string{"read"}, b.clock.Now())
	if err := b.store.CreateClient(context.Background(), record); err != nil {
		t.Fatal(err)
	}
	h := cookieHandler(t, b, httpauth.TwoCookies{})
	form := "grant_type=client_credentials&client_id=" + id + "&client_secret=" + secret
	answer := cookieJar{}.send(h, "POST", "/auth/v1/token", form, "Content-Type", "application/x-www-form-urlencoded", "Sec-Fetch-Site", "")
	var body map[string]any
	if err := json.NewDecoder(answer.Body).Decode(&body); err != nil || answer.StatusCode != 200 || body["access_token"] == nil || len(answer.Cookies()) != 0 {
		t.Errorf("client credentials = %d %v, %d cookies", answer.StatusCode, body, len(answer.Cookies()))
	}
}
