package httpauth_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/httpauth"
	"github.com/watchword-auth/watchword/jwt"
	"github.com/watchword-auth/watchword/password"
	"github.com/watchword-auth/watchword/store"
)

const (
	issuer   = "https://auth.example"
	audience = "https://api.example"
	ann      = "ann"
	annPass  = "ann-pass-77"
)

// bench is a server over a real authority and a store in memory.
type bench struct {
	t       testing.TB
	auth    *watchword.Authority
	store   *store.Memory
	handler http.Handler
	profile httpauth.Profile
	clock   *clock
}

// clock is the time of a test.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// cheap hashes in microseconds.
func cheap(t testing.TB) *password.Hasher {
	t.Helper()
	h, err := password.New(password.Config{Preferred: password.Params{Scheme: "argon2id", Memory: 64, Time: 1}})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// newBench starts the native profile with user ann, who may read and write
// posts; change may alter the configuration.
func newBench(t testing.TB, change ...func(*watchword.Config)) *bench {
	t.Helper()
	b := &bench{t: t, store: store.NewMemory(), clock: &clock{now: time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)}}
	c := watchword.Config{
		Issuer: issuer, Audience: audience, Store: b.store, SealKey: make([]byte, 32),
		Hasher: cheap(t), Now: b.clock.Now, InsecureUnlimited: true,
	}
	for _, f := range change {
		f(&c)
	}
	b.addUser(c.Hasher, watchword.User{
		Login: ann, Email: "ann@example.com", FirstName: "Ann", LastName: "Lee", Active: true,
		Scopes: []string{"posts:read", "posts:write"}, Permissions: []string{"p1"}, Groups: []string{"g1"},
	}, annPass)
	auth, err := watchword.New(c)
	if err != nil {
		t.Fatal(err)
	}
	b.auth = auth
	b.mount(httpauth.Native("/auth/v1", nil))
	return b
}

func (b *bench) mount(p httpauth.Profile) {
	b.t.Helper()
	h, err := httpauth.Handler(b.auth, p)
	if err != nil {
		b.t.Fatal(err)
	}
	b.profile, b.handler = p, h
}

func (b *bench) addUser(h *password.Hasher, u watchword.User, pass string) watchword.User {
	b.t.Helper()
	hash, err := h.Hash(context.Background(), pass)
	if err != nil {
		b.t.Fatal(err)
	}
	u, err = b.store.CreateUser(context.Background(), watchword.NewUser{User: u, PasswordHash: hash})
	if err != nil {
		b.t.Fatal(err)
	}
	return u
}

// call is a request; header values come in pairs.
type call struct {
	method, path, body string
	header             []string
}

func (c call) request() *http.Request {
	r := httptest.NewRequest(c.method, c.path, strings.NewReader(c.body))
	if c.body == "" {
		r = httptest.NewRequest(c.method, c.path, http.NoBody)
	}
	for i := 0; i < len(c.header); i += 2 {
		r.Header.Add(c.header[i], c.header[i+1])
	}
	return r
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
}

func (b *bench) do(c call) answer {
	b.t.Helper()
	return serve(b.handler, c)
}

func serve(h http.Handler, c call) answer {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, c.request())
	body, _ := io.ReadAll(w.Result().Body)
	return answer{w.Code, w.Result().Header, string(body)}
}

func jsonCall(method, path, body string, header ...string) call {
	return call{method, path, body, append([]string{"Content-Type", "application/json"}, header...)}
}

func formCall(path, body string, header ...string) call {
	return call{"POST", path, body, append([]string{"Content-Type", "application/x-www-form-urlencoded"}, header...)}
}

func bearer(token string) []string { return []string{"Authorization", "Bearer " + token} }

// object decodes the body.
func (a answer) object(t testing.TB) map[string]any {
	t.Helper()
	var o map[string]any
	if err := json.Unmarshal([]byte(a.body), &o); err != nil {
		t.Fatalf("body %q: %v", a.body, err)
	}
	return o
}

func (a answer) text(t testing.TB, member string) string {
	t.Helper()
	s, _ := a.object(t)[member].(string)
	return s
}

func (a answer) keys(t testing.TB) string {
	t.Helper()
	return strings.Join(slices.Sorted(maps.Keys(a.object(t))), " ")
}

// is fails the test unless status, error and code are those; "" is not
// compared.
func (a answer) is(t testing.TB, status int, oauth, code string) {
	t.Helper()
	if a.status != status {
		t.Errorf("status %d, want %d; body %s", a.status, status, a.body)
		return
	}
	if oauth != "" && a.text(t, "error") != oauth || code != "" && a.text(t, "code") != code {
		t.Errorf("body %s, want error %s and code %s", a.body, oauth, code)
	}
}

// signIn returns ann's tokens.
func (b *bench) signIn() (access, refresh string) {
	b.t.Helper()
	a := b.do(jsonCall("POST", "/auth/v1/token", fmt.Sprintf(`{"login":%q,"password":%q}`, ann, annPass)))
	if a.status != http.StatusOK {
		b.t.Fatalf("sign-in: %d %s", a.status, a.body)
	}
	return a.text(b.t, "access_token"), a.text(b.t, "refresh_token")
}

// newClient makes a machine client.
func (b *bench) newClient(name string, scopes ...string) (id, secret string) {
	b.t.Helper()
	id, secret, r := watchword.NewClientSecret(name, scopes, b.clock.Now())
	if err := b.store.CreateClient(context.Background(), r); err != nil {
		b.t.Fatal(err)
	}
	return id, secret
}

// keyring makes a ring of one key.
func keyring(t testing.TB, k *jwt.Key) *jwt.Keyring {
	t.Helper()
	ring, err := jwt.NewKeyring(jwt.RingKey{Key: k, State: jwt.Active})
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

// brokenBody fails when it is read, like a connection that was cut.
type brokenBody struct{}

func (brokenBody) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
func (brokenBody) Close() error             { return nil }

func newRecorder() *httptest.ResponseRecorder { return httptest.NewRecorder() }

// parsePath gives a request a path as it stands on the request line.
func parsePath(r *http.Request, path string) (err error) {
	r.RequestURI = path
	r.URL, err = url.ParseRequestURI(path)
	return err
}
