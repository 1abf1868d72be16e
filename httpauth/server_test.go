package httpauth_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/httpauth"
	"github.com/watchword-auth/watchword/store"
)

// TestOverAConnection tries what a recorder cannot show.
func TestOverAConnection(t *testing.T) {
	b := newBench(t)
	server := httptest.NewServer(b.handler)
	defer server.Close()
	access, _ := b.signIn()
	tests := map[string]struct {
		method, path string
		body         io.Reader
		header       []string
		status       int
		empty        bool
	}{
		"a body of a megabyte":            {"POST", "/auth/v1/token", strings.NewReader(strings.Repeat("a", 1<<20)), []string{"Content-Type", "application/json"}, 413, false},
		"the same in chunks":              {"POST", "/auth/v1/token", struct{ io.Reader }{strings.NewReader(strings.Repeat("a", 1<<20))}, []string{"Content-Type", "application/json"}, 413, false},
		"to a route that reads no body":   {"GET", "/auth/v1/me", strings.NewReader(strings.Repeat("a", 1<<20)), bearer(access), 200, false},
		"a header of two megabytes":       {"GET", "/auth/v1/me", nil, bearer(strings.Repeat("a", 2<<20)), 431, false},
		"a header of half a megabyte":     {"GET", "/auth/v1/me", nil, bearer(strings.Repeat("a", 1<<19)), 401, false},
		"HEAD":                            {"HEAD", "/auth/v1/me", nil, bearer(access), 200, true},
		"OPTIONS":                         {"OPTIONS", "/auth/v1/token", nil, nil, 204, true},
		"a body that the server need not": {"POST", "/auth/v1/token", strings.NewReader(`{"login":"ann","password":"ann-pass-77"}`), []string{"Content-Type", "application/json", "Expect", "100-continue"}, 200, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r, err := http.NewRequestWithContext(t.Context(), tt.method, server.URL+tt.path, tt.body)
			if err != nil {
				t.Fatal(err)
			}
			for i := 0; i < len(tt.header); i += 2 {
				r.Header.Add(tt.header[i], tt.header[i+1])
			}
			res, err := server.Client().Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			body, err := io.ReadAll(res.Body)
			if err != nil || res.StatusCode != tt.status || tt.empty != (len(body) == 0) {
				t.Errorf("%d, %d bytes, %v, want %d", res.StatusCode, len(body), err, tt.status)
			}
		})
	}
}

// TestManyAtOnce is for the race detector: one token refreshed by many gets
// one successor.
func TestManyAtOnce(t *testing.T) {
	b := newBench(t)
	access, refresh := b.signIn()
	successors := make(chan string, 20)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			r := jsonCall("POST", "/auth/v1/refresh", `{"refresh_token":"`+refresh+`"}`)
			if a := serve(b.handler, r); a.status == 200 {
				successors <- a.text(t, "refresh_token")
			}
			for _, c := range []call{
				{method: "GET", path: "/auth/v1/me", header: bearer(access)},
				{method: "OPTIONS", path: "/auth/v1/me"},
				{method: "PUT", path: "/auth/v1/me"},
				{method: "GET", path: "/.well-known/jwks.json"},
				{method: "GET", path: "/.well-known/oauth-authorization-server"},
			} {
				serve(b.handler, c)
			}
		})
	}
	wg.Wait()
	close(successors)
	different := make(map[string]int)
	for s := range successors {
		different[s]++
	}
	if len(different) != 1 {
		t.Errorf("%d successors, want one for everybody", len(different))
	}
}

// TestRepliesAreOnlyRead: a profile may answer with the same value always.
func TestRepliesAreOnlyRead(t *testing.T) {
	same := httpauth.Reply{Status: 401, Header: http.Header{"x-mine": {"1"}}, Body: []byte(`"no"`)}
	h, err := httpauth.Handler(&asking{}, httpauth.Profile{Name: "x", Prefix: "/", Problem: func(httpauth.Problem) httpauth.Reply { return same }})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if a := serve(h, call{method: "GET", path: "/"}); a.header.Get("X-Mine") != "1" || a.header.Get("Cache-Control") != "no-store" {
				t.Errorf("header %v", a.header)
			}
		})
	}
	wg.Wait()
	if len(same.Header) != 1 {
		t.Errorf("the reply was changed: %v", same.Header)
	}
}

func Example() {
	ctx := context.Background()
	db := store.NewMemory() // or store.Open over a *sql.DB
	auth, err := watchword.New(watchword.Config{
		Issuer: "https://example.com", Audience: "shop", Store: db, SealKey: make([]byte, 32), // 32 random bytes
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	mux := http.NewServeMux()
	native := httpauth.Native("/auth/v1", nil)
	if err := httpauth.Mount(mux, auth, native); err != nil {
		fmt.Println(err)
		return
	}
	posts := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		claims, _ := httpauth.ClaimsFrom(r.Context())
		fmt.Fprintln(w, "posted by", claims.Subject)
	})
	mux.Handle("POST /posts", native.Guard(auth).Require(watchword.Scope("posts:write"))(posts))

	issued, err := auth.Issue(ctx, watchword.IssueRequest{Subject: "car:42", Scopes: []string{"posts:write"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, header := range []string{"Bearer " + issued.Access, ""} {
		r := httptest.NewRequest("POST", "/posts", http.NoBody)
		r.Header.Set("Authorization", header)
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		fmt.Println(w.Code, w.Header().Get("WWW-Authenticate"), strings.TrimSpace(w.Body.String()))
	}
	// Output:
	// 200  posted by car:42
	// 401 Bearer {"error":"unauthenticated","error_description":"a token is needed","code":"unauthenticated"}
}
