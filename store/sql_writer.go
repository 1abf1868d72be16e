package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/watchword-auth/watchword"
)

// groupLimit bounds the writes of one commit, and thereby how long the first
// of them waits for the last.
const groupLimit = 256

// writer is the one goroutine that writes. It takes what waits into one
// transaction, commits, and only then answers. A lone write is committed at
// once; while a commit waits for the disk the next group gathers.
type writer struct {
	db      *sql.DB
	flavor  Flavor
	private bool // the database is in memory: nobody else sees it

	queue   chan *job
	quit    chan struct{}
	stop    func() // closes quit, once
	stopped chan struct{}

	writes, commits atomic.Int64

	// Of the goroutine alone, once it runs. conn is nil after a fault that
	// left the connection's state unknown.
	conn *sql.Conn
	q    *statements
}

// job is a write that waits. It is taken or given up, never both: whoever
// moves state from waiting decides.
type job struct {
	do    func(ctx context.Context, q *statements) error
	state atomic.Int32
	err   error         // to be read once done is closed
	done  chan struct{} // closed when the fate of the write is known
}

const (
	waiting int32 = iota
	taken
	givenUp
)

func (j *job) move(to int32) bool { return j.state.CompareAndSwap(waiting, to) }

func newWriter(ctx context.Context, db *sql.DB, f Flavor) (*writer, error) {
	quit := make(chan struct{})
	w := &writer{
		db: db, flavor: f,
		queue: make(chan *job, groupLimit),
		quit:  quit, stop: sync.OnceFunc(func() { close(quit) }),
		stopped: make(chan struct{}),
	}
	if err := w.connect(ctx); err != nil {
		return nil, err
	}
	if err := migrate(ctx, w.conn, f); err != nil {
		w.disconnect()
		return nil, err
	}
	return w, nil
}

// connect takes a connection and sets it up.
func (w *writer) connect(ctx context.Context) error {
	conn, err := w.db.Conn(ctx)
	if err != nil {
		return err
	}
	if w.private, err = setUp(ctx, conn); err != nil {
		return errors.Join(err, conn.Close())
	}
	w.conn, w.q = conn, newStatements(conn)
	return nil
}

// setUp makes what is committed on the connection durable and reports
// whether the database is in memory.
func setUp(ctx context.Context, conn *sql.Conn) (private bool, err error) {
	for _, pragma := range []string{
		"PRAGMA busy_timeout = 5000", // before anything that may meet a lock
		"PRAGMA foreign_keys = ON",
		"PRAGMA synchronous = FULL",
		"PRAGMA fullfsync = ON", // macOS: fsync alone leaves it in the drive's cache
	} {
		if _, err := conn.ExecContext(ctx, pragma); err != nil {
			return false, err
		}
	}
	var mode string
	if err := conn.QueryRowContext(ctx, "PRAGMA journal_mode").Scan(&mode); err != nil {
		return false, err
	}
	if mode == "memory" {
		return true, nil
	}
	if mode != "wal" {
		if err := conn.QueryRowContext(ctx, "PRAGMA journal_mode = WAL").Scan(&mode); err != nil {
			return false, err
		}
	}
	if mode != "wal" {
		return false, fmt.Errorf("the database's journal mode is %q and could not be set to WAL", mode)
	}
	return false, nil
}

// disconnect gives the connection up for good: its state is not known, or
// nobody needs it any more.
func (w *writer) disconnect() {
	if w.conn == nil {
		return
	}
	// Where database/sql has closed the connection by itself its statements
	// went with it, and closing them once more crashes drivers.
	if alive := w.conn.Raw(func(any) error { return nil }); alive == nil && w.q != nil {
		w.q.close()
	}
	// ErrBadConn is how database/sql is told to close a connection rather
	// than to keep it for others.
	_ = w.conn.Raw(func(any) error { return driver.ErrBadConn })
	_ = w.conn.Close()
	w.conn, w.q = nil, nil
}

