package watchword

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/watchword-auth/watchword/jwt"
	"github.com/watchword-auth/watchword/password"
)

// Config is everything an [Authority] needs. New copies and checks it.
type Config struct {
	// Issuer is the "iss" of every token: an http or https URL without query
	// or fragment (RFC 8414, section 2). A dialect that writes no iss sets
	// InsecureNoIssuer.
	Issuer string
	// Audience is the "aud" of every token; tokens for others are refused.
	Audience string
	// Audiences are further ones that are accepted; only a dialect's layout
	// writes them.
	Audiences []string
	// Profile names the face that this authority serves; "" means "native".
	// A session of one profile is never opened by tokens of another.
	Profile string

	Store Store
	// SealKey is 32 random bytes; keys at rest, refresh tokens and the
	// opaque ids of sessions hang on it. Who has it and the database can
	// sign anybody in; without it the database is worth nothing.
	SealKey []byte

	// Authenticator proves who somebody is; nil means passwords of the
	// users in the Store (which must then be PasswordUsers).
	Authenticator Authenticator
	// Users finds users again at refresh; nil means the Store's. Where it is
	// given, users are taken to live elsewhere than sessions.
	Users Users
	// Hasher is shared between authorities so that its bound on hashes at
	// once holds for all; nil makes one with the defaults.
	Hasher *password.Hasher

	// Keys is a fixed ring; nil means a ring kept sealed in the Store (which
	// must then be a KeyStore), made at first use and rotated.
	Keys *jwt.Keyring
	// KeyAlgorithm is that of keys made in the Store; "" means ES256.
	KeyAlgorithm jwt.Algorithm
	// KeyRing names the ring in the Store; "" means the profile's name.
	KeyRing string
	// RotateKeys is the age at which the active key is replaced; 0 means 30
	// days, negative never. Imported keys are not rotated.
	RotateKeys time.Duration
	// VerifyKeys are tried beside the ring, for tokens signed elsewhere.
	VerifyKeys jwt.KeySource

	// Limiter bounds failed sign-ins; nil means one in memory with
	// DefaultRate. InsecureUnlimited switches it off, for load tests.
	Limiter           Limiter
	InsecureUnlimited bool
	// Revocations is shared between authorities over one store; nil makes
	// one.
	Revocations *RevocationList
	// MaxStale refuses verification with Unavailable where facts could not
	// be read for so long; 0 means never, right for a single process. It
	// takes effect once Run or Sync has been called.
	MaxStale time.Duration

	// Layout writes access tokens; nil means RFC 9068. RefreshLayout writes
	// refresh tokens with the ring's keys, for dialects; nil means the
	// native opaque ones.
	Layout        Layout
	RefreshLayout Layout
	// Type is the header's typ; "" means at+jwt.
	Type string
	// OmitKeyID leaves kid out of headers, for dialects whose originals
	// write none. Tokens are then tried against every key of the algorithm.
	OmitKeyID bool
	// Leeway is allowed on times; 0 to 60 s.
	Leeway time.Duration

	// AccessLifetime of tokens; 0 means 5 minutes.
	AccessLifetime time.Duration
	// LongestLifetime is that of any access token on the store, of whatever
	// profile: facts about users live so long. 0 means AccessLifetime, right
	// where there is one profile.
	LongestLifetime time.Duration
	// RefreshLifetime is the idle limit of sessions; 0 means 24 hours.
	RefreshLifetime time.Duration
	// SessionLifetime is their absolute limit; 0 means 30 days.
	SessionLifetime time.Duration
	Rotation        Rotation

	// AdoptUntil is the end of the time in which refresh tokens that another
	// system signed with a key of ours, and whose jti is not ours, are taken
	// over: the first refresh opens a session for their user. It is for
	// dialects; where these do not rotate, the old token goes on being shown,
	// so choose no time before the last one's exp. Other authorities over the
	// store set LongestLifetime to reach as far, so that what they write about
	// a user holds against his old tokens too. The zero Time: never.
	AdoptUntil time.Time

	// SubjectUser finds the user of a token that has no session of ours, for
	// dialects whose sub is no user id; nil means by [Claims].UserID.
	SubjectUser func(ctx context.Context, c *Claims) (User, error)

	// SkipLastLogin leaves the time of the last sign-in as it is in the
	// user's record, for dialects whose originals do not write it.
	SkipLastLogin bool

	// Claims adds custom claims, at sign-in and at refresh. At refresh it is
	// called before the session advances, so that the one that it fails can
	// try again; Generation, RefreshExpiry and RefreshIssuedAt follow then.
	Claims func(ctx context.Context, u User, c *ClaimSet) error
	// Allow may veto, at sign-in and at refresh; what it returns is refused
	// with PermissionDenied unless it carries another Code.
	Allow func(ctx context.Context, u User) error
	// Observers are told what has happened, in order, after the outcome is
	// fixed. A panic in one is counted (see Authority.ObserverPanics), not
	// felt; a slow one delays the answer, so hand over and return.
	Observers []func(ctx context.Context, e Event)

	// Now is the clock; nil means time.Now.
	Now func() time.Time

	// InsecureNoIssuer allows an empty Issuer and InsecureNoAudience an
	// empty Audience, for dialects whose tokens have none.
	InsecureNoIssuer   bool
	InsecureNoAudience bool
	// InsecureNoIssuedAt accepts tokens without iat, for dialects that write
	// none.
	InsecureNoIssuedAt bool
}

