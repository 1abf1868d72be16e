package store

import (
	"context"

	"github.com/watchword-auth/watchword"
)

// The conditions are those of the partial indexes, word for word, so that
// SQLite uses them.
const (
	whereRanked    = ` AND (u.staff <> 0 OR u.superuser <> 0)`
	whereNotRanked = ` AND NOT (u.staff <> 0 OR u.superuser <> 0)`
	whereActive    = ` AND u.active <> 0`
	whereInactive  = ` AND u.active = 0`
	// With the plus it matches no index: the one of staff is the shorter.
	whereInactiveToo = ` AND +u.active = 0`
)

const (
	searchByID = `SELECT ` + userColumns + ` FROM ww_users u WHERE u.id > ?`

	withName = ` AND EXISTS (SELECT 1 FROM ww_names n WHERE n.user_id = u.id AND n.name >= ? AND n.name < ?)`

	// A user whose login and address both begin so is found by the lesser.
	searchByName = `SELECT ` + userColumns + `, n.name FROM ww_names n JOIN ww_users u ON u.id = n.user_id
		WHERE n.name >= ? AND n.name < ? AND NOT EXISTS (
			SELECT 1 FROM ww_names m WHERE m.user_id = n.user_id AND m.name >= ? AND m.name < n.name)`
)

// FindUsers returns a page of users: in order of their names where a prefix is
// asked for, else of their ids.
func (d *DB) FindUsers(ctx context.Context, f watchword.UserFilter) ([]watchword.User, string, error) {
	s, err := newSearch(f)
	if err != nil {
		return nil, "", err
	}
	if s.either {
		if s.byName, err = d.namesAreFewer(ctx, s, f); err != nil {
			return nil, "", err
		}
	}
	var text string
	var args []any
	switch {
	case s.byName:
		text, args = searchByName, []any{s.fromName, s.endName, s.prefix}
	case s.prefix != "":
		text, args = searchByID+withName, []any{s.afterID, s.prefix, s.endName}
	default:
		text, args = searchByID, []any{s.afterID}
	}
	inactive := whereInactive
	if f.Ranked != nil && *f.Ranked {
		inactive = whereInactiveToo
	}
	text += either(f.Ranked, whereRanked, whereNotRanked) + either(f.Active, whereActive, inactive)
	if s.byName {
		text += ` ORDER BY n.name LIMIT ?`
	} else {
		text += ` ORDER BY u.id LIMIT ?`
	}
	var found []watchword.User
	var names []string
	err = d.read(ctx, func(ctx context.Context, q *statements) error {
		return q.each(ctx, func(row scanner) error {
			var name string
			var further []any
			if s.byName {
				further = []any{&name}
			}
			u, err := scanUser(row, further...)
			found, names = append(found, u), append(names, name)
			return err
		}, text, append(args, s.limit+1)...)
	})
	if err != nil {
		return nil, "", err
	}
	found, next := s.page(found, names)
	return found, next, nil
}

const (
	countNames = `SELECT count(*) FROM (SELECT 1 FROM ww_names WHERE name >= ? AND name < ? LIMIT ?)`
	countUsers = `SELECT count(*) FROM (SELECT 1 FROM ww_users u WHERE u.id > 0`
)

// probe is how far is counted to find out which way is shorter: past it both
// are long, and a page is full early.
const probe = 20_000

// namesAreFewer reports whether fewer names have the prefix than users are in
// the part that is wanted.
func (d *DB) namesAreFewer(ctx context.Context, s search, f watchword.UserFilter) (bool, error) {
	part := whereInactive
	if f.Ranked != nil && *f.Ranked {
		part = whereRanked
	}
	var names, users int
	err := d.read(ctx, func(ctx context.Context, q *statements) error {
		if err := q.row(ctx, countNames, s.prefix, s.endName, probe).Scan(&names); err != nil {
			return err
		}
		return q.row(ctx, countUsers+part+` LIMIT ?)`, probe).Scan(&users)
	})
	return names < users, err
}

// either returns the text for a wish that is perhaps none.
func either(wish *bool, yes, no string) string {
	switch {
	case wish == nil:
		return ""
	case *wish:
		return yes
	default:
		return no
	}
}
