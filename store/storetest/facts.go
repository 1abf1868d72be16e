package storetest

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/watchword-auth/watchword"
)

// Facts is the contract of [watchword.Facts].
func Facts(t *testing.T, open Open) {
	check(t, open, []contract{
		{
			"facts come back in order", "Facts come back as they were added, in the order of their places.",
			factsInOrder,
		}, {
			"pages join without a gap", "Read by pages of any length, every fact comes once.",
			factsByPages,
		}, {
			"nothing new leaves the cursor", "Where nothing is new the cursor stays, so that who polls can tell.",
			factsNothingNew,
		}, {
			"expired facts are left out", "Facts past their Until are left out, and the cursor passes over them.",
			factsExpire,
		}, {
			"purged facts leave no stumbling block", "The cursor goes on over places whose facts were purged.",
			factsArePurged,
		}, {
			"cursors of elsewhere are refused", "A cursor of another epoch, or ahead of the store, gets Conflict: its owner starts again.",
			foreignCursors,
		}, {
			"32 writers and a reader", "Who follows the cursor misses no fact, whoever commits late.",
			noFactMissed,
		}, {
			"facts survive", "Cursor and facts mean the same for whoever opens the data next.",
			factsSurvive,
		},
	})
}

func tokenFact(i int) watchword.Fact {
	return watchword.Fact{
		Kind: watchword.TokenFact, ID: fmt.Sprintf("jti-%d", i),
		Before: base.Truncate(time.Second), Until: base.Add(time.Duration(i) * time.Minute),
	}
}

func add(t *testing.T, f watchword.Facts, fact watchword.Fact) watchword.Cursor {
	t.Helper()
	c, err := f.AddFact(t.Context(), fact)
	if err != nil {
		t.Fatalf("AddFact: %v", err)
	}
	return c
}

func factsInOrder(t *testing.T, in Instance) {
	f := need[watchword.Facts](t, in.Store)
	want := []watchword.Fact{
		{Kind: watchword.SessionFact, Number: 1 << 43, Until: until},
		{Kind: watchword.UserFact, ID: "änne", UpTo: 12, Except: 7, Before: base.Truncate(time.Second), Until: until},
		{Kind: watchword.TokenFact, ID: "0f", Until: base.Add(time.Microsecond)},
		{Kind: watchword.ClaimsFact, ID: "4", Number: 9, Before: base.Truncate(time.Second), Until: until},
		{Kind: watchword.KeyFact, Until: until},
	}
	var last watchword.Cursor
	for _, fact := range want {
		c := add(t, f, fact)
		if c.N <= last.N || c.Epoch == "" || (last.Epoch != "" && c.Epoch != last.Epoch) {
			t.Errorf("place %v after %v", c, last)
		}
		last = c
	}
	wantFacts(t, f, want...)
	_, c, err := f.FactsSince(t.Context(), watchword.Cursor{}, base, 100)
	if c != last || err != nil {
		t.Errorf("cursor %v, %v, want the place of the last fact %v", c, err, last)
	}
}

func factsByPages(t *testing.T, in Instance) {
	f := need[watchword.Facts](t, in.Store)
	for i := range 23 {
		add(t, f, tokenFact(i))
	}
	for _, page := range []int{1, 2, 5, 22, 23, 24} {
		var c watchword.Cursor
		next := 4 // minutes 0 to 3 are past
		for {
			some, after, err := f.FactsSince(t.Context(), c, base.Add(3*time.Minute), page)
			if err != nil || len(some) > page {
				t.Fatalf("pages of %d: %d facts, %v", page, len(some), err)
			}
			for _, fact := range some {
				if fact != tokenFact(next) {
					t.Fatalf("pages of %d: got %+v, want %+v", page, fact, tokenFact(next))
				}
				next++
			}
			if after == c {
				break
			}
			c = after
		}
		if next != 23 {
			t.Errorf("pages of %d end at %d, want 23", page, next)
		}
	}
}

func factsNothingNew(t *testing.T, in Instance) {
	f := need[watchword.Facts](t, in.Store)
	_, start, err := f.FactsSince(t.Context(), watchword.Cursor{}, base, 10)
	if err != nil || start.Epoch == "" {
		t.Fatalf("the cursor of an empty store is %v, %v, want one with an epoch", start, err)
	}
	if some, next, err := f.FactsSince(t.Context(), start, base, 10); len(some) != 0 || next != start || err != nil {
		t.Errorf("FactsSince(%v) = %v, %v, %v, want the same cursor", start, some, next, err)
	}
	add(t, f, tokenFact(1))
	c := add(t, f, tokenFact(2))
	if some, next, err := f.FactsSince(t.Context(), c, base, 10); len(some) != 0 || next != c || err != nil {
		t.Errorf("FactsSince(the last) = %v, %v, %v, want the same cursor", some, next, err)
	}
	if some, _, err := f.FactsSince(t.Context(), start, base, 10); len(some) != 2 || err != nil {
		t.Errorf("FactsSince(the start) = %v, %v, want both facts", some, err)
	}
}

func factsExpire(t *testing.T, in Instance) {
	f := need[watchword.Facts](t, in.Store)
	var last watchword.Cursor
	for i := range 5 {
		last = add(t, f, tokenFact(i))
	}
	for late, want := range map[time.Duration]int{-1: 5, 0: 4, time.Minute: 3, 2*time.Minute - 1000: 3, 4 * time.Minute: 0} {
		some, c, err := f.FactsSince(t.Context(), watchword.Cursor{}, base.Add(late), 100)
		if len(some) != want || c != last || err != nil {
			t.Errorf("%v later: %d facts, cursor %v, %v; want %d, %v", late, len(some), c, err, want, last)
		}
	}
}

