package dialect_test

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/dialect"
	"github.com/watchword-auth/watchword/remote/easyjwt"
)

var csrfField = regexp.MustCompile(`name="csrfmiddlewaretoken" value="(\w{64})"`)

// A browser keeps cookies and sends forms.
type browser struct {
	t       *testing.T
	handler http.Handler
	cookies map[string]string
}

func (b *browser) do(method, path, body string, header ...string) (int, http.Header, string) {
	b.t.Helper()
	h := map[string]string{}
	if method == http.MethodPost {
		h["Content-Type"] = "application/x-www-form-urlencoded"
	}
	for i := 0; i+1 < len(header); i += 2 {
		h[header[i]] = header[i+1]
	}
	var cookies []string
	for name, value := range b.cookies {
		cookies = append(cookies, name+"="+value)
	}
	if cookies != nil {
		h["Cookie"] = strings.Join(cookies, "; ")
	}
	status, answer, text := call(b.handler, method, path, h, body)
	for _, c := range (&http.Response{Header: answer}).Cookies() {
		b.cookies[c.Name] = c.Value
		if c.MaxAge < 0 {
			delete(b.cookies, c.Name)
		}
	}
	return status, answer, text
}

// submit fills the form of a page, and sends it to the page's path.
func (b *browser) submit(page, path string, fields url.Values) (int, http.Header, string) {
	b.t.Helper()
	_, _, text := b.do("GET", page, "")
	m := csrfField.FindStringSubmatch(text)
	if m == nil {
		b.t.Fatalf("GET %s has no form: %s", page, text)
	}
	fields.Set("csrfmiddlewaretoken", m[1])
	return b.do("POST", path, fields.Encode())
}

func (b *browser) signIn(login, pass string) int {
	b.t.Helper()
	status, _, _ := b.submit("/auth/login/", "/auth/login/", url.Values{"username": {login}, "password": {pass}})
	return status
}

