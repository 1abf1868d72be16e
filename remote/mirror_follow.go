package remote

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/watchword-auth/watchword"
)

// follower is the one goroutine that brings the mirror up to what the feed
// said.
type follower struct {
	m *mirror
	// at is up to where everything was fetched, but for failed.
	at     position
	kept   position // what the CursorKeeper has
	whole  bool     // everybody was read since the epoch began
	failed map[string]struct{}
	caught bool      // what the feed said between kept and now was read
	dirty  bool      // users were fetched since the place was last kept
	tries  int       // failures in a row
	again  time.Time // when to try those again
}

// run follows the feed's notes until ctx ends. Without a feed there is nothing
// to follow: users are then as new as their last sign-in here.
func (m *mirror) run(ctx context.Context) {
	if m.c.feed == nil {
		return
	}
	f := &follower{m: m, failed: make(map[string]struct{})}
	if !f.load(ctx) {
		return
	}
	for ctx.Err() == nil {
		wake, wait := m.wake, time.Duration(1<<63-1)
		if f.tries > 0 {
			wait = f.again.Sub(m.c.c.Now())
			if !f.whole {
				wake = nil // the directory cannot be read: not at every word of the feed
			}
		}
		timer, retry := time.NewTimer(wait), false
		select {
		case <-ctx.Done():
		case <-wake:
		case <-timer.C:
			retry = true
		}
		timer.Stop()
		if ctx.Err() == nil {
			f.step(ctx, retry)
		}
	}
}

// later puts off what failed, longer each time.
func (f *follower) later() {
	f.tries++
	f.again = f.m.c.c.Now().Add(backoff(f.tries, time.Minute))
}

// load reads where the mirror was. A mirror that keeps no place, or one too old
// to go on from, begins anew.
func (f *follower) load(ctx context.Context) bool {
	if f.m.cursors == nil {
		return true
	}
	for tries := 1; ; tries++ {
		text, err := told(func() (string, error) { return f.m.cursors.Cursor(ctx, f.m.c.issuer) })
		if ctx.Err() != nil {
			return false
		}
		if err == nil {
			f.kept = parsePosition(text)
			age := f.m.c.c.Now().Sub(f.kept.at)
			f.at, f.whole = f.kept, f.kept.cursor.Epoch != "" && age < mirrorHorizon && age > -mirrorHorizon
			return true
		}
		f.fault("read the mirror's place", err)
		sleep(ctx, backoff(tries, time.Minute))
	}
}

// step takes what the feed has brought and, with retry, what failed before.
func (f *follower) step(ctx context.Context, retry bool) {
	if f.whole && !f.caught {
		if err := f.catchUp(ctx); err != nil {
			f.later()
			f.fault("read what changed meanwhile", err)
			return
		}
	}
	f.caught = true
	notes, lost := f.m.take()
	if lost {
		f.whole = false
	}
	ids := make(map[string]struct{})
	if retry {
		maps.Copy(ids, f.failed)
	}
	to := f.at.cursor
	for _, n := range notes {
		if n.cursor.Epoch != to.Epoch {
			// Another database, or the first reading: what was said of the
			// former one means nothing.
			f.whole = f.whole && n.cursor.Epoch == f.at.cursor.Epoch
			to = n.cursor
		}
		if n.cursor.N <= f.at.cursor.N && f.whole {
			continue
		}
		to = n.cursor
		f.whole = f.whole && !n.all
		for _, id := range n.ids {
			ids[id] = struct{}{}
		}
	}
	if !f.whole {
		if err := f.everybody(ctx); err != nil {
			f.later()
			f.fault("read the directory", err)
			return
		}
		f.dirty = true
	} else {
		f.dirty = f.dirty || len(ids) > 0
		f.each(ctx, ids)
		f.at = position{to, f.m.c.c.Now()}
	}
	f.settle(ctx, retry)
}

// catchUp reads the feed from where the mirror was. The notes cannot serve: a
// client begins with all facts there are, and nobody wants to fetch everybody
// who changed in the last weeks because a service was started again.
func (f *follower) catchUp(ctx context.Context) error {
	own := source{c: f.m.c}
	ids := make(map[string]struct{})
	for after := f.at.cursor; ; {
		page, err := own.ask(ctx, after, 0, watchword.MaxFactPage)
		if errors.Is(err, watchword.Conflict) {
			f.whole = false // another epoch
			return nil
		}
		if err == nil {
			err = own.take(after, page)
		}
		if err != nil {
			return err
		}
		for _, n := range own.notes {
			f.whole = f.whole && !n.all
			for _, id := range n.ids {
				ids[id] = struct{}{}
			}
		}
		if after = page.Cursor; page.More {
			own.notes = nil
			continue
		}
		if f.whole {
			f.each(ctx, ids)
			f.at, f.dirty = position{after, f.m.c.c.Now()}, true
		}
		return nil
	}
}

