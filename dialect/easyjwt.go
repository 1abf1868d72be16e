package dialect

import (
	"net/http"
	"strings"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/httpauth"
)

// easyjwtSettings are REMOTE_JWT (0.5.1) or EASY_JWT (1.x) of the auth
// service, and ours beneath.
type easyjwtSettings struct {
	all     []Setting
	keys    keys
	keysURL string
	access  time.Duration
	refresh time.Duration
	session time.Duration

	rotate    bool
	blacklist bool
	lastLogin bool
	audience  []string
	audiences bool // the claim is a list
	issuer    string
	leeway    time.Duration
	header    string
	schemes   []string

	userField  string
	userClaim  string
	stringID   bool
	typeClaim  string // "": none
	jtiClaim   string
	jtiNeeded  bool
	kinds      []watchword.Kind // that guarded routes accept
	sliding    bool
	slidingExp string
	revoke     bool
	revokeName string

	login          string // the field of the sign-in
	createUser     bool
	passwordChange bool
	fields         []string
	adopt          time.Time
}

// EasyJWT is the auth service of django-easyjwt, 0.5.1 and 1.x at once, under
// /auth. Clients of djangorestframework-simplejwt work with it as well.
//
// Settings of the original, from REMOTE_JWT or EASY_JWT:
// ACCESS_TOKEN_LIFETIME, REFRESH_TOKEN_LIFETIME, ROTATE_REFRESH_TOKENS,
// BLACKLIST_AFTER_ROTATION, UPDATE_LAST_LOGIN, ALGORITHM, SIGNING_KEY,
// VERIFYING_KEY, AUDIENCE, ISSUER, JWK_URL, LEEWAY, AUTH_HEADER_TYPES,
// AUTH_HEADER_NAME (as HTTP_X_NAME or X-Name), USER_ID_FIELD (id, email or
// username), USER_ID_CLAIM, TOKEN_TYPE_CLAIM, JTI_CLAIM, AUTH_TOKEN_CLASSES,
// SLIDING_TOKEN_REFRESH_EXP_CLAIM, SLIDING_TOKEN_LIFETIME,
// SLIDING_TOKEN_REFRESH_LIFETIME, CHECK_REVOKE_TOKEN, REVOKE_TOKEN_CLAIM, and
// those that name classes, which in Go are functions. Ours: sliding (the
// routes under token/ hand out and renew sliding tokens), create_user and
// password_change (add these routes), username_field (what the sign-in calls
// the login; email), string_user_id (write ids as text, as simplejwt 5.5
// does), session_lifetime (90 days: the absolute limit where refresh tokens
// rotate).
//
// Without JTI_CLAIM what it carries is in sid; without TOKEN_TYPE_CLAIM only
// tokens of ours are told apart, and others refused. For algorithms with
// public keys the header has a kid, and the keys, whoever made them, are
// published below the prefix: JWK_URL of clients ends in
// /auth/.well-known/jwks.json.
//
// Safer than the original: a refresh looks at the user, a blacklist is always
// there and always asked, with a refresh token its access tokens end, a
// refresh token used twice ends its session, a changed password ends all of
// them, and hash_password is made from a counter instead of the hash.
func EasyJWT(o Options) (Dialect, error) {
	c, err := readEasyJWT(o)
	if err != nil {
		return Dialect{}, err
	}
	d := Dialect{
		Name: "easyjwt", Profile: c.profile(o.prefixOr("/auth")),
		Settings: c.all, Script: c.script(o.prefixOr("/auth")), KeysURL: c.keysURL,
	}
	_, d.Notes, err = c.keys.apply(watchword.Config{})
	d.Engine = c.engine
	return d, err
}

