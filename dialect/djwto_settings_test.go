package dialect_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/watchword-auth/watchword/dialect"
	"github.com/watchword-auth/watchword/jwt"
)

// TestDjwtoStarts: the settings as the document prints them, and others that
// mean something (DJ-14 DJ-31 DJ-32 DJ-49).
func TestDjwtoStarts(t *testing.T) {
	printed := map[string]any{
		"DJWTO_ISS_CLAIM": false, "DJWTO_SUB_CLAIM": false, "DJWTO_AUD_CLAIM": false,
		"DJWTO_IAT_CLAIM": true, "DJWTO_JTI_CLAIM": true, "DJWTO_ALLOW_REFRESH_UPDATE": true,
		"DJWTO_ACCESS_TOKEN_LIFETIME": "5m", "DJWTO_REFRESH_TOKEN_LIFETIME": "24h", "DJWTO_NBF_LIFETIME": "0m",
		"DJWTO_SIGNING_KEY": djwtoSecret, "DJWTO_VERIFYING_KEY": false, "DJWTO_ALGORITHM": "HS256", "DJWTO_MODE": "JSON",
		"DJWTO_REFRESH_COOKIE_PATH": "api/token/refresh", "DJWTO_SAME_SITE": "Lax", "DJWTO_DOMAIN": false, "DJWTO_CSRF": true,
	}
	newDjwto(t, printed, dialect.DjwtoHooks{})
	for name, values := range map[string]map[string]any{
		"an unknown mode":            {"DJWTO_MODE": "NOPE"},
		"a negative lifetime":        {"DJWTO_ACCESS_TOKEN_LIFETIME": "-5m"},
		"a lifetime of nothing":      {"DJWTO_REFRESH_TOKEN_LIFETIME": int64(0)},
		"a lifetime that is text":    {"DJWTO_REFRESH_TOKEN_LIFETIME": "soon"},
		"a negative nbf":             {"DJWTO_NBF_LIFETIME": int64(-1)},
		"an issuer that is a number": {"DJWTO_ISS_CLAIM": int64(7)},
		"a subject that is a list":   {"DJWTO_SUB_CLAIM": []any{"a"}},
		"audiences of numbers":       {"DJWTO_AUD_CLAIM": []any{int64(1)}},
		"an empty audience":          {"DJWTO_AUD_CLAIM": []any{""}},
		"a flag that is text":        {"DJWTO_IAT_CLAIM": "yes"},
		"an unknown algorithm":       {"DJWTO_ALGORITHM": "none"},
		"a short secret":             {"DJWTO_SIGNING_KEY": "short"},
		"half a key":                 {"DJWTO_ALGORITHM": "RS256", "DJWTO_SIGNING_KEY": "", "DJWTO_VERIFYING_KEY": "-----BEGIN PUBLIC KEY-----"},
		"two secrets":                {"DJWTO_VERIFYING_KEY": "another"},
		"a path with a space":        {"DJWTO_REFRESH_COOKIE_PATH": "a b"},
		"no such SameSite":           {"DJWTO_SAME_SITE": "Loose"},
		"no host":                    {"DJWTO_DOMAIN": "a;b"},
		"nothing that ever expires":  {"DJWTO_ACCESS_TOKEN_LIFETIME": false, "DJWTO_REFRESH_TOKEN_LIFETIME": false},
		"no such setting":            {"DJWTO_MOOD": "ONE-COOKIE"},
	} {
		all := map[string]any{"DJWTO_SIGNING_KEY": djwtoSecret}
		for k, v := range values {
			all[k] = v
		}
		if _, err := dialect.Djwto(dialect.Options{Settings: all}); err == nil {
			t.Errorf("%s: the dialect starts", name)
		}
	}
}

