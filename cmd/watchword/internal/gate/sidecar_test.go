package gate_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/watchword-auth/watchword/cmd/watchword/internal/gate"
)

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
	for sent, want := range map[string]string{
		"a=b; ww_access=ann; c=d":                     "a=b; c=d",
		"ww_access=ann":                               "",
		`prefs={"a":1,"b":"x y"}; ww_access=ann; é=ü`: `prefs={"a":1,"b":"x y"}; é=ü`,
		"ww_accessed=1;ww_access=ann;a":               "ww_accessed=1;a",
	} {
		raw(t, address, "GET / HTTP/1.1\nHost: x\nCookie: "+sent+"\n\n")
		if r := s.last(); r == nil || strings.Join(r.Header["Cookie"], " | ") != want || r.Header.Get("X-Watchword-User") != "1" {
			t.Errorf("Cookie: %s came as %v, want %s", sent, r, want)
		}
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

// The service reads the query that was judged, and not what Go makes of it; and
// packs no answer that nobody asked it to.
func TestSidecarLeavesRequestsAlone(t *testing.T) {
	s, address := sidecar(t, nil)
	for _, query := range []string{"a=1;b=2&c=%zz", "", "?", "a=%2F..&&=", "q=x+y&q=%e9"} {
		raw(t, address, "GET /public?"+query+" HTTP/1.1\nHost: x\n\n")
		r := s.last()
		if r == nil || r.RequestURI != "/public?"+query {
			t.Fatalf("%q came as %v", query, r)
		}
		if got := r.Header.Get("Accept-Encoding"); got != "" {
			t.Errorf("the service is asked for %s", got)
		}
	}
}
