package dialect

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/httpauth"
)

// djwtoType is the form field that says which of the cookies is meant.
const djwtoType = httpauth.Param("jwt_type")

// refreshCheck looks at refresh tokens without using them;
// [watchword.Authority.CheckRefresh].
type refreshCheck interface {
	CheckRefresh(ctx context.Context, raw string) (*watchword.Claims, error)
}

// absent says what is missing where a request shows no access token.
func (c *djwtoSettings) absent(r *http.Request) string {
	switch {
	case c.accessCookie != "":
		return `Cookie "` + c.accessCookie + `" cannot be empty.`
	case len(r.Header["Authorization"]) == 0:
		return `Token not found in "HTTP_AUTHORIZATION" header.`
	default:
		return "Value in HTTP_AUTHORIZATION header is not valid."
	}
}

// login verifies the access token of a request.
func (c *djwtoSettings) login(r *http.Request, s httpauth.Service) (*watchword.Claims, error) {
	raw, shown := djwtoTransport{c}.Access(r)
	if !shown {
		return nil, said(watchword.Unauthenticated, c.absent(r))
	}
	return c.verify(r.Context(), s, raw)
}

// verify verifies an access token, with the original's words.
func (c *djwtoSettings) verify(ctx context.Context, s httpauth.Service, raw string) (*watchword.Claims, error) {
	claims, err := s.Verify(ctx, raw)
	switch {
	case errors.Is(err, watchword.WrongKind) && c.accessCookie == "":
		return nil, said(watchword.WrongKind, "Access token was not sent in authorization header.")
	case errors.Is(err, watchword.WrongKind):
		return nil, said(watchword.WrongKind, `Cookie "`+c.accessCookie+`" does not hold an access token.`)
	}
	return claims, c.say(raw, err)
}

// refreshToken returns the refresh token of a request to a route that wants
// one. Whoever does not say jwt_type=refresh has shown his access token.
func (c *djwtoSettings) refreshToken(r *http.Request, s httpauth.Service, jwtType string) (string, error) {
	if c.accessCookie == "" {
		raw, shown := djwtoTransport{c}.Access(r)
		if !shown {
			return "", said(watchword.Unauthenticated, c.absent(r))
		}
		return raw, nil
	}
	refresh, err := wantsRefresh(jwtType)
	switch {
	case err != nil:
		return "", err
	case refresh:
		return c.refreshCookie(r)
	}
	if _, err := c.login(r, s); err != nil {
		return "", err
	}
	return "", said(watchword.TokenMalformed, `POST variable "jwt_type" must be equal to "refresh".`)
}

// wantsRefresh reads jwt_type.
func wantsRefresh(jwtType string) (bool, error) {
	switch jwtType {
	case "", "access":
		return false, nil
	case "refresh":
		return true, nil
	default:
		return false, said(watchword.TokenMalformed,
			`Input data "jwt_type" must be either "access" or "refresh". Got "`+cut(jwtType, 64)+`" instead.`)
	}
}

// cut bounds what is repeated of the input.
func cut(s string, most int) string {
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "")
	}
	return s
}

// refreshCookie returns the refresh token's cookie.
func (c *djwtoSettings) refreshCookie(r *http.Request) (string, error) {
	raw, shown := cookieValue(r, refreshCookie)
	switch {
	case shown:
		return raw, nil
	case !strings.Contains(r.URL.Path, c.below):
		return "", said(watchword.Unauthenticated,
			`Refresh cookie is only sent in path "`+c.path+`". Requested path was: `+cut(r.URL.Path, 256)+".")
	default:
		return "", said(watchword.Unauthenticated, `Cookie "`+refreshCookie+`" cannot be empty.`)
	}
}

// sayRefresh is say for refresh tokens.
func (c *djwtoSettings) sayRefresh(raw string, err error) error {
	switch {
	case errors.Is(err, watchword.WrongKind) && c.accessCookie == "":
		return said(watchword.WrongKind, textNoRefresh)
	case errors.Is(err, watchword.WrongKind):
		return said(watchword.WrongKind, `Cookie "`+refreshCookie+`" does not hold a refresh token.`)
	}
	return c.say(raw, err)
}

