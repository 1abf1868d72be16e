package httpauth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/watchword-auth/watchword"
)

// Identity is who asks.
type Identity struct {
	// Scheme found it out: "Bearer", "Cookie", "Basic", "Digest", "APIKey", or
	// the name of one of the application's own.
	Scheme string
	// Claims are what policies judge: the token's, or those of [UserClaims].
	// nil is nobody.
	Claims *watchword.Claims
	// User is the record, where the scheme read it; tokens read none.
	User watchword.User
}

// Authenticated reports whether it is anybody at all.
func (i Identity) Authenticated() bool { return i.Claims != nil }

// Scheme is one way to prove who one is. A [Guard] is one, for tokens.
// Implementations are safe for concurrent use.
type Scheme interface {
	// Authenticate reads the proof. shown is false where the request has
	// nothing of this scheme. Refusals carry a [watchword.Code]. A scheme
	// whose proof browsers send unasked must look at the request's origin
	// itself, as http.CrossOriginProtection does.
	Authenticate(r *http.Request) (i Identity, shown bool, err error)
	// Challenge is the scheme's part of WWW-Authenticate in a 401 (RFC 9110,
	// section 11.6.1), "" for none. err is why the request's proof was
	// refused, Unauthenticated where it had none.
	Challenge(r *http.Request, err error) string
}

// Identifier finds out who asks by several schemes, the first that succeeds.
// There are two ways to use it:
//
//   - the handler strategy: [Identifier.Identify] around everything says who
//     asks and refuses nobody; handlers look at [IdentityFrom];
//   - the guard strategy: [Identifier.Require] at a route refuses.
//
// They go together: a route's Require takes what Identify of the same
// Identifier has found. Do not change its fields once it is in use; it is
// then safe for concurrent use.
type Identifier struct {
	Schemes []Scheme
	// Deny and Report are as in [Guard].
	Deny   func(w http.ResponseWriter, r *http.Request, p Problem)
	Report func(r *http.Request, p Problem, err error)
}

// With returns an Identifier that asks the guard first, then the schemes, and
// answers as the guard does.
func (g *Guard) With(schemes ...Scheme) *Identifier {
	return &Identifier{Schemes: append([]Scheme{g}, schemes...), Deny: g.Deny, Report: g.Report}
}

// Authenticate is Check without policies, as a Scheme.
func (g *Guard) Authenticate(r *http.Request) (Identity, bool, error) {
	raw, shown := g.access(r)
	if !shown {
		return Identity{}, false, nil
	}
	c, err := g.check(r, raw, nil)
	if err != nil {
		return Identity{}, true, err
	}
	scheme := "Bearer"
	if g.Transport != nil && ambientIn(g.Transport, r) {
		scheme = "Cookie"
	}
	return Identity{Scheme: scheme, Claims: c}, true, nil
}

// Challenge is that of RFC 6750, section 3.
func (g *Guard) Challenge(_ *http.Request, err error) string {
	return ProblemOf(err, Guarded).Challenge
}

// found is what an Identifier has found out about a request.
type found struct {
	by       *Identifier // another one asks other schemes
	identity Identity
	errs     []error // by scheme; nil where nothing was refused
}

// foundKey is where a context keeps it.
type foundKey struct{}

// IdentityFrom returns who asks, as Identify or Require found out, or a guard,
// which leaves Scheme empty. Where several of them ran, the innermost that
// found somebody counts, as for [ClaimsFrom]. ok is false where it is nobody.
func IdentityFrom(ctx context.Context) (i Identity, ok bool) {
	c, ok := ClaimsFrom(ctx)
	if !ok {
		return Identity{}, false
	}
	if f, _ := ctx.Value(foundKey{}).(*found); f != nil && f.identity.Claims == c {
		return f.identity, true
	}
	return Identity{Claims: c}, true
}

// Identify is the handler strategy: it lets every request through, with the
// identity in its context, and the claims for [ClaimsFrom]. What was shown
// and refused makes nobody of the sender; a Require further in answers why.
func (i *Identifier) Identify(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, i.find(r).into(r))
	})
}

// Require is the guard strategy: it lets requests through whose sender is
// known and to whom every policy says yes. All others are denied.
func (i *Identifier) Require(policies ...watchword.Policy) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			f := i.find(r)
			if err := f.judge(policies); err != nil {
				i.deny(w, r, f, err)
				return
			}
			next.ServeHTTP(w, f.into(r))
		})
	}
}

// Check only decides. Errors: Unauthenticated where no scheme finds anything,
// else that of the first scheme which found something, and the refusal of a
// policy.
func (i *Identifier) Check(r *http.Request, policies ...watchword.Policy) (Identity, error) {
	f := i.find(r)
	if err := f.judge(policies); err != nil {
		return Identity{}, err
	}
	return f.identity, nil
}

