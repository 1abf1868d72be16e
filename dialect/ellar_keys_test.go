package dialect_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"strings"
	"testing"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/dialect"
	"github.com/watchword-auth/watchword/jwt"
)

// pemPair makes a private and a public key as PEM.
func pemPair(t *testing.T) (private, public string) {
	t.Helper()
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	spki, err := x509.MarshalPKIXPublicKey(&k.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
		string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: spki}))
}

func TestEllarWithAKeyPair(t *testing.T) {
	private, public := pemPair(t)
	_, foreign := pemPair(t)
	r := newRig(t)
	r.user(watchword.User{Login: "john", Active: true}, "password")
	settings := map[string]any{"algorithm": "RS256", "signing_secret_key": private, "verifying_secret_key": public}
	r.face("ellar", dialect.Options{Settings: settings})
	h := r.handler()
	status, _, body := call(h, "POST", "/auth/login", map[string]string{"Content-Type": "application/json"}, `{"username":"john","password":"password"}`)
	if status != 200 {
		t.Fatalf("login = %d %s", status, body)
	}
	raw := strings.Split(body, `"`)[3]
	header, order := decodePart(t, raw, 0)
	if header["alg"] != "RS256" || strings.Join(order, " ") != "alg typ" {
		t.Errorf("header %v", header)
	}
	verifying, err := jwt.ParsePEM([]byte(public), jwt.RS256)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := jwt.Open(context.Background(), raw, jwt.KeySet{verifying}); err != nil {
		t.Errorf("the public key does not verify: %v", err)
	}
	if status, _, _ := call(h, "GET", "/auth/profile", map[string]string{"Authorization": "Bearer " + raw}, ""); status != 200 {
		t.Errorf("profile = %d", status)
	}
	settings["verifying_secret_key"] = foreign
	if _, err := dialect.ByName("ellar", dialect.Options{Settings: settings}); err == nil || !strings.Contains(err.Error(), "verifying") {
		t.Errorf("a public key of somebody else: %v", err)
	}
	if d, err := dialect.ByName("ellar", dialect.Options{Settings: map[string]any{"algorithm": "RS256", "signing_secret_key": private, "jwk_url": "https://keys.example/jwks.json"}}); err != nil || d.KeysURL != "https://keys.example/jwks.json" {
		t.Errorf("jwk_url: %q, %v", d.KeysURL, err)
	}
}

func TestEllarIsLimited(t *testing.T) {
	r := newRig(t)
	r.base.InsecureUnlimited = false
	r.user(watchword.User{Login: "john", Active: true}, "password")
	r.face("ellar", dialect.Options{Settings: map[string]any{"signing_secret_key": testSecret}})
	h := r.handler()
	try := func(pass string) (int, http.Header) {
		status, header, _ := call(h, "POST", "/auth/login", map[string]string{"Content-Type": "application/json"}, `{"username":"john","password":"`+pass+`"}`)
		return status, header
	}
	limited := false
	for range 20 {
		status, header := try("wrong")
		if limited = limited || status == 429 && header.Get("Retry-After") != ""; status != 401 && status != 429 {
			t.Fatalf("a wrong password = %d", status)
		}
	}
	if !limited {
		t.Error("20 wrong passwords met no limit")
	}
	r.pass(watchword.DefaultRate("login:john").Every)
	if status, _ := try("password"); status != 200 {
		t.Errorf("the right one after the wait = %d", status)
	}
}
