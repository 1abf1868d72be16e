package server_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/config"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/engine"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/open"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/server"
	"github.com/watchword-auth/watchword/password"
)

const secret = "correct horse battery"

// served is a server for the duration of a test, with the user ann.
type served struct {
	url  string
	db   *open.Opened
	logs *buffer
	stop func() error // asks the server to end and waits for it
}

// buffer is for reading what somebody else writes.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// serve starts a server with the settings that change makes of the defaults.
func serve(t *testing.T, change func(*config.Config)) *served {
	t.Helper()
	return serveOn(t, func(l net.Listener) net.Listener { return l }, change)
}

func serveOn(t *testing.T, wrap func(net.Listener) net.Listener, change func(*config.Config)) *served {
	t.Helper()
	c := config.Default()
	c.DB = "sqlite:" + filepath.Join(t.TempDir(), "w.db")
	c.Log.Level = slog.LevelDebug
	if change != nil {
		change(&c)
	}
	s := &served{logs: &buffer{}}
	var err error
	if s.db, err = open.Store(t.Context(), c.DB); err != nil {
		t.Fatal(err)
	}
	addAnn(t, s.db)
	seal, err := engine.Seal(t.Context(), c, s.db)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv, err := server.New(t.Context(), server.Options{
		Config: c, DB: s.db, Seal: seal, Listener: wrap(listener),
		Log: slog.New(slog.NewTextHandler(s.logs, &slog.HandlerOptions{Level: c.Log.Level})),
	})
	if err != nil {
		t.Fatal(err)
	}
	s.url = srv.URL()
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- srv.Run(ctx, func() { close(ready) }) }()
	<-ready
	s.stop = sync.OnceValue(func() error { cancel(); return <-ended })
	t.Cleanup(func() {
		if err := s.stop(); err != nil {
			t.Errorf("Run = %v", err)
		}
		if err := s.db.Close(context.Background()); err != nil {
			t.Errorf("Close = %v", err)
		}
	})
	return s
}

// addAnn adds the user with a hash that costs little.
func addAnn(t *testing.T, db *open.Opened) {
	t.Helper()
	hasher, err := password.New(password.Config{Preferred: password.Params{Scheme: "pbkdf2-sha256", Rounds: 1000}})
	if err != nil {
		t.Fatal(err)
	}
	hash, err := hasher.Hash(t.Context(), secret)
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.CreateUser(t.Context(), watchword.NewUser{User: watchword.User{Login: "ann", Active: true}, PasswordHash: hash})
	if err != nil {
		t.Fatal(err)
	}
}

// answer is an answer whose body was read.
type answer struct {
	status int
	header http.Header
	text   string
}