// check looks at a refresh token.
func (c *djwtoSettings) check(ctx context.Context, s httpauth.Service, raw string) (*watchword.Claims, error) {
	claims, err := s.(refreshChecker).CheckRefresh(ctx, raw)
	return claims, c.sayRefresh(raw, err)
}

// message is {"msg": text}.
func message(text string) httpauth.Object { return httpauth.Object{{Name: "msg", Value: text}} }

// serveLogin signs in. Whoever is signed in already is told so; a token that
// is bad keeps nobody out.
func (c *djwtoSettings) serveLogin(x *httpauth.Exchange) (httpauth.Reply, error) {
	if _, err := c.login(x.Request, x.Service); err == nil {
		reply, err := x.JSON(http.StatusOK, message("User already authenticated."))
		if err == nil {
			c.keepCSRF(reply.Header, x.Request)
		}
		return reply, err
	}
	t, err := c.signIn(x)
	if err != nil {
		failed := httpauth.ProblemOf(err, httpauth.TokenEndpoint)
		text := textProcess
		if failed.Code == watchword.InvalidCredentials {
			text = spoken(failed, text)
		}
		emit(x.Request, c.hooks.Signals.LoginFailed, DjwtoSignal{Name: "jwt_login_fail", Sender: "GetTokensView", Error: text})
		return httpauth.Reply{}, err
	}
	reply, err := c.tokens(x, t, "Tokens successfully created.")
	if err != nil {
		return reply, err
	}
	c.newCSRF(reply.Header, x.Request)
	emit(x.Request, c.hooks.Signals.LoggedIn, DjwtoSignal{Name: "jwt_logged_in", Sender: "GetTokensView"}.withClaims(t))
	return reply, nil
}

// signIn checks the form and the credentials. Whatever was wrong with these
// is answered alike.
func (c *djwtoSettings) signIn(x *httpauth.Exchange) (watchword.Tokens, error) {
	var empty []string
	if !x.Has(httpauth.ParamLogin) {
		empty = append(empty, "username")
	}
	if !x.Has(httpauth.ParamPassword) {
		empty = append(empty, "password")
	}
	if empty != nil {
		return watchword.Tokens{}, said(watchword.InvalidCredentials, signInText(empty))
	}
	r, err := x.Do()
	switch watchword.CodeOf(err) {
	case watchword.InvalidCredentials, watchword.UserDisabled, watchword.PermissionDenied, watchword.InvalidRequest:
		err = fmt.Errorf("%w: %w", said(watchword.InvalidCredentials, signInText(nil)), err)
	default: // nil, or not about the credentials
	}
	return r.Tokens, err
}

// tokens answers with a pair of tokens, in the body or in cookies and with a
// message. Where browsers would drop a cookie nobody ever holds the tokens,
// and their session ends.
func (c *djwtoSettings) tokens(x *httpauth.Exchange, t watchword.Tokens, text string) (httpauth.Reply, error) {
	body := message(text)
	if c.accessCookie == "" {
		body = httpauth.Object{{Name: "refresh", Value: t.Refresh}, {Name: "access", Value: t.Access}}
	}
	cookies, err := c.cookies(t)
	if err != nil {
		_ = x.Service.SignOut(x.Request.Context(), watchword.SignOutRequest{Raw: t.Access, Client: x.Client})
		return httpauth.Reply{}, err
	}
	reply, err := x.JSON(http.StatusOK, body)
	if err == nil && cookies != nil {
		reply.Header["Set-Cookie"] = cookies
	}
	return reply, err
}

