package jwt_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"github.com/watchword-auth/watchword/jwt"
)

// TestUnusedSignatureBits: a signature must have one spelling (go-jose and others accept four).
func TestUnusedSignatureBits(t *testing.T) {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	token := rawToken(b64(`{"alg":"HS256"}`), b64(`{}`))
	last := strings.IndexByte(alphabet, token[len(token)-1])
	for i := last + 1; i < last+4; i++ {
		if _, _, err := open(token[:len(token)-1]+alphabet[i:i+1], secret(t, "")); !errors.Is(err, jwt.ErrMalformed) {
			t.Errorf("last character moved by %d: %v, want ErrMalformed", i-last, err)
		}
	}
}

func TestOpenRefusesSignature(t *testing.T) {
	for _, a := range every {
		t.Run(string(a), func(t *testing.T) {
			k := keyFor(t, a)
			token := sign(t, k, "JWT", `{"sub":"a"}`)
			dot := strings.LastIndexByte(token, '.')
			sig, err := base64.RawURLEncoding.DecodeString(token[dot+1:])
			if err != nil {
				t.Fatal(err)
			}
			flipped := bytes.Clone(sig)
			flipped[0] ^= 1
			for name, bad := range map[string][]byte{
				"flipped":   flipped,
				"cut":       sig[:len(sig)-1],
				"longer":    append(bytes.Clone(sig), 0),
				"zero byte": append([]byte{0}, sig...),
				"zeros":     make([]byte, len(sig)), // CVE-2022-21449
				"one byte":  {0},
			} {
				if _, _, err := open(token[:dot+1]+base64.RawURLEncoding.EncodeToString(bad), k); !errors.Is(err, jwt.ErrSignature) {
					t.Errorf("%s: Open = %v, want ErrSignature", name, err)
				}
			}
			other := sign(t, k, "JWT", `{"sub":"b"}`)
			mixed := other[:strings.LastIndexByte(other, '.')] + token[dot:]
			if _, _, err := open(mixed, k); !errors.Is(err, jwt.ErrSignature) {
				t.Errorf("another payload: Open = %v, want ErrSignature", err)
			}
		})
	}
}

// TestECDSAInASN1: RFC 7518 wants both numbers in full length, not ASN.1, which has many spellings.
func TestECDSAInASN1(t *testing.T) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	k, err := jwt.NewPublicKey("", jwt.ES256, &private.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	input := b64(`{"alg":"ES256"}`) + "." + b64("{}")
	digest := sha256.Sum256([]byte(input))
	der, err := ecdsa.SignASN1(rand.Reader, private, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := open(input+"."+b64(string(der)), k); !errors.Is(err, jwt.ErrSignature) {
		t.Errorf("ASN.1: Open = %v, want ErrSignature", err)
	}
	r, s, err := ecdsa.Sign(rand.Reader, private, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	raw := append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	if _, _, err := open(input+"."+b64(string(raw)), k); err != nil {
		t.Errorf("full length: Open = %v", err)
	}
	// s beyond the order is the same number to careless arithmetic.
	beyond := append(r.FillBytes(make([]byte, 32)), elliptic.P256().Params().N.FillBytes(make([]byte, 32))...)
	if _, _, err := open(input+"."+b64(string(beyond)), k); !errors.Is(err, jwt.ErrSignature) {
		t.Errorf("s = n: Open = %v, want ErrSignature", err)
	}
}

// TestPSSSaltLength: other salts than the hash's length are valid PSS, and no PS256 (RFC 7518, section 3.5).
func TestPSSSaltLength(t *testing.T) {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	k, err := jwt.NewPublicKey("", jwt.PS256, &private.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	input := b64(`{"alg":"PS256"}`) + "." + b64("{}")
	digest := sha256.Sum256([]byte(input))
	// A length of 0 is rsa.PSSSaltLengthAuto: as long as fits.
	for _, tt := range []struct {
		salt int
		want error
	}{{32, nil}, {0, jwt.ErrSignature}, {20, jwt.ErrSignature}, {31, jwt.ErrSignature}, {33, jwt.ErrSignature}, {64, jwt.ErrSignature}} {
		sig, err := private.Sign(rand.Reader, digest[:], &rsa.PSSOptions{SaltLength: tt.salt, Hash: crypto.SHA256})
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := open(input+"."+b64(string(sig)), k); !errors.Is(err, tt.want) {
			t.Errorf("salt of %d bytes: Open = %v, want %v", tt.salt, err, tt.want)
		}
	}
}

// TestAlgorithmIsTheKeys: the header never chooses.
func TestAlgorithmIsTheKeys(t *testing.T) {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	rs, err := jwt.NewKey("k", jwt.RS256, private)
	if err != nil {
		t.Fatal(err)
	}
	ps, err := jwt.NewKey("k", jwt.PS256, private)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := open(sign(t, rs, "", "{}"), ps.Public()); !errors.Is(err, jwt.ErrAlgorithm) {
		t.Errorf("RS256 token, PS256 key of the same numbers: %v, want ErrAlgorithm", err)
	}
	if _, _, err := open(sign(t, secret(t, "k"), "", "{}"), rs.Public()); !errors.Is(err, jwt.ErrAlgorithm) {
		t.Errorf("HS256 token, RS256 key: %v, want ErrAlgorithm", err)
	}
	h512, err := jwt.NewSecret("k", jwt.HS512, []byte(strings.Repeat("x", 64)))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := open(sign(t, h512, "", "{}"), secret(t, "k")); !errors.Is(err, jwt.ErrAlgorithm) {
		t.Errorf("HS512 token, HS256 key: %v, want ErrAlgorithm", err)
	}
}
