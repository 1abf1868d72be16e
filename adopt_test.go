package watchword_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/jwt"
)

// oldLayout is that of another system: kind, jti, user and times.
type oldLayout struct{ numbers *watchword.Numbers }

type oldClaims struct {
	Kind string `json:"kind"`
	ID   string `json:"jti,omitempty"`
	User string `json:"user"`
	IAT  int64  `json:"iat"`
	Exp  int64  `json:"exp"`
}

func (l oldLayout) Marshal(s *watchword.ClaimSet) ([]byte, error) {
	id := l.numbers.Hex(watchword.TokenID{Number: s.Number, Generation: s.Generation, Kind: s.Kind})
	return json.Marshal(oldClaims{s.Kind.String(), id, s.User.ID, s.IssuedAt.Unix(), s.Expiry.Unix()})
}

func (l oldLayout) Unmarshal(payload []byte) (*watchword.Claims, error) {
	var c oldClaims
	if err := json.Unmarshal(payload, &c); err != nil {
		return nil, fmt.Errorf("%w: %w", watchword.TokenMalformed, err)
	}
	s := watchword.ClaimSet{
		ID: c.ID, Subject: c.User, UserID: c.User, IssuedAt: time.Unix(c.IAT, 0), Expiry: time.Unix(c.Exp, 0), Kind: watchword.Access,
	}
	if c.Kind == watchword.Refresh.String() {
		s.Kind = watchword.Refresh
	}
	if id, maker := l.numbers.OpenHex(c.ID); maker == watchword.Ours {
		s.Number, s.Generation, s.Kind, s.Session = id.Number, id.Generation, id.Kind, l.numbers.SessionID(id.Number)
	}
	return s.Freeze(payload), nil
}

// adopting is a bench that takes over tokens of the old system for a day, and
// a function that signs them as it did.
func adopting(t *testing.T, change func(*watchword.Config)) (*bench, func(oldClaims) string) {
	t.Helper()
	secret, err := jwt.NewSecret("", jwt.HS256, []byte(strings.Repeat("s", 32)))
	if err != nil {
		t.Fatal(err)
	}
	b := newBench(t, func(c *watchword.Config) {
		numbers, err := watchword.NewNumbers(c.SealKey, "old")
		if err != nil {
			t.Fatal(err)
		}
		if c.Keys, err = jwt.NewKeyring(jwt.RingKey{Key: secret, State: jwt.Active}); err != nil {
			t.Fatal(err)
		}
		c.Profile, c.Layout, c.RefreshLayout, c.OmitKeyID = "old", oldLayout{numbers}, oldLayout{numbers}, true
		c.InsecureNoIssuer, c.InsecureNoAudience, c.Issuer, c.Audience = true, true, "", ""
		c.AdoptUntil = noon.Add(24 * time.Hour)
		if change != nil {
			change(c)
		}
	})
	return b, func(c oldClaims) string {
		if c.Kind == "" {
			c.Kind = "refresh"
		}
		if c.User == "" {
			c.User = b.ann.ID
		}
		if c.IAT == 0 {
			c.IAT = noon.Add(-time.Hour).Unix()
		}
		if c.Exp == 0 {
			c.Exp = noon.Add(12 * time.Hour).Unix()
		}
		payload, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := jwt.Sign(secret, watchword.AccessType, payload)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
}

func (b *bench) refresh(raw string) (watchword.Tokens, error) {
	return b.Refresh(ctx, watchword.RefreshRequest{Raw: raw})
}

func TestAdoptionRefuses(t *testing.T) {
	off := false
	hash := "$2a$04$aaaaaaaaaaaaaaaaaaaaaeDtKFZl9gPqFAvJxoYpkPbFFgAyoyTC6"
	update := func(c watchword.UserChange) func(*testing.T, *bench, string) {
		return func(t *testing.T, b *bench, _ string) {
			_, err := b.store.UpdateUser(ctx, b.ann.ID, c, 0, noon.Add(24*time.Hour), noon)
			want(t, "UpdateUser", err, fine)
			want(t, "Follow", b.Follow(ctx), fine)
		}
	}
	tests := []struct {
		name   string
		change func(*watchword.Config)
		claims oldClaims
		before func(*testing.T, *bench, string)
		code   watchword.Code
	}{
		{"takes over", nil, oldClaims{}, nil, fine},
		{"takes over what has an id", nil, oldClaims{ID: "5f0c"}, nil, fine},
		{"an access token", nil, oldClaims{Kind: "access"}, nil, watchword.WrongKind},
		{"one that has expired", nil, oldClaims{Exp: noon.Unix()}, nil, watchword.TokenExpired},
		{"one from the future", nil, oldClaims{IAT: noon.Unix() + 60}, nil, watchword.TokenNotYetValid},
		{"a stranger's", nil, oldClaims{User: "99"}, nil, watchword.SessionEnded},
		{"where it is off", func(c *watchword.Config) { c.AdoptUntil = time.Time{} }, oldClaims{}, nil, watchword.SessionEnded},
		{"once its time is over", func(c *watchword.Config) { c.AdoptUntil = noon }, oldClaims{}, nil, watchword.SessionEnded},
		{"a disabled user's", nil, oldClaims{}, update(watchword.UserChange{Active: &off}), watchword.SessionEnded},
		{"one older than the user's rights", nil, oldClaims{}, func(t *testing.T, b *bench, raw string) {
			update(watchword.UserChange{Permissions: &[]string{"posts:edit"}})(t, b, raw)
			b.pass(2 * time.Second)
			_, err := b.CheckRefresh(ctx, raw)
			want(t, "CheckRefresh", err, fine)
		}, fine},
		{"one older than the password, hours later", nil, oldClaims{}, func(t *testing.T, b *bench, raw string) {
			update(watchword.UserChange{PasswordHash: &hash})(t, b, raw)
			b.pass(8 * time.Hour)
		}, watchword.SessionEnded},
		{"one older than the password, by the user's login", func(c *watchword.Config) {
			users := c.Store.(watchword.PasswordUsers)
			c.SubjectUser = func(ctx context.Context, c *watchword.Claims) (watchword.User, error) {
				u, _, err := users.UserByLogin(ctx, c.Subject)
				return u, err
			}
		}, oldClaims{User: "ann@example.com"}, update(watchword.UserChange{PasswordHash: &hash}), watchword.SessionEnded},
		{"one that was signed out", nil, oldClaims{}, func(t *testing.T, b *bench, raw string) {
			want(t, "SignOut", b.SignOut(ctx, watchword.SignOutRequest{Raw: raw}), fine)
		}, watchword.SessionEnded},
		{"one that was revoked", nil, oldClaims{ID: "5f0c"}, func(t *testing.T, b *bench, raw string) {
			want(t, "Revoke", b.Revoke(ctx, raw, watchword.Client{}), fine)
		}, watchword.TokenRevoked},
		{"one on an imported blacklist", nil, oldClaims{ID: "5f0c"}, func(t *testing.T, b *bench, _ string) {
			_, err := b.store.AddFact(ctx, watchword.Fact{Kind: watchword.TokenFact, ID: "5f0c", Until: noon.Add(time.Hour)})
			want(t, "AddFact", err, fine)
			want(t, "Follow", b.Follow(ctx), fine)
		}, watchword.TokenRevoked},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b, sign := adopting(t, tt.change)
			raw := sign(tt.claims)
			if tt.before != nil {
				tt.before(t, b, raw)
			}
			_, err := b.refresh(raw)
			want(t, "Refresh", err, tt.code)
		})
	}
}

