package main

import (
	"context"
	"crypto/md5" //nolint:gosec // G501: what an old system has left in its table
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/password"
	"github.com/watchword-auth/watchword/store"
)

// The tables: which hashes stand in them beside the preferred ones.
const (
	tablePreferred = "preferred hashes only"
	tableDearer    = "bcrypt too"
	tableCheaper   = "md5 too"
	tableBoth      = "bcrypt and md5 too"
)

func allTables() []string {
	return []string{tablePreferred, tableDearer, tableCheaper, tableBoth}
}

// right is everybody's password, and wrong nobody's; they are equally long.
const (
	right = "correct horse battery 7"
	wrong = "correct horse battery 8"
)

// inProcess makes an authority over a store in memory that holds the users of
// a table, and the cases that can be told of it.
func inProcess(ctx context.Context, table string, c password.Config, bcryptCost int) (asked, []caseOf, error) {
	if !slices.Contains(allTables(), table) {
		return nil, nil, fmt.Errorf("table %q is unknown: %q", table, allTables())
	}
	hasher, err := password.New(c)
	if err != nil {
		return nil, nil, err
	}
	preferred, err := hasher.Hash(ctx, right)
	if err != nil {
		return nil, nil, err
	}
	cases := []caseOf{
		{unknown, func(i int) string { return fmt.Sprintf("nobody-%d", i) }, wrong},
		named("known", "ann", wrong),
		named("disabled", "bob", wrong),
		named("disabled, the right password", "bob", right),
	}
	memory := store.NewMemory()
	users := []watchword.NewUser{newUser("ann", preferred, true), newUser("bob", preferred, false)}
	if table == tableDearer || table == tableBoth {
		h, err := dearer(ctx, bcryptCost)
		if err != nil {
			return nil, nil, err
		}
		users = append(users, newUser("carl", h, true), newUser("dora", h, false))
		cases = append(cases, named("known, bcrypt", "carl", wrong), named("disabled, bcrypt", "dora", wrong))
	}
	if table == tableCheaper || table == tableBoth {
		users = append(users, newUser("eve", cheaper(), true), newUser("finn", cheaper(), false))
		cases = append(cases, named("known, md5", "eve", wrong), named("disabled, md5", "finn", wrong))
	}
	for _, u := range users {
		if _, err := memory.CreateUser(ctx, u); err != nil {
			return nil, nil, err
		}
	}
	seal := make([]byte, 32)
	_, _ = rand.Read(seal) // never fails
	authority, err := watchword.New(watchword.Config{
		Issuer: "https://auth.example.com", Audience: "https://api.example.com", Store: memory, SealKey: seal,
		Hasher: hasher, InsecureUnlimited: true,
	})
	if err != nil {
		return nil, nil, err
	}
	return func(ctx context.Context, login, pass string) error {
		_, err := authority.SignIn(ctx, watchword.SignInRequest{Credentials: watchword.Credentials{Login: login, Password: pass}})
		switch {
		case errors.Is(err, watchword.InvalidCredentials):
			return nil
		case err == nil:
			return errors.New("signed in")
		default:
			return err
		}
	}, cases, nil
}

func named(name, login, pass string) caseOf {
	return caseOf{name, func(int) string { return login }, pass}
}

func newUser(login, hash string, active bool) watchword.NewUser {
	return watchword.NewUser{PasswordHash: hash, User: watchword.User{Login: login, Active: active, CreatedAt: time.Now()}}
}

func dearer(ctx context.Context, cost int) (string, error) {
	h, err := password.New(password.Config{Preferred: password.Params{Scheme: "bcrypt", Cost: cost}})
	if err != nil {
		return "", err
	}
	return h.Hash(ctx, right)
}

// cheaper is the hash of Django's MD5 hasher.
func cheaper() string {
	const salt = "NaClNaClNaCl"
	sum := md5.Sum([]byte(salt + right)) //nolint:gosec // G401: the format demands it
	return "md5$" + salt + "$" + hex.EncodeToString(sum[:])
}
