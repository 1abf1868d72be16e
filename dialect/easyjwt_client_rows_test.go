package dialect_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/dialect"
)

// tokens signs somebody in at the client service.
func (r *clientRig) tokens(login, pass string) (access, refresh string) {
	r.t.Helper()
	status, o := post(r.t, r.handler, "/auth/token/", `{"email":"`+login+`","password":"`+pass+`"}`)
	access, _ = o["access"].(string)
	refresh, _ = o["refresh"].(string)
	if status != 200 || access == "" || refresh == "" {
		r.t.Fatalf("token = %d %v", status, o)
	}
	return access, refresh
}

// get asks for a page with a token.
func (r *clientRig) get(path, access string) (int, string) {
	header := map[string]string{}
	if access != "" {
		header["Authorization"] = "Bearer " + access
	}
	status, _, body := call(r.handler, "GET", path, header, "")
	return status, body
}

// EZ-50 EZ-51 EZ-52 EZ-53 EZ-55 EZ-72: users are fetched when they sign in or
// are first seen, once, and known by their id at the authority.
func TestEasyJWTClientUsers(t *testing.T) {
	rig, authority := easyjwtHandler(t, dialect.Options{})
	r := newClient(t, authority, dialect.Options{SampleRoutes: true})
	if len(r.users.users) != 0 {
		t.Fatal("the mirror is not empty at first")
	}
	// In reverse order of their ids: what is counted here would mix them up.
	user, _ := r.tokens("user@test.com", "user-pass")
	if u := r.users.users[r.upstream.URL+" 3"]; len(r.users.users) != 1 || u.Email != "user@test.com" || u.FirstName != "Test" || !u.Active {
		t.Fatalf("after a sign-in the mirror has %+v", r.users.users)
	}
	admin, _ := r.tokens("admin@test.com", "admin-pass")
	for id, access := range map[string]string{"3": user, "1": admin} {
		for _, path := range []string{"/auth/user/", "/auth/users/" + id + "/"} {
			if status, body := r.get(path, access); status != 200 || !strings.HasPrefix(body, `{"id":`+id+`,`) {
				t.Errorf("GET %s = %d %s", path, status, body)
			}
		}
	}
	for _, path := range []string{"/auth/users/1/", "/auth/users/99/", "/auth/users/x/", "/auth/users/03/"} {
		if status, body := r.get(path, user); status != 404 || body != `{"detail":"Not found."}` {
			t.Errorf("GET %s of another = %d %s", path, status, body)
		}
	}
	if status, body := r.get("/auth/user/", ""); status != 401 || body != `{"detail":"Authentication credentials were not provided."}` {
		t.Errorf("GET user/ without a token = %d %s", status, body)
	}
	// The administrator there is nobody's administrator here.
	claims, err := r.service.Verify(t.Context(), admin)
	if err != nil {
		t.Fatal(err)
	}
	if u, err := r.service.User(t.Context(), claims); err != nil || u.Staff || u.Superuser || u.Email != "admin@test.com" {
		t.Errorf("the mirrored administrator is %+v, %v", u, err)
	}
	name := "Other"
	if _, err := rig.store.UpdateUser(t.Context(), "3", watchword.UserChange{FirstName: &name}, 0, rig.now(), rig.now()); err != nil {
		t.Fatal(err)
	}
	r.tokens("user@test.com", "user-pass")
	if u := r.users.users[r.upstream.URL+" 3"]; len(r.users.users) != 2 || u.FirstName != "Other" {
		t.Errorf("after the next sign-in the mirror has %+v", r.users.users)
	}
	// A token from elsewhere, seen here for the first time.
	status, o := post(t, authority, "/auth/token/", `{"email":"staff@test.com","password":"staff-pass"}`)
	if status != 200 {
		t.Fatal(o)
	}
	for range 2 {
		if status, body := r.get("/api/test/", o["access"].(string)); status != 200 {
			t.Fatalf("the view = %d %s", status, body)
		}
	}
	if u := r.users.users[r.upstream.URL+" 2"]; u.Email != "staff@test.com" {
		t.Errorf("after the first request the mirror has %+v", r.users.users)
	}
	// Three sign-ins, four records that their owners asked for, and one first
	// sight.
	if r.users.writes != 8 {
		t.Errorf("%d records were written, want 8", r.users.writes)
	}
}

