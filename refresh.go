package watchword

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// RefreshRequest asks for the next pair of tokens. It prints redacted.
type RefreshRequest struct {
	Raw string
	// Renew asks for a refresh token with a new date and a new idle limit
	// also where refresh tokens are not rotated.
	Renew bool
	// Scopes narrows the access token to some of the session's scopes; nil
	// leaves them all. One that was not granted is InvalidScope (RFC 6749,
	// section 6).
	Scopes []string
	Client Client
}

// Refresh exchanges a refresh token for a new pair by the refresh machine
// ([Session.Advance]). Errors: the codes of a bad token, TokenReused,
// SessionEnded, SessionExpired, InvalidScope, PermissionDenied from the Allow
// hook, Unavailable. Nothing that can be answered with Unavailable comes
// after the session has advanced, but for the signature itself.
func (a *Authority) Refresh(ctx context.Context, r RefreshRequest) (Tokens, error) {
	a.maintain(ctx)
	c, err := a.readRefresh(ctx, r.Raw)
	if err == nil {
		err = a.notBefore(c, a.c.Now())
	}
	if err != nil {
		return Tokens{}, err
	}
	s, generation, err := a.refreshed(ctx, r.Raw, c, r.Client)
	if err != nil {
		return Tokens{}, err
	}
	iat := second(a.c.Now())
	u, gone, err := a.refreshUser(ctx, s)
	if err != nil {
		return Tokens{}, err
	}
	if !gone {
		if u, iat, err = a.current(ctx, u, s.Number, iat); err != nil {
			return Tokens{}, err
		}
	}
	for _, scope := range r.Scopes {
		if s.Scopes != nil && !slices.Contains(s.Scopes, scope) || s.Scopes == nil && !slices.Contains(u.Scopes, scope) {
			return Tokens{}, fmt.Errorf("%w: %q was not granted", InvalidScope, scope)
		}
	}
	narrowed := s
	if r.Scopes != nil {
		narrowed.Scopes = r.Scopes
	}
	set := a.claimSet(u, narrowed, iat)
	if !gone {
		if err := a.customise(ctx, u, set); err != nil {
			return Tokens{}, err
		}
	}
	next, err := a.advance(ctx, s, generation, gone, r)
	if err != nil {
		return Tokens{}, endedWith(err, u, gone)
	}
	set.follow(next)
	return a.pair(ctx, u, next, set)
}

// CheckRefresh reports whether a refresh token would be taken, without using
// it up, and what it says. Errors are those of Refresh. A token that another
// system signed is judged by itself alone: it may have no session yet.
func (a *Authority) CheckRefresh(ctx context.Context, raw string) (*Claims, error) {
	now := a.c.Now()
	c, err := a.readRefresh(ctx, raw)
	if err != nil {
		return nil, err
	}
	if c.Number == 0 {
		return c, a.foreign(c, now)
	}
	if err := a.notBefore(c, now); err != nil {
		return nil, err
	}
	s, err := a.session(ctx, c)
	if err != nil {
		return nil, err
	}
	u, gone, err := a.refreshUser(ctx, s)
	if err != nil {
		return nil, err
	}
	_, err = s.Advance(Advance{From: c.Generation, Rotation: a.c.Rotation, Idle: a.c.RefreshLifetime, UserGone: gone}, now)
	return c, endedWith(err, u, gone)
}

// notBefore holds a refresh token back until its nbf, where its layout has
// one (RFC 7519, section 4.1.5). Whether it is too old is the session's
// matter.
func (a *Authority) notBefore(c *Claims, now time.Time) error {
	if c.NotBefore.After(now.Add(a.c.Leeway)) {
		return TokenNotYetValid
	}
	return nil
}

// endedWith tells a profile beside the code why a session was over that has
// ended with its user's right to it: errors.Is finds UserDisabled where he is
// gone or disabled, InvalidCredentials where his password is another now.
func endedWith(err error, u User, gone bool) error {
	switch {
	case !gone || !errors.Is(err, SessionEnded):
		return err
	case u.Active:
		return fmt.Errorf("%w: %w", err, InvalidCredentials)
	default:
		return fmt.Errorf("%w: %w", err, UserDisabled)
	}
}

// session reads the session of a token that this authority signed, and
// refuses that of another profile or of another user: after a restore
// without its jump of numbers a number could stand for somebody else.
func (a *Authority) session(ctx context.Context, c *Claims) (Session, error) {
	s, err := a.c.Store.Session(ctx, c.Number)
	if errors.Is(err, NotFound) {
		return Session{}, fmt.Errorf("%w: no such session: %w", SessionEnded, NotFound)
	}
	if err != nil {
		return Session{}, fmt.Errorf("read session: %w", err)
	}
	if s.Profile != a.c.Profile {
		return Session{}, fmt.Errorf("%w: session of profile %s", WrongKind, s.Profile)
	}
	user := c.UserID // "" where the token does not tell
	if a.c.RefreshLayout == nil && c.Kind == Refresh {
		user = c.Subject
	}
	if user != "" && s.UserID != user {
		return Session{}, fmt.Errorf("%w: session of another user", SessionEnded)
	}
	return s, nil
}

// refreshUser reads the session's user and asks the Allow hook. gone means
// that the session must end: DRF SimpleJWT issue 812 let inactive users
// refresh.
func (a *Authority) refreshUser(ctx context.Context, s Session) (u User, gone bool, err error) {
	u, err = a.c.Users.UserByID(ctx, s.UserID)
	if errors.Is(err, NotFound) {
		return User{}, true, nil
	}
	if err != nil {
		return User{}, false, fmt.Errorf("read user: %w", err)
	}
	if !u.Active || u.Version != s.UserVersion {
		return u, true, nil
	}
	return u, false, a.allowed(ctx, u)
}

// advance moves the session on, and tells memory and observers what came of
// it before anybody is answered.
func (a *Authority) advance(ctx context.Context, s Session, from int, gone bool, r RefreshRequest) (Session, error) {
	now := a.c.Now()
	next, err := a.c.Store.AdvanceSession(ctx, s.Number, Advance{
		From: from, Rotation: a.c.Rotation, Idle: a.c.RefreshLifetime, Renew: r.Renew,
		UserGone: gone, Until: a.factsUntil(now),
	}, now)
	e := Event{At: now, UserID: s.UserID, Session: s.Number, Client: r.Client}
	switch {
	case err == nil && next.Generation == from+1 && next.AdvancedAt.Before(now):
		e.Kind = RefreshRepeated
	case err == nil && r.Renew:
		e.Kind = RefreshExtended
	case err == nil:
		e.Kind = Refreshed
	case errors.Is(err, TokenReused):
		e.Kind, e.Code = Reused, TokenReused
	default:
		e.Kind = 0
	}
	if err != nil && !next.EndedAt.IsZero() && s.EndedAt.IsZero() {
		if err := a.list.Sync(ctx, now); err != nil {
			return next, fmt.Errorf("%w: %w", Unavailable, err)
		}
	}
	if e.Kind != 0 {
		a.tell(ctx, e)
	}
	if errors.Is(err, NotFound) {
		err = SessionEnded
	}
	return next, err
}
