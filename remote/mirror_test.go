package remote_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/remote"
)

// users keep users in memory, with everything that is optional.
type users struct {
	mu      sync.Mutex
	rows    map[string]remote.User // by issuer and id
	cursors map[string]string
	writes  int
	fault   func(u remote.User) error // of Upsert
	during  map[string]int            // writes in the air, by id
	overlap bool
}

func newUsers() *users {
	return &users{rows: make(map[string]remote.User), cursors: make(map[string]string), during: make(map[string]int)}
}

func (s *users) Upsert(_ context.Context, u remote.User) error {
	s.mu.Lock()
	s.writes++
	s.during[u.ID]++
	s.overlap = s.overlap || s.during[u.ID] > 1
	fault := s.fault
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.during[u.ID]--
		s.mu.Unlock()
	}()
	if fault != nil {
		if err := fault(u); err != nil {
			return err
		}
	}
	time.Sleep(time.Millisecond)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rows[u.Issuer+" "+u.ID] = u
	return nil
}

func (s *users) Delete(_ context.Context, issuer, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.rows, issuer+" "+id)
	return nil
}

func (s *users) User(_ context.Context, issuer, id string) (remote.User, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u, ok := s.rows[issuer+" "+id]
	if !ok {
		return remote.User{}, watchword.NotFound
	}
	return u, nil
}

func (s *users) Cursor(_ context.Context, issuer string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cursors[issuer], nil
}

func (s *users) SetCursor(_ context.Context, issuer, cursor string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cursors[issuer] = cursor
	return nil
}

func (s *users) UserIDs(_ context.Context, issuer, after string, limit int) ([]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var ids []string
	for _, key := range slices.Sorted(maps.Keys(s.rows)) {
		of, id, _ := strings.Cut(key, " ")
		if of == issuer && id > after && len(ids) < limit {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

func (s *users) fail(with func(u remote.User) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = with
}

func (s *users) names() map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	names := make(map[string]string)
	for _, u := range s.rows {
		names[u.ID] = u.FirstName
	}
	return names
}

// central's users as a complete mirror has them.
func (c *central) names() map[string]string {
	list, err := c.store.ListUsers(context.Background(), "", 1_000_000)
	if err != nil {
		c.t.Fatal(err)
	}
	names := make(map[string]string)
	for _, u := range list {
		names[u.ID] = u.FirstName
	}
	return names
}

func (c *central) same(t *testing.T, s *users, when string) {
	t.Helper()
	if got, want := s.names(), c.names(); !maps.Equal(got, want) {
		t.Errorf("%s: mirrored %v, want %v", when, got, want)
	}
	if s.overlap {
		t.Errorf("%s: two writes of one user at once", when)
	}
}

// A new service reads everybody and then follows.
func TestMirrorFollows(t *testing.T) {
	both(t, func(t *testing.T, c *central) {
		for i := range 1200 { // three pages
			c.addUserFast(fmt.Sprintf("user%d", i))
		}
		s := newUsers()
		client := c.service(t, func(r *remote.Config) { r.Users = s })
		time.Sleep(10 * time.Second)
		c.same(t, s, "new service")
		if st := client.Stats().Mirror; !st.Complete || st.Full != 1 || st.Pending != 0 || st.Cursor == "" {
			t.Errorf("Stats = %+v", st)
		}
		c.change("5", "Five")
		c.addUser("later")
		now := time.Now()
		if err := c.store.DeleteUser(t.Context(), "7", now.Add(time.Hour), now); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Second)
		c.same(t, s, "after changes")
		u, err := s.User(t.Context(), issuer, annID)
		if err != nil || u.Login != "ann" || u.Email != "ann@example.com" || !u.Staff || !u.Active || string(u.Extra) != `{"plan":"paid"}` ||
			!slices.Equal(u.Scopes, []string{"read", "write"}) || u.CreatedAt.IsZero() || len(u.Raw) == 0 {
			t.Errorf("mirrored ann = %+v, %v", u, err)
		}
		if client.Stats().Mirror.Full != 1 {
			t.Error("everybody was read again")
		}
	})
}

// addUserFast makes a user without a password.
func (c *central) addUserFast(login string) {
	if _, err := c.store.CreateUser(context.Background(), watchword.NewUser{User: watchword.User{Login: login, FirstName: login, Active: true}}); err != nil {
		c.t.Fatal(err)
	}
}

// A service that was away goes on from where it was; one that has lost its
// place, or was away for too long, and one whose authority was replaced, reads
// everybody and forgets who is gone.
func TestMirrorResumes(t *testing.T) {
	for name, test := range map[string]struct {
		away  time.Duration
		spoil func(s *users)
		full  uint64
	}{
		"a minute":         {time.Minute, func(*users) {}, 0},
		"three weeks":      {21 * 24 * time.Hour, func(*users) {}, 1},
		"without a place":  {time.Minute, func(s *users) { clear(s.cursors) }, 1},
		"unreadable place": {time.Minute, func(s *users) { s.cursors[issuer] = "x" }, 1},
		"of another epoch": {time.Minute, func(s *users) { s.cursors[issuer] = "abc.4@946684800" }, 1},
		"ahead": {time.Minute, func(s *users) {
			epoch, _, _ := strings.Cut(s.cursors[issuer], ".")
			s.cursors[issuer] = fmt.Sprintf("%s.%d@%d", epoch, 1_000_000, time.Now().Unix())
		}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			both(t, func(t *testing.T, c *central) {
				for i := range 20 {
					c.addUserFast(fmt.Sprintf("user%d", i))
				}
				s := newUsers()
				c.service(t, func(r *remote.Config) { r.Users = s }).Close()
				client := c.service(t, func(r *remote.Config) { r.Users = s })
				time.Sleep(15 * time.Second) // the place is kept where it moves
				c.same(t, s, "at first")
				client.Close()
				c.change("2", "changed while away")
				now := time.Now()
				if err := c.store.DeleteUser(t.Context(), "3", now.Add(time.Hour), now); err != nil {
					t.Fatal(err)
				}
				test.spoil(s)
				time.Sleep(test.away)
				before := s.writes
				client = c.service(t, func(r *remote.Config) { r.Users = s })
				time.Sleep(3 * time.Second)
				c.same(t, s, "again")
				if full := client.Stats().Mirror.Full; full != test.full {
					t.Errorf("everybody was read %d times, want %d", full, test.full)
				}
				if writes := s.writes - before; test.full == 0 && writes > 3 {
					t.Errorf("%d users were written for one change", writes)
				}
			})
		})
	}
}

