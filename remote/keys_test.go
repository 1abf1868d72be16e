package remote_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/jwt"
	"github.com/watchword-auth/watchword/remote"
)

func TestNewKeysRefusesConfig(t *testing.T) {
	tests := []struct {
		name   string
		c      remote.KeysConfig
		faults []string
	}{
		{"nothing", remote.KeysConfig{}, []string{"exactly one of URL and Issuer"}},
		{"both", remote.KeysConfig{URL: setURL, Issuer: issuer}, []string{"exactly one of URL and Issuer"}},
		{"http elsewhere", remote.KeysConfig{URL: "http://auth.example/jwks"}, []string{"URL: must be https outside loopback"}},
		{"http issuer elsewhere", remote.KeysConfig{Issuer: "http://auth.example"}, []string{"Issuer: must be https outside loopback"}},
		{"a host that begins like loopback", remote.KeysConfig{URL: "http://localhost.example/"}, []string{"must be https"}},
		{"an address that begins like loopback", remote.KeysConfig{URL: "http://127.0.0.1.example/"}, []string{"must be https"}},
		{"loopback as password", remote.KeysConfig{URL: "http://127.0.0.1:80@auth.example/"}, []string{"must be https"}},
		{"unspecified address", remote.KeysConfig{URL: "http://0.0.0.0/"}, []string{"must be https"}},
		{"another scheme", remote.KeysConfig{URL: "file:///etc/jwks.json"}, []string{"must begin with https://"}},
		{"no host", remote.KeysConfig{URL: "https:///jwks"}, []string{"must begin with https://"}},
		{"password", remote.KeysConfig{URL: "https://a:b@auth.example/"}, []string{"must not hold a password"}},
		{"fragment", remote.KeysConfig{URL: "https://auth.example/#"}, []string{"must not hold a fragment"}},
		{"issuer with query", remote.KeysConfig{Issuer: "https://auth.example/?a"}, []string{"must not hold a query"}},
		{"durations below zero, all at once", remote.KeysConfig{URL: setURL, MinInterval: -1, MaxStale: -1, Timeout: -1}, []string{
			"MinInterval is negative", "MaxStale is negative", "Timeout is negative",
		}},
		{"stale before it may be fetched again", remote.KeysConfig{URL: setURL, MaxStale: 59 * time.Second}, []string{"less than twice"}},
		{"file in no directory", remote.KeysConfig{URL: setURL, File: filepath.Join(t.TempDir(), "none", "keys")}, []string{"File: "}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			k, err := remote.NewKeys(test.c)
			if err == nil {
				k.Close()
				t.Fatal("NewKeys = nil, want an error")
			}
			for _, fault := range test.faults {
				if !strings.Contains(err.Error(), fault) {
					t.Errorf("NewKeys = %v, want %q in it", err, fault)
				}
			}
		})
	}
	for _, good := range []string{"https://auth.example/jwks?tenant=1", "http://127.0.0.1:1/", "http://[::1]:1/", "http://localhost/"} {
		down := roundTrip(func(*http.Request) (*http.Response, error) { return nil, net.ErrClosed })
		k, err := remote.NewKeys(remote.KeysConfig{URL: good, Transport: down})
		if err != nil {
			t.Errorf("NewKeys(%s) = %v, want nil", good, err)
			continue
		}
		k.Close()
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// A key that is held is found without waiting, whatever the network does; one
// that is not is waited for, as long as the caller likes.
func TestOnlyUnknownKeysWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		key := newKey(t)
		a := newAuthority(key)
		k := ready(t, a, nil)
		a.fail(hang)
		time.Sleep(5 * time.Minute) // the set is fetched again by now, in vain

		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		for range 3 { // one of these looks while a fetch hangs
			if keys, err := k.VerifyingKeys(ctx, header(key)); err != nil || len(keys) != 1 || keys[0].ID() != key.ID() {
				t.Fatalf("VerifyingKeys(held) = %v, %v", keys, err)
			}
			if d := time.Since(began); d > time.Second {
				t.Fatalf("a key held took %s", d)
			}
			_, err := k.VerifyingKeys(ctx, stranger(1))
			if !errors.Is(err, watchword.Unavailable) {
				t.Fatalf("VerifyingKeys(unknown) = %v, want Unavailable: the authority cannot be asked", err)
			}
		}
	})
}

