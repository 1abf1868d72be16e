package jwt_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/watchword-auth/watchword/jwt"
)

// The keys of RFC 7515, appendices A.3 and A.1, RFC 8037, appendix A, and an RSA key of 2048 bits with all its numbers
// (RFC 7520, section 3.4).
const (
	jwkEC = `{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",` +
		`"y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0","d":"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"}`
	jwkOct = `{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}`
	jwkOKP = `{"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",` +
		`"x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`
)

func jwkRSA(t testing.TB) string {
	for _, v := range readVectors(t) {
		if v.ID == "cookbook:jwk:3_4.rsa_private_key" {
			return string(v.JWK)
		}
	}
	t.Fatal("the vector is missing")
	return ""
}

// with returns jwk with members set, or removed where the value is nil.
func with(t testing.TB, jwk string, members map[string]any) []byte {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(jwk), &m); err != nil {
		t.Fatal(err)
	}
	maps.Copy(m, members)
	maps.DeleteFunc(m, func(_ string, v any) bool { return v == nil })
	data, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

type set map[string]any

func TestParseKeyJWK(t *testing.T) {
	for _, tt := range []struct {
		name, jwk string
		members   set
		want      jwt.Algorithm
		id        string
		sign      bool
		verify    bool
	}{
		{"EC", jwkEC, nil, jwt.ES256, "", true, true},
		{"EC public", jwkEC, set{"d": nil}, jwt.ES256, "", false, true},
		{"oct", jwkOct, nil, jwt.HS256, "", true, true},
		{"oct for HS512", jwkOct, set{"alg": "HS512"}, jwt.HS512, "", true, true},
		{"OKP", jwkOKP, nil, jwt.EdDSA, "", true, true},
		{"OKP public", jwkOKP, set{"d": nil}, jwt.EdDSA, "", false, true},
		{"RSA", jwkRSA(t), nil, jwt.RS256, "bilbo.baggins@hobbiton.example", true, true},
		{"RSA for PS384", jwkRSA(t), set{"alg": "PS384"}, jwt.PS384, "bilbo.baggins@hobbiton.example", true, true},
		{"with a kid", jwkEC, set{"kid": "k1"}, jwt.ES256, "k1", true, true},
		{"use sig", jwkEC, set{"use": "sig"}, jwt.ES256, "", true, true},
		{"only sign", jwkEC, set{"key_ops": []string{"sign"}}, jwt.ES256, "", true, false},
		{"only verify", jwkEC, set{"key_ops": []string{"verify"}}, jwt.ES256, "", false, true},
		{"both", jwkOct, set{"key_ops": []string{"verify", "sign"}}, jwt.HS256, "", true, true},
		{"use and key_ops", jwkOct, set{"use": "sig", "key_ops": []string{"sign"}}, jwt.HS256, "", true, false},
		{"members not understood", jwkEC, set{"x5c": []string{"MIIB"}, "ext": true, "iat": 1}, jwt.ES256, "", true, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			k, err := jwt.ParseKey(with(t, tt.jwk, tt.members))
			if err != nil {
				t.Fatal(err)
			}
			if k.Algorithm() != tt.want || k.ID() != tt.id || k.CanSign() != tt.sign || k.CanVerify() != tt.verify {
				t.Errorf("%v: CanSign %v, CanVerify %v; want %s %q, %v, %v", k, k.CanSign(), k.CanVerify(), tt.want, tt.id, tt.sign, tt.verify)
			}
		})
	}
}

