package dialect

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/httpauth"
	"github.com/watchword-auth/watchword/jwt"
)

// ellarSettings are those of ellar-jwt's JWTModule, and ours beneath.
type ellarSettings struct {
	all      []Setting
	keys     keys
	keysURL  string
	audience string
	issuer   string
	leeway   time.Duration
	jtiName  string
	lifetime time.Duration

	guard      bool // the guard strategy's error shape
	rotate     bool
	sliding    bool
	logout     bool
	cookies    bool
	numericSub bool
	numericID  bool
	refresh    time.Duration
	session    time.Duration
	fields     []string
	adopt      time.Time
	about      httpauth.About
}

// Ellar is ellar-jwt 0.2.5 as its guide sets it up, under /auth.
//
// Settings of the original: algorithm, signing_secret_key,
// verifying_secret_key, audience, issuer, jwk_url, leeway, jti, lifetime, and
// for the OpenAPI document openapi_name and openapi_description of its bearer
// scheme (the class of the guide's strategy: JWTAuthentication or JWTGuard),
// tags (ApiTags) and include_in_schema. Ours:
// strategy ("handler" or "guard": which of the two error shapes),
// refresh_lifetime (30 days), rotate_refresh_tokens, sliding (with rotation:
// each successor lives refresh_lifetime anew, up to session_lifetime, 90
// days), blacklist (adds POST logout), transport ("one-cookie" carries tokens
// in HttpOnly cookies access_token and refresh_token), numeric_sub and
// numeric_id (numbers where current libraries demand text).
//
// Safer than the original: a refresh token opens no route, an access token
// refreshes nothing, exp is demanded, both end with the session, and the kind
// is in the signed jti.
func Ellar(o Options) (Dialect, error) {
	c, err := readEllar(o)
	if err != nil {
		return Dialect{}, err
	}
	d := Dialect{
		Name: "ellar", Profile: c.profile(o.prefixOr("/auth")),
		Settings: c.all, Script: c.script(o.prefixOr("/auth")), KeysURL: c.keysURL,
	}
	_, d.Notes, err = c.keys.apply(watchword.Config{})
	d.Engine = c.engine
	return d, err
}

func readEllar(o Options) (*ellarSettings, error) {
	s := read(o.Settings)
	c := &ellarSettings{
		keys: keys{
			setting: "signing_secret_key", algorithm: s.algorithmOf("algorithm", classic()...),
			signing: s.text("signing_secret_key", ""), verifying: s.text("verifying_secret_key", ""),
			short: o.InsecureShortSecret, exposed: o.Exposed,
		},
		audience: s.text("audience", ""),
		issuer:   s.text("issuer", ""),
		leeway:   s.duration("leeway", 0),
		jtiName:  s.text("jti", "jti"),
		lifetime: s.duration("lifetime", 5*time.Minute),
		guard:    s.oneOf("strategy", "handler", "guard") == "guard",
		rotate:   s.boolean("rotate_refresh_tokens", false),
		sliding:  s.boolean("sliding", false),
		logout:   s.boolean("blacklist", false),
		cookies:  s.oneOf("transport", "json", "one-cookie") == "one-cookie",
		refresh:  s.duration("refresh_lifetime", 30*24*time.Hour),

		numericSub: s.boolean("numeric_sub", false),
		numericID:  s.boolean("numeric_id", false),
		fields:     o.UserFields,
		adopt:      o.AdoptUntil,
	}
	// As in the original, fetched keys are for signatures only.
	if url := s.text("jwk_url", ""); !c.keys.algorithm.Symmetric() {
		c.keysURL = url
	}
	c.session = c.refresh
	if longest := s.duration("session_lifetime", 90*24*time.Hour); c.sliding {
		c.session = longest
	}
	if c.leeway > time.Minute {
		// The original has no bound; a token that outlives its exp by more
		// than clocks differ is a longer lifetime by another name.
		s.fault("leeway", "%s is above a minute", c.leeway)
	}
	if c.sliding && !c.rotate {
		s.fault("sliding", "needs rotate_refresh_tokens")
	}
	name := "JWTAuthentication"
	if c.guard {
		name = "JWTGuard"
	}
	c.about = httpauth.About{
		Title: "Ellar JWT", Description: "The routes of the guide to ellar-jwt.", Tags: s.texts("tags", "auth"),
		Scheme: s.text("openapi_name", name), SchemeDescription: s.text("openapi_description", ""),
		Hidden: !s.boolean("include_in_schema", true),
	}
	c.all = s.list()
	return c, s.ends(o.checkFields())
}

