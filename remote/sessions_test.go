package remote_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/httpauth"
	"github.com/watchword-auth/watchword/remote"
)

const refreshPath = "/auth/v1/refresh"

// browserOf is whose sessions these are.
var browserOf = watchword.Client{Address: netip.MustParseAddr("203.0.113.7"), Device: "Firefox on Linux"}

func newSessions(t testing.TB, c *central, edit func(*remote.SessionsConfig)) *remote.Sessions {
	t.Helper()
	var config remote.SessionsConfig
	if edit != nil {
		edit(&config)
	}
	s, err := remote.NewSessions(c.service(t, nil), config)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func openSession(t testing.TB, s *remote.Sessions, login, pass string) string {
	t.Helper()
	id, _, err := s.OpenSession(t.Context(), watchword.SignInRequest{
		Credentials: watchword.Credentials{Login: login, Password: pass}, Client: browserOf,
	})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func wantCode(t testing.TB, what string, err error, want watchword.Code) {
	t.Helper()
	if err == nil || watchword.CodeOf(err) != want {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}

// A browser holds an id and nothing else; the tokens behind it are renewed here
// for as long as it is used, in the browser's name.
func TestSessionGoesOn(t *testing.T) {
	both(t, func(t *testing.T, c *central) {
		s := newSessions(t, c, nil)
		id := openSession(t, s, "ann", annPass)
		first, err := s.Verify(t.Context(), id)
		if err != nil || first.UserID != annID || !first.HasScope("read") {
			t.Fatalf("Verify = %+v, %v", first, err)
		}
		if n := c.count("POST " + refreshPath); n != 0 {
			t.Errorf("%d renewals of a fresh token", n)
		}
		for range 10 {
			time.Sleep(watchword.DefaultAccessLifetime + time.Second)
			claims, err := s.Verify(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			if claims.Session != first.Session {
				t.Errorf("session %q has become %q", first.Session, claims.Session)
			}
		}
		if n := c.count("POST " + refreshPath); n != 10 {
			t.Errorf("%d renewals, want 10", n)
		}
		if from := c.lastCall("POST " + refreshPath).Header.Get("X-Forwarded-For"); from != browserOf.Address.String() {
			t.Errorf("the authority counts renewals against %q", from)
		}
		if u, far, err := s.SessionUser(t.Context(), id); err != nil || !far || u.Login != "ann" {
			t.Errorf("SessionUser = %+v, %t, %v", u, far, err)
		}
		if raw, err := s.SessionToken(t.Context(), id); err != nil || strings.Count(raw, ".") != 2 {
			t.Errorf("SessionToken = %q, %v", raw, err)
		}
		// An id stands for an access token, and for no other kind.
		_, err = s.Verify(t.Context(), id, watchword.Refresh)
		wantCode(t, "as a refresh token", err, watchword.WrongKind)
		// Tokens themselves count as before.
		if claims, err := s.Verify(t.Context(), c.signIn("ann").Access); err != nil || claims.UserID != annID {
			t.Errorf("a token: %+v, %v", claims, err)
		}
	})
}

// Whatever ends a session at the authority is known here at the next click.
func TestSessionEndsThere(t *testing.T) {
	tests := []struct {
		name string
		end  func(c *central, claims *watchword.Claims) error
		want watchword.Code // 0: it goes on
	}{
		{"signed out", func(c *central, claims *watchword.Claims) error {
			return c.SignOut(context.Background(), watchword.SignOutRequest{Raw: claims.Token()})
		}, watchword.SessionEnded},
		{"signed out everywhere", func(c *central, _ *watchword.Claims) error {
			return c.SignOut(context.Background(), watchword.SignOutRequest{Raw: c.signIn("ann").Access, Everywhere: true})
		}, watchword.SessionEnded},
		{"disabled", func(c *central, _ *watchword.Claims) error {
			active, now := false, time.Now()
			_, err := c.store.UpdateUser(context.Background(), annID, watchword.UserChange{Active: &active}, 0, now.Add(time.Hour), now)
			return err
		}, watchword.SessionEnded},
		{"other rights", func(c *central, _ *watchword.Claims) error {
			scopes, now := []string{"read"}, time.Now()
			_, err := c.store.UpdateUser(context.Background(), annID, watchword.UserChange{Scopes: &scopes}, 0, now.Add(time.Hour), now)
			return err
		}, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			both(t, func(t *testing.T, c *central) {
				s := newSessions(t, c, nil)
				id := openSession(t, s, "ann", annPass)
				claims, err := s.Verify(t.Context(), id)
				if err != nil {
					t.Fatal(err)
				}
				if err := test.end(c, claims); err != nil {
					t.Fatal(err)
				}
				time.Sleep(3 * time.Second)
				claims, err = s.Verify(t.Context(), id)
				if test.want == 0 {
					if err != nil || claims.HasScope("write") || !claims.HasScope("read") {
						t.Errorf("Verify = %+v, %v, want the rights as they are now", claims, err)
					}
					return
				}
				wantCode(t, "the next click", err, test.want)
				_, err = s.Verify(t.Context(), id)
				wantCode(t, "the one after", err, watchword.Unauthenticated)
			})
		})
	}
}

// A refused refresh ends the session, also where the feed tells nothing.
func TestSessionRefreshRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCentral(t, nil)
		s, err := remote.NewSessions(c.service(t, func(r *remote.Config) { r.ClientID, r.ClientSecret = "", "" }), remote.SessionsConfig{})
		if err != nil {
			t.Fatal(err)
		}
		id := openSession(t, s, "ann", annPass)
		raw, err := s.SessionToken(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.SignOut(t.Context(), watchword.SignOutRequest{Raw: raw}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Verify(t.Context(), id); err != nil {
			t.Errorf("before the token's end, without a feed: %v", err)
		}
		time.Sleep(watchword.DefaultAccessLifetime)
		for range 2 {
			_, err = s.Verify(t.Context(), id)
			wantCode(t, "after it", err, watchword.Unauthenticated)
		}
		if n := c.count("POST " + refreshPath); n != 1 {
			t.Errorf("a dead refresh token was shown %d times", n)
		}
	})
}

// While the authority cannot renew, the session goes on until its access token
// ends, is then unavailable and not signed out, and goes on when it is back.
func TestSessionOutage(t *testing.T) {
	outages := map[string]http.HandlerFunc{
		"down": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"503":  answer("text/html", "<h1>Bad gateway</h1>"),
		"busy": refuse(http.StatusTooManyRequests, "rate_limited"),
		"slow": func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // only then is it seen when the caller goes
			<-r.Context().Done()
		},
	}
	for name, outage := range outages {
		t.Run(name, func(t *testing.T) {
			both(t, func(t *testing.T, c *central) {
				s := newSessions(t, c, nil)
				id := openSession(t, s, "ann", annPass)
				c.fail(refreshPath, outage)
				time.Sleep(watchword.DefaultAccessLifetime - 5*time.Second)
				start := time.Now()
				if _, err := s.Verify(t.Context(), id); err != nil {
					t.Errorf("while the token is good: %v", err)
				}
				if waited := time.Since(start); waited > 2*time.Second {
					t.Errorf("a request whose token is good waited %s", waited)
				}
				time.Sleep(5 * time.Second)
				_, err := s.Verify(t.Context(), id)
				if code := watchword.CodeOf(err); code != watchword.Unavailable && (name != "busy" || code != watchword.RateLimited) {
					t.Errorf("when it is over: %v", err)
				}
				c.fail(refreshPath, nil)
				synctest.Wait()
				if _, err := s.Verify(t.Context(), id); err != nil {
					t.Errorf("when the authority is back: %v", err)
				}
			})
		})
	}
}

// However many requests come at the moment of renewal, the refresh token is
// shown once. Whoever hangs up meanwhile does not take the new one along.
func TestSessionRenewsOnce(t *testing.T) {
	both(t, func(t *testing.T, c *central) {
		s := newSessions(t, c, nil)
		id := openSession(t, s, "ann", annPass)
		time.Sleep(watchword.DefaultAccessLifetime)
		held := make(chan struct{})
		c.fail(refreshPath, func(w http.ResponseWriter, r *http.Request) {
			<-held
			c.own.ServeHTTP(w, r)
		})
		ctx, hangUp := context.WithCancel(t.Context())
		var wait sync.WaitGroup
		wait.Go(func() {
			_, err := s.Verify(ctx, id)
			wantCode(t, "who hung up", err, watchword.Unavailable)
		})
		synctest.Wait()
		hangUp()
		wait.Wait()
		for range 50 {
			wait.Go(func() {
				if _, err := s.Verify(t.Context(), id); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		close(held)
		wait.Wait()
		if n := c.count("POST " + refreshPath); n != 1 {
			t.Errorf("51 requests renewed %d times, want once", n)
		}
	})
}

// Signing out ends the session at the authority too, also in the middle of a
// renewal; the id is worth nothing after it, nor is one of somebody's making.
func TestSessionCloses(t *testing.T) {
	both(t, func(t *testing.T, c *central) {
		s := newSessions(t, c, nil)
		for name, before := range map[string]time.Duration{"in between": 0, "while it is renewed": watchword.DefaultAccessLifetime} {
			id := openSession(t, s, "ann", annPass)
			time.Sleep(before)
			var wait sync.WaitGroup
			if before > 0 {
				wait.Go(func() { _, _ = s.Verify(t.Context(), id) }) // whether it was in time is open
				synctest.Wait()
			}
			if err := s.SignOut(t.Context(), watchword.SignOutRequest{Raw: id, Client: browserOf}); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			wait.Wait()
			_, err := s.Verify(t.Context(), id)
			wantCode(t, name, err, watchword.Unauthenticated)
			if err := s.CloseSession(t.Context(), id, browserOf); err != nil {
				t.Errorf("%s, again: %v", name, err)
			}
			claims, err := c.Verify(t.Context(), c.signIn("ann").Access)
			if err != nil {
				t.Fatal(err)
			}
			if open, err := c.Sessions(t.Context(), claims); err != nil || len(open) != 1 {
				t.Errorf("%s: the authority has %d sessions open, %v", name, len(open), err)
			}
			if err := c.SignOut(t.Context(), watchword.SignOutRequest{Raw: claims.Token()}); err != nil {
				t.Fatal(err)
			}
		}
		for _, id := range []string{"session.", "session.AAAAAAAAAAAAAAAAAAAAAAAAAA", "session.\x00", "session." + strings.Repeat("A", 1<<20)} {
			_, err := s.Verify(t.Context(), id)
			wantCode(t, "an id that nobody was given", err, watchword.Unauthenticated)
			_, err = s.SessionToken(t.Context(), id)
			wantCode(t, "its token", err, watchword.NotFound)
		}
	})
}

// locals are users of the service's own.
type locals struct {
	mu    sync.Mutex
	users map[string]watchword.User // by login
}

func (l *locals) config(c *remote.SessionsConfig) {
	c.Local = func(_ context.Context, c watchword.Credentials, _ watchword.Client) (watchword.User, error) {
		l.mu.Lock()
		defer l.mu.Unlock()
		u, ok := l.users[c.Login]
		switch {
		case !ok || c.Password != "own":
			return watchword.User{}, watchword.InvalidCredentials
		case !u.Active:
			return watchword.User{}, watchword.UserDisabled
		default:
			return u, nil
		}
	}
	c.LocalUser = func(_ context.Context, id string) (watchword.User, error) {
		l.mu.Lock()
		defer l.mu.Unlock()
		for _, u := range l.users {
			if u.ID == id {
				return u, nil
			}
		}
		return watchword.User{}, watchword.NotFound
	}
}

func (l *locals) set(login string, u watchword.User) {
	l.mu.Lock()
	defer l.mu.Unlock()
	u.Login = login
	l.users[login] = u
}

// The service's own users are asked first, and the authority never hears of
// them; they are nobody at the authority, whatever their ids are.
func TestSessionLocalFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCentral(t, nil)
		l := &locals{users: make(map[string]watchword.User)}
		l.set("keeper", watchword.User{ID: annID, Active: true, Scopes: []string{"stock"}, Version: 1})
		s := newSessions(t, c, l.config)
		tokenCalls := func() int { return c.count("POST /auth/v1/token") }
		id := openSession(t, s, "keeper", "own")
		if n := tokenCalls(); n != 0 {
			t.Errorf("the authority was asked %d times about a local user", n)
		}
		claims, err := s.Verify(t.Context(), id)
		if err != nil || claims.Subject != "local:"+annID || claims.UserID != "" || !claims.HasScope("stock") || claims.Session == "" || strings.Contains(id, claims.Session) {
			t.Fatalf("Verify = %+v, %v", claims, err)
		}
		if u, err := s.User(t.Context(), claims); err != nil || u.Login != "keeper" {
			t.Errorf("User = %+v, %v", u, err)
		}
		if u, far, err := s.SessionUser(t.Context(), id); err != nil || far || u.Login != "keeper" {
			t.Errorf("SessionUser = %+v, %t, %v", u, far, err)
		}
		_, err = s.SessionToken(t.Context(), id)
		wantCode(t, "his token at the authority", err, watchword.NotFound)
		if there := openSession(t, s, "ann", annPass); tokenCalls() != 1 {
			t.Errorf("the authority was asked %d times about its own", tokenCalls())
		} else if claims, err := s.Verify(t.Context(), there); err != nil || claims.UserID != annID {
			t.Errorf("Verify = %+v, %v", claims, err)
		} else if u, err := s.User(t.Context(), claims); err != nil || u.Login != "ann" {
			t.Errorf("User = %+v, %v", u, err)
		}
		// A new password, or an end of his account, ends his sessions.
		for _, change := range []watchword.User{{ID: annID, Active: true, Version: 2}, {ID: annID, Version: 1}} {
			l.set("keeper", watchword.User{ID: annID, Active: true, Version: 1})
			id := openSession(t, s, "keeper", "own")
			l.set("keeper", change)
			_, err := s.Verify(t.Context(), id)
			wantCode(t, "after a change", err, watchword.Unauthenticated)
		}
		_, _, err = s.OpenSession(t.Context(), watchword.SignInRequest{Credentials: watchword.Credentials{Login: "keeper", Password: "own"}})
		wantCode(t, "disabled here and unknown there", err, watchword.InvalidCredentials)
	})
}

// Memory is bounded, one user cannot push out another, and all sessions end.
func TestSessionBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCentral(t, nil)
		l := &locals{users: make(map[string]watchword.User)}
		logins := "abcdefghij"
		for _, login := range strings.Split(logins, "") {
			l.set(login, watchword.User{ID: login, Active: true})
		}
		s := newSessions(t, c, func(c *remote.SessionsConfig) {
			l.config(c)
			c.Max, c.Lifetime = 100, time.Hour
		})
		var ids []string
		for range 20 { // 200 of ten users
			for _, login := range strings.Split(logins, "") {
				time.Sleep(time.Second)
				ids = append(ids, openSession(t, s, login, "own"))
			}
		}
		for i, id := range ids {
			if _, err := s.Verify(t.Context(), id); (err == nil) != (i >= 100) {
				t.Errorf("session %d of 200 with room for 100: %v", i, err)
			}
		}
		for range 200 {
			time.Sleep(time.Second)
			openSession(t, s, "a", "own")
		}
		if _, err := s.Verify(t.Context(), ids[199]); err != nil {
			t.Errorf("another user's session after 200 of the first: %v", err)
		}
		time.Sleep(time.Hour)
		_, err := s.Verify(t.Context(), ids[199])
		wantCode(t, "after the lifetime", err, watchword.Unauthenticated)
	})
}

