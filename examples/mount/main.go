package main

import (
	"context"
	"database/sql"
	"net/http"
	"os"

	_ "modernc.org/sqlite"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/httpauth"
	"github.com/watchword-auth/watchword/store"
)

func main() {
	db := must(store.Open(context.Background(), must(sql.Open("sqlite", "shop.db?_pragma=busy_timeout(5000)")), store.SQLite))
	auth := must(watchword.New(watchword.Config{Issuer: "http://127.0.0.1:8000", Audience: "shop", Store: db, SealKey: must(os.ReadFile("shop.key"))}))
	native, mux := httpauth.Native("/auth/v1", httpauth.Bearer{}), http.NewServeMux()
	must(mux, httpauth.Mount(mux, auth, native))
	mux.Handle("POST /posts", native.Guard(auth).Require(watchword.Scope("posts:write"))(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(201) })))
	panic(http.ListenAndServe("127.0.0.1:8000", mux))
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
