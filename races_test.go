package watchword_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/store"
)

// Another process changes the password, and this one has not heard of it yet:
// an old system's token from before the change opens no session, which would
// outlive the change.
func TestAdoptionAfterAChangeNotYetHeardOf(t *testing.T) {
	b, sign := adopting(t, nil)
	hash := "$2a$04$aaaaaaaaaaaaaaaaaaaaaeDtKFZl9gPqFAvJxoYpkPbFFgAyoyTC6"
	_, err := b.store.UpdateUser(ctx, b.ann.ID, watchword.UserChange{PasswordHash: &hash}, 0, noon.Add(24*time.Hour), noon)
	want(t, "UpdateUser", err, fine)
	_, err = b.refresh(sign(oldClaims{}))
	want(t, "Refresh", err, watchword.SessionEnded)
}

// failing is a store whose AddFact fails as long as it is told to.
type failing struct {
	*store.Memory
	facts atomic.Bool
}

func (f *failing) AddFact(ctx context.Context, fact watchword.Fact) (watchword.Cursor, error) {
	if f.facts.Load() {
		return watchword.Cursor{}, watchword.Unavailable
	}
	return f.Memory.AddFact(ctx, fact)
}

// A client whose deletion failed half way can be deleted again, and then its
// tokens count no longer.
func TestDeletingAClientAgainAfterAFault(t *testing.T) {
	var f *failing
	b := newBench(t, func(c *watchword.Config) {
		f = &failing{Memory: c.Store.(*store.Memory)}
		c.Store = f
	})
	_, _, record := watchword.NewClientSecret("robot", nil, noon)
	want(t, "CreateClient", b.store.CreateClient(ctx, record), fine)
	tokens, err := b.ClientToken(ctx, record, nil)
	want(t, "ClientToken", err, fine)
	f.facts.Store(true)
	want(t, "DeleteClient while facts fail", b.DeleteClient(ctx, "robot"), watchword.Unavailable)
	f.facts.Store(false)
	want(t, "DeleteClient again", b.DeleteClient(ctx, "robot"), fine)
	_, err = b.Verify(ctx, tokens.Access)
	want(t, "Verify", err, watchword.SessionEnded)
}

// A token that was being made for a client while that was deleted is dated
// after the deletion, and counts no more than those before.
func TestATokenMadeWhileItsClientIsDeleted(t *testing.T) {
	b := newBench(t, nil)
	id, secret, record := watchword.NewClientSecret("robot", nil, noon)
	want(t, "CreateClient", b.store.CreateClient(ctx, record), fine)
	proven, err := b.AuthenticateClient(ctx, id, secret)
	want(t, "AuthenticateClient", err, fine)
	want(t, "DeleteClient", b.DeleteClient(ctx, "robot"), fine)
	b.pass(2 * time.Second)
	tokens, err := b.ClientToken(ctx, proven, nil)
	want(t, "ClientToken", err, fine)
	_, err = b.Verify(ctx, tokens.Access)
	want(t, "Verify", err, watchword.SessionEnded)
}

// Introspection says of a refresh token what a refresh would: that of a user
// who is gone, disabled or has another password now is inactive.
func TestIntrospectionOfARefreshTokenWhoseUserIsGone(t *testing.T) {
	var users *store.Memory
	b := newBench(t, func(c *watchword.Config) {
		users = c.Store.(*store.Memory)
		c.Users, c.Store = users, store.NewMemory()
	})
	tokens := b.signIn(t)
	found, err := b.Introspect(ctx, tokens.Refresh)
	want(t, "Introspect", err, fine)
	if found.Claims == nil {
		t.Fatal("a refresh token that counts is said to be inactive")
	}
	want(t, "DeleteUser", users.DeleteUser(ctx, b.ann.ID, noon, noon), fine)
	found, err = b.Introspect(ctx, tokens.Refresh)
	want(t, "Introspect", err, fine)
	if found.Claims != nil {
		t.Error("the refresh token of a deleted user is said to be active")
	}
}

