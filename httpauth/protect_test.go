package httpauth_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/watchword-auth/watchword/httpauth"
)

func TestProtect(t *testing.T) {
	b := newBench(t)
	access, _ := b.signIn()
	guard := b.profile.Guard(b.auth)
	exceptions := []string{"GET /healthz", "POST /login", "/static/", "GET /docs/{page}", "GET /index/{$}"}
	open := []string{
		"GET /healthz", "HEAD /healthz", "GET /healthz?x=/../admin", "POST /login", "GET /static/", "GET /static/a/b.css", "DELETE /static/x", "GET /docs/a", "GET /index/",
		"GET /static/b%C3%BCcher", "GET /static/a%20b",
	}
	closed := []string{
		"GET /", "GET /admin", "POST /healthz", "OPTIONS /healthz", "DELETE /healthz", "TRACE /healthz", "GET /login", "GET /static", "GET /staticx", "GET /docs/", "GET /docs/a/b",
		"GET /healthz/", "GET //healthz", "GET /./healthz", "GET /healthz/.", "GET /x/../healthz", "GET /healthz/../admin", "GET /HEALTHZ", "GET /healthz%2f", "GET /%68ealthz",
		"GET /healthz;x", "GET /healthz%00", "GET /healthz%0a", "GET /healthz%20", "GET /index/x",
		"GET /static/../admin", "GET /static/%2e%2e/admin", "GET /static/..%2fadmin", "GET /static/%2e%2e%2fadmin", "GET /static/..%5cadmin", "GET /static/..\\admin",
		"GET /static/%252e%252e/admin", "GET /static/..;/admin", "GET /static//admin", "GET /static/./admin", "GET /static/x/../../admin", "GET /static%2f..%2fadmin", "GET /static/%00",
		"GET /docs/..", "GET /docs/%2e%2e", "GET /docs/a%2fb",
	}
	protected, err := guard.Protect(subject, exceptions...)
	if err != nil {
		t.Fatal(err)
	}
	several, err := guard.With().Protect(subject, exceptions...)
	if err != nil {
		t.Fatal(err)
	}
	for name, h := range map[string]http.Handler{"guard": protected, "identifier": several} {
		check := func(line string, want int, header ...string) {
			t.Helper()
			method, target, _ := strings.Cut(line, " ")
			r := call{method: method, path: "/", header: header}.request()
			if err := parsePath(r, target); err != nil {
				return // no request at all: the server refuses it
			}
			w := newRecorder()
			h.ServeHTTP(w, r)
			if w.Code != want {
				t.Errorf("%s: %s %v = %d, want %d", name, line, header, w.Code, want)
			}
		}
		for _, line := range open {
			check(line, 200)
			check(line, 200, bearer("bad")...)
			for _, override := range []string{"X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"} {
				check(line, 401, override, "DELETE")
			}
			check(line, 200, "X-Original-URL", "/admin", "X-Rewrite-URL", "/admin")
		}
		for _, line := range closed {
			check(line, 401)
			check(line, 200, bearer(access)...)
			check(line, 401, "X-Original-URL", "/healthz", "X-Rewrite-URL", "/healthz", "X-HTTP-Method-Override", "GET")
		}
	}
}

func TestProtectRefusesBadExceptions(t *testing.T) {
	guard := &httpauth.Guard{}
	for _, pattern := range []string{"", "healthz/{", "GET", "/a/{b...}/c", "GET  "} {
		if h, err := guard.Protect(subject, "GET /fine", pattern); err == nil || h != nil {
			t.Errorf("exception %q is taken", pattern)
		}
	}
	if _, err := guard.Protect(subject, "/a", "/a"); err == nil {
		t.Error("an exception twice is taken")
	}
	h, err := guard.Protect(subject)
	if err != nil {
		t.Fatal(err)
	}
	if a := serve(h, call{method: "GET", path: "/"}); a.status != 401 {
		t.Errorf("without exceptions: %d", a.status)
	}
}
