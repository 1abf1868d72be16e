package gate_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/gate"
	"github.com/watchword-auth/watchword/jwt"
)

// loopback are the proxies of the tests.
var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}

// tokens are those that the tests' authority knows.
func tokens(now time.Time) map[string]watchword.ClaimSet {
	return map[string]watchword.ClaimSet{
		"ann": {Subject: "1", Expiry: now.Add(time.Hour), Session: "s1"},
		"bob": {
			Subject: "b\u00f6b, \r\nX-Evil: 1 %", Expiry: now.Add(5 * time.Second), ClientID: "watchword",
			Scopes: []string{"posts:write", "posts:read"}, Permissions: []string{"shop.view order", "shop.add_order"},
		},
	}
}

// verify stands for the authority.
func verify(_ context.Context, raw string, _ ...watchword.Kind) (*watchword.Claims, error) {
	if raw == "unavailable" {
		return nil, watchword.Unavailable
	}
	set, ok := tokens(now())[raw]
	if !ok {
		return nil, watchword.TokenExpired
	}
	set.Kind = watchword.Access
	return set.Freeze(nil), nil
}

func now() time.Time { return time.Unix(1_800_000_000, 0) }

// testRules are those of most tests.
func testRules() []gate.Rule {
	return []gate.Rule{
		{Path: "/public", Public: true},
		{Path: "/public/inside", Permissions: []string{"nobody.has"}},
		{Path: "/posts", Methods: []string{"GET"}, Public: true},
		{Path: "/posts", Methods: []string{"POST", "PUT"}, Scopes: []string{"posts:write"}},
		{Path: "/orders/", Permissions: []string{"shop.view order", "shop.add_order"}},
		{Path: "/тест", Public: true},
	}
}

// options are those of a gate for tests.
func options(t testing.TB) gate.Options {
	t.Helper()
	key, err := jwt.GenerateKey(jwt.ES256)
	if err != nil {
		t.Fatal(err)
	}
	return gate.Options{
		Verify: verify, Rules: testRules(), TrustedProxies: loopback, Cookie: "ww_access", Key: key, Issuer: "http://gate", Audience: "shop",
		Lifetime: 30 * time.Second, Log: slog.New(slog.DiscardHandler), Now: now,
	}
}

func newGate(t testing.TB, o gate.Options) *gate.Gate {
	t.Helper()
	g, err := gate.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// ask asks the gate about a request, as a proxy does.
func ask(g http.Handler, endpoint, method, uri string, header http.Header) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, "http://gate"+endpoint, nil)
	r.RemoteAddr = "127.0.0.1:4711"
	r.Header = http.Header{
		"X-Forwarded-Method": {method}, "X-Forwarded-Uri": {uri}, "X-Forwarded-Host": {"shop.example.com"}, "X-Forwarded-Proto": {"https"},
	}
	for name, values := range header {
		r.Header[name] = values
	}
	w := httptest.NewRecorder()
	g.ServeHTTP(w, r)
	return w
}

const (
	endpoint      = "/.watchword/verify"
	nginxEndpoint = "/.watchword/verify/nginx"
)

func bearer(token string) http.Header { return http.Header{"Authorization": {"Bearer " + token}} }

func TestRules(t *testing.T) {
	g := newGate(t, options(t))
	for _, tt := range []struct {
		method, uri, token string
		want               int
	}{
		{"GET", "/", "", 401},
		{"GET", "/", "ann", 200},
		{"GET", "/", "gone", 401},
		{"GET", "/", "unavailable", 503},
		{"DELETE", "/anything/at?all=1", "ann", 200},
		{"GET", "/public", "", 200},
		{"GET", "/public/", "", 200},
		{"POST", "/public/a/b", "", 200},
		{"GET", "/public/a", "gone", 200}, // a stranger again
		{"GET", "/public/a", "unavailable", 200},
		{"GET", "/publicity", "", 401},
		{"GET", "/public/inside", "", 401},
		{"GET", "/public/inside/x", "bob", 403},
		{"GET", "/public/insides", "", 200},
		{"GET", "/posts/1", "", 200},
		{"HEAD", "/posts/1", "", 200},
		{"POST", "/posts", "", 401},
		{"POST", "/posts", "ann", 403},
		{"POST", "/posts", "bob", 200},
		{"DELETE", "/posts/1", "bob", 403}, // no rule speaks of it
		{"GET", "/orders", "ann", 403},
		{"GET", "/orders/7", "bob", 200},
		{"GET", "/%D1%82%D0%B5%D1%81%D1%82/x", "", 200},
	} {
		var header http.Header
		if tt.token != "" {
			header = bearer(tt.token)
		}
		if w := ask(g, endpoint, tt.method, tt.uri, header); w.Code != tt.want {
			t.Errorf("%s %s as %q = %d %s, want %d", tt.method, tt.uri, tt.token, w.Code, w.Body, tt.want)
		}
	}
	w := ask(g, endpoint, "POST", "/posts", bearer("ann"))
	if got := w.Header().Get("WWW-Authenticate"); !strings.Contains(got, `scope="posts:write"`) {
		t.Errorf("challenge = %q, want it to name the scope", got)
	}
}

