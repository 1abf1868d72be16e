package storetest

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/watchword-auth/watchword"
)

// Sessions is the contract of [watchword.Sessions] and, where the store has
// it, of [watchword.SessionLister] and [watchword.Purger].
func Sessions(t *testing.T, open Open) {
	check(t, open, []contract{
		{
			"what is created is found", "A session comes back as it was created, to the microsecond.",
			sessionIsFound,
		}, {
			"numbers are dense", "Sessions are numbered 1, 2, 3 …: the number is the place in the status list.",
			numbersAreDense,
		}, {
			"numbers are never used again", "A number that was purged must not name another session, or its revocation would hit a stranger.",
			numbersAreNotReused,
		}, {
			"an unknown number is not found", "NotFound is the answer for a session that never was.",
			unknownSession,
		}, {
			"an origin opens one session", "A foreign refresh token is adopted once; the loser of the race gets Conflict.",
			originIsUnique,
		}, {
			"a hundred advance one session", "Of all who show the same refresh token at one instant, one lineage comes out.",
			hundredAdvance,
		}, {
			"a hundred steps in a row", "Every generation is reached once and survives as it was answered.",
			hundredSteps,
		}, {
			"one is ended by number", "Ending a session ends it and no other, and leaves a fact in the same transaction.",
			endByNumber,
		}, {
			"all of a user but one", "Sign-out everywhere ends every session of the user but the one named, and of nobody else.",
			endByUser,
		}, {
			"all of everybody", "Ending all leaves a fact for every session that was open.",
			endAll,
		}, {
			"ending twice is no error", "What has ended is not ended again: it counts 0, keeps its time and leaves no second fact.",
			endTwice,
		}, {
			"an expired one can be ended", "A clock that is set back must not open again what was signed out of.",
			endExpired,
		}, {
			"Which must name one way", "A Which that was not filled in must never mean everybody.",
			whichIsChecked,
		}, {
			"facts outlive issued tokens", "A session of generation 0 has one access token that lives to ExpiresAt: its fact must not die before.",
			issuedSessions,
		}, {
			"ending races advancing", "Once EndSessions has returned no refresh of the session succeeds.",
			endRacesAdvance,
		}, {
			"lists are newest first", "A list shows open sessions, newest first, and goes on below a number.",
			listSessions,
		}, {
			"what is old is purged", "Purge removes what ended or expired before the time given, at most an hour late, and only that.",
			purgeSessions,
		}, {
			"an adopted one is kept to its limit", "While a foreign token may still be shown, the row that it opened must stand, ended or not.",
			purgeAdopted,
		}, {
			"acknowledged means kept", "What a call answered without error is there for whoever opens the data next.",
			sessionsSurvive,
		},
	})
	t.Run("machine", func(t *testing.T) { machine(t, open) })
}

func sessionIsFound(t *testing.T, in Instance) {
	s := need[watchword.Sessions](t, in.Store)
	want := someone("u-7")
	want.Origin = []byte("0123456789abcdef0123456789abcdef")
	made := create(t, s, want)
	want.Number = made.Number
	wantEqual(t, "created", made, want)
	wantEqual(t, "found", standing(t, s, made.Number), want)

	bare := create(t, s, watchword.Session{UserID: "u", Generation: 1, Scopes: []string{}, IdleUntil: until, ExpiresAt: until})
	if bare.Scopes != nil || bare.Origin != nil || !bare.EndedAt.IsZero() || !bare.CreatedAt.IsZero() {
		t.Errorf("a bare session came back as %+v", bare)
	}
	wantEqual(t, "bare found", standing(t, s, bare.Number), bare)
}

