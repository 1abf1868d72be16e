package engine

import (
	"context"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/config"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/open"
)

// metaSeal names the value by which a seal key is recognised.
const metaSeal = "seal_check"

// Seal returns the seal key of the database. A database that has none yet
// gets one, in a file beside it; a key that is not the database's own is
// refused before anything is done with it.
func Seal(ctx context.Context, c config.Config, db *open.Opened) ([]byte, error) {
	if db.Path == "" { // in memory: what the key would open is gone with it
		key := make([]byte, 32)
		_, _ = rand.Read(key) // never fails
		return key, nil
	}
	check, err := db.Meta(ctx, metaSeal)
	if err != nil && !errors.Is(err, watchword.NotFound) {
		return nil, fmt.Errorf("read database: %w", err)
	}
	name := SealFile(c, db.Path)
	key, err := config.ReadSeal(name)
	if errors.Is(err, config.ErrNoSeal) {
		if check != nil {
			return nil, fmt.Errorf("seal file %s is missing, and the database has keys that only it opens: put it back, or name it in keys.seal_file", name)
		}
		key, err = config.MakeSeal(name)
	}
	if err != nil {
		return nil, err
	}
	return key, recognise(ctx, db, name, key, check)
}

// Sealed reports whether anything in the database hangs on a seal key.
func Sealed(ctx context.Context, db *open.Opened) (bool, error) {
	_, err := db.Meta(ctx, metaSeal)
	if errors.Is(err, watchword.NotFound) {
		return false, nil
	}
	return err == nil, err
}

// SealFile returns where the seal key of a database is to be found.
func SealFile(c config.Config, database string) string {
	if c.Keys.SealFile != "" {
		return c.Keys.SealFile
	}
	return database + ".key"
}

// recognise compares the key with what the database remembers of its own: a
// value derived from it, which tells nothing of 32 random bytes. Without it a
// wrong key would only be noticed where keys are kept in the database.
func recognise(ctx context.Context, db *open.Opened, name string, key, check []byte) error {
	own, err := hkdf.Key(sha256.New, key, nil, "watchword seal check", 16)
	if err != nil {
		return fmt.Errorf("seal file %s: %w", name, err)
	}
	if check == nil {
		if err := db.SetMeta(ctx, metaSeal, own); err != nil {
			return fmt.Errorf("write database: %w", err)
		}
		return nil
	}
	if subtle.ConstantTimeCompare(own, check) != 1 {
		return fmt.Errorf("seal file %s is not the one that this database was made with: put that one back, or name it in keys.seal_file", name)
	}
	return nil
}