// Whoever signs in, refreshes and verifies while the password is changed, the
// user disabled or deleted: nothing that was had by the old password counts
// once the change is acknowledged.
func TestNothingOutlivesAChangeInAStorm(t *testing.T) {
	off := false
	changes := map[string]func(*bench) error{
		"password": func(b *bench) error {
			hash := "$2a$04$aaaaaaaaaaaaaaaaaaaaaeDtKFZl9gPqFAvJxoYpkPbFFgAyoyTC6"
			_, err := b.store.UpdateUser(ctx, b.ann.ID, watchword.UserChange{PasswordHash: &hash}, 0, noon.Add(time.Hour), noon)
			return err
		},
		"disabled": func(b *bench) error {
			_, err := b.store.UpdateUser(ctx, b.ann.ID, watchword.UserChange{Active: &off}, 0, noon.Add(time.Hour), noon)
			return err
		},
		"deleted": func(b *bench) error { return b.store.DeleteUser(ctx, b.ann.ID, noon.Add(time.Hour), noon) },
		"everywhere": func(b *bench) error {
			_, err := b.End(ctx, watchword.Which{UserID: b.ann.ID})
			return err
		},
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, func(c *watchword.Config) { c.InsecureUnlimited = true })
			first := b.signIn(t)
			var mu sync.Mutex
			had := []watchword.Tokens{first}
			keep := func(tokens watchword.Tokens) {
				mu.Lock()
				defer mu.Unlock()
				had = append(had, tokens)
			}
			var over atomic.Bool
			var all sync.WaitGroup
			for i := range 6 {
				all.Go(func() {
					tokens := first
					for round := 0; !over.Load() && round < 400; round++ {
						next, err := b.Refresh(ctx, watchword.RefreshRequest{Raw: tokens.Refresh})
						if name != "everywhere" && (err != nil && i%2 == 0 || err == nil && round%8 == 7) { // after that one may
							next, err = b.SignIn(ctx, watchword.SignInRequest{Credentials: watchword.Credentials{Login: "ann", Password: annPassword}})
						}
						if err == nil {
							keep(next)
							tokens = next
						}
						_, _ = b.Verify(ctx, tokens.Access)
					}
				})
			}
			for range 4 {
				b.signIn(t)
			}
			want(t, name, change(b), fine)
			want(t, "Follow", b.Follow(ctx), fine)
			over.Store(true)
			all.Wait()
			for _, tokens := range had {
				if _, err := b.Verify(ctx, tokens.Access); err == nil {
					t.Errorf("an access token of session %d counts", tokens.Session.Number)
				}
				if _, err := b.Refresh(ctx, watchword.RefreshRequest{Raw: tokens.Refresh}); err == nil {
					t.Errorf("a refresh token of session %d counts", tokens.Session.Number)
				}
			}
		})
	}
}

// The hook for custom claims may ask somebody who is away. Then the session
// has not moved on, and the client that tries again later is no thief.
func TestAHookThatFailsCostsNobodyHisSession(t *testing.T) {
	var fault error
	b := newBench(t, func(c *watchword.Config) {
		c.Claims = func(_ context.Context, _ watchword.User, s *watchword.ClaimSet) error {
			s.Custom = map[string]any{"plan": "gold"}
			return fault
		}
	})
	tokens := b.signIn(t)
	fault = fmt.Errorf("%w: billing is away", watchword.Unavailable)
	_, err := b.Refresh(ctx, watchword.RefreshRequest{Raw: tokens.Refresh})
	want(t, "Refresh while the hook fails", err, watchword.Unavailable)
	fault = nil
	b.pass(time.Minute)
	next, err := b.Refresh(ctx, watchword.RefreshRequest{Raw: tokens.Refresh})
	want(t, "Refresh a minute later", err, fine)
	if next.Session.Generation != 2 || next.Claims == nil || !strings.Contains(string(next.Claims.JSON()), `"plan":"gold"`) {
		t.Errorf("generation %d, claims %v", next.Session.Generation, next.Claims)
	}
}
