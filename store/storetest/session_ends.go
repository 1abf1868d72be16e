package storetest

import (
	"errors"
	"testing"
	"time"

	"github.com/watchword-auth/watchword"
)

func endByNumber(t *testing.T, in Instance) {
	s := need[watchword.Store](t, in.Store)
	one, other := create(t, s, someone("u")), create(t, s, someone("u"))
	end(t, s, watchword.Which{Number: one.Number}, 1)
	one.EndedAt = base.Add(time.Second)
	wantEqual(t, "ended", standing(t, s, one.Number), one)
	wantEqual(t, "the other", standing(t, s, other.Number), other)
	wantFacts(t, s, sessionFact(one.Number))
	got, err := s.AdvanceSession(t.Context(), one.Number, step(1), base.Add(2*time.Second))
	wantCode(t, "AdvanceSession of an ended session", err, watchword.SessionEnded)
	wantEqual(t, "answered", got, one)
	wantFacts(t, s, sessionFact(one.Number))
}

func endByUser(t *testing.T, in Instance) {
	s := need[watchword.Store](t, in.Store)
	a1, b, a2, a3 := create(t, s, someone("a")), create(t, s, someone("b")), create(t, s, someone("a")), create(t, s, someone("a"))
	end(t, s, watchword.Which{UserID: "a", Except: a2.Number}, 2)
	for _, open := range []watchword.Session{a2, b} {
		wantEqual(t, "left open", standing(t, s, open.Number), open)
	}
	wantFacts(t, s, sessionFact(a1.Number), sessionFact(a3.Number), userFact("a", a3.Number, a2.Number))
	end(t, s, watchword.Which{UserID: "a"}, 1)
	later := create(t, s, someone("a"))
	end(t, s, watchword.Which{UserID: "nobody"}, 0)
	wantEqual(t, "a later one", standing(t, s, later.Number), later)
	all := facts(t, s)
	wantEqual(t, "the last facts", all[3:], []watchword.Fact{
		sessionFact(a2.Number), userFact("a", a3.Number, 0), userFact("nobody", later.Number, 0),
	})
}

func endAll(t *testing.T, in Instance) {
	s := need[watchword.Store](t, in.Store)
	var want []watchword.Fact
	for _, id := range []string{"a", "b", "a", "c"} {
		want = append(want, sessionFact(create(t, s, someone(id)).Number))
	}
	end(t, s, watchword.Which{Number: 2}, 1)
	end(t, s, watchword.Which{All: true}, 3)
	end(t, s, watchword.Which{All: true}, 0)
	wantFacts(t, s, want[1], want[0], want[2], want[3])
}

func endTwice(t *testing.T, in Instance) {
	s := need[watchword.Store](t, in.Store)
	made := create(t, s, someone("u"))
	end(t, s, watchword.Which{Number: made.Number}, 1)
	n, err := s.EndSessions(t.Context(), watchword.Which{Number: made.Number}, until, base.Add(time.Minute))
	if n != 0 || err != nil {
		t.Errorf("EndSessions again = %d, %v, want 0", n, err)
	}
	if got := standing(t, s, made.Number); !got.EndedAt.Equal(base.Add(time.Second)) {
		t.Errorf("ended at %v, want the first time", got.EndedAt)
	}
	wantFacts(t, s, sessionFact(made.Number))
}

func endExpired(t *testing.T, in Instance) {
	s := need[watchword.Store](t, in.Store)
	made := create(t, s, someone("u"))
	if n, err := s.EndSessions(t.Context(), watchword.Which{UserID: "u"}, until, made.ExpiresAt.Add(time.Hour)); n != 1 || err != nil {
		t.Fatalf("EndSessions of an expired session = %d, %v, want 1", n, err)
	}
	_, err := s.AdvanceSession(t.Context(), made.Number, step(1), base.Add(time.Second))
	wantCode(t, "AdvanceSession by a clock set back", err, watchword.SessionEnded)
}

func whichIsChecked(t *testing.T, in Instance) {
	s := need[watchword.Store](t, in.Store)
	made := create(t, s, someone("u"))
	for _, w := range []watchword.Which{
		{},
		{Except: made.Number},
		{Number: made.Number, UserID: "u"},
		{Number: made.Number, All: true},
		{UserID: "u", All: true},
		{All: true, Except: made.Number},
	} {
		_, err := s.EndSessions(t.Context(), w, until, base)
		wantCode(t, "EndSessions", err, watchword.InvalidRequest)
	}
	wantEqual(t, "the session", standing(t, s, made.Number), made)
	wantFacts(t, s)
}

func endRacesAdvance(t *testing.T, in Instance) {
	s := need[watchword.Sessions](t, in.Store)
	for range 20 {
		made := create(t, s, someone("u"))
		together(9, func(i int) {
			if i == 0 {
				if _, err := s.EndSessions(t.Context(), watchword.Which{Number: made.Number}, until, base.Add(time.Second)); err != nil {
					t.Errorf("EndSessions: %v", err)
				}
			}
			got, err := s.AdvanceSession(t.Context(), made.Number, step(1), base.Add(time.Second))
			if i == 0 && !errors.Is(err, watchword.SessionEnded) {
				t.Errorf("AdvanceSession after the end = %+v, %v, want SessionEnded", got, err)
			}
			if i != 0 && err != nil && !errors.Is(err, watchword.SessionEnded) {
				t.Errorf("AdvanceSession beside the end: %v", err)
			}
		})
		if got := standing(t, s, made.Number); got.EndedAt.IsZero() {
			t.Fatal("an ended session is open again")
		}
	}
}
