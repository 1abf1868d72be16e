// Command auth is the auth-service of the django-easyjwt document's two, in
// Go; the client-service is beside it. People talk to that one alone.
//
//	go run ./examples/two-services/auth
//
// It signs in the document's admin@test.com, staff@test.com and
// user@test.com, passwords "admin-pass", "staff-pass" and "user-pass", and
// keeps auth.db, auth.db.key and signing.key in the current directory.
// ../auth.toml is the same for `watchword serve`.
package main

import (
	"context"
	"errors"
	"log"
	"net/http"
	"net/netip"
	"os"
	"os/signal"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/dialect"
	"github.com/watchword-auth/watchword/examples/internal/site"
	"github.com/watchword-auth/watchword/httpauth"
)

// addr is where the document's client-service looks for the auth-service.
const addr = "127.0.0.1:8000"

// people are the document's three test users, with hashes as Django writes
// them. The first sign-in writes them anew as argon2id.
func people() []watchword.NewUser {
	return []watchword.NewUser{
		{
			User:         watchword.User{Login: "admin", Email: "admin@test.com", Active: true, Staff: true, Superuser: true},
			PasswordHash: "pbkdf2_sha256$870000$Hn4VzKt8QwXe2RbLs7YcPd$F5sfXs3csxEdBfkhDxIx5NkKvM2Mz8gO1T67Gej1nTk=",
		},
		{
			User:         watchword.User{Login: "staff", Email: "staff@test.com", Active: true, Staff: true},
			PasswordHash: "pbkdf2_sha256$870000$Tq9MxJf3LvGa6ZkUw8NbCe$+h7bElRyy7UBCFiav/1Krhjuvy2Xr+iCV5biyzDozYw=",
		},
		{
			User:         watchword.User{Login: "user", Email: "user@test.com", Active: true},
			PasswordHash: "pbkdf2_sha256$870000$Dk5PsWy7RhBo3XmQt2VfLz$aX/Wa53z+N/pmDtOOp+e0pUtkSkTJTFahMyOTAVGnmY=",
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
	config, done, err := site.Open(ctx, "auth", people()...)
	if err != nil {
		return err
	}
	defer done()
	secret, err := site.SigningKey()
	if err != nil {
		return err
	}
	// REMOTE_JWT. What the document prints besides are defaults; its
	// SIGNING_KEY is known to all.
	easy, err := dialect.EasyJWT(dialect.Options{Settings: map[string]any{
		"ACCESS_TOKEN_LIFETIME": "5m", "REFRESH_TOKEN_LIFETIME": "24h", "SIGNING_KEY": secret,
	}})
	if err != nil {
		return err
	}
	if config, err = easy.Engine(config); err != nil {
		return err
	}
	auth, err := watchword.NewContext(ctx, config)
	if err != nil {
		return err
	}
	// The client-service says for whom it asks, and is believed, so that limits
	// count people and not services.
	easy.Profile.ClientOf = httpauth.ClientBehind(netip.MustParsePrefix("127.0.0.1/32"))
	mux := http.NewServeMux()
	if err := httpauth.Mount(mux, auth, easy.Profile); err != nil {
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
