package gate

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/watchword-auth/watchword/httpauth"
)

// refuse answers a request that may not pass.
func (g *Gate) refuse(w http.ResponseWriter, a asked, err error) {
	p := httpauth.ProblemOf(err, httpauth.Guarded)
	if p.Status == http.StatusUnauthorized && g.o.Login != "" && isPage(a) {
		g.log(a, p, err)
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Location", g.loginURL(a))
		w.WriteHeader(http.StatusFound)
		return
	}
	g.answer(w, a, p, err)
}

// answer writes a refusal.
func (g *Gate) answer(w http.ResponseWriter, a asked, p httpauth.Problem, err error) {
	g.log(a, p, err)
	write(w, p)
}

// log tells why. No query and no header: either may hold a token.
func (g *Gate) log(a asked, p httpauth.Problem, err error) {
	level := slog.LevelInfo
	if p.Status >= http.StatusInternalServerError {
		level = slog.LevelError
	}
	path, _, _ := strings.Cut(a.uri, "?")
	g.o.Log.Log(context.Background(), level, "refused",
		"method", a.method, "path", path[:min(len(path), 256)], "status", p.Status, "code", p.Code.Error(), "error", err)
}

// write answers in the native shape.
func write(w http.ResponseWriter, p httpauth.Problem) {
	oauth := p.OAuth
	if oauth == "" {
		oauth = p.Code.Error()
	}
	reply := httpauth.JSON(p.Status, httpauth.Object{
		{Name: "error", Value: oauth}, {Name: "error_description", Value: p.Description}, {Name: "code", Value: p.Code.Error()},
	})
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	if p.Challenge != "" {
		h.Set("WWW-Authenticate", p.Challenge)
	}
	if p.RetryAfter > 0 {
		h.Set("Retry-After", strconv.FormatInt(int64((p.RetryAfter+time.Second-1)/time.Second), 10))
	}
	w.WriteHeader(reply.Status)
	_, _ = w.Write(reply.Body) // the client has gone
}

// isPage reports whether somebody looks at it: a script's request for data
// gains nothing from being sent to a form.
func isPage(a asked) bool {
	if a.method != http.MethodGet && a.method != http.MethodHead {
		return false
	}
	if mode := a.header.Get("Sec-Fetch-Mode"); mode != "" && mode != "navigate" {
		return false
	}
	return strings.Contains(a.header.Get("Accept"), "text/html")
}

// loginURL is the page to sign in at, and where to come back to. That page
// must look whether it knows the address before it goes there.
func (g *Gate) loginURL(a asked) string {
	to := a.scheme + "://" + a.host + a.uri
	separator := "?"
	if strings.Contains(g.o.Login, "?") {
		separator = "&"
	}
	return g.o.Login + separator + "next=" + url.QueryEscape(to)
}
