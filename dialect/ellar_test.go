package dialect_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/dialect"
	"github.com/watchword-auth/watchword/httpauth"
	"github.com/watchword-auth/watchword/jwt"
)

func ellarRig(t *testing.T, settings map[string]any) *rig {
	t.Helper()
	r := newRig(t)
	r.user(watchword.User{Login: "john", Active: true}, "password")
	all := map[string]any{"signing_secret_key": testSecret}
	for k, v := range settings {
		all[k] = v
	}
	r.face("ellar", dialect.Options{Settings: all})
	return r
}

// ellarCalls are the recorded calls of the token service, which tests of its
// own cover; a new one in the recording fails.
var ellarCalls = map[string]string{
	"token-service/sign-access":              "TestGoldenEllar",
	"token-service/sign-refresh":             "TestGoldenEllar",
	"token-service/sign-custom":              "TestEllarTokens",
	"token-service/sign-jti-name":            "TestEllarTokens",
	"token-service/decode":                   "TestEllarTokens",
	"token-service/decode-tampered":          "TestEllarTokens",
	"token-service/decode-expired":           "TestEllarTokens",
	"token-service/decode-expired-in-leeway": "TestEllarTokens",
	"token-service/decode-leeway-timedelta":  "TestEllarTokens",
	"token-service/decode-other-algorithm":   "TestEllarTokens",
	"token-service/decode-no-exp":            "TestEllarTokens",
	"token-service/decode-verify-false":      "TestEllarTokens",
	"token-service/decode-aud-missing":       "TestEllarTokens",
	"token-service/decode-aud-unconfigured":  "TestEllarTokens",
	"token-service/decode-iss-wrong":         "TestEllarTokens",
	"token-service/decode-nbf-future":        "TestEllarTokens",
	"token-service/config-bad-algorithm":     "TestSettingsRefuse",
}

func TestGoldenEllar(t *testing.T) {
	differences := readDifferences(t, "ellar")
	replays := make(map[string]*replay)
	for _, strategy := range []string{"handler", "guard"} {
		r := ellarRig(t, map[string]any{"strategy": strategy})
		replays[strategy] = &replay{
			t: t, server: r.handler(), now: r.now, tokens: make(map[string]string), differences: differences,
			make: func(name string) string {
				if name != "expired" {
					return ""
				}
				now := r.now().Unix()
				return forge(t, testSecret, jwt.HS256, map[string]any{"exp": now - 60, "iat": now - 360, "user_id": 1, "username": "john", "sub": 1})
			},
		}
	}
	for _, e := range readGolden(t, "ellar").Exchanges {
		if e.Call != "" {
			if ellarCalls[e.ID] == "" {
				t.Errorf("%s: no test covers the call %s", e.ID, e.Call)
			}
			continue
		}
		replays[e.Setup].play(e)
	}
	replays["guard"].finish()
}

func TestEllarStory(t *testing.T) {
	r := ellarRig(t, nil)
	h := r.handler()
	asJSON := map[string]string{"Content-Type": "application/json"}
	login := func() (access, refresh string) {
		t.Helper()
		status, header, body := call(h, "POST", "/auth/login", asJSON, `{"username":"john","password":"password"}`)
		var tokens struct {
			Access  string `json:"access_token"`
			Refresh string `json:"refresh_token"`
		}
		if err := json.Unmarshal([]byte(body), &tokens); err != nil || status != 200 || header.Get("Content-Type") != "application/json" {
			t.Fatalf("login = %d %v %s", status, header, body)
		}
		return tokens.Access, tokens.Refresh
	}
	access, refresh := login()
	profile := func(raw string) (int, string) {
		status, _, body := call(h, "GET", "/auth/profile", map[string]string{"Authorization": "Bearer " + raw}, "")
		return status, body
	}
	if status, body := profile(access); status != 200 || !strings.HasSuffix(body, `"user_id":1,"username":"john","sub":"1","id":"1","auth_type":"bearer"}`) {
		t.Errorf("profile = %d %s", status, body)
	}
	if status, body := profile(refresh); status != 401 || body != `{"detail":"Forbidden","status_code":401}` {
		t.Errorf("profile with the refresh token = %d %s", status, body)
	}
	try := func(raw string) (int, string) {
		status, _, body := call(h, "POST", "/auth/refresh", asJSON, `{"payload":"`+raw+`"}`)
		return status, body
	}
	if status, body := try(refresh); status != 200 || !strings.HasPrefix(body, `{"access_token":"`) || strings.Contains(body, "refresh_token") {
		t.Errorf("refresh = %d %s", status, body)
	}
	if status, body := try(access); status != 401 || body != `{"detail":"Incorrect authentication credentials."}` {
		t.Errorf("refresh with the access token = %d %s", status, body)
	}
	off := false
	if _, err := r.store.UpdateUser(context.Background(), "1", watchword.UserChange{Active: &off}, 0, r.now().Add(time.Hour), r.now()); err != nil {
		t.Fatal(err)
	}
	if err := r.auth.Follow(context.Background()); err != nil {
		t.Fatal(err)
	}
	if status, _ := try(refresh); status != 401 {
		t.Errorf("refresh of a disabled user = %d", status)
	}
	if status, _ := profile(access); status != 401 {
		t.Errorf("profile of a disabled user = %d", status)
	}
}

