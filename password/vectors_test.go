package password_test

import (
	"compress/gzip"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/watchword-auth/watchword/password"
)

// vector is one entry of testdata/hash-vectors.json.gz; testdata/README.md says where they come from.
type vector struct {
	ID       string `json:"id"`
	Scheme   string `json:"scheme"`
	Hash     string `json:"hash"`
	Password string `json:"password_hex"`
	Expect   string `json:"expect"`
	Title    string `json:"title"`
}

func vectors(t testing.TB) []vector {
	t.Helper()
	f, err := os.Open("testdata/hash-vectors.json.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Vectors []vector `json:"vectors"`
	}
	if err := json.NewDecoder(z).Decode(&file); err != nil {
		t.Fatal(err)
	}
	if len(file.Vectors) != 1726 {
		t.Fatalf("%d vectors, want 1726", len(file.Vectors))
	}
	return file.Vectors
}

func newHasher(t testing.TB, c password.Config) *password.Hasher {
	t.Helper()
	h, err := password.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestVectors(t *testing.T) {
	h := newHasher(t, password.Config{MaxLength: 4096, Wait: time.Hour})
	schemes := make(map[string][]vector)
	for _, v := range vectors(t) {
		schemes[v.Scheme] = append(schemes[v.Scheme], v)
	}
	for scheme, vectors := range schemes {
		t.Run(scheme, func(t *testing.T) {
			t.Parallel()
			for _, v := range vectors {
				pw, err := hex.DecodeString(v.Password)
				if err != nil {
					t.Fatal(err)
				}
				err = h.Verify(t.Context(), string(pw), v.Hash)
				var want error
				switch v.Expect {
				case "match":
				case "mismatch":
					want = password.ErrMismatch
				case "match-or-refuse":
					// A password over 72 bytes: never cut, so never a match.
					want = password.ErrMismatch
				case "reject":
					want = password.ErrUnsupported
					if v.Title == "django md5 no salt" {
						// Django reads that spelling as its unsalted MD5; the digest is nobody's.
						want = password.ErrMismatch
					}
				default:
					t.Fatalf("%s: unknown expectation %q", v.ID, v.Expect)
				}
				if !errors.Is(err, want) {
					t.Errorf("%s: Verify(%q, %.80q) = %v, want %v", v.ID, pw, v.Hash, err, want)
				}
			}
		})
	}
}
