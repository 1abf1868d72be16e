package watchword_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/jwt"
	"github.com/watchword-auth/watchword/store"
)

// elsewhere is a verifier in a process of its own that starts at the time at
// and allows the most leeway there is.
func (b *bench) elsewhere(t *testing.T, at time.Time, leeway time.Duration) watchword.Verifier {
	t.Helper()
	list := watchword.NewRevocationList(b.store)
	want(t, "Sync", list.Sync(ctx, at), fine)
	v := b.Verifier()
	v.Memory, v.Revocations, v.Leeway, v.Now = nil, list, leeway, func() time.Time { return at }
	return v
}

// A fact lives as long as any verifier can accept the token, and not only as
// long as the one that wrote it would.
func TestFactsOutliveTheLeewayOfOthers(t *testing.T) {
	late := noon.Add(watchword.DefaultAccessLifetime + 59*time.Second)
	tests := []struct {
		name   string
		revoke func(*bench, watchword.Tokens) error
		code   watchword.Code
	}{
		{"not revoked", func(*bench, watchword.Tokens) error { return nil }, fine},
		{"signed out", func(b *bench, tokens watchword.Tokens) error {
			return b.SignOut(ctx, watchword.SignOutRequest{Raw: tokens.Access})
		}, watchword.SessionEnded},
		{"everywhere", func(b *bench, tokens watchword.Tokens) error {
			return b.SignOut(ctx, watchword.SignOutRequest{Raw: tokens.Access, Everywhere: true})
		}, watchword.SessionEnded},
		{"revoked alone", func(b *bench, tokens watchword.Tokens) error {
			return b.Revoke(ctx, tokens.Access, watchword.Client{})
		}, watchword.TokenRevoked},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t, nil)
			tokens := b.signIn(t)
			want(t, "revoke", tt.revoke(b, tokens), fine)
			v := b.elsewhere(t, late, time.Minute)
			_, err := v.Verify(ctx, tokens.Access)
			want(t, "Verify", err, tt.code)
		})
	}
}

// Clocks of processes differ: a token from one that is half a minute ahead is
// ended by one that is not, and stays so until it has expired.
func TestFactsOutliveTokensOfAClockAhead(t *testing.T) {
	b := newBench(t, nil)
	b.pass(30 * time.Second)
	tokens := b.signIn(t)
	b.pass(-30 * time.Second)
	want(t, "SignOut", b.SignOut(ctx, watchword.SignOutRequest{Raw: tokens.Refresh}), fine)
	v := b.elsewhere(t, tokens.Claims.Expiry.Add(-time.Second), 0)
	_, err := v.Verify(ctx, tokens.Access)
	want(t, "Verify", err, watchword.SessionEnded)
}

// unversioned hides that its keys can change.
type unversioned struct{ jwt.KeySource }

// A key of VerifyKeys that is withdrawn takes the tokens with it that were
// checked by it and are remembered.
func TestAForeignKeyWithdrawn(t *testing.T) {
	for name, source := range map[string]func(*jwt.Keyring) jwt.KeySource{
		"of a source that tells": func(r *jwt.Keyring) jwt.KeySource { return r },
		"of one that does not":   func(r *jwt.Keyring) jwt.KeySource { return unversioned{r} },
	} {
		t.Run(name, func(t *testing.T) {
			old, foreign := fixedRing(t)
			next, _ := fixedRing(t)
			b := newBench(t, func(c *watchword.Config) { c.VerifyKeys = source(foreign) })
			raw := signed(t, old, "at+jwt", goodPayload)
			for range 2 {
				_, err := b.Verify(ctx, raw)
				want(t, "Verify", err, fine)
			}
			want(t, "Replace", foreign.Replace(jwt.RingKey{Key: next, State: jwt.Active}), fine)
			_, err := b.Verify(ctx, raw)
			want(t, "Verify once the key is withdrawn", err, watchword.BadSignature)
		})
	}
}

