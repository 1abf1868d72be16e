package open_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"modernc.org/sqlite"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/store"
)

// faulty is SQLite with a hook before each statement, which may fail, panic,
// wait, or do something to the connection first.
type faulty struct {
	dsn  string
	mu   sync.Mutex
	hook func(c driver.ExecerContext, text string) error
}

func (f *faulty) set(hook func(c driver.ExecerContext, text string) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.hook = hook
}

// once makes the next statement that begins with the text fail with err.
func (f *faulty) once(begins string, err error) {
	var done atomic.Bool
	f.set(func(_ driver.ExecerContext, text string) error {
		if strings.HasPrefix(text, begins) && done.CompareAndSwap(false, true) {
			return err
		}
		return nil
	})
}

func (f *faulty) before(c driver.Conn, text string) error {
	f.mu.Lock()
	hook := f.hook
	f.mu.Unlock()
	if hook == nil {
		return nil
	}
	return hook(c.(driver.ExecerContext), text)
}

func (f *faulty) Driver() driver.Driver { return &sqlite.Driver{} }

func (f *faulty) Connect(context.Context) (driver.Conn, error) {
	c, err := f.Driver().Open(f.dsn)
	return faultyConn{c, f}, err
}

type faultyConn struct {
	driver.Conn
	f *faulty
}

func (c faultyConn) ExecContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Result, error) {
	if err := c.f.before(c.Conn, text); err != nil {
		return nil, err
	}
	return c.Conn.(driver.ExecerContext).ExecContext(ctx, text, args)
}

func (c faultyConn) QueryContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Rows, error) {
	if err := c.f.before(c.Conn, text); err != nil {
		return nil, err
	}
	return c.Conn.(driver.QueryerContext).QueryContext(ctx, text, args)
}

func (c faultyConn) Prepare(text string) (driver.Stmt, error) {
	s, err := c.Conn.Prepare(text)
	return faultyStmt{s, c, text}, err
}

type faultyStmt struct {
	driver.Stmt
	c    faultyConn
	text string
}

func (s faultyStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	if err := s.c.f.before(s.c.Conn, s.text); err != nil {
		return nil, err
	}
	return s.Stmt.(driver.StmtExecContext).ExecContext(ctx, args)
}

func (s faultyStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	if err := s.c.f.before(s.c.Conn, s.text); err != nil {
		return nil, err
	}
	return s.Stmt.(driver.StmtQueryContext).QueryContext(ctx, args)
}

// numbered is an error with SQLite's result code.
type numbered int

func (n numbered) Error() string { return fmt.Sprintf("result code %d", int(n)) }
func (n numbered) Code() int     { return int(n) }

const (
	busy      = numbered(5)
	ioErr     = numbered(10 | 4<<8) // SQLITE_IOERR_FSYNC
	full      = numbered(13)
	ordinary  = numbered(1)
	corrupted = numbered(11)
)

func openFaulty(t *testing.T) (*store.DB, *faulty) {
	t.Helper()
	f := &faulty{dsn: "file:" + t.TempDir() + "/watchword.db?_pragma=busy_timeout(5000)"}
	db := sql.OpenDB(f)
	s, err := store.Open(t.Context(), db, store.SQLite)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		f.set(nil)
		if err := errors.Join(s.Close(context.Background()), db.Close()); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return s, f
}

func fact(id string) watchword.Fact {
	return watchword.Fact{Kind: watchword.TokenFact, ID: id, Until: base.Add(time.Hour)}
}

// kept returns the ids of the facts in the store, in order.
func kept(t *testing.T, s *store.DB) string {
	t.Helper()
	facts, _, err := s.FactsSince(t.Context(), watchword.Cursor{}, base, 1000)
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, f := range facts {
		ids = append(ids, f.ID)
	}
	return strings.Join(ids, " ")
}

