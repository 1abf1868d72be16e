package remote

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/jwt"
)

// SignIn signs in at the authority. The access token that it answers with is
// verified like any other before anybody gets it. With Users the user is
// fetched and handed on first; where that fails, the session is ended again
// and the answer is Unavailable. Errors: those of the authority,
// and Unavailable where it cannot be understood.
func (c *Client) SignIn(ctx context.Context, r watchword.SignInRequest) (watchword.Tokens, error) {
	n, err := c.native(ctx)
	if err != nil {
		return watchword.Tokens{}, err
	}
	body := map[string]any{"login": r.Credentials.Login, "password": r.Credentials.Password}
	if r.Scopes != nil {
		scope := strings.Join(r.Scopes, " ")
		if scope == "" {
			// No scopes at all is not to be asked for in so many words, and
			// none given means all. What nobody may have is left out.
			scope = rand.Text()
		}
		body["scope"] = scope
	}
	t, err := c.tokens(ctx, request{url: n.at("token"), json: body, from: r.Client})
	if err != nil {
		return watchword.Tokens{}, err
	}
	if c.mirror == nil {
		return t, nil
	}
	u, err := c.mirror.signedIn(ctx, t.Claims)
	if err != nil {
		// Nobody will hold these tokens, also where the caller has gone.
		_ = c.SignOut(context.WithoutCancel(ctx), watchword.SignOutRequest{Raw: t.Access, Client: r.Client})
		return watchword.Tokens{}, err
	}
	t.User = record(u)
	return t, nil
}

// Refresh exchanges a refresh token at the authority. Without a feed the user
// is fetched anew for Users; a fault in that is reported and nothing more,
// since the old refresh token is spent by then.
func (c *Client) Refresh(ctx context.Context, r watchword.RefreshRequest) (watchword.Tokens, error) {
	n, err := c.native(ctx)
	if err != nil {
		return watchword.Tokens{}, err
	}
	body := map[string]any{"refresh_token": r.Raw}
	if len(r.Scopes) > 0 {
		body["scope"] = strings.Join(r.Scopes, " ")
	}
	t, err := c.tokens(ctx, request{url: n.at("refresh"), json: body, from: r.Client})
	if err != nil || c.mirror == nil || c.feed != nil {
		return t, err
	}
	u, err := c.mirror.signedIn(ctx, t.Claims)
	if err != nil {
		c.c.Report(fmt.Errorf("mirror user %s: %w", t.Claims.UserID, err))
		return t, nil
	}
	t.User = record(u)
	return t, nil
}

// tokens asks for a pair of tokens and reads the answer (RFC 6749, section
// 5.1).
func (c *Client) tokens(ctx context.Context, q request) (watchword.Tokens, error) {
	body, err := c.call(ctx, q)
	if err != nil {
		return watchword.Tokens{}, err
	}
	var t watchword.Tokens
	var life int64
	err = jwt.Walk(body, func(name string, v jwt.Value) (err error) {
		switch name {
		case "access_token":
			t.Access, err = v.Text()
		case "refresh_token":
			t.Refresh, err = v.Text()
		case "expires_in":
			life, err = v.Int()
		}
		return err
	})
	if err == nil && t.Access == "" {
		err = errors.New("no access_token")
	}
	if err != nil {
		return watchword.Tokens{}, fmt.Errorf("%w: %s: %w", watchword.Unavailable, q.url, err)
	}
	t.Claims, err = c.verify(ctx, t.Access, []watchword.Kind{watchword.Access, watchword.Sliding})
	if err != nil {
		// The caller has done nothing wrong: keys, clocks or settings of this
		// service and of the authority do not fit.
		return watchword.Tokens{}, fmt.Errorf("%w: the authority's own token does not count here: %v", watchword.Unavailable, err) //nolint:errorlint // its code is not the caller's
	}
	t.ExpiresIn = min(time.Duration(max(life, 0))*time.Second, t.Claims.Expiry.Sub(t.Claims.IssuedAt))
	t.RefreshExpiry = refreshExpiry(t.Refresh, t.Claims.IssuedAt)
	t.User = ofClaims(t.Claims)
	return t, nil
}

