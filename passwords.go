package watchword

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/watchword-auth/watchword/password"
)

// HashClass names the scheme and cost of a stored hash, for stores that keep
// one sample of each class (see [HashSampler]). It never holds salt or
// digest.
func HashClass(encoded string) string { return password.Class(encoded) }

// Passwords is the Authenticator for users with stored password hashes. A
// refusal takes equally long whether the login exists, is disabled, or has
// no usable password: a hash is always computed, and where the table holds
// hashes of several classes every refusal is held back until the dearest of
// them would have been done (Authelia and Django CVE-2024-39329 were told
// apart by less). Safe for concurrent use.
type Passwords struct {
	users  PasswordUsers
	hasher *password.Hasher
	now    func() time.Time

	mu      sync.Mutex
	costs   map[string]time.Duration // by class, as measured here
	sampled time.Time
}

// resample is how long the list of classes is trusted.
const resample = 10 * time.Minute

// NewPasswords makes an Authenticator. A nil hasher gets the defaults.
func NewPasswords(users PasswordUsers, hasher *password.Hasher) *Passwords {
	if hasher == nil {
		h, err := password.New(password.Config{})
		if err != nil { // the zero Config is valid
			panic(err)
		}
		hasher = h
	}
	return &Passwords{
		users: users, hasher: hasher, costs: make(map[string]time.Duration),
		now: time.Now, //nolint:forbidigo // measures how long a hash takes; no decision about validity
	}
}

// Authenticate returns the user, or InvalidCredentials, UserDisabled where
// the password was right but the user is not active, or a [RetryError] when
// too many hashes are under way.
func (p *Passwords) Authenticate(ctx context.Context, c Credentials) (User, error) {
	if err := p.sample(ctx); err != nil {
		return User{}, hashError(err)
	}
	u, encoded, err := p.users.UserByLogin(ctx, c.Login)
	if err != nil && !errors.Is(err, NotFound) {
		return User{}, fmt.Errorf("find user: %w", err)
	}
	known := err == nil
	var begun time.Time
	start := func() { begun = p.now() }
	if known {
		err = p.hasher.VerifyFrom(ctx, c.Password, encoded, start)
	}
	class := p.hasher.Class(encoded)
	if !known || errors.Is(err, password.ErrUnsupported) {
		err, class = p.hasher.DummyFrom(ctx, c.Password, start), preferredClass
	}
	p.observe(class, len(c.Password), begun)
	switch {
	case err == nil && u.Active:
		return p.upgrade(ctx, u, c.Password, encoded), nil
	case err == nil:
		err = UserDisabled
	case errors.Is(err, password.ErrMismatch), errors.Is(err, password.ErrTooLong), errors.Is(err, password.ErrNUL):
		err = InvalidCredentials
	default:
		return User{}, hashError(err)
	}
	p.hold(ctx, begun, p.floor(len(c.Password)))
	return User{}, err
}

// hold waits until a whole number of floors has passed since begun.
func (p *Passwords) hold(ctx context.Context, begun time.Time, floor time.Duration) {
	if floor <= 0 || begun.IsZero() {
		return
	}
	elapsed := p.now().Sub(begun)
	end := begun.Add(elapsed + floor - elapsed%floor)
	// The runtime's timers are up to a millisecond late, and how late hangs
	// on when they were set: so the last two are not slept through.
	timer := time.NewTimer(end.Sub(p.now()) - 2*time.Millisecond)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	for ctx.Err() == nil && p.now().Before(end) {
		runtime.Gosched()
	}
}

// observe keeps the cost of a class up with what it costs now: a machine
// that is busy takes longer, and a floor measured while it was idle would no
// longer cover the dearest class. A cost rises at once and sinks slowly. It is
// kept as that of an empty password: else a long one that made it rise would
// show everybody that the login it was tried with has a hash of the class.
func (p *Passwords) observe(class string, length int, begun time.Time) {
	if begun.IsZero() {
		return
	}
	took := time.Duration(float64(p.now().Sub(begun)) / password.Growth(class, length))
	p.mu.Lock()
	defer p.mu.Unlock()
	if cost, known := p.costs[class]; known {
		p.costs[class] = max(took, cost-cost/64)
	}
}

