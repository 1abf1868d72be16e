package django

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/watchword-auth/watchword"
)

// Flavor names a database engine. The zero value is none.
type Flavor uint8

// The engines whose SQL is spoken here.
const (
	SQLite     Flavor = 1
	PostgreSQL Flavor = 2
)

// Config says where the users are and what may be done with them. Its zero
// value but for Flavor is a new project's auth_user, read and never written.
type Config struct {
	Flavor Flavor
	Table  Table
	// Exact finds users by user name alone, letter for letter, as Django
	// does. Else an e-mail address is a login too, and case does not matter
	// where it leaves no doubt who is meant.
	Exact bool
	// Upgrade lets a sign-in replace a hash by one of the preferred scheme in
	// Django's spelling: the Hasher's Preferred must be one of
	// password.Params.Django. Prefer what Django itself prefers, with its
	// cost, or each of the two undoes what the other has written.
	Upgrade bool
}

// Users are the users of a Django project. Make one with [Open]. Safe for
// concurrent use; it starts nothing and holds nothing but the *sql.DB.
type Users struct {
	db      *sql.DB
	config  Config
	kind    idKind
	queries queries
}

var (
	_ watchword.PasswordUsers = (*Users)(nil)
	_ watchword.HashSampler   = (*Users)(nil)
	_ watchword.HashKeeper    = (*Users)(nil)
	_ watchword.LoginRecorder = Recorder{}
)

// Open looks whether tables and columns are there and may be read, and
// reports everything that is missing at once. db stays the caller's.
func Open(ctx context.Context, db *sql.DB, c Config) (*Users, error) {
	if c.Flavor != SQLite && c.Flavor != PostgreSQL {
		return nil, fmt.Errorf("open users: no such database engine: %d", c.Flavor)
	}
	var err error
	if c.Table, err = c.Table.resolve(); err != nil {
		return nil, fmt.Errorf("open users: %w", err)
	}
	found, err := inspect(ctx, db, c)
	if err != nil {
		return nil, fmt.Errorf("open users: %w", explain(err))
	}
	u := &Users{db: db, config: c, kind: found.kind, queries: makeQueries(c, found)}
	// One row, so that a right that is missing shows now and not at somebody's
	// sign-in.
	if _, err := u.ListUsers(ctx, "", 1); err != nil {
		return nil, fmt.Errorf("open users: %w", err)
	}
	return u, nil
}

// Table returns the table's name.
func (u *Users) Table() string { return u.config.Table.Name }

// KeepsHashes reports whether hashes stay as they are.
func (u *Users) KeepsHashes() bool { return !u.config.Upgrade }

// UserByID returns the user with that id.
func (u *Users) UserByID(ctx context.Context, id string) (watchword.User, error) {
	key, ok := u.kind.read(id)
	if !ok {
		return watchword.User{}, noUser(id)
	}
	found, err := u.query(ctx, u.queries.byID, key)
	if err != nil {
		return watchword.User{}, err
	}
	if len(found) == 0 {
		return watchword.User{}, noUser(id)
	}
	return found[0].User, nil
}

// UserByLogin returns the user whom the login means; the package comment says
// who that is. One query is made whatever comes of it, so that its time does
// not tell who exists.
func (u *Users) UserByLogin(ctx context.Context, login string) (watchword.User, string, error) {
	asked := login
	if !utf8.ValidString(login) || strings.ContainsRune(login, 0) {
		asked = "" // PostgreSQL refuses such text; it is nobody's
	}
	found, err := u.query(ctx, u.queries.byLogin, asked)
	if err != nil {
		return watchword.User{}, "", err
	}
	if asked != login || login == "" {
		found = nil
	}
	row, ok := meant(found, login)
	if !ok {
		return watchword.User{}, "", noUser(login)
	}
	return row.User, row.hash, nil
}

// meant chooses among the rows that the database found for a login.
func meant(found []row, login string) (row, bool) {
	for _, r := range found {
		if r.Login == login {
			return r, true
		}
	}
	folded := watchword.FoldLogin(login)
	found = slices.DeleteFunc(found, func(r row) bool {
		return watchword.FoldLogin(r.Login) != folded && watchword.FoldLogin(r.Email) != folded
	})
	// Two people with one address, or with names that differ in case alone:
	// whoever of them is meant, the other must not be signed in by it.
	if len(found) != 1 {
		return row{}, false
	}
	return found[0], true
}

