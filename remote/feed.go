package remote

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/watchword-auth/watchword"
)

const (
	// waitAsked is the long poll's, below the 30 s after which many a proxy
	// gives up.
	waitAsked = 25 * time.Second
	// pollEvery is the time between plain polls.
	pollEvery = time.Second
	// streamAgain is how long after a stream brought nothing it is tried again.
	streamAgain = time.Minute
	// streamIdle is how long a stream may be silent: it says that it is alive
	// each second.
	streamIdle = 5 * time.Second
	// keyRounds is how often keys are fetched after a change, keysAgain how far
	// apart: other processes of the authority hear of it within
	// watchword.PollInterval.
	keyRounds = 3
	keysAgain = 2 * watchword.PollInterval
	// The pause after failures grows from the first to the second.
	firstPause, longestPause = 100 * time.Millisecond, 10 * time.Second
)

// feedMode is how news come.
type feedMode uint8

const (
	streaming feedMode = iota // server-sent events
	waiting                   // long polls
	polling
)

func (m feedMode) String() string { return [...]string{"stream", "long poll", "poll"}[m] }

// feed follows the facts of an authority elsewhere. It reads everything once,
// then takes what is new from a stream; where a proxy between lets no stream
// through, by long polls, and where those break too, once a second. Every
// break is followed by an ordinary read from the cursor, so that nothing is
// lost by any.
type feed struct {
	c     *Client
	list  *watchword.RevocationList
	s     *source
	ready chan struct{}
	// keyRounds is how often the keys are still to be fetched because they
	// changed, keysAt when at the earliest, and fetched how often they had been
	// before that.
	keyRounds int
	keysAt    time.Time
	fetched   uint64
	heard     atomic.Pointer[time.Time] // when the newest word was true, by both clocks

	mu      sync.Mutex
	figures FeedStats
	changed chan struct{} // closed when figures say more
}

func newFeed(c *Client) *feed {
	f := &feed{c: c, s: &source{c: c}, ready: make(chan struct{}), changed: make(chan struct{})}
	f.list = watchword.NewRevocationList(f.s)
	f.figures.Following = true
	return f
}

// run follows the feed until ctx ends.
func (f *feed) run(ctx context.Context) {
	mode, failures, short := streaming, 0, 0
	var again time.Time
	for ctx.Err() == nil {
		if err := f.poll(ctx); err != nil {
			failures++
			f.failed(ctx, err)
			f.pause(ctx, failures)
			continue
		}
		failures = 0
		began := f.c.c.Now()
		if mode != streaming && !began.Before(again) {
			mode = streaming
		}
		f.using(mode)
		switch mode {
		case streaming:
			events, err := f.stream(ctx)
			f.broke(ctx, err)
			switch {
			case events == 0 && f.poll(ctx) == nil:
				// The authority answers, and the stream does not come through.
				mode, again = waiting, f.c.c.Now().Add(streamAgain)
			case f.c.c.Now().Sub(began) < time.Second:
				short++
				f.pause(ctx, short)
			default:
				short = 0
			}
		case waiting:
			if err := f.longPoll(ctx); err != nil && ctx.Err() == nil && f.poll(ctx) == nil {
				f.broke(ctx, err)
				mode = polling
			}
		case polling:
			sleep(ctx, min(pollEvery, f.c.c.MaxStale/2))
		}
	}
}

// poll reads everything that is new, or everything there is.
func (f *feed) poll(ctx context.Context) error {
	at := f.c.c.Now()
	f.s.fresh()
	return f.sync(ctx, at)
}

// sync has the list read from the source, and tells everybody else.
func (f *feed) sync(ctx context.Context, at time.Time) error {
	f.s.notes, f.s.facts, f.s.keyed, f.s.reset = nil, 0, false, false
	err := f.list.Sync(ctx, at)
	if f.c.mirror != nil && len(f.s.notes) > 0 {
		// Also after a fault: what was read will not be read again.
		f.c.mirror.note(f.s.notes)
	}
	if f.c.keys != nil && (f.s.keyed || f.s.reset) {
		f.keyRounds, f.keysAt, f.fetched = 1, f.c.c.Now(), 0
		if f.read() { // else any fetch will do, only a file not
			f.keyRounds, f.fetched = keyRounds, f.c.keys.begun()
		}
	}
	if err == nil && f.c.verifier.Load() == nil {
		err = f.number()
	}
	if err != nil {
		return err
	}
	f.heard.Store(&at)
	f.renewKeys()
	f.mu.Lock()
	f.figures.Facts += uint64(f.s.facts)
	f.figures.Cursor = f.s.cursor.String()
	f.figures.LastError = nil
	if f.s.reset {
		f.figures.Snapshots++
	}
	f.mu.Unlock()
	if !f.read() {
		close(f.ready)
	}
	return nil
}

// read reports whether everything was read once.
func (f *feed) read() bool {
	select {
	case <-f.ready:
		return true
	default:
		return false
	}
}

// number makes the verifier of the newest status key.
func (f *feed) number() error {
	n, err := watchword.NewStatusNumbers([]byte(f.s.key), f.c.c.Profile)
	if err != nil {
		return fmt.Errorf("%w: %w", watchword.Unavailable, err)
	}
	return f.c.useNumbers(n)
}

