package dialect

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/watchword-auth/watchword/httpauth"
	"github.com/watchword-auth/watchword/jwt"
)

// easyjwtClient are REMOTE_JWT (0.5.1) or EASY_JWT (1.x) of a client service,
// and ours beneath.
type easyjwtClient struct {
	all      []Setting
	notes    []string
	upstream Upstream
	keysURL  string
	prefix   string // with a slash at its end
	sample   bool

	schemes     []string
	challenge   string
	maxLength   int // of tokens in bodies; 0: none
	unavailable int // status where the authority cannot be used

	inCookie  bool
	cookie    easyjwtCookie
	origins   []string
	blacklist bool // on logout
	pages     bool

	permission easyjwtPermission
}

// easyjwtCookie are the attributes of the refresh token's cookie.
type easyjwtCookie struct {
	name, sameSite, path, domain string
	httpOnly, secure             bool
	maxAge                       time.Duration
}

// easyjwtPermission is what the sample view demands of the user's record.
type easyjwtPermission struct {
	field          []string // nil: nothing
	value, message string
}

// EasyJWTClient is the client service of django-easyjwt, 0.5.1 and 1.x, under
// /auth: sign-in, refresh and verify of an authority elsewhere, in its own
// words, its users mirrored here, pages to sign in on, and the routes that the
// document shows. It has no engine: [Dialect].Upstream says whom to ask.
//
// Settings of the original, from REMOTE_JWT or EASY_JWT: AUTH_HEADER_TYPES,
// AUTH_HEADER_NAME, REMOTE_AUTH_SERVICE_URL and the paths that begin alike
// (_TOKEN_PATH, _REFRESH_PATH, _VERIFY_PATH, _USER_PATH with or without
// {user_id}, _PASSWORD_CHANGE_PATH, _BLACKLIST_PATH),
// REMOTE_AUTH_REQUEST_TIMEOUT, REMOTE_AUTH_SSL_VERIFY, USER_ID_FIELD,
// USER_ID_CLAIM, REFRESH_TOKEN_IN_COOKIE, AUTH_COOKIE_NAME, _HTTP_ONLY,
// _SECURE, _SAMESITE, _PATH, _DOMAIN, _MAX_AGE, ALLOWED_AUTH_ORIGINS,
// BLACKLIST_ON_LOGOUT, and CSRF_COOKIE_HTTPONLY of Django. Ours: surface (1.1.0,
// or 0.5.1 with its challenge and its bound of 255 characters),
// unavailable_status (401 as the original answers, or 503), verify_cache (how
// long the authority's word about a token counts), verifying_key, algorithm,
// jwk_url, audience, issuer and leeway (verify tokens here, without asking),
// username_field, pages, local_users, session_lifetime, csrf, and
// permission_field, permission_value and permission_message (what the sample
// view demands of the user's record).
//
// Safer than the original: users are known by their id at the authority, the
// type of a token is looked at, redirects are not followed, answers are
// bounded, and what the system says of a failure stays in the log.
func EasyJWTClient(o Options) (Dialect, error) {
	c, err := readEasyJWTClient(o)
	if err != nil {
		return Dialect{}, err
	}
	prefix := o.prefixOr("/auth")
	c.prefix = strings.TrimSuffix(prefix, "/") + "/"
	return Dialect{
		Name: "easyjwt-client", Profile: c.profile(prefix), Settings: c.all, Script: c.script(prefix),
		Upstream: &c.upstream, KeysURL: c.keysURL, Notes: c.notes,
	}, nil
}

