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
	"github.com/watchword-auth/watchword/remote"
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

// A service guards its routes by the tokens of an authority elsewhere, and
// serves that authority's sign-in as its own.
func ExampleNew() {
	auth, err := remote.New(context.Background(), remote.Config{
		URL: "https://auth.internal", Audience: "shop",
		ClientID: "client_…", ClientSecret: "…", // of: watchword client add shop
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer auth.Close()
	mux := http.NewServeMux()
	native := httpauth.Native(httpauth.NativePrefix, httpauth.TwoCookies{})
	if err := httpauth.Mount(mux, auth, native); err != nil {
		fmt.Println(err)
		return
	}
	guard := native.Guard(auth)
	mux.Handle("GET /orders", guard.Require(watchword.Scope("orders:read"))(http.NotFoundHandler()))
}
