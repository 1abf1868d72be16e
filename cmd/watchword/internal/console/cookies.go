package console

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/watchword-auth/watchword"
)

// prefix is where the pages are. Their cookies are sent nowhere else.
const prefix = "/admin/"

// jar keeps the pages' session in cookies of its own, beside those of any
// face. No script can read them.
type jar struct {
	access, refresh string // their names
}

// newJar names the cookies. Where the issuer is https they get the prefix
// __Secure- (RFC 6265bis, section 4.1.3.1), so that nobody on the way to an
// http page of the host can plant one; __Host- would demand the path /, and
// that the API gets them as well.
func newJar(issuer string) jar {
	secure := ""
	if strings.HasPrefix(issuer, "https://") {
		secure = "__Secure-"
	}
	return jar{access: secure + "ww_admin", refresh: secure + "ww_admin_refresh"}
}

// put sets both cookies, for as long as the session can be idle.
func (j jar) put(w http.ResponseWriter, r *http.Request, t watchword.Tokens) {
	life := t.RefreshExpiry.Sub(t.Claims.IssuedAt)
	http.SetCookie(w, cookie(r, j.access, t.Access, life))
	http.SetCookie(w, cookie(r, j.refresh, t.Refresh, life))
}

// clear deletes both.
func (j jar) clear(w http.ResponseWriter, r *http.Request) {
	for _, name := range []string{j.access, j.refresh} {
		c := cookie(r, name, "", 0) //nolint:gosec // G124: as below
		c.MaxAge = -1
		http.SetCookie(w, c)
	}
}

func cookie(r *http.Request, name, value string, life time.Duration) *http.Cookie {
	return &http.Cookie{ //nolint:gosec // G124: Secure everywhere but on loopback
		Name: name, Value: value, Path: prefix, MaxAge: max(int(life/time.Second), 1),
		HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: !unwired(r),
	}
}

// read returns the cookie's value. Two of one name that differ are none: one
// was planted, and which comes first is not for the attacker to decide.
func read(r *http.Request, name string) string {
	value := ""
	for _, c := range r.CookiesNamed(name) {
		if value != "" && c.Value != value {
			return ""
		}
		value = c.Value
	}
	return value
}

// unwired reports whether the page is asked of this very machine, without
// TLS: there is no wire to listen on, and some browsers keep no Secure cookie
// then. Anybody else's is Secure, so that over plain http nobody stays signed
// in whom a listener could follow.
func unwired(r *http.Request) bool { return !encrypted(r) && loopback(r.Host) }

// encrypted reports whether the browser speaks TLS, to us or to a trusted
// proxy, which the server notes in the URL.
func encrypted(r *http.Request) bool { return r.TLS != nil || r.URL.Scheme == "https" }

func loopback(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = hostport
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && addr.Unmap().IsLoopback()
}
