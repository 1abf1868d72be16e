package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"
	josejwt "github.com/go-jose/go-jose/v4/jwt"
	golangjwt "github.com/golang-jwt/jwt/v5"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/jwt"
)

// An entry verifies and signs tokens in one way. All but the limit pin the
// algorithm, check exp, nbf, iss and aud, and yield typed claims.
type entry struct {
	name string
	// verifier returns a function that verifies tokens of one key. What it
	// returns is the token's jti, so that nobody is done before he has read
	// the claims.
	verifier func(k keys, alg string) (func(token string) (string, error), error)
	// signer returns a function that signs claims; nil where the entry has no
	// way of signing of its own.
	signer func(k keys, alg string) (func(c claims) (string, error), error)
}

// The names of entries that others are compared with.
const (
	nameLimit     = "limit (bare cryptography)"
	nameWatchword = "watchword"
	nameCustom    = "watchword, user object too"
	nameSeen      = "watchword, seen before"
	nameSeenMany  = "watchword, seen before, 1,000 tokens in turn"
	nameGolangJWT = "golang-jwt v5.3.1"
	nameGoJose    = "go-jose v4.1.8"
)

// entries that verify a token they have never seen.
func entries() []entry {
	return []entry{
		{nameLimit, limitVerifier, limitSigner},
		{nameWatchword, watchwordVerifier(false, nil), watchwordSigner},
		{nameCustom, watchwordVerifier(true, nil), nil},
		{nameGolangJWT, golangJWTVerifier, golangJWTSigner},
		{nameGoJose, goJoseVerifier, goJoseSigner},
	}
}

func limitVerifier(k keys, alg string) (func(string) (string, error), error) {
	l := newLimit(k, alg)
	return func(token string) (string, error) {
		_, err := l.open(token)
		return "", err
	}, nil
}

func limitSigner(k keys, alg string) (func(claims) (string, error), error) {
	l := newLimit(k, alg)
	// Its JSON is ready: the limit is what the signature costs.
	var ready []byte
	return func(c claims) (string, error) {
		if ready == nil {
			ready = c.payload()
		}
		return l.sign(ready)
	}, nil
}

// newVerifier returns a Verifier as a service makes it. Its list of
// revocations is not empty, so that asking it costs what it costs.
func newVerifier(k keys, alg string, memory *watchword.Verified) (*watchword.Verifier, error) {
	key, err := jwtKey(k, alg)
	if err != nil {
		return nil, err
	}
	ring, err := jwt.NewKeyring(jwt.RingKey{Key: key, State: jwt.Active})
	if err != nil {
		return nil, err
	}
	now := time.Now()
	revoked := watchword.NewRevocationList(nil)
	revoked.Apply(now,
		watchword.Fact{Kind: watchword.SessionFact, Number: 12, Until: now.Add(time.Hour)},
		watchword.Fact{Kind: watchword.UserFact, ID: "somebody", UpTo: 99, Before: now, Until: now.Add(time.Hour)},
		watchword.Fact{Kind: watchword.TokenFact, ID: "some token", Until: now.Add(time.Hour)})
	return &watchword.Verifier{
		Keys: ring, Issuer: issuer, Audience: audience, Type: "JWT", Memory: memory, Revocations: revoked,
	}, nil
}

// jwtKey makes a key of ours. The secret has no id, as nothing in the
// reference token's header names one.
func jwtKey(k keys, alg string) (*jwt.Key, error) {
	switch alg {
	case "HS256":
		return jwt.NewSecret("", jwt.HS256, k.secret)
	case "ES256":
		return jwt.NewKey("", jwt.ES256, k.ecdsa)
	case "EdDSA":
		return jwt.NewKey("", jwt.EdDSA, k.ed25519)
	default:
		return jwt.NewKey("", jwt.RS256, k.rsa)
	}
}

// watchwordVerifier verifies; with custom the user object is read into a
// struct as well, which otherwise stays, checked, in the payload.
func watchwordVerifier(custom bool, memory func() *watchword.Verified) func(keys, string) (func(string) (string, error), error) {
	return func(k keys, alg string) (func(string) (string, error), error) {
		var m *watchword.Verified
		if memory != nil {
			m = memory()
		}
		v, err := newVerifier(k, alg, m)
		if err != nil {
			return nil, err
		}
		ctx := context.Background()
		return func(token string) (string, error) {
			c, err := v.Verify(ctx, token)
			if err != nil {
				return "", err
			}
			if custom {
				own, err := watchword.Custom[struct{ User user }](c)
				if err != nil {
					return "", err
				}
				if own.User.ID == 0 {
					return "", errors.New("no user in the claims")
				}
			}
			return c.ID, nil
		}, nil
	}
}

