package dialect_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/dialect"
	"github.com/watchword-auth/watchword/httpauth"
	"github.com/watchword-auth/watchword/jwt"
)

// A visitor is a client with a cookie jar, as the document has one.
type visitor struct {
	t      *testing.T
	server *httptest.Server
	client *http.Client
	header map[string]string
}

func visit(t *testing.T, d *djwtoRig) *visitor {
	t.Helper()
	s := httptest.NewTLSServer(d)
	t.Cleanup(s.Close)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := s.Client()
	client.Jar = jar
	return &visitor{t: t, server: s, client: client, header: map[string]string{"Referer": s.URL}}
}

// send sends a form and returns status, header and body.
func (v *visitor) send(method, path string, form url.Values) (int, http.Header, string) {
	v.t.Helper()
	req, err := http.NewRequestWithContext(v.t.Context(), method, v.server.URL+path, strings.NewReader(form.Encode()))
	if err != nil {
		v.t.Fatal(err)
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for k, value := range v.header {
		req.Header.Set(k, value)
	}
	res, err := v.client.Do(req)
	if err != nil {
		v.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	return res.StatusCode, res.Header, string(body)
}

// want sends a form and compares the answer.
func (v *visitor) want(method, path string, form url.Values, status int, body string) {
	v.t.Helper()
	got, _, text := v.send(method, path, form)
	if got != status || body != "" && text != body {
		v.t.Errorf("%s %s %v = %d %s, want %d %s", method, path, form, got, text, status, body)
	}
}

// cookies are those that the jar would send to the path.
func (v *visitor) cookies(path string) map[string]string {
	u, err := url.Parse(v.server.URL + path)
	if err != nil {
		v.t.Fatal(err)
	}
	jar := make(map[string]string)
	for _, c := range v.client.Jar.Cookies(u) {
		jar[c.Name] = c.Value
	}
	return jar
}

var (
	aliceForm   = url.Values{"username": {"alice"}, "password": {"pass"}}
	refreshForm = url.Values{"jwt_type": {"refresh"}}
)

const below = "/api/token/refresh/"

// TestDjwtoJSONStory is the document's, over TLS, in JSON mode (DJ-01 DJ-13
// DJ-15 DJ-16 DJ-50).
func TestDjwtoJSONStory(t *testing.T) {
	d := newDjwto(t, nil, dialect.DjwtoHooks{})
	v := visit(t, d)
	pair := func(path string, form url.Values) (refresh, access string) {
		t.Helper()
		status, _, body := v.send("POST", path, form)
		var tokens struct{ Refresh, Access string }
		if err := json.Unmarshal([]byte(body), &tokens); err != nil || status != 200 || tokens.Refresh == "" || tokens.Access == "" {
			t.Fatalf("POST %s = %d %s", path, status, body)
		}
		return tokens.Refresh, tokens.Access
	}
	refresh, access := pair("/login/", aliceForm)
	bearer := func(raw string) { v.header["Authorization"] = "Bearer " + raw }
	bearer(access)
	v.want("POST", "/validate_access/", nil, 200, `{"msg": "Token is valid"}`)
	bearer(refresh)
	again, _ := pair(below+"refresh_access/", nil)
	if again != refresh {
		t.Error("refresh_access changed the refresh token")
	}
	d.pass(time.Minute)
	next, newer := pair(below+"update_refresh/", nil)
	was, _ := decodePart(t, refresh, 1)
	is, _ := decodePart(t, next, 1)
	if is["jti"] != was["jti"] || is["exp"].(float64) != was["exp"].(float64)+60 || is["iat"].(float64) != was["iat"].(float64)+60 {
		t.Errorf("update_refresh made %v of %v", is, was)
	}
	if a, _ := decodePart(t, newer, 1); a["jti"] != was["jti"] || a["refresh_iat"] != is["iat"] || a["type"] != "access" {
		t.Errorf("the access token beside it: %v", a)
	}
	bearer(next)
	v.want("POST", below+"logout/", nil, 200, `{"msg": "Token successfully blacklisted."}`)
	v.want("POST", below+"logout/", nil, 409, `{"error": "Input jti token is already blacklisted."}`)
	v.want("POST", below+"update_refresh/", nil, 500, `{"error": "Can't update refresh token."}`)
	v.want("POST", below+"refresh_access/", nil, 500, `{"error": "Can't update access token."}`)
	v.want("DELETE", below+"logout/", nil, 204, "")
	bearer(newer)
	v.want("GET", "/testapp/protect/", nil, 403, `{"error": "Input jti token is already blacklisted."}`)
}

// TestDjwtoCookieStory is the same in the cookie modes, with a jar that sends
// cookies as browsers do (DJ-02 DJ-03 DJ-04 DJ-17 DJ-22 DJ-24 DJ-50).
func TestDjwtoCookieStory(t *testing.T) {
	for _, tt := range []struct{ mode, access, names string }{
		{"ONE-COOKIE", "jwt_access", "csrftoken jwt_access jwt_refresh"},
		{"TWO-COOKIES", "jwt_access_token", "csrftoken jwt_access_payload jwt_access_token jwt_refresh"},
	} {
		t.Run(tt.mode, func(t *testing.T) {
			d := newDjwto(t, map[string]any{"DJWTO_MODE": tt.mode}, dialect.DjwtoHooks{})
			v := visit(t, d)
			names := func(path string) string {
				var list []string
				for name := range v.cookies(path) {
					list = append(list, name)
				}
				slices.Sort(list)
				return strings.Join(list, " ")
			}
			v.want("GET", "/testapp/protect/", nil, 403, `{"error": "Cookie \"`+tt.access+`\" cannot be empty."}`)
			v.want("POST", "/login/", url.Values{"username": {"alice"}, "password": {"no"}}, 401, "")
			first := v.cookies("/")["csrftoken"]
			v.want("POST", "/login/", aliceForm, 200, `{"msg": "Tokens successfully created."}`)
			if got := names(below); got != tt.names {
				t.Errorf("cookies %s, want %s", got, tt.names)
			}
			if got := names("/"); strings.Contains(got, "jwt_refresh") {
				t.Errorf("off the path the refresh token is sent too: %s", got)
			}
			v.header["X-CSRFToken"] = v.cookies("/")["csrftoken"]
			if v.header["X-CSRFToken"] == first {
				t.Error("a sign-in keeps the CSRF token")
			}
			checkPayload(t, v.cookies("/"))
			v.want("GET", "/testapp/protect/", nil, 200, "worked!")
			v.want("POST", "/validate_access/", nil, 200, `{"msg": "Token is valid"}`)
			v.want("POST", below+"validate_refresh/", refreshForm, 200, `{"msg": "Token is valid"}`)
			v.want("POST", below+"refresh_access/", refreshForm, 200, `{"msg": "Access token successfully refreshed."}`)
			v.want("POST", below+"update_refresh/", refreshForm, 200, `{"msg": "Refresh token successfully updated."}`)
			v.forbids("POST", "/validate_access/")

			v.want("POST", below+"logout/", refreshForm, 200, `{"msg": "Token successfully blacklisted."}`)
			if got := names(below); got != "csrftoken jwt_refresh" {
				t.Errorf("after POST logout the cookies are %s", got)
			}
			v.want("POST", below+"update_refresh/", refreshForm, 500, `{"error": "Can't update refresh token."}`)
			v.want("POST", below+"refresh_access/", refreshForm, 500, `{"error": "Can't update access token."}`)
			v.want("POST", below+"logout/", refreshForm, 409, `{"error": "Input jti token is already blacklisted."}`)
			v.forbids("DELETE", below+"logout/")
			v.want("DELETE", below+"logout/", refreshForm, 200, `{"msg": "Tokens successfully deleted."}`)
			if got := names(below); got != "csrftoken" {
				t.Errorf("after DELETE the cookies are %s", got)
			}
			v.want("POST", below+"refresh_access/", refreshForm, 403, `{"error": "Cookie \"jwt_refresh\" cannot be empty."}`)
		})
	}
}

// forbids sends what every check against cross-site requests refuses.
func (v *visitor) forbids(method, path string) {
	v.t.Helper()
	keep := v.header
	for name, change := range map[string][2]string{
		"no token":                 {"X-CSRFToken", ""},
		"no Referer":               {"Referer", ""},
		"a foreign Referer":        {"Referer", "https://evil.test"},
		"a foreign Origin":         {"Origin", "https://evil.test"},
		"an opaque Origin":         {"Origin", "null"},
		"sent across sites":        {"Sec-Fetch-Site", "cross-site"},
		"Referer of another port":  {"Referer", "https://127.0.0.1:1/"},
		"Referer of plain http":    {"Referer", strings.Replace(v.server.URL, "https:", "http:", 1)},
		"a token of another shape": {"X-CSRFToken", "abc"},
	} {
		v.header = map[string]string{}
		for k, value := range keep {
			v.header[k] = value
		}
		v.header[change[0]] = change[1]
		if change[1] == "" {
			delete(v.header, change[0])
		}
		status, header, body := v.send(method, path, nil)
		if status != 403 || header.Get("Content-Type") != "text/html" || !strings.Contains(body, "CSRF verification failed. Request aborted.") {
			v.t.Errorf("%s %s, %s: %d %s", method, path, name, status, body)
		}
	}
	v.header = keep
}

// checkPayload compares the readable cookie with the token beside it.
func checkPayload(t *testing.T, jar map[string]string) {
	t.Helper()
	cookie, ok := jar["jwt_access_payload"]
	if !ok {
		return
	}
	text, err := base64.StdEncoding.DecodeString(cookie)
	if err != nil {
		t.Fatal(err)
	}
	claims, _ := decodePart(t, jar["jwt_access_token"], 1)
	if b, err := json.Marshal(claims); err != nil || !sameJSON(string(b), string(text)) {
		t.Errorf("the cookie says %s, the token %s, %v", text, b, err)
	}
	if !strings.HasPrefix(string(text), `{"exp": `) {
		t.Errorf("payload %s", text)
	}
}

// TestDjwtoSignInAcrossSites: no token is demanded of a sign-in, but its
// origin is looked at (DJ-23; SPEC 10.12).
func TestDjwtoSignInAcrossSites(t *testing.T) {
	d := newDjwto(t, map[string]any{"DJWTO_MODE": "ONE-COOKIE"}, dialect.DjwtoHooks{})
	for origin, want := range map[string]int{"https://evil.test": 403, "https://localhost": 200, "": 200} {
		header := map[string]string{"Content-Type": "application/x-www-form-urlencoded", "X-Forwarded-Proto": "https"}
		if origin != "" {
			header["Origin"] = origin
		}
		if status, _, body := call(d, "POST", "/login/", header, aliceForm.Encode()); status != want {
			t.Errorf("sign-in from %q = %d %s, want %d", origin, status, body, want)
		}
	}
}

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

type djwtoPair struct{ refresh, access string }

// signIn signs in, in JSON mode.
func (r *djwtoRig) signIn(login string) djwtoPair {
	r.t.Helper()
	status, _, body := call(r, "POST", "/login/", map[string]string{"Content-Type": "application/x-www-form-urlencoded"}, "username="+login+"&password=pass")
	var p struct{ Refresh, Access string }
	if err := json.Unmarshal([]byte(body), &p); err != nil || status != 200 {
		r.t.Fatalf("sign in %s: %d %s", login, status, body)
	}
	return djwtoPair{p.Refresh, p.Access}
}

func (r *djwtoRig) wantView(path, raw string, status int, body string) {
	r.t.Helper()
	r.want("GET", path, raw, status, body)
}

// want sends a bearer and compares the answer.
func (r *djwtoRig) want(method, path, raw string, status int, body string) {
	r.t.Helper()
	got, _, text := call(r, method, path, map[string]string{"Authorization": "Bearer " + raw}, "")
	if got != status || body != "" && text != body {
		r.t.Errorf("%s %s = %d %s, want %d %s", method, path, got, text, status, body)
	}
}

// TestDjwtoUsersChange: what becomes of a user reaches his tokens (DJ-35
// DJ-45 DJ-46).
func TestDjwtoUsersChange(t *testing.T) {
	const inactive, notAccess, notRefresh = `{"error": "User is inactive."}`, `{"error": "Can't update access token."}`, `{"error": "Can't update refresh token."}`
	change := func(d *djwtoRig, c watchword.UserChange) {
		t.Helper()
		if _, err := d.store.UpdateUser(t.Context(), "4", c, 0, d.now().Add(time.Hour), d.now()); err != nil {
			t.Fatal(err)
		}
		if err := d.auth.Follow(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for _, end := range []string{"disabled", "removed"} {
		d := newDjwto(t, nil, dialect.DjwtoHooks{})
		dave := d.signIn("dave")
		status, access, update := 403, inactive, inactive
		if end == "disabled" {
			off := false
			change(d, watchword.UserChange{Active: &off})
		} else {
			if err := d.store.DeleteUser(t.Context(), "4", d.now().Add(time.Hour), d.now()); err != nil {
				t.Fatal(err)
			}
			status, access, update = 500, notAccess, notRefresh
		}
		d.want("POST", below+"refresh_access/", dave.refresh, status, access)
		d.want("POST", below+"update_refresh/", dave.refresh, status, update)
		d.want("POST", below+"validate_refresh/", dave.refresh, 403, "")
	}
	d := newDjwto(t, nil, dialect.DjwtoHooks{})
	dave := d.signIn("dave")
	d.pass(time.Second)
	change(d, watchword.UserChange{Permissions: &[]string{"perm1"}})
	d.wantView("/testapp/perms_protect/", dave.access, 403, `{"error": "Permissions have changed since the token was made."}`)
	d.want("POST", below+"validate_refresh/", dave.refresh, 200, "")
	d.pass(time.Second)
	status, _, body := call(d, "POST", below+"refresh_access/", map[string]string{"Authorization": "Bearer " + dave.refresh}, "")
	var p struct{ Refresh, Access string }
	if err := json.Unmarshal([]byte(body), &p); err != nil || status != 200 {
		t.Fatalf("refresh_access = %d %s", status, body)
	}
	claims, _ := decodePart(t, p.Access, 1)
	if perms := claims["user"].(map[string]any)["perms"]; fmt.Sprint(perms) != "[perm1]" {
		t.Errorf("the new token's perms are %v", perms)
	}
	d.wantView("/testapp/perms_protect/", p.Access, 200, "perms also worked!")
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

// TestDjwtoTwoLogouts: of many who sign out at once one is told that he did
// (SPEC 10.16).
func TestDjwtoTwoLogouts(t *testing.T) {
	d := newDjwto(t, nil, dialect.DjwtoHooks{})
	raw := d.signIn("alice").refresh
	var mu sync.Mutex
	got := make(map[int]int)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			status, _, _ := call(d, "POST", below+"logout/", map[string]string{"Authorization": "Bearer " + raw}, "")
			mu.Lock()
			defer mu.Unlock()
			got[status]++
		})
	}
	wg.Wait()
	if got[200] != 1 || got[409] != 7 {
		t.Errorf("answers %v, want one 200 and seven 409", got)
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

// TestDjwtoFunctions: what the document replaces by assignment is given as
// functions (DJ-42 DJ-43).
func TestDjwtoFunctions(t *testing.T) {
	hooks := dialect.DjwtoHooks{
		User: func(u watchword.User, perms []string) (httpauth.Object, error) {
			return httpauth.Object{
				{Name: "username", Value: u.Login}, {Name: "email", Value: u.Email}, {Name: "id", Value: 1}, {Name: "perms", Value: perms},
			}, nil
		},
		Permissions: func(watchword.User) []string { return []string{"perm1"} },
		Claims: func(s *watchword.ClaimSet) (httpauth.Object, error) {
			return httpauth.Object{{Name: "tenant", Value: "of " + s.User.Login}}, nil
		},
		Authenticator: onlyAnn{},
	}
	d := newDjwto(t, nil, hooks)
	status, _, body := call(d, "POST", "/login/", map[string]string{"Content-Type": "application/x-www-form-urlencoded"}, "username=x&password=anything")
	var p struct{ Refresh, Access string }
	if err := json.Unmarshal([]byte(body), &p); err != nil || status != 200 {
		t.Fatalf("sign in: %d %s", status, body)
	}
	claims, order := decodePart(t, p.Access, 1)
	if got := fmt.Sprint(claims["user"], claims["tenant"]); got != "map[email:alice@djwto.com id:1 perms:[perm1] username:alice]of alice" {
		t.Errorf("claims %s, in order %v", got, order)
	}
	d.wantView("/testapp/perms_protect/", p.Access, 200, "perms also worked!")

	hooks.Claims = func(*watchword.ClaimSet) (httpauth.Object, error) {
		return httpauth.Object{{Name: "exp", Value: 1 << 40}}, nil
	}
	d = newDjwto(t, nil, hooks)
	if status, _, body := call(d, "POST", "/login/", map[string]string{"Content-Type": "application/x-www-form-urlencoded"}, "username=x&password=y"); status != 500 || body != `{"error": "Failed to process request."}` {
		t.Errorf("a function that sets exp: %d %s", status, body)
	}
}

// onlyAnn lets everybody in as alice.
type onlyAnn struct{}

func (onlyAnn) Authenticate(context.Context, watchword.Credentials) (watchword.User, error) {
	return watchword.User{ID: "1", Login: "alice", Email: "alice@djwto.com", Active: true, Version: 1}, nil
}

// TestDjwtoSignals: names, senders, counts and payloads (DJ-41).
func TestDjwtoSignals(t *testing.T) {
	var got []string
	var last dialect.DjwtoSignal
	note := func(_ context.Context, s dialect.DjwtoSignal) {
		got, last = append(got, s.Name+" of "+s.Sender), s
	}
	breaks := func(context.Context, dialect.DjwtoSignal) { panic("a handler that breaks") }
	all := []dialect.DjwtoHandler{breaks, note}
	d := newDjwto(t, nil, dialect.DjwtoHooks{Signals: dialect.DjwtoSignals{
		LoggedIn: all, LoginFailed: all, Blacklisted: all, Validated: all, AccessRefreshed: all, RefreshUpdated: all,
	}})
	bearer := map[string]string{}
	step := func(want, method, path, form string) string {
		t.Helper()
		got, last = nil, dialect.DjwtoSignal{}
		header := map[string]string{"Content-Type": "application/x-www-form-urlencoded"}
		if raw := bearer["raw"]; raw != "" {
			header["Authorization"] = "Bearer " + raw
		}
		_, _, body := call(d, method, path, header, form)
		if s := strings.Join(got, ", "); s != want {
			t.Errorf("%s %s told %q, want %q", method, path, s, want)
		}
		if want != "" && (last.Request == nil || last.Request.URL.Path != path) {
			t.Errorf("%s: request %v", want, last.Request)
		}
		return body
	}
	claims := func(kind string, b []byte) map[string]any {
		t.Helper()
		var c map[string]any
		if err := json.Unmarshal(b, &c); err != nil || c["type"] != kind {
			t.Errorf("%s claims %s, %v", kind, b, err)
		}
		return c
	}
	step("jwt_login_fail of GetTokensView", "POST", "/login/", "username=alice&password=nope")
	if last.Error != `{"__all__": ["Please enter a correct username and password. Note that both fields may be case-sensitive."]}` {
		t.Errorf("error %s", last.Error)
	}
	step("jwt_login_fail of GetTokensView", "POST", "/login/", "")
	if last.Error != `{"username": ["This field is required."], "password": ["This field is required."]}` {
		t.Errorf("error %s", last.Error)
	}
	var p struct{ Refresh, Access string }
	if err := json.Unmarshal([]byte(step("jwt_logged_in of GetTokensView", "POST", "/login/", "username=alice&password=pass")), &p); err != nil {
		t.Fatal(err)
	}
	jti := claims("refresh", last.RefreshClaims)["jti"]
	claims("access", last.AccessClaims)
	bearer["raw"] = p.Access
	step("", "POST", "/login/", "username=alice&password=pass")
	step("jwt_token_validated of ValidateTokensView", "POST", "/validate_access/", "")
	step("", "POST", below+"validate_refresh/", "")
	bearer["raw"] = p.Refresh
	step("jwt_token_validated of ValidateTokensView", "POST", below+"validate_refresh/", "")
	step("jwt_access_refreshed of RefreshAccessView", "POST", below+"refresh_access/", "")
	claims("refresh", last.RefreshClaims)
	claims("access", last.AccessClaims)
	d.pass(time.Second)
	step("jwt_refresh_updated of UpdateRefreshView", "POST", below+"update_refresh/", "")
	if c := claims("refresh", last.RefreshClaims); c["iat"].(float64) != float64(d.now().Unix()) || c["jti"] != jti {
		t.Errorf("the claims are not the new ones: %v", c)
	}
	step("jwt_blacklisted of BlackListTokenView", "POST", below+"logout/", "")
	if last.ID != jti {
		t.Errorf("jti %s, want %v", last.ID, jti)
	}
	step("", "POST", below+"logout/", "")
	step("", "POST", below+"refresh_access/", "")
}

// TestDjwtoGuards are the decorators (DJ-37 DJ-38 DJ-39 DJ-40).
func TestDjwtoGuards(t *testing.T) {
	show := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		claims, ok := httpauth.ClaimsFrom(r.Context())
		raw, _ := dialect.RawToken(r.Context())
		_, _ = fmt.Fprintf(w, "%v %s %d", ok, claims.Kind, strings.Count(raw, "."))
	})
	test := func(_ *http.Request, claims *watchword.Claims) (bool, string) {
		return claims != nil && claims.UserID == "4", "Only for dave."
	}
	for _, tt := range []struct {
		mode           string
		absent, other  string // texts
		refreshAbsent  string
		notRefreshText string
	}{
		{
			"JSON", `Token not found in \"HTTP_AUTHORIZATION\" header.`, "Access token was not sent in authorization header.",
			`Token not found in \"HTTP_AUTHORIZATION\" header.`, "Refresh token was not sent in authorization header.",
		},
		{
			"ONE-COOKIE", `Cookie \"jwt_access\" cannot be empty.`, `Cookie \"jwt_access\" does not hold an access token.`,
			`Cookie \"jwt_refresh\" cannot be empty.`, `POST variable \"jwt_type\" must be equal to \"refresh\".`,
		},
	} {
		t.Run(tt.mode, func(t *testing.T) {
			d := newDjwto(t, map[string]any{"DJWTO_MODE": tt.mode, "DJWTO_CSRF": false}, dialect.DjwtoHooks{})
			g := d.guards
			mux := http.NewServeMux()
			mux.Handle("/login", g.RequireLogin(show))
			mux.Handle("/test", g.RequireLogin(g.RequireTest(test)(show)))
			mux.Handle("/outside", g.RequireTest(test)(show))
			mux.Handle(below+"mine/", g.IsRefresh(show))
			mux.Handle("/elsewhere", g.IsRefresh(show))
			alice, dave := d.pairOf(tt.mode, "alice"), d.pairOf(tt.mode, "dave")
			want := func(path string, header map[string]string, form string, status int, body string) {
				t.Helper()
				h := map[string]string{"Content-Type": "application/x-www-form-urlencoded"}
				for k, v := range header {
					h[k] = v
				}
				if status == 403 {
					body = `{"error": "` + body + `"}`
				}
				if got, _, text := call(mux, "POST", path, h, form); got != status || text != body {
					t.Errorf("%s with %q = %d %s, want %d %s", path, form, got, text, status, body)
				}
			}
			access := func(p djwtoPair) map[string]string {
				if tt.mode == "JSON" {
					return map[string]string{"Authorization": "Bearer " + p.access}
				}
				return map[string]string{"Cookie": "jwt_access=" + p.access}
			}
			refresh := func(p djwtoPair) map[string]string {
				if tt.mode == "JSON" {
					return map[string]string{"Authorization": "Bearer " + p.refresh}
				}
				return map[string]string{"Cookie": "jwt_access=" + p.access + "; jwt_refresh=" + p.refresh}
			}
			want("/login", nil, "", 403, tt.absent)
			want("/login", access(alice), "", 200, "true access 2")
			want("/login", access(djwtoPair{access: alice.refresh}), "", 403, tt.other)
			want("/test", access(alice), "", 403, "Only for dave.")
			want("/test", access(dave), "", 200, "true access 2")
			want("/outside", access(dave), "", 403, "Only for dave.")
			want(below+"mine/", nil, "jwt_type=refresh", 403, tt.refreshAbsent)
			want(below+"mine/", refresh(alice), "jwt_type=refresh", 200, "true refresh 2")
			want(below+"mine/", access(alice), "", 403, tt.notRefreshText)
			want("/elsewhere", refresh(alice), "jwt_type=refresh", 403, "Refresh token is only sent in path: api/token/refresh")
			if err := d.auth.SignOut(t.Context(), watchword.SignOutRequest{Raw: alice.refresh}); err != nil {
				t.Fatal(err)
			}
			want(below+"mine/", refresh(alice), "jwt_type=refresh", 403, "Input jti token is already blacklisted.")
		})
	}
	if _, err := dialect.NewDjwtoGuards(nil, httpauth.Native("/auth/v1", nil)); err == nil {
		t.Error("guards of another profile")
	}
}

// pairOf signs in, in either mode.
func (r *djwtoRig) pairOf(mode, login string) djwtoPair {
	r.t.Helper()
	if mode == "JSON" {
		return r.signIn(login)
	}
	_, header, _ := call(r, "POST", "/login/", map[string]string{"Content-Type": "application/x-www-form-urlencoded"}, "username="+login+"&password=pass")
	jar := cookieJar(header)
	return djwtoPair{jar["jwt_refresh"], jar["jwt_access"]}
}

// TestDjwtoCookiesThatAreTooLong: what browsers would drop is refused, and
// the session with it.
func TestDjwtoCookiesThatAreTooLong(t *testing.T) {
	d := newDjwto(t, map[string]any{"DJWTO_MODE": "TWO-COOKIES"}, dialect.DjwtoHooks{
		Permissions: func(watchword.User) []string { return slices.Repeat([]string{"app.a_long_permission"}, 200) },
	})
	status, header, body := call(d, "POST", "/login/", map[string]string{"Content-Type": "application/x-www-form-urlencoded"}, aliceForm.Encode())
	if status != 500 || body != `{"error": "Failed to process request."}` || strings.Contains(strings.Join(header["Set-Cookie"], ""), "jwt_") {
		t.Errorf("sign-in = %d %s %v", status, body, header)
	}
	if open, err := d.store.ListSessions(t.Context(), watchword.SessionFilter{}, d.now()); err != nil || len(open) != 0 {
		t.Errorf("%d sessions are open, %v", len(open), err)
	}
}

// TestDjwtoTakesOver: a pair that the old system made goes on: one session
// for it, however often it is shown; signing out reaches the access token
// too, whose jti is the same; and what the old system's blacklist held stays
// refused.
func TestDjwtoTakesOver(t *testing.T) {
	d := newDjwto(t, nil, dialect.DjwtoHooks{})
	old := func(jti string) djwtoPair {
		return djwtoPair{
			refresh: d.sign(d.key, map[string]any{"type": "refresh", "jti": jti, "exp": d.now().Unix() + 3600}),
			access:  d.sign(d.key, map[string]any{"jti": jti, "refresh_iat": d.now().Unix()}),
		}
	}
	p := old("900f4f1a-3e0f-4843-9997-9fd8d032684e")
	d.wantView("/testapp/protect/", p.access, 200, "worked!")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() { d.want("POST", below+"refresh_access/", p.refresh, 200, "") })
	}
	wg.Wait()
	if open, err := d.store.ListSessions(t.Context(), watchword.SessionFilter{}, d.now()); err != nil || len(open) != 1 {
		t.Errorf("%d sessions are open, %v", len(open), err)
	}
	d.want("POST", below+"validate_refresh/", p.refresh, 200, `{"msg": "Token is valid"}`)
	d.want("POST", below+"logout/", p.refresh, 200, `{"msg": "Token successfully blacklisted."}`)
	d.want("POST", below+"logout/", p.refresh, 409, `{"error": "Input jti token is already blacklisted."}`)
	d.want("POST", below+"refresh_access/", p.refresh, 500, `{"error": "Can't update access token."}`)
	d.wantView("/testapp/protect/", p.access, 403, `{"error": "Input jti token is already blacklisted."}`)

	p = old("0e9bfcdc-d684-47b5-9677-0cb5e5e88893")
	fact := watchword.Fact{Kind: watchword.TokenFact, ID: "0e9bfcdc-d684-47b5-9677-0cb5e5e88893", Until: d.now().Add(time.Hour)}
	if _, err := d.store.AddFact(t.Context(), fact); err != nil {
		t.Fatal(err)
	}
	if err := d.auth.Follow(t.Context()); err != nil {
		t.Fatal(err)
	}
	d.want("POST", below+"refresh_access/", p.refresh, 500, `{"error": "Can't update access token."}`)
	d.want("POST", below+"logout/", p.refresh, 409, `{"error": "Input jti token is already blacklisted."}`)
	d.wantView("/testapp/protect/", p.access, 403, "")
}

