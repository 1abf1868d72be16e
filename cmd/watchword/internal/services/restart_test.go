package services

import (
	"context"
	"errors"
	"fmt"
	"log"
	"maps"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/open"
	"github.com/watchword-auth/watchword/httpauth"
	"github.com/watchword-auth/watchword/password"
	"github.com/watchword-auth/watchword/remote"
	"github.com/watchword-auth/watchword/remote/sqlmirror"
)

const (
	changes  = 10_000
	restarts = 20  // of the authority, and as many of the services
	people   = 300 // of whom a third goes
	stay     = 200
	writers  = 8
)

// central is an authority over a database in a file, with the native routes,
// that can be ended and started again at the same address.
type central struct {
	t       *testing.T
	dsn     string
	address string
	id      string
	secret  string

	auth    *watchword.Authority
	db      *open.Opened
	server  *http.Server
	streams *httpauth.Streams
	served  chan struct{}
	stop    context.CancelFunc
}

var seal = []byte("0123456789abcdef0123456789abcdef")

func newCentral(t *testing.T) *central {
	t.Helper()
	c := &central{t: t, dsn: "sqlite:" + filepath.Join(t.TempDir(), "authority.db"), address: "127.0.0.1:0"}
	c.start()
	t.Cleanup(c.end)
	var record watchword.ClientRecord
	c.id, c.secret, record = watchword.NewClientSecret("shop", []string{watchword.FeedScope}, time.Now())
	record.UserFields = []string{"login", "email", "first_name", "active", "extra"}
	if err := c.db.CreateClient(t.Context(), record); err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *central) url() string { return "http://" + c.address }

