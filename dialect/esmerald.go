package dialect

import (
	"net/http"
	"strings"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/httpauth"
	"github.com/watchword-auth/watchword/jwt"
)

// esmeraldSettings are the object simple_jwt of the application's settings,
// and ours beneath.
type esmeraldSettings struct {
	all         []Setting
	keys        keys
	email       bool // sign in by e-mail address, else by user name
	signinURL   string
	refreshURL  string
	access      time.Duration
	refresh     time.Duration
	accessName  string // values of token_type
	refreshName string
	header      string
	schemes     []string
	userField   string // of the user, in sub
	userClaim   string // "": none beside sub
	jtiName     string
	leeway      time.Duration

	audience string
	issuer   string
	rotate   bool
	logout   bool
	fields   []string
	adopt    time.Time

	about                 httpauth.About
	signInDoc, refreshDoc httpauth.Doc
}

// Esmerald is esmerald-simple-jwt 0.3.2, under /auth.
//
// Settings of the original: signing_key, verifying_key, algorithm,
// backend_authentication, backend_refresh, login_model, refresh_model,
// access_token_model, token_model (their own classes; in Go others are
// functions), signin_url, refresh_url, access_token_lifetime (5 minutes),
// refresh_token_lifetime (1 day), access_token_name, refresh_token_name,
// authorization_header, auth_header_types, user_id_field, leeway,
// user_id_claim (the user's id once more under this name, where it is set),
// jti_claim, and for the OpenAPI document signin_summary, signin_description,
// refresh_summary, refresh_description, tags, security (Bearer, or false for
// none), and the two switches of its extension, include_in_schema and
// enable_openapi. The original never reads
// api_key_header and the two for sliding tokens: another value than the
// default is refused. Ours: audience, issuer (written and demanded),
// rotate_refresh_tokens (the answer to a refresh then has a refresh_token),
// blacklist (adds POST logout).
//
// Safer than the original: an unknown user is answered as a wrong password, a
// disabled one cannot refresh, a refresh token opens no route, times are in
// UTC, and a jti at the end lets the session be ended.
func Esmerald(o Options) (Dialect, error) {
	c, err := readEsmerald(o)
	if err != nil {
		return Dialect{}, err
	}
	d := Dialect{
		Name: "esmerald", Profile: c.profile(o.prefixOr("/auth")),
		Settings: c.all, Script: c.script(o.prefixOr("/auth")),
	}
	_, d.Notes, err = c.keys.apply(watchword.Config{})
	d.Engine = c.engine
	return d, err
}

func readEsmerald(o Options) (*esmeraldSettings, error) {
	s := read(o.Settings)
	c := &esmeraldSettings{
		keys: keys{
			setting: "signing_key", algorithm: s.algorithmOf("algorithm", classic()...),
			signing: s.text("signing_key", ""), verifying: s.text("verifying_key", ""),
			short: o.InsecureShortSecret, exposed: o.Exposed,
		},
		signinURL:   s.path("signin_url", "/signin"),
		refreshURL:  s.path("refresh_url", "/refresh-access"),
		access:      s.duration("access_token_lifetime", 5*time.Minute),
		refresh:     s.duration("refresh_token_lifetime", 24*time.Hour),
		accessName:  s.text("access_token_name", "access_token"),
		refreshName: s.text("refresh_token_name", "refresh_token"),
		header:      s.text("authorization_header", "Authorization"),
		schemes:     s.texts("auth_header_types", "Bearer"),
		userField:   s.oneOf("user_id_field", "id", "email", "username"),
		userClaim:   s.text("user_id_claim", ""),
		jtiName:     s.text("jti_claim", "jti"),
		leeway:      s.leeway("leeway"),
		audience:    s.text("audience", ""),
		issuer:      s.text("issuer", ""),
		rotate:      s.boolean("rotate_refresh_tokens", false),
		logout:      s.boolean("blacklist", false),
		fields:      o.UserFields,
		adopt:       o.AdoptUntil,
	}
	if c.accessName == c.refreshName {
		s.fault("refresh_token_name", "%q is access_token_name as well: token_type would tell nothing apart", c.refreshName)
	}
	c.readClasses(s)
	c.readDocument(s)
	s.publicAlone(c.keys, "verifying_key")
	c.all = s.list()
	return c, s.ends(o.checkFields())
}

