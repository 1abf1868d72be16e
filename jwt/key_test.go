package jwt_test

import (
	"bytes"
	"crypto"
	"crypto/dsa" //nolint:staticcheck // a key type that must be refused
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/watchword-auth/watchword/jwt"
)

func TestAlgorithm(t *testing.T) {
	for _, a := range every {
		if !a.Valid() || a.Symmetric() != strings.HasPrefix(string(a), "HS") {
			t.Errorf("%s: Valid %v, Symmetric %v", a, a.Valid(), a.Symmetric())
		}
	}
	for _, a := range []jwt.Algorithm{"", "none", "hs256", "HS256 ", "ES256K", "RS1", "Ed25519", "A256GCM", "dir"} {
		if a.Valid() || a.Symmetric() {
			t.Errorf("%q: Valid %v, Symmetric %v; want neither", a, a.Valid(), a.Symmetric())
		}
		if _, err := jwt.GenerateKey(a); !errors.Is(err, jwt.ErrAlgorithm) {
			t.Errorf("GenerateKey(%q) = %v, want ErrAlgorithm", a, err)
		}
	}
}

func TestGenerateKey(t *testing.T) {
	for _, a := range every {
		t.Run(string(a), func(t *testing.T) {
			k := keyFor(t, a)
			if k.Algorithm() != a || !k.CanSign() || !k.CanVerify() || k.Short() {
				t.Errorf("%v: CanSign %v, CanVerify %v, Short %v", k, k.CanSign(), k.CanVerify(), k.Short())
			}
			p := k.Public()
			if a.Symmetric() {
				if p != nil || len(k.ID()) != 22 || k.ID() == k.Thumbprint() {
					t.Errorf("secret with public half %v and id %q", p, k.ID())
				}
				return
			}
			if k.ID() != k.Thumbprint() || len(k.ID()) != 43 {
				t.Errorf("id %q, want the thumbprint %q", k.ID(), k.Thumbprint())
			}
			if p.CanSign() || !p.CanVerify() || p.ID() != k.ID() || p.Thumbprint() != k.Thumbprint() || p.Algorithm() != a {
				t.Errorf("public half %v: CanSign %v, CanVerify %v", p, p.CanSign(), p.CanVerify())
			}
		})
	}
}

// TestKeyPrintsNoSecret formats a key in every way that a log might.
func TestKeyPrintsNoSecret(t *testing.T) {
	for _, k := range []*jwt.Key{secret(t, "k1"), keyFor(t, jwt.ES256).WithID("k1"), keyFor(t, jwt.EdDSA).WithID("k1")} {
		want := fmt.Sprintf("jwt.Key(%s %q)", k.Algorithm(), "k1")
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%p", "%T|%v"} {
			args := []any{k}
			if verb == "%T|%v" {
				args = []any{k, k}
			}
			got := fmt.Sprintf(verb, args...)
			if verb == "%p" { // an address, or what String says
				continue
			}
			if !strings.HasSuffix(got, want) {
				t.Errorf("Sprintf(%q) = %s, want %s", verb, got, want)
			}
		}
		if got := fmt.Sprintf("%+v %#v", struct{ K *jwt.Key }{k}, []*jwt.Key{k}); strings.Contains(got, secretText) {
			t.Errorf("within other values: %s", got)
		}
		if got := k.String() + k.GoString(); got != want+want {
			t.Errorf("String and GoString = %s", got)
		}
		//nolint:staticcheck // SA9005: that nothing is written is what is tested
		if got, err := json.Marshal(k); err != nil || string(got) != "{}" {
			t.Errorf("json.Marshal = %s, %v; want {}", got, err)
		}
	}
	if got := fmt.Sprint((*jwt.Key)(nil)); got != "jwt.Key(nil)" {
		t.Errorf("nil key prints %s", got)
	}
}

