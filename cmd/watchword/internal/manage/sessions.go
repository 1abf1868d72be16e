package manage

import (
	"context"
	"errors"
	"fmt"

	"github.com/watchword-auth/watchword"
)

// Session is a session and whose it is.
type Session struct {
	watchword.SessionInfo
	// Login is the user's; "" for one who is gone, and for tokens that were
	// issued without a sign-in.
	Login string
}

// SessionPage is a page of sessions, newest first, and where the next one
// begins: "" after the last.
type SessionPage struct {
	Sessions []Session
	Next     string
}

// SessionFilter selects sessions for a list.
type SessionFilter struct {
	UserID string // "": of everybody
	All    bool   // ended and expired ones too
	After  string // the Next of the page before; "": the newest
	Limit  int    // at most so many; 0 means 100, and 500 is the most
}

// Sessions returns a page of sessions.
func (m *Actions) Sessions(ctx context.Context, by Actor, f SessionFilter) (SessionPage, error) {
	if err := m.demand(ctx, by, ViewSessions); err != nil {
		return SessionPage{}, err
	}
	if m.o.Numbers == nil {
		return SessionPage{}, errors.New("manage: no Numbers to name sessions by")
	}
	filter := watchword.SessionFilter{UserID: f.UserID, All: f.All, Limit: page(f.Limit) + 1}
	if f.After != "" {
		number, ok := m.o.Numbers.Session(f.After)
		if !ok {
			return SessionPage{}, invalid("cursor", "it is none of a list of sessions")
		}
		filter.Before = number
	}
	list, err := m.o.Store.ListSessions(ctx, filter, m.o.Now())
	if err != nil {
		return SessionPage{}, fmt.Errorf("list sessions: %w", err)
	}
	var p SessionPage
	if len(list) == filter.Limit {
		list = list[:filter.Limit-1]
		p.Next = m.o.Numbers.SessionID(list[len(list)-1].Number)
	}
	logins := make(map[string]string)
	for _, s := range list {
		login, err := m.loginOf(ctx, logins, s)
		if err != nil {
			return SessionPage{}, err
		}
		info := watchword.SessionInfo{ID: m.o.Numbers.SessionID(s.Number), Current: s.Number == by.Session, Session: s}
		p.Sessions = append(p.Sessions, Session{SessionInfo: info, Login: login})
	}
	return p, nil
}

// loginOf returns the login of a session's user.
func (m *Actions) loginOf(ctx context.Context, known map[string]string, s watchword.Session) (string, error) {
	if s.Generation == 0 {
		return "", nil
	}
	if login, ok := known[s.UserID]; ok {
		return login, nil
	}
	u, err := m.o.Users.UserByID(ctx, s.UserID)
	if err != nil && !errors.Is(err, watchword.NotFound) {
		return "", fmt.Errorf("read user: %w", err)
	}
	known[s.UserID] = u.Login
	return u.Login, nil
}

// SessionID returns the id of a session's number; "" for 0.
func (m *Actions) SessionID(number int64) string {
	if number == 0 || m.o.Numbers == nil {
		return ""
	}
	return m.o.Numbers.SessionID(number)
}

// EndSession ends one session, by its id.
func (m *Actions) EndSession(ctx context.Context, by Actor, id string) error {
	if err := m.demand(ctx, by, EndSessions); err != nil {
		return err
	}
	if m.o.Numbers == nil {
		return errors.New("manage: no Numbers to name sessions by")
	}
	number, ok := m.o.Numbers.Session(id)
	if !ok {
		return missing("no such session")
	}
	_, err := m.EndNumber(ctx, by, number)
	return err
}

// EndNumber ends one session, by its number, and returns 0 where it had ended
// before.
func (m *Actions) EndNumber(ctx context.Context, by Actor, number int64) (int, error) {
	if err := m.demand(ctx, by, EndSessions); err != nil {
		return 0, err
	}
	s, err := m.o.Store.Session(ctx, number)
	if err != nil {
		return 0, fmt.Errorf("read session: %w", err)
	}
	var u watchword.User
	if s.Generation > 0 {
		u, err = m.o.Users.UserByID(ctx, s.UserID)
		if err != nil && !errors.Is(err, watchword.NotFound) {
			return 0, fmt.Errorf("read user: %w", err)
		}
	}
	u.ID = s.UserID // also of one who is gone
	return m.end(ctx, by, u, watchword.Which{Number: number})
}

// EndSessionsOf ends all sessions of a user and returns how many there were.
func (m *Actions) EndSessionsOf(ctx context.Context, by Actor, userID string) (int, error) {
	if err := m.demand(ctx, by, EndSessions); err != nil {
		return 0, err
	}
	u, err := m.user(ctx, userID)
	if err != nil {
		return 0, err
	}
	return m.end(ctx, by, u, watchword.Which{UserID: u.ID})
}

// EndAllSessions ends everybody's sessions, the actor's own included.
func (m *Actions) EndAllSessions(ctx context.Context, by Actor) (int, error) {
	if err := m.demand(ctx, by, EndSessions); err != nil {
		return 0, err
	}
	if !by.Superuser() {
		return 0, m.deny(ctx, by, watchword.User{}, "only a superuser ends everybody's sessions")
	}
	return m.end(ctx, by, watchword.User{}, watchword.Which{All: true})
}

// end ends what w names, the sessions of u. One's own are free to end.
func (m *Actions) end(ctx context.Context, by Actor, u watchword.User, w watchword.Which) (int, error) {
	if why := touches(by, u); why != "" && (by.User.ID == "" || by.User.ID != u.ID) {
		return 0, m.deny(ctx, by, u, why)
	}
	now := m.o.Now()
	n, err := m.o.Store.EndSessions(ctx, w, m.until(now), now)
	if err != nil {
		return 0, fmt.Errorf("end sessions: %w", err)
	}
	m.heard(ctx)
	m.record(ctx, by, watchword.Event{
		Kind: watchword.Revoked, At: now, UserID: u.ID, Login: u.Login, Session: w.Number, Detail: fmt.Sprintf("%d sessions", n),
	})
	return n, nil
}
