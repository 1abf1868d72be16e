package remote_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/jwt"
	"github.com/watchword-auth/watchword/remote"
)

const (
	verifyCall     = "POST /auth/v1/verify"
	introspectCall = "POST /auth/v1/introspect"
)

// Asked about each token, the authority decides at once; a cache delays that
// by its life and never beyond a token's own.
func TestAsk(t *testing.T) {
	for name, test := range map[string]struct {
		check remote.Check
		call  string
		cache remote.Cache
	}{
		"verify":                  {remote.ByVerify, verifyCall, remote.Cache{}},
		"introspection":           {remote.ByIntrospection, introspectCall, remote.Cache{}},
		"verify, cached":          {remote.ByVerify, verifyCall, remote.Cache{Entries: 10, Life: 30 * time.Second}},
		"introspection, cached":   {remote.ByIntrospection, introspectCall, remote.Cache{Entries: 10, Life: 30 * time.Second}},
		"cached beyond the token": {remote.ByVerify, verifyCall, remote.Cache{Entries: 10, Life: 5 * time.Minute}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCentral(t, nil)
				client := c.service(t, func(r *remote.Config) { r.Check, r.Cache = test.check, test.cache })
				tokens := c.signIn("ann")
				for range 10 {
					claims, err := client.Verify(t.Context(), tokens.Access)
					if err != nil || claims.UserID != annID || claims.Token() != tokens.Access {
						t.Fatalf("Verify = %+v, %v", claims, err)
					}
				}
				asked, want := c.count(test.call), 10
				if test.cache.Entries > 0 {
					want = 1
				}
				if asked != want || client.Stats().Asked.Asked != uint64(want) {
					t.Errorf("asked %d times, want %d", asked, want)
				}
				if claims, err := client.Verify(t.Context(), tokens.Access); err != nil {
					t.Error(err)
				} else if u, err := client.User(t.Context(), claims); err != nil || u.Login != "ann" {
					t.Errorf("User = %+v, %v", u, err)
				}
				c.signOut(tokens)
				_, err := client.Verify(t.Context(), tokens.Access)
				if cached := test.cache.Entries > 0; cached != (err == nil) {
					t.Errorf("Verify = %v right after the sign-out", err)
				}
				time.Sleep(test.cache.Life)
				if _, err := client.Verify(t.Context(), tokens.Access); watchword.CodeOf(err) == watchword.Unavailable || err == nil {
					t.Errorf("Verify = %v, want it refused once the cache is over", err)
				}
				// Never beyond exp, whatever is remembered.
				tokens = c.signIn("ann")
				if _, err := client.Verify(t.Context(), tokens.Access); err != nil {
					t.Fatal(err)
				}
				time.Sleep(5 * time.Minute)
				asked = c.count(test.call)
				if _, err := client.Verify(t.Context(), tokens.Access); !errors.Is(err, watchword.TokenExpired) {
					t.Errorf("Verify = %v, want TokenExpired", err)
				}
				if c.count(test.call) != asked {
					t.Error("the authority was asked about an expired token")
				}
			})
		})
	}
}

// Many callers with one token ask once, and what is no token is not sent on.
func TestAskOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCentral(t, nil)
		client := c.service(t, func(r *remote.Config) { r.Check = remote.ByVerify })
		tokens := c.signIn("ann")
		c.fail("/auth/v1/verify", func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(time.Second)
			c.mux.ServeHTTP(w, r)
		})
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				if _, err := client.Verify(t.Context(), tokens.Access); err != nil {
					t.Errorf("Verify = %v", err)
				}
			})
		}
		wg.Wait()
		if n := c.count(verifyCall); n != 1 {
			t.Errorf("100 callers asked %d times", n)
		}
		other, err := jwt.Sign(newKey(t), watchword.AccessType, fmt.Appendf(nil, `{"iss":%q,"sub":"1","aud":"elsewhere","exp":4000000000,"iat":1}`, issuer))
		if err != nil {
			t.Fatal(err)
		}
		for name, raw := range map[string]string{
			"nothing": "", "text": "hello", "dots": "..", "refresh token": tokens.Refresh, "huge": strings.Repeat("x", 1<<20),
			"another audience": other, "no signature": tokens.Access[:strings.LastIndexByte(tokens.Access, '.')],
		} {
			if _, err := client.Verify(t.Context(), raw); err == nil || watchword.CodeOf(err) == watchword.Unavailable {
				t.Errorf("%s: Verify = %v", name, err)
			}
		}
		if _, err := client.Verify(t.Context(), tokens.Refresh, watchword.Refresh); err == nil {
			t.Error("a refresh token was accepted")
		}
		if n := c.count(verifyCall); n != 1 {
			t.Errorf("rubbish was sent on %d times", n-1)
		}
		forged := tokens.Access[:strings.LastIndexByte(tokens.Access, '.')+1] + base64.RawURLEncoding.EncodeToString(make([]byte, 64))
		if _, err := client.Verify(t.Context(), forged); !errors.Is(err, watchword.BadSignature) {
			t.Errorf("Verify(forged) = %v, want the authority's word", err)
		}
	})
}

// What the authority answers is believed only where it is about this token.
func TestAskAnswers(t *testing.T) {
	for _, check := range []remote.Check{remote.ByVerify, remote.ByIntrospection} {
		synctest.Test(t, func(t *testing.T) {
			c := newCentral(t, nil)
			client := c.service(t, func(r *remote.Config) { r.Check, r.Cache = check, remote.Cache{Entries: 4, Life: time.Minute} })
			tokens := c.signIn("ann")
			path := "/auth/v1/verify"
			if check == remote.ByIntrospection {
				path = "/auth/v1/introspect"
			}
			for name, test := range map[string]struct {
				with http.HandlerFunc
				want watchword.Code
			}{
				"inactive":        {answer("application/json", `{"active":false}`), watchword.TokenRevoked},
				"nothing":         {answer("application/json", `{}`), watchword.TokenRevoked},
				"null":            {answer("application/json", `null`), watchword.Unavailable},
				"text":            {answer("application/json", `{"active":"true"}`), watchword.Unavailable},
				"number":          {answer("application/json", `{"active":1}`), watchword.Unavailable},
				"about another":   {answer("application/json", `{"active":true,"sub":"2","claims":{"sub":"2"}}`), watchword.Unavailable},
				"twice":           {answer("application/json", `{"active":false,"active":true}`), watchword.Unavailable},
				"HTML":            {answer("text/html", html), watchword.Unavailable},
				"empty":           {answer("application/json", ``), watchword.Unavailable},
				"status 500":      {refuse(500, "internal"), watchword.Unavailable},
				"own credentials": {refuse(401, "invalid_client"), watchword.Unavailable},
				"hangs":           {stall, watchword.Unavailable},
				"10 MB":           {answer("application/json", `{"active":true,"x":"`+strings.Repeat("x", 10<<20)+`"}`), watchword.Unavailable},
			} {
				c.fail(path, test.with)
				if _, err := client.Verify(t.Context(), tokens.Access); !errors.Is(err, test.want) {
					t.Errorf("%d, %s: Verify = %v, want %v", check, name, err, test.want)
				}
			}
			if n := client.Stats().Asked.Entries; n != 0 {
				t.Errorf("%d bad answers were remembered", n)
			}
			c.fail(path, nil)
			for range 20 { // more tokens than are remembered
				if _, err := client.Verify(t.Context(), c.signIn("ann").Access); err != nil {
					t.Error(err)
				}
			}
			if n := client.Stats().Asked.Entries; n != 4 {
				t.Errorf("%d tokens are remembered, want 4", n)
			}
		})
	}
}
