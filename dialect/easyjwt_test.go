package dialect_test

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/dialect"
	"github.com/watchword-auth/watchword/httpauth"
	"github.com/watchword-auth/watchword/jwt"
)

// easyjwtRig is the recorder's server: five people, the auth service under
// /auth, sliding tokens under /sliding, a stateless view.
func easyjwtRig(t *testing.T, o dialect.Options) *rig {
	t.Helper()
	r := newRig(t)
	for _, u := range []watchword.User{
		{Email: "admin@test.com", Staff: true, Superuser: true, Active: true},
		{Email: "staff@test.com", Staff: true, Active: true},
		{Email: "user@test.com", FirstName: "Test", LastName: "User", Active: true},
		{Email: "inactive@test.com"},
		{Email: "gone@test.com", Active: true},
	} {
		u.Login, u.CreatedAt = u.Email, r.now()
		name, _, _ := strings.Cut(u.Email, "@")
		r.user(u, name+"-pass")
	}
	settings := map[string]any{"SIGNING_KEY": testSecret}
	maps.Copy(settings, o.Settings)
	sliding := maps.Clone(settings)
	sliding["sliding"] = true
	o.Settings = sliding
	o.Prefix = "/sliding"
	r.face("easyjwt", o)
	p := &r.faces[0].Profile
	p.Routes = p.Routes[:2]
	p.Routes[1].Pattern = "POST refresh/"
	o.Settings, o.Prefix = settings, ""
	r.face("easyjwt", o)
	p = &r.faces[1].Profile
	p.Routes = append(p.Routes, httpauth.Route{Pattern: "GET /stateless/", Guarded: true, Serve: stateless})
	return r
}

// stateless is a view that makes its user of the claims alone (EZ-29).
func stateless(x *httpauth.Exchange) (httpauth.Reply, error) {
	c, err := watchword.Custom[struct {
		Username string `json:"username"`
		Staff    bool   `json:"is_staff"`
		ID       int64  `json:"user_id"`
	}](x.Claims)
	if err != nil {
		return httpauth.Reply{}, err
	}
	r, err := x.JSON(http.StatusOK, httpauth.Object{
		{Name: "id", Value: c.ID},
		{Name: "pk", Value: c.ID},
		{Name: "username", Value: c.Username},
		{Name: "is_staff", Value: c.Staff},
		{Name: "str", Value: "TokenUser " + x.Claims.Subject},
	})
	r.Header.Set("Vary", "Accept")
	r.Header.Set("Allow", "GET, HEAD, OPTIONS")
	return r, err
}

// easyjwtForgeries are the tokens that the recorder made.
func (r *rig) easyjwtForgeries(tokens map[string]string, parties map[string]any) func(string) string {
	now := r.now().Unix()
	base := func(kind string, id any) map[string]any {
		m := map[string]any{"token_type": kind, "exp": now + 300, "iat": now - 8, "jti": strings.Repeat("0f", 16), "user_id": id}
		if kind != "refresh" && kind != "odd" {
			maps.Copy(m, parties) // these it made by the package itself
		}
		return m
	}
	with := func(m map[string]any, more map[string]any) map[string]any {
		maps.Copy(m, more)
		maps.DeleteFunc(m, func(_ string, v any) bool { return v == nil })
		return m
	}
	expired := map[string]any{"exp": now - 60, "iat": now - 360}
	forged := map[string]map[string]any{
		"forged expired access":                  with(base("access", 3), expired),
		"forged expired refresh":                 with(base("refresh", 3), expired),
		"forged refresh without jti":             with(base("refresh", 3), map[string]any{"jti": nil}),
		"forged refresh without token_type":      with(base("refresh", 3), map[string]any{"token_type": nil}),
		"forged refresh without exp":             with(base("refresh", 3), map[string]any{"exp": nil}),
		"forged refresh of the inactive user":    base("refresh", 4),
		"forged refresh with a custom claim":     with(base("refresh", 3), map[string]any{"role": "x", "jti": strings.Repeat("0e", 16)}),
		"forged iat in the future":               with(base("access", 3), map[string]any{"iat": now + 100}),
		"forged nbf in the future":               with(base("access", 3), map[string]any{"nbf": now + 100}),
		"forged odd token_type":                  base("odd", 3),
		"forged access without user_id":          with(base("access", 3), map[string]any{"user_id": nil}),
		"forged access unknown user":             base("access", 999),
		"forged access unknown user with claims": with(base("access", 999), map[string]any{"username": "zed", "is_staff": true}),
		"forged access inactive user":            base("access", 4),
		"forged no-aud":                          with(base("access", 3), map[string]any{"iss": "iss1", "aud": nil}),
		"forged wrong-aud":                       with(base("access", 3), map[string]any{"iss": "iss1", "aud": "other"}),
		"forged no-iss":                          with(base("access", 3), map[string]any{"aud": "aud1", "iss": nil}),
		"forged wrong-iss":                       with(base("access", 3), map[string]any{"iss": "other", "aud": "aud1"}),
		"forged sliding without refresh_exp":     base("sliding", 3),
		"forged sliding, refresh window over":    with(base("sliding", 3), map[string]any{"refresh_exp": now - 60}),
		"forged sliding, exp over":               with(base("sliding", 3), map[string]any{"exp": now - 60, "iat": now - 360, "refresh_exp": now + 600}),
	}
	return func(name string) string {
		switch name {
		case "access tampered":
			return tamper(tokens["access.1"])
		case "refresh tampered":
			return tamper(tokens["refresh.1"])
		case "forged wrong key":
			return forge(r.t, strings.Repeat("z", 32), jwt.HS256, base("access", 3))
		case "forged HS384":
			return forge(r.t, testSecret, jwt.HS384, base("access", 3))
		case "alg none token":
			parts := strings.Split(tokens["access.1"], ".")
			return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + parts[1] + "."
		}
		if claims, ok := forged[name]; ok {
			return forge(r.t, testSecret, jwt.HS256, claims)
		}
		return ""
	}
}