// EZ-57 EZ-58 EZ-65: people sign in on pages by a session that the server
// keeps, this service's own users first.
func TestEasyJWTClientPages(t *testing.T) {
	rig, authority := easyjwtHandler(t, dialect.Options{Settings: map[string]any{"password_change": true, "ROTATE_REFRESH_TOKENS": true}})
	own := watchword.User{ID: "3", Login: "keeper", Active: true, Staff: true, Version: 1}
	r := newClient(t, authority, dialect.Options{SampleRoutes: true}, func(c *easyjwt.Config, s *easyjwt.SessionsConfig) {
		c.Now = rig.now
		s.Local = func(_ context.Context, c watchword.Credentials, _ watchword.Client) (watchword.User, error) {
			if c.Login == own.Login && c.Password == "keeper-pass" {
				return own, nil
			}
			return watchword.User{}, watchword.InvalidCredentials
		}
		s.LocalUser = func(context.Context, string) (watchword.User, error) { return own, nil }
	})
	fresh := func() *browser { return &browser{t: t, handler: r.handler, cookies: map[string]string{}} }

	b := fresh()
	if status, _, body := b.do("GET", "/api/test/", ""); status != 401 {
		t.Errorf("without a session the view = %d %s", status, body)
	}
	if status := b.signIn("user@test.com", "wrong"); status != 401 || b.cookies["sessionid"] != "" {
		t.Errorf("a wrong password = %d, cookies %v", status, b.cookies)
	}
	status, header, _ := b.submit("/auth/login/?next=/api/test/", "/auth/login/", url.Values{
		"username": {"user@test.com"}, "password": {"user-pass"}, "next": {"/api/test/"},
	})
	if status != 302 || header.Get("Location") != "/api/test/" {
		t.Fatalf("sign-in = %d to %q", status, header.Get("Location"))
	}
	set := strings.Join(header.Values("Set-Cookie"), "\n")
	if !strings.Contains(set, "HttpOnly; SameSite=Lax") || strings.Contains(set, "eyJ") {
		t.Errorf("the session's cookies: %s", set)
	}
	if status, _, body := b.do("GET", "/api/test/", ""); status != 200 || body != `"success"` {
		t.Errorf("with a session the view = %d %s", status, body)
	}
	if status, _, body := b.do("GET", "/auth/user/", ""); status != 200 || !strings.Contains(body, `"id":3`) {
		t.Errorf("with a session user/ = %d %s", status, body)
	}
	// The access token expires; the server renews it, by the token that
	// rotates each time.
	for range 3 {
		rig.pass(5*time.Minute + time.Second)
		if status, _, body := b.do("GET", "/api/test/", ""); status != 200 {
			t.Fatalf("after the access token's end the view = %d %s", status, body)
		}
	}
	// A disabled user's session ends.
	no := false
	if _, err := rig.store.UpdateUser(t.Context(), "3", watchword.UserChange{Active: &no}, 0, rig.now().Add(time.Hour), rig.now()); err != nil {
		t.Fatal(err)
	}
	rig.pass(5*time.Minute + time.Second)
	if status, _, body := b.do("GET", "/api/test/", ""); status != 401 {
		t.Errorf("a disabled user's session = %d %s", status, body)
	}

	// This service's own users come first, and are not mixed up with those of
	// the same id at the authority.
	b = fresh()
	if status := b.signIn("keeper", "keeper-pass"); status != 302 {
		t.Fatalf("own user's sign-in = %d", status)
	}
	if status, _, body := b.do("GET", "/api/test/", ""); status != 200 {
		t.Errorf("own user's view = %d %s", status, body)
	}
	if status, _, body := b.do("GET", "/auth/users/3/", ""); status != 404 {
		t.Errorf("own user's users/3/ = %d %s", status, body)
	}
	if claims, err := r.service.Verify(t.Context(), b.cookies["sessionid"]); err != nil {
		t.Error(err)
	} else if u, err := r.service.User(t.Context(), claims); err != nil || !u.Staff || u.Login != "keeper" {
		t.Errorf("own user is %+v, %v", u, err)
	}
	own.Version++ // his password was changed
	if status, _, _ := b.do("GET", "/api/test/", ""); status != 401 {
		t.Errorf("after a change of password own user's view = %d", status)
	}

	// Sign-out ends the session, not just the cookie.
	b = fresh()
	b.signIn("staff@test.com", "staff-pass")
	stolen := b.cookies["sessionid"]
	if status, _, _ := b.submit("/auth/login/", "/auth/logout/", url.Values{}); status != 302 || b.cookies["sessionid"] != "" {
		t.Errorf("sign-out = %d, cookies %v", status, b.cookies)
	}
	if status, _, _ := (&browser{t: t, handler: r.handler, cookies: map[string]string{"sessionid": stolen}}).do("GET", "/api/test/", ""); status != 401 {
		t.Errorf("after sign-out the session's view = %d", status)
	}
}

// The form for a new password, and where the one who forgot his is sent.
func TestEasyJWTClientPassword(t *testing.T) {
	_, authority := easyjwtHandler(t, dialect.Options{Settings: map[string]any{"password_change": true}})
	r := newClient(t, authority, dialect.Options{})
	b := &browser{t: t, handler: r.handler, cookies: map[string]string{}}
	if status, header, _ := b.do("GET", "/auth/password-change/", ""); status != 302 || header.Get("Location") != "/auth/login/?next=/auth/password-change/" {
		t.Errorf("without a session = %d to %s", status, header.Get("Location"))
	}
	b.signIn("user@test.com", "user-pass")
	const page = "/auth/password-change/"
	for _, tt := range []struct{ old, one, two, want string }{
		{"user-pass", "a new password", "another one", "The two password fields didn&#39;t match."},
		{"wrong-pass", "a new password", "a new password", "Invalid credentials."},
		{"user-pass", "123", "123", "This password is too short. It must contain at least 8 characters."},
		{"", "", "", "This field is required."},
	} {
		status, _, body := b.submit(page, page, url.Values{"old_password": {tt.old}, "new_password1": {tt.one}, "new_password2": {tt.two}})
		if status != 400 || !strings.Contains(body, tt.want) {
			t.Errorf("%q to %q = %d %s, want %s", tt.old, tt.one, status, body, tt.want)
		}
	}
	status, header, _ := b.submit(page, page, url.Values{"old_password": {"user-pass"}, "new_password1": {"a new password"}, "new_password2": {"a new password"}})
	if status != 302 || header.Get("Location") != "/auth/password-change/done/" {
		t.Fatalf("the change = %d to %s", status, header.Get("Location"))
	}
	if status, _, _ := b.do("GET", "/auth/password-change/done/", ""); status != 200 {
		t.Errorf("done/ = %d", status)
	}
	r.tokens("user@test.com", "a new password")
	if status, header, _ := b.do("GET", "/auth/password-reset/?a=1", ""); status != 302 || header.Get("Location") != r.upstream.URL+"/accounts/password_reset/" {
		t.Errorf("reset = %d to %s", status, header.Get("Location"))
	}
}

