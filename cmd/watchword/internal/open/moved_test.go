package open_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/watchword-auth/watchword"
)

// TestUserMoved changes users behind the store's back: every change by the
// store ends the user's sessions, so that none is left to show that a
// refresh looks at him too.
func TestUserMoved(t *testing.T) {
	for name, move := range map[string]string{
		"another version": "UPDATE ww_users SET version = version + 1",
		"disabled":        "UPDATE ww_users SET active = 0",
		"gone":            "DELETE FROM ww_users",
	} {
		t.Run(name, func(t *testing.T) {
			o := opened(t, "sqlite:"+t.TempDir()+"/watchword.db")
			u, err := o.CreateUser(t.Context(), watchword.NewUser{User: watchword.User{Login: "ada", Active: true}})
			if err != nil {
				t.Fatal(err)
			}
			s, err := o.CreateSession(t.Context(), watchword.Session{
				UserID: u.ID, UserVersion: u.Version, OwnUser: true, Generation: 1,
				IdleUntil: base.Add(time.Hour), ExpiresAt: base.Add(time.Hour),
			})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := o.SQL.ExecContext(t.Context(), move); err != nil {
				t.Fatal(err)
			}
			s, err = o.AdvanceSession(t.Context(), s.Number, watchword.Advance{From: 1, Idle: time.Hour, Until: base.Add(time.Hour)}, base)
			if !errors.Is(err, watchword.SessionEnded) || s.EndedAt.IsZero() {
				t.Errorf("AdvanceSession = %+v, %v, want it ended", s, err)
			}
			facts, _, err := o.FactsSince(t.Context(), watchword.Cursor{}, base, 10)
			ended := slices.DeleteFunc(facts, func(f watchword.Fact) bool { return f.Kind == watchword.ProfileFact }) // that ada was added
			if err != nil || len(ended) != 1 || ended[0].Number != s.Number {
				t.Errorf("facts are %+v, %v, want one of the session", ended, err)
			}
		})
	}
}
