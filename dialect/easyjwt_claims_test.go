package dialect_test

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/dialect"
	"github.com/watchword-auth/watchword/jwt"
)

func TestEasyJWTClaims(t *testing.T) {
	tests := []struct {
		name, rows string
		settings   map[string]any
		order      string
		claims     map[string]any
		lifetime   float64
		refreshFor float64
	}{
		{"defaults", "EZ-14 EZ-15", nil, "token_type exp iat jti user_id", map[string]any{"user_id": float64(3), "token_type": "access"}, 300, 86400},
		{"lifetimes", "EZ-15", map[string]any{"ACCESS_TOKEN_LIFETIME": "1m", "REFRESH_TOKEN_LIFETIME": int64(7200)}, "token_type exp iat jti user_id", nil, 60, 7200},
		{"parties", "EZ-21", map[string]any{"AUDIENCE": "A", "ISSUER": "I"}, "token_type exp iat jti user_id aud iss", map[string]any{"aud": "A", "iss": "I"}, 300, 86400},
		{"id as text", "EZ-14", map[string]any{"string_user_id": true}, "token_type exp iat jti user_id", map[string]any{"user_id": "3"}, 300, 86400},
		{"id claim", "EZ-25", map[string]any{"USER_ID_CLAIM": "sub"}, "token_type exp iat jti sub", map[string]any{"sub": float64(3)}, 300, 86400},
		{"e-mail as id", "EZ-25", map[string]any{"USER_ID_FIELD": "email"}, "token_type exp iat jti user_id", map[string]any{"user_id": "user@test.com"}, 300, 86400},
		{"e-mail as sub", "EZ-25", map[string]any{"USER_ID_FIELD": "email", "USER_ID_CLAIM": "sub"}, "token_type exp iat jti sub", map[string]any{"sub": "user@test.com"}, 300, 86400},
		{"renamed", "EZ-28", map[string]any{"TOKEN_TYPE_CLAIM": "kind", "JTI_CLAIM": "tid"}, "kind exp iat tid user_id", map[string]any{"kind": "access"}, 300, 86400},
		{"no type, no jti", "EZ-28", map[string]any{"TOKEN_TYPE_CLAIM": false, "JTI_CLAIM": false}, "exp iat sid user_id", nil, 300, 86400},
		{"mark of the password", "EZ-35", map[string]any{"CHECK_REVOKE_TOKEN": true, "REVOKE_TOKEN_CLAIM": "mark", "AUDIENCE": "A"}, "token_type exp iat jti user_id mark aud", nil, 300, 86400},
		{"algorithm", "EZ-19", map[string]any{"ALGORITHM": "HS512", "SIGNING_KEY": testSecret}, "token_type exp iat jti user_id", nil, 300, 86400},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, h := easyjwtHandler(t, dialect.Options{Settings: tt.settings})
			access, refresh := easyjwtTokens(t, h)
			claims, order := decodePart(t, access, 1)
			if got := strings.Join(order, " "); got != tt.order || claims["exp"].(float64)-claims["iat"].(float64) != tt.lifetime {
				t.Errorf("claims %v in order %s", claims, got)
			}
			for name, want := range tt.claims {
				if claims[name] != want {
					t.Errorf("claim %s is %v, want %v", name, claims[name], want)
				}
			}
			if claims, _ := decodePart(t, refresh, 1); claims["exp"].(float64)-claims["iat"].(float64) != tt.refreshFor {
				t.Errorf("claims of the refresh token %v", claims)
			}
			// EZ-66: clients of 0.5.1 take no more than 255 characters.
			if tt.settings == nil && (len(access) > 255 || len(refresh) > 255) {
				t.Errorf("tokens of %d and %d characters", len(access), len(refresh))
			}
			status, o := post(t, h, "/auth/token/refresh/", `{"refresh":"`+refresh+`"}`)
			again, _ := o["access"].(string)
			if status != 200 || len(o) != 1 {
				t.Errorf("refresh = %d %v", status, o)
			}
			if status, _, body := call(h, "GET", "/auth/user/", map[string]string{"Authorization": "Bearer " + again}, ""); status != 200 || !strings.HasPrefix(body, `{"id":3,"first_name":"Test","email":"user@test.com",`) {
				t.Errorf("GET user/ = %d %s", status, body)
			}
			if status, o := post(t, h, "/auth/token/refresh/", `{"refresh":"`+access+`"}`); status != 401 {
				t.Errorf("refresh with the access token = %d %v", status, o)
			}
			if status, _, body := call(h, "GET", "/auth/user/", map[string]string{"Authorization": "Bearer " + refresh}, ""); status != 401 {
				t.Errorf("GET user/ with the refresh token = %d %s", status, body)
			}
		})
	}
}

