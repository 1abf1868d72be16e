package storetest

import (
	"errors"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/watchword-auth/watchword"
)

// signIn makes a session of u as he is.
func signIn(t *testing.T, s watchword.Sessions, u watchword.User) watchword.Session {
	t.Helper()
	return create(t, s, ownSession(u))
}

func ownSession(u watchword.User) watchword.Session {
	s := someone(u.ID)
	s.OwnUser, s.UserVersion = true, u.Version
	return s
}

func passwordEnds(t *testing.T, in Instance) {
	h := need[house](t, in.Store)
	ada, bob := createUser(t, h, newUser("ada")), createUser(t, h, newUser("bob"))
	a1, b, keep := signIn(t, h, ada), signIn(t, h, bob), signIn(t, h, ada)
	changed := update(t, h, ada.ID, watchword.UserChange{PasswordHash: ptr("new")}, keep.Number)
	if changed.Version != 2 {
		t.Errorf("version %d, want 2", changed.Version)
	}
	wantFacts(t, h, sessionFact(a1.Number), userFact(ada.ID, keep.Number, keep.Number))
	_, err := h.AdvanceSession(t.Context(), a1.Number, step(1), base.Add(2*time.Second))
	wantCode(t, "AdvanceSession of an ended one", err, watchword.SessionEnded)
	for _, open := range []watchword.Session{b, keep} {
		got, err := h.AdvanceSession(t.Context(), open.Number, step(1), base.Add(2*time.Second))
		if err != nil || got.Generation != 2 {
			t.Errorf("AdvanceSession(%d) = %+v, %v, want it to go on", open.Number, got, err)
		}
	}
	// The next change, which keeps none, reaches the one kept before.
	update(t, h, ada.ID, watchword.UserChange{PasswordHash: ptr("newer")}, 0)
	if got := standing(t, h, keep.Number); got.EndedAt.IsZero() {
		t.Error("the session kept at the first change outlives the second, which keeps none")
	}
	// Who wishes to keep another's session keeps nothing.
	mine := signIn(t, h, update(t, h, ada.ID, watchword.UserChange{}, 0))
	update(t, h, ada.ID, watchword.UserChange{PasswordHash: ptr("newest")}, b.Number)
	if got := standing(t, h, mine.Number); got.EndedAt.IsZero() {
		t.Error("naming another's session kept one's own")
	}
	if got := standing(t, h, b.Number); !got.EndedAt.IsZero() || got.UserVersion != bob.Version {
		t.Errorf("the other's session is %+v", got)
	}
}

func disablingEnds(t *testing.T, in Instance) {
	h := need[house](t, in.Store)
	ada := createUser(t, h, newUser("ada"))
	s1 := signIn(t, h, ada)
	update(t, h, ada.ID, watchword.UserChange{Active: ptr(false)}, 0)
	wantFacts(t, h, sessionFact(s1.Number), userFact(ada.ID, s1.Number, 0))
	u, _, err := h.UserByLogin(t.Context(), "ada")
	if err != nil || u.Active || u.Version != 2 {
		t.Errorf("the disabled user is %+v, %v, want a record at version 2", u, err)
	}
	u = update(t, h, ada.ID, watchword.UserChange{Active: ptr(true)}, 0)
	if got := standing(t, h, s1.Number); got.EndedAt.IsZero() {
		t.Error("enabling opened the session again")
	}
	if len(facts(t, h)) != 2 {
		t.Errorf("enabling left facts: %+v", facts(t, h))
	}
	signIn(t, h, u)
}