// EZ-54 EZ-56: what the authority adds to a user's record arrives as it is, and
// decides who may use this service.
func TestEasyJWTClientPermission(t *testing.T) {
	rig, authority := easyjwtHandler(t, dialect.Options{})
	setExtra := func(text string) {
		t.Helper()
		extra := []byte(text)
		if _, err := rig.store.UpdateUser(t.Context(), "3", watchword.UserChange{Extra: &extra}, 0, rig.now(), rig.now()); err != nil {
			t.Fatal(err)
		}
	}
	r := newClient(t, authority, dialect.Options{SampleRoutes: true, Settings: map[string]any{
		"permission_field": "customuserfield.field1", "permission_value": "field1 value",
	}})
	const denied = `{"detail":"You do not have permission to this service"}`
	for _, tt := range []struct {
		extra  string
		status int
		body   string
	}{
		{`{"customuserfield":{"field1":"field1 value","field2":"","field3":""}}`, 200, `"success"`},
		{`{"customuserfield":{"field1":"another","field2":"","field3":""}}`, 403, denied},
		{`{"customuserfield":"field1 value"}`, 403, denied},
		{`{"field1":"field1 value"}`, 403, denied},
		{`{}`, 403, denied},
	} {
		setExtra(tt.extra)
		access, _ := r.tokens("user@test.com", "user-pass")
		if status, body := r.get("/api/test/", access); status != tt.status || body != tt.body {
			t.Errorf("with %s the view = %d %s, want %d %s", tt.extra, status, body, tt.status, tt.body)
		}
		var raw struct{ Customuserfield any }
		if err := json.Unmarshal(r.users.users[r.upstream.URL+" 3"].Raw, &raw); err != nil {
			t.Error(err)
		}
	}
}

// EZ-63 EZ-64: the refresh token's cookie, and whose pages may use it.
func TestEasyJWTClientCookie(t *testing.T) {
	_, authority := easyjwtHandler(t, dialect.Options{})
	r := newClient(t, authority, dialect.Options{Settings: map[string]any{
		"REFRESH_TOKEN_IN_COOKIE": true, "AUTH_COOKIE_NAME": "r", "AUTH_COOKIE_SECURE": true, "AUTH_COOKIE_SAMESITE": "Strict",
		"AUTH_COOKIE_PATH": "/auth/", "AUTH_COOKIE_DOMAIN": "example.com", "AUTH_COOKIE_MAX_AGE": int64(60),
		"ALLOWED_AUTH_ORIGINS": []any{"https://app.example.com"},
	}})
	csrf := strings.Repeat("a", 64)
	send := func(origin ...string) (int, http.Header, string) {
		h := map[string]string{"Content-Type": "application/json", "Cookie": "csrftoken=" + csrf, "X-CSRFToken": csrf}
		for i := 0; i+1 < len(origin); i += 2 {
			h[origin[i]] = origin[i+1]
		}
		return call(r.handler, "POST", "/auth/token/", h, easyjwtSignIn)
	}
	status, header, body := send("Origin", "https://app.example.com")
	if status != 200 || strings.Contains(body, "refresh") || header.Get("Access-Control-Allow-Origin") != "https://app.example.com" {
		t.Fatalf("sign-in = %d %s %v", status, body, header)
	}
	want := regexp.MustCompile(`^r=eyJ[\w.-]+; Domain=example\.com; expires=[^;]+ GMT; HttpOnly; Max-Age=60; Path=/auth/; SameSite=Strict; Secure$`)
	if got := header.Get("Set-Cookie"); !want.MatchString(got) {
		t.Errorf("the cookie is %s", got)
	}
	if status, _, _ := send("Referer", "https://app.example.com/page"); status != 200 {
		t.Errorf("by its Referer the page = %d", status)
	}
	for _, other := range [][]string{
		{"Origin", "https://evil.test"},
		{"Origin", "https://evil.test", "Sec-Fetch-Site", "cross-site"},
		{"Referer", "https://evil.test/"},
		{"Referer", "https://app.example.com.evil.test/"},
		{},
	} {
		if status, _, body := send(other...); status != 403 || body != `{"detail":"Disallowed origin."}` {
			t.Errorf("%v = %d %s", other, status, body)
		}
	}
}

