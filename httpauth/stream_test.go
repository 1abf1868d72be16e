package httpauth_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/httpauth"
	"github.com/watchword-auth/watchword/store"
)

// event is one that a stream sent.
type event struct{ name, id, data string }

func (e event) page(t testing.TB) watchword.FactPage {
	t.Helper()
	var p watchword.FactPage
	if err := json.Unmarshal([]byte(e.data), &p); err != nil {
		t.Fatalf("event %+v: %v", e, err)
	}
	return p
}

// reader is a service that follows.
type reader struct {
	t    testing.TB
	body *bufio.Reader
	stop context.CancelFunc
}

// follow opens a stream; header values come in pairs, and the query as one.
func follow(t testing.TB, url string, header ...string) *reader {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, "GET", url+"/auth/v1/revocations", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", "text/event-stream")
	for i := 0; i < len(header); i += 2 {
		if header[i] == "query" {
			r.URL.RawQuery = header[i+1]
			continue
		}
		r.Header.Set(header[i], header[i+1])
	}
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		stop()
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(); _ = a.Body.Close() })
	if a.StatusCode != 200 || a.Header.Get("Content-Type") != "text/event-stream" || a.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%d %v", a.StatusCode, a.Header)
	}
	return &reader{t, bufio.NewReader(a.Body), stop}
}

// next returns the next event; ok is false where the stream has ended.
func (r *reader) next() (e event, ok bool) {
	for {
		line, err := r.body.ReadString('\n')
		if err != nil {
			return e, false
		}
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		switch name {
		case "event":
			e.name = value
		case "id":
			e.id = value
		case "data":
			e.data = value
		case "":
			return e, true
		default:
			r.t.Errorf("line %q", line)
		}
	}
}

// facts returns the next event of facts.
func (r *reader) facts() event {
	r.t.Helper()
	for {
		e, ok := r.next()
		if !ok {
			r.t.Fatal("the stream has ended")
		}
		if e.name == "facts" {
			return e
		}
	}
}

func (b *bench) server() (url string, streams *httpauth.Streams) {
	b.t.Helper()
	streams = httpauth.NewStreams()
	p := httpauth.Native("/auth/v1", nil)
	p.Streams = streams
	b.mount(p)
	s := httptest.NewServer(b.handler)
	s.Config.RegisterOnShutdown(streams.End)
	b.t.Cleanup(func() { streams.End(); s.Close() })
	return s.URL, streams
}

func (b *bench) end(number int64) {
	b.t.Helper()
	b.addFact(watchword.Fact{Kind: watchword.SessionFact, Number: number, Until: b.clock.Now().Add(time.Hour)})
}

func TestStreamSendsFactsAsTheyCome(t *testing.T) {
	b := newBench(t)
	url, streams := b.server()
	b.end(1)
	r := follow(t, url, basic(b.newMirror("wiki"))...)
	first := r.facts()
	if p := first.page(t); len(p.StatusKey) != 32 || !slices.Equal(p.Profiles, []string{"native"}) || len(p.Facts) != 2 || p.Facts[1].Number != 1 || p.Cursor != (watchword.Cursor{}) {
		t.Errorf("first event %+v", first)
	}
	access, _ := b.signIn()
	b.do(jsonCall("POST", "/auth/v1/logout", "{}", bearer(access)...)).is(t, 200, "", "")
	e := r.facts()
	want := fmt.Sprintf(`{"more":false,"now":%d,"facts":[{"kind":"session","number":1,"until":%d}]}`,
		b.clock.Now().UnixMicro(), b.clock.Now().Add(7*time.Minute).Unix())
	if e.data != want || e.id != b.epoch()+".4" {
		t.Errorf("event %+v, want %s", e, want)
	}
	alive, ok := r.next()
	if want := fmt.Sprintf(`{"more":false,"now":%d,"facts":[]}`, b.clock.Now().UnixMicro()); !ok || alive != (event{"alive", e.id, want}) {
		t.Errorf("event %+v, want that it is alive", alive)
	}
	if s := streams.Stats(); s.Open != 1 || s.Opened != 1 || s.Events != 2 || s.Facts != 3 {
		t.Errorf("%+v", s)
	}
}

