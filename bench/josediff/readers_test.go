package josediff

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	josejwt "github.com/go-jose/go-jose/v4/jwt"
	gojwt "github.com/golang-jwt/jwt/v5"

	"github.com/watchword-auth/watchword/jwt"
)

// now is the time at which all tokens are read, in seconds since 1970.
const now = 1_700_000_000

var secret = []byte("0123456789abcdef0123456789abcdef")

// A sample is a token whose signature is right, whatever its two other parts are.
type sample struct {
	header, payload string // as they stand in the token
	bits            byte   // 0 to 3: the two bits of the signature's last character that stand for nothing
	suffix          string // after the signature
}

// plain returns a sample of header and payload properly encoded.
func plain(header, payload string) sample {
	return sample{header: encode(header), payload: encode(payload)}
}

func encode(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

func (s sample) token() string {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(s.header + "." + s.payload))
	sig := []byte(base64.RawURLEncoding.EncodeToString(mac.Sum(nil)))
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(alphabet, sig[len(sig)-1])
	sig[len(sig)-1] = alphabet[last|int(s.bits&3)]
	return s.header + "." + s.payload + "." + string(sig) + s.suffix
}

// facts are what the most lenient reader sees in a sample.
type facts struct {
	sample
	headerText, payloadText []byte
	head, claims            map[string]json.RawMessage
}

func (s sample) facts() facts {
	f := facts{sample: s, headerText: lenient(s.header), payloadText: lenient(s.payload)}
	_ = json.Unmarshal(f.headerText, &f.head)
	_ = json.Unmarshal(f.payloadText, &f.claims)
	return f
}

func lenient(segment string) []byte {
	b, _ := base64.RawURLEncoding.DecodeString(segment)
	return b
}

// A reader checks signature and dates of a token.
type reader struct {
	name string
	read func(token string) error
}

func ours(t testing.TB) reader {
	t.Helper()
	key, err := jwt.NewSecret("", jwt.HS256, secret)
	if err != nil {
		t.Fatal(err)
	}
	return reader{"watchword", func(token string) error {
		_, payload, err := jwt.Open(context.Background(), token, anyName{key})
		if err != nil {
			return err
		}
		claims, err := jwt.ParseRegistered(payload)
		if err != nil {
			return err
		}
		return claims.Check(time.Unix(now, 0), 0)
	}}
}

// anyName is a source that does not look at the kid, as the peers do not when they are handed a key.
type anyName struct{ key *jwt.Key }

func (a anyName) VerifyingKeys(context.Context, jwt.Header) ([]*jwt.Key, error) {
	return []*jwt.Key{a.key}, nil
}

const (
	goJose    = "go-jose"
	golangJWT = "golang-jwt"
)

// peers read with the algorithm pinned, no leeway and defaults otherwise.
func peers() []reader {
	return []reader{{goJose, readGoJose}, {golangJWT, readGolangJWT}}
}

func readGoJose(token string) error {
	parsed, err := josejwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.HS256})
	if err != nil {
		return err
	}
	var claims josejwt.Claims
	if err := parsed.Claims(secret, &claims); err != nil {
		return err
	}
	return claims.ValidateWithLeeway(josejwt.Expected{Time: time.Unix(now, 0)}, 0)
}

func readGolangJWT(token string) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	_, err = gojwt.ParseWithClaims(token, &gojwt.RegisteredClaims{},
		func(*gojwt.Token) (any, error) { return secret, nil },
		gojwt.WithValidMethods([]string{"HS256"}),
		gojwt.WithTimeFunc(func() time.Time { return time.Unix(now, 0) }))
	return err
}

// unexplained returns what differs between us and a peer on s beyond all classes, or "".
func unexplained(t testing.TB, s sample) string {
	t.Helper()
	us := ours(t).read(s.token())
	var out strings.Builder
	for _, p := range peers() {
		them := p.read(s.token())
		if (us == nil) == (them == nil) || explained(s.facts(), p.name, us == nil) {
			continue
		}
		fmt.Fprintf(&out, "header %q, payload %q, bits %d, suffix %q: watchword %v, %s %v\n",
			s.facts().headerText, s.facts().payloadText, s.bits, s.suffix, us, p.name, them)
	}
	return out.String()
}

func explained(f facts, peer string, weAccept bool) bool {
	for _, c := range classes() {
		if c.weAccept == weAccept && strings.Contains(c.peers, peer) && c.match(f) {
			return true
		}
	}
	return false
}
