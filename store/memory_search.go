package store

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/watchword-auth/watchword"
)

// FindUsers returns a page of users: in order of their names where a prefix is
// asked for, else of their ids. It looks at all of them.
func (m *Memory) FindUsers(_ context.Context, f watchword.UserFilter) ([]watchword.User, string, error) {
	s, err := newSearch(f)
	if err != nil {
		return nil, "", err
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	if s.byName {
		found, next := m.searchNames(s, f)
		return found, next, nil
	}
	var found []watchword.User
	for _, id := range slices.Sorted(maps.Keys(m.users)) {
		u := m.users[id].User
		if id <= s.afterID || !selects(f, u) || s.prefix != "" && s.least(u) == "" {
			continue
		}
		if found = append(found, tidyUser(u)); len(found) > s.limit {
			break
		}
	}
	found, next := s.page(found, nil)
	return found, next, nil
}

func (m *Memory) searchNames(s search, f watchword.UserFilter) ([]watchword.User, string) {
	var found []watchword.User
	var names []string
	for _, name := range slices.Sorted(maps.Keys(m.names)) {
		u := m.users[m.names[name]].User
		if name < s.fromName || s.least(u) != name || !selects(f, u) {
			continue
		}
		found, names = append(found, tidyUser(u)), append(names, name)
		if len(found) > s.limit {
			break
		}
	}
	return s.page(found, names)
}

// least returns the least name of the user that begins with the prefix, ""
// where none does.
func (s search) least(u watchword.User) string {
	names := slices.DeleteFunc(folded(u), func(name string) bool { return !strings.HasPrefix(name, s.prefix) })
	if len(names) == 0 {
		return ""
	}
	return slices.Min(names)
}
