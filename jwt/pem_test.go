package jwt_test

import (
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"strings"
	"testing"

	"github.com/watchword-auth/watchword/jwt"
)

func pemText(t testing.TB, kind string, der []byte, err error) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

// pemKeys returns one block of each form, by name.
func pemKeys(t testing.TB) map[string]string {
	t.Helper()
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ec, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	edPublic, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	add := func(name, kind string, der []byte, err error) { texts[name] = pemText(t, kind, der, err) }
	pkcs8 := func(name string, k any) {
		der, err := x509.MarshalPKCS8PrivateKey(k)
		add(name, "PRIVATE KEY", der, err)
	}
	spki := func(name string, k any) {
		der, err := x509.MarshalPKIXPublicKey(k)
		add(name, "PUBLIC KEY", der, err)
	}
	pkcs8("RSA, PKCS 8", rsaKey)
	pkcs8("P-384, PKCS 8", ec)
	pkcs8("Ed25519, PKCS 8", ed)
	spki("RSA, SPKI", &rsaKey.PublicKey)
	spki("P-384, SPKI", &ec.PublicKey)
	spki("Ed25519, SPKI", edPublic)
	add("RSA, PKCS 1", "RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaKey), nil)
	add("RSA public, PKCS 1", "RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(&rsaKey.PublicKey), nil)
	sec1, err := x509.MarshalECPrivateKey(ec)
	add("P-384, SEC 1", "EC PRIVATE KEY", sec1, err)
	return texts
}

func TestParsePEM(t *testing.T) {
	texts := pemKeys(t)
	for _, tt := range []struct {
		name  string
		alg   jwt.Algorithm
		want  jwt.Algorithm
		signs bool
	}{
		{"RSA, PKCS 8", "", jwt.RS256, true},
		{"RSA, PKCS 8", jwt.PS384, jwt.PS384, true},
		{"RSA, PKCS 1", "", jwt.RS256, true},
		{"RSA, SPKI", "", jwt.RS256, false},
		{"RSA, SPKI", jwt.RS512, jwt.RS512, false},
		{"RSA public, PKCS 1", "", jwt.RS256, false},
		{"P-384, PKCS 8", "", jwt.ES384, true},
		{"P-384, SEC 1", jwt.ES384, jwt.ES384, true},
		{"P-384, SPKI", "", jwt.ES384, false},
		{"Ed25519, PKCS 8", "", jwt.EdDSA, true},
		{"Ed25519, SPKI", jwt.EdDSA, jwt.EdDSA, false},
	} {
		t.Run(tt.name+" "+string(tt.alg), func(t *testing.T) {
			k, err := jwt.ParsePEM([]byte("\r\n"+texts[tt.name]+"\n "), tt.alg)
			if err != nil {
				t.Fatal(err)
			}
			if k.Algorithm() != tt.want || k.CanSign() != tt.signs || k.ID() != k.Thumbprint() {
				t.Errorf("%v, CanSign %v; want %s, %v and the thumbprint as id", k, k.CanSign(), tt.want, tt.signs)
			}
			if tt.alg != "" {
				return
			}
			same, err := jwt.ParseKey([]byte(texts[tt.name]))
			if err != nil || same.String() != k.String() {
				t.Errorf("ParseKey = %v, %v; want %v", same, err, k)
			}
		})
	}
	private, err := jwt.ParsePEM([]byte(texts["P-384, SEC 1"]), "")
	if err != nil {
		t.Fatal(err)
	}
	public, err := jwt.ParsePEM([]byte(texts["P-384, SPKI"]), "")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := open(sign(t, private, "JWT", "{}"), public); err != nil {
		t.Errorf("Open with the other half: %v", err)
	}
}

// TestOpenSSLParameters: openssl ecparam -genkey writes the curve before the key.
func TestOpenSSLParameters(t *testing.T) {
	parameters := pemText(t, "EC PARAMETERS", []byte{6, 5, 0x2b, 0x81, 4, 0, 0x22}, nil)
	key := pemKeys(t)["P-384, SEC 1"]
	if k, err := jwt.ParseKey([]byte(parameters + key)); err != nil || k.Algorithm() != jwt.ES384 {
		t.Errorf("ParseKey = %v, %v", k, err)
	}
	if _, err := jwt.ParseKey([]byte(parameters)); !errors.Is(err, jwt.ErrKey) {
		t.Errorf("parameters alone: %v, want ErrKey", err)
	}
}

func TestParsePEMRefuses(t *testing.T) {
	texts := pemKeys(t)
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	weakDER, err := x509.MarshalPKCS8PrivateKey(weak)
	weakText := pemText(t, "PRIVATE KEY", weakDER, err)
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p224DER, err := x509.MarshalPKCS8PrivateKey(p224)
	p224Text := pemText(t, "PRIVATE KEY", p224DER, err)
	x25519, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	x25519DER, err := x509.MarshalPKCS8PrivateKey(x25519)
	x25519Text := pemText(t, "PRIVATE KEY", x25519DER, err)
	key := texts["P-384, SEC 1"]
	for _, tt := range []struct {
		name, text string
		alg        jwt.Algorithm
		want       error
	}{
		{"empty", "", "", jwt.ErrKey},
		{"text", "secret", "", jwt.ErrKey},
		{"text before", "x\n" + key, "", jwt.ErrKey},
		{"text after", key + "x", "", jwt.ErrKey},
		{"two keys", key + key, "", jwt.ErrKey},
		{"broken base64", strings.Replace(key, "\nM", "\n!", 1), "", jwt.ErrKey},
		{"cut", key[:len(key)/2], "", jwt.ErrKey},
		{"wrong label", strings.ReplaceAll(key, "EC PRIVATE KEY", "RSA PRIVATE KEY"), "", jwt.ErrKey},
		{"certificate", pemText(t, "CERTIFICATE", []byte{0x30, 0}, nil), "", jwt.ErrKey},
		{"OpenSSH (CVE-2024-33663)", pemText(t, "OPENSSH PRIVATE KEY", []byte("openssh-key-v1"), nil), "", jwt.ErrKey},
		{"encrypted, PKCS 8", pemText(t, "ENCRYPTED PRIVATE KEY", []byte{0x30, 0}, nil), "", jwt.ErrKey},
		{"encrypted, old", "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n", "", jwt.ErrKey},
		{"1024 bits", weakText, "", jwt.ErrKey},
		{"P-224", p224Text, "", jwt.ErrKey},
		{"X25519", x25519Text, "", jwt.ErrKey},
		{"X25519 for EdDSA", x25519Text, jwt.EdDSA, jwt.ErrKey},
		{"another curve", key, jwt.ES256, jwt.ErrKey},
		{"another type", texts["RSA, SPKI"], jwt.ES256, jwt.ErrKey},
		{"a public key as a secret (CVE-2022-29217)", texts["RSA, SPKI"], jwt.HS256, jwt.ErrKey},
		{"algorithm none", key, "none", jwt.ErrAlgorithm},
		{"too long", "-----BEGIN PUBLIC KEY-----\n" + strings.Repeat("A", 64<<10), "", jwt.ErrKey},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if k, err := jwt.ParsePEM([]byte(tt.text), tt.alg); !errors.Is(err, tt.want) || k != nil {
				t.Errorf("ParsePEM = %v, %v; want %v", k, err, tt.want)
			}
		})
	}
}
