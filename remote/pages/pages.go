// Package pages has the forms and the cookie for people who are signed in on
// pages by [remote.Sessions]: begin with [New].
package pages

import (
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/httpauth"
	"github.com/watchword-auth/watchword/remote"
)

// maxForm bounds a form that signs in, in bytes.
const maxForm = 64 << 10

// Config says where pages are, and how their forms look.
type Config struct {
	Sessions *remote.Sessions
	// URL is this service's own, as browsers see it: https, or http on
	// loopback. It is needed.
	URL string
	// SignIn is the path of the form, where Guard sends people who are not
	// signed in; "" means /login.
	SignIn string
	// Home is where people are after a sign-in that leads nowhere else, and
	// after signing out; "" means /.
	Home string
	// Cookie is the cookie's name; "" means ww_session, with __Host- where URL
	// is https.
	Cookie string
	// Form writes the page with the form, under f.Status. It is needed. The
	// form posts to SignIn the fields login, password, next and csrf_token.
	Form func(w http.ResponseWriter, r *http.Request, f Form)
	// CSRFKey, of at least 32 bytes, has forms repeat a [httpauth.CSRFToken]
	// in the field csrf_token, besides the origin that is checked anyway: for
	// browsers that send neither Sec-Fetch-Site nor Origin. nil: they need not.
	CSRFKey []byte
	// ClientOf tells who asks; nil means [httpauth.ClientOf]. Behind a proxy
	// use [httpauth.ClientBehind].
	ClientOf func(*http.Request) watchword.Client
	// Report hears of every refusal with the error behind it; nil means nobody
	// does.
	Report func(r *http.Request, p httpauth.Problem, err error)
}

// Form is what a form has to show.
type Form struct {
	Status int            // to answer with
	Code   watchword.Code // why the last attempt failed; 0: there was none
	Next   string         // for the field next
	CSRF   string         // for the field csrf_token
}

// Pages signs people in and out by forms, and guards what stands behind them:
// a browser's cookie holds the id of a session and nothing else. Make it with
// [New]. Safe for concurrent use.
type Pages struct {
	c      Config
	cookie httpauth.OneCookie
	guard  httpauth.Guard
	csrf   httpauth.Protection // nil: none
}

// New checks c and reports all its faults together.
func New(c Config) (*Pages, error) {
	var faults []error
	if c.Sessions == nil || c.Form == nil {
		faults = append(faults, errors.New("pages: Sessions and Form are needed"))
	}
	if u, err := url.Parse(c.URL); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		faults = append(faults, errors.New("pages: URL is no http or https address"))
	}
	for value, otherwise := range map[*string]string{&c.SignIn: "/login", &c.Home: "/"} {
		if *value == "" {
			*value = otherwise
		}
		if httpauth.LocalPath(*value) != *value {
			faults = append(faults, fmt.Errorf("pages: %q is no path such as %s", *value, otherwise))
		}
	}
	if c.Cookie == "" {
		c.Cookie = "ww_session"
		if strings.HasPrefix(c.URL, "https://") {
			c.Cookie = "__Host-" + c.Cookie // RFC 6265bis, section 4.1.3.2
		}
	}
	if c.ClientOf == nil {
		c.ClientOf = httpauth.ClientOf
	}
	p := &Pages{c: c}
	transport, err := httpauth.OneCookie{Cookies: httpauth.Cookies{Access: c.Cookie}}.Bind(c.URL, "/")
	faults = append(faults, err)
	p.cookie, _ = transport.(httpauth.OneCookie)
	if c.CSRFKey != nil {
		bound, err := httpauth.CSRFToken{Key: c.CSRFKey}.Bind(c.URL, "/")
		faults = append(faults, err)
		p.csrf = formToken{bound}
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	// The API's clients show tokens at the same routes.
	native := httpauth.Native("/", httpauth.Beside{Transport: httpauth.Bearer{}, Also: []httpauth.Transport{p.cookie}})
	native.Report = c.Report
	p.guard = *native.Guard(c.Sessions)
	p.guard.Protection = p.csrf
	return p, nil
}

// Guard returns what protects pages and API alike, by sessions and by tokens.
// Whoever asks for a page without either is sent to the form, and back
// afterwards.
func (p *Pages) Guard() *httpauth.Guard {
	g := p.guard
	deny := g.Deny
	g.Deny = func(w http.ResponseWriter, r *http.Request, problem httpauth.Problem) {
		if problem.Status != http.StatusUnauthorized || r.Method != http.MethodGet || !strings.Contains(r.Header.Get("Accept"), "text/html") {
			deny(w, r, problem)
			return
		}
		w.Header().Set("Vary", "Accept, Cookie")
		p.redirect(w, r, p.c.SignIn+"?next="+url.QueryEscape(r.URL.RequestURI()))
	}
	return &g
}

// SignIn shows the form, and signs in by what it posts. The session that the
// browser had before ends: nobody holds it any more, unless he stole it (ASVS
// 7.2.4).
func (p *Pages) SignIn(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		p.form(w, r, Form{Status: http.StatusOK, Next: p.onward(r.URL.Query().Get("next"))})
		return
	case http.MethodPost:
	default:
		p.deny(w, r, watchword.MethodNotAllowed)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := p.posted(r); err != nil {
		p.deny(w, r, err)
		return
	}
	next, from := p.onward(r.PostForm.Get("next")), p.c.ClientOf(r)
	id, until, err := p.c.Sessions.OpenSession(r.Context(), watchword.SignInRequest{
		Credentials: watchword.Credentials{Login: r.PostForm.Get("login"), Password: r.PostForm.Get("password")}, Client: from,
	})
	if err != nil {
		p.failed(w, r, next, err)
		return
	}
	if old, _ := p.cookie.Access(r); old != "" {
		_ = p.c.Sessions.CloseSession(r.Context(), old, from) // over here in any case
	}
	p.set(w, id, until)
	p.redirect(w, r, next)
}

