package jwt_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/watchword-auth/watchword/jwt"
)

// vector is one case of testdata/vectors; its README says what the members mean.
type vector struct {
	ID          string
	Kind        string
	Token       string
	Algs        []jwt.Algorithm
	JWK         json.RawMessage
	JWKS        json.RawMessage
	Now         int64
	Expect      string
	Disputed    json.RawMessage
	Comment     string
	Payload     json.RawMessage `json:"payload_object"`
	PayloadUTF8 *string         `json:"payload_utf8"`
	PayloadHex  *string         `json:"payload_hex"`
}

func readVectors(t testing.TB) []vector {
	t.Helper()
	names, err := filepath.Glob("testdata/vectors/*.json")
	if err != nil || len(names) != 8 {
		t.Fatalf("found %d vector files, %v; want 8", len(names), err)
	}
	var all []vector
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var file struct{ Cases []vector }
		if err := json.Unmarshal(data, &file); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		all = append(all, file.Cases...)
	}
	return all
}

// keys returns the vector's keys, one for each algorithm allowed where a JWK names none.
func (v vector) keys() (jwt.KeySet, error) {
	jwks := []json.RawMessage{v.JWK}
	if v.JWKS != nil {
		if _, err := jwt.ParseKeySet(v.JWKS); err != nil {
			return nil, err
		}
		var set struct{ Keys []json.RawMessage }
		if err := json.Unmarshal(v.JWKS, &set); err != nil {
			return nil, err
		}
		jwks = set.Keys
	}
	var keys jwt.KeySet
	var faults []error
	for _, data := range jwks {
		for _, alg := range v.Algs {
			k, err := jwt.ParseJWK(data, alg)
			if err != nil {
				faults = append(faults, err)
				continue
			}
			keys = append(keys, k)
		}
	}
	if len(keys) == 0 {
		return nil, errors.Join(faults...)
	}
	return keys, nil
}

func (v vector) open() ([]byte, error) {
	keys, err := v.keys()
	if err != nil {
		return nil, err
	}
	_, payload, err := jwt.Open(context.Background(), v.Token, keys)
	if err != nil || v.Kind == "jws" {
		return payload, err
	}
	r, err := jwt.ParseRegistered(payload)
	if err != nil {
		return nil, err
	}
	return payload, r.Check(time.Unix(v.Now, 0), 0)
}

func TestVectors(t *testing.T) {
	counts := map[string]int{}
	for _, v := range readVectors(t) {
		t.Run(v.ID, func(t *testing.T) {
			if v.Kind == "thumbprint" {
				got, err := jwt.Thumbprint(v.JWK)
				if err != nil || got != v.Token {
					t.Fatalf("Thumbprint = %q, %v; want %q", got, err, v.Token)
				}
				counts["thumbprint"]++
				return
			}
			payload, err := v.open()
			if len(v.Disputed) > 0 {
				t.Logf("disputed, published as %s: %v", v.Expect, err)
				return
			}
			counts[v.Expect]++
			if v.Expect == "invalid" {
				if err == nil {
					t.Fatalf("accepted: %s", v.Comment)
				}
				return
			}
			if err != nil {
				t.Fatalf("refused (%s): %v", v.Comment, err)
			}
			v.comparePayload(t, payload)
		})
	}
	t.Logf("judged: %v", counts)
	if counts["valid"] < 40 || counts["invalid"] < 500 || counts["thumbprint"] < 7 {
		t.Errorf("too few vectors judged: %v", counts)
	}
}

func (v vector) comparePayload(t *testing.T, payload []byte) {
	t.Helper()
	segment := bytes.Split([]byte(v.Token), []byte("."))[1]
	want, err := base64.RawURLEncoding.DecodeString(string(segment))
	if err != nil {
		t.Fatal(err)
	}
	if v.PayloadUTF8 != nil {
		want = []byte(*v.PayloadUTF8)
	}
	if v.PayloadHex != nil {
		if want, err = hex.DecodeString(*v.PayloadHex); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(payload, want) {
		t.Errorf("payload = %q, want %q", payload, want)
	}
}
