package main

import (
	"context"
	"fmt"

	"github.com/watchword-auth/watchword"
)

type auditCommands struct {
	List auditListCommand `cmd:"" help:"List what has happened, newest first."`
}

type auditListCommand struct {
	User  string `placeholder:"LOGIN" help:"Only what concerns this user."`
	Kind  string `placeholder:"KIND" help:"Only events of this kind, such as sign_in_failed."`
	Limit int    `default:"100" placeholder:"N" help:"At most so many (${default})."`
}

func (auditListCommand) Help() string {
	return "Refreshes that went well are not written down.\n\nExample:\n  watchword audit list --kind sign_in_failed --limit 20"
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
	Detail  string  `json:"detail"`
}

// Run lists the entries.
func (c *auditListCommand) Run(a *app) error {
	if c.Limit < 1 {
		return usagef("--limit: %d is no number of entries", c.Limit)
	}
	return a.with(false, nil, func(ctx context.Context, s *site) error {
		filter := watchword.AuditFilter{Kind: c.Kind, Limit: c.Limit}
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
				Address: e.Address, Device: e.Device, Code: e.Code, Detail: e.Detail,
			}
			if e.Session > 0 {
				r.Session = numbers.SessionID(e.Session)
			}
			records = append(records, r)
			rows = append(rows, []string{stamp(e.At), e.Kind, e.UserID, e.Login, e.Address, e.Device, e.Code, e.Detail})
		}
		return a.show(records, func() error { return a.table("AT KIND USER LOGIN ADDRESS DEVICE CODE DETAIL", rows) })
	})
}
