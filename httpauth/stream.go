package httpauth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/watchword-auth/watchword"
)

const (
	// eventFacts is the most facts in one event.
	eventFacts = 1000
	// aliveEvery is how often a stream says that there is nothing new: the age
	// that a service sees.
	aliveEvery = time.Second
	// recheckEvery is how often the store is asked whether a client that
	// showed its secret is still there.
	recheckEvery = 15 * time.Second
	// streamPace is the least time between two events of facts, so that many
	// streams under many sign-outs send what came in between together. The
	// first one goes out at once.
	streamPace = 10 * time.Millisecond
	// streamPatience is how long one event may take to be written. Who reads
	// more slowly is cut off, and takes up where he was.
	streamPatience = 10 * time.Second
)

// Streams is what the streams of a server share: their end, and counts of
// them. Set it in [Profile.Streams]; one may be shared by several profiles.
// Safe for concurrent use. Make one with [NewStreams].
type Streams struct {
	// Most is how many may be open at once, long polls that wait among them;
	// 0 means 4096. Further ones are refused with Unavailable, so that a
	// secret which got about cannot take all memory; and no client may hold
	// more than half of them, so that it cannot shut out the others either.
	Most int

	ended context.Context
	end   context.CancelFunc

	mu   sync.Mutex
	all  int
	held map[string]int // of all, by client

	open, waits                     atomic.Int64
	opened, events, facts           atomic.Uint64
	resets, cut, refused, longPolls atomic.Uint64
}

// NewStreams makes one.
func NewStreams() *Streams {
	s := &Streams{}
	s.ended, s.end = context.WithCancel(context.Background())
	return s
}

// End ends all streams and has long polls answer at once; those that come
// later end likewise. It is for [http.Server.RegisterOnShutdown], since
// Shutdown waits for what is under way.
func (s *Streams) End() { s.end() }

// StreamStats are counts: of now, and since the start.
type StreamStats struct {
	Open    int64 // streams
	Waiting int64 // long polls
	Opened  uint64
	// LongPolls is how many have been asked.
	LongPolls uint64
	Events    uint64 // of facts, not those that say that a stream is alive
	Facts     uint64 // in events and in pages
	Resets    uint64 // streams told to start again
	Cut       uint64 // streams whose reader was too slow, or gone
	Refused   uint64 // streams ended because the client may no more
}

// Stats returns the counts.
func (s *Streams) Stats() StreamStats {
	return StreamStats{
		Open: s.open.Load(), Waiting: s.waits.Load(), Opened: s.opened.Load(), LongPolls: s.longPolls.Load(), Events: s.events.Load(),
		Facts: s.facts.Load(), Resets: s.resets.Load(), Cut: s.cut.Load(), Refused: s.refused.Load(),
	}
}

// context ends with the request and with the streams.
func (s *Streams) context(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(s.ended, cancel)
	return ctx, func() { stop(); cancel() }
}

// defaultStreams take some 300 MB.
const defaultStreams = 4096

