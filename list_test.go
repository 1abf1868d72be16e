package watchword_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/store"
)

func claimsOf(number int64, sub, jti string, iat time.Time) *watchword.Claims {
	return (&watchword.ClaimSet{Kind: watchword.Access, Number: number, UserID: sub, ID: jti, IssuedAt: iat}).Freeze(nil)
}

func TestRevocationList(t *testing.T) {
	until := noon.Add(time.Hour)
	facts := []watchword.Fact{
		{Kind: watchword.SessionFact, Number: 5, Until: until},
		{Kind: watchword.SessionFact, Number: 1<<20 + 5, Until: until},
		{Kind: watchword.UserFact, ID: "7", UpTo: 20, Except: 15, Before: noon, Until: until},
		{Kind: watchword.TokenFact, ID: "j1", Until: until},
		{Kind: watchword.ClaimsFact, ID: "8", Before: noon, Until: until},
		{Kind: watchword.ClaimsFact, Number: 30, Before: noon, Until: until},
	}
	l := watchword.NewRevocationList(nil)
	l.Apply(noon, facts...)
	l.Apply(noon, facts...) // twice changes nothing
	tests := []struct {
		name    string
		c       *watchword.Claims
		revoked bool
	}{
		{"ended session", claimsOf(5, "1", "", noon), true},
		{"neighbour", claimsOf(6, "1", "", noon), false},
		{"session in another block", claimsOf(1<<20+5, "1", "", noon), true},
		{"same place, third block", claimsOf(2<<20+5, "1", "", noon), false},
		{"user's old session", claimsOf(20, "7", "", noon), true},
		{"user's session that stays", claimsOf(15, "7", "", noon), false},
		{"user's later session", claimsOf(21, "7", "", noon), false},
		{"user's token without session, old", claimsOf(0, "7", "", noon), true},
		{"user's token without session, new", claimsOf(0, "7", "", noon.Add(time.Second)), false},
		{"token", claimsOf(99, "1", "j1", noon), true},
		{"other token", claimsOf(99, "1", "j2", noon), false},
		{"stale claims by user", claimsOf(99, "8", "", noon), true},
		{"fresh claims by user", claimsOf(99, "8", "", noon.Add(time.Second)), false},
		{"stale claims by session", claimsOf(30, "name", "", noon), true},
		{"fresh claims by session", claimsOf(30, "name", "", noon.Add(time.Second)), false},
	}
	for _, tt := range tests {
		if _, got := l.Revoked(tt.c); got != tt.revoked {
			t.Errorf("%s: revoked %v, want %v", tt.name, got, tt.revoked)
		}
	}

	l.Apply(until.Add(2*time.Second), watchword.Fact{Kind: watchword.TokenFact, ID: "late", Until: until.Add(time.Hour)})
	for _, tt := range tests {
		if _, got := l.Revoked(tt.c); got {
			t.Errorf("%s: the fact outlived its time", tt.name)
		}
	}
}

func TestEverybodyIsRevokedAfterARestore(t *testing.T) {
	l := watchword.NewRevocationList(nil)
	l.Apply(noon, watchword.Fact{Kind: watchword.UserFact, Before: noon, Until: noon.Add(time.Hour)})
	if _, revoked := l.Revoked(claimsOf(3, "9", "x", noon)); !revoked {
		t.Error("a token from before the restore is accepted")
	}
	if _, revoked := l.Revoked(claimsOf(3, "9", "x", noon.Add(time.Second))); revoked {
		t.Error("a token from after the restore is refused")
	}
}

// A later fact about a user must not open what an earlier one closed.
func TestUserFactsAddUp(t *testing.T) {
	l := watchword.NewRevocationList(nil)
	until := noon.Add(time.Hour)
	l.Apply(noon, watchword.Fact{Kind: watchword.UserFact, ID: "7", UpTo: 10, Before: noon, Until: until})
	l.Apply(noon, watchword.Fact{Kind: watchword.UserFact, ID: "7", UpTo: 20, Except: 9, Before: noon, Until: until})
	for number, want := range map[int64]bool{8: true, 9: true, 15: true, 21: false} {
		if _, got := l.Revoked(claimsOf(number, "7", "", noon)); got != want {
			t.Errorf("session %d revoked: %v, want %v", number, got, want)
		}
	}
}

