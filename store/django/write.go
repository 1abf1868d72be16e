package django

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/watchword-auth/watchword"
)

// hashers are the names that Django's hashers of today begin their hashes
// with. A hash of any other form would shut its owner out of Django.
func hashers() []string {
	return []string{"argon2", "bcrypt", "bcrypt_sha256", "pbkdf2_sha1", "pbkdf2_sha256", "scrypt"}
}

// SwapPasswordHash writes new where old still stands. It returns
// PermissionDenied unless [Config].Upgrade is set, and InvalidRequest for a
// hash that Django could not read.
func (u *Users) SwapPasswordHash(ctx context.Context, id, old, new string) error {
	if !u.config.Upgrade {
		return fmt.Errorf("%w: %w", watchword.PermissionDenied, errKept)
	}
	if name, _, _ := strings.Cut(new, "$"); !slices.Contains(hashers(), name) {
		return fmt.Errorf("%w: a hash in a form that Django does not read", watchword.InvalidRequest)
	}
	key, ok := u.kind.read(id)
	if !ok {
		return noUser(id)
	}
	done, err := u.exec(ctx, u.queries.swap, new, key, old)
	if err != nil || done {
		return err
	}
	if _, err := u.UserByID(ctx, id); err != nil {
		return err
	}
	return fmt.Errorf("%w: the password of user %q was changed meanwhile", watchword.Conflict, id)
}

// Recorder is Users that write down when somebody has signed in, as Django
// does.
type Recorder struct{ *Users }

// Recorder returns the users with a place for the time of the last sign-in.
// It fails where the table has no column for it.
func (u *Users) Recorder() (Recorder, error) {
	if u.config.Table.LastLogin == None {
		return Recorder{}, errors.New("django: the table has no column for the last sign-in")
	}
	return Recorder{u}, nil
}

// RecordLogin writes the time of a sign-in.
func (r Recorder) RecordLogin(ctx context.Context, id string, at time.Time) error {
	key, ok := r.kind.read(id)
	if !ok {
		return noUser(id)
	}
	var value any = at.UTC()
	if r.config.Flavor == SQLite {
		value = at.UTC().Format("2006-01-02 15:04:05.000000") // as Django writes it
	}
	done, err := r.exec(ctx, r.queries.record, value, key)
	if err == nil && !done {
		err = noUser(id)
	}
	return err
}

// exec reports whether a row was changed.
func (u *Users) exec(ctx context.Context, query string, args ...any) (bool, error) {
	result, err := u.db.ExecContext(ctx, query, args...)
	if err != nil {
		return false, explain(err)
	}
	n, err := result.RowsAffected()
	return n > 0, explain(err)
}
