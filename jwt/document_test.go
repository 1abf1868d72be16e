package jwt_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/watchword-auth/watchword/jwt"
)

func TestSignDocument(t *testing.T) {
	k, err := jwt.GenerateKey(jwt.ES256)
	if err != nil {
		t.Fatal(err)
	}
	small, err := jwt.SignDocument(k, "statuslist+jwt", []byte(`{"sub":"x"}`))
	if err != nil {
		t.Fatal(err)
	}
	if h, payload, err := jwt.Open(t.Context(), small, jwt.KeySet{k}); err != nil || h.Type != "statuslist+jwt" || string(payload) != `{"sub":"x"}` {
		t.Errorf("Open = %+v, %s, %v", h, payload, err)
	}
	large := bytes.Repeat([]byte("x"), 200_000)
	document, err := jwt.SignDocument(k, "statuslist+jwt", large)
	if err != nil || len(document) < 266_000 {
		t.Errorf("SignDocument = %d bytes, %v", len(document), err)
	}
	if _, _, err := jwt.Open(t.Context(), document, jwt.KeySet{k}); !errors.Is(err, jwt.ErrMalformed) {
		t.Errorf("Open of a document that is no token: %v", err)
	}
	if _, err := jwt.Sign(k, "at+jwt", large); !errors.Is(err, jwt.ErrMalformed) {
		t.Errorf("Sign of as much: %v", err)
	}
	if _, err := jwt.SignDocument(k, "", bytes.Repeat(large, 5)); !errors.Is(err, jwt.ErrMalformed) {
		t.Errorf("SignDocument of more than a document: %v", err)
	}
	if _, err := jwt.SignDocument(k, "a\xff", nil); err == nil {
		t.Error("a type that is no UTF-8 was signed")
	}
}