// SignOut ends the session, here in any case and at the authority as far as
// that can be had.
func (p *Pages) SignOut(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		p.deny(w, r, watchword.MethodNotAllowed)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := p.posted(r); err != nil {
		p.deny(w, r, err)
		return
	}
	if id, _ := p.cookie.Access(r); id != "" {
		if err := p.c.Sessions.CloseSession(r.Context(), id, p.c.ClientOf(r)); err != nil {
			p.report(r, err)
		}
	}
	p.set(w, "", time.Time{})
	p.redirect(w, r, p.c.Home)
}

// CSRF returns what a form of the application's own repeats in its field
// csrf_token, and sets the cookie for it; "" without CSRFKey. Call it behind
// the guard, before anything is written.
func (p *Pages) CSRF(w http.ResponseWriter, r *http.Request) string {
	claims, _ := httpauth.ClaimsFrom(r.Context())
	return p.token(w, r, claims)
}

func (p *Pages) token(w http.ResponseWriter, r *http.Request, claims *watchword.Claims) string {
	if p.csrf == nil {
		return ""
	}
	cookie, err := p.csrf.Issue(&httpauth.Exchange{Request: r}, claims)
	if err != nil {
		p.report(r, err)
		return ""
	}
	http.SetCookie(w, cookie)
	return cookie.Value
}

// posted refuses posts that no form of ours has sent: to make a browser sign in
// as somebody else is an attack as well (ASVS 3.5.1).
func (p *Pages) posted(r *http.Request) error {
	origin := p.guard.Origin
	if origin == nil {
		origin = new(http.CrossOriginProtection)
	}
	if err := origin.Check(r); err != nil {
		return fmt.Errorf("%w: %w", watchword.CrossOrigin, err)
	}
	if err := r.ParseForm(); err != nil {
		code := watchword.InvalidRequest
		if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
			code = watchword.TooLarge
		}
		return fmt.Errorf("%w: %w", code, err)
	}
	if p.csrf == nil {
		return nil
	}
	return p.csrf.Check(&httpauth.Exchange{Request: r})
}

// form shows the form. One who is signed in keeps the CSRF token of his other
// tabs.
func (p *Pages) form(w http.ResponseWriter, r *http.Request, f Form) {
	var claims *watchword.Claims
	if id, _ := p.cookie.Access(r); id != "" && p.csrf != nil {
		claims, _ = p.c.Sessions.Verify(r.Context(), id) // else it is for nobody
	}
	f.CSRF = p.token(w, r, claims)
	w.Header().Set("Cache-Control", "no-store")
	p.c.Form(w, r, f)
}

// failed shows the form again. Nobody learns whether there is such a user.
func (p *Pages) failed(w http.ResponseWriter, r *http.Request, next string, err error) {
	p.report(r, err)
	problem := httpauth.ProblemOf(err, httpauth.TokenEndpoint)
	f := Form{Status: problem.Status, Code: problem.Code, Next: next}
	if f.Code == watchword.InvalidCredentials {
		f.Status = http.StatusUnauthorized
	}
	if problem.RetryAfter > 0 {
		w.Header().Set("Retry-After", fmt.Sprint(max(int64(problem.RetryAfter/time.Second), 1)))
	}
	p.form(w, r, f)
}

func (p *Pages) deny(w http.ResponseWriter, r *http.Request, err error) {
	p.report(r, err)
	p.guard.Deny(w, r, httpauth.ProblemOf(err, httpauth.Guarded))
}

func (p *Pages) report(r *http.Request, err error) {
	if p.c.Report != nil {
		p.c.Report(r, httpauth.ProblemOf(err, httpauth.Guarded), err)
	}
}

// set sets the cookie until a time, or deletes it.
func (p *Pages) set(w http.ResponseWriter, id string, until time.Time) {
	c := &http.Cookie{
		Name: p.c.Cookie, Value: id, Path: "/", Expires: until, Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
	if id == "" {
		c.MaxAge = -1
	}
	http.SetCookie(w, c)
}

func (p *Pages) redirect(w http.ResponseWriter, r *http.Request, to string) {
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, to, http.StatusSeeOther) //nolint:gosec // G710: LocalPath lets paths of this server through alone
}

// onward is where somebody goes after signing in: not to the form again.
func (p *Pages) onward(next string) string {
	if to := httpauth.LocalPath(next); to != "" && to != p.c.SignIn && !strings.HasPrefix(to, p.c.SignIn+"?") {
		return to
	}
	return p.c.Home
}

// formToken is a CSRF token that forms repeat in a field, where scripts do in
// the header. Only who can read the token knows what to put there.
type formToken struct{ httpauth.Protection }

// Check looks at the field where there is no header.
func (t formToken) Check(x *httpauth.Exchange) error {
	r := x.Request
	media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")) // an unreadable one is no form
	if len(r.Header[t.Header()]) > 0 || media != "application/x-www-form-urlencoded" {
		return t.Protection.Check(x)
	}
	if err := r.ParseForm(); err != nil {
		return fmt.Errorf("%w: %w", watchword.InvalidRequest, err)
	}
	shown := r.WithContext(r.Context())
	shown.Header = r.Header.Clone()
	shown.Header.Set(t.Header(), r.PostForm.Get("csrf_token"))
	return t.Protection.Check(&httpauth.Exchange{Request: shown, Claims: x.Claims})
}
