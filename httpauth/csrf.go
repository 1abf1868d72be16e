package httpauth

import (
	"bytes"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"errors"
	"fmt"
	"net/http"

	"github.com/watchword-auth/watchword"
)

// Protection demands more of a request than that its origin is right, where
// a browser may have been made to send it. [CSRFToken] is the native one;
// dialects with formats of their own have theirs. It is asked about unsafe
// methods only, and only where the token may have been sent unasked.
// Implementations are safe for concurrent use.
type Protection interface {
	// Bind sets what depends on where it is mounted, and reports every fault
	// of its settings. Mount and Profile.Guard use what it returns.
	Bind(issuer, prefix string) (Protection, error)
	// Check refuses with CrossOrigin. x.Op is 0 at the application's own
	// routes. x.Claims is nil before a token has been verified.
	Check(x *Exchange) error
	// Issue returns the cookie from which scripts learn what to show from
	// now on; nil for none. c is who signed in or refreshed; nil is nobody.
	Issue(x *Exchange, c *watchword.Claims) (*http.Cookie, error)
	// Header is the request header that scripts show it in, so that pages of
	// Profile.Origins may send it; "" for none.
	Header() string
}

// CSRFToken is a signed double submit, for browsers that send neither
// Sec-Fetch-Site nor Origin: every unsafe request must repeat in a header the
// value of a cookie that only scripts of the site can read, and the value is
// signed together with the session it was made for. So a cookie that a sister
// domain planted is worth nothing, not even one that the attacker got for
// himself (OWASP, Cross-Site Request Forgery Prevention).
//
// Every sign-in makes a new one, for the new session. Before it, GET csrf
// gives one for nobody (see [Profile.WithCSRF]), which sign-in demands: to
// make a browser sign in as somebody else is an attack as well. Refresh and
// sign-out, which must work when the access token has expired, take any that
// this server made.
type CSRFToken struct {
	// Key is a secret of at least 32 bytes, the same on every node. What signs
	// is derived from it, so it may be the SealKey.
	Key []byte
	// Cookie is the cookie's name; "" means ww_csrf, with __Host- where the
	// issuer is https and there is no Domain.
	Cookie string
	// HeaderName is the header's; "" means X-CSRF-Token.
	HeaderName string
	// Domain is the cookie's, where a front-end on another host of the domain
	// must read it; "" keeps it to the host.
	Domain string
	// SameSite is the cookie's; 0 means Lax.
	SameSite http.SameSite

	secret []byte // set by Bind
}

// A token is base32, so that no cookie parser quotes it: 12 random bytes, 12
// that name the session, and 16 of an HMAC over both.
const (
	csrfNonce, csrfBound, csrfMAC = 12, 12, 16

	csrfLife = 365 * 24 * 60 * 60 // seconds; with its session it is worthless anyway
)

// Bind derives the key and sets the names.
func (t CSRFToken) Bind(issuer, _ string) (Protection, error) {
	var faults []error
	if len(t.Key) < 32 {
		faults = append(faults, fmt.Errorf("the CSRF key has %d bytes, want at least 32", len(t.Key)))
	}
	prefix := hostPrefix(issuer, t.Domain)
	t.Cookie = or(t.Cookie, prefix+"ww_csrf")
	t.HeaderName = http.CanonicalHeaderKey(or(t.HeaderName, "X-CSRF-Token"))
	if t.SameSite == 0 {
		t.SameSite = http.SameSiteLaxMode
	}
	faults = append(faults, checkCookie(t.Cookie, "/", t.Domain))
	if safelisted(t.HeaderName) {
		// A header that a form or a simple request can send proves nothing.
		faults = append(faults, fmt.Errorf("header %s may be sent across origins by anybody", t.HeaderName))
	}
	var err error
	if t.secret, err = hkdf.Key(sha256.New, t.Key, nil, "watchword csrf", sha256.Size); err != nil {
		faults = append(faults, err)
	}
	return t, errors.Join(faults...)
}

// Header returns HeaderName.
func (t CSRFToken) Header() string { return t.HeaderName }

// Check compares header and cookie, and then what is signed in them with the
// session of the claims.
func (t CSRFToken) Check(x *Exchange) error {
	shown := x.Request.Header[t.HeaderName]
	cookie, _ := readCookie(x.Request, t.Cookie)
	switch {
	case len(shown) != 1 || shown[0] == "":
		return fmt.Errorf("%w: no CSRF token in %s", watchword.CrossOrigin, t.HeaderName)
	case subtle.ConstantTimeCompare([]byte(shown[0]), []byte(cookie)) != 1:
		return fmt.Errorf("%w: %s does not repeat cookie %s", watchword.CrossOrigin, t.HeaderName, t.Cookie)
	}
	bound, ok := t.open(cookie)
	switch {
	case !ok:
		return fmt.Errorf("%w: the CSRF token is not ours", watchword.CrossOrigin)
	case x.Claims != nil && subtle.ConstantTimeCompare(bound, t.bound(x.Claims)) != 1:
		return fmt.Errorf("%w: the CSRF token is of another session", watchword.CrossOrigin)
	}
	return nil
}

