package open

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// plain puts what the driver says by number into a line for people.
func plain(err error) error {
	coded, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return err
	}
	switch coded.Code() & 0xff {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return fmt.Errorf("another process holds it locked: %w", err)
	case sqlite3.SQLITE_NOTADB:
		return fmt.Errorf("the file is no SQLite database: %w", err)
	case sqlite3.SQLITE_CORRUPT:
		return fmt.Errorf("the database is damaged; restore it from a backup: %w", err)
	case sqlite3.SQLITE_FULL:
		return fmt.Errorf("the disk is full: %w", err)
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM:
		return fmt.Errorf("the file or its directory cannot be written: %w", err)
	default:
		return err
	}
}

// Integrity reads the whole database and returns an error that says what is
// wrong with it, nil if nothing is.
func (o *Opened) Integrity(ctx context.Context) error {
	if o.Path == "" {
		return nil // in memory: the connection that holds it is the store's
	}
	rows, err := o.SQL.QueryContext(ctx, "PRAGMA integrity_check(10)")
	if err != nil {
		return fmt.Errorf("check database: %w", plain(err))
	}
	defer rows.Close()
	var faults []string
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			return fmt.Errorf("check database: %w", err)
		}
		if line != "ok" {
			faults = append(faults, line)
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("check database: %w", plain(err))
	}
	if len(faults) > 0 {
		return fmt.Errorf("check database: it is damaged: %s", strings.Join(faults, "; "))
	}
	return nil
}

// Backup writes a copy of the database to path, complete in itself, while
// others go on reading and writing. It holds what was committed when it
// began. A file that is there already is not touched.
func (o *Opened) Backup(ctx context.Context, path string) error {
	if o.Path == "" {
		return errors.New("back up: a database in memory cannot be copied")
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return fmt.Errorf("back up: %w", err)
	}
	// Making the file here is what refuses to overwrite, and gives it its
	// mode; SQLite takes an empty file for a new one.
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("back up to %s: %w", path, reason(err))
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("back up to %s: %w", path, err)
	}
	if err := o.vacuumInto(ctx, path); err != nil {
		return errors.Join(fmt.Errorf("back up to %s: %w", path, plain(err)), os.Remove(path))
	}
	return nil
}

// vacuumInto copies the database and brings the copy to the disk.
func (o *Opened) vacuumInto(ctx context.Context, path string) error {
	if _, err := o.SQL.ExecContext(ctx, "VACUUM INTO ?", path); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
