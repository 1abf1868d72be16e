package httpauth_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/watchword-auth/watchword/httpauth"
)

func TestCheckOrigin(t *testing.T) {
	for _, good := range []string{
		"https://app.example.com", "http://localhost:5173", "http://127.0.0.1:8080", "http://[::1]:3000", "https://xn--bcher-kva.example",
		"capacitor://localhost", "https://a_b.example", "https://example.com:8443", "http://example.com:443",
	} {
		if err := httpauth.CheckOrigin(good); err != nil {
			t.Errorf("CheckOrigin(%q) = %v", good, err)
		}
	}
	for _, bad := range []string{
		"", "*", "null", "https://*", "https://*.example.com", "https://example.*", "example.com", "//example.com", "https:example.com", "https:/example.com",
		"https://", "https://example.com/", "https://example.com/path", "https://example.com?x", "https://example.com#x", "https://user@example.com",
		"https://example.com:", "https://example.com:0", "https://example.com:443", "http://example.com:80", "https://example.com:065", "https://example.com:65536",
		"https://example.com:+1", "https://example.com:x", "https://Example.com", "HTTPS://example.com", "https://bücher.example", "https://example.com ", " https://example.com",
		"https://example.com,https://b.example", "https://a b", "https://a\x00b", "https://a\nb", "https://.example.com", "https://a..b", "https://[::1", "https://::1",
		"https://[::1%25eth0]", "https://[0:0:0:0:0:0:0:1]", "https://[1.2.3.4]", "https://example.com\\", "https://example.com%2f", "null://", "://x", "1://x",
	} {
		if err := httpauth.CheckOrigin(bad); err == nil {
			t.Errorf("CheckOrigin(%q) = nil", bad)
		}
	}
}

func FuzzCheckOrigin(f *testing.F) {
	for _, s := range []string{"https://a.example", "http://[::1]:80", "null", "*", "https://a:1/"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if httpauth.CheckOrigin(s) != nil {
			return
		}
		u, err := url.Parse(s)
		if err != nil || u.Scheme+"://"+u.Host != s || u.Hostname() == "" || strings.ContainsAny(s, "*, \\@") || s != strings.ToLower(s) {
			t.Errorf("CheckOrigin(%q) = nil, parsed as %+v, %v", s, u, err)
		}
		if err := http.NewCrossOriginProtection().AddTrustedOrigin(s); err != nil {
			t.Errorf("CheckOrigin(%q) = nil, but %v", s, err)
		}
	})
}

const app = "https://app.example.com"

// crossOrigin is a profile with a front-end elsewhere.
func crossOrigin(tr httpauth.Transport) httpauth.Profile {
	p := httpauth.Native("/auth/v1", tr).WithCSRF(httpauth.CSRFToken{Key: csrfKey})
	p.Origins = []string{app, "http://localhost:5173"}
	return p
}

