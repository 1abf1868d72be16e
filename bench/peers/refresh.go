package main

import (
	"context"
	"crypto/rand"
	"errors"
	"sync"
	"time"

	golangjwt "github.com/golang-jwt/jwt/v5"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/bench/internal/measure"
	"github.com/watchword-auth/watchword/jwt"
	"github.com/watchword-auth/watchword/store"
)

// The names of what refreshes in memory.
const (
	nameRefreshLimit = "limit (bare cryptography of both tokens)"
	nameRefresh      = "watchword, engine over memory"
	nameRefreshHand  = "golang-jwt v5.3.1 by hand, a map of generations"
)

// A chain exchanges refresh tokens: each is used once and yields the next
// and an access token.
type chain func() error

// limitChain is the bare cryptography of a refresh: check the token shown,
// sign the next, sign an access token.
func limitChain(k keys, alg string) (chain, error) {
	refresh, access := newLimit(k, "HS256"), newLimit(k, alg)
	small := []byte(`{"sid":"b3f1c0de-5a6e-4c8f-9a7d-2e1b0c9d8e7f","gen":1,"sub":"4711","iat":1767225600,"exp":1767312000}`)
	token, err := refresh.sign(small)
	if err != nil {
		return nil, err
	}
	payload := newClaims(time.Now()).payload()
	return func() error {
		if _, err := refresh.open(token); err != nil {
			return err
		}
		if token, err = refresh.sign(small); err != nil {
			return err
		}
		_, err := access.sign(payload)
		return err
	}, nil
}

// watchwordChain is a session of an authority over the store in memory:
// session and user are read, the machine advances, both tokens are minted.
func watchwordChain(k keys, alg string) (chain, error) {
	key, err := jwtKey(k, alg)
	if err != nil {
		return nil, err
	}
	ring, err := jwt.NewKeyring(jwt.RingKey{Key: key, State: jwt.Active})
	if err != nil {
		return nil, err
	}
	ctx := context.Background()
	memory := store.NewMemory()
	u, err := memory.CreateUser(ctx, watchword.NewUser{User: watchword.User{
		Login: "ada", Active: true, Scopes: []string{"read:posts", "write:posts"}, CreatedAt: time.Now(),
	}})
	if err != nil {
		return nil, err
	}
	authority, err := watchword.New(watchword.Config{
		Issuer: issuer, Audience: audience, Store: memory, SealKey: k.secret, Keys: ring, InsecureUnlimited: true,
		Authenticator: known{u},
	})
	if err != nil {
		return nil, err
	}
	tokens, err := authority.SignIn(ctx, watchword.SignInRequest{Credentials: watchword.Credentials{Login: u.Login}})
	if err != nil {
		return nil, err
	}
	return func() error {
		next, err := authority.Refresh(ctx, watchword.RefreshRequest{Raw: tokens.Refresh})
		if err == nil && next.Refresh == tokens.Refresh {
			err = errors.New("the refresh token came back unchanged")
		}
		tokens = next
		return err
	}, nil
}

// known believes everybody, so that no password is hashed.
type known struct{ user watchword.User }

func (k known) Authenticate(context.Context, watchword.Credentials) (watchword.User, error) {
	return k.user, nil
}

// handClaims are those of a refresh token that somebody makes himself.
type handClaims struct {
	golangjwt.RegisteredClaims
	Session    string `json:"sid"`
	Generation int    `json:"gen"`
}

// golangJWTChain is what a careful programmer writes with golang-jwt: signed
// refresh tokens, and a map that knows which generation of each session is
// the last one.
func golangJWTChain(k keys, alg string) (chain, error) {
	var mu sync.Mutex
	generations := map[string]int{"session": 1}
	parser := golangjwt.NewParser(golangjwt.WithValidMethods([]string{"HS256"}), golangjwt.WithExpirationRequired(),
		golangjwt.WithIssuer(issuer), golangjwt.WithAudience(audience))
	find := func(*golangjwt.Token) (any, error) { return k.secret, nil }
	sign, err := golangJWTSigner(k, alg)
	if err != nil {
		return nil, err
	}
	refresh := func(gen int) (string, error) {
		now := time.Now()
		return golangjwt.NewWithClaims(golangjwt.SigningMethodHS256, handClaims{
			golangjwt.RegisteredClaims{
				Issuer: issuer, Subject: "4711", Audience: golangjwt.ClaimStrings{audience}, ID: rand.Text(),
				ExpiresAt: golangjwt.NewNumericDate(now.Add(time.Hour)), IssuedAt: golangjwt.NewNumericDate(now),
			}, "session", gen,
		}).SignedString(k.secret)
	}
	token, err := refresh(1)
	if err != nil {
		return nil, err
	}
	return func() error {
		var c handClaims
		if _, err := parser.ParseWithClaims(token, &c, find); err != nil {
			return err
		}
		mu.Lock()
		last := generations[c.Session]
		if last == c.Generation {
			generations[c.Session]++
		}
		mu.Unlock()
		if last != c.Generation {
			return errors.New("reused")
		}
		access := newClaims(time.Now())
		access.ID = rand.Text()
		if _, err := sign(access); err != nil {
			return err
		}
		token, err = refresh(last + 1)
		return err
	}, nil
}

// measureRefresh is one table: refreshes in this process, nothing on disk.
func measureRefresh(k keys, alg string, o measure.Options) (table, error) {
	var ops []measure.Op
	for _, e := range []struct {
		name string
		make func(keys, string) (chain, error)
	}{{nameRefreshLimit, limitChain}, {nameRefresh, watchwordChain}, {nameRefreshHand, golangJWTChain}} {
		do, err := e.make(k, alg)
		if err != nil {
			return table{}, err
		}
		ops = append(ops, measure.Op{Name: e.name, Do: do})
	}
	return run("Refresh in memory, access token "+alg, ops, []string{nameRefreshLimit, nameRefreshHand}, o)
}