// TestDjwtoSigningKey: where the setting is absent the key is the server's
// own, and says so; what the environment has is a setting like any other
// (DJ-34).
func TestDjwtoSigningKey(t *testing.T) {
	if got := dialect.Environment("djwto"); !slices.Equal(got, []string{"DJWTO_SIGNING_KEY"}) {
		t.Errorf("from the environment: %v", got)
	}
	if got := dialect.Environment("ellar"); got != nil {
		t.Errorf("from the environment, for ellar: %v", got)
	}
	d := newDjwto(t, map[string]any{"DJWTO_SIGNING_KEY": ""}, dialect.DjwtoHooks{})
	d.wantView("/testapp/protect/", d.signIn("alice").access, 200, "worked!")
	made, err := dialect.Djwto(dialect.Options{})
	if err != nil || len(made.Notes) != 1 || !strings.HasPrefix(made.Notes[0], "DJWTO_SIGNING_KEY is not set") {
		t.Errorf("notes %q, %v", made.Notes, err)
	}
}

// TestDjwtoKeyPair signs by a private key; whoever has the public one can
// verify (DJ-33).
func TestDjwtoKeyPair(t *testing.T) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(&private.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	text := func(kind string, b []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}))
	}
	verifying := text("PUBLIC KEY", public)
	d := newDjwto(t, nil, dialect.DjwtoHooks{}, func(o *dialect.Options) {
		o.Settings = map[string]any{"DJWTO_ALGORITHM": "ES256", "DJWTO_SIGNING_KEY": text("PRIVATE KEY", der), "DJWTO_VERIFYING_KEY": verifying}
	})
	access := d.signIn("alice").access
	key, err := jwt.ParsePEM([]byte(verifying), jwt.ES256)
	if err != nil {
		t.Fatal(err)
	}
	header, _, err := jwt.Open(context.Background(), access, jwt.KeySet{key})
	if err != nil || header.Algorithm != jwt.ES256 || header.Type != "JWT" || header.KeyID != "" {
		t.Errorf("header %+v, %v", header, err)
	}
	d.wantView("/testapp/protect/", access, 200, "worked!")
}

// TestDjwtoLimits: update_refresh goes on to the session's limit, and no
// further; with rotation a token used twice ends the session (SPEC 10.6).
func TestDjwtoLimits(t *testing.T) {
	d := newDjwto(t, map[string]any{"session_lifetime": "36h"}, dialect.DjwtoHooks{})
	raw := d.signIn("alice").refresh
	update := func() (string, int, string) {
		status, _, body := call(d, "POST", below+"update_refresh/", map[string]string{"Authorization": "Bearer " + raw}, "")
		var p struct{ Refresh string }
		_ = json.Unmarshal([]byte(body), &p)
		return p.Refresh, status, body
	}
	for range 2 {
		d.pass(17 * time.Hour)
		next, status, body := update()
		if status != 200 {
			t.Fatalf("update_refresh = %d %s", status, body)
		}
		raw = next
	}
	d.pass(3 * time.Hour)
	if _, status, body := update(); status != 403 || body != `{"error": "Signature has expired"}` {
		t.Errorf("update_refresh after the session's limit = %d %s", status, body)
	}

	d = newDjwto(t, map[string]any{"rotate_refresh_tokens": true}, dialect.DjwtoHooks{})
	first := d.signIn("alice").refresh
	raw = first
	next, _, _ := update()
	if next == "" || next == first {
		t.Fatal("the refresh token was not rotated")
	}
	d.pass(time.Minute)
	d.want("POST", below+"refresh_access/", first, 500, `{"error": "Can't update access token."}`)
	d.want("POST", below+"refresh_access/", next, 500, `{"error": "Can't update access token."}`)
}