func TestParseKeyRefusesJWK(t *testing.T) {
	rsaKey := jwkRSA(t)
	rsaPublic := string(with(t, rsaKey, set{"d": nil, "p": nil, "q": nil, "dp": nil, "dq": nil, "qi": nil}))
	member := func(jwk, name string) string {
		var m map[string]string
		if err := json.Unmarshal([]byte(jwk), &m); err != nil {
			t.Fatal(err)
		}
		return m[name]
	}
	for _, tt := range []struct {
		name, jwk string
		members   set
	}{
		{"no kty", jwkEC, set{"kty": nil}},
		{"kty unknown", jwkEC, set{"kty": "EC2"}},
		{"kty in lower case", jwkEC, set{"kty": "ec"}},
		{"kty of another", jwkEC, set{"kty": "RSA"}},
		{"kty a number", jwkEC, set{"kty": 1}},
		{"public key as oct (CVE-2022-29217)", jwkEC, set{"kty": "oct"}},
		{"curve unknown", jwkEC, set{"crv": "secp256k1"}},
		{"curve of another size", jwkEC, set{"crv": "P-384"}},
		{"no curve", jwkEC, set{"crv": nil}},
		{"Ed448", jwkOKP, set{"crv": "Ed448"}},
		{"X25519", jwkOKP, set{"crv": "X25519"}},
		{"algorithm of another curve", jwkEC, set{"alg": "ES384"}},
		{"algorithm of another type", jwkEC, set{"alg": "HS256"}},
		{"RS256 for a secret", jwkOct, set{"alg": "RS256"}},
		{"HS256 for RSA", rsaKey, set{"alg": "HS256"}},
		{"EdDSA for EC", jwkEC, set{"alg": "EdDSA"}},
		{"algorithm unknown", jwkEC, set{"alg": "ES256K"}},
		{"algorithm none", jwkOct, set{"alg": "none"}},
		{"algorithm empty", jwkEC, set{"alg": ""}},
		{"algorithm a number", jwkEC, set{"alg": 256}},
		{"algorithm for encryption", jwkOct, set{"alg": "A256GCM"}},
		{"use enc", jwkEC, set{"use": "enc"}},
		{"use empty", jwkEC, set{"use": ""}},
		{"use an array", jwkEC, set{"use": []string{"sig"}}},
		{"key_ops encrypt", jwkEC, set{"key_ops": []string{"encrypt"}}},
		{"key_ops unrelated", jwkOct, set{"key_ops": []string{"verify", "encrypt"}}},
		{"key_ops twice", jwkOct, set{"key_ops": []string{"verify", "verify"}}},
		{"key_ops empty", jwkOct, set{"key_ops": []string{}}},
		{"key_ops a string", jwkOct, set{"key_ops": "verify"}},
		{"key_ops of numbers", jwkOct, set{"key_ops": []int{1}}},
		{"key_ops sign for a public key", jwkEC, set{"d": nil, "key_ops": []string{"sign"}}},
		{"kid empty", jwkEC, set{"kid": ""}},
		{"kid a number", jwkEC, set{"kid": 1}},
		{"kid null", jwkEC, set{"kid": json.RawMessage("null")}},
		{"kid too long", jwkEC, set{"kid": strings.Repeat("x", 513)}},
		{"name in the wrong case", jwkEC, set{"Kid": "x"}},
		{"KEY_OPS", jwkEC, set{"KEY_OPS": []string{"encrypt"}}},
		{"secret too short for HS256", jwkOct, set{"k": "AAAA"}},
		{"secret empty", jwkOct, set{"k": ""}},
		{"no secret", jwkOct, set{"k": nil}},
		{"secret padded", jwkOct, set{"k": strings.Repeat("A", 43) + "="}},
		{"secret with unused bits", jwkOct, set{"k": strings.Repeat("A", 42) + "B"}},
		{"secret with a newline", jwkOct, set{"k": strings.Repeat("A", 43) + "\n"}},
		{"secret in the standard alphabet", jwkOct, set{"k": strings.Repeat("/", 44)}},
		{"no x", jwkEC, set{"x": nil}},
		{"no y", jwkEC, set{"y": nil}},
		{"point off the curve", jwkEC, set{"x": member(jwkEC, "y")}},
		{"coordinate cut", jwkEC, set{"x": member(jwkEC, "x")[:42]}},
		{"coordinate with a leading zero", jwkEC, set{"x": "AA" + member(jwkEC, "x")}},
		{"point at infinity", jwkEC, set{"x": strings.Repeat("A", 43), "y": strings.Repeat("A", 43)}},
		{"another private number", jwkEC, set{"d": strings.Repeat("A", 42) + "E"}},
		{"private number zero", jwkEC, set{"d": strings.Repeat("A", 43)}},
		{"private number beyond the order", jwkEC, set{"d": strings.Repeat("_", 42) + "8"}},
		{"private number cut", jwkEC, set{"d": member(jwkEC, "d")[:40]}},
		{"private number empty", jwkEC, set{"d": ""}},
		{"Ed25519 x of another", jwkOKP, set{"x": strings.Repeat("A", 43)}},
		{"Ed25519 x cut", jwkOKP, set{"d": nil, "x": strings.Repeat("A", 40)}},
		{"Ed25519 d cut", jwkOKP, set{"d": strings.Repeat("A", 40)}},
		{"RSA exponent 1", rsaKey, set{"e": "AQ"}},
		{"RSA exponent 3", rsaKey, set{"e": "Aw"}},
		{"RSA exponent huge", rsaPublic, set{"e": strings.Repeat("A", 342) + "B"}},
		{"RSA exponent with leading zeros", rsaPublic, set{"e": "AAEAAQ"}},
		{"RSA modulus with leading zeros", rsaPublic, set{"n": "AA" + member(rsaKey, "n")}},
		{"RSA modulus of 1024 bits", rsaPublic, set{"n": member(rsaKey, "p")}},
		{"RSA modulus empty", rsaKey, set{"n": ""}},
		{"RSA primes of a public key", rsaKey, set{"d": nil}},
		{"RSA one number of a private key", rsaPublic, set{"dp": member(rsaKey, "dp")}},
		{"RSA without primes", rsaKey, set{"p": nil, "q": nil, "dp": nil, "dq": nil, "qi": nil}},
		{"RSA without qi", rsaKey, set{"qi": nil}},
		{"RSA with a wrong d", rsaKey, set{"d": member(rsaKey, "n")}},
		{"RSA with a d of another", rsaKey, set{"d": member(rsaKey, "dp")}},
		{"RSA with a wrong dp", rsaKey, set{"dp": member(rsaKey, "dq")}},
		{"RSA with a wrong qi", rsaKey, set{"qi": "AQ"}},
		{"RSA with a prime twice", rsaKey, set{"q": member(rsaKey, "p")}},
		{"RSA with a prime of 1", rsaKey, set{"p": "AQ", "q": member(rsaKey, "n")}},
		{"RSA with more primes", rsaKey, set{"oth": []string{}}},
		{"too long", jwkEC, set{"x5c": strings.Repeat("x", 64<<10)}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			data := with(t, tt.jwk, tt.members)
			if k, err := jwt.ParseKey(data); !errors.Is(err, jwt.ErrKey) || k != nil {
				t.Errorf("ParseKey(%.300s) = %v, %v; want ErrKey", data, k, err)
			}
		})
	}
}

