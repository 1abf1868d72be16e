package mirror_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/mirror"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/open"
	"github.com/watchword-auth/watchword/password"
	"github.com/watchword-auth/watchword/remote"
	"github.com/watchword-auth/watchword/remote/easyjwt"
	"github.com/watchword-auth/watchword/remote/sqlmirror"
)

const issuer = "http://127.0.0.1:8000"

func newMirror(t *testing.T) (*mirror.Mirror, *open.Opened) {
	t.Helper()
	db, err := open.Store(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "client.db"))
	if err != nil {
		t.Fatal(err)
	}
	records, end, err := db.Mirror(t.Context(), sqlmirror.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(end(), db.Close(context.Background())); err != nil {
			t.Error(err)
		}
	})
	return mirror.New(records, db, func(now time.Time) time.Time { return now.Add(time.Hour) }), db
}

func account(t *testing.T, m *mirror.Mirror, issuer, id string) watchword.User {
	t.Helper()
	u, err := m.Account(t.Context(), issuer, id)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestLogins(t *testing.T) {
	for _, tt := range []struct {
		login, issuer, id string
		ok                bool
	}{
		{mirror.Login(issuer, "3"), issuer, "3", true},
		{mirror.Login("https://auth.internal/sso", "ann@example.com"), "https://auth.internal/sso", "ann@example.com", true},
		{"x@http://a@https://b", "https://b", "x@http://a", true},
		{"ann", "", "", false},
		{"ann@example.com", "", "", false},
		{"@http://127.0.0.1", "", "", false},
	} {
		if issuer, id, ok := mirror.Remote(tt.login); issuer != tt.issuer || id != tt.id || ok != tt.ok {
			t.Errorf("Remote(%q) = %q, %q, %t", tt.login, issuer, id, ok)
		}
	}
}

// EZ-50 EZ-51 EZ-53 EZ-55: an account follows its record, keeps the rights that
// it has here, and is that of the id, whatever address it has.
func TestAccounts(t *testing.T) {
	m, db := newMirror(t)
	ctx := t.Context()
	upsert := func(u remote.User) {
		t.Helper()
		if err := m.Upsert(ctx, u); err != nil {
			t.Fatal(err)
		}
	}
	admin := remote.User{Issuer: issuer, ID: "1", Email: "admin@test.com", Active: true, Staff: true, Superuser: true}
	upsert(admin)
	a := account(t, m, issuer, "1")
	if a.Staff || a.Superuser || !a.Active || a.Email != "admin@test.com" {
		t.Fatalf("the account of an administrator elsewhere is %+v", a)
	}
	yes := true
	if _, err := db.UpdateUser(ctx, a.ID, watchword.UserChange{Staff: &yes}, 0, time.Now(), time.Now()); err != nil {
		t.Fatal(err)
	}
	admin.FirstName, admin.Extra = "Ada", []byte(`{"plan":"paid"}`)
	upsert(admin)
	upsert(admin)
	if a = account(t, m, issuer, "1"); !a.Staff || a.FirstName != "Ada" || string(a.Extra) != `{"plan":"paid"}` {
		t.Errorf("after a change there the account is %+v", a)
	}
	if users, err := db.ListUsers(ctx, "", 10); err != nil || len(users) != 1 {
		t.Errorf("%d accounts, %v", len(users), err)
	}

	// The address moves to somebody else there: the rights do not.
	upsert(remote.User{Issuer: issuer, ID: "2", Email: "admin@test.com", Active: true})
	if two := account(t, m, issuer, "2"); two.Staff || two.Email != "admin@test.com" || two.ID == a.ID {
		t.Errorf("who got the address is %+v", two)
	}
	if a = account(t, m, issuer, "1"); !a.Staff || a.Email != "" {
		t.Errorf("who had it is %+v", a)
	}
	// Another authority's user of the same id and address is somebody else.
	upsert(remote.User{Issuer: "https://other.test", ID: "1", Email: "admin@test.com", Active: true})
	if other := account(t, m, "https://other.test", "1"); other.Staff || other.Email != "" {
		t.Errorf("the other authority's user is %+v", other)
	}
	// Whoever belongs to this server keeps what is his.
	if _, err := db.CreateUser(ctx, watchword.NewUser{User: watchword.User{Login: "keeper", Email: "keeper@test.com", Active: true, Staff: true}, PasswordHash: "x"}); err != nil {
		t.Fatal(err)
	}
	upsert(remote.User{Issuer: issuer, ID: "3", Email: "keeper@test.com", Active: true})
	if three := account(t, m, issuer, "3"); three.Staff || three.Email != "" {
		t.Errorf("who has the keeper's address is %+v", three)
	}
	upsert(remote.User{Issuer: issuer, ID: "2", Email: "keeper", Active: true})
	if keeper, _, err := db.UserByLogin(ctx, "keeper"); err != nil || keeper.Login != "keeper" || !keeper.Staff {
		t.Errorf("the keeper is %+v, %v", keeper, err)
	}
	// A password that somebody sets for a mirrored user opens nothing.
	hasher, err := password.New(password.Config{Preferred: password.Params{Scheme: "pbkdf2-sha256", Rounds: 1000}})
	if err != nil {
		t.Fatal(err)
	}
	hash, err := hasher.Hash(ctx, "set by hand")
	if err != nil {
		t.Fatal(err)
	}
	two := account(t, m, issuer, "2")
	if _, err := db.UpdateUser(ctx, two.ID, watchword.UserChange{PasswordHash: &hash}, 0, time.Now(), time.Now()); err != nil {
		t.Fatal(err)
	}
	upsert(remote.User{Issuer: issuer, ID: "2", Email: "two@test.com", Active: true})
	for _, login := range []string{two.Login, "two@test.com"} {
		c := watchword.Credentials{Login: login, Password: "set by hand"}
		if _, err := watchword.NewPasswords(db, hasher).Authenticate(ctx, c); err != nil {
			t.Fatal(err)
		}
		if _, err := watchword.NewPasswords(mirror.Own{DB: db.DB}, hasher).Authenticate(ctx, c); watchword.CodeOf(err) != watchword.InvalidCredentials {
			t.Errorf("%s signs in by a password set by hand: %v", login, err)
		}
	}
	if err := m.Delete(ctx, issuer, "1"); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Account(ctx, issuer, "1"); !errors.Is(err, watchword.NotFound) {
		t.Errorf("after Delete: %v", err)
	}
	if err := m.Delete(ctx, issuer, "1"); err != nil {
		t.Errorf("again: %v", err)
	}
}

// Many who are first seen at once get one account each.
func TestAccountsAtOnce(t *testing.T) {
	m, db := newMirror(t)
	var wait sync.WaitGroup
	for i := range 40 {
		wait.Go(func() {
			id := fmt.Sprint(i % 10)
			if err := m.Upsert(context.Background(), remote.User{Issuer: issuer, ID: id, Email: id + "@test.com", Active: true}); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	users, err := db.ListUsers(t.Context(), "", 100)
	if err != nil || len(users) != 10 {
		t.Errorf("%d accounts, %v, want 10", len(users), err)
	}
	for _, u := range users {
		if _, id, _ := mirror.Remote(u.Login); u.Email != id+"@test.com" {
			t.Errorf("account %s has the address %q", u.Login, u.Email)
		}
	}
}

// EZ-57 EZ-58: the password of the authority opens this server, its own users
// first, and only as long as the authority renews tokens.
func TestProof(t *testing.T) {
	var mu sync.Mutex
	refreshes, down := "", false
	token := func(kind string, life time.Duration) string {
		part := base64.RawURLEncoding.EncodeToString
		return part([]byte(`{"alg":"HS256"}`)) + "." +
			part(fmt.Appendf(nil, `{"token_type":%q,"exp":%d,"user_id":1}`, kind, time.Now().Add(life).Unix())) + ".AA"
	}
	authority := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		w.Header().Set("Content-Type", "application/json")
		body := make([]byte, 1000)
		n, _ := r.Body.Read(body)
		switch {
		case down:
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = w.Write([]byte(`{"detail":"down"}`))
		case r.URL.Path == "/auth/token/" && string(body[:n]) == `{"email":"admin@test.com","password":"admin-pass"}`:
			_, _ = w.Write([]byte(`{"refresh":"` + token("refresh", time.Hour) + `","access":"` + token("access", time.Minute) + `"}`))
		case r.URL.Path == "/auth/user/":
			_, _ = w.Write([]byte(`{"id":1,"email":"admin@test.com","is_active":true,"is_staff":true}`))
		case r.URL.Path == "/auth/token/verify/":
			_, _ = w.Write([]byte(`{}`))
		case r.URL.Path == "/auth/token/refresh/" && refreshes != "":
			_, _ = w.Write([]byte(refreshes))
		default:
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = w.Write([]byte(`{"detail":"No active account found with the given credentials"}`))
		}
	}))
	defer authority.Close()
	m, _ := newMirror(t)
	var passed time.Duration // moved only between calls
	client, err := easyjwt.New(easyjwt.Config{URL: authority.URL, Users: m, Now: func() time.Time { return time.Now().Add(passed) }})
	if err != nil {
		t.Fatal(err)
	}
	p := &mirror.Proof{Client: client, Users: m, Own: keeper{}}
	ctx := t.Context()
	if u, err := p.Authenticate(ctx, watchword.Credentials{Login: "keeper", Password: "x"}); err != nil || u.Login != "keeper" {
		t.Errorf("its own user: %+v, %v", u, err)
	}
	for _, c := range []watchword.Credentials{{Login: "admin@test.com", Password: "wrong"}, {Login: "\x00", Password: "admin-pass"}} {
		if _, err := p.Authenticate(ctx, c); watchword.CodeOf(err) != watchword.InvalidCredentials {
			t.Errorf("wrong credentials: %v", err)
		}
	}
	refreshes = `{"access":"` + token("access", time.Hour) + `"}`
	u, err := p.Authenticate(ctx, watchword.Credentials{Login: "admin@test.com", Password: "admin-pass"})
	if err != nil || u.Staff || u.Login != mirror.Login(authority.URL, "1") {
		t.Fatalf("the authority's user: %+v, %v", u, err)
	}
	passed = 55 * time.Second
	if err := p.Allow(ctx, u); err != nil {
		t.Errorf("Allow while the authority renews: %v", err)
	}
	if err := p.Allow(ctx, watchword.User{Login: "keeper"}); err != nil {
		t.Errorf("Allow of its own user: %v", err)
	}
	if err := (&mirror.Proof{Client: client, Users: m}).Allow(ctx, u); watchword.CodeOf(err) != watchword.PermissionDenied {
		t.Errorf("Allow after a restart: %v", err)
	}
	mu.Lock()
	down = true
	mu.Unlock()
	if err := p.Allow(ctx, u); watchword.CodeOf(err) != watchword.Unavailable {
		t.Errorf("Allow while the authority is away: %v", err)
	}
	mu.Lock()
	down, refreshes = false, ""
	mu.Unlock()
	passed = time.Hour - 5*time.Second
	if err := p.Allow(ctx, u); watchword.CodeOf(err) != watchword.PermissionDenied {
		t.Errorf("Allow once it refuses: %v", err)
	}
}

// keeper is the only user of this server's own.
type keeper struct{}

func (keeper) Authenticate(_ context.Context, c watchword.Credentials) (watchword.User, error) {
	if c.Login != "keeper" {
		return watchword.User{}, watchword.InvalidCredentials
	}
	return watchword.User{ID: "1", Login: "keeper", Active: true}, nil
}
