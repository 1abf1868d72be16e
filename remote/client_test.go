package remote_test

import (
	"context"
	"errors"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/httpauth"
	"github.com/watchword-auth/watchword/remote"
)

// A verified request costs no network call and no read of any store, and a
// revocation arrives all the same.
func TestVerifyTouchesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCentral(t, nil)
		count := &counted{RoundTripper: transport(t, c)}
		client := c.service(t, func(r *remote.Config) { r.Transport = count })
		tokens := c.signIn("ann")
		guard := httpauth.Native(httpauth.NativePrefix, nil).Guard(client)
		time.Sleep(100 * time.Millisecond)
		synctest.Wait()
		before, calls := count.n.Load(), c.total()
		r := func() *http.Request {
			r, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, "/posts", nil)
			r.Header.Set("Authorization", "Bearer "+tokens.Access)
			return r
		}
		for range 10_000 {
			claims, err := guard.Check(r(), watchword.Scope("read"))
			if err != nil || claims.UserID != annID || claims.Number == 0 {
				t.Fatalf("Check = %+v, %v", claims, err)
			}
		}
		if n := count.n.Load() - before; n != 0 || c.total() != calls {
			t.Errorf("10,000 verified requests cost %d network calls", n)
		}
		c.signOut(tokens)
		time.Sleep(50 * time.Millisecond)
		if _, err := guard.Check(r()); !errors.Is(err, watchword.SessionEnded) {
			t.Errorf("Check = %v 50 ms after the sign-out, want SessionEnded", err)
		}
		if n := count.n.Load() - before; n != 0 {
			t.Errorf("hearing of the sign-out cost %d network calls", n)
		}
		if s := client.Stats(); !s.Feed.Following || s.Feed.Mode != "stream" || s.Feed.Facts == 0 || s.Feed.LastError != nil || s.Keys.Keys == 0 {
			t.Errorf("Stats = %+v", s)
		}
	})
}

// Every kind of fact reaches the service.
func TestFactsArrive(t *testing.T) {
	tests := []struct {
		name string
		end  func(c *central, tokens watchword.Tokens) error
		want watchword.Code
	}{
		{"session ended", func(c *central, tokens watchword.Tokens) error {
			return c.SignOut(context.Background(), watchword.SignOutRequest{Raw: tokens.Access})
		}, watchword.SessionEnded},
		{"all of the user's", func(c *central, tokens watchword.Tokens) error {
			return c.SignOut(context.Background(), watchword.SignOutRequest{Raw: tokens.Access, Everywhere: true})
		}, watchword.SessionEnded},
		{"token revoked", func(c *central, tokens watchword.Tokens) error {
			return c.Revoke(context.Background(), tokens.Access, watchword.Client{})
		}, watchword.TokenRevoked},
		{"rights changed", func(c *central, _ watchword.Tokens) error {
			staff := false
			now := time.Now()
			_, err := c.store.UpdateUser(context.Background(), annID, watchword.UserChange{Staff: &staff}, 0, now.Add(time.Hour), now)
			return err
		}, watchword.ClaimsStale},
		{"user disabled", func(c *central, _ watchword.Tokens) error {
			active := false
			now := time.Now()
			_, err := c.store.UpdateUser(context.Background(), annID, watchword.UserChange{Active: &active}, 0, now.Add(time.Hour), now)
			return err
		}, watchword.SessionEnded},
		{"key gone", func(c *central, _ watchword.Tokens) error {
			old, err := c.Keys(context.Background())
			if err != nil {
				return err
			}
			if err := c.RotateKeys(context.Background()); err != nil {
				return err
			}
			active := slices.IndexFunc(old, func(k watchword.KeyRecord) bool { return k.State == "active" })
			return c.RetireKey(context.Background(), old[active].ID)
		}, watchword.BadSignature},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			both(t, func(t *testing.T, c *central) {
				client := c.service(t, nil)
				tokens := c.signIn("ann")
				if _, err := client.Verify(t.Context(), tokens.Access); err != nil {
					t.Fatal(err)
				}
				if err := test.end(c, tokens); err != nil {
					t.Fatal(err)
				}
				time.Sleep(3 * time.Second) // keys are fetched again
				if _, err := client.Verify(t.Context(), tokens.Access); !errors.Is(err, test.want) {
					t.Errorf("Verify = %v, want %v", err, test.want)
				}
			})
		})
	}
}

