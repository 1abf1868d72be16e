package httpauth_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/httpauth"
	"github.com/watchword-auth/watchword/jwt"
)

// hostile is a token that must be refused.
type hostile struct {
	name, token string
	// nobody is a good token about nobody: only routes that look the user up
	// can tell.
	nobody bool
}

func b64(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

// forge signs any header over any payload by the algorithm's own rules,
// where the key is a secret; for others the signature of a good token serves.
func forge(secret []byte, header, payload string) string {
	input := b64(header) + "." + b64(payload)
	m := hmac.New(sha256.New, secret)
	m.Write([]byte(input))
	return input + "." + base64.RawURLEncoding.EncodeToString(m.Sum(nil))
}

// corpus makes hostile tokens from a good one. sign signs a payload with the
// authority's own key and a header type.
func corpus(t *testing.T, good string, published []byte, sign func(typ, payload string) string) []hostile {
	t.Helper()
	var all []hostile
	add := func(name, token string) { all = append(all, hostile{name: name, token: token}) }
	parts := strings.Split(good, ".")
	head, body, sig := parts[0], parts[1], parts[2]
	plainHead, _ := base64.RawURLEncoding.DecodeString(head)
	plainBody, _ := base64.RawURLEncoding.DecodeString(body)
	header, payload := string(plainHead), string(plainBody)

	for _, none := range []string{"none", "None", "NONE", "nOnE", "", " none", "none\u0000", "HS256\u0000"} {
		h := fmt.Sprintf(`{"alg":%q,"typ":"at+jwt"}`, none)
		add("alg "+none, b64(h)+"."+body+".")
		add("alg "+none+", a signature", b64(h)+"."+body+"."+sig)
		add("alg "+none+", two parts", b64(h)+"."+body)
	}
	for _, alg := range []string{"HS256", "HS384", "HS512", "RS256", "PS256", "ES256", "ES384", "ES512", "EdDSA", "Ed25519", "ES256K", "dir", "RSA-OAEP", "hs256"} {
		h := strings.Replace(header, header[strings.Index(header, `"alg":"`)+7:strings.Index(header, `"alg":"`)+7+strings.IndexByte(header[strings.Index(header, `"alg":"`)+7:], '"')], alg, 1)
		if h != header {
			add("algorithm "+alg, b64(h)+"."+body+"."+sig)
		}
	}
	kid := ""
	if i := strings.Index(header, `"kid":"`); i >= 0 {
		kid, _, _ = strings.Cut(header[i+7:], `"`)
	}
	// Key confusion: what is public as a secret.
	for name, secret := range map[string][]byte{
		"the key set": published, "the issuer": []byte(issuer), "nothing": nil, "a zero": {0}, "the kid": []byte(kid), "secret": []byte("secret"),
		"your-256-bit-secret": []byte("your-256-bit-secret"),
	} {
		for _, k := range []string{`,"kid":"` + kid + `"`, ""} {
			add("HS256 under "+name+" "+k, forge(secret, `{"alg":"HS256","typ":"at+jwt"`+k+`}`, payload))
		}
	}
	for _, k := range []string{
		"", "x", "../../../dev/null", "/dev/null", "' UNION SELECT 'x", "1 OR 1=1", `\u0000`, "http://127.0.0.1:9/keys", "$(id)", "|id",
		strings.Repeat("k", 9000), kid + " ", " " + kid, strings.ToUpper(kid), kid + `\u0000`,
	} {
		h := fmt.Sprintf(`{"alg":"HS256","typ":"at+jwt","kid":"%s"}`, k)
		add("kid "+k, b64(h)+"."+body+"."+sig)
		add("kid "+k+", forged", forge(nil, h, payload))
	}
	for _, extra := range []string{
		`"crit":["exp"]`, `"crit":[]`, `"crit":["b64"],"b64":false`, `"b64":false`, `"jku":"http://127.0.0.1:9/jwks"`, `"x5u":"http://127.0.0.1:9/x"`,
		`"jwk":{"kty":"oct","k":"AA"}`, `"x5c":["AA"]`, `"zip":"DEF"`, `"enc":"A256GCM"`, `"alg":"none"`, `"typ":"at+jwt"`, `"kid":1`, `"alg":["ES256"]`,
	} {
		add("header with "+extra, b64(strings.TrimSuffix(header, "}")+","+extra+"}")+"."+body+"."+sig)
	}
	for _, h := range []string{"", "{}", "[]", "null", "1", `"x"`, "{", "\x00", "\xff", `{"alg":null}`, `{"alg":1}`, `{"ALG":"ES256"}`, " " + header, header + " ", header + "{}"} {
		add("header "+strconv.Quote(h), b64(h)+"."+body+"."+sig)
	}
	for i, token := range []string{
		"", ".", "..", "...", "a", "a.b", "a.b.c", "a.b.c.d", "a.b.c.d.e", good + ".", "." + good, good + "." + sig, head + ".." + sig, head + "." + body + ".",
		"." + body + "." + sig, head + "." + body, head + "." + body + "." + sig + sig, head + "." + body + "." + sig[1:], head + "." + body + "." + sig[:len(sig)-1],
		head + "." + body + "." + sig + "=", head + "=." + body + "." + sig, head + "." + body + "=." + sig, strings.ReplaceAll(good, ".", " . "), good + "\n", good + "%00",
		good + " ", " " + good, "\t" + good, good + "\x00", strings.ToUpper(good), strings.ToLower(good), url.QueryEscape(good) + "%", "Bearer " + good, good + good, good + "," + good,
		`{"protected":"` + head + `","payload":"` + body + `","signature":"` + sig + `"}`, strings.Repeat("a", 16<<10+1), strings.Repeat(".", 60_000), strings.Repeat("a.", 20_000),
		strings.Repeat("A", 20_000) + "." + strings.Repeat("A", 20_000) + "." + strings.Repeat("A", 20_000), "null", "undefined", "[object Object]", "true", "0", "é", "\u202e" + good,
	} {
		add("shape "+strconv.Itoa(i), token)
	}
	for i := range 64 { // a changed character in every region
		at := i * len(good) / 64
		c := byte('A')
		if good[at] == 'A' {
			c = 'B'
		}
		if good[at] == '.' {
			c = '_'
		}
		add("changed at "+strconv.Itoa(at), good[:at]+string(c)+good[at+1:])
	}
	// The last character's unused bits: the same bytes, another text.
	for _, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_" {
		if twin := good[:len(good)-1] + string(c); twin != good {
			add("last character "+string(c), twin)
		}
	}
	add("standard alphabet", strings.NewReplacer("-", "+", "_", "/").Replace(good)+"=")

	// From here on the signature is good.
	for _, typ := range []string{"", "JWT", "jwt", "rt+jwt", "at+jwt ", "application/at", "id+jwt", "logout+jwt", "secevent+jwt", "statuslist+jwt", "application/application/at+jwt", "x/at+jwt"} {
		add("typ "+typ, sign(typ, payload))
	}
	member := func(name, value string) string {
		before, rest, _ := strings.Cut(payload, `"`+name+`":`)
		var after string
		switch rest[0] {
		case '"':
			_, after, _ = strings.Cut(rest[1:], `"`)
		default:
			after = strings.TrimLeft(rest, "0123456789")
		}
		if value == "" {
			return strings.Replace(before, ",}", "}", 1) + strings.TrimPrefix(after, ",")
		}
		return before + `"` + name + `":` + value + after
	}
	for name, values := range map[string][]string{
		"iss": {"", `""`, `null`, `1`, `["` + issuer + `"]`, `"` + issuer + `/"`, `"https://AUTH.example"`, `"auth.example"`, `"h"`, `"https://evil.example"`, `{}`, `true`},
		"aud": {"", `""`, `null`, `1`, `[]`, `[""]`, `[1]`, `{}`, `"https://api.example/"`, `["https://other.example"]`, `"*"`, `["https://api.exampl"]`, `[["` + audience + `"]]`},
		"sub": {"", `""`, `null`, `1`, `["1"]`, `{}`, `true`, `{"a":"1"}`},
		"exp": {"", `0`, `1`, `-1`, `null`, `"9999999999"`, `9999999999.5e`, `1e400`, `[9999999999]`, `{}`, `true`, `99999999999999999999`, `253402300801`, `1777896000`},
		"iat": {"", `null`, `"1777896000"`, `9999999999`, `-1e400`, `[]`, `{}`, `false`},
	} {
		for _, v := range values {
			add(name+" "+v, sign("at+jwt", member(name, v)))
		}
	}
	for _, sub := range []string{"2", "0", "-1", "01", "+1", "1 ", "1\\u0000", "ann", "99999999999999999999", "0x1", "' OR 1=1 --"} {
		p := fmt.Sprintf(`{"iss":%q,"sub":"%s","aud":%q,"exp":1777896300,"iat":1777896000}`, issuer, sub, audience)
		all = append(all, hostile{"sub " + sub, sign("at+jwt", p), true})
	}
	for _, extra := range []string{
		`"nbf":9999999999`, `"nbf":"0"`, `"nbf":null`, `"iss":"` + issuer + `"`, `"exp":9999999999`, `"aud":"` + audience + `"`, `"sub":"1"`,
		`"x":{"a":1,"a":2}`, `"x":"` + "\xff" + `"`, `"x":"\ud800"`, `"sco` + "\\u0070" + `e":"admin"`, `"scope":["admin"]`, `"permissions":{"a":1}`,
	} {
		add("payload with "+extra, sign("at+jwt", strings.TrimSuffix(payload, "}")+","+extra+"}"))
	}
	for _, p := range []string{"", "{}", "[]", "null", "1", `"x"`, "{", "[" + payload + "]", payload + payload, payload + "x", "\ufeff" + payload, strings.Repeat("[", 9000), "\xff\xfe"} {
		add("payload "+strconv.Quote(p[:min(len(p), 20)]), sign("at+jwt", p))
	}
	return all
}