// serveValidate verifies the access token, or in the cookie modes the one
// that jwt_type names.
func (c *djwtoSettings) serveValidate(x *httpauth.Exchange) (httpauth.Reply, error) {
	if c.accessCookie != "" {
		refresh, err := wantsRefresh(x.Text(djwtoType))
		if err != nil {
			return httpauth.Reply{}, err
		}
		if refresh {
			raw, err := c.refreshCookie(x.Request)
			if err != nil {
				return httpauth.Reply{}, err
			}
			return c.validated(x, raw)
		}
	}
	if _, err := c.login(x.Request, x.Service); err != nil {
		return httpauth.Reply{}, err
	}
	return c.valid(x)
}

// serveValidateRefresh is the same below the refresh cookie's path. In JSON
// mode it wants a refresh token.
func (c *djwtoSettings) serveValidateRefresh(x *httpauth.Exchange) (httpauth.Reply, error) {
	if c.accessCookie != "" {
		return c.serveValidate(x)
	}
	raw, err := c.refreshToken(x.Request, x.Service, "")
	if err != nil {
		return httpauth.Reply{}, err
	}
	return c.validated(x, raw)
}

// validated looks at a refresh token, its session and its user.
func (c *djwtoSettings) validated(x *httpauth.Exchange, raw string) (httpauth.Reply, error) {
	if _, err := c.check(x.Request.Context(), x.Service, raw); err != nil {
		return httpauth.Reply{}, err
	}
	return c.valid(x)
}

func (c *djwtoSettings) valid(x *httpauth.Exchange) (httpauth.Reply, error) {
	emit(x.Request, c.hooks.Signals.Validated, DjwtoSignal{Name: "jwt_token_validated", Sender: "ValidateTokensView"})
	return x.JSON(http.StatusOK, message("Token is valid"))
}

// serveRefresh makes a new access token.
func (c *djwtoSettings) serveRefresh(x *httpauth.Exchange) (httpauth.Reply, error) {
	return c.refreshed(x, false, textNoAccess, "Access token successfully refreshed.", c.hooks.Signals.AccessRefreshed,
		DjwtoSignal{Name: "jwt_access_refreshed", Sender: "RefreshAccessView"})
}

// serveUpdate makes both anew: the refresh token keeps its jti and goes on
// for another lifetime.
func (c *djwtoSettings) serveUpdate(x *httpauth.Exchange) (httpauth.Reply, error) {
	return c.refreshed(x, true, textNoUpdate, "Refresh token successfully updated.", c.hooks.Signals.RefreshUpdated,
		DjwtoSignal{Name: "jwt_refresh_updated", Sender: "UpdateRefreshView"})
}

func (c *djwtoSettings) refreshed(
	x *httpauth.Exchange, renew bool, refusal, text string, handlers []DjwtoHandler, signal DjwtoSignal,
) (httpauth.Reply, error) {
	raw, err := c.refreshToken(x.Request, x.Service, x.Text(djwtoType))
	if err != nil {
		return httpauth.Reply{}, err
	}
	ctx := x.Request.Context()
	t, err := x.Service.Refresh(ctx, watchword.RefreshRequest{Raw: raw, Renew: renew, Client: x.Client})
	switch {
	case errors.Is(err, watchword.UserDisabled) && inactive(ctx, x.Service.(refreshChecker), raw):
		return httpauth.Reply{}, fmt.Errorf("%w: %w", said(watchword.PermissionDenied, textInactive), err)
	case err != nil && isOver(watchword.CodeOf(err)):
		return httpauth.Reply{}, fmt.Errorf("%w: %w", said(watchword.SessionEnded, refusal), err)
	case err != nil:
		return httpauth.Reply{}, c.sayRefresh(raw, err)
	}
	reply, err := c.tokens(x, t, text)
	if err == nil {
		emit(x.Request, handlers, signal.withClaims(t))
	}
	return reply, err
}

// inactive reports whether the user of a refresh token is still there, and
// may not sign in.
func inactive(ctx context.Context, s refreshChecker, raw string) bool {
	claims, _ := s.CheckRefresh(ctx, raw)
	if claims == nil {
		return false
	}
	_, err := s.User(ctx, claims)
	return errors.Is(err, watchword.UserDisabled)
}

