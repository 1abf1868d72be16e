package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/watchword-auth/watchword"
)

// oldTable is what the old application left behind, with Django's hashes.
const oldTable = `
CREATE TABLE IF NOT EXISTS customers (
	id       TEXT PRIMARY KEY,
	email    TEXT NOT NULL UNIQUE, -- in lower case
	passwd   TEXT NOT NULL,
	blocked  INTEGER NOT NULL DEFAULT 0,
	manager  INTEGER NOT NULL DEFAULT 0,
	revision INTEGER NOT NULL DEFAULT 1 -- grows with every change of passwd or blocked
);
INSERT OR IGNORE INTO customers (id, email, passwd, manager) VALUES
	('C-1001', 'ann@example.com', 'pbkdf2_sha256$260000$Jx2mQz8LhT4v$MrYzKWr9XraJoS/A0BV4/oPFmtLUhVoWKRRtHxiOBMI=', 0),
	('C-1002', 'bob@example.com', 'pbkdf2_sha256$260000$mP7cR1wYd9Ks$DurOKW5ScKVjYauXI+VqCVZDIqDmXc3THBxe8QBC4QY=', 1);`

// customers is the table as watchword.PasswordUsers: three methods, no
// method that writes but for the upgrade of a hash.
type customers struct{ db *sql.DB }

var _ watchword.PasswordUsers = (*customers)(nil)

// UserByID finds a user again at refresh.
func (c *customers) UserByID(ctx context.Context, id string) (watchword.User, error) {
	u, _, err := c.find(ctx, columns+` WHERE id = ?`, id)
	return u, err
}

// UserByLogin finds a user and the hash at sign-in. The addresses in the
// table are in lower case already, so the login is folded and they are not.
func (c *customers) UserByLogin(ctx context.Context, login string) (watchword.User, string, error) {
	return c.find(ctx, columns+` WHERE email = ?`, watchword.FoldLogin(login))
}

// SwapPasswordHash is called after a sign-in whose hash is not of the
// preferred scheme. Where the old application still signs people in as well
// and cannot read argon2id, return nil without writing anything, or set
// Config.Hasher to a scheme that both read.
func (c *customers) SwapPasswordHash(ctx context.Context, id, old, new string) error {
	r, err := c.db.ExecContext(ctx, `UPDATE customers SET passwd = ? WHERE id = ? AND passwd = ?`, new, id, old)
	if err != nil {
		return err
	}
	if n, err := r.RowsAffected(); err != nil || n == 1 {
		return err
	}
	return watchword.Conflict // the password was changed meanwhile: that one stands
}

const columns = `SELECT id, email, passwd, blocked, manager, revision FROM customers`

func (c *customers) find(ctx context.Context, query, value string) (watchword.User, string, error) {
	var (
		u       watchword.User
		hash    string
		manager bool
		blocked bool
	)
	err := c.db.QueryRowContext(ctx, query, value).Scan(&u.ID, &u.Email, &hash, &blocked, &manager, &u.Version)
	if errors.Is(err, sql.ErrNoRows) {
		return watchword.User{}, "", fmt.Errorf("%w: customer %q", watchword.NotFound, value)
	}
	if err != nil {
		return watchword.User{}, "", err
	}
	u.Login, u.Active = u.Email, !blocked
	if manager {
		u.Permissions = []string{"block"}
	}
	return u, hash, nil
}

// block moves the revision on as well: sessions remember the one that they
// were opened at, and a refresh at another is refused.
func (c *customers) block(ctx context.Context, id string) error {
	r, err := c.db.ExecContext(ctx, `UPDATE customers SET blocked = 1, revision = revision + 1 WHERE id = ?`, id)
	if err != nil {
		return err
	}
	if n, err := r.RowsAffected(); err != nil || n == 1 {
		return err
	}
	return watchword.NotFound
}
