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
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	// Two processes that start at once must not take the same step.
	begin, lock := "BEGIN", "SELECT pg_advisory_xact_lock(7777001)"
	if f == SQLite {
		begin, lock = "BEGIN IMMEDIATE", ""
	}
	if _, err := conn.ExecContext(ctx, begin); err != nil {
		return err
	}
	if err := climb(ctx, conn, lock, steps); err != nil {
		_, _ = conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK") // the first error tells more
		return err
	}
	_, err = conn.ExecContext(ctx, "COMMIT")
	return err
}

// climb takes the steps that are missing, inside a transaction.
func climb(ctx context.Context, conn *sql.Conn, lock string, steps []string) error {
	if lock != "" {
		if _, err := conn.ExecContext(ctx, lock); err != nil {
			return err
		}
	}
	if _, err := conn.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS ww_remote_schema (version INTEGER NOT NULL)"); err != nil {
		return err
	}
	var version int
	if err := conn.QueryRowContext(ctx, "SELECT coalesce(max(version), 0) FROM ww_remote_schema").Scan(&version); err != nil {
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
		if _, err := conn.ExecContext(ctx, string(text)); err != nil {
			return fmt.Errorf("step %d: %w", version+i+1, err)
		}
	}
	if version == len(steps) {
		return nil
	}
	if _, err := conn.ExecContext(ctx, "DELETE FROM ww_remote_schema"); err != nil {
		return err
	}
	_, err := conn.ExecContext(ctx, fmt.Sprintf("INSERT INTO ww_remote_schema (version) VALUES (%d)", len(steps)))
	return err
}
