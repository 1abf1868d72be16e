package remote_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/jwt"
	"github.com/watchword-auth/watchword/remote"
)

const html = "<!doctype html><title>Sign in to the hotel's network</title>"

// faults are the ways in which an authority, or what is in its place, fails.
func faults(t testing.TB) map[string]http.HandlerFunc {
	t.Helper()
	const set, plain = "application/jwk-set+json", "application/json"
	other := newKey(t)
	public, err := jwt.PublicSet(other)
	if err != nil {
		t.Fatal(err)
	}
	private, err := other.MarshalPrivate()
	if err != nil {
		t.Fatal(err)
	}
	hmac, err := jwt.GenerateKey(jwt.HS256)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := hmac.MarshalPrivate()
	if err != nil {
		t.Fatal(err)
	}
	keys := func(keys ...[]byte) string {
		raw := make([]json.RawMessage, len(keys))
		for i := range keys {
			raw[i] = keys[i]
		}
		b, err := json.Marshal(map[string]any{"keys": raw})
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	one := []byte(strings.TrimSuffix(strings.TrimPrefix(string(public), `{"keys":[`), `]}`))
	return map[string]http.HandlerFunc{
		"down": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"slow, 30s": func(w http.ResponseWriter, r *http.Request) {
			pause(r, 30*time.Second)
			answer(set, string(public))(w, r)
		},
		"a byte a second": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", set)
			for i := range public {
				_, _ = w.Write(public[i : i+1])
				_ = http.NewResponseController(w).Flush()
				pause(r, time.Second)
			}
		},
		"cut off": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(len(public)+1))
			answer(set, string(public))(w, r)
		},
		"status 500": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", set)
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = w.Write(public)
		},
		"status 404":                http.NotFound,
		"no content":                func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) },
		"redirected, same host":     redirect("/moved", set, public),
		"redirected elsewhere":      redirect("https://evil.example/jwks", set, public),
		"HTML":                      answer("text/html; charset=utf-8", html),
		"HTML that says it is JSON": answer(plain, html),
		"no media type":             answer("", string(public)),
		"wrong media type":          answer("text/plain", string(public)),
		"two media types":           answer("application/json, text/html", string(public)),
		"nothing":                   answer(set, ""),
		"null":                      answer(set, "null"),
		"a list":                    answer(set, "["+string(one)+"]"),
		"one key, no set":           answer(set, string(one)),
		"empty set":                 answer(set, `{"keys":[]}`),
		"set without keys":          answer(set, `{}`),
		"keys twice":                answer(set, `{"keys":[`+string(one)+`],"keys":[]}`),
		"cut JSON":                  answer(set, string(public[:len(public)-1])),
		"a kid twice":               answer(set, keys(one, one)),
		"a secret":                  answer(set, keys(secret)),
		"a secret that only checks": answer(set, strings.Replace(keys(secret), `"kty"`, `"key_ops":["verify"],"kty"`, 1)),
		"a secret beside a key":     answer(set, keys(one, secret)),
		"a private key":             answer(set, keys(private)),
		"no key that verifies":      answer(set, strings.Replace(string(public), `"kty"`, `"key_ops":["sign"],"kty"`, 1)),
		"10 MB":                     answer(set, `{"keys":[],"x":"`+strings.Repeat("x", 10<<20)+`"}`),
		"10 MB of unstated length": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", set)
			_, _ = w.Write(public[:len(public)-1])
			_ = http.NewResponseController(w).Flush()
			for range 10 << 10 {
				_, _ = w.Write(spaces[:])
			}
			_, _ = w.Write(public[len(public)-1:])
		},
	}
}

var spaces = func() (b [1 << 10]byte) {
	for i := range b {
		b[i] = ' '
	}
	return b
}()

func pause(r *http.Request, d time.Duration) {
	select {
	case <-time.After(d):
	case <-r.Context().Done():
	}
}

// redirect sends away to where a good set would be.
func redirect(to, media string, set []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/moved" {
			answer(media, string(set))(w, r)
			return
		}
		w.Header().Set("Location", to)
		w.Header().Set("Content-Type", media)
		w.WriteHeader(http.StatusFound)
		_, _ = w.Write(set)
	}
}