// A disabled user's token opens nothing, whatever names him, at routes that
// look at no store either.
func TestEasyJWTDisabledUser(t *testing.T) {
	for _, settings := range []map[string]any{
		nil, {"USER_ID_FIELD": "email"}, {"USER_ID_FIELD": "username", "USER_ID_CLAIM": "sub"}, {"TOKEN_TYPE_CLAIM": false, "JTI_CLAIM": false},
	} {
		r, h := easyjwtHandler(t, dialect.Options{Settings: settings})
		access, refresh := easyjwtTokens(t, h)
		off := false
		if _, err := r.store.UpdateUser(context.Background(), "3", watchword.UserChange{Active: &off}, 0, r.now().Add(time.Hour), r.now()); err != nil {
			t.Fatal(err)
		}
		if err := r.auth.Follow(context.Background()); err != nil {
			t.Fatal(err)
		}
		if _, err := r.auth.Verify(context.Background(), access); watchword.CodeOf(err) != watchword.SessionEnded {
			t.Errorf("%v: Verify = %v, want %v", settings, err, watchword.SessionEnded)
		}
		if status, o := post(t, h, "/auth/token/refresh/", `{"refresh":"`+refresh+`"}`); status != 401 || o["code"] != "no_active_account" {
			t.Errorf("%v: refresh = %d %v", settings, status, o)
		}
	}
}

// EZ-21: a list of audiences, of which a token needs one. EZ-24: leeway.
func TestEasyJWTForeignTokens(t *testing.T) {
	now := time.Now().Unix()
	claims := func(more map[string]any) map[string]any {
		m := map[string]any{"token_type": "access", "exp": now + 60, "iat": now - 600, "jti": "5f", "user_id": 3}
		maps.Copy(m, more)
		return m
	}
	audiences := map[string]any{"AUDIENCE": []any{"A", "B"}}
	tests := []struct {
		name     string
		settings map[string]any
		claims   map[string]any
		status   int
	}{
		{"good", nil, claims(nil), 200},
		{"id as text", nil, claims(map[string]any{"user_id": "3"}), 200},
		{"first audience", audiences, claims(map[string]any{"aud": "A"}), 200},
		{"second audience", audiences, claims(map[string]any{"aud": []string{"x", "B"}}), 200},
		{"no audience", audiences, claims(nil), 401},
		{"another audience", audiences, claims(map[string]any{"aud": "C"}), 401},
		{"expired", nil, claims(map[string]any{"exp": now - 30}), 401},
		{"expired within leeway", map[string]any{"LEEWAY": int64(60)}, claims(map[string]any{"exp": now - 30}), 200},
		{"by e-mail", map[string]any{"USER_ID_FIELD": "email"}, claims(map[string]any{"user_id": "user@test.com"}), 200},
		{"no type, where there is no claim for it", map[string]any{"TOKEN_TYPE_CLAIM": false}, claims(nil), 401},
		{"no jti, where there is no claim for it", map[string]any{"JTI_CLAIM": false}, claims(nil), 200},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, h := easyjwtHandler(t, dialect.Options{Settings: tt.settings})
			raw := forge(t, testSecret, jwt.HS256, tt.claims)
			if status, _, body := call(h, "GET", "/auth/user/", map[string]string{"Authorization": "Bearer " + raw}, ""); status != tt.status {
				t.Errorf("GET user/ = %d %s, want %d", status, body, tt.status)
			}
		})
	}
}

// EZ-30: other schemes, and another header under both spellings.
func TestEasyJWTHeaders(t *testing.T) {
	for setting, header := range map[string]string{
		"HTTP_X_ACCESS_TOKEN": "X-Access-Token", "X-Access-Token": "X-Access-Token", "HTTP_AUTHORIZATION": "Authorization", "Authorization": "Authorization",
	} {
		_, h := easyjwtHandler(t, dialect.Options{Settings: map[string]any{"AUTH_HEADER_NAME": setting, "AUTH_HEADER_TYPES": []any{"JWT", "Bearer"}}})
		access, _ := easyjwtTokens(t, h)
		for scheme, want := range map[string]int{"JWT": 200, "Bearer": 200, "jwt": 401, "Token": 401} {
			status, answer, _ := call(h, "GET", "/auth/user/", map[string]string{header: scheme + " " + access}, "")
			if status != want || want == 401 && answer.Get("WWW-Authenticate") != `JWT realm="api"` {
				t.Errorf("%s: %s = %d %v, want %d", setting, scheme, status, answer, want)
			}
		}
	}
}