// Whoever signs in or shows a token is there before anything else happens.
func TestMirrorAtFirstSight(t *testing.T) {
	for name, feed := range map[string]bool{"with credentials": true, "without": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCentral(t, nil)
				c.addUser("bob")
				c.fail("/auth/v1/directory", refuse(503, "unavailable")) // nobody is read ahead
				s := newUsers()
				client := c.service(t, func(r *remote.Config) {
					r.Users, r.Background = s, true
					if !feed {
						r.ClientID, r.ClientSecret = "", ""
					}
				})
				time.Sleep(time.Second)
				tokens, err := client.SignIn(t.Context(), watchword.SignInRequest{Credentials: watchword.Credentials{Login: "ann", Password: annPass}})
				if err != nil || tokens.User.Login != "ann" || tokens.User.FirstName != "ANN" {
					t.Fatalf("SignIn = %+v, %v", tokens.User, err)
				}
				if got := s.names(); got[annID] != "ANN" || len(got) != 1 {
					t.Errorf("mirrored %v", got)
				}
				bob := c.signIn("bob")
				calls := c.total()
				var wg sync.WaitGroup
				for range 50 {
					wg.Go(func() {
						if _, err := client.Verify(t.Context(), bob.Access); err != nil {
							t.Errorf("Verify = %v", err)
						}
					})
				}
				wg.Wait()
				if got := s.names(); got["2"] != "BOB" {
					t.Errorf("mirrored %v, want bob at first sight", got)
				}
				if n := c.total() - calls; n > 2 {
					t.Errorf("50 requests at once cost %d calls", n)
				}
			})
		})
	}
}

// What cannot be kept is not let in, and nothing is left behind of it.
func TestMirrorFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCentral(t, nil)
		s := newUsers()
		s.fail(func(remote.User) error { return errors.New("disk full") })
		client := c.service(t, func(r *remote.Config) { r.Users = s })
		_, err := client.SignIn(t.Context(), watchword.SignInRequest{Credentials: watchword.Credentials{Login: "ann", Password: annPass}})
		if !errors.Is(err, watchword.Unavailable) {
			t.Errorf("SignIn = %v, want Unavailable", err)
		}
		open, err := c.store.ListSessions(t.Context(), watchword.SessionFilter{UserID: annID}, time.Now())
		if err != nil || len(open) != 0 {
			t.Errorf("%d sessions are open, %v, want the failed sign-in's ended", len(open), err)
		}
		tokens := c.signIn("ann")
		if _, err := client.Verify(t.Context(), tokens.Access); !errors.Is(err, watchword.Unavailable) {
			t.Errorf("Verify = %v, want Unavailable", err)
		}
		s.fail(func(remote.User) error { panic("a hook") })
		if _, err := client.Verify(t.Context(), tokens.Access); !errors.Is(err, watchword.Unavailable) {
			t.Errorf("Verify = %v of a panic, want Unavailable", err)
		}
		time.Sleep(10 * time.Second)
		if st := client.Stats().Mirror; st.Pending == 0 || st.Failures == 0 || st.LastError == nil || s.cursors[issuer] != "" {
			t.Errorf("Stats = %+v, want ann pending and no place kept", st)
		}
		s.fail(nil)
		if _, err := client.Verify(t.Context(), tokens.Access); err != nil {
			t.Errorf("Verify = %v", err)
		}
		time.Sleep(2 * time.Minute)
		c.same(t, s, "at last")
		if st := client.Stats().Mirror; st.Pending != 0 || s.cursors[issuer] == "" {
			t.Errorf("Stats = %+v, want nothing pending and a place", st)
		}
	})
}

