package remote

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/watchword-auth/watchword"
)

const (
	// maxSeen bounds the users that are known to be in Users, for each of two
	// halves. One who was forgotten is looked for again.
	maxSeen = 32_768
	// maxNotes bounds the changes that wait to be fetched; beyond it reading
	// everybody anew takes less.
	maxNotes = 100_000
	// fetchers is how many users are fetched at once.
	fetchers = 4
	// mirrorHorizon is after how long away a mirror reads everybody anew: well
	// before the authority forgets which records changed.
	mirrorHorizon = watchword.ProfileFactLife / 2
	// cursorEvery is how often the place is kept though nobody changed, so
	// that a quiet week does not look like one away.
	cursorEvery = 10 * time.Minute
	// cursorMoved is how often it is kept where it moves and nobody changed.
	cursorMoved = 10 * time.Second
)

// mirror hands users to Config.Users: at sign-in, at first sight of a token,
// and whenever the feed says that a record changed.
//
// For each user fetching and writing is one step that others wait for, so that
// what was fetched first is written first, and an old record never replaces a
// newer one.
type mirror struct {
	c       *Client
	users   Users
	finder  UserFinder   // nil: not one
	cursors CursorKeeper // nil: not one
	lister  UserLister   // nil: not one
	sights  flights[struct{}]
	wake    chan struct{} // holds one word at most

	seeing sync.RWMutex
	seen   [2]map[string]struct{} // the newer half first

	mu      sync.Mutex
	locks   map[string]*userLock
	queue   []note
	queued  int  // ids in queue
	lost    bool // queue was dropped: everybody has to be read
	tick    uint64
	started map[string]uint64 // while everybody is read: when a user's own fetch began
	figures MirrorStats
}

// userLock is held by one at a time; waiting for it ends with a context.
type userLock struct {
	held  chan struct{}
	users int
}

func newMirror(c *Client) *mirror {
	m := &mirror{c: c, users: c.c.Users, wake: make(chan struct{}, 1), locks: make(map[string]*userLock)}
	m.finder, _ = c.c.Users.(UserFinder)
	m.cursors, _ = c.c.Users.(CursorKeeper)
	m.lister, _ = c.c.Users.(UserLister)
	m.sights.c = c
	return m
}

// sight is called with the claims of every good token, and fetches users who
// are not there yet. The token is refused with Unavailable where that fails:
// what stands behind the guard counts on the user's row. Tokens of machines
// have no user.
func (m *mirror) sight(ctx context.Context, c *watchword.Claims) error {
	if c.UserID == "" || c.ClientID == c.Subject && c.ClientID != "" || m.has(c.UserID) {
		return nil
	}
	_, err := m.sights.do(ctx, c.UserID, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, m.meet(ctx, c)
	})
	return err
}

func (m *mirror) meet(ctx context.Context, c *watchword.Claims) error {
	if m.finder != nil {
		_, err := told(func() (User, error) { return m.finder.User(ctx, m.c.issuer, c.UserID) })
		if err == nil {
			m.know(c.UserID)
			return nil
		}
		if !errors.Is(err, watchword.NotFound) {
			return m.failed(c.UserID, err)
		}
	}
	_, err := m.fetch(ctx, c.UserID, c)
	if errors.Is(err, watchword.NotFound) {
		// The token counts and speaks of nobody with a record: a machine's,
		// or of somebody deleted, whose tokens the feed ends.
		m.know(c.UserID)
		return nil
	}
	return err
}

// signedIn fetches a user who has just proven who he is, known or not.
func (m *mirror) signedIn(ctx context.Context, c *watchword.Claims) (User, error) {
	if c.UserID == "" {
		return User{}, fmt.Errorf("%w: the authority's token names no user", watchword.Unavailable)
	}
	u, err := m.fetch(ctx, c.UserID, c)
	if errors.Is(err, watchword.NotFound) {
		err = fmt.Errorf("%w: %v", watchword.InvalidCredentials, err) //nolint:errorlint // who is gone cannot sign in
	}
	return u, err
}

// fetch brings one user up to date. c, where there are claims, is whose own
// token may be shown where this service has no credentials. Users who are gone
// are deleted, and NotFound.
func (m *mirror) fetch(ctx context.Context, id string, c *watchword.Claims) (User, error) {
	unlock, err := m.lock(ctx, id)
	if err != nil {
		return User{}, err
	}
	defer unlock()
	m.mu.Lock()
	m.tick++
	began := m.tick
	m.mu.Unlock()
	var u User
	if m.c.c.ClientID != "" {
		u, err = m.c.directoryUser(ctx, id)
	} else {
		u, err = m.c.me(ctx, c)
	}
	switch {
	case errors.Is(err, watchword.NotFound):
		if fault := m.remove(ctx, id); fault != nil {
			return User{}, fault
		}
		m.fetched(id, began)
		return User{}, err
	case err != nil && m.c.c.ClientID == "" && !serverFault(err):
		return User{}, err // the authority's word about the caller's own token
	case err != nil:
		return User{}, m.failed(id, err)
	}
	if err := m.write(ctx, u); err != nil {
		return u, err
	}
	m.fetched(id, began)
	return u, nil
}

// fetched notes when a fetch began that is written: what a page of the
// directory said before is older. One that failed leaves the page its say.
func (m *mirror) fetched(id string, began uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.started != nil {
		m.started[id] = began
	}
}