// Issue keeps the token that is shown where it belongs to the same session,
// so that a refresh in one tab does not take it from the others; a sign-in
// always gets a new one.
func (t CSRFToken) Issue(x *Exchange, c *watchword.Claims) (*http.Cookie, error) {
	if t.secret == nil {
		return nil, errors.New("the CSRF token is not bound")
	}
	value, _ := readCookie(x.Request, t.Cookie)
	if bound, ok := t.open(value); !ok || !bytes.Equal(bound, t.bound(c)) {
		value = t.seal(c)
	}
	return &http.Cookie{ //nolint:gosec // G124: scripts must read it
		Name: t.Cookie, Value: value, Path: "/", Domain: t.Domain, MaxAge: csrfLife, Secure: true, SameSite: t.SameSite,
	}, nil
}

func (t CSRFToken) seal(c *watchword.Claims) string {
	b := make([]byte, csrfNonce, csrfNonce+csrfBound+csrfMAC)
	_, _ = rand.Read(b) // never fails
	b = append(b, t.bound(c)...)
	return encodeCSRF(append(b, t.mac("token", b)[:csrfMAC]...))
}

// open returns what a token is bound to, if this server made it.
func (t CSRFToken) open(token string) (bound []byte, ok bool) {
	b, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(token)
	// Other spellings of the same bytes are refused with other bytes.
	if err != nil || t.secret == nil || len(b) != csrfNonce+csrfBound+csrfMAC || encodeCSRF(b) != token {
		return nil, false
	}
	body, mac := b[:csrfNonce+csrfBound], b[csrfNonce+csrfBound:]
	return body[csrfNonce:], hmac.Equal(mac, t.mac("token", body)[:csrfMAC])
}

// bound names the session of the claims, the subject where a token has no
// session, or nobody.
func (t CSRFToken) bound(c *watchword.Claims) []byte {
	switch {
	case c == nil:
		return t.mac("nobody", nil)[:csrfBound]
	case c.Session != "":
		return t.mac("session", []byte(c.Session))[:csrfBound]
	default:
		return t.mac("subject", []byte(c.Subject))[:csrfBound]
	}
}

func (t CSRFToken) mac(purpose string, text []byte) []byte {
	m := hmac.New(sha256.New, t.secret)
	_, _ = m.Write(append([]byte(purpose), 0))
	_, _ = m.Write(text)
	return m.Sum(nil)
}

func encodeCSRF(b []byte) string {
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b)
}

// safelisted are the headers that need no preflight (Fetch, "CORS-safelisted
// request-header"), and those that browsers set themselves.
func safelisted(header string) bool {
	switch header {
	case "Accept", "Accept-Language", "Content-Language", "Content-Type", "Range", "Cookie", "Origin", "Referer", "User-Agent", "Host", "Authorization":
		return true
	default:
		return false
	}
}

// WithCSRF returns the profile with the token demanded by its routes and by
// its guards, and with the route GET csrf, which sets the cookie and answers
// {"csrf_token"}, for the session that the request shows or for nobody.
func (p Profile) WithCSRF(t CSRFToken) Profile {
	p.Protect = t
	routes := make([]Route, 0, len(p.Routes)+1)
	p.Routes = append(append(routes, p.Routes...), Route{
		Pattern: "GET csrf", Op: OpCSRF,
		Out: Output{Members: []Member{{Name: "csrf_token", From: func(r Result) any { return r.CSRF.Value }}}},
	})
	return p
}

// issueCSRF is OpCSRF.
func issueCSRF(s Service) operate {
	return func(x *Exchange) (Result, error) {
		var c *watchword.Claims
		if raw, shown := x.Transport().Access(x.Request); shown && raw != "" {
			// Whoever shows no good token gets one for nobody, to sign in.
			c, _ = s.Verify(x.Request.Context(), raw)
		}
		cookie, err := x.endpoint.issue(x, c)
		if err == nil && cookie == nil {
			err = fmt.Errorf("%w: the profile has no CSRF token", watchword.NotFound)
		}
		return Result{CSRF: cookie}, err
	}
}

// issue is nil where the profile's protection issues nothing.
func (e *endpoint) issue(x *Exchange, c *watchword.Claims) (*http.Cookie, error) {
	if e.profile.Protect == nil || !e.profile.Transport.Ambient() {
		return nil, nil
	}
	return e.profile.Protect.Issue(x, c)
}

// protect asks the profile's protection about a request that a browser may
// have been made to send.
func (e *endpoint) protect(x *Exchange) error {
	p := e.profile
	if p.Protect == nil || e.route.InsecureUnprotected || safe(x.Request.Method) || !ambientIn(p.Transport, x.Request) {
		return nil
	}
	switch op := e.route.Op; {
	case e.guard == nil && (op == OpVerify || op == OpIntrospect || op == OpRevoke):
		return nil // nothing that browsers send by themselves counts here
	case op == OpToken && x.Text(ParamGrantType) == grantClient:
		return nil // a machine, which shows its secret
	default:
		return p.Protect.Check(x)
	}
}

// safe methods change nothing (RFC 9110, section 9.2.1). They are those that
// http.CrossOriginProtection lets pass.
func safe(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
}