// The reason beside the code, for profiles that tell it.
func TestRefreshTellsWhyTheUserLostIt(t *testing.T) {
	off, hash := false, "$2a$04$aaaaaaaaaaaaaaaaaaaaaeDtKFZl9gPqFAvJxoYpkPbFFgAyoyTC6"
	tests := []struct {
		name   string
		change watchword.UserChange
		reason watchword.Code
	}{
		{"disabled", watchword.UserChange{Active: &off}, watchword.UserDisabled},
		{"password changed", watchword.UserChange{PasswordHash: &hash}, watchword.InvalidCredentials},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t, nil)
			tokens := b.signIn(t)
			_, err := b.store.UpdateUser(ctx, b.ann.ID, tt.change, 0, noon.Add(time.Hour), noon)
			want(t, "UpdateUser", err, fine)
			_, err = b.refresh(tokens.Refresh)
			want(t, "Refresh", err, watchword.SessionEnded)
			if !errors.Is(err, tt.reason) {
				t.Errorf("Refresh: %v, want it to carry %v", err, tt.reason)
			}
		})
	}
}

// Two adoptions at once make one session, whichever way the dialect rotates.
func TestAdoptionsAtOnceMakeOneSession(t *testing.T) {
	for _, mode := range []watchword.RotationMode{watchword.Rotate, watchword.Keep} {
		b, sign := adopting(t, func(c *watchword.Config) { c.Rotation.Mode = mode })
		raw := sign(oldClaims{})
		const showings = 16
		tokens := make([]watchword.Tokens, showings)
		errs := make([]error, showings)
		var wg sync.WaitGroup
		for i := range showings {
			wg.Go(func() { tokens[i], errs[i] = b.refresh(raw) })
		}
		wg.Wait()
		for i := range showings {
			if errs[i] != nil || tokens[i].Session.Number != tokens[0].Session.Number || tokens[i].Refresh != tokens[0].Refresh {
				t.Errorf("mode %d, showing %d: session %d, %v", mode, i, tokens[i].Session.Number, errs[i])
			}
		}
		list, err := b.store.ListSessions(ctx, watchword.SessionFilter{All: true}, noon)
		if err != nil || len(list) != 1 {
			t.Errorf("mode %d: %d sessions, %v, want one", mode, len(list), err)
		}
	}
}

