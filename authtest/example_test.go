package authtest_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/authtest"
	"github.com/watchword-auth/watchword/httpauth"
	"github.com/watchword-auth/watchword/remote"
)

// inExample stands where a test has its *testing.T.
type inExample struct {
	testing.TB
	ends []func()
}

func (t *inExample) Helper()                   {}
func (t *inExample) Cleanup(end func())        { t.ends = append(t.ends, end) }
func (t *inExample) Fatalf(f string, a ...any) { panic(fmt.Sprintf(f, a...)) }
func (t *inExample) end() {
	for _, end := range t.ends {
		end()
	}
}

// A service that forgot to say which audience is its own. In a test of your
// own, t is its *testing.T, and [authtest.Attack] fails it with each finding.
func ExampleProbe() {
	t := &inExample{}
	defer t.end()

	issuer := authtest.New(t, authtest.Config{Audience: "shop"})
	keys, err := remote.NewKeys(remote.KeysConfig{Issuer: issuer.URL()})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer keys.Close()
	verifier := watchword.Verifier{Keys: keys, Issuer: issuer.URL(), Audience: watchword.AnyAudience}
	guard := &httpauth.Guard{Verify: verifier.Verify}
	handler := guard.Require()(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))

	findings, err := authtest.Probe(handler, issuer, authtest.Attacks{Revocation: -1})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, f := range findings {
		fmt.Println(f.Attack)
	}
	// Output:
	// wrong audience
	// no audience
	// empty audience
	// audience that ours begins
}

// Tokens with a defect, for tests of one thing at a time.
func ExampleIssuer_Defective() {
	t := &inExample{}
	defer t.end()

	issuer := authtest.New(t, authtest.Config{Audience: "shop"})
	for _, name := range []string{"expired by 1 s", "wrong audience", "typ of a refresh token"} {
		r, _ := http.NewRequest(http.MethodGet, "/", http.NoBody)
		r.Header.Set("Authorization", "Bearer "+issuer.Defective(name))
		_, err := issuer.Guard().Check(r)
		fmt.Println(watchword.CodeOf(err))
	}
	// Output:
	// token_expired
	// wrong_audience
	// wrong_kind
}
