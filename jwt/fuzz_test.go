package jwt_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/watchword-auth/watchword/jwt"
)

// FuzzOpen feeds tokens to keys of every kind. What is accepted must have been signed by the secret that the fuzzer has:
// it can sign by no other.
func FuzzOpen(f *testing.F) {
	for _, v := range readVectors(f) {
		f.Add(v.Token)
	}
	k := secret(f, "k1")
	good := sign(f, k, "at+jwt", `{"sub":"a"}`)
	f.Add(good)
	f.Add(rawToken(b64(`{"alg":"HS256"}`), b64(`{}`)))
	f.Add(strings.Repeat(".", 100))
	keys := jwt.KeySet{k, keyFor(f, jwt.ES256), keyFor(f, jwt.EdDSA), keyFor(f, jwt.RS256), keyFor(f, jwt.ES512)}
	f.Fuzz(func(t *testing.T, token string) {
		h, payload, err := jwt.Open(context.Background(), token, keys)
		if err != nil {
			if payload != nil || h != (jwt.Header{}) {
				t.Fatalf("refused with %v, but returned %+v, %q", err, h, payload)
			}
			return
		}
		if len(token) > jwt.MaxTokenLength || strings.Count(token, ".") != 2 || h.Algorithm != jwt.HS256 {
			t.Fatalf("accepted %q with %+v", token, h)
		}
		parts := strings.Split(token, ".")
		if parts[1] != b64(string(payload)) || token != rawToken(parts[0], parts[1]) {
			t.Fatalf("accepted another spelling: %q", token)
		}
		if again, err := jwt.ParseHeader(token); err != nil || again != h {
			t.Fatalf("ParseHeader = %+v, %v; Open said %+v", again, err, h)
		}
	})
}

// FuzzHeader signs any header correctly. Accepted ones must be what another strict reader sees.
func FuzzHeader(f *testing.F) {
	for _, v := range readVectors(f) {
		segment, _, _ := strings.Cut(v.Token, ".")
		if header, err := base64URL(segment); err == nil {
			f.Add(header)
		}
	}
	for _, header := range []string{`{"alg":"HS256","crit":["b64"],"b64":false}`, `{"alg":"HS256","kid":"k1","typ":"at+jwt"}`, `{"\u0061lg":"none"}`} {
		f.Add([]byte(header))
	}
	keys := jwt.KeySet{secret(f, "k1")}
	f.Fuzz(func(t *testing.T, header []byte) {
		h, _, err := jwt.Open(context.Background(), rawToken(b64(string(header)), b64("{}")), keys)
		if err != nil {
			return
		}
		var members map[string]any
		if !jsontext.Value(header).IsValid() || json.Unmarshal(header, &members) != nil {
			t.Fatalf("accepted a header that is no strict JSON: %q", header)
		}
		if members["alg"] != "HS256" || h.Algorithm != jwt.HS256 {
			t.Fatalf("accepted %q as %+v", header, h)
		}
		kid, named := members["kid"]
		if named && kid != "k1" || h.KeyID != "" && h.KeyID != kid {
			t.Fatalf("accepted the kid of %q as %+v", header, h)
		}
		for _, name := range []string{"crit", "b64", "jku", "jwk", "x5u", "x5c", "enc", "zip"} {
			if _, there := members[name]; there {
				t.Fatalf("accepted %q in %q", name, header)
			}
		}
	})
}

// FuzzParseKey covers JWK and PEM. An accepted key must survive being written and read.
func FuzzParseKey(f *testing.F) {
	for _, v := range readVectors(f) {
		if len(v.JWK) > 0 {
			f.Add([]byte(v.JWK))
		}
	}
	for _, jwk := range []string{jwkEC, jwkOct, jwkOKP, jwkRSA(f)} {
		f.Add([]byte(jwk))
	}
	for _, text := range pemKeys(f) {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		k, err := jwt.ParseKey(data)
		if err != nil {
			if k != nil {
				t.Fatalf("refused with %v, but returned %v", err, k)
			}
			return
		}
		if !k.Algorithm().Valid() || !k.CanSign() && !k.CanVerify() {
			t.Fatalf("useless key %v", k)
		}
		if k.CanSign() || k.Algorithm().Symmetric() {
			sealed, err := k.MarshalPrivate()
			if err != nil {
				t.Fatalf("%v: %v", k, err)
			}
			back, err := jwt.ParseKey(sealed)
			if err != nil || back.String() != k.String() || back.Thumbprint() != k.Thumbprint() {
				t.Fatalf("%v came back as %v, %v", k, back, err)
			}
		}
		set, err := jwt.PublicSet(k)
		if err != nil {
			t.Fatalf("%v: %v", k, err)
		}
		keys, err := jwt.ParseKeySet(set)
		if err != nil || len(keys) == 0 != k.Algorithm().Symmetric() {
			t.Fatalf("%v published: %v, %v", k, keys, err)
		}
	})
}

