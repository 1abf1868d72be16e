package jwt_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/watchword-auth/watchword/jwt"
)

func jwks(keys ...[]byte) []byte {
	texts := make([]string, len(keys))
	for i, k := range keys {
		texts[i] = string(k)
	}
	return []byte(`{"keys":[` + strings.Join(texts, ",") + `]}`)
}

func TestParseKeySet(t *testing.T) {
	a := with(t, jwkEC, set{"kid": "a"})
	b := with(t, jwkOKP, set{"kid": "b", "d": nil})
	h1, h2 := with(t, jwkOct, set{"kid": "a"}), with(t, jwkOct, set{"kid": "b", "alg": "HS512"})
	for _, tt := range []struct {
		name string
		data []byte
		want string
	}{
		{"none", jwks(), "[]"},
		{"public keys", jwks(a, b), `[jwt.Key(ES256 "a") jwt.Key(EdDSA "b")]`},
		{"secrets", jwks(h1, h2), `[jwt.Key(HS256 "a") jwt.Key(HS512 "b")]`},
		{"without ids", jwks([]byte(jwkEC), []byte(jwkOKP)), `[jwt.Key(ES256 "") jwt.Key(EdDSA "")]`},
		{"other members", []byte(`{"iat":1,"keys":[` + string(a) + `],"x":{}}`), `[jwt.Key(ES256 "a")]`},
		{"use enc is left out", jwks(a, with(t, jwkEC, set{"kid": "e", "use": "enc"})), `[jwt.Key(ES256 "a")]`},
		{"algorithm for encryption is left out", jwks(with(t, jwkRSA(t), set{"kid": "e", "alg": "RSA-OAEP"}), a), `[jwt.Key(ES256 "a")]`},
		{"unknown type is left out", jwks([]byte(`{"kty":"AKP","alg":"ML-DSA-44","kid":"p","pub":"AA"}`), a), `[jwt.Key(ES256 "a")]`},
		{"unknown curve is left out", jwks([]byte(`{"kty":"EC","crv":"secp256k1","kid":"k","x":"AA","y":"AA"}`), a), `[jwt.Key(ES256 "a")]`},
		{"key_ops of encryption is left out", jwks(with(t, jwkEC, set{"key_ops": []string{"deriveKey"}}), a), `[jwt.Key(ES256 "a")]`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			keys, err := jwt.ParseKeySet(tt.data)
			if err != nil || fmt.Sprint(keys) != tt.want {
				t.Errorf("ParseKeySet = %v, %v; want %s", keys, err, tt.want)
			}
		})
	}
}

func TestParseKeySetRefuses(t *testing.T) {
	a := with(t, jwkEC, set{"kid": "a"})
	secret := with(t, jwkOct, set{"kid": "s"})
	var many [][]byte
	for i := range 101 {
		many = append(many, with(t, jwkOct, set{"kid": fmt.Sprint(i)}))
	}
	for _, tt := range []struct {
		name string
		data []byte
	}{
		{"empty", nil},
		{"no object", []byte(`[]`)},
		{"no keys", []byte(`{}`)},
		{"keys null", []byte(`{"keys":null}`)},
		{"keys an object", []byte(`{"keys":{}}`)},
		{"keys twice", []byte(`{"keys":[],"keys":[]}`)},
		{"Keys", []byte(`{"Keys":[]}`)},
		{"a key no object", []byte(`{"keys":["a"]}`)},
		{"a key null", []byte(`{"keys":[null]}`)},
		{"data after", append(jwks(a), 'x')},
		{"kid twice", jwks(a, with(t, jwkOKP, set{"kid": "a"}))},
		{"kid twice, one for encryption", jwks(a, with(t, jwkEC, set{"kid": "a", "use": "enc"}))},
		{"secrets and public keys", jwks(a, secret)},
		{"public keys and secrets", jwks(secret, a)},
		{"a secret for encryption beside public keys", jwks(a, with(t, jwkOct, set{"use": "enc", "kid": "s"}))},
		{"a weak key", jwks(a, with(t, jwkRSA(t), set{"d": nil, "e": "Aw"}))},
		{"a short secret", jwks(with(t, jwkOct, set{"k": "AAAA"}))},
		{"a malformed key", jwks(a, with(t, jwkEC, set{"kid": "b", "x": "AA"}))},
		{"member twice in a key", []byte(`{"keys":[{"kty":"EC","kty":"EC"}]}`)},
		{"no type", []byte(`{"keys":[{"kid":"a"}]}`)},
		{"too many", jwks(many...)},
		{"too long", []byte(`{"keys":[],"x":"` + strings.Repeat("x", 512<<10) + `"}`)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if keys, err := jwt.ParseKeySet(tt.data); !errors.Is(err, jwt.ErrKey) || keys != nil {
				t.Errorf("ParseKeySet = %v, %v; want ErrKey", keys, err)
			}
		})
	}
	if keys, err := jwt.ParseKeySet(jwks(many[:100]...)); err != nil || len(keys) != 100 {
		t.Errorf("100 keys: %d, %v", len(keys), err)
	}
}