// Without credentials there is no feed, and the figures say so.
func TestWithoutFeed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCentral(t, nil)
		client := c.service(t, func(r *remote.Config) { r.ClientID, r.ClientSecret = "", "" })
		tokens := c.signIn("ann")
		c.signOut(tokens)
		time.Sleep(4 * time.Minute)
		if _, err := client.Verify(t.Context(), tokens.Access); err != nil {
			t.Errorf("Verify = %v, want a token good until it expires", err)
		}
		time.Sleep(2 * time.Minute)
		if _, err := client.Verify(t.Context(), tokens.Access); !errors.Is(err, watchword.TokenExpired) {
			t.Errorf("Verify = %v, want TokenExpired", err)
		}
		if s := client.Stats().Feed; s.Following {
			t.Errorf("Stats = %+v, want no feed", s)
		}
		if _, ok := client.FeedAge(); ok {
			t.Error("FeedAge is known without a feed")
		}
	})
}

// A feed that was cut is known to be; what then, is set.
func TestStale(t *testing.T) {
	for name, test := range map[string]struct {
		onStale remote.OnStale
		maximum time.Duration
		good    time.Duration // after the cut
		bad     time.Duration // likewise; 0: never
	}{
		"refuse, by default after 30 s": {remote.Refuse, 0, 29 * time.Second, 33 * time.Second},
		"refuse after 2 s":              {remote.Refuse, 2 * time.Second, 900 * time.Millisecond, 4 * time.Second},
		"refuse after a minute":         {remote.Refuse, time.Minute, 58 * time.Second, 63 * time.Second},
		"go on":                         {remote.GoOn, time.Minute, 4 * time.Minute, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCentral(t, nil)
				client := c.service(t, func(r *remote.Config) { r.OnStale, r.MaxStale = test.onStale, test.maximum })
				tokens, ended := c.signIn("ann"), c.signIn("ann")
				time.Sleep(time.Second)
				cut := time.Now()
				c.fail("", hang)
				c.cut()
				synctest.Wait() // until the stream has ended
				c.signOut(ended)
				time.Sleep(test.good - time.Since(cut))
				if _, err := client.Verify(t.Context(), tokens.Access); err != nil {
					t.Errorf("Verify = %v %s after the cut", err, test.good)
				}
				if test.bad == 0 {
					if _, err := client.Verify(t.Context(), ended.Access); err != nil {
						t.Errorf("Verify = %v, want what nobody heard of to count", err)
					}
					return
				}
				time.Sleep(test.bad - time.Since(cut))
				_, err := client.Verify(t.Context(), tokens.Access)
				var retry *watchword.RetryError
				if !errors.Is(err, watchword.Unavailable) || !errors.As(err, &retry) || retry.After <= 0 {
					t.Errorf("Verify = %v %s after the cut, want Unavailable", err, test.bad)
				}
				if age, ok := client.FeedAge(); !ok || age < test.good {
					t.Errorf("FeedAge = %s, %v", age, ok)
				}
				c.fail("", nil)
				time.Sleep(25 * time.Second)
				if _, err := client.Verify(t.Context(), tokens.Access); err != nil {
					t.Errorf("Verify = %v once the feed is back", err)
				}
				if _, err := client.Verify(t.Context(), ended.Access); !errors.Is(err, watchword.SessionEnded) {
					t.Errorf("Verify = %v, want what ended meanwhile refused", err)
				}
			})
		})
	}
}

// What New waits for, and what it says when that does not come.
func TestNewFails(t *testing.T) {
	tests := []struct {
		name  string
		fault string // path
		with  http.HandlerFunc
		edit  func(*remote.Config)
		want  string
	}{
		{"wrong secret", "", nil, func(r *remote.Config) { r.ClientSecret = "x" }, "ClientID or its secret"},
		{"no feed there", "/auth/v1/revocations", http.NotFound, nil, "status 404"},
		{"authority down", "", hang, nil, "deadline"},
		{"no metadata", "/.well-known/oauth-authorization-server", http.NotFound, nil, "status 404"},
		{"HTML for keys", "/.well-known/jwks.json", answer("text/html", html), nil, "media type"},
		{"HTML for facts", "/auth/v1/revocations", answer("text/html", html), nil, "media type"},
		{"another issuer", "", nil, func(r *remote.Config) { r.Issuer = "https://other.example" }, "leads to this machine"},
		{"foreign token endpoint", "/.well-known/oauth-authorization-server", answer("application/json", `{"issuer":"http://localhost","jwks_uri":"http://localhost/.well-known/jwks.json","token_endpoint":"http://localhost/oauth/tok"}`), nil, "none of Watchword's"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCentral(t, nil)
				if test.with != nil {
					c.fail(test.fault, test.with)
				}
				began := time.Now()
				_, err := c.open(t, test.edit)
				if err == nil || !strings.Contains(err.Error(), test.want) {
					t.Errorf("New = %v, want %q in it", err, test.want)
				}
				if took := time.Since(began); took > 31*time.Second {
					t.Errorf("New took %s", took)
				}
			})
		})
	}
}

