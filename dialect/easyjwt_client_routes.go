package dialect

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/httpauth"
	"github.com/watchword-auth/watchword/jwt"
)

// What the routes need of the service: package remote/easyjwt has it.
type (
	// easyjwtUpstream is the authority, whose answers are told on as they are.
	easyjwtUpstream interface {
		Obtain(ctx context.Context, r watchword.SignInRequest) ([]byte, error)
		Renew(ctx context.Context, r watchword.RefreshRequest) ([]byte, error)
		Check(ctx context.Context, raw string, from watchword.Client) ([]byte, error)
		// Record is the record of a token's user, or of a session's.
		Record(ctx context.Context, raw string) ([]byte, error)
	}
	// easyjwtCopies are the records that are kept here.
	easyjwtCopies interface {
		CopyJSON(ctx context.Context, c *watchword.Claims) ([]byte, error)
	}
	// easyjwtPages are the sessions of people on pages.
	easyjwtPages interface {
		OpenSession(ctx context.Context, r watchword.SignInRequest) (id string, until time.Time, err error)
		CloseSession(ctx context.Context, id string, from watchword.Client) error
		SessionUser(ctx context.Context, id string) (u watchword.User, remote bool, err error)
		SetPassword(ctx context.Context, login, old, new string, from watchword.Client) error
	}
	// answered is a refusal with the authority's own words.
	answered interface {
		error
		Answer() []byte
	}
)

func (c *easyjwtClient) profile(prefix string) httpauth.Profile {
	p := httpauth.Profile{
		Name: "easyjwt-client", Prefix: prefix, Problem: c.problem, Transport: easyjwtCarrier{c}, Protect: easyjwtCSRF{c}, About: c.about(),
		Kinds: []watchword.Kind{watchword.Access, watchword.Sliding}, Origins: c.origins, SlashRedirect: http.StatusPermanentRedirect,
		Routes: []httpauth.Route{
			{
				Pattern: "POST token/", Op: httpauth.OpSignIn, Serve: c.posted(c.serveToken), Needs: needs[easyjwtUpstream],
				In: anyForm(field(httpauth.ParamLogin, c.upstream.LoginField), field(httpauth.ParamPassword, "")), Doc: c.tokensDoc("Sign in"),
			},
			{
				Pattern: "POST token/refresh/", Op: httpauth.OpRefresh, Serve: c.posted(c.serveRefresh), Needs: needs[easyjwtUpstream],
				In: anyForm(c.token(httpauth.ParamRefresh, "refresh", c.inCookie)), Doc: c.refreshDoc(),
			},
			{
				Pattern: "POST token/verify/", Op: httpauth.OpVerify, Serve: c.posted(c.serveVerify), Needs: needs[easyjwtUpstream],
				In: anyForm(c.token(httpauth.ParamToken, "token", false)), Doc: c.doc("Verify a token", httpauth.Object{}),
			},
			{
				Pattern: "POST token/logout/", Op: httpauth.OpSignOut, Serve: c.posted(c.serveLogout),
				In:  anyForm(httpauth.Field{Param: httpauth.ParamRefresh, Name: "refresh", Optional: true, NumberAsText: true}),
				Doc: c.doc("Sign out", detailObject("Logged out.")),
			},
			{
				Pattern: "GET csrf/", Serve: c.got(c.serveCSRF),
				Doc: c.doc("Get a token against cross-site requests", detailObject("CSRF cookie set.")),
			},
			{Pattern: "GET user/", Guarded: true, Serve: c.got(c.serveOwn), Needs: needs[easyjwtUpstream], Doc: c.recordDoc("Show the user")},
			{
				Pattern: "GET users/{id}/", Guarded: true, Serve: c.got(c.serveUser), Needs: needs[easyjwtUpstream],
				Doc: c.recordDoc("Show one's own record by its id"),
			},
			{Pattern: "GET password-reset/", Serve: c.serveReset, Doc: httpauth.Doc{
				Summary: "Go where a password is reset", Answers: []httpauth.Answer{{Status: http.StatusFound}},
			}},
		},
	}
	if c.pages {
		for _, page := range c.pageRoutes() {
			page.Doc.Hidden = true // for people
			p.Routes = append(p.Routes, page)
		}
	}
	if c.sample {
		p.Routes = append(p.Routes, httpauth.Route{
			Pattern: "GET /api/test/", Guarded: true, Serve: c.got(c.serveSample), Needs: needs[easyjwtCopies], Doc: c.sampleDoc(),
		})
	}
	return p
}

