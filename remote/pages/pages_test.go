package pages_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/httpauth"
	"github.com/watchword-auth/watchword/password"
	"github.com/watchword-auth/watchword/remote"
	"github.com/watchword-auth/watchword/remote/pages"
	"github.com/watchword-auth/watchword/store"
)

const (
	home   = "https://shop.example"
	cookie = "__Host-ww_session"
	pass   = "right horse"
)

// down is an authority that is away.
type down struct{ httpauth.Service }

func (down) SignIn(context.Context, watchword.SignInRequest) (watchword.Tokens, error) {
	return watchword.Tokens{}, &watchword.RetryError{Code: watchword.Unavailable, After: time.Minute}
}

func newAuthority(t testing.TB) *watchword.Authority {
	t.Helper()
	h, err := password.New(password.Config{Preferred: password.Params{Scheme: "argon2id", Memory: 64, Time: 1}})
	if err != nil {
		t.Fatal(err)
	}
	hash, err := h.Hash(t.Context(), pass)
	if err != nil {
		t.Fatal(err)
	}
	users := store.NewMemory()
	for _, login := range []string{"ann", "bob"} {
		u := watchword.User{Login: login, Active: login == "ann", Scopes: []string{"staff"}}
		if _, err := users.CreateUser(t.Context(), watchword.NewUser{User: u, PasswordHash: hash}); err != nil {
			t.Fatal(err)
		}
	}
	a, err := watchword.New(watchword.Config{
		Issuer: "https://auth.example", Audience: "shop", Store: users, SealKey: make([]byte, 32), Hasher: h, InsecureUnlimited: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// newShop has pages for everybody who is signed in, and for staff.
func newShop(t testing.TB, service httpauth.Service, edit func(*pages.Config)) *http.ServeMux {
	t.Helper()
	sessions, err := remote.NewSessions(service, remote.SessionsConfig{})
	if err != nil {
		t.Fatal(err)
	}
	c := pages.Config{Sessions: sessions, URL: home, Form: func(w http.ResponseWriter, _ *http.Request, f pages.Form) {
		w.WriteHeader(f.Status)
		fmt.Fprintf(w, "form next=%s csrf=%s code=%d", f.Next, f.CSRF, f.Code)
	}}
	if edit != nil {
		edit(&c)
	}
	p, err := pages.New(c)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/login", p.SignIn)
	mux.HandleFunc("/logout", p.SignOut)
	page := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		csrf := p.CSRF(w, r)
		claims, _ := httpauth.ClaimsFrom(r.Context())
		fmt.Fprintf(w, "user=%s csrf=%s field=%s", claims.UserID, csrf, r.PostFormValue("field"))
	})
	mux.Handle("/{$}", p.Guard().Require()(page))
	mux.Handle("/staff", p.Guard().Require(watchword.Scope("staff"))(page))
	mux.Handle("/chief", p.Guard().Require(watchword.Scope("chief"))(page))
	return mux
}

// browser keeps cookies.
type browser struct {
	t       testing.TB
	h       http.Handler
	cookies map[string]*http.Cookie
}

func newBrowser(t testing.TB, h http.Handler) *browser {
	return &browser{t: t, h: h, cookies: make(map[string]*http.Cookie)}
}

func (b *browser) do(method, target string, form url.Values, header ...string) *http.Response {
	b.t.Helper()
	r := httptest.NewRequestWithContext(b.t.Context(), method, home+target, strings.NewReader(form.Encode()))
	r.Header.Set("Accept", "text/html,*/*")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	for _, c := range b.cookies {
		r.AddCookie(c)
	}
	w := httptest.NewRecorder()
	b.h.ServeHTTP(w, r)
	answer := w.Result()
	for _, c := range answer.Cookies() {
		if b.cookies[c.Name] = c; c.MaxAge < 0 {
			delete(b.cookies, c.Name)
		}
	}
	return answer
}

func (b *browser) signIn(login, pass string, more ...string) *http.Response {
	b.t.Helper()
	form := url.Values{"login": {login}, "password": {pass}}
	for i := 0; i+1 < len(more); i += 2 {
		form.Set(more[i], more[i+1])
	}
	return b.do("POST", "/login", form)
}

func (b *browser) id() string {
	if c := b.cookies[cookie]; c != nil {
		return c.Value
	}
	return ""
}

func body(t testing.TB, r *http.Response) string {
	t.Helper()
	var text strings.Builder
	if _, err := io.Copy(&text, r.Body); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

func wantStatus(t testing.TB, what string, r *http.Response, want int) {
	t.Helper()
	if r.StatusCode != want {
		t.Errorf("%s: status %d, want %d", what, r.StatusCode, want)
	}
}

func wantGoes(t testing.TB, what string, r *http.Response, to string) {
	t.Helper()
	if r.StatusCode != http.StatusSeeOther || r.Header.Get("Location") != to || r.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%s: status %d to %q, want one to %q that nobody stores", what, r.StatusCode, r.Header.Get("Location"), to)
	}
}

// Somebody is sent to the form, signs in, clicks for hours and signs out.
func TestPages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBrowser(t, newShop(t, newAuthority(t), nil))
		wantGoes(t, "without a session", b.do("GET", "/staff?a=b&c", nil), "/login?next=%2Fstaff%3Fa%3Db%26c")
		wantStatus(t, "a post without one", b.do("POST", "/staff", url.Values{}), 401)
		wantStatus(t, "a script without one", b.do("GET", "/staff", nil, "Accept", "application/json"), 401)
		wantStatus(t, "the form", b.do("GET", "/login", nil), 200)
		wantStatus(t, "a wrong password", b.signIn("ann", "wrong horse"), 401)
		wantStatus(t, "somebody disabled", b.signIn("bob", pass), 401)
		wantStatus(t, "the password in the query", b.do("POST", "/login?login=ann&password="+url.QueryEscape(pass), url.Values{}), 400)
		if b.id() != "" {
			t.Fatalf("a cookie before the sign-in: %v", b.cookies)
		}
		r := b.signIn("ann", pass, "next", "/staff?a=b&c")
		wantGoes(t, "sign-in", r, "/staff?a=b&c")
		set := r.Header.Get("Set-Cookie")
		for _, attribute := range []string{cookie + "=session.", "; Path=/", "; HttpOnly", "; Secure", "; SameSite=Lax", "; Expires="} {
			if !strings.Contains(set, attribute) {
				t.Errorf("the cookie is %q, without %q", set, attribute)
			}
		}
		if strings.Contains(set, "Domain") || strings.Contains(set, "eyJ") {
			t.Errorf("the cookie is %q", set)
		}
		first := b.id()
		for range 5 {
			time.Sleep(time.Hour)
			wantStatus(t, "a click", b.do("GET", "/staff", nil), 200)
			wantStatus(t, "a post", b.do("POST", "/staff", url.Values{}), 200)
		}
		if b.id() != first {
			t.Error("the browser noticed the renewal")
		}
		wantStatus(t, "what he may not see", b.do("GET", "/chief", nil), 403)
		wantStatus(t, "the way to sign out is no link", b.do("GET", "/logout", nil), 405)
		wantGoes(t, "sign-out", b.do("POST", "/logout", url.Values{}), "/")
		if b.id() != "" {
			t.Error("the cookie is still there")
		}
		b.cookies[cookie] = &http.Cookie{Name: cookie, Value: first}
		wantGoes(t, "by the old id", b.do("GET", "/", nil), "/login?next=%2F")
	})
}