// EZ-59: every path and header of the settings is what the authority sees.
func TestEasyJWTClientAsks(t *testing.T) {
	type asked struct{ line, token, kind, from, body string }
	var seen []asked
	token := forge(t, testSecret, "HS256", map[string]any{"token_type": "access", "exp": time.Now().Add(time.Minute).Unix(), "uid": "a/b?c"})
	stub := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := make([]byte, 4096)
		n, _ := r.Body.Read(body)
		seen = append(seen, asked{r.Method + " " + r.URL.EscapedPath(), r.Header.Get("X-Token"), r.Header.Get("Content-Type"), r.Header.Get("X-Forwarded-For"), string(body[:n])})
		w.Header().Set("Content-Type", "application/json")
		switch r.URL.Path {
		case "/t":
			_, _ = w.Write([]byte(`{"refresh":"` + token + `","access":"` + token + `","more":{"x":1}}`))
		case "/r":
			_, _ = w.Write([]byte(`{"access":"` + token + `"}`))
		case "/v", "/b", "/p":
			_, _ = w.Write([]byte(`{}`))
		default:
			_, _ = w.Write([]byte(`{"key":"a/b?c","email":"u@test.com","is_active":true}`))
		}
	})
	r := newClient(t, stub, dialect.Options{SampleRoutes: true, Settings: map[string]any{
		"AUTH_HEADER_TYPES": []any{"JWT", "Bearer"}, "AUTH_HEADER_NAME": "HTTP_X_TOKEN", "username_field": "name",
		"REMOTE_AUTH_SERVICE_TOKEN_PATH": "/t", "REMOTE_AUTH_SERVICE_REFRESH_PATH": "/r", "REMOTE_AUTH_SERVICE_VERIFY_PATH": "/v",
		"REMOTE_AUTH_SERVICE_USER_PATH": "/u/{user_id}/", "REMOTE_AUTH_SERVICE_PASSWORD_CHANGE_PATH": "/p", "REMOTE_AUTH_SERVICE_BLACKLIST_PATH": "/b",
		"USER_ID_FIELD": "key", "USER_ID_CLAIM": "uid",
	}})
	if status, body := post(t, r.handler, "/auth/token/", `{"name":"u","password":"p"}`); status != 200 || body["more"] == nil {
		t.Fatalf("token = %d %v", status, body)
	}
	post(t, r.handler, "/auth/token/refresh/", `{"refresh":"x"}`)
	post(t, r.handler, "/auth/token/verify/", `{"token":"x"}`)
	post(t, r.handler, "/auth/token/logout/", `{"refresh":"x"}`)
	if status, _, body := call(r.handler, "GET", "/api/test/", map[string]string{"Authorization": "JWT " + token}, ""); status != 200 {
		t.Errorf("the view = %d %s", status, body)
	}
	b := &browser{t: t, handler: r.handler, cookies: map[string]string{}}
	b.signIn("u", "p")
	b.submit("/auth/password-change/", "/auth/password-change/", url.Values{"old_password": {"p"}, "new_password1": {"q"}, "new_password2": {"q"}})
	const from = "192.0.2.1"
	want := map[string]asked{
		"POST /t":           {kind: "application/json", from: from, body: `{"name":"u","password":"p"}`},
		"GET /u/a%2Fb%3Fc/": {kind: "application/json", token: "JWT " + token},
		"POST /r":           {kind: "application/json", from: from, body: `{"refresh":"x"}`},
		"POST /v":           {kind: "application/json", from: from, body: `{"token":"x"}`},
		"POST /b":           {kind: "application/json", from: from, body: `{"refresh":"x"}`},
		"POST /p":           {kind: "application/json", from: from, body: `{"name":"u@test.com","new_password":"q","password":"p"}`},
	}
	for _, got := range seen {
		w, ok := want[got.line]
		w.line = got.line
		if !ok || got != w && got.line != "POST /v" {
			t.Errorf("the authority was asked %+v, want %+v", got, w)
		}
		delete(want, got.line)
		if got.line == "POST /v" || got.line == "POST /t" || strings.HasPrefix(got.line, "GET") {
			want[got.line] = w // several times
		}
	}
	for line, w := range want {
		if w.line == "" {
			t.Errorf("the authority was never asked %s", line)
		}
	}
}

