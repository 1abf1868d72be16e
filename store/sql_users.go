package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/watchword-auth/watchword"
)

const (
	userColumns = `u.id, u.login, u.email, u.first_name, u.last_name, u.phone, u.location, u.active, u.staff, u.superuser,
		u.created_at, u.last_login_at, u.user_groups, u.permissions, u.scopes, u.extra, u.version`

	selectUser = `SELECT ` + userColumns + ` FROM ww_users u WHERE u.id = ?`

	selectByLogin = `SELECT ` + userColumns + `, u.password_hash
		FROM ww_names n JOIN ww_users u ON u.id = n.user_id WHERE n.name = ?`

	selectUsers = `SELECT ` + userColumns + ` FROM ww_users u WHERE u.id > ? ORDER BY u.id LIMIT ?`

	insertUser = `INSERT INTO ww_users (id, login, email, first_name, last_name, phone, location, active, staff, superuser,
		created_at, last_login_at, user_groups, permissions, scopes, extra, version, password_hash, hash_class)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id`

	updateUser = `UPDATE ww_users SET login = ?, email = ?, first_name = ?, last_name = ?, phone = ?, location = ?,
		active = ?, staff = ?, superuser = ?, user_groups = ?, permissions = ?, scopes = ?, extra = ?, version = ?
		WHERE id = ?`

	updateHash = `UPDATE ww_users SET password_hash = ?, hash_class = ? WHERE id = ?`

	// selectSamples hops through the index from class to class: classes are
	// few, users many.
	selectSamples = `WITH RECURSIVE classes (class) AS (
			SELECT min(hash_class) FROM ww_users WHERE hash_class > ''
			UNION ALL
			SELECT (SELECT min(hash_class) FROM ww_users WHERE hash_class > class) FROM classes WHERE class IS NOT NULL
		)
		SELECT (SELECT password_hash FROM ww_users WHERE hash_class = class LIMIT 1) FROM classes WHERE class IS NOT NULL`
)

// scanUser reads userColumns, and into further places what follows.
func scanUser(row scanner, further ...any) (watchword.User, error) {
	var u watchword.User
	var id int64
	err := row.Scan(append([]any{
		&id, &u.Login, &u.Email, &u.FirstName, &u.LastName, &u.Phone, &u.Location, &u.Active, &u.Staff, &u.Superuser,
		(*instant)(&u.CreatedAt), (*instant)(&u.LastLoginAt), (*list)(&u.Groups), (*list)(&u.Permissions),
		(*list)(&u.Scopes), &u.Extra, &u.Version,
	}, further...)...)
	u.ID = formatID(id)
	return u, err
}

// UserByID returns the user with that id.
func (d *DB) UserByID(ctx context.Context, id string) (watchword.User, error) {
	var u watchword.User
	err := d.read(ctx, func(ctx context.Context, q *statements) (err error) {
		u, err = userByID(ctx, q, id)
		return err
	})
	if err != nil {
		return watchword.User{}, err
	}
	return u, nil
}

func userByID(ctx context.Context, q *statements, id string) (watchword.User, error) {
	n, ok := parseID(id)
	if !ok {
		return watchword.User{}, noUser(id)
	}
	u, err := scanUser(q.row(ctx, selectUser, n))
	if errors.Is(err, sql.ErrNoRows) {
		return watchword.User{}, noUser(id)
	}
	return u, err
}

// UserByLogin returns the user with that login or e-mail address.
func (d *DB) UserByLogin(ctx context.Context, login string) (watchword.User, string, error) {
	var u watchword.User
	var hash string
	err := d.read(ctx, func(ctx context.Context, q *statements) (err error) {
		u, err = scanUser(q.row(ctx, selectByLogin, watchword.FoldLogin(login)), &hash)
		return err
	})
	if errors.Is(err, sql.ErrNoRows) {
		return watchword.User{}, "", noUser(login)
	}
	if err != nil {
		return watchword.User{}, "", err
	}
	return u, hash, nil
}

// SwapPasswordHash replaces the hash where old still stands.
func (d *DB) SwapPasswordHash(ctx context.Context, id, old, new string) error {
	n, ok := parseID(id)
	if !ok {
		return noUser(id)
	}
	return d.write(ctx, func(ctx context.Context, q *statements) error {
		var now string
		err := q.row(ctx, `SELECT password_hash FROM ww_users WHERE id = ?`, n).Scan(&now)
		if errors.Is(err, sql.ErrNoRows) {
			return noUser(id)
		}
		if err != nil {
			return err
		}
		if now != old {
			return errHashMoved(id)
		}
		_, err = q.exec(ctx, updateHash, new, hashClass(new), n)
		return err
	})
}

