// Command peers measures Watchword beside golang-jwt, go-jose and the bare
// standard library, in one run, and prints tables in Markdown. README.md in
// the directory above says how to read them.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"time"

	"github.com/watchword-auth/watchword/bench/internal/measure"
)

func main() {
	var o measure.Options
	flag.IntVar(&o.Rounds, "rounds", 7, "how many `rounds` each table has")
	flag.DurationVar(&o.Time, "time", 100*time.Millisecond, "processor `time` for each entry in each round")
	flag.Parse()
	if err := bench(os.Stdout, o); err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
}

// bench prints each table as soon as it is measured.
func bench(w io.Writer, o measure.Options) error {
	fmt.Fprintf(w, "%s, %d processors, %d rounds of %v each. Figures are medians; ratios are taken round by round "+
		"(least to most in parentheses); cpu is user and system time, the collector included.\n",
		runtime.Version(), runtime.GOMAXPROCS(0), o.Rounds, o.Time)
	k, err := newKeys()
	if err != nil {
		return err
	}
	var targets []target
	for _, m := range measurements() {
		for _, alg := range m.algorithms {
			t, err := m.measure(k, alg, o)
			if err != nil {
				return err
			}
			t.write(w)
			if m.targets != nil {
				targets = append(targets, m.targets(alg, t)...)
			}
		}
	}
	writeTargets(w, targets)
	return nil
}

// measurement is a table for each of some algorithms.
type measurement struct {
	algorithms []string
	measure    func(k keys, alg string, o measure.Options) (table, error)
	targets    func(alg string, t table) []target // may be nil
}

// measurements in the order in which they are printed.
func measurements() []measurement {
	some := []string{"HS256", "ES256"}
	return []measurement{
		{algorithms[:], measureVerify, verifyTargets},
		{algorithms[:], measureSign, nil},
		{some, measureGuard, guardTargets},
		{some, measureRefresh, nil},
	}
}

// verifyTargets are those about one algorithm.
func verifyTargets(alg string, t table) []target {
	var targets []target
	switch alg {
	case "HS256":
		r := t.ratio(nameWatchword, nameGolangJWT)
		targets = append(targets, target{"verify HS256, first sight, against golang-jwt", "0.35", r.String(), r.Median <= 0.35})
	case "ES256":
		r := t.ratio(nameWatchword, nameLimit)
		targets = append(targets, target{"verify ES256, first sight, against bare cryptography", "1.10", r.String(), r.Median <= 1.10})
	default:
		return nil
	}
	m := t.of(nameSeen).Median()
	return append(targets, target{
		"verify " + alg + ", seen before", "0.80 µs, 0 allocs",
		micros(m.CPU) + " µs, " + whole(m.Allocs) + " allocs", m.CPU <= 800 && m.Allocs < 0.5,
	})
}
