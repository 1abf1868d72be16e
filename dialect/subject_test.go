package dialect_test

import (
	"testing"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/dialect"
	"github.com/watchword-auth/watchword/jwt"
)

// A system that tells "JANE" from "jane" may have signed a token of either.
// Once the one is renamed or gone, his token must not open the other's
// account; nor may that of one whose name was somebody's address.
func TestOldTokensNameTheirUserLetterForLetter(t *testing.T) {
	r := newRig(t)
	r.user(watchword.User{Login: "jane", Email: "jane@example.com", Active: true}, "a long password")
	r.face("oauth2", dialect.Options{Settings: map[string]any{"SECRET_KEY": testSecret}, SampleRoutes: true})
	for subject, want := range map[string]int{"jane": 200, "JANE": 400, "Jane": 400, "jane@example.com": 400, "nobody": 400} {
		token := forge(t, testSecret, jwt.HS256, map[string]any{"sub": subject, "exp": r.now().Add(time.Hour).Unix()})
		status, _, body := call(r.handler(), "GET", "/users/me", map[string]string{"Authorization": "Bearer " + token}, "")
		if status != want {
			t.Errorf("GET /users/me with a token of %q = %d %s, want %d", subject, status, body, want)
		}
	}
}
