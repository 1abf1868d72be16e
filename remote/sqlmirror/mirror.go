package sqlmirror

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/remote"
)

// Flavor names a database engine. The zero value is none.
type Flavor uint8

// The engines. SQLite is 3.35 or newer, and needs a busy timeout in the data
// source where the service writes to the database itself.
const (
	SQLite     Flavor = 1
	PostgreSQL Flavor = 2
)

// String returns the engine's name in lower case.
func (f Flavor) String() string {
	switch f {
	case SQLite:
		return "sqlite"
	case PostgreSQL:
		return "postgresql"
	default:
		return fmt.Sprintf("flavor_%d", uint8(f))
	}
}

// Options change what a mirror keeps. The zero value is safe.
type Options struct {
	// Flags says who is staff and superuser in this service. nil means nobody:
	// those who are at the authority are not thereby trusted here.
	Flags func(u remote.User) (staff, superuser bool)
	// Hooks are called in order, in the transaction that writes a user.
	Hooks []Hook
}

// Mirror keeps users in the table ww_remote_users. Make one with [Open]. It is
// safe for concurrent use, also by several processes over one database.
type Mirror struct {
	db     *sql.DB
	flavor Flavor
	o      Options
}

var (
	_ remote.Users        = (*Mirror)(nil)
	_ remote.UserFinder   = (*Mirror)(nil)
	_ remote.CursorKeeper = (*Mirror)(nil)
	_ remote.UserLister   = (*Mirror)(nil)
)

// Open makes the tables, which begin with "ww_remote_", or brings them to the
// newest schema. db stays the caller's.
func Open(ctx context.Context, db *sql.DB, f Flavor, o Options) (*Mirror, error) {
	if f != SQLite && f != PostgreSQL {
		return nil, fmt.Errorf("open mirror: no such database engine: %v", f)
	}
	if err := migrate(ctx, db, f); err != nil {
		return nil, fmt.Errorf("open mirror: %w", err)
	}
	return &Mirror{db: db, flavor: f, o: o}, nil
}

// rights are the lists of a user, kept as one text: they are read together.
type rights struct {
	Groups      []string `json:"groups"`
	Permissions []string `json:"permissions"`
	Scopes      []string `json:"scopes"`
}

// Upsert writes the user and whatever the hooks keep beside him, all or
// nothing.
func (m *Mirror) Upsert(ctx context.Context, u remote.User) error {
	if u.Issuer == "" || u.ID == "" {
		return fmt.Errorf("%w: a user needs issuer and id", watchword.InvalidRequest)
	}
	lists, err := json.Marshal(rights{u.Groups, u.Permissions, u.Scopes})
	if err != nil {
		return fmt.Errorf("mirror user: %w", err)
	}
	var staff, superuser bool
	if m.o.Flags != nil {
		staff, superuser = m.o.Flags(u)
	}
	return m.transact(ctx, func(tx *sql.Tx) error {
		var local int64
		// The write comes first, so that two who write the same user wait for
		// each other and the hooks of both see whole rows.
		err := tx.QueryRowContext(ctx, upsertUser,
			u.Issuer, u.ID, u.Login, u.Email, u.FirstName, u.LastName, u.Phone, u.Location,
			u.Active, staff, superuser, string(lists), string(u.Extra), string(u.Raw),
			micros(u.CreatedAt), micros(u.LastLoginAt)).Scan(&local)
		if err != nil {
			return err
		}
		for _, h := range m.o.Hooks {
			if h.Upsert == nil {
				continue
			}
			if err := h.Upsert(ctx, tx, local, u); err != nil {
				return err
			}
		}
		return nil
	})
}

const upsertUser = `INSERT INTO ww_remote_users
	(issuer, remote_id, login, email, first_name, last_name, phone, location,
	active, staff, superuser, rights, extra, raw, created_at, last_login_at)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
	ON CONFLICT (issuer, remote_id) DO UPDATE SET
	login = excluded.login, email = excluded.email, first_name = excluded.first_name,
	last_name = excluded.last_name, phone = excluded.phone, location = excluded.location,
	active = excluded.active, staff = excluded.staff, superuser = excluded.superuser,
	rights = excluded.rights, extra = excluded.extra, raw = excluded.raw,
	created_at = excluded.created_at, last_login_at = excluded.last_login_at
	RETURNING id`

// Delete removes the user, after the hooks have removed what is theirs.
func (m *Mirror) Delete(ctx context.Context, issuer, id string) error {
	return m.transact(ctx, func(tx *sql.Tx) error {
		// A write that changes nothing takes the row's lock: no Upsert comes
		// between the hooks and the row.
		var local int64
		err := tx.QueryRowContext(ctx, "UPDATE ww_remote_users SET active = active WHERE issuer = $1 AND remote_id = $2 RETURNING id", issuer, id).Scan(&local)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		for _, h := range m.o.Hooks {
			if h.Delete == nil {
				continue
			}
			if err := h.Delete(ctx, tx, local); err != nil {
				return err
			}
		}
		_, err = tx.ExecContext(ctx, "DELETE FROM ww_remote_users WHERE id = $1", local)
		return err
	})
}

