package httpauth

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/watchword-auth/watchword"
)

// table is the routes of all profiles of a server, by path.
type table struct {
	paths []*path // in the order of the profiles
}

// newTable checks and wires every route, and reports every fault.
func newTable(faces []Face) (*table, error) {
	t := &table{}
	var faults []error
	for _, f := range faces {
		p := f.Profile
		faults = append(faults, checkProfile(f))
		if f.Service == nil {
			continue
		}
		p, err := p.bind(f.Service)
		if err != nil {
			faults = append(faults, fmt.Errorf("profile %s: %w", p.Name, err))
			continue
		}
		for _, route := range p.Routes {
			if route.Optional && route.Needs != nil && route.Needs(f.Service) != nil {
				continue
			}
			if err := t.addRoute(&p, f.Service, route); err != nil {
				faults = append(faults, fmt.Errorf("profile %s: %w", p.Name, err))
			}
		}
	}
	return t, errors.Join(faults...)
}

func checkProfile(f Face) error {
	p := f.Profile
	switch {
	case f.Service == nil:
		return fmt.Errorf("profile %s: there is no service", p.Name)
	case !strings.HasPrefix(p.Prefix, "/") || p.Prefix != "/" && strings.HasSuffix(p.Prefix, "/"):
		return fmt.Errorf("profile %s: prefix %q does not begin with a slash, or ends with one", p.Name, p.Prefix)
	case p.SlashRedirect != 0 && (p.SlashRedirect < 300 || p.SlashRedirect > 399):
		return fmt.Errorf("profile %s: %d is no status of a redirect", p.Name, p.SlashRedirect)
	default:
		return nil
	}
}

// addRoute wires a route and puts it at its paths.
func (t *table) addRoute(p *Profile, s Service, route Route) error {
	method, pattern, err := p.pattern(route.Pattern)
	if err != nil {
		return err
	}
	e, err := newEndpoint(p, s, method, route)
	if err != nil {
		return fmt.Errorf("route %s: %w", route.Pattern, err)
	}
	patterns := []string{pattern}
	if suffix := issuerPath(s); route.Op == OpMetadata && suffix != "" {
		// RFC 8414, section 3.1: the issuer's path comes after the
		// well-known one.
		patterns = append(patterns, pattern+suffix)
	}
	for _, pattern := range patterns {
		if err := t.at(pattern, e).add(method, e); err != nil {
			return err
		}
	}
	return nil
}

func (t *table) at(pattern string, e *endpoint) *path {
	for _, p := range t.paths {
		if p.pattern == pattern {
			return p
		}
	}
	p := &path{pattern: pattern, methods: make(map[string]*endpoint), first: e}
	t.paths = append(t.paths, p)
	return p
}

// Patterns returns the method and the full path of every route, prefix
// included, in the order of Routes: "POST /auth/token". Routes that Mount
// would refuse are left out.
func (p Profile) Patterns() []string {
	var list []string
	for _, r := range p.Routes {
		if method, path, err := p.pattern(r.Pattern); err == nil {
			list = append(list, method+" "+strings.TrimSuffix(path, "{$}"))
		}
	}
	return list
}

// pattern returns the method and the full path of a route's pattern.
func (p *Profile) pattern(s string) (method, path string, err error) {
	method, path, ok := strings.Cut(s, " ")
	if !ok || method == "" || strings.ContainsAny(path, " \t") || strings.ToUpper(method) != method {
		return "", "", fmt.Errorf("route %q is not a method, a space and a path", s)
	}
	if !strings.HasPrefix(path, "/") {
		path = strings.TrimSuffix(p.Prefix, "/") + "/" + path
	}
	if strings.HasSuffix(path, "/") {
		path += "{$}"
	}
	return method, path, nil
}