func TestNewSessionsRefuses(t *testing.T) {
	l := &locals{}
	var both remote.SessionsConfig
	l.config(&both)
	for name, c := range map[string]remote.SessionsConfig{
		"Local alone":     {Local: both.Local},
		"LocalUser alone": {LocalUser: both.LocalUser},
		"Lifetime":        {Lifetime: -1},
		"Max":             {Max: -1},
	} {
		if _, err := remote.NewSessions(httpauth.Service(newCentral(t, nil).Authority), c); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := remote.NewSessions(nil, remote.SessionsConfig{}); err == nil {
		t.Error("no service: no error")
	}
}

// An authority in the same process has sessions for pages as well.
func TestSessionsOfAuthority(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCentral(t, nil)
		s, err := remote.NewSessions(c.Authority, remote.SessionsConfig{})
		if err != nil {
			t.Fatal(err)
		}
		id := openSession(t, s, "ann", annPass)
		time.Sleep(watchword.DefaultAccessLifetime)
		claims, err := s.Verify(t.Context(), id)
		if err != nil || claims.UserID != annID || s.Issuer() != issuer {
			t.Fatalf("Verify = %+v, %v", claims, err)
		}
		if err := s.SignOut(t.Context(), watchword.SignOutRequest{Raw: claims.Token()}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Verify(t.Context(), id); !errors.Is(err, watchword.SessionEnded) {
			t.Errorf("Verify = %v, want SessionEnded", err)
		}
	})
}

