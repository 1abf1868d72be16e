package server

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/engine"
	"github.com/watchword-auth/watchword/httpauth"
)

// handler mounts everything that is served.
func (s *Server) handler(ctx context.Context, seal []byte) (http.Handler, error) {
	faces, err := s.faces(ctx, seal)
	if err != nil {
		return nil, err
	}
	faces = s.withDocs(faces)
	mux := http.NewServeMux()
	if err := httpauth.MountAll(mux, faces...); err != nil {
		return nil, err
	}
	if err := s.mountPages(mux, faces, seal); err != nil {
		return nil, err
	}
	mux.HandleFunc("GET /healthz", s.healthz)
	mux.HandleFunc("GET /readyz", s.readyz)
	mux.Handle("/", elsewhere(mux))
	return s.wrap(mux), nil
}

// elsewhere answers what no pattern has matched. A path of httpauth's is
// registered for the methods of RFC 9110, and answers itself where it lacks
// one; asked with any other, such as PROPFIND, it is not unknown either. PUT
// finds it, and nothing that only this server adds.
func elsewhere(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h, pattern := mux.Handler(&http.Request{Method: http.MethodPut, URL: r.URL, Host: r.Host})
		if pattern == "/" {
			h = http.HandlerFunc(httpauth.NotFound)
		}
		h.ServeHTTP(w, r)
	})
}

// faces returns the profiles to be mounted: the native one and the dialects
// of the settings, each with an authority of its own over the same store,
// facts, limiter and hasher.
func (s *Server) faces(ctx context.Context, seal []byte) ([]httpauth.Face, error) {
	base, err := engine.Config(s.config, s.db, seal)
	if err != nil {
		return nil, err
	}
	base.Revocations = watchword.NewRevocationList(s.db)
	base.MaxStale = maxStale
	base.Observers = append(base.Observers, s.audit.observe)
	if !base.InsecureUnlimited {
		base.Limiter = watchword.NewMemoryLimiter(nil, 0)
	}
	dialects, err := s.makeDialects(ctx, base)
	if err != nil {
		return nil, err
	}
	served, err := engine.Recall(ctx, s.db)
	if err != nil {
		return nil, err
	}
	// Tokens made under other settings may still be about.
	s.longest = served.LongestLife(longest(base, dialects))
	base.LongestLifetime = s.longest
	s.trust(&base, dialects)
	if s.auth, err = watchword.NewContext(ctx, base); err != nil {
		return nil, err
	}
	s.followed = append(s.followed, s.auth)
	native := httpauth.Native(httpauth.NativePrefix, transport(s.config.Transport))
	if s.config.Signup.Enabled {
		native.Routes = append(native.Routes, httpauth.SignUpRoute())
	}
	if s.db.Foreign == nil {
		native.Routes = append(native.Routes, httpauth.RecordRoute())
	}
	publisher := &keyPublisher{Authority: s.auth}
	faces := []httpauth.Face{{Service: publisher, Profile: s.dress(native)}}
	for _, d := range dialects {
		if d.client != nil {
			face, err := s.clientFace(base, d)
			if err != nil {
				return nil, err
			}
			faces = append(faces, face)
			continue
		}
		d.engine.LongestLifetime = base.LongestLifetime
		auth, err := watchword.NewContext(ctx, d.engine)
		if err != nil {
			return nil, fmt.Errorf("dialect %s: %w", d.made.Name, err)
		}
		s.followed = append(s.followed, auth)
		if d.engine.Keys == nil {
			publisher.more = append(publisher.more, auth)
		}
		faces = append(faces, httpauth.Face{Service: auth, Profile: s.dress(d.made.Profile)})
	}
	if err := s.openPages(ctx, base); err != nil {
		return nil, err
	}
	return s.withAdmin(faces, seal, base.Hasher)
}

// transport returns where the native tokens ride. Beside cookies a bearer is
// taken too, after them: machines have no cookies.
func transport(name string) httpauth.Transport {
	bearer := httpauth.Bearer{}
	switch name {
	case "one-cookie":
		return httpauth.Beside{Transport: httpauth.OneCookie{}, Also: []httpauth.Transport{bearer}}
	case "two-cookies":
		return httpauth.Beside{Transport: httpauth.TwoCookies{}, Also: []httpauth.Transport{bearer}}
	default:
		return bearer
	}
}

// dress gives a profile what the settings say of all of them.
func (s *Server) dress(p httpauth.Profile) httpauth.Profile {
	p.ClientOf = httpauth.ClientBehind(s.config.HTTP.TrustedProxies...)
	p.Origins = append(p.Origins, s.config.HTTP.Origins...)
	p.Report = s.refused
	p.Streams = s.streams
	return p
}

// refused logs why a request was refused. The client was told less.
func (s *Server) refused(r *http.Request, p httpauth.Problem, err error) {
	level := slog.LevelDebug
	if p.Status >= http.StatusInternalServerError {
		level = slog.LevelError
	}
	s.log.Log(r.Context(), level, "refused",
		"request_id", requestID(r.Context()), "code", p.Code.Error(), "status", p.Status, "error", err)
}

// healthz says that the process answers.
func (s *Server) healthz(w http.ResponseWriter, _ *http.Request) { status(w, http.StatusOK, "ok") }

// readyz says whether requests should be sent here.
func (s *Server) readyz(w http.ResponseWriter, _ *http.Request) {
	age, synced := s.auth.StaleFor()
	switch {
	case s.stopping.Load():
		status(w, http.StatusServiceUnavailable, "stopping")
	case !synced:
		status(w, http.StatusServiceUnavailable, "starting")
	case age > unready:
		status(w, http.StatusServiceUnavailable, "store unreachable")
	default:
		status(w, http.StatusOK, "ready")
	}
}

func status(w http.ResponseWriter, code int, text string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	_, _ = fmt.Fprintf(w, `{"status":%q}`+"\n", text) // the client has gone
}
