package jwt_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/watchword-auth/watchword/jwt"
)

func TestSignOpen(t *testing.T) {
	for _, a := range every {
		t.Run(string(a), func(t *testing.T) {
			k := keyFor(t, a)
			for _, typ := range []string{"at+jwt", "JWT", "", "logout+jwt", `odd "type"`} {
				token := sign(t, k, typ, `{"sub":"a"}`)
				want := jwt.Header{Algorithm: a, KeyID: k.ID(), Type: typ}
				verifier := k
				if p := k.Public(); p != nil {
					verifier = p
				}
				h, payload, err := open(token, verifier)
				if err != nil || h != want || string(payload) != `{"sub":"a"}` {
					t.Errorf("Open(type %q) = %+v, %q, %v; want %+v", typ, h, payload, err, want)
				}
				if h, err := jwt.ParseHeader(token); err != nil || h != want {
					t.Errorf("ParseHeader(type %q) = %+v, %v; want %+v", typ, h, err, want)
				}
			}
		})
	}
}

func TestHeaderForm(t *testing.T) {
	for _, tt := range []struct{ name, id, typ, want string }{
		{"all", "k1", "at+jwt", `{"alg":"HS256","kid":"k1","typ":"at+jwt"}`},
		{"no id", "", "JWT", `{"alg":"HS256","typ":"JWT"}`},
		{"no type", "k1", "", `{"alg":"HS256","kid":"k1"}`},
		{"neither", "", "", `{"alg":"HS256"}`},
		{"escapes", "a\"b\\c\n", "x", `{"alg":"HS256","kid":"a\"b\\c\u000a","typ":"x"}`},
		{"member in the id", `a","admin":true,"x":"`, "", `{"alg":"HS256","kid":"a\",\"admin\":true,\"x\":\""}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			token := sign(t, secret(t, tt.id), tt.typ, "{}")
			segment, _, _ := strings.Cut(token, ".")
			if got, _ := base64.RawURLEncoding.DecodeString(segment); string(got) != tt.want {
				t.Errorf("header %s, want %s", got, tt.want)
			}
		})
	}
}

// TestKeyService signs through signers whose type the package does not know.
func TestKeyService(t *testing.T) {
	ec, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		alg    jwt.Algorithm
		signer elsewhere
	}{{jwt.ES384, elsewhere{ec}}, {jwt.EdDSA, elsewhere{ed}}} {
		k, err := jwt.NewKey("", tt.alg, tt.signer)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := open(sign(t, k, "JWT", "{}"), k.Public()); err != nil {
			t.Errorf("%s: %v", tt.alg, err)
		}
		if _, err := k.MarshalPrivate(); !errors.Is(err, jwt.ErrKey) {
			t.Errorf("%s: MarshalPrivate = %v, want ErrKey", tt.alg, err)
		}
	}
}

// badSigner answers with bytes that are no ECDSA signature, or not at all.
type badSigner struct {
	*ecdsa.PrivateKey
	sig []byte
	err error
}

func (s badSigner) Sign(_ io.Reader, _ []byte, _ crypto.SignerOpts) ([]byte, error) {
	return s.sig, s.err
}

func TestKeyServiceFails(t *testing.T) {
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	down := errors.New("service is down")
	long := append([]byte{0x30, 38, 0x02, 33, 1}, make([]byte, 32)...)
	for _, tt := range []struct {
		name   string
		signer badSigner
		want   error
	}{
		{"down", badSigner{ec, nil, down}, down},
		{"garbage", badSigner{ec, []byte("garbage"), nil}, jwt.ErrKey},
		{"number too long", badSigner{ec, append(long, 0x02, 1, 1), nil}, jwt.ErrKey},
		{"negative number", badSigner{ec, []byte{0x30, 6, 2, 1, 0xff, 2, 1, 1}, nil}, jwt.ErrKey},
		{"data after", badSigner{ec, []byte{0x30, 6, 2, 1, 1, 2, 1, 1, 0}, nil}, jwt.ErrKey},
	} {
		k, err := jwt.NewKey("", jwt.ES256, tt.signer)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := jwt.Sign(k, "JWT", []byte("{}")); !errors.Is(err, tt.want) {
			t.Errorf("%s: Sign = %v, want %v", tt.name, err, tt.want)
		}
	}
}

func TestSignHeader(t *testing.T) {
	k := secret(t, "k1")
	for _, tt := range []struct {
		name, header string
		key          *jwt.Key
		want         error
	}{
		{"other order and members", `{"typ":"JWT","alg":"HS256","x":1}`, k, nil},
		{"its own id", `{"alg":"HS256","kid":"k1"}`, k, nil},
		{"any id for a key without", `{"alg":"HS256","kid":"k2"}`, secret(t, ""), nil},
		{"another id", `{"alg":"HS256","kid":"k2"}`, k, jwt.ErrKey},
		{"another algorithm", `{"alg":"HS512"}`, k, jwt.ErrAlgorithm},
		{"no algorithm", `{"typ":"JWT"}`, k, jwt.ErrMalformed},
		{"none", `{"alg":"none"}`, k, jwt.ErrAlgorithm},
		{"what Open refuses", `{"alg":"HS256","crit":["exp"]}`, k, jwt.ErrMalformed},
		{"no JSON", `{"alg":"HS256"`, k, jwt.ErrMalformed},
	} {
		token, err := jwt.SignHeader(tt.key, []byte(tt.header), []byte("{}"))
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: SignHeader = %v, want %v", tt.name, err, tt.want)
		}
		if tt.want != nil {
			continue
		}
		segment, _, _ := strings.Cut(token, ".")
		if segment != b64(tt.header) {
			t.Errorf("%s: header segment %s is not the header's", tt.name, segment)
		}
	}
}

func TestSignRefuses(t *testing.T) {
	short, err := jwt.InsecureSecret("old", jwt.HS256, []byte("short"))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name    string
		key     *jwt.Key
		typ     string
		payload string
		want    error
	}{
		{"public key", keyFor(t, jwt.ES256).Public(), "", "{}", jwt.ErrKey},
		{"short secret", short, "", "{}", jwt.ErrKey},
		{"payload too long", secret(t, ""), "", strings.Repeat("x", jwt.MaxTokenLength), jwt.ErrMalformed},
		{"token too long", secret(t, ""), "", strings.Repeat("x", jwt.MaxTokenLength*3/4-40), jwt.ErrMalformed},
		{"type too long", secret(t, ""), strings.Repeat("x", 5000), "{}", jwt.ErrMalformed},
		{"type no UTF-8", secret(t, ""), "\xff", "{}", jwt.ErrMalformed},
	} {
		if token, err := jwt.Sign(tt.key, tt.typ, []byte(tt.payload)); !errors.Is(err, tt.want) || token != "" {
			t.Errorf("%s: Sign = %.20q, %v; want %v", tt.name, token, err, tt.want)
		}
	}
}

// TestOpenRefusesShape holds tokens that a lenient reader accepts: all but the first are signed correctly as they stand.
func TestOpenRefusesShape(t *testing.T) {
	header, payload := b64(`{"alg":"HS256"}`), b64(`{"sub":"a","x":1}`)
	good := rawToken(header, payload)
	if _, _, err := open(good, secret(t, "")); err != nil {
		t.Fatalf("the token that all others are made from: %v", err)
	}
	// "{}" is e30: two bytes, so that four bits of the third character are unused.
	for _, tt := range []struct {
		name, token string
		want        error
	}{
		{"empty", "", jwt.ErrMalformed},
		{"no dots", header, jwt.ErrMalformed},
		{"one dot", header + "." + payload, jwt.ErrMalformed},
		{"three dots", good + ".", jwt.ErrMalformed},
		{"five parts (RFC 7516)", good + "..", jwt.ErrMalformed},
		{"only dots (CVE-2025-30204)", strings.Repeat(".", jwt.MaxTokenLength), jwt.ErrMalformed},
		{"no header", rawToken("", payload), jwt.ErrMalformed},
		{"no signature", header + "." + payload + ".", jwt.ErrMalformed},
		{"too long", rawToken(header, strings.Repeat("A", jwt.MaxTokenLength)), jwt.ErrMalformed},
		{"header too long", rawToken(b64(`{"alg":"HS256","x":"`+strings.Repeat("x", 4096)+`"}`), payload), jwt.ErrMalformed},
		{"padded header", rawToken(b64(`{"alg":"HS256"} `)+"=", payload), jwt.ErrMalformed},
		{"padded payload", rawToken(header, "e30="), jwt.ErrMalformed},
		{"padded signature", good + "=", jwt.ErrMalformed},
		{"standard alphabet", rawToken(header, base64.RawStdEncoding.EncodeToString([]byte(`{"a":"~~~???"}`))), jwt.ErrMalformed},
		{"newline in the payload", rawToken(header, "e3\n0"), jwt.ErrMalformed},
		{"carriage return in the payload", rawToken(header, "e3\r0"), jwt.ErrMalformed},
		{"newline in the header", rawToken(header[:4]+"\n"+header[4:], payload), jwt.ErrMalformed},
		{"newline in the signature", good[:len(good)-3] + "\n" + good[len(good)-3:], jwt.ErrMalformed},
		{"newline after", good + "\n", jwt.ErrMalformed},
		{"space before", " " + good, jwt.ErrMalformed},
		{"unused bits in the payload", rawToken(header, "e31"), jwt.ErrMalformed},
		{"unused bits in the header", rawToken(header[:len(header)-1]+"R", payload), jwt.ErrMalformed},
		{"a single character", rawToken(header, "e"), jwt.ErrMalformed},
		{"NUL", rawToken(header, "e30\x00"), jwt.ErrMalformed},
		{"JSON serialization", `{"payload":"` + payload + `","protected":"` + header + `","signature":"` + good[strings.LastIndex(good, ".")+1:] + `"}`, jwt.ErrMalformed},
		{"Bearer in front", "Bearer " + good, jwt.ErrMalformed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h, got, err := open(tt.token, secret(t, ""))
			if !errors.Is(err, tt.want) || got != nil || h != (jwt.Header{}) {
				t.Errorf("Open = %+v, %q, %v; want %v", h, got, err, tt.want)
			}
		})
	}
}

// careless is a KeySource that answers every question with the same keys.
type careless []*jwt.Key

func (c careless) VerifyingKeys(context.Context, jwt.Header) ([]*jwt.Key, error) { return c, nil }

// failing is a KeySource that cannot answer.
type failing struct{ error }

func (f failing) VerifyingKeys(context.Context, jwt.Header) ([]*jwt.Key, error) { return nil, f.error }

func TestOpenChecksItsSource(t *testing.T) {
	token := sign(t, secret(t, "k1"), "JWT", "{}")
	down := errors.New("down")
	for _, tt := range []struct {
		name string
		keys jwt.KeySource
		want error
	}{
		{"no source", nil, jwt.ErrUnknownKey},
		{"no keys", careless{}, jwt.ErrUnknownKey},
		{"nil key", careless{nil}, jwt.ErrUnknownKey},
		{"key with another id", careless{secret(t, "k2")}, jwt.ErrUnknownKey},
		{"key of another algorithm", careless{keyFor(t, jwt.ES256)}, jwt.ErrUnknownKey},
		{"key without an id: the source's decision", careless{secret(t, "")}, nil},
		{"the second fits", careless{secret(t, "k2"), secret(t, "k1")}, nil},
		{"too many", careless(manySecrets(t, 9)), jwt.ErrUnknownKey},
		{"source fails", failing{down}, down},
	} {
		if _, _, err := jwt.Open(context.Background(), token, tt.keys); !errors.Is(err, tt.want) {
			t.Errorf("%s: Open = %v, want %v", tt.name, err, tt.want)
		}
	}
}

func manySecrets(t *testing.T, n int) []*jwt.Key {
	var keys []*jwt.Key
	for range n {
		keys = append(keys, secret(t, "k1"))
	}
	return keys
}

// TestOpenParallel shares a key's buffers among goroutines; -race watches.
func TestOpenParallel(t *testing.T) {
	k := keyFor(t, jwt.HS256)
	done := make(chan error)
	for i := range 8 {
		go func() {
			payload := strings.Repeat("x", 10+100*i)
			var last error
			for range 200 {
				token, err := jwt.Sign(k, "JWT", []byte(payload))
				if err != nil {
					last = err
					break
				}
				if _, got, err := open(token, k); err != nil || string(got) != payload {
					last = errors.Join(err, errors.New("another payload came back"))
					break
				}
			}
			done <- last
		}()
	}
	for range 8 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// TestPayloadIsTheCallers: what Open returns is not reused.
func TestPayloadIsTheCallers(t *testing.T) {
	k := secret(t, "")
	_, first, err := open(sign(t, k, "", `{"sub":"a"}`), k)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := open(sign(t, k, "", `{"sub":"b"}`), k); err != nil {
		t.Fatal(err)
	}
	if string(first) != `{"sub":"a"}` {
		t.Errorf("payload changed to %s", first)
	}
}