// find asks the schemes, once for a request: a nonce count of HTTP Digest,
// say, is good only once.
func (i *Identifier) find(r *http.Request) *found {
	if f, ok := r.Context().Value(foundKey{}).(*found); ok && f.by == i {
		return f
	}
	f := &found{by: i}
	for n, s := range i.Schemes {
		who, shown, err := s.Authenticate(r)
		switch {
		case !shown && err == nil:
			continue
		case err == nil && who.Authenticated():
			f.identity = who
			return f
		case err == nil:
			err = fmt.Errorf("%w: %T found nobody", watchword.InvalidCredentials, s)
		}
		if f.errs == nil {
			f.errs = make([]error, len(i.Schemes))
		}
		f.errs[n] = err
	}
	return f
}

// into puts what was found into the request's context.
func (f *found) into(r *http.Request) *http.Request {
	ctx := r.Context()
	if ctx.Value(foundKey{}) == any(f) {
		return r
	}
	ctx = context.WithValue(ctx, foundKey{}, f)
	if f.identity.Authenticated() {
		ctx = context.WithValue(ctx, claimsKey{}, f.identity.Claims)
	}
	return r.WithContext(ctx)
}

func (f *found) judge(policies []watchword.Policy) error {
	if f.identity.Authenticated() {
		return judgeClaims(f.identity.Claims, policies)
	}
	for _, err := range f.errs {
		if err != nil {
			return err
		}
	}
	return watchword.Unauthenticated
}

// deny answers with the challenges of all schemes: whoever is refused may try
// any of them.
func (i *Identifier) deny(w http.ResponseWriter, r *http.Request, f *found, err error) {
	p := ProblemOf(err, Guarded)
	switch {
	case p.Code == watchword.AuthenticationStale:
	case p.Status == http.StatusUnauthorized:
		p.Challenge = i.challenge(r, f)
	case f.identity.Scheme != "Bearer" && f.identity.Scheme != "Cookie":
		p.Challenge = "" // insufficient_scope is about tokens
	}
	g := Guard{Deny: i.Deny, Report: i.Report}
	g.answer(w, r, p, err)
}

func (i *Identifier) challenge(r *http.Request, f *found) string {
	var all []string
	for n, s := range i.Schemes {
		err := error(watchword.Unauthenticated)
		if f.errs != nil && f.errs[n] != nil {
			err = f.errs[n]
		}
		if c := s.Challenge(r, err); c != "" {
			all = append(all, c)
		}
	}
	return strings.Join(all, ", ")
}

// UserClaims are claims for policies to judge, of a user whom no token speaks
// of: his id, scopes, permissions and groups. They say nothing of when he
// signed in, so that [watchword.Fresh] refuses, and no verifier takes them.
func UserClaims(u watchword.User) *watchword.Claims {
	// Texts always marshal.
	payload, _ := Style{}.Marshal(Object{
		{"sub", u.ID},
		{"name", strings.TrimSpace(u.FirstName + " " + u.LastName)},
		{"email", u.Email},
		{"scope", strings.Join(u.Scopes, " ")},
		{"permissions", u.Permissions},
		{"groups", u.Groups},
	})
	return (&watchword.ClaimSet{
		Kind: watchword.Access, Subject: u.ID, UserID: u.ID, Scopes: u.Scopes, Permissions: u.Permissions,
	}).Freeze(payload)
}

// authorization returns what follows the scheme in the Authorization header.
// Two headers are an unreadable one, whichever schemes they name.
func authorization(r *http.Request, scheme string) (credentials string, shown bool, err error) {
	values := r.Header["Authorization"]
	if len(values) == 0 {
		return "", false, nil
	}
	name, rest, _ := strings.Cut(values[0], " ")
	if !strings.EqualFold(name, scheme) {
		return "", false, nil
	}
	if len(values) > 1 || len(rest) > maxToken {
		return "", true, refused("more than one Authorization header, or too long a one")
	}
	return strings.Trim(rest, " "), true, nil
}

// refused is InvalidCredentials. detail is for logs, and repeats nothing of
// what was sent.
func refused(detail string) error {
	return fmt.Errorf("%w: %s", watchword.InvalidCredentials, detail)
}

// unknown turns NotFound, by which an application says that it knows no such
// key or user, into InvalidCredentials.
func unknown(err error) error {
	if errors.Is(err, watchword.NotFound) {
		return fmt.Errorf("%w: %w", watchword.InvalidCredentials, err)
	}
	return err
}
