package httpauth

import (
	"errors"
	"fmt"
	"net/http"
	slashpath "path"
	"strings"
)

// Protect requires what Require does of every request to next but those that
// the exceptions name, patterns of http.ServeMux such as "GET /healthz" or
// "/static/". It is for whole muxes: a route that is added later is protected
// unless somebody says otherwise. A pattern that cannot be read is an error.
//
// An exception holds for a request only as it stands: not for a path that
// something behind might clean, decode or redirect into another one, and not
// for a request with a header that might turn its method into another.
func (g *Guard) Protect(next http.Handler, exceptions ...string) (http.Handler, error) {
	return protect(next, g.Require()(next), exceptions)
}

// Protect is [Guard.Protect] by several schemes.
func (i *Identifier) Protect(next http.Handler, exceptions ...string) (http.Handler, error) {
	return protect(next, i.Require()(next), exceptions)
}

// excepted is what stands at the exceptions: a mux that would only redirect
// to one of them answers with a handler of its own.
type excepted struct{}

func (*excepted) ServeHTTP(http.ResponseWriter, *http.Request) {}

func protect(open, guarded http.Handler, exceptions []string) (http.Handler, error) {
	mux, here := http.NewServeMux(), &excepted{}
	var faults []error
	for _, pattern := range exceptions {
		if err := handle(mux, pattern, here); err != nil {
			faults = append(faults, fmt.Errorf("httpauth: exception: %w", err))
		}
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if h, _ := mux.Handler(r); h == http.Handler(here) && plain(r) {
			open.ServeHTTP(w, r)
			return
		}
		guarded.ServeHTTP(w, r)
	}), nil
}

// plain reports whether a request is what it looks like to whoever comes
// after.
func plain(r *http.Request) bool {
	for _, header := range []string{"X-Http-Method-Override", "X-Http-Method", "X-Method-Override"} {
		if len(r.Header[header]) > 0 {
			return false
		}
	}
	p := r.URL.Path
	return r.URL.RawPath == "" && !strings.ContainsAny(p, "\\;%\x00") && (slashpath.Clean(p) == p || slashpath.Clean(p)+"/" == p)
}