// EZ-60: the original's start-up checks.
func TestEasyJWTClientChecks(t *testing.T) {
	for _, tt := range []struct {
		name     string
		settings map[string]any
		fault    string // "": starts
		note     string
	}{
		{"E001 empty", map[string]any{"REMOTE_AUTH_SERVICE_URL": ""}, "REMOTE_AUTH_SERVICE_URL: is missing (E001)", ""},
		{"E001 none", map[string]any{"REMOTE_AUTH_SERVICE_VERIFY_PATH": false}, "REMOTE_AUTH_SERVICE_VERIFY_PATH: is missing (E001)", ""},
		{"E002", map[string]any{"REFRESH_TOKEN_IN_COOKIE": true, "csrf": false}, "E002", ""},
		{"E003", map[string]any{"ALLOWED_AUTH_ORIGINS": []any{"app.example.com/"}}, "E003", ""},
		{"W001", map[string]any{"REFRESH_TOKEN_IN_COOKIE": true}, "", "W001"},
		{"W002", map[string]any{"REFRESH_TOKEN_IN_COOKIE": true, "CSRF_COOKIE_HTTPONLY": true}, "", "W002"},
		{"plain http", map[string]any{"REMOTE_AUTH_SERVICE_URL": "http://auth.internal:8000"}, "", "is http"},
		{"no TLS check", map[string]any{"REMOTE_AUTH_SERVICE_URL": "https://auth.internal", "REMOTE_AUTH_SSL_VERIFY": false}, "", "REMOTE_AUTH_SSL_VERIFY"},
		{"password in the URL", map[string]any{"REMOTE_AUTH_SERVICE_URL": "http://a:b@127.0.0.1"}, "must not hold a password", ""},
		{"no URL", map[string]any{"REMOTE_AUTH_SERVICE_URL": "auth"}, "want an address", ""},
		{"no scheme", map[string]any{"AUTH_HEADER_TYPES": []any{}}, "AUTH_HEADER_TYPES: names no scheme", ""},
		{"no path", map[string]any{"REMOTE_AUTH_SERVICE_USER_PATH": "user/{id}"}, "is no path", ""},
		{"unknown", map[string]any{"SIGNING_KEY": "x"}, "there is no such setting", ""},
		{"serializer", map[string]any{"USER_MODEL_SERIALIZER": "custom.serializers.Mine"}, "USER_MODEL_SERIALIZER", ""},
		{"short secret", map[string]any{"verifying_key": "short"}, "verifying_key", ""},
		{"two keys", map[string]any{"verifying_key": testSecret, "jwk_url": "https://auth.internal/jwks.json"}, "set one of them", ""},
		{"long cache", map[string]any{"verify_cache": "10m"}, "verify_cache", ""},
		{"odd status", map[string]any{"unavailable_status": int64(404)}, "unavailable_status", ""},
		{"cookie name", map[string]any{"AUTH_COOKIE_NAME": "a b"}, "AUTH_COOKIE_NAME", ""},
		{"cookie of another", map[string]any{"AUTH_COOKIE_NAME": "sessionid"}, "another cookie's name", ""},
		{"the document's", map[string]any{
			"AUTH_HEADER_TYPES": []any{"Bearer"}, "AUTH_HEADER_NAME": "Authorization", "REMOTE_AUTH_SERVICE_URL": "http://127.0.0.1:8000",
			"REMOTE_AUTH_SERVICE_TOKEN_PATH": "/auth/token/", "REMOTE_AUTH_SERVICE_USER_PATH": "/auth/users/{user_id}/",
			"USER_ID_FIELD": "id", "USER_ID_CLAIM": "user_id",
		}, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d, err := dialect.EasyJWTClient(dialect.Options{Settings: tt.settings})
			notes := strings.Join(d.Notes, "\n")
			switch {
			case tt.fault == "" && err != nil, tt.fault != "" && (err == nil || !strings.Contains(err.Error(), tt.fault)):
				t.Errorf("settings %v: %v, want %q", tt.settings, err, tt.fault)
			case tt.note == "" && notes != "", !strings.Contains(notes, tt.note):
				t.Errorf("settings %v: notes %q, want %q", tt.settings, notes, tt.note)
			}
		})
	}
}

