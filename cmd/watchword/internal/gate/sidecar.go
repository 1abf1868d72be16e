package gate

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/textproto"
	"slices"
	"strings"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/httpauth"
)

// serveUpstream decides on a request and hands it on.
func (g *Gate) serveUpstream(w http.ResponseWriter, r *http.Request) {
	a := asked{method: r.Method, host: r.Host, uri: r.RequestURI, header: r.Header, scheme: "http"}
	if values := r.Header["X-Forwarded-Proto"]; g.trusted(r) && len(values) == 1 && values[0] == "https" {
		a.scheme = "https"
	}
	c, err := g.decide(r.Context(), a)
	if err != nil {
		g.refuse(w, a, err)
		return
	}
	identity := make(http.Header)
	if err := g.identify(identity, c); err != nil {
		g.refuse(w, a, err)
		return
	}
	g.proxy.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), passKey{}, pass{identity, c != nil})))
}

// pass is what goes with an admitted request.
type pass struct {
	identity http.Header
	used     bool // a token was verified
}

type passKey struct{}

// ofProxies reports whether proxies speak of a request by that header. Of a
// client who is none it is removed; so does httputil itself with Forwarded,
// X-Forwarded-For, -Host and -Proto. plain is its name by plainName.
func ofProxies(plain string) bool {
	switch plain {
	case "forwarded", "remote-user", "x-remote-user", "x-real-ip", "x-client-ip", "x-cluster-client-ip", "true-client-ip", "cf-connecting-ip",
		"x-original-host", "x-original-method", "x-envoy-original-path", "x-host", "x-scheme":
		return true
	default:
		return strings.HasPrefix(plain, "x-forwarded-")
	}
}

// reachable bounds the wait for a connection to the service.
const reachable = 10 * time.Second

// newProxy makes the way to the service. What the client sent is cleaned
// first: httputil has by then dropped the headers that Connection names
// (RFC 9110, section 7.6.1), so that those written here stay.
func (g *Gate) newProxy() *httputil.ReverseProxy {
	if g.o.Upstream == nil {
		return nil
	}
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			admitted, _ := r.In.Context().Value(passKey{}).(pass)
			trusted := g.trusted(r.In)
			for name := range r.Out.Header {
				if ofProxies(plainName(name)) && (!trusted || strings.ContainsRune(name, '_')) {
					delete(r.Out.Header, name)
				}
			}
			strip(r.Out.Header)
			// Trailers are headers that come when nobody looks any more.
			r.Out.Trailer = nil
			// The query as it was judged: httputil leaves out of it what Go would
			// not read.
			r.Out.URL.RawQuery = r.In.URL.RawQuery
			r.SetURL(g.o.Upstream)
			r.Out.Host = r.In.Host
			if trusted {
				r.Out.Header["X-Forwarded-For"] = r.In.Header["X-Forwarded-For"]
			}
			r.SetXForwarded()
			if trusted {
				keep(r, "X-Forwarded-Proto")
				keep(r, "X-Forwarded-Host")
			}
			if admitted.used {
				g.forget(r.Out)
			}
			for name, values := range admitted.identity {
				r.Out.Header[name] = values
			}
		},
		Transport: &http.Transport{
			// No proxy of the environment: the service is named. What is packed
			// stays so, and what was not asked for is not.
			DisableCompression: true,
			DialContext:        (&net.Dialer{Timeout: reachable}).DialContext, TLSHandshakeTimeout: reachable, ForceAttemptHTTP2: true,
			MaxIdleConnsPerHost: 64, IdleConnTimeout: time.Minute, ResponseHeaderTimeout: time.Minute, MaxResponseHeaderBytes: 64 << 10,
		},
		ModifyResponse: func(answer *http.Response) error {
			strip(answer.Header) // a service that echoes headers would show them
			return nil
		},
		ErrorHandler: g.unreachable,
		ErrorLog:     slog.NewLogLogger(g.o.Log.Handler(), slog.LevelDebug),
	}
}

func keep(r *httputil.ProxyRequest, name string) {
	if values := r.In.Header[name]; len(values) == 1 {
		r.Out.Header[name] = values
	}
}

// forget takes the access token out of the request: the service is told who
// asks, and has no use for what would let it ask elsewhere in his name.
func (g *Gate) forget(r *http.Request) {
	if scheme, _, _ := strings.Cut(r.Header.Get("Authorization"), " "); strings.EqualFold(scheme, "Bearer") {
		r.Header.Del("Authorization")
	}
	if g.o.Cookie == "" || len(r.CookiesNamed(g.o.Cookie)) == 0 {
		return
	}
	// The others stay as they were written: net/http would drop those that it
	// cannot read, such as values with quotes in them.
	lines := r.Header["Cookie"]
	r.Header.Del("Cookie")
	for _, line := range lines {
		pairs := slices.DeleteFunc(strings.Split(line, ";"), func(pair string) bool {
			name, _, _ := strings.Cut(pair, "=")
			return textproto.TrimString(name) == g.o.Cookie
		})
		if left := textproto.TrimString(strings.Join(pairs, ";")); left != "" {
			r.Header.Add("Cookie", left)
		}
	}
}

// unreachable answers for a service that does not.
func (g *Gate) unreachable(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil {
		return // the client has gone
	}
	g.o.Log.Error("service does not answer", "error", err)
	status := http.StatusBadGateway
	if timeout, ok := errors.AsType[interface {
		error
		Timeout() bool
	}](err); ok && timeout.Timeout() {
		status = http.StatusGatewayTimeout
	}
	p := httpauth.ProblemOf(watchword.Unavailable, httpauth.Guarded)
	p.Status = status
	write(w, p)
}
