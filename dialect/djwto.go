package dialect

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/httpauth"
	"github.com/watchword-auth/watchword/jwt"
)

// djwtoSettings are the DJWTO_ settings, and ours beneath.
type djwtoSettings struct {
	all      []Setting
	keys     keys
	issuer   string
	subject  string
	audience []string
	listed   bool // aud is written as a list
	iat      bool
	withID   bool          // with a jti
	access   time.Duration // 0: as long as the refresh token
	refresh  time.Duration // 0: without exp
	nbf      time.Duration
	update   bool // update_refresh is there

	accessCookie string // "" in JSON mode
	payload      bool   // the readable cookie beside it
	below        string // the path of what takes refresh tokens, without slashes
	path         string // the same with the prefix: the refresh cookie's
	prefix       string // with a slash at both ends
	sameSite     string
	domain       string
	csrf         bool

	session time.Duration
	rotate  bool
	sample  bool
	fields  []string
	adopt   time.Time
	hooks   DjwtoHooks
}

// The three modes.
const (
	djwtoJSON = "JSON"
	djwtoOne  = "ONE-COOKIE"
	djwtoTwo  = "TWO-COOKIES"
)

// djwtoForever stands for a refresh token without exp: longer than anything
// that runs, and a time that every store can keep.
const djwtoForever = 10 * 365 * 24 * time.Hour

// Djwto is djwto 0.0.4, under /.
//
// Settings of the original, all of them: DJWTO_ISS_CLAIM, DJWTO_SUB_CLAIM,
// DJWTO_AUD_CLAIM, DJWTO_IAT_CLAIM, DJWTO_JTI_CLAIM,
// DJWTO_ALLOW_REFRESH_UPDATE, DJWTO_ACCESS_TOKEN_LIFETIME (5 minutes),
// DJWTO_REFRESH_TOKEN_LIFETIME (1 day), DJWTO_NBF_LIFETIME,
// DJWTO_SIGNING_KEY, DJWTO_VERIFYING_KEY, DJWTO_ALGORITHM, DJWTO_MODE (JSON,
// ONE-COOKIE or TWO-COOKIES), DJWTO_REFRESH_COOKIE_PATH, DJWTO_SAME_SITE,
// DJWTO_DOMAIN, DJWTO_CSRF. Ours: session_lifetime (30 days; update_refresh
// goes no further), rotate_refresh_tokens (each refresh replaces the refresh
// token, and reuse of an old one ends the session). What is no setting of the
// original but a function there is a field of [DjwtoHooks].
//
// Safer than the original: a token's kind is checked everywhere; a bad token
// does not keep anybody from signing in; every refresh looks at the user and
// writes his claims anew; what is signed out is refused at once, access
// tokens too; exp is demanded and the value of sub compared; signing out
// takes the access cookies away and DELETE ends the session; sign-in is
// refused from another origin; of two who sign out at once one gets the 409.
func Djwto(o Options) (Dialect, error) { return DjwtoWith(o, DjwtoHooks{}) }

// DjwtoWith is Djwto with the application's own functions.
func DjwtoWith(o Options, hooks DjwtoHooks) (Dialect, error) {
	c, err := readDjwto(o)
	if err != nil {
		return Dialect{}, err
	}
	c.hooks = hooks
	d := Dialect{
		Name: "djwto", Profile: c.profile(o.prefixOr("/")),
		Settings: c.all, Script: c.script(o.prefixOr("/")),
	}
	_, d.Notes, err = c.keys.apply(watchword.Config{})
	d.Engine = c.engine
	return d, err
}

