// Package demo starts real parts, measures what the documentation promises, and
// cleans up after itself.
package demo

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"sync"
	"time"
)

// Revoked is how long after acknowledged revocations one service still
// accepted the tokens.
type Revoked struct {
	Service string        `json:"service"`
	Median  time.Duration `json:"median_ns"`
	P99     time.Duration `json:"p99_ns"`
	Max     time.Duration `json:"max_ns"`
}

// Report is what [Revoke] measured.
type Report struct {
	Rounds   int           `json:"rounds"`
	Rate     int           `json:"requests_per_second"`
	Feed     []Revoked     `json:"feed"`
	Cuts     int           `json:"cuts"`
	MaxStale time.Duration `json:"max_stale_ns"`
	Cut      []Revoked     `json:"feed_cut,omitempty"` // none where nothing was cut
}

// Bound is what is promised with the feed: a second.
const Bound = time.Second

// Held reports whether every revocation arrived within Bound, and with the
// feed cut within MaxStale.
func (r Report) Held() bool {
	late := func(bound time.Duration) func(Revoked) bool {
		return func(s Revoked) bool { return s.Max > bound }
	}
	return !slices.ContainsFunc(r.Feed, late(Bound)) && !slices.ContainsFunc(r.Cut, late(r.MaxStale))
}

// RevokeOptions say how much is measured.
type RevokeOptions struct {
	Rounds int // sessions revoked with the feed up
	Cuts   int // and with it cut
	People int // who call each service meanwhile
	// Say hears what is going on; for people who wait.
	Say func(format string, args ...any)
}

// Revoke starts an authority and three services that trust it, each with its
// own connection, and measures for each how long it accepts the tokens of
// sessions that were ended: from the authority's acknowledgement to the last
// answer of 200. Then it cuts the connections before each sign-out.
func Revoke(ctx context.Context, o RevokeOptions) (report Report, err error) {
	dir, err := os.MkdirTemp("", "watchword-demo-")
	if err != nil {
		return report, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	a, err := newAuthority(ctx, dir)
	if err != nil {
		return report, fmt.Errorf("start the authority: %w", err)
	}
	defer func() { err = errors.Join(err, a.close()) }()
	var services []*service
	defer func() {
		for _, s := range services {
			s.close()
		}
	}()
	for _, name := range []string{"orders", "stock", "mail"} {
		s, err := newService(ctx, name, a)
		if err != nil {
			return report, fmt.Errorf("start service %s: %w", name, err)
		}
		services = append(services, s)
	}
	o.Say("authority %s, services %s, %s and %s", a.url, services[0].url, services[1].url, services[2].url)
	standing, err := a.signIn(ctx)
	if err != nil {
		return report, err
	}
	others := newTraffic(ctx, services, o.People, standing.Access)
	defer others.end()

	o.Say("%d sessions are ended, one after the other, under load …", o.Rounds)
	begun, before := time.Now(), asked(services)
	report = Report{Rounds: o.Rounds, Cuts: o.Cuts, MaxStale: maxStale}
	if report.Feed, err = rounds(ctx, a, services, o.Rounds, func() {}, nil); err != nil {
		return report, err
	}
	report.Rate = int(float64(asked(services)-before) / time.Since(begun).Seconds())

	if o.Cuts == 0 {
		return report, nil
	}
	o.Say("and %d with the services cut off from the authority …", o.Cuts)
	report.Cut, err = rounds(ctx, a, services, o.Cuts, func() {
		for _, s := range services {
			s.wire.cut()
		}
	}, func() error {
		for _, s := range services {
			s.wire.mend()
		}
		for _, s := range services {
			if err := s.until(ctx, standing.Access); err != nil {
				return err
			}
		}
		return nil
	})
	return report, err
}

func asked(services []*service) (n int64) {
	for _, s := range services {
		n += s.asked.Load()
	}
	return n
}

// rounds ends n sessions and returns for each service how long it went on.
func rounds(ctx context.Context, a *authority, services []*service, n int, before func(), after func() error) ([]Revoked, error) {
	took := make([][]time.Duration, len(services))
	for range n {
		one, err := round(ctx, a, services, before)
		if err != nil {
			return nil, err
		}
		for i, d := range one {
			took[i] = append(took[i], d)
		}
		if after != nil {
			if err := after(); err != nil {
				return nil, err
			}
		}
	}
	list := make([]Revoked, len(services))
	for i, s := range services {
		list[i] = Revoked{Service: s.name, Median: percentile(took[i], .5), P99: percentile(took[i], .99), Max: percentile(took[i], 1)}
	}
	return list, nil
}

// round signs somebody in, shows his token to all services, signs him out once
// all have accepted it, and waits until all refuse it.
func round(ctx context.Context, a *authority, services []*service, before func()) ([]time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	t, err := a.signIn(ctx)
	if err != nil {
		return nil, err
	}
	var started, done sync.WaitGroup
	last, faults := make([]time.Time, len(services)), make([]error, len(services))
	for i, s := range services {
		started.Add(1)
		done.Go(func() {
			begun := sync.OnceFunc(started.Done)
			defer begun() // nobody waits for one that failed
			last[i], faults[i] = s.watch(ctx, t.Access, begun)
		})
	}
	started.Wait()
	before()
	err = a.signOut(ctx, t)
	acknowledged := time.Now()
	if err != nil {
		cancel()
	}
	done.Wait()
	if err := errors.Join(append(faults, err)...); err != nil {
		return nil, err
	}
	took := make([]time.Duration, len(services))
	for i := range last {
		took[i] = max(last[i].Sub(acknowledged), 0)
	}
	return took, nil
}

// percentile returns the smallest value that at least the share p of values do
// not exceed.
func percentile(values []time.Duration, p float64) time.Duration {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[max(int(math.Ceil(p*float64(len(sorted))))-1, 0)]
}