// FuzzParseKeySet looks for sets that break the rules and are accepted.
func FuzzParseKeySet(f *testing.F) {
	for _, v := range readVectors(f) {
		if len(v.JWKS) > 0 {
			f.Add([]byte(v.JWKS))
		}
	}
	f.Add(jwks([]byte(jwkEC), []byte(jwkOKP)))
	f.Add(jwks(with(f, jwkEC, set{"use": "enc"}), []byte(jwkOKP)))
	f.Fuzz(func(t *testing.T, data []byte) {
		keys, err := jwt.ParseKeySet(data)
		if err != nil {
			return
		}
		ids := map[string]bool{}
		for _, k := range keys {
			if k.ID() != "" && ids[k.ID()] {
				t.Fatalf("kid %q twice in %q", k.ID(), data)
			}
			ids[k.ID()] = true
			if k.Algorithm().Symmetric() != keys[0].Algorithm().Symmetric() {
				t.Fatalf("secrets and public keys in %q", data)
			}
		}
	})
}

func FuzzParsePEM(f *testing.F) {
	for _, text := range pemKeys(f) {
		f.Add([]byte(text), "")
		f.Add([]byte(text), "PS256")
		f.Add([]byte(text), "HS256")
	}
	f.Fuzz(func(t *testing.T, data []byte, alg string) {
		k, err := jwt.ParsePEM(data, jwt.Algorithm(alg))
		if err != nil {
			return
		}
		if k.Algorithm().Symmetric() || alg != "" && k.Algorithm() != jwt.Algorithm(alg) || k.ID() != k.Thumbprint() {
			t.Fatalf("ParsePEM for %q = %v", alg, k)
		}
	})
}

// FuzzWalk compares with jsontext, which is strict in the same ways: each must accept what the other does.
func FuzzWalk(f *testing.F) {
	for _, v := range readVectors(f) {
		if parts := strings.Split(v.Token, "."); len(parts) == 3 {
			if payload, err := base64URL(parts[1]); err == nil {
				f.Add(payload)
			}
		}
		f.Add([]byte(v.JWK))
	}
	f.Add([]byte(benchPayload))
	f.Add([]byte(`{"a":"\ud83d\ude00\u00e9","b":[-0.0e+1,1E5],"\u0061":{}}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		names := []string{}
		err := jwt.Walk(payload, func(name string, v jwt.Value) error {
			names = append(names, name)
			if !jsontext.Value(v.Raw()).IsValid() || !utf8.ValidString(name) {
				t.Fatalf("member %q of %q is %q", name, payload, v.Raw())
			}
			_, _ = v.Text()
			_, _ = v.Texts()
			_, _ = v.Int()
			_, _ = v.Bool()
			if at, err := v.Time(); err == nil && (at.Unix() < 0 || at.Year() > 9999) {
				t.Fatalf("date %q is %v", v.Raw(), at)
			}
			return nil
		})
		want, wantErr := jsontextNames(payload)
		if (err == nil) != (wantErr == nil) {
			t.Fatalf("Walk(%q) = %v, jsontext says %v", payload, err, wantErr)
		}
		if err == nil && strings.Join(names, "\x00") != strings.Join(want, "\x00") {
			t.Fatalf("Walk(%q) found %q, jsontext %q", payload, names, want)
		}
	})
}

// jsontextNames reads the names of one object as jsontext sees them, with the same limit on nesting.
func jsontextNames(payload []byte) ([]string, error) {
	d := jsontext.NewDecoder(bytes.NewReader(payload))
	names := []string{}
	for {
		token, err := d.ReadToken()
		if err != nil {
			return nil, err
		}
		depth := d.StackDepth()
		if depth > 32 || depth == 0 && token.Kind() != '}' {
			return nil, errors.New("nested too deep, or no object")
		}
		if depth == 0 {
			if _, err := d.ReadToken(); err != io.EOF {
				return nil, errors.New("data after the object")
			}
			return names, nil
		}
		kind, length := d.StackIndex(depth)
		if depth == 1 && kind != '{' {
			return nil, errors.New("no object")
		}
		if depth == 1 && length%2 == 1 && token.Kind() == '"' {
			names = append(names, token.String())
		}
	}
}

func FuzzParseRegistered(f *testing.F) {
	f.Add([]byte(benchPayload))
	for _, payload := range []string{`{"exp":1.5}`, `{"EXP":1}`, `{"aud":[]}`, `{"iss":null}`, `{"nbf":18446744073709551616}`, `{"i\u017fs":1}`} {
		f.Add([]byte(payload))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		r, err := jwt.ParseRegistered(payload)
		if err != nil {
			return
		}
		// encoding/json ignores case and takes the last of two: where we accept, it must read the same.
		var other struct {
			Iss, Sub, Jti string
			Exp, Nbf, Iat *int64
			Aud           any
		}
		if err := json.Unmarshal(payload, &other); err != nil {
			t.Fatalf("accepted %q, encoding/json says %v", payload, err)
		}
		if r.Issuer != other.Iss || r.Subject != other.Sub || r.ID != other.Jti || (r.Audience == nil) != (other.Aud == nil) {
			t.Fatalf("%q: %+v, encoding/json sees %+v", payload, r, other)
		}
		for _, pair := range []struct {
			ours   time.Time
			theirs *int64
		}{{r.Expiry, other.Exp}, {r.NotBefore, other.Nbf}, {r.IssuedAt, other.Iat}} {
			if pair.ours.IsZero() != (pair.theirs == nil) || pair.theirs != nil && pair.ours.Unix() != *pair.theirs {
				t.Fatalf("%q: date %v, encoding/json sees %v", payload, pair.ours, pair.theirs)
			}
		}
	})
}