// newEndpoint checks a route against the service and wires it.
func newEndpoint(p *Profile, s Service, method string, route Route) (*endpoint, error) {
	op, err := operation(route.Op, s)
	if err != nil {
		return nil, err
	}
	if route.Needs != nil {
		if err := route.Needs(s); err != nil {
			return nil, err
		}
	}
	e := &endpoint{profile: p, service: s, route: route, operate: op, at: route.Op.endpoint()}
	if route.Guarded || route.Op.guarded() {
		e.guard, e.at = p.Guard(s), Guarded
		e.guard.Protection = nil // the endpoint asks it, with the input at hand
		if len(route.Scopes) > 0 {
			e.policies = []watchword.Policy{watchword.Scope(route.Scopes...)}
		}
	}
	switch {
	case route.Op.changes() && safe(method) && p.Transport.Ambient():
		return nil, fmt.Errorf("%s would change something, and any page can make a browser send it with its cookies", method)
	case route.Op == OpCSRF && p.Protect == nil:
		return nil, errors.New("the profile has no Protect")
	case route.Op == OpCustom && route.Serve == nil:
		return nil, errors.New("OpCustom has no Serve function")
	case len(route.Scopes) > 0 && e.guard == nil:
		return nil, errors.New("scopes are demanded of a route that is not guarded")
	case route.Op == OpEndSession && !strings.Contains(route.Pattern, "{id}"):
		return nil, errors.New("the path has no {id}")
	case route.Op == OpKeys && route.Serve == nil:
		e.route.Serve = serveKeys(s.(KeyPublisher))
	case route.Op == OpMetadata && route.Serve == nil:
		e.route.Serve = serveMetadata(p, s.(Issuer))
	}
	return e, checkFields(e.route)
}

// checkFields finds operations whose input has no field for what they read.
func checkFields(route Route) error {
	if route.Serve != nil {
		return nil
	}
	var wanted []Param
	switch route.Op {
	case OpSignIn, OpToken, OpSignUp:
		wanted = []Param{ParamLogin, ParamPassword}
	case OpVerify, OpIntrospect, OpRevoke:
		wanted = []Param{ParamToken}
	case OpChangePassword:
		wanted = []Param{ParamCurrent, ParamNew}
	default:
		return nil
	}
	for _, fields := range [][]Field{route.In.JSON, route.In.Form} {
		for _, p := range wanted {
			if fields != nil && !slices.ContainsFunc(fields, func(f Field) bool { return f.Param == p }) {
				return fmt.Errorf("the input has no field for %q", p)
			}
		}
	}
	if route.In.JSON == nil && route.In.Form == nil {
		return errors.New("the input reads nothing")
	}
	return nil
}

// redirects returns the handlers of the other slash: a route's path with one
// at its end more or less. Before one redirects it looks whether a route of
// any profile wants the path, so that no wildcard is taken what is its own.
func (t *table) redirects() (map[string]http.Handler, error) {
	exact := http.NewServeMux()
	for _, p := range t.paths {
		if err := handle(exact, p.pattern, p); err != nil {
			return nil, err
		}
	}
	out := make(map[string]http.Handler)
	for _, p := range t.paths {
		status := p.first.profile.SlashRedirect
		other, slash := strings.CutSuffix(p.pattern, "/{$}")
		if !slash {
			other = p.pattern + "/{$}"
		}
		if status == 0 || other == "" || strings.HasSuffix(p.pattern, "...}") || t.has(other) {
			continue
		}
		out[other] = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if _, taken := exact.Handler(r); taken != "" && !isRedirectTo(taken, p.pattern) {
				exact.ServeHTTP(w, r)
				return
			}
			redirectSlash(w, r, slash, status)
		})
	}
	return out, nil
}

func (t *table) has(pattern string) bool {
	return slices.ContainsFunc(t.paths, func(p *path) bool { return p.pattern == pattern })
}

// isRedirectTo reports that the mux matched only by its own slash redirect,
// for which it names the pattern redirected to.
func isRedirectTo(matched, pattern string) bool { return matched == pattern }

// redirectSlash sends the client to the same path with or without the slash.
func redirectSlash(w http.ResponseWriter, r *http.Request, slash bool, status int) {
	target := strings.TrimSuffix(r.URL.EscapedPath(), "/")
	if slash {
		target += "/"
	}
	// A path that began with two slashes would name another host.
	target = "/" + strings.TrimLeft(target, "/\\")
	if r.URL.RawQuery != "" {
		target += "?" + r.URL.RawQuery
	}
	Reply{Status: status}.write(w, header{"Location", target})
}
