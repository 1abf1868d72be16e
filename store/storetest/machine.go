package storetest

import (
	"testing"
	"time"

	"github.com/watchword-auth/watchword"
)

// machine drives the whole table of [watchword.Session.Advance] through the
// store: the answer, the row as it then stands, and the fact.
func machine(t *testing.T, open Open) {
	const grace = 10 * time.Second
	var (
		rotate = watchword.Rotation{Grace: grace}
		refuse = watchword.Rotation{Grace: grace, InGrace: watchword.Refuse}
		none   = watchword.Rotation{}
		keep   = watchword.Rotation{Mode: watchword.Keep, Grace: grace}
	)
	reached := base.Add(time.Hour) // when generation 3 was
	for _, tt := range []struct {
		name     string
		rotation watchword.Rotation
		from     int // the session stands at 3
		at       time.Time
		gone     bool
		want     watchword.Code // Internal: no error
		after    int
		ended    bool
	}{
		{"the current one moves on", rotate, 3, reached.Add(time.Minute), false, watchword.Internal, 4, false},
		{"the current one at once", rotate, 3, reached, false, watchword.Internal, 4, false},
		{"the current one, clock set back", rotate, 3, reached.Add(-time.Minute), false, watchword.Internal, 4, false},
		{"the one before, in grace", rotate, 2, reached.Add(grace), false, watchword.Internal, 3, false},
		{"the one before, clock set back", rotate, 2, reached.Add(-time.Hour), false, watchword.Internal, 3, false},
		{"the one before, after grace", rotate, 2, reached.Add(grace + time.Microsecond), false, watchword.TokenReused, 3, true},
		{"the one before, refused in grace", refuse, 2, reached.Add(grace), false, watchword.TokenReused, 3, false},
		{"the one before, no grace", none, 2, reached, false, watchword.TokenReused, 3, true},
		{"an ancestor, in grace", rotate, 1, reached, false, watchword.TokenReused, 3, true},
		{"a newer one", rotate, 4, reached, false, watchword.TokenReused, 3, true},
		{"generation 0", rotate, 0, reached, false, watchword.TokenReused, 3, true},
		{"a negative generation", rotate, -1, reached, false, watchword.TokenReused, 3, true},
		{"kept: the current one", keep, 3, reached.Add(time.Minute), false, watchword.Internal, 3, false},
		{"kept: the one before", keep, 2, reached, false, watchword.TokenReused, 3, true},
		{"the user is gone", rotate, 3, reached.Add(time.Minute), true, watchword.SessionEnded, 3, true},
		{"the user is gone, in grace", rotate, 2, reached, true, watchword.SessionEnded, 3, true},
		{"idle for too long", rotate, 3, reached.Add(2 * time.Hour), false, watchword.SessionExpired, 3, true},
		{"just not idle for too long", rotate, 3, reached.Add(2*time.Hour - time.Microsecond), false, watchword.Internal, 4, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := need[watchword.Store](t, open(t).Store)
			made := create(t, s, someone("u"))
			before := advanceTo3(t, s, made.Number, reached)
			a := watchword.Advance{
				From: tt.from, Rotation: tt.rotation, Idle: 2 * time.Hour, UserGone: tt.gone, Until: until,
			}
			want, _ := before.Advance(a, tt.at)
			got, err := s.AdvanceSession(t.Context(), made.Number, a, tt.at)
			wantCode(t, "AdvanceSession", err, tt.want)
			wantEqual(t, "answered", got, want)
			wantEqual(t, "standing", standing(t, s, made.Number), want)
			if got.Generation != tt.after || got.EndedAt.IsZero() == tt.ended {
				t.Errorf("generation %d, ended %v; want %d, %v", got.Generation, !got.EndedAt.IsZero(), tt.after, tt.ended)
			}
			if tt.ended {
				wantFacts(t, s, sessionFact(made.Number))
			} else {
				wantFacts(t, s)
			}
		})
	}
	t.Run("kept and renewed", func(t *testing.T) { renewed(t, open) })
	t.Run("the absolute limit", func(t *testing.T) { absoluteLimit(t, open) })
}

// advanceTo3 brings a new session to generation 3 at the time reached, with
// two hours to be idle.
func advanceTo3(t *testing.T, s watchword.Sessions, number int64, reached time.Time) watchword.Session {
	t.Helper()
	for from := 1; from <= 2; from++ {
		a := step(from)
		a.Idle = 2 * time.Hour
		if _, err := s.AdvanceSession(t.Context(), number, a, reached); err != nil {
			t.Fatalf("AdvanceSession from %d: %v", from, err)
		}
	}
	return standing(t, s, number)
}

// renewed: a session that is kept and renewed stays where it is, and its new
// limit is written.
func renewed(t *testing.T, open Open) {
	s := need[watchword.Store](t, open(t).Store)
	made := create(t, s, someone("u"))
	a := watchword.Advance{
		From: 1, Rotation: watchword.Rotation{Mode: watchword.Keep}, Idle: 90 * time.Minute, Renew: true, Until: until,
	}
	at := base.Add(time.Minute)
	want, _ := made.Advance(a, at)
	got, err := s.AdvanceSession(t.Context(), made.Number, a, at)
	wantCode(t, "AdvanceSession", err, watchword.Internal)
	wantEqual(t, "answered", got, want)
	wantEqual(t, "standing", standing(t, s, made.Number), want)
	if got.Generation != 1 || !got.AdvancedAt.Equal(at) || !got.IdleUntil.Equal(at.Add(90*time.Minute)) {
		t.Errorf("generation %d, dated %v, idle until %v", got.Generation, got.AdvancedAt, got.IdleUntil)
	}
	wantFacts(t, s)
}

func absoluteLimit(t *testing.T, open Open) {
	s := need[watchword.Store](t, open(t).Store)
	made := create(t, s, someone("u"))
	a := step(1)
	a.Idle = 10_000 * time.Hour
	got, err := s.AdvanceSession(t.Context(), made.Number, a, base.Add(time.Minute))
	if err != nil || !got.IdleUntil.Equal(made.ExpiresAt) {
		t.Fatalf("idle until %v, %v; want the absolute limit %v", got.IdleUntil, err, made.ExpiresAt)
	}
	a.From = 2
	_, err = s.AdvanceSession(t.Context(), made.Number, a, made.ExpiresAt)
	wantCode(t, "AdvanceSession at the limit", err, watchword.SessionExpired)
}
