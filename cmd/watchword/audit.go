package main

import (
	"context"
	"fmt"
	"time"

	"github.com/watchword-auth/watchword"
)

type auditCommands struct {
	List auditListCommand `cmd:"" help:"List what has happened, newest first."`
}

type auditListCommand struct {
	User  string `placeholder:"LOGIN" help:"Only what concerns this user."`
	Kind  string `placeholder:"KIND" help:"Only events of this kind, such as sign_in_failed."`
	Actor string `placeholder:"WHO" help:"Only what this one did: user:ID, client:ID or command line."`
	Since string `placeholder:"TIME" help:"Only what happened since: 24h, 2026-11-22 or 2026-11-22T08:00:00Z."`
	Limit int    `default:"100" placeholder:"N" help:"At most so many (${default})."`
}

func (auditListCommand) Help() string {
	return "Refreshes that went well are not written down, but for those that got a new date. How long entries are kept say audit.keep and audit.max_entries.\n\n" +
		"Example:\n  watchword audit list --kind sign_in_failed --since 24h --limit 20"
}

// auditRecord is an entry as it is listed.
type auditRecord struct {
	ID      int64   `json:"id"`
	At      *string `json:"at"`
	Kind    string  `json:"kind"`
	Profile string  `json:"profile"`
	UserID  string  `json:"user_id"`
	Login   string  `json:"login"`
	Session string  `json:"session"`
	Address string  `json:"address"`
	Device  string  `json:"device"`
	Code    string  `json:"code"`
	Actor   string  `json:"actor"`
	Detail  string  `json:"detail"`
}

// Run lists the entries.
func (c *auditListCommand) Run(a *app) error {
	if c.Limit < 1 {
		return usagef("--limit: %d is no number of entries", c.Limit)
	}
	since, err := parseSince(c.Since, time.Now())
	if err != nil {
		return err
	}
	return a.with(false, nil, func(ctx context.Context, s *site) error {
		filter := watchword.AuditFilter{Kind: c.Kind, Actor: c.Actor, Since: since, Limit: c.Limit}
		if c.User != "" {
			u, err := s.user(ctx, c.User)
			if err != nil {
				return err
			}
			filter.UserID = u.ID
		}
		list, err := s.ListAudit(ctx, filter)
		if err != nil {
			return fmt.Errorf("list audit log: %w", err)
		}
		numbers, err := s.numbers(ctx)
		if err != nil {
			return err
		}
		records, rows := []auditRecord{}, [][]string{}
		for _, e := range list {
			r := auditRecord{
				ID: e.ID, At: instant(e.At), Kind: e.Kind, Profile: e.Profile, UserID: e.UserID, Login: e.Login,
				Address: e.Address, Device: e.Device, Code: e.Code, Actor: e.Actor, Detail: e.Detail,
			}
			if e.Session > 0 {
				r.Session = numbers.SessionID(e.Session)
			}
			records = append(records, r)
			rows = append(rows, []string{stamp(e.At), e.Kind, e.UserID, e.Login, e.Address, e.Device, e.Actor, e.Code, e.Detail})
		}
		return a.show(records, func() error { return a.table("AT KIND USER LOGIN ADDRESS DEVICE ACTOR CODE DETAIL", rows) })
	})
}

// parseSince reads a time, a day that began in UTC, or how long ago; the zero
// Time for nothing.
func parseSince(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	ago, err := time.ParseDuration(text)
	if err != nil || ago < 0 {
		return time.Time{}, usagef("--since: %q is neither a time such as 2026-11-22T08:00:00Z or 2026-11-22, nor how long ago, such as 24h", text)
	}
	return now.Add(-ago), nil
}