func TestSyncMissesNothingWhileOthersWrite(t *testing.T) {
	s := store.NewMemory()
	l := watchword.NewRevocationList(s)
	const writers, each = 8, 200
	done := make(chan struct{})
	var wg sync.WaitGroup
	for w := range int64(writers) {
		wg.Go(func() {
			for i := range int64(each) {
				if _, err := s.AddFact(ctx, watchword.Fact{Kind: watchword.SessionFact, Number: 1 + w*each + i, Until: noon.Add(time.Hour)}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	go func() { wg.Wait(); close(done) }()
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		if err := l.Sync(ctx, noon); err != nil {
			t.Fatal(err)
		}
	}
	for n := int64(1); n <= writers*each; n++ {
		if _, revoked := l.Revoked(claimsOf(n, "", "", noon)); !revoked {
			t.Fatalf("the fact about session %d was missed", n)
		}
	}
}

// pages are facts as a store keeps them that counts the dead ones in its
// pages too: one may come back empty, and not be the last.
type pages [][]watchword.Fact

func (p pages) AddFact(context.Context, watchword.Fact) (watchword.Cursor, error) {
	return watchword.Cursor{}, watchword.Internal
}

func (p pages) FactsSince(_ context.Context, c watchword.Cursor, _ time.Time, _ int) ([]watchword.Fact, watchword.Cursor, error) {
	if c.N == int64(len(p)) {
		return nil, c, nil
	}
	return p[c.N], watchword.Cursor{Epoch: "e", N: c.N + 1}, nil
}

func TestSyncGoesOnAfterAnEmptyPage(t *testing.T) {
	l := watchword.NewRevocationList(pages{nil, nil, {{Kind: watchword.SessionFact, Number: 5, Until: noon.Add(time.Hour)}}})
	if err := l.Sync(ctx, noon); err != nil {
		t.Fatal(err)
	}
	if _, revoked := l.Revoked(claimsOf(5, "", "", noon)); !revoked {
		t.Error("a fact after a page of dead ones was not read")
	}
}

func BenchmarkRevoked(b *testing.B) {
	l := watchword.NewRevocationList(nil)
	var facts []watchword.Fact
	for n := range int64(10_000_000) {
		if facts = append(facts, watchword.Fact{Kind: watchword.SessionFact, Number: 2 * n, Until: noon}); len(facts) == 100_000 {
			l.Apply(noon.Add(-time.Hour), facts...)
			facts = facts[:0]
		}
	}
	c := claimsOf(9_999_999, "user", "jti", noon)
	b.ReportAllocs()
	for b.Loop() {
		if _, revoked := l.Revoked(c); revoked {
			b.Fatal("an odd number is revoked")
		}
	}
}

func TestMemoryLimiter(t *testing.T) {
	l := watchword.NewMemoryLimiter(func(string) watchword.Rate { return watchword.Rate{Burst: 3, Every: 10 * time.Second} }, 4)
	take := func(key string, at time.Time) time.Duration {
		wait, err := l.Take(context.Background(), key, at)
		if err != nil {
			t.Fatal(err)
		}
		return wait
	}
	for i := range 3 {
		if wait := take("a", noon); wait != 0 {
			t.Fatalf("attempt %d waits %v", i, wait)
		}
	}
	if wait := take("a", noon); wait != 10*time.Second {
		t.Errorf("the fourth waits %v, want 10s", wait)
	}
	if wait := take("a", noon.Add(10*time.Second)); wait != 0 {
		t.Errorf("after the wait: %v", wait)
	}
	if wait := take("a", noon.Add(-24*time.Hour)); wait != 0 {
		t.Errorf("a clock that stepped back locks out for %v", wait)
	}
	if err := l.Refund(ctx, "unknown", noon); err != nil {
		t.Error(err)
	}
	for _, key := range []string{"a", "b", "c", "d"} {
		take(key, noon)
	}
	if wait := take("e", noon); wait == 0 {
		t.Error("a fifth key was taken in: no bound holds")
	}
	if wait := take("e", noon.Add(time.Hour)); wait != 0 {
		t.Error("keys that have recovered were not forgotten")
	}
}