func TestFaults(t *testing.T) {
	for _, tt := range []struct {
		name, at string
		err      error
		want     watchword.Code
	}{
		{"locked at the begin", "BEGIN", busy, watchword.Unavailable},
		{"broken at the begin", "BEGIN", ordinary, watchword.Internal},
		{"disk full in a write", "INSERT INTO ww_facts", full, watchword.Unavailable},
		{"out of order in a write", "INSERT INTO ww_facts", corrupted, watchword.Internal},
		{"no savepoint", "SAVEPOINT", ioErr, watchword.Unavailable},
		{"no release", "RELEASE", ioErr, watchword.Unavailable},
		{"disk full at the commit", "COMMIT", full, watchword.Unavailable},
		{"disk broken at the commit", "COMMIT", ioErr, watchword.Unavailable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, f := openFaulty(t)
			if _, err := s.AddFact(t.Context(), fact("before")); err != nil {
				t.Fatal(err)
			}
			f.once(tt.at, tt.err)
			_, err := s.AddFact(t.Context(), fact("failed"))
			if err == nil || watchword.CodeOf(err) != tt.want || !errors.Is(err, tt.err) {
				t.Errorf("AddFact = %v, want %v for %v", err, tt.want, tt.err)
			}
			// It passes by itself, without a restart and without a trace.
			if _, err := s.AddFact(t.Context(), fact("after")); err != nil {
				t.Errorf("AddFact after the fault: %v", err)
			}
			if got := kept(t, s); got != "before after" {
				t.Errorf("kept are %q, want those before and after", got)
			}
		})
	}
}

// TestRolledBack has the engine roll the whole transaction back by itself in
// the middle of a group, as SQLite does when the disk is full: nothing may
// be written after that as if the transaction still stood, and nobody of the
// group may be told that his write is kept.
func TestRolledBack(t *testing.T) {
	s, f := openFaulty(t)
	const writers = 20
	var gate sync.WaitGroup
	gate.Add(1)
	var inserts atomic.Int32
	f.set(func(c driver.ExecerContext, text string) error {
		if strings.HasPrefix(text, "BEGIN") {
			gate.Wait() // until all wait for one group
		}
		if strings.HasPrefix(text, "INSERT INTO ww_facts") && inserts.Add(1) == writers/2 {
			_, err := c.ExecContext(context.Background(), "ROLLBACK", nil)
			return errors.Join(full, err)
		}
		return nil
	})
	answers := make(chan error, writers)
	for i := range writers {
		go func() {
			_, err := s.AddFact(t.Context(), fact(fmt.Sprintf("w%d", i)))
			answers <- err
		}()
	}
	yield(100 * writers)
	gate.Done()
	acknowledged := 0
	for range writers {
		if err := <-answers; err == nil {
			acknowledged++
		} else if !errors.Is(err, watchword.Unavailable) {
			t.Errorf("AddFact = %v, want Unavailable", err)
		}
	}
	got := kept(t, s)
	if n := len(strings.Fields(got)); n != acknowledged {
		t.Errorf("%d writes were acknowledged, kept are %d: %q", acknowledged, n, got)
	}
	if acknowledged >= writers {
		t.Error("all writes were acknowledged: the fault never came")
	}
}

// yield lets other goroutines go on, so that writes can be expected to wait
// together. The test holds either way, but proves less where they do not.
func yield(times int) {
	for range times {
		runtime.Gosched()
	}
}

// TestRefusedBesideOthers has writes of one group refused for their own
// reasons: they undo nothing of the others.
func TestRefusedBesideOthers(t *testing.T) {
	s, f := openFaulty(t)
	var failures atomic.Int32
	f.set(func(_ driver.ExecerContext, text string) error {
		// After the user was written, so that there is something to undo.
		if strings.HasPrefix(text, "INSERT INTO ww_names") {
			failures.Add(1)
			return ordinary
		}
		return nil
	})
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			if i%2 == 0 {
				if _, err := s.CreateUser(t.Context(), watchword.NewUser{User: watchword.User{Login: fmt.Sprint(i)}}); err == nil {
					t.Error("CreateUser succeeded")
				}
			} else if _, err := s.AddFact(t.Context(), fact("beside")); err != nil {
				t.Errorf("AddFact: %v", err)
			}
		})
	}
	wg.Wait()
	if got := len(strings.Fields(kept(t, s))); got != 20 || failures.Load() != 20 {
		t.Errorf("%d facts are kept beside %d failures, want 20 and 20", got, failures.Load())
	}
	f.set(nil)
	users, err := s.ListUsers(t.Context(), "", 100)
	if len(users) != 0 || err != nil {
		t.Errorf("ListUsers = %v, %v, want nobody", users, err)
	}
	u, err := s.CreateUser(t.Context(), watchword.NewUser{User: watchword.User{Login: "first"}})
	if u.ID != "1" || err != nil {
		t.Errorf("CreateUser = %+v, %v, want id 1: what was undone took none", u, err)
	}
}

