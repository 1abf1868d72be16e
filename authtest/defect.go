package authtest

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/watchword-auth/watchword"
)

// Defect is one way in which a token can be bad. Nobody may accept it.
type Defect struct {
	// Name says what is wrong, such as "expired by 1 s".
	Name string
	// Why is what it would mean if it were accepted, with the RFC or a CVE
	// where somebody did.
	Why  string
	make func(i *Issuer) (string, error)
}

// Defects returns all that there are.
func Defects() []Defect {
	return slices.Concat(claimDefects(), keyDefects(), headerDefects(), signatureDefects(), formDefects())
}

// Defective returns a token with the defect of that name.
func (i *Issuer) Defective(name string) string {
	i.t.Helper()
	for _, d := range Defects() {
		if d.Name != name {
			continue
		}
		raw, err := d.make(i)
		if err != nil {
			i.t.Fatalf("authtest: make a token that is %q: %v", name, err)
		}
		return raw
	}
	i.t.Fatalf("authtest: there is no defect %q", name)
	return ""
}

// subject is whom bad tokens speak of.
const subject = "authtest"

func with(name, why string, options ...Option) Defect {
	return Defect{name, why, func(i *Issuer) (string, error) { return i.token(subject, options...) }}
}

// claimDefects are tokens with a good signature that say the wrong thing.
func claimDefects() []Defect {
	const (
		timeless = "a stolen token would work for ever (RFC 7519, section 4.1.4)"
		iss      = "any issuer whose key is trusted for something else could sign in anybody (RFC 8725, section 3.8)"
		refresh  = "what lives for weeks, to be shown to the issuer alone, calls the API"
		aud      = "a token made for another service opens this one (RFC 8725, section 3.9)"
	)
	return []Defect{
		with("expired by 1 s", timeless, At("exp", -time.Second)),
		with("expired long ago", timeless, At("iat", -48*time.Hour), At("exp", -47*time.Hour)),
		with("no exp", timeless, Claim("exp", nil)),
		with("exp a text", timeless, Claim("exp", "9999999999")),
		with("exp beyond all numbers", timeless, Claim("exp", json.Number("1e400"))),
		with("not valid before tomorrow", "it is used before it was meant to be (RFC 7519, section 4.1.5)", At("nbf", 24*time.Hour)),
		with("issued tomorrow", "a clock or a claim is wrong", At("iat", 24*time.Hour), At("exp", 25*time.Hour)),
		with("wrong issuer", iss, Claim("iss", "https://issuer.invalid")),
		with("no issuer", iss, Claim("iss", nil)),
		{"issuer that ours begins", iss + "; by prefix: PyJWT CVE-2024-53861", func(i *Issuer) (string, error) {
			return i.token(subject, Claim("iss", i.URL()+".invalid"))
		}},
		with("wrong audience", aud, Claim("aud", "https://elsewhere.invalid")),
		with("no audience", aud, Claim("aud", nil)),
		with("empty audience", aud+"; golang-jwt CVE-2020-26160", Claim("aud", []string{})),
		{"audience that ours begins", aud, func(i *Issuer) (string, error) {
			return i.token(subject, Claim("aud", i.Audience()+"-other"))
		}},
		with("no subject", "it speaks of nobody", Claim("sub", nil)),
		with("typ of a refresh token", "a token for one purpose serves another (RFC 8725, section 3.11)", Type(watchword.RefreshType)),
		with("typ of an ID token", "what is shown to every client opens the API (RFC 9068, section 5)", Type("JWT")),
		with("no typ", "what is shown to every client opens the API (RFC 9068, section 5)", Type("")),
		with("refresh token as others write it", refresh, Type("JWT"), Claim("token_type", "refresh"), Claim("typ", "Refresh")),
		{"refresh token", refresh, refreshToken},
	}
}

// refreshToken signs somebody in.
func refreshToken(i *Issuer) (string, error) {
	login := fmt.Sprintf("%s-%d", subject, time.Now().UnixNano()) //nolint:forbidigo // a name that is not taken
	i.AddUser(watchword.User{Login: login}, "correct horse battery")
	return i.SignIn(login, "correct horse battery").Refresh, nil
}

