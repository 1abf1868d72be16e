// Package gate guards services in any language from in front of them: as the
// endpoint that nginx (auth_request), Caddy (forward_auth) and Traefik
// (ForwardAuth) ask about every request, and as a reverse proxy of its own.
// Both decide by the same rules and pass on who asks in headers that only the
// gate can have written.
//
// A rule binds a request only if the service reads the same path and method
// as the gate. So whatever two programs could read differently is refused,
// with 400, before any rule is looked at; request.go says what that is.
package gate

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/httpauth"
	"github.com/watchword-auth/watchword/jwt"
)

// The gate's own paths. A service behind it cannot have these.
const (
	ownPrefix  = "/.watchword/"
	verifyPath = ownPrefix + "verify"
	nginxPath  = ownPrefix + "verify/nginx"
	keysPath   = ownPrefix + "jwks.json"
	healthPath = ownPrefix + "healthz"
	readyPath  = ownPrefix + "readyz"
)

// Options say what a gate guards and how.
type Options struct {
	// Verify checks a token: that of a remote.Client, or of a Verifier.
	Verify func(ctx context.Context, raw string, kinds ...watchword.Kind) (*watchword.Claims, error)
	// Ready says why tokens cannot be verified, nil where they can; nil: they
	// always can.
	Ready func() error
	// Rules say what a request needs. Where no rule names its path, it needs
	// a token and nothing more.
	Rules []Rule
	// Upstream is the service that requests are handed on to; nil: the gate
	// only answers proxies.
	Upstream *url.URL
	// TrustedProxies may ask about requests and say where these come from.
	TrustedProxies []netip.Prefix
	// Cookie is the name of a cookie that may carry the token too; "": the
	// Authorization header alone is read.
	Cookie string
	// Login is the page that a browser without a token is sent to, with the
	// address it asked for in the parameter next; "": it gets a 401.
	Login string

	// Key signs the identity that is passed on; Issuer and Audience are its
	// iss and aud, Lifetime its life at most.
	Key              *jwt.Key
	Issuer, Audience string
	Lifetime         time.Duration

	Log *slog.Logger
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Gate is a handler. Make one with [New]. Safe for concurrent use.
type Gate struct {
	o     Options
	rules rules
	guard httpauth.Guard
	keys  []byte // the public key of identities
	proxy *httputil.ReverseProxy
	mux   *http.ServeMux
}

// New checks the options and reports every fault at once.
func New(o Options) (*Gate, error) {
	var faults []error
	fault := func(bad bool, text string) {
		if bad {
			faults = append(faults, errors.New("gate: "+text))
		}
	}
	fault(o.Verify == nil, "Verify is missing")
	fault(o.Key == nil || !o.Key.CanSign() || o.Key.Algorithm().Symmetric(), "Key is no private key")
	fault(o.Issuer == "" || o.Audience == "", "Issuer and Audience are needed")
	fault(o.Lifetime <= 0, "Lifetime must be above 0")
	fault(o.Log == nil, "Log is missing")
	fault(o.Upstream == nil && len(o.TrustedProxies) == 0, "neither Upstream nor TrustedProxies is set: nobody could ask")
	list, err := makeRules(o.Rules)
	faults = append(faults, err)
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	g := &Gate{o: o, rules: list, guard: httpauth.Guard{Verify: o.Verify, Transport: transport(o.Cookie)}}
	if g.keys, err = jwt.PublicSet(o.Key.Public()); err != nil {
		return nil, fmt.Errorf("gate: %w", err)
	}
	g.proxy = g.newProxy()
	g.mux = http.NewServeMux()
	g.mux.HandleFunc("GET "+keysPath, g.serveKeys)
	g.mux.HandleFunc("GET "+healthPath, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	g.mux.HandleFunc("GET "+readyPath, g.serveReady)
	g.mux.HandleFunc(verifyPath, g.verify)
	g.mux.HandleFunc(nginxPath, g.verifyNginx)
	return g, nil
}

func transport(cookie string) httpauth.Transport {
	if cookie == "" {
		return httpauth.Bearer{}
	}
	return httpauth.Beside{
		Transport: httpauth.OneCookie{Cookies: httpauth.Cookies{Access: cookie}},
		Also:      []httpauth.Transport{httpauth.Bearer{}},
	}
}

// ServeHTTP serves the gate's own paths, and hands the others on.
func (g *Gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case isOwn(r.URL.Path):
		g.mux.ServeHTTP(w, r)
	case g.o.Upstream == nil:
		httpauth.NotFound(w, r)
	default:
		g.serveUpstream(w, r)
	}
}

// isOwn reports whether the path is the gate's, in whatever case: a service
// that does not tell cases apart must not serve what the gate does not.
func isOwn(path string) bool {
	return len(path) >= len(ownPrefix) && strings.EqualFold(path[:len(ownPrefix)], ownPrefix)
}

func (g *Gate) serveKeys(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/jwk-set+json")
	w.Header().Set("Cache-Control", "public, max-age=60")
	_, _ = w.Write(g.keys) // the client has gone
}

// serveReady says whether requests should be sent here. Why not is for the
// log: anybody may ask.
func (g *Gate) serveReady(w http.ResponseWriter, _ *http.Request) {
	if g.o.Ready != nil {
		if err := g.o.Ready(); err != nil {
			g.o.Log.Warn("not ready", "error", err)
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
	}
	w.WriteHeader(http.StatusNoContent)
}

// trusted reports whether the connection comes from a proxy whose word about
// requests counts.
func (g *Gate) trusted(r *http.Request) bool {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && slices.ContainsFunc(g.o.TrustedProxies, func(p netip.Prefix) bool {
		return p.Contains(peer.Addr().Unmap().WithZone(""))
	})
}

// withUpgrade returns the headers with the Upgrade of a WebSocket that a proxy
// did not hand on when it asked: nginx and Traefik leave it out, and without
// it the handshake would pass for a GET that any page may cause (RFC 6455,
// section 10.2). Every handshake has the key, which no script can set.
func withUpgrade(h http.Header) http.Header {
	if len(h["Sec-Websocket-Key"]) == 0 || len(h["Upgrade"]) > 0 {
		return h
	}
	h = h.Clone()
	h.Set("Upgrade", "websocket")
	return h
}

// decide returns the claims of a request that may pass, nil where it needs
// none and shows none.
func (g *Gate) decide(ctx context.Context, a asked) (*watchword.Claims, error) {
	t, err := a.target()
	if err != nil {
		return nil, err
	}
	rule, err := g.rules.find(t)
	if err != nil {
		return nil, err
	}
	// The guard judges the request that the service will see, not the one by
	// which a proxy asks about it.
	judged := (&http.Request{
		Method: t.method, URL: &url.URL{Path: t.path, RawQuery: t.query}, Host: a.host, Header: withUpgrade(a.header),
	}).WithContext(ctx)
	c, err := g.guard.Check(judged, rule.policies()...)
	if err == nil || !rule.Public {
		return c, err
	}
	// A public path is open to strangers, and to those whose session has
	// ended. Only a verdict that nobody can give is told as that.
	if watchword.CodeOf(err) == watchword.Unavailable {
		g.o.Log.Warn("token not judged", "error", err)
	}
	return nil, nil
}