// hashClass is the class of a hash, "" where there is none.
func hashClass(hash string) string {
	if hash == "" {
		return ""
	}
	return watchword.HashClass(hash)
}

// HashSamples returns one hash of every class.
func (d *DB) HashSamples(ctx context.Context) ([]string, error) {
	var samples []string
	err := d.read(ctx, func(ctx context.Context, q *statements) error {
		return q.each(ctx, func(row scanner) error {
			var hash string
			err := row.Scan(&hash)
			samples = append(samples, hash)
			return err
		}, selectSamples)
	})
	if err != nil {
		return nil, err
	}
	return samples, nil
}

// RecordLogin keeps the time of the user's last sign-in.
func (d *DB) RecordLogin(ctx context.Context, id string, at time.Time) error {
	n, ok := parseID(id)
	if !ok {
		return noUser(id)
	}
	return d.write(ctx, func(ctx context.Context, q *statements) error {
		changed, err := q.exec(ctx, `UPDATE ww_users SET last_login_at = ? WHERE id = ?`, instant(stamp(at)), n)
		if err == nil && changed == 0 {
			return noUser(id)
		}
		return err
	})
}

// CreateUser keeps the user under the next id, or under the one that n has:
// that is for imports, and Conflict where the id is taken or was ever.
// A zero CreatedAt means now.
func (d *DB) CreateUser(ctx context.Context, n watchword.NewUser) (watchword.User, error) {
	u, id, err := firstUser(n)
	if err != nil {
		return watchword.User{}, err
	}
	wanted := sql.NullInt64{Int64: id, Valid: id != 0} // NULL: the next free one
	err = d.write(ctx, func(ctx context.Context, q *statements) error {
		if wanted.Valid {
			var taken bool
			err := q.row(ctx, `SELECT EXISTS (SELECT 1 FROM ww_users WHERE id = ?) OR EXISTS (SELECT 1 FROM ww_gone_users WHERE id = ?)`,
				wanted.Int64, wanted.Int64).Scan(&taken)
			if err != nil {
				return err
			}
			if taken {
				return errIDTaken(wanted.Int64)
			}
		}
		if err := namesFree(ctx, q, u, 0); err != nil {
			return err
		}
		err := q.row(ctx, insertUser, wanted, u.Login, u.Email, u.FirstName, u.LastName, u.Phone, u.Location,
			u.Active, u.Staff, u.Superuser, instant(u.CreatedAt), instant(u.LastLoginAt), list(u.Groups),
			list(u.Permissions), list(u.Scopes), u.Extra, u.Version, n.PasswordHash, hashClass(n.PasswordHash)).Scan(&id)
		if err != nil {
			return err
		}
		if err := putNames(ctx, q, u, id); err != nil {
			return err
		}
		return appendFact(ctx, q, profileFact(formatID(id), today()))
	})
	if err != nil {
		return watchword.User{}, err
	}
	u.ID = formatID(id)
	return u, nil
}

// namesFree returns Conflict where one of u's names belongs to somebody else
// than the user id.
func namesFree(ctx context.Context, q *statements, u watchword.User, id int64) error {
	for _, name := range folded(u) {
		var taken bool
		err := q.row(ctx, `SELECT EXISTS (SELECT 1 FROM ww_names WHERE name = ? AND user_id <> ?)`, name, id).Scan(&taken)
		if err != nil {
			return err
		}
		if taken {
			return errTaken()
		}
	}
	return nil
}

func putNames(ctx context.Context, q *statements, u watchword.User, id int64) error {
	for _, name := range folded(u) {
		if _, err := q.exec(ctx, `INSERT INTO ww_names (name, user_id) VALUES (?, ?)`, name, id); err != nil {
			return err
		}
	}
	return nil
}