// enter counts a stream or a long poll of the client in now and in ever, until
// leave is called, where there is room for it.
func (s *Streams) enter(client string, now *atomic.Int64, ever *atomic.Uint64) (leave func(), err error) {
	most := s.Most
	if most <= 0 {
		most = defaultStreams
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if own := s.held[client]; s.all >= most || own >= (most+1)/2 {
		return nil, fmt.Errorf("%w: %d streams and long polls are open, %d of them the client's", watchword.Unavailable, s.all, own)
	}
	if s.held == nil {
		s.held = make(map[string]int)
	}
	s.all++
	s.held[client]++
	now.Add(1)
	ever.Add(1)
	return func() { s.leave(client, now) }, nil
}

func (s *Streams) leave(client string, now *atomic.Int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now.Add(-1)
	s.all--
	if s.held[client]--; s.held[client] == 0 {
		delete(s.held, client)
	}
}

// streamReply answers with Server-Sent Events.
func streamReply(x *Exchange, who caller, from watchword.Cursor) (Reply, error) {
	h := http.Header{
		"Content-Type": {mediaEvents},
		// Proxies that gather an answer before they pass it on would hold
		// revocations back.
		"X-Accel-Buffering": {"no"},
	}
	r := Reply{Status: http.StatusOK, Header: h}
	if x.Request.Method == http.MethodHead {
		return r, nil
	}
	counts := x.endpoint.profile.Streams
	leave, err := counts.enter(who.client.ID, &counts.open, &counts.opened)
	if err != nil {
		return Reply{}, err
	}
	r.stream = func(w http.ResponseWriter) {
		defer leave()
		s := &stream{feed: x.Service.(FactFeed), who: who, cursor: from, w: w, c: http.NewResponseController(w), counts: counts}
		s.run(x.Request.Context())
	}
	return r, nil
}

// stream is one reader's. It holds no queue: what its reader has not taken
// yet is in the feed's memory, or in the store.
type stream struct {
	feed   FactFeed
	who    caller
	cursor watchword.Cursor
	w      http.ResponseWriter
	c      *http.ResponseController
	counts *Streams
	buffer []byte
}

// run sends events until the reader goes, the program ends or the client may
// no more.
func (s *stream) run(ctx context.Context) {
	ctx, cancel := s.counts.context(ctx)
	defer cancel()
	// The server's limit for reading, which is done, would end the request;
	// that for writing is set anew for each event. A ResponseWriter that has
	// no limits needs none taken off.
	_ = s.c.SetReadDeadline(time.Time{})
	recheck := time.NewTicker(recheckEvery)
	defer recheck.Stop()
	for {
		page, err := s.feed.NextFacts(ctx, s.cursor, eventFacts, s.patience())
		if errors.Is(err, watchword.Conflict) {
			s.counts.resets.Add(1)
			s.send("reset", "", []byte("{}"))
			return
		}
		if err != nil {
			return // gone, ending, or without a store: it will come back
		}
		if !s.may(ctx, page, recheck.C) {
			s.counts.refused.Add(1)
			return
		}
		if !s.deliver(page) {
			s.counts.cut.Add(1)
			return
		}
		if len(page.Facts) > 0 && !page.More {
			pause(ctx, streamPace)
		}
	}
}

// patience is how long to wait for facts before saying that there are none. A
// reader that is new is told at once where it stands.
func (s *stream) patience() time.Duration {
	if s.buffer == nil {
		return 0
	}
	return aliveEvery
}

// may asks whether the client still may follow: a bearer each time, a secret
// from time to time, and where something is said of it.
func (s *stream) may(ctx context.Context, page watchword.FactPage, recheck <-chan time.Time) bool {
	ask := s.who.bearer || slices.ContainsFunc(page.Facts, func(f watchword.Fact) bool {
		return f.Kind == watchword.UserFact && f.ID == s.who.client.ID
	})
	select {
	case <-recheck:
		ask = true
	default:
	}
	return !ask || s.who.again(ctx) == nil
}

// deliver sends a page as an event, and reports whether it was taken.
func (s *stream) deliver(page watchword.FactPage) bool {
	next := page.Cursor
	page.Cursor = watchword.Cursor{} // it is the event's id
	page.Facts = s.who.visible(page.Facts)
	data, err := page.MarshalJSON()
	if err != nil {
		return false
	}
	event := "alive"
	if len(page.Facts) > 0 || s.cursor == (watchword.Cursor{}) {
		event = "facts"
		s.counts.events.Add(1)
		s.counts.facts.Add(uint64(len(page.Facts)))
	}
	s.cursor = next
	return s.send(event, next.String(), data)
}

// send writes one event (HTML, section 9.2.5) within streamPatience. JSON has
// no line breaks.
func (s *stream) send(event, id string, data []byte) bool {
	b := append(s.buffer[:0], "event: "...)
	b = append(b, event...)
	if id != "" {
		b = append(append(b, "\nid: "...), id...)
	}
	b = append(append(b, "\ndata: "...), data...)
	b = append(b, '\n', '\n')
	if s.buffer = b; cap(b) > 64<<10 {
		s.buffer = make([]byte, 0, 512) // a large one is not kept for a stream that idles
	}
	deadline := time.Now().Add(streamPatience) //nolint:forbidigo // of a socket, which knows no other clock
	_ = s.c.SetWriteDeadline(deadline)
	if _, err := s.w.Write(b); err != nil {
		return false
	}
	return s.c.Flush() == nil
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
