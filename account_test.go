package watchword_test

import (
	"context"
	"testing"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/store"
)

// Whoever changes his password has proved the one that stood when he was
// looked at. Where it was reset meanwhile, as an operator does who throws a
// thief out, the change must not undo the reset.
func TestPasswordChangeLosesToAReset(t *testing.T) {
	var meanwhile func()
	b := newBench(t, func(c *watchword.Config) {
		c.Allow = func(context.Context, watchword.User) error {
			if meanwhile != nil {
				meanwhile()
			}
			return nil
		}
	})
	thief := b.signIn(t)
	reset, err := cheap(t).Hash(ctx, "the operator's own 9")
	want(t, "Hash", err, fine)
	meanwhile = func() {
		_, err := b.store.UpdateUser(ctx, b.ann.ID, watchword.UserChange{PasswordHash: &reset}, 0, noon.Add(time.Hour), noon)
		want(t, "UpdateUser", err, fine)
	}
	err = b.ChangePassword(ctx, watchword.PasswordChange{Claims: thief.Claims, Current: annPassword, New: "the thief's own 99"})
	want(t, "ChangePassword", err, watchword.InvalidCredentials)
	meanwhile = nil
	_, err = b.SignIn(ctx, watchword.SignInRequest{Credentials: watchword.Credentials{Login: "ann", Password: "the thief's own 99"}})
	want(t, "SignIn by the thief's password", err, watchword.InvalidCredentials)
	_, err = b.SignIn(ctx, watchword.SignInRequest{Credentials: watchword.Credentials{Login: "ann", Password: "the operator's own 9"}})
	want(t, "SignIn by the operator's password", err, fine)
}

// A password change ends the other sessions at once, also where users and
// sessions are kept in two stores.
func TestPasswordChangeReachesSessionsKeptElsewhere(t *testing.T) {
	b := newBench(t, func(c *watchword.Config) {
		c.Users, c.Store = c.Store.(watchword.Users), store.NewMemory()
	})
	mine, other := b.signIn(t), b.signIn(t)
	err := b.ChangePassword(ctx, watchword.PasswordChange{Claims: mine.Claims, Current: annPassword, New: "another word 4711"})
	want(t, "ChangePassword", err, fine)
	_, err = b.Verify(ctx, other.Access)
	want(t, "Verify in the other session", err, watchword.SessionEnded)
	_, err = b.Verify(ctx, mine.Access)
	want(t, "Verify in his own", err, fine)
}
