package authtest_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/authtest"
	"github.com/watchword-auth/watchword/httpauth"
	"github.com/watchword-auth/watchword/jwt"
	"github.com/watchword-auth/watchword/remote"
)

var fine = http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})

// accepting is a handler that lets through what verify has nothing against.
func accepting(verify func(r *http.Request, raw string) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !ok || len(r.Header["Authorization"]) > 1 || verify(r, raw) != nil {
			w.WriteHeader(http.StatusUnauthorized)
		}
	})
}

func TestAttackFindsNothingWhereNothingIs(t *testing.T) {
	issuer := authtest.New(t, authtest.Config{Audience: "shop"})
	authtest.Attack(t, issuer.Guard().Require()(fine), issuer)
}

// A service of its own, which knows of the issuer what is published.
func TestAttackOnAServiceElsewhere(t *testing.T) {
	issuer := authtest.New(t, authtest.Config{Audience: "shop"})
	keys, err := remote.NewKeys(remote.KeysConfig{Issuer: issuer.URL()})
	if err != nil {
		t.Fatal(err)
	}
	defer keys.Close()
	v := watchword.Verifier{Keys: keys, Issuer: issuer.URL(), Audience: "shop"}
	guard := &httpauth.Guard{Verify: v.Verify}
	authtest.Attack(t, guard.Require()(fine), issuer, authtest.Attacks{Revocation: -1})
}

// signatureOnly is a verifier written by hand: it looks at a signature and at
// whatever more the handler looks at.
type signatureOnly struct{ keys jwt.KeySource }

func (s signatureOnly) claims(r *http.Request, raw string) (map[string]any, error) {
	_, payload, err := jwt.Open(r.Context(), raw, s.keys)
	if err != nil {
		return nil, err
	}
	var claims map[string]any
	return claims, json.Unmarshal(payload, &claims)
}

