package sqlmirror

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/watchword-auth/watchword/remote"
)

// A Hook keeps what belongs to a user in tables of the application's own. Its
// functions run in the transaction that writes or removes him, and what they
// return undoes it all. local is his id in this database. Either may be nil.
type Hook struct {
	Upsert func(ctx context.Context, tx *sql.Tx, local int64, u remote.User) error
	Delete func(ctx context.Context, tx *sql.Tx, local int64) error
}

// Rows describes a table that holds any number of rows for each user, decoded
// from what the authority told of him into a T each.
type Rows[T any] struct {
	// Table, its column that holds the user's local id, and its other columns
	// that are written: SQL identifiers of letters, digits and underscores.
	// The table is the application's and must exist, with an index on Owner:
	// each write looks for the user's rows.
	Table   string
	Owner   string
	Columns []string
	// Of returns what there is to keep of the user, none to remove all.
	Of func(u remote.User) ([]T, error)
	// Values returns a row's, one for each of Columns.
	Values func(row T) []any
}

// Hook returns a hook that puts the user's rows in the place of those he had:
// what the authority no longer tells is gone, and no reader sees neither. An
// error is about the names, or about a function that is missing.
func (r Rows[T]) Hook() (Hook, error) {
	for _, name := range append([]string{r.Table, r.Owner}, r.Columns...) {
		if !identifier(name) {
			return Hook{}, fmt.Errorf("rows of a user: %q is no SQL identifier of letters, digits and underscores", name)
		}
	}
	if r.Of == nil || r.Values == nil {
		return Hook{}, fmt.Errorf("rows of a user: Of and Values are needed for %s", r.Table)
	}
	drop := "DELETE FROM " + r.Table + " WHERE " + r.Owner + " = $1" //nolint:gosec // G202: both were checked above
	marks := make([]string, len(r.Columns)+1)
	for i := range marks {
		marks[i] = fmt.Sprintf("$%d", i+1)
	}
	//nolint:gosec // G202: all names were checked above
	insert := "INSERT INTO " + r.Table + " (" + strings.Join(append([]string{r.Owner}, r.Columns...), ", ") +
		") VALUES (" + strings.Join(marks, ", ") + ")"
	remove := func(ctx context.Context, tx *sql.Tx, local int64) error {
		if _, err := tx.ExecContext(ctx, drop, local); err != nil {
			return fmt.Errorf("%s: %w", r.Table, err)
		}
		return nil
	}
	h := Hook{
		Delete: remove,
		Upsert: func(ctx context.Context, tx *sql.Tx, local int64, u remote.User) error {
			rows, err := r.Of(u)
			if err != nil {
				return fmt.Errorf("%s: %w", r.Table, err)
			}
			if err := remove(ctx, tx, local); err != nil {
				return err
			}
			for _, row := range rows {
				if _, err := tx.ExecContext(ctx, insert, append([]any{local}, r.Values(row)...)...); err != nil {
					return fmt.Errorf("%s: %w", r.Table, err)
				}
			}
			return nil
		},
	}
	return h, nil
}

func identifier(s string) bool {
	for i, c := range []byte(s) {
		letter := c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}