// The old token is the predecessor of what it was exchanged for: good again
// inside the grace window, and a thief's afterwards.
func TestAdoptedTokenShownAgain(t *testing.T) {
	b, sign := adopting(t, nil)
	raw := sign(oldClaims{})
	first, err := b.refresh(raw)
	want(t, "first", err, fine)
	b.pass(watchword.DefaultGrace)
	again, err := b.refresh(raw)
	want(t, "within grace", err, fine)
	if again.Refresh != first.Refresh {
		t.Error("the repeat brought another successor")
	}
	b.pass(time.Second)
	_, err = b.refresh(raw)
	want(t, "after grace", err, watchword.TokenReused)
	_, err = b.refresh(first.Refresh)
	want(t, "the successor", err, watchword.SessionEnded)
	_, err = b.Verify(ctx, first.Access)
	want(t, "the access token", err, watchword.SessionEnded)
}

// A token is what it says: under another signature that verifies it opens no
// second session, and signing out with either ends what both brought.
func TestAdoptedTokenUnderTwoSignatures(t *testing.T) {
	key, err := jwt.GenerateKey(jwt.ES256)
	if err != nil {
		t.Fatal(err)
	}
	b, _ := adopting(t, func(c *watchword.Config) {
		c.Rotation.Mode = watchword.Keep
		if c.Keys, err = jwt.NewKeyring(jwt.RingKey{Key: key, State: jwt.Active}); err != nil {
			t.Fatal(err)
		}
	})
	payload := fmt.Sprintf(`{"kind":"refresh","jti":"5f0c","user":%q,"iat":%d,"exp":%d}`, b.ann.ID, noon.Unix(), noon.Add(time.Hour).Unix())
	var raw [2]string
	for i := range raw {
		if raw[i], err = jwt.Sign(key, watchword.AccessType, []byte(payload)); err != nil {
			t.Fatal(err)
		}
	}
	if raw[0] == raw[1] {
		t.Fatal("the signatures do not differ")
	}
	first, err := b.refresh(raw[0])
	want(t, "first", err, fine)
	second, err := b.refresh(raw[1])
	want(t, "under another signature", err, fine)
	if first.Session.Number != second.Session.Number {
		t.Errorf("sessions %d and %d of one token", first.Session.Number, second.Session.Number)
	}
	want(t, "SignOut", b.SignOut(ctx, watchword.SignOutRequest{Raw: raw[0]}), fine)
	_, err = b.Verify(ctx, second.Access)
	want(t, "the access token after sign-out", err, watchword.SessionEnded)
}

// Where nothing rotates, the old token goes on until it expires, and signing
// out with it ends what was made from it.
func TestAdoptedTokenIsKept(t *testing.T) {
	b, sign := adopting(t, func(c *watchword.Config) { c.Rotation.Mode = watchword.Keep })
	raw := sign(oldClaims{ID: "5f0c"})
	first, err := b.refresh(raw)
	want(t, "first", err, fine)
	b.pass(3 * time.Hour)
	second, err := b.refresh(raw)
	want(t, "hours later", err, fine)
	if first.Session.Number != second.Session.Number || len(second.Session.Origin) != 32 {
		t.Errorf("sessions %d and %d with origin %x", first.Session.Number, second.Session.Number, second.Session.Origin)
	}
	want(t, "SignOut", b.SignOut(ctx, watchword.SignOutRequest{Raw: raw}), fine)
	_, err = b.Verify(ctx, second.Access)
	want(t, "the access token after sign-out", err, watchword.SessionEnded)
	_, err = b.refresh(raw)
	want(t, "the old token after sign-out", err, watchword.TokenRevoked)
	if i, err := b.Introspect(ctx, raw); err != nil || i.Claims != nil {
		t.Errorf("Introspect = %v, %v, want inactive", i, err)
	}
}

func TestAdoptionWithUsersElsewhere(t *testing.T) {
	b, sign := adopting(t, func(c *watchword.Config) { c.Users, c.Authenticator = oneUser{}, oneUser{} })
	if _, err := b.refresh(sign(oldClaims{User: "x"})); err != nil {
		t.Error(err)
	}
}

type oneUser struct{}

func (oneUser) UserByID(_ context.Context, id string) (watchword.User, error) {
	return watchword.User{ID: id, Login: id, Active: true}, nil
}

func (oneUser) Authenticate(context.Context, watchword.Credentials) (watchword.User, error) {
	return watchword.User{}, watchword.InvalidCredentials
}
