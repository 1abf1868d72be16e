package manage

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/mirror"
	"github.com/watchword-auth/watchword/password"
)

// UserPage is a page of users and where the next one begins, "" after the
// last.
type UserPage struct {
	Users []watchword.User
	Next  string
}

// maxPage bounds every page.
const maxPage = 500

// page returns the length of a page of which so many were asked for.
func page(limit int) int {
	if limit <= 0 {
		return 100
	}
	return min(limit, maxPage)
}

// FindUsers returns a page of users. At most 500 are on it, 100 where
// f.Limit is 0.
func (m *Actions) FindUsers(ctx context.Context, by Actor, f watchword.UserFilter) (UserPage, error) {
	if err := m.demand(ctx, by, ViewUsers); err != nil {
		return UserPage{}, err
	}
	f.Limit = page(f.Limit)
	searcher, ok := m.o.Users.(watchword.UserSearcher)
	if !ok {
		return m.listUsers(ctx, f)
	}
	users, next, err := searcher.FindUsers(ctx, f)
	if err != nil {
		return UserPage{}, fmt.Errorf("find users: %w", err)
	}
	return UserPage{Users: users, Next: next}, nil
}

// listUsers does what can be done where users cannot be searched, such as in
// another system's table: it lists them in order, filtered page by page, so
// that a page may be short; instead of a prefix it takes a whole name.
func (m *Actions) listUsers(ctx context.Context, f watchword.UserFilter) (UserPage, error) {
	var p UserPage
	var err error
	if f.Prefix != "" {
		named, ok := m.o.Users.(watchword.PasswordUsers)
		if !ok {
			return p, missing("users are kept where they cannot be searched")
		}
		var u watchword.User
		u, _, err = named.UserByLogin(ctx, f.Prefix)
		if errors.Is(err, watchword.NotFound) {
			return p, nil
		}
		p.Users = []watchword.User{u}
	} else {
		lister, ok := m.o.Users.(interface {
			ListUsers(ctx context.Context, after string, limit int) ([]watchword.User, error)
		})
		if !ok {
			return p, missing("users are kept where they cannot be listed")
		}
		p.Users, err = lister.ListUsers(ctx, f.After, f.Limit)
		if len(p.Users) == f.Limit {
			p.Next = p.Users[f.Limit-1].ID
		}
	}
	if err != nil {
		return UserPage{}, fmt.Errorf("find users: %w", err)
	}
	p.Users = slices.DeleteFunc(p.Users, func(u watchword.User) bool {
		return f.Ranked != nil && *f.Ranked != (u.Staff || u.Superuser) || f.Active != nil && *f.Active != u.Active
	})
	return p, nil
}

// User returns a user by id.
func (m *Actions) User(ctx context.Context, by Actor, id string) (watchword.User, error) {
	if err := m.demand(ctx, by, ViewUsers); err != nil {
		return watchword.User{}, err
	}
	return m.user(ctx, id)
}

func (m *Actions) user(ctx context.Context, id string) (watchword.User, error) {
	u, err := m.o.Users.UserByID(ctx, id)
	if err != nil {
		return watchword.User{}, fmt.Errorf("read user: %w", err)
	}
	return u, nil
}

// admin returns what keeps the users, where they can be changed.
func (m *Actions) admin() (watchword.UserAdmin, error) {
	admin, ok := m.o.Users.(watchword.UserAdmin)
	if !ok {
		return nil, &watchword.PolicyError{
			Code: watchword.PermissionDenied, Message: "users are kept in another system's table, and are changed there",
		}
	}
	return admin, nil
}

// NewUser is a user to be made, with a password or without.
type NewUser struct {
	watchword.User
	Password string
	// PasswordHash is the command line's alone, in place of Password.
	PasswordHash string
}

// CreateUser makes a user. ID, Version and CreatedAt are set by the store.
// Errors: an [InputError] with everything that is wrong, PasswordWeak,
// Conflict where login or e-mail address is taken, PermissionDenied.
func (m *Actions) CreateUser(ctx context.Context, by Actor, n NewUser) (watchword.User, error) {
	if err := m.demand(ctx, by, AddUsers); err != nil {
		return watchword.User{}, err
	}
	admin, err := m.admin()
	if err != nil {
		return watchword.User{}, err
	}
	if m.o.Upstream != "" && !by.Operator {
		return watchword.User{}, &watchword.PolicyError{
			Code: watchword.PermissionDenied, Message: "users come from the authority " + m.o.Upstream + ", and are added there",
		}
	}
	if err := CheckUser(n.User); err != nil {
		return watchword.User{}, err
	}
	given := changeTo(n.User)
	given.Extra = &n.Extra
	if why := m.gives(by, watchword.User{}, given); why != "" {
		return watchword.User{}, m.deny(ctx, by, watchword.User{Login: n.Login}, why)
	}
	hash, err := m.newHash(ctx, by, n)
	if err != nil {
		return watchword.User{}, err
	}
	now := m.o.Now()
	u := n.User
	u.ID, u.Version, u.CreatedAt = "", 0, now
	u, err = admin.CreateUser(ctx, watchword.NewUser{User: u, PasswordHash: hash})
	if err != nil {
		return watchword.User{}, fmt.Errorf("add user: %w", err)
	}
	m.record(ctx, by, watchword.Event{Kind: watchword.UserChanged, At: now, UserID: u.ID, Login: u.Login, Detail: "added"})
	return u, nil
}

// newHash returns the hash of a new user's password.
func (m *Actions) newHash(ctx context.Context, by Actor, n NewUser) (string, error) {
	switch {
	case n.PasswordHash != "" && !by.Operator:
		return "", invalid("password_hash", "only the command line takes one")
	case n.PasswordHash != "" || n.Password == "":
		return n.PasswordHash, nil
	default:
		return m.hash(ctx, n.Login, n.Password)
	}
}