// watchwordSigner signs the same payload as the others, written by
// encoding/json.
func watchwordSigner(k keys, alg string) (func(claims) (string, error), error) {
	key, err := jwtKey(k, alg)
	if err != nil {
		return nil, err
	}
	return func(c claims) (string, error) { return jwt.Sign(key, "JWT", c.payload()) }, nil
}

// golangClaims are the claims as golang-jwt wants them.
type golangClaims struct {
	golangjwt.RegisteredClaims
	Scope string `json:"scope"`
	User  user   `json:"user"`
}

func golangJWTVerifier(k keys, alg string) (func(string) (string, error), error) {
	key := k.public(alg)
	parser := golangjwt.NewParser(golangjwt.WithValidMethods([]string{alg}), golangjwt.WithExpirationRequired(),
		golangjwt.WithIssuer(issuer), golangjwt.WithAudience(audience))
	find := func(*golangjwt.Token) (any, error) { return key, nil }
	return func(token string) (string, error) {
		var c golangClaims
		if _, err := parser.ParseWithClaims(token, &c, find); err != nil {
			return "", err
		}
		return c.ID, nil
	}, nil
}

func golangJWTSigner(k keys, alg string) (func(claims) (string, error), error) {
	method, key := golangjwt.GetSigningMethod(alg), k.private(alg)
	if method == nil {
		return nil, fmt.Errorf("golang-jwt knows no %s", alg)
	}
	return func(c claims) (string, error) {
		return golangjwt.NewWithClaims(method, golangClaims{
			RegisteredClaims: golangjwt.RegisteredClaims{
				Issuer: c.Issuer, Subject: c.Subject, Audience: golangjwt.ClaimStrings{c.Audience}, ID: c.ID,
				ExpiresAt: golangjwt.NewNumericDate(time.Unix(c.Expiry, 0)),
				NotBefore: golangjwt.NewNumericDate(time.Unix(c.NotBefore, 0)),
				IssuedAt:  golangjwt.NewNumericDate(time.Unix(c.IssuedAt, 0)),
			},
			Scope: c.Scope, User: c.User,
		}).SignedString(key)
	}, nil
}

// joseClaims are the claims as go-jose wants them.
type joseClaims struct {
	josejwt.Claims
	Scope string `json:"scope"`
	User  user   `json:"user"`
}

func goJoseVerifier(k keys, alg string) (func(string) (string, error), error) {
	key := k.public(alg)
	allowed := []jose.SignatureAlgorithm{jose.SignatureAlgorithm(alg)}
	return func(token string) (string, error) {
		parsed, err := josejwt.ParseSigned(token, allowed)
		if err != nil {
			return "", err
		}
		var c joseClaims
		if err := parsed.Claims(key, &c); err != nil {
			return "", err
		}
		expected := josejwt.Expected{Issuer: issuer, AnyAudience: josejwt.Audience{audience}, Time: time.Now()}
		if err := c.ValidateWithLeeway(expected, 0); err != nil {
			return "", err
		}
		return c.ID, nil
	}, nil
}

func goJoseSigner(k keys, alg string) (func(claims) (string, error), error) {
	key := jose.SigningKey{Algorithm: jose.SignatureAlgorithm(alg), Key: k.private(alg)}
	signer, err := jose.NewSigner(key, new(jose.SignerOptions).WithType("JWT"))
	if err != nil {
		return nil, err
	}
	return func(c claims) (string, error) {
		return josejwt.Signed(signer).Claims(joseClaims{
			Claims: josejwt.Claims{
				Issuer: c.Issuer, Subject: c.Subject, Audience: josejwt.Audience{c.Audience}, ID: c.ID,
				Expiry: josejwt.NewNumericDate(time.Unix(c.Expiry, 0)), NotBefore: josejwt.NewNumericDate(time.Unix(c.NotBefore, 0)),
				IssuedAt: josejwt.NewNumericDate(time.Unix(c.IssuedAt, 0)),
			},
			Scope: c.Scope, User: c.User,
		}).Serialize()
	}, nil
}