// Whatever happens to the authority, the last good set counts for a day and no
// longer, nobody waits for it, and it is asked once an interval.
func TestLastGoodSetSurvivesFaults(t *testing.T) {
	const interval = time.Hour
	for name, fault := range faults(t) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				key := newKey(t)
				a := newAuthority(key)
				k := ready(t, a, func(c *remote.KeysConfig) { c.MinInterval = interval })
				v := verifier(k, nil)
				fresh := func() string { return token(t, key, time.Now()) }
				began, version := time.Now(), k.Version()
				a.fail(fault)
				check := func(want error) {
					t.Helper()
					at := time.Now()
					if _, err := v.Verify(t.Context(), fresh()); !errors.Is(err, want) {
						t.Fatalf("Verify = %v after %s, want %v", err, time.Since(began), want)
					}
					if d := time.Since(at); d != 0 {
						t.Fatalf("Verify waited %s", d)
					}
				}
				for time.Since(began) < 23*time.Hour {
					time.Sleep(time.Hour)
					check(nil)
				}
				time.Sleep(24*time.Hour - time.Since(began) - time.Nanosecond)
				check(nil)
				remembered := fresh()
				if _, err := v.Verify(t.Context(), remembered); err != nil {
					t.Fatal(err)
				}
				s := k.Stats()
				if k.Version() != version || s.Failures < 20 || s.LastError == nil || s.Keys != 1 || s.Age != 24*time.Hour-time.Nanosecond {
					t.Errorf("Version = %d, Stats = %+v after a day of failures", k.Version(), s)
				}
				time.Sleep(time.Nanosecond)
				check(watchword.Unavailable)
				if _, err := v.Verify(t.Context(), remembered); !errors.Is(err, watchword.Unavailable) {
					t.Errorf("Verify(remembered) = %v, want Unavailable: memory outlives no key", err)
				}
				if s := k.Stats(); s.Keys != 0 {
					t.Errorf("Stats = %+v with keys too old", s)
				}
				if d := a.spacing(); d < interval {
					t.Errorf("two fetches within %s", d)
				}
				a.fail(nil)
				time.Sleep(interval + time.Minute)
				check(nil)
				if s := k.Stats(); k.Version() <= version+1 || s.LastError != nil {
					t.Errorf("Version = %d, Stats = %+v once it is over", k.Version(), s)
				}
			})
		})
	}
}

// Nothing is held yet: the same answers make no keys, and the service begins
// to work by itself when they stop.
func TestStartDuringFault(t *testing.T) {
	for name, fault := range faults(t) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				key := newKey(t)
				a := newAuthority(key)
				a.fail(fault)
				k := newKeys(t, a, func(c *remote.KeysConfig) { c.URL, c.Issuer = "", issuer })
				v := verifier(k, nil)
				raw := token(t, key, time.Now())
				if _, err := v.Verify(t.Context(), raw); !errors.Is(err, watchword.Unavailable) {
					t.Errorf("Verify = %v, want Unavailable", err)
				}
				if s := k.Stats(); s.Keys != 0 || s.Failures != 1 || s.LastError == nil || k.Version() != 0 {
					t.Errorf("Stats = %+v", s)
				}
				a.fail(nil)
				if err := k.Wait(t.Context()); err != nil {
					t.Fatal(err)
				}
				if _, err := v.Verify(t.Context(), raw); err != nil {
					t.Errorf("Verify = %v once it is over", err)
				}
			})
		})
	}
}

// A new signing key every 10 s for 10 min, each published one cache
// lifetime before its first use: no token is refused, in any of three services.
func TestRotationEveryTenSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const ahead, behind, each = 6, 30, 20 // keys published before and after use; tokens a step
		var ring []*jwt.Key
		for range ahead {
			ring = append(ring, newKey(t))
		}
		active := 0
		a := newAuthority(ring...)
		a.cache = "max-age=60"
		var services []*watchword.Verifier
		var keys []*remote.Keys
		for range 3 {
			k := ready(t, a, nil)
			keys, services = append(keys, k), append(services, verifier(k, nil))
		}
		var issued []string
		var verified, failed atomic.Int64
		for range 60 {
			for range each {
				issued = append(issued, token(t, ring[active], time.Now()))
			}
			recent := issued[max(0, len(issued)-behind*each):]
			for _, v := range services {
				for i := 0; i < len(recent); i += 7 {
					if _, err := v.Verify(t.Context(), recent[i]); err != nil {
						failed.Add(1)
						t.Errorf("Verify = %v", err)
					}
					verified.Add(1)
				}
			}
			time.Sleep(10 * time.Second)
			ring = append(ring, newKey(t))
			active++
			a.publish(ring[max(0, active-behind):]...)
		}
		for _, k := range keys {
			if s := k.Stats(); s.Fetches > 14 || s.Failures != 0 {
				t.Errorf("Stats = %+v, want a fetch every 48 s", s)
			}
		}
		t.Logf("%d verified, %d failed", verified.Load(), failed.Load())
	})
}
