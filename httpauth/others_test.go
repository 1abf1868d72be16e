package httpauth_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/httpauth"
)

const logoutPath = "/auth/v1/logout"

func (b *bench) me(token string) answer {
	return b.do(call{method: "GET", path: "/auth/v1/me", header: bearer(token)})
}

func TestSignOutOthers(t *testing.T) {
	b := newBench(t)
	own, refresh := b.signIn()
	other, _ := b.signIn()
	b.do(jsonCall("POST", logoutPath, `{"others":true}`, bearer(own)...)).is(t, 200, "", "")
	b.me(own).is(t, 200, "", "")
	b.me(other).is(t, 401, "invalid_token", "session_ended")

	// Somebody who shuts a thief out is told where nothing was done.
	thief, _ := b.signIn()
	b.do(jsonCall("POST", logoutPath, `{"others":true}`)).is(t, 401, "", "unauthenticated")
	b.do(jsonCall("POST", logoutPath, `{"others":true}`, bearer(other)...)).is(t, 401, "invalid_token", "session_ended")
	b.clock.advance(6 * time.Minute)
	b.do(jsonCall("POST", logoutPath, `{"others":true}`, bearer(own)...)).is(t, 401, "invalid_token", "token_expired")
	b.do(jsonCall("POST", logoutPath, `{"others":true,"refresh_token":"`+refresh+`"}`)).is(t, 200, "", "")
	b.me(thief).is(t, 401, "", "")
	b.do(jsonCall("POST", "/auth/v1/refresh", `{"refresh_token":"`+refresh+`"}`)).is(t, 200, "", "")

	last, lastRefresh := b.signIn()
	b.do(jsonCall("POST", logoutPath, `{"others":true,"everywhere":true,"refresh_token":"`+lastRefresh+`"}`)).is(t, 200, "", "")
	b.me(last).is(t, 401, "invalid_token", "session_ended")
}

func TestSignOutOthersKeepsTheCookies(t *testing.T) {
	b := newBench(t)
	b.mount(httpauth.Native("/auth/v1", httpauth.OneCookie{}))
	access, _ := b.cookieTokens(t)
	cookie := []string{"Cookie", "__Host-ww_access=" + access}
	others := b.do(jsonCall("POST", logoutPath, `{"others":true}`, cookie...))
	others.is(t, 200, "", "")
	if set := others.header.Values("Set-Cookie"); set != nil {
		t.Errorf("Set-Cookie %q: one's own session goes on", set)
	}
	b.do(call{method: "GET", path: "/auth/v1/me", header: cookie}).is(t, 200, "", "")
	if all := b.do(jsonCall("POST", logoutPath, `{}`, cookie...)); len(all.header.Values("Set-Cookie")) == 0 {
		t.Error("a sign-out left the cookies")
	}
}

// cookieTokens signs ann in where tokens ride in cookies.
func (b *bench) cookieTokens(t *testing.T) (access, refresh string) {
	t.Helper()
	tokens, err := b.auth.SignIn(context.Background(), watchword.SignInRequest{Credentials: watchword.Credentials{Login: ann, Password: annPass}})
	if err != nil {
		t.Fatal(err)
	}
	return tokens.Access, tokens.Refresh
}

// TestStaleClaims: whose rights change is not signed out. His access token is
// refused with the code that means "refresh quietly", and the refresh brings
// what holds now.
func TestStaleClaims(t *testing.T) {
	permissions, groups, none := []string{"p2"}, []string{"g2"}, []string{}
	for _, tt := range []struct {
		name        string
		change      watchword.UserChange
		permissions []string
		scope       string
	}{
		{"permissions", watchword.UserChange{Permissions: &permissions}, permissions, "posts:read posts:write"},
		{"groups", watchword.UserChange{Groups: &groups}, []string{"p1"}, "posts:read posts:write"},
		{"scopes", watchword.UserChange{Scopes: &none}, []string{"p1"}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t)
			access, refresh := b.signIn()
			now := b.clock.Now()
			if _, err := b.store.UpdateUser(context.Background(), "1", tt.change, 0, now.Add(time.Hour), now); err != nil {
				t.Fatal(err)
			}
			if err := b.auth.Follow(context.Background()); err != nil {
				t.Fatal(err)
			}
			b.me(access).is(t, 401, "invalid_token", "claims_stale")
			b.clock.advance(time.Second)
			next := b.do(jsonCall("POST", "/auth/v1/refresh", `{"refresh_token":"`+refresh+`"}`))
			next.is(t, 200, "", "")
			if next.text(t, "scope") != tt.scope {
				t.Errorf("scope %q, want %q", next.text(t, "scope"), tt.scope)
			}
			fresh := next.text(t, "access_token")
			b.me(fresh).is(t, 200, "", "")
			c, err := b.auth.Verify(context.Background(), fresh)
			if err != nil {
				t.Fatal(err)
			}
			if got := slices.Collect(c.Permissions()); !slices.Equal(got, tt.permissions) {
				t.Errorf("permissions %v, want %v", got, tt.permissions)
			}
			b.me(access).is(t, 401, "invalid_token", "claims_stale")
		})
	}
}