// Authority signs people in, verifies, refreshes and ends. Safe for
// concurrent use. It starts no goroutine; a program with several processes
// over one store calls [Authority.Run].
type Authority struct {
	c        Config
	own      bool // users live in the Store
	numbers  *Numbers
	ring     *jwt.Keyring
	stored   *storedRing // nil where Config.Keys was given
	refresh  *jwt.Key    // native refresh tokens
	list     *RevocationList
	verifier Verifier

	maintenance sync.Mutex
	maintained  atomic.Int64 // unix seconds
	panics      atomic.Uint64
}

// Defaults of Config.
const (
	DefaultAccessLifetime  = 5 * time.Minute
	DefaultRefreshLifetime = 24 * time.Hour
	DefaultSessionLifetime = 30 * 24 * time.Hour
	DefaultRotateKeys      = 30 * 24 * time.Hour
	NativeProfile          = "native"
)

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
	if a.numbers, err = NewNumbers(c.SealKey, c.Profile); err != nil {
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

// check sets the defaults and returns every fault.
func check(c *Config) []error {
	var faults []error
	fault := func(bad bool, format string, args ...any) {
		if bad {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	setDefaults(c)
	faults = append(faults, checkIssuer(c)...)
	fault(c.Audience == "" && !c.InsecureNoAudience, "Audience is missing: name the API that the tokens are for, such as its URL")
	fault(c.Audience == AnyAudience, "Audience %q is not one: tokens are always made for somebody", c.Audience)
	fault(c.Store == nil, "Store is missing: store.NewMemory() or store.Open")
	fault(len(c.SealKey) != 32, "SealKey has %d bytes, want 32 random ones", len(c.SealKey))
	if c.Store != nil {
		_, users := c.Store.(Users)
		fault(c.Users == nil && !users, "Users is missing: the Store (%T) keeps no users", c.Store)
		if c.Authenticator == nil {
			pu, ok := c.Users.(PasswordUsers)
			if c.Users == nil {
				pu, ok = c.Store.(PasswordUsers)
			}
			fault(!ok, "Authenticator is missing: neither Users nor Store reads password hashes (PasswordUsers)")
			if ok {
				c.Authenticator = NewPasswords(pu, c.Hasher)
			}
		}
		_, keys := c.Store.(KeyStore)
		fault(c.Keys == nil && !keys, "Keys is missing: the Store (%T) keeps no keys", c.Store)
	}
	fault(!c.KeyAlgorithm.Valid(), "KeyAlgorithm %q is unknown", c.KeyAlgorithm)
	fault(c.Leeway < 0 || c.Leeway > maxLeeway, "Leeway %s is outside 0 to 60 s", c.Leeway)
	fault(c.AccessLifetime < time.Second, "AccessLifetime %s is below a second", c.AccessLifetime)
	fault(c.RefreshLifetime < time.Second, "RefreshLifetime %s is below a second", c.RefreshLifetime)
	fault(c.SessionLifetime < c.AccessLifetime, "SessionLifetime %s is shorter than AccessLifetime %s", c.SessionLifetime, c.AccessLifetime)
	fault(c.Rotation.Grace > MaxGrace, "Rotation.Grace %s is above %s", c.Rotation.Grace, MaxGrace)
	return faults
}

func setDefaults(c *Config) {
	c.Profile = orText(c.Profile, NativeProfile)
	c.KeyRing = orText(c.KeyRing, c.Profile)
	c.Type = orText(c.Type, AccessType)
	if c.KeyAlgorithm == "" {
		c.KeyAlgorithm = jwt.ES256
	}
	c.AccessLifetime = orDuration(c.AccessLifetime, DefaultAccessLifetime)
	c.RefreshLifetime = orDuration(c.RefreshLifetime, DefaultRefreshLifetime)
	c.SessionLifetime = orDuration(c.SessionLifetime, DefaultSessionLifetime)
	c.RotateKeys = orDuration(c.RotateKeys, DefaultRotateKeys)
	switch {
	case c.Rotation.Grace == 0:
		c.Rotation.Grace = DefaultGrace
	case c.Rotation.Grace < 0:
		c.Rotation.Grace = 0
	}
	if c.Limiter == nil && !c.InsecureUnlimited {
		c.Limiter = NewMemoryLimiter(nil, 0)
	}
	if c.InsecureUnlimited {
		c.Limiter = nil
	}
	now := c.Now
	if now == nil {
		now = time.Now //nolint:forbidigo // the default of Now, the one place where the engine takes the clock
	}
	// Stores keep microseconds; times that are compared with theirs must
	// have no more.
	c.Now = func() time.Time { return now().UTC().Truncate(time.Microsecond) }
}

func orText(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func orDuration(d, otherwise time.Duration) time.Duration {
	if d == 0 {
		return otherwise
	}
	return d
}

// checkIssuer follows RFC 8414, section 2.
func checkIssuer(c *Config) []error {
	if c.Issuer == "" {
		if c.InsecureNoIssuer {
			return nil
		}
		return []error{errors.New("Issuer is missing: the URL that this authority is reached by")}
	}
	if c.InsecureNoIssuer {
		return nil // a dialect's own text
	}
	u, err := url.Parse(c.Issuer)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.RawQuery != "" || u.Fragment != "" {
		return []error{fmt.Errorf("Issuer %q is no http or https URL without query and fragment", c.Issuer)}
	}
	return nil
}

// keySources is the ring and keys from elsewhere. Both are asked: a header
// without kid could mean any of them.
type keySources struct {
	ring *jwt.Keyring
	more jwt.KeySource
}

func (k *keySources) VerifyingKeys(ctx context.Context, h jwt.Header) ([]*jwt.Key, error) {
	own, err := k.ring.VerifyingKeys(ctx, h)
	if err == nil && h.KeyID != "" && len(own) > 0 {
		return own, nil
	}
	more, moreErr := k.more.VerifyingKeys(ctx, h)
	if all := slices.Concat(own, more); len(all) > 0 {
		return all, nil
	}
	return nil, errors.Join(err, moreErr)
}

// joined returns the ring and more as one source, which tells when keys
// change if more does.
func joined(ring *jwt.Keyring, more jwt.KeySource) jwt.KeySource {
	k := keySources{ring: ring, more: more}
	if _, known := keyVersion(more); known {
		return &versionedSources{k}
	}
	return &k
}

// versionedSources are those that both tell when they change.
type versionedSources struct{ keySources }

// Version differs whenever one of the two does. They are not added: one may
// fall when the other rises.
func (k *versionedSources) Version() uint64 {
	more, _ := keyVersion(k.more)
	return k.ring.Version()<<32 | more&(1<<32-1)
}

// Verify checks a token of this authority; see [Verifier.Verify]. With kind
// Refresh it also reads native refresh tokens, whose signature and form it
// checks; whether one still counts only [Authority.Refresh] can say.
func (a *Authority) Verify(ctx context.Context, raw string, kinds ...Kind) (*Claims, error) {
	if a.c.MaxStale > 0 {
		if age, ok := a.list.Age(a.c.Now()); ok && age > a.c.MaxStale {
			return nil, fmt.Errorf("%w: revocations are %s old", Unavailable, age)
		}
	}
	return a.verifier.Verify(ctx, raw, kinds...)
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
