package remote

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/httpauth"
)

// Client is an authority elsewhere, as a [httpauth.Service]: it verifies its
// tokens and hands everything else on to it. Make it with [New] and end it with
// Close. Safe for concurrent use.
type Client struct {
	c      Config
	issuer string
	http   *http.Client
	keys   *Keys    // nil where nothing is verified here
	feed   *feed    // nil without credentials
	asked  *checker // nil with Locally
	mirror *mirror  // nil without Users

	// verifier is nil until sessions can be told by their ids.
	verifier atomic.Pointer[watchword.Verifier]
	routes   atomic.Pointer[native]
	finding  sync.Mutex // of routes

	ctx    context.Context // of all background work; ended by Close
	cancel context.CancelFunc
	mu     sync.Mutex     // orders the start of work with Close
	work   sync.WaitGroup // everything in the background
}

var (
	_ httpauth.Service             = (*Client)(nil)
	_ httpauth.UserFinder          = (*Client)(nil)
	_ httpauth.PasswordChanger     = (*Client)(nil)
	_ httpauth.AccountMaker        = (*Client)(nil)
	_ httpauth.SessionKeeper       = (*Client)(nil)
	_ httpauth.ClientAuthenticator = (*Client)(nil)
	_ httpauth.Introspector        = (*Client)(nil)
	_ httpauth.Revoker             = (*Client)(nil)
	_ httpauth.KeyPublisher        = (*Client)(nil)
	_ httpauth.Issuer              = (*Client)(nil)
)

// New checks c, finds the authority, and returns when tokens can be verified:
// there are keys and, with ClientID, all facts. It waits for that within ctx
// and at most 30 s, and then says what was missing. All faults of c are
// reported together.
//
// An httpauth profile is mounted over it, and guards, as over a
// *watchword.Authority.
func New(ctx context.Context, c Config) (*Client, error) {
	if err := c.complete(); err != nil {
		return nil, err
	}
	client := &Client{c: c, issuer: c.URL, http: newClient(c.Transport)}
	if c.Issuer != "" {
		client.issuer = c.Issuer
	}
	if c.Transport == nil {
		client.http = newClient(&http.Transport{
			TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}, MaxResponseHeaderBytes: maxHeader,
			// No HTTP/2: a connection that hangs must cost the requests on it
			// and not all that come after.
			MaxIdleConnsPerHost: 16, IdleConnTimeout: time.Minute,
		})
	}
	client.ctx, client.cancel = context.WithCancel(context.Background())
	if err := client.start(ctx); err != nil {
		client.Close()
		return nil, fmt.Errorf("remote: %w", err)
	}
	return client, nil
}

// start sets everything going, and waits for it unless Background is set.
func (c *Client) start(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, maxStart)
	defer cancel()
	if err := c.prepare(); err != nil {
		return err
	}
	if c.c.Issuer == "" && c.needsRoutes() && !c.c.Background {
		if _, err := c.native(ctx); err != nil {
			return err
		}
	}
	if c.feed != nil {
		c.spawn(c.feed.run)
	}
	if c.mirror != nil {
		c.spawn(c.mirror.run)
	}
	if c.c.Background {
		return nil
	}
	if c.c.Issuer != "" {
		if _, err := discoverAt(ctx, c.http, c.c.URL, c.issuer); err != nil {
			return err
		}
	}
	if c.keys != nil {
		if err := c.keys.Wait(ctx); err != nil {
			return fmt.Errorf("keys: %w", err)
		}
	}
	if c.feed != nil {
		if err := c.feed.wait(ctx); err != nil {
			return fmt.Errorf("revocation feed: %w", err)
		}
		if c.mirror != nil {
			if _, err := c.directoryPage(ctx, "", 1); err != nil {
				return fmt.Errorf("may ClientID read users? %w", err)
			}
		}
	}
	return nil
}

// prepare makes the parts that c asks for.
func (c *Client) prepare() error {
	if c.c.Check == Locally {
		k := KeysConfig{Issuer: c.issuer, File: c.c.File, Timeout: c.c.Timeout, Transport: c.c.Transport, Now: c.c.Now}
		if c.c.Issuer != "" {
			k.Issuer, k.URL = "", joinPath(c.c.URL, "/.well-known/jwks.json")
		}
		var err error
		if c.keys, err = NewKeys(k); err != nil {
			return err
		}
	} else {
		var err error
		if c.asked, err = newChecker(c); err != nil {
			return err
		}
	}
	if c.c.Users != nil {
		c.mirror = newMirror(c)
	}
	if c.c.ClientID != "" && (c.c.Check == Locally || c.c.Users != nil) {
		c.feed = newFeed(c)
		return nil
	}
	return c.useNumbers(nil)
}

// needsRoutes reports whether anything at the start asks native routes. A
// client that only verifies works with any authority of RFC 8414.
func (c *Client) needsRoutes() bool { return c.feed != nil || c.asked != nil }

