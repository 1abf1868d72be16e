package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/watchword-auth/watchword"
)

// Sets of values are looked up so many at a time, as prepared statements
// have a fixed number of places.
const (
	setSize = 64

	placesOf16 = `?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?`
	placesOf64 = `(` + placesOf16 + `, ` + placesOf16 + `, ` + placesOf16 + `, ` + placesOf16 + `)`
)

const (
	selectImports = `SELECT key, user_id, digest FROM ww_imports WHERE source = ? AND key IN ` + placesOf64

	selectUsersAmong = `SELECT ` + userColumns + `, u.password_hash FROM ww_users u WHERE u.id IN ` + placesOf64

	selectGoneAmong = `SELECT id FROM ww_gone_users WHERE id IN ` + placesOf64

	selectNamesAmong = `SELECT name, user_id FROM ww_names WHERE name IN ` + placesOf64

	insertImport = `INSERT INTO ww_imports (source, key, user_id, digest) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`

	putImport = `INSERT INTO ww_imports (source, key, user_id, digest) VALUES (?, ?, ?, ?)
		ON CONFLICT (source, key) DO UPDATE SET user_id = excluded.user_id, digest = excluded.digest`

	insertUserAnew = `INSERT INTO ww_users (id, login, email, first_name, last_name, phone, location, active, staff, superuser,
		created_at, last_login_at, user_groups, permissions, scopes, extra, version, password_hash, hash_class)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING id`

	insertNameAnew = `INSERT INTO ww_names (name, user_id) VALUES (?, ?) ON CONFLICT DO NOTHING`
)

// among calls scan for every row that text finds for one of the values. text
// ends in placesOf64; fixed are its places before that.
func among[T any](ctx context.Context, q *statements, scan func(scanner) error, text string, values []T, fixed ...any) error {
	for len(values) > 0 {
		args := append(make([]any, 0, len(fixed)+setSize), fixed...)
		for i := range setSize {
			args = append(args, values[min(i, len(values)-1)]) // the last one again finds nothing more
		}
		if err := q.each(ctx, scan, text, args...); err != nil {
			return err
		}
		values = values[min(setSize, len(values)):]
	}
	return nil
}

// MatchImports returns what is here of each user.
func (d *DB) MatchImports(ctx context.Context, source string, users []watchword.ImportedUser) ([]watchword.ImportMatch, error) {
	wanted, err := wantedIDs(users)
	if err != nil {
		return nil, err
	}
	var found *importMatches
	err = d.read(ctx, func(ctx context.Context, q *statements) error {
		found = newImportMatches()
		return found.read(ctx, q, source, users, wanted)
	})
	if err != nil {
		return nil, err
	}
	return found.of(users, wanted), nil
}

// importMatches is what was found for a number of users, by what it was
// looked for.
type importMatches struct {
	known  map[string]watchword.Import
	users  map[int64]watchword.User
	hashes map[int64]string
	gone   map[int64]bool
	names  map[string]int64
}

func newImportMatches() *importMatches {
	return &importMatches{
		known: make(map[string]watchword.Import), users: make(map[int64]watchword.User),
		hashes: make(map[int64]string), gone: make(map[int64]bool), names: make(map[string]int64),
	}
}

func (m *importMatches) read(ctx context.Context, q *statements, source string, users []watchword.ImportedUser, wanted []int64) error {
	var keys, names []string
	for _, u := range users {
		keys = append(keys, u.Key)
		names = append(names, folded(u.User)...)
	}
	err := among(ctx, q, func(row scanner) error {
		var i watchword.Import
		var id int64
		err := row.Scan(&i.Key, &id, &i.Digest)
		i.UserID = formatID(id)
		m.known[i.Key] = i
		return err
	}, selectImports, keys, source)
	if err != nil {
		return err
	}
	ids := m.ids(users, wanted)
	err = among(ctx, q, func(row scanner) error {
		var hash string
		u, err := scanUser(row, &hash)
		id, _ := parseID(u.ID)
		m.users[id], m.hashes[id] = u, hash
		return err
	}, selectUsersAmong, ids)
	if err != nil {
		return err
	}
	err = among(ctx, q, func(row scanner) error {
		var id int64
		err := row.Scan(&id)
		m.gone[id] = true
		return err
	}, selectGoneAmong, ids)
	if err != nil {
		return err
	}
	return among(ctx, q, func(row scanner) error {
		var name string
		var id int64
		err := row.Scan(&name, &id)
		m.names[name] = id
		return err
	}, selectNamesAmong, names)
}

// ids returns the ids to look for.
func (m *importMatches) ids(users []watchword.ImportedUser, wanted []int64) []int64 {
	var ids []int64
	for i, u := range users {
		if id := m.id(u, wanted[i]); id != 0 {
			ids = append(ids, id)
		}
	}
	return ids
}

