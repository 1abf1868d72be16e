// Package site opens what the dialect examples keep in the current
// directory: a database with the people of the original's document, the seal
// key, and the secret that tokens are signed with. The files are those that
// `watchword serve` would make, so its commands work on them.
package site

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	_ "modernc.org/sqlite"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/store"
)

// Open opens NAME.db and adds the people who are not there yet. Call the
// second result in the end.
func Open(ctx context.Context, name string, people ...watchword.NewUser) (watchword.Config, func(), error) {
	file := name + ".db"
	pool, err := sql.Open("sqlite", file+"?_pragma=busy_timeout(5000)")
	if err != nil {
		return watchword.Config{}, nil, err
	}
	closePool := func() { _ = pool.Close() }
	db, err := store.Open(ctx, pool, store.SQLite)
	if err != nil {
		closePool()
		return watchword.Config{}, nil, err
	}
	done := func() {
		_ = db.Close(context.WithoutCancel(ctx))
		closePool()
	}
	for _, p := range people {
		if _, err := db.CreateUser(ctx, p); err != nil && !errors.Is(err, watchword.Conflict) {
			done()
			return watchword.Config{}, nil, fmt.Errorf("add %s: %w", p.Login, err)
		}
	}
	seal, err := secret(file + ".key")
	if err != nil {
		done()
		return watchword.Config{}, nil, err
	}
	key, err := hex.DecodeString(seal)
	if err != nil {
		done()
		return watchword.Config{}, nil, fmt.Errorf("%s.key: %w", file, err)
	}
	return watchword.Config{Store: db, SealKey: key}, done, nil
}

// SigningKey returns the text in signing.key, which the first start makes.
func SigningKey() (string, error) { return secret("signing.key") }

// secret reads a file of 64 hex digits, or makes it.
func secret(file string) (string, error) {
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		var fresh [32]byte
		_, _ = rand.Read(fresh[:]) // never fails
		made := hex.EncodeToString(fresh[:])
		return made, os.WriteFile(file, []byte(made+"\n"), 0o600)
	}
	return strings.TrimSuffix(string(text), "\n"), err
}
