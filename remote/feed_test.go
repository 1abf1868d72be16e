package remote_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/remote"
	"github.com/watchword-auth/watchword/store"
)

// stream answers with events and then ends or stays silent.
func stream(body string, silent bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, body)
		_ = http.NewResponseController(w).Flush()
		if silent {
			<-r.Context().Done()
		}
	}
}

func redirectTo(to string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to, http.StatusFound) }
}

// stall is hang for requests with a body: the server notices that the caller
// has gone once that was read.
func stall(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
}

func reset(w http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) }

// feedFaults are what may stand in the place of the feed.
func feedFaults() map[string]http.HandlerFunc {
	const plain = "application/json"
	big := strings.Repeat("x", 10<<20)
	return map[string]http.HandlerFunc{
		"hangs":              hang,
		"connection reset":   reset,
		"500":                refuse(500, "internal"),
		"503":                refuse(503, "unavailable"),
		"401":                refuse(401, "invalid_client"),
		"404":                http.NotFound,
		"HTML":               answer("text/html", html),
		"HTML called JSON":   answer(plain, html),
		"no media type":      answer("", "{}"),
		"redirect":           redirectTo("http://localhost/.well-known/jwks.json"),
		"redirect elsewhere": redirectTo("http://169.254.169.254/"),
		"10 MB":              answer(plain, `{"now":1,"x":"`+big+`"}`),
		"empty":              answer(plain, ""),
		"null":               answer(plain, "null"),
		"another object":     answer(plain, "{}"),
		"cut off":            answer(plain, `{"cursor":"abc.4","now":17778960`),
		"twice":              answer(plain, `{"cursor":"abc.4","cursor":"abc.5","now":1,"facts":[]}`),
		"no cursor":          answer(plain, `{"now":1777896000000000,"facts":[]}`),
		"another epoch":      answer(plain, `{"cursor":"zzzzzzzzzzzzzzzzzzzzzzzzzz.9","more":false,"now":1777896000000000,"facts":[]}`),
		"unknown fact":       answer(plain, `{"cursor":"abc.4","more":false,"now":1777896000000000,"facts":[{"kind":"moon","until":4000000000}]}`),
		"stream for JSON":    stream("event: alive\nid: abc.1\ndata: {}\n\n", false),
		"empty stream":       stream("", false),
		"silent stream":      stream("", true),
		"garbage stream":     stream("event: facts\nid: ../..\ndata: {{{\n\n", true),
		"stream without id":  stream("event: alive\ndata: {\"now\":1777896000000000,\"facts\":[]}\n\n", true),
		"stream cut off":     stream("event: facts\nid: abc.4\ndata: {\"now\":17778", false),
		"stream without end": stream(": "+big, true),
		"foreign stream":     stream("event: weather\nid: abc.4\ndata: rain\n\n", true),
		"comments only":      stream(strings.Repeat(": hello\n\n", 100), true),
	}
}

// Whatever stands between for a while: what counts goes on counting, nothing is
// lost of what was revoked meanwhile, and the stream is found again.
func TestFeedFaults(t *testing.T) {
	for name, with := range feedFaults() {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCentral(t, nil)
				client := c.service(t, func(r *remote.Config) { r.MaxStale = time.Minute })
				tokens, ended := c.signIn("ann"), c.signIn("ann")
				time.Sleep(2 * time.Second)
				c.fail("/auth/v1/revocations", with)
				c.cut()
				c.signOut(ended)
				time.Sleep(20 * time.Second)
				if _, err := client.Verify(t.Context(), tokens.Access); err != nil {
					t.Errorf("Verify = %v during the fault", err)
				}
				if s := client.Stats().Feed; s.Failures == 0 || s.LastError == nil {
					t.Errorf("Stats = %+v, want failures", s)
				}
				if polls := c.count("GET /auth/v1/revocations"); polls > 60 {
					t.Errorf("%d attempts in 20 s", polls)
				}
				c.fail("/auth/v1/revocations", nil)
				time.Sleep(25 * time.Second)
				if _, err := client.Verify(t.Context(), ended.Access); !errors.Is(err, watchword.SessionEnded) {
					t.Errorf("Verify = %v after it, want SessionEnded", err)
				}
				if _, err := client.Verify(t.Context(), tokens.Access); err != nil {
					t.Errorf("Verify = %v after it", err)
				}
				if s := client.Stats().Feed; s.LastError != nil || s.Age > 10*time.Second {
					t.Errorf("Stats = %+v after it", s)
				}
				time.Sleep(70 * time.Second)
				if s := client.Stats().Feed; s.Mode != "stream" {
					t.Errorf("Stats = %+v, want the stream again", s)
				}
			})
		})
	}
}

