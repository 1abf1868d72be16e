package gate

import (
	"net/http"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/httpauth"
)

// verify answers Caddy and Traefik, who hand on what they are answered: 200
// with the headers for the service, or the refusal for the client.
func (g *Gate) verify(w http.ResponseWriter, r *http.Request) {
	a, c, err := g.forwarded(r)
	if err == nil {
		err = g.identify(w.Header(), c)
	}
	if err != nil {
		g.refuse(w, a, err)
		return
	}
	admit(w)
}

// verifyNginx answers nginx, which understands 2xx, 401 and 403 and makes a
// 500 of everything else: what is ambiguous gets 403.
func (g *Gate) verifyNginx(w http.ResponseWriter, r *http.Request) {
	a, c, err := g.forwarded(r)
	if err == nil {
		err = g.identify(w.Header(), c)
	}
	if err == nil {
		admit(w)
		return
	}
	p := httpauth.ProblemOf(err, httpauth.Guarded)
	if p.Status >= 400 && p.Status < 500 && p.Status != http.StatusUnauthorized {
		p.Status = http.StatusForbidden
	}
	g.answer(w, a, p, err)
}

func admit(w http.ResponseWriter) {
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)
}

// forwarded reads the request that a proxy asks about, and decides on it.
func (g *Gate) forwarded(r *http.Request) (asked, *watchword.Claims, error) {
	a := asked{header: r.Header}
	if !g.trusted(r) {
		// Anybody else could ask about requests that do not exist, and learn
		// what a token that he found is good for.
		return a, nil, watchword.PermissionDenied
	}
	var err error
	one := func(name string) string {
		values := r.Header[name]
		if len(values) != 1 && err == nil {
			// None: the proxy is not set up to say it. Two: one is the
			// client's.
			err = ambiguous("%d times %s, want it once", len(values), name)
		}
		if len(values) == 0 {
			return ""
		}
		return values[0]
	}
	a.method, a.host, a.uri = one("X-Forwarded-Method"), one("X-Forwarded-Host"), one("X-Forwarded-Uri")
	if err != nil {
		return a, nil, err
	}
	a.scheme = "http"
	if values := r.Header["X-Forwarded-Proto"]; len(values) == 1 && (values[0] == "https" || values[0] == "wss") {
		a.scheme = "https"
	}
	// The proxy would hand it on to the service beside what the gate says:
	// what cannot be removed here is refused.
	if name := smuggled(r.Header); name != "" {
		return a, nil, ambiguous("header %s is the gate's to write", name)
	}
	c, err := g.decide(r.Context(), a)
	return a, c, err
}
