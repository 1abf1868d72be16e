package demo_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/watchword-auth/watchword/cmd/watchword/internal/demo"
)

// left returns what the demo has left behind in a directory for such files.
func left(t *testing.T, dir string) []os.DirEntry {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestRevoke(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	var said strings.Builder
	say := func(format string, _ ...any) { said.WriteString(format + "\n") }
	report, err := demo.Revoke(t.Context(), demo.RevokeOptions{Rounds: 2, Cuts: 1, People: 1, Say: say})
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Feed) != 3 || len(report.Cut) != 3 || report.Rate == 0 {
		t.Errorf("Revoke = %+v, want three services with the feed up and cut, and traffic", report)
	}
	for _, s := range append(report.Feed, report.Cut...) {
		if s.Service == "" || s.Median > s.P99 || s.P99 > s.Max {
			t.Errorf("times of %+v are out of order", s)
		}
	}
	for i, s := range report.Cut {
		// With the wire cut nobody can hear of it: the last word has to grow old.
		if s.Median <= report.Feed[i].Median {
			t.Errorf("%s refuses no later with the feed cut: %s, and %s with it up", s.Service, s.Median, report.Feed[i].Median)
		}
	}
	if list := left(t, dir); len(list) != 0 {
		t.Errorf("it has left %v behind", list)
	}
}

func TestRevokeWithoutCuts(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	report, err := demo.Revoke(t.Context(), demo.RevokeOptions{Rounds: 1, Say: func(string, ...any) {}})
	if err != nil || report.Cut != nil || len(report.Feed) != 3 {
		t.Errorf("Revoke = %+v, %v, want figures of the feed alone", report, err)
	}
}

// Whoever interrupts it finds nothing left.
func TestRevokeInterrupted(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	for _, at := range []string{"authority", "sessions are ended", "cut off"} {
		ctx, cancel := context.WithCancel(t.Context())
		say := func(format string, _ ...any) {
			if strings.Contains(format, at) {
				cancel()
			}
		}
		_, err := demo.Revoke(ctx, demo.RevokeOptions{Rounds: 1, Cuts: 1, Say: say})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("interrupted at %q: %v", at, err)
		}
		if list := left(t, dir); len(list) != 0 {
			t.Errorf("interrupted at %q it has left %v behind", at, list)
		}
		cancel()
	}
}

func TestHeld(t *testing.T) {
	at := func(d time.Duration) []demo.Revoked { return []demo.Revoked{{Max: 0}, {Max: d}} }
	for _, test := range []struct {
		name string
		r    demo.Report
		want bool
	}{
		{"in time", demo.Report{Feed: at(demo.Bound), MaxStale: 2 * time.Second, Cut: at(2 * time.Second)}, true},
		{"the feed is late", demo.Report{Feed: at(demo.Bound + 1)}, false},
		{"an old word is believed too long", demo.Report{Feed: at(0), MaxStale: 2 * time.Second, Cut: at(2*time.Second + 1)}, false},
		{"nothing was cut", demo.Report{Feed: at(0)}, true},
	} {
		if got := test.r.Held(); got != test.want {
			t.Errorf("%s: Held = %v, want %v", test.name, got, test.want)
		}
	}
}
