package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/engine"
)

type sessionCommands struct {
	List sessionListCommand `cmd:"" help:"List the open sessions."`
	End  sessionEndCommand  `cmd:"" help:"End sessions: their tokens are refused from then on."`
}

type sessionListCommand struct {
	User  string `placeholder:"LOGIN" help:"Only this user's."`
	All   bool   `help:"Ended and expired ones too."`
	Limit int    `default:"100" placeholder:"N" help:"At most so many, newest first (${default})."`
}

func (sessionListCommand) Help() string { return "Example:\n  watchword session list --user ann" }

// sessionRecord is a session as GET /auth/v1/sessions shows one, and whose it
// is.
type sessionRecord struct {
	ID         string  `json:"id"`
	UserID     string  `json:"user_id"`
	Login      string  `json:"login"`
	Profile    string  `json:"profile"`
	Device     string  `json:"device"`
	Address    string  `json:"address"`
	CreatedAt  *string `json:"created_at"`
	LastUsedAt *string `json:"last_used_at"`
	ExpiresAt  *string `json:"expires_at"`
	EndedAt    *string `json:"ended_at"`
}

// Run lists the sessions.
func (c *sessionListCommand) Run(a *app) error {
	if c.Limit < 1 {
		return usagef("--limit: %d is no number of sessions", c.Limit)
	}
	return a.with(false, nil, func(ctx context.Context, s *site) error {
		filter := watchword.SessionFilter{All: c.All, Limit: c.Limit}
		if c.User != "" {
			u, err := s.user(ctx, c.User)
			if err != nil {
				return err
			}
			filter.UserID = u.ID
		}
		list, err := s.ListSessions(ctx, filter, s.now)
		if err != nil {
			return fmt.Errorf("list sessions: %w", err)
		}
		return s.showSessions(ctx, list)
	})
}

func (s *site) showSessions(ctx context.Context, list []watchword.Session) error {
	numbers, err := s.numbers(ctx)
	if err != nil {
		return err
	}
	logins := make(map[string]string)
	records, rows := []sessionRecord{}, [][]string{}
	for _, e := range list {
		login, err := s.loginOf(ctx, logins, e)
		if err != nil {
			return err
		}
		expires := e.IdleUntil
		if e.ExpiresAt.Before(expires) {
			expires = e.ExpiresAt
		}
		r := sessionRecord{
			ID: numbers.SessionID(e.Number), UserID: e.UserID, Login: login, Profile: e.Profile, Device: e.Device, Address: e.Address,
			CreatedAt: instant(e.CreatedAt), LastUsedAt: instant(e.AdvancedAt), ExpiresAt: instant(expires), EndedAt: instant(e.EndedAt),
		}
		records = append(records, r)
		rows = append(rows, []string{r.ID, login, r.Device, r.Address, stamp(e.CreatedAt), stamp(e.AdvancedAt), stamp(expires), stamp(e.EndedAt)})
	}
	return s.app.show(records, func() error {
		return s.app.table("ID LOGIN DEVICE ADDRESS CREATED LAST-USED EXPIRES ENDED", rows)
	})
}

// loginOf returns the login of a session's user, or whom it was issued to.
func (s *site) loginOf(ctx context.Context, known map[string]string, e watchword.Session) (string, error) {
	if !e.OwnUser {
		return e.UserID, nil
	}
	if login, ok := known[e.UserID]; ok {
		return login, nil
	}
	u, err := s.UserByID(ctx, e.UserID)
	if err != nil && !errors.Is(err, watchword.NotFound) {
		return "", fmt.Errorf("read user: %w", err)
	}
	known[e.UserID] = u.Login // "" for one who is gone
	return u.Login, nil
}

// numbers turns session numbers into the ids that tokens carry.
func (s *site) numbers(ctx context.Context) (*watchword.Numbers, error) {
	seal, err := engine.Seal(ctx, s.config, s.Opened)
	if err != nil {
		return nil, err
	}
	return watchword.NewNumbers(seal, watchword.NativeProfile)
}

type sessionEndCommand struct {
	ID   string `arg:"" optional:"" help:"The session's id."`
	User string `placeholder:"LOGIN" xor:"which" help:"End all sessions of this user."`
	All  bool   `xor:"which" help:"End all sessions of everybody."`
}

func (sessionEndCommand) Help() string {
	return "Example:\n  watchword session end --user ann"
}

// Run ends the sessions.
func (c *sessionEndCommand) Run(a *app) error {
	ways := 0
	for _, given := range []bool{c.ID != "", c.User != "", c.All} {
		if given {
			ways++
		}
	}
	if ways != 1 {
		return usagef("name what to end: an id, --user LOGIN or --all")
	}
	return a.with(false, nil, func(ctx context.Context, s *site) error {
		ended, err := c.end(ctx, s)
		if err != nil {
			return err
		}
		return a.show(map[string]int{"ended": ended}, func() error { return a.printf("ended %d %s\n", ended, plural(ended, "session")) })
	})
}

func (c *sessionEndCommand) end(ctx context.Context, s *site) (int, error) {
	u, err := watchword.User{}, error(nil)
	if c.User != "" {
		if u, err = s.user(ctx, c.User); err != nil {
			return 0, err
		}
	}
	actions, err := s.actions()
	switch {
	case err != nil:
		return 0, err
	case c.All:
		return actions.EndAllSessions(ctx, operator())
	case c.User != "":
		return actions.EndSessionsOf(ctx, operator(), u.ID)
	}
	numbers, err := s.numbers(ctx)
	if err != nil {
		return 0, err
	}
	err = watchword.NotFound
	ended := 0
	if number, ok := numbers.Session(c.ID); ok {
		ended, err = actions.EndNumber(ctx, operator(), number)
	}
	if errors.Is(err, watchword.NotFound) {
		err = failf(watchword.NotFound, "there is no session %s: `watchword session list` shows them", printable(c.ID))
	}
	return ended, err
}

func plural(n int, word string) string {
	if n == 1 {
		return word
	}
	return word + "s"
}
