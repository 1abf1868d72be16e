package console

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/httpauth"
)

// forgery keeps other sites from sending forms in a user's name, in two ways
// that each suffice: what the browser says of a request's origin, and a token
// in every form that is bound to the session (ASVS 3.5.1).
type forgery struct {
	origins *http.CrossOriginProtection
	token   httpauth.Protection
}

// tokenField is the form field that repeats the token.
const tokenField = "csrf"

// newForgery makes the checks of the pages of an issuer. Besides the host
// that was asked, the issuer's own origin is right: a proxy may have asked
// under another name.
func newForgery(key []byte, issuer string) (forgery, error) {
	f := forgery{origins: http.NewCrossOriginProtection()}
	if u, err := url.Parse(issuer); err == nil && u.Host != "" {
		if err := f.origins.AddTrustedOrigin(u.Scheme + "://" + u.Host); err != nil {
			return f, err
		}
	}
	name := "ww_admin_csrf"
	if strings.HasPrefix(issuer, "https://") {
		name = "__Secure-" + name
	}
	var err error
	f.token, err = httpauth.CSRFToken{Key: key, Cookie: name}.Bind(issuer, prefix)
	return f, err
}

// check refuses a form that was not ours with CrossOrigin. claims is nil
// where nobody is signed in.
func (f forgery) check(r *http.Request, claims *watchword.Claims) error {
	if err := f.origins.Check(r); err != nil {
		return fmt.Errorf("%w: %w", watchword.CrossOrigin, err)
	}
	// The check is made for scripts, which show the token in a header. A form
	// has none, and the header of the request proves nothing here.
	shown := &http.Request{Method: r.Method, URL: r.URL, Header: http.Header{
		"Cookie":         r.Header["Cookie"],
		f.token.Header(): r.PostForm[tokenField],
	}}
	return f.token.Check(&httpauth.Exchange{Request: shown, Claims: claims})
}

// issue sets the cookie and returns the token for forms: the one that is
// shown where it belongs to the same session, so that other tabs keep theirs.
func (f forgery) issue(w http.ResponseWriter, r *http.Request, claims *watchword.Claims) (string, error) {
	c, err := f.token.Issue(&httpauth.Exchange{Request: r}, claims)
	if err != nil {
		return "", err
	}
	// Our own forms carry the token in the page: no script has to read it.
	c.HttpOnly, c.Path, c.Secure = true, prefix, !unwired(r)
	http.SetCookie(w, c)
	return c.Value, nil
}
