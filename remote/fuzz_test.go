package remote_test

import (
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/jwt"
	"github.com/watchword-auth/watchword/remote"
)

// FuzzAnswers lets an authority say anything, in its metadata, its set and the
// headers beside it. Only the addresses of the configuration, or https and
// loopback ones, may be asked; what is taken must be public keys; and the next
// fetch may begin neither too soon nor, in effect, never.
func FuzzAnswers(f *testing.F) {
	set, err := jwt.PublicSet(newKey(f))
	if err != nil {
		f.Fatal(err)
	}
	metadata := `{"issuer":"http://localhost","jwks_uri":"http://localhost/jwks","token_endpoint":"https://auth.example/t"}`
	f.Add(metadata, string(set), "application/json", "max-age=300, public", "20")
	f.Add(metadata, `{"keys":[{"kty":"oct","kid":"a","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T"}]}`, "application/jwk-set+json; a=b", "no-store", "")
	f.Add(strings.Replace(metadata, "http://localhost/jwks", "http://evil.example/jwks", 1), string(set), "application/json", `max-age="0", max-age=99999999999999999999`, "-1")
	f.Add(strings.ReplaceAll(metadata, "localhost", "LOCALHOST"), html, "text/html", "=,=,", "99999999999999999999")
	f.Fuzz(func(t *testing.T, metadata, set, media, cache, age string) {
		asked := 0
		say := roundTrip(func(r *http.Request) (*http.Response, error) {
			asked++
			if host := r.URL.Hostname(); r.URL.Scheme != "https" && (r.URL.Scheme != "http" || host != "localhost" && host != "::1" && !strings.HasPrefix(host, "127.") && !strings.HasPrefix(host, "::ffff:127.") && !strings.HasPrefix(host, "::ffff:7f")) {
				t.Errorf("asked %s", r.URL)
			}
			body := metadata
			if asked == 2 {
				body = set
			}
			h := http.Header{"Content-Type": {media}, "Cache-Control": {cache}, "Age": {age}}
			return &http.Response{StatusCode: http.StatusOK, Header: h, Body: io.NopCloser(strings.NewReader(body)), ContentLength: -1, Request: r}, nil
		})
		now := newClock()
		k, err := remote.NewKeys(remote.KeysConfig{Issuer: issuer, Transport: say, Now: now.Now})
		if err != nil {
			t.Fatal(err)
		}
		_, err = k.VerifyingKeys(t.Context(), stranger(0)) // waits for the fetch
		k.Close()
		s := k.Stats()
		if asked > 2 || s.Fetches != 1 {
			t.Fatalf("asked %d times in %d fetches", asked, s.Fetches)
		}
		if failed := s.LastError != nil; failed != (s.Keys == 0) || failed != (k.Version() == 0) {
			t.Fatalf("Stats = %+v, Version = %d", s, k.Version())
		}
		if s.LastError != nil {
			if !errors.Is(err, watchword.Unavailable) {
				t.Fatalf("VerifyingKeys = %v after %v", err, s.LastError)
			}
			return
		}
		taken, err := jwt.ParseKeySet([]byte(set))
		if err != nil {
			t.Fatalf("took a set that does not parse: %v", err)
		}
		for _, key := range taken {
			if key.Algorithm().Symmetric() || key.CanSign() {
				t.Fatalf("took %v", key)
			}
		}
	})
}

// FuzzFile starts with any file. What is taken from it must be what a fetch
// would have taken, of this authority and of an age that counts.
func FuzzFile(f *testing.F) {
	set, err := jwt.PublicSet(newKey(f))
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(`{"source":"http://localhost/.well-known/jwks.json","fetched_at":1777896000,"jwks":` + string(set) + `}`))
	f.Add([]byte(`{"source":"https://auth.example/","fetched_at":1777896000,"jwks":{"keys":[]}}`))
	f.Add([]byte(`{"fetched_at":-1,"jwks":null}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		file := filepath.Join(t.TempDir(), "keys.json")
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		now := newClock()
		down := roundTrip(func(*http.Request) (*http.Response, error) { return nil, http.ErrServerClosed })
		k, err := remote.NewKeys(remote.KeysConfig{URL: setURL, File: file, Transport: down, Now: now.Now})
		if err != nil {
			t.Fatal(err)
		}
		k.Close()
		s := k.Stats()
		if taken := s.Keys > 0; taken != (s.FileError == nil) || taken != (k.Version() > 0) {
			t.Fatalf("Stats = %+v, Version = %d", s, k.Version())
		}
		if s.Keys == 0 {
			return
		}
		if s.Age >= 24*time.Hour {
			t.Fatalf("took keys of age %s", s.Age)
		}
		err = jwt.Walk(data, func(name string, v jwt.Value) error {
			text, err := v.Text()
			if name == "source" && (err != nil || text != setURL) {
				t.Fatalf("took keys of %q", text)
			}
			return nil
		})
		if err != nil {
			t.Fatalf("took a file that does not parse: %v", err)
		}
	})
}