func readEasyJWT(o Options) (*easyjwtSettings, error) {
	s := read(o.Settings)
	c := &easyjwtSettings{
		keys: keys{
			setting: "SIGNING_KEY", algorithm: s.algorithmOf("ALGORITHM", classic()...),
			signing: s.text("SIGNING_KEY", ""), verifying: s.text("VERIFYING_KEY", ""),
			short: o.InsecureShortSecret, exposed: o.Exposed,
		},
		keysURL:   s.text("JWK_URL", ""),
		access:    s.duration("ACCESS_TOKEN_LIFETIME", 5*time.Minute),
		refresh:   s.duration("REFRESH_TOKEN_LIFETIME", 24*time.Hour),
		rotate:    s.boolean("ROTATE_REFRESH_TOKENS", false),
		blacklist: s.boolean("BLACKLIST_AFTER_ROTATION", false),
		lastLogin: s.boolean("UPDATE_LAST_LOGIN", false),
		audience:  s.texts("AUDIENCE"),
		issuer:    s.text("ISSUER", ""),
		leeway:    s.leeway("LEEWAY"),
		header:    headerName(s.text("AUTH_HEADER_NAME", "HTTP_AUTHORIZATION")),
		schemes:   s.texts("AUTH_HEADER_TYPES", "Bearer"),

		userClaim:  s.text("USER_ID_CLAIM", "user_id"),
		stringID:   s.boolean("string_user_id", false),
		typeClaim:  s.claim("TOKEN_TYPE_CLAIM", "token_type"),
		jtiClaim:   s.claim("JTI_CLAIM", "jti"),
		sliding:    s.boolean("sliding", false),
		slidingExp: s.text("SLIDING_TOKEN_REFRESH_EXP_CLAIM", "refresh_exp"),
		revoke:     s.boolean("CHECK_REVOKE_TOKEN", false),
		revokeName: s.text("REVOKE_TOKEN_CLAIM", "hash_password"),

		login:          s.text("username_field", "email"),
		createUser:     s.boolean("create_user", false),
		passwordChange: s.boolean("password_change", false),
		fields:         o.UserFields,
		adopt:          o.AdoptUntil,
	}
	_, text := o.Settings["AUDIENCE"].(string)
	c.audiences = !text
	if c.keys.algorithm.Symmetric() {
		c.keysURL = "" // the original ignores it as well
	}
	if c.userField = s.oneOf("USER_ID_FIELD", "id", "pk", "email", "username"); c.userField == "pk" {
		c.userField = "id"
	}
	c.jtiNeeded = c.jtiClaim != ""
	if !c.jtiNeeded {
		c.jtiClaim = "sid"
	}
	c.readLifetimes(s)
	c.readClasses(s)
	c.checkNames(s)
	s.publicAlone(c.keys, "VERIFYING_KEY")
	c.all = s.list()
	return c, s.ends(o.checkFields())
}

// readLifetimes says how long sessions live.
func (c *easyjwtSettings) readLifetimes(s *settings) {
	access := s.duration("SLIDING_TOKEN_LIFETIME", 5*time.Minute)
	refresh := s.duration("SLIDING_TOKEN_REFRESH_LIFETIME", 24*time.Hour)
	longest := s.duration("session_lifetime", 90*24*time.Hour)
	if c.sliding {
		c.access, c.refresh, c.rotate = access, refresh, false
	}
	c.session = max(c.refresh, c.access)
	if c.rotate {
		c.session = max(c.session, longest)
	}
}

// readClasses reads the settings that are Python, and refuses those that the
// original has given up.
func (c *easyjwtSettings) readClasses(s *settings) {
	s.class("USER_AUTHENTICATION_RULE", "watchword.Config.Allow", "default_user_authentication_rule")
	s.class("TOKEN_USER_CLASS", "httpauth.ClaimsFrom and watchword.Custom", "TokenUser")
	s.class("USER_MODEL_SERIALIZER", "Output.Encode of the routes user/ and users/{id}/",
		"UserModelSerializer", "UserSerializer", "TokenUserSerializer")
	for name, class := range map[string]string{
		"TOKEN_OBTAIN_SERIALIZER": "TokenObtainPairSerializer", "TOKEN_REFRESH_SERIALIZER": "TokenRefreshSerializer",
		"TOKEN_VERIFY_SERIALIZER": "TokenVerifySerializer", "TOKEN_BLACKLIST_SERIALIZER": "TokenBlacklistSerializer",
		"SLIDING_TOKEN_OBTAIN_SERIALIZER": "TokenObtainSlidingSerializer", "SLIDING_TOKEN_REFRESH_SERIALIZER": "TokenRefreshSlidingSerializer",
	} {
		s.class(name, "watchword.Config.Claims for claims, and the route's In, Out and Serve", class)
	}
	s.know("JSON_ENCODER", "None: in Go a value has its own MarshalJSON", "")
	if _, ok := s.get("JSON_ENCODER"); ok {
		s.fault("JSON_ENCODER", "names a class: in Go a value that watchword.Config.Claims adds has its own MarshalJSON")
	}
	for name, instead := range map[string]string{ //nolint:gosec // G101: names of settings, no credentials
		"AUTH_HEADER_TYPE": "AUTH_HEADER_TYPES", "AUTH_TOKEN_CLASS": "AUTH_TOKEN_CLASSES",
		"SECRET_KEY": "SIGNING_KEY", "TOKEN_BACKEND_CLASS": "ALGORITHM and SIGNING_KEY",
	} {
		if _, given := s.values[name]; given {
			s.know(name, "", "")
			s.fault(name, "was removed from the original: use %s", instead)
		}
	}
	classes := s.texts("AUTH_TOKEN_CLASSES")
	for _, class := range classes {
		switch class[strings.LastIndexByte(class, '.')+1:] {
		case "AccessToken":
			c.kinds = append(c.kinds, watchword.Access)
		case "SlidingToken":
			c.kinds = append(c.kinds, watchword.Sliding)
		default:
			s.fault("AUTH_TOKEN_CLASSES", "%q is neither AccessToken nor SlidingToken: no other kind opens a route", class)
		}
	}
	switch {
	case c.kinds != nil:
	case c.sliding:
		c.kinds = []watchword.Kind{watchword.Sliding}
	default:
		c.kinds = []watchword.Kind{watchword.Access}
	}
}