// EZ-19 EZ-20 EZ-22 EZ-23: key pairs, made here or given; the public half is
// published, with its id in the tokens, and others' keys verify too.
func TestEasyJWTPublicKeys(t *testing.T) {
	for _, alg := range []jwt.Algorithm{jwt.ES256, jwt.ES384, jwt.RS256} {
		settings := map[string]any{"ALGORITHM": string(alg), "SIGNING_KEY": false, "JWK_URL": "https://keys.example/jwks.json"}
		d, err := dialect.ByName("easyjwt", dialect.Options{Settings: settings})
		if err != nil || d.KeysURL != "https://keys.example/jwks.json" {
			t.Fatalf("KeysURL %q, %v", d.KeysURL, err)
		}
		other, err := jwt.GenerateKey(alg)
		if err != nil {
			t.Fatal(err)
		}
		r := newRig(t)
		r.user(watchword.User{Login: "user@test.com", Active: true}, "user-pass")
		r.base.VerifyKeys = jwt.KeySet{other}
		r.face("easyjwt", dialect.Options{Settings: settings})
		h := r.handler()
		access, _ := easyjwtTokens(t, h)
		header, _ := decodePart(t, access, 0)
		_, _, body := call(h, "GET", "/auth/.well-known/jwks.json", nil, "")
		if kid, _ := header["kid"].(string); kid == "" || !strings.Contains(body, kid) || header["alg"] != string(alg) {
			t.Errorf("header %v, keys %s", header, body)
		}
		now := r.now().Unix()
		payload, err := json.Marshal(map[string]any{"token_type": "access", "exp": now + 60, "iat": now, "jti": "5f", "user_id": 1})
		if err != nil {
			t.Fatal(err)
		}
		foreign, err := jwt.Sign(other, "JWT", payload)
		if err != nil {
			t.Fatal(err)
		}
		stranger, err := jwt.GenerateKey(alg)
		if err != nil {
			t.Fatal(err)
		}
		strange, err := jwt.Sign(stranger, "JWT", payload)
		if err != nil {
			t.Fatal(err)
		}
		for raw, want := range map[string]int{access: 200, foreign: 200, strange: 401} {
			if status, _, body := call(h, "GET", "/auth/user/", map[string]string{"Authorization": "Bearer " + raw}, ""); status != want {
				t.Errorf("%s: GET user/ = %d %s, want %d", alg, status, body, want)
			}
		}
	}
	if d, err := dialect.ByName("easyjwt", dialect.Options{Settings: map[string]any{"JWK_URL": "https://keys.example"}}); err != nil || d.KeysURL != "" {
		t.Errorf("JWK_URL beside a secret: %q, %v; the original ignores it", d.KeysURL, err)
	}
}

// EZ-19: keys that the server makes are of the algorithm that is set now,
// whichever it made before; and those from before are still there.
func TestEasyJWTAlgorithmChanges(t *testing.T) {
	r := newRig(t)
	r.user(watchword.User{Login: "user@test.com", Active: true}, "user-pass")
	var first string
	for _, alg := range []string{"HS256", "ES256", "HS256"} {
		r.faces = nil
		r.face("easyjwt", dialect.Options{Settings: map[string]any{"ALGORITHM": alg}})
		h := r.handler()
		access, _ := easyjwtTokens(t, h)
		if header, _ := decodePart(t, access, 0); header["alg"] != alg {
			t.Errorf("ALGORITHM %s, but the token is signed by %s", alg, header["alg"])
		}
		if first == "" {
			first = access
		}
		want := 200
		if alg != "HS256" {
			want = 401
		}
		if status, _, body := call(h, "GET", "/auth/user/", map[string]string{"Authorization": "Bearer " + first}, ""); status != want {
			t.Errorf("ALGORITHM %s, token of the first key: %d %s, want %d", alg, status, body, want)
		}
	}
}