func deletingEnds(t *testing.T, in Instance) {
	h := need[house](t, in.Store)
	ada := createUser(t, h, newUser("ada"))
	s1, s2 := signIn(t, h, ada), signIn(t, h, ada)
	end(t, h, watchword.Which{Number: s1.Number}, 1)
	if err := h.DeleteUser(t.Context(), ada.ID, until, base.Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	wantFacts(t, h, sessionFact(s1.Number), sessionFact(s2.Number), userFact(ada.ID, s2.Number, 0))
	wantCode(t, "DeleteUser again", h.DeleteUser(t.Context(), ada.ID, until, base), watchword.NotFound)
	_, err := h.UserByID(t.Context(), ada.ID)
	wantCode(t, "UserByID", err, watchword.NotFound)
	_, err = h.CreateSession(t.Context(), ownSession(ada))
	wantCode(t, "CreateSession", err, watchword.UserDisabled)
	_, err = h.AdvanceSession(t.Context(), s2.Number, step(1), base)
	wantCode(t, "AdvanceSession", err, watchword.SessionEnded)
}

func rightsAreFacts(t *testing.T, in Instance) {
	h := need[house](t, in.Store)
	ada, bob := createUser(t, h, newUser("ada")), createUser(t, h, newUser("bob"))
	ended, s1, _, s2 := signIn(t, h, ada), signIn(t, h, ada), signIn(t, h, bob), signIn(t, h, ada)
	end(t, h, watchword.Which{Number: ended.Number}, 1)
	stale := func(id string, number int64) watchword.Fact {
		return watchword.Fact{
			Kind: watchword.ClaimsFact, ID: id, Number: number,
			Before: base.Add(time.Second).Truncate(time.Second), Until: until,
		}
	}
	update(t, h, ada.ID, watchword.UserChange{FirstName: ptr("A")}, 0)
	wantFacts(t, h, sessionFact(ended.Number))
	u := update(t, h, ada.ID, watchword.UserChange{Permissions: ptr([]string{"app.view"})}, 0)
	if u.Version != 1 {
		t.Errorf("version %d, want 1: rights end nothing", u.Version)
	}
	want := []watchword.Fact{sessionFact(ended.Number), stale("", s1.Number), stale("", s2.Number), stale(ada.ID, 0)}
	wantFacts(t, h, want...)
	if _, err := h.AdvanceSession(t.Context(), s1.Number, step(1), base.Add(time.Minute)); err != nil {
		t.Errorf("AdvanceSession after changed rights: %v", err)
	}
	// Both at once: the sessions end, and what is kept is stale.
	update(t, h, ada.ID, watchword.UserChange{PasswordHash: ptr("new"), Staff: ptr(false)}, s2.Number)
	wantFacts(t, h, append(slices.Clone(want), sessionFact(s1.Number), userFact(ada.ID, s2.Number, s2.Number),
		stale("", s2.Number), stale(ada.ID, 0))...)
}

func rightsOfIssued(t *testing.T, in Instance) {
	h := need[house](t, in.Store)
	ada := createUser(t, h, newUser("ada"))
	late := until.Add(100 * 24 * time.Hour)
	issued := create(t, h, watchword.Session{UserID: ada.ID, CreatedAt: base, IdleUntil: late, ExpiresAt: late})
	update(t, h, ada.ID, watchword.UserChange{Permissions: ptr([]string{})}, 0)
	found := facts(t, h)
	if len(found) != 2 || found[0].Number != issued.Number || !found[0].Until.Equal(late) {
		t.Errorf("facts %+v, want the first to be about session %d and to live until %v", found, issued.Number, late)
	}
}

func endingReachesThePurged(t *testing.T, in Instance) {
	h := need[house](t, in.Store)
	p := need[watchword.Purger](t, in.Store)
	ada := createUser(t, h, newUser("ada"))
	signIn(t, h, ada)
	last := signIn(t, h, ada)
	if n, err := p.Purge(t.Context(), base, last.ExpiresAt.Add(time.Hour), base); n != 2 || err != nil {
		t.Fatalf("Purge = %d, %v, want 2", n, err)
	}
	update(t, h, ada.ID, watchword.UserChange{Active: ptr(false)}, 0)
	wantFacts(t, h, userFact(ada.ID, last.Number, 0))
}

func sessionNeedsUser(t *testing.T, in Instance) {
	h := need[house](t, in.Store)
	ada := createUser(t, h, newUser("ada"))
	off := newUser("off")
	off.Active = false
	for name, u := range map[string]watchword.User{
		"disabled":      createUser(t, h, off),
		"never was":     {ID: "99", Version: 1},
		"older version": {ID: ada.ID, Version: 0},
		"newer version": {ID: ada.ID, Version: 2},
	} {
		_, err := h.CreateSession(t.Context(), ownSession(u))
		wantCode(t, "CreateSession, "+name, err, watchword.UserDisabled)
	}
	if got := signIn(t, h, ada).Number; got != 1 {
		t.Errorf("number %d after refusals, want 1", got)
	}
	foreign := someone("99") // of a user kept elsewhere: none of our business
	create(t, h, foreign)
}

func sessionFallsWithUser(t *testing.T, in Instance) {
	h := need[house](t, in.Store)
	ada := createUser(t, h, newUser("ada"))
	foreign := someone(ada.ID)
	foreign.UserVersion = 7
	elsewhere := create(t, h, foreign)
	if _, err := h.AdvanceSession(t.Context(), elsewhere.Number, step(1), base.Add(time.Second)); err != nil {
		t.Errorf("AdvanceSession of a session whose user is kept elsewhere: %v", err)
	}
	own := signIn(t, h, ada)
	gone := step(1)
	gone.UserGone = true // as far as the caller knows
	got, err := h.AdvanceSession(t.Context(), own.Number, gone, base.Add(time.Second))
	wantCode(t, "AdvanceSession", err, watchword.SessionEnded)
	if got.EndedAt.IsZero() {
		t.Error("the session is open")
	}
}

func signInRacesPassword(t *testing.T, in Instance) {
	h := need[house](t, in.Store)
	for round := range 10 {
		ada := createUser(t, h, newUser("ada"+strconv.Itoa(round)))
		var mu sync.Mutex
		var made []int64
		together(17, func(i int) {
			if i == 0 {
				if _, err := h.UpdateUser(t.Context(), ada.ID, watchword.UserChange{PasswordHash: ptr("new")}, 0, until, base); err != nil {
					t.Errorf("UpdateUser: %v", err)
				}
				return
			}
			s, err := h.CreateSession(t.Context(), ownSession(ada))
			if err == nil {
				mu.Lock()
				made = append(made, s.Number)
				mu.Unlock()
			} else if !errors.Is(err, watchword.UserDisabled) {
				t.Errorf("CreateSession: %v", err)
			}
		})
		for _, number := range made {
			if s := standing(t, h, number); s.EndedAt.IsZero() {
				t.Errorf("session %d of the old password is open", number)
			}
		}
	}
}