// Where no stream comes through, long polls do, and where those are cut too,
// plain ones.
func TestFeedFallsBack(t *testing.T) {
	for name, test := range map[string]struct {
		faults map[string]http.HandlerFunc
		mode   string
		within time.Duration // of a revocation
	}{
		"all well":              {nil, "stream", 50 * time.Millisecond},
		"proxy holds streams":   {map[string]http.HandlerFunc{"stream": hang}, "long poll", 1100 * time.Millisecond},
		"proxy refuses streams": {map[string]http.HandlerFunc{"stream": refuse(406, "unsupported_media_type")}, "long poll", 1100 * time.Millisecond},
		"proxy answers streams": {map[string]http.HandlerFunc{"stream": answer("text/html", html)}, "long poll", 1100 * time.Millisecond},
		"neither":               {map[string]http.HandlerFunc{"stream": hang, "wait": reset}, "poll", 1100 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			both(t, func(t *testing.T, c *central) {
				for kind, with := range test.faults {
					c.fail(kind, with)
				}
				client := c.service(t, nil)
				time.Sleep(30 * time.Second)
				if s := client.Stats().Feed; s.Mode != test.mode || s.Age > 11*time.Second {
					t.Fatalf("Stats = %+v, want mode %s", s, test.mode)
				}
				for range 10 {
					tokens := c.signIn("ann")
					if _, err := client.Verify(t.Context(), tokens.Access); err != nil {
						t.Fatal(err)
					}
					c.signOut(tokens)
					time.Sleep(test.within)
					if _, err := client.Verify(t.Context(), tokens.Access); !errors.Is(err, watchword.SessionEnded) {
						t.Errorf("Verify = %v %s after the sign-out", err, test.within)
					}
				}
				for kind := range test.faults {
					c.fail(kind, nil)
				}
				time.Sleep(90 * time.Second)
				if s := client.Stats().Feed; s.Mode != "stream" {
					t.Errorf("Stats = %+v, want the stream again", s)
				}
			})
		})
	}
}

// A stream that is cut every moment, in the middle of events, loses no fact.
func TestFeedLosesNothing(t *testing.T) {
	both(t, func(t *testing.T, c *central) {
		client := c.service(t, nil)
		good := c.signIn("ann")
		var ended []watchword.Tokens
		for i := range 200 {
			tokens := c.signIn("ann")
			if i%3 == 0 {
				c.cut()
			}
			c.signOut(tokens)
			ended = append(ended, tokens)
			time.Sleep(7 * time.Millisecond)
		}
		time.Sleep(15 * time.Second)
		for i, tokens := range ended {
			if _, err := client.Verify(t.Context(), tokens.Access); !errors.Is(err, watchword.SessionEnded) {
				t.Fatalf("Verify = %v of session %d", err, i)
			}
		}
		if _, err := client.Verify(t.Context(), good.Access); err != nil {
			t.Errorf("Verify = %v of the session that stays", err)
		}
	})
}

