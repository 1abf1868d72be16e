package remote_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/httpauth"
	"github.com/watchword-auth/watchword/jwt"
	"github.com/watchword-auth/watchword/password"
	"github.com/watchword-auth/watchword/remote"
	"github.com/watchword-auth/watchword/store"
)

// A service verifies the tokens of an authority elsewhere, here a small one
// that lives for the example.
func ExampleNewKeys() {
	key, err := jwt.GenerateKey(jwt.ES256)
	if err != nil {
		fmt.Println(err)
		return
	}
	authority := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		set, _ := jwt.PublicSet(key)
		w.Header().Set("Content-Type", "application/jwk-set+json")
		_, _ = w.Write(set)
	}))
	defer authority.Close()
	raw, err := jwt.Sign(key, watchword.AccessType, fmt.Appendf(nil,
		`{"iss":%q,"sub":"42","aud":"shop","iat":%d,"exp":%d}`, authority.URL, time.Now().Unix(), time.Now().Unix()+300))
	if err != nil {
		fmt.Println(err)
		return
	}

	keys, err := remote.NewKeys(remote.KeysConfig{URL: authority.URL + "/.well-known/jwks.json"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer keys.Close()
	v := &watchword.Verifier{
		Keys:     keys,
		Issuer:   authority.URL,
		Audience: "shop",
		Memory:   watchword.NewVerified(0),
	}
	claims, err := v.Verify(context.Background(), raw)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(claims.Subject, keys.Stats().Keys)
	// Output: 42 1
}

// A service guards its routes by the tokens of an authority elsewhere, here one
// that lives for the example, and hears of a session that ends.
func ExampleNew() {
	ctx := context.Background()
	central, id, secret, err := exampleAuthority(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer central.Close()

	auth, err := remote.New(ctx, remote.Config{URL: central.URL, Audience: "shop", ClientID: id, ClientSecret: secret})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer auth.Close()
	mux := http.NewServeMux()
	native := httpauth.Native(httpauth.NativePrefix, nil)
	if err := httpauth.Mount(mux, auth, native); err != nil {
		fmt.Println(err)
		return
	}
	guard := native.Guard(auth)
	mux.Handle("GET /orders", guard.Require(watchword.Scope("orders:read"))(http.NotFoundHandler()))

	tokens, err := auth.SignIn(ctx, watchword.SignInRequest{Credentials: watchword.Credentials{Login: "ann", Password: "right horse"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(tokens.Claims.HasScope("orders:read"))
	if err := auth.SignOut(ctx, watchword.SignOutRequest{Raw: tokens.Refresh}); err != nil {
		fmt.Println(err)
	}
	for err == nil {
		_, err = auth.Verify(ctx, tokens.Access)
	}
	fmt.Println(err)
	// Output:
	// true
	// session_ended
}

// exampleAuthority serves an authority with the user ann, and returns the
// credentials of a service.
func exampleAuthority(ctx context.Context) (server *httptest.Server, id, secret string, err error) {
	mux := http.NewServeMux()
	server = httptest.NewServer(mux)
	memory := store.NewMemory()
	hasher, err := password.New(password.Config{})
	if err != nil {
		return server, "", "", err
	}
	hash, err := hasher.Hash(ctx, "right horse")
	if err != nil {
		return server, "", "", err
	}
	ann := watchword.User{Login: "ann", Active: true, Scopes: []string{"orders:read"}}
	if _, err := memory.CreateUser(ctx, watchword.NewUser{User: ann, PasswordHash: hash}); err != nil {
		return server, "", "", err
	}
	id, secret, record := watchword.NewClientSecret("shop", nil, time.Now())
	if err := memory.CreateClient(ctx, record); err != nil {
		return server, "", "", err
	}
	auth, err := watchword.New(watchword.Config{Issuer: server.URL, Audience: "shop", Store: memory, SealKey: make([]byte, 32)})
	if err != nil {
		return server, "", "", err
	}
	return server, id, secret, httpauth.Mount(mux, auth, httpauth.Native(httpauth.NativePrefix, nil))
}