func TestNewSecret(t *testing.T) {
	for _, tt := range []struct {
		alg  jwt.Algorithm
		size int
		want error
	}{
		{jwt.HS256, 32, nil},
		{jwt.HS256, 31, jwt.ErrKey},
		{jwt.HS256, 0, jwt.ErrKey},
		{jwt.HS256, 200, nil},
		{jwt.HS384, 48, nil},
		{jwt.HS384, 47, jwt.ErrKey},
		{jwt.HS512, 64, nil},
		{jwt.HS512, 63, jwt.ErrKey},
		{jwt.RS256, 64, jwt.ErrAlgorithm},
		{jwt.ES256, 64, jwt.ErrAlgorithm},
		{jwt.EdDSA, 64, jwt.ErrAlgorithm},
		{"none", 64, jwt.ErrAlgorithm},
		{"", 64, jwt.ErrAlgorithm},
	} {
		_, err := jwt.NewSecret("k", tt.alg, make([]byte, tt.size))
		if !errors.Is(err, tt.want) {
			t.Errorf("NewSecret(%q, %d bytes) = %v, want %v", tt.alg, tt.size, err, tt.want)
		}
	}
	if _, err := jwt.NewSecret("", jwt.HS256, []byte("short")); err == nil || !strings.Contains(err.Error(), "at least 32 bytes") {
		t.Errorf("a short secret: %v, want the length it needs", err)
	}
}

func TestSecretIsCopied(t *testing.T) {
	material := []byte(secretText)
	k, err := jwt.NewSecret("", jwt.HS256, material)
	if err != nil {
		t.Fatal(err)
	}
	clear(material)
	if _, _, err := open(rawToken(b64(`{"alg":"HS256"}`), b64("{}")), k); err != nil {
		t.Errorf("after the caller cleared its slice: %v", err)
	}
}

func TestInsecureSecret(t *testing.T) {
	k, err := jwt.InsecureSecret("old", jwt.HS256, []byte("secret"))
	if err != nil {
		t.Fatal(err)
	}
	if k.CanSign() || !k.CanVerify() || !k.Short() {
		t.Errorf("CanSign %v, CanVerify %v, Short %v", k.CanSign(), k.CanVerify(), k.Short())
	}
	// The token every introduction shows, made with a secret of 19 bytes.
	const token = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9." +
		"eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIiwiaWF0IjoxNTE2MjM5MDIyfQ." +
		"SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c"
	known, err := jwt.InsecureSecret("", jwt.HS256, []byte("your-256-bit-secret"))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := open(token, known); err != nil {
		t.Errorf("Open = %v", err)
	}
	if _, err := k.MarshalPrivate(); !errors.Is(err, jwt.ErrKey) {
		t.Errorf("MarshalPrivate = %v, want ErrKey", err)
	}
	for _, bad := range [][]byte{nil, {}} {
		if _, err := jwt.InsecureSecret("", jwt.HS256, bad); !errors.Is(err, jwt.ErrKey) {
			t.Errorf("an empty secret: %v, want ErrKey", err)
		}
	}
	if _, err := jwt.InsecureSecret("", jwt.ES256, []byte("x")); !errors.Is(err, jwt.ErrAlgorithm) {
		t.Errorf("for ES256: %v, want ErrAlgorithm", err)
	}
	long, err := jwt.InsecureSecret("", jwt.HS256, []byte(secretText))
	if err != nil || long.Short() || long.CanSign() {
		t.Errorf("a long one: %v, Short %v, CanSign %v; want neither", err, long.Short(), long.CanSign())
	}
}

