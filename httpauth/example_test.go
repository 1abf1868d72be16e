package httpauth_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/httpauth"
	"github.com/watchword-auth/watchword/store"
)

// exampleToken returns an authority and a token of it.
func exampleToken() (*watchword.Authority, string) {
	auth, err := watchword.New(watchword.Config{
		Issuer: "https://example.com", Audience: "shop", Store: store.NewMemory(), SealKey: make([]byte, 32), // 32 random bytes
	})
	if err != nil {
		panic(err)
	}
	issued, err := auth.Issue(context.Background(), watchword.IssueRequest{Subject: "car:42", Scopes: []string{"read:posts"}})
	if err != nil {
		panic(err)
	}
	return auth, issued.Access
}

// Check only decides, for programs with a router of another make.
func ExampleGuard_Check() {
	auth, token := exampleToken()
	guard := httpauth.Native(httpauth.NativePrefix, nil).Guard(auth)
	r := httptest.NewRequest("DELETE", "/posts/1", http.NoBody)
	r.Header.Set("Authorization", "Bearer "+token)

	claims, err := guard.Check(r)
	fmt.Println(claims.Subject, err)
	_, err = guard.Check(r, watchword.Scope("admin"))
	fmt.Println(err)
	problem := httpauth.ProblemOf(err, httpauth.Guarded)
	fmt.Println(problem.Status, problem.Code, problem.Scopes)
	// Output:
	// car:42 <nil>
	// insufficient_scope: admin
	// 403 insufficient_scope [admin]
}

// Optional serves strangers as well, but nobody whose token is bad.
func ExampleGuard_Optional() {
	auth, token := exampleToken()
	guard := httpauth.Native(httpauth.NativePrefix, nil).Guard(auth)
	home := guard.Optional()(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if claims, ok := httpauth.ClaimsFrom(r.Context()); ok {
			fmt.Fprintln(w, "welcome,", claims.Subject)
			return
		}
		fmt.Fprintln(w, "welcome")
	}))
	for _, header := range []string{"", "Bearer " + token, "Bearer garbage"} {
		r := httptest.NewRequest("GET", "/", http.NoBody)
		if header != "" {
			r.Header.Set("Authorization", header)
		}
		w := httptest.NewRecorder()
		home.ServeHTTP(w, r)
		fmt.Println(w.Code, strings.TrimSpace(w.Body.String()))
	}
	// Output:
	// 200 welcome
	// 200 welcome, car:42
	// 401 {"error":"invalid_token","error_description":"the token cannot be read","code":"token_malformed"}
}

// Another system's paths, names and answers are a profile: data.
func ExampleHandler() {
	auth, token := exampleToken()
	h, err := httpauth.Handler(auth, httpauth.Profile{
		Name: "old", Prefix: "/api",
		Routes: []httpauth.Route{{
			Pattern: "POST check", Op: httpauth.OpVerify,
			In:  httpauth.Input{JSON: []httpauth.Field{{Param: httpauth.ParamToken, Name: "jwt"}}},
			Out: httpauth.Output{Members: []httpauth.Member{{Name: "verdict", Text: "good"}}},
		}},
		Problem: func(p httpauth.Problem) httpauth.Reply {
			return httpauth.JSON(p.Status, httpauth.Object{{Name: "verdict", Value: p.Code.Error()}})
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, jwt := range []string{token, "garbage"} {
		r := httptest.NewRequest("POST", "/api/check", strings.NewReader(`{"jwt":"`+jwt+`"}`))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		fmt.Println(w.Code, w.Body.String())
	}
	// Output:
	// 200 {"verdict":"good"}
	// 401 {"verdict":"token_malformed"}
}