func numbersAreDense(t *testing.T, in Instance) {
	s := need[watchword.Sessions](t, in.Store)
	for want := int64(1); want <= 5; want++ {
		if got := create(t, s, someone("u")).Number; got != want {
			t.Fatalf("number %d, want %d", got, want)
		}
	}
	var mu sync.Mutex
	seen := make(map[int64]bool)
	together(20, func(int) {
		for range 5 {
			made, err := s.CreateSession(t.Context(), someone("u"))
			mu.Lock()
			if err != nil || seen[made.Number] || made.Number <= 5 || made.Number > 105 {
				t.Errorf("number %d, %v", made.Number, err)
			}
			seen[made.Number] = true
			mu.Unlock()
		}
	})
}

func numbersAreNotReused(t *testing.T, in Instance) {
	s := need[watchword.Sessions](t, in.Store)
	p := need[watchword.Purger](t, in.Store)
	create(t, s, someone("u"))
	last := create(t, s, someone("u"))
	late := last.ExpiresAt.Add(time.Hour)
	if n, err := p.Purge(t.Context(), late, late, late); n != 2 || err != nil {
		t.Fatalf("Purge = %d, %v, want 2", n, err)
	}
	if got := create(t, s, someone("u")).Number; got != last.Number+1 {
		t.Errorf("after a purge the next number is %d, want %d", got, last.Number+1)
	}
}

func unknownSession(t *testing.T, in Instance) {
	s := need[watchword.Sessions](t, in.Store)
	create(t, s, someone("u"))
	for _, number := range []int64{0, -1, 2, 1 << 43} {
		_, err := s.Session(t.Context(), number)
		wantCode(t, "Session", err, watchword.NotFound)
		_, err = s.AdvanceSession(t.Context(), number, step(1), base)
		wantCode(t, "AdvanceSession", err, watchword.NotFound)
	}
	end(t, s, watchword.Which{Number: 99}, 0)
}

func originIsUnique(t *testing.T, in Instance) {
	s := need[watchword.Sessions](t, in.Store)
	adopted := someone("u")
	adopted.Origin = []byte("the sha-256 of a foreign token..")
	var made, refused int
	var mu sync.Mutex
	together(20, func(int) {
		_, err := s.CreateSession(t.Context(), adopted)
		mu.Lock()
		defer mu.Unlock()
		switch {
		case err == nil:
			made++
		case errors.Is(err, watchword.Conflict):
			refused++
		default:
			t.Errorf("CreateSession: %v", err)
		}
	})
	if made != 1 || refused != 19 {
		t.Errorf("%d sessions made and %d refused, want 1 and 19", made, refused)
	}
	if next := create(t, s, someone("u")); next.Number != 2 {
		t.Errorf("a refused session took a number: the next is %d, want 2", next.Number)
	}
}

func hundredAdvance(t *testing.T, in Instance) {
	s := need[watchword.Sessions](t, in.Store)
	for _, grace := range []watchword.GraceAnswer{watchword.Repeat, watchword.Refuse} {
		made := create(t, s, someone("u"))
		a := step(1)
		a.Rotation.InGrace = grace
		var mu sync.Mutex
		answers := make(map[watchword.Code]int)
		together(100, func(int) {
			got, err := s.AdvanceSession(t.Context(), made.Number, a, base.Add(time.Minute))
			mu.Lock()
			defer mu.Unlock()
			if got.Generation != 2 || !got.IdleUntil.Equal(base.Add(24*time.Hour+time.Minute)) || !got.EndedAt.IsZero() {
				t.Errorf("AdvanceSession = %+v, %v, want generation 2, open", got, err)
			}
			if err == nil {
				answers[watchword.Internal]++
			} else {
				answers[watchword.CodeOf(err)]++
			}
		})
		wins, refusals := 100, 0
		if grace == watchword.Refuse {
			wins, refusals = 1, 99
		}
		if answers[watchword.Internal] != wins || answers[watchword.TokenReused] != refusals {
			t.Errorf("in grace %d: answers %v, want %d without error and %d reused", grace, answers, wins, refusals)
		}
		if got := standing(t, s, made.Number); got.Generation != 2 || !got.EndedAt.IsZero() {
			t.Errorf("the session stands as %+v, want generation 2, open", got)
		}
	}
}

