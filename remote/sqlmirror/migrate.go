package sqlmirror

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
)

// The steps of each engine, in order of their names. A step that was published
// is never changed: what is to be different comes in a new one.
//
//go:embed migrations
var migrations embed.FS

// migrate brings the tables to the newest schema. The table of the version is
// the mirror's own: the store of an authority in the same database has
// another.
func migrate(ctx context.Context, db *sql.DB, f Flavor) (err error) {
	steps, err := fs.Glob(migrations, "migrations/"+f.String()+"/*.sql")
	if err != nil {
		return err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	// Two processes that start at once must not take the same step. In SQLite
	// the first write of a transaction keeps others from writing.
	lock := "SELECT pg_advisory_xact_lock(7777001)"
	if f == SQLite {
		lock = "CREATE TABLE IF NOT EXISTS ww_remote_schema (version INTEGER NOT NULL)"
	}
	if _, err := tx.ExecContext(ctx, lock); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS ww_remote_schema (version INTEGER NOT NULL)"); err != nil {
		return err
	}
	var version int
	if err := tx.QueryRowContext(ctx, "SELECT coalesce(max(version), 0) FROM ww_remote_schema").Scan(&version); err != nil {
		return err
	}
	if version > len(steps) {
		return fmt.Errorf("the tables were written by a newer program: their schema is %d, this program knows %d", version, len(steps))
	}
	for i, step := range steps[version:] {
		text, err := migrations.ReadFile(step)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, string(text)); err != nil {
			return fmt.Errorf("step %d: %w", version+i+1, err)
		}
	}
	if version < len(steps) {
		if _, err := tx.ExecContext(ctx, "DELETE FROM ww_remote_schema"); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, fmt.Sprintf("INSERT INTO ww_remote_schema (version) VALUES (%d)", len(steps))); err != nil {
			return err
		}
	}
	return tx.Commit()
}
