package dialect

import (
	"context"
	"net/http"
	"strings"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/httpauth"
)

// DjwtoGuards protect an application's own routes as the original's
// decorators do, with its answers. Safe for concurrent use. The claims are
// then in the context ([httpauth.ClaimsFrom]), and so is the token
// ([RawToken]).
type DjwtoGuards struct {
	c       *djwtoSettings
	service httpauth.Service
	access  *httpauth.Guard
	refresh *httpauth.Guard
}

// NewDjwtoGuards makes the guards of a profile that [Djwto] made, over the
// service that it is mounted with.
func NewDjwtoGuards(s httpauth.Service, p httpauth.Profile) (*DjwtoGuards, error) {
	t, ok := p.Transport.(djwtoTransport)
	if !ok {
		return nil, errNoDjwto
	}
	if err := needsCheck(s); err != nil {
		return nil, err
	}
	g := &DjwtoGuards{c: t.c, service: s, access: p.Guard(s), refresh: p.Guard(s)}
	g.access.Verify = func(ctx context.Context, raw string, _ ...watchword.Kind) (*watchword.Claims, error) {
		return t.c.verify(ctx, s, raw)
	}
	g.refresh.Verify = func(ctx context.Context, raw string, _ ...watchword.Kind) (*watchword.Claims, error) {
		return t.c.check(ctx, s, raw)
	}
	g.refresh.Transport = refreshTransport{t}
	return g, nil
}

// rawKey is where a context keeps the token.
type rawKey struct{}

// RawToken returns the token that a guard found in the request.
func RawToken(ctx context.Context) (raw string, ok bool) {
	raw, ok = ctx.Value(rawKey{}).(string)
	return raw, ok
}

// RequireLogin lets through who shows a good access token
// (jwt_login_required).
func (g *DjwtoGuards) RequireLogin(next http.Handler) http.Handler {
	return g.access.Require()(withRaw(djwtoTransport{g.c}, next))
}

// withRaw puts the token into the context.
func withRaw(t httpauth.Transport, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, _ := t.Access(r)
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), rawKey{}, raw)))
	})
}

// RequirePerms lets through whose token has all of the permissions
// (jwt_perm_required). It stands inside RequireLogin.
func (g *DjwtoGuards) RequirePerms(perms ...string) func(http.Handler) http.Handler {
	return g.require(func(_ *http.Request, claims *watchword.Claims) error {
		if claims == nil {
			return said(watchword.PermissionDenied, textNoLogin)
		}
		return hasPerms(claims, perms)
	})
}

// hasPerms says whether a token has none at all, or too few.
func hasPerms(claims *watchword.Claims, perms []string) error {
	for _, p := range perms {
		if !claims.HasPermission(p) {
			for range claims.Permissions() {
				return said(watchword.PermissionDenied, textFewPerms)
			}
			return said(watchword.PermissionDenied, textNoPerms)
		}
	}
	return nil
}

// RequireTest lets through where test says so, and otherwise answers 403 with
// its text (jwt_passes_test). claims are nil outside RequireLogin.
func (g *DjwtoGuards) RequireTest(test func(r *http.Request, claims *watchword.Claims) (ok bool, text string)) func(http.Handler) http.Handler {
	return g.require(func(r *http.Request, claims *watchword.Claims) error {
		if ok, text := test(r, claims); !ok {
			return said(watchword.PermissionDenied, text)
		}
		return nil
	})
}

func (g *DjwtoGuards) require(judge func(*http.Request, *watchword.Claims) error) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			claims, _ := httpauth.ClaimsFrom(r.Context())
			if err := judge(r, claims); err != nil {
				g.deny(w, r, err)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

// maxForm bounds the form in which IsRefresh looks for jwt_type.
const maxForm = 64 << 10

// IsRefresh lets through who shows a good refresh token, below the refresh
// cookie's path, and in the cookie modes with jwt_type=refresh in a form
// (jwt_is_refresh). It stands alone: what RequireLogin lets through is no
// refresh token. A store is asked.
func (g *DjwtoGuards) IsRefresh(next http.Handler) http.Handler {
	required := g.refresh.Require()(withRaw(g.refresh.Transport, next))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		_, err := g.c.refreshToken(r, g.service, r.PostFormValue(string(djwtoType)))
		if err == nil && !strings.Contains(r.URL.Path, g.c.below) {
			err = said(watchword.WrongKind, "Refresh token is only sent in path: "+g.c.below)
		}
		if err != nil {
			g.deny(w, r, err)
			return
		}
		required.ServeHTTP(w, r)
	})
}

// refreshTransport finds the refresh token where routes find access tokens.
type refreshTransport struct{ djwtoTransport }

// Access finds the refresh token.
func (t refreshTransport) Access(r *http.Request) (string, bool) {
	if t.Ambient() {
		return t.Refresh(r)
	}
	return t.djwtoTransport.Access(r)
}

// deny answers a refusal in the original's shape.
func (g *DjwtoGuards) deny(w http.ResponseWriter, r *http.Request, err error) {
	p := httpauth.ProblemOf(err, httpauth.Guarded)
	p.Request = r
	if g.access.Report != nil {
		g.access.Report(r, p, err)
	}
	g.access.Deny(w, r, p)
}
