package remote_test

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/remote"
)

// setClock is a clock that can be set, as by a time server or by hand.
type setClock struct{ by atomic.Int64 }

func (c *setClock) now() time.Time      { return time.Now().Round(0).Add(time.Duration(c.by.Load())) }
func (c *setClock) set(d time.Duration) { c.by.Store(int64(d)) }

// Either side's clock is set while a stream goes on. Where the news go on too,
// a few seconds later nothing is stale; and what ended is refused.
func TestFeedClocksAreSet(t *testing.T) {
	for name, test := range map[string]struct{ service, authority time.Duration }{
		"service ahead":    {20 * time.Second, 0},
		"service back":     {-20 * time.Second, 0},
		"authority ahead":  {0, 20 * time.Second},
		"authority back":   {0, -20 * time.Second},
		"authority far on": {0, 5 * time.Minute},
		"authority far":    {0, -5 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCentral(t, nil)
				var there setClock
				c.tweak = func(p *watchword.FactPage) { p.Now = there.now() }
				var here setClock
				client := c.service(t, func(r *remote.Config) {
					r.Now, r.MaxStale, r.Leeway = here.now, 10*time.Second, time.Minute
				})
				tokens, ended := c.signIn("ann"), c.signIn("ann")
				time.Sleep(5 * time.Second)
				here.set(test.service)
				there.set(test.authority)
				time.Sleep(5 * time.Second)
				if _, err := client.Verify(t.Context(), tokens.Access); err != nil {
					t.Errorf("Verify = %v after a clock was set", err)
				}
				if age, _ := client.FeedAge(); age > 5*time.Second {
					t.Errorf("FeedAge = %s", age)
				}
				c.signOut(ended)
				time.Sleep(time.Second)
				if _, err := client.Verify(t.Context(), ended.Access); watchword.CodeOf(err) != watchword.SessionEnded {
					t.Errorf("Verify = %v of a session that ended", err)
				}
				if s := client.Stats().Feed; s.Mode != "stream" {
					t.Errorf("Stats = %+v", s)
				}
			})
		})
	}
}

// A proxy that holds streams back, and nothing else, makes nothing stale: the
// service asks instead.
func TestStreamHeldBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCentral(t, nil)
		client := c.service(t, func(r *remote.Config) { r.MaxStale = 10 * time.Second })
		tokens, ended := c.signIn("ann"), c.signIn("ann")
		time.Sleep(3 * time.Second)
		c.fail("stream", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			for r.Context().Err() == nil {
				fmt.Fprintf(w, "event: alive\nid: %s\ndata: {\"now\":%d,\"facts\":[]}\n\n",
					r.Header.Get("Last-Event-ID"), time.Now().Add(-8*time.Second).UnixMicro())
				_ = http.NewResponseController(w).Flush()
				time.Sleep(time.Second)
			}
		})
		c.cut()
		for range 20 {
			time.Sleep(time.Second)
			if age, _ := client.FeedAge(); age > 5*time.Second {
				t.Fatalf("FeedAge = %s by %s", age, client.Stats().Feed.Mode)
			}
			if _, err := client.Verify(t.Context(), tokens.Access); err != nil {
				t.Fatal(err)
			}
		}
		if s := client.Stats().Feed; s.Mode != "long poll" {
			t.Errorf("Stats = %+v, want long polls", s)
		}
		c.signOut(ended)
		time.Sleep(1100 * time.Millisecond)
		if _, err := client.Verify(t.Context(), ended.Access); watchword.CodeOf(err) != watchword.SessionEnded {
			t.Errorf("Verify = %v of a session that ended", err)
		}
	})
}
