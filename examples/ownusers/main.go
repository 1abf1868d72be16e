// Command ownusers signs in the people of a table that was there before:
// their ids, e-mail addresses and password hashes stay as they are, and
// sessions live beside them in tables that begin with ww_.
//
//	go run ./examples/ownusers
//
// Sign in at http://127.0.0.1:8000/auth/v1/token as ann@example.com with the
// password ann-pass-77 (or as bob@example.com, bob-pass-77, who may block
// others). The first start makes the table as an old application left it.
package main

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"errors"
	"io/fs"
	"log"
	"net/http"
	"os"
	"time"

	_ "modernc.org/sqlite"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/httpauth"
	"github.com/watchword-auth/watchword/store"
)

func main() {
	if err := run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) error {
	db, err := sql.Open("sqlite", "customers.db?_pragma=busy_timeout(5000)")
	if err != nil {
		return err
	}
	if _, err := db.ExecContext(ctx, oldTable); err != nil {
		return err
	}
	sessions, err := store.Open(ctx, db, store.SQLite)
	if err != nil {
		return err
	}
	seal, err := sealKey("customers.key")
	if err != nil {
		return err
	}
	people := &customers{db}
	auth, err := watchword.New(watchword.Config{
		Issuer: "http://127.0.0.1:8000", Audience: "shop", Store: sessions, SealKey: seal,
		Users: people, // Authenticator follows: it reads their hashes
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
	mux.Handle("POST /customers/{id}/block", guard.Require(watchword.Permission("block"))(block(people, auth)))
	server := &http.Server{Addr: "127.0.0.1:8000", Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	return server.ListenAndServe()
}

// block is the old application's own way to shut somebody out. Whoever
// changes what signing in rests on ends the sessions too: tokens are checked
// in memory and never ask the table.
func block(people *customers, auth *watchword.Authority) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.PathValue("id")
		err := people.block(r.Context(), id)
		if err == nil {
			_, err = auth.End(r.Context(), watchword.Which{UserID: id})
		}
		switch {
		case errors.Is(err, watchword.NotFound):
			http.Error(w, "there is no such customer", http.StatusNotFound)
		case err != nil:
			http.Error(w, "not blocked: try again", http.StatusServiceUnavailable)
		default:
			w.WriteHeader(http.StatusNoContent)
		}
	})
}

// sealKey reads the 32 bytes that everything sealed hangs on, and makes them
// at the first start.
func sealKey(file string) ([]byte, error) {
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		key := make([]byte, 32)
		_, _ = rand.Read(key) // never fails
		return key, os.WriteFile(file, []byte(hex.EncodeToString(key)), 0o600)
	}
	if err != nil {
		return nil, err
	}
	return hex.DecodeString(string(text))
}