// keyDefects are tokens by keys that do not count.
func keyDefects() []Defect {
	const stranger = "anybody could sign in as anybody"
	foreign := func(change func(i *Issuer, header map[string]any, by signer)) func(i *Issuer) (string, error) {
		return func(i *Issuer) (string, error) {
			by, err := newSigner()
			if err != nil {
				return "", err
			}
			header := map[string]any{"alg": "ES256", "typ": watchword.AccessType, "kid": i.key().key.ID()}
			change(i, header, by)
			payload, err := i.payload()
			if err != nil {
				return "", err
			}
			return by.sign(header, payload)
		}
	}
	return []Defect{
		{"retired key", "a key that was taken out of use, perhaps because it leaked, still signs", func(i *Issuer) (string, error) {
			return i.token(subject, func(d *draft) { d.signer = &i.retired })
		}},
		{"foreign key under our kid", stranger, foreign(func(*Issuer, map[string]any, signer) {})},
		{"foreign key under its own kid", stranger, foreign(func(_ *Issuer, h map[string]any, by signer) { h["kid"] = by.key.ID() })},
		{"foreign key without kid", stranger, foreign(func(_ *Issuer, h map[string]any, _ signer) { delete(h, "kid") })},
		{"foreign key in the header", stranger + " (node-jose CVE-2018-0114)", foreign(func(_ *Issuer, h map[string]any, by signer) {
			h["jwk"] = publicJWK(by)
		})},
		{"jku to another address", stranger + ", and makes the server fetch (RFC 8725, section 3.10)", foreign(func(i *Issuer, h map[string]any, _ signer) { h["jku"] = i.trap() })},
		{"x5u to another address", stranger + ", and makes the server fetch (RFC 8725, section 3.10)", foreign(func(i *Issuer, h map[string]any, _ signer) { h["x5u"] = i.trap() })},
		{"kid a path", "the text of any file would be the key, and /dev/null has none", hmacSigned(strings.Repeat("../", 24)+"dev/null", nil)},
		{"kid an address", stranger, foreign(func(i *Issuer, h map[string]any, _ signer) { h["kid"] = i.trap() })},
		{"kid for a database", stranger, hmacSigned("' UNION SELECT 'AA==' -- ", []byte("AA=="))},
		{"kid a number", stranger, foreign(func(_ *Issuer, h map[string]any, _ signer) { h["kid"] = 1 })},
	}
}

func publicJWK(s signer) map[string]string {
	point, _ := s.private.PublicKey.Bytes() // of P-256: never fails
	return map[string]string{"kty": "EC", "crv": "P-256", "alg": "ES256", "x": encode(point[1:33]), "y": encode(point[33:])}
}

// payload is that of a good token.
func (i *Issuer) payload() ([]byte, error) {
	raw, err := i.token(subject)
	_, payload, _ := parts(raw)
	return decode(payload), err
}

// headerDefects are tokens whose header asks for a weaker check.
func headerDefects() []Defect {
	var list []Defect
	for _, alg := range []string{"none", "None", "NONE", "nOnE", ""} {
		list = append(list, Defect{fmt.Sprintf("alg %q", alg), "anybody could write any token (RFC 8725, section 2.1)", func(i *Issuer) (string, error) {
			payload, err := i.payload()
			header, _ := json.Marshal(map[string]string{"alg": alg, "typ": watchword.AccessType})
			return encode(header) + "." + encode(payload) + ".", err
		}})
	}
	confused := "the public key, which everybody has, would be a secret (RFC 8725, section 2.1; PyJWT CVE-2022-29217)"
	for name, secret := range map[string]func(signer) []byte{
		"PEM":                  func(s signer) []byte { return publicPEM(s) },
		"PEM without last end": func(s signer) []byte { return []byte(strings.TrimSpace(string(publicPEM(s)))) },
		"DER":                  publicDER,
		"JWK":                  func(s signer) []byte { b, _ := json.Marshal(publicJWK(s)); return b },
		"kid":                  func(s signer) []byte { return []byte(s.key.ID()) },
		"nothing":              func(signer) []byte { return nil },
	} {
		list = append(list, Defect{"HS256 with the public key as secret: " + name, confused, func(i *Issuer) (string, error) {
			return hmacSigned(i.key().key.ID(), secret(i.key()))(i)
		}})
	}
	slices.SortFunc(list, func(a, b Defect) int { return strings.Compare(a.Name, b.Name) })
	header := func(name, why string, change func(map[string]any)) Defect {
		return Defect{name, why, func(i *Issuer) (string, error) {
			payload, err := i.payload()
			if err != nil {
				return "", err
			}
			h := map[string]any{"alg": "ES256", "typ": watchword.AccessType, "kid": i.key().key.ID()}
			change(h)
			return i.key().sign(h, payload)
		}}
	}
	return append(list,
		header("alg of another curve", "key and algorithm would not be bound to each other (RFC 8725, section 3.1)", func(h map[string]any) { h["alg"] = "ES384" }),
		header("crit with an extension unknown", "what must be understood is not (RFC 7515, section 4.1.11)", func(h map[string]any) { h["crit"], h["extension"] = []string{"extension"}, 1 }),
		header("payload that is not encoded", "the signature covers another text (RFC 7797)", func(h map[string]any) { h["b64"], h["crit"] = false, []string{"b64"} }),
		header("alg in other letters", "the check of the algorithm can be talked round", func(h map[string]any) { h["alg"] = "es256" }),
	)
}

