package watchword

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/watchword-auth/watchword/jwt"
)

// Authority signs people in, verifies, refreshes and ends. Safe for
// concurrent use. It starts no goroutine; a program with several processes
// over one store calls [Authority.Run].
type Authority struct {
	c        Config
	own      bool   // users live in the Store
	status   []byte // what the numbers hang on
	numbers  *Numbers
	ring     *jwt.Keyring
	stored   *storedRing // nil where Config.Keys was given
	refresh  *jwt.Key    // native refresh tokens
	list     *RevocationList
	statuses statusLists
	verifier Verifier

	maintenance sync.Mutex
	maintained  atomic.Int64 // unix seconds
	panics      atomic.Uint64
}

// New checks the wiring and reports every fault at once. It reads the ring
// of keys and the facts from the store, and makes the first key where there
// is none.
func New(c Config) (*Authority, error) { return NewContext(context.Background(), c) }

// NewContext is New with a context for what is read from the store.
func NewContext(ctx context.Context, c Config) (*Authority, error) {
	faults := check(&c)
	if len(faults) > 0 {
		return nil, fmt.Errorf("watchword: %w", errors.Join(faults...))
	}
	a := &Authority{c: c, list: c.Revocations, own: c.Users == nil}
	if a.own {
		a.c.Users = c.Store.(Users)
	}
	var err error
	if a.status, err = statusKey(c.SealKey); err != nil {
		return nil, fmt.Errorf("watchword: derive keys: %w", err)
	}
	if a.numbers, err = NewStatusNumbers(a.status, c.Profile); err != nil {
		return nil, fmt.Errorf("watchword: derive keys: %w", err)
	}
	secret, err := derive(c.SealKey, "refresh "+c.Profile)
	if err != nil {
		return nil, fmt.Errorf("watchword: derive keys: %w", err)
	}
	if a.refresh, err = jwt.NewSecret("", jwt.HS256, secret); err != nil {
		return nil, fmt.Errorf("watchword: derive keys: %w", err)
	}
	if a.list == nil {
		a.list = NewRevocationList(c.Store)
	}
	a.list.log.serve(c.Profile)
	if err := a.list.Sync(ctx, c.Now()); err != nil {
		return nil, fmt.Errorf("watchword: %w", err)
	}
	if a.c.Layout == nil {
		a.c.Layout = NewAccessLayout(c.Issuer, a.numbers)
	}
	if err := a.openRing(ctx); err != nil {
		return nil, fmt.Errorf("watchword: %w", err)
	}
	a.verifier = a.newVerifier()
	return a, nil
}

func (a *Authority) newVerifier() Verifier {
	v := Verifier{
		Keys: a.ring, Issuer: a.c.Issuer, Audience: a.c.Audience, Audiences: a.c.Audiences, Type: a.c.Type, Layout: a.c.Layout,
		Leeway: a.c.Leeway, Revocations: a.list, Memory: NewVerified(0), Now: a.c.Now,
		InsecureIssuerOptional: a.c.InsecureNoIssuer, InsecureIssuedAtOptional: a.c.InsecureNoIssuedAt,
	}
	if a.c.Audience == "" && a.c.InsecureNoAudience {
		v.Audience = AnyAudience
	}
	if a.c.VerifyKeys != nil {
		v.Keys = joined(a.ring, a.c.VerifyKeys)
	}
	return v
}

// Verify checks a token of this authority; see [Verifier.Verify]. Native
// refresh tokens are under a key of their own and pass with no kind: see
// [Authority.CheckRefresh].
func (a *Authority) Verify(ctx context.Context, raw string, kinds ...Kind) (*Claims, error) {
	if a.c.MaxStale > 0 {
		if age, ok := a.list.Age(a.c.Now()); ok && age > a.c.MaxStale {
			return nil, fmt.Errorf("%w: revocations are %s old", Unavailable, age)
		}
	}
	c, err := a.verifier.Verify(ctx, raw, kinds...)
	if n := a.c.SampleVerified; n > 0 && err == nil && rand.IntN(n) == 0 { //nolint:gosec // G404: which one is told of is no secret
		a.tell(ctx, Event{Kind: TokenVerified, UserID: c.UserID, Session: c.Number})
	}
	return c, err
}

// Explain tells each check that Verify makes; see [Verifier.Explain].
func (a *Authority) Explain(ctx context.Context, raw string, kinds ...Kind) ([]Check, *Claims) {
	return a.verifier.Explain(ctx, raw, kinds...)
}

// Verifier returns a copy of what Verify uses, with a memory of its own, so
// that its fields may be changed before it is used.
func (a *Authority) Verifier() Verifier {
	v := a.verifier
	v.Memory = NewVerified(0)
	return v
}

// Issuer returns the configured issuer.
func (a *Authority) Issuer() string { return a.c.Issuer }

// Profile returns the configured profile's name.
func (a *Authority) Profile() string { return a.c.Profile }

// SessionID returns the opaque id of a session's number.
func (a *Authority) SessionID(number int64) string { return a.numbers.SessionID(number) }

// SessionNumber returns the number behind an opaque id.
func (a *Authority) SessionNumber(id string) (int64, bool) { return a.numbers.Session(id) }

// ObserverPanics returns how many calls of observers ended in a panic.
func (a *Authority) ObserverPanics() uint64 { return a.panics.Load() }

// tell hands an event to the observers.
func (a *Authority) tell(ctx context.Context, e Event) {
	e.Profile = a.c.Profile
	if e.At.IsZero() {
		e.At = a.c.Now()
	}
	if len(e.Login) > maxLogin {
		e.Login = e.Login[:maxLogin]
	}
	for _, observe := range a.c.Observers {
		a.shield(func() { observe(ctx, e) })
	}
}

// shield keeps an observer's panic from the request it observes.
func (a *Authority) shield(f func()) {
	defer func() {
		if recover() != nil {
			a.panics.Add(1)
		}
	}()
	f()
}

// factMargin is how long a fact outlives the last token that it concerns: the
// most leeway that any verifier allows, whatever the one here does, and a
// minute by which the clocks of processes may differ.
const factMargin = maxLeeway + time.Minute

// factsUntil is how long a fact written now can matter: no access token
// outlives it, but those of [Authority.Issue], whose sessions stores know by
// their generation 0.
func (a *Authority) factsUntil(now time.Time) time.Time {
	until := a.list.life(now, max(a.c.AccessLifetime, a.c.LongestLifetime)+factMargin)
	if until.Before(a.c.AdoptUntil) {
		// A thief's old refresh token must not outlive the fact that its
		// user's password was changed.
		return a.c.AdoptUntil
	}
	return until
}
