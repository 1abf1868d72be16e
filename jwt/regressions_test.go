package jwt_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/watchword-auth/watchword/jwt"
)

// The tests of this file are named for faults that other libraries have had and that no other test here is named for.

// TestCVE202026160: an audience that is an empty list is present, and equals nothing.
func TestCVE202026160(t *testing.T) {
	r, err := jwt.ParseRegistered([]byte(`{"aud":[]}`))
	if err != nil || r.Audience == nil || slices.Contains(r.Audience, "") {
		t.Errorf("ParseRegistered = %#v, %v; want an audience that is empty and not nil", r, err)
	}
}

// TestCVE202451744: what is wrong with the claims never hides that the signature is wrong.
func TestCVE202451744(t *testing.T) {
	header := b64(`{"alg":"HS256"}`)
	for name, payload := range map[string]string{
		"expired": b64(`{"exp":1}`), "no JSON": b64(`x`), "no base64url": "=", "empty": "",
	} {
		token := header + "." + payload + "." + strings.Repeat("A", 43)
		if _, got, err := open(token, secret(t, "")); !errors.Is(err, jwt.ErrSignature) || got != nil {
			t.Errorf("%s: Open = %q, %v; want ErrSignature", name, got, err)
		}
	}
}

// TestCVE202229217: no form of a public key is taken for a secret.
func TestCVE202229217(t *testing.T) {
	texts := pemKeys(t)
	texts["indented"] = "\n " + texts["RSA, SPKI"]
	texts["certificate"] = "-----BEGIN CERTIFICATE-----\nMIIB"
	texts["SSH RSA (CVE-2024-33663)"] = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgQ user@host"
	texts["SSH Ed25519"] = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI user@host"
	texts["SSH ECDSA"] = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTY user@host"
	for name, text := range texts {
		for _, construct := range []func(string, jwt.Algorithm, []byte) (*jwt.Key, error){jwt.NewSecret, jwt.InsecureSecret} {
			if k, err := construct("k", jwt.HS256, []byte(text)); !errors.Is(err, jwt.ErrKey) {
				t.Errorf("%s: %v, %v; want ErrKey", name, k, err)
			}
		}
	}
}

// TestCVE20180114: a token that brings its own key is refused although its signature is right by that key.
func TestCVE20180114(t *testing.T) {
	attacker, err := jwt.GenerateKey(jwt.ES256)
	if err != nil {
		t.Fatal(err)
	}
	set, err := jwt.PublicSet(attacker)
	if err != nil {
		t.Fatal(err)
	}
	var jwks struct{ Keys []json.RawMessage }
	if err := json.Unmarshal(set, &jwks); err != nil {
		t.Fatal(err)
	}
	header := `{"alg":"ES256","jwk":` + string(jwks.Keys[0]) + `}`
	if _, err := jwt.SignHeader(attacker, []byte(header), []byte("{}")); !errors.Is(err, jwt.ErrMalformed) {
		t.Errorf("SignHeader = %v, want ErrMalformed", err)
	}
	honest := sign(t, attacker, "JWT", "{}")
	forged := b64(header) + honest[strings.IndexByte(honest, '.'):]
	if _, _, err := open(forged, keyFor(t, jwt.ES256), attacker); !errors.Is(err, jwt.ErrMalformed) {
		t.Errorf("Open = %v, want ErrMalformed", err)
	}
}

// TestCVE202421664: the JSON serialization without a protected header panicked; here no JSON is a token.
func TestCVE202421664(t *testing.T) {
	for _, token := range []string{
		`{"payload":"e30","signatures":[{"signature":"AA"}]}`,
		`{"payload":"e30","signatures":[{"header":{"alg":"HS256"},"signature":"AA"}]}`,
		`{"payload":"e30","header":{"alg":"HS256"},"signature":"AA"}`, // GHSA-jc38-x7x8-2xc8
		`{}`, `{"a.b":"c.d"}`,
	} {
		if _, _, err := open(token, secret(t, "")); !errors.Is(err, jwt.ErrMalformed) {
			t.Errorf("Open(%s) = %v, want ErrMalformed", token, err)
		}
	}
}

// TestGHSA4cf7: a kid or a type with quotes in it adds no member to the header.
func TestGHSA4cf7(t *testing.T) {
	k := secret(t, `x","crit":["y`)
	token := sign(t, k, `z","jku":"https://example.com`, "{}")
	h, _, err := jwt.Open(context.Background(), token, jwt.KeySet{k})
	if err != nil || h.KeyID != k.ID() || h.Type != `z","jku":"https://example.com` {
		t.Errorf("Open = %+v, %v", h, err)
	}
}
