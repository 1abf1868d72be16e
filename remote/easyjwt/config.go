package easyjwt

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/jwt"
	"github.com/watchword-auth/watchword/remote"
)

// The defaults of Config, and bounds of what it may say.
const (
	defaultURL     = "http://127.0.0.1:8000"
	defaultTimeout = 30 * time.Second
	maxCache       = 5 * time.Minute
)

// Paths are where the authority's routes are, below its URL. "" means the
// original's.
type Paths struct {
	Token, Refresh, Verify string
	// User is the user's record. In /auth/users/{user_id}/, as 0.5.1 has it,
	// the id of the token is put in; /auth/user/, as 1.x has it, is the
	// bearer's own.
	User           string
	PasswordChange string
	Blacklist      string
}

// Config says where the authority is and how it is asked. The zero value is
// the original's: on this machine, asked about every token that is shown.
type Config struct {
	// URL of the authority; "" means http://127.0.0.1:8000. It is the Issuer
	// of mirrored users, so that they stay the same when tokens have no iss.
	URL   string
	Paths Paths
	// Timeout of one request; 0 means 30 s.
	Timeout time.Duration
	// Transport makes the requests: for a private certificate authority. nil is
	// one of our own, with the system's certificates and TLS 1.2 or newer.
	Transport http.RoundTripper

	// LoginField is what the authority calls the login; "" means email.
	LoginField string
	// IDField and IDClaim are the user's id in the record and in tokens; ""
	// means id and user_id.
	IDField, IDClaim string
	// HeaderName and Scheme show the authority a user's token; "" means
	// Authorization and Bearer.
	HeaderName, Scheme string

	// Users keeps the copies. It is needed. With [remote.UserFinder] users
	// that are there already are not fetched for each token anew.
	Users remote.Users

	// Keys verify tokens here, so that the authority is not asked about them:
	// one that it ends goes on counting until it expires. nil asks it about
	// each request, as the original does.
	Keys jwt.KeySource
	// Audience and Issuer must be those of tokens verified here where they are
	// set.
	Audience, Issuer string
	// Leeway on the times of tokens verified here, at most 60 s.
	Leeway time.Duration

	// Cache is how long what the authority has said of a token counts without
	// asking again, at most 5 min and never beyond the token's exp. 0: not at
	// all.
	Cache time.Duration
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// complete checks c and fills in the defaults.
func (c *Config) complete() error {
	for field, otherwise := range map[*string]string{
		&c.URL: defaultURL, &c.LoginField: "email", &c.IDField: "id", &c.IDClaim: "user_id",
		&c.HeaderName: "Authorization", &c.Scheme: "Bearer",
		&c.Paths.Token: "/auth/token/", &c.Paths.Refresh: "/auth/token/refresh/", &c.Paths.Verify: "/auth/token/verify/",
		&c.Paths.User: "/auth/user/", &c.Paths.PasswordChange: "/auth/password-change/", &c.Paths.Blacklist: "/auth/token/blacklist/",
	} {
		if *field == "" {
			*field = otherwise
		}
	}
	if c.Timeout == 0 {
		c.Timeout = defaultTimeout
	}
	if c.Now == nil {
		c.Now = time.Now //nolint:forbidigo // the default of Now, the one place where this package takes the clock
	}
	c.URL = strings.TrimSuffix(c.URL, "/")
	return c.check()
}

func (c *Config) check() error {
	var faults []error
	fault := func(bad bool, format string, args ...any) {
		if bad {
			faults = append(faults, fmt.Errorf("easyjwt: "+format, args...))
		}
	}
	u, err := url.Parse(c.URL)
	fault(err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || u.RawQuery != "" || u.Fragment != "",
		"URL is no http or https address without query and password")
	for _, path := range []string{c.Paths.Token, c.Paths.Refresh, c.Paths.Verify, c.Paths.User, c.Paths.PasswordChange, c.Paths.Blacklist} {
		plain := strings.Replace(path, userPlace, "0", 1)
		fault(!strings.HasPrefix(path, "/") || strings.ContainsAny(plain, " \t\r\n{}?#"), "path %q is none such as /auth/token/", path)
	}
	fault(c.Timeout < 0, "Timeout %s is negative", c.Timeout)
	fault(c.Cache < 0 || c.Cache > maxCache, "Cache %s is outside 0 to %s", c.Cache, maxCache)
	fault(c.Leeway < 0 || c.Leeway > time.Minute, "Leeway %s is outside 0 to 60 s", c.Leeway)
	fault(c.Users == nil, "Users is missing: sqlmirror.Open, or your own")
	return errors.Join(faults...)
}

// userPlace is where a path has the user's id.
const userPlace = "{user_id}"

// verifier checks tokens here.
func (c *Config) verifier() *watchword.Verifier {
	if c.Keys == nil {
		return nil
	}
	v := &watchword.Verifier{
		Keys: c.Keys, Issuer: c.Issuer, InsecureIssuerOptional: c.Issuer == "", InsecureIssuedAtOptional: true,
		Audience: c.Audience, Type: "JWT", Layout: layout{c.IDClaim}, Leeway: c.Leeway, Memory: watchword.NewVerified(0), Now: c.Now,
	}
	if c.Audience == "" {
		v.Audience = watchword.AnyAudience
	}
	return v
}