// ask sends a request with headers given as name and value in turn.
func (s *served) ask(t *testing.T, method, path, body string, headers ...string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	got, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer got.Body.Close()
	text, err := io.ReadAll(got.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{got.StatusCode, got.Header, string(text)}
}

func (s *served) signIn(t *testing.T) (access, refresh string) {
	t.Helper()
	got := s.ask(t, http.MethodPost, "/auth/v1/token", `{"login":"ann","password":"`+secret+`"}`)
	var tokens struct {
		Access  string `json:"access_token"`
		Refresh string `json:"refresh_token"`
	}
	if err := json.Unmarshal([]byte(got.text), &tokens); err != nil || got.status != http.StatusOK {
		t.Fatalf("sign in = %d %s", got.status, got.text)
	}
	return tokens.Access, tokens.Refresh
}

func TestLogsHoldNoSecret(t *testing.T) {
	s := serve(t, nil)
	access, refresh := s.signIn(t)
	for _, request := range [][2]string{
		{"/auth/v1/refresh", `{"refresh_token":"` + refresh + `"}`},
		{"/auth/v1/verify", `{"token":"` + access + `"}`},
		{"/auth/v1/verify", `{"token":"` + access[:len(access)-4] + `AAAA"}`},
		{"/auth/v1/refresh", `{"refresh_token":"` + refresh[:len(refresh)-4] + `AAAA"}`},
		{"/auth/v1/token", `{"login":"ann","password":"not-` + secret + `"}`},
		{"/auth/v1/nowhere?access_token=" + access, `{}`},
	} {
		s.ask(t, http.MethodPost, request[0], request[1])
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	logs := s.logs.String()
	for _, hidden := range []string{secret, access[:60], refresh[:60], access[len(access)-40:], "access_token="} {
		if strings.Contains(logs, hidden) {
			t.Errorf("the log holds %q:\n%s", hidden, logs)
		}
	}
	for _, shown := range []string{"path=/auth/v1/token status=200", "code=invalid_credentials", "code=bad_signature"} {
		if !strings.Contains(logs, shown) {
			t.Errorf("the log lacks %q:\n%s", shown, logs)
		}
	}
}

func TestRequestIDs(t *testing.T) {
	s := serve(t, nil)
	got := s.ask(t, http.MethodGet, "/auth/v1/me", "", "X-Request-Id", "injected")
	id := got.header.Get("X-Request-Id")
	if id == "" || id == "injected" {
		t.Errorf("X-Request-Id = %q, want one of the server's own", id)
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(s.logs.String(), "request_id="+id); n != 2 {
		t.Errorf("the id stands in %d lines of the log, want the refusal and the request:\n%s", n, s.logs)
	}
}

func TestSecureHeaders(t *testing.T) {
	for _, test := range []struct {
		issuer string
		hsts   bool
	}{{"", false}, {"https://auth.example.com", true}} {
		s := serve(t, func(c *config.Config) { c.Issuer = test.issuer })
		got := s.ask(t, http.MethodGet, "/nowhere", "")
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer",
		} {
			if value := got.header.Get(name); value != want {
				t.Errorf("%s = %q, want %q", name, value, want)
			}
		}
		if sent := got.header.Get("Strict-Transport-Security") != ""; sent != test.hsts {
			t.Errorf("with issuer %q Strict-Transport-Security is sent: %v, want %v", test.issuer, sent, test.hsts)
		}
	}
}

func TestCrossOrigin(t *testing.T) {
	s := serve(t, func(c *config.Config) { c.HTTP.Origins = []string{"https://app.example.com"} })
	for _, test := range []struct {
		name, method, origin string
		status               int
		allowed              string
	}{
		{"preflight of a known origin", http.MethodOptions, "https://app.example.com", 204, "https://app.example.com"},
		{"request of a known origin", http.MethodGet, "https://app.example.com", 401, "https://app.example.com"},
		{"preflight of a stranger", http.MethodOptions, "https://evil.example", 204, ""},
		{"request of a stranger", http.MethodGet, "https://evil.example", 401, ""},
		{"origin that only begins alike", http.MethodGet, "https://app.example.com.evil.example", 401, ""},
		{"no page's request", http.MethodGet, "null", 401, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := s.ask(t, test.method, "/auth/v1/me", "", "Origin", test.origin, "Access-Control-Request-Method", "GET")
			if got.status != test.status {
				t.Errorf("status = %d, want %d", got.status, test.status)
			}
			if allowed := got.header.Get("Access-Control-Allow-Origin"); allowed != test.allowed {
				t.Errorf("Access-Control-Allow-Origin = %q, want %q", allowed, test.allowed)
			}
			if got.header.Get("Access-Control-Allow-Credentials") != "" {
				t.Error("credentials are allowed")
			}
			if !strings.Contains(strings.Join(got.header.Values("Vary"), ","), "Origin") {
				t.Error("Vary does not name Origin: a cache could give one origin's answer to another")
			}
		})
	}
}

func TestTrustedProxies(t *testing.T) {
	for _, test := range []struct {
		name    string
		trusted string
		want    string
	}{
		{"a proxy that is trusted says who asks", "127.0.0.0/8", "address=203.0.113.9"},
		{"a stranger does not", "10.0.0.0/8", "address=127.0.0.1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			loaded, err := config.Load(config.Sources{Environ: []string{"WATCHWORD_HTTP_TRUSTED_PROXIES=" + test.trusted}})
			if err != nil {
				t.Fatal(err)
			}
			s := serve(t, func(c *config.Config) { c.HTTP = loaded.HTTP })
			s.ask(t, http.MethodGet, "/healthz", "", "X-Forwarded-For", "198.51.100.1, 203.0.113.9")
			if err := s.stop(); err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(s.logs.String(), test.want) {
				t.Errorf("the log lacks %q:\n%s", test.want, s.logs)
			}
		})
	}
}

