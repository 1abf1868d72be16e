package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/watchword-auth/watchword/bench/internal/stats"
)

// A caseOf is one kind of sign-in that is refused.
type caseOf struct {
	name     string
	login    func(i int) string
	password string
}

// unknown is the case that all others are compared with: nobody of that name.
const unknown = "unknown"

// asked tries to sign in and returns nil where that was refused as wrong
// credentials, and an error for every other outcome.
type asked func(ctx context.Context, login, password string) error

// result is how long each case took, in milliseconds.
type result struct {
	cases []caseOf
	took  [][]float64
}

// experiment makes about so many attempts. All cases take turns in an order
// drawn anew each time, so that none always follows the same other and a
// drift of the machine falls on all alike.
func experiment(ctx context.Context, ask asked, cases []caseOf, attempts int) (result, error) {
	r := result{cases, make([][]float64, len(cases))}
	// The first turn is not counted: it fills caches, and has the authority
	// measure what the hashes in its table cost.
	for turn := -1; turn < max(attempts/len(cases), 1); turn++ {
		for _, i := range rand.Perm(len(cases)) { //nolint:gosec // G404: an order, no secret
			c := cases[i]
			login := c.login(turn + 1)
			begun := time.Now()
			if err := ask(ctx, login, c.password); err != nil {
				return r, fmt.Errorf("%s: %w", c.name, err)
			}
			if turn >= 0 {
				r.took[i] = append(r.took[i], time.Since(begun).Seconds()*1000)
			}
		}
	}
	return r, nil
}

// write prints the result as a table in Markdown.
func (r result) write(w io.Writer, title string) {
	base := r.took[slices.IndexFunc(r.cases, func(c caseOf) bool { return c.name == unknown })]
	middle := stats.Median(base)
	fmt.Fprintf(w, "\n### Refused sign-ins, %s\n\n"+
		"| case | attempts | p10 ms | median ms | p90 ms | against unknown | slower than unknown in | Mann-Whitney p |\n"+
		"|---|---:|---:|---:|---:|---:|---:|---:|\n", title)
	for i, c := range r.cases {
		took := slices.Clone(r.took[i])
		median := stats.Median(took)
		share, p := stats.MannWhitney(took, base)
		fmt.Fprintf(w, "| %s | %d | %.2f | %.2f | %.2f | %+.2f %% | %.1f %% of pairs | %.3f |\n", c.name, len(took),
			stats.Percentile(took, 0.1), median, stats.Percentile(took, 0.9), 100*(median/middle-1), 100*share, p)
	}
}