// useNumbers makes the verifier that tells sessions by n. What the former one
// remembers was read without it, and goes.
func (c *Client) useNumbers(n *watchword.Numbers) error {
	v := watchword.Verifier{Layout: watchword.NewAccessLayout(c.issuer, n)}
	if c.c.Verifier != nil {
		var err error
		if v, err = told(func() (watchword.Verifier, error) { return c.c.Verifier(n) }); err != nil {
			return fmt.Errorf("verifier of profile %s: %w", c.c.Profile, err)
		}
	}
	if v.Keys == nil && c.keys != nil {
		v.Keys = c.keys
	}
	if v.Issuer == "" && !v.InsecureIssuerOptional {
		v.Issuer = c.issuer
	}
	if v.Audience == "" {
		v.Audience = c.c.Audience
	}
	v.Audiences = slices.Concat(v.Audiences, c.c.Audiences)
	v.Leeway = max(v.Leeway, c.c.Leeway)
	if c.feed != nil {
		v.Revocations = c.feed.list
	}
	v.Memory, v.Now = watchword.NewVerified(0), c.c.Now
	c.verifier.Store(&v)
	return nil
}

// Verify checks a token, by default in this process alone: no network is
// touched and nothing read but memory. Errors are those of
// [watchword.Verifier], and Unavailable where there are no keys, where the
// feed is too old, or, the first time that a user is seen, where he could not
// be handed to Users.
func (c *Client) Verify(ctx context.Context, raw string, kinds ...watchword.Kind) (*watchword.Claims, error) {
	claims, err := c.verify(ctx, raw, kinds)
	if err != nil || c.mirror == nil {
		return claims, err
	}
	if err := c.mirror.sight(ctx, claims); err != nil {
		return nil, err
	}
	return claims, nil
}

func (c *Client) verify(ctx context.Context, raw string, kinds []watchword.Kind) (*watchword.Claims, error) {
	v := c.verifier.Load()
	if v == nil {
		return nil, c.feed.unready()
	}
	if c.asked != nil {
		return c.asked.verify(ctx, v, raw, kinds)
	}
	if c.feed != nil {
		if err := c.feed.stale(); err != nil {
			return nil, err
		}
	}
	return v.Verify(ctx, raw, kinds...)
}

// Explain tells each check that Verify makes of a token in this process; see
// [watchword.Verifier.Explain]. It tells nothing where the authority is asked.
func (c *Client) Explain(ctx context.Context, raw string, kinds ...watchword.Kind) ([]watchword.Check, *watchword.Claims) {
	v := c.verifier.Load()
	if v == nil || c.asked != nil {
		return nil, nil
	}
	return v.Explain(ctx, raw, kinds...)
}

// Issuer returns the authority's.
func (c *Client) Issuer() string { return c.issuer }

// JWKS returns the authority's public keys as they were fetched.
func (c *Client) JWKS() ([]byte, error) {
	if c.keys == nil {
		return nil, fmt.Errorf("%w: no keys are held where the authority is asked", watchword.NotFound)
	}
	return c.keys.document()
}

// native returns where the authority's native routes are.
func (c *Client) native(ctx context.Context) (native, error) {
	if n := c.routes.Load(); n != nil {
		return *n, nil
	}
	if c.c.Issuer != "" {
		n := routesUnder(joinPath(c.c.URL, httpauth.NativePrefix))
		c.routes.Store(&n)
		return n, nil
	}
	c.finding.Lock() // one asks, the others wait for his answer
	defer c.finding.Unlock()
	if n := c.routes.Load(); n != nil {
		return *n, nil
	}
	ctx, cancel := context.WithTimeout(ctx, c.c.Timeout)
	defer cancel()
	m, err := discover(ctx, c.http, c.issuer)
	if err != nil {
		return native{}, fmt.Errorf("%w: %w", watchword.Unavailable, err)
	}
	n, err := nativeRoutes(m)
	if err != nil {
		return native{}, fmt.Errorf("%w: %w", watchword.Unavailable, err)
	}
	if m.IntrospectionEndpoint != "" {
		n.introspect = m.IntrospectionEndpoint
	}
	if m.RevocationEndpoint != "" {
		n.revoke = m.RevocationEndpoint
	}
	c.routes.Store(&n)
	return n, nil
}

// Close ends all work in the background and returns when nothing of c runs any
// more. From then on whatever the authority would be asked is Unavailable, and
// tokens are verified by what is known until that is too old.
func (c *Client) Close() {
	c.mu.Lock()
	c.cancel()
	c.mu.Unlock()
	if c.keys != nil {
		c.keys.Close()
	}
	c.work.Wait()
	if c.c.Transport == nil { // another one is its owner's
		c.http.CloseIdleConnections()
	}
}

// Stats says how a client is doing. Parts that it does not have are zero.
type Stats struct {
	Keys   KeysStats
	Feed   FeedStats
	Mirror MirrorStats
	Asked  AskedStats
}

// Stats returns the figures of this moment, for metrics and readiness.
func (c *Client) Stats() Stats {
	var s Stats
	if c.keys != nil {
		s.Keys = c.keys.Stats()
	}
	if c.feed != nil {
		s.Feed = c.feed.stats()
	}
	if c.mirror != nil {
		s.Mirror = c.mirror.stats()
	}
	if c.asked != nil {
		s.Asked = c.asked.stats()
	}
	return s
}

// FeedAge returns how old the newest word of the feed is, for metrics. ok is
// false without a feed and before its first reading.
func (c *Client) FeedAge() (age time.Duration, ok bool) {
	if c.feed == nil {
		return 0, false
	}
	return c.feed.age()
}