// hang answers never.
func hang(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

func TestWaitEndsWithContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAuthority(newKey(t))
		a.fail(hang)
		k := newKeys(t, a, nil)
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		began := time.Now()
		_, err := k.VerifyingKeys(ctx, stranger(1))
		if !errors.Is(err, watchword.Unavailable) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("VerifyingKeys = %v, want Unavailable and DeadlineExceeded", err)
		}
		if err := k.Wait(ctx); !errors.Is(err, watchword.Unavailable) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Wait = %v, want Unavailable and DeadlineExceeded", err)
		}
		if d := time.Since(began); d != 2*time.Second {
			t.Errorf("waited %s, want 2s", d)
		}
		// With more patience the fetch's own time runs out.
		_, err = k.VerifyingKeys(t.Context(), stranger(1))
		var retry *watchword.RetryError
		if !errors.As(err, &retry) || retry.After != 20*time.Second || time.Since(began) != 10*time.Second {
			t.Errorf("VerifyingKeys = %v after %s, want to come back 20s after the 10s of the fetch", err, time.Since(began))
		}
	})
}

func TestUnknownKeyIsRefusedWhereTheAuthorityAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAuthority(newKey(t))
		k := ready(t, a, nil)
		time.Sleep(time.Minute)
		for name, h := range map[string]jwt.Header{
			"invented id":             stranger(1),
			"no id, other algorithm":  {Algorithm: jwt.ES256},
			"a secret's algorithm":    {Algorithm: jwt.HS256, KeyID: "x"},
			"a secret's, without any": {Algorithm: jwt.HS256},
		} {
			_, err := k.VerifyingKeys(t.Context(), h)
			if !errors.Is(err, jwt.ErrUnknownKey) || errors.Is(err, watchword.Unavailable) {
				t.Errorf("VerifyingKeys(%s) = %v, want ErrUnknownKey", name, err)
			}
		}
		if n := a.fetches.Load(); n != 2 {
			t.Errorf("%d fetches, want 2: at start, and once for all that is unknown", n)
		}
		time.Sleep(time.Minute)
		_, _ = k.VerifyingKeys(t.Context(), jwt.Header{Algorithm: jwt.HS256, KeyID: "x"})
		if n := a.fetches.Load(); n != 2 {
			t.Errorf("%d fetches, want 2: no secret is ever fetched", n)
		}
		if _, err := k.VerifyingKeys(t.Context(), jwt.Header{Algorithm: jwt.EdDSA}); err != nil {
			t.Errorf("VerifyingKeys(no id) = %v, want the key of the algorithm", err)
		}
	})
}

// Ten thousand callers a minute, each with an id of its own: one fetch an
// interval, and good tokens are verified all the while.
func TestStormOfUnknownKeys(t *testing.T) {
	const callers, minutes = 10_000, 5
	synctest.Test(t, func(t *testing.T) {
		key := newKey(t)
		a := newAuthority(key)
		k := ready(t, a, nil)
		good := token(t, key, time.Now())
		v := verifier(k, nil)
		began := time.Now()
		for range minutes * 6 {
			var wg sync.WaitGroup
			var accepted atomic.Int64
			for n := range callers / 6 {
				wg.Go(func() {
					if _, err := k.VerifyingKeys(t.Context(), stranger(n)); err == nil {
						accepted.Add(1)
					}
				})
				if n%100 == 0 {
					if _, err := v.Verify(t.Context(), good); err != nil {
						t.Errorf("Verify(good) = %v", err)
					}
				}
			}
			wg.Wait()
			if n := accepted.Load(); n != 0 {
				t.Fatalf("%d invented ids had keys", n)
			}
			time.Sleep(10 * time.Second)
		}
		if most := int64(time.Since(began)/(30*time.Second)) + 1; a.fetches.Load() > most {
			t.Errorf("%d fetches in %s, want at most %d", a.fetches.Load(), time.Since(began), most)
		}
		if d := a.spacing(); d < 30*time.Second {
			t.Errorf("two fetches within %s", d)
		}
	})
}