func TestKeyID(t *testing.T) {
	k := secret(t, "k1")
	if got := k.WithID("k2"); got.ID() != "k2" || k.ID() != "k1" {
		t.Errorf("WithID: ids %q and %q", got.ID(), k.ID())
	}
	h, _, err := open(sign(t, k.WithID("k2"), "JWT", "{}"), k.WithID("k2"))
	if err != nil || h.KeyID != "k2" {
		t.Errorf("token of the renamed key: %+v, %v", h, err)
	}
	for _, id := range []string{"\xff", strings.Repeat("x", 513)} {
		if _, err := jwt.NewSecret(id, jwt.HS256, []byte(secretText)); !errors.Is(err, jwt.ErrKey) {
			t.Errorf("NewSecret(%.10q) = %v, want ErrKey", id, err)
		}
		if got := k.WithID(id); got != nil {
			t.Errorf("WithID(%.10q) = %v, want nil", id, got)
		}
	}
	if got, err := jwt.NewPublicKey("named", jwt.EdDSA, ed25519.PublicKey(make([]byte, 32))); err != nil || got.ID() != "named" {
		t.Errorf("NewPublicKey with an id: %v, %v", got, err)
	}
}

// rocaModulus is that of Wycheproof's json_web_key, case 7.
func rocaModulus(t *testing.T) *big.Int {
	for _, v := range readVectors(t) {
		if v.ID == "json_web_key:7" {
			var set struct{ Keys []struct{ N string } }
			if err := json.Unmarshal(v.JWKS, &set); err != nil {
				t.Fatal(err)
			}
			n, err := base64URL(set.Keys[0].N)
			if err != nil {
				t.Fatal(err)
			}
			return new(big.Int).SetBytes(n)
		}
	}
	t.Fatal("the vector is missing")
	return nil
}

func TestWeakRSA(t *testing.T) {
	n := new(big.Int).Lsh(big.NewInt(1), 2047)
	n.Add(n, big.NewInt(39))
	for _, tt := range []struct {
		name   string
		key    *rsa.PublicKey
		reason string
	}{
		{"fine", &rsa.PublicKey{N: n, E: 65537}, ""},
		{"nil", nil, "modulus"},
		{"no modulus", &rsa.PublicKey{E: 65537}, "modulus"},
		{"negative", &rsa.PublicKey{N: new(big.Int).Neg(n), E: 65537}, "modulus"},
		{"1024 bits", &rsa.PublicKey{N: new(big.Int).Rsh(n, 1024), E: 65537}, "1024 bits"},
		{"2047 bits", &rsa.PublicKey{N: new(big.Int).Rsh(n, 1), E: 65537}, "2047 bits"},
		{"8193 bits", &rsa.PublicKey{N: new(big.Int).Lsh(n, 8193-2048), E: 65537}, "8193 bits"},
		{"even", &rsa.PublicKey{N: new(big.Int).Add(n, big.NewInt(1)), E: 65537}, "even"},
		{"exponent 1", &rsa.PublicKey{N: n, E: 1}, "exponent"},
		{"exponent 3", &rsa.PublicKey{N: n, E: 3}, "exponent"},
		{"exponent even", &rsa.PublicKey{N: n, E: 65538}, "exponent"},
		{"exponent negative", &rsa.PublicKey{N: n, E: -65537}, "exponent"},
		{"exponent too large", &rsa.PublicKey{N: n, E: 1<<31 + 1}, "exponent"},
		{"ROCA (CVE-2017-15361)", &rsa.PublicKey{N: rocaModulus(t), E: 65537}, "CVE-2017-15361"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, a := range []jwt.Algorithm{jwt.RS256, jwt.PS512} {
				_, err := jwt.NewPublicKey("", a, tt.key)
				if tt.reason == "" {
					if err != nil {
						t.Errorf("NewPublicKey(%s) = %v", a, err)
					}
					continue
				}
				if !errors.Is(err, jwt.ErrKey) || !strings.Contains(err.Error(), tt.reason) {
					t.Errorf("NewPublicKey(%s) = %v, want ErrKey about %q", a, err, tt.reason)
				}
			}
		})
	}
}

