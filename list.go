package watchword

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// RevocationList is the memory of what no longer counts: facts, arranged so
// that one question costs nanoseconds. A revoked session is one bit; facts
// about users, tokens and claims are small maps. Readers never lock: bits
// are set atomically, maps are swapped whole. One list serves all
// authorities over one store.
type RevocationList struct {
	facts Facts

	sessions atomic.Pointer[map[int64]*revokedBlock]
	rest     atomic.Pointer[revokedRest]
	keys     atomic.Uint64 // grows with every KeyFact

	mu     sync.Mutex // writers only
	cursor Cursor
	log    factLog // for readers elsewhere

	polling atomic.Bool  // by those readers
	synced  atomic.Int64 // unix nanoseconds of the last good Sync; 0: never
	newest  atomic.Int64 // unix seconds: iat of the newest token made in this process
}

// revokedBlock is the bits of 2^20 sessions, in pages made when first used,
// and when the last of its facts dies.
type revokedBlock struct {
	pages [64]atomic.Pointer[[256]atomic.Uint64]
	until atomic.Int64 // unix seconds

	changes atomic.Uint64 // grows with every bit
}

type revokedRest struct {
	users  map[string][]Fact
	tokens map[string]Fact
	stale  map[string]Fact // claims facts by user id
	aged   map[int64]Fact  // claims facts by session number
}

// NewRevocationList makes an empty list that [RevocationList.Sync] fills from
// facts. facts may be nil where only Apply is used.
func NewRevocationList(facts Facts) *RevocationList {
	l := &RevocationList{facts: facts}
	l.reset()
	return l
}

func (l *RevocationList) reset() {
	l.sessions.Store(&map[int64]*revokedBlock{})
	l.rest.Store(&revokedRest{})
	l.cursor = Cursor{}
}

// Revoked reports whether a fact speaks against the claims, and which.
func (l *RevocationList) Revoked(c *Claims) (Fact, bool) {
	if c.Number > 0 {
		if b := (*l.sessions.Load())[c.Number>>blockBits]; b != nil && b.has(c.Number) {
			return Fact{Kind: SessionFact, Number: c.Number}, true
		}
	}
	r := l.rest.Load()
	if len(r.users) > 0 {
		for _, f := range r.users[""] { // everybody: a backup was restored
			if !c.IssuedAt.After(f.Before) {
				return f, true
			}
		}
		for _, f := range r.users[c.UserID] {
			if f.ID == "" {
				break // a token without a user of ours
			}
			if c.Number > 0 && c.Number <= f.UpTo && c.Number != f.Except ||
				c.Number == 0 && !c.IssuedAt.After(f.Before) {
				return f, true
			}
		}
	}
	if len(r.tokens) > 0 && c.ID != "" {
		if f, ok := r.tokens[c.ID]; ok {
			return f, true
		}
	}
	if len(r.aged) > 0 && c.Number > 0 {
		if f, ok := r.aged[c.Number]; ok && !c.IssuedAt.After(f.Before) {
			return f, true
		}
	}
	if len(r.stale) > 0 {
		if f, ok := r.stale[c.UserID]; ok && !c.IssuedAt.After(f.Before) {
			return f, true
		}
	}
	return Fact{}, false
}

func (b *revokedBlock) has(number int64) bool {
	low := number & (blockSize - 1)
	p := b.pages[low>>14].Load()
	return p != nil && p[low>>6&0xff].Load()&(1<<(low&63)) != 0
}

func (b *revokedBlock) set(number int64, until int64) {
	low := number & (blockSize - 1)
	p := b.pages[low>>14].Load()
	if p == nil {
		p = new([256]atomic.Uint64)
		b.pages[low>>14].Store(p)
	}
	if bit := uint64(1) << (low & 63); p[low>>6&0xff].Or(bit)&bit == 0 {
		b.changes.Add(1)
	}
	if until > b.until.Load() {
		b.until.Store(until)
	}
}

// Apply takes facts in; at prunes what has died. Applying a fact twice
// changes nothing.
func (l *RevocationList) Apply(at time.Time, facts ...Fact) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.apply(at, facts)
}

func (l *RevocationList) apply(at time.Time, facts []Fact) {
	blocks := *l.sessions.Load()
	next := blocks
	var rest *revokedRest
	for _, f := range facts {
		switch f.Kind {
		case SessionFact:
			k := f.Number >> blockBits
			if next[k] == nil {
				next = maps.Clone(next)
				next[k] = &revokedBlock{}
			}
			next[k].set(f.Number, f.Until.Unix())
		case KeyFact:
			l.keys.Add(1)
		case ProfileFact: // for copies of records; no token is concerned
		default:
			if rest == nil {
				rest = l.rest.Load().pruned(at)
			}
			rest.add(f)
		}
	}
	if len(facts) > 0 {
		next = prunedBlocks(next, at)
	}
	l.sessions.Store(&next)
	if rest != nil {
		l.rest.Store(rest)
	}
}

// prunedBlocks drops the blocks whose last fact has died. It copies only
// where there is something to drop.
func prunedBlocks(blocks map[int64]*revokedBlock, at time.Time) map[int64]*revokedBlock {
	copied := false
	for k, b := range blocks {
		if b.until.Load() < at.Unix() {
			if !copied {
				blocks, copied = maps.Clone(blocks), true
			}
			delete(blocks, k)
		}
	}
	return blocks
}