// easyjwtLater tells the exchanges that belong to the client service, which
// comes with the rows EZ-45 to EZ-66.
func easyjwtLater(e exchange) bool { return strings.HasPrefix(e.Setup, "client-") }

// EZ-01 EZ-02 EZ-03 EZ-04 EZ-05 EZ-06 EZ-07 EZ-08 EZ-09 EZ-10 EZ-11 EZ-12
// EZ-13 EZ-14 EZ-16 EZ-17 EZ-18 EZ-21 EZ-29 EZ-31 EZ-35 EZ-37 EZ-38 EZ-39
// EZ-67 EZ-69 EZ-70
func TestGoldenEasyJWT(t *testing.T) {
	differences := readDifferences(t, "easyjwt")
	settings := map[string]map[string]any{
		"auth-0.5.1": {},
		"auth-1.1.0": {},
		"auth-1.1.0-rotate-blacklist": {
			"ROTATE_REFRESH_TOKENS": true, "BLACKLIST_AFTER_ROTATION": true, "UPDATE_LAST_LOGIN": true, "AUDIENCE": "aud1", "ISSUER": "iss1",
		},
		"auth-1.1.0-revoke": {"CHECK_REVOKE_TOKEN": true},
	}
	replays := make(map[string]*replay)
	for setup, s := range settings {
		s["create_user"], s["password_change"] = true, true
		r := easyjwtRig(t, dialect.Options{Settings: s, AdoptUntil: time.Now().Add(time.Hour)})
		tokens, parties := make(map[string]string), map[string]any{}
		if s["AUDIENCE"] != nil {
			parties = map[string]any{"aud": "aud1", "iss": "iss1"}
		}
		replays[setup] = &replay{
			t: t, server: r.handler(), now: r.now, tokens: tokens, differences: differences, make: r.easyjwtForgeries(tokens, parties),
		}
	}
	played := 0
	for _, e := range readGolden(t, "easyjwt").Exchanges {
		if easyjwtLater(e) {
			continue
		}
		replays[e.Setup].play(e)
		played++
	}
	if played != 388 {
		t.Errorf("%d exchanges were replayed, want the 388 of the auth service", played)
	}
	replays["auth-1.1.0"].finish()
}

// easyjwtHandler serves one dialect with the people of the recording.
func easyjwtHandler(t *testing.T, o dialect.Options) (*rig, http.Handler) {
	t.Helper()
	r := easyjwtRig(t, o)
	r.faces = r.faces[1:]
	return r, r.handler()
}

const easyjwtSignIn = `{"email":"user@test.com","password":"user-pass"}`

// post sends JSON and decodes the answer's texts.
func post(t *testing.T, h http.Handler, path, body string) (int, map[string]any) {
	t.Helper()
	status, header, answer := call(h, "POST", path, jsonBody, body)
	if got := header.Get("Content-Type"); got != "application/json" {
		t.Errorf("POST %s: Content-Type %q", path, got)
	}
	var o map[string]any
	if err := json.Unmarshal([]byte(answer), &o); err != nil {
		t.Fatalf("POST %s = %d %s", path, status, answer)
	}
	return status, o
}

// easyjwtTokens signs the user in.
func easyjwtTokens(t *testing.T, h http.Handler) (access, refresh string) {
	t.Helper()
	status, o := post(t, h, "/auth/token/", easyjwtSignIn)
	access, _ = o["access"].(string)
	refresh, _ = o["refresh"].(string)
	if status != 200 || access == "" || refresh == "" {
		t.Fatalf("token = %d %v", status, o)
	}
	return access, refresh
}
