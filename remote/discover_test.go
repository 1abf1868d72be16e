package remote_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/watchword-auth/watchword/remote"
)

// serve serves one path on loopback, and refuses every other.
func serve(t *testing.T, path string, h http.HandlerFunc) (origin string) {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+path, h)
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s.URL
}

func TestDiscover(t *testing.T) {
	const wellKnown = "/.well-known/oauth-authorization-server"
	tests := []struct {
		name        string
		path        string // of the issuer
		served      string // where the metadata is
		media, body string // ISSUER stands for the one asked about
		fault       string // "": found
	}{
		{"found", "", wellKnown, "application/json", `{"issuer":"ISSUER","jwks_uri":"ISSUER/keys","token_endpoint":"https://auth.example/token","x":[1]}`, ""},
		{"path after the well-known one", "/tenant/1", wellKnown + "/tenant/1", "application/json; charset=utf-8", `{"issuer":"ISSUER","jwks_uri":"ISSUER/keys"}`, ""},
		{"a final slash is the issuer's", "/", wellKnown, "application/json", `{"issuer":"ISSUER","jwks_uri":"ISSUERkeys"}`, ""},
		{"final slash too many", "", wellKnown, "application/json", `{"issuer":"ISSUER/","jwks_uri":"ISSUER/keys"}`, "metadata is of issuer"},
		{"final slash missing", "/a/", wellKnown + "/a", "application/json", `{"issuer":"https://auth.example/a","jwks_uri":"ISSUERkeys"}`, "metadata is of issuer"},
		{"another issuer", "", wellKnown, "application/json", `{"issuer":"https://evil.example","jwks_uri":"ISSUER/keys"}`, "metadata is of issuer"},
		{"issuer with more after it", "", wellKnown, "application/json", `{"issuer":"ISSUER.evil.example","jwks_uri":"ISSUER/keys"}`, "metadata is of issuer"},
		{"other case", "/a", wellKnown + "/a", "application/json", `{"issuer":"HTTP://localhost","jwks_uri":"ISSUER/keys"}`, "metadata is of issuer"},
		{"no issuer", "", wellKnown, "application/json", `{"jwks_uri":"ISSUER/keys"}`, "metadata is of issuer"},
		{"two issuers", "", wellKnown, "application/json", `{"issuer":"ISSUER","issuer":"ISSUER"}`, "malformed"},
		{"issuer is a list", "", wellKnown, "application/json", `{"issuer":["ISSUER"]}`, "issuer"},
		{"keys in clear text", "", wellKnown, "application/json", `{"issuer":"ISSUER","jwks_uri":"http://auth.example/keys"}`, "https outside loopback"},
		{"token endpoint in clear text", "", wellKnown, "application/json", `{"issuer":"ISSUER","token_endpoint":"http://auth.example/t"}`, "https outside loopback"},
		{"keys in a file", "", wellKnown, "application/json", `{"issuer":"ISSUER","jwks_uri":"file:///etc/keys"}`, "https://"},
		{"relative address", "", wellKnown, "application/json", `{"issuer":"ISSUER","jwks_uri":"/keys"}`, "https://"},
		{"HTML", "", wellKnown, "text/html", html, "media type"},
		{"HTML that says it is JSON", "", wellKnown, "application/json", html, "malformed"},
		{"nothing there", "", "/elsewhere", "application/json", `{"issuer":"ISSUER"}`, "status 404"},
		{"10 MB", "", wellKnown, "application/json", `{"issuer":"ISSUER","x":"` + strings.Repeat("x", 10<<20) + `"}`, "more than"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var issuer string
			origin := serve(t, test.served, func(w http.ResponseWriter, r *http.Request) {
				answer(test.media, strings.ReplaceAll(test.body, "ISSUER", issuer))(w, r)
			})
			issuer = origin + test.path
			m, err := remote.Discover(t.Context(), issuer)
			switch {
			case test.fault == "" && (err != nil || m.Issuer != issuer || m.JWKSURI != strings.TrimSuffix(issuer, "/")+"/keys"):
				t.Errorf("Discover = %+v, %v", m, err)
			case test.fault != "" && (err == nil || !strings.Contains(err.Error(), test.fault)):
				t.Errorf("Discover = %v, want %q in it", err, test.fault)
			case test.fault != "" && m != (remote.Metadata{}):
				t.Errorf("Discover = %+v with an error", m)
			}
		})
	}
}

func TestDiscoverRefusesIssuer(t *testing.T) {
	for _, issuer := range []string{"", "auth.example", "http://auth.example", "https://a:b@auth.example", "https://auth.example?x", "https://auth.example#x", "ftp://localhost", "https://", "https://%"} {
		if _, err := remote.Discover(t.Context(), issuer); err == nil {
			t.Errorf("Discover(%q) = nil, want an error", issuer)
		}
	}
}

func TestDiscoverEndsWithContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	origin := serve(t, "/", func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	})
	if _, err := remote.Discover(ctx, origin); !errors.Is(err, context.Canceled) {
		t.Errorf("Discover = %v, want Canceled", err)
	}
}

// An issuer elsewhere must not send this service to this machine's own ports,
// and the issuer's word holds for each fetch anew.
func TestKeysByIssuer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		key := newKey(t)
		a := newAuthority(key)
		k := ready(t, a, func(c *remote.KeysConfig) { c.URL, c.Issuer = "", issuer })
		if _, err := k.VerifyingKeys(t.Context(), header(key)); err != nil {
			t.Errorf("VerifyingKeys = %v", err)
		}
		for body, fault := range map[string]string{
			`{"issuer":"https://auth.example"}`:                                         "metadata is of issuer",
			`{"issuer":"http://localhost"}`:                                             "no jwks_uri",
			`{"issuer":"http://localhost","jwks_uri":"http://auth.example/jwks"}`:       "https outside loopback",
			`{"issuer":"http://localhost","jwks_uri":"http://localhost/.well-known/x"}`: "status 404",
		} {
			a.fail(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/.well-known/oauth-authorization-server" {
					answer("application/json", body)(w, r)
					return
				}
				http.NotFound(w, r)
			})
			time.Sleep(5 * time.Minute)
			if err := k.Stats().LastError; err == nil || !strings.Contains(err.Error(), fault) {
				t.Errorf("LastError = %v for %s, want %q in it", err, body, fault)
			}
		}
	})
	synctest.Test(t, func(t *testing.T) {
		here := answer("application/json", `{"issuer":"https://auth.example","jwks_uri":"http://127.0.0.1/jwks"}`)
		k := newKeys(t, here, func(c *remote.KeysConfig) {
			c.URL, c.Issuer = "", "https://auth.example"
			plain := c.Transport
			c.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
				r.URL.Scheme = "http" // the pipes know no TLS
				return plain.RoundTrip(r)
			})
		})
		time.Sleep(time.Minute)
		if err := k.Stats().LastError; err == nil || !strings.Contains(err.Error(), "leads to this machine") {
			t.Errorf("LastError = %v, want the address refused", err)
		}
	})
}
