package server

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/httpauth"
)

// wrap puts around all routes what every request gets.
func (s *Server) wrap(next http.Handler) http.Handler {
	clientOf := httpauth.ClientBehind(s.config.HTTP.TrustedProxies...)
	secure := strings.HasPrefix(s.config.Issuer, "https://")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begun := time.Now()
		s.requests.Add(1)
		id := newRequestID()
		r = s.forwarded(r.WithContext(context.WithValue(r.Context(), requestKey{}, id)))
		rec := &recorder{ResponseWriter: w}
		header := w.Header()
		header.Set("X-Request-Id", id)
		secureHeaders(header, secure)
		defer func() {
			s.recovered(rec, id, recover())
			s.access(r, rec, id, clientOf(r), time.Since(begun))
		}()
		next.ServeHTTP(rec, r)
	})
}

// forwarded notes in the URL what a trusted proxy says of the scheme; anybody
// else's word, and more than one word, counts for nothing.
func (s *Server) forwarded(r *http.Request) *http.Request {
	said := r.Header.Values("X-Forwarded-Proto")
	if len(said) != 1 || said[0] != "https" || len(s.config.HTTP.TrustedProxies) == 0 {
		return r
	}
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil || !slices.ContainsFunc(s.config.HTTP.TrustedProxies, func(p netip.Prefix) bool {
		return p.Contains(peer.Addr().Unmap())
	}) {
		return r
	}
	u := *r.URL
	u.Scheme = "https"
	r.URL = &u // the request is ours: it was made anew for its context
	return r
}

type requestKey struct{}

// requestID returns the id under which the request stands in the log.
func requestID(ctx context.Context) string {
	id, _ := ctx.Value(requestKey{}).(string)
	return id
}

// newRequestID makes one. What clients send as theirs is not believed: it
// would let strangers write into the log.
func newRequestID() string { return rand.Text()[:16] }

// secureHeaders are for browsers that come by: an answer of this server is
// neither a page nor anybody's frame.
func secureHeaders(h http.Header, secure bool) {
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	if secure {
		// RFC 6797: two years.
		h.Set("Strict-Transport-Security", "max-age=63072000")
	}
}

// recovered answers for a handler that panicked.
func (s *Server) recovered(rec *recorder, id string, p any) {
	switch {
	case p == nil:
		return
	case p == any(http.ErrAbortHandler):
		panic(p) // how a handler asks the server to cut the connection
	}
	s.log.Error("panic", "request_id", id, "error", fmt.Sprint(p), "stack", string(debug.Stack()))
	if rec.status != 0 {
		panic(http.ErrAbortHandler) // half an answer must not look whole
	}
	problem := httpauth.ProblemOf(watchword.Internal, httpauth.Guarded)
	reply := httpauth.JSON(problem.Status, httpauth.Object{
		{Name: "error", Value: problem.OAuth},
		{Name: "error_description", Value: problem.Description},
		{Name: "code", Value: problem.Code.Error()},
		{Name: "request_id", Value: id},
	})
	rec.Header().Set("Content-Type", "application/json")
	rec.WriteHeader(reply.Status)
	_, _ = rec.Write(reply.Body) // the client has gone
}

// access writes one line about the request: no query, no header, no body,
// for any of them may carry a token.
func (s *Server) access(r *http.Request, rec *recorder, id string, c watchword.Client, took time.Duration) {
	if !s.log.Enabled(r.Context(), slog.LevelInfo) {
		return
	}
	status := rec.status
	if status == 0 {
		status = http.StatusOK
	}
	path := r.URL.Path
	if len(path) > maxLoggedPath {
		path = path[:maxLoggedPath]
	}
	address := ""
	if c.Address.IsValid() {
		address = c.Address.String()
	}
	s.log.LogAttrs(r.Context(), slog.LevelInfo, "request",
		slog.String("request_id", id), slog.String("method", r.Method), slog.String("path", path),
		slog.Int("status", status), slog.Int64("bytes", rec.bytes), slog.Duration("took", took), slog.String("address", address))
}

const maxLoggedPath = 256

// recorder remembers what was answered.
type recorder struct {
	http.ResponseWriter
	status int
	bytes  int64
}

// WriteHeader notes the status.
func (r *recorder) WriteHeader(status int) {
	if r.status == 0 && status >= http.StatusOK {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

// Write counts the bytes.
func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	n, err := r.ResponseWriter.Write(b)
	r.bytes += int64(n)
	return n, err
}

// Unwrap is for http.ResponseController.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
