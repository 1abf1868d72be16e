package watchword

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"time"
)

// adoptedGeneration is that of the refresh token that another system signed:
// the session made from it begins as if we had handed it out ourselves.
const adoptedGeneration = 1

// refreshed returns the session of a refresh token, and the generation that
// the token bears.
func (a *Authority) refreshed(ctx context.Context, raw string, c *Claims, from Client) (Session, int, error) {
	if c.Number == 0 {
		s, err := a.adopt(ctx, raw, c, from)
		return s, adoptedGeneration, err
	}
	s, err := a.session(ctx, c)
	return s, c.Generation, err
}

// adopt returns the session of a refresh token that the old system signed;
// at its first showing it makes one. Origin is unique, so of two showings at
// once one makes the session and the other gets it, and the refresh machine
// treats the second like any repeat: the token is the direct predecessor of
// what the first was answered with.
func (a *Authority) adopt(ctx context.Context, raw string, c *Claims, from Client) (Session, error) {
	now := a.c.Now()
	if err := a.foreign(c, now); err != nil {
		return Session{}, err
	}
	if !now.Before(a.c.AdoptUntil) {
		return Session{}, fmt.Errorf("%w: a token of another system", SessionEnded)
	}
	u, err := a.userOf(ctx, c)
	switch {
	case errors.Is(err, NotFound), err == nil && !u.Active:
		return Session{}, fmt.Errorf("%w: %w", SessionEnded, UserDisabled)
	case err != nil:
		return Session{}, fmt.Errorf("read user: %w", err)
	}
	if err := a.unheard(ctx, c, u, now); err != nil {
		return Session{}, err
	}
	origin := originOf(raw)
	limit := now.Add(a.c.SessionLifetime)
	// The row must stand for as long as the token could be adopted again.
	shown := earlier(c.Expiry.Add(a.c.Leeway), a.c.AdoptUntil)
	if limit.Before(shown) {
		limit = shown
	}
	s, err := a.createSession(ctx, u, Session{
		Generation: adoptedGeneration, CreatedAt: now, AdvancedAt: now,
		IdleUntil: earlier(c.Expiry.Add(a.c.Leeway), limit), ExpiresAt: limit, Origin: origin,
		ClientID: PeopleClient, Device: from.Device, Address: addressText(from.Address),
	})
	switch {
	case err == nil:
		a.tell(ctx, Event{Kind: SignedIn, At: now, UserID: u.ID, Login: u.Login, Session: s.Number, Client: from, Detail: "adopted"})
		return s, nil
	case errors.Is(err, Conflict):
		if s.Profile != a.c.Profile {
			return Session{}, fmt.Errorf("%w: session of profile %s", WrongKind, s.Profile)
		}
		return s, nil
	case errors.Is(err, UserDisabled):
		return Session{}, fmt.Errorf("%w: %w", SessionEnded, err)
	default:
		return Session{}, err
	}
}

// originOf is what a token says, without its signature: of ECDSA there are
// many that verify, and whoever sees (r, s) makes (r, n-s) of it without the
// key. By their bytes each would open a session of its own, which no sign-out
// of the other ends.
func originOf(raw string) []byte {
	sum := sha256.Sum256([]byte(raw[:strings.LastIndexByte(raw, '.')+1]))
	return sum[:]
}

// unheard asks once more whether the token stands, by facts read after its
// user was: a password change before that is among them, also where another
// process made it this very moment, and one after it moves his version, so
// that the session is refused. A session that is opened in between would
// outlive the change.
// Facts about the user hold also where the token calls him by another name
// than his id.
func (a *Authority) unheard(ctx context.Context, c *Claims, u User, now time.Time) error {
	if err := a.list.Sync(ctx, now); err != nil {
		return fmt.Errorf("%w: %w", Unavailable, err)
	}
	known := *c
	known.UserID = u.ID
	return a.foreign(&known, now)
}

// foreign judges a refresh token that the old system signed, by itself. That
// the user's rights have changed since is what a refresh mends.
func (a *Authority) foreign(c *Claims, now time.Time) error {
	err := a.verifier.standing(c, now, []Kind{Refresh}, nil)
	if errors.Is(err, ClaimsStale) {
		return nil // the last that is looked at: all else is in order
	}
	return err
}

// disown makes a refresh token that the old system signed count no longer:
// by its jti, and with the session that was or could have been made from it.
func (a *Authority) disown(ctx context.Context, r SignOutRequest, c *Claims) error {
	_, over := a.list.Revoked(c)
	s, err := a.adopt(ctx, r.Raw, c, r.Client)
	switch code := CodeOf(err); {
	case err == nil:
		n, err := a.end(ctx, Which{Number: s.Number})
		if err != nil {
			return err
		}
		over = n == 0
	case code == Internal || code == Unavailable:
		return err
	case code == TokenRevoked:
		over = true // by another who came first
	}
	if over && r.Once {
		return SessionEnded
	}
	if c.ID == "" {
		return nil // it never opens another session, and has opened nothing else
	}
	return a.RevokeToken(ctx, c, r.Client)
}