func readDjwto(o Options) (*djwtoSettings, error) {
	s := read(o.Settings)
	c := &djwtoSettings{
		keys: keys{
			setting: "DJWTO_SIGNING_KEY", algorithm: s.algorithmOf("DJWTO_ALGORITHM", djwtoAlgorithms()...),
			signing: s.text("DJWTO_SIGNING_KEY", ""), verifying: s.text("DJWTO_VERIFYING_KEY", ""),
			short: o.InsecureShortSecret, exposed: o.Exposed,
		},
		issuer:   s.text("DJWTO_ISS_CLAIM", ""),
		subject:  s.text("DJWTO_SUB_CLAIM", ""),
		audience: s.texts("DJWTO_AUD_CLAIM"),
		iat:      s.boolean("DJWTO_IAT_CLAIM", true),
		withID:   s.boolean("DJWTO_JTI_CLAIM", true),
		access:   s.lifetime("DJWTO_ACCESS_TOKEN_LIFETIME", 5*time.Minute),
		refresh:  s.lifetime("DJWTO_REFRESH_TOKEN_LIFETIME", 24*time.Hour),
		nbf:      s.duration("DJWTO_NBF_LIFETIME", 0),
		update:   s.boolean("DJWTO_ALLOW_REFRESH_UPDATE", true),
		sameSite: s.oneOf("DJWTO_SAME_SITE", "Lax", "Strict", "None"),
		domain:   s.text("DJWTO_DOMAIN", ""),
		csrf:     s.boolean("DJWTO_CSRF", true),
		session:  s.duration("session_lifetime", 30*24*time.Hour),
		rotate:   s.boolean("rotate_refresh_tokens", false),
		sample:   o.SampleRoutes,
		fields:   o.UserFields,
		adopt:    o.AdoptUntil,
	}
	_, one := s.values["DJWTO_AUD_CLAIM"].(string)
	c.listed = !one
	if slices.Contains(c.audience, "") {
		s.fault("DJWTO_AUD_CLAIM", "an audience is empty")
	}
	c.readMode(s, o)
	if c.access == 0 && c.refresh == 0 {
		s.fault("DJWTO_ACCESS_TOKEN_LIFETIME", "without it and without DJWTO_REFRESH_TOKEN_LIFETIME no token would ever expire")
	}
	if c.keys.algorithm.Symmetric() && c.keys.verifying != "" && c.keys.verifying != c.keys.signing {
		s.fault("DJWTO_VERIFYING_KEY", "%s has one secret for both: leave it out", c.keys.algorithm)
	}
	s.publicAlone(c.keys, "DJWTO_VERIFYING_KEY")
	c.all = s.list()
	return c, s.ends(o.checkFields())
}

// readMode reads how tokens travel, and where.
func (c *djwtoSettings) readMode(s *settings, o Options) {
	switch s.oneOf("DJWTO_MODE", djwtoJSON, djwtoOne, djwtoTwo) {
	case djwtoOne:
		c.accessCookie = "jwt_access"
	case djwtoTwo:
		c.accessCookie, c.payload = "jwt_access_token", true
	}
	const name, otherwise = "DJWTO_REFRESH_COOKIE_PATH", "api/token/refresh"
	c.below = strings.Trim(s.text(name, otherwise), "/")
	if c.below == "" || strings.ContainsAny(c.below, " \t;,{}?#%\"\\") || strings.Contains(c.below, "//") {
		s.fault(name, "%q is no path such as %q", c.below, otherwise)
	}
	c.prefix = strings.TrimSuffix(o.prefixOr("/"), "/") + "/"
	c.path = c.prefix + c.below
	if strings.ContainsAny(c.domain, " \t;,\"\\/") {
		s.fault("DJWTO_DOMAIN", "%q is no host", c.domain)
	}
}

// lifetime reads a duration that may be None, which is 0; 0 itself would make
// tokens that are over when they are made.
func (s *settings) lifetime(name string, otherwise time.Duration) time.Duration {
	d := s.duration(name, otherwise)
	switch {
	case s.none(name):
		return 0
	case d < time.Second && d >= 0:
		s.fault(name, "%s is below a second", d)
	}
	return d
}

// djwtoAlgorithms are those of the original's library that are there.
func djwtoAlgorithms() []jwt.Algorithm {
	return append(classic(), jwt.PS256, jwt.PS384, jwt.PS512, jwt.EdDSA)
}

func (c *djwtoSettings) engine(w watchword.Config) (watchword.Config, error) {
	w, _, err := c.keys.apply(w)
	if err != nil {
		return w, err
	}
	w.Profile, w.Type = "djwto", "JWT"
	numbers, err := watchword.NewNumbers(w.SealKey, w.Profile)
	if err != nil {
		return w, err
	}
	layout := &djwtoLayout{djwtoSettings: c, reader: reader{
		numbers: numbers, jti: c.idClaim(), visit: djwtoClaim,
		foreign: func(s *watchword.ClaimSet) watchword.Kind { return s.Kind },
	}}
	w.Layout, w.RefreshLayout = layout, layout
	w.Issuer, w.InsecureNoIssuer = c.issuer, true
	w.Audience, w.InsecureNoAudience = "", true
	if len(c.audience) > 0 {
		w.Audience, w.Audiences = c.audience[0], c.audience[1:]
	}
	w.InsecureNoIssuedAt = !c.iat
	w.Leeway = 0
	w.RefreshLifetime = c.refreshLife()
	w.AccessLifetime = c.access
	if c.access == 0 {
		w.AccessLifetime = w.RefreshLifetime
	}
	w.SessionLifetime = max(c.session, w.RefreshLifetime, w.AccessLifetime)
	w.Rotation.Mode = watchword.Keep
	if c.rotate {
		w.Rotation.Mode = watchword.Rotate
	}
	w.AdoptUntil = c.adopt
	if c.hooks.Authenticator != nil {
		w.Authenticator = c.hooks.Authenticator
	}
	return w, nil
}