// With keys tokens are checked here, and users who are known need no authority.
// Where it is needed and away, 503 may say so.
func TestEasyJWTClientWithoutAuthority(t *testing.T) {
	_, authority := easyjwtHandler(t, dialect.Options{Settings: map[string]any{"ALGORITHM": "HS256"}})
	r := newClient(t, authority, dialect.Options{SampleRoutes: true, Settings: map[string]any{
		"verifying_key": testSecret, "unavailable_status": int64(503),
	}})
	access, refresh := r.tokens("user@test.com", "user-pass")
	_, o := post(t, authority, "/auth/token/", `{"email":"staff@test.com","password":"staff-pass"}`)
	r.upstream.Close()
	const down = `{"detail":"Authentication Service Connection Error."}`
	if status, body := r.get("/api/test/", access); status != 200 {
		t.Errorf("a token of a known user = %d %s", status, body)
	}
	if status, body := r.get("/api/test/", refresh); status != 401 {
		t.Errorf("a refresh token = %d %s", status, body)
	}
	if status, body := r.get("/api/test/", tamper(access)); status != 401 || body != `{"detail":"Token is invalid or expired"}` {
		t.Errorf("a tampered token = %d %s", status, body)
	}
	if status, body := r.get("/api/test/", o["access"].(string)); status != 503 || body != down {
		t.Errorf("a token of somebody unknown = %d %s", status, body)
	}
	if status, body := post(t, r.handler, "/auth/token/", easyjwtSignIn); status != 503 || body["detail"] != "Authentication Service Connection Error." {
		t.Errorf("sign-in = %d %v", status, body)
	}
	if status, body := post(t, r.handler, "/auth/token/logout/", `{"refresh":"`+refresh+`"}`); status != 200 || body["detail"] != "Logged out." {
		t.Errorf("logout = %d %v", status, body)
	}
}

// The guards of the profile protect the service's own routes.
func TestEasyJWTClientGuard(t *testing.T) {
	_, authority := easyjwtHandler(t, dialect.Options{})
	r := newClient(t, authority, dialect.Options{})
	h := r.profile.Guard(r.service).Require()(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("in")) }))
	access, refresh := r.tokens("user@test.com", "user-pass")
	b := &browser{t: t, handler: r.handler, cookies: map[string]string{}}
	b.signIn("user@test.com", "user-pass")
	session := "sessionid=" + b.cookies["sessionid"]
	for _, tt := range []struct {
		name, method string
		header       map[string]string
		status       int
	}{
		{"token", "POST", map[string]string{"Authorization": "Bearer " + access}, 200},
		{"colon", "GET", map[string]string{"Authorization": "Bearer: " + access}, 200},
		{"refresh token", "GET", map[string]string{"Authorization": "Bearer " + refresh}, 401},
		{"nothing", "GET", nil, 401},
		{"two headers' worth", "GET", map[string]string{"Authorization": "Bearer " + access + ", Bearer " + access}, 401},
		{"session", "GET", map[string]string{"Cookie": session}, 200},
		{"session, post", "POST", map[string]string{"Cookie": session}, 403},
		{"session, post with CSRF token", "POST", map[string]string{
			"Cookie": session + "; csrftoken=" + strings.Repeat("a", 64), "X-CSRFToken": strings.Repeat("a", 64),
		}, 200},
		{"session, other site", "POST", map[string]string{
			"Cookie": session + "; csrftoken=" + strings.Repeat("a", 64), "X-CSRFToken": strings.Repeat("a", 64), "Sec-Fetch-Site": "cross-site",
		}, 403},
	} {
		req := httptest.NewRequest(tt.method, "/shop", nil)
		for name, value := range tt.header {
			req.Header.Set(name, value)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, req)
		if w.Code != tt.status {
			t.Errorf("%s = %d %s, want %d", tt.name, w.Code, w.Body, tt.status)
		}
	}
}
