package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
)

// The steps of each engine, in order of their names. A step that was
// published is never changed: what is to be different comes in a new one,
// and steps only add, so that the program of before can still read.
//
//go:embed migrations
var migrations embed.FS

// migrate brings the tables to the newest schema. A database that is there
// already costs two small reads.
func migrate(ctx context.Context, conn *sql.Conn, f Flavor) error {
	steps, err := fs.Glob(migrations, "migrations/"+f.String()+"/*.sql")
	if err != nil {
		return err
	}
	version, err := schemaVersion(ctx, conn)
	if err != nil {
		return err
	}
	if version == len(steps) {
		return nil
	}
	if _, err := conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	if err := climb(ctx, conn, steps); err != nil {
		_, _ = conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK") // the first error tells more
		return err
	}
	_, err = conn.ExecContext(ctx, "COMMIT")
	return err
}

// schemaVersion returns the number of steps that the database has taken.
func schemaVersion(ctx context.Context, conn *sql.Conn) (version int, err error) {
	var tables int
	err = conn.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'ww_schema'").Scan(&tables)
	if err != nil || tables == 0 {
		return 0, err
	}
	err = conn.QueryRowContext(ctx, "SELECT version FROM ww_schema").Scan(&version)
	return version, err
}

// climb takes the steps that are missing, inside a transaction that keeps
// other processes from doing the same.
func climb(ctx context.Context, conn *sql.Conn, steps []string) error {
	version, err := schemaVersion(ctx, conn)
	if err != nil {
		return err
	}
	if version > len(steps) {
		return fmt.Errorf("the database was written by a newer program: its schema is %d, this program knows %d", version, len(steps))
	}
	if version == 0 {
		if _, err := conn.ExecContext(ctx, "CREATE TABLE ww_schema (version INTEGER NOT NULL)"); err != nil {
			return err
		}
		if _, err := conn.ExecContext(ctx, "INSERT INTO ww_schema (version) VALUES (0)"); err != nil {
			return err
		}
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
	if _, err := conn.ExecContext(ctx, "UPDATE ww_schema SET version = ?", len(steps)); err != nil {
		return err
	}
	_, err = conn.ExecContext(ctx, "INSERT INTO ww_meta (name, value) VALUES (?, ?) ON CONFLICT DO NOTHING", metaEpoch, []byte(rand.Text()))
	return err
}