// token is a field that holds one.
func (c *easyjwtClient) token(p httpauth.Param, name string, optional bool) httpauth.Field {
	f := field(p, name)
	f.Optional = optional
	if c.maxLength > 0 {
		f.Valid = func(text string) bool { return len([]rune(text)) <= c.maxLength }
	}
	return f
}

func (c *easyjwtClient) posted(serve func(*httpauth.Exchange) (httpauth.Reply, error)) func(*httpauth.Exchange) (httpauth.Reply, error) {
	return c.negotiated(serve, "POST, OPTIONS")
}

func (c *easyjwtClient) got(serve func(*httpauth.Exchange) (httpauth.Reply, error)) func(*httpauth.Exchange) (httpauth.Reply, error) {
	return c.negotiated(serve, "GET, HEAD, OPTIONS")
}

// negotiated adds the headers of every answer, and tells on what the authority
// has refused.
func (c *easyjwtClient) negotiated(serve func(*httpauth.Exchange) (httpauth.Reply, error), allow string) func(*httpauth.Exchange) (httpauth.Reply, error) {
	return func(x *httpauth.Exchange) (httpauth.Reply, error) {
		if !takesJSON(x.Request) {
			return c.framed(notAcceptable(), x.Request, allow), nil
		}
		r, err := serve(x)
		if refused := answered(nil); errors.As(err, &refused) && watchword.CodeOf(err) != watchword.Unavailable {
			r, err = httpauth.Reply{Status: c.failed(watchword.CodeOf(err)), Body: refused.Answer()}, nil
		}
		return c.framed(r, x.Request, allow), err
	}
}

// serveToken signs in. In cookie mode scripts never see the refresh token.
func (c *easyjwtClient) serveToken(x *httpauth.Exchange) (httpauth.Reply, error) {
	answer, err := x.Service.(easyjwtUpstream).Obtain(x.Request.Context(), watchword.SignInRequest{
		Credentials: watchword.Credentials{Login: x.Text(httpauth.ParamLogin), Password: x.Text(httpauth.ParamPassword)}, Client: x.Client,
	})
	if err != nil {
		return httpauth.Reply{}, err
	}
	return c.handOut(x, answer)
}

// serveRefresh exchanges the refresh token, in cookie mode the cookie's alone.
func (c *easyjwtClient) serveRefresh(x *httpauth.Exchange) (httpauth.Reply, error) {
	raw := x.Text(httpauth.ParamRefresh)
	if c.inCookie {
		if raw, _ = x.Transport().Refresh(x.Request); raw == "" {
			return detail(http.StatusUnauthorized, "No refresh token provided.", ""), nil
		}
	}
	answer, err := x.Service.(easyjwtUpstream).Renew(x.Request.Context(), watchword.RefreshRequest{Raw: raw, Client: x.Client})
	if err != nil {
		return httpauth.Reply{}, err
	}
	return c.handOut(x, answer)
}