func TestEllarOptions(t *testing.T) {
	asJSON := map[string]string{"Content-Type": "application/json"}
	start := func(settings map[string]any) (http.Handler, string, string) {
		r := ellarRig(t, settings)
		h := r.handler()
		_, _, body := call(h, "POST", "/auth/login", asJSON, `{"username":"john","password":"password"}`)
		var tokens map[string]string
		if err := json.Unmarshal([]byte(body), &tokens); err != nil {
			t.Fatal(err)
		}
		return h, tokens["access_token"], tokens["refresh_token"]
	}
	t.Run("rotation", func(t *testing.T) {
		h, _, refresh := start(map[string]any{"rotate_refresh_tokens": true})
		_, _, body := call(h, "POST", "/auth/refresh", asJSON, `{"payload":"`+refresh+`"}`)
		var tokens map[string]string
		if err := json.Unmarshal([]byte(body), &tokens); err != nil || tokens["refresh_token"] == "" || tokens["refresh_token"] == refresh {
			t.Errorf("refresh = %s, want a new refresh token", body)
		}
	})
	t.Run("blacklist", func(t *testing.T) {
		h, access, refresh := start(map[string]any{"blacklist": true})
		if status, _, body := call(h, "POST", "/auth/logout", asJSON, `{"payload":"`+refresh+`"}`); status != 200 {
			t.Fatalf("logout = %d %s", status, body)
		}
		if status, _, _ := call(h, "POST", "/auth/refresh", asJSON, `{"payload":"`+refresh+`"}`); status != 401 {
			t.Errorf("refresh after logout = %d", status)
		}
		if status, _, _ := call(h, "GET", "/auth/profile", map[string]string{"Authorization": "Bearer " + access}, ""); status != 401 {
			t.Errorf("profile after logout = %d", status)
		}
	})
	t.Run("cookies", func(t *testing.T) {
		r := ellarRig(t, map[string]any{"transport": "one-cookie"})
		h := r.handler()
		status, header, body := call(h, "POST", "/auth/login", asJSON, `{"username":"john","password":"password"}`)
		cookies := (&http.Response{Header: header}).Cookies()
		if status != 200 || body != "{}" || len(cookies) != 2 {
			t.Fatalf("login = %d %s with %d cookies", status, body, len(cookies))
		}
		var both []string
		for _, c := range cookies {
			if !c.HttpOnly || !c.Secure {
				t.Errorf("cookie %v is not HttpOnly and Secure", c)
			}
			both = append(both, c.Name+"="+c.Value)
		}
		with := map[string]string{"Content-Type": "application/json", "Cookie": strings.Join(both, "; ")}
		if status, _, _ := call(h, "GET", "/auth/profile", with, ""); status != 200 {
			t.Errorf("profile by cookie = %d", status)
		}
		if status, _, body := call(h, "POST", "/auth/refresh", with, "{}"); status != 200 || body != "{}" {
			t.Errorf("refresh by cookie = %d %s", status, body)
		}
		with["Sec-Fetch-Site"] = "cross-site"
		if status, _, _ := call(h, "POST", "/auth/refresh", with, "{}"); status != 403 {
			t.Errorf("refresh from another site = %d", status)
		}
	})
	for _, sliding := range []bool{true, false} {
		t.Run(fmt.Sprintf("rotation, sliding %v", sliding), func(t *testing.T) {
			r := ellarRig(t, map[string]any{"rotate_refresh_tokens": true, "sliding": sliding, "refresh_lifetime": "1h", "session_lifetime": "90m"})
			h := r.handler()
			exp := func(target, body string) (string, float64) {
				_, _, answer := call(h, "POST", target, asJSON, body)
				var tokens map[string]string
				if err := json.Unmarshal([]byte(answer), &tokens); err != nil {
					t.Fatal(err)
				}
				claims, _ := decodePart(t, tokens["refresh_token"], 1)
				return tokens["refresh_token"], claims["exp"].(float64)
			}
			raw, before := exp("/auth/login", `{"username":"john","password":"password"}`)
			r.pass(time.Minute)
			if _, after := exp("/auth/refresh", `{"payload":"`+raw+`"}`); (after > before) != sliding {
				t.Errorf("exp %v after %v", after, before)
			}
		})
	}
	t.Run("names and numbers", func(t *testing.T) {
		h, access, _ := start(map[string]any{
			"jti": "tid", "numeric_sub": true, "numeric_id": true, "audience": "A", "issuer": "I", "lifetime": int64(60), "algorithm": "HS512",
		})
		claims, order := decodePart(t, access, 1)
		if got := strings.Join(order, " "); got != "exp iat tid user_id username sub aud iss" {
			t.Errorf("claims in order %s", got)
		}
		if claims["sub"] != float64(1) || claims["exp"].(float64)-claims["iat"].(float64) != 60 {
			t.Errorf("claims %v", claims)
		}
		if status, _, body := call(h, "GET", "/auth/profile", map[string]string{"Authorization": "bearer " + access}, ""); status != 200 || !strings.Contains(body, `"id":1,`) {
			t.Errorf("profile = %d %s", status, body)
		}
	})
}