// write hands a user on. Whoever calls it holds his lock.
func (m *mirror) write(ctx context.Context, u User) error {
	if err := shielded(func() error { return m.users.Upsert(ctx, u) }); err != nil {
		return m.failed(u.ID, err)
	}
	m.know(u.ID)
	m.mu.Lock()
	m.figures.Written++
	m.mu.Unlock()
	return nil
}

func (m *mirror) remove(ctx context.Context, id string) error {
	if err := shielded(func() error { return m.users.Delete(ctx, m.c.issuer, id) }); err != nil {
		return m.failed(id, err)
	}
	m.seeing.Lock()
	for _, half := range m.seen {
		delete(half, id)
	}
	m.seeing.Unlock()
	m.mu.Lock()
	m.figures.Deleted++
	m.mu.Unlock()
	return nil
}

// shielded calls the application, whose panic must not end the process: no
// server stands around this goroutine that would recover it.
func shielded(call func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: panic: %v", watchword.Internal, p)
		}
	}()
	return call()
}

// told is shielded for what the application answers.
func told[T any](call func() (T, error)) (answer T, err error) {
	err = shielded(func() (err error) {
		answer, err = call()
		return err
	})
	return answer, err
}

// failed counts a fault and puts a code on it: the caller can come again.
func (m *mirror) failed(id string, err error) error {
	m.mu.Lock()
	m.figures.Failures++
	m.figures.LastError = err
	m.mu.Unlock()
	if watchword.CodeOf(err) == watchword.Unavailable {
		return fmt.Errorf("mirror user %s: %w", id, err)
	}
	return fmt.Errorf("%w: mirror user %s: %v", watchword.Unavailable, id, err) //nolint:errorlint // its code is about another question
}

func serverFault(err error) bool {
	code := watchword.CodeOf(err)
	return code == watchword.Unavailable || code == watchword.Internal
}

// lock returns when nobody else fetches the user.
func (m *mirror) lock(ctx context.Context, id string) (unlock func(), err error) {
	m.mu.Lock()
	l := m.locks[id]
	if l == nil {
		l = &userLock{held: make(chan struct{}, 1)}
		m.locks[id] = l
	}
	l.users++
	m.mu.Unlock()
	leave := func() {
		m.mu.Lock()
		if l.users--; l.users == 0 {
			delete(m.locks, id)
		}
		m.mu.Unlock()
	}
	select {
	case l.held <- struct{}{}:
		return func() { <-l.held; leave() }, nil
	case <-ctx.Done():
		leave()
		return nil, fmt.Errorf("%w: waiting for user %s: %w", watchword.Unavailable, id, context.Cause(ctx))
	}
}

// has reports whether a user is known to be in Users.
func (m *mirror) has(id string) bool {
	m.seeing.RLock()
	defer m.seeing.RUnlock()
	_, newer := m.seen[0][id]
	_, older := m.seen[1][id]
	return newer || older
}

// know remembers that a user is there. When a half is full the older one goes.
func (m *mirror) know(id string) {
	m.seeing.Lock()
	defer m.seeing.Unlock()
	if m.seen[0] == nil || len(m.seen[0]) >= maxSeen {
		m.seen[0], m.seen[1] = make(map[string]struct{}), m.seen[0]
	}
	m.seen[0][id] = struct{}{}
}

// note takes what the feed brought.
func (m *mirror) note(notes []note) {
	m.mu.Lock()
	for _, n := range notes {
		last := len(m.queue) - 1
		switch {
		case n.all || len(n.ids) > 0 || last < 0 || m.queue[last].all || len(m.queue[last].ids) > 0 || m.queue[last].cursor.Epoch != n.cursor.Epoch:
			m.queue = append(m.queue, n)
			m.queued += len(n.ids)
		default:
			m.queue[last] = n // two that only say how far it is
		}
	}
	if m.queued > maxNotes {
		m.queue, m.queued, m.lost = nil, 0, true
	}
	m.mu.Unlock()
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// take returns what has come since the last time.
func (m *mirror) take() (notes []note, lost bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	notes, lost = m.queue, m.lost
	m.queue, m.queued, m.lost = nil, 0, false
	return notes, lost
}

// MirrorStats says how keeping users goes.
type MirrorStats struct {
	// Complete says that every user is there, but those Pending.
	Complete bool
	Cursor   string // up to which that is so, as it was last kept
	Pending  int    // users whose last fetch or write failed, to be tried again

	Written  uint64
	Deleted  uint64
	Full     uint64 // readings of everybody
	Failures uint64
	// LastError is the last failure's; it stays.
	LastError error
}

func (m *mirror) stats() MirrorStats {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.figures
}

// position is a place in the feed and when it was reached, by this clock.
type position struct {
	cursor watchword.Cursor
	at     time.Time
}

func (p position) String() string {
	return p.cursor.String() + "@" + strconv.FormatInt(p.at.Unix(), 10)
}

// parsePosition reads what String wrote. Anything else is no position.
func parsePosition(s string) position {
	before, after, _ := strings.Cut(s, "@")
	cursor, err := watchword.ParseCursor(before)
	seconds, fault := strconv.ParseInt(after, 10, 64)
	if err != nil || fault != nil {
		return position{}
	}
	return position{cursor, time.Unix(seconds, 0)}
}