// handOut answers with the authority's tokens, the refresh token in its cookie
// where that is wanted.
func (c *easyjwtClient) handOut(x *httpauth.Exchange, answer []byte) (httpauth.Reply, error) {
	if !c.inCookie {
		return httpauth.Reply{Status: http.StatusOK, Body: answer}, nil
	}
	var refresh string
	var rest httpauth.Object
	err := jwt.Walk(answer, func(name string, v jwt.Value) (err error) {
		if name == "refresh" {
			refresh, err = v.Text()
			return err
		}
		rest = append(rest, httpauth.Pair{Name: name, Value: httpauth.Raw(v.Raw())})
		return nil
	})
	if err != nil || strings.ContainsFunc(refresh, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`;,"\`, r) }) {
		return httpauth.Reply{}, errors.Join(watchword.Unavailable, err)
	}
	r, err := x.JSON(http.StatusOK, rest)
	if refresh != "" {
		r.Header.Add("Set-Cookie", c.refreshCookie(x.Request, refresh))
	}
	return r, err
}

// serveVerify asks about a token of whatever kind.
func (c *easyjwtClient) serveVerify(x *httpauth.Exchange) (httpauth.Reply, error) {
	if _, err := x.Service.(easyjwtUpstream).Check(x.Request.Context(), x.Text(httpauth.ParamToken), x.Client); err != nil {
		return httpauth.Reply{}, err
	}
	return x.JSON(http.StatusOK, httpauth.Object{})
}

// serveLogout ends the session at the authority as far as that can be had: who
// wants to leave is told that he has.
func (c *easyjwtClient) serveLogout(x *httpauth.Exchange) (httpauth.Reply, error) {
	raw := x.Text(httpauth.ParamRefresh)
	if c.inCookie {
		raw, _ = x.Transport().Refresh(x.Request)
	}
	if raw != "" && c.blacklist {
		_ = x.Service.SignOut(x.Request.Context(), watchword.SignOutRequest{Raw: raw, Client: x.Client})
	}
	r := detail(http.StatusOK, "Logged out.", "")
	if c.inCookie {
		r.Header.Add("Set-Cookie", c.noRefreshCookie(x.Request))
	}
	return r, nil
}

func (c *easyjwtClient) serveCSRF(x *httpauth.Exchange) (httpauth.Reply, error) {
	r := detail(http.StatusOK, "CSRF cookie set.", "")
	csrfFor(r.Header, x.Request)
	return r, nil
}

// serveOwn answers the bearer's record as the authority tells it.
func (c *easyjwtClient) serveOwn(x *httpauth.Exchange) (httpauth.Reply, error) {
	raw, _ := x.Transport().Access(x.Request)
	record, err := x.Service.(easyjwtUpstream).Record(x.Request.Context(), raw)
	return httpauth.Reply{Status: http.StatusOK, Body: record}, err
}

// serveUser answers one's own record by its id at the authority. All others
// look like those that do not exist.
func (c *easyjwtClient) serveUser(x *httpauth.Exchange) (httpauth.Reply, error) {
	if id := x.Request.PathValue("id"); id == "" || id != x.Claims.UserID {
		return httpauth.Reply{}, watchword.NotFound
	}
	return c.serveOwn(x)
}

// serveReset sends to the authority's page. The query is not kept.
func (c *easyjwtClient) serveReset(*httpauth.Exchange) (httpauth.Reply, error) {
	return redirect(strings.TrimSuffix(c.upstream.URL, "/") + "/accounts/password_reset/"), nil
}

// redirect sends a browser elsewhere, by GET.
func redirect(to string) httpauth.Reply {
	return httpauth.Reply{Status: http.StatusFound, Header: http.Header{"Location": {to}, "Content-Type": {"text/html; charset=utf-8"}}}
}

// serveSample is the document's view, under the document's permission where
// that is set.
func (c *easyjwtClient) serveSample(x *httpauth.Exchange) (httpauth.Reply, error) {
	if c.permission.field != nil {
		record, err := x.Service.(easyjwtCopies).CopyJSON(x.Request.Context(), x.Claims)
		if err != nil && !errors.Is(err, watchword.NotFound) {
			return httpauth.Reply{}, err
		}
		if !c.permission.allows(record) {
			return httpauth.Reply{}, &watchword.PolicyError{Code: watchword.PermissionDenied, Message: c.permission.message}
		}
	}
	return x.JSON(http.StatusOK, "success")
}

// allows compares a member of the record with the value demanded: as text, or
// as JSON where it is none.
func (p easyjwtPermission) allows(record []byte) bool {
	if len(record) == 0 {
		return false
	}
	allowed := false
	var visit func(path []string) func(name string, v jwt.Value) error
	visit = func(path []string) func(string, jwt.Value) error {
		return func(name string, v jwt.Value) error {
			switch {
			case name != path[0]:
				return nil
			case len(path) > 1:
				return v.Walk(visit(path[1:]))
			}
			text, err := v.Text()
			if err != nil {
				text = string(v.Raw())
			}
			allowed = text == p.value
			return nil
		}
	}
	return jwt.Walk(record, visit(p.field)) == nil && allowed
}
