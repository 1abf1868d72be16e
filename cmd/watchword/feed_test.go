package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/open"
)

const (
	feedChanges  = 10_000
	feedRestarts = 20
	feedWriters  = 16
)

// TestFeedLosesNothing ends the server twenty times, half of them by SIGKILL,
// while another process makes 10,000 changes, and demands that a service
// which follows it by the stream alone has heard of every one.
func TestFeedLosesNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("restarts a server for some 20 seconds")
	}
	k := newKilled(t)
	k.start()
	db, err := open.Store(t.Context(), "sqlite:"+filepath.Join(k.dir, "watchword.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer closeStore(t, db)
	f := newFollower(t, k, db)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var following sync.WaitGroup
	following.Go(func() { f.run(ctx) })

	var made atomic.Int64
	var writing sync.WaitGroup
	allowed := make(chan struct{}, feedChanges)
	for range feedWriters {
		writing.Go(func() {
			for range allowed {
				n := made.Add(1)
				fact := watchword.Fact{Kind: watchword.TokenFact, ID: fmt.Sprint(n), Until: time.Now().Add(time.Hour)}
				if _, err := db.AddFact(ctx, fact); err != nil {
					t.Errorf("change %d: %v", n, err)
				}
			}
		})
	}
	for i := range feedRestarts {
		for range feedChanges / feedRestarts {
			allowed <- struct{}{}
		}
		f.awaitConnection(i + 1) // so that each end breaks a stream
		if i%2 == 0 {
			k.kill()
		} else {
			k.terminate()
		}
		k.start()
	}
	close(allowed)
	writing.Wait()
	f.await(feedChanges)
	cancel()
	following.Wait()
	f.mu.Lock()
	defer f.mu.Unlock()
	lost := 0
	for n := range int64(feedChanges) {
		if !f.seen[fmt.Sprint(n+1)] {
			lost++
		}
	}
	if lost > 0 {
		t.Errorf("%d of %d changes never arrived", lost, feedChanges)
	}
	t.Logf("%d restarts, %d changes, %d lost, %d connections, slowest start %s", feedRestarts, feedChanges, lost, f.connections, k.slowest)
}

// TestFeedOfSignOuts measures from the answer to a sign-out until a service
// reads the fact. No bound is demanded: machines differ.
func TestFeedOfSignOuts(t *testing.T) {
	k := newKilled(t)
	k.start()
	db, err := open.Store(t.Context(), "sqlite:"+filepath.Join(k.dir, "watchword.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer closeStore(t, db)
	f := newFollower(t, k, db)
	f.arrived = make(chan time.Time, 1)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var following sync.WaitGroup
	following.Go(func() { f.run(ctx) })
	f.await(0)
	var times []time.Duration
	for range 100 {
		answer := f.post("/auth/v1/token", map[string]string{"login": "admin", "password": k.password}, "")
		f.post("/auth/v1/logout", map[string]string{}, fmt.Sprint(answer["access_token"]))
		answered := time.Now()
		times = append(times, max((<-f.arrived).Sub(answered), 0))
		time.Sleep(15 * time.Millisecond) // apart: a stream sends once in 10 ms
	}
	slices.Sort(times)
	t.Logf("a sign-out reaches a service %s after its answer (median), %s (the slowest of 100)", times[50], times[99])
	cancel()
	following.Wait()
}

func closeStore(t *testing.T, db *open.Opened) {
	t.Helper()
	if err := db.Close(context.WithoutCancel(t.Context())); err != nil {
		t.Error(err)
	}
}

// terminate asks the server to end.
func (k *killed) terminate() {
	k.t.Helper()
	if err := k.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		k.t.Fatal(err)
	}
	if err := k.cmd.Wait(); err != nil {
		k.t.Errorf("the server ended with %v", err)
	}
	k.cmd = nil
}

// follower is a service that follows the stream and knows nothing else.
type follower struct {
	t          *testing.T
	k          *killed
	id, secret string
	arrived    chan time.Time // where somebody waits for each session's fact

	mu          sync.Mutex
	connections int
	cursor      string
	seen        map[string]bool
	changed     *sync.Cond
}

func newFollower(t *testing.T, k *killed, db *open.Opened) *follower {
	t.Helper()
	id, secret, record := watchword.NewClientSecret("follower", nil, time.Now())
	if err := db.CreateClient(t.Context(), record); err != nil {
		t.Fatal(err)
	}
	f := &follower{t: t, k: k, id: id, secret: secret, seen: make(map[string]bool)}
	f.changed = sync.NewCond(&f.mu)
	return f
}

// run follows until ctx is done, and connects again after every break.
func (f *follower) run(ctx context.Context) {
	for ctx.Err() == nil {
		f.follow(ctx)
		time.Sleep(20 * time.Millisecond) // the server may be away; nothing hangs on how long
	}
}

// follow reads one connection to its end.
func (f *follower) follow(ctx context.Context) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, f.k.url+"/auth/v1/revocations", http.NoBody)
	if err != nil {
		f.t.Error(err)
		return
	}
	r.SetBasicAuth(f.id, f.secret)
	r.Header.Set("Accept", "text/event-stream")
	if f.cursor != "" {
		r.Header.Set("Last-Event-ID", f.cursor)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return // away
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return
	}
	f.mu.Lock()
	f.connections++
	f.changed.Broadcast()
	f.mu.Unlock()
	lines := bufio.NewReader(answer.Body)
	id := ""
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		switch name {
		case "id":
			id = value
		case "event":
			if value == "reset" {
				f.t.Error("the stream was reset: the database is the same")
			}
		case "data":
			f.take(id, value)
		}
	}
}

func (f *follower) take(id, data string) {
	var page watchword.FactPage
	if err := json.Unmarshal([]byte(data), &page); err != nil {
		f.t.Errorf("%s: %v", data, err)
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cursor = id
	for _, fact := range page.Facts {
		if fact.Kind == watchword.TokenFact {
			f.seen[fact.ID] = true
		}
		if fact.Kind == watchword.SessionFact && f.arrived != nil {
			f.arrived <- time.Now()
		}
	}
	f.changed.Broadcast()
}

// await waits until that many changes have arrived, and there was a
// connection.
func (f *follower) await(changes int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for len(f.seen) < changes || f.cursor == "" {
		f.changed.Wait()
	}
}

// awaitConnection waits for the nth connection.
func (f *follower) awaitConnection(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for f.connections < n {
		f.changed.Wait()
	}
}

func (f *follower) post(path string, body any, token string) map[string]any {
	f.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		f.t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(f.t.Context(), http.MethodPost, f.k.url+path, bytes.NewReader(text))
	if err != nil {
		f.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := f.k.client.Do(r)
	if err != nil {
		f.t.Fatal(err)
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		f.t.Fatalf("%s: %d %s, %v", path, answer.StatusCode, data, err)
	}
	object := map[string]any{}
	_ = json.Unmarshal(data, &object) // a sign-out's is empty
	return object
}