// panicky are users whose every question panics as often as it is told to.
type panicky struct {
	*users
	left atomic.Int64
}

func (p *panicky) maybe() {
	if p.left.Add(-1) >= 0 {
		panic("a driver")
	}
}

func (p *panicky) User(ctx context.Context, issuer, id string) (remote.User, error) {
	p.maybe()
	return p.users.User(ctx, issuer, id)
}

func (p *panicky) Cursor(ctx context.Context, issuer string) (string, error) {
	p.maybe()
	return p.users.Cursor(ctx, issuer)
}

func (p *panicky) SetCursor(ctx context.Context, issuer, cursor string) error {
	p.maybe()
	return p.users.SetCursor(ctx, issuer, cursor)
}

func (p *panicky) UserIDs(ctx context.Context, issuer, after string, limit int) ([]string, error) {
	p.maybe()
	return p.users.UserIDs(ctx, issuer, after, limit)
}

// The application's questions are asked in the background, where nobody else
// would recover a panic: it counts as a failure, and is tried again.
func TestMirrorPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCentral(t, nil)
		s := &panicky{users: newUsers()}
		s.left.Store(3)
		client := c.service(t, func(r *remote.Config) { r.Users = s })
		time.Sleep(30 * time.Second)
		c.same(t, s.users, "after panics at the start")
		tokens := c.signIn("ann")
		next := c.service(t, func(r *remote.Config) { r.Users = s })
		time.Sleep(time.Second) // until nobody asks but Verify
		s.left.Store(1)
		if _, err := next.Verify(t.Context(), tokens.Access); !errors.Is(err, watchword.Unavailable) {
			t.Errorf("Verify = %v of a panic, want Unavailable", err)
		}
		if _, err := next.Verify(t.Context(), tokens.Access); err != nil {
			t.Errorf("Verify = %v", err)
		}
		if st := client.Stats().Mirror; st.Failures == 0 || !st.Complete {
			t.Errorf("Stats = %+v", st)
		}
	})
}

// One user who cannot be written holds up nobody else.
func TestMirrorOneFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCentral(t, nil)
		for i := range 10 {
			c.addUserFast(fmt.Sprintf("user%d", i))
		}
		s := newUsers()
		s.fail(func(u remote.User) error {
			if u.ID == "4" {
				return errors.New("not this one")
			}
			return nil
		})
		client := c.service(t, func(r *remote.Config) { r.Users = s })
		time.Sleep(time.Minute)
		c.change("6", "Six")
		time.Sleep(time.Second)
		if got := s.names(); got["6"] != "Six" || len(got) != 10 {
			t.Errorf("mirrored %v, want all but one", got)
		}
		if st := client.Stats().Mirror; st.Pending != 1 {
			t.Errorf("Stats = %+v, want one pending", st)
		}
		s.fail(nil)
		time.Sleep(2 * time.Minute)
		c.same(t, s, "at last")
	})
}

// A record of somebody else is written under nobody's name.
func TestMirrorMixUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCentral(t, nil)
		c.addUser("bob")
		c.fail("/auth/v1/directory", refuse(503, "unavailable"))
		s := newUsers()
		client := c.service(t, func(r *remote.Config) { r.Users, r.Background = s, true })
		time.Sleep(time.Second)
		for name, edit := range map[string]func(map[string]any){
			"another id": func(o map[string]any) { o["id"] = "2" },
			"no id":      func(o map[string]any) { delete(o, "id") },
			"number":     func(o map[string]any) { o["id"] = 1 },
			"flags":      func(o map[string]any) { o["active"] = "yes" },
			"extra":      func(o map[string]any) { o["extra"] = []int{1} },
			"date":       func(o map[string]any) { o["created_at"] = "yesterday" },
		} {
			c.mu.Lock()
			c.fields = edit
			c.mu.Unlock()
			_, err := client.SignIn(t.Context(), watchword.SignInRequest{Credentials: watchword.Credentials{Login: "ann", Password: annPass}})
			if !errors.Is(err, watchword.Unavailable) || len(s.names()) != 0 {
				t.Errorf("%s: SignIn = %v, mirrored %v", name, err, s.names())
			}
		}
		// A service may be told less.
		c.mu.Lock()
		c.fields = func(o map[string]any) {
			for name := range o {
				if name != "id" && name != "email" {
					delete(o, name)
				}
			}
		}
		c.mu.Unlock()
		if _, err := client.SignIn(t.Context(), watchword.SignInRequest{Credentials: watchword.Credentials{Login: "ann", Password: annPass}}); err != nil {
			t.Fatal(err)
		}
		if u, err := s.User(t.Context(), issuer, annID); err != nil || u.Email != "ann@example.com" || !u.Active || u.Staff || u.Login != "" {
			t.Errorf("mirrored %+v, %v", u, err)
		}
	})
}

