package httpauth

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/watchword-auth/watchword"
)

// Cookies says what cookies are called and where browsers send them. The
// zero value is the native one: ww_access for all paths and ww_refresh for
// the profile's prefix, both HttpOnly, and ww_payload where claims may be
// read by scripts; all Secure and SameSite=Lax. Where the issuer is https and
// no domain is set, the names get the prefixes __Host- and __Secure- (RFC
// 6265bis, section 4.1.3), so that no other host of the domain can plant one.
type Cookies struct {
	// Access, Refresh and Payload are names of one's own; "" means the native
	// one.
	Access, Refresh, Payload string
	// Domain shares the cookies with all hosts below it; "" keeps them to
	// the one that set them.
	Domain string
	// RefreshPath is where the refresh token is sent; "" means the profile's
	// prefix.
	RefreshPath string
	// SameSite is http.SameSiteLaxMode unless set.
	SameSite http.SameSite
}

// OneCookie carries the access token in one HttpOnly cookie, and the refresh
// token in another that is sent to the profile's routes only. Scripts see
// neither.
type OneCookie struct{ Cookies }

// TwoCookies is OneCookie, and a third cookie beside the access token's with
// its claims as base64 of JSON, which scripts may read: an application can
// show who is signed in without ever holding a token. It is not proof of
// anything, and the server never reads it. (djwto's idea.)
type TwoCookies struct{ Cookies }

// Binder is optional for a Transport that depends on where it is mounted.
// Mount and Profile.Guard ask it for the transport to use.
type Binder interface {
	Bind(issuer, prefix string) (Transport, error)
}

// maxCookie is what browsers keep of a Set-Cookie, attributes included; a
// longer one is dropped without a word (RFC 6265bis, section 5.6).
const maxCookie = 4096

// Bind sets the names and paths.
func (t OneCookie) Bind(issuer, prefix string) (Transport, error) {
	c, err := t.bind(issuer, prefix)
	return OneCookie{c}, err
}

// Bind sets the names and paths.
func (t TwoCookies) Bind(issuer, prefix string) (Transport, error) {
	c, err := t.bind(issuer, prefix)
	return TwoCookies{c}, err
}

// bind sets what is not set, and refuses what browsers would not keep.
func (c Cookies) bind(issuer, prefix string) (Cookies, error) {
	host, secure := hostPrefix(issuer, c.Domain), ""
	if host != "" {
		secure = "__Secure-"
	}
	c.Access = or(c.Access, host+"ww_access")
	c.Refresh = or(c.Refresh, secure+"ww_refresh")
	c.Payload = or(c.Payload, host+"ww_payload")
	c.RefreshPath = or(c.RefreshPath, prefix)
	if c.SameSite == 0 {
		c.SameSite = http.SameSiteLaxMode
	}
	var faults []error
	faults = append(faults,
		checkCookie(c.Access, "/", c.Domain), checkCookie(c.Refresh, c.RefreshPath, c.Domain), checkCookie(c.Payload, "/", c.Domain))
	if c.Access == c.Refresh || c.Access == c.Payload || c.Refresh == c.Payload {
		faults = append(faults, errors.New("two cookies have the same name"))
	}
	return c, errors.Join(faults...)
}

// hostPrefix is that of a cookie which belongs to one host alone.
func hostPrefix(issuer, domain string) string {
	if strings.HasPrefix(issuer, "https://") && domain == "" {
		return "__Host-"
	}
	return ""
}