// readDocument reads what the OpenAPI document says. The original lists both
// routes with its scheme, which is what its clients were made from.
func (c *esmeraldSettings) readDocument(s *settings) {
	c.signInDoc = httpauth.Doc{
		Summary: s.text("signin_summary", "Sign in"), Description: s.text("signin_description", ""), Token: httpauth.ListedAccess,
	}
	c.refreshDoc = httpauth.Doc{
		Summary: s.text("refresh_summary", "Refresh the access token"), Description: s.text("refresh_description", ""), Token: httpauth.ListedAccess,
	}
	c.about = httpauth.About{
		Title: "Esmerald Simple JWT", Description: "The routes of esmerald-simple-jwt.", Tags: s.texts("tags"), Scheme: "Bearer",
	}
	for _, scheme := range s.texts("security", "Bearer") {
		if scheme[strings.LastIndexByte(scheme, '.')+1:] != "Bearer" {
			s.fault("security", "%q: only Bearer is there", scheme)
		}
	}
	c.about.NoScheme = len(s.texts("security", "Bearer")) == 0 || s.none("security")
	included, enabled := s.boolean("include_in_schema", true), s.boolean("enable_openapi", true)
	c.about.Hidden = !included || !enabled
}

// readClasses reads the settings that are Python, and those that nothing
// reads.
func (c *esmeraldSettings) readClasses(s *settings) {
	backend := s.class("backend_authentication", "watchword.Config.Authenticator",
		"BackendAuthentication", "BackendEmailAuthentication", "BackendUsernameAuthentication")
	model := s.class("login_model", "Profile.Routes[0].In", "LoginEmailIn", "LoginUserIn")
	c.email = backend != "BackendUsernameAuthentication" && model != "LoginUserIn"
	s.class("backend_refresh", "Profile.Routes[1].Serve", "RefreshAuthentication", "BackendRefresh")
	s.class("refresh_model", "Profile.Routes[1].In", "RefreshToken")
	s.class("access_token_model", "Profile.Routes[1].Out", "AccessToken")
	s.class("token_model", "Profile.Routes[0].Out", "TokenAccess")
	s.only("api_key_header", func() bool { return s.text("api_key_header", "") == "X_API_TOKEN" },
		"no API keys are read: see authorization_header")
	s.only("sliding_token_lifetime", func() bool { return s.duration("sliding_token_lifetime", 0) == 5*time.Minute },
		"esmerald-simple-jwt makes no sliding tokens")
	s.only("sliding_token_refresh_lifetime", func() bool { return s.duration("sliding_token_refresh_lifetime", 0) == 24*time.Hour },
		"esmerald-simple-jwt makes no sliding tokens")
}

func (c *esmeraldSettings) engine(w watchword.Config) (watchword.Config, error) {
	w, _, err := c.keys.apply(w)
	if err != nil {
		return w, err
	}
	w.Profile, w.Type = "esmerald", "JWT"
	numbers, err := watchword.NewNumbers(w.SealKey, w.Profile)
	if err != nil {
		return w, err
	}
	layout := &esmeraldLayout{esmeraldSettings: c, reader: reader{
		numbers: numbers, jti: c.jtiName, visit: c.claim,
		foreign: func(s *watchword.ClaimSet) watchword.Kind { return s.Kind },
	}}
	w.Layout, w.RefreshLayout = layout, layout
	w.Issuer, w.InsecureNoIssuer = c.issuer, true
	w.Audience, w.InsecureNoAudience = c.audience, true
	w.Leeway, w.AccessLifetime = c.leeway, c.access
	w.RefreshLifetime, w.SessionLifetime = c.refresh, max(c.refresh, c.access)
	w.Rotation.Mode = watchword.Keep
	if c.rotate {
		w.Rotation.Mode = watchword.Rotate
	}
	w.SubjectUser = subjectUser(w, c.userField)
	w.AdoptUntil = c.adopt
	return w, nil
}

// esmeraldLayout writes both kinds of token.
type esmeraldLayout struct {
	*esmeraldSettings
	reader
}