// pruned returns a deep enough copy without the dead.
func (r *revokedRest) pruned(at time.Time) *revokedRest {
	n := &revokedRest{
		users: make(map[string][]Fact, len(r.users)), tokens: make(map[string]Fact, len(r.tokens)),
		stale: make(map[string]Fact, len(r.stale)), aged: make(map[int64]Fact, len(r.aged)),
	}
	for k, facts := range r.users {
		if alive := slices.DeleteFunc(slices.Clone(facts), func(f Fact) bool { return !f.Until.After(at) }); len(alive) > 0 {
			n.users[k] = alive
		}
	}
	copyAlive(n.tokens, r.tokens, at)
	copyAlive(n.stale, r.stale, at)
	copyAlive(n.aged, r.aged, at)
	return n
}

func copyAlive[K comparable](to, from map[K]Fact, at time.Time) {
	for k, f := range from {
		if f.Until.After(at) {
			to[k] = f
		}
	}
}

func (r *revokedRest) add(f Fact) {
	switch f.Kind {
	case UserFact:
		// A later fact about the same user replaces those that it covers.
		facts := slices.DeleteFunc(r.users[f.ID], func(old Fact) bool {
			return old == f || f.UpTo >= old.UpTo && !f.Before.Before(old.Before) &&
				!f.Until.Before(old.Until) && (f.Except == 0 || f.Except == old.Except)
		})
		r.users[f.ID] = append(facts, f)
	case TokenFact:
		r.tokens[f.ID] = f
	case ClaimsFact:
		if f.Number > 0 {
			if old, ok := r.aged[f.Number]; !ok || old.Before.Before(f.Before) {
				r.aged[f.Number] = f
			}
		} else if old, ok := r.stale[f.ID]; !ok || old.Before.Before(f.Before) {
			r.stale[f.ID] = f
		}
	case SessionFact, KeyFact, ProfileFact: // kept elsewhere, or not at all
	}
}

// clockBack is how far a clock must have been set back for facts to be read
// from the first one: while it was ahead, some were dropped as dead that are
// not.
const clockBack = time.Minute

// dated remembers the newest iat of this process, and life returns until when
// the last token made here, or at at, can live at most: longer than from now
// where the clock was set back after it was made.
func (l *RevocationList) dated(iat time.Time) {
	for {
		old := l.newest.Load()
		if iat.Unix() <= old || l.newest.CompareAndSwap(old, iat.Unix()) {
			return
		}
	}
}

func (l *RevocationList) life(at time.Time, lifetime time.Duration) time.Time {
	if newest := time.Unix(l.newest.Load(), 0).UTC(); at.Before(newest) {
		at = newest
	}
	return second(at).Add(lifetime)
}

// syncPage is how many facts are read at a time, and at most go into one
// event of the feed.
const syncPage = 1000

// Sync reads the facts since the last one read and applies them. It returns
// when all that were committed before the call are applied. Where the
// store's epoch has changed it starts again from nothing.
func (l *RevocationList) Sync(ctx context.Context, at time.Time) error {
	if l.facts == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if at.UnixNano() < l.synced.Load()-int64(clockBack) {
		l.cursor = Cursor{} // what is known stays; reading it twice changes nothing
	}
	for {
		facts, cursor, err := l.facts.FactsSince(ctx, l.cursor, at, syncPage)
		if errors.Is(err, Conflict) && l.cursor != (Cursor{}) {
			return l.replace(ctx, at)
		}
		if err != nil {
			return fmt.Errorf("read facts: %w", err)
		}
		l.apply(at, facts)
		// A page without facts is not the last one: all on it may have died.
		done := cursor == l.cursor
		l.log.append(l.cursor, cursor, facts)
		l.cursor = cursor
		if done {
			l.log.done(at)
			l.synced.Store(at.UnixNano())
			return nil
		}
	}
}

// replace reads all facts of a database that took the place of the one
// before. Until they are all there, and where they cannot be read, the old
// ones stand: nothing counts again in between.
func (l *RevocationList) replace(ctx context.Context, at time.Time) error {
	next := NewRevocationList(l.facts)
	if err := next.Sync(ctx, at); err != nil {
		return err
	}
	l.sessions.Store(next.sessions.Load())
	l.rest.Store(next.rest.Load())
	l.keys.Add(1)
	l.cursor = next.cursor
	l.log.restart(next.cursor)
	l.log.done(at)
	l.synced.Store(at.UnixNano())
	return nil
}

// Age returns how long ago, at at, the last good Sync was. Before the first
// one ok is false.
func (l *RevocationList) Age(at time.Time) (age time.Duration, ok bool) {
	s := l.synced.Load()
	if s == 0 {
		return 0, false
	}
	return max(at.Sub(time.Unix(0, s)), 0), true
}

// minted reports until when a token for the subject and session must not be
// dated, because a fact about claims or about everybody of that very second
// stands: a token with that iat would be stale at birth, or ended.
func (l *RevocationList) minted(subject string, number int64, iat time.Time) bool {
	r := l.rest.Load()
	for _, f := range r.users[""] {
		if !iat.After(f.Before) {
			return true
		}
	}
	if f, ok := r.aged[number]; ok && !iat.After(f.Before) {
		return true
	}
	f, ok := r.stale[subject]
	return ok && !iat.After(f.Before)
}
