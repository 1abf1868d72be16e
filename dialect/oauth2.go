package dialect

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/httpauth"
	"github.com/watchword-auth/watchword/jwt"
)

// oauth2Settings are the constants of Esmerald's guide, and ours beneath.
type oauth2Settings struct {
	all      []Setting
	keys     keys
	lifetime time.Duration

	status       int
	strictForm   bool
	esmerald     bool // Esmerald's validation answers, not FastAPI's
	alwaysScopes bool
	forbid       bool // 403 "Permission denied" for a missing scope
	subPrefix    string
	fields       []string
	about        httpauth.About
}

// OAuth2 is the OAuth2 password flow with JWT of Esmerald's guide, and of
// FastAPI's that it descends from, under /.
//
// Settings of the original: SECRET_KEY, ALGORITHM,
// ACCESS_TOKEN_EXPIRE_MINUTES (15 where it is not set, as the guide's code
// has it), and for the OpenAPI document the arguments of OAuth2PasswordBearer:
// scheme_name, description, scopes (a table: what each permits) and
// refreshUrl; include_in_schema. tokenUrl is where the route is. Ours: success_status (200; 201 is Esmerald's default for a POST),
// strict_form (grant_type is demanded), validation ("fastapi" or "esmerald":
// which shape wrong input is answered with), always_scopes (write the scopes
// list also where none was asked for), missing_scope (401 as in the chapter on
// scopes, or 403 as in the guide's example), sub_prefix (such as "username:";
// written on issue, demanded and stripped on use).
//
// Safer than the original: only scopes that the user may have are granted,
// disabled users get no token, exp is demanded, and a jti at the end lets the
// session be ended.
func OAuth2(o Options) (Dialect, error) {
	c, err := readOAuth2(o)
	if err != nil {
		return Dialect{}, err
	}
	d := Dialect{
		Name: "oauth2", Profile: c.profile(o.prefixOr("/"), o.SampleRoutes),
		Settings: c.all, Script: c.script(o.prefixOr("/")),
	}
	_, d.Notes, err = c.keys.apply(watchword.Config{})
	d.Engine = c.engine
	return d, err
}

func readOAuth2(o Options) (*oauth2Settings, error) {
	s := read(o.Settings)
	c := &oauth2Settings{
		keys: keys{
			setting: "SECRET_KEY", algorithm: s.algorithmOf("ALGORITHM", classic()...), signing: s.text("SECRET_KEY", ""),
			short: o.InsecureShortSecret, exposed: o.Exposed,
		},
		lifetime:     time.Duration(s.integer("ACCESS_TOKEN_EXPIRE_MINUTES", 15, 1, 366*24*60)) * time.Minute,
		status:       int(s.integer("success_status", http.StatusOK, 200, 201)),
		strictForm:   s.boolean("strict_form", false),
		esmerald:     s.oneOf("validation", "fastapi", "esmerald") == "esmerald",
		alwaysScopes: s.boolean("always_scopes", false),
		forbid:       s.integer("missing_scope", http.StatusUnauthorized, 401, 403) == http.StatusForbidden,
		subPrefix:    s.text("sub_prefix", ""),
		fields:       o.UserFields,
	}
	c.readDocument(s)
	c.all = s.list()
	return c, s.ends(o.checkFields())
}

// readDocument reads what the OpenAPI document says.
func (c *oauth2Settings) readDocument(s *settings) {
	c.about = httpauth.About{
		Title: "OAuth2 password flow", Description: "The routes of the guide to OAuth2 with JWT.",
		Scheme: s.text("scheme_name", "OAuth2PasswordBearer"), SchemeDescription: s.text("description", ""),
		RefreshURL: s.text("refreshUrl", ""), Hidden: !s.boolean("include_in_schema", true),
	}
	scopes := s.table("scopes")
	for _, name := range slices.Sorted(maps.Keys(scopes)) {
		c.about.Scopes = append(c.about.Scopes, httpauth.ScopeInfo{Name: name, Description: scopes[name]})
	}
}

func (c *oauth2Settings) engine(w watchword.Config) (watchword.Config, error) {
	w, _, err := c.keys.apply(w)
	if err != nil {
		return w, err
	}
	w.Profile, w.Type = "oauth2", "JWT"
	numbers, err := watchword.NewNumbers(w.SealKey, w.Profile)
	if err != nil {
		return w, err
	}
	layout := &oauth2Layout{oauth2Settings: c, reader: reader{
		numbers: numbers, jti: "jti", visit: oauth2Claim,
		foreign: func(*watchword.ClaimSet) watchword.Kind { return watchword.Access },
	}}
	// The guide has no refresh tokens; what the engine makes as such is
	// never handed out, and lives no longer than the access token.
	w.Layout = layout
	w.InsecureNoIssuer, w.InsecureNoAudience, w.InsecureNoIssuedAt = true, true, true
	w.Issuer, w.Audience = "", ""
	w.AccessLifetime, w.RefreshLifetime, w.SessionLifetime = c.lifetime, c.lifetime, c.lifetime
	w.SubjectUser = c.userOf(w)
	return w, nil
}

