package store

import (
	"errors"
	"testing"
	"time"

	"github.com/watchword-auth/watchword"
)

// TestUserMoved is inside the package: every change of a user ends his
// sessions, so that none is left to show that a refresh looks at him too.
func TestUserMoved(t *testing.T) {
	at := time.Date(2026, time.March, 4, 5, 6, 7, 0, time.UTC)
	for name, move := range map[string]func(m *Memory){
		"another version": func(m *Memory) { m.users[1].Version++ },
		"disabled":        func(m *Memory) { m.users[1].Active = false },
		"gone":            func(m *Memory) { delete(m.users, 1) },
	} {
		t.Run(name, func(t *testing.T) {
			m := NewMemory()
			u, err := m.CreateUser(t.Context(), watchword.NewUser{User: watchword.User{Login: "ada", Active: true}})
			if err != nil {
				t.Fatal(err)
			}
			s, err := m.CreateSession(t.Context(), watchword.Session{
				UserID: u.ID, UserVersion: u.Version, OwnUser: true, Generation: 1,
				IdleUntil: at.Add(time.Hour), ExpiresAt: at.Add(time.Hour),
			})
			if err != nil {
				t.Fatal(err)
			}
			move(m)
			s, err = m.AdvanceSession(t.Context(), s.Number, watchword.Advance{From: 1, Idle: time.Hour, Until: at.Add(time.Hour)}, at)
			if !errors.Is(err, watchword.SessionEnded) || s.EndedAt.IsZero() || len(m.facts) != 2 {
				t.Errorf("AdvanceSession = %+v, %v, with %d facts; want it ended with one, beside that about the record", s, err, len(m.facts))
			}
		})
	}
}