// A copy of the verifier that is given another audience refuses what the
// authority itself has accepted, and the other way round.
func TestACopyOfTheVerifierRemembersForItself(t *testing.T) {
	b := newBench(t, nil)
	tokens := b.signIn(t)
	_, err := b.Verify(ctx, tokens.Access)
	want(t, "Verify", err, fine)
	v := b.Verifier()
	v.Audience = "another API"
	_, err = v.Verify(ctx, tokens.Access)
	want(t, "Verify by the copy", err, watchword.WrongAudience)
}

// restored is facts of a database that is replaced by another: cursors into
// the old one conflict.
type restored struct {
	during func() error
	facts  []watchword.Fact
	epoch  string
}

func (r *restored) AddFact(context.Context, watchword.Fact) (watchword.Cursor, error) {
	return watchword.Cursor{}, errors.ErrUnsupported
}

func (r *restored) FactsSince(_ context.Context, c watchword.Cursor, _ time.Time, _ int) ([]watchword.Fact, watchword.Cursor, error) {
	if c.Epoch != "" && c.Epoch != r.epoch {
		return nil, watchword.Cursor{}, watchword.Conflict
	}
	if err := r.during(); err != nil {
		return nil, watchword.Cursor{}, err
	}
	if c.N > 0 {
		return nil, c, nil
	}
	return r.facts, watchword.Cursor{Epoch: r.epoch, N: 1}, nil
}

// What is revoked stays so while the facts of a restored database are being
// read, and where they cannot be.
func TestNothingCountsAgainWhileFactsAreReadAnew(t *testing.T) {
	facts := []watchword.Fact{
		{Kind: watchword.SessionFact, Number: 7, Until: noon.Add(time.Hour)},
		{Kind: watchword.TokenFact, ID: "jti", Until: noon.Add(time.Hour)},
	}
	fault := errors.New("no disk")
	r := &restored{facts: facts, epoch: "one", during: func() error { return nil }}
	l := watchword.NewRevocationList(r)
	want(t, "Sync", l.Sync(ctx, noon), fine)
	check := func(when string) {
		t.Helper()
		for _, c := range []*watchword.Claims{claimsOf(7, "1", "a", noon), claimsOf(0, "1", "jti", noon)} {
			if _, revoked := l.Revoked(c); !revoked {
				t.Errorf("%s session %d and jti %s count again", when, c.Number, c.ID)
			}
		}
	}
	r.epoch = "two"
	r.during = func() error { check("while facts are read"); return nil }
	want(t, "Sync", l.Sync(ctx, noon), fine)
	r.epoch = "three"
	r.during = func() error { return fault }
	if err := l.Sync(ctx, noon); !errors.Is(err, fault) {
		t.Errorf("Sync = %v, want %v", err, fault)
	}
	check("after a fault")
	r.facts = facts[1:]
	r.during = func() error { return nil }
	want(t, "Sync", l.Sync(ctx, noon), fine)
	if _, revoked := l.Revoked(claimsOf(7, "1", "a", noon)); revoked {
		t.Error("a fact of the database that was replaced is kept")
	}
}

// Keys are looked after also when the clock was set back.
func TestKeysAreLookedAfterWhenTheClockStepsBack(t *testing.T) {
	b := newBench(t, nil)
	b.pass(time.Hour)
	want(t, "Follow", b.Follow(ctx), fine)
	b.pass(-time.Hour)
	want(t, "RotateKeys", b.RotateKeys(ctx), fine)
	b.pass(10 * time.Minute)
	want(t, "Follow", b.Follow(ctx), fine)
	if got := states(t, b); strings.Contains(got, "retiring") {
		t.Errorf("ten minutes after a rotation the ring has %s", got)
	}
}

