package httpauth_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/httpauth"
)

// Signed is a scheme of one's own: requests whose sender signs method, path
// and time with a secret that both sides know.
type Signed struct {
	Secret []byte
	Now    func() time.Time
}

// Authenticate compares the signature, and the time with the clock.
func (s Signed) Authenticate(r *http.Request) (httpauth.Identity, bool, error) {
	signature, sent := r.Header.Get("X-Signature"), r.Header.Get("X-Time")
	if signature == "" {
		return httpauth.Identity{}, false, nil // another scheme's, or nobody's
	}
	at, err := time.Parse(time.RFC3339, sent)
	if age := s.Now().Sub(at); err != nil || age.Abs() > time.Minute {
		return httpauth.Identity{}, true, watchword.InvalidCredentials
	}
	if !hmac.Equal([]byte(signature), []byte(s.Sign(r.Method, r.URL.Path, sent))) {
		return httpauth.Identity{}, true, watchword.InvalidCredentials
	}
	printer := watchword.User{ID: "printer-7", Scopes: []string{"jobs:read"}}
	return httpauth.Identity{Scheme: "Signed", Claims: httpauth.UserClaims(printer), User: printer}, true, nil
}

// Challenge names the scheme in a 401.
func (Signed) Challenge(*http.Request, error) string { return "Signed" }

// Sign returns the signature.
func (s Signed) Sign(method, path, at string) string {
	m := hmac.New(sha256.New, s.Secret)
	m.Write([]byte(method + "\n" + path + "\n" + at))
	return hex.EncodeToString(m.Sum(nil))
}

func ExampleScheme() {
	noon := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	signed := Signed{Secret: []byte("a secret of both sides"), Now: func() time.Time { return noon }}
	var verifier watchword.Verifier // an Authority's Verify, in earnest
	who := (&httpauth.Guard{Verify: verifier.Verify}).With(signed)
	jobs := who.Require(watchword.Scope("jobs:read"))(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i, _ := httpauth.IdentityFrom(r.Context())
		_, _ = fmt.Fprintf(w, "%s by %s", i.Claims.Subject, i.Scheme)
	}))

	r := httptest.NewRequest("GET", "/jobs", nil)
	answer := httptest.NewRecorder()
	jobs.ServeHTTP(answer, r)
	fmt.Println(answer.Code, answer.Header().Get("WWW-Authenticate"))

	at := noon.Format(time.RFC3339)
	r.Header.Set("X-Time", at)
	r.Header.Set("X-Signature", signed.Sign("GET", "/jobs", at))
	answer = httptest.NewRecorder()
	jobs.ServeHTTP(answer, r)
	fmt.Println(answer.Code, answer.Body)
	// Output:
	// 401 Bearer, Signed
	// 200 printer-7 by Signed
}