// transact runs do in a transaction. What fails is Unavailable unless it
// carries a code of its own: the user may be written again later.
func (m *Mirror) transact(ctx context.Context, do func(tx *sql.Tx) error) error {
	tx, err := m.db.BeginTx(ctx, nil)
	if err != nil {
		return unavailable(err)
	}
	defer tx.Rollback()
	if err := do(tx); err != nil {
		return unavailable(err)
	}
	return unavailable(tx.Commit())
}

func unavailable(err error) error {
	if err == nil || watchword.CodeOf(err) != watchword.Internal {
		return err
	}
	return fmt.Errorf("%w: mirror: %w", watchword.Unavailable, err)
}

// A Row is a user as this service keeps him.
type Row struct {
	// ID is the local one: positive, and never used again.
	ID int64
	// User is as the authority told, but for Staff and Superuser, which are
	// those of this service.
	User remote.User
}

const selectUser = `SELECT id, issuer, remote_id, login, email, first_name, last_name, phone, location,
	active, staff, superuser, rights, extra, raw, created_at, last_login_at FROM ww_remote_users `

// Row returns the user, or NotFound.
func (m *Mirror) Row(ctx context.Context, issuer, id string) (Row, error) {
	return scan(m.db.QueryRowContext(ctx, selectUser+"WHERE issuer = $1 AND remote_id = $2", issuer, id))
}

// RowByID returns the user with that local id, or NotFound.
func (m *Mirror) RowByID(ctx context.Context, local int64) (Row, error) {
	return scan(m.db.QueryRowContext(ctx, selectUser+"WHERE id = $1", local))
}

// User returns the user, with the flags that he has in this service, or
// NotFound.
func (m *Mirror) User(ctx context.Context, issuer, id string) (remote.User, error) {
	r, err := m.Row(ctx, issuer, id)
	return r.User, err
}

// Rows returns at most limit users whose local id is above after, in the order
// in which they were first seen.
func (m *Mirror) Rows(ctx context.Context, after int64, limit int) ([]Row, error) {
	rows, err := m.db.QueryContext(ctx, selectUser+"WHERE id > $1 ORDER BY id LIMIT $2", after, limit)
	if err != nil {
		return nil, unavailable(err)
	}
	defer rows.Close()
	var list []Row
	for rows.Next() {
		r, err := scan(rows)
		if err != nil {
			return nil, err
		}
		list = append(list, r)
	}
	return list, unavailable(rows.Err())
}

func scan(from interface{ Scan(dest ...any) error }) (Row, error) {
	var r Row
	var lists, extra, raw string
	var created, last int64
	u := &r.User
	err := from.Scan(&r.ID, &u.Issuer, &u.ID, &u.Login, &u.Email, &u.FirstName, &u.LastName, &u.Phone, &u.Location,
		&u.Active, &u.Staff, &u.Superuser, &lists, &extra, &raw, &created, &last)
	if errors.Is(err, sql.ErrNoRows) {
		return Row{}, fmt.Errorf("%w: no such user in the mirror", watchword.NotFound)
	}
	if err != nil {
		return Row{}, unavailable(err)
	}
	var l rights
	if err := json.Unmarshal([]byte(lists), &l); err != nil {
		return Row{}, fmt.Errorf("mirror: rights of user %d: %w", r.ID, err)
	}
	u.Groups, u.Permissions, u.Scopes = l.Groups, l.Permissions, l.Scopes
	if extra != "" {
		u.Extra = json.RawMessage(extra)
	}
	if raw != "" {
		u.Raw = json.RawMessage(raw)
	}
	u.CreatedAt, u.LastLoginAt = timeOf(created), timeOf(last)
	return r, nil
}

// UserIDs returns the remote ids of an authority's users, sorted as text.
func (m *Mirror) UserIDs(ctx context.Context, issuer, after string, limit int) ([]string, error) {
	rows, err := m.db.QueryContext(ctx, "SELECT remote_id FROM ww_remote_users WHERE issuer = $1 AND remote_id > $2 ORDER BY remote_id LIMIT $3", issuer, after, limit)
	if err != nil {
		return nil, unavailable(err)
	}
	defer rows.Close()
	var ids []string
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, unavailable(err)
		}
		ids = append(ids, id)
	}
	return ids, unavailable(rows.Err())
}

// Cursor returns the place up to which the mirror is complete, "" for none.
func (m *Mirror) Cursor(ctx context.Context, issuer string) (string, error) {
	var position string
	err := m.db.QueryRowContext(ctx, "SELECT position FROM ww_remote_cursors WHERE issuer = $1", issuer).Scan(&position)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return position, unavailable(err)
}

// SetCursor keeps the place. It is in the same database as the users, so
// that no crash keeps it and loses one of them.
func (m *Mirror) SetCursor(ctx context.Context, issuer, cursor string) error {
	_, err := m.db.ExecContext(ctx, `INSERT INTO ww_remote_cursors (issuer, position) VALUES ($1, $2)
		ON CONFLICT (issuer) DO UPDATE SET position = excluded.position`, issuer, cursor)
	return unavailable(err)
}

// micros is a time as it is kept: microseconds since 1970, 0 for none.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func timeOf(micros int64) time.Time {
	if micros == 0 {
		return time.Time{}
	}
	return time.UnixMicro(micros).UTC()
}
