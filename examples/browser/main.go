// Command browser is a small single-page application without a build step:
// it signs in, calls an API, lives through an access token that expires, shows
// the claims of whoever is signed in, and signs out everywhere.
//
//	go run ./examples/browser -transport two-cookies
//
// Then open https://localhost:8443, in several tabs, and sign in as ann with
// "correct horse battery". The certificate is made at the start. Access tokens
// live 15 seconds, so that the refresh is to be seen. What signs in, refreshes
// and retries is client/watchword.js; app.js here is the application's own.
package main

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync/atomic"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/client"
	"github.com/watchword-auth/watchword/examples/internal/site"
	"github.com/watchword-auth/watchword/httpauth"
)

//go:embed page
var page embed.FS

// ann's password is "correct horse battery".
func ann() watchword.NewUser {
	return watchword.NewUser{
		User:         watchword.User{Login: "ann", Email: "ann@example.com", FirstName: "Ann", Active: true, Scopes: []string{"orders"}},
		PasswordHash: "pbkdf2_sha256$870000$Xc8BvNm2QaZk6WsEd4RfTg$wkdoibXusjZefIfbWaby5Ruza9N1gVEsrqNpk5mUCow=",
	}
}

func main() {
	addr := flag.String("addr", "localhost:8443", "listen there")
	transport := flag.String("transport", "two-cookies", "where tokens ride: json, one-cookie or two-cookies")
	access := flag.Duration("access", 15*time.Second, "how long access tokens live")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, *addr, *transport, *access)
	stop()
	if err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, addr, transport string, access time.Duration) error {
	config, done, err := site.Open(ctx, "browser", ann())
	if err != nil {
		return err
	}
	defer done()
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		return err
	}
	config.Issuer = "https://localhost:" + port
	config.Audience, config.AccessLifetime = config.Issuer, access
	handler, err := routes(ctx, config, transport)
	if err != nil {
		return err
	}
	certificate, err := site.SelfSigned()
	if err != nil {
		return err
	}
	server := &http.Server{Handler: handler, TLSConfig: certificate, ReadHeaderTimeout: 10 * time.Second}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	log.Printf("listening on %s", config.Issuer)
	if err := server.ServeTLS(listener, "", ""); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// routes mounts Watchword's own routes, an API of two, and the page.
func routes(ctx context.Context, config watchword.Config, transport string) (http.Handler, error) {
	auth, err := watchword.NewContext(ctx, config)
	if err != nil {
		return nil, err
	}
	ride, mode, err := ride(transport)
	if err != nil {
		return nil, err
	}
	native := httpauth.Native(httpauth.NativePrefix, ride)
	mux := http.NewServeMux()
	if err := httpauth.Mount(mux, auth, native); err != nil {
		return nil, err
	}
	guard := native.Guard(auth).Require(watchword.Scope("orders"))
	var orders atomic.Int64
	answer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			orders.Add(1)
		}
		say(w, map[string]any{"orders": orders.Load()})
	})
	mux.Handle("GET /api/orders", guard(answer))
	mux.Handle("POST /api/orders", guard(answer))

	mux.Handle("GET /watchword.js", client.Handler())
	mux.HandleFunc("GET /mode.json", func(w http.ResponseWriter, _ *http.Request) { say(w, map[string]any{"mode": mode}) })
	for path, file := range map[string]string{"/{$}": "page/index.html", "/app.js": "page/app.js", "/style.css": "page/style.css"} {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
			// No script but the page's own files: what is read here is who is
			// signed in.
			w.Header().Set("Content-Security-Policy", "default-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'")
			w.Header().Set("Cache-Control", "no-cache")
			http.ServeFileFS(w, r, page, file)
		})
	}
	return mux, nil
}

// ride returns the transport, and what watchword.js calls it.
func ride(name string) (t httpauth.Transport, mode string, err error) {
	switch name {
	case "json":
		return httpauth.Bearer{}, "bearer", nil
	case "one-cookie":
		return httpauth.OneCookie{}, "cookie", nil
	case "two-cookies":
		return httpauth.TwoCookies{}, "cookie", nil
	default:
		return nil, "", fmt.Errorf("transport %q is not json, one-cookie or two-cookies", name)
	}
}

func say(w http.ResponseWriter, answer map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer) // whoever has gone reads no answer
}
