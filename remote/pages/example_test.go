package pages_test

import (
	"context"
	"fmt"
	"html/template"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/httpauth"
	"github.com/watchword-auth/watchword/password"
	"github.com/watchword-auth/watchword/remote"
	"github.com/watchword-auth/watchword/remote/pages"
	"github.com/watchword-auth/watchword/store"
)

var form = template.Must(template.New("form").Parse(`<form method="post">
{{if .Code}}<p role="alert">That did not work.</p>{{end}}
<input name="login"> <input name="password" type="password">
<input name="next" type="hidden" value="{{.Next}}">
<button>Sign in</button></form>`))

// A service has pages, and its users at an authority elsewhere, here one that
// lives for the example.
func Example() {
	ctx := context.Background()
	central, err := exampleAuthority(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer central.Close()
	auth, err := remote.New(ctx, remote.Config{URL: central.URL, Audience: "shop"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer auth.Close()

	mux := http.NewServeMux()
	shop := httptest.NewTLSServer(mux)
	defer shop.Close()
	sessions, err := remote.NewSessions(auth, remote.SessionsConfig{})
	if err != nil {
		fmt.Println(err)
		return
	}
	p, err := pages.New(pages.Config{
		Sessions: sessions, URL: shop.URL,
		Form: func(w http.ResponseWriter, _ *http.Request, f pages.Form) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			w.WriteHeader(f.Status)
			_ = form.Execute(w, f) // the browser has gone
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	mux.HandleFunc("/login", p.SignIn)
	mux.HandleFunc("POST /logout", p.SignOut)
	mux.Handle("GET /{$}", p.Guard().Require()(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		claims, _ := httpauth.ClaimsFrom(r.Context())
		fmt.Fprint(w, "You are user ", claims.UserID)
	})))

	browser := shop.Client()
	if browser.Jar, err = cookiejar.New(nil); err != nil {
		fmt.Println(err)
		return
	}
	answer, err := browser.PostForm(shop.URL+"/login", url.Values{"login": {"ann"}, "password": {"right horse"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	fmt.Println(string(text), err)
	// Output: You are user 1 <nil>
}

// exampleAuthority serves an authority with the user ann.
func exampleAuthority(ctx context.Context) (*httptest.Server, error) {
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	hasher, err := password.New(password.Config{})
	if err != nil {
		return server, err
	}
	hash, err := hasher.Hash(ctx, "right horse")
	if err != nil {
		return server, err
	}
	users := store.NewMemory()
	if _, err := users.CreateUser(ctx, watchword.NewUser{User: watchword.User{Login: "ann", Active: true}, PasswordHash: hash}); err != nil {
		return server, err
	}
	auth, err := watchword.New(watchword.Config{Issuer: server.URL, Audience: "shop", Store: users, SealKey: make([]byte, 32)})
	if err != nil {
		return server, err
	}
	return server, httpauth.Mount(mux, auth, httpauth.Native(httpauth.NativePrefix, nil))
}
