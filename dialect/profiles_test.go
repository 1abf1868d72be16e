package dialect_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/dialect"
)

// TestTokensOfOneDialectAreNotAnothers: dialects that share a store and a
// secret, as a team has them that moves several systems, refuse each other's
// tokens of every kind; also where one calls its jti otherwise.
func TestTokensOfOneDialectAreNotAnothers(t *testing.T) {
	secretOf := map[string]string{
		"djwto": "DJWTO_SIGNING_KEY", "easyjwt": "SIGNING_KEY", "ellar": "signing_secret_key", "esmerald": "signing_key", "oauth2": "SECRET_KEY",
	}
	renamed := map[string]map[string]any{"ellar": {"jti": "tid"}, "easyjwt": {"JTI_CLAIM": "tid"}}
	r := newRig(t)
	r.user(watchword.User{Login: "ann", Email: "ann@example.com", Active: true}, "ann-pass-77")
	type face struct {
		name string
		auth *watchword.Authority
		t    watchword.Tokens
	}
	var faces []face
	add := func(name string, more map[string]any) {
		settings := map[string]any{secretOf[name]: testSecret}
		for k, v := range more {
			settings[k] = v
		}
		r.face(name, dialect.Options{Settings: settings})
		tokens, err := r.auth.SignIn(context.Background(), watchword.SignInRequest{Credentials: watchword.Credentials{Login: "ann", Password: "ann-pass-77"}})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		faces = append(faces, face{fmt.Sprint(name, more), r.auth, tokens})
	}
	for _, name := range dialect.Names() {
		if d, err := dialect.ByName(name, dialect.Options{}); err == nil && d.Engine == nil {
			continue // it makes no tokens
		}
		if secretOf[name] == "" {
			t.Errorf("no secret is known for %s", name)
			continue
		}
		add(name, nil)
	}
	for name, more := range renamed {
		add(name, more)
	}
	for _, from := range faces {
		if _, err := from.auth.Verify(context.Background(), from.t.Access); err != nil {
			t.Errorf("%s refuses its own access token: %v", from.name, err)
		}
		for _, to := range faces {
			if from.auth.Profile() == to.auth.Profile() {
				continue
			}
			for kind, raw := range map[string]string{"access": from.t.Access, "refresh": from.t.Refresh} {
				if c, err := to.auth.Verify(context.Background(), raw, watchword.Access, watchword.Refresh, watchword.Sliding); err == nil {
					t.Errorf("%s takes the %s token of %s: %s", to.name, kind, from.name, c.JSON())
				}
				if _, err := to.auth.Refresh(context.Background(), watchword.RefreshRequest{Raw: raw}); err == nil {
					t.Errorf("%s refreshes by the %s token of %s", to.name, kind, from.name)
				}
			}
		}
	}
}