// settle keeps the place once nothing before it is missing, and not at every
// word of the feed that was about nobody.
func (f *follower) settle(ctx context.Context, retry bool) {
	age := f.at.at.Sub(f.kept.at)
	moved := f.at.cursor != f.kept.cursor
	switch keep := f.dirty || moved && age >= cursorMoved || age >= cursorEvery || age < 0; {
	case len(f.failed) > 0:
		if retry || f.tries == 0 {
			f.later()
		}
	case !keep || f.m.cursors == nil:
		f.tries = 0
	default:
		err := shielded(func() error { return f.m.cursors.SetCursor(ctx, f.m.c.issuer, f.at.String()) })
		if err != nil {
			f.later()
			f.fault("keep the mirror's place", err)
			break
		}
		f.kept, f.dirty, f.tries = f.at, false, 0
	}
	f.m.mu.Lock()
	f.m.figures.Complete = f.whole
	f.m.figures.Pending = len(f.failed)
	if len(f.failed) == 0 {
		f.m.figures.Cursor = f.at.cursor.String()
	}
	f.m.mu.Unlock()
}

// each fetches users, some at once. Those that fail are tried again, and hold
// up nobody else.
func (f *follower) each(ctx context.Context, ids map[string]struct{}) {
	next := make(chan string)
	var mu sync.Mutex
	var work sync.WaitGroup
	for range min(fetchers, len(ids)) {
		work.Go(func() {
			for id := range next {
				_, err := f.m.fetch(ctx, id, nil)
				done := err == nil || errors.Is(err, watchword.NotFound)
				mu.Lock()
				if done {
					delete(f.failed, id)
				} else {
					f.failed[id] = struct{}{}
				}
				mu.Unlock()
				if !done && ctx.Err() == nil {
					f.m.c.c.Report(err)
				}
			}
		})
	}
	for id := range ids {
		next <- id
	}
	close(next)
	work.Wait()
}

// everybody reads the whole directory. What the feed says meanwhile waits, and
// is fetched after it.
func (f *follower) everybody(ctx context.Context) error {
	m := f.m
	m.mu.Lock()
	// Whatever was said before the first page is on the pages.
	m.queue, m.queued, m.lost = nil, 0, false
	m.started = make(map[string]uint64)
	m.mu.Unlock()
	defer func() {
		m.mu.Lock()
		m.started = nil
		m.mu.Unlock()
	}()
	clear(f.failed)
	var begin watchword.Cursor
	there := make(map[string]struct{})
	limit := directoryLimit
	for after := ""; ; {
		m.mu.Lock()
		m.tick++
		asked := m.tick
		m.mu.Unlock()
		page, err := m.c.directoryPage(ctx, after, limit)
		if errors.Is(err, errTooMuch) && limit > 1 {
			limit = max(limit/10, 1)
			continue
		}
		if err != nil {
			return err
		}
		if after == "" {
			begin = page.cursor
		} else if page.cursor.Epoch != begin.Epoch {
			return errors.New("the authority's epoch changed meanwhile")
		}
		for _, u := range page.users {
			there[u.ID] = struct{}{}
			if err := f.place(ctx, u, asked); err != nil {
				f.failed[u.ID] = struct{}{}
				m.c.c.Report(err)
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
		}
		if page.next == "" {
			break
		}
		after = page.next
	}
	if err := f.sweep(ctx, there); err != nil {
		return err
	}
	f.at, f.whole = position{begin, m.c.c.Now()}, true
	m.mu.Lock()
	m.figures.Full++
	m.mu.Unlock()
	return nil
}

// place writes a user of a page, unless somebody has fetched him since the page
// was asked for.
func (f *follower) place(ctx context.Context, u User, asked uint64) error {
	unlock, err := f.m.lock(ctx, u.ID)
	if err != nil {
		return err
	}
	defer unlock()
	f.m.mu.Lock()
	newer := f.m.started[u.ID] > asked
	f.m.mu.Unlock()
	if newer {
		return nil
	}
	return f.m.write(ctx, u)
}

// sweep has those looked at again who are here and were on no page: they are
// gone, or have come since.
func (f *follower) sweep(ctx context.Context, there map[string]struct{}) error {
	if f.m.lister == nil {
		return nil
	}
	const page = 1000
	for after := ""; ; {
		ids, err := told(func() ([]string, error) { return f.m.lister.UserIDs(ctx, f.m.c.issuer, after, page) })
		if err != nil {
			return fmt.Errorf("list mirrored users: %w", err)
		}
		missing := make(map[string]struct{})
		for _, id := range ids {
			if _, ok := there[id]; !ok {
				missing[id] = struct{}{}
			}
			after = id
		}
		f.each(ctx, missing)
		if len(ids) < page {
			return nil
		}
	}
}

func (f *follower) fault(what string, err error) {
	err = fmt.Errorf("mirror: %s: %w", what, err)
	f.m.mu.Lock()
	f.m.figures.Failures++
	f.m.figures.LastError = err
	f.m.figures.Complete = f.whole
	f.m.mu.Unlock()
	f.m.c.c.Report(err)
}