// refreshExpiry reads until when a refresh token can count, for the life of
// its cookie and for nothing else: it is signed with a key that only the
// authority has.
func refreshExpiry(raw string, now time.Time) time.Time {
	expiry := now.Add(watchword.DefaultRefreshLifetime)
	parts := strings.Split(raw, ".")
	if len(parts) != 3 {
		return expiry
	}
	payload, err := base64.RawURLEncoding.Strict().DecodeString(parts[1])
	if err != nil {
		return expiry
	}
	var r jwt.Registered
	err = jwt.Walk(payload, func(name string, v jwt.Value) error {
		_, err := r.Visit(name, v)
		return err
	})
	if err != nil || r.Expiry.IsZero() {
		return expiry
	}
	return r.Expiry
}

// ofClaims is what a token tells of its user.
func ofClaims(c *watchword.Claims) watchword.User {
	u := watchword.User{ID: c.UserID, Active: true}
	for s := range c.Scopes() {
		u.Scopes = append(u.Scopes, s)
	}
	for p := range c.Permissions() {
		u.Permissions = append(u.Permissions, p)
	}
	return u
}

// record is a mirrored user as profiles show him.
func record(u User) watchword.User {
	return watchword.User{
		ID: u.ID, Login: u.Login, Email: u.Email, FirstName: u.FirstName, LastName: u.LastName, Phone: u.Phone, Location: u.Location,
		Active: u.Active, Staff: u.Staff, Superuser: u.Superuser, CreatedAt: u.CreatedAt, LastLoginAt: u.LastLoginAt,
		Groups: u.Groups, Permissions: u.Permissions, Scopes: u.Scopes, Extra: u.Extra,
	}
}

// SignOut ends the session of a token at the authority. With a feed this
// service hears of it like every other, some milliseconds later. Once has no
// effect: the native route does not tell whether the session had ended before.
func (c *Client) SignOut(ctx context.Context, r watchword.SignOutRequest) error {
	n, err := c.native(ctx)
	if err != nil {
		return err
	}
	body := map[string]any{"refresh_token": r.Raw}
	if r.Everywhere {
		body["everywhere"] = true
	} else if r.Others {
		body["others"] = true
	}
	_, err = c.call(ctx, request{url: n.at("logout"), json: body, from: r.Client})
	return err
}

// User returns the record of the claims' user as the authority has it now. The
// claims must be those of Verify: the authority is shown their token.
func (c *Client) User(ctx context.Context, claims *watchword.Claims) (watchword.User, error) {
	u, err := c.me(ctx, claims)
	if err != nil {
		return watchword.User{}, err
	}
	if !u.Active {
		return watchword.User{}, watchword.UserDisabled
	}
	return record(u), nil
}

// me fetches the user's record with his own token.
func (c *Client) me(ctx context.Context, claims *watchword.Claims) (User, error) {
	body, err := c.asUser(ctx, claims, request{method: http.MethodGet}, "me")
	if err != nil {
		return User{}, err
	}
	u, err := parseUser(c.issuer, body)
	if err == nil && u.ID != claims.UserID {
		err = fmt.Errorf("the record is of user %.64q, the token of %.64q", u.ID, claims.UserID)
	}
	if err != nil {
		return User{}, fmt.Errorf("%w: %w", watchword.Unavailable, err)
	}
	return u, nil
}

// asUser calls a native route with the token that the claims were read from.
func (c *Client) asUser(ctx context.Context, claims *watchword.Claims, q request, route string) ([]byte, error) {
	if q.bearer = claims.Token(); q.bearer == "" {
		return nil, fmt.Errorf("%w: these claims lead to no token", watchword.Unauthenticated)
	}
	n, err := c.native(ctx)
	if err != nil {
		return nil, err
	}
	q.url = n.at(route)
	return c.call(ctx, q)
}

// ChangePassword changes the password at the authority, which ends the user's
// other sessions.
func (c *Client) ChangePassword(ctx context.Context, p watchword.PasswordChange) error {
	_, err := c.asUser(ctx, p.Claims, request{json: map[string]any{"current": p.Current, "new": p.New}, from: p.Client}, "password")
	return err
}

