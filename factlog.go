package watchword

import (
	"slices"
	"sync"
	"time"
)

// factLog is the newest facts in the order in which a [RevocationList] read
// them, so that any number of readers elsewhere cost the store one. Whoever is
// further behind than it reaches reads the store.
type factLog struct {
	mu       sync.Mutex
	pages    []loggedPage // each begins where the one before ends
	held     int          // facts in pages
	head     Cursor       // where the last one ends
	synced   time.Time    // all facts committed before it are in the list
	moved    bool         // head, since the last done
	changed  chan struct{}
	profiles []string // of the authorities over the list, in order
}

// loggedPage is the facts between two cursors: never changed, and shared.
type loggedPage struct {
	from, to Cursor
	facts    []Fact
}

// logSize is how many facts are held: what hundreds of readers may be behind
// by, in some 3 MB.
const logSize = 20 * syncPage

// append takes in a page that was read.
func (g *factLog) append(from, to Cursor, facts []Fact) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if from != g.head {
		g.pages, g.held = nil, 0 // read from elsewhere, as where the clock was set back
	}
	if to != g.head {
		g.moved = true
	}
	g.head = to
	if from == to {
		return
	}
	g.pages = append(g.pages, loggedPage{from, to, facts})
	g.held += len(facts)
	drop := 0
	for g.held > logSize || len(g.pages)-drop > logSize {
		g.held -= len(g.pages[drop].facts)
		drop++
	}
	if drop > 0 {
		g.pages = slices.Clone(g.pages[drop:]) // no page behind is kept alive
	}
}

// restart forgets what was read from another database.
func (g *factLog) restart(head Cursor) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.pages, g.held, g.head, g.moved = nil, 0, head, true
}

// done notes that all facts committed before at have been read, and wakes
// who waits for them.
func (g *factLog) done(at time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.synced = at
	if g.moved && g.changed != nil {
		close(g.changed)
		g.changed = nil
	}
	g.moved = false
}

// wake returns a channel that is closed when there is something new after what
// is there now.
func (g *factLog) wake() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.changed == nil {
		g.changed = make(chan struct{})
	}
	return g.changed
}

// after returns up to limit facts after c. ok is false where only the store
// knows them, or that c is none of its cursors.
func (g *factLog) after(c Cursor, limit int) (p FactPage, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	p = FactPage{Cursor: c, Now: g.synced}
	if c == g.head {
		return p, true
	}
	i := len(g.pages) - 1 // most readers are at the end
	for i >= 0 && g.pages[i].from != c {
		i--
	}
	if i < 0 || len(g.pages[i].facts) > limit {
		return p, false
	}
	p.Facts = g.pages[i].facts
	for shared := true; ; shared = false {
		p.Cursor = g.pages[i].to
		if i++; i == len(g.pages) || len(p.Facts)+len(g.pages[i].facts) > limit {
			break
		}
		if shared {
			p.Facts = slices.Clip(p.Facts)
		}
		p.Facts = append(p.Facts, g.pages[i].facts...)
	}
	p.More = p.Cursor != g.head
	return p, true
}

// serve notes that an authority of that profile is over the list.
func (g *factLog) serve(profile string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if i, known := slices.BinarySearch(g.profiles, profile); !known {
		g.profiles = slices.Insert(g.profiles, i, profile)
	}
}

func (g *factLog) served() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.profiles)
}

func (g *factLog) at() Cursor {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.head
}