// Every one of these could be another request to the service than to the
// gate.
func hostileTargets() []string {
	targets := []string{
		"//public", "/public//x", "/public/../orders", "/public/./x", "/..", "/.", "/public/..", "/public/%2e%2e/orders", "/public/.%2E/orders",
		"/%2e/public", "/public/..;/orders", "/public;x=1", "/public/a;b/c", "/public%2forders", "/public%2Forders", "/public/%5c../orders",
		"/public\\orders", "/public/x%00", "/public%0a", "/public%0d%0aX: 1", "/public%09", "/public%7f", "/public%252forders", "/public/%25",
		"/public/%c0%af", "/public/%c0%ae%c0%ae/", "/public/%ff", "/public/%e0%80%af", "/public/%ef%bc%8f", "/public/%ef%bc%8e%ef%bc%8e/orders",
		"/public/%e2%88%95", "/public/%e2%80%a5/x", "/public/%e2%80%8b", "/public/%c2%85", "/public.", "/public%20", "/public/%20x", "/public /x",
		"/public#x", "/public?x#y", "/public%3fx", "/public%23", "/public%", "/public%2", "/public%zz", "public", "", "*", "http://shop/public",
		"?x", "\\public", "/Public", "/PUBLIC/x", "/Orders/1", "/public/Inside", "/Тест", "/po%C5%BFts", "/pub\u212aic", "/public/\x01", "/public/\xff",
		"/.%00./public", "/public/%u002e%u002e", "/" + strings.Repeat("a", 9000), "/public?_method=DELETE", "/public?a=1&_METHOD=PUT", "/public?%5fmethod=PUT",
		"/public?.method=PUT", "/public?a;_method=PUT", "/public?_method%00x=PUT", "/public?+_method=PUT", "/public?_method[]=PUT", "/public?_method%5B0%5D=PUT",
		"/public?[_method]=PUT", "/public?_method", "/public/%c2%a0", "/%e3%80%80public",
	}
	for _, r := range normalised {
		targets = append(targets, "/public/"+url.PathEscape("a"+string(r)+"b"), "/"+url.PathEscape(string(r))+"/orders")
	}
	return targets
}

// normalised are the characters that NFC or NFKC of Unicode 14 turns into a
// slash, backslash, dot, percent sign, semicolon, question mark or number
// sign, or into several with one of these.
const normalised = "\u037e\u2024\u2025\u2026\u2047\u2048\u2049\u2100\u2101\u2105\u2106" +
	"\u2488\u2489\u248a\u248b\u248c\u248d\u248e\u248f\u2490\u2491\u2492\u2493\u2494\u2495\u2496\u2497\u2498\u2499\u249a\u249b" +
	"\u33c2\u33c7\u33d8\ufe14\ufe16\ufe19\ufe30\ufe52\ufe54\ufe56\ufe5f\ufe68\ufe6a\uff03\uff05\uff0e\uff0f\uff1b\uff1f\uff3c\U0001f100"

func TestTargetsThatAreReadTwoWays(t *testing.T) {
	g := newGate(t, options(t))
	for _, uri := range hostileTargets() {
		for _, header := range []http.Header{nil, bearer("bob")} {
			if w := ask(g, endpoint, "GET", uri, header); w.Code != 400 || w.Header().Get("X-Watchword-User") != "" {
				t.Errorf("GET %.40q = %d %v, want 400", uri, w.Code, w.Header())
			}
			if w := ask(g, nginxEndpoint, "GET", uri, header); w.Code != 403 {
				t.Errorf("GET %.40q for nginx = %d, want 403", uri, w.Code)
			}
		}
	}
	for _, uri := range []string{
		"/", "/a/", "/a.b/c..d/.well-known", "/a%20b", "/~ann/$x,y=1:2@3!*'()", "/%D0%B0", "/a?b=/../c%2f;d//..", "/a?x=%00%ff&method=PUT", "/a?_method=GET", "/a?_methods=PUT&x_method=PUT&filter[method]=PUT",
	} {
		if w := ask(g, endpoint, "GET", uri, bearer("ann")); w.Code != 200 {
			t.Errorf("GET %q = %d, want 200", uri, w.Code)
		}
	}
	for _, method := range []string{"", "get", "Get", "TRACE", "CONNECT", "G T", "GET\t", "GÉT", strings.Repeat("A", 40)} {
		if w := ask(g, endpoint, method, "/public", nil); w.Code != 400 {
			t.Errorf("%q = %d, want 400", method, w.Code)
		}
	}
}