// Nobody is deleted because a proxy, or an authority without a directory,
// answers 404 to everything.
func TestMirrorNotFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCentral(t, nil)
		s := newUsers()
		client := c.service(t, func(r *remote.Config) { r.Users = s })
		time.Sleep(time.Second)
		for _, path := range []string{"/auth/v1/directory", "/auth/v1/directory/1"} {
			c.fail(path, refuse(404, "not_found"))
		}
		c.change(annID, "Anna")
		time.Sleep(10 * time.Second)
		if got := s.names(); got[annID] != "ANN" {
			t.Errorf("mirrored %v, want ann as she was", got)
		}
		if st := client.Stats().Mirror; st.Pending != 1 {
			t.Errorf("Stats = %+v", st)
		}
		c.fail("/auth/v1/directory", nil)
		c.fail("/auth/v1/directory/1", nil)
		time.Sleep(2 * time.Minute)
		c.same(t, s, "at last")
	})
}

// An import that names nobody has everybody read again, once, and not again
// after a restart.
func TestMirrorImport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCentral(t, nil)
		s := newUsers()
		client := c.service(t, func(r *remote.Config) { r.Users = s })
		time.Sleep(time.Second)
		for range 3 {
			if _, err := c.store.AddFact(t.Context(), watchword.Fact{Kind: watchword.ProfileFact, Until: time.Now().Add(watchword.ProfileFactLife)}); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Second)
		if full := client.Stats().Mirror.Full; full != 2 {
			t.Errorf("everybody was read %d times, want once more", full)
		}
		client.Close()
		client = c.service(t, func(r *remote.Config) { r.Users = s })
		time.Sleep(time.Second)
		if full := client.Stats().Mirror.Full; full != 0 {
			t.Errorf("everybody was read %d times after a restart", full)
		}
	})
}

// A policy judges the user as he is mirrored.
func TestRequire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCentral(t, nil)
		s := newUsers()
		client := c.service(t, func(r *remote.Config) { r.Users = s })
		tokens := c.signIn("ann")
		claims, err := client.Verify(t.Context(), tokens.Access)
		if err != nil {
			t.Fatal(err)
		}
		plan := func(_ context.Context, u remote.User) error {
			extra, err := remote.Extra[struct{ Plan string }](u)
			if err == nil && extra.Plan != "paid" {
				err = errors.New("not paid")
			}
			return err
		}
		policy := watchword.Because("no permission to this service", client.Require(plan))
		if err := policy(claims); err != nil {
			t.Errorf("policy = %v, want yes", err)
		}
		extra, now := []byte(`{"plan":"free"}`), time.Now()
		if _, err := c.store.UpdateUser(t.Context(), annID, watchword.UserChange{Extra: &extra}, 0, now.Add(time.Hour), now); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		var refusal *watchword.PolicyError
		if err := policy(claims); !errors.As(err, &refusal) || refusal.Code != watchword.PermissionDenied || refusal.Message != "no permission to this service" {
			t.Errorf("policy = %v, want the message", err)
		}
		nobody := client.Require(func(context.Context, remote.User) error { return nil })
		if err := nobody(&watchword.Claims{UserID: "77"}); !errors.Is(err, watchword.PermissionDenied) {
			t.Errorf("policy = %v of somebody who is not here", err)
		}
		if err := nobody(&watchword.Claims{}); !errors.Is(err, watchword.PermissionDenied) {
			t.Errorf("policy = %v of a token without user", err)
		}
		broken := remote.Require(func(context.Context, *watchword.Claims) (remote.User, error) {
			return remote.User{}, errors.New("disk")
		}, plan)
		if err := broken(claims); !errors.Is(err, watchword.Unavailable) {
			t.Errorf("policy = %v of a store that fails, want Unavailable", err)
		}
		without := c.service(t, nil).Require(plan)
		if err := without(claims); !errors.Is(err, watchword.Unavailable) {
			t.Errorf("policy = %v without users, want Unavailable", err)
		}
	})
}
