package gate_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/watchword-auth/watchword/e2e/browser"
	"github.com/watchword-auth/watchword/jwt"
)

// patience bounds the wait for a program that starts, or a fact that travels.
// It is no measure of speed.
const patience = time.Minute

// await asks until the answer is yes.
func await(t *testing.T, what string, done func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-ctx.Done():
			t.Fatalf("in vain: %s", what)
		case <-tick.C:
		}
	}
}

// background starts a program that ends with the test. What it writes is
// shown where the test fails.
func background(t *testing.T, c *exec.Cmd) {
	t.Helper()
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	c.Stdout, c.Stderr = log, log
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Process.Signal(syscall.SIGTERM)
		_ = c.Wait()
		if said, err := os.ReadFile(log.Name()); err == nil && t.Failed() {
			t.Logf("%s:\n%.4000s", c.Path, said)
		}
		_ = log.Close()
	})
}

// freeAddress is one that nobody listens on at the moment.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func listens(address string) bool {
	conn, err := net.Dial("tcp", address)
	if err == nil {
		_ = conn.Close()
	}
	return err == nil
}

// service stands behind the gate and notes what reaches it.
type service struct {
	*httptest.Server
	mu   sync.Mutex
	seen []*http.Request
}

func newService(t *testing.T) *service {
	t.Helper()
	s := &service{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body) // as much as came
		s.mu.Lock()
		s.seen = append(s.seen, r)
		s.mu.Unlock()
		fmt.Fprintf(w, "served %s %s %s", r.Method, r.RequestURI, body)
	}))
	t.Cleanup(s.Close)
	return s
}

// taken returns the request that came since it was last asked, nil for none.
func (s *service) taken() *http.Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.seen) == 0 {
		return nil
	}
	r := s.seen[len(s.seen)-1]
	s.seen = nil
	return r
}

// site is an authority, a gate that trusts it, and a service.
type site struct {
	authority *browser.Server
	service   *service
	gate      string // address
	ann, bob  string // tokens; ann may see orders
}