// EZ-27 EZ-31 EZ-32
func TestEasyJWTSliding(t *testing.T) {
	settings := map[string]any{
		"sliding": true, "SLIDING_TOKEN_LIFETIME": "1m", "SLIDING_TOKEN_REFRESH_LIFETIME": "1h", "SLIDING_TOKEN_REFRESH_EXP_CLAIM": "until",
	}
	_, h := easyjwtHandler(t, dialect.Options{Settings: settings})
	status, o := post(t, h, "/auth/token/", easyjwtSignIn)
	raw, _ := o["token"].(string)
	claims, order := decodePart(t, raw, 1)
	if status != 200 || len(o) != 1 || strings.Join(order, " ") != "token_type exp iat jti until user_id" || claims["token_type"] != "sliding" ||
		claims["exp"].(float64)-claims["iat"].(float64) != 60 || claims["until"].(float64)-claims["iat"].(float64) != 3600 {
		t.Fatalf("token = %d %v in order %v", status, claims, order)
	}
	status, o = post(t, h, "/auth/token/refresh/", `{"token":"`+raw+`"}`)
	again, _ := o["token"].(string)
	renewed, _ := decodePart(t, again, 1)
	if status != 200 || renewed["jti"] != claims["jti"] || renewed["until"] != claims["until"] {
		t.Errorf("refresh = %d %v, want the jti and the end of %v", status, renewed, claims)
	}
	for _, token := range []string{raw, again} {
		if status, _, body := call(h, "GET", "/auth/user/", map[string]string{"Authorization": "Bearer " + token}, ""); status != 200 {
			t.Errorf("GET user/ = %d %s", status, body)
		}
	}
	r, both := easyjwtHandler(t, dialect.Options{Settings: map[string]any{"AUTH_TOKEN_CLASSES": []any{"rest_framework_simplejwt.tokens.AccessToken", "SlidingToken"}}})
	access, refresh := easyjwtTokens(t, both)
	guarded := r.faces[0].Profile.Guard(r.auth).Require()(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	now := r.now().Unix()
	sliding := forge(t, testSecret, jwt.HS256, map[string]any{"token_type": "sliding", "exp": now + 60, "iat": now, "jti": "5f", "refresh_exp": now + 600, "user_id": 3})
	for token, want := range map[string]int{access: 200, sliding: 200, refresh: 401} {
		status, _, body := call(both, "GET", "/auth/user/", map[string]string{"Authorization": "Bearer " + token}, "")
		if status != want || want == 401 && !strings.Contains(body, `"token_class":"SlidingToken","token_type":"sliding","message":"Token has wrong type"`) {
			t.Errorf("GET user/ = %d %s, want %d", status, body, want)
		}
		if status, _, _ := call(guarded, "GET", "/", map[string]string{"Authorization": "Bearer " + token}, ""); status != want {
			t.Errorf("a route of the application's own = %d, want %d", status, want)
		}
	}
}

// EZ-16 EZ-71: with rotation, using a token twice ends what was made from it;
// at once where the old one is blacklisted, beyond the grace window else.
func TestEasyJWTReuse(t *testing.T) {
	r := easyjwtRig(t, dialect.Options{})
	now := time.Now()
	r.faces, r.base.Now = nil, func() time.Time { return now }
	r.face("easyjwt", dialect.Options{Settings: map[string]any{"SIGNING_KEY": testSecret, "ROTATE_REFRESH_TOKENS": true, "BLACKLIST_AFTER_ROTATION": true}})
	h := r.handler()
	_, first := easyjwtTokens(t, h)
	refresh := func(raw string) (int, map[string]any) {
		return post(t, h, "/auth/token/refresh/", `{"refresh":"`+raw+`"}`)
	}
	status, o := refresh(first)
	second, _ := o["refresh"].(string)
	if status != 200 || second == "" || second == first {
		t.Fatalf("refresh = %d %v", status, o)
	}
	if status, o := post(t, h, "/auth/token/verify/", `{"token":"`+first+`"}`); status != 400 {
		t.Errorf("verify of a token that was exchanged = %d %v", status, o)
	}
	if status, o := refresh(first); status != 401 || o["detail"] != "Token is blacklisted" {
		t.Errorf("the old one = %d %v", status, o)
	}
	if status, o := refresh(second); status != 200 {
		t.Errorf("the new one, after a parallel request with the old one = %d %v", status, o)
	}
	now = now.Add(time.Minute)
	if status, _ := refresh(first); status != 401 {
		t.Errorf("the old one, later = %d", status)
	}
	if status, o := refresh(second); status != 401 || o["detail"] != "Token is blacklisted" {
		t.Errorf("its family = %d %v", status, o)
	}
}
