package easyjwt

import (
	"context"
	"crypto/sha256"
	"slices"
	"sync"
	"time"

	"github.com/watchword-auth/watchword"
)

const (
	// idleTimeout ends connections to the authority that nobody uses.
	idleTimeout = 90 * time.Second
	// maxVouched bounds the tokens that are remembered.
	maxVouched = 8192
	// textInvalid is what simplejwt says of a token that is no good.
	textInvalid = "Token is invalid or expired"
)

// Verify returns the claims of an access token, or of one of the kinds asked
// for. Without Config.Keys the authority is asked, each time but for
// Config.Cache; the user is fetched when a token is shown for the first time.
// With them the token is checked here, and the user fetched if there is no copy
// yet. Errors are *Refusal.
func (c *Client) Verify(ctx context.Context, raw string, kinds ...watchword.Kind) (*watchword.Claims, error) {
	if !plausible(raw) {
		return nil, refusal(watchword.TokenMalformed, textInvalid, nil)
	}
	if len(kinds) == 0 {
		kinds = []watchword.Kind{watchword.Access}
	}
	if c.verifier != nil {
		return c.verifyHere(ctx, raw, kinds)
	}
	now := c.c.Now()
	known := c.vouched.get(raw, now)
	if known.counts(now) && slices.Contains(kinds, known.claims.Kind) {
		return known.claims, nil
	}
	if _, err := c.check(ctx, raw, watchword.Client{}); err != nil {
		return nil, err
	}
	claims, unread := c.claims(raw)
	// The authority's verify route is blind to the type: without this look a
	// refresh token would open whatever an access token does.
	if unread == nil && !slices.Contains(kinds, claims.Kind) {
		return nil, refusal(watchword.WrongKind, textFailed, nil)
	}
	if known.claims == nil {
		if _, err := c.sync(ctx, claims, raw); err != nil {
			return nil, err
		}
	}
	if unread != nil {
		return nil, refusal(watchword.TokenMalformed, textIncorrect, unread)
	}
	c.vouched.put(raw, claims, now, c.c.Cache)
	return claims, nil
}

// verifyHere checks the token by key.
func (c *Client) verifyHere(ctx context.Context, raw string, kinds []watchword.Kind) (*watchword.Claims, error) {
	claims, err := c.verifier.Verify(ctx, raw, kinds...)
	if err != nil {
		return nil, refusal(watchword.CodeOf(err), textInvalid, err)
	}
	u, err := c.user(ctx, claims.UserID, raw)
	if err != nil {
		return nil, err
	}
	if !u.Active {
		return nil, refusal(watchword.UserDisabled, "User is inactive", nil)
	}
	return claims, nil
}

// vouched are tokens that the authority has vouched for.
type vouched struct {
	mu     sync.Mutex
	tokens map[[sha256.Size]byte]vouch
}

// vouch is what is remembered of one.
type vouch struct {
	claims *watchword.Claims // nil: nothing
	until  time.Time         // how long it counts without asking
}

// counts reports whether the authority need not be asked again.
func (v vouch) counts(now time.Time) bool { return v.claims != nil && now.Before(v.until) }

func newVouched() *vouched { return &vouched{tokens: make(map[[sha256.Size]byte]vouch)} }

// get returns what is known of a token that has not expired.
func (v *vouched) get(raw string, now time.Time) vouch {
	v.mu.Lock()
	defer v.mu.Unlock()
	known := v.tokens[sha256.Sum256([]byte(raw))]
	if known.claims == nil || !now.Before(known.claims.Expiry) {
		return vouch{}
	}
	return known
}

// put remembers a token, and for how long it counts: never beyond its exp. One
// without exp is not remembered.
func (v *vouched) put(raw string, claims *watchword.Claims, now time.Time, life time.Duration) {
	if !now.Before(claims.Expiry) {
		return
	}
	until := now.Add(life)
	if claims.Expiry.Before(until) {
		until = claims.Expiry
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.tokens) >= maxVouched {
		v.shrink(now)
	}
	v.tokens[sha256.Sum256([]byte(raw))] = vouch{claims, until}
}

// shrink removes what has expired, or else half of all: whoever is forgotten
// costs one more question.
func (v *vouched) shrink(now time.Time) {
	for key, known := range v.tokens {
		if !now.Before(known.claims.Expiry) {
			delete(v.tokens, key)
		}
	}
	for key := range v.tokens {
		if len(v.tokens) < maxVouched/2 {
			break
		}
		delete(v.tokens, key)
	}
}