func readEasyJWTClient(o Options) (*easyjwtClient, error) {
	s := read(o.Settings)
	required := func(name, otherwise string) string {
		text := s.text(name, otherwise)
		if v, given := o.Settings[name]; given && (v == "" || v == false) {
			s.fault(name, "is missing (E001)")
		}
		return text
	}
	c := &easyjwtClient{
		sample: o.SampleRoutes,
		upstream: Upstream{
			URL:                required("REMOTE_AUTH_SERVICE_URL", "http://127.0.0.1:8000"),
			TokenPath:          required("REMOTE_AUTH_SERVICE_TOKEN_PATH", "/auth/token/"),
			RefreshPath:        required("REMOTE_AUTH_SERVICE_REFRESH_PATH", "/auth/token/refresh/"),
			VerifyPath:         required("REMOTE_AUTH_SERVICE_VERIFY_PATH", "/auth/token/verify/"),
			UserPath:           required("REMOTE_AUTH_SERVICE_USER_PATH", "/auth/user/"),
			PasswordChangePath: required("REMOTE_AUTH_SERVICE_PASSWORD_CHANGE_PATH", "/auth/password-change/"),
			BlacklistPath:      required("REMOTE_AUTH_SERVICE_BLACKLIST_PATH", "/auth/token/blacklist/"),
			Timeout:            s.duration("REMOTE_AUTH_REQUEST_TIMEOUT", 30*time.Second),
			InsecureSkipVerify: !s.boolean("REMOTE_AUTH_SSL_VERIFY", true),
			LoginField:         s.text("username_field", "email"),
			IDField:            s.text("USER_ID_FIELD", "id"),
			IDClaim:            s.text("USER_ID_CLAIM", "user_id"),
			HeaderName:         headerName(s.text("AUTH_HEADER_NAME", "Authorization")),
			Audience:           s.text("audience", ""),
			Issuer:             s.text("issuer", ""),
			Leeway:             s.leeway("leeway"),
			Cache:              s.duration("verify_cache", 0),
			SessionLifetime:    s.duration("session_lifetime", 24*time.Hour),
			LocalUsers:         s.boolean("local_users", true),
		},
		keysURL:     s.text("jwk_url", ""),
		schemes:     s.texts("AUTH_HEADER_TYPES", "Bearer"),
		unavailable: int(s.integer("unavailable_status", http.StatusUnauthorized, 401, 503)),
		inCookie:    s.boolean("REFRESH_TOKEN_IN_COOKIE", false),
		origins:     s.texts("ALLOWED_AUTH_ORIGINS"),
		blacklist:   s.boolean("BLACKLIST_ON_LOGOUT", true),
		pages:       s.boolean("pages", true),
	}
	if len(c.schemes) == 0 {
		s.fault("AUTH_HEADER_TYPES", "names no scheme")
		c.schemes = []string{"Bearer"}
	}
	c.upstream.Scheme = c.schemes[0]
	s.class("USER_MODEL_SERIALIZER", "remote.Users or a hook of remote/sqlmirror", "UserModelSerializer", "UserSerializer", "TokenUserSerializer")
	c.readSurface(s)
	c.readCookie(s)
	c.readKeys(s)
	c.readPermission(s)
	c.check(s)
	c.all = s.list()
	return c, s.ends(o.checkFields())
}

// readSurface sets what the two versions differ in.
func (c *easyjwtClient) readSurface(s *settings) {
	c.challenge = c.schemes[0]
	if s.oneOf("surface", "1.1.0", "0.5.1") == "0.5.1" {
		c.challenge, c.maxLength = "JWT", 255
	}
}

func (c *easyjwtClient) readCookie(s *settings) {
	c.cookie = easyjwtCookie{
		name:     s.text("AUTH_COOKIE_NAME", "refresh_token"),
		httpOnly: s.boolean("AUTH_COOKIE_HTTP_ONLY", true),
		secure:   s.boolean("AUTH_COOKIE_SECURE", false),
		sameSite: s.oneOf("AUTH_COOKIE_SAMESITE", "Lax", "Strict", "None"),
		path:     s.text("AUTH_COOKIE_PATH", "/"),
		domain:   s.text("AUTH_COOKIE_DOMAIN", ""),
		maxAge:   s.duration("AUTH_COOKIE_MAX_AGE", 0),
	}
	probe := http.Cookie{Name: c.cookie.name, Value: "x", Path: c.cookie.path, Domain: c.cookie.domain} //nolint:gosec // G124: it is never sent
	if err := probe.Valid(); err != nil {
		s.fault("AUTH_COOKIE_NAME", "%w", err)
	}
	switch c.cookie.name {
	case csrfCookie, sessionCookie:
		s.fault("AUTH_COOKIE_NAME", "%s is another cookie's name", c.cookie.name)
	}
}

