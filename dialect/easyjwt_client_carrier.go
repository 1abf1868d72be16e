package dialect

import (
	"crypto/subtle"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/httpauth"
)

// sessionCookie holds the id of a session on pages, as Django calls it.
const sessionCookie = "sessionid"

// Texts of the original about its header.
const (
	textNoToken     = "Invalid basic header. No credentials provided."
	textTokenSpaces = "Invalid basic header. Credentials string should not contain spaces."
	textNoOrigin    = "Disallowed origin."
)

// easyjwtCarrier finds tokens: in the Authorization header by one of the
// schemes, which may be followed by the colon of 0.5.1, else in the cookie of a
// session, if there are pages.
type easyjwtCarrier struct{ c *easyjwtClient }

// header reads the Authorization header. shown is false where there is none of
// a scheme of ours: the sender is anonymous then.
func (t easyjwtCarrier) header(r *http.Request) (parts []string, shown bool) {
	values := r.Header["Authorization"]
	if len(values) == 0 {
		return nil, false
	}
	parts = strings.Fields(values[0])
	if len(parts) == 0 || !slices.Contains(t.c.schemes, strings.TrimSuffix(parts[0], ":")) {
		return nil, false
	}
	if len(values) > 1 {
		return nil, true
	}
	return parts, true
}

// Access finds the access token, or the id of a session.
func (t easyjwtCarrier) Access(r *http.Request) (string, bool) {
	if parts, shown := t.header(r); shown {
		if len(parts) != 2 {
			return "", true
		}
		return parts[1], true
	}
	if !t.c.pages {
		return "", false
	}
	return cookieValue(r, sessionCookie)
}

// Refresh finds the refresh token's cookie.
func (t easyjwtCarrier) Refresh(r *http.Request) (string, bool) {
	if !t.c.inCookie {
		return "", false
	}
	return cookieValue(r, t.c.cookie.name)
}

// Write does nothing: the routes write their cookies themselves.
func (easyjwtCarrier) Write(http.ResponseWriter, watchword.Tokens) error { return nil }

// Clear does nothing likewise.
func (easyjwtCarrier) Clear(http.ResponseWriter) {}

// Ambient reports whether anything rides in cookies.
func (t easyjwtCarrier) Ambient() bool { return t.c.inCookie || t.c.pages }

// AmbientIn reports whether a browser may have sent the request by itself: not
// where a script has set the header, unless a cookie with a refresh token came
// too. A sign-in in cookie mode may, though it shows nothing.
func (t easyjwtCarrier) AmbientIn(r *http.Request) bool {
	if _, refresh := t.Refresh(r); refresh {
		return true
	}
	if _, shown := t.header(r); shown {
		return false
	}
	_, session := cookieValue(r, sessionCookie)
	return t.c.inCookie || t.c.pages && session
}

// easyjwtCSRF demands of whatever a browser may have sent by itself that a
// script, or a form of ours, repeats the cookie csrftoken.
type easyjwtCSRF struct{ c *easyjwtClient }

// Bind changes nothing: the settings say all.
func (p easyjwtCSRF) Bind(string, string) (httpauth.Protection, error) { return p, nil }

// Header returns X-CSRFToken.
func (easyjwtCSRF) Header() string { return csrfHeader }

// Issue returns nothing: the routes write the cookie themselves.
func (easyjwtCSRF) Issue(*httpauth.Exchange, *watchword.Claims) (*http.Cookie, error) {
	return nil, nil
}

// Check refuses with CrossOrigin. In cookie mode the origin must be one of
// those allowed, where there is such a list.
func (p easyjwtCSRF) Check(x *httpauth.Exchange) error {
	switch x.Op() {
	case httpauth.OpSignIn, httpauth.OpRefresh, httpauth.OpSignOut:
		if !p.c.inCookie {
			return nil // nothing rides in cookies here
		}
		if err := p.c.checkAllowed(x.Request); err != nil {
			return err
		}
	default:
	}
	return checkRepeated(x)
}

// checkAllowed compares the sender's page with ALLOWED_AUTH_ORIGINS.
func (c *easyjwtClient) checkAllowed(r *http.Request) error {
	if len(c.origins) == 0 {
		return nil
	}
	origin := r.Header.Get("Origin")
	if from, err := url.Parse(r.Header.Get("Referer")); origin == "" && err == nil && from.Host != "" {
		origin = from.Scheme + "://" + from.Host
	}
	if !slices.Contains(c.origins, origin) {
		return &watchword.PolicyError{Code: watchword.CrossOrigin, Message: textNoOrigin}
	}
	return nil
}

// checkRepeated compares the cookie with the header, or with a form's field.
func checkRepeated(x *httpauth.Exchange) error {
	shown := x.Request.Header.Get(csrfHeader)
	if field := x.Text(djwtoCSRFField); field != "" {
		shown = field
	}
	cookie, _ := cookieValue(x.Request, csrfCookie)
	if !isCSRFToken(cookie) || subtle.ConstantTimeCompare([]byte(cookie), []byte(shown)) != 1 {
		return fmt.Errorf("%w: no CSRF token that repeats cookie %s", watchword.CrossOrigin, csrfCookie)
	}
	return nil
}

// csrfFor sets the browser's CSRF cookie, and returns what is in it.
func csrfFor(h http.Header, r *http.Request) string {
	token, _ := cookieValue(r, csrfCookie)
	if !isCSRFToken(token) {
		token = newCSRFToken()
	}
	setCSRFCookie(h, r, token)
	return token
}

// refreshCookie is the Set-Cookie of a refresh token, with the attributes in
// the original's order. Over https it is Secure whatever the setting.
func (c *easyjwtClient) refreshCookie(r *http.Request, token string) string {
	a := c.cookie
	text := a.name + "=" + token
	if a.domain != "" {
		text += "; Domain=" + a.domain
	}
	if a.maxAge > 0 {
		text += "; expires=" + expires(a.maxAge)
	}
	if a.httpOnly {
		text += "; HttpOnly"
	}
	if a.maxAge > 0 {
		text += "; Max-Age=" + strconv.FormatInt(int64(a.maxAge/time.Second), 10)
	}
	return text + a.tail(r)
}

// noRefreshCookie takes it back.
func (c *easyjwtClient) noRefreshCookie(r *http.Request) string {
	text := c.cookie.name + `=""`
	if c.cookie.domain != "" {
		text += "; Domain=" + c.cookie.domain
	}
	return text + "; expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0" + c.cookie.tail(r)
}

// tail are the attributes at the end. SameSite=None without Secure would be
// dropped (RFC 6265bis, section 5.6).
func (a easyjwtCookie) tail(r *http.Request) string {
	text := "; Path=" + a.path + "; SameSite=" + a.sameSite
	if a.secure || secure(r) || a.sameSite == "None" {
		text += "; Secure"
	}
	return text
}

// pageCookie holds the id of a session, or takes it back.
func pageCookie(r *http.Request, id string, until time.Time) string {
	cookie := &http.Cookie{ //nolint:gosec // G124: Secure over https; over plain http the cookie would not come back
		Name: sessionCookie, Value: id, Path: "/", Expires: until, HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: secure(r),
	}
	if id == "" {
		cookie.MaxAge = -1
	}
	return cookie.String()
}
