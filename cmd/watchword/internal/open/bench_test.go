package open_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/open"
)

var base = time.Date(2026, time.March, 4, 5, 6, 7, 0, time.UTC)

// BenchmarkAdvance rotates refresh tokens on a file, each client its own
// session, and reports how many writes share a commit.
func BenchmarkAdvance(b *testing.B) {
	for _, clients := range []int{1, 8, 32, 128} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) { benchmarkAdvance(b, clients) })
	}
}

func benchmarkAdvance(b *testing.B, clients int) {
	o := opened(b, "sqlite:"+b.TempDir()+"/watchword.db")
	user, err := o.CreateUser(b.Context(), watchword.NewUser{User: watchword.User{Login: "ada", Active: true}})
	if err != nil {
		b.Fatal(err)
	}
	before := o.Stats()
	var left atomic.Int64
	left.Store(int64(b.N))
	done := make(chan error, clients)
	b.ResetTimer()
	for range clients {
		go func() { done <- rotate(b, o, user, &left) }()
	}
	for range clients {
		if err := <-done; err != nil {
			b.Error(err)
		}
	}
	b.StopTimer()
	after := o.Stats()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "rotations/s")
	b.ReportMetric(float64(after.Writes-before.Writes)/float64(after.Commits-before.Commits), "writes/commit")
}

// rotate signs in and refreshes until nothing is left to do.
func rotate(b *testing.B, o *open.Opened, user watchword.User, left *atomic.Int64) error {
	s, err := o.CreateSession(b.Context(), watchword.Session{
		Profile: "native", UserID: user.ID, UserVersion: user.Version, OwnUser: true, ClientID: "watchword",
		Scopes: []string{"read"}, Device: "Firefox on Linux", Address: "192.0.2.7", Generation: 1,
		CreatedAt: base, AdvancedAt: base, IdleUntil: base.Add(24 * time.Hour), ExpiresAt: base.Add(720 * time.Hour),
	})
	if err != nil {
		return err
	}
	a := watchword.Advance{
		From: 1, Idle: 24 * time.Hour, Until: base.Add(time.Hour),
		Rotation: watchword.Rotation{Grace: watchword.DefaultGrace},
	}
	at := base
	for left.Add(-1) >= 0 {
		at = at.Add(time.Second)
		if _, err := o.AdvanceSession(b.Context(), s.Number, a, at); err != nil {
			return err
		}
		a.From++
	}
	return nil
}

func BenchmarkUserByID(b *testing.B) {
	o := opened(b, "sqlite:"+b.TempDir()+"/watchword.db")
	user, err := o.CreateUser(b.Context(), watchword.NewUser{User: watchword.User{
		Login: "ada", Email: "ada@example.com", Active: true, Groups: []string{"staff"}, Permissions: []string{"app.view", "app.add"},
	}})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := o.UserByID(b.Context(), user.ID); err != nil {
				b.Error(err)
				return
			}
		}
	})
}
