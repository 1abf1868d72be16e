package dialect_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/dialect"
	"github.com/watchword-auth/watchword/jwt"
)

// Refresh tokens of the old system are taken over at their first use, once,
// however many use them at a time; signing out holds for them; and with the
// time that was set for it, it is over.
func TestDialectsAdopt(t *testing.T) {
	now := time.Now().Unix()
	tests := []struct {
		dialect, secret string
		claims          map[string]any
		path, field     string
		signOut         string
		settings        map[string]any
	}{
		{
			"ellar", "signing_secret_key",
			map[string]any{"exp": now + 600, "iat": now - 60, "jti": "5f", "sub": "user@test.com"},
			"/auth/refresh", "payload", "/auth/logout",
			map[string]any{"blacklist": true},
		},
		{
			"esmerald", "signing_key",
			map[string]any{"exp": now + 600, "iat": now - 60, "sub": "1", "token_type": "refresh_token"},
			"/auth/refresh-access", "refresh_token", "/auth/logout",
			map[string]any{"blacklist": true},
		},
		{
			"easyjwt", "SIGNING_KEY",
			map[string]any{"token_type": "refresh", "exp": now + 600, "iat": now - 60, "jti": "5f", "user_id": 1},
			"/auth/token/refresh/", "refresh", "/auth/token/blacklist/", nil,
		},
		{
			"easyjwt", "SIGNING_KEY",
			map[string]any{"token_type": "refresh", "exp": now + 600, "iat": now - 60, "jti": "5f", "user_id": 1},
			"/auth/token/refresh/", "refresh", "/auth/token/blacklist/",
			map[string]any{"ROTATE_REFRESH_TOKENS": true},
		},
	}
	for _, tt := range tests {
		t.Run(tt.dialect, func(t *testing.T) {
			settings := map[string]any{tt.secret: testSecret}
			for k, v := range tt.settings {
				settings[k] = v
			}
			serve := func(until time.Time) (*rig, http.Handler) {
				r := newRig(t)
				r.user(watchword.User{Login: "user@test.com", Email: "user@test.com", Active: true}, "12345")
				r.face(tt.dialect, dialect.Options{Settings: settings, AdoptUntil: until})
				return r, r.handler()
			}
			body := `{"` + tt.field + `":"` + forge(t, testSecret, jwt.HS256, tt.claims) + `"}`
			r, h := serve(time.Now().Add(time.Hour))
			answers := make([]string, 8)
			var wg sync.WaitGroup
			for i := range answers {
				wg.Go(func() {
					status, _, answer := call(h, "POST", tt.path, jsonBody, body)
					if status == 200 {
						answers[i] = answer
					}
				})
			}
			wg.Wait()
			for i, answer := range answers {
				var tokens map[string]string
				if err := json.Unmarshal([]byte(answer), &tokens); err != nil || len(tokens) == 0 {
					t.Errorf("refresh %d brought %q", i, answer)
				}
			}
			if list, err := r.store.ListSessions(context.Background(), watchword.SessionFilter{All: true}, time.Now()); err != nil || len(list) != 1 {
				t.Errorf("%d sessions, %v, want one", len(list), err)
			}
			if status, _, answer := call(h, "POST", tt.signOut, jsonBody, body); status != 200 {
				t.Errorf("sign-out = %d %s", status, answer)
			}
			if status, _, answer := call(h, "POST", tt.path, jsonBody, body); status != 401 || strings.Contains(answer, "access") {
				t.Errorf("refresh after sign-out = %d %s", status, answer)
			}
			if list, err := r.store.ListSessions(context.Background(), watchword.SessionFilter{}, time.Now()); err != nil || len(list) != 0 {
				t.Errorf("%d sessions are open after sign-out, %v", len(list), err)
			}
			_, over := serve(time.Time{})
			if status, _, answer := call(over, "POST", tt.path, jsonBody, body); status != 401 {
				t.Errorf("refresh where nothing is taken over = %d %s", status, answer)
			}
		})
	}
}
