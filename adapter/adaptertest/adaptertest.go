// Package adaptertest is the contract of adapters that bring
// [httpauth.Guard] to a router that is not net/http, those here and those of
// others: what net/http's clients get, clients of the router get, byte for
// byte.
package adaptertest

import (
	"context"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/httpauth"
)

// Wiring is what an adapter under test has to serve, on every method:
//
//	/open      without a guard
//	/posts     behind Require(Policy)
//	/optional  behind Optional()
//	/checked   where the handler itself asks Check(Policy): "yes", or the error's text
//
// The first three answer 200 with what Answer returns. Everything below
// /auth/v1/ is Native's.
type Wiring struct {
	Guard  *httpauth.Guard
	Native http.Handler
	Policy watchword.Policy
	// Answer takes the claims as the adapter's own function finds them in the
	// router's context, nil for none, and the request's context.
	Answer func(own *watchword.Claims, ctx context.Context) string
}

// Serve starts a real server on loopback that does as the wiring says, ends it
// with the test, and returns its base URL.
type Serve func(t *testing.T, w Wiring) (url string)

// Run is the contract. Every case is asked of the adapter and of net/http.
func Run(t *testing.T, serve Serve) {
	tokens := newTokens(t)
	for name, guard := range tokens.guards(t) {
		t.Run(name, func(t *testing.T) {
			var calls atomic.Int64
			w := Wiring{Guard: guard, Native: tokens.native, Policy: watchword.Scope("posts:read"), Answer: func(own *watchword.Claims, ctx context.Context) string {
				calls.Add(1)
				c, _ := httpauth.ClaimsFrom(ctx)
				return "router: " + subject(own) + ", request: " + subject(c)
			}}
			reference, adapter := NetHTTP(t, w), serve(t, w)
			for _, c := range tokens.cases {
				t.Run(c.name, func(t *testing.T) {
					want := c.ask(t, reference, tokens)
					before := calls.Load()
					got := c.ask(t, adapter, tokens)
					if !got.equal(want) {
						t.Errorf("%s: the adapter answers\n%v\nnet/http answers\n%v", c.sentence, got, want)
					}
					if ran := calls.Load() > before; ran != (got.status == http.StatusOK && !c.answersItself()) {
						t.Errorf("%s: status %d, the handler ran: %t", c.sentence, got.status, ran)
					}
					if want := c.statusOf(name); got.status != want {
						t.Errorf("%s: status %d with %s, want %d", c.sentence, got.status, got.body, want)
					}
				})
			}
		})
	}
}

// NetHTTP serves the wiring without any adapter.
func NetHTTP(t *testing.T, w Wiring) string {
	t.Helper()
	answer := http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		own, _ := httpauth.ClaimsFrom(r.Context())
		_, _ = io.WriteString(rw, w.Answer(own, r.Context()))
	})
	mux := http.NewServeMux()
	mux.Handle("/auth/v1/", w.Native)
	mux.Handle("/open", answer)
	mux.Handle("/posts", w.Guard.Require(w.Policy)(answer))
	mux.Handle("/optional", w.Guard.Optional()(answer))
	mux.HandleFunc("/checked", func(rw http.ResponseWriter, r *http.Request) {
		_, err := w.Guard.Check(r, w.Policy)
		_, _ = io.WriteString(rw, Decision(err)) //nolint:gosec // G705: no browser ever reads it
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL
}

// Decision is what /checked answers.
func Decision(err error) string {
	if err != nil {
		return err.Error()
	}
	return "yes"
}

func subject(c *watchword.Claims) string {
	if c == nil {
		return "nobody"
	}
	return c.Subject
}

// reply is what came back, but for what servers add on their own.
type reply struct {
	status int
	header http.Header
	body   string
}

// told are the headers in which a guard speaks.
var told = [...]string{"Allow", "Cache-Control", "Retry-After", "Set-Cookie", "Vary", "Www-Authenticate", "X-Told"}

func (r reply) equal(other reply) bool {
	return r.status == other.status && r.body == other.body && maps.EqualFunc(r.header, other.header, slices.Equal)
}

// ask sends the case's request. Its text has the tokens' names in braces.
func (c contract) ask(t *testing.T, url string, tokens *tokens) reply {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), c.method(), url+c.path, strings.NewReader(tokens.names.Replace(c.body)))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(c.header); i += 2 {
		req.Header.Add(c.header[i], strings.ReplaceAll(tokens.names.Replace(c.header[i+1]), "{url}", url))
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	r := reply{res.StatusCode, http.Header{}, string(body)}
	for _, name := range told {
		if values := res.Header.Values(name); len(values) > 0 {
			r.header[name] = values
		}
	}
	if res.StatusCode >= 300 {
		r.header["Content-Type"] = res.Header.Values("Content-Type")
	}
	return r
}
