package remote

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/watchword-auth/watchword"
)

// Check says how a client finds out whether a token counts.
type Check uint8

const (
	// Locally, the zero value, verifies tokens in this process: signature by
	// the authority's keys, revocation by its feed. No request waits for the
	// network.
	Locally Check = iota
	// ByVerify asks POST /auth/v1/verify about every token.
	ByVerify
	// ByIntrospection asks the introspection endpoint (RFC 7662) with this
	// service's credentials.
	ByIntrospection
)

// OnStale says what happens to tokens once the feed's newest word is older
// than Config.MaxStale.
type OnStale uint8

const (
	// Refuse, the zero value, answers Unavailable: nobody knows which
	// sessions have ended meanwhile.
	Refuse OnStale = iota
	// GoOn accepts tokens by what is known, each until it expires: a session
	// that ends while the feed is cut goes on for the rest of its access
	// token's life.
	GoOn
)

// The defaults and bounds of Config.
const (
	// DefaultMaxStale is how old the feed's newest word may be.
	DefaultMaxStale = 30 * time.Second
	minStale        = 2 * time.Second
	maxStart        = 30 * time.Second
	maxCacheLife    = 5 * time.Minute
)

// Config says which authority is trusted, and how. URL and Audience are
// needed; the zero value of everything else is the strict one.
type Config struct {
	// URL is where the authority is reached: https, or http on loopback. It
	// is the issuer too unless Issuer is set; the authority's addresses then
	// come from its metadata (RFC 8414).
	URL string
	// Issuer is the iss of its tokens where that differs from URL, such as a
	// public address beside an internal one. The metadata at URL must name it,
	// and all routes are asked under URL: its keys at
	// /.well-known/jwks.json, the rest under /auth/v1.
	Issuer string
	// Audience must be among a token's aud; Audiences are further ones.
	Audience  string
	Audiences []string
	// Leeway is allowed on times, for clocks that differ; 0 to 60 s.
	Leeway time.Duration

	// ClientID and ClientSecret are this service's own credentials at the
	// authority ("watchword client add NAME"). With them the client follows
	// the revocation feed. Without them there is no feed: a revoked token
	// counts here until it expires, which is what a JWT elsewhere does too.
	ClientID     string
	ClientSecret string
	// MaxStale is how old the feed's newest word may be before OnStale
	// decides; at least 2 s, 0 means 30 s. The authority speaks every second,
	// so this is how long a cut feed goes unnoticed.
	MaxStale time.Duration
	OnStale  OnStale

	// Check says how tokens are checked; Cache remembers good answers where
	// that asks the authority.
	Check Check
	Cache Cache

	// File keeps the authority's keys over restarts; see [KeysConfig].
	File string
	// Background lets New return at once, also while the authority is down.
	// Tokens are refused with Unavailable until there are keys and, with
	// ClientID, a first reading of the feed.
	Background bool

	// Users, if set, is handed every user who signs in here or shows a token
	// here for the first time, and with ClientID whatever changes about
	// anybody. See the package documentation for what happens when it fails.
	Users Users

	// Profile is the face of the authority whose tokens are accepted; ""
	// means the native one. Any other needs Verifier, which returns how its
	// tokens are read: Type, Layout and whatever else differs. Keys, if left
	// nil, are the authority's; Issuer, Audience, Audiences and Leeway those
	// above. numbers tells sessions by their ids, and is nil without a feed.
	Profile  string
	Verifier func(numbers *watchword.Numbers) (watchword.Verifier, error)

	// Timeout bounds one request; 0 means 10 s.
	Timeout time.Duration
	// Transport makes the requests; nil means one of our own with the
	// system's certificates, TLS 1.2 or newer, and no proxy.
	Transport http.RoundTripper
	// Report hears of what goes wrong in the background, at most once per
	// failure; nil means nobody does, but [Client.Stats] tells the last. It
	// must not block.
	Report func(error)
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// complete checks c and fills in the defaults.
func (c *Config) complete() error {
	var faults []error
	fault := func(bad bool, format string, args ...any) {
		if bad {
			faults = append(faults, fmt.Errorf("remote: "+format, args...))
		}
	}
	_, err := metadataURL(c.URL)
	fault(err != nil, "URL: %w", err)
	c.Audiences = slices.Clone(c.Audiences) // they are read again when the feed has new ids
	if c.Issuer == c.URL {
		c.Issuer = ""
	}
	own := c.Profile != "" && c.Profile != watchword.NativeProfile
	fault(own && c.Verifier == nil, "Profile %q needs Verifier, which says how its tokens are read", c.Profile)
	fault(c.Audience == "" && c.Verifier == nil, "Audience is missing: name the API that the tokens are for, such as its URL")
	fault(c.Leeway < 0 || c.Leeway > time.Minute, "Leeway %s is outside 0 to 60 s", c.Leeway)
	fault((c.ClientID == "") != (c.ClientSecret == ""), "ClientID and ClientSecret go together")
	fault(c.Check == ByIntrospection && c.ClientID == "", "introspection needs ClientID and ClientSecret")
	fault(c.Check > ByIntrospection, "Check %d is unknown", c.Check)
	fault(c.OnStale > GoOn, "OnStale %d is unknown", c.OnStale)
	if c.MaxStale == 0 {
		c.MaxStale = DefaultMaxStale
	}
	fault(c.MaxStale < minStale, "MaxStale %s is below %s", c.MaxStale, minStale)
	fault(c.Timeout < 0, "Timeout is negative")
	if c.Timeout == 0 {
		c.Timeout = defaultTimeout
	}
	fault(c.Cache.Entries < 0 || c.Cache.Life < 0 || c.Cache.Life > maxCacheLife || (c.Cache.Entries == 0) != (c.Cache.Life == 0),
		"Cache: Entries %d and Life %s must both be above 0, and Life at most %s", c.Cache.Entries, c.Cache.Life, maxCacheLife)
	fault(c.Cache != (Cache{}) && c.Check == Locally, "Cache is for Check ByVerify and ByIntrospection: what is verified here is remembered anyway")
	if c.Profile == "" {
		c.Profile = watchword.NativeProfile
	}
	if c.Report == nil {
		c.Report = func(error) {}
	}
	if c.Now == nil {
		c.Now = time.Now //nolint:forbidigo // the default of Now
	}
	return errors.Join(faults...)
}
