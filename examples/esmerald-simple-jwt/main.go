// Command esmerald-simple-jwt is the application of the esmerald-simple-jwt
// document, in Go: the same routes, bodies and tokens, where Esmerald listens.
//
//	go run ./examples/esmerald-simple-jwt
//
// It signs in ann@example.com, password "ann-pass-77", and refuses the
// inactive ina@example.com. It keeps es.db, es.db.key and signing.key in the
// current directory. walkthrough.sh beside this file goes through all of it
// with curl, and es.toml is the same for `watchword serve`.
package main

import (
	"context"
	"errors"
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

// addr is where Esmerald listens.
const addr = "127.0.0.1:8000"

// people are rows of the document's User model, whose hashes Esmerald writes
// as Django does. The first sign-in writes them anew as argon2id.
func people() []watchword.NewUser {
	return []watchword.NewUser{
		{
			User:         watchword.User{Login: "ann", Email: "ann@example.com", Active: true},
			PasswordHash: "pbkdf2_sha256$870000$wZ3nQyT8vKfLr5XbHc2MdE$5PbegMLYR4rypJRZ8/StULHhe2F9unBupPxeibVFFz4=",
		},
		{
			User:         watchword.User{Login: "ina", Email: "ina@example.com"},
			PasswordHash: "pbkdf2_sha256$870000$Jg7RtPq4YxVsBn9DkWm6Ua$wbtBVkmZKLPl6sOx9Nk3AW2bYi0t5JkwO4JBxmwY7uI=",
		},
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
	config, done, err := site.Open(ctx, "es", people()...)
	if err != nil {
		return err
	}
	defer done()
	secret, err := site.SigningKey()
	if err != nil {
		return err
	}
	// SimpleJWT(signing_key=…, backend_authentication=…, backend_refresh=…).
	// The document's two backends are what the engine does.
	simple, err := dialect.Esmerald(dialect.Options{Settings: map[string]any{"signing_key": secret}})
	if err != nil {
		return err
	}
	if config, err = simple.Engine(config); err != nil {
		return err
	}
	auth, err := watchword.NewContext(ctx, config)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	if err := httpauth.Mount(mux, auth, simple.Profile); err != nil {
		return err
	}
	// What commands do to the database meanwhile counts here within a second.
	go auth.Run(ctx, func(err error) { log.Print(err) })

	server := &http.Server{Addr: addr, Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	log.Printf("listening on http://%s", addr)
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