// newSite starts them. The gate has the service behind it, or else only
// answers proxies.
func newSite(t *testing.T, behind bool) *site {
	t.Helper()
	dir := t.TempDir()
	db := "sqlite:" + filepath.Join(dir, "w.db")
	for _, args := range [][]string{{"ann", "--permission", "shop.view_order"}, {"bob"}} {
		browser.Command(t, dir, "a long password", append([]string{"user", "add", "--password-stdin", "--db", db}, args...)...)
	}
	var client struct{ ID, Secret string }
	if err := json.Unmarshal([]byte(browser.Command(t, dir, "", "client", "add", "shop", "--db", db, "--scope", "revocations", "--json")), &client); err != nil {
		t.Fatal(err)
	}
	s := &site{authority: browser.Serve(t, dir, "--db", db, "--addr", "127.0.0.1:0", "--audience", "shop"), service: newService(t), gate: freeAddress(t)}
	secret := filepath.Join(dir, "client.secret")
	if err := os.WriteFile(secret, []byte(client.Secret), 0o600); err != nil {
		t.Fatal(err)
	}
	settings := fmt.Sprintf("[gate]\naddr = %q\nauthority = %q\naudience = \"shop\"\nclient_id = %q\nclient_secret_file = %q\n", s.gate, s.authority.URL, client.ID, secret)
	if behind {
		settings += fmt.Sprintf("upstream = %q\n", s.service.URL)
	} else {
		settings += "trusted_proxies = [\"127.0.0.1\"]\n"
	}
	settings += "[[gate.rule]]\npath = \"/public\"\npublic = true\n[[gate.rule]]\npath = \"/orders\"\npermissions = [\"shop.view_order\"]\n" +
		"[[gate.rule]]\npath = \"/posts\"\nmethods = [\"GET\"]\n"
	file := filepath.Join(dir, "gate.toml")
	if err := os.WriteFile(file, []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	background(t, exec.Command(browser.Program(t), "gate", "--config", file))
	await(t, "the gate is ready", func() bool {
		answer, err := http.Get("http://" + s.gate + "/.watchword/readyz")
		if err != nil {
			return false
		}
		_ = answer.Body.Close()
		return answer.StatusCode == http.StatusNoContent
	})
	s.ann, s.bob = s.signIn(t, "ann"), s.signIn(t, "bob")
	return s
}

func (s *site) signIn(t *testing.T, login string) string {
	t.Helper()
	answer, err := http.Post(s.authority.URL+"/auth/v1/token", "application/json", strings.NewReader(`{"login":"`+login+`","password":"a long password"}`))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var got struct {
		Access string `json:"access_token"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&got); err != nil || got.Access == "" {
		t.Fatalf("sign in: %d %v", answer.StatusCode, err)
	}
	return got.Access
}

// snippet returns the only block of a language in docs/gate.md, with the
// addresses of the test in place of those of the page.
func (s *site) snippet(t *testing.T, language, front string) string {
	t.Helper()
	page, err := os.ReadFile("../../docs/gate.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```"+language+"\n(.*?)```").FindAllStringSubmatch(string(page), -1)
	if len(blocks) != 1 {
		t.Fatalf("docs/gate.md has %d blocks of %s, want 1", len(blocks), language)
	}
	_, port, err := net.SplitHostPort(front)
	if err != nil {
		t.Fatal(err)
	}
	return strings.NewReplacer(
		"127.0.0.1:8080", front, "http://:8080", "http://:"+port, "127.0.0.1:9091", s.gate, "127.0.0.1:3000", strings.TrimPrefix(s.service.URL, "http://"),
	).Replace(blocks[0][1])
}

// behindNginx starts nginx and returns its address.
func behindNginx(t *testing.T, s *site) string {
	t.Helper()
	nginx, err := exec.LookPath("nginx")
	if err != nil {
		nginx = "/usr/sbin/nginx" // where Debian has it, not on everybody's PATH
		if _, err := os.Stat(nginx); err != nil {
			t.Skip("nginx is not installed")
		}
	}
	dir, front := t.TempDir(), freeAddress(t)
	text := "daemon off;\nmaster_process off;\npid " + dir + "/pid;\nerror_log stderr warn;\nevents {}\nhttp {\naccess_log off;\n"
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		text += kind + "_temp_path " + dir + "/" + kind + ";\n"
	}
	file := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(file, []byte(text+s.snippet(t, "nginx", front)+"}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	background(t, exec.Command(nginx, "-p", dir, "-e", "stderr", "-c", file))
	await(t, "nginx listens", func() bool { return listens(front) })
	return front
}

// behindCaddy builds Caddy from its module, starts it and returns its
// address.
func behindCaddy(t *testing.T, s *site) string {
	t.Helper()
	dir, front := t.TempDir(), freeAddress(t)
	program := filepath.Join(dir, "caddy")
	build := exec.Command("go", "build", "-o", program, ".")
	build.Dir, build.Env = "../caddy", append(os.Environ(), "GOWORK=off", "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Skipf("caddy cannot be built from its module here: %v\n%.2000s", err, out)
	}
	file := filepath.Join(dir, "Caddyfile")
	text := "{\n\tadmin off\n\tauto_https off\n\tpersist_config off\n}\n" + s.snippet(t, "caddyfile", front)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c := exec.Command(program, "run", "--config", file, "--adapter", "caddyfile")
	c.Env = append(os.Environ(), "HOME="+dir, "XDG_DATA_HOME="+dir, "XDG_CONFIG_HOME="+dir)
	background(t, c)
	await(t, "Caddy listens", func() bool { return listens(front) })
	return front
}

// raw sends a request as it is written, with \n for the ends of lines, and
// returns the status; 0 where the connection was cut without an answer.
func raw(t *testing.T, address, text string) int {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, strings.ReplaceAll(text, "\n", "\r\n")); err != nil {
		return 0
	}
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return 0
	}
	_ = answer.Body.Close()
	return answer.StatusCode
}

// request writes one, with further header lines.
func request(method, target, token string, lines ...string) string {
	text := method + " " + target + " HTTP/1.1\nHost: shop.example.com\n"
	if token != "" {
		text += "Authorization: Bearer " + token + "\n"
	}
	for _, line := range lines {
		text += line + "\n"
	}
	return text + "\n"
}

// fronts runs a test behind each of the three.
func fronts(t *testing.T, run func(t *testing.T, s *site, front string)) {
	t.Run("sidecar", func(t *testing.T) {
		s := newSite(t, true)
		run(t, s, s.gate)
	})
	t.Run("nginx", func(t *testing.T) {
		s := newSite(t, false)
		run(t, s, behindNginx(t, s))
	})
	t.Run("caddy", func(t *testing.T) {
		s := newSite(t, false)
		run(t, s, behindCaddy(t, s))
	})
	t.Run("traefik's protocol", func(t *testing.T) {
		s := newSite(t, false)
		run(t, s, behindForwardAuth(t, s))
	})
}

func TestGate(t *testing.T) {
	fronts(t, func(t *testing.T, s *site, front string) {
		t.Run("rules", func(t *testing.T) { obeysRules(t, s, front) })
		t.Run("identity", func(t *testing.T) { passesIdentityOn(t, s, front) })
		t.Run("smuggling", func(t *testing.T) { letsNoHeaderIn(t, s, front) })
		t.Run("paths", func(t *testing.T) { letsNoPathAround(t, s, front) })
		t.Run("methods", func(t *testing.T) { letsNoMethodAround(t, s, front) })
		t.Run("sockets", func(t *testing.T) { letsSocketsThrough(t, s, front) })
		t.Run("revocation", func(t *testing.T) { seesRevocation(t, s, front) })
	})
}

func obeysRules(t *testing.T, s *site, front string) {
	for _, tt := range []struct {
		method, target, token string
		want                  int
	}{
		{"GET", "/", "", 401},
		{"GET", "/", s.ann[:len(s.ann)-4] + "AAAA", 401},
		{"GET", "/a/b?c=d%2f", s.bob, 200},
		{"GET", "/public/x", "", 200},
		{"GET", "/orders/1", s.bob, 403},
		{"GET", "/orders/1", s.ann, 200},
		{"GET", "/posts", s.bob, 200},
		{"DELETE", "/posts/1", s.bob, 403},
	} {
		got := raw(t, front, request(tt.method, tt.target, tt.token))
		r := s.service.taken()
		if got != tt.want || (r != nil) != (tt.want == 200) || r != nil && r.RequestURI != tt.target {
			t.Errorf("%s %s = %d and reached the service: %t; want %d", tt.method, tt.target, got, r != nil, tt.want)
		}
	}
	if got := raw(t, front, request("POST", "/form", s.bob, "Content-Length: 4")+"body"); got != 200 || s.service.taken() == nil {
		t.Errorf("POST with a body = %d", got)
	}
}

func passesIdentityOn(t *testing.T, s *site, front string) {
	raw(t, front, request("GET", "/orders", s.ann))
	r := s.service.taken()
	if r == nil {
		t.Fatal("the request did not reach the service")
	}
	if r.Header.Get("X-Watchword-User") != "1" || r.Header.Get("X-Watchword-Permissions") != "shop.view_order" || r.Header.Get("Authorization") != "" {
		t.Errorf("the service got %v", r.Header)
	}
	answer, err := http.Get("http://" + s.gate + "/.watchword/jwks.json")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	set, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := jwt.ParseKeySet(set)
	if err != nil {
		t.Fatal(err)
	}
	header, payload, err := jwt.Open(t.Context(), r.Header.Get("X-Watchword-Identity"), jwt.KeySet(keys))
	if err != nil || header.Type != "identity+jwt" || !strings.Contains(string(payload), `"sub":"1"`) || !strings.Contains(string(payload), `"aud":"shop"`) {
		t.Errorf("identity %s of typ %q: %v", payload, header.Type, err)
	}
	// It is no access token, neither here nor at the authority.
	if got := raw(t, front, request("GET", "/", r.Header.Get("X-Watchword-Identity"))); got != 401 {
		t.Errorf("the identity as a bearer = %d, want 401", got)
	}
}

// plain is a header's name as CGI has it.
func plain(name string) string {
	return strings.NewReplacer("_", "-", ".", "-").Replace(strings.ToLower(name))
}

func letsNoHeaderIn(t *testing.T, s *site, front string) {
	for _, lines := range [][]string{
		{"X-Watchword-User: 1"},
		{"x-watchword-user: 1", "X-WATCHWORD-USER: 1"},
		{"X_Watchword_User: 1"},
		{"X-Watchword_User: 1"},
		{"x_watchword-user: 1"},
		{"X.Watchword.User: 1"},
		{"X-Watchword-Permissions: shop.view_order", "X-Watchword-Identity: e30.e30.e30"},
		{"X-Watchword-Scopes: a,b"},
		{"X-Watchword-User : 1"},
		{"X-Watchword-User:1"},
		{" X-Watchword-User: 1"},
		{"X-Other: a", " X-Watchword-User: 1"},
		{"Connection: close, X-Watchword-User"},
		{"Connection: X-Watchword-User, X-Watchword-Identity, X-Watchword-Permissions"},
		{"Connection: x-watchword-user", "X-Watchword-User: 1"},
		{"Connection: Authorization"},
		{"Connection: X-Forwarded-Uri, X-Forwarded-Method"},
		{"X-Forwarded-Uri: /public"},
		{"X-Forwarded-Uri: /public", "X-Forwarded-Method: GET", "X-Forwarded-Host: x", "X-Forwarded-For: 127.0.0.1"},
		{"X-Forwarded-Method: GET"},
		{"X_Forwarded_Uri: /public"},
		{"X-Original-URL: /public"},
		{"X-Original-URI: /public"},
		{"X-Rewrite-URL: /public"},
		{"Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA"},
	} {
		for _, tt := range []struct{ target, token, user string }{
			{"/public", "", ""}, {"/orders", s.bob, "-"}, {"/orders", "", "-"}, {"/", s.bob, "2"}, {"/", "", "-"},
		} {
			got := raw(t, front, request("GET", tt.target, tt.token, lines...))
			r := s.service.taken()
			if r == nil {
				if got >= 200 && got < 300 {
					t.Errorf("%q to %s = %d without the service", lines, tt.target, got)
				}
				continue // refused: as good
			}
			if r.Header.Get("Upgrade") != "" {
				t.Errorf("%q to %s reached the service as an upgrade", lines, tt.target)
			}
			if tt.user == "-" {
				t.Errorf("%q to %s = %d reached the service", lines, tt.target, got)
			}
			var users []string
			for name, values := range r.Header {
				if plain(name) == "x-watchword-user" {
					users = append(users, values...)
				}
				if p := plain(name); strings.HasPrefix(p, "x-watchword-") && (tt.user == "" || name != http.CanonicalHeaderKey(p)) {
					t.Errorf("%q to %s brought %s: %q to the service", lines, tt.target, name, values)
				}
			}
			if who := strings.Join(users, "|"); who != tt.user {
				t.Errorf("%q to %s came as %q, want %q", lines, tt.target, who, tt.user)
			}
		}
	}
}

func letsNoPathAround(t *testing.T, s *site, front string) {
	for _, target := range []string{
		"/public/../orders/1", "/public/%2e%2e/orders/1", "/public/.%2e/orders", "/public/..%2forders", "/public/..;/orders", "/public;/../orders",
		"//orders/1", "/public//../orders", "/./orders", "/%2e/orders", "/orders/.", "/orders%2f1", "/orders;x=1", "/orders%3b", "/orders%00", "/orders%20",
		"/orders.", "/Orders", "/ORDERS/1", "/o%72ders/1", "/orders\\1", "/public\\..\\orders", "/public/%5c..%5corders", "/%252e%252e/orders", "/public%2f..%2forders",
		"/orders%2e", "/public/%e2%84%80/orders", "/orders%cd%be", "/orders%c2%a0", "/orders%ef%b9%aa2f1", "/public/%c0%ae%c0%ae/orders", "/public/%ef%bc%8e%ef%bc%8e/orders", "/public/..%00/orders", "/public?/../orders", "/public#/../orders",
		"/orders#x", "http://shop.example.com/orders", "http://evil.example.com/public/../orders", "/.watchword/../orders", "/.watchword/verify/../../orders",
	} {
		// bob must not see orders, under whatever name.
		got := raw(t, front, request("GET", target, s.bob))
		if r := s.service.taken(); r != nil && target != "/public?/../orders" {
			t.Errorf("%s = %d and reached the service as %s", target, got, r.RequestURI)
		}
	}
}

func letsNoMethodAround(t *testing.T, s *site, front string) {
	for _, text := range []string{
		request("DELETE", "/posts/1", s.ann),
		request("delete", "/posts/1", s.ann),
		request("GET", "/posts/1", s.ann, "X-HTTP-Method-Override: DELETE"),
		request("GET", "/posts/1", s.ann, "X-HTTP-Method: DELETE"),
		request("GET", "/posts/1", s.ann, "X-Method-Override: DELETE"),
		request("GET", "/posts/1?_method=DELETE", s.ann),
		request("GET", "/posts/1?a=b&%5Fmethod=DELETE", s.ann),
		request("GET", "/posts/1?_method[]=DELETE", s.ann),
		request("GET", "/posts/1?_method%00=DELETE", s.ann),
		request("TRACE", "/public", ""),
	} {
		got := raw(t, front, text)
		if r := s.service.taken(); r != nil {
			t.Errorf("%.60q = %d and reached the service", text, got)
		}
	}
}

// letsSocketsThrough: a handshake reaches the service as one, and is guarded
// like every other request; an upgrade to anything else does not arrive.
func letsSocketsThrough(t *testing.T, s *site, front string) {
	const key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
	for _, tt := range []struct {
		token, upgrade string
		want           int
	}{
		{s.ann, "websocket", 200}, // the service is none that switches
		{s.ann, "WebSocket", 200},
		{"", "websocket", 401},
	} {
		got := raw(t, front, request("GET", "/socket", tt.token, "Connection: Upgrade", "Upgrade: "+tt.upgrade, key))
		r := s.service.taken()
		if got != tt.want || (r != nil) != (tt.want == 200) {
			t.Errorf("%s = %d and reached the service: %t; want %d", tt.upgrade, got, r != nil, tt.want)
		}
		if r != nil && !strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
			t.Errorf("%s came with Upgrade %q", tt.upgrade, r.Header.Get("Upgrade"))
		}
	}
	for _, upgrade := range []string{"h2c", "websocket, h2c", "H2C"} {
		got := raw(t, front, request("GET", "/public", "", "Connection: Upgrade", "Upgrade: "+upgrade, key))
		if r := s.service.taken(); r != nil && r.Header.Get("Upgrade") != "" {
			t.Errorf("%s = %d and reached the service as %q", upgrade, got, r.Header.Get("Upgrade"))
		}
	}
}

func seesRevocation(t *testing.T, s *site, front string) {
	if got := raw(t, front, request("GET", "/", s.bob)); got != 200 {
		t.Fatalf("before = %d, want 200", got)
	}
	browser.Command(t, s.authority.Dir, "", "session", "end", "--user", "bob", "--db", "sqlite:"+filepath.Join(s.authority.Dir, "w.db"))
	last := 0
	await(t, "a session that has ended is refused", func() bool {
		last = raw(t, front, request("GET", "/", s.bob))
		return last != 200
	})
	if last != 401 {
		t.Errorf("after the session has ended = %s, want 401", strconv.Itoa(last))
	}
}