// hmacSigned makes tokens by HS256 with a secret.
func hmacSigned(kid string, secret []byte) func(i *Issuer) (string, error) {
	return func(i *Issuer) (string, error) {
		payload, err := i.payload()
		header, _ := json.Marshal(map[string]string{"alg": "HS256", "typ": watchword.AccessType, "kid": kid})
		signed := encode(header) + "." + encode(payload)
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte(signed))
		return signed + "." + encode(mac.Sum(nil)), err
	}
}

func publicDER(s signer) []byte {
	der, _ := x509.MarshalPKIXPublicKey(&s.private.PublicKey) // of P-256: never fails
	return der
}

func publicPEM(s signer) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: publicDER(s)})
}

// signatureDefects are good tokens with another signature.
func signatureDefects() []Defect {
	const forged = "anybody could write any token"
	swap := func(name, why string, change func(signature []byte) []byte) Defect {
		return Defect{name, why, func(i *Issuer) (string, error) {
			raw, err := i.token(subject)
			header, payload, signature := parts(raw)
			return header + "." + payload + "." + encode(change(decode(signature))), err
		}}
	}
	return []Defect{
		swap("no signature", forged, func([]byte) []byte { return nil }),
		swap("signature cut off", forged, func(s []byte) []byte { return s[:len(s)-1] }),
		swap("signature with a bit turned", forged, func(s []byte) []byte { s[0] ^= 1; return s }),
		swap("signature of zeros", forged+" (Java CVE-2022-21449)", func(s []byte) []byte { return make([]byte, len(s)) }),
		swap("signature as DER", "one token would have several spellings (RFC 7518, section 3.4)", func(s []byte) []byte {
			der, _ := asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(s[:32]), new(big.Int).SetBytes(s[32:])})
			return der
		}),
		{"payload changed", forged, func(i *Issuer) (string, error) {
			raw, err := i.token(subject)
			header, payload, signature := parts(raw)
			changed := strings.Replace(string(decode(payload)), `"`+subject+`"`, `"admin"`, 1)
			return header + "." + encode([]byte(changed)) + "." + signature, err
		}},
		{"signature of another token", forged, func(i *Issuer) (string, error) {
			one, err := i.token(subject)
			if err != nil {
				return "", err
			}
			other, err := i.token(subject + "-2")
			header, payload, _ := parts(one)
			_, _, signature := parts(other)
			return header + "." + payload + "." + signature, err
		}},
	}
}

// formDefects are what is no compact token at all.
func formDefects() []Defect {
	const strict = "one token would have several spellings, and a list of the revoked none (RFC 7515, section 7.1)"
	change := func(name, why string, change func(raw string) string) Defect {
		return Defect{name, why, func(i *Issuer) (string, error) {
			raw, err := i.token(subject)
			return change(raw), err
		}}
	}
	return []Defect{
		change("garbage", "nothing was checked", func(string) string { return "garbage" }),
		change("two parts", strict, func(raw string) string { return raw[:strings.LastIndex(raw, ".")] }),
		change("four parts", strict, func(raw string) string { return raw + ".e30" }),
		change("dots without end", "a header costs memory (golang-jwt CVE-2025-30204)", func(string) string { return strings.Repeat(".", 4000) }),
		change("padding", strict, func(raw string) string { return raw + "==" }),
		change("JSON", strict, func(raw string) string {
			header, payload, signature := parts(raw)
			b, _ := json.Marshal(map[string]string{"protected": header, "payload": payload, "signature": signature})
			return base64.StdEncoding.EncodeToString(b)
		}),
	}
}
