package open

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// ErrInUse means that another process has the database open.
var ErrInUse = errors.New("another process has the database open")

// Stage copies a backup to a new file beside the database that it is to
// replace, and returns the copy's name.
func Stage(backup, database string) (name string, err error) {
	from, err := os.Open(backup)
	if err != nil {
		return "", fmt.Errorf("read %s: %w", backup, reason(err))
	}
	defer from.Close()
	to, err := os.CreateTemp(filepath.Dir(database), "."+filepath.Base(database)+".restore-*") // mode 0600
	if err != nil {
		return "", fmt.Errorf("write beside %s: %w", database, reason(err))
	}
	_, err = io.Copy(to, from)
	if err = errors.Join(err, to.Sync(), to.Close()); err != nil {
		return "", errors.Join(fmt.Errorf("copy %s: %w", backup, err), os.Remove(to.Name()))
	}
	return to.Name(), nil
}

// Replace puts the staged file in the place of the database and returns the
// name under which the former one is kept, "" where there was none. Both
// files are first brought to be one file each; that this needs them alone is
// what refuses to take a database from under a running server (ErrInUse). At
// every moment there is a whole database under the name.
func Replace(ctx context.Context, staged, database string) (kept string, err error) {
	if err := alone(ctx, staged); err != nil {
		return "", fmt.Errorf("close %s: %w", staged, err)
	}
	if _, err := os.Stat(database); err == nil {
		// One that is damaged cannot be brought into one file, and is what
		// backups are for.
		if err := alone(ctx, database); errors.Is(err, ErrInUse) {
			return "", err
		}
		if kept, err = keep(database); err != nil {
			return "", err
		}
	}
	if err := os.Rename(staged, database); err != nil {
		return "", fmt.Errorf("replace %s: %w", database, err)
	}
	return kept, syncDirectory(filepath.Dir(database))
}

// keep gives the database a second name that is free, and moves the side
// files of a damaged one along: the new database must not find them.
func keep(database string) (kept string, err error) {
	kept = database + ".before-restore"
	for n := 2; ; n++ {
		err = os.Link(database, kept)
		if !errors.Is(err, os.ErrExist) {
			break
		}
		kept = fmt.Sprintf("%s.before-restore-%d", database, n)
	}
	if err != nil {
		return "", fmt.Errorf("keep %s: %w", database, err)
	}
	for _, side := range []string{"-wal", "-shm"} {
		if err := os.Rename(database+side, kept+side); err != nil && !errors.Is(err, os.ErrNotExist) {
			return "", fmt.Errorf("keep %s: %w", database+side, err)
		}
	}
	return kept, nil
}

// alone brings all of a database into its one file. SQLite leaves the WAL
// mode only for the last connection to a database.
func alone(ctx context.Context, path string) (err error) {
	db, err := sql.Open("sqlite", uri(path))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	conn, err := db.Conn(ctx)
	if err != nil {
		return plain(err)
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	if _, err := conn.ExecContext(ctx, "PRAGMA busy_timeout = 200"); err != nil {
		return plain(err)
	}
	var mode string
	err = conn.QueryRowContext(ctx, "PRAGMA journal_mode = DELETE").Scan(&mode)
	if coded, ok := errors.AsType[*sqlite.Error](err); ok {
		switch coded.Code() & 0xff {
		case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
			return ErrInUse
		}
	}
	if err != nil {
		return plain(err)
	}
	if mode != "delete" {
		return ErrInUse
	}
	return nil
}

// syncDirectory makes new names survive a power cut.
func syncDirectory(name string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