func TestHeadersThatSayOtherwise(t *testing.T) {
	g := newGate(t, options(t))
	for _, tt := range []struct {
		name, value string
		want        int
	}{
		{"X-Http-Method-Override", "DELETE", 400},
		{"X-Http-Method-Override", "GET", 200},
		{"X-Http-Method", "PUT", 400},
		{"X-Method-Override", "get", 400},
		{"X_http_method_override", "DELETE", 400},
		{"X-Original-Url", "/orders", 400},
		{"X-Original-Uri", "/public", 200},
		{"X-Rewrite-Url", "/orders", 400},
		{"X_Rewrite_Url", "/orders", 400},
		{"X-Watchword-User", "1", 400},
		{"X-Watchword-User", "", 400},
		{"X_watchword_user", "1", 400},
		{"X-Watchword_identity", "x", 400},
		{"X.watchword.scopes", "x", 400},
		{"X-Watchword-New-One", "x", 400},
		{"Connection", "close, X-Watchword-User", 400},
		{"Connection", "authorization", 400},
		{"Connection", "keep-alive", 200},
		{"X-Watchwords", "x", 200},
		{"Upgrade", "h2c", 400},
		{"Upgrade", "websocket, h2c", 400},
		{"Upgrade", "WebSocket", 200},
	} {
		for _, header := range []http.Header{{tt.name: {tt.value}}, {tt.name: {tt.value}, "Authorization": {"Bearer ann"}}} {
			if w := ask(g, endpoint, "GET", "/public", header); w.Code != tt.want {
				t.Errorf("%s: %s = %d, want %d", tt.name, tt.value, w.Code, tt.want)
			}
		}
	}
	for name, header := range map[string]http.Header{
		"two methods":      {"X-Forwarded-Method": {"GET", "DELETE"}},
		"two targets":      {"X-Forwarded-Uri": {"/public", "/orders"}},
		"two hosts":        {"X-Forwarded-Host": {"a", "b"}},
		"a list of hosts":  {"X-Forwarded-Host": {"a, b"}},
		"no host":          {"X-Forwarded-Host": {""}},
		"no target at all": {"X-Forwarded-Uri": nil},
		"two tokens":       {"Authorization": {"Bearer ann", "Bearer bob"}},
	} {
		if w := ask(g, endpoint, "GET", "/public", header); w.Code != 400 {
			t.Errorf("%s = %d, want 400", name, w.Code)
		}
	}
}

func TestOnlyProxiesAsk(t *testing.T) {
	g := newGate(t, options(t))
	for remote, want := range map[string]int{"127.0.0.1:1": 200, "[::ffff:127.0.0.1]:1": 200, "10.0.0.1:1": 403, "[::1]:1": 403, "@": 403, "": 403} {
		r := httptest.NewRequest(http.MethodGet, "http://gate"+endpoint, nil)
		r.RemoteAddr = remote
		r.Header = http.Header{"X-Forwarded-Method": {"GET"}, "X-Forwarded-Uri": {"/public"}, "X-Forwarded-Host": {"h"}}
		w := httptest.NewRecorder()
		g.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("asked by %q = %d, want %d", remote, w.Code, want)
		}
	}
	if w := ask(g, "/elsewhere", "GET", "/", nil); w.Code != 404 {
		t.Errorf("another path without a service = %d, want 404", w.Code)
	}
	var fault error
	o := options(t)
	o.Ready = func() error { return fault }
	g = newGate(t, o)
	for path, want := range map[string][2]int{"healthz": {204, 204}, "readyz": {204, 503}} {
		for i, err := range []error{nil, errors.New("no keys of http://inner")} {
			fault = err
			if w := ask(g, "/.watchword/"+path, "GET", "/", nil); w.Code != want[i] || w.Body.Len() > 0 {
				t.Errorf("%s with fault %v = %d %s, want %d", path, err, w.Code, w.Body, want[i])
			}
		}
	}
}