// UpdateUser changes the user and ends what no longer counts.
func (d *DB) UpdateUser(ctx context.Context, id string, c watchword.UserChange, keep int64, until, at time.Time) (watchword.User, error) {
	var next watchword.User
	err := d.write(ctx, func(ctx context.Context, q *statements) error {
		u, err := userByID(ctx, q, id)
		if err != nil {
			return err
		}
		if !decidedOn(c, u) {
			return errUserChanged(id)
		}
		next = changed(u, c)
		if mustNotBeLast(c, u, next) {
			if err := otherSuperuser(ctx, q, id); err != nil {
				return err
			}
		}
		if err := replaceUser(ctx, q, next, c.PasswordHash); err != nil {
			return err
		}
		if ends(c) {
			keep := kept(c, keep)
			if err := carry(ctx, q, keep, u, next.Version); err != nil {
				return err
			}
			if _, err := endUser(ctx, q, id, keep, until, at); err != nil {
				return err
			}
		}
		if c.Rights() {
			if _, err := factsWhere(ctx, q, sessionsOfUser, claimsFact("", 0, until, at), id, 0); err != nil {
				return err
			}
			if err := appendFact(ctx, q, claimsFact(id, 0, until, at)); err != nil {
				return err
			}
		}
		return appendFact(ctx, q, profileFact(id, at))
	})
	if err != nil {
		return watchword.User{}, err
	}
	return next, nil
}

// countSuperusers goes by the index of those with a rank, who are few.
const countSuperusers = `SELECT count(*) FROM (SELECT 1 FROM ww_users
	WHERE (staff <> 0 OR superuser <> 0) AND superuser <> 0 AND active <> 0 AND id <> ? LIMIT 1)`

// otherSuperuser refuses with PermissionDenied where nobody else is an active
// superuser.
func otherSuperuser(ctx context.Context, q *statements, id string) error {
	n, _ := parseID(id)
	var others int
	if err := q.row(ctx, countSuperusers, n).Scan(&others); err != nil {
		return err
	}
	if others == 0 {
		return errLastSuperuser()
	}
	return nil
}

// replaceUser writes u and his names, and his hash where there is a new one.
func replaceUser(ctx context.Context, q *statements, u watchword.User, hash *string) error {
	id, _ := parseID(u.ID)
	if err := namesFree(ctx, q, u, id); err != nil {
		return err
	}
	if _, err := q.exec(ctx, `DELETE FROM ww_names WHERE user_id = ?`, id); err != nil {
		return err
	}
	if err := putNames(ctx, q, u, id); err != nil {
		return err
	}
	_, err := q.exec(ctx, updateUser, u.Login, u.Email, u.FirstName, u.LastName, u.Phone, u.Location, u.Active, u.Staff,
		u.Superuser, list(u.Groups), list(u.Permissions), list(u.Scopes), u.Extra, u.Version, id)
	if err == nil && hash != nil {
		_, err = q.exec(ctx, updateHash, *hash, hashClass(*hash), id)
	}
	return err
}

// carry takes the session that outlives the change to the user's next
// version; else it would end at its next refresh.
func carry(ctx context.Context, q *statements, number int64, u watchword.User, version int64) error {
	if number == 0 {
		return nil
	}
	id, _ := parseID(u.ID)
	_, err := q.exec(ctx, `UPDATE ww_sessions SET user_version = ?
		WHERE number = ? AND own_user = ? AND user_version = ? AND ended_at IS NULL`, version, number, id, u.Version)
	return err
}

// DeleteUser removes the user and ends his sessions.
func (d *DB) DeleteUser(ctx context.Context, id string, until, at time.Time) error {
	return d.write(ctx, func(ctx context.Context, q *statements) error {
		if _, err := userByID(ctx, q, id); err != nil {
			return err
		}
		n, _ := parseID(id)
		for _, text := range []string{
			`DELETE FROM ww_names WHERE user_id = ?`,
			`DELETE FROM ww_users WHERE id = ?`,
			`INSERT INTO ww_gone_users (id) VALUES (?)`,
		} {
			if _, err := q.exec(ctx, text, n); err != nil {
				return err
			}
		}
		if _, err := endUser(ctx, q, id, 0, until, at); err != nil {
			return err
		}
		return appendFact(ctx, q, profileFact(id, at))
	})
}

// ListUsers returns users in order of their ids.
func (d *DB) ListUsers(ctx context.Context, after string, limit int) ([]watchword.User, error) {
	first, err := listAfter(after)
	if err != nil {
		return nil, err
	}
	var found []watchword.User
	err = d.read(ctx, func(ctx context.Context, q *statements) error {
		return q.each(ctx, func(row scanner) error {
			u, err := scanUser(row)
			found = append(found, u)
			return err
		}, selectUsers, first, limitOr(limit))
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}
