package jwt_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/watchword-auth/watchword/jwt"
)

// The RFC 7515 example: a secret as JWK, a token made elsewhere, and its dates.
func ExampleOpen() {
	key, err := jwt.ParseKey([]byte(`{"kty":"oct","k":` +
		`"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	const token = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9." +
		"eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ." +
		"dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	header, payload, err := jwt.Open(context.Background(), token, jwt.KeySet{key})
	if err != nil {
		fmt.Println(err)
		return
	}
	claims, err := jwt.ParseRegistered(payload)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(header.Algorithm, header.Type, claims.Issuer)
	fmt.Println(claims.Check(time.Date(2011, 3, 22, 18, 0, 0, 0, time.UTC), 0))
	fmt.Println(claims.Check(time.Date(2011, 3, 22, 19, 0, 0, 0, time.UTC), time.Minute))
	// Output:
	// HS256 JWT joe
	// <nil>
	// token has expired
}

func ExampleSign() {
	key, err := jwt.GenerateKey(jwt.ES256)
	if err != nil {
		fmt.Println(err)
		return
	}
	token, err := jwt.Sign(key, "at+jwt", []byte(`{"sub":"alice"}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	// Whoever verifies needs the public half alone.
	_, payload, err := jwt.Open(context.Background(), token, jwt.KeySet{key.Public()})
	fmt.Println(string(payload), err)

	_, _, err = jwt.Open(context.Background(), token[:len(token)-8]+"AAAAAAAA", jwt.KeySet{key.Public()})
	fmt.Println(errors.Is(err, jwt.ErrSignature))
	// Output:
	// {"sub":"alice"} <nil>
	// true
}

// A key is replaced while tokens of the former one live: it is published before it signs, and the former one is accepted
// until its tokens have expired.
func ExampleKeyring() {
	former, err := jwt.GenerateKey(jwt.EdDSA)
	if err != nil {
		fmt.Println(err)
		return
	}
	latter, err := jwt.GenerateKey(jwt.EdDSA)
	if err != nil {
		fmt.Println(err)
		return
	}
	ring, err := jwt.NewKeyring(
		jwt.RingKey{Key: former, State: jwt.Active},
		jwt.RingKey{Key: latter, State: jwt.Next},
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	token, err := jwt.Sign(ring.Signer(), "at+jwt", []byte(`{}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	err = ring.Replace(
		jwt.RingKey{Key: former, State: jwt.Retiring},
		jwt.RingKey{Key: latter, State: jwt.Active},
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	header, _, err := jwt.Open(context.Background(), token, ring)
	fmt.Println(header.KeyID == former.ID(), ring.Signer() == latter, err)
	// Output: true true <nil>
}

// One pass over a payload reads the registered claims and others beside them.
func ExampleWalk() {
	payload := []byte(`{"sub":"alice","scope":"read write","groups":["editors"]}`)
	var registered jwt.Registered
	var scope string
	var groups []string
	err := jwt.Walk(payload, func(name string, v jwt.Value) (err error) {
		switch name {
		case "scope":
			scope, err = v.Text()
		case "groups":
			groups, err = v.Texts()
		default:
			_, err = registered.Visit(name, v)
		}
		return err
	})
	fmt.Println(registered.Subject, scope, slices.Contains(groups, "editors"), err)
	// Output: alice read write true <nil>
}
