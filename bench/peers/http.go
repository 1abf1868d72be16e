package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/watchword-auth/watchword/bench/internal/load"
	"github.com/watchword-auth/watchword/bench/internal/measure"
	"github.com/watchword-auth/watchword/bench/internal/stats"
)

// loaded is one row: an operation asked of a server by some clients.
type loaded struct {
	server  string
	op      string
	clients int
	results []load.Result // a round each
}

// The servers.
const (
	nameServe      = "watchword serve, SQLite"
	nameServeLimit = "limit (net/http, cryptography, a map)"
)

// overHTTP asks a `watchword serve` of its own, in a process of its own, on a
// new SQLite file with all settings as they are by default, beside the
// limit's server.
type overHTTP struct {
	rows   []*loaded
	rounds int
	long   time.Duration
}

func newOverHTTP(rounds int, long time.Duration) *overHTTP {
	h := &overHTTP{rounds: rounds, long: long}
	for _, op := range []string{load.Refresh, load.Me} {
		for _, clients := range []int{1, 8, 32} {
			h.rows = append(h.rows, &loaded{server: nameServe, op: op, clients: clients})
		}
		h.rows = append(h.rows, &loaded{server: nameServeLimit, op: op, clients: 8})
	}
	return h
}

// measure starts the servers and runs all rows in turn within each round.
func (h *overHTTP) measure(ctx context.Context) (err error) {
	dir, err := os.MkdirTemp("", "watchword-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	path, err := buildServer(ctx, dir)
	if err != nil {
		return err
	}
	ours, err := serve(ctx, path, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ours.stop()) }()
	bare, err := serveLimit(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = bare.stop() }() // it knows no orderly end
	servers := map[string]*running{nameServe: ours, nameServeLimit: bare}
	for round := range h.rounds {
		for k := range h.rows {
			row := h.rows[(k+round)%len(h.rows)]
			at := servers[row.server]
			r, err := load.Run(ctx, load.Config{
				Addr: at.addr, Op: row.op, Clients: row.clients, Duration: h.long,
				Login: "admin", Password: adminPassword, PID: at.cmd.Process.Pid,
			})
			if err == nil {
				err = r.FirstError
			}
			if err != nil {
				return fmt.Errorf("%s, %s: %w", row.server, row.op, err)
			}
			row.results = append(row.results, r)
		}
	}
	return nil
}

// median is that of a figure over the rounds.
func (l *loaded) median(figure func(load.Result) float64) float64 {
	values := make([]float64, len(l.results))
	for i, r := range l.results {
		values[i] = figure(r)
	}
	return stats.Median(values)
}

func rate(r load.Result) float64 { return r.Rate() }

func serverCPU(r load.Result) float64 { return float64(r.ServerCPU.Nanoseconds()) }

// samples are the server's processor time, for ratios.
func (l *loaded) samples() measure.Samples {
	var all measure.Samples
	for _, r := range l.results {
		all = append(all, measure.Sample{CPU: serverCPU(r)})
	}
	return all
}

func (h *overHTTP) of(server, op string, clients int) *loaded {
	for _, row := range h.rows {
		if row.server == server && row.op == op && row.clients == clients {
			return row
		}
	}
	panic("no such row")
}

// write prints the table.
func (h *overHTTP) write(w io.Writer) {
	fmt.Fprintf(w, "\n### Over HTTP, on loopback, the clients on the same processors (%d rounds of %v)\n\n", h.rounds, h.long)
	fmt.Fprint(w, "| server | op | clients | req/s | p50 ms | p99 ms | server cpu µs/req | x limit | client cpu µs/req | MiB resident |\n"+
		"|---|---|---:|---:|---:|---:|---:|---:|---:|---:|\n")
	for _, row := range h.rows {
		limit := h.of(nameServeLimit, row.op, 8).samples()
		fmt.Fprintf(w, "| %s | %s | %d | %.0f | %.2f | %.1f | %.0f | %v | %.0f | %.1f |\n",
			row.server, row.op, row.clients, row.median(rate),
			row.median(func(r load.Result) float64 { return r.P50.Seconds() * 1000 }),
			row.median(func(r load.Result) float64 { return r.P99.Seconds() * 1000 }),
			row.median(serverCPU)/1000, row.samples().Ratio(limit),
			row.median(func(r load.Result) float64 { return float64(r.ClientCPU.Nanoseconds()) / 1000 }),
			row.median(func(r load.Result) float64 { return float64(r.ServerMemory) / (1 << 20) }))
	}
}

// targets are those about the server.
func (h *overHTTP) targets() []target {
	perSecond := h.of(nameServe, load.Refresh, 8).median(rate)
	return []target{{
		"durable refresh over HTTP on SQLite, 8 clients", "2,500/s", whole(perSecond) + "/s", perSecond >= 2500,
	}}
}
