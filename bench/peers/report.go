package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/watchword-auth/watchword/bench/internal/measure"
)

// table is what was measured in one set of rounds.
type table struct {
	title string
	ops   []measure.Op
	all   []measure.Samples
	bases []string // those that the others are compared with
}

// run measures the operations as one table.
func run(title string, ops []measure.Op, bases []string, o measure.Options) (table, error) {
	all, err := measure.Run(ops, o)
	if err != nil {
		return table{}, fmt.Errorf("%s: %w", title, err)
	}
	return table{title, ops, all, bases}, nil
}

// of returns the samples of an operation of the table.
func (t table) of(name string) measure.Samples {
	for i, op := range t.ops {
		if op.Name == name {
			return t.all[i]
		}
	}
	panic("no " + name + " in " + t.title)
}

// ratio compares two operations of the table.
func (t table) ratio(name, base string) measure.Ratio { return t.of(name).Ratio(t.of(base)) }

// write prints the table in Markdown.
func (t table) write(w io.Writer) {
	fmt.Fprintf(w, "\n### %s\n\n| entry | cpu µs |", t.title)
	for _, base := range t.bases {
		fmt.Fprintf(w, " x %s |", base)
	}
	fmt.Fprintf(w, " B/op | allocs |\n|---|---:|%s---:|---:|\n", strings.Repeat("---:|", len(t.bases)))
	for i, op := range t.ops {
		m := t.all[i].Median()
		fmt.Fprintf(w, "| %s | %s |", op.Name, micros(m.CPU))
		for _, base := range t.bases {
			fmt.Fprintf(w, " %v |", t.ratio(op.Name, base))
		}
		fmt.Fprintf(w, " %.0f | %.0f |\n", m.Bytes, m.Allocs)
	}
}

// micros gives nanoseconds as microseconds, in about three digits.
func micros(ns float64) string {
	switch us := ns / 1000; {
	case us < 10:
		return fmt.Sprintf("%.2f", us)
	case us < 100:
		return fmt.Sprintf("%.1f", us)
	default:
		return fmt.Sprintf("%.0f", us)
	}
}

// whole gives a count without its fraction.
func whole(n float64) string { return fmt.Sprintf("%.0f", n) }

// A target is a figure that was promised, beside what was measured.
type target struct {
	what     string
	want     string
	measured string
	met      bool
}

func writeTargets(w io.Writer, targets []target) {
	fmt.Fprint(w, "\n### Targets\n\n| what | at most or at least | measured | met |\n|---|---:|---:|---|\n")
	for _, t := range targets {
		met := "yes"
		if !t.met {
			met = "no"
		}
		fmt.Fprintf(w, "| %s | %s | %s | %s |\n", t.what, t.want, t.measured, met)
	}
}
