package watchword_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/watchword-auth/watchword"
)

// TestRenew: a kept refresh token is made anew on request: the same session
// and generation, another date; the one before goes on until its own end.
func TestRenew(t *testing.T) {
	b := newBench(t, func(c *watchword.Config) {
		c.Rotation.Mode = watchword.Keep
		c.RefreshLifetime, c.SessionLifetime = time.Hour, 90*time.Minute
	})
	first := b.signIn(t)
	b.pass(30 * time.Minute)
	kept, err := b.refresh(first.Refresh)
	want(t, "Refresh", err, fine)
	if kept.Refresh != first.Refresh {
		t.Error("a refresh that renews nothing changed the refresh token")
	}
	next, err := b.Refresh(ctx, watchword.RefreshRequest{Raw: first.Refresh, Renew: true})
	want(t, "Refresh with Renew", err, fine)
	if next.Refresh == first.Refresh || next.Session.Generation != 1 || !next.RefreshExpiry.Equal(noon.Add(90*time.Minute)) {
		t.Errorf("renewed: generation %d, until %v, the same token: %v", next.Session.Generation, next.RefreshExpiry, next.Refresh == first.Refresh)
	}
	b.pass(45 * time.Minute)
	_, err = b.refresh(next.Refresh)
	want(t, "Refresh by the new token", err, fine)
	b.pass(15 * time.Minute)
	_, err = b.Refresh(ctx, watchword.RefreshRequest{Raw: next.Refresh, Renew: true})
	want(t, "Refresh at the absolute limit", err, watchword.SessionExpired)
}

func TestCheckRefresh(t *testing.T) {
	off := false
	for _, tt := range []struct {
		name  string
		do    func(*bench, watchword.Tokens) error
		code  watchword.Code
		after watchword.Code // of a refresh afterwards: a check changes nothing
	}{
		{"in order", func(*bench, watchword.Tokens) error { return nil }, fine, fine},
		{"used, in the window", func(b *bench, t watchword.Tokens) error { _, err := b.refresh(t.Refresh); return err }, fine, fine},
		{"used", func(b *bench, t watchword.Tokens) error {
			_, err := b.refresh(t.Refresh)
			b.pass(time.Minute)
			return err
		}, watchword.TokenReused, watchword.TokenReused},
		{"signed out", func(b *bench, t watchword.Tokens) error {
			return b.SignOut(ctx, watchword.SignOutRequest{Raw: t.Access})
		}, watchword.SessionEnded, watchword.SessionEnded},
		{"idle for too long", func(b *bench, _ watchword.Tokens) error { b.pass(25 * time.Hour); return nil }, watchword.SessionExpired, watchword.SessionExpired},
		{"the user disabled", func(b *bench, _ watchword.Tokens) error {
			_, err := b.store.UpdateUser(ctx, b.ann.ID, watchword.UserChange{Active: &off}, 0, noon.Add(time.Hour), noon)
			return err
		}, watchword.SessionEnded, watchword.SessionEnded},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t, nil)
			tokens := b.signIn(t)
			want(t, "before", tt.do(b, tokens), fine)
			for range 2 {
				c, err := b.CheckRefresh(ctx, tokens.Refresh)
				want(t, "CheckRefresh", err, tt.code)
				if err == nil && (c.Kind != watchword.Refresh || c.Subject != b.ann.ID) {
					t.Errorf("claims %+v", c)
				}
			}
			_, err := b.refresh(tokens.Refresh)
			want(t, "Refresh", err, tt.after)
		})
	}
	b := newBench(t, nil)
	_, err := b.CheckRefresh(ctx, b.signIn(t).Access)
	if err == nil {
		t.Error("CheckRefresh took an access token")
	}
}

// TestSignOutOnce: of many who end a session at once one is told that he did.
func TestSignOutOnce(t *testing.T) {
	old, sign := adopting(t, nil)
	for name, tt := range map[string]struct {
		b   *bench
		raw string
	}{
		"ours":                       {b: newBench(t, nil)},
		"another system's":           {old, sign(oldClaims{ID: "5f0c"})},
		"another system's, no jti":   {old, sign(oldClaims{IAT: noon.Unix() - 9})},
		"another system's, not ours": {b: nil},
	} {
		t.Run(name, func(t *testing.T) {
			b, raw := tt.b, tt.raw
			if b == nil {
				var sign func(oldClaims) string
				b, sign = adopting(t, func(c *watchword.Config) { c.AdoptUntil = time.Time{} })
				raw = sign(oldClaims{ID: "77aa"})
				want(t, "first", b.SignOut(ctx, watchword.SignOutRequest{Raw: raw, Once: true}), fine)
				want(t, "second", b.SignOut(ctx, watchword.SignOutRequest{Raw: raw, Once: true}), watchword.SessionEnded)
				return
			}
			if raw == "" {
				raw = b.signIn(t).Refresh
			}
			var ended atomic.Int32
			var wg sync.WaitGroup
			for range 8 {
				wg.Go(func() {
					switch err := b.SignOut(ctx, watchword.SignOutRequest{Raw: raw, Once: true}); {
					case err == nil:
						ended.Add(1)
					case !errors.Is(err, watchword.SessionEnded):
						t.Errorf("SignOut = %v", err)
					}
				})
			}
			wg.Wait()
			if n := ended.Load(); n != 1 {
				t.Errorf("%d were told that they had ended it, want 1", n)
			}
			want(t, "without Once", b.SignOut(ctx, watchword.SignOutRequest{Raw: raw}), fine)
		})
	}
}