func TestKeySet(t *testing.T) {
	h := secret(t, "h")
	nameless := secret(t, "")
	es := keyFor(t, jwt.ES256)
	other, err := jwt.GenerateKey(jwt.ES256)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name   string
		keys   jwt.KeySet
		header jwt.Header
		want   []*jwt.Key
	}{
		{"by id", jwt.KeySet{h, es}, jwt.Header{Algorithm: jwt.ES256, KeyID: es.ID()}, []*jwt.Key{es}},
		{"by id, whatever the algorithm", jwt.KeySet{h, es}, jwt.Header{Algorithm: jwt.HS256, KeyID: es.ID()}, []*jwt.Key{es}},
		{"no such id", jwt.KeySet{h, es}, jwt.Header{Algorithm: jwt.ES256, KeyID: "x"}, nil},
		{"an id, but the key has none", jwt.KeySet{nameless}, jwt.Header{Algorithm: jwt.HS256, KeyID: "x"}, nil},
		{"no id: one of the algorithm", jwt.KeySet{h, es}, jwt.Header{Algorithm: jwt.ES256}, []*jwt.Key{es}},
		{"no id: all of the algorithm", jwt.KeySet{es, h, nil, other}, jwt.Header{Algorithm: jwt.ES256}, []*jwt.Key{es, other}},
		{"no id: none of the algorithm", jwt.KeySet{h}, jwt.Header{Algorithm: jwt.ES256}, nil},
		{"empty", nil, jwt.Header{Algorithm: jwt.ES256}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.keys.VerifyingKeys(context.Background(), tt.header)
			if (err == nil) != (tt.want != nil) || err != nil && !errors.Is(err, jwt.ErrUnknownKey) {
				t.Fatalf("VerifyingKeys: %v", err)
			}
			if fmt.Sprint(got) != fmt.Sprint(tt.want) {
				t.Errorf("VerifyingKeys = %v, want %v", got, tt.want)
			}
		})
	}
}

// TestNamelessToken: without a kid every key of the algorithm is tried, and only those.
func TestNamelessToken(t *testing.T) {
	first, second := keyFor(t, jwt.ES256), keyFor(t, jwt.ES384)
	third, err := jwt.GenerateKey(jwt.ES256)
	if err != nil {
		t.Fatal(err)
	}
	token, err := jwt.SignHeader(third, []byte(`{"alg":"ES256"}`), []byte("{}"))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := open(token, first, second, third); err != nil {
		t.Errorf("Open: %v", err)
	}
	if _, _, err := open(token, first, second); !errors.Is(err, jwt.ErrSignature) {
		t.Errorf("without its key: %v, want ErrSignature", err)
	}
	if _, _, err := open(token, second); !errors.Is(err, jwt.ErrUnknownKey) {
		t.Errorf("without any key of its algorithm: %v, want ErrUnknownKey", err)
	}
}
