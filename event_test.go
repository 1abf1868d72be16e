package watchword_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/watchword-auth/watchword"
)

func TestVerifiedIsSampled(t *testing.T) {
	const times = 1000
	for _, tt := range []struct{ sample, least, most int }{
		{0, 0, 0}, {1, times, times}, {2, times / 4, 3 * times / 4}, {1 << 62, 0, 0},
	} {
		b := newBench(t, func(c *watchword.Config) { c.SampleVerified = tt.sample })
		tokens := b.signIn(t)
		b.events = nil
		for range times {
			_, err := b.Verify(ctx, tokens.Access)
			want(t, "Verify", err, fine)
		}
		if n := len(b.events); n < tt.least || n > tt.most {
			t.Errorf("one in %d: %d of %d were told of, want %d to %d", tt.sample, n, times, tt.least, tt.most)
		}
		for _, e := range b.events {
			if e.Kind.String() != "verified" || e.UserID != b.ann.ID || e.Session != 1 {
				t.Fatalf("event %+v", e)
			}
		}
		b.events = nil
		if _, err := b.Verify(ctx, tokens.Refresh); err == nil || len(b.events) != 0 {
			t.Errorf("Verify of a refresh token = %v, %d events: what is refused was not verified", err, len(b.events))
		}
	}
}

func TestAnExtendedRefreshIsAnEventOfItsOwn(t *testing.T) {
	b := newBench(t, func(c *watchword.Config) { c.Rotation = watchword.Rotation{Mode: watchword.Keep} })
	tokens := b.signIn(t)
	b.pass(time.Minute)
	_, err := b.Refresh(ctx, watchword.RefreshRequest{Raw: tokens.Refresh})
	want(t, "Refresh", err, fine)
	_, err = b.Refresh(ctx, watchword.RefreshRequest{Raw: tokens.Refresh, Renew: true})
	want(t, "Refresh with Renew", err, fine)
	if got := fmt.Sprint(b.kinds()); got != "[signed_in refreshed refresh_extended]" {
		t.Errorf("events %s", got)
	}
}

// BenchmarkVerifySampled compares Authority.Verify with and without a sample.
func BenchmarkVerifySampled(b *testing.B) {
	for _, sample := range []int{0, 1000} {
		b.Run(fmt.Sprint(sample), func(b *testing.B) {
			w := newBench(b, func(c *watchword.Config) {
				c.SampleVerified, c.Now = sample, nil
				c.Observers = []func(context.Context, watchword.Event){func(context.Context, watchword.Event) {}}
			})
			tokens := w.signIn(b)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := w.Verify(ctx, tokens.Access); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