// Posts that no form of ours made change nothing, and a link to the sign-in
// leads to this server alone.
func TestEasyJWTClientPagesHostile(t *testing.T) {
	_, authority := easyjwtHandler(t, dialect.Options{})
	r := newClient(t, authority, dialect.Options{SampleRoutes: true})
	b := &browser{t: t, handler: r.handler, cookies: map[string]string{}}
	b.do("GET", "/auth/login/", "")
	form := url.Values{"username": {"user@test.com"}, "password": {"user-pass"}, "csrfmiddlewaretoken": {b.cookies["csrftoken"]}}
	for name, header := range map[string][]string{
		"another site":   {"Sec-Fetch-Site", "cross-site"},
		"another origin": {"Origin", "https://evil.test"},
	} {
		if status, _, _ := b.do("POST", "/auth/login/", form.Encode(), header...); status != 403 || b.cookies["sessionid"] != "" {
			t.Errorf("%s signs in: %d %v", name, status, b.cookies)
		}
	}
	for _, token := range []string{"", "x", strings.Repeat("x", 64)} {
		form.Set("csrfmiddlewaretoken", token)
		if status, _, body := b.do("POST", "/auth/login/", form.Encode()); status != 403 || !strings.Contains(body, "CSRF verification failed") {
			t.Errorf("with token %q = %d %s", token, status, body)
		}
	}
	for _, next := range []string{"https://evil.test/", "//evil.test/", `/\evil.test/`, "javascript:alert(1)", "/\r\nSet-Cookie: a=b", "evil", `\\evil.test`} {
		other := &browser{t: t, handler: r.handler, cookies: map[string]string{}}
		_, header, _ := other.submit("/auth/login/", "/auth/login/", url.Values{"username": {"user@test.com"}, "password": {"user-pass"}, "next": {next}})
		if header.Get("Location") != "/auth/login/" {
			t.Errorf("next=%q leads to %q", next, header.Get("Location"))
		}
	}
	if _, _, body := b.do("GET", "/auth/login/?next="+url.QueryEscape(`/x"><script>alert(1)</script>`), ""); strings.Contains(body, "<script") {
		t.Errorf("the page repeats a script: %s", body)
	}
	// A session opens nothing to another site's post, and neither does its id
	// as a token that was never one.
	b.signIn("user@test.com", "user-pass")
	if status, _ := r.get("/api/test/", "session.AAAAAAAAAAAAAAAAAAAAAAAAAA"); status != 401 {
		t.Errorf("a made-up session = %d", status)
	}
	for _, path := range []string{"/auth/logout/", "/auth/password-change/"} {
		if status, _, _ := b.do("POST", path, "", "Sec-Fetch-Site", "cross-site"); status != 403 {
			t.Errorf("POST %s of another site = %d", path, status)
		}
	}
	if status, _, _ := b.do("GET", "/api/test/", ""); status != 200 {
		t.Errorf("the session has ended: %d", status)
	}
}
