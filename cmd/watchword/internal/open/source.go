package open

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/lib/pq"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// Source is another system's database. It can be read, and nothing else.
type Source struct {
	*sql.DB
	// Postgres tells which of the two kinds it is.
	Postgres bool
	// Name is the data source without password and options: what the same
	// database is known again by.
	Name string
}

// ReadOnly opens the database that dsn names, "sqlite:PATH" or
// "postgres://…", so that nothing in it can be changed: the database itself
// refuses. Errors are one line each and repeat no password.
func ReadOnly(ctx context.Context, dsn string) (*Source, error) {
	scheme, rest, ok := strings.Cut(dsn, ":")
	var s *Source
	var err error
	switch {
	case ok && scheme == "sqlite" && rest != "" && rest != ":memory:":
		s, err = sqliteSource(rest)
	case ok && (scheme == "postgres" || scheme == "postgresql"):
		s, err = postgresSource(dsn)
	default:
		return nil, errors.New("open source: want sqlite:PATH or postgres://USER:PASSWORD@HOST/DATABASE")
	}
	if err != nil {
		return nil, fmt.Errorf("open source: %w", err)
	}
	if err := s.PingContext(ctx); err != nil {
		return nil, fmt.Errorf("open source %s: %w", s.Name, errors.Join(sourceFault(err), s.Close()))
	}
	return s, nil
}

func sqliteSource(path string) (*Source, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	// mode=ro would say no more than "unable to open", and of a pipe it would
	// wait for a writer.
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: %w", path, reason(err))
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s: this is no file", path)
	}
	db, err := sql.Open("sqlite", uri(path)+"&mode=ro&_pragma=query_only(on)")
	if err != nil {
		return nil, err
	}
	return &Source{DB: db, Name: "sqlite:" + path}, nil
}

func postgresSource(dsn string) (*Source, error) {
	u, err := url.Parse(dsn)
	if err != nil {
		// The parser's words would repeat what it could not read.
		return nil, errors.New("the name of the PostgreSQL database is no URL: special characters of a password are written as %40 and the like")
	}
	q := u.Query()
	q.Set("default_transaction_read_only", "on")
	u.RawQuery = q.Encode()
	c, err := pq.NewConfig(u.String())
	if err != nil {
		return nil, errors.New("the options of the PostgreSQL database's name are not understood")
	}
	connector, err := pq.NewConnectorConfig(c)
	if err != nil {
		return nil, err
	}
	// By what the driver made of it: host and database may stand in options,
	// and a name without them would be that of every server's.
	name := url.URL{Scheme: "postgres", Host: net.JoinHostPort(c.Host, strconv.Itoa(int(c.Port))), Path: "/" + c.Database}
	return &Source{DB: sql.OpenDB(connector), Postgres: true, Name: name.String()}, nil
}

// sourceFault says in words what to do about a source that does not open.
func sourceFault(err error) error {
	var refused *net.OpError
	switch {
	case errors.Is(err, pq.ErrSSLNotSupported):
		return errors.New("the server speaks no TLS: add ?sslmode=disable where the way to it is safe")
	case errors.As(err, &refused):
		return refused
	}
	if coded, ok := errors.AsType[*sqlite.Error](err); ok && coded.Code() == sqlite3.SQLITE_READONLY_ROLLBACK {
		// Only a writer may undo it, which an import is not.
		return fmt.Errorf("a change of its was cut short and must be undone first, which the site does as it opens the database: %w", err)
	}
	return plain(err)
}