// TestKeyOfAnotherKind: no algorithm takes a key that was made for another (RFC 8725, section 3.1).
func TestKeyOfAnotherKind(t *testing.T) {
	p256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	x25519, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	edPublic, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	//nolint:staticcheck // SA1019: only through its fields can such a key be made
	offCurve := &ecdsa.PublicKey{Curve: elliptic.P256(), X: big.NewInt(1), Y: big.NewInt(1)}
	type pair struct {
		name string
		key  crypto.PublicKey
		fits []jwt.Algorithm
	}
	for _, tt := range []pair{
		{"P-256", &p256.PublicKey, []jwt.Algorithm{jwt.ES256}},
		{"RSA", &rsaKey.PublicKey, []jwt.Algorithm{jwt.RS256, jwt.RS384, jwt.RS512, jwt.PS256, jwt.PS384, jwt.PS512}},
		{"Ed25519", edPublic, []jwt.Algorithm{jwt.EdDSA}},
		{"P-224", &p224.PublicKey, nil},
		{"X25519", x25519.PublicKey(), nil},
		{"a point off the curve (CVE-2016-9121)", offCurve, nil},
		{"no curve", &ecdsa.PublicKey{}, nil},
		{"nil ECDSA", (*ecdsa.PublicKey)(nil), nil},
		{"short Ed25519", edPublic[:31], nil},
		{"DSA", &dsa.PublicKey{}, nil},
		{"bytes", []byte(secretText), nil},
		{"nil", nil, nil},
		{"a private key", rsaKey, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, a := range every {
				_, err := jwt.NewPublicKey("", a, tt.key)
				fits := strings.Contains(fmt.Sprint(tt.fits), string(a))
				if fits != (err == nil) {
					t.Errorf("NewPublicKey(%s) = %v, want accepted: %v", a, err, fits)
				}
			}
		})
	}
	if _, err := jwt.NewKey("", jwt.ES256, nil); !errors.Is(err, jwt.ErrKey) {
		t.Errorf("NewKey without a signer: %v, want ErrKey", err)
	}
	if _, err := jwt.NewKey("", jwt.HS256, p256); !errors.Is(err, jwt.ErrAlgorithm) {
		t.Errorf("NewKey(HS256) of a pair: %v, want ErrAlgorithm", err)
	}
}

// TestPublicKeyIsCopied: a caller that changes its key changes nobody's trust.
func TestPublicKeyIsCopied(t *testing.T) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := jwt.NewKey("k", jwt.EdDSA, private)
	if err != nil {
		t.Fatal(err)
	}
	mine := bytes.Clone(public)
	k, err := jwt.NewPublicKey("k", jwt.EdDSA, ed25519.PublicKey(mine))
	if err != nil {
		t.Fatal(err)
	}
	clear(mine)
	if _, _, err := open(sign(t, signer, "", "{}"), k); err != nil {
		t.Errorf("Open after the caller cleared its key: %v", err)
	}
}

func TestThumbprint(t *testing.T) {
	for _, jwk := range []string{
		``, `{}`, `{"kty":"EC","crv":"P-256","x":"AA"}`, `{"kty":"XX","x":"AA"}`, `{"kty":"oct","k":""}`,
		`{"kty":"oct","k":1}`, `{"kty":"oct","k":"AA","k":"BB"}`, `[]`,
	} {
		if got, err := jwt.Thumbprint([]byte(jwk)); !errors.Is(err, jwt.ErrKey) {
			t.Errorf("Thumbprint(%s) = %q, %v; want ErrKey", jwk, got, err)
		}
	}
	for _, v := range readVectors(t) {
		if v.Kind != "thumbprint" {
			continue
		}
		k, err := jwt.ParseKey(v.JWK)
		if err != nil {
			t.Logf("%s: not a signature key: %v", v.ID, err)
			continue
		}
		if k.Thumbprint() != v.Token {
			t.Errorf("%s: Key.Thumbprint = %q, want %q", v.ID, k.Thumbprint(), v.Token)
		}
	}
}
