package watchword_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/watchword-auth/watchword"
)

// The model: one session, clients that show refresh tokens, answers that are
// lost, a process that crashes before its store commits, somebody who signs
// out, somebody who changes the password, and a clock that passes the grace
// window. Every reachable state is visited and every step taken from it, so
// all interleavings are covered, of any length. docs/refresh.md says what
// that proves.
//
// The world keeps its own account of what was handed out and acknowledged,
// apart from the machine's state, so that the machine is not judged by
// itself.
type world struct {
	s       watchword.Session
	userVer int64
	now     time.Time
	// known[g]: the refresh token of generation g has reached a client.
	known [maxGen + 1]bool
	// successors[g] is the generation that g was exchanged for; 0: none.
	successors [maxGen + 1]int
	revoked    bool // a sign-out or a password change was acknowledged
	reuseSeen  bool // a token was shown that only a thief or a copy can have
}

const (
	maxGen     = 6
	modelGrace = 10 * time.Second
)

var modelStart = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// A machine is what is checked: watchword's, or one broken on purpose.
type machine func(s watchword.Session, a watchword.Advance, at time.Time) (watchword.Session, error)

type modelStep struct {
	name string
	do   func(w *world) error
}

// modelSteps are all that can happen next. Showing generation maxGen would
// leave the model and is left out.
func modelSteps(m machine, rot watchword.Rotation) []modelStep {
	var steps []modelStep
	for g := 1; g < maxGen; g++ {
		for _, fate := range []string{"answered", "answer lost", "crash before commit"} {
			steps = append(steps, modelStep{
				fmt.Sprintf("show %d, %s", g, fate),
				func(w *world) error { return w.show(m, g, fate, rot) },
			})
		}
	}
	return append(steps,
		modelStep{"sign out", func(w *world) error {
			if w.s.EndedAt.IsZero() {
				w.s.EndedAt = w.now
			}
			w.revoked = true
			return nil
		}},
		modelStep{"password change", func(w *world) error { w.userVer++; w.revoked = true; return nil }},
		modelStep{"a moment passes", func(w *world) error { w.now = w.now.Add(3 * time.Second); return nil }},
		modelStep{"the window passes", func(w *world) error { w.now = w.now.Add(modelGrace + time.Second); return nil }},
		modelStep{"the clock steps back", func(w *world) error { w.now = w.now.Add(-time.Second); return nil }},
	)
}

// show presents generation g and checks every property of the answer.
func (w *world) show(m machine, g int, fate string, rot watchword.Rotation) error {
	before := w.s
	next, err := m(w.s, watchword.Advance{
		From: g, Rotation: rot, Idle: time.Hour, UserGone: w.userVer != w.s.UserVersion,
	}, w.now)
	if fate == "crash before commit" {
		return nil // nothing was written, nobody was answered
	}
	w.s = next
	inWindow := rot.Grace > 0 && w.now.Sub(before.AdvancedAt) <= rot.Grace
	repeat := g == before.Generation-1 && inWindow
	fine := !w.revoked && !w.reuseSeen && before.EndedAt.IsZero()
	if err != nil {
		return w.refused(err, before, fine && (g == before.Generation || repeat && rot.InGrace == watchword.Repeat), repeat && fine)
	}
	switch {
	case w.revoked:
		return errors.New("I3: accepted after an acknowledged revocation")
	case w.reuseSeen:
		return errors.New("I4: accepted after reuse was seen")
	case g > before.Generation:
		return errors.New("accepted a generation that was never made")
	case g < before.Generation-1:
		return errors.New("I5: accepted an ancestor older than the direct predecessor")
	case g == before.Generation-1 && !inWindow:
		return errors.New("I1: accepted a predecessor outside the window")
	case next.Generation != g+1:
		return fmt.Errorf("I1: generation %d got %d, want its one successor", g, next.Generation)
	case w.successors[g] != 0 && w.successors[g] != next.Generation:
		return fmt.Errorf("I1: generation %d was exchanged for %d and for %d", g, w.successors[g], next.Generation)
	}
	w.successors[g] = next.Generation
	if fate == "answered" {
		w.known[next.Generation] = true
	}
	return nil
}