// SignUp asks the authority for an account. It does not tell the user's
// record, nor whether the login was taken. NotFound where it takes no
// strangers.
func (c *Client) SignUp(ctx context.Context, r watchword.SignUpRequest) (watchword.User, error) {
	n, err := c.native(ctx)
	if err != nil {
		return watchword.User{}, err
	}
	body := map[string]any{"login": r.User.Login, "password": r.Password}
	for name, value := range map[string]string{"email": r.User.Email, "first_name": r.User.FirstName, "last_name": r.User.LastName} {
		if value != "" {
			body[name] = value
		}
	}
	_, err = c.call(ctx, request{url: n.at("users"), json: body, from: r.Client})
	return watchword.User{}, err
}

// Sessions returns the open sessions of the claims' user.
func (c *Client) Sessions(ctx context.Context, claims *watchword.Claims) ([]watchword.SessionInfo, error) {
	body, err := c.asUser(ctx, claims, request{method: http.MethodGet}, "sessions")
	if err != nil {
		return nil, err
	}
	list, err := parseSessions(body)
	if err != nil {
		return nil, fmt.Errorf("%w: list of sessions: %w", watchword.Unavailable, err)
	}
	return list, nil
}

// EndSession ends one of the claims' user's sessions.
func (c *Client) EndSession(ctx context.Context, claims *watchword.Claims, id string, from watchword.Client) error {
	_, err := c.asUser(ctx, claims, request{method: http.MethodDelete, from: from}, "sessions/"+url.PathEscape(id))
	return err
}

func parseSessions(body []byte) ([]watchword.SessionInfo, error) {
	list := []watchword.SessionInfo{}
	err := jwt.Walk(body, func(name string, v jwt.Value) error {
		if name != "sessions" {
			return nil
		}
		return v.Each(func(e jwt.Value) error {
			s, err := parseSession(e)
			list = append(list, s)
			return err
		})
	})
	return list, err
}

func parseSession(v jwt.Value) (watchword.SessionInfo, error) {
	var s watchword.SessionInfo
	times := map[string]*time.Time{"created_at": &s.CreatedAt, "last_used_at": &s.AdvancedAt, "expires_at": &s.IdleUntil}
	texts := map[string]*string{"id": &s.ID, "device": &s.Device, "address": &s.Address}
	err := v.Walk(func(name string, v jwt.Value) (err error) {
		switch {
		case v.IsNull():
		case texts[name] != nil:
			*texts[name], err = v.Text()
		case times[name] != nil:
			*times[name], err = timestamp(v)
		case name == "current":
			s.Current, err = v.Bool()
		}
		return err
	})
	return s, err
}

// timestamp reads RFC 3339.
func timestamp(v jwt.Value) (time.Time, error) {
	text, err := v.Text()
	if err != nil {
		return time.Time{}, err
	}
	return time.Parse(time.RFC3339, text)
}

// AuthenticateClient refuses: machines sign in at the authority itself. A
// service that passed their secrets on would be one more place to steal them
// from, and no machine needs it.
func (c *Client) AuthenticateClient(context.Context, string, string) (watchword.ClientRecord, error) {
	return watchword.ClientRecord{}, fmt.Errorf("%w: machine clients sign in at %s", watchword.InvalidClient, c.issuer)
}

// ClientToken refuses likewise.
func (c *Client) ClientToken(context.Context, watchword.ClientRecord, []string) (watchword.Tokens, error) {
	return watchword.Tokens{}, fmt.Errorf("%w: machine clients sign in at %s", watchword.InvalidClient, c.issuer)
}

// Introspect says whether an access token counts here; what it returns has no
// login. Refresh tokens are known to the authority alone and never active.
func (c *Client) Introspect(ctx context.Context, raw string) (watchword.Introspection, error) {
	claims, err := c.Verify(ctx, raw, watchword.Access, watchword.Sliding)
	switch watchword.CodeOf(err) {
	case watchword.Unavailable:
		return watchword.Introspection{}, err
	default:
		return watchword.Introspection{Claims: claims}, nil //nolint:nilerr // a token that does not count is no error
	}
}

// Revoke revokes a token at the authority (RFC 7009), with this service's own
// credentials.
func (c *Client) Revoke(ctx context.Context, raw string, from watchword.Client) error {
	if c.c.ClientID == "" {
		return fmt.Errorf("%w: revoking needs ClientID", watchword.InvalidClient)
	}
	n, err := c.native(ctx)
	if err != nil {
		return err
	}
	_, err = c.call(ctx, request{url: n.revoke, form: url.Values{"token": {raw}}, asClient: true, from: from})
	return err
}
