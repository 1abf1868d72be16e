// Command peers measures Watchword beside golang-jwt, go-jose and the bare
// standard library, in one run, and prints tables in Markdown. README.md in
// the directory above says how to read them.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"time"

	"github.com/watchword-auth/watchword/bench/internal/measure"
)

func main() {
	var o options
	flag.IntVar(&o.Rounds, "rounds", 7, "how many `rounds` each table has")
	flag.DurationVar(&o.Time, "time", 100*time.Millisecond, "processor `time` for each entry in each round")
	flag.DurationVar(&o.http, "http", 2*time.Second, "`time` for each row in each round over HTTP; 0 leaves those out")
	flag.IntVar(&o.httpRounds, "http-rounds", 5, "how many `rounds` there are over HTTP")
	limitServer := flag.Bool("serve-limit", false, "be the server that is the limit over HTTP")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var err error
	if *limitServer {
		err = runLimitServer()
	} else {
		err = bench(ctx, os.Stdout, o)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		stop()
		os.Exit(1)
	}
}

// options say how much is measured.
type options struct {
	measure.Options
	http       time.Duration
	httpRounds int
}

// bench prints each table as soon as it is measured.
func bench(ctx context.Context, w io.Writer, o options) error {
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
			t, err := m.measure(k, alg, o.Options)
			if err != nil {
				return err
			}
			t.write(w)
			if m.targets != nil {
				targets = append(targets, m.targets(alg, t)...)
			}
		}
	}
	if o.http > 0 && o.httpRounds > 0 {
		h := newOverHTTP(o.httpRounds, o.http)
		if err := h.measure(ctx); err != nil {
			return fmt.Errorf("over HTTP: %w", err)
		}
		h.write(w)
		targets = append(targets, h.targets()...)
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