func TestStreamStartsWhereItIsTold(t *testing.T) {
	b := newBench(t)
	url, _ := b.server()
	for i := range 5 {
		b.end(int64(i + 10))
	}
	me := basic(b.newMirror("wiki"))
	for name, header := range map[string][]string{
		"by the header": {"Last-Event-ID", b.epoch() + ".5"},
		"by both":       {"Last-Event-ID", b.epoch() + ".5", "query", "cursor=" + b.epoch() + ".3"},
		"by the query":  {"query", "cursor=" + b.epoch() + ".5"},
	} {
		r := follow(t, url, append(slices.Clone(me), header...)...)
		if p := r.facts().page(t); len(p.Facts) != 2 || p.Facts[0].Number != 13 || p.StatusKey != nil {
			t.Errorf("%s: %+v", name, p)
		}
	}
}

// A reader whose connection is cut after every single event misses nothing.
func TestStreamResumesAfterEveryBreak(t *testing.T) {
	b := newBench(t)
	url, _ := b.server()
	me := basic(b.newMirror("wiki"))
	const facts = 200
	made := make(chan struct{})
	go func() {
		defer close(made)
		for i := range facts {
			b.end(int64(i + 1))
		}
	}()
	seen := map[int64]bool{}
	cursor := ""
	for len(seen) < facts {
		header := slices.Clone(me)
		if cursor != "" {
			header = append(header, "Last-Event-ID", cursor)
		}
		r := follow(t, url, header...)
		e, ok := r.next()
		if !ok {
			t.Fatal("the stream ended by itself")
		}
		for _, f := range e.page(t).Facts {
			if f.Kind == watchword.SessionFact {
				seen[f.Number] = true
			}
		}
		cursor = e.id
		r.stop()
	}
	<-made
	if len(seen) != facts {
		t.Errorf("%d facts arrived, want %d", len(seen), facts)
	}
}

func TestStreamOfAnotherEpochIsReset(t *testing.T) {
	b := newBench(t)
	url, streams := b.server()
	me := basic(b.newMirror("wiki"))
	r := follow(t, url, me...)
	r.facts()
	if err := b.store.SetMeta(t.Context(), "epoch", []byte("RESTORED")); err != nil {
		t.Fatal(err)
	}
	if err := b.auth.Follow(t.Context()); err != nil {
		t.Fatal(err)
	}
	for {
		e, ok := r.next()
		if !ok {
			t.Fatal("the stream ended without a word")
		}
		if e.name == "alive" {
			continue
		}
		if e != (event{"reset", "", "{}"}) {
			t.Errorf("event %+v, want reset", e)
		}
		break
	}
	if _, ok := r.next(); ok {
		t.Error("the stream goes on")
	}
	again := follow(t, url, append(slices.Clone(me), "Last-Event-ID", "OLD.1")...)
	if e, ok := again.next(); !ok || e.name != "reset" {
		t.Errorf("event %+v, want reset", e)
	}
	if s := streams.Stats(); s.Resets != 2 {
		t.Errorf("%+v", s)
	}
	if e := follow(t, url, me...).facts(); !strings.HasPrefix(e.id, "RESTORED.") {
		t.Errorf("event %+v", e)
	}
}

func TestStreamEndsWithItsClient(t *testing.T) {
	tests := map[string]struct {
		bearer bool
		end    func(*testing.T, *bench)
	}{
		"the token expires": {true, func(_ *testing.T, b *bench) { b.clock.advance(6 * time.Minute) }},
		"the client of a token is deleted": {true, func(t *testing.T, b *bench) {
			if err := b.auth.DeleteClient(t.Context(), "wiki"); err != nil {
				t.Fatal(err)
			}
		}},
		"the client is deleted": {false, func(t *testing.T, b *bench) {
			if err := b.auth.DeleteClient(t.Context(), "wiki"); err != nil {
				t.Fatal(err)
			}
			b.end(9) // something more, for who saw the fact before the client was gone
			b.addFact(watchword.Fact{Kind: watchword.UserFact, ID: "client_X", Until: b.clock.Now().Add(time.Hour)})
		}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			url, streams := b.server()
			id, secret := b.newMirror("wiki")
			header := basic(id, secret)
			if tt.bearer {
				header = bearer(b.token(id, secret))
			}
			r := follow(t, url, header...)
			r.facts()
			tt.end(t, b)
			for {
				if _, ok := r.next(); !ok {
					break
				}
			}
			if s := streams.Stats(); s.Refused != 1 {
				t.Errorf("%+v", s)
			}
		})
	}
}