// No id that was there before a sign-in is good after it, and the session that
// the browser had ends.
func TestPagesFixation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newShop(t, newAuthority(t), nil)
		planted := "session.AAAAAAAAAAAAAAAAAAAAAAAAAA"
		b, thief := newBrowser(t, h), newBrowser(t, h)
		for range 3 {
			b.cookies[cookie] = &http.Cookie{Name: cookie, Value: planted}
			b.signIn("ann", pass)
			if b.id() == planted {
				t.Fatal("the sign-in kept the id")
			}
			thief.cookies[cookie] = &http.Cookie{Name: cookie, Value: planted}
			wantStatus(t, "by the planted id", thief.do("GET", "/", nil, "Accept", "application/json"), 401)
			wantStatus(t, "by the new one", b.do("GET", "/", nil), 200)
			planted = b.id()
		}
	})
}

// Other sites neither sign anybody in or out nor post in his name, and the form
// leads on to no other host.
func TestPagesHostile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBrowser(t, newShop(t, newAuthority(t), nil))
		ann := url.Values{"login": {"ann"}, "password": {pass}}
		for _, elsewhere := range [][]string{
			{"Sec-Fetch-Site", "cross-site"},
			{"Sec-Fetch-Site", "same-site"},
			{"Sec-Fetch-Site", "", "Origin", "https://evil.example"},
			{"Sec-Fetch-Site", "", "Origin", "null"},
		} {
			b.cookies = make(map[string]*http.Cookie)
			wantStatus(t, fmt.Sprint("sign-in from ", elsewhere), b.do("POST", "/login", ann, elsewhere...), 403)
			if b.id() != "" {
				t.Error("and it yields a session")
			}
			b.signIn("ann", pass)
			wantStatus(t, fmt.Sprint("post from ", elsewhere), b.do("POST", "/", url.Values{}, elsewhere...), 403)
			wantStatus(t, fmt.Sprint("sign-out from ", elsewhere), b.do("POST", "/logout", url.Values{}, elsewhere...), 403)
			wantStatus(t, "after it", b.do("GET", "/", nil), 200)
		}
		for _, next := range []string{
			"https://evil.example/", "//evil.example", `/\evil.example`, `\\evil.example`, "/\t/evil.example", "javascript:alert(1)", "evil",
			"/%2f/evil.example", "/./login", "/a/../../evil", "http:/evil", "http:evil", "/%5cevil.example", "/login", "/login?next=/login", "\x00", "/é",
		} {
			wantGoes(t, fmt.Sprintf("next %q", next), b.signIn("ann", pass, "next", next), "/")
		}
		wantStatus(t, "a form of 1 MiB", b.signIn("ann", strings.Repeat("x", 1<<20)), 413)
		wantStatus(t, "PUT", b.do("PUT", "/login", ann), 405)
		wantStatus(t, "two cookies", b.do("GET", "/", nil, "Accept", "application/json", "Cookie", cookie+"=session.other"), 401)
	})
}