func (c *central) start() {
	c.t.Helper()
	var err error
	if c.db, err = open.Store(c.t.Context(), c.dsn); err != nil {
		c.t.Fatal(err)
	}
	var listener net.Listener
	for listener == nil { // the former one's connections may hold the port for a moment
		listener, err = new(net.ListenConfig).Listen(c.t.Context(), "tcp", c.address)
		if err != nil {
			time.Sleep(10 * time.Millisecond)
		}
	}
	c.address = listener.Addr().String()
	hasher, err := password.New(password.Config{Preferred: password.Params{Scheme: "argon2id", Memory: 64, Time: 1}})
	if err != nil {
		c.t.Fatal(err)
	}
	c.auth, err = watchword.New(watchword.Config{
		Issuer: c.url(), Audience: "shop", Store: c.db, SealKey: seal, Hasher: hasher, InsecureUnlimited: true,
		AccessLifetime: time.Hour, SessionLifetime: 48 * time.Hour,
	})
	if err != nil {
		c.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	c.stop = stop
	mux := http.NewServeMux()
	p := httpauth.Native(httpauth.NativePrefix, nil)
	c.streams = httpauth.NewStreams()
	p.Streams = c.streams
	if err := httpauth.Mount(mux, c.auth, p); err != nil {
		c.t.Fatal(err)
	}
	c.server = &http.Server{Handler: mux, ErrorLog: log.New(discard{}, "", 0)}
	c.served = make(chan struct{})
	go func() {
		defer close(c.served)
		var run sync.WaitGroup
		run.Go(func() { c.auth.Run(ctx, nil) })
		_ = c.server.Serve(listener)
		run.Wait()
	}()
}

type discard struct{}

func (discard) Write(b []byte) (int, error) { return len(b), nil }

// end cuts all connections, as a process that dies does.
func (c *central) end() {
	c.t.Helper()
	c.streams.End()
	c.stop()
	_ = c.server.Close()
	<-c.served
	if err := c.db.Close(context.Background()); err != nil {
		c.t.Errorf("close the authority's database: %v", err)
	}
}

// service is one that mirrors users, and can be ended and started again too.
type service struct {
	client *remote.Client
	mirror *sqlmirror.Mirror
}

func (c *central) service(m *sqlmirror.Mirror) *service {
	c.t.Helper()
	for {
		client, err := remote.New(c.t.Context(), remote.Config{
			URL: c.url(), Audience: "shop", ClientID: c.id, ClientSecret: c.secret, Users: m, MaxStale: 5 * time.Second,
		})
		if err == nil {
			return &service{client, m}
		}
		if watchword.CodeOf(err) != watchword.Unavailable && c.t.Context().Err() != nil {
			c.t.Fatal(err)
		}
	}
}

// names are the authority's users, as a mirror should have them.
func (c *central) names() map[string]string {
	c.t.Helper()
	list, err := c.db.ListUsers(c.t.Context(), "", 10*people)
	if err != nil {
		c.t.Fatal(err)
	}
	names := make(map[string]string)
	for _, u := range list {
		names[u.ID] = u.FirstName + string(u.Extra)
	}
	return names
}

func (s *service) names(t *testing.T) map[string]string {
	t.Helper()
	rows, err := s.mirror.Rows(t.Context(), 0, 10*people)
	if err != nil {
		t.Fatal(err)
	}
	names := make(map[string]string)
	for _, r := range rows {
		names[r.User.ID] = r.User.FirstName + string(r.User.Extra)
	}
	return names
}

// The authority is ended and started twenty times, and the services likewise,
// while another process makes 10,000 changes: sessions that end, users that
// come, change and go. At the end no service accepts a session that has ended,
// refuses one that has not, or has a user that is not as at the authority.
func TestRestartsLoseNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("restarts an authority and services for some time")
	}
	c := newCentral(t)
	other := openStore(t, c.dsn) // the process that makes the changes
	var ids []string
	for i := range people {
		u, err := other.CreateUser(t.Context(), watchword.NewUser{User: watchword.User{Login: fmt.Sprintf("user%d", i), FirstName: "0", Active: true}})
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, u.ID)
	}
	mirrors := []*sqlmirror.Mirror{}
	for i := range 2 {
		db := openSQL(t, "sqlite", "file:"+filepath.Join(t.TempDir(), fmt.Sprintf("mirror%d.db", i))+"?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)")
		mirrors = append(mirrors, mirror(t, db, sqlmirror.SQLite, sqlmirror.Options{}))
	}
	following := []*service{c.service(mirrors[0]), c.service(mirrors[1])}

	// Tokens whose sessions end, and some whose do not.
	const sessions = changes / 5
	var tokens []watchword.Tokens
	for i := range sessions + 50 {
		issued, err := c.auth.Issue(t.Context(), watchword.IssueRequest{Subject: "machine", Lifetime: time.Hour, Scopes: []string{"x"}})
		if err != nil {
			t.Fatalf("token %d: %v", i, err)
		}
		tokens = append(tokens, issued)
	}
	var made atomic.Int64
	var writing sync.WaitGroup
	for worker := range writers {
		writing.Go(func() {
			for i := worker; i < changes; i += writers {
				if err := change(t.Context(), other, i, tokens, ids); err != nil {
					t.Errorf("change %d: %v", i, err)
					return
				}
				made.Add(1)
			}
		})
	}
	for i := range 2 * restarts {
		for made.Load() < int64((i+1)*changes/(2*restarts+1)) && !t.Failed() {
			time.Sleep(time.Millisecond)
		}
		if i%2 == 0 {
			c.end()
			time.Sleep(50 * time.Millisecond)
			c.start()
		} else {
			n := i / 2 % 2
			following[n].client.Close()
			following[n] = c.service(mirrors[n])
		}
	}
	writing.Wait()
	// In order, with the authority's last change, everybody has to be there.
	for n, s := range following {
		deadline, stop := context.WithTimeout(t.Context(), time.Minute)
		for !maps.Equal(s.names(t), c.names()) && deadline.Err() == nil {
			time.Sleep(10 * time.Millisecond)
		}
		stop()
		if got, want := s.names(t), c.names(); !maps.Equal(got, want) {
			t.Errorf("service %d: %d users are out of step of %d; %+v", n, different(got, want), len(want), s.client.Stats().Mirror)
		}
		lost, refused := 0, 0
		for i, token := range tokens {
			_, err := s.client.Verify(t.Context(), token.Access)
			switch {
			case i < sessions && !errors.Is(err, watchword.SessionEnded):
				lost++
			case i >= sessions && err != nil:
				refused++
			}
		}
		if lost != 0 || refused != 0 {
			t.Errorf("service %d: %d facts lost, %d good tokens refused; %+v", n, lost, refused, s.client.Stats().Feed)
		}
		t.Logf("service %d: %+v", n, s.client.Stats())
		s.client.Close()
	}
	t.Logf("%d changes, %d restarts of either side, %d users", made.Load(), restarts, len(c.names()))
}

func openStore(t *testing.T, dsn string) *open.Opened {
	t.Helper()
	db, err := open.Store(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close(context.Background()) })
	return db
}

// change makes the i-th change: every fifth ends a session, the others are
// about users.
func change(ctx context.Context, db *open.Opened, i int, tokens []watchword.Tokens, ids []string) error {
	now := time.Now()
	until := now.Add(2 * time.Hour)
	switch {
	case i%5 == 0:
		_, err := db.EndSessions(ctx, watchword.Which{Number: tokens[i/5].Claims.Number}, until, now)
		return err
	case i%97 == 1:
		_, err := db.CreateUser(ctx, watchword.NewUser{User: watchword.User{Login: fmt.Sprintf("later%d", i), FirstName: "new", Active: true}})
		return err
	case i%101 == 2:
		return db.DeleteUser(ctx, ids[stay+i/101], until, now)
	default:
		name, extra := fmt.Sprint(i), fmt.Appendf(nil, `{"n":%d}`, i)
		_, err := db.UpdateUser(ctx, ids[i%stay], watchword.UserChange{FirstName: &name, Extra: &extra}, 0, until, now)
		return err
	}
}

func different(a, b map[string]string) int {
	n := 0
	for id, name := range b {
		if a[id] != name {
			n++
		}
	}
	for id := range a {
		if _, ok := b[id]; !ok {
			n++
		}
	}
	return n
}
