package authtest_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/authtest"
	"github.com/watchword-auth/watchword/httpauth"
	"github.com/watchword-auth/watchword/jwt"
	"github.com/watchword-auth/watchword/remote"
)

// A service that follows the revocation feed is asked about revocations too.
func TestAttackOnAServiceWithTheFeed(t *testing.T) {
	issuer := authtest.New(t, authtest.Config{Audience: "shop"})
	id, secret := issuer.AddClient("orders")
	client, err := remote.New(t.Context(), remote.Config{URL: issuer.URL(), Audience: "shop", ClientID: id, ClientSecret: secret})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	guard := httpauth.Native(httpauth.NativePrefix, nil).Guard(client)
	authtest.Attack(t, guard.Require()(fine), issuer)
}

// Pages send strangers to where they sign in, or serve them as strangers.
func TestAcceptedIsForTheCallerToSay(t *testing.T) {
	issuer := authtest.New(t, authtest.Config{})
	for name, test := range map[string]struct {
		refuse   http.Handler
		accepted func(*http.Response) bool
	}{
		"sent elsewhere": {
			http.RedirectHandler("/signin", http.StatusSeeOther),
			func(a *http.Response) bool { return a.StatusCode == http.StatusOK },
		},
		"told in the body": {
			http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"error":"unauthenticated"}`)) }),
			func(a *http.Response) bool {
				var body struct{ Error string }
				return json.NewDecoder(a.Body).Decode(&body) != nil || body.Error == ""
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				inner := httptest.NewRecorder()
				issuer.Guard().Require()(fine).ServeHTTP(inner, r)
				if inner.Code != http.StatusOK {
					test.refuse.ServeHTTP(w, r)
				}
			})
			authtest.Attack(t, handler, issuer, authtest.Attacks{Accepted: test.accepted})
		})
	}
}

func TestExcept(t *testing.T) {
	issuer := authtest.New(t, authtest.Config{Audience: "shop"})
	verifier := watchword.Verifier{Keys: published(t, issuer), Issuer: issuer.URL(), Audience: watchword.AnyAudience}
	handler := accepting(func(r *http.Request, raw string) error { _, err := verifier.Verify(r.Context(), raw); return err })
	var names []string
	found, err := authtest.Probe(handler, issuer, authtest.Attacks{Revocation: -1})
	if err != nil || len(found) == 0 {
		t.Fatalf("Probe = %v, %v, want findings", found, err)
	}
	for _, f := range found {
		names = append(names, f.Attack)
	}
	authtest.Attack(t, handler, issuer, authtest.Attacks{Except: append(names, "revoked just now")})
	if found, err := authtest.Probe(handler, issuer, authtest.Attacks{Except: []string{"wrong audiense"}}); err == nil || !strings.Contains(err.Error(), "wrong audiense") {
		t.Errorf("Probe = %v, %v, want an error that names what is misspelt", found, err)
	}
}

func published(t *testing.T, issuer *authtest.Issuer) jwt.KeySource {
	t.Helper()
	keys, err := remote.NewKeys(remote.KeysConfig{Issuer: issuer.URL()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(keys.Close)
	return keys
}

// A request that is the same each time, and has a token already, is none of
// the handler's faults.
func TestRequestsMayBeUsedAgain(t *testing.T) {
	issuer := authtest.New(t, authtest.Config{})
	same := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	same.Header.Set("Authorization", "Bearer "+issuer.Token("9"))
	authtest.Attack(t, issuer.Guard().Require()(fine), issuer, authtest.Attacks{Request: func() *http.Request { return same }})
	if len(same.URL.RawQuery) > 0 {
		t.Errorf("it has become %s", same.URL)
	}
}

func TestHandlersThatBreak(t *testing.T) {
	issuer := authtest.New(t, authtest.Config{})
	for name, test := range map[string]struct {
		broken func()
		want   string
	}{
		"one that panics":              {func() { panic("no claims") }, "panic: no claims"},
		"one that ends its goroutine":  {runtime.Goexit, "without an answer"},
		"one that gives up in no time": {func() { panic(context.Canceled) }, "context canceled"},
	} {
		t.Run(name, func(t *testing.T) {
			guard := issuer.Guard()
			handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if _, err := guard.Check(r); err != nil {
					test.broken()
				}
			})
			found, err := authtest.Probe(handler, issuer, authtest.Attacks{})
			if err != nil {
				t.Fatal(err)
			}
			if !slices.ContainsFunc(found, func(f authtest.Finding) bool {
				return f.Attack == "expired by 1 s" && f.Status == http.StatusInternalServerError && strings.Contains(f.Why, test.want)
			}) {
				t.Errorf("%q was not found among %v", test.want, found)
			}
			always := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { test.broken() })
			if _, err := authtest.Probe(always, issuer, authtest.Attacks{}); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("Probe = %v, want an error with %q", err, test.want)
			}
		})
	}
}

// The key is a file that kid names, or a row.
func TestAttackFindsKeysThatKidChooses(t *testing.T) {
	issuer := authtest.New(t, authtest.Config{})
	strict := watchword.Verifier{Keys: published(t, issuer), Issuer: issuer.URL(), Audience: issuer.Audience()}
	for name, key := range map[string]func(kid string) []byte{
		"kid a path": func(kid string) []byte { b, _ := os.ReadFile(filepath.Join(t.TempDir(), kid)); return b },
		"kid for a database": func(kid string) []byte {
			_, value, _ := strings.Cut(kid, "UNION SELECT '")
			value, _, _ = strings.Cut(value, "'")
			return []byte(value)
		},
	} {
		found, err := authtest.Probe(accepting(func(r *http.Request, raw string) error {
			if signedBy(raw, key) {
				return nil
			}
			_, err := strict.Verify(r.Context(), raw)
			return err
		}), issuer, authtest.Attacks{Revocation: -1})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(found, func(f authtest.Finding) bool { return f.Attack == name }) {
			t.Errorf("%q was not found among %v", name, found)
		}
	}
}

// signedBy checks HS256 with the key that a kid leads to.
func signedBy(raw string, key func(kid string) []byte) bool {
	segment, _, _ := strings.Cut(raw, ".")
	header, _ := base64.RawURLEncoding.DecodeString(segment)
	var h struct{ Alg, Kid string }
	if json.Unmarshal(header, &h) != nil || h.Alg != "HS256" || !strings.ContainsAny(h.Kid, "/'") {
		return false
	}
	i := strings.LastIndex(raw, ".")
	mac := hmac.New(sha256.New, key(h.Kid))
	mac.Write([]byte(raw[:i]))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)) == raw[i+1:]
}
