package watchword_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/watchword-auth/watchword"
)

func TestPoliciesOverThePayload(t *testing.T) {
	c := (&watchword.ClaimSet{}).Freeze([]byte(`{"roles":["admin","staff"],"groups":"ops","level":7,"vip":true,"none":null,"o":{"admin":1},"mixed":["a",1,["b"],{"c":1},null],"plan":"gold"}`))
	tests := []struct {
		name string
		p    watchword.Policy
		ok   bool
	}{
		{"a role", watchword.Role("admin"), true},
		{"a group is a role", watchword.Role("ops"), true},
		{"all of them", watchword.Role("admin", "staff", "ops"), true},
		{"one is missing", watchword.Role("admin", "owner"), false},
		{"another case", watchword.Role("Admin"), false},
		{"a part", watchword.Role("adm"), false},
		{"none at all", watchword.Role(), true},
		{"a claim", watchword.Claim("plan", "silver", "gold"), true},
		{"a claim of another value", watchword.Claim("plan", "silver"), false},
		{"no values", watchword.Claim("plan"), false},
		{"an absent claim", watchword.Claim("absent", "", "null"), false},
		{"null", watchword.Claim("none", "null", ""), false},
		{"a number", watchword.Claim("level", "7"), true},
		{"a boolean", watchword.Claim("vip", "true"), true},
		{"an object", watchword.Claim("o", "admin", `{"admin":1}`), false},
		{"in a mixed list", watchword.Claim("mixed", "a"), true},
		{"a number in it", watchword.Claim("mixed", "1"), true},
		{"a list in it", watchword.Claim("mixed", "b", `["b"]`, "null", `{"c":1}`), false},
	}
	for _, tt := range tests {
		err := tt.p(c)
		if (err == nil) != tt.ok || err != nil && !errors.Is(err, watchword.PermissionDenied) {
			t.Errorf("%s: %v, want yes: %v", tt.name, err, tt.ok)
		}
	}
	if err := watchword.Role("admin")((&watchword.ClaimSet{}).Freeze(nil)); !errors.Is(err, watchword.PermissionDenied) {
		t.Errorf("Role without a payload = %v", err)
	}
}

func TestNotAndBecauseKeepFaults(t *testing.T) {
	c := (&watchword.ClaimSet{}).Freeze(nil)
	fails := func(err error) watchword.Policy { return func(*watchword.Claims) error { return err } }
	tests := []struct {
		name         string
		err          error
		yes          bool           // of Not
		not, because watchword.Code // Internal where there is none
	}{
		{"a refusal", watchword.PermissionDenied, true, 0, watchword.PermissionDenied},
		{"a wrapped one", fmt.Errorf("%w: x", watchword.InsufficientScope), true, 0, watchword.InsufficientScope},
		{"too old", &watchword.PolicyError{Code: watchword.AuthenticationStale}, true, 0, watchword.AuthenticationStale},
		{"a store that is down", fmt.Errorf("%w: x", watchword.Unavailable), false, watchword.Unavailable, watchword.Unavailable},
		{"an error without a code", errors.New("x"), false, watchword.Internal, watchword.PermissionDenied},
	}
	for _, tt := range tests {
		not := watchword.Not(fails(tt.err))(c)
		if (not == nil) != tt.yes || not != nil && watchword.CodeOf(not) != tt.not {
			t.Errorf("Not(%s) = %v", tt.name, not)
		}
		because := watchword.Because("why", fails(tt.err))(c)
		if because == nil || watchword.CodeOf(because) != tt.because {
			t.Errorf("Because(%s) = %v", tt.name, because)
		}
		if tt.because != watchword.Unavailable && !strings.Contains(because.Error(), "why") {
			t.Errorf("Because(%s) = %v does not say why", tt.name, because)
		}
	}
	var refusal *watchword.PolicyError
	if err := watchword.Because("why", watchword.Scope("a", "b"))(c); !errors.As(err, &refusal) || len(refusal.Scopes) != 2 {
		t.Errorf("Because(Scope) = %+v, which names no scopes", err)
	}
}

func TestFresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		at := func(age time.Duration) *watchword.Claims {
			return (&watchword.ClaimSet{AuthTime: now.Add(-age)}).Freeze(nil)
		}
		fresh := watchword.Fresh(5 * time.Minute)
		for name, tt := range map[string]struct {
			c  *watchword.Claims
			ok bool
		}{
			"now":            {at(0), true},
			"to the second":  {at(5 * time.Minute), true},
			"a second older": {at(5*time.Minute + time.Second), false},
			"not stated":     {(&watchword.ClaimSet{IssuedAt: now}).Freeze(nil), false},
		} {
			err := fresh(tt.c)
			if (err == nil) != tt.ok || err != nil && !errors.Is(err, watchword.AuthenticationStale) {
				t.Errorf("%s: %v, want yes: %v", name, err, tt.ok)
			}
		}
	})
}

// auth_time is that of the sign-in, also after a refresh; tokens for whom
// nobody signed in have none.
func TestAuthTime(t *testing.T) {
	b := newBench(t, nil)
	first := b.signIn(t)
	signedIn := first.Claims.IssuedAt
	if !first.Claims.AuthTime.Equal(signedIn) || !strings.Contains(string(first.Claims.JSON()), `"auth_time":`) {
		t.Errorf("auth_time %v, want %v: %s", first.Claims.AuthTime, signedIn, first.Claims.JSON())
	}
	b.pass(time.Minute)
	next, err := b.Refresh(ctx, watchword.RefreshRequest{Raw: first.Refresh})
	want(t, "Refresh", err, fine)
	if !next.Claims.AuthTime.Equal(signedIn) || next.Claims.IssuedAt.Equal(signedIn) {
		t.Errorf("after a refresh auth_time %v and iat %v, want %v and later", next.Claims.AuthTime, next.Claims.IssuedAt, signedIn)
	}
	issued, err := b.Issue(ctx, watchword.IssueRequest{Subject: "car:42"})
	want(t, "Issue", err, fine)
	if !issued.Claims.AuthTime.IsZero() || strings.Contains(string(issued.Claims.JSON()), "auth_time") {
		t.Errorf("an issued token has auth_time: %s", issued.Claims.JSON())
	}
}
