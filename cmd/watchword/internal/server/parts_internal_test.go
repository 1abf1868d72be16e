package server

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/config"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/engine"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/open"
)

// bare returns a server that is wired and not started.
func bare(t *testing.T, log io.Writer) *Server {
	t.Helper()
	db, err := open.Store(t.Context(), "sqlite::memory:")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close(context.Background()) })
	c := config.Default()
	seal, err := engine.Seal(t.Context(), c, db)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(t.Context(), Options{Config: c, DB: db, Seal: seal, Listener: listener, Log: slog.New(slog.NewTextHandler(log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestPanic(t *testing.T) {
	var log bytes.Buffer
	s := bare(t, &log)
	defer s.listener.Close()
	h := s.wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("the secret of the house") }))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	id := w.Header().Get("X-Request-Id")
	if w.Code != http.StatusInternalServerError || !strings.Contains(w.Body.String(), `"code":"internal","request_id":"`+id+`"`) {
		t.Errorf("answer = %d %s", w.Code, w.Body)
	}
	if strings.Contains(w.Body.String(), "secret of the house") {
		t.Error("the answer tells what went wrong")
	}
	for _, want := range []string{"level=ERROR msg=panic request_id=" + id, "the secret of the house", "parts_internal_test.go", "status=500"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log lacks %q:\n%s", want, log.String())
		}
	}
}

func TestPanicInTheMiddle(t *testing.T) {
	s := bare(t, io.Discard)
	defer s.listener.Close()
	h := s.wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("half"))
		panic("oops")
	}))
	srv := httptest.NewUnstartedServer(h)
	srv.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	srv.Start()
	defer srv.Close()
	answer, err := http.Get(srv.URL)
	if err == nil {
		defer answer.Body.Close()
		_, err = io.ReadAll(answer.Body)
	}
	if err == nil {
		t.Error("half an answer looks whole")
	}
}

// Requests that are under way when the server is asked to end get their
// answer, and new ones are not taken.
func TestGracefulStop(t *testing.T) {
	s := bare(t, io.Discard)
	entered, leave := make(chan struct{}), make(chan struct{})
	mux := http.NewServeMux()
	mux.HandleFunc("/slow", func(http.ResponseWriter, *http.Request) { close(entered); <-leave })
	mux.HandleFunc("/readyz", s.readyz)
	s.http.Handler = mux
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	ready := make(chan struct{})
	go func() { ended <- s.Run(ctx, func() { close(ready) }) }()
	<-ready
	status := make(chan int, 1)
	go func() {
		answer, err := http.Get(s.URL() + "/slow")
		if err != nil {
			t.Error(err)
			status <- 0
			return
		}
		answer.Body.Close()
		status <- answer.StatusCode
	}()
	<-entered
	cancel()
	for !s.stopping.Load() {
		time.Sleep(time.Millisecond) // Run is on its way
	}
	w := httptest.NewRecorder()
	s.readyz(w, nil)
	if w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "stopping") {
		t.Errorf("readyz while stopping = %d %s", w.Code, w.Body)
	}
	select {
	case err := <-ended:
		t.Fatalf("Run = %v before the request under way had ended", err)
	default:
	}
	close(leave)
	if got := <-status; got != http.StatusOK {
		t.Errorf("the request under way = %d, want 200", got)
	}
	if err := <-ended; err != nil {
		t.Errorf("Run = %v", err)
	}
	if _, err := net.Dial("tcp", s.listener.Addr().String()); err == nil {
		t.Error("the address still answers")
	}
}

