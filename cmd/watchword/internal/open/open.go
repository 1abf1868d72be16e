// Package open turns a data source name into a store. It is the only place
// that knows database drivers.
package open

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	// Pure Go, so that the program needs no C compiler and no library.
	_ "modernc.org/sqlite"

	"github.com/watchword-auth/watchword/store"
)

// Opened is a store and the database beneath it.
type Opened struct {
	*store.DB
	SQL *sql.DB
	// Path of the database file; "" for one in memory.
	Path string
	// Foreign are users whom another system keeps; nil: the store has them.
	Foreign *Foreign
}

// Store opens the database that dsn names: "sqlite:PATH", or
// "sqlite::memory:" for one that is gone with the process. A file that is
// not there is made, for its owner alone. Errors are one line each and fit
// to be shown to whoever runs the program.
func Store(ctx context.Context, dsn string) (*Opened, error) {
	scheme, rest, ok := strings.Cut(dsn, ":")
	switch {
	case ok && scheme == "sqlite" && rest == ":memory:":
		return connect(ctx, "", ":memory:")
	case ok && scheme == "sqlite" && rest != "":
		return file(ctx, rest)
	case scheme == "postgres" || scheme == "postgresql":
		return nil, errors.New("open database: PostgreSQL is not supported yet; use sqlite:PATH")
	default:
		// The name may carry a password: it is not repeated.
		return nil, errors.New("open database: the data source must be sqlite::memory: or sqlite:PATH")
	}
}

// Close ends the store and closes the database. What was acknowledged is
// kept whether it is called or not.
func (o *Opened) Close(ctx context.Context) error {
	var foreign error
	if o.Foreign != nil {
		foreign = o.Foreign.sql.Close()
	}
	return errors.Join(o.DB.Close(ctx), o.SQL.Close(), foreign)
}

func file(ctx context.Context, path string) (*Opened, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("open database %s: %w", path, err)
	}
	if err := prepare(path); err != nil {
		return nil, fmt.Errorf("open database %s: %w", path, err)
	}
	return connect(ctx, path, uri(path))
}

// uri names the file to the driver. Its pragmas are those of the connections
// that read; the store sets up the one that writes.
func uri(path string) string {
	slashed := filepath.ToSlash(path)
	if !strings.HasPrefix(slashed, "/") {
		slashed = "/" + slashed // a drive letter
	}
	escaped := (&url.URL{Path: slashed}).EscapedPath()
	return "file://" + escaped + "?_pragma=busy_timeout(5000)&_pragma=foreign_keys(on)&_pragma=synchronous(full)"
}

// prepare makes the file where it is not there, and finds out what would
// otherwise come as a number from the driver. SQLite gives its side files the
// mode of the database.
func prepare(path string) error {
	if _, err := os.Stat(filepath.Dir(path)); errors.Is(err, os.ErrNotExist) {
		return errors.New("the directory does not exist")
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return errors.New("this is a directory, not a file")
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return reason(err)
	}
	defer f.Close()
	magic := make([]byte, 16)
	switch n, err := io.ReadFull(f, magic); {
	case n == 0 && errors.Is(err, io.EOF):
		return nil // new
	case err != nil && !errors.Is(err, io.ErrUnexpectedEOF):
		return reason(err)
	case string(magic[:n]) != "SQLite format 3\x00":
		return errors.New("the file is no SQLite database")
	}
	return nil
}

// reason returns what the system says, without the path that is named
// already.
func reason(err error) error {
	if p, ok := errors.AsType[*os.PathError](err); ok {
		return p.Err
	}
	return err
}

func connect(ctx context.Context, path, name string) (*Opened, error) {
	db, err := sql.Open("sqlite", name)
	if err != nil {
		return nil, fmt.Errorf("open database %s: %w", path, err)
	}
	// One connection writes. The others read, and more of them than
	// processors would only wait for each other.
	most := 1 + max(2, runtime.GOMAXPROCS(0))
	db.SetMaxOpenConns(most)
	db.SetMaxIdleConns(most)
	s, err := store.Open(ctx, db, store.SQLite)
	if err != nil {
		_ = db.Close() // the first error tells more
		return nil, fmt.Errorf("open database %s: %w", path, plain(err))
	}
	return &Opened{DB: s, SQL: db, Path: path}, nil
}