func TestPreflightOfEveryRoute(t *testing.T) {
	b := newBench(t)
	for name, tt := range map[string]struct {
		transport   httpauth.Transport
		credentials string
		headers     string
	}{
		"bearer":  {httpauth.Bearer{}, "", "Authorization, Content-Type"},
		"cookies": {httpauth.TwoCookies{}, "true", "Authorization, Content-Type, X-Csrf-Token"},
		"beside": {
			httpauth.Beside{Transport: httpauth.OneCookie{}, Also: []httpauth.Transport{httpauth.Bearer{Header: "x-auth"}}},
			"true", "Authorization, Content-Type, X-Auth, X-Csrf-Token",
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := crossOrigin(tt.transport)
			h, err := httpauth.Handler(b.auth, p)
			if err != nil {
				t.Fatal(err)
			}
			for _, route := range p.Routes {
				method, path, _ := strings.Cut(route.Pattern, " ")
				if !strings.HasPrefix(path, "/") {
					path = "/auth/v1/" + strings.ReplaceAll(path, "{id}", "x")
				}
				a := serve(h, call{method: "OPTIONS", path: path, header: []string{"Origin", app, "Access-Control-Request-Method", method}})
				got := a.header
				if a.status != 204 || got.Get("Access-Control-Allow-Origin") != app || got.Get("Access-Control-Allow-Credentials") != tt.credentials ||
					!strings.Contains(got.Get("Access-Control-Allow-Methods"), method) || got.Get("Access-Control-Allow-Headers") != tt.headers ||
					got.Get("Access-Control-Max-Age") == "" {
					t.Errorf("OPTIONS %s = %d %v", path, a.status, got)
				}
				if vary := strings.Join(got["Vary"], ", "); !strings.Contains(vary, "Origin") || !strings.Contains(vary, "Access-Control-Request-Method") {
					t.Errorf("OPTIONS %s: Vary %q", path, vary)
				}
			}
			a := serve(h, call{method: "GET", path: "/auth/v1/me", header: []string{"Origin", app}})
			if a.status != 401 || a.header.Get("Access-Control-Allow-Origin") != app || a.header.Get("Access-Control-Allow-Credentials") != tt.credentials ||
				a.header.Get("Access-Control-Expose-Headers") != "WWW-Authenticate, Retry-After" || a.header.Get("Vary") != "Origin" {
				t.Errorf("GET me = %d %v", a.status, a.header)
			}
			for path, want := range map[string]int{"/auth/v1/nothing": 404, "/auth/v1/logout": 405, "/.well-known/jwks.json": 200} {
				a := serve(h, call{method: "GET", path: path, header: []string{"Origin", app}})
				if a.status != want || a.header.Get("Access-Control-Allow-Origin") != app {
					t.Errorf("GET %s = %d %v", path, a.status, a.header)
				}
			}
			if a := serve(h, call{method: "GET", path: "/.well-known/jwks.json"}); a.header.Get("Vary") != "Origin" || a.header.Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("without an Origin: %v, caches must tell them apart", a.header)
			}
		})
	}
}

func TestOtherOriginsAreNotAllowed(t *testing.T) {
	b := newBench(t)
	p := crossOrigin(httpauth.TwoCookies{})
	h, err := httpauth.Handler(b.auth, p)
	if err != nil {
		t.Fatal(err)
	}
	middleware := p.CORS(b.auth)(subject)
	jar := cookieJar{}
	jar.take(jar.send(h, "GET", "/auth/v1/csrf", ""))
	jar.take(jar.send(h, "POST", "/auth/v1/token", annLogin, "X-CSRF-Token", jar[csrfCookie].Value))
	token := jar[csrfCookie].Value
	for _, origin := range []string{
		"null", "*", "https://evil.example", "https://app.example.com.evil.example", "https://evilapp.example.com", "https://app.example.co", "https://app.example.comx",
		"http://app.example.com", "https://app.example.com:444", "https://app.example.com:443", "https://app.example.com/", "https://APP.example.com", "https://sub.app.example.com",
		"https://example.org", "https://app.example.com@evil.example", "https://app.example.com%00.evil.example", "https://app.example.com, https://evil.example",
		"https://evil.example https://app.example.com", "http://localhost:51730", "http://localhost", "https://localhost:5173", "file://", "app.example.com", "https://app_example.com",
	} {
		for name, h := range map[string]http.Handler{"route": h, "middleware": middleware} {
			for _, c := range []call{
				{method: "OPTIONS", path: "/auth/v1/logout", header: []string{"Origin", origin, "Access-Control-Request-Method", "POST"}},
				{method: "GET", path: "/auth/v1/me", header: []string{"Origin", origin}},
			} {
				a := serve(h, c)
				for header := range a.header {
					if strings.HasPrefix(header, "Access-Control-") {
						t.Errorf("%s: %s from %q gets %s: %q", name, c.method, origin, header, a.header[header])
					}
				}
				if !strings.Contains(strings.Join(a.header["Vary"], ","), "Origin") {
					t.Errorf("%s: %s from %q: Vary %q", name, c.method, origin, a.header["Vary"])
				}
			}
		}
		for _, site := range []string{"cross-site", "same-site", ""} {
			if got := jar.send(h, "POST", "/auth/v1/logout", "{}", "Origin", origin, "Sec-Fetch-Site", site, "X-CSRF-Token", token); got.StatusCode != 403 {
				t.Errorf("POST logout from %q, %q = %d", origin, site, got.StatusCode)
			}
		}
	}
	if got := jar.send(h, "POST", "/auth/v1/logout", "{}", "Origin", app, "Sec-Fetch-Site", "same-site", "X-CSRF-Token", token); got.StatusCode != 200 ||
		got.Header.Get("Access-Control-Allow-Origin") != app {
		t.Errorf("POST logout from the front-end = %d %v", got.StatusCode, got.Header)
	}
	two := call{method: "GET", path: "/auth/v1/me", header: []string{"Origin", app, "Origin", "https://evil.example"}}
	if a := serve(h, two); a.header.Get("Access-Control-Allow-Origin") != "" {
		t.Error("two Origin headers are allowed")
	}
}