// All at one instant, with nothing held and an authority that is slow: one
// fetch, and no more wait for it than may.
func TestStormAtStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		key := newKey(t)
		a := newAuthority(key)
		a.fail(hang)
		k := newKeys(t, a, nil)
		var wg sync.WaitGroup
		var waited, turnedAway atomic.Int64
		began := time.Now()
		for n := range 10_000 {
			wg.Go(func() {
				_, err := k.VerifyingKeys(t.Context(), stranger(n))
				if !errors.Is(err, watchword.Unavailable) {
					t.Errorf("VerifyingKeys = %v, want Unavailable", err)
				}
				if time.Since(began) > 0 {
					waited.Add(1)
				} else {
					turnedAway.Add(1)
				}
			})
		}
		wg.Wait()
		if waited.Load() != 1024 || turnedAway.Load() != 10_000-1024 || a.fetches.Load() != 1 {
			t.Errorf("%d waited, %d turned away, %d fetches, want 1024, 8976, 1", waited.Load(), turnedAway.Load(), a.fetches.Load())
		}
	})
}

// A new key is found by the first token it signed, a withdrawn one is refused
// after the next fetch, and the verifier's memory forgets what it signed.
func TestSetIsReplacedAsAWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := newKey(t), newKey(t)
		a := newAuthority(first)
		k := ready(t, a, nil)
		v := verifier(k, nil)
		old, fresh := token(t, first, time.Now()), token(t, second, time.Now())
		for range 2 { // the second time from memory
			if _, err := v.Verify(t.Context(), old); err != nil {
				t.Fatalf("Verify(old) = %v", err)
			}
		}
		version := k.Version()
		a.publish(second)
		if _, err := v.Verify(t.Context(), fresh); !errors.Is(err, watchword.BadSignature) {
			t.Errorf("Verify(fresh) = %v within the interval, want BadSignature", err)
		}
		time.Sleep(30 * time.Second)
		if _, err := v.Verify(t.Context(), fresh); err != nil {
			t.Errorf("Verify(fresh) = %v", err)
		}
		if k.Version() <= version {
			t.Errorf("Version stayed %d", version)
		}
		if _, err := v.Verify(t.Context(), old); !errors.Is(err, watchword.BadSignature) {
			t.Errorf("Verify(old) = %v, want BadSignature", err)
		}
	})
}

func TestVersionStaysWithTheSameKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one, two := newKey(t), newKey(t)
		a := newAuthority(one, two)
		k := ready(t, a, nil)
		version := k.Version()
		a.publish(two, one)
		time.Sleep(time.Hour)
		if k.Version() != version || a.fetches.Load() < 10 {
			t.Errorf("Version = %d after %d fetches, want %d: only the order changed", k.Version(), a.fetches.Load(), version)
		}
		a.publish(two, one.WithID("renamed"))
		time.Sleep(time.Hour)
		if k.Version() <= version {
			t.Errorf("Version = %d, want more than %d: an id changed", k.Version(), version)
		}
	})
}

// RFC 9111: how long an answer is fresh, and what is made of it.
func TestRefreshInterval(t *testing.T) {
	tests := []struct {
		name, cache, age string
		want             time.Duration
	}{
		{"four fifths of max-age", "public, max-age=300", "", 240 * time.Second},
		{"spelled oddly", `PUBLIC , Max-Age="300"`, "", 240 * time.Second},
		{"without the time in caches", "max-age=300", "100", 160 * time.Second},
		{"older than it may be", "max-age=300", "900", 30 * time.Second},
		{"nothing said", "", "", 240 * time.Second},
		{"too short", "max-age=1", "", 30 * time.Second},
		{"no-cache", "no-cache, max-age=300", "", 30 * time.Second},
		{"no-store", "max-age=300, no-store", "", 30 * time.Second},
		{"a year", "max-age=31536000", "", time.Hour},
		{"more than fits", "max-age=99999999999999999999999", "", time.Hour},
		{"twice: the shorter", "max-age=600, max-age=300", "", 240 * time.Second},
		{"no number", "max-age=soon", "", 30 * time.Second},
		{"below zero", "max-age=-1", "", 30 * time.Second},
		{"for shared caches only", "s-maxage=9", "", 240 * time.Second},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newAuthority(newKey(t))
				a.cache = test.cache
				h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if test.age != "" {
						w.Header().Set("Age", test.age)
					}
					a.ServeHTTP(w, r)
				})
				ready(t, h, nil)
				time.Sleep(150 * time.Minute)
				if got := a.spacing(); got != test.want {
					t.Errorf("fetched again after %s, want %s", got, test.want)
				}
			})
		})
	}
}

