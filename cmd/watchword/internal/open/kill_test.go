package open_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/open"
)

// stormEnv hands the database to the child process of TestKilled.
const stormEnv = "WATCHWORD_TEST_STORM"

// ledger is what the child said it was answered: only that counts.
type ledger struct {
	generation map[int64]int    // the highest acknowledged, by session
	ended      map[int64]bool   // acknowledged
	facts      map[string]int64 // places of facts, by id
	lines      int
}

// TestKilled kills a process that creates, advances and ends sessions, again
// and again, and demands that nothing it was answered is lost.
func TestKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("ten processes are started and killed")
	}
	path := t.TempDir() + "/watchword.db"
	l := ledger{generation: make(map[int64]int), ended: make(map[int64]bool), facts: make(map[string]int64)}
	for round := range 10 {
		l.storm(t, path, 200+rand.IntN(2000))
		l.check(t, path)
		if t.Failed() {
			t.Fatalf("in round %d, after %d answers", round, l.lines)
		}
	}
	t.Logf("%d answers, %d sessions, %d ended, %d facts", l.lines, len(l.generation), len(l.ended), len(l.facts))
}

// storm runs the child until it has been answered so often, and kills it.
func (l *ledger) storm(t *testing.T, path string, answers int) {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestStorm$")
	child.Env = append(os.Environ(), stormEnv+"="+path)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for n := 0; lines.Scan(); n++ {
		if n == answers {
			if err := child.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
		l.note(t, lines.Text())
	}
	if err := child.Wait(); err == nil {
		t.Fatal("the child ended before it was killed")
	}
}

func (l *ledger) note(t *testing.T, line string) {
	t.Helper()
	l.lines++
	var what, id string
	var number int64
	var generation int
	if _, err := fmt.Sscan(line, &what, &id, &number, &generation); err != nil {
		t.Fatalf("the child said %q: %v", line, err)
	}
	switch what {
	case "created":
		if _, twice := l.generation[number]; twice {
			t.Errorf("session number %d was given twice", number)
		}
		l.generation[number] = 1
	case "advanced":
		l.generation[number] = max(l.generation[number], generation)
	case "ended":
		l.ended[number] = true
	case "fact":
		l.facts[id] = number
	default:
		t.Fatalf("the child said %q", line)
	}
}

// check opens what the child left and compares it with the ledger.
func (l *ledger) check(t *testing.T, path string) {
	t.Helper()
	start := time.Now()
	o, err := open.Store(t.Context(), "sqlite:"+path)
	if err != nil {
		t.Fatalf("open after the kill: %v", err)
	}
	defer o.Close(context.Background())
	ready := time.Since(start)
	if err := o.Integrity(t.Context()); err != nil {
		t.Error(err)
	}
	factOf := l.readFacts(t, o)
	for number, generation := range l.generation {
		s, err := o.Session(t.Context(), number)
		if err != nil {
			t.Errorf("session %d was acknowledged: %v", number, err)
			continue
		}
		// One step may have been committed and not answered any more.
		if s.Generation != generation && s.Generation != generation+1 {
			t.Errorf("session %d stands at generation %d, acknowledged was %d", number, s.Generation, generation)
		}
		if l.ended[number] && s.EndedAt.IsZero() {
			t.Errorf("session %d is open, its end was acknowledged", number)
		}
		if s.EndedAt.IsZero() == factOf[number] {
			t.Errorf("session %d: ended at %v, has a fact: %v", number, s.EndedAt, factOf[number])
		}
	}
	l.replay(t, o)
	t.Logf("%d answers; open again after %v", l.lines, ready)
}

// readFacts demands the facts of the ledger and returns which sessions have
// one.
func (l *ledger) readFacts(t *testing.T, o *open.Opened) map[int64]bool {
	t.Helper()
	factOf := make(map[int64]bool)
	missing := make(map[string]bool)
	for id := range l.facts {
		missing[id] = true
	}
	var c watchword.Cursor
	for {
		facts, next, err := o.FactsSince(t.Context(), c, base, 500)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range facts {
			delete(missing, f.ID)
			if f.Kind == watchword.SessionFact {
				factOf[f.Number] = true
			}
		}
		if next == c {
			break
		}
		c = next
	}
	for id := range missing {
		t.Errorf("fact %s at %d was acknowledged and is lost", id, l.facts[id])
	}
	return factOf
}

// replay shows, for a few open sessions, a token that was exchanged before
// the kill: it must not be exchanged again.
func (l *ledger) replay(t *testing.T, o *open.Opened) {
	t.Helper()
	tried := 0
	for number, generation := range l.generation {
		if generation < 2 || l.ended[number] || tried == 20 {
			continue
		}
		tried++
		_, err := o.AdvanceSession(t.Context(), number, watchword.Advance{
			From: generation - 1, Idle: time.Hour, Until: base.Add(time.Hour), Rotation: watchword.Rotation{},
		}, base.Add(time.Hour))
		if !errors.Is(err, watchword.TokenReused) && !errors.Is(err, watchword.SessionEnded) {
			t.Errorf("session %d, token of generation %d shown again: %v", number, generation-1, err)
		}
		l.ended[number] = true
	}
}

// TestStorm is the child of TestKilled. It says what it was answered, and
// never ends by itself.
func TestStorm(t *testing.T) {
	path := os.Getenv(stormEnv)
	if path == "" {
		t.Skip("does not apply: TestKilled starts this as its child")
	}
	o, err := open.Store(t.Context(), "sqlite:"+path)
	if err != nil {
		t.Fatal(err)
	}
	for range 16 {
		go func() {
			for {
				live(o)
			}
		}()
	}
	select {}
}

// live leads the life of one session, and says each answer in one write, so
// that a kill cuts none in two.
func live(o *open.Opened) {
	ctx := context.Background()
	say := func(what, id string, number int64, generation int) {
		fmt.Fprintf(os.Stdout, "%s %s %d %d\n", what, id, number, generation)
	}
	s, err := o.CreateSession(ctx, watchword.Session{
		Profile: "native", UserID: "u", Generation: 1, CreatedAt: base, AdvancedAt: base,
		IdleUntil: base.Add(24 * time.Hour), ExpiresAt: base.Add(720 * time.Hour),
	})
	if err != nil {
		panic(err)
	}
	say("created", "-", s.Number, 1)
	for g := 1; g < 6; g++ {
		s, err := o.AdvanceSession(ctx, s.Number, watchword.Advance{
			From: g, Idle: 24 * time.Hour, Until: base.Add(time.Hour),
		}, base.Add(time.Duration(g)*time.Minute))
		if err != nil {
			panic(err)
		}
		say("advanced", "-", s.Number, s.Generation)
	}
	if s.Number%3 == 0 {
		if _, err := o.EndSessions(ctx, watchword.Which{Number: s.Number}, base.Add(time.Hour), base.Add(time.Minute)); err != nil {
			panic(err)
		}
		say("ended", "-", s.Number, 0)
	}
	id := fmt.Sprintf("jti-%d", s.Number)
	c, err := o.AddFact(ctx, watchword.Fact{Kind: watchword.TokenFact, ID: id, Until: base.Add(time.Hour)})
	if err != nil {
		panic(err)
	}
	say("fact", id, c.N, 0)
}