func TestNewChecksConfig(t *testing.T) {
	_, err := remote.New(t.Context(), remote.Config{
		URL: "http://auth.example", ClientID: "x", Leeway: time.Hour, MaxStale: time.Second, Timeout: -1, Check: 9, OnStale: 9,
		Cache: remote.Cache{Entries: 1, Life: time.Hour}, Profile: "djwto",
	})
	for _, want := range []string{
		"https outside loopback", "Audience is missing", "go together", "Leeway", "MaxStale", "Timeout", "Check 9", "OnStale 9", "Cache", "needs Verifier",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("New = %v, want %q in it", err, want)
		}
	}
	_, err = remote.New(t.Context(), remote.Config{URL: "https://auth.example", Audience: "shop", Check: remote.ByIntrospection})
	if err == nil || !strings.Contains(err.Error(), "introspection needs ClientID") {
		t.Errorf("New = %v", err)
	}
}

// A service may start while the authority is down: it refuses until it knows,
// and holds keys over a restart.
func TestBackground(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCentral(t, nil)
		file := filepath.Join(t.TempDir(), "keys.json")
		first := c.service(t, func(r *remote.Config) { r.File = file })
		first.Close()
		tokens, ended := c.signIn("ann"), c.signIn("ann")
		c.signOut(ended)
		c.fail("", hang)
		client := c.service(t, func(r *remote.Config) { r.File, r.Background = file, true })
		if s := client.Stats(); s.Keys.Keys == 0 || s.Keys.Fetches != 0 {
			t.Errorf("Stats = %+v, want the keys of the file", s)
		}
		if _, err := client.Verify(t.Context(), tokens.Access); !errors.Is(err, watchword.Unavailable) {
			t.Errorf("Verify = %v before the facts are there, want Unavailable", err)
		}
		c.fail("", nil)
		time.Sleep(30 * time.Second)
		if _, err := client.Verify(t.Context(), tokens.Access); err != nil {
			t.Errorf("Verify = %v", err)
		}
		if _, err := client.Verify(t.Context(), ended.Access); !errors.Is(err, watchword.SessionEnded) {
			t.Errorf("Verify = %v, want SessionEnded", err)
		}
	})
}

// An authority may be reached by another address than the one in its tokens.
func TestIssuerApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCentral(t, func(w *watchword.Config) { w.Issuer = "https://auth.example" })
		client := c.service(t, func(r *remote.Config) { r.Issuer = "https://auth.example" })
		tokens := c.signIn("ann")
		claims, err := client.Verify(t.Context(), tokens.Access)
		if err != nil || claims.Issuer != "https://auth.example" || client.Issuer() != claims.Issuer {
			t.Errorf("Verify = %+v, %v", claims, err)
		}
		if u, err := client.User(t.Context(), claims); err != nil || u.Login != "ann" {
			t.Errorf("User = %+v, %v", u, err)
		}
	})
}

// After Close nothing of the client runs, which the bubble sees, and nothing
// is accepted that cannot be checked.
func TestClientClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCentral(t, nil)
		client := c.service(t, func(r *remote.Config) { r.Users = newUsers() })
		tokens := c.signIn("ann")
		client.Close()
		client.Close()
		calls := c.total()
		_, err := client.SignIn(t.Context(), watchword.SignInRequest{Credentials: watchword.Credentials{Login: "ann", Password: annPass}})
		if !errors.Is(err, watchword.Unavailable) || c.total() != calls {
			t.Errorf("SignIn = %v with %d calls after Close, want Unavailable and none", err, c.total()-calls)
		}
		time.Sleep(time.Minute)
		if _, err := client.Verify(t.Context(), tokens.Access); !errors.Is(err, watchword.Unavailable) {
			t.Errorf("Verify = %v a minute after Close, want Unavailable", err)
		}
	})
}
