// Command claims puts claims of the application's own into tokens, and reads
// them back typed.
//
//	go run ./examples/claims
//
// Sign in as ann at http://127.0.0.1:8000/auth/v1/token with the password
// ann-pass-77, and show the access token at GET /plan.
package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/httpauth"
	"github.com/watchword-auth/watchword/password"
	"github.com/watchword-auth/watchword/store"
)

// shopClaims are what this application writes beside the registered claims.
// They stand in the signed payload: readable by whoever has the token, and
// changed by nobody.
type shopClaims struct {
	Tenant int    `json:"tenant"`
	Plan   string `json:"plan"`
}

func main() {
	if err := run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) error {
	users := store.NewMemory()
	if err := addAnn(ctx, users); err != nil {
		return err
	}
	seal := make([]byte, 32)
	_, _ = rand.Read(seal) // never fails; a store in memory is gone with the process anyway
	auth, err := watchword.New(watchword.Config{
		Issuer: "http://127.0.0.1:8000", Audience: "shop", Store: users, SealKey: seal,
		Claims: addClaims,
	})
	if err != nil {
		return err
	}
	native := httpauth.Native("/auth/v1", httpauth.Bearer{})
	mux := http.NewServeMux()
	if err := httpauth.Mount(mux, auth, native); err != nil {
		return err
	}
	guard := native.Guard(auth)
	mux.Handle("GET /plan", guard.Require()(http.HandlerFunc(showPlan)))
	mux.Handle("GET /export", guard.Require(onPlan("gold"))(http.HandlerFunc(showPlan)))
	server := &http.Server{Addr: "127.0.0.1:8000", Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	return server.ListenAndServe()
}

// addClaims is called for every access token, at sign-in and at refresh. What
// it says is as old as the token: 5 minutes at most by default. A name that
// the layout writes itself, such as exp, is an error.
func addClaims(_ context.Context, u watchword.User, c *watchword.ClaimSet) error {
	var mine shopClaims
	if err := json.Unmarshal(u.Extra, &mine); err != nil {
		return fmt.Errorf("extra data of user %s: %w", u.ID, err)
	}
	c.Custom = map[string]any{"tenant": mine.Tenant, "plan": mine.Plan}
	return nil
}

// showPlan reads the claims that the guard has verified.
func showPlan(w http.ResponseWriter, r *http.Request) {
	c, _ := httpauth.ClaimsFrom(r.Context()) // behind Require they are always there
	mine, err := watchword.Custom[shopClaims](c)
	if err != nil {
		http.Error(w, "the token has other claims than this program writes", http.StatusInternalServerError)
		return
	}
	fmt.Fprintf(w, "tenant %d, plan %s\n", mine.Tenant, mine.Plan)
}

// onPlan is a policy of the application's own.
func onPlan(plan string) watchword.Policy {
	return watchword.Because("this needs the plan "+plan, func(c *watchword.Claims) error {
		mine, err := watchword.Custom[shopClaims](c)
		if err != nil || mine.Plan != plan {
			return watchword.PermissionDenied
		}
		return nil
	})
}

func addAnn(ctx context.Context, users *store.Memory) error {
	hasher, err := password.New(password.Config{})
	if err != nil {
		return err
	}
	hash, err := hasher.Hash(ctx, "ann-pass-77")
	if err != nil {
		return err
	}
	_, err = users.CreateUser(ctx, watchword.NewUser{
		User:         watchword.User{Login: "ann", Active: true, Extra: []byte(`{"tenant":42,"plan":"silver"}`)},
		PasswordHash: hash,
	})
	return err
}
