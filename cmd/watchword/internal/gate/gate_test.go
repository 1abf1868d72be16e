package gate_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
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
		"/public?.method=PUT", "/public?a;_method=PUT",
	}
	return targets
}

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
		"/", "/a/", "/a.b/c..d/.well-known", "/a%20b", "/~ann/$x,y=1:2@3!*'()", "/%D0%B0", "/a?b=/../c%2f;d//..", "/a?x=%00%ff&method=PUT", "/a?_method=GET",
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

// service is what stands behind a gate, and what it was sent.
type service struct {
	*httptest.Server
	mu       sync.Mutex
	requests []*http.Request
	bodies   []string
}

func newService(t *testing.T) *service {
	t.Helper()
	s := &service{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body) // what the client sent of it
		s.mu.Lock()
		s.requests = append(s.requests, r)
		s.bodies = append(s.bodies, string(body))
		s.mu.Unlock()
		w.Header().Set("X-Watchword-Identity", "echoed")
		if r.Header.Get("Upgrade") == "websocket" {
			conn, buffered, err := http.NewResponseController(w).Hijack()
			if err != nil {
				return
			}
			defer conn.Close()
			fmt.Fprint(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
			line, _ := buffered.ReadString('\n')
			fmt.Fprint(conn, line)
		}
	}))
	t.Cleanup(s.Close)
	return s
}

// last returns the last request, or nil where none came since.
func (s *service) last() *http.Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.requests) == 0 {
		return nil
	}
	r := s.requests[len(s.requests)-1]
	s.requests = nil
	return r
}

// sidecar starts a gate in front of a service.
func sidecar(t *testing.T, change func(o *gate.Options)) (*service, string) {
	t.Helper()
	s := newService(t)
	o := options(t)
	o.TrustedProxies = nil
	var err error
	if o.Upstream, err = url.Parse(s.URL); err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(&o)
	}
	front := httptest.NewServer(newGate(t, o))
	t.Cleanup(front.Close)
	return s, strings.TrimPrefix(front.URL, "http://")
}

// raw sends bytes as they are and returns the answer.
func raw(t *testing.T, address, text string) *http.Response {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if _, err := io.WriteString(conn, strings.ReplaceAll(text, "\n", "\r\n")); err != nil {
		t.Fatal(err)
	}
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return answer
}

func TestSidecarHandsOn(t *testing.T) {
	s, address := sidecar(t, nil)
	answer := raw(t, address, `POST /posts/a%20b/?x=1&y=%2F HTTP/1.1
Host: shop.example.com
Authorization: Bearer bob
Cookie: a=b; c="d e"
x-watchword-user: 1
X-WATCHWORD-IDENTITY: forged
X-Watchword-User: 2
X_Watchword_User: 3
x-watchword_scopes: admin
X-Forwarded-For: 10.1.1.1
X-Forwarded-User: root
X_Forwarded_For: 10.1.1.2
X-Real-IP: 10.1.1.3
Forwarded: for=10.1.1.4
Connection: close, X-Watchword-User, X-Watchword-Identity, X-Forwarded-For
Transfer-Encoding: chunked
Trailer: X-Watchword-User

4
body
0
X-Watchword-User: 4

`)
	r := s.last()
	if answer.StatusCode != 200 || r == nil {
		t.Fatalf("answer %d, request %v", answer.StatusCode, r)
	}
	if r.Method != "POST" || r.RequestURI != "/posts/a%20b/?x=1&y=%2F" || r.Host != "shop.example.com" || s.bodies[0] != "body" {
		t.Errorf("the service got %s %s of %s with %q", r.Method, r.RequestURI, r.Host, s.bodies[0])
	}
	want := map[string]string{
		"X-Watchword-User":        "b%C3%B6b%2C%20%0D%0AX-Evil:%201%20%25",
		"X-Watchword-Scopes":      "posts:write posts:read",
		"X-Watchword-Permissions": "shop.view%20order shop.add_order",
		"X-Forwarded-For":         "127.0.0.1",
		"X-Forwarded-Host":        "shop.example.com",
		"X-Forwarded-Proto":       "http",
		"Cookie":                  `a=b; c="d e"`,
		"Authorization":           "",
		"X-Real-Ip":               "",
		"Forwarded":               "",
		"X-Forwarded-User":        "",
	}
	for name, value := range want {
		if got := strings.Join(r.Header.Values(name), " | "); got != value {
			t.Errorf("the service got %s: %q, want %q", name, got, value)
		}
	}
	for name := range r.Header {
		if strings.Contains(name, "_") {
			t.Errorf("the service got %s", name)
		}
	}
	if len(r.Trailer) != 0 {
		t.Errorf("the service got trailers %v", r.Trailer)
	}
	if got := r.Header.Values("X-Watchword-Identity"); len(got) != 1 || got[0] == "forged" {
		t.Errorf("the service got identities %q", got)
	}
	if got := answer.Header.Get("X-Watchword-Identity"); got != "" {
		t.Errorf("the client got the service's echo %q", got)
	}
}

