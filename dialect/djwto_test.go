package dialect_test

import (
	"encoding/base64"
	"encoding/json"
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

// TestDjwtoPrefix: below a prefix routes, cookie path and texts follow.
func TestDjwtoPrefix(t *testing.T) {
	d := newDjwto(t, map[string]any{"DJWTO_MODE": "ONE-COOKIE", "DJWTO_REFRESH_COOKIE_PATH": "/auth/r/"}, dialect.DjwtoHooks{},
		func(o *dialect.Options) { o.Prefix = "/old" })
	form := map[string]string{"Content-Type": "application/x-www-form-urlencoded"}
	status, header, body := call(d, "POST", "/old/login/", form, aliceForm.Encode())
	if status != 200 || !strings.Contains(header["Set-Cookie"][0], "; Path=/old/auth/r; ") {
		t.Fatalf("sign-in = %d %v %s", status, header, body)
	}
	jar := cookieJar(header)
	form["Cookie"] = "csrftoken=" + jar["csrftoken"] + "; jwt_refresh=" + jar["jwt_refresh"]
	if status, _, _ := call(d, "POST", "/old/auth/r/refresh_access/", form, "jwt_type=refresh"); status != 403 {
		t.Errorf("without a CSRF token: %d, want 403", status)
	}
	form["X-CSRFToken"] = jar["csrftoken"]
	if status, _, body := call(d, "POST", "/old/auth/r/refresh_access/", form, "jwt_type=refresh"); status != 200 {
		t.Errorf("refresh_access = %d %s", status, body)
	}
	form["Cookie"] = "csrftoken=" + jar["csrftoken"]
	want := `{"error": "Refresh cookie is only sent in path \"/old/auth/r\". Requested path was: /old/validate_access/."}`
	if status, _, body := call(d, "POST", "/old/validate_access/", form, "jwt_type=refresh"); status != 403 || body != want {
		t.Errorf("validate_access = %d %s", status, body)
	}
}
