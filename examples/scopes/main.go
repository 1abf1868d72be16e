// Command scopes guards an API as OAuth 2.0 guides tell it: read:posts reads,
// write:posts writes, admin deletes.
//
//	go run ./examples/scopes
//
// Sign in at http://127.0.0.1:8000/auth/v1/token as reader, writer or admin;
// the password is the login and -pass-77.
package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/httpauth"
	"github.com/watchword-auth/watchword/password"
	"github.com/watchword-auth/watchword/store"
)

func main() {
	if err := run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) error {
	users := store.NewMemory()
	if err := addPeople(ctx, users); err != nil {
		return err
	}
	seal := make([]byte, 32)
	_, _ = rand.Read(seal) // never fails; a store in memory is gone with the process anyway
	auth, err := watchword.New(watchword.Config{
		Issuer: "http://127.0.0.1:8000", Audience: "posts", Store: users, SealKey: seal,
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
	reads := guard.Require(watchword.Scope("read:posts"))
	writes := guard.Require(watchword.Scope("write:posts"))
	deletes := guard.Require(watchword.Scope("admin"))

	b := &board{posts: map[string]string{"hello": "the first post"}}
	mux.Handle("GET /posts", reads(http.HandlerFunc(b.list)))
	mux.Handle("PUT /posts/{name}", writes(http.HandlerFunc(b.write)))
	mux.Handle("DELETE /posts/{name}", deletes(http.HandlerFunc(b.remove)))
	server := &http.Server{Addr: "127.0.0.1:8000", Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	return server.ListenAndServe()
}

// addPeople makes three users. Scopes are what may be granted to somebody;
// who asks for fewer at sign-in gets fewer, and who asks for others gets none
// of those.
func addPeople(ctx context.Context, users *store.Memory) error {
	hasher, err := password.New(password.Config{})
	if err != nil {
		return err
	}
	people := map[string][]string{
		"reader": {"read:posts"},
		"writer": {"read:posts", "write:posts"},
		"admin":  {"read:posts", "write:posts", "admin"},
	}
	for login, scopes := range people {
		hash, err := hasher.Hash(ctx, login+"-pass-77")
		if err != nil {
			return err
		}
		_, err = users.CreateUser(ctx, watchword.NewUser{
			User:         watchword.User{Login: login, Active: true, Scopes: scopes},
			PasswordHash: hash,
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// board is the API behind the guards. It knows nothing of tokens.
type board struct {
	mu    sync.Mutex
	posts map[string]string
}

func (b *board) list(w http.ResponseWriter, _ *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	fmt.Fprintln(w, strings.Join(slices.Sorted(maps.Keys(b.posts)), "\n"))
}

func (b *board) write(w http.ResponseWriter, r *http.Request) {
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 64<<10))
	if err != nil {
		http.Error(w, "the post is too long", http.StatusRequestEntityTooLarge)
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.posts[r.PathValue("name")] = string(text)
	w.WriteHeader(http.StatusNoContent)
}

func (b *board) remove(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.posts, r.PathValue("name"))
	w.WriteHeader(http.StatusNoContent)
}