// TestDjwtoPreflight: a front-end on another origin may ask; others get the
// framework's answer.
func TestDjwtoPreflight(t *testing.T) {
	d := newDjwto(t, map[string]any{"DJWTO_MODE": "ONE-COOKIE"}, dialect.DjwtoHooks{})
	d.profile.Origins = []string{"https://app.example.com"}
	h, err := httpauth.Handler(d.auth, d.profile)
	if err != nil {
		t.Fatal(err)
	}
	status, header, _ := call(h, "OPTIONS", below+"logout/", map[string]string{
		"Origin": "https://app.example.com", "Access-Control-Request-Method": "DELETE", "Access-Control-Request-Headers": "x-csrftoken",
	}, "")
	if status != 204 || header.Get("Access-Control-Allow-Origin") != "https://app.example.com" ||
		!strings.Contains(strings.ToLower(header.Get("Access-Control-Allow-Headers")), "x-csrftoken") ||
		!strings.Contains(header.Get("Access-Control-Allow-Methods"), "DELETE") {
		t.Errorf("preflight = %d %v", status, header)
	}
	status, header, body := call(h, "OPTIONS", below+"logout/", nil, "")
	if status != 200 || body != "" || header.Get("Allow") != "POST, DELETE, OPTIONS" {
		t.Errorf("OPTIONS = %d %v %s", status, header, body)
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

// TestDjwtoIssues: tokens for what nobody signs in as.
func TestDjwtoIssues(t *testing.T) {
	d := newDjwto(t, map[string]any{"DJWTO_NBF_LIFETIME": "1m"}, dialect.DjwtoHooks{})
	issued, err := d.auth.Issue(t.Context(), watchword.IssueRequest{Subject: "car:42", Permissions: []string{"perm1"}, Lifetime: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	claims, _ := decodePart(t, issued.Access, 1)
	if got := fmt.Sprint(claims["user"]); got != "map[id:car:42 perms:[perm1] username:car:42]" {
		t.Errorf("user = %s", got)
	}
	d.pass(time.Minute)
	d.wantView("/testapp/perms_protect/", issued.Access, 200, "perms also worked!")
	d.want("POST", below+"refresh_access/", issued.Access, 403, `{"error": "Refresh token was not sent in authorization header."}`)
}

// TestDjwtoIsNoOtherDialect: with the same secret tokens of one system open
// nothing of another.
func TestDjwtoIsNoOtherDialect(t *testing.T) {
	d := newDjwto(t, map[string]any{"DJWTO_SIGNING_KEY": testSecret}, dialect.DjwtoHooks{})
	other, err := dialect.ByName("easyjwt", dialect.Options{Settings: map[string]any{"SIGNING_KEY": testSecret}})
	if err != nil {
		t.Fatal(err)
	}
	c, err := other.Engine(d.rig.base)
	if err != nil {
		t.Fatal(err)
	}
	auth, err := watchword.New(c)
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := auth.SignIn(t.Context(), watchword.SignInRequest{Credentials: watchword.Credentials{Login: "alice", Password: "pass"}})
	if err != nil {
		t.Fatal(err)
	}
	ours := d.signIn("alice")
	for _, raw := range []string{theirs.Access, theirs.Refresh} {
		d.wantView("/testapp/protect/", raw, 403, "")
		for _, path := range []string{"validate_refresh/", "refresh_access/", "update_refresh/", "logout/"} {
			d.want("POST", below+path, raw, 403, "")
		}
	}
	for _, raw := range []string{ours.access, ours.refresh} {
		if _, err := auth.Verify(t.Context(), raw); err == nil {
			t.Error("another dialect takes our token")
		}
		if _, err := auth.Refresh(t.Context(), watchword.RefreshRequest{Raw: raw}); err == nil {
			t.Error("another dialect refreshes by our token")
		}
	}
}
