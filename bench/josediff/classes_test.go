package josediff

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
)

// A class is one way in which we and a peer differ.
type class struct {
	name     string
	peers    string // those that differ from us in this way
	weAccept bool   // and they refuse; otherwise the other way round
	match    func(f facts) bool
	examples []sample
}

const (
	both   = goJose + " " + golangJWT
	head   = `{"alg":"HS256"}`
	claims = `{"sub":"a"}`
)

// classes are the differences that are known, in the order of README.md.
func classes() []class {
	return append(tokenClasses(), claimClasses()...)
}

func tokenClasses() []class {
	return []class{
		{"line break in a segment", both, false, func(f facts) bool {
			return strings.ContainsAny(f.token(), "\r\n")
		}, []sample{
			{header: encode(head), payload: encode(claims)[:5] + "\n" + encode(claims)[5:]},
			{header: encode(head)[:5] + "\r\n" + encode(head)[5:], payload: encode(claims)},
			{header: encode(head), payload: encode(claims), suffix: "\n"},
		}},
		{"unused bits", both, false, func(f facts) bool {
			for _, segment := range strings.Split(f.token(), ".") {
				if _, err := base64.RawURLEncoding.Strict().DecodeString(segment); err != nil {
					return true
				}
			}
			return false
		}, []sample{
			{header: encode(head), payload: strings.TrimSuffix(encode(claims), "0") + "1"},
			{header: encode(head), payload: encode(claims), bits: 1},
		}},
		{"two readings of JSON", both, false, func(f facts) bool {
			return twoReadings(f.headerText) || twoReadings(f.payloadText)
		}, []sample{
			plain(`{"alg":"HS256","x":1,"x":2}`, claims),
			plain(head, `{"sub":"a","sub":"admin"}`),
			plain(head, `{"x":{"y":1,"\u0079":2}}`),
			plain(head, "{\"sub\":\"\xff\"}"),
			plain(head, `{"sub":"\ud800"}`),
		}},
		{"name in the wrong case", both, false, func(f facts) bool {
			return folded(f.head, "alg", "typ", "kid", "crit", "b64", "jku", "jwk", "x5u", "x5c") ||
				folded(f.claims, "iss", "sub", "aud", "exp", "nbf", "iat", "jti")
		}, []sample{
			plain(head, `{"EXP":1800000000}`),
			plain(head, `{"sub":"a","Sub":"admin"}`),
			plain(`{"alg":"HS256","CRIT":["x"]}`, claims),
		}},
		{"critical extension", both, false, func(f facts) bool { return has(f.head, "crit", "b64") }, []sample{
			plain(`{"alg":"HS256","crit":["b64"],"b64":true}`, claims),
		}},
		{"unknown critical extension", golangJWT, false, func(f facts) bool { return has(f.head, "crit") }, []sample{
			plain(`{"alg":"HS256","crit":["exp"],"exp":1}`, claims),
		}},
		{"the sender's key", both, false, func(f facts) bool {
			return has(f.head, "jku", "jwk", "x5u", "x5c")
		}, []sample{
			plain(`{"alg":"HS256","jku":"https://example.com/"}`, claims),
			plain(`{"alg":"HS256","x5u":"https://example.com/"}`, claims),
		}},
		{"member of encryption", both, false, func(f facts) bool {
			return has(f.head, "enc", "zip", "epk", "apu", "apv", "p2s", "p2c")
		}, []sample{
			plain(`{"alg":"HS256","zip":"DEF"}`, claims),
			plain(`{"alg":"HS256","enc":"A256GCM"}`, claims),
		}},
		{"kid or typ of another type", both, false, func(f facts) bool {
			kid, hasKid := text(f.head["kid"])
			_, hasTyp := text(f.head["typ"])
			return has(f.head, "kid") && (!hasKid || kid == "" || len(kid) > 512) || has(f.head, "typ") && !hasTyp
		}, []sample{
			plain(`{"alg":"HS256","kid":null}`, claims),
			plain(`{"alg":"HS256","kid":""}`, claims),
			plain(`{"alg":"HS256","typ":null}`, claims),
		}},
		{"too large", both, false, func(f facts) bool {
			return len(f.token()) > 16<<10 || len(f.header) > 4<<10 || len(f.head) > 32 ||
				depth(f.headerText) > 32 || depth(f.payloadText) > 32
		}, []sample{
			plain(head, `{"x":"`+strings.Repeat("x", 16<<10)+`"}`),
			plain(`{"alg":"HS256","x":"`+strings.Repeat("x", 4<<10)+`"}`, claims),
			plain(head, `{"x":`+strings.Repeat("[", 40)+strings.Repeat("]", 40)+`}`),
		}},
		{"header number beyond a float64", both, true, func(f facts) bool {
			var decoded map[string]any
			return json.Valid(f.headerText) && json.Unmarshal(f.headerText, &decoded) != nil
		}, []sample{
			plain(`{"alg":"HS256","x":1e999}`, claims),
		}},
		{"header member of another type", goJose, true, func(f facts) bool {
			_, isText := text(f.head["nonce"])
			return has(f.head, "nonce") && !isText
		}, []sample{
			plain(`{"alg":"HS256","nonce":1}`, claims),
		}},
	}
}