// Marshal writes exp, iat, sub and token_type, and last the jti that is ours.
func (l *esmeraldLayout) Marshal(s *watchword.ClaimSet) ([]byte, error) {
	o := httpauth.Object{
		{Name: "exp", Value: s.Expiry.Unix()},
		{Name: "iat", Value: s.IssuedAt.Unix()},
		{Name: "sub", Value: userKey(s.User, l.userField)},
	}
	if l.issuer != "" {
		o = append(o, httpauth.Pair{Name: "iss", Value: l.issuer})
	}
	if l.audience != "" {
		o = append(o, httpauth.Pair{Name: "aud", Value: l.audience})
	}
	kind := l.accessName
	if s.Kind == watchword.Refresh {
		kind = l.refreshName
	}
	o = append(o, httpauth.Pair{Name: "token_type", Value: kind})
	if l.userClaim != "" {
		o = append(o, httpauth.Pair{Name: l.userClaim, Value: s.User.ID})
	}
	if s.Kind == watchword.Access {
		var err error
		if o, err = extras(o, s, l.fields); err != nil {
			return nil, err
		}
	}
	return httpauth.Style{}.Marshal(append(o, httpauth.Pair{Name: l.jtiName, Value: l.numbers.Hex(tokenID(s))}))
}

// Unmarshal reads tokens of ours and of the original.
func (l *esmeraldLayout) Unmarshal(payload []byte) (*watchword.Claims, error) {
	c, err := l.read(payload)
	if err == nil && l.userField == "id" {
		c.UserID = c.Subject
	}
	return c, err
}

// claim reads token_type, which alone tells the original's tokens apart, and
// the user's id.
func (c *esmeraldSettings) claim(s *watchword.ClaimSet, name string, v jwt.Value) (err error) {
	if name == c.userClaim {
		s.UserID, err = v.Text()
		return err
	}
	if name != "token_type" {
		return nil
	}
	kind, err := v.Text()
	switch kind {
	case c.accessName:
		s.Kind = watchword.Access
	case c.refreshName:
		s.Kind = watchword.Refresh
	}
	return err
}

func (c *esmeraldSettings) profile(prefix string) httpauth.Profile {
	refreshed := []httpauth.Member{{Name: "access_token", Value: httpauth.AccessToken}}
	pair := append(refreshed[:1:1], httpauth.Member{Name: "refresh_token", Value: httpauth.RefreshToken})
	if c.rotate {
		refreshed = pair
	}
	login := "username"
	if c.email {
		login = "email"
	}
	refresh := httpauth.Input{OtherAsEmpty: true, JSON: []httpauth.Field{{Param: httpauth.ParamRefresh}}}
	p := httpauth.Profile{
		Name: "esmerald", Prefix: prefix, Problem: c.problem, SlashRedirect: http.StatusTemporaryRedirect,
		Transport: httpauth.Bearer{Schemes: c.schemes, ExactCase: true, Header: c.header}, About: c.about,
		Routes: []httpauth.Route{
			{
				Pattern: "POST " + c.signinURL, Op: httpauth.OpSignIn, Out: httpauth.Output{Members: pair}, Doc: c.signInDoc,
				In: httpauth.Input{OtherAsEmpty: true, JSON: []httpauth.Field{
					{Param: httpauth.ParamLogin, Name: login}, {Param: httpauth.ParamPassword},
				}},
			},
			{Pattern: "POST " + c.refreshURL, Op: httpauth.OpRefresh, In: refresh, Out: httpauth.Output{Members: refreshed}, Doc: c.refreshDoc},
		},
	}
	if c.email {
		p.Routes[0].Serve = serveEmail
	}
	if c.logout {
		p.Routes = append(p.Routes, httpauth.Route{Pattern: "POST logout", Op: httpauth.OpSignOut, In: refresh})
	}
	return p
}

// serveEmail is the sign-in by e-mail address, whose form the login model
// checks.
func serveEmail(x *httpauth.Exchange) (httpauth.Reply, error) {
	if !isEmail(x.Text(httpauth.ParamLogin)) {
		return esmeraldInvalid(x.Request, []httpauth.Object{{
			{Name: "type", Value: "value_error"},
			{Name: "loc", Value: []string{"email"}},
			{Name: "msg", Value: "value is not a valid email address"},
		}}), nil
	}
	r, err := x.Do()
	if err != nil {
		return httpauth.Reply{}, err
	}
	return x.Answer(r)
}
