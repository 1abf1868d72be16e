package store

import (
	"fmt"
	"strings"

	"github.com/watchword-auth/watchword"
)

// search is a filter as both stores go by it: a prefix in the order of names,
// else in the order of ids. Where a part of the users is wanted that is
// perhaps small, such as staff, and a prefix too, either will do: the store
// takes what is shorter to go through, and the cursor says which it took.
type search struct {
	byName  bool
	either  bool
	prefix  string // folded
	endName string // the names with the prefix lie below it
	limit   int

	fromName string // byName: the page begins here
	afterID  int64  // else: after this
}

// Cursors begin with what they go by.
const (
	cursorName = "name:"
	cursorID   = "id:"
)

func newSearch(f watchword.UserFilter) (search, error) {
	s := search{prefix: watchword.FoldLogin(f.Prefix), limit: limitOr(f.Limit)}
	few := f.Ranked != nil && *f.Ranked || f.Active != nil && !*f.Active
	s.byName, s.either = s.prefix != "", s.prefix != "" && few
	// No byte of UTF-8 is 0xff: all that begins with the prefix lies below.
	s.endName, s.fromName = s.prefix+"\xff", s.prefix
	if f.After == "" {
		return s, nil
	}
	if name, ok := strings.CutPrefix(f.After, cursorName); ok && s.byName && strings.HasPrefix(name, s.prefix) {
		s.fromName, s.either = name+"\x00", false // nothing lies between the two
		return s, nil
	}
	if id, ok := strings.CutPrefix(f.After, cursorID); ok && (!s.byName || s.either) {
		if s.afterID, ok = parseID(id); ok {
			s.byName, s.either = false, false
			return s, nil
		}
	}
	return s, fmt.Errorf("%w: the cursor is none of this search", watchword.InvalidRequest)
}

// page cuts off what was read to see whether there is more. names are those
// by which the users were found.
func (s search) page(found []watchword.User, names []string) ([]watchword.User, string) {
	if len(found) <= s.limit {
		return found, ""
	}
	last := s.limit - 1
	if s.byName {
		return found[:s.limit], cursorName + names[last]
	}
	return found[:s.limit], cursorID + found[last].ID
}

// selects reports whether the filter selects u, but for the prefix.
func selects(f watchword.UserFilter, u watchword.User) bool {
	return (f.Ranked == nil || *f.Ranked == (u.Staff || u.Superuser)) && (f.Active == nil || *f.Active == u.Active)
}
