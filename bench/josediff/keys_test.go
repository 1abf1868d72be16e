package josediff

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"maps"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/watchword-auth/watchword/jwt"
)

// The keys of RFC 7515, appendix A.3, and RFC 8037, appendix A, and a secret of 32 bytes.
const (
	jwkEC = `{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",` +
		`"y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0","d":"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"}`
	jwkOKP = `{"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",` +
		`"x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`
	jwkOct = `{"kty":"oct","k":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"}`
)

// newRSA returns a private RSA key of that many bits as a JWK.
func newRSA(t testing.TB, bits int) string {
	t.Helper()
	private, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(jose.JSONWebKey{Key: private})
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// with returns jwk with members set, or removed where the value is nil.
func with(t testing.TB, jwk string, changes map[string]any) string {
	t.Helper()
	var members map[string]any
	if err := json.Unmarshal([]byte(jwk), &members); err != nil {
		t.Fatal(err)
	}
	maps.Copy(members, changes)
	maps.DeleteFunc(members, func(_ string, v any) bool { return v == nil })
	data, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func readOurKey(jwk string) error {
	_, err := jwt.ParseJWK([]byte(jwk), "")
	return err
}

func readGoJoseKey(jwk string) error {
	var k jose.JSONWebKey
	if err := k.UnmarshalJSON([]byte(jwk)); err != nil {
		return err
	}
	if _, isSecret := k.Key.([]byte); !isSecret && !k.Valid() { // Valid is for public-key keys
		return jose.ErrUnsupportedKeyType
	}
	return nil
}

// keyFacts are what the most lenient reader sees in a JWK.
type keyFacts struct {
	text    string
	members map[string]json.RawMessage
}

func factsOf(jwk string) keyFacts {
	f := keyFacts{text: jwk}
	_ = json.Unmarshal([]byte(jwk), &f.members)
	return f
}

func (f keyFacts) get(name string) string {
	s, _ := text(f.members[name])
	return s
}

func (f keyFacts) bytes(name string) []byte { return lenient(f.get(name)) }

// numbers are the members in base64url.
func numbers() []string {
	return []string{"k", "x", "y", "d", "n", "e", "p", "q", "dp", "dq", "qi"}
}

// A keyClass is one way in which we and go-jose differ over a JWK.
type keyClass struct {
	name     string
	weAccept bool
	match    func(f keyFacts) bool
	examples func(t testing.TB) []string
}

func keyClasses() []keyClass {
	return append(keyFormClasses(), keyUseClasses()...)
}

func keyFormClasses() []keyClass {
	return []keyClass{
		{"JWK: two readings of JSON", false, func(f keyFacts) bool { return twoReadings([]byte(f.text)) }, func(testing.TB) []string {
			// go-jose refuses names that occur twice, too.
			return []string{strings.Replace(jwkEC, "{", "{\"kid\":\"\xff\",", 1), strings.Replace(jwkEC, "{", `{"kid":"\ud800",`, 1)}
		}},
		{"JWK: name in the wrong case", false, func(f keyFacts) bool {
			return folded(f.members, append(numbers(), "kty", "use", "alg", "kid", "crv", "key_ops")...)
		}, func(t testing.TB) []string {
			return []string{with(t, jwkEC, map[string]any{"Use": "enc"}), with(t, jwkEC, map[string]any{"KEY_OPS": []string{"encrypt"}})}
		}},
		{"JWK: base64url with line breaks or unused bits", false, func(f keyFacts) bool {
			return slices.ContainsFunc(numbers(), func(name string) bool {
				_, err := base64.RawURLEncoding.Strict().DecodeString(f.get(name))
				return err != nil || strings.ContainsAny(f.get(name), "\r\n")
			})
		}, func(t testing.TB) []string {
			return []string{
				with(t, jwkOct, map[string]any{"k": strings.Repeat("A", 43) + "\n"}),
				with(t, jwkOct, map[string]any{"k": strings.Repeat("A", 42) + "B"}),
			}
		}},
		{"JWK: number with leading zeros", false, func(f keyFacts) bool {
			return f.get("kty") == "RSA" && slices.ContainsFunc(numbers(), func(name string) bool {
				b := f.bytes(name)
				return len(b) > 0 && b[0] == 0
			})
		}, func(t testing.TB) []string {
			return []string{with(t, newRSA(t, 2048), map[string]any{"d": nil, "e": "AAEAAQ"})}
		}},
		{"JWK: member of another type, or empty", false, func(f keyFacts) bool {
			for _, name := range append(numbers(), "kty", "use", "alg", "kid", "crv") {
				if raw, there := f.members[name]; there && (!quoted(raw) || f.get(name) == "") {
					return true
				}
			}
			return len(f.get("kid")) > 512 || has(f.members, "oth")
		}, func(t testing.TB) []string {
			return []string{with(t, jwkEC, map[string]any{"kid": ""}), with(t, jwkEC, map[string]any{"use": json.RawMessage("null")})}
		}},
		{"JWK: private half that is not whole", false, func(f keyFacts) bool {
			public := maps.Clone(f.members)
			for _, name := range []string{"d", "p", "q", "dp", "dq", "qi"} {
				delete(public, name)
			}
			data, err := json.Marshal(public)
			return err == nil && len(public) < len(f.members) && readOurKey(string(data)) == nil
		}, func(t testing.TB) []string {
			rsaKey := newRSA(t, 2048)
			return []string{
				with(t, rsaKey, map[string]any{"dp": nil, "dq": nil, "qi": nil}),
				with(t, rsaKey, map[string]any{"qi": nil}),
			}
		}},
		{"JWK: too large", false, func(f keyFacts) bool {
			return len(f.text) > 64<<10 || depth([]byte(f.text)) > 32
		}, func(t testing.TB) []string {
			return []string{with(t, jwkEC, map[string]any{"comment": strings.Repeat("x", 64<<10)})}
		}},
		{"JWK: certificates are not read", true, func(f keyFacts) bool {
			return has(f.members, "x5c", "x5u", "x5t", "x5t#S256")
		}, func(t testing.TB) []string {
			return []string{with(t, jwkEC, map[string]any{"x5c": []string{"AAAA"}}), with(t, jwkEC, map[string]any{"x5t": "AA"})}
		}},
	}
}

func keyUseClasses() []keyClass {
	return []keyClass{
		{"JWK: use, key_ops or alg is not for signing", false, func(f keyFacts) bool {
			var ops []string
			_ = json.Unmarshal(f.members["key_ops"], &ops)
			unfit := has(f.members, "key_ops") && len(ops) == 0
			for i, op := range ops {
				unfit = unfit || op != "sign" && op != "verify" || slices.Contains(ops[:i], op)
			}
			onlySign := len(ops) == 1 && ops[0] == "sign" && !has(f.members, "d", "k")
			return unfit || onlySign || has(f.members, "use") && f.get("use") != "sig" ||
				has(f.members, "alg") && !jwt.Algorithm(f.get("alg")).Valid()
		}, func(t testing.TB) []string {
			return []string{
				with(t, jwkEC, map[string]any{"use": "enc"}),
				with(t, jwkEC, map[string]any{"key_ops": []string{"deriveKey"}}),
				with(t, jwkOct, map[string]any{"alg": "A256GCM"}),
				with(t, jwkOct, map[string]any{"alg": "none"}),
			}
		}},
		{"JWK: alg of another kind of key", false, func(f keyFacts) bool {
			kinds := map[string]string{"HS": "oct", "RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}
			curves := map[string]string{"ES256": "P-256", "ES384": "P-384", "ES512": "P-521", "EdDSA": "Ed25519"}
			alg := f.get("alg")
			return len(alg) > 2 && (kinds[alg[:2]] != f.get("kty") || curves[alg] != "" && curves[alg] != f.get("crv"))
		}, func(t testing.TB) []string {
			return []string{
				with(t, jwkEC, map[string]any{"alg": "HS256"}),
				with(t, jwkEC, map[string]any{"alg": "ES384"}),
				with(t, jwkOct, map[string]any{"alg": "RS256"}),
			}
		}},
		{"JWK: weak RSA key", false, func(f keyFacts) bool {
			n, e := new(big.Int).SetBytes(f.bytes("n")), new(big.Int).SetBytes(f.bytes("e"))
			return f.get("kty") == "RSA" && (n.BitLen() < 2048 || n.BitLen() > 8192 || n.Bit(0) == 0 ||
				e.Cmp(big.NewInt(65537)) < 0 || e.BitLen() > 31 || e.Bit(0) == 0)
		}, func(t testing.TB) []string {
			rsaKey := newRSA(t, 2048)
			return []string{
				with(t, newRSA(t, 1024), map[string]any{"d": nil}),
				with(t, rsaKey, map[string]any{"d": nil, "e": "Aw"}),
			}
		}},
		{"JWK: short secret", false, func(f keyFacts) bool {
			sizes := map[string]int{"HS384": 48, "HS512": 64}
			return f.get("kty") == "oct" && len(f.bytes("k")) < max(32, sizes[f.get("alg")])
		}, func(t testing.TB) []string {
			return []string{
				with(t, jwkOct, map[string]any{"k": "c2VjcmV0"}),
				with(t, jwkOct, map[string]any{"alg": "HS512"}),
			}
		}},
	}
}

func unexplainedKey(jwk string) string {
	us, them := readOurKey(jwk), readGoJoseKey(jwk)
	if (us == nil) == (them == nil) {
		return ""
	}
	f := factsOf(jwk)
	for _, c := range keyClasses() {
		if c.weAccept == (us == nil) && c.match(f) {
			return ""
		}
	}
	return "watchword " + errorText(us) + ", go-jose " + errorText(them) + ": " + jwk
}

func errorText(err error) string {
	if err == nil {
		return "accepts"
	}
	return "refuses (" + err.Error() + ")"
}

func TestKeyClasses(t *testing.T) {
	for _, c := range keyClasses() {
		t.Run(c.name, func(t *testing.T) {
			for _, jwk := range c.examples(t) {
				us, them := readOurKey(jwk), readGoJoseKey(jwk)
				if (us == nil) != c.weAccept || (them == nil) == c.weAccept {
					t.Errorf("%.200s: watchword %s, go-jose %s", jwk, errorText(us), errorText(them))
				}
				if !c.match(factsOf(jwk)) {
					t.Errorf("%.200s is not in its class", jwk)
				}
			}
		})
	}
}

func FuzzJWK(f *testing.F) {
	for _, c := range keyClasses() {
		for _, jwk := range c.examples(f) {
			f.Add(jwk)
		}
	}
	for _, jwk := range []string{jwkEC, jwkOKP, jwkOct, newRSA(f, 2048)} {
		f.Add(jwk)
	}
	f.Fuzz(func(t *testing.T, jwk string) {
		if u := unexplainedKey(jwk); u != "" {
			t.Error(u)
		}
	})
}