// identityOf verifies an identity as a service does: by the gate's key set.
func identityOf(t *testing.T, g http.Handler, token string) map[string]any {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "http://gate/.watchword/jwks.json", nil)
	w := httptest.NewRecorder()
	g.ServeHTTP(w, r)
	keys, err := jwt.ParseKeySet(w.Body.Bytes())
	if err != nil || len(keys) != 1 || keys[0].CanSign() {
		t.Fatalf("key set %s: %v", w.Body, err)
	}
	header, payload, err := jwt.Open(t.Context(), token, jwt.KeySet(keys))
	if err != nil || header.Type != gate.IdentityType {
		t.Fatalf("identity %q: typ %q, %v", token, header.Type, err)
	}
	claims := make(map[string]any)
	err = jwt.Walk(payload, func(name string, v jwt.Value) (err error) {
		switch name {
		case "iat", "exp":
			claims[name], err = v.Int()
		case "permissions":
			claims[name], err = v.Texts()
		default:
			claims[name], err = v.Text()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return claims
}

func TestIdentity(t *testing.T) {
	g := newGate(t, options(t))
	w := ask(g, endpoint, "GET", "/", bearer("bob"))
	for name, want := range map[string]string{
		"X-Watchword-User":        "b%C3%B6b%2C%20%0D%0AX-Evil:%201%20%25",
		"X-Watchword-Scopes":      "posts:write posts:read",
		"X-Watchword-Permissions": "shop.view%20order shop.add_order",
	} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	claims := identityOf(t, g, w.Header().Get("X-Watchword-Identity"))
	if claims["iss"] != "http://gate" || claims["aud"] != "shop" || claims["sub"] != tokens(now())["bob"].Subject || claims["scope"] != "posts:write posts:read" {
		t.Errorf("identity = %v", claims)
	}
	if permissions, _ := claims["permissions"].([]string); !slices.Equal(permissions, []string{"shop.view order", "shop.add_order"}) {
		t.Errorf("permissions = %q", claims["permissions"])
	}
	if claims["iat"] != now().Unix() || claims["exp"] != now().Unix()+5 {
		t.Errorf("the identity is from %v to %v, want it to end with the token, in 5 s", claims["iat"], claims["exp"])
	}
	ann := ask(g, endpoint, "GET", "/public", bearer("ann"))
	if claims := identityOf(t, g, ann.Header().Get("X-Watchword-Identity")); claims["exp"] != now().Unix()+30 || claims["sub"] != "1" || claims["sid"] != "s1" {
		t.Errorf("identity on a public path = %v, want 30 s of user 1", claims)
	}
	for name := range ask(g, endpoint, "GET", "/public", nil).Header() {
		if strings.HasPrefix(name, "X-Watchword-") {
			t.Errorf("a stranger has %s", name)
		}
	}
}

func TestCookies(t *testing.T) {
	g := newGate(t, options(t))
	cookie := func(more http.Header) http.Header {
		h := http.Header{"Cookie": {"a=b; ww_access=ann"}}
		for name, values := range more {
			h[name] = values
		}
		return h
	}
	for name, tt := range map[string]struct {
		method string
		header http.Header
		want   int
	}{
		"a page":                            {"GET", cookie(nil), 200},
		"a form of the same site":           {"POST", cookie(http.Header{"Sec-Fetch-Site": {"same-origin"}}), 200},
		"a form of another site":            {"POST", cookie(http.Header{"Sec-Fetch-Site": {"cross-site"}}), 403},
		"an origin that is the same":        {"POST", cookie(http.Header{"Origin": {"https://shop.example.com"}}), 200},
		"an origin that is another":         {"POST", cookie(http.Header{"Origin": {"https://evil.example.com"}}), 403},
		"a socket of another site":          {"GET", cookie(http.Header{"Upgrade": {"websocket"}, "Origin": {"https://evil.example.com"}}), 403},
		"a socket that the proxy hides":     {"GET", cookie(http.Header{"Sec-Websocket-Key": {"x"}, "Origin": {"https://evil.example.com"}}), 403},
		"a socket of a sister site":         {"GET", cookie(http.Header{"Sec-Websocket-Key": {"x"}, "Sec-Fetch-Site": {"same-site"}}), 403},
		"a socket of the same site":         {"GET", cookie(http.Header{"Sec-Websocket-Key": {"x"}, "Origin": {"https://shop.example.com"}}), 200},
		"two cookies":                       {"GET", http.Header{"Cookie": {"ww_access=ann; ww_access=bob"}}, 401},
		"a cookie and another bearer":       {"GET", cookie(bearer("bob")), 401},
		"another's cookie":                  {"GET", http.Header{"Cookie": {"access=ann"}}, 401},
		"a bearer needs no origin":          {"POST", http.Header{"Authorization": {"Bearer ann"}, "Sec-Fetch-Site": {"cross-site"}}, 200},
		"a token in the query is no token":  {"GET", http.Header{}, 401},
		"a refresh cookie is not looked at": {"GET", http.Header{"Cookie": {"ww_refresh=ann"}}, 401},
	} {
		if w := ask(g, endpoint, tt.method, "/?access_token=ann", tt.header); w.Code != tt.want {
			t.Errorf("%s = %d %s, want %d", name, w.Code, w.Body, tt.want)
		}
	}
	o := options(t)
	o.Cookie = ""
	if w := ask(newGate(t, o), endpoint, "GET", "/", cookie(nil)); w.Code != 401 {
		t.Errorf("a cookie that nobody asked for = %d, want 401", w.Code)
	}
}

func TestLogin(t *testing.T) {
	o := options(t)
	o.Login = "https://auth.example.com/login?lang=en"
	g := newGate(t, o)
	page := http.Header{"Accept": {"text/html,*/*"}}
	w := ask(g, endpoint, "GET", "/a?b=c&d", page)
	want := "https://auth.example.com/login?lang=en&next=" + url.QueryEscape("https://shop.example.com/a?b=c&d")
	if w.Code != 302 || w.Header().Get("Location") != want || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("a page = %d %v, want 302 to %s", w.Code, w.Header(), want)
	}
	for name, tt := range map[string]struct {
		endpoint, method, uri string
		header                http.Header
		want                  int
	}{
		"data":      {endpoint, "GET", "/a", http.Header{"Accept": {"application/json"}}, 401},
		"a script":  {endpoint, "GET", "/a", http.Header{"Accept": {"text/html"}, "Sec-Fetch-Mode": {"cors"}}, 401},
		"a form":    {endpoint, "POST", "/a", page, 401},
		"forbidden": {endpoint, "GET", "/orders", http.Header{"Accept": {"text/html"}, "Authorization": {"Bearer ann"}}, 403},
		"ambiguous": {endpoint, "GET", "//evil.example.com", page, 400},
		"for nginx": {nginxEndpoint, "GET", "/a", page, 401},
	} {
		if w := ask(g, tt.endpoint, tt.method, tt.uri, tt.header); w.Code != tt.want {
			t.Errorf("%s = %d, want %d", name, w.Code, tt.want)
		}
	}
}

func TestOptionsAreChecked(t *testing.T) {
	_, err := gate.New(gate.Options{Rules: []gate.Rule{
		{Path: "admin"},
		{Path: "/a/../b"},
		{Path: "/a%2fb"},
		{Path: "/a?b"},
		{Path: "/p", Public: true, Scopes: []string{"x"}},
		{Path: "/m", Methods: []string{"get"}},
		{Path: "/twice"},
		{Path: "/twice/"},
		{Path: "/some", Methods: []string{"GET", "PUT"}},
		{Path: "/some", Methods: []string{"PUT"}},
		{Path: "/Some", Methods: []string{"POST"}},
	}})
	if err == nil {
		t.Fatal("New of faults alone succeeded")
	}
	for _, want := range []string{
		"Verify is missing", "Key is no private key", "Issuer and Audience", "Lifetime", "Log is missing", "nobody could ask",
		`"admin"`, `"/a/../b"`, `"/a%2fb"`, `"/a?b"`, "/p: public", `/m: invalid_request`, "/twice/: two rules", "/some: two rules", "/Some: another rule's path differs in case",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("New = %v\nwant %q in it", err, want)
		}
	}
}

// BenchmarkVerify is a proxy's question about a request with a good token,
// answered with a signed identity.
func BenchmarkVerify(b *testing.B) {
	g := newGate(b, options(b))
	header := bearer("bob")
	b.ReportAllocs()
	for b.Loop() {
		if w := ask(g, endpoint, "POST", "/posts/1", header); w.Code != 200 {
			b.Fatal(w.Code)
		}
	}
}