// renewKeys fetches the keys after the authority has said that they changed, at
// every word of the feed until it has worked. It does so more than once: the
// process that answers may hear of the change later than this one.
func (f *feed) renewKeys() {
	now := f.c.c.Now()
	switch {
	case f.keyRounds == 0:
	case f.c.keys.after(f.fetched):
		f.keyRounds--
		f.fetched, f.keysAt = f.c.keys.begun(), now.Add(keysAgain)
	case !now.Before(f.keysAt):
		f.c.keys.expedite()
	}
}

// apply takes a page that came in answer to the cursor from, and returns how
// old it is. Facts are as fresh as the page says, not as its arrival: a proxy
// may have held it back.
func (f *feed) apply(ctx context.Context, from watchword.Cursor, page *watchword.FactPage) (time.Duration, error) {
	now := f.c.c.Now()
	age := max(0, now.Sub(page.Now.Add(f.s.offset)))
	f.s.bring(from, page)
	return age, f.sync(ctx, now.Add(-age))
}

// longPoll asks once, and waits for the answer until there is news.
func (f *feed) longPoll(ctx context.Context) error {
	from := f.s.cursor
	wait := min(waitAsked, f.c.c.MaxStale/3).Truncate(time.Second)
	page, err := f.s.ask(ctx, from, max(wait, time.Second), watchword.MaxFactPage)
	if errors.Is(err, watchword.Conflict) {
		return nil // the poll that follows reads everything again
	}
	if err != nil {
		return err
	}
	_, err = f.apply(ctx, from, page)
	return err
}

// age returns how old the newest word is; ok is false before the first. The
// wall clock ages the words of a machine that slept, the other one those of a
// machine whose clock was set back.
func (f *feed) age() (age time.Duration, ok bool) {
	now := f.c.c.Now()
	if age, ok = f.list.Age(now); !ok {
		return 0, false
	}
	if heard := f.heard.Load(); heard != nil {
		age = max(age, now.Sub(*heard))
	}
	return age, true
}

// stale refuses once the newest word of the feed is too old.
func (f *feed) stale() error {
	age, ok := f.age()
	switch {
	case !ok:
		return f.unready()
	case age <= f.c.c.MaxStale || f.c.c.OnStale == GoOn:
		return nil
	}
	return fmt.Errorf("%w: the revocation feed's newest word is %s old", &watchword.RetryError{Code: watchword.Unavailable, After: time.Second}, age)
}

// unready is the refusal before the first reading.
func (f *feed) unready() error {
	return fmt.Errorf("%w: the revocation feed was not read yet", &watchword.RetryError{Code: watchword.Unavailable, After: time.Second})
}

// wait returns when everything has been read once. It gives up at once where
// the authority refuses this service's credentials, or has no feed.
func (f *feed) wait(ctx context.Context) error {
	for {
		f.mu.Lock()
		changed, last := f.changed, f.figures.LastError
		f.mu.Unlock()
		if ownFault(last) {
			return fmt.Errorf("ClientID or its secret: %w", last)
		}
		if errors.Is(last, watchword.NotFound) {
			return last
		}
		select {
		case <-f.ready:
			return nil
		case <-changed:
		case <-ctx.Done():
			return errors.Join(f.unready(), last)
		}
	}
}

// failed notes why nothing could be read.
func (f *feed) failed(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return
	}
	f.mu.Lock()
	f.figures.Failures++
	f.figures.LastError = err
	close(f.changed)
	f.changed = make(chan struct{})
	f.mu.Unlock()
	f.c.c.Report(fmt.Errorf("revocation feed: %w", err))
}

// broke notes the end of a stream or of a long poll.
func (f *feed) broke(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return
	}
	f.mu.Lock()
	f.figures.Breaks++
	f.mu.Unlock()
	if err != nil {
		f.c.c.Report(fmt.Errorf("revocation feed: %w", err))
	}
}

func (f *feed) using(m feedMode) {
	f.mu.Lock()
	f.figures.Mode = m.String()
	f.mu.Unlock()
}

// pause grows with every failure, up to a third of what may be missed, and
// half of it is chance, so that services that lost the authority together do
// not come back together.
func (f *feed) pause(ctx context.Context, failures int) {
	longest := min(longestPause, f.c.c.MaxStale/3)
	sleep(ctx, backoff(failures, longest))
}

func backoff(failures int, longest time.Duration) time.Duration {
	d := longest
	if failures < 20 {
		d = min(longest, firstPause<<max(failures-1, 0))
	}
	return d/2 + rand.N(d/2+1) //nolint:gosec // G404: when to come back is no secret
}

// sleep returns after d or when ctx ends.
func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// FeedStats says how following the revocation feed goes.
type FeedStats struct {
	// Following is false without ClientID: then no revocation is heard of.
	Following bool
	// Mode is "stream", "long poll" or "poll".
	Mode   string
	Cursor string // "" before the first reading
	// Age of the newest word, and whether there was one.
	Age   time.Duration
	Known bool

	Facts     uint64 // read, those read twice counted twice
	Snapshots uint64 // readings from the beginning
	Breaks    uint64 // streams and long polls that ended
	Failures  uint64 // readings that did
	// LastError is why nothing can be read now; nil if it can.
	LastError error
}

func (f *feed) stats() FeedStats {
	f.mu.Lock()
	s := f.figures
	f.mu.Unlock()
	s.Age, s.Known = f.age()
	return s
}