// readKeys reads the key by which tokens are verified here.
func (c *easyjwtClient) readKeys(s *settings) {
	a, text := s.algorithmOf("algorithm", classic()...), s.text("verifying_key", "")
	if text == "" {
		return
	}
	if c.keysURL != "" {
		s.fault("verifying_key", "jwk_url is set too: set one of them")
	}
	var key *jwt.Key
	var err error
	if a.Symmetric() {
		key, err = jwt.NewSecret("", a, []byte(text))
	} else {
		key, err = jwt.ParsePEM([]byte(text), a)
	}
	if err != nil {
		s.fault("verifying_key", "%w", err)
		return
	}
	c.upstream.Keys = jwt.KeySet{key}
}

func (c *easyjwtClient) readPermission(s *settings) {
	p := &c.permission
	if field := s.text("permission_field", ""); field != "" {
		p.field = strings.Split(field, ".")
	}
	p.value = s.text("permission_value", "")
	p.message = s.text("permission_message", "You do not have permission to this service")
}

// check makes the original's start-up checks.
func (c *easyjwtClient) check(s *settings) {
	note := func(format string, args ...any) { c.notes = append(c.notes, fmt.Sprintf(format, args...)) }
	csrf := s.boolean("csrf", true)
	csrfHidden := s.boolean("CSRF_COOKIE_HTTPONLY", false)
	if c.inCookie {
		if !csrf {
			s.fault("csrf", "is off, and REFRESH_TOKEN_IN_COOKIE needs it (E002)")
		}
		if !c.cookie.secure {
			note("W001: AUTH_COOKIE_SECURE is off: the cookie is Secure only in answers over https")
		}
		if csrfHidden {
			note("W002: CSRF_COOKIE_HTTPONLY is ignored: scripts must read the cookie %s", csrfCookie)
		}
	}
	for _, origin := range c.origins {
		if err := httpauth.CheckOrigin(origin); err != nil {
			s.fault("ALLOWED_AUTH_ORIGINS", "%w (E003)", err)
		}
	}
	c.checkURL(s, note)
	for name, path := range map[string]string{
		"TOKEN": c.upstream.TokenPath, "REFRESH": c.upstream.RefreshPath, "VERIFY": c.upstream.VerifyPath, "USER": c.upstream.UserPath,
		"PASSWORD_CHANGE": c.upstream.PasswordChangePath, "BLACKLIST": c.upstream.BlacklistPath,
	} {
		if name == "USER" {
			path = strings.Replace(path, "{user_id}", "0", 1)
		}
		if !strings.HasPrefix(path, "/") || strings.ContainsAny(path, " \t\r\n{}?#") {
			s.fault("REMOTE_AUTH_SERVICE_"+name+"_PATH", "%q is no path such as /auth/token/", path)
		}
	}
	if c.upstream.Timeout <= 0 {
		s.fault("REMOTE_AUTH_REQUEST_TIMEOUT", "must be above 0")
	}
	if most := 5 * time.Minute; c.upstream.Cache > most {
		s.fault("verify_cache", "%s is above %s", c.upstream.Cache, brief(most))
	}
	if c.unavailable != http.StatusUnauthorized && c.unavailable != http.StatusServiceUnavailable {
		s.fault("unavailable_status", "want 401 or 503")
	}
}

func (c *easyjwtClient) checkURL(s *settings, note func(string, ...any)) {
	u, err := url.Parse(c.upstream.URL)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.RawQuery != "" || u.Fragment != "":
		s.fault("REMOTE_AUTH_SERVICE_URL", "want an address such as https://auth.internal")
	case u.User != nil:
		s.fault("REMOTE_AUTH_SERVICE_URL", "must not hold a password")
	case u.Scheme == "http" && u.Hostname() != "localhost" && !net.ParseIP(u.Hostname()).IsLoopback():
		note("REMOTE_AUTH_SERVICE_URL is http: passwords and tokens can be read on the way")
	case u.Scheme == "https" && c.upstream.InsecureSkipVerify:
		note("REMOTE_AUTH_SSL_VERIFY is off: whoever sits on the way can read passwords and tokens")
	}
}
