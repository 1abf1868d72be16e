package remote_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/jwt"
	"github.com/watchword-auth/watchword/remote"
)

// clock is one that only moves when it is told to.
type clock struct{ now atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.now.Store(time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC).UnixNano())
	return c
}

func (c *clock) Now() time.Time          { return time.Unix(0, c.now.Load()) }
func (c *clock) advance(d time.Duration) { c.now.Add(int64(d)) }

// The keys are rotated step after step while eight callers verify without
// pause, over real connections: each new key is fetched by the first token it
// signed, and no good token is refused.
func TestRotationUnderLoad(t *testing.T) {
	const steps, callers = 40, 8
	now := newClock()
	first := newKey(t)
	a := newAuthority(first)
	s := httptest.NewServer(a)
	defer s.Close()
	k, err := remote.NewKeys(remote.KeysConfig{URL: s.URL + setPath, Now: now.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	if err := k.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	v := verifier(k, now.Now)
	var tokens atomic.Pointer[[]string] // the newest
	publish := func(held []*jwt.Key) {
		// Callers are at most one step behind: one key more than they have tokens of.
		a.publish(held[max(0, len(held)-4):]...)
		now.advance(30 * time.Second)
		var raw []string
		for _, key := range held[max(0, len(held)-3):] {
			raw = append(raw, token(t, key, now.Now()))
		}
		tokens.Store(&raw)
	}
	held := []*jwt.Key{first}
	publish(held)

	type pass struct {
		caller int
		list   *[]string
	}
	passes := make(chan pass)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	var verified atomic.Int64
	for caller := range callers {
		wg.Go(func() {
			for {
				list := tokens.Load()
				for _, raw := range *list {
					if _, err := v.Verify(t.Context(), raw); err != nil {
						t.Errorf("Verify = %v", err)
					}
					verified.Add(1)
				}
				select {
				case <-stop:
					return
				case passes <- pass{caller, list}:
				}
			}
		})
	}
	for range steps {
		held = append(held, newKey(t))
		publish(held)
		for done := make(map[int]bool); len(done) < callers; {
			if p := <-passes; p.list == tokens.Load() {
				done[p.caller] = true
			}
		}
	}
	close(stop)
	wg.Wait()
	stats := k.Stats()
	if stats.Failures != 0 || stats.Fetches != steps+1 {
		t.Errorf("Stats = %+v, want a fetch a step", stats)
	}
	t.Logf("%d verified over %d keys with %d fetches", verified.Load(), len(held), stats.Fetches)
}

// Ten thousand callers at one instant over real connections.
func TestStormOverLoopback(t *testing.T) {
	now := newClock()
	key := newKey(t)
	a := newAuthority(key)
	s := httptest.NewServer(a)
	defer s.Close()
	k, err := remote.NewKeys(remote.KeysConfig{URL: s.URL + setPath, Now: now.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	if err := k.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	good := token(t, key, now.Now())
	v := verifier(k, now.Now)
	for interval := range 3 {
		now.advance(30 * time.Second)
		var wg sync.WaitGroup
		for n := range 10_000 {
			wg.Go(func() {
				if _, err := k.VerifyingKeys(t.Context(), stranger(n)); err == nil {
					t.Error("an invented id has a key")
				}
				if n%100 == 0 {
					if _, err := v.Verify(t.Context(), good); err != nil {
						t.Errorf("Verify(good) = %v", err)
					}
				}
			})
		}
		wg.Wait()
		if got, want := a.fetches.Load(), int64(interval+2); got != want {
			t.Errorf("%d fetches after %d intervals, want %d", got, interval+1, want)
		}
	}
}

// Certificates are checked, and there is no setting that does not.
func TestTLS(t *testing.T) {
	key := newKey(t)
	a := newAuthority(key)
	s := httptest.NewUnstartedServer(a)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	defer s.Close()
	for name, test := range map[string]struct {
		transport http.RoundTripper
		good      bool
	}{
		"unknown authority":      {nil, false},
		"known to the transport": {s.Client().Transport, true},
	} {
		k, err := remote.NewKeys(remote.KeysConfig{URL: s.URL + setPath, Transport: test.transport})
		if err != nil {
			t.Fatal(err)
		}
		_, err = k.VerifyingKeys(t.Context(), header(key))
		if test.good != (err == nil) || !test.good && !errors.Is(err, watchword.Unavailable) {
			t.Errorf("%s: VerifyingKeys = %v", name, err)
		}
		if last := k.Stats().LastError; !test.good && (last == nil || !strings.Contains(last.Error(), "certificate")) {
			t.Errorf("%s: LastError = %v, want the certificate refused", name, last)
		}
		k.Close()
	}
}

// An answer is bounded before it is read: the header, and the body by what it
// unpacks to and without waiting for its end.
func TestAnswerIsBounded(t *testing.T) {
	var bomb bytes.Buffer
	w := gzip.NewWriter(&bomb)
	if _, err := w.Write(bytes.Repeat([]byte(" "), 4<<20)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		header, value, body string
		end                 http.HandlerFunc
		fault               string
	}{
		"compressed bomb":  {"Content-Encoding", "gzip", bomb.String(), nil, "more than 524288 bytes"},
		"endless":          {"X", "", strings.Repeat(" ", 1<<20), hang, "more than 524288 bytes"},
		"header of 128 kB": {"X", strings.Repeat("x", 128<<10), "{}", nil, "headers exceeded 65536 bytes"},
	} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set(test.header, test.value)
			answer("application/json", test.body)(w, r)
			if test.end != nil {
				test.end(w, r)
			}
		}))
		defer s.Close()
		k, err := remote.NewKeys(remote.KeysConfig{URL: s.URL})
		if err != nil {
			t.Fatal(err)
		}
		defer k.Close()
		if _, err := k.VerifyingKeys(t.Context(), stranger(1)); !errors.Is(err, watchword.Unavailable) {
			t.Errorf("%s: VerifyingKeys = %v, want Unavailable", name, err)
		}
		if err := k.Stats().LastError; err == nil || !strings.Contains(err.Error(), test.fault) {
			t.Errorf("%s: LastError = %v, want %q in it", name, err, test.fault)
		}
	}
}
