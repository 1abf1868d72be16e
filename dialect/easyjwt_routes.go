package dialect

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/httpauth"
	"github.com/watchword-auth/watchword/jwt"
)

// What the routes need of the service beside the operations.
type (
	easyjwtChecker interface {
		CheckRefresh(ctx context.Context, raw string) (*watchword.Claims, error)
	}
	accountMaker interface {
		SignUp(ctx context.Context, r watchword.SignUpRequest) (watchword.User, error)
	}
	authenticator interface {
		Authenticate(ctx context.Context, c watchword.Credentials, from watchword.Client) (watchword.User, error)
	}
)

func (c *easyjwtSettings) profile(prefix string) httpauth.Profile {
	refresh := "refresh"
	obtained := []httpauth.Member{{Name: "refresh", Value: httpauth.RefreshToken}, {Name: "access", Value: httpauth.AccessToken}}
	refreshed := []httpauth.Member{{Name: "access", Value: httpauth.AccessToken}}
	if c.rotate {
		refreshed = append(refreshed, httpauth.Member{Name: "refresh", Value: httpauth.RefreshToken})
	}
	if c.sliding {
		refresh = "token"
		obtained = []httpauth.Member{{Name: "token", Value: httpauth.AccessToken}}
		refreshed = obtained
	}
	record := httpauth.Output{Encode: encodeRecord}
	p := httpauth.Profile{
		Name: "easyjwt", Prefix: prefix, Problem: c.problem, Transport: c.transport(), Kinds: c.kinds, About: c.about(),
		// 308 and not the original's 301, which loses the body of a POST.
		SlashRedirect: http.StatusPermanentRedirect,
		Routes: []httpauth.Route{
			{
				Pattern: "POST token/", Op: httpauth.OpSignIn, Serve: posted(serveOp),
				In:  anyForm(field(httpauth.ParamLogin, c.login), field(httpauth.ParamPassword, "")),
				Out: httpauth.Output{Members: obtained}, Doc: c.doc("Sign in", ""),
			},
			{
				Pattern: "POST token/refresh/", Op: httpauth.OpRefresh, Serve: posted(c.serveRefresh),
				In: anyForm(field(httpauth.ParamRefresh, refresh)), Out: httpauth.Output{Members: refreshed},
				Doc: c.doc("Refresh", "Exchanges a refresh token for a new access token."),
			},
			{
				Pattern: "POST token/verify/", Op: httpauth.OpVerify, Serve: posted(c.serveVerify),
				In: anyForm(field(httpauth.ParamToken, "")), Needs: needs[easyjwtChecker], Doc: c.verifyDoc(),
				// Kind 0 is a token of the old system whose type nobody knows.
				Kinds: []watchword.Kind{0, watchword.Access, watchword.Refresh, watchword.Sliding},
			},
			{
				Pattern: "GET users/{id}/", Serve: got(c.serveUser), Needs: needs[httpauth.UserFinder], Out: record,
				Doc: c.guardedDoc("Show a user", "One's own record, and to staff any.",
					httpauth.Answer{Status: http.StatusNotFound, Examples: []any{detailObject("Not found.")}}),
			},
			{
				Pattern: "GET user/", Serve: got(c.serveOwn), Needs: needs[httpauth.UserFinder], Out: record,
				Doc: c.guardedDoc("Show the user", "The record of the token's bearer."),
			},
		},
	}
	p.Routes = append(p.Routes, c.furtherRoutes(refresh)...)
	return p
}

// furtherRoutes are those that settings add or take away.
func (c *easyjwtSettings) furtherRoutes(refresh string) []httpauth.Route {
	var list []httpauth.Route
	if !c.sliding {
		list = append(list, httpauth.Route{
			Pattern: "POST token/blacklist/", Op: httpauth.OpSignOut, Serve: posted(c.serveBlacklist),
			In: anyForm(field(httpauth.ParamRefresh, refresh)), Doc: c.blacklistDoc(),
		})
	}
	if c.createUser {
		optional := func(p httpauth.Param) httpauth.Field {
			return httpauth.Field{Param: p, Optional: true, NumberAsText: true}
		}
		list = append(list, httpauth.Route{
			Pattern: "POST create-user/", Serve: posted(c.serveCreate), Needs: needs[accountMaker], Doc: c.createDoc(),
			In: anyForm(
				field(httpauth.ParamLogin, "email"), field(httpauth.ParamPassword, ""),
				optional(paramFirstName), optional(paramLastName), optional(paramPhone),
			),
		})
	}
	if c.passwordChange {
		list = append(list, httpauth.Route{
			Pattern: "POST password-change/", Serve: posted(c.servePassword), Doc: c.passwordDoc(),
			Needs: func(s httpauth.Service) error {
				return errors.Join(needs[authenticator](s), needs[httpauth.PasswordChanger](s))
			},
			In: anyForm(
				field(httpauth.ParamPassword, ""), field(httpauth.ParamNew, "new_password"), field(httpauth.ParamLogin, "email"),
			),
		})
	}
	if !c.keys.algorithm.Symmetric() {
		list = append(list, httpauth.Route{Pattern: "GET .well-known/jwks.json", Op: httpauth.OpKeys})
	}
	return list
}

// needs reports a service that lacks an interface.
func needs[T any](s httpauth.Service) error {
	if _, ok := s.(T); !ok {
		return fmt.Errorf("%T is no %T", s, (*T)(nil))
	}
	return nil
}