func TestEllarTokens(t *testing.T) {
	now := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	make := func(settings map[string]any) *dialect.EllarTokens {
		t.Helper()
		all := map[string]any{"signing_secret_key": testSecret}
		for k, v := range settings {
			all[k] = v
		}
		s, err := dialect.NewEllarTokens(dialect.Options{Settings: all}, func() time.Time { return now })
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	plain := make(nil)
	t.Run("sign", func(t *testing.T) {
		s, err := plain.With(map[string]any{"audience": "A", "issuer": "I"})
		if err != nil {
			t.Fatal(err)
		}
		raw, err := s.Sign(httpauth.Object{{Name: "sub", Value: "x"}, {Name: "aud", Value: "q"}, {Name: "at", Value: now}}, map[string]string{"kid": "k1"})
		if err != nil {
			t.Fatal(err)
		}
		header, order := decodePart(t, raw, 0)
		if strings.Join(order, " ") != "alg kid typ" || header["kid"] != "k1" {
			t.Errorf("header %v in order %v", header, order)
		}
		claims, order := decodePart(t, raw, 1)
		if strings.Join(order, " ") != "exp iat jti sub at aud iss" || claims["aud"] != "A" || claims["at"] != "2026-05-04T12:00:00Z" {
			t.Errorf("claims %v in order %v", claims, order)
		}
		if got, err := s.Verify(context.Background(), raw); err != nil || got["sub"] != "x" {
			t.Errorf("Verify = %v, %v", got, err)
		}
		// Unlike the original's, the caller's claims do not win over the
		// service's (SPEC 5.5).
		for _, name := range []string{"exp", "iat", "jti"} {
			if _, err := s.Sign(httpauth.Object{{Name: name, Value: 5}}, nil); err == nil {
				t.Errorf("a caller overrides %s", name)
			}
		}
	})
	t.Run("jti by another name", func(t *testing.T) {
		raw, err := make(map[string]any{"jti": "tid"}).Sign(httpauth.Object{{Name: "a", Value: 1}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, order := decodePart(t, raw, 1); strings.Join(order, " ") != "exp iat tid a" {
			t.Errorf("claims in order %v", order)
		}
	})
	exp := func(d time.Duration) map[string]any { return map[string]any{"exp": now.Add(d).Unix(), "a": 1} }
	with := func(m map[string]any, name string, v any) map[string]any { m[name] = v; return m }
	tests := []struct {
		name     string
		settings map[string]any
		raw      string
		err      error
	}{
		{"good", nil, forge(t, testSecret, jwt.HS256, exp(time.Minute)), nil},
		{"tampered", nil, tamper(forge(t, testSecret, jwt.HS256, exp(time.Minute))), dialect.ErrEllarToken},
		{"expired", nil, forge(t, testSecret, jwt.HS256, exp(-time.Minute)), dialect.ErrEllarToken},
		{"expired, within a leeway of seconds", map[string]any{"leeway": int64(60)}, forge(t, testSecret, jwt.HS256, exp(-time.Minute/2)), nil},
		{"expired, within a leeway as a duration", map[string]any{"leeway": "1m"}, forge(t, testSecret, jwt.HS256, exp(-time.Minute/2)), nil},
		{"other algorithm", nil, forge(t, testSecret, jwt.HS512, exp(time.Minute)), dialect.ErrEllarAlgorithm},
		{"no exp (accepted by the original)", nil, forge(t, testSecret, jwt.HS256, map[string]any{"a": 1}), dialect.ErrEllarToken},
		{"audience missing", map[string]any{"audience": "A"}, forge(t, testSecret, jwt.HS256, exp(time.Minute)), dialect.ErrEllarToken},
		{"audience not asked for", nil, forge(t, testSecret, jwt.HS256, with(exp(time.Minute), "aud", "A")), nil},
		{"wrong issuer", map[string]any{"issuer": "I"}, forge(t, testSecret, jwt.HS256, with(exp(time.Minute), "iss", "Z")), dialect.ErrEllarToken},
		{"nbf in the future", nil, forge(t, testSecret, jwt.HS256, with(exp(time.Minute), "nbf", now.Unix()+30)), dialect.ErrEllarToken},
		{"garbage", nil, "garbage", dialect.ErrEllarToken},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := make(tt.settings).Verify(context.Background(), tt.raw)
			if err != tt.err || (err == nil) != (got != nil) {
				t.Errorf("Verify = %v, %v, want %v", got, err, tt.err)
			}
		})
	}
	t.Run("unverified", func(t *testing.T) {
		_, claims, err := dialect.ParseUnverified(forge(t, strings.Repeat("foreign!", 8), jwt.HS256, map[string]any{"a": 1}))
		if err != nil || claims["a"] != float64(1) {
			t.Errorf("ParseUnverified = %v, %v", claims, err)
		}
	})
}
