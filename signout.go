package watchword

import (
	"context"
	"errors"
	"fmt"

	"github.com/watchword-auth/watchword/jwt"
)

// SignOutRequest asks to end a session. It prints redacted.
type SignOutRequest struct {
	// Raw is an access or a refresh token of the session. One that has
	// expired still ends its own session; nobody else has it.
	Raw string
	// Everywhere ends all sessions of the user, and demands a token that
	// still counts.
	Everywhere bool
	// Others does so for all but the token's own session; InvalidRequest where
	// it has none. Everywhere outdoes it.
	Others bool
	// Once answers SessionEnded where the session had ended before, for
	// systems that tell. Of several at one time one ends it.
	Once   bool
	Client Client
}

// SignOut ends the session of the token shown. Ending what has ended is no
// error, unless Once is set. Errors: the codes of a token that was never ours, and Unavailable:
// then nothing is promised (fosite GHSA-7mqr-2v3q-v2wm told clients
// "revoked" when the store had failed).
func (a *Authority) SignOut(ctx context.Context, r SignOutRequest) error {
	c, err := a.identify(ctx, r.Raw)
	if err != nil {
		return err
	}
	if r.Others && !r.Everywhere && c.Number == 0 {
		return fmt.Errorf("%w: the token has no session that could stay", InvalidRequest)
	}
	if (r.Everywhere || r.Others) && (c.Number > 0 || c.UserID != "") {
		return a.signOutEverywhere(ctx, c, r)
	}
	switch {
	case c.Number == 0 && c.Kind == Refresh:
		return a.disown(ctx, r, c)
	case c.Number == 0:
		return a.RevokeToken(ctx, c, r.Client)
	}
	s, err := a.session(ctx, c)
	if errors.Is(err, NotFound) {
		return a.endUnknown(ctx, c)
	}
	if err != nil {
		return err
	}
	n, err := a.end(ctx, Which{Number: s.Number})
	if err != nil {
		return err
	}
	if n > 0 {
		a.tell(ctx, Event{Kind: SignedOut, UserID: s.UserID, Session: s.Number, Client: r.Client})
	} else if r.Once {
		return SessionEnded
	}
	return nil
}

// endUnknown ends a session whose row the store no longer has (a restored
// database, a purge): the token is authentic, and may live on without it.
func (a *Authority) endUnknown(ctx context.Context, c *Claims) error {
	now := a.c.Now()
	if _, err := a.c.Store.AddFact(ctx, Fact{Kind: SessionFact, Number: c.Number, Until: a.factsUntil(now)}); err != nil {
		return fmt.Errorf("end session: %w", err)
	}
	if err := a.list.Sync(ctx, now); err != nil {
		return fmt.Errorf("%w: %w", Unavailable, err)
	}
	return fmt.Errorf("%w: no such session", SessionEnded)
}

// signOutEverywhere ends all sessions of the token's user, or, with Others,
// all but the token's own.
func (a *Authority) signOutEverywhere(ctx context.Context, c *Claims, r SignOutRequest) error {
	if c.Kind != Refresh {
		if err := a.verifier.standing(c, a.c.Now(), []Kind{Access, Sliding}, nil); err != nil {
			return err
		}
	}
	user := c.UserID
	if c.Number > 0 {
		s, err := a.session(ctx, c)
		if err != nil {
			return err
		}
		if c.Kind == Refresh && (c.Generation < s.Generation-1 || c.Generation > s.Generation || !s.Open(a.c.Now())) {
			// An old refresh token is proof of nothing but its age.
			return SessionEnded
		}
		user = s.UserID
	}
	w, detail := Which{UserID: user}, "everywhere"
	if !r.Everywhere {
		w.Except, detail = c.Number, "others"
	}
	if _, err := a.end(ctx, w); err != nil {
		return err
	}
	a.tell(ctx, Event{Kind: SignedOut, UserID: user, Session: c.Number, Client: r.Client, Detail: detail})
	return nil
}

// identify reads a token of either kind and checks that it is ours, not that
// it still counts.
func (a *Authority) identify(ctx context.Context, raw string) (*Claims, error) {
	if a.c.RefreshLayout == nil {
		h, err := jwt.ParseHeader(raw)
		if err != nil {
			return nil, openError(err)
		}
		if h.Type == RefreshType {
			return a.readRefresh(ctx, raw)
		}
	}
	c, err := a.verifier.read(ctx, raw, nil)
	if err != nil && a.c.RefreshLayout != nil {
		return a.readRefresh(ctx, raw)
	}
	return c, err
}

// end ends sessions, and this process's memory knows before it returns.
func (a *Authority) end(ctx context.Context, w Which) (int, error) {
	now := a.c.Now()
	n, err := a.c.Store.EndSessions(ctx, w, a.factsUntil(now), now)
	if err != nil {
		return 0, fmt.Errorf("end sessions: %w", err)
	}
	if err := a.list.Sync(ctx, now); err != nil {
		return n, fmt.Errorf("%w: %w", Unavailable, err)
	}
	return n, nil
}

// RevokeToken makes one token count no longer, by its jti; a session goes on.
// A token without jti ends its session, or, without one, cannot be revoked:
// InvalidRequest.
func (a *Authority) RevokeToken(ctx context.Context, c *Claims, from Client) error {
	now := a.c.Now()
	switch {
	case c.Number > 0 && (c.Kind == Refresh || c.ID == ""):
		if _, err := a.end(ctx, Which{Number: c.Number}); err != nil {
			return err
		}
	case c.ID == "":
		return fmt.Errorf("%w: the token has neither jti nor session", InvalidRequest)
	default:
		if _, err := a.c.Store.AddFact(ctx, Fact{Kind: TokenFact, ID: c.ID, Until: c.Expiry.Add(factMargin)}); err != nil {
			return fmt.Errorf("revoke token: %w", err)
		}
		if err := a.list.Sync(ctx, now); err != nil {
			return fmt.Errorf("%w: %w", Unavailable, err)
		}
	}
	a.tell(ctx, Event{Kind: Revoked, UserID: c.Subject, Session: c.Number, Client: from, Detail: "token"})
	return nil
}

// Revoke reads a raw token of either kind and revokes it (RFC 7009): a
// refresh token with its session, an access token alone. A token that was
// never ours, or is ended already, is no error (RFC 7009, section 2.2).
func (a *Authority) Revoke(ctx context.Context, raw string, from Client) error {
	c, err := a.identify(ctx, raw)
	if err != nil {
		if code := CodeOf(err); code == Unavailable || code == Internal {
			return err
		}
		return nil
	}
	if c.Number == 0 && c.Kind == Refresh {
		return ignoreEnded(a.disown(ctx, SignOutRequest{Raw: raw, Client: from}, c))
	}
	return ignoreEnded(a.RevokeToken(ctx, c, from))
}

func ignoreEnded(err error) error {
	if errors.Is(err, SessionEnded) || errors.Is(err, NotFound) {
		return nil
	}
	return err
}
