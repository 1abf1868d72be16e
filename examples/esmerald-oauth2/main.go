// Command esmerald-oauth2 is the application of Esmerald's guide "OAuth2 with
// Password, Bearer with JWT tokens", in Go: the same routes, bodies and
// tokens, on the guide's host and port.
//
//	go run ./examples/esmerald-oauth2
//
// It signs in the guide's janedoe, password "hashsecret", and keeps oa.db,
// oa.db.key and signing.key in the current directory. walkthrough.sh beside
// this file goes through all of it with curl.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/dialect"
	"github.com/watchword-auth/watchword/examples/internal/site"
	"github.com/watchword-auth/watchword/httpauth"
)

// addr is where the guide's curl lines go.
const addr = "127.0.0.1:8000"

// janedoe is the one entry of the guide's fake_users_db. She may be granted
// the scopes of the chapter on them; the guide's server would grant any.
func janedoe() watchword.NewUser {
	return watchword.NewUser{
		User: watchword.User{
			Login: "janedoe", Email: "janedoe@example.com", FirstName: "Jane", LastName: "Doe", Active: true,
			Scopes: []string{"read:posts"},
		},
		PasswordHash: "$2a$12$KplebFTPwFcgGQosJgI4De0PyB2AoRCSxasxHpFoYZPp6uQV/xLzm",
	}
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx)
	stop()
	if err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) error {
	base, done, err := site.Open(ctx, "oa", janedoe())
	if err != nil {
		return err
	}
	defer done()
	mux, follow, err := routes(ctx, base)
	if err != nil {
		return err
	}
	// What commands do to the database meanwhile counts here within a second.
	for _, auth := range follow {
		go auth.Run(ctx, func(err error) { log.Print(err) })
	}
	server := &http.Server{Addr: addr, Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	log.Printf("listening on http://%s", addr)
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// routes mounts the guide's face and, for things that are no accounts, the
// native one. Both stand over one store and one list of what was revoked.
func routes(ctx context.Context, base watchword.Config) (*http.ServeMux, []*watchword.Authority, error) {
	base.Issuer, base.Audience = "http://"+addr, "http://"+addr
	base.Revocations = watchword.NewRevocationList(base.Store)
	base.LongestLifetime = 30 * time.Minute // the guide's, longer than the native 5

	secret, err := site.SigningKey()
	if err != nil {
		return nil, nil, err
	}
	guide, err := dialect.OAuth2(dialect.Options{
		Settings: map[string]any{
			"SECRET_KEY": secret, "ALGORITHM": "HS256", "ACCESS_TOKEN_EXPIRE_MINUTES": int64(30), "missing_scope": int64(403),
		},
		SampleRoutes: true,
	})
	if err != nil {
		return nil, nil, err
	}
	config, err := guide.Engine(base)
	if err != nil {
		return nil, nil, err
	}
	people, err := watchword.NewContext(ctx, config)
	if err != nil {
		return nil, nil, err
	}
	things, err := watchword.NewContext(ctx, base)
	if err != nil {
		return nil, nil, err
	}
	native := httpauth.Native(httpauth.NativePrefix, httpauth.Bearer{})
	mux := http.NewServeMux()
	err = httpauth.MountAll(mux, httpauth.Face{Service: people, Profile: guide.Profile}, httpauth.Face{Service: things, Profile: native})
	if err != nil {
		return nil, nil, err
	}
	posts := guide.Profile.Guard(people)
	mux.Handle("GET /posts", posts.Require(watchword.Scope("read:posts"))(say("the posts")))
	mux.Handle("POST /posts", posts.Require(watchword.Scope("write:posts"))(say("written")))
	mux.Handle("DELETE /posts", posts.Require(watchword.Scope("admin"))(say("deleted")))
	// `watchword token issue --sub car:42 --scope drive` makes a token for this.
	mux.Handle("POST /drive", native.Guard(things).Require(watchword.Scope("drive"))(say("driving")))
	return mux, []*watchword.Authority{people, things}, nil
}

func say(text string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, _ := httpauth.ClaimsFrom(r.Context()) // behind Require they are always there
		fmt.Fprintf(w, "%s, %s\n", text, c.Subject)
	})
}