func TestParseKeyRefusesJSON(t *testing.T) {
	for _, data := range []string{
		"", " ", "{", "{}", "[]", "null", `"x"`, jwkEC + "x", jwkEC + jwkEC,
		strings.Replace(jwkEC, `"kty"`, `"kty":"EC","kty"`, 1),
		strings.Replace(jwkEC, `"kty"`, `"kty":"EC","kt\u0079"`, 1),
		strings.Replace(jwkEC, "P-256", "P-256\xff", 1),
		strings.Replace(jwkEC, "{", "{,", 1),
	} {
		if k, err := jwt.ParseKey([]byte(data)); !errors.Is(err, jwt.ErrKey) || k != nil {
			t.Errorf("ParseKey(%.80q) = %v, %v; want ErrKey", data, k, err)
		}
	}
}

func TestParseJWKForAlgorithm(t *testing.T) {
	for _, tt := range []struct {
		name, jwk string
		members   set
		alg       jwt.Algorithm
		want      error
	}{
		{"stated by the caller", jwkOct, nil, jwt.HS384, nil},
		{"PSS", jwkRSA(t), nil, jwt.PS512, nil},
		{"agrees", jwkOct, set{"alg": "HS384"}, jwt.HS384, nil},
		{"contradicts", jwkOct, set{"alg": "HS384"}, jwt.HS256, jwt.ErrKey},
		{"another type", jwkEC, nil, jwt.EdDSA, jwt.ErrKey},
		{"another curve", jwkEC, nil, jwt.ES512, jwt.ErrKey},
		{"a secret for a pair", jwkOct, nil, jwt.RS256, jwt.ErrKey},
		{"a pair for a secret", jwkRSA(t), nil, jwt.HS256, jwt.ErrKey},
		{"unknown", jwkOct, nil, "none", jwt.ErrAlgorithm},
	} {
		k, err := jwt.ParseJWK(with(t, tt.jwk, tt.members), tt.alg)
		if !errors.Is(err, tt.want) || (err == nil && k.Algorithm() != tt.alg) {
			t.Errorf("%s: ParseJWK = %v, %v; want %v", tt.name, k, err, tt.want)
		}
	}
}