// rotating is a service whose renewal waits, and which notes what is signed out.
type rotating struct {
	httpauth.Service
	held chan struct{}
	out  string
}

func (r *rotating) Refresh(ctx context.Context, q watchword.RefreshRequest) (watchword.Tokens, error) {
	t, err := r.Service.Refresh(ctx, q)
	<-r.held
	t.Refresh = "the new one"
	return t, err
}

func (r *rotating) SignOut(_ context.Context, q watchword.SignOutRequest) error {
	r.out = q.Raw
	return nil
}

// Whoever signs out in the middle of a renewal leaves no refresh token behind:
// it is the new one that ends.
func TestSessionClosesWhatIsNew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		service := &rotating{Service: newCentral(t, nil).Authority, held: make(chan struct{})}
		s, err := remote.NewSessions(service, remote.SessionsConfig{})
		if err != nil {
			t.Fatal(err)
		}
		id := openSession(t, s, "ann", annPass)
		time.Sleep(watchword.DefaultAccessLifetime)
		var wait sync.WaitGroup
		wait.Go(func() { _, _ = s.Verify(t.Context(), id) }) // either answer is right
		synctest.Wait()
		wait.Go(func() {
			if err := s.CloseSession(t.Context(), id, browserOf); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
		_, err = s.Verify(t.Context(), id)
		wantCode(t, "while it is signed out", err, watchword.Unauthenticated)
		close(service.held)
		wait.Wait()
		if service.out != "the new one" {
			t.Errorf("signed out %.20q, want the new refresh token", service.out)
		}
	})
}
