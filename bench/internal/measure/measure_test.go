package measure_test

import (
	"errors"
	"testing"
	"time"

	"github.com/watchword-auth/watchword/bench/internal/measure"
)

var sink []byte

func TestRun(t *testing.T) {
	var order []string
	op := func(name string, size int) measure.Op {
		return measure.Op{Name: name, Do: func() error {
			if len(order) == 0 || order[len(order)-1] != name {
				order = append(order, name)
			}
			for range 100 {
				sink = make([]byte, size)
			}
			return nil
		}}
	}
	got, err := measure.Run([]measure.Op{op("a", 64), op("b", 256)}, measure.Options{Rounds: 3, Time: 4 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || len(got[0]) != 3 || len(got[1]) != 3 {
		t.Fatalf("Run = %v, want 2 operations of 3 rounds", got)
	}
	for i, want := range []float64{6400, 25600} {
		m := got[i].Median()
		if m.CPU <= 0 || m.Bytes < want || m.Bytes > 1.5*want || m.Allocs < 100 || m.Allocs > 150 {
			t.Errorf("operation %d: %+v, want %v bytes in 100 allocations", i, m, want)
		}
	}
	// After calibration: a b, b a, a b; turns that meet count once.
	if n := len(order); n < 4 || order[n-1] != "b" || order[n-2] != "a" || order[n-3] != "b" || order[n-4] != "a" {
		t.Errorf("order %v: the rounds do not take turns", order)
	}
}

func TestRunEndsWithTheError(t *testing.T) {
	fault := errors.New("fault")
	_, err := measure.Run([]measure.Op{{Name: "bad", Do: func() error { return fault }}},
		measure.Options{Rounds: 1, Time: time.Millisecond})
	if !errors.Is(err, fault) {
		t.Errorf("Run = %v, want %v", err, fault)
	}
}

func TestSamples(t *testing.T) {
	a := measure.Samples{{CPU: 10, Bytes: 8, Allocs: 1}, {CPU: 30, Bytes: 8, Allocs: 1}, {CPU: 20, Bytes: 8, Allocs: 1}}
	b := measure.Samples{{CPU: 5, Bytes: 2}, {CPU: 10, Bytes: 2}, {CPU: 20, Bytes: 2}}
	if got, want := a.Median(), (measure.Sample{CPU: 20, Bytes: 8, Allocs: 1}); got != want {
		t.Errorf("Median = %v, want %v", got, want)
	}
	if got, want := a.Ratio(b), (measure.Ratio{Median: 2, Least: 1, Most: 3}); got != want {
		t.Errorf("Ratio = %v, want %v", got, want)
	}
	if got, want := a.Over(b).Median(), (measure.Sample{CPU: 5, Bytes: 6, Allocs: 1}); got != want {
		t.Errorf("Over = %v, want %v", got, want)
	}
}
