package watchword_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/store"
)

// readings counts how often the facts of a store are read.
type readings struct {
	*store.Memory
	reads atomic.Int64
}

func (r *readings) FactsSince(ctx context.Context, c watchword.Cursor, at time.Time, limit int) ([]watchword.Fact, watchword.Cursor, error) {
	r.reads.Add(1)
	return r.Memory.FactsSince(ctx, c, at, limit)
}

func counting(r **readings) func(*watchword.Config) {
	return func(c *watchword.Config) {
		*r = &readings{Memory: c.Store.(*store.Memory)}
		c.Store = *r
	}
}

// write appends facts about the sessions first to last.
func (b *bench) write(t testing.TB, first, last int64) {
	t.Helper()
	for n := first; n <= last; n++ {
		if _, err := b.store.AddFact(ctx, watchword.Fact{Kind: watchword.SessionFact, Number: n, Until: noon.Add(time.Hour)}); err != nil {
			t.Fatal(err)
		}
	}
}

// collect reads the feed from c to its end.
func (b *bench) collect(t testing.TB, c watchword.Cursor, limit int) (numbers []int64, last watchword.Cursor, pages int) {
	t.Helper()
	for {
		p, err := b.NextFacts(ctx, c, limit, 0)
		if err != nil {
			t.Fatalf("NextFacts(%v): %v", c, err)
		}
		pages++
		if len(p.Facts) > limit {
			t.Errorf("%d facts where %d were asked for", len(p.Facts), limit)
		}
		for _, f := range p.Facts {
			if f.Kind == watchword.SessionFact {
				numbers = append(numbers, f.Number)
			}
		}
		if c = p.Cursor; !p.More {
			return numbers, c, pages
		}
	}
}

func inOrder(t *testing.T, what string, numbers []int64, first, last int64) {
	t.Helper()
	if int64(len(numbers)) != last-first+1 {
		t.Errorf("%s: %d facts, want %d", what, len(numbers), last-first+1)
		return
	}
	for i, n := range numbers {
		if n != first+int64(i) {
			t.Errorf("%s: fact %d is about session %d", what, i, n)
			return
		}
	}
}

func TestFeedReadsPagesOfAnyLength(t *testing.T) {
	b := newBench(t, nil)
	b.write(t, 1, 3500)
	if err := b.Follow(ctx); err != nil {
		t.Fatal(err)
	}
	for _, limit := range []int{1, 7, 999, 1000, 1001, 10_000} {
		if limit < 7 {
			continue // 3,500 pages tell no more than 500
		}
		numbers, _, _ := b.collect(t, watchword.Cursor{}, limit)
		inOrder(t, fmt.Sprintf("pages of %d", limit), numbers, 1, 3500)
	}
	_, middle, _ := b.collect(t, watchword.Cursor{}, 10_000)
	middle.N -= 1234 // in the middle of what was read at once
	numbers, end, _ := b.collect(t, middle, 1000)
	inOrder(t, "from the middle", numbers, 3500-1233, 3500)
	if p, err := b.NextFacts(ctx, end, 10, 0); err != nil || p.Cursor != end || p.More || p.Facts != nil {
		t.Errorf("at the end: %+v, %v", p, err)
	}
}

func TestFeedIsReadFromMemory(t *testing.T) {
	var r *readings
	b := newBench(t, counting(&r))
	_, start, _ := b.collect(t, watchword.Cursor{}, 10)
	for i := range int64(50) {
		b.write(t, i*10+1, i*10+10)
		if err := b.Follow(ctx); err != nil {
			t.Fatal(err)
		}
	}
	before := r.reads.Load()
	for range 100 {
		numbers, _, pages := b.collect(t, start, 1000)
		inOrder(t, "from memory", numbers, 1, 500)
		if pages != 1 {
			t.Errorf("%d pages, want those of 50 reads in one", pages)
		}
	}
	if n := r.reads.Load() - before; n != 0 {
		t.Errorf("100 readers cost %d reads of the store", n)
	}
	// Further back than memory reaches, the store is read; nothing is missing.
	b.write(t, 501, 25_000)
	if err := b.Follow(ctx); err != nil {
		t.Fatal(err)
	}
	numbers, _, _ := b.collect(t, start, 1000)
	inOrder(t, "from the store and memory", numbers, 1, 25_000)
	if n := r.reads.Load() - before; n < 5 {
		t.Errorf("%d reads of the store: memory has no bound", n)
	}
}

