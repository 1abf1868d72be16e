package main

import (
	"fmt"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/demo"
)

type demoCommands struct {
	Revoke demoRevokeCommand `cmd:"" help:"Measure how soon a revoked token is refused by services elsewhere."`
}

type demoRevokeCommand struct {
	Rounds int `default:"50" help:"How many sessions are ended with the feed up."`
	Cuts   int `default:"3" help:"How many are ended with the services cut off."`
	People int `default:"2" help:"How many call each service meanwhile, without pause."`
}

func (demoRevokeCommand) Help() string {
	return "Starts an authority and three services on loopback, signs people out, and prints for each service the time from the acknowledgement to the last token accepted; then again with the services cut off. Exits with 1 where a bound did not hold.\n\nExample:\n  watchword demo revoke --rounds 200"
}

// Run measures and prints.
func (c *demoRevokeCommand) Run(a *app) error {
	if c.Rounds < 1 || c.Cuts < 0 || c.People < 0 {
		return usagef("there must be at least one round, and neither cuts nor people below none")
	}
	report, err := demo.Revoke(a.ctx, demo.RevokeOptions{
		Rounds: c.Rounds, Cuts: c.Cuts, People: c.People,
		Say: func(format string, args ...any) { a.noteln(fmt.Sprintf(format, args...)) },
	})
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	err = a.show(report, func() error { return a.printRevoked(report) })
	if err == nil && !report.Held() {
		err = failf(watchword.Unavailable, "a revocation came later than promised")
	}
	return err
}

func (a *app) printRevoked(r demo.Report) error {
	table := func(list []demo.Revoked) error {
		var rows [][]string
		for _, s := range list {
			rows = append(rows, []string{s.Service, inShort(s.Median), inShort(s.P99), inShort(s.Max)})
		}
		return a.table("SERVICE MEDIAN P99 MAX", rows)
	}
	if err := a.printf("From the acknowledged sign-out to the last token accepted, %d sessions, %d requests/s:\n", r.Rounds, r.Rate); err != nil {
		return err
	}
	if err := table(r.Feed); err != nil {
		return err
	}
	if r.Cuts > 0 {
		if err := a.printf("The feed cut just before, %d sessions; services refuse all tokens once its last word is %s old:\n", r.Cuts, r.MaxStale); err != nil {
			return err
		}
		if err := table(r.Cut); err != nil {
			return err
		}
	}
	if !r.Held() {
		return nil
	}
	text := fmt.Sprintf("held: refused everywhere within %s", demo.Bound)
	if r.Cuts > 0 {
		text += fmt.Sprintf(", cut off within %s", r.MaxStale)
	}
	return a.printf("%s\n", text)
}

// inShort writes a time with three digits.
func inShort(d time.Duration) string {
	switch {
	case d >= time.Second:
		return d.Round(10 * time.Millisecond).String()
	case d >= 10*time.Millisecond:
		return d.Round(100 * time.Microsecond).String()
	default:
		return d.Round(10 * time.Microsecond).String()
	}
}