func hundredSteps(t *testing.T, in Instance) {
	s := need[watchword.Sessions](t, in.Store)
	made := create(t, s, someone("u"))
	for g := 1; g <= 100; g++ {
		at := base.Add(time.Duration(g) * time.Minute)
		got, err := s.AdvanceSession(t.Context(), made.Number, step(g), at)
		if err != nil || got.Generation != g+1 || !got.AdvancedAt.Equal(at) {
			t.Fatalf("AdvanceSession from %d = %+v, %v", g, got, err)
		}
		wantEqual(t, "standing", standing(t, s, made.Number), got)
	}
}

func listSessions(t *testing.T, in Instance) {
	s := need[watchword.Sessions](t, in.Store)
	l := need[watchword.SessionLister](t, in.Store)
	for _, id := range []string{"a", "b", "a", "a", "b"} {
		create(t, s, someone(id))
	}
	short := someone("a")
	short.IdleUntil = base.Add(time.Minute)
	create(t, s, short) // 6, expires first
	end(t, s, watchword.Which{Number: 3}, 1)
	at := base.Add(time.Hour)
	for _, tt := range []struct {
		name   string
		filter watchword.SessionFilter
		want   []int64
	}{
		{"open ones", watchword.SessionFilter{}, []int64{5, 4, 2, 1}},
		{"all", watchword.SessionFilter{All: true}, []int64{6, 5, 4, 3, 2, 1}},
		{"of a user", watchword.SessionFilter{UserID: "a"}, []int64{4, 1}},
		{"all of a user", watchword.SessionFilter{UserID: "a", All: true}, []int64{6, 4, 3, 1}},
		{"first page", watchword.SessionFilter{Limit: 2}, []int64{5, 4}},
		{"second page", watchword.SessionFilter{Limit: 2, Before: 4}, []int64{2, 1}},
		{"of nobody", watchword.SessionFilter{UserID: "c"}, nil},
	} {
		found, err := l.ListSessions(t.Context(), tt.filter, at)
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		var got []int64
		for _, s := range found {
			got = append(got, s.Number)
		}
		wantEqual(t, tt.name, got, tt.want)
	}
	found, err := l.ListSessions(t.Context(), watchword.SessionFilter{Limit: 1}, at)
	if err != nil || len(found) != 1 {
		t.Fatalf("ListSessions = %v, %v", found, err)
	}
	wantEqual(t, "the listed one", found[0], standing(t, s, 5))
}

func purgeSessions(t *testing.T, in Instance) {
	s := need[watchword.Sessions](t, in.Store)
	p := need[watchword.Purger](t, in.Store)
	day := func(n int) time.Time { return base.Add(time.Duration(n) * 24 * time.Hour) }
	idle, absolute, ended, open := someone("u"), someone("u"), someone("u"), someone("u")
	idle.IdleUntil = day(1)
	absolute.IdleUntil, absolute.ExpiresAt = day(4), day(2)
	ended.IdleUntil = day(9)
	open.IdleUntil = day(9)
	for _, session := range []watchword.Session{idle, absolute, ended, open} {
		create(t, s, session)
	}
	if _, err := s.EndSessions(t.Context(), watchword.Which{Number: 3}, day(3), day(3)); err != nil {
		t.Fatal(err)
	}
	moved := create(t, s, idle) // 5: its refresh takes it past the purge
	if _, err := s.AdvanceSession(t.Context(), moved.Number, watchword.Advance{
		From: 1, Idle: 72 * time.Hour, Until: until, Rotation: watchword.Rotation{Grace: time.Second},
	}, base.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		before  time.Time
		removed int
		left    []int64
	}{
		{day(1), 0, []int64{1, 2, 3, 4, 5}},
		{day(1).Add(time.Hour), 1, []int64{2, 3, 4, 5}},
		{day(2), 0, []int64{2, 3, 4, 5}},
		{day(2).Add(time.Hour), 1, []int64{3, 4, 5}},
		{day(3), 0, []int64{3, 4, 5}},
		{day(3).Add(time.Hour), 1, []int64{4, 5}},
		{day(3).Add(2 * time.Hour), 1, []int64{4}},
	} {
		n, err := p.Purge(t.Context(), base, tt.before, base)
		if err != nil || n != tt.removed {
			t.Fatalf("Purge(before %v) = %d, %v, want %d", tt.before, n, err, tt.removed)
		}
		for number := int64(1); number <= 5; number++ {
			_, err := s.Session(t.Context(), number)
			want := watchword.NotFound
			for _, left := range tt.left {
				if left == number {
					want = watchword.Internal
				}
			}
			wantCode(t, "Session", err, want)
		}
	}
}

