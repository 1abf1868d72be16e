// Package storetest is the contract of the store interfaces of package
// watchword, as tests that every store runs: those of package store, and
// those of others.
//
//	func TestStore(t *testing.T) {
//		storetest.All(t, func(t *testing.T) storetest.Instance {
//			return storetest.Instance{Store: openMine(t)}
//		})
//	}
//
// A store that implements only some of the interfaces runs the suites of
// those: [Sessions] and [Facts] are what an authority cannot do without.
// Every case prints, when it fails, the sentence that says why it is there.
package storetest

import (
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/watchword-auth/watchword"
)

// Instance is a store under test.
type Instance struct {
	// Store implements the interfaces of the suites that are run.
	Store any
	// Again opens the same data once more, as another process would, while
	// Store stays in use. nil where the store is gone with its handle: cases
	// that need it are left out.
	Again func(t *testing.T) any
}

// Open makes an empty store for one case and has it closed by t.Cleanup.
type Open func(t *testing.T) Instance

// All runs every suite that is about stores.
func All(t *testing.T, open Open) {
	t.Run("sessions", func(t *testing.T) { Sessions(t, open) })
	t.Run("facts", func(t *testing.T) { Facts(t, open) })
	t.Run("users", func(t *testing.T) { Users(t, open) })
	t.Run("imports", func(t *testing.T) { Imports(t, open) })
	t.Run("keys", func(t *testing.T) { Keys(t, open) })
	t.Run("clients", func(t *testing.T) { Clients(t, open) })
	t.Run("audit", func(t *testing.T) { Audit(t, open) })
	t.Run("search", func(t *testing.T) { Search(t, open) })
	t.Run("receipts", func(t *testing.T) { Receipts(t, open) })
}

// contract is one case: the sentence is printed when it fails.
type contract struct {
	name, sentence string
	run            func(t *testing.T, in Instance)
}

func check(t *testing.T, open Open, cases []contract) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			defer func() {
				if t.Failed() {
					t.Log(c.sentence)
				}
			}()
			c.run(t, open(t))
		})
	}
}

// need returns the store as a T, or fails the case.
func need[T any](t *testing.T, store any) T {
	t.Helper()
	v, ok := store.(T)
	if !ok {
		t.Fatalf("%T does not implement %s", store, reflect.TypeFor[T]())
	}
	return v
}

// base is when the cases begin: not a whole second, so that a store that
// loses microseconds shows.
var base = time.Date(2026, time.March, 4, 5, 6, 7, 654321000, time.UTC)

// until is how long the cases let facts live.
var until = base.Add(time.Hour)

// someone is a session of a user whom another store keeps.
func someone(id string) watchword.Session {
	return watchword.Session{
		Profile: "native", UserID: id, UserVersion: 3, ClientID: "watchword",
		Scopes: []string{"read", "write"}, Device: "Firefox on Linux", Address: "192.0.2.7",
		Generation: 1, CreatedAt: base, AdvancedAt: base,
		IdleUntil: base.Add(24 * time.Hour), ExpiresAt: base.Add(720 * time.Hour),
	}
}

// step asks for the advance of a session that rotates, with the usual limits.
func step(from int) watchword.Advance {
	return watchword.Advance{
		From: from, Idle: 24 * time.Hour, Until: until,
		Rotation: watchword.Rotation{Grace: watchword.DefaultGrace},
	}
}

func create(t *testing.T, s watchword.Sessions, session watchword.Session) watchword.Session {
	t.Helper()
	made, err := s.CreateSession(t.Context(), session)
	if err != nil {
		t.Fatalf("CreateSession: %v", err)
	}
	return made
}

// standing returns the session as the store has it.
func standing(t *testing.T, s watchword.Sessions, number int64) watchword.Session {
	t.Helper()
	found, err := s.Session(t.Context(), number)
	if err != nil {
		t.Fatalf("Session(%d): %v", number, err)
	}
	return found
}

// end ends what w names, at one second past base, and demands the count.
func end(t *testing.T, s watchword.Sessions, w watchword.Which, want int) {
	t.Helper()
	ended, err := s.EndSessions(t.Context(), w, until, base.Add(time.Second))
	if err != nil || ended != want {
		t.Fatalf("EndSessions(%+v) = %d, %v, want %d", w, ended, err, want)
	}
}

// facts returns the facts that the store has at base, but for those that
// speak against no token.
func facts(t *testing.T, f watchword.Facts) []watchword.Fact {
	t.Helper()
	return slices.DeleteFunc(allFacts(t, f), func(f watchword.Fact) bool { return f.Kind == watchword.ProfileFact })
}

func allFacts(t *testing.T, f watchword.Facts) []watchword.Fact {
	t.Helper()
	var all []watchword.Fact
	var c watchword.Cursor
	for {
		some, next, err := f.FactsSince(t.Context(), c, base, 1000)
		if err != nil {
			t.Fatalf("FactsSince(%v): %v", c, err)
		}
		all = append(all, some...)
		if next == c {
			return all
		}
		c = next
	}
}

func wantFacts(t *testing.T, f watchword.Facts, want ...watchword.Fact) {
	t.Helper()
	got := facts(t, f)
	if len(got) == 0 && len(want) == 0 {
		return
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("facts:\n got %+v\nwant %+v", got, want)
	}
}

func sessionFact(number int64) watchword.Fact {
	return watchword.Fact{Kind: watchword.SessionFact, Number: number, Until: until}
}

// userFact is what ending a user's sessions one second past base leaves.
func userFact(id string, upTo, except int64) watchword.Fact {
	return watchword.Fact{
		Kind: watchword.UserFact, ID: id, UpTo: upTo, Except: except,
		Before: base.Add(time.Second).Truncate(time.Second), Until: until,
	}
}

// wantCode demands that err carries the code; Internal stands for no error.
func wantCode(t *testing.T, what string, err error, want watchword.Code) {
	t.Helper()
	switch {
	case want == watchword.Internal && err != nil:
		t.Fatalf("%s = %v, want no error", what, err)
	case want != watchword.Internal && !errors.Is(err, want):
		t.Fatalf("%s = %v, want %v", what, err, want)
	}
}

func wantEqual[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s:\n got %+v\nwant %+v", what, got, want)
	}
}

func ptr[T any](v T) *T { return &v }
