// Package mirror keeps the users of an authority elsewhere: their records as
// the authority tells them, and for each an account of this server's own, so
// that somebody can be made staff here and sign in on its pages.
//
// An account is found by its login, which is made of the user's id and the
// authority's address and of nothing that moves from one person to the next.
package mirror

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/remote"
	"github.com/watchword-auth/watchword/remote/sqlmirror"
	"github.com/watchword-auth/watchword/store"
)

// Accounts are this server's own users.
type Accounts interface {
	watchword.PasswordUsers
	watchword.UserAdmin
}

// Mirror is a [remote.Users]. Safe for concurrent use.
type Mirror struct {
	*sqlmirror.Mirror

	accounts Accounts
	// until is how long facts about a user who changes must live.
	until func(now time.Time) time.Time
}

// New puts accounts beside the records.
func New(records *sqlmirror.Mirror, accounts Accounts, until func(now time.Time) time.Time) *Mirror {
	return &Mirror{Mirror: records, accounts: accounts, until: until}
}

// Login returns that of the account of an authority's user.
func Login(issuer, id string) string { return id + "@" + issuer }

// Remote reads such a login.
func Remote(login string) (issuer, id string, ok bool) {
	// The last one: an id may be an address, and an issuer has no user name.
	at := max(strings.LastIndex(login, "@http://"), strings.LastIndex(login, "@https://"))
	if at < 1 {
		return "", "", false
	}
	return login[at+1:], login[:at], true
}

// Upsert writes the record and then the account. Twice the same is once: what
// was cut off between the two is made up for by the next sign-in.
func (m *Mirror) Upsert(ctx context.Context, u remote.User) error {
	if err := m.Mirror.Upsert(ctx, u); err != nil {
		return err
	}
	login := Login(u.Issuer, u.ID)
	account, _, err := m.accounts.UserByLogin(ctx, login)
	switch {
	case errors.Is(err, watchword.NotFound):
		return m.create(ctx, u, login)
	case err != nil:
		return fmt.Errorf("find account: %w", err)
	}
	change := changes(account, u)
	if change == (watchword.UserChange{}) {
		return nil
	}
	return m.update(ctx, account.ID, u, change)
}

// Account returns the account of an authority's user.
func (m *Mirror) Account(ctx context.Context, issuer, id string) (watchword.User, error) {
	u, _, err := m.accounts.UserByLogin(ctx, Login(issuer, id))
	return u, err
}

// Delete removes the record and the account.
func (m *Mirror) Delete(ctx context.Context, issuer, id string) error {
	account, err := m.Account(ctx, issuer, id)
	if err == nil {
		now := time.Now()
		err = m.accounts.DeleteUser(ctx, account.ID, m.until(now), now)
	}
	if err != nil && !errors.Is(err, watchword.NotFound) {
		return err
	}
	return m.Mirror.Delete(ctx, issuer, id)
}

// Own are the users of whom this server knows the password itself. A mirrored
// user is none, even where somebody has set him one: the authority would not
// know of it, and could not end it.
type Own struct{ *store.DB }

// UserByLogin returns no hash for a mirrored user.
func (o Own) UserByLogin(ctx context.Context, login string) (watchword.User, string, error) {
	u, hash, err := o.DB.UserByLogin(ctx, login)
	if _, _, ok := Remote(u.Login); ok {
		hash = ""
	}
	return u, hash, err
}

// create makes an account without a password, and without the rights that the
// user has at the authority.
func (m *Mirror) create(ctx context.Context, u remote.User, login string) error {
	account := watchword.User{
		Login: login, Email: u.Email, FirstName: u.FirstName, LastName: u.LastName, Phone: u.Phone, Location: u.Location,
		Active: u.Active, Extra: u.Extra,
	}
	_, err := m.accounts.CreateUser(ctx, watchword.NewUser{User: account})
	if !errors.Is(err, watchword.Conflict) {
		return err
	}
	if _, _, found := m.accounts.UserByLogin(ctx, login); found == nil {
		return nil // another process was faster
	}
	if account.Email, err = m.address(ctx, u); err != nil {
		return err
	}
	_, err = m.accounts.CreateUser(ctx, watchword.NewUser{User: account})
	return err
}

func (m *Mirror) update(ctx context.Context, id string, u remote.User, change watchword.UserChange) error {
	now := time.Now()
	_, err := m.accounts.UpdateUser(ctx, id, change, 0, m.until(now), now)
	if !errors.Is(err, watchword.Conflict) || change.Email == nil {
		return err
	}
	email, err := m.address(ctx, u)
	if err != nil {
		return err
	}
	change.Email = &email
	_, err = m.accounts.UpdateUser(ctx, id, change, 0, m.until(now), now)
	return err
}

// address returns the e-mail address that an account may have, which no two
// share. One that another of the same authority's users had is his by now: the
// authority says so, and the other's copy is old. Whoever belongs to this
// server or to another authority keeps his, and the account has none.
func (m *Mirror) address(ctx context.Context, u remote.User) (string, error) {
	holder, _, err := m.accounts.UserByLogin(ctx, u.Email)
	if errors.Is(err, watchword.NotFound) {
		return u.Email, nil
	}
	if err != nil {
		return "", err
	}
	issuer, id, ok := Remote(holder.Login)
	if !ok || issuer != u.Issuer || id == u.ID || holder.Email == "" {
		return "", nil
	}
	none, now := "", time.Now()
	if _, err := m.accounts.UpdateUser(ctx, holder.ID, watchword.UserChange{Email: &none}, 0, m.until(now), now); err != nil {
		return "", err
	}
	return u.Email, nil
}

// changes are those of the record that the account does not have yet.
func changes(account watchword.User, u remote.User) watchword.UserChange {
	var c watchword.UserChange
	for _, f := range []struct {
		to     **string
		is, be string
	}{
		{&c.Email, account.Email, u.Email},
		{&c.FirstName, account.FirstName, u.FirstName},
		{&c.LastName, account.LastName, u.LastName},
		{&c.Phone, account.Phone, u.Phone},
		{&c.Location, account.Location, u.Location},
	} {
		if f.is != f.be {
			*f.to = &f.be
		}
	}
	if account.Active != u.Active {
		c.Active = &u.Active
	}
	if string(account.Extra) != string(u.Extra) {
		extra := []byte(u.Extra)
		c.Extra = &extra
	}
	return c
}
