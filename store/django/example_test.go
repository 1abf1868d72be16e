package django_test

import (
	"context"
	"database/sql"
	"log"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/password"
	"github.com/watchword-auth/watchword/store"
	"github.com/watchword-auth/watchword/store/django"
)

// A custom user model whose people sign in with their addresses. Hashes that
// are not what Django itself writes now are replaced at sign-in; sessions are
// kept apart from Django's tables.
func Example() {
	ctx := context.Background()
	site, err := sql.Open("postgres", "postgres://reader@db/site") // with a driver of your choice
	if err != nil {
		log.Fatal(err)
	}
	users, err := django.Open(ctx, site, django.Config{
		Flavor:  django.PostgreSQL,
		Table:   django.Table{Name: "accounts_user", Username: "email", Staff: django.None},
		Upgrade: true,
	})
	if err != nil {
		log.Fatal(err)
	}
	hasher, err := password.New(password.Config{Preferred: password.Params{Scheme: "pbkdf2_sha256", Rounds: 1_000_000}})
	if err != nil {
		log.Fatal(err)
	}
	auth, err := watchword.New(watchword.Config{
		Issuer: "https://auth.example.com", Audience: "shop", Users: users, Hasher: hasher,
		Store: store.NewMemory(), SealKey: make([]byte, 32), // a real one is random and kept
	})
	if err != nil {
		log.Fatal(err)
	}
	_ = auth
}