func TestContextEnds(t *testing.T) {
	s, f := openFaulty(t)
	began, gate := make(chan struct{}), make(chan struct{})
	var commits atomic.Int32
	f.set(func(_ driver.ExecerContext, text string) error {
		if strings.HasPrefix(text, "COMMIT") && commits.Add(1) == 1 {
			close(began)
			<-gate
		}
		return nil
	})
	// The first is taken: it is answered with what became of it.
	ctx, cancel := context.WithCancel(t.Context())
	first := make(chan error)
	go func() {
		_, err := s.AddFact(ctx, fact("taken"))
		first <- err
	}()
	<-began
	// The second waits behind it and gives up: it is never done.
	late, giveUp := context.WithCancel(t.Context())
	second := make(chan error)
	go func() {
		_, err := s.AddFact(late, fact("given-up"))
		second <- err
	}()
	giveUp()
	if err := <-second; !errors.Is(err, context.Canceled) || !errors.Is(err, watchword.Unavailable) {
		t.Errorf("AddFact given up = %v, want Unavailable for the context's end", err)
	}
	cancel()
	close(gate)
	if err := <-first; err != nil {
		t.Errorf("AddFact taken = %v, want the commit's result", err)
	}
	f.set(nil)
	if _, err := s.AddFact(ctx, fact("too-late")); !errors.Is(err, context.Canceled) {
		t.Errorf("AddFact with an ended context = %v", err)
	}
	if _, err := s.UserByID(ctx, "1"); !errors.Is(err, context.Canceled) || !errors.Is(err, watchword.Unavailable) {
		t.Errorf("UserByID with an ended context = %v", err)
	}
	if got := kept(t, s); got != "taken" {
		t.Errorf("kept is %q, want what was taken", got)
	}
}

func TestClose(t *testing.T) {
	f := &faulty{dsn: "file:" + t.TempDir() + "/watchword.db"}
	db := sql.OpenDB(f)
	defer db.Close()
	s, err := store.Open(t.Context(), db, store.SQLite)
	if err != nil {
		t.Fatal(err)
	}
	answers := make(chan error, 50)
	for i := range cap(answers) {
		go func() {
			_, err := s.AddFact(t.Context(), fact(fmt.Sprintf("w%d", i)))
			answers <- err
		}()
	}
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	acknowledged := 0
	for range cap(answers) {
		if err := <-answers; err == nil {
			acknowledged++
		} else if !errors.Is(err, watchword.Unavailable) {
			t.Errorf("AddFact beside Close = %v", err)
		}
	}
	if err := s.SetMeta(t.Context(), "a", nil); !errors.Is(err, watchword.Unavailable) {
		t.Errorf("SetMeta after Close = %v, want Unavailable", err)
	}
	if err := s.Close(t.Context()); err != nil {
		t.Errorf("Close again: %v", err)
	}
	if open := db.Stats().InUse; open != 0 {
		t.Errorf("%d connections are still in use", open)
	}
	again, err := store.Open(t.Context(), db, store.SQLite) // db is the caller's still
	if err != nil {
		t.Fatal(err)
	}
	if got := len(strings.Fields(kept(t, again))); got != acknowledged {
		t.Errorf("%d facts are kept, %d were acknowledged", got, acknowledged)
	}
	if err := again.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestOneConnection is a caller who allows his database one connection: that
// writes, and reads go the same way.
func TestOneConnection(t *testing.T) {
	db := sql.OpenDB(&faulty{dsn: "file:" + t.TempDir() + "/watchword.db"})
	defer db.Close()
	db.SetMaxOpenConns(1)
	s, err := store.Open(t.Context(), db, store.SQLite)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(context.Background())
	if _, err := s.AddFact(t.Context(), fact("a")); err != nil {
		t.Fatal(err)
	}
	if got := kept(t, s); got != "a" {
		t.Errorf("kept is %q", got)
	}
}
