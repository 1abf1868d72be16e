package attack_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/authtest"
)

// public fetches the issuer's key, as a program does at its start.
func public(t *testing.T, issuer *authtest.Issuer) (*ecdsa.PublicKey, []byte) {
	t.Helper()
	answer, err := http.Get(issuer.URL() + "/.well-known/jwks.json")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var set struct{ Keys []struct{ X, Y string } }
	if err := json.NewDecoder(answer.Body).Decode(&set); err != nil {
		t.Fatal(err)
	}
	point := []byte{4} // uncompressed (SEC 1, section 2.3.3)
	for _, coordinate := range []string{set.Keys[0].X, set.Keys[0].Y} {
		b, err := base64.RawURLEncoding.DecodeString(coordinate)
		if err != nil {
			t.Fatal(err)
		}
		point = append(point, b...)
	}
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return key, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

// byHand is the middleware of a hundred posts.
func byHand(verify func(raw string) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !ok || verify(raw) != nil {
			http.Error(w, "unauthorized", http.StatusUnauthorized)
		}
	})
}

func TestHandlersByHand(t *testing.T) {
	issuer := authtest.New(t, authtest.Config{Audience: "shop"})
	key, text := public(t, issuer)
	known := func(*jwt.Token) (any, error) { return key, nil }
	method, own, from, ends := jwt.WithValidMethods([]string{"ES256"}), jwt.WithAudience("shop"), jwt.WithIssuer(issuer.URL()), jwt.WithExpirationRequired()
	parse := func(keys jwt.Keyfunc, options ...jwt.ParserOption) func(string) error {
		return func(raw string) error { _, err := jwt.Parse(raw, keys, options...); return err }
	}
	typed := func(token *jwt.Token) (any, error) {
		subject, err := token.Claims.GetSubject()
		if token.Header["typ"] != watchword.AccessType || token.Header["crit"] != nil || err != nil || subject == "" {
			return nil, errors.New("no access token")
		}
		return key, nil
	}
	good := parse(typed, method, own, from, ends, jwt.WithIssuedAt())
	bySecret := func(secret func(kid string) []byte) func(string) error {
		return func(raw string) error {
			if good(raw) == nil {
				return nil
			}
			return parse(func(token *jwt.Token) (any, error) {
				kid, _ := token.Header["kid"].(string)
				return secret(kid), nil
			}, jwt.WithValidMethods([]string{"HS256"}), own, from)(raw)
		}
	}
	for name, test := range map[string]struct {
		handler http.Handler
		want    []string // among what is found; nothing is to be found where it is nil
		no      []string
	}{
		"everything is checked":        {byHand(good), nil, nil},
		"nothing is verified":          {byHand(func(raw string) error { _, _, err := jwt.NewParser().ParseUnverified(raw, jwt.MapClaims{}); return err }), []string{"foreign key under our kid", "payload changed", "expired by 1 s", "signature of zeros"}, []string{"garbage"}},
		"claims are not looked at":     {byHand(parse(typed, method, jwt.WithoutClaimsValidation())), []string{"expired by 1 s", "not valid before tomorrow", "wrong audience", "wrong issuer"}, []string{"retired key", "no typ"}},
		"methods are not named":        {byHand(parse(known, own, from, ends)), []string{"typ of an ID token", "crit with an extension unknown"}, []string{"HS256", "alg", "wrong audience", "expired"}},
		"the audience is not compared": {byHand(parse(typed, method, from, ends)), []string{"wrong audience", "no audience"}, []string{"wrong issuer", "expired"}},
		"the issuer is not compared":   {byHand(parse(typed, method, own, ends)), []string{"wrong issuer", "no issuer"}, []string{"wrong audience", "expired"}},
		"exp may be missing":           {byHand(parse(typed, method, own, from)), []string{"no exp"}, []string{"expired"}},
		"typ is not looked at":         {byHand(parse(known, method, own, from, ends)), []string{"refresh token as others write it", "typ of a refresh token"}, []string{"expired"}},
		"the public key is a secret":   {byHand(bySecret(func(string) []byte { return text })), []string{"HS256 with the public key as secret: PEM"}, []string{"kid a path", "alg"}},
		"the key is a file that kid names": {byHand(bySecret(func(kid string) []byte {
			b, _ := os.ReadFile(filepath.Join(t.TempDir(), kid))
			return b
		})), []string{"kid a path"}, []string{"alg"}},
		"none is allowed": {byHand(func(raw string) error {
			if good(raw) == nil {
				return nil
			}
			return parse(func(*jwt.Token) (any, error) { return jwt.UnsafeAllowNoneSignatureType, nil }, own, from)(raw)
		}), []string{`alg "none"`}, []string{"HS256", "expired", "foreign"}},
		"leeway is an hour": {byHand(parse(typed, method, own, from, ends, jwt.WithLeeway(3600e9))), []string{"expired by 1 s"}, []string{"expired long ago"}},
		"the query is read": {http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			raw := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
			if q := r.FormValue("access_token"); q != "" {
				raw = q
			}
			if good(raw) != nil {
				w.WriteHeader(http.StatusUnauthorized)
			}
		}), []string{"token in the query"}, []string{"expired", "no token"}},
	} {
		t.Run(name, func(t *testing.T) {
			found, err := authtest.Probe(test.handler, issuer, authtest.Attacks{Revocation: -1})
			if err != nil {
				t.Fatal(err)
			}
			has := func(prefix string) bool {
				return slices.ContainsFunc(found, func(f authtest.Finding) bool { return strings.HasPrefix(f.Attack, prefix) })
			}
			if test.want == nil && len(found) > 0 {
				t.Errorf("a false alarm: %v", found)
			}
			for _, name := range test.want {
				if !has(name) {
					t.Errorf("%q was not found among %v", name, found)
				}
			}
			for _, name := range test.no {
				if has(name) {
					t.Errorf("%q was found, and is not there: %v", name, found)
				}
			}
		})
	}
	// Nobody by hand hears of a revocation.
	found, err := authtest.Probe(byHand(good), issuer, authtest.Attacks{Revocation: 1})
	if err != nil || len(found) != 1 || found[0].Attack != "revoked just now" {
		t.Errorf("Probe = %v, %v, want that a revoked token is accepted", found, err)
	}
}
