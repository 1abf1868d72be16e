package httpauth

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/watchword-auth/watchword"
)

// Face is a profile over its service.
type Face struct {
	Service Service
	Profile Profile
}

// Mount registers the routes of a profile with mux, as full patterns. It
// reports every fault of the profile at once: operations that the service
// lacks, patterns that are taken. With an error mux must not be used.
func Mount(mux *http.ServeMux, s Service, p Profile) error {
	return MountAll(mux, Face{s, p})
}

// MountAll is Mount for several profiles in one server. Two that have the
// same method and path are an error that names both, and no slash redirect of
// one takes a path of another.
func MountAll(mux *http.ServeMux, faces ...Face) error { return mount(mux, methods(), faces) }

// Handler serves a profile alone, for programs with another router: it wants
// the request's whole path. What it does not know it answers with NotFound in
// the profile's shape.
func Handler(s Service, p Profile) (http.Handler, error) {
	mux := http.NewServeMux()
	if err := mount(mux, []string{""}, []Face{{s, p}}); err != nil {
		return nil, err
	}
	bound, _ := p.bind(s) // mount has reported its faults
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		bound.cors.allow(w.Header(), r)
		notFound(w, r, bound.Problem)
	})
	return mux, nil
}

// methods are those for which a path is registered, so that wrong ones are
// answered in the profile's shape. A pattern without a method would say the
// same, but clash with a "GET /" of the program's own: neither is the more
// specific. "GET " covers HEAD.
func methods() []string {
	return []string{"GET ", "POST ", "PUT ", "PATCH ", "DELETE ", "OPTIONS ", "TRACE "}
}

func mount(mux *http.ServeMux, methods []string, faces []Face) error {
	t, err := newTable(faces)
	if err != nil {
		return fmt.Errorf("httpauth: %w", err)
	}
	handlers, err := t.redirects()
	if err != nil {
		return fmt.Errorf("httpauth: %w", err)
	}
	for _, p := range t.paths {
		handlers[p.pattern] = p
	}
	var faults []error
	for _, pattern := range slices.Sorted(maps.Keys(handlers)) {
		for _, method := range methods {
			if err := handle(mux, method+pattern, handlers[pattern]); err != nil {
				faults = append(faults, err)
				break // one fault, not seven
			}
		}
	}
	if err := errors.Join(faults...); err != nil {
		return fmt.Errorf("httpauth: %w", err)
	}
	return nil
}

// NotFound is the native answer for paths that nobody serves.
func NotFound(w http.ResponseWriter, r *http.Request) { notFound(w, r, nativeProblem) }

func notFound(w http.ResponseWriter, r *http.Request, shape func(Problem) Reply) {
	p := ProblemOf(watchword.NotFound, Guarded)
	p.Request = r
	writeProblem(w, p, shape)
}

// Guard returns what protects other routes as the profile protects its own:
// with its transport, its kinds of token, and its shape of refusals.
func (p Profile) Guard(s Service) *Guard {
	shape := p.problem()
	g := &Guard{
		Verify: s.Verify, Report: p.Report,
		Deny: func(w http.ResponseWriter, _ *http.Request, problem Problem) { writeProblem(w, problem, shape) },
	}
	bound, err := p.bind(s)
	if err != nil {
		g.Verify = nil // Mount reports the fault; until then nobody gets in
	}
	if len(p.Kinds) > 0 && g.Verify != nil {
		g.Verify = func(ctx context.Context, raw string, _ ...watchword.Kind) (*watchword.Claims, error) {
			return s.Verify(ctx, raw, p.Kinds...)
		}
	}
	g.Transport, g.Origin, g.Protection = bound.Transport, bound.Origin, bound.Protect
	return g
}

// bind returns the profile with its defaults set, and with its transport and
// protection bound to where it is mounted.
func (p Profile) bind(s Service) (Profile, error) {
	issuer := ""
	if i, ok := s.(Issuer); ok {
		issuer = i.Issuer()
	}
	var err error
	var faults []error
	note := func(err error) {
		if err != nil {
			faults = append(faults, err)
		}
	}
	p.Transport, err = bindTransport(p.Transport, issuer, p.Prefix)
	note(err)
	if p.Protect != nil {
		p.Protect, err = p.Protect.Bind(issuer, p.Prefix)
		note(err)
	}
	p.Origin, err = p.trust()
	note(err)
	p.cors = newCORS(p.Origins, p.Headers, p.Transport, p.Protect)
	p.Problem = p.problem()
	if p.Streams == nil {
		p.Streams = NewStreams()
	}
	if p.ClientOf == nil {
		p.ClientOf = ClientOf
	}
	return p, errors.Join(faults...)
}

func (p Profile) problem() func(Problem) Reply {
	if p.Problem == nil {
		return nativeProblem
	}
	return p.Problem
}

// endpoint is a route that was checked and wired.
type endpoint struct {
	profile  *Profile // with its defaults set
	service  Service
	route    Route
	guard    *Guard // nil: anybody may come
	policies []watchword.Policy
	operate  operate
	at       Endpoint
}

// ServeHTTP answers one request: origin, token, input, operation, in this
// order, and nothing is done before all of them are in order.
func (e *endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := &Exchange{Request: r, Service: e.service, endpoint: e, writer: w}
	reply, err := e.serve(w, x)
	if err != nil {
		e.refuse(w, r, err)
		return
	}
	// RFC 6749, section 5.1, and everything else here is as private. What may
	// be kept says so itself.
	reply.write(w, header{"Cache-Control", "no-store"}, header{"Pragma", e.pragma()})
}

// pragma is for caches of HTTP/1.0, which RFC 6749, section 5.1 thinks of.
func (e *endpoint) pragma() string {
	if e.at == TokenEndpoint {
		return "no-cache"
	}
	return ""
}