// Where the ring signs refresh tokens too, a retiring key stays for as long as
// one that it signed can be shown.
func TestARetiringKeyStaysForTheRefreshTokens(t *testing.T) {
	b := newBench(t, func(c *watchword.Config) {
		numbers, err := watchword.NewNumbers(c.SealKey, "old")
		want(t, "NewNumbers", err, fine)
		c.Profile, c.Layout, c.RefreshLayout, c.OmitKeyID = "old", oldLayout{numbers}, oldLayout{numbers}, true
		c.InsecureNoIssuer, c.InsecureNoAudience, c.Issuer, c.Audience = true, true, "", ""
		c.KeyAlgorithm = jwt.HS256
	})
	tokens := b.signIn(t)
	want(t, "RotateKeys", b.RotateKeys(ctx), fine)
	b.pass(20 * time.Hour)
	want(t, "Follow", b.Follow(ctx), fine)
	_, err := b.Refresh(ctx, watchword.RefreshRequest{Raw: tokens.Refresh})
	want(t, "Refresh", err, fine)
	b.pass(5 * time.Hour)
	want(t, "Follow", b.Follow(ctx), fine)
	if got := states(t, b); strings.Contains(got, "retiring") {
		t.Errorf("once its last token has expired the ring has %s", got)
	}
}

// A ring that rotates faster than its tokens expire holds more keys than a
// token without kid is tried against, or than a ring may hold: the oldest go.
func TestARingThatRotatesOften(t *testing.T) {
	for name, omit := range map[string]bool{"with kid": false, "without kid": true} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, func(c *watchword.Config) { c.OmitKeyID = omit })
			before := b.signIn(t)
			for range 3 {
				want(t, "RotateKeys", b.RotateKeys(ctx), fine)
			}
			_, err := b.Verify(ctx, before.Access)
			want(t, "Verify after three rotations", err, fine)
			for range 70 {
				want(t, "RotateKeys", b.RotateKeys(ctx), fine)
			}
			_, err = b.Verify(ctx, b.signIn(t).Access)
			want(t, "Verify after seventy", err, fine)
			_, err = b.Verify(ctx, before.Access)
			want(t, "Verify what the first key signed", err, watchword.BadSignature)
		})
	}
}

// A token from before the clock was set back will count again when the clock
// gets there: what ends it meanwhile must last until then.
func TestFactsOutliveTokensFromBeforeTheClockWasSetBack(t *testing.T) {
	b := newBench(t, nil)
	b.pass(time.Hour)
	tokens := b.signIn(t)
	b.pass(-time.Hour)
	want(t, "SignOut", b.SignOut(ctx, watchword.SignOutRequest{Raw: tokens.Refresh}), fine)
	v := b.elsewhere(t, tokens.Claims.Expiry.Add(-time.Second), 0)
	_, err := v.Verify(ctx, tokens.Access)
	want(t, "Verify", err, watchword.SessionEnded)
}

// A clock that is an hour fast for a while drops facts that are past by then;
// when it is set right they count again.
func TestFactsAreReadAgainWhenTheClockIsSetBack(t *testing.T) {
	b := newBench(t, nil)
	l := watchword.NewRevocationList(b.store)
	fact := func(number int64) {
		_, err := b.store.AddFact(ctx, watchword.Fact{Kind: watchword.SessionFact, Number: number, Until: noon.Add(7 * time.Minute)})
		want(t, "AddFact", err, fine)
	}
	fact(7)
	want(t, "Sync", l.Sync(ctx, noon), fine)
	fact(8)
	_, err := b.store.AddFact(ctx, watchword.Fact{Kind: watchword.SessionFact, Number: 1 << 30, Until: noon.Add(2 * time.Hour)})
	want(t, "AddFact", err, fine)
	want(t, "Sync an hour fast", l.Sync(ctx, noon.Add(time.Hour)), fine)
	want(t, "Sync", l.Sync(ctx, noon.Add(time.Second)), fine)
	for _, number := range []int64{7, 8, 1 << 30} {
		if _, revoked := l.Revoked(claimsOf(number, "1", "", noon)); !revoked {
			t.Errorf("session %d counts again", number)
		}
	}
}