// refused checks a refusal: honest is true where nobody may be refused.
func (w *world) refused(err error, before watchword.Session, honest, repeat bool) error {
	if !errors.Is(err, watchword.TokenReused) && !errors.Is(err, watchword.SessionEnded) && !errors.Is(err, watchword.SessionExpired) {
		return fmt.Errorf("refused with %v, which no row of the table names", err)
	}
	if honest {
		return fmt.Errorf("F5: an honest client was refused with %v", err)
	}
	if w.s.Generation != before.Generation {
		return errors.New("a refusal moved the generation")
	}
	if repeat {
		return nil // Refuse: no harm done, the session goes on
	}
	w.reuseSeen = w.reuseSeen || errors.Is(err, watchword.TokenReused)
	if w.s.EndedAt.IsZero() {
		return fmt.Errorf("I4: %v did not end the session", err)
	}
	return nil
}

// invariants hold in every state.
func (w *world) invariants() error {
	for g := w.s.Generation + 1; g <= maxGen; g++ {
		if w.known[g] {
			return fmt.Errorf("I2: generation %d was acknowledged, but the session stands at %d", g, w.s.Generation)
		}
	}
	return nil
}

// modelState is a world made comparable: times become the differences that
// the machine can tell apart.
type modelState struct {
	generation         int
	ended, gone        bool
	age                time.Duration
	known              [maxGen + 1]bool
	successors         [maxGen + 1]int
	revoked, reuseSeen bool
}

func (w *world) state() modelState {
	return modelState{
		generation: w.s.Generation, ended: !w.s.EndedAt.IsZero(), gone: w.userVer != w.s.UserVersion,
		age:   max(min(w.now.Sub(w.s.AdvancedAt), modelGrace+time.Second), -2*time.Second),
		known: w.known, successors: w.successors, revoked: w.revoked, reuseSeen: w.reuseSeen,
	}
}

// explore visits every reachable state and returns their number, or the
// shortest way to a state that breaks a property.
func explore(m machine, rot watchword.Rotation) (int, error) {
	type place struct {
		w     world
		trail []string
	}
	start := world{now: modelStart, userVer: 1, s: watchword.Session{
		Number: 1, UserVersion: 1, Generation: 1, CreatedAt: modelStart, AdvancedAt: modelStart,
		IdleUntil: modelStart.Add(1000 * time.Hour), ExpiresAt: modelStart.Add(1000 * time.Hour),
	}}
	start.known[1] = true
	steps := modelSteps(m, rot)
	seen := map[modelState]bool{start.state(): true}
	for queue := []place{{w: start}}; len(queue) > 0; queue = queue[1:] {
		for _, step := range steps {
			next := queue[0].w
			err := step.do(&next)
			if err == nil {
				err = next.invariants()
			}
			trail := append(queue[0].trail[:len(queue[0].trail):len(queue[0].trail)], step.name)
			if err != nil {
				return len(seen), fmt.Errorf("%w, after %q", err, trail)
			}
			if s := next.state(); !seen[s] {
				seen[s] = true
				queue = append(queue, place{next, trail})
			}
		}
	}
	return len(seen), nil
}

var modelRotations = map[string]watchword.Rotation{
	"repeat in the window": {Grace: modelGrace},
	"refuse in the window": {Grace: modelGrace, InGrace: watchword.Refuse},
	"no window":            {},
}

func TestModelOfTheRefreshMachine(t *testing.T) {
	for name, rot := range modelRotations {
		t.Run(name, func(t *testing.T) {
			states, err := explore(watchword.Session.Advance, rot)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("all %d reachable states hold", states)
			if states < 1000 {
				t.Errorf("%d states are too few to show anything", states)
			}
		})
	}
}

