// Command ellar is the application of the ellar-jwt guide, in Go: the same
// routes, bodies and tokens, on the guide's host and port.
//
//	go run ./examples/ellar
//
// It signs in the guide's john, password "password", and keeps el.db,
// el.db.key and signing.key in the current directory. walkthrough.sh
// beside this file goes through all of it with curl.
package main

import (
	"context"
	"errors"
	"flag"
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
const addr = "localhost:8000"

// john is the guide's one user: make_password("password"), as Ellar and
// Django write it. His first sign-in writes it anew as argon2id.
func john() watchword.NewUser {
	return watchword.NewUser{
		User:         watchword.User{Login: "john", Active: true},
		PasswordHash: "pbkdf2_sha256$870000$k3Tz8WqLp0VbYcNd5RmXsA$pvOK22spNiGd77kCjh1eigPP60ggQT5m73S8NlpxmTs=",
	}
}

func main() {
	strategy := flag.String("strategy", "handler", "the guide's method: handler or guard")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, *strategy)
	stop()
	if err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, strategy string) error {
	config, done, err := site.Open(ctx, "el", john())
	if err != nil {
		return err
	}
	defer done()
	secret, err := site.SigningKey()
	if err != nil {
		return err
	}
	// JWTModule.setup(signing_secret_key=…, lifetime=timedelta(minutes=5)).
	// The guide's own "your-secret-key" is refused: 15 bytes, and known to all.
	ellar, err := dialect.Ellar(dialect.Options{Settings: map[string]any{
		"signing_secret_key": secret, "lifetime": "5m", "strategy": strategy,
	}})
	if err != nil {
		return err
	}
	if config, err = ellar.Engine(config); err != nil {
		return err
	}
	auth, err := watchword.NewContext(ctx, config)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	if err := httpauth.Mount(mux, auth, ellar.Profile); err != nil {
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