func TestHostileTokens(t *testing.T) {
	for _, algorithm := range []jwt.Algorithm{jwt.ES256, jwt.RS256, jwt.EdDSA, jwt.HS256} {
		t.Run(string(algorithm), func(t *testing.T) {
			t.Parallel()
			k, err := jwt.GenerateKey(algorithm)
			if err != nil {
				t.Fatal(err)
			}
			b := newBench(t, func(c *watchword.Config) { c.Keys = keyring(t, k) })
			access, refresh := b.signIn()
			published, err := b.auth.JWKS()
			if err != nil {
				t.Fatal(err)
			}
			sign := func(typ, payload string) string {
				token, err := jwt.Sign(k, typ, []byte(payload))
				if err != nil {
					t.Fatal(err)
				}
				return token
			}
			all := corpus(t, access, published, sign)
			all = append(all, hostile{name: "an access token", token: access})
			for _, h := range all {
				if h.token != access {
					attackRoute(t, b, h)
				}
				attackTokenEndpoints(t, b, h)
			}
			attackRoute(t, b, hostile{name: "a refresh token", token: refresh})
			// After all this the good ones still are.
			b.do(call{method: "GET", path: "/auth/v1/me", header: bearer(access)}).is(t, 200, "", "")
			b.do(jsonCall("POST", "/auth/v1/refresh", `{"refresh_token":"`+refresh+`"}`)).is(t, 200, "", "")
			t.Logf("%d hostile tokens", len(all))
		})
	}
}