func (c *ellarSettings) engine(w watchword.Config) (watchword.Config, error) {
	w, _, err := c.keys.apply(w)
	if err != nil {
		return w, err
	}
	w.Profile, w.Type = "ellar", "JWT"
	numbers, err := watchword.NewNumbers(w.SealKey, w.Profile)
	if err != nil {
		return w, err
	}
	layout := &ellarLayout{ellarSettings: c, reader: reader{
		numbers: numbers, jti: c.jtiName, visit: ellarClaim, foreign: ellarForeign,
	}}
	w.Layout, w.RefreshLayout = layout, layout
	w.Issuer, w.InsecureNoIssuer = c.issuer, true
	w.Audience, w.InsecureNoAudience = c.audience, true
	w.Leeway, w.AccessLifetime = c.leeway, c.lifetime
	w.RefreshLifetime, w.SessionLifetime = c.refresh, c.session
	w.Rotation.Mode = watchword.Keep
	if c.rotate {
		w.Rotation.Mode = watchword.Rotate
	}
	w.SubjectUser = subjectUser(w, "username") // refresh tokens have no user_id
	w.AdoptUntil = c.adopt
	return w, nil
}

// ellarLayout writes both kinds of token.
type ellarLayout struct {
	*ellarSettings
	reader
}

// Marshal writes exp, iat and jti, then what the original's caller gave, then
// aud and iss.
func (l *ellarLayout) Marshal(s *watchword.ClaimSet) ([]byte, error) {
	o := httpauth.Object{
		{Name: "exp", Value: s.Expiry.Unix()},
		{Name: "iat", Value: s.IssuedAt.Unix()},
		{Name: l.jti, Value: l.numbers.Hex(tokenID(s))},
	}
	if s.Kind == watchword.Refresh {
		o = append(o, httpauth.Pair{Name: "sub", Value: s.User.Login})
	} else {
		var sub any = s.User.ID
		if l.numericSub {
			sub = number(s.User.ID)
		}
		o = append(
			o,
			httpauth.Pair{Name: "user_id", Value: number(s.User.ID)},
			httpauth.Pair{Name: "username", Value: s.User.Login},
			httpauth.Pair{Name: "sub", Value: sub},
		)
		var err error
		if o, err = extras(o, s, l.fields); err != nil {
			return nil, err
		}
	}
	if l.audience != "" {
		o = append(o, httpauth.Pair{Name: "aud", Value: l.audience})
	}
	if l.issuer != "" {
		o = append(o, httpauth.Pair{Name: "iss", Value: l.issuer})
	}
	return httpauth.Style{ASCII: true}.Marshal(o)
}

// Unmarshal reads tokens of ours and of the original.
func (l *ellarLayout) Unmarshal(payload []byte) (*watchword.Claims, error) { return l.read(payload) }

func ellarClaim(s *watchword.ClaimSet, name string, v jwt.Value) error {
	if name != "user_id" {
		return nil
	}
	if n, err := v.Int(); err == nil {
		s.UserID = fmt.Sprint(n)
		return nil
	}
	id, err := v.Text()
	s.UserID = id
	return err
}

// ellarForeign: the original's tokens have no type. Only its access tokens
// bear a user_id.
func ellarForeign(s *watchword.ClaimSet) watchword.Kind {
	if s.UserID == "" {
		return watchword.Refresh
	}
	return watchword.Access
}

func (c *ellarSettings) profile(prefix string) httpauth.Profile {
	refreshed := []httpauth.Member{{Name: "access_token", Value: httpauth.AccessToken}}
	pair := append(refreshed[:1:1], httpauth.Member{Name: "refresh_token", Value: httpauth.RefreshToken})
	if c.rotate {
		refreshed = pair
	}
	payload := httpauth.Input{
		JSON: []httpauth.Field{{Param: httpauth.ParamRefresh, Name: "payload", Optional: c.cookies}}, OtherAsEmpty: true,
	}
	var transport httpauth.Transport = httpauth.Bearer{}
	if c.cookies {
		refreshed = pair
		transport = httpauth.Beside{
			Transport: httpauth.OneCookie{Cookies: httpauth.Cookies{Access: "access_token", Refresh: "refresh_token"}},
			Also:      []httpauth.Transport{httpauth.Bearer{}},
		}
	}
	p := httpauth.Profile{
		Name: "ellar", Prefix: prefix, Problem: c.problem, Transport: transport, About: c.about,
		Routes: []httpauth.Route{
			{
				Pattern: "POST login", Op: httpauth.OpSignIn, Out: httpauth.Output{Members: pair},
				In: httpauth.Input{OtherAsEmpty: true, JSON: []httpauth.Field{
					{Param: httpauth.ParamLogin, Name: "username"}, {Param: httpauth.ParamPassword},
				}},
			},
			{Pattern: "POST refresh", Op: httpauth.OpRefresh, In: payload, Out: httpauth.Output{Members: refreshed}},
			{Pattern: "GET profile", Guarded: true, Serve: c.serveProfile, Doc: c.profileDoc()},
		},
	}
	if c.logout {
		p.Routes = append(p.Routes, httpauth.Route{Pattern: "POST logout", Op: httpauth.OpSignOut, In: payload})
	}
	return p
}

