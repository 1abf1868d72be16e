package remote

import (
	"context"
	"fmt"
	"time"

	"github.com/watchword-auth/watchword"
)

const (
	// renewAhead is how long before its end an access token is renewed, and at
	// most a quarter of its life.
	renewAhead = 10 * time.Second
	// renewPatience is how long a request waits for that while the token is
	// still good.
	renewPatience = time.Second
	// maxRenewal bounds one attempt, also where the service sets no bound.
	maxRenewal = 30 * time.Second
)

// renewal is an attempt to renew a session's tokens. All who come meanwhile
// wait for it, so that no refresh token is shown twice: an authority takes that
// for theft (RFC 9700, section 4.14.2).
type renewal struct {
	done   chan struct{}
	access string // the new one, where err is nil
	err    error
}

// access returns the session's access token, renewed where it is about to
// expire or is the one given as stale.
func (s *Sessions) access(ctx context.Context, id string, one *session, stale string) (string, error) {
	one.mu.Lock()
	t, now := one.tokens, s.c.Now()
	isStale := stale != "" && stale == t.Access
	if t.Refresh == "" || !isStale && !due(t, now) {
		one.mu.Unlock()
		return t.Access, nil
	}
	attempt := one.renewal
	if attempt == nil {
		attempt = &renewal{done: make(chan struct{})}
		one.renewal = attempt
		// It does not end with whoever began it: he may hang up when the old
		// refresh token is spent already, and the new one would be lost.
		go s.renew(context.WithoutCancel(ctx), id, one, attempt)
	}
	one.mu.Unlock()

	good := !isStale && now.Before(t.Claims.Expiry)
	var enough <-chan time.Time // never, where only a new token will do
	if good {
		timer := time.NewTimer(renewPatience)
		defer timer.Stop()
		enough = timer.C
	}
	select {
	case <-attempt.done:
	case <-enough:
		return t.Access, nil
	case <-ctx.Done():
		return "", fmt.Errorf("%w: waiting for the authority: %w", watchword.Unavailable, context.Cause(ctx))
	}
	switch {
	case attempt.err == nil:
		return attempt.access, nil
	case passing(attempt.err) && good:
		return t.Access, nil // the authority is away for a moment
	case passing(attempt.err):
		return "", attempt.err
	default:
		return "", fmt.Errorf("%w: %v", watchword.Unauthenticated, attempt.err) //nolint:errorlint // its code is about a token that the browser never saw
	}
}

// due reports whether a token is to be renewed. One without exp never is.
func due(t watchword.Tokens, now time.Time) bool {
	ahead := renewAhead
	if t.ExpiresIn > 0 {
		ahead = min(ahead, t.ExpiresIn/4)
	}
	return !t.Claims.Expiry.IsZero() && !now.Add(ahead).Before(t.Claims.Expiry)
}

// renew exchanges the refresh token, and ends the session where that is
// refused.
func (s *Sessions) renew(ctx context.Context, id string, one *session, attempt *renewal) {
	ctx, cancel := context.WithTimeout(ctx, maxRenewal)
	defer cancel()
	one.mu.Lock()
	spent := one.tokens.Refresh
	one.mu.Unlock()
	t, err := s.service.Refresh(ctx, watchword.RefreshRequest{Raw: spent, Client: one.from})
	if err == nil && t.Claims == nil {
		err = fmt.Errorf("%w: the service tells no claims of its tokens", watchword.Internal)
	}
	refused := err != nil && !passing(err)
	if refused {
		s.drop(id)
	}
	one.mu.Lock()
	defer one.mu.Unlock()
	if err == nil {
		if t.Refresh == "" {
			t.Refresh = spent // it does not rotate
		}
		if t.User.ID == one.user.ID && (t.User.Login != "" || t.User.Email != "") {
			one.user = t.User
		}
		one.tokens = t
	}
	if !refused { // whoever still holds the session is refused as well
		one.renewal = nil
	}
	attempt.access, attempt.err = t.Access, err
	close(attempt.done)
}

// settled returns the tokens once no renewal is under way, or those of now
// where ctx ends first.
func (one *session) settled(ctx context.Context) watchword.Tokens {
	one.mu.Lock()
	attempt := one.renewal
	one.mu.Unlock()
	if attempt != nil {
		select {
		case <-attempt.done:
		case <-ctx.Done():
		}
	}
	one.mu.Lock()
	defer one.mu.Unlock()
	return one.tokens
}

// passing reports whether an error says nothing about the token.
func passing(err error) bool {
	code := watchword.CodeOf(err)
	return code == watchword.Unavailable || code == watchword.RateLimited || code == watchword.Internal
}
