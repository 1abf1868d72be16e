package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"

	"github.com/watchword-auth/watchword"
)

// Flavor names a database engine. The zero value is none.
type Flavor uint8

// SQLite, from version 3.35, by any driver whose errors have a method
// Code() int with SQLite's result code, as those of modernc.org/sqlite have.
const SQLite Flavor = 1

// String returns the engine's name in lower case.
func (f Flavor) String() string {
	if f == SQLite {
		return "sqlite"
	}
	return fmt.Sprintf("flavor_%d", uint8(f))
}

// DB is a store in a database. Make one with [Open]. It is safe for
// concurrent use, and other processes may use the same database meanwhile.
//
// Writes that wait at the same time are committed together, so that one
// write to the disk serves them all; each is a transaction of its own in
// everything else. A write whose context ends while it waits is not done;
// once it has begun it goes on to its end and the call returns what became
// of it, context or not, so that no call reports a failure for what was
// kept.
//
// Whatever passes by itself (a database that is locked, a disk that is full)
// is [watchword.Unavailable]. A write answered so has left nothing, but for
// the one case that nobody can tell: the disk failed in the commit itself.
type DB struct {
	flavor Flavor
	writer *writer
	reads  *statements // nil: reads go through the writer
}

var (
	_ watchword.Store         = (*DB)(nil)
	_ watchword.SessionLister = (*DB)(nil)
	_ watchword.PasswordUsers = (*DB)(nil)
	_ watchword.HashSampler   = (*DB)(nil)
	_ watchword.LoginRecorder = (*DB)(nil)
	_ watchword.UserAdmin     = (*DB)(nil)
	_ watchword.UserImporter  = (*DB)(nil)
	_ watchword.UserSearcher  = (*DB)(nil)
	_ watchword.Receipts      = (*DB)(nil)
	_ watchword.KeyStore      = (*DB)(nil)
	_ watchword.Clients       = (*DB)(nil)
	_ watchword.Meta          = (*DB)(nil)
	_ watchword.AuditLog      = (*DB)(nil)
	_ watchword.AuditTrimmer  = (*DB)(nil)
	_ watchword.Purger        = (*DB)(nil)
)

// Open makes the tables, or brings them to the newest schema, and returns
// the store. Its tables begin with "ww_", so that it can share a database
// with an application's own. A database that a newer program has written is
// refused.
//
// Open keeps one connection of db for all writes and sets it up so that what
// was acknowledged survives a power cut (SQLite: WAL, synchronous=FULL); a
// database in memory lives in that connection alone, so each Open has its
// own. Reads use the other connections of db. For SQLite the caller's data
// source should set a busy timeout for them; a db limited to one connection
// works, its reads wait for writes.
//
// db stays the caller's: after [DB.Close] it is his to close.
func Open(ctx context.Context, db *sql.DB, f Flavor) (*DB, error) {
	if f != SQLite {
		return nil, fmt.Errorf("open store: no such database engine: %v", f)
	}
	w, err := newWriter(ctx, db, f)
	if err != nil {
		return nil, fmt.Errorf("open store: %w", explain(err))
	}
	d := &DB{flavor: f, writer: w}
	if !w.private && db.Stats().MaxOpenConnections != 1 {
		d.reads = newStatements(db)
	}
	go w.run()
	return d, nil
}

// Close ends the store: what has been written so far is committed, what
// waits is refused as Unavailable, and the connection goes back to its
// *sql.DB. Further writes are refused. It returns early when ctx ends.
func (d *DB) Close(ctx context.Context) error {
	d.writer.stop()
	select {
	case <-d.writer.stopped:
	case <-ctx.Done():
		return ctx.Err()
	}
	if d.reads != nil {
		d.reads.close()
	}
	return nil
}

// Stats tells how writes were gathered since Open.
type Stats struct {
	Writes  int64 // done, refused or failed
	Commits int64 // transactions that they took
}

// Stats returns the figures so far.
func (d *DB) Stats() Stats {
	return Stats{Writes: d.writer.writes.Load(), Commits: d.writer.commits.Load()}
}

// write runs do in a transaction of its own. do may be given up and its
// results must not be used unless write returns nil.
func (d *DB) write(ctx context.Context, do func(ctx context.Context, q *statements) error) error {
	return explain(d.writer.submit(ctx, do))
}

// read runs do, whose statements each see what was committed before.
func (d *DB) read(ctx context.Context, do func(ctx context.Context, q *statements) error) error {
	if d.reads == nil {
		return d.write(ctx, do)
	}
	if err := ctx.Err(); err != nil {
		return unavailable(err)
	}
	return explain(do(ctx, d.reads))
}

// SQLite's primary result codes (https://www.sqlite.org/rescode.html) for
// what passes by itself, or once somebody has seen to the machine.
const (
	sqliteBusy     = 5
	sqliteLocked   = 6
	sqliteNoMem    = 7
	sqliteReadOnly = 8
	sqliteIOErr    = 10
	sqliteFull     = 13
	sqliteCantOpen = 14
)

// explain gives an error of the database its code. It goes by numbers: the
// text of an error is for people.
func explain(err error) error {
	if err == nil {
		return nil
	}
	if _, known := errors.AsType[watchword.Code](err); known {
		return err
	}
	if errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) ||
		errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return unavailable(err)
	}
	var coded interface {
		error
		Code() int
	}
	if errors.As(err, &coded) {
		switch coded.Code() & 0xff { // the rest says where exactly
		case sqliteBusy, sqliteLocked, sqliteNoMem, sqliteReadOnly, sqliteIOErr, sqliteFull, sqliteCantOpen:
			return unavailable(err)
		}
	}
	return err
}

func unavailable(err error) error { return fmt.Errorf("%w: %w", watchword.Unavailable, err) }
