package storetest

import (
	"sync"
	"testing"
	"time"

	"github.com/watchword-auth/watchword"
)

// Limiter is the contract of [watchword.Limiter]. open makes an empty one
// that allows every key the given rate.
func Limiter(t *testing.T, open func(t *testing.T, rate watchword.Rate) watchword.Limiter) {
	rate := watchword.Rate{Burst: 3, Every: 10 * time.Second}
	for _, c := range []struct {
		name, sentence string
		run            func(t *testing.T, l watchword.Limiter)
	}{
		{
			"a burst and then the pace", "After the burst one attempt passes every so often, and the wait that is told suffices.",
			limiterPace,
		}, {
			"keys do not mix", "One who guesses at a login spends that login's attempts alone.",
			limiterKeys,
		}, {
			"a refund gives one back", "What succeeded is given back, and never more than was taken.",
			limiterRefund,
		}, {
			"a reset forgets", "A reset key has its whole burst again.",
			limiterReset,
		}, {
			"a thousand at once", "Attempts at one instant cannot slip through together.",
			limiterCrowd,
		}, {
			"a clock set back", "A clock that is set back locks nobody out for longer than a whole burst takes.",
			limiterClock,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			defer func() {
				if t.Failed() {
					t.Log(c.sentence)
				}
			}()
			c.run(t, open(t, rate))
		})
	}
}

// take demands that of n attempts at one instant so many pass.
func take(t *testing.T, l watchword.Limiter, key string, at time.Time, n, pass int) (wait time.Duration) {
	t.Helper()
	passed := 0
	for range n {
		after, err := l.Take(t.Context(), key, at)
		if err != nil {
			t.Fatalf("Take: %v", err)
		}
		if after <= 0 {
			passed++
		} else {
			wait = after
		}
	}
	if passed != pass {
		t.Fatalf("%d of %d attempts passed, want %d", passed, n, pass)
	}
	return wait
}

func limiterPace(t *testing.T, l watchword.Limiter) {
	wait := take(t, l, "k", base, 5, 3)
	if wait <= 0 || wait > 10*time.Second {
		t.Errorf("wait %v, want at most one pace", wait)
	}
	take(t, l, "k", base.Add(wait-time.Millisecond), 1, 0)
	take(t, l, "k", base.Add(wait), 2, 1)
	take(t, l, "k", base.Add(wait+20*time.Second), 5, 2)
	take(t, l, "k", base.Add(time.Hour), 5, 3)
}

func limiterKeys(t *testing.T, l watchword.Limiter) {
	take(t, l, "a", base, 9, 3)
	take(t, l, "b", base, 9, 3)
	take(t, l, "", base, 9, 3)
}

func limiterRefund(t *testing.T, l watchword.Limiter) {
	refund := func(key string) {
		t.Helper()
		if err := l.Refund(t.Context(), key, base); err != nil {
			t.Fatalf("Refund: %v", err)
		}
	}
	take(t, l, "k", base, 3, 3)
	refund("k")
	take(t, l, "k", base, 2, 1)
	for range 9 {
		refund("k")
	}
	take(t, l, "k", base, 9, 3)
	refund("never taken")
	take(t, l, "never taken", base, 9, 3)
}

func limiterReset(t *testing.T, l watchword.Limiter) {
	take(t, l, "k", base, 9, 3)
	take(t, l, "other", base, 9, 3)
	if err := l.Reset(t.Context(), "k"); err != nil {
		t.Fatalf("Reset: %v", err)
	}
	take(t, l, "k", base, 9, 3)
	take(t, l, "other", base, 1, 0)
}

func limiterCrowd(t *testing.T, l watchword.Limiter) {
	var mu sync.Mutex
	passed := 0
	together(1000, func(int) {
		after, err := l.Take(t.Context(), "k", base)
		mu.Lock()
		defer mu.Unlock()
		if err != nil {
			t.Errorf("Take: %v", err)
		} else if after <= 0 {
			passed++
		}
	})
	if passed != 3 {
		t.Errorf("%d of 1000 passed, want 3", passed)
	}
}

func limiterClock(t *testing.T, l watchword.Limiter) {
	take(t, l, "k", base.Add(time.Hour), 9, 3)
	take(t, l, "k", base.Add(30*time.Second), 1, 1)
}
