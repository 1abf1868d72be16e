package store

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/watchword-auth/watchword"
)

// UserByID returns the user with that id.
func (m *Memory) UserByID(_ context.Context, id string) (watchword.User, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	u, err := m.user(id)
	if err != nil {
		return watchword.User{}, err
	}
	return tidyUser(u.User), nil
}

func (m *Memory) user(id string) (*memoryUser, error) {
	n, _ := parseID(id)
	u, ok := m.users[n]
	if !ok {
		return nil, noUser(id)
	}
	return u, nil
}

// UserByLogin returns the user with that login or e-mail address.
func (m *Memory) UserByLogin(_ context.Context, login string) (watchword.User, string, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	id, ok := m.names[watchword.FoldLogin(login)]
	if !ok {
		return watchword.User{}, "", noUser(login)
	}
	u := m.users[id]
	return tidyUser(u.User), u.hash, nil
}

// SwapPasswordHash replaces the hash where old still stands.
func (m *Memory) SwapPasswordHash(_ context.Context, id, old, new string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	u, err := m.user(id)
	if err != nil {
		return err
	}
	if u.hash != old {
		return errHashMoved(id)
	}
	u.hash = new
	return nil
}

func errHashMoved(id string) error {
	return fmt.Errorf("%w: password of user %q was changed meanwhile", watchword.Conflict, id)
}

// HashSamples returns one hash of every class.
func (m *Memory) HashSamples(context.Context) ([]string, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	samples := make(map[string]string)
	for _, u := range m.users {
		if u.hash != "" {
			samples[watchword.HashClass(u.hash)] = u.hash
		}
	}
	return slices.Collect(maps.Values(samples)), nil
}

// RecordLogin keeps the time of the user's last sign-in.
func (m *Memory) RecordLogin(_ context.Context, id string, at time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	u, err := m.user(id)
	if err != nil {
		return err
	}
	u.LastLoginAt = stamp(at)
	return nil
}

// CreateUser keeps the user under the next id, or under the one that n has:
// that is for imports, and Conflict where the id is taken or was ever.
// A zero CreatedAt means now.
func (m *Memory) CreateUser(_ context.Context, n watchword.NewUser) (watchword.User, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	u, err := m.createUser(n)
	if err == nil {
		m.append(profileFact(u.ID, today()))
	}
	return u, err
}

func (m *Memory) createUser(n watchword.NewUser) (watchword.User, error) {
	u, id, err := firstUser(n)
	if err != nil {
		return watchword.User{}, err
	}
	if id == 0 {
		id = m.lastUser + 1
	}
	if m.users[id] != nil || m.gone[id] {
		return watchword.User{}, errIDTaken(id)
	}
	if m.taken(folded(u), id) {
		return watchword.User{}, errTaken()
	}
	m.lastUser = max(m.lastUser, id)
	u.ID = formatID(id)
	m.users[id] = &memoryUser{User: u, hash: n.PasswordHash}
	for _, name := range folded(u) {
		m.names[name] = id
	}
	return tidyUser(u), nil
}

func errIDTaken(id int64) error {
	return fmt.Errorf("%w: user id %d is taken or was", watchword.Conflict, id)
}

// taken reports whether one of the names belongs to somebody else.
func (m *Memory) taken(names []string, id int64) bool {
	return slices.ContainsFunc(names, func(name string) bool {
		owner, ok := m.names[name]
		return ok && owner != id
	})
}

// UpdateUser changes the user and ends what no longer counts.
func (m *Memory) UpdateUser(_ context.Context, id string, c watchword.UserChange, keep int64, until, at time.Time) (watchword.User, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	u, err := m.user(id)
	if err != nil {
		return watchword.User{}, err
	}
	if !decidedOn(c, u.User) {
		return watchword.User{}, errUserChanged(id)
	}
	next := changed(u.User, c)
	if mustNotBeLast(c, u.User, next) && !m.otherSuperuser(id) {
		return watchword.User{}, errLastSuperuser()
	}
	n, _ := parseID(id)
	if m.taken(folded(next), n) {
		return watchword.User{}, errTaken()
	}
	m.dropNames(u.User)
	for _, name := range folded(next) {
		m.names[name] = n
	}
	keep = kept(c, keep)
	if ends(c) {
		m.carry(keep, u.User, next.Version)
		m.endUser(id, keep, until, at)
	}
	if c.Rights() {
		numbers := m.openOf(id, 0)
		slices.Sort(numbers)
		for _, number := range numbers {
			m.append(claimsFact("", number, factLife(m.sessions[number], until), at))
		}
		m.append(claimsFact(id, 0, until, at))
	}
	m.append(profileFact(id, at))
	u.User = next
	set(&u.hash, c.PasswordHash)
	return tidyUser(next), nil
}

// otherSuperuser reports whether somebody else is an active superuser.
func (m *Memory) otherSuperuser(id string) bool {
	for _, u := range m.users {
		if u.ID != id && u.Superuser && u.Active {
			return true
		}
	}
	return false
}

// carry takes the session that outlives the change to the user's next
// version; else it would end at its next refresh.
func (m *Memory) carry(number int64, u watchword.User, version int64) {
	s, ok := m.sessions[number]
	if ok && s.OwnUser && s.UserID == u.ID && s.UserVersion == u.Version && s.EndedAt.IsZero() {
		s.UserVersion = version
		m.sessions[number] = s
	}
}

func (m *Memory) dropNames(u watchword.User) {
	for _, name := range folded(u) {
		delete(m.names, name)
	}
}

// DeleteUser removes the user and ends his sessions.
func (m *Memory) DeleteUser(_ context.Context, id string, until, at time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	u, err := m.user(id)
	if err != nil {
		return err
	}
	n, _ := parseID(id)
	m.dropNames(u.User)
	delete(m.users, n)
	m.gone[n] = true
	m.endUser(id, 0, until, at)
	m.append(profileFact(id, at))
	return nil
}

// ListUsers returns users in order of their ids.
func (m *Memory) ListUsers(_ context.Context, after string, limit int) ([]watchword.User, error) {
	first, err := listAfter(after)
	if err != nil {
		return nil, err
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	var found []watchword.User
	for _, id := range slices.Sorted(maps.Keys(m.users)) {
		if id <= first {
			continue
		}
		if found = append(found, tidyUser(m.users[id].User)); len(found) == limitOr(limit) {
			break
		}
	}
	return found, nil
}

// listAfter reads the id that a list of users goes on after.
func listAfter(id string) (int64, error) {
	if id == "" {
		return 0, nil
	}
	n, ok := parseID(id)
	if !ok {
		return 0, errBadID(id)
	}
	return n, nil
}