func TestSelfSigned(t *testing.T) {
	s := serve(t, func(c *config.Config) { c.TLS.SelfSigned = true })
	if !strings.HasPrefix(s.url, "https://127.0.0.1:") {
		t.Fatalf("URL = %s", s.url)
	}
	client := &http.Client{Transport: &http.Transport{
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true}, // it is self-signed
		ForceAttemptHTTP2: true,
	}}
	defer client.CloseIdleConnections()
	answer, err := client.Get(s.url + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK || answer.ProtoMajor != 2 {
		t.Errorf("readyz = %d over %s", answer.StatusCode, answer.Proto)
	}
	cert := answer.TLS.PeerCertificates[0]
	for _, host := range []string{"localhost", "127.0.0.1", "::1"} {
		if err := cert.VerifyHostname(host); err != nil {
			t.Error(err)
		}
	}
}

// The store may go away under a server that runs on.
func TestReadiness(t *testing.T) {
	s := serve(t, nil)
	access, _ := s.signIn(t)
	if err := s.db.DB.Close(context.Background()); err != nil { // writes are refused
		t.Fatal(err)
	}
	if err := s.db.SQL.Close(); err != nil { // and reads fail
		t.Fatal(err)
	}
	for {
		got := s.ask(t, http.MethodGet, "/readyz", "")
		if got.status == http.StatusServiceUnavailable {
			break
		}
		time.Sleep(10 * time.Millisecond) // the server notices at one of its next polls
	}
	// Tokens are still verified, from memory, until the facts are too old.
	if got := s.ask(t, http.MethodPost, "/auth/v1/verify", `{"token":"`+access+`"}`); got.status != http.StatusOK {
		t.Errorf("verify without a store = %d %s", got.status, got.text)
	}
	got := s.ask(t, http.MethodPost, "/auth/v1/token", `{"login":"ann","password":"`+secret+`"}`)
	if got.status < http.StatusInternalServerError || strings.Contains(got.text, "sql") {
		t.Errorf("sign-in without a store = %d %s, want a 5xx that tells nothing", got.status, got.text)
	}
	if got := s.ask(t, http.MethodGet, "/healthz", ""); got.status != http.StatusOK {
		t.Errorf("healthz = %d: the process is well", got.status)
	}
}

func TestAuditLog(t *testing.T) {
	s := serve(t, nil)
	_, refresh := s.signIn(t)
	s.ask(t, http.MethodPost, "/auth/v1/refresh", `{"refresh_token":"`+refresh+`"}`)
	s.ask(t, http.MethodPost, "/auth/v1/token", `{"login":"ann","password":"wrong"}`)
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	list, err := s.db.ListAudit(t.Context(), watchword.AuditFilter{})
	if err != nil {
		t.Fatal(err)
	}
	var kinds []string
	for _, e := range list {
		kinds = append(kinds, e.Kind)
		if e.Address != "127.0.0.1" || e.Device != "Go-http-client" {
			t.Errorf("entry of %q from %q", e.Device, e.Address)
		}
	}
	if got := strings.Join(kinds, " "); got != "sign_in_failed signed_in" {
		t.Errorf("audit log = %s, want the failure and the sign-in: what stood in the queue is written before the end", got)
	}
}
