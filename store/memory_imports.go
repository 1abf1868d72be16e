package store

import (
	"context"

	"github.com/watchword-auth/watchword"
)

// importOf names an imported user.
type importOf struct{ source, key string }

// MatchImports returns what is here of each user.
func (m *Memory) MatchImports(_ context.Context, source string, users []watchword.ImportedUser) ([]watchword.ImportMatch, error) {
	wanted, err := wantedIDs(users)
	if err != nil {
		return nil, err
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	found := newImportMatches()
	found.gone, found.names = m.gone, m.names
	for i, u := range users {
		if known, ok := m.imports[importOf{source, u.Key}]; ok {
			known.Digest = clone(known.Digest)
			found.known[u.Key] = known
		}
		id := found.id(u, wanted[i])
		if here, ok := m.users[id]; ok {
			found.users[id], found.hashes[id] = tidyUser(here.User), here.hash
		}
	}
	return found.of(users, wanted), nil
}

// ImportUsers keeps the users, all or none.
func (m *Memory) ImportUsers(_ context.Context, source string, users []watchword.ImportedUser) ([]watchword.User, error) {
	if _, err := wantedIDs(users); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	last := m.lastUser
	made := make([]watchword.User, 0, len(users))
	for _, n := range users {
		u, err := m.importUser(source, n)
		if err != nil {
			for i, u := range made {
				id, _ := parseID(u.ID)
				m.dropNames(u)
				delete(m.users, id)
				delete(m.imports, importOf{source, users[i].Key})
			}
			m.lastUser = last
			return nil, err
		}
		made = append(made, u)
	}
	if len(made) > 0 {
		m.append(importFact(made, today()))
	}
	return made, nil
}

func (m *Memory) importUser(source string, n watchword.ImportedUser) (watchword.User, error) {
	key := importOf{source, n.Key}
	if _, taken := m.imports[key]; taken {
		return watchword.User{}, errKeyTaken(n.Key)
	}
	u, err := m.createUser(n.NewUser)
	if err == nil {
		m.imports[key] = watchword.Import{Key: n.Key, UserID: u.ID, Digest: clone(n.Digest)}
	}
	return u, err
}

// NoteImports remembers keys of users who are here.
func (m *Memory) NoteImports(_ context.Context, source string, notes []watchword.Import) error {
	for _, n := range notes {
		if _, ok := parseID(n.UserID); !ok {
			return errBadID(n.UserID)
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, n := range notes {
		n.Digest = clone(n.Digest)
		m.imports[importOf{source, n.Key}] = n
	}
	return nil
}

// SkipUserIDs has ids of later users come after last.
func (m *Memory) SkipUserIDs(_ context.Context, last int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lastUser = max(m.lastUser, last)
	return nil
}