func attackRoute(t *testing.T, b *bench, h hostile) {
	t.Helper()
	if strings.ContainsAny(h.token, "\n\x00") || strings.HasPrefix(h.token, " ") {
		return // no header can carry it, or it stands for another number of spaces
	}
	a := b.do(call{method: "GET", path: "/auth/v1/me", header: bearer(h.token)})
	if a.status != 401 || !strings.HasPrefix(a.header.Get("WWW-Authenticate"), `Bearer error="invalid_token"`) {
		t.Errorf("GET /me with %s = %d %s, WWW-Authenticate %q, want 401", h.name, a.status, a.body, a.header.Get("WWW-Authenticate"))
	}
	if h.nobody {
		return
	}
	v := b.do(jsonCall("POST", "/auth/v1/verify", `{"token":`+quote(h.token)+`}`))
	if v.status != 401 && !unreadable(h.token, v) {
		t.Errorf("POST /verify with %s = %d %s, want 401", h.name, v.status, v.body)
	}
}

func attackTokenEndpoints(t *testing.T, b *bench, h hostile) {
	t.Helper()
	for name, c := range map[string]call{
		"POST /refresh": jsonCall("POST", "/auth/v1/refresh", `{"refresh_token":`+quote(h.token)+`}`),
		"POST /token":   formCall("/auth/v1/token", "grant_type=refresh_token&refresh_token="+url.QueryEscape(h.token)),
	} {
		a := b.do(c)
		if a.status == 400 && a.text(t, "error") == "invalid_grant" || unreadable(h.token, a) {
			continue
		}
		t.Errorf("%s with %s = %d %s, want 400 invalid_grant", name, h.name, a.status, a.body)
	}
	if a := b.do(formCall("/auth/v1/token", "grant_type=password&username=ann&password="+url.QueryEscape(h.token))); a.status/100 != 4 {
		t.Errorf("POST /token with %s as the password = %d %s", h.name, a.status, a.body)
	}
}