func factsArePurged(t *testing.T, in Instance) {
	f := need[watchword.Facts](t, in.Store)
	p := need[watchword.Purger](t, in.Store)
	first := add(t, f, tokenFact(1))
	for i := range 4 {
		add(t, f, tokenFact(i+2))
	}
	if n, err := p.Purge(t.Context(), base.Add(3*time.Minute), base, base); n != 3 || err != nil {
		t.Fatalf("Purge = %d, %v, want 3", n, err)
	}
	some, c, err := f.FactsSince(t.Context(), first, base, 100)
	if err != nil || len(some) != 2 || some[0] != tokenFact(4) {
		t.Errorf("FactsSince = %v, %v, %v, want those of minutes 4 and 5", some, c, err)
	}
	if n, err := p.Purge(t.Context(), base.Add(time.Hour), base, base); n != 2 || err != nil {
		t.Fatalf("Purge = %d, %v, want 2", n, err)
	}
	if next := add(t, f, tokenFact(9)); next.N <= c.N {
		t.Errorf("a place was used again: %v after %v", next, c)
	}
}

func foreignCursors(t *testing.T, in Instance) {
	f := need[watchword.Facts](t, in.Store)
	c := add(t, f, tokenFact(1))
	for _, foreign := range []watchword.Cursor{
		{Epoch: "another", N: 0},
		{Epoch: "another", N: c.N},
		{Epoch: "", N: c.N},
		{Epoch: c.Epoch, N: c.N + 1},
		{Epoch: c.Epoch, N: -1},
	} {
		_, _, err := f.FactsSince(t.Context(), foreign, base, 10)
		wantCode(t, fmt.Sprintf("FactsSince(%v)", foreign), err, watchword.Conflict)
	}
}

// noFactMissed has 32 writers, half of them through a second handle where
// there is one, write facts of all origins while one reads by cursor.
func noFactMissed(t *testing.T, in Instance) {
	const writers, each = 32, 12
	first := need[watchword.Store](t, in.Store)
	handles := []watchword.Store{first, first}
	if in.Again != nil {
		handles[1] = need[watchword.Store](t, in.Again(t))
	}
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				if err := writeFacts(t, handles[w%2], w, i); err != nil {
					t.Errorf("writer %d: %v", w, err)
					return
				}
			}
		})
	}
	done := make(chan struct{})
	go func() {
		wg.Wait()
		close(done)
	}()
	seen := make(map[string]int)
	var c watchword.Cursor
	for finished := false; ; {
		some, next, err := first.FactsSince(t.Context(), c, base, 7)
		if err != nil {
			t.Fatalf("FactsSince: %v", err)
		}
		for _, fact := range some {
			seen[fmt.Sprintf("%d %s %d", fact.Kind, fact.ID, fact.Number)]++
		}
		if next == c && finished {
			break
		}
		c = next
		select {
		case <-done:
			finished = true // one more round reads what came last
		default:
		}
	}
	want := 0
	for w := range writers {
		for i := range each {
			keys := []string{fmt.Sprintf("%d %d-%d 0", watchword.TokenFact, w, i)}
			if i%3 == 1 {
				keys = []string{fmt.Sprintf("%d %d-%d 0", watchword.UserFact, w, i)}
				want++ // and the session's own
			}
			for _, key := range keys {
				want++
				if seen[key] != 1 {
					t.Errorf("fact %q was read %d times", key, seen[key])
				}
			}
		}
	}
	total := 0
	for key, times := range seen {
		if times != 1 {
			t.Errorf("fact %q was read %d times", key, times)
		}
		total += times
	}
	if total != want {
		t.Errorf("%d facts were read, want %d", total, want)
	}
}

// writeFacts writes one fact, or ends a session and writes two.
func writeFacts(t *testing.T, s watchword.Store, w, i int) error {
	id := fmt.Sprintf("%d-%d", w, i)
	if i%3 != 1 {
		_, err := s.AddFact(t.Context(), watchword.Fact{Kind: watchword.TokenFact, ID: id, Until: until})
		return err
	}
	if _, err := s.CreateSession(t.Context(), someone(id)); err != nil {
		return err
	}
	_, err := s.EndSessions(t.Context(), watchword.Which{UserID: id}, until, base)
	return err
}

func factsSurvive(t *testing.T, in Instance) {
	if in.Again == nil {
		t.Skip("does not apply: the store has no second handle")
	}
	f := need[watchword.Facts](t, in.Store)
	add(t, f, tokenFact(1))
	c := add(t, f, tokenFact(2))
	again := need[watchword.Facts](t, in.Again(t))
	wantFacts(t, again, tokenFact(1), tokenFact(2))
	next := add(t, again, tokenFact(3))
	if next.Epoch != c.Epoch || next.N != c.N+1 {
		t.Errorf("the next place is %v, want the one after %v", next, c)
	}
	some, _, err := f.FactsSince(t.Context(), c, base, 10)
	if err != nil || len(some) != 1 || some[0] != tokenFact(3) {
		t.Errorf("the first handle reads %v, %v, want the third fact", some, err)
	}
}
