// Command djwto is the application of the djwto document, in Go: the same
// routes, bodies, cookies and tokens, on the document's host and port and
// over https, with a certificate that it makes itself.
//
//	go run ./examples/djwto -mode TWO-COOKIES
//
// It signs in the document's alice, password "pass", and keeps dj.db,
// dj.db.key and signing.key in the current directory. The page at / shows
// what a script can read of the tokens. walkthrough.sh and walkthrough.py
// beside this file go through the document with curl and with Python, and
// dj.toml is the same for `watchword serve`.
package main

import (
	"context"
	_ "embed"
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

//go:embed page.html
var page []byte

// alice is the document's one user, with a hash as Django writes it. Her
// first sign-in writes it anew as argon2id.
func alice() watchword.NewUser {
	return watchword.NewUser{
		User:         watchword.User{Login: "alice", Email: "alice@djwto.com", Active: true},
		PasswordHash: "pbkdf2_sha256$870000$Xc8BvNm2QaZk6WsEd4RfTg$+IC61Udjel97ItCFtAnh6nV5p86/jswSVfbzAQIk7Ck=",
	}
}

func main() {
	addr := flag.String("addr", "localhost:8001", "where the document's requests go")
	mode := flag.String("mode", "JSON", "DJWTO_MODE: JSON, ONE-COOKIE or TWO-COOKIES")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, *addr, *mode)
	stop()
	if err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, addr, mode string) error {
	config, done, err := site.Open(ctx, "dj", alice())
	if err != nil {
		return err
	}
	defer done()
	mux, auth, err := routes(ctx, config, mode)
	if err != nil {
		return err
	}
	// What commands do to the database meanwhile counts here within a second.
	go auth.Run(ctx, func(err error) { log.Print(err) })

	certificate, err := site.SelfSigned()
	if err != nil {
		return err
	}
	server := &http.Server{Addr: addr, Handler: mux, TLSConfig: certificate, ReadHeaderTimeout: 10 * time.Second}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	log.Printf("listening on https://%s", addr)
	if err := server.ListenAndServeTLS("", ""); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// routes mounts djwto's endpoints, the two views of the document's testapp
// behind its two decorators, and the page.
func routes(ctx context.Context, config watchword.Config, mode string) (*http.ServeMux, *watchword.Authority, error) {
	secret, err := site.SigningKey()
	if err != nil {
		return nil, nil, err
	}
	settings := map[string]any{
		"DJWTO_SIGNING_KEY": secret, "DJWTO_MODE": mode,
		// As in the payloads that the document prints.
		"DJWTO_ISS_CLAIM": "iss", "DJWTO_SUB_CLAIM": "sub", "DJWTO_AUD_CLAIM": "aud",
	}
	djwto, err := dialect.DjwtoWith(dialect.Options{Settings: settings}, dialect.DjwtoHooks{Signals: signals()})
	if err != nil {
		return nil, nil, err
	}
	if config, err = djwto.Engine(config); err != nil {
		return nil, nil, err
	}
	auth, err := watchword.NewContext(ctx, config)
	if err != nil {
		return nil, nil, err
	}
	mux := http.NewServeMux()
	if err := httpauth.Mount(mux, auth, djwto.Profile); err != nil {
		return nil, nil, err
	}
	guards, err := dialect.NewDjwtoGuards(auth, djwto.Profile)
	if err != nil {
		return nil, nil, err
	}
	mux.Handle("GET /testapp/protect/", guards.RequireLogin(say("worked!")))
	mux.Handle("GET /testapp/perms_protect/", guards.RequireLogin(guards.RequirePerms("perm1")(say("perms also worked!"))))
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write(page) // whoever has gone reads no answer
	})
	return mux, auth, nil
}

// signals connects a handler to each of the document's six signals. It prints
// the name and the sender, and not the claims, which are people's.
func signals() dialect.DjwtoSignals {
	handlers := []dialect.DjwtoHandler{func(_ context.Context, s dialect.DjwtoSignal) {
		log.Printf("signal %s, sender %s", s.Name, s.Sender)
	}}
	return dialect.DjwtoSignals{
		LoggedIn: handlers, LoginFailed: handlers, Blacklisted: handlers,
		Validated: handlers, AccessRefreshed: handlers, RefreshUpdated: handlers,
	}
}

func say(text string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte(text)) // whoever has gone reads no answer
	})
}