// submit has do done in a group and returns what became of it.
func (w *writer) submit(ctx context.Context, do func(ctx context.Context, q *statements) error) error {
	if err := ctx.Err(); err != nil {
		return unavailable(err)
	}
	j := &job{do: do, done: make(chan struct{})}
	select {
	case w.queue <- j:
	case <-ctx.Done():
		return unavailable(ctx.Err())
	case <-w.stopped:
		return errClosed()
	}
	select {
	case <-j.done:
		return j.err
	case <-ctx.Done():
		if j.move(givenUp) {
			return unavailable(ctx.Err())
		}
	case <-w.stopped:
		if j.move(givenUp) {
			return errClosed()
		}
	}
	<-j.done // taken: its fate will be known
	return j.err
}

func errClosed() error { return unavailable(errors.New("the store is closed")) }

// run is the goroutine.
func (w *writer) run() {
	defer close(w.stopped)
	defer w.disconnect()
	for {
		select {
		case <-w.quit:
			return
		case j := <-w.queue:
			w.group(j)
		}
	}
}

// group writes first and all that comes while it is at it, commits and
// answers.
func (w *writer) group(first *job) {
	// Statements run without a deadline: what is begun is brought to an end.
	// Waiting for other processes is bounded by the busy timeout.
	ctx := context.Background()
	var group []*job
	err := w.begin(ctx)
	begun := err == nil
	for j := first; j != nil; j = w.next(len(group), err) {
		if !j.move(taken) {
			continue
		}
		group = append(group, j)
		if err == nil {
			err = w.apply(ctx, j)
		}
	}
	if err == nil {
		_, err = w.q.exec(ctx, "COMMIT")
		w.commits.Add(1)
	}
	if begun && err != nil {
		w.abandon(ctx)
	}
	w.writes.Add(int64(len(group)))
	for _, j := range group {
		if err != nil {
			// Also for who was refused: the reason may have been a write of
			// this very group.
			j.err = err
		}
		close(j.done)
	}
}

// next returns the next job that waits, or nil where none does or the group
// is full. Where the transaction failed all who wait share the answer: else
// each group in turn would wait out the busy timeout.
func (w *writer) next(have int, err error) *job {
	if have >= groupLimit && (err == nil || have >= 16*groupLimit) {
		return nil
	}
	select {
	case j := <-w.queue:
		return j
	default:
		return nil
	}
}

// begin opens the group's transaction. IMMEDIATE takes the write lock now:
// a lock taken at the first write could fail after reads that it was based
// on.
func (w *writer) begin(ctx context.Context) error {
	if w.conn == nil {
		if err := w.connect(ctx); err != nil {
			return err
		}
	}
	_, err := w.q.exec(ctx, "BEGIN IMMEDIATE")
	if err != nil && !w.private && !errors.Is(explain(err), watchword.Unavailable) {
		w.disconnect() // not locked, so broken
	}
	return err
}

// apply does one job behind a savepoint, so that its failure undoes nothing
// of the others. An error means that the transaction itself broke.
func (w *writer) apply(ctx context.Context, j *job) error {
	if _, err := w.q.exec(ctx, "SAVEPOINT ww"); err != nil {
		return err
	}
	if j.err = guarded(ctx, w.q, j.do); j.err != nil {
		// After some errors (disk full, out of memory) SQLite has rolled the
		// whole transaction back by itself. Then this fails, and nothing
		// must be written any more as if the transaction were still open.
		if _, err := w.q.exec(ctx, "ROLLBACK TO ww"); err != nil {
			return errors.Join(j.err, err)
		}
	}
	_, err := w.q.exec(ctx, "RELEASE ww")
	return err
}

// guarded turns a panic of do into an error: the writer serves others too.
func guarded(ctx context.Context, q *statements, do func(context.Context, *statements) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic in a write: %v", p)
		}
	}()
	return do(ctx, q)
}

// abandon rolls back what is left of a transaction that broke. Where that is
// refused too, the connection goes, and with it whatever it was in.
func (w *writer) abandon(ctx context.Context) {
	if w.conn == nil {
		return
	}
	if _, err := w.conn.ExecContext(ctx, "ROLLBACK"); err != nil && !w.private {
		w.disconnect()
	}
}
