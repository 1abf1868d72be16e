package watchword_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/watchword-auth/watchword"
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