// checkCookie refuses what browsers would drop, or keep for another path.
func checkCookie(name, path, domain string) error {
	probe := http.Cookie{Name: name, Value: "x", Path: path, Domain: domain} //nolint:gosec // G124: it is never sent
	if err := probe.Valid(); err != nil {
		return fmt.Errorf("cookie %q: %w", name, err)
	}
	switch {
	case !strings.HasPrefix(path, "/"):
		return fmt.Errorf("cookie %q: path %q does not begin with a slash", name, path)
	case hasPrefixFold(name, "__Host-") && (path != "/" || domain != ""):
		// Browsers compare the prefix without regard to case.
		return fmt.Errorf("cookie %q would be dropped: __Host- demands the path / and no domain", name)
	default:
		return nil
	}
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// Access reads the cookie with the access token.
func (t OneCookie) Access(r *http.Request) (string, bool) { return readCookie(r, t.Cookies.Access) }

// Refresh reads the cookie with the refresh token.
func (t OneCookie) Refresh(r *http.Request) (string, bool) { return readCookie(r, t.Cookies.Refresh) }

// Write sets both cookies, or none: an error names the one that browsers
// would drop.
func (t OneCookie) Write(w http.ResponseWriter, tokens watchword.Tokens) error {
	return setCookies(w, t.tokens(tokens))
}

// Clear deletes both.
func (t OneCookie) Clear(w http.ResponseWriter) { t.clear(w, t.Cookies.Access, t.Cookies.Refresh) }

// Ambient is true: browsers send cookies unasked.
func (OneCookie) Ambient() bool { return true }

// Access reads the cookie with the access token.
func (t TwoCookies) Access(r *http.Request) (string, bool) { return readCookie(r, t.Cookies.Access) }

// Refresh reads the cookie with the refresh token.
func (t TwoCookies) Refresh(r *http.Request) (string, bool) { return readCookie(r, t.Cookies.Refresh) }

// Write sets the three cookies, or none: an error names the one that browsers
// would drop.
func (t TwoCookies) Write(w http.ResponseWriter, tokens watchword.Tokens) error {
	cookies := t.tokens(tokens)
	if tokens.Claims != nil {
		payload := t.cookie( //nolint:gosec // G124: scripts must read it
			t.Cookies.Payload, base64.StdEncoding.EncodeToString(tokens.Claims.JSON()), "/", tokens.ExpiresIn)
		payload.HttpOnly = false
		cookies = append(cookies, payload)
	}
	return setCookies(w, cookies)
}

// Clear deletes the three.
func (t TwoCookies) Clear(w http.ResponseWriter) {
	t.clear(w, t.Cookies.Access, t.Cookies.Refresh, t.Payload)
}

// Ambient is true: browsers send cookies unasked.
func (TwoCookies) Ambient() bool { return true }

// tokens returns the cookies of both tokens. They live as long as what is in
// them.
func (c Cookies) tokens(t watchword.Tokens) []*http.Cookie {
	cookies := []*http.Cookie{c.cookie(c.Access, t.Access, "/", t.ExpiresIn)}
	if t.Refresh != "" && t.Claims != nil {
		life := t.RefreshExpiry.Sub(t.Claims.IssuedAt)
		cookies = append(cookies, c.cookie(c.Refresh, t.Refresh, c.RefreshPath, life))
	}
	return cookies
}

func (c Cookies) cookie(name, value, path string, life time.Duration) *http.Cookie {
	return &http.Cookie{ //nolint:gosec // G124: bind sets SameSite
		Name: name, Value: value, Path: path, Domain: c.Domain, MaxAge: max(int(life/time.Second), 1),
		Secure: true, HttpOnly: true, SameSite: c.SameSite,
	}
}

// clear deletes by name, path and domain, as browsers demand, and repeats
// Secure, without which a Secure cookie is not replaced.
func (c Cookies) clear(w http.ResponseWriter, names ...string) {
	for _, name := range names {
		cookie := c.cookie(name, "", "/", 0) //nolint:gosec // G124: as above
		if name == c.Refresh {
			cookie.Path = c.RefreshPath
		}
		cookie.HttpOnly = name != c.Payload
		cookie.MaxAge = -1
		http.SetCookie(w, cookie)
	}
}

func setCookies(w http.ResponseWriter, cookies []*http.Cookie) error {
	for _, c := range cookies {
		if n := len(c.String()); n > maxCookie {
			return fmt.Errorf("cookie %s has %d bytes with its attributes, and browsers keep %d at most: carry fewer claims", c.Name, n, maxCookie)
		}
	}
	for _, c := range cookies {
		http.SetCookie(w, c)
	}
	return nil
}

// readCookie returns the cookie's value. Two of one name that differ are
// unreadable: one was planted, from another path or a sister domain, and
// which comes first is not for the attacker to decide.
func readCookie(r *http.Request, name string) (string, bool) {
	if name == "" {
		return "", false // not bound: nothing is ever found
	}
	var value string
	for _, c := range r.CookiesNamed(name) {
		if value != "" && c.Value != value {
			return "", true
		}
		value = c.Value
	}
	if len(value) > maxToken {
		return "", true
	}
	return value, value != ""
}

// writes is the transport that carries tokens out.
func writes(t Transport) Transport {
	if b, ok := t.(Beside); ok {
		return writes(b.Transport)
	}
	return t
}

// each are the transports that a transport is made of.
func each(t Transport) []Transport {
	b, ok := t.(Beside)
	if !ok {
		return []Transport{t}
	}
	all := each(b.Transport)
	for _, other := range b.Also {
		all = append(all, each(other)...)
	}
	return all
}

// Beside accepts tokens by several transports and writes them by the first.
// They are asked in order; two that show different access tokens are refused,
// because nobody can say which one is meant.
type Beside struct {
	Transport
	Also []Transport
}

// Bind binds all of them.
func (t Beside) Bind(issuer, prefix string) (Transport, error) {
	var faults []error
	bound := Beside{Also: make([]Transport, len(t.Also))}
	var err error
	if bound.Transport, err = bindTransport(t.Transport, issuer, prefix); err != nil {
		faults = append(faults, err)
	}
	for i, other := range t.Also {
		if bound.Also[i], err = bindTransport(other, issuer, prefix); err != nil {
			faults = append(faults, err)
		}
	}
	return bound, errors.Join(faults...)
}

// bindTransport binds a transport that wants it; nil means Bearer.
func bindTransport(t Transport, issuer, prefix string) (Transport, error) {
	if t == nil {
		return Bearer{}, nil
	}
	if b, ok := t.(Binder); ok {
		return b.Bind(issuer, prefix)
	}
	return t, nil
}

// Access finds the one access token that is shown.
func (t Beside) Access(r *http.Request) (string, bool) {
	token, shown := t.Transport.Access(r)
	for _, other := range t.Also {
		switch more, ok := other.Access(r); {
		case !ok:
		case !shown:
			token, shown = more, true
		case more != token:
			return "", true
		}
	}
	return token, shown
}

// Refresh finds the refresh token likewise.
func (t Beside) Refresh(r *http.Request) (string, bool) {
	token, shown := t.Transport.Refresh(r)
	for _, other := range t.Also {
		switch more, ok := other.Refresh(r); {
		case !ok:
		case !shown:
			token, shown = more, true
		case more != token:
			return "", true
		}
	}
	return token, shown
}

// Ambient reports whether any of them is.
func (t Beside) Ambient() bool {
	ambient := t.Transport.Ambient()
	for _, other := range t.Also {
		ambient = ambient || other.Ambient()
	}
	return ambient
}

// AmbientIn reports whether this request may have been sent unasked: it may
// not where the token came by a header that only scripts can set, unless a
// refresh token came by itself, which that header says nothing about.
func (t Beside) AmbientIn(r *http.Request) bool {
	if !scripted(t.Transport, r) && !slices.ContainsFunc(t.Also, func(one Transport) bool { return scripted(one, r) }) {
		return t.Ambient()
	}
	return refreshesUnasked(t.Transport, r) || slices.ContainsFunc(t.Also, func(one Transport) bool { return refreshesUnasked(one, r) })
}

func refreshesUnasked(t Transport, r *http.Request) bool {
	if !t.Ambient() {
		return false
	}
	_, shown := t.Refresh(r)
	return shown
}

// scripted reports whether a token came by what only scripts can set.
func scripted(t Transport, r *http.Request) bool {
	if ambientIn(t, r) {
		return false
	}
	_, shown := t.Access(r)
	return shown
}

// ambientIn asks a transport about one request.
func ambientIn(t Transport, r *http.Request) bool {
	if a, ok := t.(interface{ AmbientIn(*http.Request) bool }); ok {
		return a.AmbientIn(r)
	}
	return t.Ambient()
}