// Another database takes the place of the one before, in the middle of a
// stream. Until its facts are all there the old ones stand.
func TestFeedEpochChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCentral(t, nil)
		client := c.service(t, nil)
		tokens, ended, old := c.signIn("ann"), c.signIn("ann"), c.store
		c.signOut(ended)
		time.Sleep(time.Second)
		next := store.NewMemory()
		for range 5 {
			if _, err := next.AddFact(t.Context(), watchword.Fact{Kind: watchword.SessionFact, Number: 77, Until: time.Now().Add(time.Hour)}); err != nil {
				t.Fatal(err)
			}
		}
		release := make(chan struct{})
		c.fail("poll", func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Has("cursor") {
				c.own.ServeHTTP(w, r)
				return
			}
			select { // the snapshot takes its time
			case <-release:
				c.own.ServeHTTP(w, r)
			case <-r.Context().Done():
			}
		})
		c.swap(next)
		time.Sleep(5 * time.Second)
		if _, err := client.Verify(t.Context(), ended.Access); !errors.Is(err, watchword.SessionEnded) {
			t.Errorf("Verify = %v while the new facts are awaited, want the old ones to stand", err)
		}
		if _, err := client.Verify(t.Context(), tokens.Access); err != nil {
			t.Errorf("Verify = %v while the new facts are awaited", err)
		}
		before := client.Stats().Feed
		close(release)
		time.Sleep(2 * time.Second)
		s := client.Stats().Feed
		if s.Snapshots != before.Snapshots+1 || strings.Split(s.Cursor, ".")[0] == strings.Split(before.Cursor, ".")[0] || s.LastError != nil {
			t.Errorf("Stats = %+v after %+v, want a new snapshot", s, before)
		}
		if _, err := client.Verify(t.Context(), ended.Access); err != nil {
			t.Errorf("Verify = %v, want the new database's facts alone", err)
		}
		c.fail("poll", nil)
		c.swap(old)
		time.Sleep(2 * time.Second)
		if _, err := client.Verify(t.Context(), ended.Access); !errors.Is(err, watchword.SessionEnded) {
			t.Errorf("Verify = %v once the old database is back", err)
		}
	})
}

// Another seal key means other ids of sessions. No token is accepted by the
// old ones, nor by none.
func TestFeedStatusKeyChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCentral(t, nil)
		audiences := []string{"shop"}
		client := c.service(t, func(r *remote.Config) { r.Audience, r.Audiences = "till", audiences })
		audiences[0] = "nobody" // what is done to it later means nothing
		tokens := c.signIn("ann")
		if claims, err := client.Verify(t.Context(), tokens.Access); err != nil || claims.Number == 0 {
			t.Fatalf("Verify = %+v, %v", claims, err)
		}
		c.mu.Lock()
		c.seal = bytes.Repeat([]byte{7}, 32)
		c.mu.Unlock()
		c.swap(store.NewMemory())
		time.Sleep(2 * time.Second)
		if claims, err := client.Verify(t.Context(), tokens.Access); err != nil || claims.Number != 0 {
			t.Errorf("Verify = %+v, %v, want ids read anew, past what was remembered", claims, err)
		}
	})
}

// The age is the authority's word's, not its arrival's.
func TestFeedHeldBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCentral(t, nil)
		var held time.Time
		c.tweak = func(p *watchword.FactPage) {
			if !held.IsZero() {
				p.Now = held
			}
		}
		client := c.service(t, func(r *remote.Config) { r.MaxStale = 10 * time.Second })
		tokens := c.signIn("ann")
		time.Sleep(5 * time.Second)
		// The stream goes on, and tells what was true once. Polls are held.
		c.fail("poll", hang)
		c.mu.Lock()
		held = time.Now()
		c.mu.Unlock()
		time.Sleep(11 * time.Second)
		if _, err := client.Verify(t.Context(), tokens.Access); !errors.Is(err, watchword.Unavailable) {
			t.Errorf("Verify = %v, want words of 11 s ago to be stale", err)
		}
	})
}