// Introspection says of an access token what is known of its user, where that
// is asked for: one who is gone has none that is active.
func TestIntrospectionOfAnAccessTokenWhoseUserIsGone(t *testing.T) {
	var users *store.Memory
	b := newBench(t, func(c *watchword.Config) {
		users = c.Store.(*store.Memory)
		c.Users, c.Store = users, store.NewMemory()
	})
	tokens := b.signIn(t)
	issued, err := b.Issue(ctx, watchword.IssueRequest{Subject: "car:42"})
	want(t, "Issue", err, fine)
	want(t, "DeleteUser", users.DeleteUser(ctx, b.ann.ID, noon, noon), fine)
	for name, tt := range map[string]struct {
		raw    string
		active bool
	}{"the user's": {tokens.Access, false}, "a machine's": {issued.Access, true}} {
		found, err := b.Introspect(ctx, tt.raw)
		want(t, "Introspect", err, fine)
		if active := found.Claims != nil; active != tt.active {
			t.Errorf("%s token is active: %v", name, active)
		}
	}
}

// A database that was put back by copying its file gives numbers out again.
// The tokens of whoever had one before open nothing of the one who has it now.
func TestANumberGivenOutAgain(t *testing.T) {
	b, _ := adopting(t, nil)
	anns := b.signIn(t)
	copied := store.NewMemory()
	hash, err := cheap(t).Hash(ctx, annPassword)
	want(t, "Hash", err, fine)
	var bob watchword.User
	for _, login := range []string{"ann", "bob"} {
		bob, err = copied.CreateUser(ctx, watchword.NewUser{PasswordHash: hash, User: watchword.User{Login: login, Active: true}})
		want(t, "CreateUser", err, fine)
	}
	again, _ := adopting(t, func(c *watchword.Config) { c.Store = copied })
	bobs, err := again.SignIn(ctx, watchword.SignInRequest{Credentials: watchword.Credentials{Login: "bob", Password: annPassword}})
	want(t, "SignIn", err, fine)
	if bobs.Session.Number != anns.Session.Number || bobs.Session.UserID != bob.ID {
		t.Fatalf("bob has session %d of %s, want %d", bobs.Session.Number, bobs.Session.UserID, anns.Session.Number)
	}
	_, err = again.Refresh(ctx, watchword.RefreshRequest{Raw: anns.Refresh})
	want(t, "Refresh by ann's token", err, watchword.SessionEnded)
	want(t, "SignOut by ann's token", again.SignOut(ctx, watchword.SignOutRequest{Raw: anns.Access}), watchword.SessionEnded)
	_, err = again.Refresh(ctx, watchword.RefreshRequest{Raw: bobs.Refresh})
	want(t, "Refresh by bob's token", err, fine)
}

// A sign-in knows of rights that another process changed a moment ago before
// the next poll does: its token is not stale when the fact arrives.
func TestSignInAfterAChangeElsewhere(t *testing.T) {
	start := time.Now()
	clock := func() time.Time { return noon.Add(time.Since(start)) }
	b := newBench(t, func(c *watchword.Config) { c.Now = clock })
	_, err := b.store.UpdateUser(ctx, b.ann.ID, watchword.UserChange{Permissions: &[]string{"shop.edit"}}, 0, noon.Add(time.Hour), clock())
	want(t, "UpdateUser", err, fine)
	tokens := b.signIn(t)
	v := b.elsewhere(t, tokens.Claims.IssuedAt.Add(time.Second), 0)
	claims, err := v.Verify(ctx, tokens.Access)
	want(t, "Verify", err, fine)
	if err == nil && !claims.HasPermission("shop.edit") {
		t.Error("the token has the old permissions")
	}
}