// userOf finds the user of a token that the old system issued, by the name
// in its sub.
func (c *oauth2Settings) userOf(w watchword.Config) func(context.Context, *watchword.Claims) (watchword.User, error) {
	users, ok := w.Users.(watchword.PasswordUsers)
	if w.Users == nil {
		users, ok = w.Store.(watchword.PasswordUsers)
	}
	if !ok {
		return nil
	}
	return func(ctx context.Context, claims *watchword.Claims) (watchword.User, error) {
		login, ok := strings.CutPrefix(claims.Subject, c.subPrefix)
		if !ok {
			return watchword.User{}, watchword.NotFound
		}
		u, _, err := users.UserByLogin(ctx, login)
		return named(u, err, u.Login, login)
	}
}

// oauth2Layout writes sub, scopes, exp and, last, the jti that is ours.
type oauth2Layout struct {
	*oauth2Settings
	reader
}

// Marshal writes the claims in the guide's order.
func (l *oauth2Layout) Marshal(s *watchword.ClaimSet) ([]byte, error) {
	sub := l.subPrefix + s.User.Login
	if strings.Contains(s.User.Login, ":") && s.User.ID == s.User.Login {
		sub = s.User.Login // an issued subject such as car:42 names its own kind
	}
	o := httpauth.Object{{Name: "sub", Value: sub}}
	if len(s.Scopes) > 0 || l.alwaysScopes {
		o = append(o, httpauth.Pair{Name: "scopes", Value: s.Scopes})
	}
	o = append(o, httpauth.Pair{Name: "exp", Value: s.Expiry.Unix()})
	o, err := extras(o, s, l.fields)
	if err != nil {
		return nil, err
	}
	o = append(o, httpauth.Pair{Name: "jti", Value: l.numbers.Hex(tokenID(s))})
	return httpauth.Style{ASCII: true}.Marshal(o)
}

// Unmarshal reads tokens of ours and of the original. Ours have no iat: it
// follows from exp.
func (l *oauth2Layout) Unmarshal(payload []byte) (*watchword.Claims, error) {
	c, err := l.read(payload)
	if err == nil && c.IssuedAt.IsZero() && c.Number > 0 {
		c.IssuedAt = c.Expiry.Add(-l.lifetime)
	}
	return c, err
}

func oauth2Claim(s *watchword.ClaimSet, name string, v jwt.Value) (err error) {
	if name == "scopes" {
		s.Scopes, err = v.Texts()
	}
	return err
}

func (c *oauth2Settings) profile(prefix string, samples bool) httpauth.Profile {
	grant := httpauth.Field{Param: httpauth.ParamGrantType, Optional: !c.strictForm, OneOf: []string{"password"}}
	optional := func(p httpauth.Param) httpauth.Field { return httpauth.Field{Param: p, Optional: true} }
	p := httpauth.Profile{
		Name: "oauth2", Prefix: prefix, Problem: c.problem, SlashRedirect: http.StatusTemporaryRedirect, About: c.about,
		Routes: []httpauth.Route{
			{
				Pattern: "POST token", Op: httpauth.OpSignIn,
				In: httpauth.Input{
					Multipart: true, OtherAsEmpty: true, NoScopeIsNone: true,
					Form: []httpauth.Field{
						grant,
						{Param: httpauth.ParamLogin, Name: "username"},
						{Param: httpauth.ParamPassword},
						optional(httpauth.ParamScope), optional(httpauth.ParamClientID), optional(httpauth.ParamClientSecret),
					},
				},
				Out: httpauth.Output{Encode: c.encodeToken},
			},
			{Pattern: "GET users/me", Op: httpauth.OpWhoami, Out: httpauth.Output{Encode: encodeMe}},
		},
	}
	if samples {
		p.Routes = append(p.Routes, httpauth.Route{
			Pattern: "GET users/me/items", Op: httpauth.OpWhoami, Out: httpauth.Output{Encode: encodeItems},
			Doc: httpauth.Doc{Summary: "List the user's items", Description: "The guide's sample view."},
		})
	}
	return p
}

// encodeToken is the guide's answer, and the scope granted where it is not
// what was asked for (RFC 6749, section 5.1): nobody gets what he may not have.
func (c *oauth2Settings) encodeToken(x *httpauth.Exchange, r httpauth.Result) (httpauth.Reply, error) {
	asked, err := watchword.ParseScope(x.Text(httpauth.ParamScope))
	if err != nil {
		return httpauth.Reply{}, err
	}
	o := httpauth.Object{{Name: "access_token", Value: r.Tokens.Access}, {Name: "token_type", Value: "bearer"}}
	granted := slices.Sorted(r.Tokens.Claims.Scopes())
	slices.Sort(asked)
	if !slices.Equal(slices.Compact(asked), granted) {
		o = append(o, httpauth.Pair{Name: "scope", Value: strings.Join(granted, " ")})
	}
	return x.JSON(c.status, o)
}

