// Package console serves the admin pages: what an operator does with a
// browser instead of the command line. They are made on the server, from the
// templates beside this file, and need no script.
//
// What may be done by whom, and what is written down of it, package manage
// decides, for these pages as for the API. What is decided here is how
// somebody signs in, that a form was ours, and what a page looks like.
package console

import (
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/manage"
)

// Options are what the pages are made from. All but Now are needed.
type Options struct {
	// Authority is that of the pages' own sessions; see [NewAuthority].
	Authority *watchword.Authority
	// Native changes passwords and lists sessions, of whoever is signed in.
	Native  *watchword.Authority
	Actions *manage.Actions
	Store   watchword.Sessions
	// SealKey is the authority's: what keeps forms from being forged hangs on it.
	SealKey []byte
	Faces   []Face
	// ClientOf tells who asks.
	ClientOf func(*http.Request) watchword.Client
	// Report is told why a request was refused or failed, and returns the
	// request's id in the log.
	Report func(r *http.Request, status int, err error) string
	Now    func() time.Time // nil: time.Now
}

// Face is one of what the server answers as, for the page of settings.
type Face struct {
	Name, Prefix string
	Routes       []string // method and path
}

// Console is the pages. It is an http.Handler for everything under /admin/,
// safe for concurrent use.
type Console struct {
	o      Options
	door   door
	pages  func() (pages, error)
	assets assets
	mux    *http.ServeMux
	now    func() time.Time

	// saving is held between looking whether a user is still the one that a
	// form was made from and changing him, so that of two forms that come at
	// once one is told.
	saving sync.Mutex
}

// New wires the pages.
func New(o Options) (*Console, error) {
	c := &Console{o: o, now: o.Now, mux: http.NewServeMux()}
	if o.Authority == nil || o.Native == nil || o.Actions == nil || o.Store == nil || o.ClientOf == nil || o.Report == nil {
		return nil, errors.New("admin pages: Authority, Native, Actions, Store, ClientOf and Report are needed")
	}
	if c.now == nil {
		c.now = time.Now
	}
	issuer := o.Authority.Issuer()
	forgery, forgeryErr := newForgery(o.SealKey, issuer)
	files, filesErr := loadAssets()
	if err := errors.Join(forgeryErr, filesErr); err != nil {
		return nil, fmt.Errorf("admin pages: %w", err)
	}
	c.door = door{auth: o.Authority, store: o.Store, jar: newJar(issuer), forgery: forgery, clients: o.ClientOf}
	c.assets = files
	// Most starts are followed by no visit: templates wait for the first.
	c.pages = sync.OnceValues(func() (pages, error) { return parsePages(c.now) })
	c.routes()
	return c, nil
}

// policy of what a page may load and do: style, script and pictures of our
// own, forms to ourselves, nobody's frame, and nothing written into the page
// itself (CSP level 3; ASVS 3.4.3 and 3.4.6).
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// ServeHTTP answers a request under /admin/.
func (c *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	// no-referrer would take the Origin from our own forms as well.
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	c.mux.ServeHTTP(w, r)
}