// TestModelFindsBrokenMachines shows that the model can fail: each machine
// has one fault that a real server has had, or could.
func TestModelFindsBrokenMachines(t *testing.T) {
	type S = watchword.Session
	type A = watchword.Advance
	right := watchword.Session.Advance
	broken := map[string]machine{
		"every ancestor passes in the window (django-oauth-toolkit 1617)": func(s S, a A, at time.Time) (S, error) {
			if a.From < s.Generation && s.EndedAt.IsZero() && !a.UserGone && a.Rotation.Grace > 0 && at.Sub(s.AdvancedAt) <= a.Rotation.Grace {
				return s, nil
			}
			return right(s, a, at)
		},
		"reuse is refused but ends nothing": func(s S, a A, at time.Time) (S, error) {
			next, err := right(s, a, at)
			if errors.Is(err, watchword.TokenReused) {
				return s, err
			}
			return next, err
		},
		"the user is not looked at (DRF SimpleJWT 812)": func(s S, a A, at time.Time) (S, error) {
			a.UserGone = false
			return right(s, a, at)
		},
		"a repeat moves on": func(s S, a A, at time.Time) (S, error) {
			if a.From == s.Generation-1 {
				a.From = s.Generation
			}
			return right(s, a, at)
		},
		"the window never closes": func(s S, a A, at time.Time) (S, error) {
			a.Rotation.Grace = 1000 * time.Hour
			return right(s, a, at)
		},
		"ended sessions go on": func(s S, a A, at time.Time) (S, error) {
			s.EndedAt = time.Time{}
			return right(s, a, at)
		},
		"a forged generation is taken": func(s S, a A, at time.Time) (S, error) {
			if a.From > s.Generation {
				s.Generation = a.From
			}
			return right(s, a, at)
		},
		"a negative age counts as long ago": func(s S, a A, at time.Time) (S, error) {
			if at.Before(s.AdvancedAt) {
				at = at.Add(time.Hour)
			}
			return right(s, a, at)
		},
	}
	for name, m := range broken {
		t.Run(name, func(t *testing.T) {
			for _, rot := range modelRotations {
				if _, err := explore(m, rot); err != nil {
					t.Logf("found: %v", err)
					return
				}
			}
			t.Error("the model did not find the fault")
		})
	}
}

// TestAdvanceRenews: where refresh tokens are kept, one that is renewed stays
// of its generation, is dated anew and lives until the idle limit from now,
// never past the absolute one; whatever refuses a refresh refuses a renewal.
func TestAdvanceRenews(t *testing.T) {
	at := modelStart
	open := watchword.Session{
		Generation: 1, AdvancedAt: at.Add(-time.Minute), IdleUntil: at.Add(time.Second), ExpiresAt: at.Add(2 * time.Hour),
	}
	soon, ended, idle := open, open, open
	soon.ExpiresAt = at.Add(time.Minute)
	ended.EndedAt = at
	idle.IdleUntil = at
	keep := watchword.Rotation{Mode: watchword.Keep}
	for _, tt := range []struct {
		name  string
		s     watchword.Session
		rot   watchword.Rotation
		renew bool
		gone  bool
		err   error
		gen   int
		dated time.Time
		until time.Time
	}{
		{"renewed", open, keep, true, false, nil, 1, at, at.Add(time.Hour)},
		{"not asked for", open, keep, false, false, nil, 1, open.AdvancedAt, open.IdleUntil},
		{"the absolute limit near", soon, keep, true, false, nil, 1, at, soon.ExpiresAt},
		{"rotation renews anyway", open, watchword.Rotation{}, true, false, nil, 2, at, at.Add(time.Hour)},
		{"ended", ended, keep, true, false, watchword.SessionEnded, 1, open.AdvancedAt, open.IdleUntil},
		{"idle limit reached", idle, keep, true, false, watchword.SessionExpired, 1, open.AdvancedAt, at},
		{"user gone", open, keep, true, true, watchword.SessionEnded, 1, open.AdvancedAt, open.IdleUntil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.s.Advance(watchword.Advance{From: 1, Rotation: tt.rot, Idle: time.Hour, Renew: tt.renew, UserGone: tt.gone}, at)
			if !errors.Is(err, tt.err) || (err == nil) != (tt.err == nil) {
				t.Errorf("error %v, want %v", err, tt.err)
			}
			if got.Generation != tt.gen || !got.AdvancedAt.Equal(tt.dated) || !got.IdleUntil.Equal(tt.until) {
				t.Errorf("generation %d, dated %v, until %v; want %d, %v, %v",
					got.Generation, got.AdvancedAt, got.IdleUntil, tt.gen, tt.dated, tt.until)
			}
		})
	}
}