// checkNames refuses claims that would be written twice.
func (c *easyjwtSettings) checkNames(s *settings) {
	taken := map[string]string{"exp": "", "iat": "", "nbf": "", "aud": "", "iss": ""}
	for _, claim := range []struct{ setting, name string }{
		{"TOKEN_TYPE_CLAIM", c.typeClaim},
		{"JTI_CLAIM", c.jtiClaim},
		{"USER_ID_CLAIM", c.userClaim},
		{"SLIDING_TOKEN_REFRESH_EXP_CLAIM", c.slidingExp},
		{"REVOKE_TOKEN_CLAIM", c.revokeName},
	} {
		if _, twice := taken[claim.name]; twice {
			s.fault(claim.setting, "the claim %q has another meaning already", claim.name)
		}
		if claim.name != "" {
			taken[claim.name] = claim.setting
		}
	}
}

// headerName reads a header's name as Django's META has it, or as it is.
func headerName(name string) string {
	if rest, ok := strings.CutPrefix(name, "HTTP_"); ok {
		name = strings.ReplaceAll(rest, "_", "-")
	}
	return http.CanonicalHeaderKey(name)
}

func (c *easyjwtSettings) engine(w watchword.Config) (watchword.Config, error) {
	w, _, err := c.keys.apply(w)
	if err != nil {
		return w, err
	}
	w.Profile, w.Type = "easyjwt", "JWT"
	// Who verifies by a JWK Set finds the key by its id.
	w.OmitKeyID = c.keys.algorithm.Symmetric()
	numbers, err := watchword.NewNumbers(w.SealKey, w.Profile)
	if err != nil {
		return w, err
	}
	layout := &easyjwtLayout{easyjwtSettings: c, reader: reader{
		numbers: numbers, jti: c.jtiClaim, visit: c.visit, settle: c.settle,
		foreign: func(s *watchword.ClaimSet) watchword.Kind { return s.Kind },
	}}
	w.Layout, w.RefreshLayout = layout, layout
	if c.sliding {
		w.RefreshLayout = renewal{layout}
	}
	w.Issuer, w.InsecureNoIssuer, w.InsecureNoIssuedAt = c.issuer, true, true
	w.Audience, w.Audiences, w.InsecureNoAudience = "", nil, true
	if len(c.audience) > 0 {
		w.Audience, w.Audiences = c.audience[0], c.audience[1:]
	}
	w.Leeway, w.AccessLifetime = c.leeway, c.access
	w.RefreshLifetime, w.SessionLifetime = c.refresh, c.session
	w.Rotation.Mode = watchword.Keep
	if c.rotate {
		w.Rotation.Mode = watchword.Rotate
	}
	if c.blacklist {
		w.Rotation.InGrace = watchword.Refuse
	}
	w.SkipLastLogin = !c.lastLogin
	w.SubjectUser = subjectUser(w, c.userField)
	w.AdoptUntil = c.adopt
	return w, nil
}

func (c *easyjwtSettings) transport() httpauth.Bearer {
	return httpauth.Bearer{Schemes: c.schemes, ExactCase: true, Header: c.header}
}