func TestPagesOfTheFeedAreNotChanged(t *testing.T) {
	b := newBench(t, nil)
	_, start, _ := b.collect(t, watchword.Cursor{}, 10)
	for i := range int64(3) {
		b.write(t, i+1, i+1)
		if err := b.Follow(ctx); err != nil {
			t.Fatal(err)
		}
	}
	first, err := b.NextFacts(ctx, start, 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	kept := append([]watchword.Fact(nil), first.Facts...)
	all, err := b.NextFacts(ctx, start, 10, 0)
	if err != nil || len(all.Facts) != 3 {
		t.Fatalf("%+v, %v", all, err)
	}
	all.Facts[0].Number = 99
	if !reflect.DeepEqual(first.Facts, kept) {
		t.Error("two readers share what one may change")
	}
}

func TestFeedWaits(t *testing.T) {
	b := newBench(t, nil)
	tokens := b.signIn(t)
	_, end, _ := b.collect(t, watchword.Cursor{}, 100)
	got := make(chan watchword.FactPage)
	for range 10 {
		go func() {
			p, err := b.NextFacts(ctx, end, 100, time.Minute)
			if err != nil {
				t.Error(err)
			}
			got <- p
		}()
	}
	if err := b.SignOut(ctx, watchword.SignOutRequest{Raw: tokens.Refresh}); err != nil {
		t.Fatal(err)
	}
	for range 10 {
		if p := <-got; len(p.Facts) != 1 || p.Facts[0].Kind != watchword.SessionFact || p.Cursor.N != end.N+1 {
			t.Errorf("%+v", p)
		}
	}
	gone, cancel := context.WithCancel(ctx)
	cancel()
	end.N++
	if _, err := b.NextFacts(gone, end, 100, time.Minute); !errors.Is(err, watchword.Unavailable) || !errors.Is(err, context.Canceled) {
		t.Errorf("a reader that has gone: %v", err)
	}
}

// Where nobody calls Run, those that wait have the store polled.
func TestFeedHearsOfOtherProcesses(t *testing.T) {
	b := newBench(t, func(c *watchword.Config) { c.Now = nil })
	_, end, _ := b.collect(t, watchword.Cursor{}, 100)
	if _, err := b.store.AddFact(ctx, watchword.Fact{Kind: watchword.TokenFact, ID: "x", Until: time.Now().Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	p, err := b.NextFacts(ctx, end, 100, time.Minute)
	if err != nil || len(p.Facts) != 1 || p.Facts[0].ID != "x" {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestFeedRefusesCursorsOfElsewhere(t *testing.T) {
	b := newBench(t, nil)
	_, end, _ := b.collect(t, watchword.Cursor{}, 100)
	for _, c := range []watchword.Cursor{{Epoch: "other", N: 0}, {Epoch: "other", N: end.N}, {Epoch: end.Epoch, N: end.N + 1}, {N: 1}, {Epoch: end.Epoch, N: -1}} {
		for _, wait := range []time.Duration{0, time.Minute} {
			if p, err := b.NextFacts(ctx, c, 100, wait); !errors.Is(err, watchword.Conflict) {
				t.Errorf("NextFacts(%v) = %+v, %v, want Conflict", c, p, err)
			}
		}
	}
}

func TestFirstPageHasWhatTellsSessions(t *testing.T) {
	b := newBench(t, nil)
	other, err := watchword.New(watchword.Config{
		Issuer: "https://issuer.example", Audience: "shop", Store: b.store, SealKey: sealKey, Profile: "djwto", Revocations: nil, Now: b.clock,
	})
	if err != nil {
		t.Fatal(err)
	}
	p, err := b.NextFacts(ctx, watchword.Cursor{}, 100, 0)
	if err != nil || strings.Join(p.Profiles, " ") != "native" { // the other has a list of its own
		t.Fatalf("%v, %v", p.Profiles, err)
	}
	numbers, err := watchword.NewStatusNumbers(p.StatusKey, "djwto")
	if err != nil {
		t.Fatal(err)
	}
	if n, ok := numbers.Session(other.SessionID(77)); !ok || n != 77 {
		t.Errorf("the status key reads session 77 as %d, %v", n, ok)
	}
	if string(p.StatusKey) != string(b.StatusKey()) || strings.Contains(string(sealKey), string(p.StatusKey)) {
		t.Error("the status key is another, or the seal key itself")
	}
}

func TestDirectoryOfUsersElsewhere(t *testing.T) {
	b := newBench(t, func(c *watchword.Config) {
		c.Users = justUsers{c.Store.(*store.Memory)}
		c.Authenticator = watchword.NewPasswords(c.Store.(*store.Memory), c.Hasher)
	})
	if _, err := b.Directory(ctx, "", 10); !errors.Is(err, watchword.NotFound) {
		t.Errorf("Directory = %v, want NotFound: these users cannot be listed", err)
	}
	if u, err := b.DirectoryUser(ctx, b.ann.ID); err != nil || u.Login != "ann" {
		t.Errorf("DirectoryUser = %+v, %v", u, err)
	}
}

// justUsers finds users and does nothing else.
type justUsers struct{ m *store.Memory }

func (u justUsers) UserByID(ctx context.Context, id string) (watchword.User, error) {
	return u.m.UserByID(ctx, id)
}

func BenchmarkStatusListAfterASignOut(b *testing.B) {
	bench := newBench(b, nil)
	list := func() {
		if _, err := bench.StatusList(ctx, 0); err != nil {
			b.Fatal(err)
		}
	}
	bench.write(b, 1, 50_000)
	if err := bench.Follow(ctx); err != nil {
		b.Fatal(err)
	}
	list()
	next := int64(50_000)
	for b.Loop() {
		next++
		bench.write(b, next, next)
		if err := bench.Follow(ctx); err != nil {
			b.Fatal(err)
		}
		list()
	}
}