// TestAdvanceTable is the table of docs/refresh.md, row by row.
func TestAdvanceTable(t *testing.T) {
	at := modelStart
	open := watchword.Session{
		Number: 7, Generation: 3, CreatedAt: at.Add(-time.Hour), AdvancedAt: at.Add(-time.Minute),
		IdleUntil: at.Add(time.Hour), ExpiresAt: at.Add(2 * time.Hour),
	}
	fresh := open
	fresh.AdvancedAt = at.Add(-5 * time.Second)
	ahead := open
	ahead.AdvancedAt = at.Add(time.Hour) // the clock stepped back
	ended := open
	ended.EndedAt = at.Add(-time.Second)
	oft := open
	oft.Generation = watchword.MaxGeneration
	idle := open
	idle.IdleUntil = at
	absolute := open
	absolute.ExpiresAt = at
	soon := open
	soon.ExpiresAt = at.Add(time.Minute)
	repeat := watchword.Rotation{Grace: modelGrace}
	refuse := watchword.Rotation{Grace: modelGrace, InGrace: watchword.Refuse}
	keep := watchword.Rotation{Mode: watchword.Keep, Grace: modelGrace}

	tests := []struct {
		name  string
		s     watchword.Session
		from  int
		rot   watchword.Rotation
		gone  bool
		err   error
		gen   int
		ends  bool
		until time.Time
	}{
		{"current", open, 3, repeat, false, nil, 4, false, at.Add(time.Hour)},
		{"current, the absolute limit near", soon, 3, repeat, false, nil, 4, false, at.Add(time.Minute)},
		{"predecessor in the window", fresh, 2, repeat, false, nil, 3, false, at.Add(time.Hour)},
		{"predecessor, negative age", ahead, 2, repeat, false, nil, 3, false, at.Add(time.Hour)},
		{"predecessor in the window, refusing", fresh, 2, refuse, false, watchword.TokenReused, 3, false, at.Add(time.Hour)},
		{"predecessor after the window", open, 2, repeat, false, watchword.TokenReused, 3, true, at.Add(time.Hour)},
		{"predecessor, no window", fresh, 2, watchword.Rotation{}, false, watchword.TokenReused, 3, true, at.Add(time.Hour)},
		{"older, even in the window", fresh, 1, repeat, false, watchword.TokenReused, 3, true, at.Add(time.Hour)},
		{"newer than the session", open, 4, repeat, false, watchword.TokenReused, 3, true, at.Add(time.Hour)},
		{"refreshed too often", oft, watchword.MaxGeneration, repeat, false, watchword.SessionExpired, watchword.MaxGeneration, true, at.Add(time.Hour)},
		{"ended", ended, 3, repeat, false, watchword.SessionEnded, 3, true, at.Add(time.Hour)},
		{"ended, predecessor", ended, 2, repeat, false, watchword.SessionEnded, 3, true, at.Add(time.Hour)},
		{"idle limit reached", idle, 3, repeat, false, watchword.SessionExpired, 3, true, at},
		{"absolute limit reached", absolute, 3, repeat, false, watchword.SessionExpired, 3, true, at.Add(time.Hour)},
		{"user gone", open, 3, repeat, true, watchword.SessionEnded, 3, true, at.Add(time.Hour)},
		{"keep: current", open, 3, keep, false, nil, 3, false, at.Add(time.Hour)},
		{"keep: predecessor", fresh, 2, keep, false, watchword.TokenReused, 3, true, at.Add(time.Hour)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.s.Advance(watchword.Advance{From: tt.from, Rotation: tt.rot, Idle: time.Hour, UserGone: tt.gone}, at)
			if !errors.Is(err, tt.err) || (err == nil) != (tt.err == nil) {
				t.Errorf("error %v, want %v", err, tt.err)
			}
			if got.Generation != tt.gen {
				t.Errorf("generation %d, want %d", got.Generation, tt.gen)
			}
			if got.EndedAt.IsZero() == tt.ends {
				t.Errorf("ended at %v, want ended: %v", got.EndedAt, tt.ends)
			}
			if !got.IdleUntil.Equal(tt.until) {
				t.Errorf("idle until %v, want %v", got.IdleUntil, tt.until)
			}
			if moved := got.Generation != tt.s.Generation; moved != got.AdvancedAt.Equal(at) {
				t.Errorf("advanced at %v", got.AdvancedAt)
			}
		})
	}
}