func claimClasses() []class {
	return []class{
		{"date that is no whole number of seconds", both, false, func(f facts) bool {
			for _, name := range []string{"exp", "nbf", "iat"} {
				if raw, there := f.claims[name]; there && !date(raw) {
					return true
				}
			}
			return false
		}, []sample{
			plain(head, `{"exp":1800000000.5}`),
			plain(head, `{"exp":1.8e9}`),
			plain(head, `{"exp":null}`),
			plain(head, `{"iat":-1}`),
			plain(head, `{"exp":999999999999}`),
		}},
		{"date as a string", golangJWT, false, func(f facts) bool {
			return len(f.claims) > 0 && (quoted(f.claims["exp"]) || quoted(f.claims["nbf"]) || quoted(f.claims["iat"]))
		}, []sample{
			plain(head, `{"exp":"1800000000"}`),
		}},
		{"date that overflows", golangJWT, false, func(f facts) bool {
			return !date(f.claims["nbf"]) || !date(f.claims["exp"]) || !date(f.claims["iat"])
		}, []sample{
			plain(head, `{"nbf":18446744073709551616}`),
		}},
		{"now is exp", goJose, false, func(f facts) bool {
			return string(f.claims["exp"]) == strconv.Itoa(now)
		}, []sample{
			plain(head, `{"exp":1700000000}`),
		}},
		{"issued in the future", golangJWT, false, func(f facts) bool {
			n, err := strconv.Atoi(string(f.claims["iat"]))
			return err == nil && n > now
		}, []sample{
			plain(head, `{"iat":1700000001}`),
		}},
		{"claim that is null", both, false, func(f facts) bool {
			for _, name := range []string{"iss", "sub", "aud", "jti"} {
				if string(f.claims[name]) == "null" {
					return true
				}
			}
			return bytes.Equal(bytes.TrimSpace(f.payloadText), []byte("null"))
		}, []sample{
			plain(head, `{"sub":null}`),
			plain(head, `{"aud":null}`),
		}},
	}
}

// twoReadings reports JSON that encoding/json reads and a strict reader refuses: names that occur twice, invalid UTF-8,
// surrogates without a partner.
func twoReadings(text []byte) bool {
	return json.Valid(text) && !jsontext.Value(text).IsValid()
}

func folded(members map[string]json.RawMessage, known ...string) bool {
	for name := range members {
		for _, k := range known {
			if name != k && strings.EqualFold(name, k) {
				return true
			}
		}
	}
	return false
}

func has(members map[string]json.RawMessage, names ...string) bool {
	for _, name := range names {
		if _, there := members[name]; there {
			return true
		}
	}
	return false
}

func text(raw json.RawMessage) (string, bool) {
	if !quoted(raw) {
		return "", false
	}
	var s string
	return s, json.Unmarshal(raw, &s) == nil
}

func quoted(raw json.RawMessage) bool { return len(raw) > 0 && raw[0] == '"' }

// date reports whether raw is absent or whole seconds up to the year 9999.
func date(raw json.RawMessage) bool {
	if raw == nil {
		return true
	}
	n, err := strconv.ParseInt(string(raw), 10, 64)
	return err == nil && n >= 0 && n <= 253402300799
}

// depth is how deep brackets nest, counting those in strings, too: for an explanation that is near enough.
func depth(text []byte) int {
	deepest, open := 0, 0
	for _, c := range text {
		switch c {
		case '{', '[':
			open++
			deepest = max(deepest, open)
		case '}', ']':
			open--
		}
	}
	return deepest
}

// TestClasses shows that each class is real: on every example we and the peers it names differ, in the direction it says.
func TestClasses(t *testing.T) {
	for _, c := range classes() {
		t.Run(c.name, func(t *testing.T) {
			differs := map[string]bool{}
			for _, s := range c.examples {
				if us := ours(t).read(s.token()); (us == nil) != c.weAccept {
					t.Errorf("%s.%s: watchword says %v", s.facts().headerText, s.facts().payloadText, us)
				}
				if !c.match(s.facts()) {
					t.Errorf("%s.%s is not in its class", s.facts().headerText, s.facts().payloadText)
				}
				for _, p := range peers() {
					if them := p.read(s.token()); (them == nil) != c.weAccept {
						differs[p.name] = true
					}
				}
				if u := unexplained(t, s); u != "" {
					t.Error(u)
				}
			}
			for _, p := range peers() {
				if strings.Contains(c.peers, p.name) && !differs[p.name] {
					t.Errorf("%s does not differ in any example", p.name)
				}
			}
		})
	}
}

// TestReadmeNamesClasses keeps the table whole.
func TestReadmeNamesClasses(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range classes() {
		if !bytes.Contains(readme, []byte("| "+c.name+" |")) {
			t.Errorf("README.md has no row %q", c.name)
		}
	}
	for _, c := range keyClasses() {
		if !bytes.Contains(readme, []byte("| "+c.name+" |")) {
			t.Errorf("README.md has no row %q", c.name)
		}
	}
}
