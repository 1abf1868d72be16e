package dialect

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/httpauth"
	"github.com/watchword-auth/watchword/jwt"
)

// Names of the cookies that are the same in both modes.
const (
	refreshCookie = "jwt_refresh"
	payloadCookie = "jwt_access_payload"
)

// djwtoTransport is where tokens ride, by mode. In the cookie modes the
// Authorization header does not count.
type djwtoTransport struct{ c *djwtoSettings }

// Access finds the access token's cookie, or what the header shows after
// "Bearer ", exactly so and once. (The original looks at what follows the
// last one, whatever stands before it.)
func (t djwtoTransport) Access(r *http.Request) (string, bool) {
	if t.c.accessCookie != "" {
		return cookieValue(r, t.c.accessCookie)
	}
	values := r.Header["Authorization"]
	if len(values) != 1 {
		return "", false
	}
	raw, ok := strings.CutPrefix(values[0], "Bearer ")
	return raw, ok && raw != ""
}

// Refresh finds the refresh token's cookie. In JSON mode the header holds
// either kind, and only the route knows which one is meant.
func (t djwtoTransport) Refresh(r *http.Request) (string, bool) {
	if t.c.accessCookie == "" {
		return "", false
	}
	return cookieValue(r, refreshCookie)
}

// Write sets the cookies.
func (t djwtoTransport) Write(w http.ResponseWriter, tokens watchword.Tokens) error {
	cookies, err := t.c.cookies(tokens)
	for _, cookie := range cookies {
		w.Header().Add("Set-Cookie", cookie)
	}
	return err
}

// Clear deletes them.
func (t djwtoTransport) Clear(w http.ResponseWriter) {
	for _, cookie := range t.c.deletions(refreshCookie) {
		w.Header().Add("Set-Cookie", cookie)
	}
}

// Ambient is true in the cookie modes.
func (t djwtoTransport) Ambient() bool { return t.c.accessCookie != "" }

// cookieValue returns a cookie's value, which may stand in quotes. Two of one
// name that differ are no value that could count: one was planted.
func cookieValue(r *http.Request, name string) (string, bool) {
	var value string
	for _, c := range r.CookiesNamed(name) {
		if value != "" && c.Value != value {
			return "", true
		}
		value = c.Value
	}
	return value, value != ""
}

// maxDjwtoCookie is what browsers keep of a Set-Cookie (RFC 6265bis, section
// 5.6).
const maxDjwtoCookie = 4096

// cookies are those of a pair of tokens, in the original's order, or none.
func (c *djwtoSettings) cookies(t watchword.Tokens) ([]string, error) {
	if c.accessCookie == "" {
		return nil, nil
	}
	list := []string{c.cookie(refreshCookie, t.Refresh, c.path, c.refresh, true)}
	if c.payload {
		text, err := sorted(t.Claims.JSON())
		if err != nil {
			return nil, err
		}
		// Unquoted: "=" and "/" may stand in a cookie (RFC 6265, section 4.1.1).
		list = append(list, c.cookie(payloadCookie, base64.StdEncoding.EncodeToString(text), "/", c.access, false))
	}
	list = append(list, c.cookie(c.accessCookie, t.Access, "/", c.access, true))
	for _, cookie := range list {
		if len(cookie) > maxDjwtoCookie {
			name, _, _ := strings.Cut(cookie, "=")
			return nil, fmt.Errorf("cookie %s has %d bytes with its attributes, and browsers keep %d at most: carry fewer claims", name, len(cookie), maxDjwtoCookie)
		}
	}
	return list, nil
}

// cookie is a Set-Cookie with the attributes in the original's order. Without
// a life it lasts as long as the browser.
func (c *djwtoSettings) cookie(name, value, path string, life time.Duration, httpOnly bool) string {
	var b strings.Builder
	b.WriteString(name + "=" + value)
	if c.domain != "" {
		b.WriteString("; Domain=" + c.domain)
	}
	if life > 0 {
		b.WriteString("; expires=" + expires(life))
	}
	if httpOnly {
		b.WriteString("; HttpOnly")
	}
	if life > 0 {
		b.WriteString("; Max-Age=" + strconv.FormatInt(int64(life/time.Second), 10))
	}
	b.WriteString("; Path=" + path + "; SameSite=" + c.sameSite + "; Secure")
	return b.String()
}

// expires repeats Max-Age for old browsers, which go by their own clock.
// Nothing is decided by it here.
func expires(life time.Duration) string {
	return time.Now().Add(life).UTC().Format(http.TimeFormat) //nolint:forbidigo // see above
}

// deletions take back the access token's cookies, and the others named. They
// say Secure, without which a browser does not replace what was Secure.
func (c *djwtoSettings) deletions(others ...string) []string {
	if c.accessCookie == "" {
		return nil
	}
	names := slices.Clone(others)
	if c.payload {
		names = append(names, payloadCookie)
	}
	list := make([]string, 0, len(names)+1)
	for _, name := range append(names, c.accessCookie) {
		path, domain := "/", ""
		if name == refreshCookie {
			path = c.path
		}
		if c.domain != "" {
			domain = "; Domain=" + c.domain
		}
		list = append(list, name+`=""`+domain+"; expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; Path="+path+"; SameSite="+c.sameSite+"; Secure")
	}
	return list
}

// sorted is a JSON object with its names in order, inner ones too, as
// json.dumps with sort_keys writes it.
func sorted(payload []byte) ([]byte, error) {
	var o httpauth.Object
	err := jwt.Walk(payload, func(name string, v jwt.Value) error {
		o = append(o, httpauth.Pair{Name: name, Value: sortedValue(v)})
		return nil
	})
	slices.SortFunc(o, byName)
	if err != nil {
		return nil, err
	}
	return djwtoStyle().Marshal(o)
}

func sortedValue(v jwt.Value) any {
	var o httpauth.Object
	if err := v.Walk(func(name string, v jwt.Value) error {
		o = append(o, httpauth.Pair{Name: name, Value: sortedValue(v)})
		return nil
	}); err == nil {
		slices.SortFunc(o, byName)
		return o
	}
	list := []any{}
	if err := v.Each(func(v jwt.Value) error {
		list = append(list, sortedValue(v))
		return nil
	}); err == nil {
		return list
	}
	return httpauth.Raw(v.Raw())
}

func byName(a, b httpauth.Pair) int { return strings.Compare(a.Name, b.Name) }