// TestDjwtoOptionalClaims: without jti, without iat and without lifetimes
// what was signed out is still known (DJ-27 DJ-28 DJ-32 DJ-44).
func TestDjwtoOptionalClaims(t *testing.T) {
	for name, values := range map[string]map[string]any{
		"no jti":      {"DJWTO_JTI_CLAIM": false},
		"no iat":      {"DJWTO_IAT_CLAIM": false},
		"neither":     {"DJWTO_JTI_CLAIM": false, "DJWTO_IAT_CLAIM": false, "DJWTO_ACCESS_TOKEN_LIFETIME": false},
		"no exp":      {"DJWTO_REFRESH_TOKEN_LIFETIME": false},
		"nothing":     {"DJWTO_REFRESH_TOKEN_LIFETIME": false, "DJWTO_JTI_CLAIM": false, "DJWTO_IAT_CLAIM": false},
		"all of them": {},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDjwto(t, values, dialect.DjwtoHooks{})
			p := d.signIn("alice")
			d.pass(time.Minute)
			d.want("POST", below+"refresh_access/", p.refresh, 200, "")
			d.want("POST", below+"validate_refresh/", p.refresh, 200, "")
			d.wantView("/testapp/protect/", p.access, 200, "worked!")
			if values["DJWTO_JTI_CLAIM"] == false {
				d.want("POST", below+"logout/", p.refresh, 403, `{"error": "No jti claim was available in the input token. The value is mandatory in order to use the Blacklist API."}`)
				d.want("DELETE", below+"logout/", p.refresh, 204, "")
			} else {
				d.want("POST", below+"logout/", p.refresh, 200, `{"msg": "Token successfully blacklisted."}`)
			}
			d.wantView("/testapp/protect/", p.access, 403, `{"error": "Input jti token is already blacklisted."}`)
			// Long after, when the store has forgotten the session.
			d.pass(20 * time.Hour)
			if _, err := d.store.Purge(t.Context(), d.now(), d.now().Add(-time.Hour), d.now()); err != nil {
				t.Fatal(err)
			}
			d.want("POST", below+"validate_refresh/", p.refresh, 403, `{"error": "Input jti token is already blacklisted."}`)
			d.want("POST", below+"refresh_access/", p.refresh, 500, `{"error": "Can't update access token."}`)
			claims, _ := decodePart(t, p.refresh, 1)
			if _, ok := claims["exp"]; ok == (values["DJWTO_REFRESH_TOKEN_LIFETIME"] == false) {
				t.Errorf("claims %v", claims)
			}
		})
	}
}

// TestDjwtoUserFields: more of the user's record by setting (DJ-42).
func TestDjwtoUserFields(t *testing.T) {
	d := newDjwto(t, nil, dialect.DjwtoHooks{}, func(o *dialect.Options) { o.UserFields = []string{"email"} })
	p := d.signIn("alice")
	for _, raw := range []string{p.refresh, p.access} {
		claims, _ := decodePart(t, raw, 1)
		if got := fmt.Sprint(claims["user"]); got != "map[email:alice@djwto.com id:1 perms:[] username:alice]" {
			t.Errorf("user = %s", got)
		}
	}
}

// TestDjwtoNotBefore: neither token counts before nbf, and no refresh moves
// it (DJ-31).
func TestDjwtoNotBefore(t *testing.T) {
	d := newDjwto(t, map[string]any{"DJWTO_NBF_LIFETIME": "1m"}, dialect.DjwtoHooks{})
	p := d.signIn("alice")
	const early = `{"error": "The token is not yet valid (nbf)"}`
	d.wantView("/testapp/protect/", p.access, 403, early)
	d.want("POST", below+"validate_refresh/", p.refresh, 403, early)
	d.want("POST", below+"update_refresh/", p.refresh, 403, early)
	d.want("POST", below+"logout/", p.refresh, 403, early)
	d.pass(time.Minute)
	d.wantView("/testapp/protect/", p.access, 200, "worked!")
	_, _, body := call(d, "POST", below+"update_refresh/", map[string]string{"Authorization": "Bearer " + p.refresh}, "")
	var next struct{ Refresh, Access string }
	if err := json.Unmarshal([]byte(body), &next); err != nil {
		t.Fatal(err)
	}
	d.wantView("/testapp/protect/", next.Access, 200, "worked!")
	d.want("POST", below+"validate_refresh/", next.Refresh, 200, "")
}
