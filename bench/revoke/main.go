// Command revoke measures how long after a sign-out was acknowledged the token
// is still accepted by services elsewhere, that verify by themselves and follow
// the revocation feed. Authority, services and load share one process and its
// processors, and talk over real connections on loopback.
//
//	go run ./bench/revoke
//	go run ./bench/revoke -services 10 -rate 200 -rounds 200 -mode poll
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "revoke:", err)
		os.Exit(1)
	}
}

type options struct {
	services int
	rate     int // guarded requests a second at each service
	rounds   int
	mode     string
}

func run(ctx context.Context, args []string, w io.Writer) error {
	var o options
	flags := flag.NewFlagSet("revoke", flag.ContinueOnError)
	flags.IntVar(&o.services, "services", 10, "`number` of services")
	flags.IntVar(&o.rate, "rate", 200, "guarded `requests` a second at each service, beside those of the measurement")
	flags.IntVar(&o.rounds, "rounds", 200, "`number` of sign-outs")
	flags.StringVar(&o.mode, "mode", "stream", "how news come: stream, wait (a proxy lets no stream through) or poll (nor long polls)")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if o.services < 1 || o.rate < 0 || o.rounds < 1 || !slices.Contains([]string{"stream", "wait", "poll"}, o.mode) {
		return errors.New("services and rounds must be at least 1, rate not below 0, mode one of stream, wait and poll")
	}
	r, err := measure(ctx, o)
	if err != nil {
		return err
	}
	r.print(w, o)
	return nil
}

// results are the times from the acknowledgement to the last acceptance, of
// each round and service. Below zero: refused before the acknowledgement came.
type results struct {
	delays    []time.Duration
	served    int64 // guarded requests
	elapsed   time.Duration
	calls     int64 // of the authority by all services, while sessions ended
	accepting int   // services that still accepted after the patience
}

func (r results) print(w io.Writer, o options) {
	slices.Sort(r.delays)
	at := func(q float64) time.Duration { return r.delays[min(len(r.delays)-1, int(q*float64(len(r.delays))))] }
	fmt.Fprintf(w, "%d services by %s, %d sign-outs, %.0f guarded requests/s in all\n", o.services, o.mode, o.rounds, float64(r.served)/r.elapsed.Seconds())
	fmt.Fprintf(w, "from the acknowledged sign-out to the last acceptance: p50 %.1f ms, p99 %.1f ms, max %.1f ms (%d times)\n",
		milliseconds(at(0.5)), milliseconds(at(0.99)), milliseconds(r.delays[len(r.delays)-1]), len(r.delays))
	fmt.Fprintf(w, "calls of the authority by the services meanwhile: %d, %.6f a guarded request\n", r.calls, float64(r.calls)/float64(max(r.served, 1)))
	if r.accepting > 0 {
		fmt.Fprintf(w, "NOT REFUSED within %s: %d times\n", patience, r.accepting)
	}
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