func TestAttackFindsWhatIsPlanted(t *testing.T) {
	issuer := authtest.New(t, authtest.Config{Audience: "shop"})
	keys, err := remote.NewKeys(remote.KeysConfig{Issuer: issuer.URL()})
	if err != nil {
		t.Fatal(err)
	}
	defer keys.Close()
	strict := watchword.Verifier{Keys: keys, Issuer: issuer.URL(), Audience: "shop"}
	lax := func(change func(*watchword.Verifier)) func(r *http.Request, raw string) error {
		v := strict
		change(&v)
		return func(r *http.Request, raw string) error { _, err := v.Verify(r.Context(), raw); return err }
	}
	for _, test := range []struct {
		name   string
		verify func(r *http.Request, raw string) error
		want   []string // attacks, by what their names begin with
		no     []string // and those that fail all the same
	}{
		{
			"the audience is not compared", lax(func(v *watchword.Verifier) { v.Audience = watchword.AnyAudience }),
			[]string{"wrong audience", "audience that ours begins"},
			[]string{"wrong issuer", "expired", "alg", "refresh token"},
		},
		{
			"refresh tokens are taken", func(r *http.Request, raw string) error {
				if _, err := strict.Verify(r.Context(), raw); err == nil {
					return nil
				}
				_, err := issuer.Authority().CheckRefresh(r.Context(), raw)
				return err
			},
			[]string{"refresh token"},
			[]string{"wrong audience", "typ of", "revoked"},
		},
		{
			"the algorithm is the header's", confused(issuer, strict),
			[]string{"HS256 with the public key as secret: PEM"},
			[]string{"alg", "foreign key under our kid", "wrong audience"},
		},
		{
			"none is an algorithm", func(r *http.Request, raw string) error {
				if strings.HasSuffix(raw, ".") && strings.Count(raw, ".") == 2 {
					return nil
				}
				_, err := strict.Verify(r.Context(), raw)
				return err
			},
			[]string{`alg "none"`, `alg "nOnE"`, "no signature"},
			[]string{"HS256", "signature of zeros"},
		},
		{
			"only the signature counts", func(r *http.Request, raw string) error {
				_, err := signatureOnly{keys}.claims(r, raw)
				return err
			},
			[]string{"expired by 1 s", "no exp", "wrong issuer", "no audience", "typ of an ID token", "not valid before tomorrow"},
			[]string{"payload changed", "foreign key", "retired key", "crit"},
		},
		{
			"the key is where the header says", func(r *http.Request, raw string) error {
				segment, _, _ := strings.Cut(raw, ".")
				header, _ := base64.RawURLEncoding.DecodeString(segment)
				var h struct {
					JKU string `json:"jku"`
				}
				if json.Unmarshal(header, &h) == nil && h.JKU != "" {
					answer, err := http.Get(h.JKU)
					if err != nil {
						return err
					}
					_ = answer.Body.Close()
				}
				_, err := strict.Verify(r.Context(), raw)
				return err
			},
			[]string{"jku"},
			[]string{"x5u", "kid"},
		},
		{
			"a token seen once is believed for good", remembering(strict),
			[]string{"revoked just now"},
			[]string{"expired"},
		},
		{
			"a bad token is the server's fault", func(r *http.Request, raw string) error {
				if _, err := strict.Verify(r.Context(), raw); err != nil {
					panic(err)
				}
				return nil
			},
			[]string{"expired by 1 s", "garbage"},
			[]string{"no token"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			found, err := authtest.Probe(accepting(test.verify), issuer, authtest.Attacks{Revocation: revocation(test.want)})
			if err != nil {
				t.Fatal(err)
			}
			has := func(prefix string) bool {
				return slices.ContainsFunc(found, func(f authtest.Finding) bool { return strings.HasPrefix(f.Attack, prefix) })
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
}

// revocation asks for it only where it is what was planted.
func revocation(want []string) time.Duration {
	if slices.Contains(want, "revoked just now") {
		return 50 * time.Millisecond
	}
	return -1
}

func remembering(v watchword.Verifier) func(*http.Request, string) error {
	return func(r *http.Request, raw string) error { _, err := v.Verify(r.Context(), raw); return err }
}

// confused checks HS256 with the issuer's public key, as it stands in a file.
func confused(issuer *authtest.Issuer, strict watchword.Verifier) func(*http.Request, string) error {
	return func(r *http.Request, raw string) error {
		signed, signature := raw, ""
		if i := strings.LastIndex(raw, "."); i >= 0 {
			signed, signature = raw[:i], raw[i+1:]
		}
		segment, payload, _ := strings.Cut(signed, ".")
		header, _ := base64.RawURLEncoding.DecodeString(segment)
		var h struct {
			Alg string `json:"alg"`
		}
		if json.Unmarshal(header, &h) != nil || h.Alg != "HS256" {
			_, err := strict.Verify(r.Context(), raw)
			return err
		}
		set, err := http.Get(issuer.URL() + "/.well-known/jwks.json")
		if err != nil {
			return err
		}
		defer set.Body.Close()
		var keys struct{ Keys []struct{ X, Y string } }
		if err := json.NewDecoder(set.Body).Decode(&keys); err != nil {
			return err
		}
		point := []byte{4} // uncompressed (SEC 1, section 2.3.3)
		for _, coordinate := range []string{keys.Keys[0].X, keys.Keys[0].Y} {
			b, err := base64.RawURLEncoding.DecodeString(coordinate)
			if err != nil {
				return err
			}
			point = append(point, b...)
		}
		public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
		if err != nil {
			return err
		}
		der, err := x509.MarshalPKIXPublicKey(public)
		if err != nil {
			return err
		}
		mac := hmac.New(sha256.New, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
		mac.Write([]byte(signed))
		if base64.RawURLEncoding.EncodeToString(mac.Sum(nil)) != signature || payload == "" {
			return fmt.Errorf("bad signature")
		}
		return nil
	}
}

func TestAttackNeedsAHandlerThatTrusts(t *testing.T) {
	issuer, other := authtest.New(t, authtest.Config{}), authtest.New(t, authtest.Config{})
	found, err := authtest.Probe(other.Guard().Require()(fine), issuer, authtest.Attacks{})
	if err == nil || !strings.Contains(err.Error(), issuer.URL()) {
		t.Errorf("Probe = %v, %v, want an error that names %s", found, err, issuer.URL())
	}
}

func TestAttackAnotherRequest(t *testing.T) {
	issuer := authtest.New(t, authtest.Config{})
	mux := http.NewServeMux()
	mux.Handle("POST /posts", issuer.Guard().Require(watchword.Scope("posts:write"))(fine))
	authtest.Attack(t, mux, issuer, authtest.Attacks{
		Request: func() *http.Request { r, _ := http.NewRequest(http.MethodPost, "/posts", http.NoBody); return r },
		Token:   func(i *authtest.Issuer) string { return i.Token("9", authtest.Scopes("posts:write")) },
	})
}

// Every defect is refused by the verifier, for its own reason.
func TestDefectsAreWhatTheirNamesSay(t *testing.T) {
	issuer := authtest.New(t, authtest.Config{})
	for _, d := range authtest.Defects() {
		c, err := issuer.Authority().Verify(t.Context(), issuer.Defective(d.Name))
		if err == nil {
			t.Errorf("%s: accepted as %s", d.Name, c.JSON())
		}
	}
	for name, want := range map[string]watchword.Code{
		"expired by 1 s":                 watchword.TokenExpired,
		"not valid before tomorrow":      watchword.TokenNotYetValid,
		"wrong audience":                 watchword.WrongAudience,
		"wrong issuer":                   watchword.WrongIssuer,
		"retired key":                    watchword.BadSignature,
		"typ of a refresh token":         watchword.WrongKind,
		"foreign key under our kid":      watchword.BadSignature,
		"crit with an extension unknown": watchword.TokenMalformed,
	} {
		if _, err := issuer.Authority().Verify(t.Context(), issuer.Defective(name)); watchword.CodeOf(err) != want {
			t.Errorf("%s is refused with %v, want %v", name, err, want)
		}
	}
}

func TestClock(t *testing.T) {
	start := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	issuer := authtest.New(t, authtest.Config{Start: start})
	raw := issuer.Token("9", authtest.Lifetime(time.Hour), authtest.Claim("plan", "gold"), authtest.Permissions("posts.add"))
	issuer.Advance(time.Hour - time.Second)
	c, err := issuer.Authority().Verify(t.Context(), raw)
	if err != nil {
		t.Fatalf("a second before its end: %v", err)
	}
	if plan, err := watchword.Custom[struct{ Plan string }](c); err != nil || plan.Plan != "gold" {
		t.Errorf("the claim is %+v, %v", plan, err)
	}
	if !c.HasPermission("posts.add") {
		t.Errorf("the token says %s", c.JSON())
	}
	issuer.Advance(time.Second)
	if _, err := issuer.Authority().Verify(t.Context(), raw); watchword.CodeOf(err) != watchword.TokenExpired {
		t.Errorf("at its end: %v, want it expired", err)
	}
}

func TestPeopleAndKeys(t *testing.T) {
	issuer := authtest.New(t, authtest.Config{Change: func(c *watchword.Config) { c.AccessLifetime = time.Minute }})
	issuer.AddUser(watchword.User{Login: "ann", Permissions: []string{"posts.add"}}, "correct horse battery")
	tokens := issuer.SignIn("ann", "correct horse battery")
	if tokens.ExpiresIn != time.Minute || !tokens.Claims.HasPermission("posts.add") {
		t.Errorf("the tokens live %s and say %s", tokens.ExpiresIn, tokens.Claims.JSON())
	}
	issuer.RotateKeys()
	verify := func() watchword.Code {
		_, err := issuer.Authority().Verify(t.Context(), tokens.Access)
		return watchword.CodeOf(err)
	}
	if _, err := issuer.Authority().Verify(t.Context(), issuer.Token("9")); err != nil {
		t.Errorf("a token by the new key: %v", err)
	}
	if _, err := issuer.Authority().Verify(t.Context(), tokens.Access); err != nil {
		t.Errorf("a token by the key before: %v", err)
	}
	issuer.RetireKeys()
	if got := verify(); got != watchword.BadSignature {
		t.Errorf("a token by a retired key: %v", got)
	}
	again := issuer.SignIn("ann", "correct horse battery").Access
	issuer.Revoke(again)
	if _, err := issuer.Authority().Verify(t.Context(), again); watchword.CodeOf(err) != watchword.TokenRevoked && watchword.CodeOf(err) != watchword.SessionEnded {
		t.Errorf("a revoked token: %v", err)
	}
}