// serveLogout ends the session. The access token goes with it, and so do its
// cookies; that of the refresh token, which is worth nothing now, stays, so
// that whoever shows it again is told what became of it.
func (c *djwtoSettings) serveLogout(x *httpauth.Exchange) (httpauth.Reply, error) {
	raw, err := c.refreshToken(x.Request, x.Service, x.Text(djwtoType))
	if err != nil {
		return httpauth.Reply{}, err
	}
	ctx := x.Request.Context()
	claims, err := c.check(ctx, x.Service, raw)
	switch {
	case err != nil && isOver(watchword.CodeOf(err)):
		return httpauth.Reply{}, said(watchword.Conflict, textEnded)
	case err != nil:
		return httpauth.Reply{}, err
	case !c.withID:
		return httpauth.Reply{}, said(watchword.TokenMalformed, textNoID)
	}
	err = x.Service.SignOut(ctx, watchword.SignOutRequest{Raw: raw, Once: true, Client: x.Client})
	switch {
	case err != nil && isOver(watchword.CodeOf(err)):
		return httpauth.Reply{}, said(watchword.Conflict, textEnded)
	case err != nil:
		return httpauth.Reply{}, err
	}
	emit(x.Request, c.hooks.Signals.Blacklisted, DjwtoSignal{Name: "jwt_blacklisted", Sender: "BlackListTokenView", ID: claims.ID})
	reply, err := x.JSON(http.StatusOK, message("Token successfully blacklisted."))
	if err == nil && c.accessCookie != "" {
		reply.Header["Set-Cookie"] = c.deletions()
	}
	return reply, err
}

// serveDelete takes all cookies away, and ends the session of whatever
// tokens were sent.
func (c *djwtoSettings) serveDelete(x *httpauth.Exchange) (httpauth.Reply, error) {
	if c.accessCookie == "" {
		raw, shown := djwtoTransport{c}.Access(x.Request)
		if !shown {
			return httpauth.Reply{}, said(watchword.Unauthenticated, c.absent(x.Request))
		}
		err := x.Service.SignOut(x.Request.Context(), watchword.SignOutRequest{Raw: raw, Client: x.Client})
		if err != nil && !isOver(watchword.CodeOf(err)) {
			return httpauth.Reply{}, c.say(raw, err)
		}
		return httpauth.Reply{Status: http.StatusNoContent, Header: http.Header{"Content-Type": {"application/json"}}}, nil
	}
	if _, err := x.Do(); err != nil {
		return httpauth.Reply{}, err
	}
	reply, err := x.JSON(http.StatusOK, message("Tokens successfully deleted."))
	if err == nil {
		reply.Header["Set-Cookie"] = c.deletions(refreshCookie)
	}
	return reply, err
}

// options answers what methods there are.
func (c *djwtoSettings) options(path string) func(*httpauth.Exchange) (httpauth.Reply, error) {
	allow := []string{http.MethodPost}
	switch {
	case strings.HasPrefix(path, "testapp/"):
		allow = []string{http.MethodGet, http.MethodHead}
	case strings.HasSuffix(path, "/logout/"):
		allow = append(allow, http.MethodDelete)
	}
	return func(*httpauth.Exchange) (httpauth.Reply, error) {
		return noBody(http.StatusOK, djwtoMethods(allow)), nil
	}
}

// view is a view of the document: text for whoever shows a token with the
// permissions.
func (c *djwtoSettings) view(text string, perms ...string) func(*httpauth.Exchange) (httpauth.Reply, error) {
	return func(x *httpauth.Exchange) (httpauth.Reply, error) {
		claims, err := c.login(x.Request, x.Service)
		if err == nil {
			err = hasPerms(claims, perms)
		}
		if err != nil {
			return httpauth.Reply{}, err
		}
		return httpauth.Reply{Header: http.Header{"Content-Type": {"text/html; charset=utf-8"}}, Body: []byte(text)}, nil
	}
}