// ListUsers returns at most limit users whose id comes after the given one;
// "" starts at the first.
func (u *Users) ListUsers(ctx context.Context, after string, limit int) ([]watchword.User, error) {
	if limit <= 0 {
		limit = 100
	}
	query, args := u.queries.first, []any{limit}
	if after != "" {
		key, ok := u.kind.read(after)
		if !ok {
			return nil, noUser(after)
		}
		query, args = u.queries.after, []any{limit, key}
	}
	found, err := u.query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	users := make([]watchword.User, len(found))
	for i, r := range found {
		users[i] = r.User
	}
	return users, nil
}

// HashSamples returns one hash of each scheme and cost. It reads the whole
// table, in the database: about a second for a million users.
func (u *Users) HashSamples(ctx context.Context) ([]string, error) {
	rows, err := u.db.QueryContext(ctx, u.queries.samples)
	if err != nil {
		return nil, explain(err)
	}
	defer func() { _ = rows.Close() }() // read only
	var samples []string
	seen := make(map[string]bool)
	for rows.Next() {
		var hash sql.NullString
		if err := rows.Scan(&hash); err != nil {
			return nil, explain(err)
		}
		if class := watchword.HashClass(hash.String); class != "" && !seen[class] {
			seen[class] = true
			samples = append(samples, hash.String)
		}
	}
	return samples, explain(rows.Err())
}

// row is a user with his hash.
type row struct {
	watchword.User
	hash string
}

// query reads users by one of the queries for them.
func (u *Users) query(ctx context.Context, query string, args ...any) ([]row, error) {
	rows, err := u.db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, explain(err)
	}
	defer func() { _ = rows.Close() }() // read only
	var found []row
	for rows.Next() {
		r, err := scan(rows)
		if err != nil {
			return nil, explain(err)
		}
		found = append(found, r)
	}
	return found, explain(rows.Err())
}

// scan reads the columns of makeQueries.
func scan(rows *sql.Rows) (row, error) {
	var (
		r                                             row
		id, login, hash, email, first, last, gs, perm sql.NullString
		active, staff, superuser                      sql.NullBool
		joined, seen                                  instant
	)
	err := rows.Scan(&id, &login, &hash, &email, &first, &last, &active, &staff, &superuser, &joined, &seen, &gs, &perm)
	if err != nil {
		return row{}, err
	}
	r.hash = hash.String
	r.User = watchword.User{
		ID: id.String, Login: login.String, Email: email.String, FirstName: first.String, LastName: last.String,
		// A superuser has every permission in Django without having one: only
		// the flag is carried on. What it is to mean here is for policies to
		// say, not for a token with all the permissions of a project.
		Active: active.Bool, Staff: staff.Bool, Superuser: superuser.Bool,
		CreatedAt: time.Time(joined), LastLoginAt: time.Time(seen),
	}
	r.Version = version(r.ID, r.hash, r.Active)
	if r.Groups, err = texts(gs); err != nil {
		return row{}, fmt.Errorf("groups of user %s: %w", r.ID, err)
	}
	if r.Permissions, err = texts(perm); err != nil {
		return row{}, fmt.Errorf("permissions of user %s: %w", r.ID, err)
	}
	return r, nil
}

// texts reads an array that the database made, sorted.
func texts(array sql.NullString) ([]string, error) {
	var list []string
	if array.String != "" {
		if err := json.Unmarshal([]byte(array.String), &list); err != nil {
			return nil, err
		}
	}
	if len(list) == 0 {
		return nil, nil
	}
	slices.Sort(list)
	return list, nil
}

// version is a digest of what ends a user's sessions when it changes. It
// stands beside the sessions, where it tells nothing: the hash has a salt.
func version(id, hash string, active bool) int64 {
	sum := sha256.Sum256(fmt.Appendf(nil, "watchword user version\x00%s\x00%s\x00%t", id, hash, active))
	// Positive and never 0, which means none.
	return max(1, int64(binary.BigEndian.Uint64(sum[:])>>1))
}

func noUser(name string) error { return fmt.Errorf("%w: user %q", watchword.NotFound, name) }

// errKept is what a write gets that was not allowed.
var errKept = errors.New("django: the users are another system's to change")