func TestSlowHeader(t *testing.T) {
	s := bare(t, io.Discard)
	s.http.ReadHeaderTimeout = 50 * time.Millisecond
	ctx, cancel := context.WithCancel(t.Context())
	ended, ready := make(chan error, 1), make(chan struct{})
	go func() { ended <- s.Run(ctx, func() { close(ready) }) }()
	<-ready
	conn, err := net.Dial("tcp", s.listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: "); err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(conn); err != nil || bytes.Contains(rest, []byte("200 OK")) {
		t.Errorf("a header that never ends is answered %q, %v, want a closed connection", rest, err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("Run = %v", err)
	}
}

// pair writes a certificate and its key as PEM.
func pair(t *testing.T, files config.TLS) tls.Certificate {
	t.Helper()
	c, err := selfSigned(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	key, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{
		files.Cert: {Type: "CERTIFICATE", Bytes: c.Certificate[0]}, files.Key: {Type: "PRIVATE KEY", Bytes: key},
	} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func TestCertificateIsReadAgain(t *testing.T) {
	dir := t.TempDir()
	files := config.TLS{Cert: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem")}
	first := pair(t, files)
	c, err := tlsConfig(files, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	r := &renewed{files: files, log: slog.New(slog.DiscardHandler)}
	if err := r.load(); err != nil {
		t.Fatal(err)
	}
	same := func(want tls.Certificate, when string) {
		t.Helper()
		r.looked = time.Time{} // as if a second had passed
		got, err := r.get(nil)
		if err != nil || !bytes.Equal(got.Certificate[0], want.Certificate[0]) {
			t.Errorf("%s the wrong certificate is shown, %v", when, err)
		}
	}
	same(first, "at first")
	if err := os.WriteFile(files.Cert, []byte("half written"), 0o600); err != nil {
		t.Fatal(err)
	}
	same(first, "while the files are no pair")
	same(pair(t, files), "after the files were replaced")
	if got, err := c.GetCertificate(nil); err != nil || !bytes.Equal(got.Certificate[0], first.Certificate[0]) {
		t.Errorf("the files are looked at more than once a second, %v", err)
	}
	if _, err := tlsConfig(config.TLS{Cert: files.Key, Key: files.Cert}, slog.New(slog.DiscardHandler)); err == nil {
		t.Error("two files that are no pair were taken")
	}
}

// stuck is an audit log whose disk does not answer until it is let go.
type stuck struct {
	watchword.AuditLog
	entered chan struct{}
	let     chan struct{}
	mu      sync.Mutex
	entries []watchword.AuditEntry
	fail    error
}

func (s *stuck) AppendAudit(_ context.Context, entries []watchword.AuditEntry) error {
	select {
	case s.entered <- struct{}{}:
	default:
	}
	<-s.let
	s.mu.Lock()
	defer s.mu.Unlock()
	s.entries = append(s.entries, entries...)
	return s.fail
}

func TestAuditNeverBlocks(t *testing.T) {
	var log bytes.Buffer
	store := &stuck{entered: make(chan struct{}, 1), let: make(chan struct{})}
	a := newAuditor(store, slog.New(slog.NewTextHandler(&log, nil)))
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { a.run(ctx) })
	a.observe(ctx, watchword.Event{Kind: watchword.SignedIn})
	<-store.entered // the disk hangs now
	const more = auditQueue + 100
	for range more {
		a.observe(ctx, watchword.Event{Kind: watchword.SignedIn})
	}
	if got := a.dropped.Load(); got != 100 {
		t.Errorf("%d entries were dropped, want those that had no place: 100", got)
	}
	close(store.let)
	cancel()
	running.Wait()
	if got := len(store.entries); got != auditQueue+1 {
		t.Errorf("%d entries were written, want all that had a place: %d", got, auditQueue+1)
	}
	if !strings.Contains(log.String(), "audit entries dropped") || !strings.Contains(log.String(), "entries=100") {
		t.Errorf("what was dropped is not reported:\n%s", log.String())
	}
}

func TestAuditReportsAFailingStore(t *testing.T) {
	var log bytes.Buffer
	store := &stuck{entered: make(chan struct{}, 1), let: make(chan struct{}), fail: errors.New("disk full")}
	close(store.let)
	a := newAuditor(store, slog.New(slog.NewTextHandler(&log, nil)))
	a.observe(t.Context(), watchword.Event{Kind: watchword.SignedIn})
	a.flush()
	if !strings.Contains(log.String(), "disk full") || !strings.Contains(log.String(), "entries=1") {
		t.Errorf("the log says\n%s", log.String())
	}
}

func TestAuditLeavesOut(t *testing.T) {
	a := newAuditor(nil, slog.New(slog.DiscardHandler))
	at := time.Unix(1000, 0)
	for _, kind := range []watchword.EventKind{watchword.Refreshed, watchword.RefreshRepeated} {
		a.observe(t.Context(), watchword.Event{Kind: kind, At: at})
	}
	if n := len(a.queue); n != 0 {
		t.Errorf("%d refreshes that went well are written down", n)
	}
	a.observe(t.Context(), watchword.Event{Kind: watchword.RefreshExtended, At: at})
	if n := len(a.queue); n != 1 {
		t.Fatalf("%d entries of a refresh token with a new date, want 1", n)
	}
	<-a.queue
	limited := watchword.Event{Kind: watchword.SignInFailed, Code: watchword.RateLimited, At: at}
	for range 1000 {
		a.observe(t.Context(), limited)
	}
	limited.At = at.Add(time.Second)
	a.observe(t.Context(), limited)
	if n := len(a.queue); n != 2 {
		t.Fatalf("%d attempts refused by the limiter are written down, want one a second: 2", n)
	}
	<-a.queue
	if e := <-a.queue; e.Detail != "and 999 more since the last" || e.Code != "rate_limited" {
		t.Errorf("entry = %+v", e)
	}
}

// hung is a reader of the log that does not read.
type hung struct {
	let chan struct{}
	mu  sync.Mutex
	b   bytes.Buffer
}

func (h *hung) Write(p []byte) (int, error) {
	<-h.let
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.b.Write(p)
}

func TestLogWriterNeverBlocks(t *testing.T) {
	to := &hung{let: make(chan struct{})}
	w := NewLogWriter(to)
	line := []byte(strings.Repeat("x", 1023) + "\n")
	for range 3 * maxPending / len(line) {
		if n, err := w.Write(line); n != len(line) || err != nil {
			t.Fatalf("Write = %d, %v", n, err)
		}
	}
	close(to.let)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	text := to.b.String()
	if len(text) < maxPending/2 || len(text) > 3*maxPending {
		t.Errorf("%d bytes were written", len(text))
	}
	if !strings.Contains(text, "log lines were dropped") {
		t.Error("what was dropped is not reported")
	}
}

func TestLogWriterKeepsOrder(t *testing.T) {
	var to bytes.Buffer
	w := NewLogWriter(&to)
	var want strings.Builder
	for i := range 1000 {
		line := strings.Repeat("y", i%7) + "\n"
		want.WriteString(line)
		if _, err := w.Write([]byte(line)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if to.String() != want.String() {
		t.Error("the lines are not what was written")
	}
}

// Only a trusted proxy says, and only once, that its client came by TLS.
func TestForwardedProto(t *testing.T) {
	s := bare(t, io.Discard)
	s.config.HTTP.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
	tests := []struct {
		name, peer string
		said       []string
		scheme     string
	}{
		{"trusted", "192.0.2.7:1234", []string{"https"}, "https"},
		{"trusted, mapped", "[::ffff:192.0.2.7]:1234", []string{"https"}, "https"},
		{"trusted, silent", "192.0.2.7:1234", nil, ""},
		{"trusted, http", "192.0.2.7:1234", []string{"http"}, ""},
		{"trusted, two words", "192.0.2.7:1234", []string{"http", "https"}, ""},
		{"stranger", "198.51.100.7:1234", []string{"https"}, ""},
	}
	for _, tt := range tests {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr, r.Header["X-Forwarded-Proto"] = tt.peer, tt.said
		if got := s.forwarded(r).URL.Scheme; got != tt.scheme {
			t.Errorf("%s: scheme %q, want %q", tt.name, got, tt.scheme)
		}
	}
}