// field is one that takes numbers for text, as REST framework does.
func field(p httpauth.Param, name string) httpauth.Field {
	return httpauth.Field{Param: p, Name: name, NumberAsText: true}
}

// anyForm reads the three media types of REST framework.
func anyForm(fields ...httpauth.Field) httpauth.Input {
	return httpauth.Input{JSON: fields, Form: fields, Multipart: true}
}

// posted and got add the headers that REST framework has on every answer,
// once the client is known to take JSON.
func posted(serve func(*httpauth.Exchange) (httpauth.Reply, error)) func(*httpauth.Exchange) (httpauth.Reply, error) {
	return negotiated(serve, "POST, OPTIONS")
}

func got(serve func(*httpauth.Exchange) (httpauth.Reply, error)) func(*httpauth.Exchange) (httpauth.Reply, error) {
	return negotiated(serve, "GET, HEAD, OPTIONS")
}

func negotiated(serve func(*httpauth.Exchange) (httpauth.Reply, error), allow string) func(*httpauth.Exchange) (httpauth.Reply, error) {
	return func(x *httpauth.Exchange) (httpauth.Reply, error) {
		if !takesJSON(x.Request) {
			return framed(notAcceptable(), allow), nil
		}
		r, err := serve(x)
		return framed(r, allow), err
	}
}

// serveOp does what the operation does.
func serveOp(x *httpauth.Exchange) (httpauth.Reply, error) {
	r, err := x.Do()
	if err != nil {
		return httpauth.Reply{}, err
	}
	return x.Answer(r)
}

// refused carries the original's text about a token to the profile's shape of
// refusals.
func refused(err error, text string) error {
	code := watchword.CodeOf(err)
	switch code {
	case watchword.Internal, watchword.Unavailable, watchword.RateLimited, watchword.InvalidRequest:
		return err
	default:
		return errors.Join(&watchword.PolicyError{Code: code, Message: text}, err)
	}
}

// serveRefresh exchanges a refresh token, or renews a sliding one, which must
// not have expired.
func (c *easyjwtSettings) serveRefresh(x *httpauth.Exchange) (httpauth.Reply, error) {
	raw := x.Text(httpauth.ParamRefresh)
	if c.sliding {
		if err := c.checkSliding(x, raw); err != nil {
			return httpauth.Reply{}, err
		}
	}
	r, err := x.Do()
	code := watchword.CodeOf(err)
	switch {
	case err == nil:
		return x.Answer(r)
	case c.sliding && (code == watchword.TokenExpired || code == watchword.SessionExpired):
		return httpauth.Reply{}, refused(err, "Token '"+c.slidingExp+"' claim has expired")
	case errors.Is(err, watchword.UserDisabled), errors.Is(err, watchword.PermissionDenied):
		return httpauth.Reply{}, refused(err, textNoActive)
	case errors.Is(err, watchword.InvalidCredentials):
		return httpauth.Reply{}, refused(err, textChanged)
	default:
		return httpauth.Reply{}, refused(err, c.tokenProblem(code, raw))
	}
}

// checkSliding checks what no refresh token need show: that it counts as an
// access token does, and says until when it may be renewed.
func (c *easyjwtSettings) checkSliding(x *httpauth.Exchange, raw string) error {
	claims, err := x.Service.Verify(x.Request.Context(), raw, watchword.Sliding)
	if err != nil {
		return refused(err, c.tokenProblem(watchword.CodeOf(err), raw))
	}
	var until time.Time
	err = jwt.Walk(claims.JSON(), func(name string, v jwt.Value) (err error) {
		if name == c.slidingExp {
			until, err = v.Time()
		}
		return err
	})
	if err != nil || until.IsZero() {
		return refused(watchword.TokenMalformed, "Token has no '"+c.slidingExp+"' claim")
	}
	return nil
}

// serveVerify says that a token of whatever kind counts. Of a refresh token
// only its session can tell.
func (c *easyjwtSettings) serveVerify(x *httpauth.Exchange) (httpauth.Reply, error) {
	raw := x.Text(httpauth.ParamToken)
	r, err := x.Do()
	if err == nil && c.jtiNeeded && r.Claims.ID == "" {
		err = watchword.WrongKind
	}
	if err == nil && r.Claims.Kind == watchword.Refresh {
		_, err = x.Service.(easyjwtChecker).CheckRefresh(x.Request.Context(), raw)
	}
	if err != nil {
		return httpauth.Reply{}, refused(err, c.tokenProblem(watchword.CodeOf(err), raw))
	}
	return x.JSON(http.StatusOK, httpauth.Object{})
}

// serveBlacklist ends the session of a refresh token that still counts.
func (c *easyjwtSettings) serveBlacklist(x *httpauth.Exchange) (httpauth.Reply, error) {
	raw := x.Text(httpauth.ParamRefresh)
	ctx := x.Request.Context()
	_, err := x.Service.Verify(ctx, raw, watchword.Refresh)
	if err == nil {
		err = x.Service.SignOut(ctx, watchword.SignOutRequest{Raw: raw, Once: true, Client: x.Client})
	}
	if err != nil {
		return httpauth.Reply{}, refused(err, c.tokenProblem(watchword.CodeOf(err), raw))
	}
	return x.JSON(http.StatusOK, httpauth.Object{})
}
