package jwt_test

import (
	"context"
	"testing"
	"time"

	"github.com/watchword-auth/watchword/jwt"
)

// benchPayload has the claims of an access token and a user object: about 400 bytes.
const benchPayload = `{"iss":"https://auth.example.com","sub":"018f3c2e-7b1a-7c55-9d6e-2f4b8a1c0d3e",` +
	`"aud":["https://api.example.com"],"exp":4102444800,"nbf":1767225600,"iat":1767225600,` +
	`"jti":"b3BlbiBzZXNhbWUgMTIzNA","scope":"read:posts write:posts profile",` +
	`"user":{"id":4711,"name":"Ada Lovelace","email":"ada@example.com","staff":false,"groups":["editors","authors"]},` +
	`"client_id":"watchword","sid":"c2Vzc2lvbi1pZC0xMjM0"}`

func benchKeys(b *testing.B, visit func(b *testing.B, k *jwt.Key)) {
	for _, a := range []jwt.Algorithm{jwt.HS256, jwt.ES256, jwt.EdDSA, jwt.RS256, jwt.PS256} {
		k, err := jwt.GenerateKey(a)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(string(a), func(b *testing.B) {
			b.ReportAllocs()
			visit(b, k)
		})
	}
}

// BenchmarkOpen is one token seen for the first time: signature, strict payload, registered claims, dates.
func BenchmarkOpen(b *testing.B) {
	now := time.Unix(1767225601, 0)
	benchKeys(b, func(b *testing.B, k *jwt.Key) {
		ring, err := jwt.NewKeyring(jwt.RingKey{Key: k, State: jwt.Active})
		if err != nil {
			b.Fatal(err)
		}
		token, err := jwt.Sign(k, "at+jwt", []byte(benchPayload))
		if err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			_, payload, err := jwt.Open(context.Background(), token, ring)
			if err != nil {
				b.Fatal(err)
			}
			r, err := jwt.ParseRegistered(payload)
			if err != nil {
				b.Fatal(err)
			}
			if err := r.Check(now, 0); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkOpenForeignHeader is BenchmarkOpen without the claims, for a header that no key of ours writes and that has to
// be decoded.
func BenchmarkOpenForeignHeader(b *testing.B) {
	k, err := jwt.GenerateKey(jwt.HS256)
	if err != nil {
		b.Fatal(err)
	}
	token, err := jwt.SignHeader(k, []byte(`{"typ":"JWT","kid":"`+k.ID()+`","alg":"HS256"}`), []byte(benchPayload))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := jwt.Open(context.Background(), token, jwt.KeySet{k}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSign(b *testing.B) {
	benchKeys(b, func(b *testing.B, k *jwt.Key) {
		payload := []byte(benchPayload)
		for b.Loop() {
			if _, err := jwt.Sign(k, "at+jwt", payload); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkWalk(b *testing.B) {
	payload := []byte(benchPayload)
	b.ReportAllocs()
	b.SetBytes(int64(len(payload)))
	for b.Loop() {
		if err := jwt.Walk(payload, func(string, jwt.Value) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseRegistered(b *testing.B) {
	payload := []byte(benchPayload)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := jwt.ParseRegistered(payload); err != nil {
			b.Fatal(err)
		}
	}
}