// The same in cookies: nothing is let in, nothing is set, and no token that is
// planted beside the good one takes its place.
func TestHostileTokensInCookies(t *testing.T) {
	k, err := jwt.GenerateKey(jwt.ES256)
	if err != nil {
		t.Fatal(err)
	}
	b := newBench(t, func(c *watchword.Config) { c.Keys = keyring(t, k) })
	p := httpauth.Native("/auth/v1", httpauth.Beside{Transport: httpauth.TwoCookies{}, Also: []httpauth.Transport{httpauth.Bearer{}}})
	h, err := httpauth.Handler(b.auth, p)
	if err != nil {
		t.Fatal(err)
	}
	const accessName, refreshName = "__Host-ww_access", "__Secure-ww_refresh"
	jar := cookieJar{}
	jar.take(jar.send(h, "POST", "/auth/v1/token", annLogin))
	access, refresh := jar[accessName].Value, jar[refreshName].Value
	published, err := b.auth.JWKS()
	if err != nil {
		t.Fatal(err)
	}
	all := corpus(t, access, published, func(typ, payload string) string {
		token, err := jwt.Sign(k, typ, []byte(payload))
		if err != nil {
			t.Fatal(err)
		}
		return token
	})
	all = append(all, hostile{name: "a refresh token", token: refresh}, hostile{name: "the claims' cookie", token: jar["__Host-ww_payload"].Value})
	attack := func(name, method, path, cookie string, want ...int) {
		t.Helper()
		got := (cookieJar{}).send(h, method, path, "", "Cookie", cookie)
		if !slices.Contains(want, got.StatusCode) || len(got.Cookies()) != 0 {
			t.Errorf("%s %s with %s = %d, %d cookies, want %d", method, path, name, got.StatusCode, len(got.Cookies()), want)
		}
	}
	for _, one := range all {
		if strings.ContainsAny(one.token, "\n\x00") || strings.TrimSpace(one.token) == access {
			continue // no header can carry it, or the same token
		}
		attack(one.name, "GET", "/auth/v1/me", accessName+"="+one.token, 401)
		attack(one.name+", quoted", "GET", "/auth/v1/me", accessName+`="`+one.token+`"`, 401)
		want := []int{401}
		if one.nobody {
			want = append(want, 404) // the guard does not look users up, and nobody has no such session
		}
		attack(one.name, "DELETE", "/auth/v1/sessions/x", accessName+"="+one.token, want...)
		if one.token != refresh {
			attack(one.name, "POST", "/auth/v1/refresh", refreshName+"="+one.token, 400)
		}
	}
	attack("an access token", "POST", "/auth/v1/refresh", refreshName+"="+access, 400)
	attack("a token under the name of http", "GET", "/auth/v1/me", "ww_access="+access, 401)
	attack("a token under the prefix in lower case", "GET", "/auth/v1/me", "__host-ww_access="+access, 401)
	attack("a token in the claims' cookie", "GET", "/auth/v1/me", "__Host-ww_payload="+access, 401)
	attack("a name in a value", "GET", "/auth/v1/me", "x="+accessName+"="+access, 401)
	attack("a planted one before", "GET", "/auth/v1/me", accessName+"=x; "+accessName+"="+access, 401)
	attack("a planted one after", "POST", "/auth/v1/refresh", refreshName+"="+refresh+"; "+refreshName+"=x", 400)
	if got := jar.send(h, "GET", "/auth/v1/me", ""); got.StatusCode != 200 {
		t.Errorf("after all that GET me = %d", got.StatusCode)
	}
	if got := jar.send(h, "POST", "/auth/v1/refresh", "{}"); got.StatusCode != 200 || len(got.Cookies()) != 3 {
		t.Errorf("after all that refresh = %d", got.StatusCode)
	}
	t.Logf("%d hostile tokens", len(all))
}

// unreadable are tokens that are not even a parameter: empty, or with a NUL.
func unreadable(token string, a answer) bool {
	return (token == "" || strings.ContainsRune(token, 0)) && a.status == 400
}

// quote writes a JSON string, byte for byte where it can.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteString("\\" + string(r))
		case r < 0x20:
			fmt.Fprintf(&b, "\\u%04x", r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String() + `"`
}

// TestForeignTokensAreAccepted: another issuer with the same key writes
// neither sid nor status.
func TestForeignTokensAreAccepted(t *testing.T) {
	k, err := jwt.GenerateKey(jwt.ES256)
	if err != nil {
		t.Fatal(err)
	}
	b := newBench(t, func(c *watchword.Config) { c.Keys = keyring(t, k) })
	now := b.clock.Now().Unix()
	payload := fmt.Sprintf(`{"iss":%q,"sub":"1","aud":[%q,"x"],"exp":%d,"iat":%d,"jti":"j1"}`, issuer, audience, now+60, now)
	token, err := jwt.Sign(k, "at+jwt", []byte(payload))
	if err != nil {
		t.Fatal(err)
	}
	b.do(call{method: "GET", path: "/auth/v1/me", header: bearer(token)}).is(t, 200, "", "")
	b.do(call{method: "GET", path: "/auth/v1/sessions", header: bearer(token)}).is(t, 200, "", "")
	b.do(jsonCall("POST", "/auth/v1/logout", "{}", bearer(token)...)).is(t, 200, "", "")
	b.do(call{method: "GET", path: "/auth/v1/me", header: bearer(token)}).is(t, 401, "invalid_token", "token_revoked")
}
