package jwt_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/watchword-auth/watchword/jwt"
)

// TestHeaderRefuses signs each header correctly: what refuses it is the header itself.
func TestHeaderRefuses(t *testing.T) {
	for _, tt := range []struct {
		name, header string
		want         error
	}{
		{"none", `{"alg":"none"}`, jwt.ErrAlgorithm},
		{"None", `{"alg":"None"}`, jwt.ErrAlgorithm},
		{"lower case", `{"alg":"hs256"}`, jwt.ErrAlgorithm},
		{"unknown", `{"alg":"HS1"}`, jwt.ErrAlgorithm},
		{"space", `{"alg":"HS256 "}`, jwt.ErrAlgorithm},
		{"encryption", `{"alg":"dir"}`, jwt.ErrAlgorithm},
		{"no alg", `{"typ":"JWT"}`, jwt.ErrMalformed},
		{"empty alg", `{"alg":""}`, jwt.ErrMalformed},
		{"null alg", `{"alg":null}`, jwt.ErrMalformed},
		{"alg in an array", `{"alg":["HS256"]}`, jwt.ErrMalformed},
		{"alg twice", `{"alg":"HS256","alg":"HS256"}`, jwt.ErrMalformed},
		{"alg twice, once escaped", `{"alg":"HS256","\u0061lg":"none"}`, jwt.ErrMalformed},
		{"alg in the wrong case", `{"alg":"HS256","Alg":"none"}`, jwt.ErrMalformed},
		{"kid with a Kelvin sign", `{"alg":"HS256","` + "\u212a" + `id":"x"}`, jwt.ErrMalformed},
		{"crit", `{"alg":"HS256","crit":["exp"],"exp":1}`, jwt.ErrMalformed},
		{"empty crit", `{"alg":"HS256","crit":[]}`, jwt.ErrMalformed},
		{"null crit", `{"alg":"HS256","crit":null}`, jwt.ErrMalformed},
		{"crit in the wrong case", `{"alg":"HS256","CRIT":["exp"]}`, jwt.ErrMalformed},
		{"b64 false", `{"alg":"HS256","b64":false,"crit":["b64"]}`, jwt.ErrMalformed},
		{"b64 true", `{"alg":"HS256","b64":true}`, jwt.ErrMalformed},
		{"jku", `{"alg":"HS256","jku":"https://example.com/jwks"}`, jwt.ErrMalformed},
		{"x5u", `{"alg":"HS256","x5u":"https://example.com/cert"}`, jwt.ErrMalformed},
		{"x5c", `{"alg":"HS256","x5c":["MIIB"]}`, jwt.ErrMalformed},
		{"jwk (CVE-2018-0114)", `{"alg":"HS256","jwk":{"kty":"oct","k":"AA"}}`, jwt.ErrMalformed},
		{"enc", `{"alg":"HS256","enc":"A256GCM"}`, jwt.ErrMalformed},
		{"zip (CVE-2024-28180)", `{"alg":"HS256","zip":"DEF"}`, jwt.ErrMalformed},
		{"p2c (CVE-2023-49290)", `{"alg":"HS256","p2c":2147483647}`, jwt.ErrMalformed},
		{"kid a number", `{"alg":"HS256","kid":1}`, jwt.ErrMalformed},
		{"kid an object", `{"alg":"HS256","kid":{}}`, jwt.ErrMalformed},
		{"kid empty", `{"alg":"HS256","kid":""}`, jwt.ErrMalformed},
		{"kid null", `{"alg":"HS256","kid":null}`, jwt.ErrMalformed},
		{"kid too long", `{"alg":"HS256","kid":"` + strings.Repeat("x", 513) + `"}`, jwt.ErrMalformed},
		{"kid no UTF-8", `{"alg":"HS256","kid":"` + "\xff" + `"}`, jwt.ErrMalformed},
		{"kid a lone surrogate", `{"alg":"HS256","kid":"\ud800"}`, jwt.ErrMalformed},
		{"kid a path", `{"alg":"HS256","kid":"../../dev/null"}`, jwt.ErrUnknownKey},
		{"typ a number", `{"alg":"HS256","typ":1}`, jwt.ErrMalformed},
		{"typ null", `{"alg":"HS256","typ":null}`, jwt.ErrMalformed},
		{"array", `["HS256"]`, jwt.ErrMalformed},
		{"string", `"HS256"`, jwt.ErrMalformed},
		{"null", `null`, jwt.ErrMalformed},
		{"no JSON", `alg=HS256`, jwt.ErrMalformed},
		{"data after", `{"alg":"HS256"}{}`, jwt.ErrMalformed},
		{"NUL after", `{"alg":"HS256"}` + "\x00", jwt.ErrMalformed},
		{"byte order mark", "\ufeff" + `{"alg":"HS256"}`, jwt.ErrMalformed},
		{"trailing comma", `{"alg":"HS256",}`, jwt.ErrMalformed},
		{"comment", `{"alg":"HS256"/**/}`, jwt.ErrMalformed},
		{"too many members", `{"alg":"HS256"` + manyMembers(32) + `}`, jwt.ErrMalformed},
		{"nested too deep", `{"alg":"HS256","x":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`, jwt.ErrMalformed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			token := rawToken(b64(tt.header), b64(`{"sub":"a"}`))
			if _, payload, err := open(token, secret(t, "k1"), secret(t, "k2")); !errors.Is(err, tt.want) || payload != nil {
				t.Errorf("Open = %q, %v; want %v", payload, err, tt.want)
			}
			h, err := jwt.ParseHeader(token)
			if tt.want == jwt.ErrUnknownKey {
				return // the header itself is fine
			}
			if !errors.Is(err, tt.want) || h != (jwt.Header{}) {
				t.Errorf("ParseHeader = %+v, %v; want %v", h, err, tt.want)
			}
		})
	}
}

// manyMembers returns n members for the end of an object.
func manyMembers(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"m%d":%d`, i, i)
	}
	return b.String()
}

// TestHeaderAllows: members that are not understood are ignored (RFC 7515, section 4), and JSON may be written in many ways.
func TestHeaderAllows(t *testing.T) {
	for _, tt := range []struct {
		name, header string
		want         jwt.Header
	}{
		{"line breaks, as in RFC 7515", "{\"typ\":\"JWT\",\r\n \"alg\":\"HS256\"}", jwt.Header{Algorithm: jwt.HS256, Type: "JWT"}},
		{"x5t and unknown members", `{"alg":"HS256","x5t":"AA","x5t#S256":"AA","nonce":"1","y":[{"a":null}]}`, jwt.Header{Algorithm: jwt.HS256}},
		{"escapes", `{"alg":"\u0048S256","kid":"\u006b1"}`, jwt.Header{Algorithm: jwt.HS256, KeyID: "k1"}},
		{"32 members", `{"alg":"HS256"` + manyMembers(31) + `}`, jwt.Header{Algorithm: jwt.HS256}},
		{"empty type", `{"alg":"HS256","typ":""}`, jwt.Header{Algorithm: jwt.HS256}},
		{"type in any case", `{"alg":"HS256","typ":"Application/AT+JWT"}`, jwt.Header{Algorithm: jwt.HS256, Type: "Application/AT+JWT"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h, _, err := open(rawToken(b64(tt.header), b64("{}")), secret(t, "k1"))
			if err != nil || h != tt.want {
				t.Errorf("Open = %+v, %v; want %+v", h, err, tt.want)
			}
		})
	}
}