// A clock that is set back tells nothing about age, and one that runs ahead
// makes keys too old: neither stops the fetching.
func TestClockJumps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var shift atomic.Int64
		key := newKey(t)
		a := newAuthority(key)
		k := ready(t, a, func(c *remote.KeysConfig) {
			c.Now = func() time.Time { return time.Now().Add(time.Duration(shift.Load())) }
		})
		for _, jump := range []time.Duration{-100 * time.Hour, 200 * time.Hour} {
			before, fetches := shift.Load(), a.fetches.Load()
			shift.Store(int64(jump))
			_, err := k.VerifyingKeys(t.Context(), header(key))
			if ahead := jump > time.Duration(before); ahead != errors.Is(err, watchword.Unavailable) {
				t.Errorf("VerifyingKeys = %v after a jump to %s", err, jump)
			}
			time.Sleep(31 * time.Second)
			if a.fetches.Load() == fetches {
				t.Errorf("no fetch after a jump to %s", jump)
			}
			if _, err := k.VerifyingKeys(t.Context(), header(key)); err != nil {
				t.Errorf("VerifyingKeys = %v after the next fetch", err)
			}
			if age := k.Stats().Age; age < 0 || age > time.Minute {
				t.Errorf("age %s after the next fetch", age)
			}
		}
	})
}

// Close waits for a fetch in the air to end; synctest fails the test where a
// goroutine is left.
func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		key := newKey(t)
		a := newAuthority(key)
		k := ready(t, a, nil)
		a.fail(hang)
		time.Sleep(241 * time.Second) // a fetch hangs
		began := time.Now()
		k.Close()
		k.Close()
		if d := time.Since(began); d != 0 {
			t.Errorf("Close took %s", d)
		}
		fetches := a.fetches.Load()
		if _, err := k.VerifyingKeys(t.Context(), header(key)); err != nil {
			t.Errorf("VerifyingKeys(held) = %v after Close", err)
		}
		time.Sleep(time.Hour)
		if _, err := k.VerifyingKeys(t.Context(), stranger(1)); !errors.Is(err, watchword.Unavailable) {
			t.Errorf("VerifyingKeys(unknown) = %v after Close, want Unavailable", err)
		}
		time.Sleep(24 * time.Hour)
		if _, err := k.VerifyingKeys(t.Context(), header(key)); !errors.Is(err, watchword.Unavailable) {
			t.Errorf("VerifyingKeys(held) = %v a day after Close, want Unavailable", err)
		}
		if err := k.Wait(t.Context()); !errors.Is(err, watchword.Unavailable) {
			t.Errorf("Wait = %v after Close, want Unavailable", err)
		}
		if a.fetches.Load() != fetches {
			t.Errorf("fetched after Close")
		}
	})
	synctest.Test(t, func(t *testing.T) { // without a fault before it
		k := ready(t, newAuthority(newKey(t)), nil)
		k.Close()
		if _, err := k.VerifyingKeys(t.Context(), stranger(1)); !errors.Is(err, jwt.ErrUnknownKey) {
			t.Errorf("VerifyingKeys(unknown) = %v after Close, want ErrUnknownKey", err)
		}
		time.Sleep(24 * time.Hour)
		if _, err := k.VerifyingKeys(t.Context(), stranger(1)); !errors.Is(err, watchword.Unavailable) {
			t.Errorf("VerifyingKeys(unknown) = %v a day after Close, want Unavailable", err)
		}
	})
}

// A key that is held costs a look, and a verification little more than its
// cryptography.
func BenchmarkKeys(b *testing.B) {
	key, err := jwt.GenerateKey(jwt.ES256)
	if err != nil {
		b.Fatal(err)
	}
	s := httptest.NewServer(newAuthority(key))
	defer s.Close()
	k, err := remote.NewKeys(remote.KeysConfig{URL: s.URL + setPath})
	if err != nil {
		b.Fatal(err)
	}
	defer k.Close()
	if err := k.Wait(b.Context()); err != nil {
		b.Fatal(err)
	}
	raw := token(b, key, time.Now())
	v := verifier(k, nil)
	first := *v
	first.Memory = nil
	b.Run("VerifyingKeys", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := k.VerifyingKeys(b.Context(), header(key)); err != nil {
				b.Fatal(err)
			}
		}
	})
	for name, v := range map[string]*watchword.Verifier{"Verify/first": &first, "Verify/again": v} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := v.Verify(b.Context(), raw); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