// profileDoc shows what serveProfile answers.
func (c *ellarSettings) profileDoc() httpauth.Doc {
	claims := httpauth.Object{
		{Name: "exp", Value: 1769861100},
		{Name: "iat", Value: 1769860800},
		{Name: c.jtiName, Value: "0f1e2d3c4b5a69788796a5b4c3d2e1f0"},
		{Name: "user_id", Value: 1},
		{Name: "username", Value: "john"},
	}
	var sub, id any = "1", "1"
	if c.numericSub {
		sub, id = 1, 1
	}
	if c.numericID {
		id = 1
	}
	return httpauth.Doc{
		Summary: "Show the identity", Description: "The claims of the token, with id and auth_type.",
		Answers: []httpauth.Answer{{Examples: []any{append(
			claims, httpauth.Pair{Name: "sub", Value: sub}, httpauth.Pair{Name: "id", Value: id}, httpauth.Pair{Name: "auth_type", Value: "bearer"},
		)}}},
	}
}

// serveProfile answers the identity: all claims, and id and auth_type.
func (c *ellarSettings) serveProfile(x *httpauth.Exchange) (httpauth.Reply, error) {
	var o httpauth.Object
	var id any = x.Claims.Subject
	err := jwt.Walk(x.Claims.JSON(), func(name string, v jwt.Value) error {
		if name == "id" {
			id = httpauth.Raw(v.Raw())
			return nil
		}
		if name == "sub" {
			id = httpauth.Raw(v.Raw())
		}
		o = append(o, httpauth.Pair{Name: name, Value: httpauth.Raw(v.Raw())})
		return nil
	})
	if err != nil {
		return httpauth.Reply{}, err
	}
	if c.numericID {
		id = number(x.Claims.Subject)
	}
	return x.JSON(http.StatusOK, append(o, httpauth.Pair{Name: "id", Value: id}, httpauth.Pair{Name: "auth_type", Value: "bearer"}))
}

// problem is ellar's error shapes. Its HTTP exceptions say status_code, its
// API exceptions don't.
func (c *ellarSettings) problem(p httpauth.Problem) httpauth.Reply {
	detail := func(status int, text string) httpauth.Reply {
		return httpauth.JSON(status, httpauth.Object{{Name: "detail", Value: text}})
	}
	withStatus := func(status int, text string) httpauth.Reply {
		return httpauth.JSON(status, httpauth.Object{{Name: "detail", Value: text}, {Name: "status_code", Value: status}})
	}
	switch {
	case p.Code == watchword.InvalidRequest && len(p.Faults) > 0:
		return httpauth.JSON(http.StatusUnprocessableEntity, httpauth.Object{{Name: "detail", Value: pydanticFaults(p.Faults)}})
	case p.Code == watchword.MethodNotAllowed:
		return withStatus(p.Status, "Method Not Allowed")
	case p.Status >= 500, p.Code == watchword.RateLimited, p.Code == watchword.TooLarge, p.Code == watchword.CrossOrigin:
		return detail(p.Status, http.StatusText(p.Status))
	case p.Op == httpauth.OpSignIn || p.Op == httpauth.OpRefresh:
		return detail(http.StatusUnauthorized, "Incorrect authentication credentials.")
	case p.Code == watchword.Unauthenticated && p.Request != nil && p.Request.Header.Get("Authorization") != "":
		return detail(http.StatusUnauthorized, "Invalid authentication credentials")
	case p.Status == http.StatusForbidden:
		return detail(http.StatusForbidden, http.StatusText(http.StatusForbidden))
	case p.Status == http.StatusUnauthorized && c.guard:
		return detail(http.StatusUnauthorized, "Forbidden")
	case p.Status == http.StatusUnauthorized:
		return withStatus(http.StatusUnauthorized, "Forbidden")
	default:
		return detail(p.Status, http.StatusText(p.Status))
	}
}

// pydanticFaults is a validation answer of pydantic 2 in its own words, as
// far as clients look at it: type, loc, msg.
func pydanticFaults(faults []httpauth.Fault) []httpauth.Object {
	list := make([]httpauth.Object, 0, len(faults))
	for _, f := range faults {
		loc, kind, msg := []any{"body"}, "missing", "Field required"
		switch f.Kind {
		case httpauth.FaultSyntax:
			kind, msg = "json_invalid", "JSON decode error"
		case httpauth.FaultNotObject:
			kind, msg = "model_attributes_type", "Input should be a valid dictionary or object to extract fields from"
		case httpauth.FaultNull, httpauth.FaultType:
			kind, msg = "string_type", "Input should be a valid string"
		case httpauth.FaultBlank:
			kind, msg = "string_too_short", "String should have at least 1 character"
		case httpauth.FaultValue:
			kind, msg = "literal_error", "Input should be '"+strings.Join(f.OneOf, "' or '")+"'"
		case httpauth.FaultMissing:
		}
		if f.Name != "" {
			loc = append(loc, f.Name)
		}
		list = append(list, httpauth.Object{{Name: "type", Value: kind}, {Name: "loc", Value: loc}, {Name: "msg", Value: msg}})
	}
	return list
}