// encodeMe is the guide's User model.
func encodeMe(x *httpauth.Exchange, r httpauth.Result) (httpauth.Reply, error) {
	return x.JSON(http.StatusOK, httpauth.Object{
		{Name: "username", Value: r.User.Login},
		{Name: "email", Value: orNull(r.User.Email)},
		{Name: "full_name", Value: orNull(fullName(r.User))},
		{Name: "disabled", Value: !r.User.Active},
	})
}

func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// encodeItems is the guide's sample view.
func encodeItems(x *httpauth.Exchange, r httpauth.Result) (httpauth.Reply, error) {
	return x.JSON(http.StatusOK, []httpauth.Object{{
		{Name: "item_id", Value: "Foo"}, {Name: "owner", Value: r.User.Login},
	}})
}

// problem is the guide's HTTPException: {"detail": text}.
func (c *oauth2Settings) problem(p httpauth.Problem) httpauth.Reply {
	detail := func(status int, text string) httpauth.Reply {
		return httpauth.JSON(status, httpauth.Object{{Name: "detail", Value: text}})
	}
	challenge := "Bearer"
	if len(p.Scopes) > 0 && p.Code != watchword.Unauthenticated {
		challenge = fmt.Sprintf("Bearer scope=%q", strings.Join(p.Scopes, " "))
	}
	unauthorized := func(text string) httpauth.Reply {
		r := detail(http.StatusUnauthorized, text)
		r.Header.Set("WWW-Authenticate", challenge)
		return r
	}
	switch {
	case p.Code == watchword.InvalidRequest && len(p.Faults) > 0:
		return c.invalid(p)
	case p.Status >= 500, p.Status == http.StatusTooManyRequests, p.Status == http.StatusMethodNotAllowed, p.Status == http.StatusRequestEntityTooLarge:
		return detail(p.Status, http.StatusText(p.Status))
	case p.Op == httpauth.OpSignIn:
		return unauthorized("Incorrect username or password")
	case p.Code == watchword.Unauthenticated:
		return unauthorized("Not authenticated")
	case p.Code == watchword.UserDisabled, p.Code == watchword.SessionEnded:
		// Tokens of a disabled user are ended as well, and the guide's
		// clients look for this answer.
		return detail(http.StatusBadRequest, "Inactive user")
	case p.Code == watchword.InsufficientScope && c.forbid, p.Code == watchword.PermissionDenied:
		return detail(http.StatusForbidden, "Permission denied")
	case p.Code == watchword.InsufficientScope:
		return unauthorized("Not enough permissions")
	case p.Status == http.StatusUnauthorized:
		return unauthorized("Could not validate credentials")
	default:
		return detail(p.Status, http.StatusText(p.Status))
	}
}

// invalid answers wrong input as FastAPI on pydantic 1 does, or as Esmerald.
func (c *oauth2Settings) invalid(p httpauth.Problem) httpauth.Reply {
	if c.esmerald {
		return esmeraldInvalid(p.Request, esmeraldFaults(p.Faults))
	}
	list := make([]httpauth.Object, 0, len(p.Faults))
	for _, f := range p.Faults {
		list = append(list, pydantic1(f))
	}
	return httpauth.JSON(http.StatusUnprocessableEntity, httpauth.Object{{Name: "detail", Value: list}})
}

// pydantic1 is one fault in the words of pydantic 1.
func pydantic1(f httpauth.Fault) httpauth.Object {
	loc := []any{"body"}
	if f.Name != "" {
		loc = append(loc, f.Name)
	}
	msg, kind := "field required", "value_error.missing"
	switch f.Kind {
	case httpauth.FaultValue:
		msg, kind = fmt.Sprintf("string does not match regex %q", f.OneOf[0]), "value_error.str.regex"
	case httpauth.FaultSyntax, httpauth.FaultNotObject:
		msg, kind = "There was an error parsing the body", "value_error"
	case httpauth.FaultType, httpauth.FaultNull:
		msg, kind = "str type expected", "type_error.str"
	case httpauth.FaultMissing, httpauth.FaultBlank:
	}
	o := httpauth.Object{{Name: "loc", Value: loc}, {Name: "msg", Value: msg}, {Name: "type", Value: kind}}
	if f.Kind == httpauth.FaultValue {
		o = append(o, httpauth.Pair{Name: "ctx", Value: httpauth.Object{{Name: "pattern", Value: f.OneOf[0]}}})
	}
	return o
}

// requestURL is the URL as the client wrote it.
func requestURL(r *http.Request) string {
	scheme := "http"
	if secure(r) {
		scheme = "https"
	}
	return scheme + "://" + r.Host + r.URL.RequestURI()
}