func TestSidecarRefuses(t *testing.T) {
	s, address := sidecar(t, nil)
	for _, uri := range hostileTargets() {
		if uri == "" || strings.ContainsAny(uri, " \n") || strings.HasPrefix(uri, "/a") && len(uri) > 8000 {
			continue // no request line
		}
		answer := raw(t, address, "GET "+uri+" HTTP/1.1\nHost: x\nAuthorization: Bearer bob\nConnection: close\n\n")
		if answer.StatusCode != 400 && !(uri == "*" && answer.StatusCode == 200) {
			t.Errorf("GET %.40q = %d, want 400", uri, answer.StatusCode)
		}
		if r := s.last(); r != nil {
			t.Errorf("GET %.40q reached the service as %s", uri, r.RequestURI)
		}
	}
	for _, text := range []string{
		"GET / HTTP/1.1\nHost: x\n\n",
		"GET / HTTP/1.1\nHost: x\nX-Watchword-User: 1\n\n",
		"GET / HTTP/1.1\nHost: x\nX-Forwarded-Uri: /public\nX-Forwarded-Method: GET\n\n",
		"DELETE /posts HTTP/1.1\nHost: x\nAuthorization: Bearer bob\n\n",
		"GET /posts HTTP/1.1\nHost: x\nX-HTTP-Method-Override: DELETE\n\n",
		"GET /public HTTP/1.1\nHost: x\nX-Original-URL: /orders\n\n",
		"GET /public HTTP/1.1\nHost: x\nX-Rewrite-URL: /orders\n\n",
		"POST /public HTTP/1.1\nHost: x\nContent-Length: 4\nTransfer-Encoding: chunked\nX-Method_Override: PUT\n\n0\n\n",
		"GET /public HTTP/1.1\nHost: x\nConnection: Upgrade, HTTP2-Settings\nUpgrade: h2c\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\n\n",
		"GET /.WATCHWORD/secret HTTP/1.1\nHost: x\nAuthorization: Bearer bob\n\n",
		"GET /.watchword/../orders HTTP/1.1\nHost: x\n\n",
	} {
		answer := raw(t, address, text)
		if r := s.last(); answer.StatusCode < 300 || r != nil {
			t.Errorf("%q = %d and reached the service: %v", text, answer.StatusCode, r != nil)
		}
	}
	// A public path: a stranger passes, and with nothing of the gate's.
	raw(t, address, "GET /public HTTP/1.1\nHost: x\nX-Watchword-User: 1\nX_WATCHWORD_IDENTITY: x\nAuthorization: Basic YTpi\n\n")
	r := s.last()
	if r == nil || r.Header.Get("Authorization") != "Basic YTpi" {
		t.Fatalf("a stranger on a public path: %v", r)
	}
	for name := range r.Header {
		if strings.HasPrefix(strings.ReplaceAll(strings.ToLower(name), "_", "-"), "x-watchword-") {
			t.Errorf("a stranger has %s", name)
		}
	}
}

func TestSidecarAndItsProxies(t *testing.T) {
	s, address := sidecar(t, func(o *gate.Options) { o.TrustedProxies = loopback })
	raw(t, address, "GET / HTTP/1.1\nHost: inner\nAuthorization: Bearer ann\nX-Forwarded-For: 192.0.2.1\nX-Forwarded-Proto: https\nX-Forwarded-Host: shop\nX-Real-IP: 192.0.2.1\nX_Real_IP: 6\nX-Watchword-User: 7\n\n")
	r := s.last()
	if r == nil {
		t.Fatal("nothing came")
	}
	for name, want := range map[string]string{
		"X-Forwarded-For": "192.0.2.1, 127.0.0.1", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "shop", "X-Real-Ip": "192.0.2.1", "X-Watchword-User": "1", "X_real_ip": "",
	} {
		if got := strings.Join(r.Header[name], " | "); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
}

func TestSidecarForgetsTheCookie(t *testing.T) {
	s, address := sidecar(t, nil)
	raw(t, address, "GET / HTTP/1.1\nHost: x\nCookie: a=b; ww_access=ann; c=d\n\n")
	if r := s.last(); r == nil || r.Header.Get("Cookie") != "a=b; c=d" || r.Header.Get("X-Watchword-User") != "1" {
		t.Errorf("the service got %v", r)
	}
}

func TestSidecarSwitchesProtocols(t *testing.T) {
	s, address := sidecar(t, nil)
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "GET /socket HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ann\r\nConnection: Upgrade, X-Watchword-User\r\nUpgrade: websocket\r\n\r\n")
	buffered := bufio.NewReader(conn)
	answer, err := http.ReadResponse(buffered, nil)
	if err != nil || answer.StatusCode != 101 {
		t.Fatalf("answer %v, %v", answer, err)
	}
	fmt.Fprint(conn, "hello\n")
	if line, err := buffered.ReadString('\n'); err != nil || line != "hello\n" {
		t.Errorf("echo %q, %v", line, err)
	}
	if r := s.last(); r.Header.Get("X-Watchword-User") != "1" {
		t.Errorf("the service got %v", r.Header)
	}
}

func TestServiceThatIsAway(t *testing.T) {
	_, address := sidecar(t, func(o *gate.Options) { o.Upstream = &url.URL{Scheme: "http", Host: "127.0.0.1:1"} })
	answer := raw(t, address, "GET /public HTTP/1.1\nHost: x\n\n")
	body, _ := io.ReadAll(answer.Body)
	if answer.StatusCode != 502 || strings.Contains(string(body), "127.0.0.1") {
		t.Errorf("answer = %d %s, want 502 without a word on where the service is", answer.StatusCode, body)
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
