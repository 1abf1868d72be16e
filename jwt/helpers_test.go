package jwt_test

import (
	"context"
	"crypto"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"sync"
	"testing"

	"github.com/watchword-auth/watchword/jwt"
)

// every is all algorithms.
var every = []jwt.Algorithm{
	jwt.HS256, jwt.HS384, jwt.HS512, jwt.RS256, jwt.RS384, jwt.RS512,
	jwt.PS256, jwt.PS384, jwt.PS512, jwt.ES256, jwt.ES384, jwt.ES512, jwt.EdDSA,
}

// made holds one generated key for each algorithm: RSA keys take a second each.
var made sync.Map

func keyFor(t testing.TB, a jwt.Algorithm) *jwt.Key {
	t.Helper()
	make := sync.OnceValues(func() (*jwt.Key, error) { return jwt.GenerateKey(a) })
	once, _ := made.LoadOrStore(a, make)
	k, err := once.(func() (*jwt.Key, error))()
	if err != nil {
		t.Fatalf("GenerateKey(%s): %v", a, err)
	}
	return k
}

func sign(t testing.TB, k *jwt.Key, typ, payload string) string {
	t.Helper()
	token, err := jwt.Sign(k, typ, []byte(payload))
	if err != nil {
		t.Fatalf("Sign: %v", err)
	}
	return token
}

func open(token string, keys ...*jwt.Key) (jwt.Header, []byte, error) {
	return jwt.Open(context.Background(), token, jwt.KeySet(keys))
}

func b64(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

// secretText is the secret of rawToken.
const secretText = "0123456789abcdef0123456789abcdef"

func secret(t testing.TB, id string) *jwt.Key {
	t.Helper()
	k, err := jwt.NewSecret(id, jwt.HS256, []byte(secretText))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// rawToken signs two segments as they are with HMAC and SHA-256, without asking the package: so a test can sign what Sign
// would not.
func rawToken(headerSegment, payloadSegment string) string {
	mac := hmac.New(sha256.New, []byte(secretText))
	mac.Write([]byte(headerSegment + "." + payloadSegment))
	return headerSegment + "." + payloadSegment + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// elsewhere hides the type of a signer, as a key service does.
type elsewhere struct{ crypto.Signer }

func base64URL(s string) ([]byte, error) { return base64.RawURLEncoding.DecodeString(s) }