func (c *djwtoSettings) refreshLife() time.Duration {
	if c.refresh == 0 {
		return djwtoForever
	}
	return c.refresh
}

// profile is the six endpoints of the original. An OPTIONS of its framework
// answers 200.
func (c *djwtoSettings) profile(prefix string) httpauth.Profile {
	at := func(name string) string { return c.below + "/" + name + "/" }
	form := httpauth.Input{
		Multipart: true, OtherAsEmpty: true,
		Form: []httpauth.Field{
			{Param: djwtoType, Optional: true}, {Param: djwtoCSRFField, Optional: true},
		},
	}
	login := httpauth.Input{
		Multipart: true, OtherAsEmpty: true,
		Form: []httpauth.Field{
			{Param: httpauth.ParamLogin, Name: "username", Optional: true}, {Param: httpauth.ParamPassword, Optional: true},
		},
	}
	p := httpauth.Profile{
		Name: "djwto", Prefix: prefix, Problem: c.problem, SlashRedirect: http.StatusMovedPermanently,
		Style: djwtoStyle(), Transport: djwtoTransport{c}, About: c.about(),
		Routes: []httpauth.Route{
			{Pattern: "POST login/", Op: httpauth.OpSignIn, In: login, Serve: c.serveLogin, Doc: c.loginDoc()},
			{
				Pattern: "POST validate_access/", In: form, Serve: c.serveValidate, Needs: needsCheck,
				Doc: c.validateDoc(httpauth.NeedsAccess),
			},
			{
				Pattern: "POST " + at("validate_refresh"), In: form, Serve: c.serveValidateRefresh, Needs: needsCheck,
				Doc: c.validateDoc(httpauth.NeedsRefresh),
			},
			{
				Pattern: "POST " + at("refresh_access"), Op: httpauth.OpRefresh, In: form, Serve: c.serveRefresh, Needs: needsCheck,
				Doc: c.refreshDoc("Refresh the access token", "Access token successfully refreshed."),
			},
			{
				Pattern: "POST " + at("logout"), Op: httpauth.OpSignOut, In: form, Serve: c.serveLogout, Needs: needsCheck,
				Doc: c.logoutDoc(),
			},
			{Pattern: "DELETE " + at("logout"), Op: httpauth.OpSignOut, In: form, Serve: c.serveDelete, Doc: c.deleteDoc()},
		},
	}
	if c.update {
		p.Routes = append(p.Routes, httpauth.Route{
			Pattern: "POST " + at("update_refresh"), Op: httpauth.OpRefresh, In: form, Serve: c.serveUpdate, Needs: needsCheck,
			Doc: c.refreshDoc("Update the refresh token", "Refresh token successfully updated."),
		})
	}
	if c.sample {
		p.Routes = append(
			p.Routes,
			httpauth.Route{Pattern: "GET testapp/protect/", Serve: c.view("worked!"), Doc: viewDoc("worked!")},
			httpauth.Route{Pattern: "GET testapp/perms_protect/", Serve: c.view("perms also worked!", "perm1"), Doc: viewDoc("perms also worked!")},
		)
	}
	if c.csrf && c.accessCookie != "" {
		p.Protect = djwtoCSRF{c}
	}
	for _, r := range slices.Clone(p.Routes) {
		method, path, _ := strings.Cut(r.Pattern, " ")
		if method != http.MethodDelete {
			p.Routes = append(p.Routes, httpauth.Route{Pattern: "OPTIONS " + path, Serve: c.options(path), Doc: httpauth.Doc{Hidden: true}})
		}
	}
	return p
}

// refreshChecker looks at refresh tokens without using them.
type refreshChecker interface {
	httpauth.UserFinder
	refreshCheck
}

// needsCheck is asked when the profile is mounted.
func needsCheck(s httpauth.Service) error {
	if _, ok := s.(refreshChecker); !ok {
		return fmt.Errorf("%T looks at no refresh tokens (CheckRefresh, User)", s)
	}
	return nil
}

// errNoDjwto is about a profile that is another's.
var errNoDjwto = errors.New("the profile is not djwto's")
