package server_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/watchword-auth/watchword/cmd/watchword/internal/config"
	"github.com/watchword-auth/watchword/jwt"
)

// A client of a dialect that is told our one well-known key set (JWK_URL)
// finds the key that signed.
func TestKeysOfDialectsArePublished(t *testing.T) {
	s := serve(t, func(c *config.Config) {
		c.Dialects = []config.Dialect{{Name: "easyjwt", Settings: map[string]any{"ALGORITHM": "ES256"}}}
	})
	signIn := s.ask(t, "POST", "/auth/token/", `{"email":"ann","password":"`+secret+`"}`)
	var tokens struct{ Access string }
	if err := json.Unmarshal([]byte(signIn.text), &tokens); err != nil || signIn.status != http.StatusOK {
		t.Fatalf("sign-in = %d %s", signIn.status, signIn.text)
	}
	set := s.ask(t, "GET", "/.well-known/jwks.json", "").text
	keys, err := jwt.ParseKeySet([]byte(set))
	if err != nil {
		t.Fatalf("%s: %v", set, err)
	}
	if len(keys) != 4 {
		t.Errorf("%d keys are published, want two of each ring", len(keys))
	}
	if h, _, err := jwt.Open(t.Context(), tokens.Access, jwt.KeySet(keys)); err != nil || h.KeyID == "" {
		t.Errorf("the set does not verify a token with kid %q: %v", h.KeyID, err)
	}
}
