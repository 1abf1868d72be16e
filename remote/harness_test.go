package remote_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/jwt"
	"github.com/watchword-auth/watchword/remote"
)

const (
	issuer  = "http://localhost"
	setPath = "/.well-known/jwks.json"
	setURL  = issuer + setPath
)

// authority publishes keys, and can be made to fail in any way.
type authority struct {
	mu      sync.Mutex
	keys    []*jwt.Key
	cache   string           // Cache-Control
	fault   http.HandlerFunc // nil: none
	fetches atomic.Int64     // of the set
	times   []time.Time
}

func newAuthority(keys ...*jwt.Key) *authority {
	return &authority{keys: keys, cache: "public, max-age=300"}
}

func (a *authority) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	keys, cache, fault := slices.Clone(a.keys), a.cache, a.fault
	if r.URL.Path == setPath {
		a.fetches.Add(1)
		a.times = append(a.times, time.Now())
	}
	a.mu.Unlock()
	switch {
	case fault != nil:
		fault(w, r)
	case r.URL.Path == setPath:
		set, err := jwt.PublicSet(keys...)
		if err != nil {
			panic(err)
		}
		w.Header().Set("Content-Type", "application/jwk-set+json")
		w.Header().Set("Cache-Control", cache)
		_, _ = w.Write(set)
	case r.URL.Path == "/.well-known/oauth-authorization-server":
		answer("application/json", fmt.Sprintf(`{"issuer":%q,"jwks_uri":%q}`, issuer, setURL))(w, r)
	default:
		http.NotFound(w, r)
	}
}

func (a *authority) publish(keys ...*jwt.Key) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.keys = keys
}

func (a *authority) fail(with http.HandlerFunc) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.fault = with
}

// spacing returns the shortest time between two fetches of the set.
func (a *authority) spacing() time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	shortest := time.Duration(1<<63 - 1)
	for i := 1; i < len(a.times); i++ {
		shortest = min(shortest, a.times[i].Sub(a.times[i-1]))
	}
	return shortest
}

// answer is a handler that says body.
func answer(media, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Content-Type"] = []string{media}
		_, _ = io.WriteString(w, body)
	}
}

// transport serves a handler over pipes in memory, by a real server and a real
// transport, so that testing/synctest sees all that waits. It ends with t.
func transport(t testing.TB, h http.Handler) http.RoundTripper {
	t.Helper()
	l := &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
	s := &http.Server{Handler: h, ErrorLog: log.New(io.Discard, "", 0)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.Serve(l)
	}()
	t.Cleanup(func() {
		_ = s.Close()
		<-done
	})
	return &http.Transport{DialContext: l.dial, DisableKeepAlives: true}
}

type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case p.conns <- there:
		return here, nil
	case <-p.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { p.once.Do(func() { close(p.closed) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

// newKeys follows an authority inside a bubble, and ends with t.
func newKeys(t testing.TB, h http.Handler, edit func(*remote.KeysConfig)) *remote.Keys {
	t.Helper()
	c := remote.KeysConfig{URL: setURL, Transport: transport(t, h)}
	if edit != nil {
		edit(&c)
	}
	k, err := remote.NewKeys(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.Close)
	return k
}

// ready is newKeys with the first fetch done.
func ready(t testing.TB, h http.Handler, edit func(*remote.KeysConfig)) *remote.Keys {
	t.Helper()
	k := newKeys(t, h, edit)
	if err := k.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	return k
}

func newKey(t testing.TB) *jwt.Key {
	t.Helper()
	k, err := jwt.GenerateKey(jwt.EdDSA)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// token returns an access token that is good for an hour from now.
func token(t testing.TB, k *jwt.Key, now time.Time) string {
	t.Helper()
	raw, err := jwt.Sign(k, watchword.AccessType, fmt.Appendf(nil,
		`{"iss":%q,"sub":"9","aud":"shop","exp":%d,"iat":%d}`, issuer, now.Add(time.Hour).Unix(), now.Unix()))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func verifier(k *remote.Keys, now func() time.Time) *watchword.Verifier {
	return &watchword.Verifier{
		Keys: k, Issuer: issuer, Audience: "shop",
		Memory: watchword.NewVerified(64), Now: now,
	}
}

// header is that of a token signed by k.
func header(k *jwt.Key) jwt.Header { return jwt.Header{Algorithm: k.Algorithm(), KeyID: k.ID()} }

// stranger is the header of a token by a key that nobody has.
func stranger(n int) jwt.Header {
	return jwt.Header{Algorithm: jwt.EdDSA, KeyID: fmt.Sprintf("nobody-%d", n)}
}