// hash judges and hashes a password.
func (m *Actions) hash(ctx context.Context, login, new string) (string, error) {
	if err := watchword.CheckPassword(new, login); err != nil {
		return "", err
	}
	hash, err := m.o.Hasher.Hash(ctx, new)
	var busy *password.BusyError
	switch {
	case errors.Is(err, password.ErrTooLong), errors.Is(err, password.ErrNUL):
		return "", fmt.Errorf("%w: %w", watchword.PasswordWeak, err)
	case errors.As(err, &busy):
		return "", &watchword.RetryError{Code: watchword.Unavailable, After: busy.RetryAfter}
	case err != nil:
		return "", fmt.Errorf("hash password: %w", err)
	}
	return hash, nil
}

// ChangeUser changes what c names. Disabling ends the user's sessions.
// c.PasswordHash is the command line's alone; see [Actions.SetPassword].
// Errors as of CreateUser, and NotFound.
func (m *Actions) ChangeUser(ctx context.Context, by Actor, id string, c watchword.UserChange) (watchword.User, error) {
	if err := m.demand(ctx, by, ChangeUsers); err != nil {
		return watchword.User{}, err
	}
	if c.PasswordHash != nil && !by.Operator {
		return watchword.User{}, invalid("password_hash", "only the command line sets one")
	}
	if err := CheckChange(c); err != nil {
		return watchword.User{}, err
	}
	return m.change(ctx, by, id, c)
}

// SetPassword sets a user's password and ends his sessions, but the one in
// which the actor acts.
func (m *Actions) SetPassword(ctx context.Context, by Actor, id, new string) (watchword.User, error) {
	if err := m.demand(ctx, by, ChangeUsers); err != nil {
		return watchword.User{}, err
	}
	u, err := m.user(ctx, id)
	if err != nil {
		return watchword.User{}, err
	}
	if why := touches(by, u); why != "" { // before a hash is computed
		return watchword.User{}, m.deny(ctx, by, u, why)
	}
	hash, err := m.hash(ctx, u.Login, new)
	if err != nil {
		return watchword.User{}, err
	}
	return m.change(ctx, by, id, watchword.UserChange{PasswordHash: &hash})
}

// change applies a change that was checked, once the rules allow it for the
// user as he stands.
func (m *Actions) change(ctx context.Context, by Actor, id string, c watchword.UserChange) (watchword.User, error) {
	admin, err := m.admin()
	if err != nil {
		return watchword.User{}, err
	}
	m.changing.Lock()
	defer m.changing.Unlock()
	u, err := m.user(ctx, id)
	if err != nil {
		return watchword.User{}, err
	}
	if _, _, mirrored := mirror.Remote(u.Login); mirrored && (c.Login != nil || c.PasswordHash != nil) {
		return watchword.User{}, invalid("login", "login and password of a mirrored user are his authority's")
	}
	why := cmp.Or(touches(by, u), m.gives(by, u, c))
	if why == "" && disables(c) && by.User.ID == u.ID {
		why = "nobody disables himself"
	}
	if why != "" {
		return watchword.User{}, m.deny(ctx, by, u, why)
	}
	if changedFields(c) == "" {
		return u, nil
	}
	keep := int64(0)
	if by.User.ID == u.ID {
		keep = by.Session
	}
	now := m.o.Now()
	c.NotLast = !by.Operator
	next, err := admin.UpdateUser(ctx, id, c, keep, m.until(now), now)
	if errors.Is(err, watchword.PermissionDenied) {
		return watchword.User{}, m.deny(ctx, by, u, lastSuperuser)
	}
	if err != nil {
		return watchword.User{}, fmt.Errorf("change user: %w", err)
	}
	u = next
	m.heard(ctx)
	kind := watchword.UserChanged
	if c.PasswordHash != nil {
		kind = watchword.PasswordChanged
	}
	m.record(ctx, by, watchword.Event{Kind: kind, At: now, UserID: u.ID, Login: u.Login, Detail: changedFields(c)})
	return u, nil
}

// DeleteUser deletes a user and ends his sessions. His id is never given to
// anybody else.
func (m *Actions) DeleteUser(ctx context.Context, by Actor, id string) error {
	if err := m.demand(ctx, by, DeleteUsers); err != nil {
		return err
	}
	admin, err := m.admin()
	if err != nil {
		return err
	}
	m.changing.Lock()
	defer m.changing.Unlock()
	u, err := m.user(ctx, id)
	if err != nil {
		return err
	}
	why := touches(by, u)
	if why == "" && by.User.ID == u.ID {
		why = "nobody deletes himself"
	}
	if why != "" {
		return m.deny(ctx, by, u, why)
	}
	now := m.o.Now()
	if u.Superuser && !by.Operator {
		// He ceases to be one first, which the store refuses the last.
		no := false
		_, err := admin.UpdateUser(ctx, id, watchword.UserChange{Superuser: &no, NotLast: true}, 0, m.until(now), now)
		if errors.Is(err, watchword.PermissionDenied) {
			return m.deny(ctx, by, u, lastSuperuser)
		}
		if err != nil {
			return fmt.Errorf("demote user: %w", err)
		}
	}
	if err := admin.DeleteUser(ctx, id, m.until(now), now); err != nil {
		return fmt.Errorf("delete user: %w", err)
	}
	m.heard(ctx)
	m.record(ctx, by, watchword.Event{Kind: watchword.UserChanged, At: now, UserID: u.ID, Login: u.Login, Detail: "deleted"})
	return nil
}

// lastSuperuser is why one may not cease to be an active superuser: no other
// would be left to let anybody in. The command line can make a new one.
const lastSuperuser = "the last active superuser stays one"
