package main

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"time"
)

// What every entry checks.
const (
	issuer   = "https://auth.example.com"
	audience = "https://api.example.com"
)

// claims are those of the reference token: 407 bytes as JSON, the registered
// ones, a scope, and an object of the application's own.
type claims struct {
	Issuer    string `json:"iss"`
	Subject   string `json:"sub"`
	Audience  string `json:"aud"`
	Expiry    int64  `json:"exp"`
	NotBefore int64  `json:"nbf"`
	IssuedAt  int64  `json:"iat"`
	ID        string `json:"jti"`
	Scope     string `json:"scope"`
	User      user   `json:"user"`
}

type user struct {
	ID     int64    `json:"id"`
	Name   string   `json:"name"`
	Email  string   `json:"email"`
	Staff  bool     `json:"staff"`
	Groups []string `json:"groups"`
}

// newClaims returns the reference claims, issued at the time given, valid for
// five minutes.
func newClaims(issued time.Time) claims {
	at := issued.Unix()
	return claims{
		Issuer: issuer, Subject: "018f3c2e-7b1a-7c55-9d6e-2f4b8a1c0d3e", Audience: audience,
		Expiry: at + 300, NotBefore: at, IssuedAt: at,
		ID: "b3f1c0de5a6e4c8f9a7d2e1b0c9d8e7f", Scope: "read:posts write:posts profile:read profile:write",
		User: user{
			ID: 4711, Name: "Augusta Ada King-Noel", Email: "augusta.a.king@example.com",
			Groups: []string{"editors", "authors", "reviewers"},
		},
	}
}

// payload writes the claims as encoding/json does.
func (c claims) payload() []byte {
	b, err := json.Marshal(c)
	if err != nil {
		panic(err) // strings and numbers always marshal
	}
	return b
}

// algorithms in the order of the tables.
var algorithms = [...]string{"HS256", "ES256", "EdDSA", "RS256"}

// keys are one pair or secret for each algorithm.
type keys struct {
	secret  []byte
	ecdsa   *ecdsa.PrivateKey
	ed25519 ed25519.PrivateKey
	rsa     *rsa.PrivateKey
}

func newKeys() (keys, error) {
	k := keys{secret: make([]byte, 32)}
	_, _ = rand.Read(k.secret) // never fails
	var err error
	if k.ecdsa, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return k, err
	}
	if _, k.ed25519, err = ed25519.GenerateKey(rand.Reader); err != nil {
		return k, err
	}
	k.rsa, err = rsa.GenerateKey(rand.Reader, 2048)
	return k, err
}

// private returns what signs in the algorithm.
func (k keys) private(alg string) any {
	switch alg {
	case "HS256":
		return k.secret
	case "ES256":
		return k.ecdsa
	case "EdDSA":
		return k.ed25519
	default:
		return k.rsa
	}
}

// public returns what verifies in the algorithm.
func (k keys) public(alg string) any {
	switch alg {
	case "HS256":
		return k.secret
	case "ES256":
		return &k.ecdsa.PublicKey
	case "EdDSA":
		return k.ed25519.Public()
	default:
		return &k.rsa.PublicKey
	}
}