func TestStreamsEndWithTheProgram(t *testing.T) {
	b := newBench(t)
	url, streams := b.server()
	me := basic(b.newMirror("wiki"))
	r := follow(t, url, me...)
	r.facts()
	polled := make(chan answer)
	go func() {
		polled <- b.do(get("/auth/v1/revocations?wait=30&cursor="+b.epoch()+".2", me))
	}()
	for streams.Stats().Waiting == 0 {
		runtime.Gosched()
	}
	streams.End()
	for {
		if _, ok := r.next(); !ok {
			break
		}
	}
	a := <-polled
	if a.status != 200 || !strings.Contains(a.body, `"facts":[]`) || !strings.Contains(a.body, `"cursor":"`+b.epoch()+`.2"`) {
		t.Errorf("the long poll: %d %s", a.status, a.body)
	}
}

func TestLongPollAnswersAtOnce(t *testing.T) {
	b := newBench(t)
	_, streams := b.server()
	me := basic(b.newMirror("wiki"))
	polled := make(chan answer)
	go func() { polled <- b.do(get("/auth/v1/revocations?wait=30&cursor="+b.epoch()+".2", me)) }()
	for streams.Stats().Waiting == 0 {
		runtime.Gosched()
	}
	b.end(5)
	if a := <-polled; !strings.Contains(a.body, `"facts":[{"kind":"session","number":5,`) {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// stuck is a connection whose reader takes nothing after the first event.
type stuck struct {
	*httptest.ResponseRecorder
	writes    int
	deadlines []time.Time
}

func (s *stuck) Write(b []byte) (int, error) {
	if s.writes++; s.writes > 1 {
		return 0, errors.New("i/o timeout")
	}
	return s.ResponseRecorder.Write(b)
}

func (s *stuck) SetWriteDeadline(t time.Time) error {
	s.deadlines = append(s.deadlines, t)
	return nil
}

func (s *stuck) SetReadDeadline(time.Time) error { return nil }

func TestStreamCutsOffWhoDoesNotRead(t *testing.T) {
	b := newBench(t)
	_, streams := b.server()
	for i := range 2500 {
		if _, err := b.store.AddFact(t.Context(), watchword.Fact{Kind: watchword.SessionFact, Number: int64(i + 1), Until: b.clock.Now().Add(time.Hour)}); err != nil {
			t.Fatal(err)
		}
	}
	w := &stuck{ResponseRecorder: httptest.NewRecorder()}
	c := get("/auth/v1/revocations", basic(b.newMirror("wiki")), accept("text/event-stream"))
	before := time.Now()
	b.handler.ServeHTTP(w, c.request())
	if w.writes != 2 || len(w.deadlines) != 2 {
		t.Fatalf("%d writes with %d deadlines, want two of both", w.writes, len(w.deadlines))
	}
	for _, d := range w.deadlines {
		if d.Before(before.Add(9*time.Second)) || d.After(time.Now().Add(11*time.Second)) {
			t.Errorf("a write may take until %v, want 10 s", d)
		}
	}
	if s := streams.Stats(); s.Cut != 1 || s.Open != 0 {
		t.Errorf("%+v", s)
	}
	if n := strings.Count(w.Body.String(), `"kind"`); n != 999 { // the first of all is about ann's record
		t.Errorf("the first event has %d facts, want 999", n)
	}
}

// counted counts how often the facts are read.
type counted struct {
	*store.Memory
	reads atomic.Int64
}

func (c *counted) FactsSince(ctx context.Context, cursor watchword.Cursor, at time.Time, limit int) ([]watchword.Fact, watchword.Cursor, error) {
	c.reads.Add(1)
	return c.Memory.FactsSince(ctx, cursor, at, limit)
}

// Hundreds of services cost one read of the store, and little memory.
func TestManyStreamsReadTheStoreOnce(t *testing.T) {
	const services, facts = 300, 20
	var counting *counted
	b := newBench(t, func(c *watchword.Config) {
		counting = &counted{Memory: c.Store.(*store.Memory)}
		c.Store = counting
	})
	url, streams := b.server()
	me := basic(b.newMirror("wiki"))
	before := settled()
	var ready, done sync.WaitGroup
	var failures atomic.Int64
	for range services {
		ready.Add(1)
		r := follow(t, url, append(slices.Clone(me), "Last-Event-ID", b.epoch()+".2")...)
		done.Go(func() {
			if e, ok := r.next(); !ok || e.name != "alive" {
				failures.Add(1)
			}
			ready.Done()
			for seen := 0; seen < facts; {
				e, ok := r.next()
				if !ok {
					failures.Add(1)
					return
				}
				seen += len(e.page(t).Facts)
			}
		})
	}
	ready.Wait()
	with := settled()
	reads := counting.reads.Load()
	for i := range facts {
		b.end(int64(i + 1))
	}
	done.Wait()
	// Each Follow reads twice: what is new, and that there is no more.
	if n := counting.reads.Load() - reads; n > 2*facts+5 {
		t.Errorf("%d facts for %d services cost %d reads, want %d", facts, services, n, 2*facts)
	}
	if failures.Load() > 0 || streams.Stats().Open != services {
		t.Errorf("%d streams failed, %+v", failures.Load(), streams.Stats())
	}
	t.Logf("a stream costs %.1f goroutines and %.1f KB, both ends", float64(with.goroutines-before.goroutines)/services,
		float64(with.heap-before.heap)/services/1024)
}

type usage struct{ goroutines, heap int }

func settled() usage {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return usage{runtime.NumGoroutine(), int(m.HeapInuse + m.StackInuse)}
}

func TestStreamsAreBounded(t *testing.T) {
	b := newBench(t)
	url, streams := b.server()
	streams.Most = 4
	me, other, third := basic(b.newMirror("wiki")), basic(b.newMirror("shop")), basic(b.newMirror("forum"))
	stream, poll := accept("text/event-stream"), "/auth/v1/revocations?wait=30&cursor="+b.epoch()+".2"
	full := func(what string, who []string) {
		t.Helper()
		a := b.do(get("/auth/v1/revocations", who, stream))
		a.is(t, 503, "temporarily_unavailable", "unavailable")
		if a = b.do(get(poll, who)); a.status != 503 {
			t.Errorf("%s: a long poll is answered %d %s", what, a.status, a.body)
		}
		b.do(get("/auth/v1/revocations", who)).is(t, 200, "", "") // who asks without waiting holds nothing
	}
	follow(t, url, me...).facts()
	second := follow(t, url, me...)
	second.facts()
	full("half of them are the client's", me)

	polled := make(chan answer)
	follow(t, url, other...).facts()
	go func() { polled <- b.do(get(poll, other)) }()
	for streams.Stats().Waiting == 0 {
		runtime.Gosched()
	}
	full("all are taken", third)

	second.stop()
	for streams.Stats().Open > 2 {
		b.end(streams.Stats().Open) // a stream finds out that its reader has gone
		runtime.Gosched()
	}
	if a := <-polled; a.status != 200 {
		t.Errorf("the long poll is answered %d %s", a.status, a.body)
	}
	follow(t, url, me...).facts()
	follow(t, url, third...).facts()
	if s := streams.Stats(); s.Open != 4 || s.Opened != 5 || s.Waiting != 0 || s.LongPolls != 1 {
		t.Errorf("%+v", s)
	}
}

func TestHeadOfAStream(t *testing.T) {
	b := newBench(t)
	a := b.do(call{"HEAD", "/auth/v1/revocations", "", append(basic(b.newMirror("wiki")), accept("text/event-stream")...)})
	if a.status != 200 || a.header.Get("Content-Type") != "text/event-stream" || a.body != "" {
		t.Errorf("%d %v %q", a.status, a.header, a.body)
	}
}

// BenchmarkSignOutToStream is the time from the answer to a sign-out until a
// service has the fact, over loopback. A fact may be there before the answer.
func BenchmarkSignOutToStream(b *testing.B) {
	bench := newBench(b)
	url, _ := bench.server()
	r := follow(b, url, append(basic(bench.newMirror("wiki")), "Last-Event-ID", bench.epoch()+".2")...)
	r.next()
	arrived := make(chan time.Time)
	go func() {
		for {
			e, ok := r.next()
			if !ok {
				return
			}
			if e.name == "facts" {
				arrived <- time.Now()
			}
		}
	}()
	var times []time.Duration
	for b.Loop() {
		t, err := bench.auth.Issue(b.Context(), watchword.IssueRequest{Subject: "1"})
		if err != nil {
			b.Fatal(err)
		}
		if err := bench.auth.SignOut(b.Context(), watchword.SignOutRequest{Raw: t.Access}); err != nil {
			b.Fatal(err)
		}
		answered := time.Now()
		times = append(times, max((<-arrived).Sub(answered), 0))
		time.Sleep(12 * time.Millisecond) // apart, so that each goes out at once
	}
	slices.Sort(times)
	b.ReportMetric(float64(times[len(times)/2].Microseconds()), "p50-us")
	b.ReportMetric(float64(times[len(times)*99/100].Microseconds()), "p99-us")
}