// TestKeyOpsAreObeyed: a key that may only sign does not verify, and the other way round.
func TestKeyOpsAreObeyed(t *testing.T) {
	for _, jwk := range []string{jwkOct, jwkEC, jwkOKP} {
		signer, err := jwt.ParseKey(with(t, jwk, set{"key_ops": []string{"sign"}}))
		if err != nil {
			t.Fatal(err)
		}
		verifier, err := jwt.ParseKey(with(t, jwk, set{"key_ops": []string{"verify"}}))
		if err != nil {
			t.Fatal(err)
		}
		token := sign(t, signer, "JWT", "{}")
		if _, _, err := open(token, verifier); err != nil {
			t.Errorf("%v: Open by the key that verifies: %v", verifier, err)
		}
		if _, _, err := open(token, signer); !errors.Is(err, jwt.ErrUnknownKey) {
			t.Errorf("%v: Open by the key that signs: %v, want ErrUnknownKey", signer, err)
		}
		if _, err := jwt.Sign(verifier, "JWT", []byte("{}")); !errors.Is(err, jwt.ErrKey) {
			t.Errorf("%v: Sign by the key that verifies: %v, want ErrKey", verifier, err)
		}
	}
}

// TestMarshalPrivate: what is written is read back as the same key, and written the same again.
func TestMarshalPrivate(t *testing.T) {
	var keys []*jwt.Key
	for _, a := range every {
		keys = append(keys, keyFor(t, a), keyFor(t, a).WithID(""), keyFor(t, a).WithID("with \"quotes\" é"))
	}
	for _, jwk := range []string{jwkEC, jwkOct} {
		for _, op := range []string{"sign", "verify"} {
			k, err := jwt.ParseKey(with(t, jwk, set{"kid": "k1", "key_ops": []string{op}}))
			if err != nil {
				t.Fatal(err)
			}
			keys = append(keys, k)
		}
	}
	for _, k := range keys {
		data, err := k.MarshalPrivate()
		if err != nil {
			t.Errorf("%v: %v", k, err)
			continue
		}
		back, err := jwt.ParseKey(data)
		if err != nil {
			t.Errorf("%v: read back: %v", k, err)
			continue
		}
		if back.String() != k.String() || back.Thumbprint() != k.Thumbprint() ||
			back.CanSign() != k.CanSign() || back.CanVerify() != k.CanVerify() {
			t.Errorf("%v came back as %v", k, back)
		}
		if again, err := back.MarshalPrivate(); err != nil || !bytes.Equal(again, data) {
			t.Errorf("%v: written again: %v, and differs: %v", k, err, !bytes.Equal(again, data))
		}
		if k.CanSign() && k.CanVerify() {
			if _, _, err := open(sign(t, back, "JWT", "{}"), k); err != nil {
				t.Errorf("%v: token of the key read back: %v", k, err)
			}
		}
	}
	if _, err := keyFor(t, jwt.ES256).Public().MarshalPrivate(); !errors.Is(err, jwt.ErrKey) {
		t.Errorf("MarshalPrivate of a public key: %v, want ErrKey", err)
	}
}

func TestPublicSet(t *testing.T) {
	ec, ed, hs := keyFor(t, jwt.ES256), keyFor(t, jwt.EdDSA), keyFor(t, jwt.HS256)
	data, err := jwt.PublicSet(ec, hs, ed.Public())
	if err != nil {
		t.Fatal(err)
	}
	var jwks struct{ Keys []map[string]any }
	if err := json.Unmarshal(data, &jwks); err != nil {
		t.Fatal(err)
	}
	members := [][]string{
		{"alg", "crv", "kid", "kty", "use", "x", "y"},
		{"alg", "crv", "kid", "kty", "use", "x"},
	}
	if len(jwks.Keys) != len(members) {
		t.Fatalf("%d keys in %s, want %d", len(jwks.Keys), data, len(members))
	}
	for i, want := range members {
		if got := slices.Sorted(maps.Keys(jwks.Keys[i])); !slices.Equal(got, want) {
			t.Errorf("members of key %d are %q, want %q", i, got, want)
		}
	}
	keys, err := jwt.ParseKeySet(data)
	if err != nil || len(keys) != 2 || keys[0].String() != ec.String() || keys[1].String() != ed.String() {
		t.Errorf("ParseKeySet = %v, %v", keys, err)
	}
	for name, bad := range map[string][]*jwt.Key{"nil": {nil}, "kid twice": {ec, ed.WithID(ec.ID())}} {
		if _, err := jwt.PublicSet(bad...); !errors.Is(err, jwt.ErrKey) {
			t.Errorf("PublicSet of %s: %v, want ErrKey", name, err)
		}
	}
	for _, none := range [][]*jwt.Key{nil, {hs}} {
		if got, err := jwt.PublicSet(none...); err != nil || string(got) != `{"keys":[]}` {
			t.Errorf("PublicSet(%v) = %s, %v", none, got, err)
		}
	}
}