func (e *endpoint) serve(w http.ResponseWriter, x *Exchange) (Reply, error) {
	if ambientIn(e.profile.Transport, x.Request) {
		// Sign-in too: a browser made to sign in as somebody else is an
		// attack as well (login CSRF).
		if err := checkOrigin(e.profile.Origin, x.Request); err != nil {
			return Reply{}, err
		}
	}
	var err error
	if e.guard != nil {
		if x.Claims, err = e.guard.Check(x.Request, e.policies...); err != nil {
			return Reply{}, err
		}
	}
	// A token may stand in a form field; where the body cannot be read there
	// is none, and whoever may not send learns no more.
	var unread error
	x.values, unread = e.route.In.read(w, x.Request)
	if err := e.protect(x); err != nil {
		return Reply{}, err
	}
	if unread != nil {
		return Reply{}, unread
	}
	x.Client = e.profile.ClientOf(x.Request)
	if e.route.Serve != nil {
		return e.route.Serve(x)
	}
	result, err := e.operate(x)
	if err != nil {
		return Reply{}, err
	}
	reply, err := x.Answer(result)
	if err != nil {
		return Reply{}, err
	}
	return reply, e.deliver(w, x, result)
}

// deliver writes or clears what rides in headers.
func (e *endpoint) deliver(w http.ResponseWriter, x *Exchange, result Result) (err error) {
	cookie := result.CSRF
	switch {
	case result.Tokens.Access != "" && !result.InBody:
		if cookie, err = e.issue(x, result.Tokens.Claims); err == nil {
			err = e.profile.Transport.Write(w, result.Tokens)
		}
		if err != nil {
			// Nobody will ever hold these tokens.
			_ = e.service.SignOut(x.Request.Context(), watchword.SignOutRequest{Raw: result.Tokens.Access, Client: x.Client})
			return err
		}
		if result.signedIn {
			e.replace(x)
		}
	case e.route.Op == OpSignOut && !x.onlyOthers():
		e.profile.Transport.Clear(w)
		// The next sign-in needs one.
		if cookie, err = e.issue(x, nil); err != nil {
			return err
		}
	}
	if cookie != nil {
		http.SetCookie(w, cookie)
	}
	return nil
}

// replace ends the session whose cookies a sign-in has just overwritten:
// nobody holds it any more, unless he stole it (ASVS 7.2.4).
func (e *endpoint) replace(x *Exchange) {
	for _, one := range each(e.profile.Transport) {
		if raw, shown := one.Refresh(x.Request); shown && raw != "" {
			_ = e.service.SignOut(x.Request.Context(), watchword.SignOutRequest{Raw: raw, Client: x.Client})
		}
	}
}

// refuse reports an error and answers in the profile's shape.
func (e *endpoint) refuse(w http.ResponseWriter, r *http.Request, err error) {
	p := ProblemOf(err, e.at)
	p.Op, p.Request = e.route.Op, r
	if len(p.Scopes) == 0 {
		p.Scopes = e.route.Scopes
	}
	if e.profile.Report != nil {
		e.profile.Report(r, p, err)
	}
	writeProblem(w, p, e.profile.Problem)
}

// path is all routes with one path.
type path struct {
	pattern string // without a method
	methods map[string]*endpoint
	first   *endpoint // the one whose profile answers for wrong methods
	allow   []string  // sorted
}

// ServeHTTP finds the method's route. The mux would answer wrong methods
// itself, but as plain text.
func (p *path) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e := p.methods[r.Method]
	if e == nil && r.Method == http.MethodHead {
		e = p.methods[http.MethodGet]
	}
	switch {
	case e != nil && !isPreflight(r): // which is CORS's, also where a profile has an OPTIONS of its own
		e.profile.cors.allow(w.Header(), r)
		e.ServeHTTP(w, r)
	case r.Method == http.MethodOptions:
		allow := joinMethods(p.allow)
		if p.methods[http.MethodOptions] == nil {
			allow += ", " + http.MethodOptions
		}
		if isPreflight(r) {
			p.asked(r).profile.cors.preflight(w.Header(), r, joinMethods(p.allow))
		}
		Reply{Status: http.StatusNoContent}.write(w, header{"Allow", allow})
	default:
		p.first.profile.cors.allow(w.Header(), r)
		problem := ProblemOf(watchword.MethodNotAllowed, p.first.at)
		problem.Op, problem.Request, problem.Allow = p.first.route.Op, r, p.allow
		writeProblem(w, problem, p.first.profile.Problem)
	}
}

// asked is the endpoint that a preflight is about.
func (p *path) asked(r *http.Request) *endpoint {
	if e := p.methods[r.Header.Get("Access-Control-Request-Method")]; e != nil {
		return e
	}
	return p.first
}

func joinMethods(methods []string) string { return strings.Join(methods, ", ") }

// handle registers a pattern. The mux panics where it conflicts with one
// that is there already, which here is a setting's fault, not the program's.
func handle(mux *http.ServeMux, pattern string, h http.Handler) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("route %s: %v", pattern, p)
		}
	}()
	mux.Handle(pattern, h)
	return nil
}

// add puts a route among those of its path.
func (p *path) add(method string, e *endpoint) error {
	if other := p.methods[method]; other != nil {
		return fmt.Errorf("route %s %s is both %s's and %s's", method, p.pattern, other.profile.Name, e.profile.Name)
	}
	p.methods[method] = e
	p.allow = append(p.allow, method)
	if method == http.MethodGet {
		p.allow = append(p.allow, http.MethodHead)
	}
	slices.Sort(p.allow)
	p.allow = slices.Compact(p.allow)
	return nil
}
