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
	"time"

	// Pure Go, and small beside its alternatives.
	"github.com/lib/pq"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/store/django"
)

// A Roll is where people are found and listed.
type Roll interface {
	watchword.PasswordUsers
	ListUsers(ctx context.Context, after string, limit int) ([]watchword.User, error)
}

// Foreign are users in another system's table.
type Foreign struct {
	Roll

	Table string
	sql   *sql.DB
}

// Roll returns the people who sign in: those of the store, or those of
// another system's table that was attached.
func (o *Opened) Roll() Roll {
	if o.Foreign != nil {
		return o.Foreign.Roll
	}
	return o.DB
}

// Attach opens another system's table of users, "sqlite:PATH" or
// "postgres://…". Nothing is ever made there. It is closed with the store.
func (o *Opened) Attach(ctx context.Context, dsn string, c django.Config, recordLogin bool) error {
	db, flavor, err := connectUsers(dsn, c.Upgrade || recordLogin)
	if err != nil {
		return err
	}
	c.Flavor = flavor
	users, err := django.Open(ctx, db, c)
	f := &Foreign{Roll: users, Table: c.Table.Name, sql: db}
	if err == nil {
		f.Table = users.Table()
		if recordLogin {
			f.Roll, err = users.Recorder()
		}
	}
	if err != nil {
		_ = db.Close() // the first error tells more
		return fmt.Errorf("users.dsn: %w", plain(err))
	}
	o.Foreign = f
	return nil
}

// usersTimeout is how long a connection stays open unused.
const usersTimeout = 5 * time.Minute

// connectUsers makes the handle: for reading alone unless writes is set.
func connectUsers(dsn string, writes bool) (*sql.DB, django.Flavor, error) {
	var db *sql.DB
	flavor := django.PostgreSQL
	switch scheme, rest, _ := strings.Cut(dsn, ":"); {
	case scheme == "sqlite" && rest != "" && rest != ":memory:":
		path, err := filepath.Abs(rest)
		if err == nil {
			err = looksLikeSQLite(path)
		}
		if err != nil {
			return nil, 0, fmt.Errorf("users.dsn: %s: %w", rest, err)
		}
		mode := "ro"
		if writes {
			mode = "rw" // and never made
		}
		flavor = django.SQLite
		if db, err = sql.Open("sqlite", uri(path)+"&mode="+mode); err != nil {
			return nil, 0, fmt.Errorf("users.dsn: %w", plain(err))
		}
	case scheme == "postgres" || scheme == "postgresql":
		var err error
		if db, err = postgresHandle(dsn, dialer{patience}); err != nil {
			return nil, 0, fmt.Errorf("users.dsn: %w", err)
		}
	default:
		// The name may carry a password: it is not repeated.
		return nil, 0, errors.New("users.dsn: the data source must be sqlite:PATH or postgres://…")
	}
	most := max(4, 2*runtime.GOMAXPROCS(0))
	db.SetMaxOpenConns(most)
	db.SetMaxIdleConns(most)
	db.SetConnMaxIdleTime(usersTimeout)
	return db, flavor, nil
}

// postgresHandle makes the handle of a PostgreSQL database. Errors repeat
// nothing of the name.
func postgresHandle(dsn string, d dialer) (*sql.DB, error) {
	if _, err := url.Parse(dsn); err != nil {
		// The parser's words would repeat what it could not read.
		return nil, errors.New("this is no URL: special characters of a password are written as %40 and the like")
	}
	connector, err := pq.NewConnector(dsn)
	if err != nil {
		return nil, errors.New("the options of the PostgreSQL database's name are not understood")
	}
	connector.Dialer(d)
	return sql.OpenDB(connector), nil
}

// looksLikeSQLite tells what the driver would tell as a number.
func looksLikeSQLite(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return reason(err)
	}
	defer func() { _ = f.Close() }() // read only
	magic := make([]byte, 16)
	if _, err := io.ReadFull(f, magic); err != nil || string(magic) != "SQLite format 3\x00" {
		return errors.New("this is no SQLite database")
	}
	return nil
}
