package watchword

import (
	"context"
	"errors"
	"fmt"
	"net/url"
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
	// SampleVerified tells observers of one in so many tokens that Verify
	// accepts, chosen by chance; 1 of each, 0 of none. Guards call Verify for
	// every request: an observer that is slow slows those down.
	SampleVerified int

	// SessionAddress is how much of a client's address sessions keep; the
	// zero value keeps its network.
	SessionAddress AddressForm

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

// Defaults of Config.
const (
	DefaultAccessLifetime  = 5 * time.Minute
	DefaultRefreshLifetime = 24 * time.Hour
	DefaultSessionLifetime = 30 * 24 * time.Hour
	DefaultRotateKeys      = 30 * 24 * time.Hour
	NativeProfile          = "native"
)

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
	fault(c.SampleVerified < 0, "SampleVerified %d is negative", c.SampleVerified)
	fault(c.SessionAddress > AddressNone, "SessionAddress %d is unknown", c.SessionAddress)
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