// A clock that differs from the authority's makes nothing stale and nothing
// fresh.
func TestFeedClocksDiffer(t *testing.T) {
	for _, ahead := range []time.Duration{-40 * time.Second, 40 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			c := newCentral(t, nil)
			client := c.service(t, func(r *remote.Config) {
				r.Now = func() time.Time { return time.Now().Add(ahead) }
				r.Leeway, r.MaxStale = time.Minute, 5*time.Second
			})
			tokens := c.signIn("ann")
			time.Sleep(20 * time.Second)
			if _, err := client.Verify(t.Context(), tokens.Access); err != nil {
				t.Errorf("Verify = %v with a clock %s ahead", err, ahead)
			}
			if age, ok := client.FeedAge(); !ok || age > 2*time.Second {
				t.Errorf("FeedAge = %s with a clock %s ahead", age, ahead)
			}
		})
	}
}

// Two services follow one authority, each at its own pace.
func TestTwoServices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCentral(t, nil)
		one, two := c.service(t, nil), c.service(t, nil)
		for i := range 20 {
			tokens := c.signIn("ann")
			if i%5 == 4 {
				c.cut()
			}
			c.signOut(tokens)
			time.Sleep(time.Second)
			for n, client := range []*remote.Client{one, two} {
				if _, err := client.Verify(t.Context(), tokens.Access); !errors.Is(err, watchword.SessionEnded) {
					t.Errorf("Verify = %v at service %d", err, n+1)
				}
			}
		}
		one.Close()
		tokens := c.signIn("ann")
		c.signOut(tokens)
		time.Sleep(time.Second)
		if _, err := two.Verify(t.Context(), tokens.Access); !errors.Is(err, watchword.SessionEnded) {
			t.Errorf("Verify = %v after the other service has gone", err)
		}
	})
}

// A page that goes back or promises what does not come is followed nowhere.
func TestFeedPagesThatLie(t *testing.T) {
	for name, lie := range map[string]func(p *watchword.FactPage){
		"goes back":    func(p *watchword.FactPage) { p.Cursor.N = 0 },
		"never ends":   func(p *watchword.FactPage) { p.More = true },
		"no key":       func(p *watchword.FactPage) { p.StatusKey = nil },
		"other epoch":  func(p *watchword.FactPage) { p.Cursor.Epoch = "zzz" + fmt.Sprint(p.Cursor.N) },
		"from nowhere": func(p *watchword.FactPage) { p.Cursor = watchword.Cursor{} },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCentral(t, nil)
				client := c.service(t, nil)
				tokens, ended := c.signIn("ann"), c.signIn("ann")
				c.signOut(ended)
				time.Sleep(time.Second)
				c.mu.Lock()
				c.tweak = lie
				c.mu.Unlock()
				c.cut()
				time.Sleep(10 * time.Second)
				if _, err := client.Verify(t.Context(), ended.Access); !errors.Is(err, watchword.SessionEnded) {
					t.Errorf("Verify = %v during the lie", err)
				}
				if calls := c.count("GET /auth/v1/revocations"); calls > 100 {
					t.Errorf("%d calls in 10 s", calls)
				}
				c.mu.Lock()
				c.tweak = nil
				c.mu.Unlock()
				time.Sleep(20 * time.Second)
				if _, err := client.Verify(t.Context(), tokens.Access); err != nil {
					t.Errorf("Verify = %v after the lie", err)
				}
			})
		})
	}
}

// Pages that would be too large are asked for in parts.
func TestLargePages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCentral(t, nil)
		for i := range 300 {
			c.addUserFast(fmt.Sprintf("user%d", i))
		}
		large := func(w http.ResponseWriter, r *http.Request) {
			if limit, _ := strconv.Atoi(r.URL.Query().Get("limit")); limit > 100 {
				answer("application/json", `{"x":"`+strings.Repeat("x", 9<<20)+`"}`)(w, r)
				return
			}
			c.own.ServeHTTP(w, r)
		}
		c.fail("poll", large)
		c.fail("/auth/v1/directory", large)
		s := newUsers()
		client := c.service(t, func(r *remote.Config) { r.Users = s })
		time.Sleep(5 * time.Second)
		c.same(t, s, "read in parts")
		if st := client.Stats(); st.Feed.Facts < 300 || st.Feed.Failures != 0 {
			t.Errorf("Stats = %+v", st)
		}
	})
}
