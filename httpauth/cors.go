package httpauth

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// CheckOrigin reports what is wrong with an origin as a browser would never
// send it (RFC 6454, section 6.2): it is a scheme, "://", a host in lower case
// and, unless it is the scheme's own, a port. No path, no final slash, no
// wildcard, and never "null", which every sandboxed frame sends.
func CheckOrigin(origin string) error {
	fault := func(why string) error {
		return fmt.Errorf("%q is no origin such as https://app.example.com: %s", origin, why)
	}
	scheme, authority, ok := strings.Cut(origin, "://")
	if !ok || !isScheme(scheme) {
		return fault("it does not begin with a scheme in lower case and ://")
	}
	host, port := authority, ""
	if i := strings.LastIndexByte(authority, ':'); i > strings.LastIndexByte(authority, ']') {
		host, port = authority[:i], authority[i+1:]
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 || strconv.FormatUint(n, 10) != port {
			return fault("the port is no number from 1 to 65535")
		}
	}
	if scheme == "https" && port == "443" || scheme == "http" && port == "80" {
		return fault("browsers leave the scheme's own port out")
	}
	if !isHost(host) {
		return fault("what follows the scheme is no host in lower case, without a path")
	}
	return nil
}

func isScheme(s string) bool {
	return s != "" && 'a' <= s[0] && s[0] <= 'z' && !strings.ContainsFunc(s, func(r rune) bool {
		return !('a' <= r && r <= 'z' || '0' <= r && r <= '9' || r == '+' || r == '-' || r == '.')
	})
}

// isHost knows names in ASCII and addresses; an IPv6 one in brackets, as
// browsers write it.
func isHost(s string) bool {
	if inner, ok := strings.CutPrefix(s, "["); ok {
		inner, ok = strings.CutSuffix(inner, "]")
		a, err := netip.ParseAddr(inner)
		return ok && err == nil && a.Is6() && a.Zone() == "" && a.String() == inner
	}
	return s != "" && len(s) <= 255 && s[0] != '.' && !strings.Contains(s, "..") && !strings.ContainsFunc(s, func(r rune) bool {
		return !('a' <= r && r <= 'z' || '0' <= r && r <= '9' || r == '-' || r == '_' || r == '.')
	})
}

// cors is what pages of other origins are allowed (Fetch, "CORS protocol").
// nil allows nothing.
type cors struct {
	origins []string
	// credentials lets browsers send cookies along; only where they count.
	credentials bool
	headers     string // that pages may send
}

// What pages may read beside the body, and how long a browser may remember
// a preflight's answer, in seconds.
const (
	exposedHeaders = "WWW-Authenticate, Retry-After"
	preflightLife  = "600"
)

// newCORS is nil where no origin is named.
func newCORS(origins, further []string, t Transport, p Protection) *cors {
	if len(origins) == 0 {
		return nil
	}
	headers := []string{"Authorization", "Content-Type"}
	for _, one := range each(t) {
		if b, ok := one.(Bearer); ok && b.Header != "" {
			headers = append(headers, http.CanonicalHeaderKey(b.Header))
		}
	}
	if p != nil && t.Ambient() && p.Header() != "" {
		headers = append(headers, p.Header())
	}
	headers = append(headers, further...)
	return &cors{origins: origins, credentials: t.Ambient(), headers: strings.Join(headers, ", ")}
}

// isPreflight reports whether a browser asks before it sends (Fetch, "CORS
// preflight request").
func isPreflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && r.Header.Get("Origin") != "" && r.Header.Get("Access-Control-Request-Method") != ""
}

// allow adds what lets a page of an allowed origin read the answer, and
// reports whether the origin is one. Origins are compared whole: whoever
// compares ends or beginnings lets in evilexample.com or example.com.evil
// (ASVS 3.4.2). Others get no header, and their browsers do the rest.
func (c *cors) allow(h http.Header, r *http.Request) bool {
	if c == nil {
		return false
	}
	vary(h, "Origin")
	origins := r.Header["Origin"]
	if len(origins) != 1 || !slices.Contains(c.origins, origins[0]) {
		return false
	}
	h.Set("Access-Control-Allow-Origin", origins[0])
	h.Set("Access-Control-Expose-Headers", exposedHeaders)
	if c.credentials {
		h.Set("Access-Control-Allow-Credentials", "true")
	}
	return true
}

// preflight adds what an allowed origin may do.
func (c *cors) preflight(h http.Header, r *http.Request, methods string) {
	if c == nil {
		return
	}
	vary(h, "Access-Control-Request-Method")
	vary(h, "Access-Control-Request-Headers")
	if !c.allow(h, r) {
		return
	}
	h.Del("Access-Control-Expose-Headers") // it means nothing here
	h.Set("Access-Control-Allow-Methods", methods)
	h.Set("Access-Control-Allow-Headers", c.headers)
	h.Set("Access-Control-Max-Age", preflightLife)
}

// vary adds a name to Vary, once.
func vary(h http.Header, name string) {
	if !slices.Contains(h["Vary"], name) {
		h.Add("Vary", name)
	}
}

// CORS returns a middleware that lets pages of Origins call the application's
// own routes, as Mount does for the profile's. It answers preflights itself,
// so it stands before routers and guards: browsers send no credentials with
// them.
func (p Profile) CORS(s Service) func(http.Handler) http.Handler {
	bound, err := p.bind(s)
	return func(next http.Handler) http.Handler {
		if err != nil {
			return next // Mount reports the fault; until then no origin is allowed
		}
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if bound.cors != nil && isPreflight(r) {
				bound.cors.preflight(w.Header(), r, "GET, HEAD, POST, PUT, PATCH, DELETE")
				w.WriteHeader(http.StatusNoContent)
				return
			}
			bound.cors.allow(w.Header(), r)
			next.ServeHTTP(w, r)
		})
	}
}

// trust returns the origin check with the profile's origins added.
func (p Profile) trust() (*http.CrossOriginProtection, error) {
	check := p.Origin
	if check == nil {
		check = http.NewCrossOriginProtection()
	}
	var faults []error
	for _, origin := range p.Origins {
		err := CheckOrigin(origin)
		if err == nil {
			err = check.AddTrustedOrigin(origin)
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("origins: %w", err))
		}
	}
	return check, errors.Join(faults...)
}
