// Package measure runs operations in turn and compares what they cost.
//
// Machines that are shared drift: the clock, the caches and the neighbours of
// one second are not those of the next. So all operations of a table run in
// turn within each round, ratios are taken round by round, and what is
// reported is their median. Processor time is counted, not time on the wall.
package measure

import (
	"fmt"
	"runtime"
	"time"

	"github.com/watchword-auth/watchword/bench/internal/stats"
)

// Op is one operation. Do is called by one goroutine at a time; an error ends
// the measurement.
type Op struct {
	Name string
	Do   func() error
}

// Sample is what one call cost in one round.
type Sample struct {
	CPU    float64 // nanoseconds of processor time
	Bytes  float64 // allocated
	Allocs float64
}

// Samples are those of one operation, a round each.
type Samples []Sample

// Options say how much is run.
type Options struct {
	Rounds int           // of which each runs every operation
	Time   time.Duration // of the processor, for each operation in each round
}

// Run measures all operations. The result is in their order.
func Run(ops []Op, o Options) ([]Samples, error) {
	calls := make([]int, len(ops))
	for i, op := range ops {
		var err error
		if calls[i], err = calibrate(op, o.Time); err != nil {
			return nil, err
		}
	}
	all := make([]Samples, len(ops))
	for round := range o.Rounds {
		for k := range ops {
			// Another order each time, so that nobody always follows the same.
			i := (k + round) % len(ops)
			s, err := run(ops[i], calls[i])
			if err != nil {
				return nil, err
			}
			all[i] = append(all[i], s)
		}
	}
	return all, nil
}

// calibrate returns how many calls take about that long.
func calibrate(op Op, long time.Duration) (int, error) {
	for n := 1; ; n *= 4 {
		s, err := run(op, n)
		if err != nil {
			return 0, err
		}
		if took := time.Duration(s.CPU * float64(n)); took >= long/8 {
			return max(int(float64(long)/s.CPU), 1), nil
		}
	}
}

// run makes n calls. It begins with an empty heap, so that nobody pays for
// what the one before left behind.
func run(op Op, n int) (Sample, error) {
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began := CPU()
	for range n {
		if err := op.Do(); err != nil {
			return Sample{}, fmt.Errorf("%s: %w", op.Name, err)
		}
	}
	took := CPU() - began
	runtime.ReadMemStats(&after)
	return Sample{
		CPU:    float64(took) / float64(n),
		Bytes:  float64(after.TotalAlloc-before.TotalAlloc) / float64(n),
		Allocs: float64(after.Mallocs-before.Mallocs) / float64(n),
	}, nil
}

// Median returns the median of each figure by itself.
func (all Samples) Median() Sample {
	pick := func(figure func(Sample) float64) float64 {
		values := make([]float64, len(all))
		for i, s := range all {
			values[i] = figure(s)
		}
		return stats.Median(values)
	}
	return Sample{
		CPU:    pick(func(s Sample) float64 { return s.CPU }),
		Bytes:  pick(func(s Sample) float64 { return s.Bytes }),
		Allocs: pick(func(s Sample) float64 { return s.Allocs }),
	}
}

// Over returns the samples less those of the same rounds of another
// operation, which this one contains.
func (all Samples) Over(base Samples) Samples {
	over := make(Samples, len(all))
	for i, s := range all {
		over[i] = Sample{CPU: s.CPU - base[i].CPU, Bytes: s.Bytes - base[i].Bytes, Allocs: s.Allocs - base[i].Allocs}
	}
	return over
}

// Ratio is how processor time compares: the median of the rounds' ratios, the
// least and the largest of them.
type Ratio struct{ Median, Least, Most float64 }

// Ratio compares with the same rounds of another operation.
func (all Samples) Ratio(base Samples) Ratio {
	ratios := make([]float64, len(all))
	for i, s := range all {
		ratios[i] = s.CPU / base[i].CPU
	}
	return Ratio{stats.Median(ratios), stats.Percentile(ratios, 0), stats.Percentile(ratios, 1)}
}

// String gives the median with the range behind it.
func (r Ratio) String() string {
	return fmt.Sprintf("%.2f (%.2f to %.2f)", r.Median, r.Least, r.Most)
}
