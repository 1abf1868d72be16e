package main

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	golangjwt "github.com/golang-jwt/jwt/v5"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/bench/internal/measure"
	"github.com/watchword-auth/watchword/httpauth"
)

// The names of the guards.
const (
	nameBare       = "bare net/http"
	nameGuard      = "watchword guard"
	nameGuardScope = "watchword guard, seen before, a scope demanded"
	nameGuardSeen  = "watchword guard, seen before"
	nameGuardHand  = "golang-jwt v5.3.1 by hand"
)

// errNotServed is how a measurement ends whose request was refused.
var errNotServed = errors.New("the handler was not reached")

// guards are handlers of GET /me behind a guard each. Each must have put into
// the request's context whose token it is.
func guards(k keys, alg string) (map[string]http.Handler, error) {
	first, err := newVerifier(k, alg, nil)
	if err != nil {
		return nil, err
	}
	again, err := newVerifier(k, alg, watchword.NewVerified(0))
	if err != nil {
		return nil, err
	}
	ours := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, ok := httpauth.ClaimsFrom(r.Context()); ok {
			w.(*recorder).subject = c.Subject
		}
	})
	fresh, seen := httpauth.Guard{Verify: first.Verify}, httpauth.Guard{Verify: again.Verify}
	return map[string]http.Handler{
		nameBare: routed(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.(*recorder).subject = "nobody"
		})),
		nameGuard:      routed(fresh.Require()(ours)),
		nameGuardSeen:  routed(seen.Require()(ours)),
		nameGuardScope: routed(seen.Require(watchword.Scope("write:posts"))(ours)),
		nameGuardHand:  routed(golangJWTGuard(k, alg)),
	}, nil
}

// routed puts a handler behind the standard library's router.
func routed(h http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /me", h)
	return mux
}

type subjectKey struct{}

// golangJWTGuard is the guard that many programs write themselves.
func golangJWTGuard(k keys, alg string) http.Handler {
	key := k.public(alg)
	parser := golangjwt.NewParser(golangjwt.WithValidMethods([]string{alg}), golangjwt.WithExpirationRequired(),
		golangjwt.WithIssuer(issuer), golangjwt.WithAudience(audience))
	find := func(*golangjwt.Token) (any, error) { return key, nil }
	inner := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, ok := r.Context().Value(subjectKey{}).(*golangClaims); ok {
			w.(*recorder).subject = c.Subject
		}
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !ok {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		var c golangClaims
		if _, err := parser.ParseWithClaims(raw, &c, find); err != nil {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		inner.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), subjectKey{}, &c)))
	})
}

// recorder is an answer that goes nowhere.
type recorder struct {
	header  http.Header
	status  int
	subject string // whose token the handler was told of
}

func (w *recorder) Header() http.Header         { return w.header }
func (w *recorder) Write(b []byte) (int, error) { return len(b), nil }
func (w *recorder) WriteHeader(status int)      { w.status = status }

// call sends a request through a handler and reports whether it was served.
func (w *recorder) call(h http.Handler, r *http.Request) error {
	w.status, w.subject = http.StatusOK, ""
	h.ServeHTTP(w, r)
	if w.status != http.StatusOK || w.subject == "" {
		return errNotServed
	}
	return nil
}

func getMe(token string) (*http.Request, error) {
	r, err := http.NewRequestWithContext(context.Background(), http.MethodGet, "https://api.example.com/me", http.NoBody)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+token)
	return r, nil
}

// measureGuard is one table: a request with a token through router and guard,
// in process. The figures are over those of the same router without a guard.
func measureGuard(k keys, alg string, o measure.Options) (table, error) {
	c := newClaims(time.Now())
	c.Expiry += 3600
	token, err := newLimit(k, alg).sign(c.payload())
	if err != nil {
		return table{}, err
	}
	r, err := getMe(token)
	if err != nil {
		return table{}, err
	}
	handlers, err := guards(k, alg)
	if err != nil {
		return table{}, err
	}
	var ops []measure.Op
	w := &recorder{header: make(http.Header)}
	for _, name := range []string{nameBare, nameGuard, nameGuardSeen, nameGuardScope, nameGuardHand} {
		h := handlers[name]
		ops = append(ops, measure.Op{Name: name, Do: func() error { return w.call(h, r) }})
	}
	t, err := run("Guard over bare net/http, "+alg, ops, []string{nameGuardHand}, o)
	if err != nil {
		return table{}, err
	}
	bare := t.of(nameBare)
	t.ops, t.all = t.ops[1:], t.all[1:]
	for i := range t.all {
		t.all[i] = t.all[i].Over(bare)
	}
	return t, nil
}

// guardTargets are those about one algorithm.
func guardTargets(alg string, t table) []target {
	m := t.of(nameGuardSeen).Median()
	return []target{{
		"guard " + alg + ", seen before, over bare net/http", "0.80 µs, 3 allocs",
		micros(m.CPU) + " µs, " + whole(m.Allocs) + " allocs", m.CPU <= 800 && m.Allocs < 3.5,
	}}
}
