package watchword_test

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/store"
)

func TestSignUp(t *testing.T) {
	b := newBench(t, nil)
	request := func(login, password string) watchword.SignUpRequest {
		return watchword.SignUpRequest{Password: password, User: watchword.User{
			Login: login, Email: login + "@example.com", FirstName: "N", Staff: true, Superuser: true, Scopes: []string{"posts:write"}, Permissions: []string{"all"},
		}}
	}
	tests := []struct {
		name, login, password string
		code                  watchword.Code
	}{
		{"new", "new", "quite long 77", fine},
		{"taken", "new", "quite long 77", watchword.Conflict},
		{"taken in another case", "NEW", "quite long 77", watchword.Conflict},
		{"taken as an address", "ann@example.com", "quite long 77", watchword.Conflict},
		{"short password", "other", "1234567", watchword.PasswordWeak},
		{"login as password", "other-person", "other-person", watchword.PasswordWeak},
		{"no login", "", "quite long 77", watchword.InvalidRequest},
		{"endless login", strings.Repeat("a", 300), "quite long 77", watchword.InvalidRequest},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := b.SignUp(ctx, request(tt.login, tt.password))
			want(t, "SignUp", err, tt.code)
		})
	}
	u, _, err := b.store.UserByLogin(ctx, "new")
	if err != nil || !u.Active || u.Staff || u.Superuser || u.Scopes != nil || u.Permissions != nil || u.FirstName != "N" {
		t.Errorf("made %+v, %v; nobody gives himself rights", u, err)
	}
	if _, err := b.SignIn(ctx, watchword.SignInRequest{Credentials: watchword.Credentials{Login: "new@example.com", Password: "quite long 77"}}); err != nil {
		t.Errorf("SignIn: %v", err)
	}
	r := request("x", "secret word 77")
	if s := fmt.Sprintf("%v %#v", r, r); strings.Contains(s, "secret word") {
		t.Errorf("a request prints as %s", s)
	}
}

func TestSignUpIsLimited(t *testing.T) {
	b := newBench(t, nil)
	from := watchword.Client{Address: netip.MustParseAddr("192.0.2.9")}
	for i := range 1000 {
		_, err := b.SignUp(ctx, watchword.SignUpRequest{User: watchword.User{Login: fmt.Sprint("u", i)}, Password: "short", Client: from})
		if watchword.CodeOf(err) == watchword.RateLimited {
			if i < 3 {
				t.Errorf("limited at attempt %d", i)
			}
			return
		}
	}
	t.Error("a thousand attempts of one address went through")
}

func TestLastLoginIsLeft(t *testing.T) {
	for _, skip := range []bool{false, true} {
		b := newBench(t, func(c *watchword.Config) { c.SkipLastLogin = skip })
		b.signIn(t)
		if u, err := b.store.UserByID(ctx, b.ann.ID); err != nil || u.LastLoginAt.IsZero() != skip {
			t.Errorf("SkipLastLogin %t: last login at %v, %v", skip, u.LastLoginAt, err)
		}
	}
}

// slowStore takes long for a user who is new, as a disk does.
type slowStore struct {
	*store.Memory
	delay time.Duration
}

func (s slowStore) CreateUser(ctx context.Context, n watchword.NewUser) (watchword.User, error) {
	u, err := s.Memory.CreateUser(ctx, n)
	if err == nil {
		time.Sleep(s.delay) // what is measured, not a wait for anything
	}
	return u, err
}

// TestSignUpTakesEquallyLong: a write that takes 30 ms is not to be told from
// a look-up that takes none. Each answer comes a whole 100 ms after the hash.
func TestSignUpTakesEquallyLong(t *testing.T) {
	b := newBench(t, func(c *watchword.Config) {
		c.Store = slowStore{Memory: c.Store.(*store.Memory), delay: 30 * time.Millisecond}
		c.Authenticator = nil
	})
	for _, login := range []string{"free", "ann"} {
		begun := time.Now()
		_, err := b.SignUp(ctx, watchword.SignUpRequest{User: watchword.User{Login: login}, Password: "quite long 77"})
		if took := time.Since(begun); took < 100*time.Millisecond {
			t.Errorf("%s was answered in %s, %v", login, took, err)
		}
	}
}

func TestSignUpRefusesAlike(t *testing.T) {
	b := newBench(t, nil)
	for _, tt := range []struct {
		name string
		user watchword.User
	}{
		{"space around", watchword.User{Login: " ann"}},
		{"blank", watchword.User{Login: "  "}},
		{"control character", watchword.User{Login: "ann", FirstName: "a\x00"}},
		{"a login that looks like another's", watchword.User{Login: "ann\u200b"}},
		{"no address", watchword.User{Login: "ann", Email: "ann"}},
		{"endless address", watchword.User{Login: "ann", Email: "@" + strings.Repeat("a", 300)}},
		{"endless name", watchword.User{Login: "ann", LastName: strings.Repeat("a", 2000)}},
		{"not UTF-8", watchword.User{Login: "ann", LastName: "\xff"}},
	} {
		_, err := b.SignUp(ctx, watchword.SignUpRequest{User: tt.user, Password: "quite long 77"})
		want(t, tt.name+", which is taken", err, watchword.InvalidRequest)
	}
}
