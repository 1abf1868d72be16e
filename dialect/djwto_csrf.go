package dialect

import (
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/httpauth"
)

// csrfCookie is what scripts repeat.
const csrfCookie = "csrftoken"

// csrfAge is how long browsers keep it: a year of 52 weeks.
const csrfAge = 52 * 7 * 24 * time.Hour

// djwtoCSRF demands of everything but sign-in that a script repeats the
// cookie csrftoken, in a header or a form, and over https without an Origin
// that the Referer is of this host. The application's own views are not its
// business, as in the original.
type djwtoCSRF struct{ c *djwtoSettings }

// csrfHeader repeats the cookie, and so does this field of a form.
const (
	csrfHeader     = "X-CSRFToken"
	djwtoCSRFField = httpauth.Param("csrfmiddlewaretoken")
)

// Bind changes nothing: the settings say all.
func (p djwtoCSRF) Bind(string, string) (httpauth.Protection, error) { return p, nil }

// Header returns X-CSRFToken.
func (djwtoCSRF) Header() string { return csrfHeader }

// Check refuses with CrossOrigin. Whether an Origin header is right has been
// checked before.
func (p djwtoCSRF) Check(x *httpauth.Exchange) error {
	r := x.Request
	if x.Op() == httpauth.OpSignIn || !p.c.owns(r.URL.Path) {
		return nil
	}
	if r.Header.Get("Origin") == "" && secure(r) {
		if err := checkReferer(r); err != nil {
			return err
		}
	}
	shown := r.Header.Get(csrfHeader)
	if field := x.Text(djwtoCSRFField); field != "" && r.Method == http.MethodPost {
		shown = field
	}
	cookie, _ := cookieValue(r, csrfCookie)
	if !isCSRFToken(cookie) || subtle.ConstantTimeCompare([]byte(cookie), []byte(shown)) != 1 {
		return fmt.Errorf("%w: no CSRF token that repeats cookie %s", watchword.CrossOrigin, csrfCookie)
	}
	return nil
}

// Issue returns nothing: the routes write their cookies themselves, in the
// original's order.
func (djwtoCSRF) Issue(*httpauth.Exchange, *watchword.Claims) (*http.Cookie, error) { return nil, nil }

// owns reports whether a path is one of the endpoints.
func (c *djwtoSettings) owns(path string) bool {
	return path == c.prefix+"validate_access/" || strings.HasPrefix(path, c.path+"/")
}

// checkReferer is for old browsers, which send no Origin. Over plain http
// nothing in the request could be trusted anyway.
func checkReferer(r *http.Request) error {
	from, err := url.Parse(r.Header.Get("Referer"))
	if err != nil || from.Scheme != "https" || !strings.EqualFold(from.Host, r.Host) {
		return fmt.Errorf("%w: no Origin, and no Referer of this host", watchword.CrossOrigin)
	}
	return nil
}

// secure reports whether the client came over https: to this server, or to a
// proxy for which the server has put that into the request's URL.
func secure(r *http.Request) bool { return r.TLS != nil || r.URL.Scheme == "https" }

// isCSRFToken has the original's two formats: 64 letters and digits, or 32.
func isCSRFToken(s string) bool {
	if len(s) != 64 && len(s) != 32 {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	})
}

// newCSRF sets a new token, after a sign-in.
func (c *djwtoSettings) newCSRF(h http.Header, r *http.Request) {
	c.setCSRF(h, r, newCSRFToken())
}

// keepCSRF sets the token that the browser has, or its first one.
func (c *djwtoSettings) keepCSRF(h http.Header, r *http.Request) {
	if cookie, _ := cookieValue(r, csrfCookie); isCSRFToken(cookie) {
		c.setCSRF(h, r, cookie)
		return
	}
	c.newCSRF(h, r)
}

// setCSRF writes the cookie, which is the framework's and goes by none of
// the settings. Over https it is Secure.
func (c *djwtoSettings) setCSRF(h http.Header, r *http.Request, token string) {
	if !c.csrf || c.accessCookie == "" {
		return
	}
	setCSRFCookie(h, r, token)
	h.Add("Vary", "Cookie")
}

// newCSRFToken makes one in the newer of the two formats.
func newCSRFToken() string { return (rand.Text() + rand.Text() + rand.Text())[:64] }

// setCSRFCookie writes the cookie, Secure over https.
func setCSRFCookie(h http.Header, r *http.Request, token string) {
	text := csrfCookie + "=" + token + "; expires=" + expires(csrfAge) +
		"; Max-Age=" + strconv.FormatInt(int64(csrfAge/time.Second), 10) + "; Path=/; SameSite=Lax"
	if secure(r) {
		text += "; Secure"
	}
	h.Add("Set-Cookie", text)
}