// id is that of the user who was made from u before, or else the one wanted.
func (m *importMatches) id(u watchword.ImportedUser, wanted int64) int64 {
	if known, ok := m.known[u.Key]; ok {
		wanted, _ = parseID(known.UserID)
	}
	return wanted
}

// of arranges what was found in the order of users.
func (m *importMatches) of(users []watchword.ImportedUser, wanted []int64) []watchword.ImportMatch {
	matches := make([]watchword.ImportMatch, len(users))
	for i, u := range users {
		id := m.id(u, wanted[i])
		matches[i] = watchword.ImportMatch{
			Known: m.known[u.Key], User: m.users[id], PasswordHash: m.hashes[id], Gone: m.gone[id],
			LoginOf: m.owner(u.Login), EmailOf: m.owner(u.Email),
		}
	}
	return matches
}

func (m *importMatches) owner(name string) string {
	if id, ok := m.names[watchword.FoldLogin(name)]; ok {
		return formatID(id)
	}
	return ""
}

// wantedIDs returns the ids that users ask for, 0 for the next free one.
func wantedIDs(users []watchword.ImportedUser) ([]int64, error) {
	ids := make([]int64, len(users))
	for i, u := range users {
		if u.Key == "" {
			return nil, fmt.Errorf("%w: user %q comes without a key", watchword.InvalidRequest, u.Login)
		}
		if u.ID == "" {
			continue
		}
		var ok bool
		if ids[i], ok = parseID(u.ID); !ok {
			return nil, errBadID(u.ID)
		}
	}
	return ids, nil
}

// ImportUsers keeps the users, all or none.
func (d *DB) ImportUsers(ctx context.Context, source string, users []watchword.ImportedUser) ([]watchword.User, error) {
	wanted, err := wantedIDs(users)
	if err != nil {
		return nil, err
	}
	made := make([]watchword.User, len(users))
	err = d.write(ctx, func(ctx context.Context, q *statements) error {
		err := among(ctx, q, func(row scanner) error {
			var id int64
			err := row.Scan(&id)
			return errors.Join(err, errIDTaken(id))
		}, selectGoneAmong, wanted)
		if err != nil {
			return err
		}
		for i, u := range users {
			if made[i], err = importUser(ctx, q, source, u, wanted[i]); err != nil {
				return err
			}
		}
		if len(made) == 0 {
			return nil
		}
		return appendFact(ctx, q, importFact(made, today()))
	})
	if err != nil {
		return nil, err
	}
	return made, nil
}

// importUser is CreateUser without asking first: a million users are not
// asked for what the tables themselves refuse.
func importUser(ctx context.Context, q *statements, source string, n watchword.ImportedUser, id int64) (watchword.User, error) {
	u, _, err := firstUser(n.NewUser)
	if err != nil {
		return watchword.User{}, err
	}
	wanted := sql.NullInt64{Int64: id, Valid: id != 0}
	err = q.row(ctx, insertUserAnew, wanted, u.Login, u.Email, u.FirstName, u.LastName, u.Phone, u.Location,
		u.Active, u.Staff, u.Superuser, instant(u.CreatedAt), instant(u.LastLoginAt), list(u.Groups),
		list(u.Permissions), list(u.Scopes), u.Extra, u.Version, n.PasswordHash, hashClass(n.PasswordHash)).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return watchword.User{}, errIDTaken(id)
	}
	if err != nil {
		return watchword.User{}, err
	}
	u.ID = formatID(id)
	for _, name := range folded(u) {
		written, err := q.exec(ctx, insertNameAnew, name, id)
		if err == nil && written == 0 {
			err = errTaken()
		}
		if err != nil {
			return watchword.User{}, err
		}
	}
	written, err := q.exec(ctx, insertImport, source, n.Key, id, n.Digest)
	if err == nil && written == 0 {
		err = errKeyTaken(n.Key)
	}
	return u, err
}

func errKeyTaken(key string) error {
	return fmt.Errorf("%w: user %q was taken over before", watchword.Conflict, key)
}

// NoteImports remembers keys of users who are here.
func (d *DB) NoteImports(ctx context.Context, source string, notes []watchword.Import) error {
	return d.write(ctx, func(ctx context.Context, q *statements) error {
		for _, n := range notes {
			id, ok := parseID(n.UserID)
			if !ok {
				return errBadID(n.UserID)
			}
			if _, err := q.exec(ctx, putImport, source, n.Key, id, n.Digest); err != nil {
				return err
			}
		}
		return nil
	})
}

// SkipUserIDs has ids of later users come after last.
func (d *DB) SkipUserIDs(ctx context.Context, last int64) error {
	return d.write(ctx, func(ctx context.Context, q *statements) error {
		if err := jump(ctx, q, "ww_users", 0); err != nil { // now there is a row
			return err
		}
		_, err := q.exec(ctx, `UPDATE sqlite_sequence SET seq = ? WHERE name = 'ww_users' AND seq < ?`, last, last)
		return err
	})
}