// With a key, forms of browsers that name no origin need the token, of their
// own session.
func TestPagesCSRF(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newShop(t, newAuthority(t), func(c *pages.Config) { c.CSRFKey = make([]byte, 32) })
		fresh := func() *browser { return newBrowser(t, h) }
		token := func(b *browser, page string) string {
			_, rest, _ := strings.Cut(body(t, b.do("GET", page, nil)), "csrf=")
			text, _, _ := strings.Cut(rest, " ")
			return text
		}
		b := fresh()
		wantStatus(t, "sign-in without a token", b.signIn("ann", pass), 403)
		wantGoes(t, "sign-in", b.signIn("ann", pass, "csrf_token", token(b, "/login")), "/")
		wantStatus(t, "a post without", b.do("POST", "/", url.Values{"field": {"x"}}), 403)
		mine := token(b, "/")
		r := b.do("POST", "/", url.Values{"field": {"x"}, "csrf_token": {mine}})
		if text := body(t, r); r.StatusCode != 200 || !strings.Contains(text, "field=x") {
			t.Errorf("a post with it: %d %s", r.StatusCode, text)
		}
		wantStatus(t, "in the header", b.do("POST", "/", url.Values{}, "X-CSRF-Token", mine), 200)
		if token(b, "/login") != mine {
			t.Error("the form has taken the token from his other tabs")
		}
		other := fresh()
		other.signIn("ann", pass, "csrf_token", token(other, "/login"))
		theirs := token(other, "/")
		b.cookies["__Host-ww_csrf"] = other.cookies["__Host-ww_csrf"]
		wantStatus(t, "another session's", b.do("POST", "/", url.Values{"csrf_token": {theirs}}), 403)
		wantStatus(t, "sign-out without", b.do("POST", "/logout", url.Values{}), 403)
		wantGoes(t, "sign-out", b.do("POST", "/logout", url.Values{"csrf_token": {token(b, "/")}}), "/")
	})
}

// A token opens the same routes, and an authority that is away is not a wrong
// password.
func TestPagesBeside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAuthority(t)
		tokens, err := a.SignIn(t.Context(), watchword.SignInRequest{Credentials: watchword.Credentials{Login: "ann", Password: pass}})
		if err != nil {
			t.Fatal(err)
		}
		b := newBrowser(t, newShop(t, a, nil))
		wantStatus(t, "by token", b.do("POST", "/staff", nil, "Authorization", "Bearer "+tokens.Access, "Sec-Fetch-Site", "cross-site"), 200)

		var reported error
		away := newBrowser(t, newShop(t, down{a}, func(c *pages.Config) {
			c.Report = func(_ *http.Request, _ httpauth.Problem, err error) { reported = err }
		}))
		r := away.signIn("ann", pass)
		wantStatus(t, "while the authority is away", r, 503)
		if r.Header.Get("Retry-After") != "60" || watchword.CodeOf(reported) != watchword.Unavailable {
			t.Errorf("Retry-After %q, reported %v", r.Header.Get("Retry-After"), reported)
		}
	})
}

func TestNewRefuses(t *testing.T) {
	sessions, err := remote.NewSessions(newAuthority(t), remote.SessionsConfig{})
	if err != nil {
		t.Fatal(err)
	}
	form := func(http.ResponseWriter, *http.Request, pages.Form) {}
	for name, c := range map[string]pages.Config{
		"no sessions":  {URL: home, Form: form},
		"no form":      {URL: home, Sessions: sessions},
		"no URL":       {Sessions: sessions, Form: form},
		"URL":          {Sessions: sessions, Form: form, URL: "shop.example"},
		"SignIn":       {Sessions: sessions, Form: form, URL: home, SignIn: "login"},
		"Home":         {Sessions: sessions, Form: form, URL: home, Home: "https://evil.example/"},
		"Cookie":       {Sessions: sessions, Form: form, URL: home, Cookie: "a b"},
		"short secret": {Sessions: sessions, Form: form, URL: home, CSRFKey: make([]byte, 8)},
	} {
		if _, err := pages.New(c); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
