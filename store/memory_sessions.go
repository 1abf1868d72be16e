package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/watchword-auth/watchword"
)

// CreateSession keeps s under the next number. Where Origin is taken, the
// session that has it comes beside the Conflict.
func (m *Memory) CreateSession(_ context.Context, s watchword.Session) (watchword.Session, error) {
	s = tidySession(s)
	m.mu.Lock()
	defer m.mu.Unlock()
	if s.OwnUser && m.moved(s) {
		return watchword.Session{}, errUserMoved(s.UserID)
	}
	if s.Origin != nil {
		if number, taken := m.origins[string(s.Origin)]; taken {
			return tidySession(m.sessions[number]), errOriginTaken()
		}
		m.origins[string(s.Origin)] = m.lastSession + 1
	}
	m.lastSession++
	s.Number = m.lastSession
	m.sessions[s.Number] = s
	if s.EndedAt.IsZero() {
		if m.open[s.UserID] == nil {
			m.open[s.UserID] = make(map[int64]bool)
		}
		m.open[s.UserID][s.Number] = true
	}
	return tidySession(s), nil
}

// moved reports whether the session's user is gone, disabled or of another
// version.
func (m *Memory) moved(s watchword.Session) bool {
	id, _ := parseID(s.UserID)
	u, ok := m.users[id]
	return !ok || !u.Active || u.Version != s.UserVersion
}

// Session returns the session with that number.
func (m *Memory) Session(_ context.Context, number int64) (watchword.Session, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	s, ok := m.sessions[number]
	if !ok {
		return watchword.Session{}, noSession(number)
	}
	return tidySession(s), nil
}

// AdvanceSession runs the refresh machine on the session.
func (m *Memory) AdvanceSession(_ context.Context, number int64, a watchword.Advance, at time.Time) (watchword.Session, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, ok := m.sessions[number]
	if !ok {
		return watchword.Session{}, noSession(number)
	}
	a.UserGone = a.UserGone || (s.OwnUser && m.moved(s))
	next, moved, ended, err := advance(s, a, at)
	if moved {
		m.sessions[number] = next
	}
	if ended {
		m.close(next)
		m.append(sessionFact(number, factLife(s, a.Until)))
	}
	return tidySession(next), err
}

// EndSessions ends what w names, expired ones too: a clock that is set back
// must not open what somebody has signed out of.
func (m *Memory) EndSessions(_ context.Context, w watchword.Which, until, at time.Time) (int, error) {
	if err := only(w); err != nil {
		return 0, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case w.All:
		return m.end(slices.Collect(m.allOpen), until, at), nil
	case w.UserID != "":
		return m.endUser(w.UserID, w.Except, until, at), nil
	default:
		return m.end([]int64{w.Number}, until, at), nil
	}
}

// allOpen yields the numbers of all sessions that have not ended.
func (m *Memory) allOpen(yield func(int64) bool) {
	for _, numbers := range m.open {
		for number := range numbers {
			if !yield(number) {
				return
			}
		}
	}
}

// endUser ends the user's sessions but one and says so by a fact of his own.
func (m *Memory) endUser(id string, except int64, until, at time.Time) int {
	ended := m.end(m.openOf(id, except), until, at)
	m.append(userFact(id, m.lastSession, except, until, at))
	return ended
}

// openOf returns the user's sessions that have not ended, but one.
func (m *Memory) openOf(id string, except int64) []int64 {
	var numbers []int64
	for number := range m.open[id] {
		if number != except {
			numbers = append(numbers, number)
		}
	}
	return numbers
}

// end ends those of the sessions that have not ended, in order, a fact each.
func (m *Memory) end(numbers []int64, until, at time.Time) int {
	slices.Sort(numbers)
	ended := 0
	for _, number := range numbers {
		s, ok := m.sessions[number]
		if !ok || !s.EndedAt.IsZero() {
			continue
		}
		s.EndedAt = stamp(at)
		m.sessions[number] = s
		m.close(s)
		m.append(sessionFact(number, factLife(s, until)))
		ended++
	}
	return ended
}

// close takes the session out of the open ones.
func (m *Memory) close(s watchword.Session) {
	delete(m.open[s.UserID], s.Number)
	if len(m.open[s.UserID]) == 0 {
		delete(m.open, s.UserID)
	}
}

// ListSessions returns sessions, newest first.
func (m *Memory) ListSessions(_ context.Context, f watchword.SessionFilter, at time.Time) ([]watchword.Session, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	var found []watchword.Session
	for _, s := range m.sessions {
		if (f.UserID == "" || s.UserID == f.UserID) && (f.All || s.Open(at)) &&
			s.Number < below(f.Before) {
			found = append(found, tidySession(s))
		}
	}
	slices.SortFunc(found, func(a, b watchword.Session) int { return cmp.Compare(b.Number, a.Number) })
	return found[:min(len(found), limitOr(f.Limit))], nil
}

// AddFact appends f.
func (m *Memory) AddFact(_ context.Context, f watchword.Fact) (watchword.Cursor, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.append(tidyFact(f))
	return m.cursor(), nil
}

func (m *Memory) append(f watchword.Fact) {
	m.lastFact++
	if replacesOlder(f) {
		if i, found := m.place(m.told[f.ID]); found {
			m.facts = slices.Delete(m.facts, i, i+1)
		}
		m.told[f.ID] = m.lastFact
	}
	m.facts = append(m.facts, placedFact{Fact: f, n: m.lastFact})
}

// place returns where the fact at n stands among those that are kept, or the
// first one after it.
func (m *Memory) place(n int64) (i int, found bool) {
	return slices.BinarySearchFunc(m.facts, n, func(f placedFact, n int64) int { return cmp.Compare(f.n, n) })
}

// cursor returns the place of the last fact.
func (m *Memory) cursor() watchword.Cursor {
	return watchword.Cursor{Epoch: string(m.meta[metaEpoch]), N: m.lastFact}
}

// FactsSince returns the facts after c.
func (m *Memory) FactsSince(_ context.Context, c watchword.Cursor, at time.Time, limit int) ([]watchword.Fact, watchword.Cursor, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	head := m.cursor()
	if err := follows(c, head); err != nil {
		return nil, watchword.Cursor{}, err
	}
	first, _ := m.place(c.N + 1)
	var found []watchword.Fact
	for _, f := range m.facts[first:] {
		if !f.Until.After(at) {
			continue
		}
		if len(found) == limitOr(limit) {
			return found, watchword.Cursor{Epoch: head.Epoch, N: f.n - 1}, nil
		}
		found = append(found, f.Fact)
	}
	return found, head, nil
}

// follows checks that c is a cursor of the database whose last fact is at
// head.
func follows(c, head watchword.Cursor) error {
	if c == (watchword.Cursor{}) {
		return nil
	}
	if c.Epoch != head.Epoch || c.N < 0 || c.N > head.N {
		return fmt.Errorf("%w: cursor %s.%d is not of this database", watchword.Conflict, c.Epoch, c.N)
	}
	return nil
}