func purgeAdopted(t *testing.T, in Instance) {
	s := need[watchword.Sessions](t, in.Store)
	p := need[watchword.Purger](t, in.Store)
	adopted := someone("u")
	adopted.Origin = []byte("the sha-256 of a foreign token..")
	made := create(t, s, adopted)
	end(t, s, watchword.Which{Number: made.Number}, 1)
	if n, err := p.Purge(t.Context(), base, adopted.ExpiresAt, base); n != 0 || err != nil {
		t.Fatalf("Purge before the limit = %d, %v, want 0", n, err)
	}
	_, err := s.CreateSession(t.Context(), adopted)
	wantCode(t, "CreateSession from the same token", err, watchword.Conflict)
	if n, err := p.Purge(t.Context(), base, adopted.ExpiresAt.Add(time.Hour), base); n != 1 || err != nil {
		t.Fatalf("Purge after the limit = %d, %v, want 1", n, err)
	}
}

func sessionsSurvive(t *testing.T, in Instance) {
	if in.Again == nil {
		t.Skip("does not apply: the store has no second handle")
	}
	s := need[watchword.Store](t, in.Store)
	made := create(t, s, someone("u"))
	moved, err := s.AdvanceSession(t.Context(), made.Number, step(1), base.Add(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	ended := create(t, s, someone("u"))
	end(t, s, watchword.Which{Number: ended.Number}, 1)

	again := need[watchword.Store](t, in.Again(t))
	wantEqual(t, "advanced", standing(t, again, moved.Number), moved)
	if got := standing(t, again, ended.Number); got.EndedAt.IsZero() {
		t.Error("the ended session is open")
	}
	wantFacts(t, again, sessionFact(ended.Number))
	if next := create(t, again, someone("u")); next.Number != ended.Number+1 {
		t.Errorf("the next number is %d, want %d", next.Number, ended.Number+1)
	}
}

// together runs f n times at one instant and waits for all.
func together(n int, f func(i int)) {
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			<-start
			f(i)
		})
	}
	close(start)
	wg.Wait()
}

func issuedSessions(t *testing.T, in Instance) {
	day := func(n int) time.Time { return base.AddDate(0, 0, n) }
	s := need[watchword.Store](t, in.Store)
	issued := create(t, s, watchword.Session{UserID: "car:42", CreatedAt: day(1), IdleUntil: day(9), ExpiresAt: day(9)})
	usual := someone("car:42")
	usual.ExpiresAt = day(9)
	usual = create(t, s, usual)
	if _, err := s.EndSessions(t.Context(), watchword.Which{UserID: "car:42"}, day(2), day(1)); err != nil {
		t.Fatal(err)
	}
	found, _, err := s.FactsSince(t.Context(), watchword.Cursor{}, day(1), 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		want := day(2)
		if f.Number == issued.Number {
			want = day(9)
		}
		if f.Kind == watchword.SessionFact && !f.Until.Equal(want) {
			t.Errorf("the fact about session %d (issued: %d, usual: %d) lives until %v, want %v", f.Number, issued.Number, usual.Number, f.Until, want)
		}
	}
}
