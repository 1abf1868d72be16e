package routers_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/go-chi/chi/v5"

	"github.com/watchword-auth/watchword/adapter/adaptertest"
	"github.com/watchword-auth/watchword/httpauth"
)

func TestChi(t *testing.T) {
	adaptertest.Run(t, func(t *testing.T, w adaptertest.Wiring) string {
		answer := func(rw http.ResponseWriter, r *http.Request) {
			own, _ := httpauth.ClaimsFrom(r.Context())
			_, _ = io.WriteString(rw, w.Answer(own, r.Context()))
		}
		r := chi.NewRouter()
		r.Mount("/auth/v1", w.Native)
		r.HandleFunc("/open", answer)
		r.With(w.Guard.Require(w.Policy)).HandleFunc("/posts", answer)
		r.Group(func(r chi.Router) {
			r.Use(w.Guard.Optional())
			r.HandleFunc("/optional", answer)
		})
		r.HandleFunc("/checked", func(rw http.ResponseWriter, r *http.Request) {
			_, err := w.Guard.Check(r, w.Policy)
			_, _ = io.WriteString(rw, adaptertest.Decision(err))
		})
		server := httptest.NewServer(r)
		t.Cleanup(server.Close)
		return server.URL
	})
}

// A guard of a sub-router stands before all that is mounted in it, and what
// chi found in the path is still there behind it.
func TestChiRoute(t *testing.T) {
	guard := new(httpauth.Guard)
	r := chi.NewRouter()
	r.Route("/posts/{id}", func(r chi.Router) {
		r.With(guard.Optional()).Get("/", func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, chi.URLParam(r, "id"))
		})
		r.With(guard.Require()).Delete("/", func(http.ResponseWriter, *http.Request) {
			t.Error("the handler ran after the refusal")
		})
	})
	for method, want := range map[string]struct {
		status int
		body   string
	}{
		http.MethodGet:    {http.StatusOK, "7"},
		http.MethodDelete: {http.StatusUnauthorized, `{"error":"unauthenticated","error_description":"a token is needed","code":"unauthenticated"}`},
	} {
		w := httptest.NewRecorder()
		r.ServeHTTP(w, httptest.NewRequest(method, "/posts/7/", nil))
		if w.Code != want.status || w.Body.String() != want.body {
			t.Errorf("%s: %d %s, want %d %s", method, w.Code, w.Body, want.status, want.body)
		}
	}
}