func TestCORSForTheApplication(t *testing.T) {
	b := newBench(t)
	p := crossOrigin(nil)
	access, _ := b.signIn()
	h := p.CORS(b.auth)(p.Guard(b.auth).Require()(subject))
	pre := serve(h, call{method: "OPTIONS", path: "/posts", header: []string{"Origin", app, "Access-Control-Request-Method", "PUT"}})
	if pre.status != 204 || pre.header.Get("Access-Control-Allow-Origin") != app || !strings.Contains(pre.header.Get("Access-Control-Allow-Methods"), "PUT") {
		t.Errorf("preflight = %d %v", pre.status, pre.header)
	}
	if a := serve(h, call{method: "PUT", path: "/posts", header: append(bearer(access), "Origin", app)}); a.status != 200 || a.header.Get("Access-Control-Allow-Origin") != app {
		t.Errorf("PUT = %d %v", a.status, a.header)
	}
	// OPTIONS that is no preflight is the application's own.
	if a := serve(h, call{method: "OPTIONS", path: "/posts", header: bearer(access)}); a.status != 200 || a.body != "1" {
		t.Errorf("OPTIONS = %d %s", a.status, a.body)
	}
	// Around mounted routes nothing is said twice.
	mounted, err := httpauth.Handler(b.auth, p)
	if err != nil {
		t.Fatal(err)
	}
	a := serve(p.CORS(b.auth)(mounted), call{method: "GET", path: "/auth/v1/me", header: append(bearer(access), "Origin", app)})
	if a.status != 200 || len(a.header["Vary"]) != 1 || len(a.header["Access-Control-Allow-Origin"]) != 1 {
		t.Errorf("GET me = %d %v", a.status, a.header)
	}
}

func TestBadOriginsAreNotMounted(t *testing.T) {
	b := newBench(t)
	p := httpauth.Native("/auth/v1", httpauth.OneCookie{})
	p.Origins = []string{"*", app, "null"}
	err := httpauth.Mount(http.NewServeMux(), b.auth, p)
	if err == nil || !strings.Contains(err.Error(), `"*"`) || !strings.Contains(err.Error(), `"null"`) {
		t.Errorf("Mount = %v, want both faults", err)
	}
	if a := serve(p.CORS(b.auth)(subject), call{method: "GET", path: "/", header: []string{"Origin", app}}); a.header.Get("Access-Control-Allow-Origin") != "" {
		t.Error("a profile that is not mounted allows origins")
	}
}

func TestNoOriginsNoCORS(t *testing.T) {
	b := newBench(t)
	a := b.do(call{method: "OPTIONS", path: "/auth/v1/token", header: []string{"Origin", app, "Access-Control-Request-Method", "POST"}})
	if a.status != 204 || a.header.Get("Allow") != "OPTIONS, POST" && a.header.Get("Allow") != "POST, OPTIONS" || a.header.Get("Access-Control-Allow-Origin") != "" || a.header.Get("Vary") != "" {
		t.Errorf("OPTIONS = %d %v", a.status, a.header)
	}
}

// Headers that a profile sets in its answers add to those set here.
func TestVaryOfAProfileIsKept(t *testing.T) {
	b := newBench(t)
	p := httpauth.Profile{Name: "x", Prefix: "/", Origins: []string{app}, Routes: []httpauth.Route{{
		Pattern: "GET x", Serve: func(*httpauth.Exchange) (httpauth.Reply, error) {
			return httpauth.Reply{Header: http.Header{"Vary": {"Cookie"}}}, nil
		},
	}}}
	b.mount(p)
	if a := b.do(call{method: "GET", path: "/x"}); strings.Join(a.header["Vary"], ",") != "Origin,Cookie" {
		t.Errorf("Vary %q", a.header["Vary"])
	}
}
