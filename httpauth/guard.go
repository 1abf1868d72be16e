package httpauth

import (
	"context"
	"fmt"
	"net/http"

	"github.com/watchword-auth/watchword"
)

// Guard protects routes. Check decides; Require and Optional deliver. Do not
// change its fields once it is in use; it is then safe for concurrent use.
type Guard struct {
	// Verify checks a token; an Authority's Verify, or a Verifier's. nil
	// refuses everything.
	Verify func(ctx context.Context, raw string, kinds ...watchword.Kind) (*watchword.Claims, error)
	// Transport finds the token; nil means Bearer.
	Transport Transport
	// Origin judges requests of ambient transports; nil means the strict
	// zero value. It is not asked where the token is not ambient.
	Origin *http.CrossOriginProtection
	// Protection judges the unsafe ones among them further, once the token is
	// verified; nil means that Origin is enough. Profile.Guard sets and binds
	// it.
	Protection Protection
	// InsecureUnprotected does not ask Protection; for routes that must be open
	// to posts without its token, by a copy of the guard.
	InsecureUnprotected bool
	// Deny answers refusals; nil means the native shape.
	Deny func(w http.ResponseWriter, r *http.Request, p Problem)
	// Report hears of every refusal with the error behind it, before it is
	// answered; nil means nobody does. It is for logs: the error may hold
	// detail that is not for the client.
	Report func(r *http.Request, p Problem, err error)
}

// claimsKey is where a context keeps claims.
type claimsKey struct{}

// ClaimsFrom returns the claims that a guard put into the context. ok is
// false where no guard ran, or where Optional saw no token.
func ClaimsFrom(ctx context.Context) (c *watchword.Claims, ok bool) {
	c, ok = ctx.Value(claimsKey{}).(*watchword.Claims)
	return c, ok
}

// Check returns the claims of the request's token, once it is verified and
// every policy has said yes. Errors: Unauthenticated where no token was
// shown, CrossOrigin, what Verify returns, and the refusal of a policy. No
// store and no network is touched.
func (g *Guard) Check(r *http.Request, policies ...watchword.Policy) (*watchword.Claims, error) {
	raw, shown := g.access(r)
	if !shown {
		return nil, watchword.Unauthenticated
	}
	return g.check(r, raw, policies)
}

// Require lets requests through whose token passes Check, with the claims in
// their context; see [ClaimsFrom]. All others are denied.
func (g *Guard) Require(policies ...watchword.Policy) func(http.Handler) http.Handler {
	return g.middleware(false, policies)
}

// Optional lets requests without any token through as well, without claims.
// A token that is shown must pass all the same: a bad or expired one is
// denied, so that a client whose session has ended finds out instead of being
// served as a stranger.
func (g *Guard) Optional(policies ...watchword.Policy) func(http.Handler) http.Handler {
	return g.middleware(true, policies)
}

func (g *Guard) middleware(optional bool, policies []watchword.Policy) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			raw, shown := g.access(r)
			if !shown && optional {
				next.ServeHTTP(w, r)
				return
			}
			if !shown {
				g.deny(w, r, watchword.Unauthenticated)
				return
			}
			c, err := g.check(r, raw, policies)
			if err != nil {
				g.deny(w, r, err)
				return
			}
			next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), claimsKey{}, c)))
		})
	}
}

func (g *Guard) access(r *http.Request) (string, bool) {
	if g.Transport == nil {
		return Bearer{}.Access(r)
	}
	return g.Transport.Access(r)
}

func (g *Guard) check(r *http.Request, raw string, policies []watchword.Policy) (*watchword.Claims, error) {
	ambient := g.Transport != nil && ambientIn(g.Transport, r)
	if ambient {
		if err := checkOrigin(g.Origin, r); err != nil {
			return nil, err
		}
	}
	if raw == "" {
		return nil, fmt.Errorf("%w: not one token in the form of one", watchword.TokenMalformed)
	}
	if g.Verify == nil {
		return nil, fmt.Errorf("%w: the guard has no Verify", watchword.BadSignature)
	}
	c, err := g.Verify(r.Context(), raw)
	if err != nil {
		return nil, err
	}
	if c == nil {
		return nil, fmt.Errorf("%w: no claims", watchword.TokenMalformed)
	}
	if ambient && g.Protection != nil && !g.InsecureUnprotected && !safe(r.Method) {
		if err := g.Protection.Check(&Exchange{Request: r, Claims: c}); err != nil {
			return nil, err
		}
	}
	if err := judgeClaims(c, policies); err != nil {
		return nil, err
	}
	return c, nil
}

// judgeClaims asks the policies, in order.
func judgeClaims(c *watchword.Claims, policies []watchword.Policy) error {
	for _, policy := range policies {
		if err := policy(c); err != nil {
			if watchword.CodeOf(err) == watchword.Internal {
				// A policy's own error is a refusal, not a fault of ours.
				err = fmt.Errorf("%w: %w", watchword.PermissionDenied, err)
			}
			return err
		}
	}
	return nil
}

// checkOrigin refuses unsafe requests that a browser sent from elsewhere.
// A WebSocket is opened by GET and by any page that likes (RFC 6455, section
// 10.2), so what asks for another protocol is judged as unsafe.
func checkOrigin(origin *http.CrossOriginProtection, r *http.Request) error {
	if origin == nil {
		origin = new(http.CrossOriginProtection)
	}
	if len(r.Header["Upgrade"]) > 0 && safe(r.Method) {
		r = r.WithContext(r.Context())
		r.Method = http.MethodPost
	}
	if err := origin.Check(r); err != nil {
		return fmt.Errorf("%w: %w", watchword.CrossOrigin, err)
	}
	return nil
}

func (g *Guard) deny(w http.ResponseWriter, r *http.Request, err error) {
	g.answer(w, r, ProblemOf(err, Guarded), err)
}

func (g *Guard) answer(w http.ResponseWriter, r *http.Request, p Problem, err error) {
	p.Request = r
	if g.Report != nil {
		g.Report(r, p, err)
	}
	if g.Deny != nil {
		g.Deny(w, r, p)
		return
	}
	writeProblem(w, p, nativeProblem)
}

// writeProblem sends a problem in a profile's shape, and adds what no shape
// may leave out.
func writeProblem(w http.ResponseWriter, p Problem, shape func(Problem) Reply) {
	retry := ""
	if p.RetryAfter > 0 {
		retry = seconds(p.RetryAfter)
	}
	shape(p).write(w, header{"Retry-After", retry}, header{"Allow", joinMethods(p.Allow)}, header{"Cache-Control", "no-store"})
}