// upgrade writes the hash anew with the preferred scheme, and returns the
// user as he stands then. It may lose: to a password change, to a full pool,
// to a store that is away. The sign-in goes on, and the next one tries again.
func (p *Passwords) upgrade(ctx context.Context, u User, pass, encoded string) User {
	if k, ok := p.users.(HashKeeper); ok && k.KeepsHashes() || !p.hasher.NeedsUpgrade(encoded) {
		return u
	}
	better, err := p.hasher.Hash(ctx, pass)
	if err != nil {
		return u
	}
	if err := p.users.SwapPasswordHash(ctx, u.ID, encoded, better); err != nil && !errors.Is(err, Conflict) {
		return u
	}
	// Where a version is made from the hash, the user's is another now, be it
	// by this upgrade or by that of a sign-in beside it. He has proved who he
	// is as he stands now only if his hash is the very one that was written or
	// one of the same password: had that been changed in between, the old
	// version stays with this sign-in and refuses it.
	again, hash, err := p.users.UserByLogin(ctx, u.Login)
	if err != nil || again.ID != u.ID || !again.Active || again.Version == u.Version {
		return u
	}
	if hash != better && p.hasher.Verify(ctx, pass, hash) != nil {
		return u
	}
	return again
}

// sample looks every now and then which classes there are.
func (p *Passwords) sample(ctx context.Context) error {
	sampler, ok := p.users.(HashSampler)
	if !ok {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	if !p.sampled.IsZero() && now.Sub(p.sampled) <= resample {
		return nil
	}
	samples, err := sampler.HashSamples(ctx)
	if err != nil {
		return fmt.Errorf("sample hashes: %w", err)
	}
	if err := p.measure(ctx, samples); err != nil {
		return err
	}
	p.sampled = now
	return nil
}

// floor returns how long a refusal of a password of that length must take at
// least; 0 where all stored hashes are of the preferred class, so that all
// cost the same anyway.
func (p *Passwords) floor(length int) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	var dearest time.Duration
	for class, cost := range p.costs {
		dearest = max(dearest, time.Duration(float64(cost)*password.Growth(class, length)))
	}
	// A quarter above the dearest, so that its own spread stays below the
	// floor.
	return dearest + dearest/4
}

const preferredClass = "preferred"

// measure fills costs with the classes that occur, and with the preferred
// one where there are others.
func (p *Passwords) measure(ctx context.Context, samples []string) error {
	foreign := false
	for _, s := range samples {
		foreign = foreign || p.hasher.Class(s) != "" && p.hasher.NeedsUpgrade(s)
	}
	if !foreign {
		clear(p.costs)
		return nil
	}
	for _, s := range samples {
		class := p.hasher.Class(s)
		if _, known := p.costs[class]; class == "" || known {
			continue
		}
		if err := p.time(class, func(start func()) error { return p.hasher.VerifyFrom(ctx, "", s, start) }); err != nil {
			return err
		}
	}
	if _, known := p.costs[preferredClass]; known {
		return nil
	}
	return p.time(preferredClass, func(start func()) error { return p.hasher.DummyFrom(ctx, "", start) })
}

func (p *Passwords) time(class string, hash func(start func()) error) error {
	var begun time.Time
	err := hash(func() { begun = p.now() })
	if err != nil && !errors.Is(err, password.ErrMismatch) && !errors.Is(err, password.ErrUnsupported) {
		return err
	}
	if !begun.IsZero() {
		p.costs[class] = p.now().Sub(begun)
	}
	return nil
}

// hashError puts a code on an error of package password.
func hashError(err error) error {
	var busy *password.BusyError
	switch {
	case errors.As(err, &busy):
		return &RetryError{Code: Unavailable, After: busy.RetryAfter}
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%w: %w", Unavailable, err)
	default:
		return err
	}
}
