package console_test

import (
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/watchword-auth/watchword"
)

var changing = regexp.MustCompile(`value="[A-Z2-7]{40,}"|name="login" type="text" value="[^"]*"| autofocus`)

// Who is unknown, whose password is wrong, who is not of the staff and who was
// disabled are told the same, to the byte.
func TestRefusedSignInsAreAlike(t *testing.T) {
	s := start(t)
	off := false
	gone := s.add(t, watchword.User{Login: "gone", Staff: true})
	if _, err := s.db.UpdateUser(t.Context(), gone.ID, watchword.UserChange{Active: &off}, 0, s.now(), s.now()); err != nil {
		t.Fatal(err)
	}
	var first string
	for _, test := range []struct{ name, login, password string }{
		{"unknown", "nobody", secret},
		{"wrong password", "root", "wrong"},
		{"not of the staff, right password", "ann", secret},
		{"not of the staff, by address", "ann@example.com", secret},
		{"not of the staff, wrong password", "ann", "wrong"},
		{"disabled", "gone", secret},
		{"nothing", "", ""},
		{"a login too long to exist", strings.Repeat("x", 300), secret},
		{"the name that stands for nobody", "\x00", secret},
	} {
		g := s.guest(t)
		got := g.signIn(t, test.login, test.password)
		text := changing.ReplaceAllString(got.text, "")
		if first == "" {
			first = text
		}
		if got.status != http.StatusForbidden || text != first {
			t.Errorf("%s: sign-in = %d, want 403 and the same page as for the others:\n%s", test.name, got.status, got.text)
		}
		if len(got.header.Values("Set-Cookie")) > 1 {
			t.Errorf("%s: cookies %q", test.name, got.header.Values("Set-Cookie"))
		}
		if after := g.get(t, "users"); after.status != http.StatusSeeOther {
			t.Errorf("%s: the list of users = %d", test.name, after.status)
		}
	}
	if list, err := s.db.ListSessions(t.Context(), watchword.SessionFilter{All: true}, s.now()); err != nil || len(list) != 0 {
		t.Errorf("sessions = %+v, %v, want none", list, err)
	}
}

// Attempts are limited whoever they are for: a right password of one who is
// not of the staff does not start the count anew, which would tell that it is
// right.
func TestSignInIsLimited(t *testing.T) {
	for _, login := range []string{"root", "ann", "nobody"} {
		s := start(t)
		g, n := s.guest(t), 0
		for ; n < 100; n++ {
			password := "wrong"
			if login == "ann" {
				password = secret
			}
			got := g.signIn(t, login, password)
			if got.status == http.StatusTooManyRequests {
				if got.header.Get("Retry-After") == "" || !strings.Contains(got.text, "Try again in") {
					t.Errorf("%s: 429 without a word of when: %s", login, got.text)
				}
				break
			}
		}
		if n == 0 || n == 100 {
			t.Errorf("%s: %d attempts were let through", login, n)
		}
	}
}

// A session that somebody planted in a browser is not the one that a sign-in
// there goes on with, and the one that was there before has ended.
func TestSignInMakesANewSession(t *testing.T) {
	s := start(t)
	thief := s.signedIn(t, "helper")
	victim := s.guest(t)
	victim.client.Jar = thief.client.Jar
	before := victim.cookies(t)
	if got := victim.signIn(t, "root", secret); got.status != http.StatusSeeOther {
		t.Fatalf("sign-in = %d", got.status)
	}
	after := victim.cookies(t)
	for name, value := range before {
		if after[name] == value || after[name] == "" {
			t.Errorf("%s is %q after the sign-in as before", name, after[name])
		}
	}
	// What the thief knows opens nothing.
	old := s.guest(t)
	if got := old.get(t, "account", "Cookie", "ww_admin="+before["ww_admin"]+"; ww_admin_refresh="+before["ww_admin_refresh"]); got.status != http.StatusSeeOther {
		t.Errorf("the planted session = %d", got.status)
	}
}

// cookies returns those of the pages by name.
func (g *guest) cookies(t *testing.T) map[string]string {
	t.Helper()
	u, err := url.Parse(g.site.url + "/admin/")
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[string]string)
	for _, c := range g.client.Jar.Cookies(u) {
		found[c.Name] = c.Value
	}
	return found
}

// Whatever ends a session or takes somebody's flag counts at the next click.
func TestWhatEndsASession(t *testing.T) {
	no := false
	for _, test := range []struct {
		name string
		do   func(t *testing.T, s *site, g *guest)
	}{
		{"signing out", func(t *testing.T, _ *site, g *guest) {
			t.Helper()
			if got := g.post(t, "signout", nil); got.status != http.StatusSeeOther || got.header.Get("Location") != "/admin/signin" {
				t.Errorf("signing out = %d %s", got.status, got.header.Get("Location"))
			}
		}},
		{"another process that ended it", func(t *testing.T, s *site, _ *guest) {
			t.Helper()
			if n, err := s.db.EndSessions(t.Context(), watchword.Which{UserID: "2"}, s.now(), s.now()); n != 1 || err != nil {
				t.Errorf("EndSessions = %d, %v", n, err)
			}
		}},
		{"the flag taken away", func(t *testing.T, s *site, _ *guest) {
			t.Helper()
			s.change(t, "2", watchword.UserChange{Staff: &no})
		}},
		{"the account disabled", func(t *testing.T, s *site, _ *guest) {
			t.Helper()
			s.change(t, "2", watchword.UserChange{Active: &no})
		}},
		{"the account deleted", func(t *testing.T, s *site, _ *guest) {
			t.Helper()
			if err := s.db.DeleteUser(t.Context(), "2", s.now(), s.now()); err != nil {
				t.Error(err)
			}
		}},
		{"a password set by another", func(t *testing.T, s *site, _ *guest) {
			t.Helper()
			s.change(t, "2", watchword.UserChange{PasswordHash: &s.hash})
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := start(t)
			g := s.signedIn(t, "helper")
			held := g.cookies(t)
			if got := g.get(t, "account"); got.status != http.StatusOK {
				t.Fatalf("before = %d", got.status)
			}
			test.do(t, s, g)
			kept := "ww_admin=" + held["ww_admin"] + "; ww_admin_refresh=" + held["ww_admin_refresh"]
			if got := s.guest(t).get(t, "account", "Cookie", kept); got.status != http.StatusSeeOther || !strings.HasPrefix(got.header.Get("Location"), "/admin/signin") {
				t.Errorf("after = %d %s, want to be sent to sign in", got.status, got.header.Get("Location"))
			}
			form := url.Values{"csrf": {held["ww_admin_csrf"]}}.Encode()
			if got := s.guest(t).do(t, http.MethodPost, "account/sessions/end", form, "Cookie", kept+"; ww_admin_csrf="+held["ww_admin_csrf"]); got.status != http.StatusSeeOther {
				t.Errorf("a form after it = %d", got.status)
			}
			if got := g.get(t, "account"); got.status != http.StatusSeeOther {
				t.Errorf("the browser itself = %d", got.status)
			}
		})
	}
}

func (s *site) change(t *testing.T, id string, c watchword.UserChange) {
	t.Helper()
	if _, err := s.db.UpdateUser(t.Context(), id, c, 0, s.now(), s.now()); err != nil {
		t.Fatal(err)
	}
}

// A session goes on beyond the life of an access token, in any number of tabs,
// and not beyond its own.
func TestSessionGoesOn(t *testing.T) {
	s := start(t)
	g := s.signedIn(t, "root")
	before := g.cookies(t)
	s.later.Store(600)
	for range 3 {
		if got := g.get(t, "users"); got.status != http.StatusOK {
			t.Fatalf("after ten minutes = %d", got.status)
		}
	}
	if after := g.cookies(t); after["ww_admin"] == before["ww_admin"] || after["ww_admin_refresh"] == before["ww_admin_refresh"] || after["ww_admin_csrf"] != before["ww_admin_csrf"] {
		t.Errorf("cookies %v became %v, want new tokens and the same one for forms", before, after)
	}
	// Another tab still had the old ones.
	tab := s.guest(t).get(t, "users", "Cookie", "ww_admin="+before["ww_admin"]+"; ww_admin_refresh="+before["ww_admin_refresh"])
	if tab.status != http.StatusOK {
		t.Errorf("a tab with the tokens of before = %d", tab.status)
	}
	s.later.Store(600 + 25*3600)
	if got := g.get(t, "users"); got.status != http.StatusSeeOther {
		t.Errorf("after a day = %d, want to sign in again", got.status)
	}
}

// Tokens of the API are none of the pages', nor the other way round.
func TestTokensOfTheAPIOpenNoPage(t *testing.T) {
	s := start(t)
	tokens, err := s.native.SignIn(t.Context(), watchword.SignInRequest{Credentials: watchword.Credentials{Login: "root", Password: secret}})
	if err != nil {
		t.Fatal(err)
	}
	got := s.guest(t).get(t, "account", "Cookie", "ww_admin="+tokens.Access+"; ww_admin_refresh="+tokens.Refresh, "Authorization", "Bearer "+tokens.Access)
	if got.status != http.StatusSeeOther {
		t.Errorf("with a token of the API = %d", got.status)
	}
	own := s.signedIn(t, "root").cookies(t)["ww_admin"]
	if _, err := s.native.Verify(t.Context(), own); err == nil {
		t.Error("the API takes a token of the pages")
	}
}

func TestNext(t *testing.T) {
	s := start(t)
	for _, test := range []struct{ next, want string }{
		{"/admin/users/3", "/admin/users/3"},
		{"/admin/users?q=a%26b&show=staff", "/admin/users?q=a%26b&show=staff"},
		{"", "/admin/"},
		{"https://evil.example/admin/", "/admin/"},
		{"//evil.example/admin/", "/admin/"},
		{`/\evil.example/admin/`, "/admin/"},
		{"/admin/../../evil", "/admin/"},
		{"/admin/%2e%2e/x", "/admin/"},
		{"/admin//evil.example", "/admin/"},
		{"/admin/\r\nSet-Cookie: a=b", "/admin/"},
		{"/admin/\tx", "/admin/"},
		{"/auth/v1/me", "/admin/"},
		{"/adminx", "/admin/"},
		{"javascript:alert(1)", "/admin/"},
		{"/admin/signout", "/admin/"},
		{"/admin/signin?next=/admin/users", "/admin/"},
	} {
		g := s.guest(t)
		page := g.get(t, "signin?"+url.Values{"next": {test.next}}.Encode())
		if !strings.Contains(page.text, `name="next" value="`+strings.ReplaceAll(test.want, "&", "&amp;")+`"`) {
			t.Errorf("the form for next %q does not have %q", test.next, test.want)
		}
		got := g.post(t, "signin", url.Values{"login": {"root"}, "password": {secret}, "next": {test.next}})
		if got.status != http.StatusSeeOther || got.header.Get("Location") != test.want {
			t.Errorf("next %q leads to %d %q, want %q", test.next, got.status, got.header.Get("Location"), test.want)
		}
		if again := g.get(t, "signin?"+url.Values{"next": {test.next}}.Encode()); again.header.Get("Location") != test.want {
			t.Errorf("next %q for whom is inside leads to %q", test.next, again.header.Get("Location"))
		}
	}
	if got := s.guest(t).get(t, "users/2?x=y"); got.header.Get("Location") != "/admin/signin?next=%2Fadmin%2Fusers%2F2%3Fx%3Dy" {
		t.Errorf("a page for nobody leads to %q", got.header.Get("Location"))
	}
}

// Cookies have names that https pages of the host alone can set, and go over
// no wire that is not encrypted.
func TestCookies(t *testing.T) {
	s := startAt(t, "https://auth.example.com")
	g := s.guest(t)
	page := g.get(t, "signin")
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+"/admin/signin", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "auth.example.com"
	got, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer got.Body.Close()
	for _, c := range got.Cookies() {
		if !strings.HasPrefix(c.Name, "__Secure-ww_admin") || !c.Secure || !c.HttpOnly || c.Path != "/admin/" || c.SameSite != http.SameSiteLaxMode || c.Domain != "" {
			t.Errorf("cookie %s", c)
		}
	}
	if len(got.Cookies()) != 1 || page.status != http.StatusOK {
		t.Errorf("%d cookies before anybody has signed in", len(got.Cookies()))
	}
	for _, c := range s.guest(t).get(t, "signin").header.Values("Set-Cookie") {
		if strings.Contains(c, "Secure;") {
			t.Errorf("on loopback without TLS, where browsers would drop it: %s", c)
		}
	}
}

// Behind a proxy that asks under another name, the issuer's origin is ours.
func TestBehindAProxy(t *testing.T) {
	s := startAt(t, "https://auth.example.com")
	page := s.guest(t).get(t, "signin")
	token := regexp.MustCompile(`name="csrf" value="([^"]+)"`).FindStringSubmatch(page.text)
	if token == nil {
		t.Fatal("the form has no token")
	}
	form := url.Values{"csrf": {token[1]}, "login": {"root"}, "password": {secret}}.Encode()
	for origin, want := range map[string]int{
		"https://auth.example.com": http.StatusSeeOther, "https://auth.example.com:444": http.StatusForbidden,
		"https://evil.example.com": http.StatusForbidden, "http://auth.example.com": http.StatusForbidden,
	} {
		got := s.guest(t).do(t, http.MethodPost, "signin", form, "Origin", origin, "Cookie", "__Secure-ww_admin_csrf="+token[1])
		if got.status != want {
			t.Errorf("sign-in from %s = %d, want %d", origin, got.status, want)
		}
	}
}

// Over plain http from another machine the cookies are Secure, which keeps
// nobody signed in, and the page says so.
func TestPlainHTTPFromElsewhere(t *testing.T) {
	s := start(t)
	for host, plain := range map[string]bool{"auth.lan:8080": true, "192.0.2.7": true, "localhost:8080": false, "[::1]:8080": false, "127.0.0.2": false, "localhost.evil.example": true} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+"/admin/signin", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = host
		got, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(got.Body)
		if err != nil {
			t.Fatal(err)
		}
		_ = got.Body.Close()
		if c := got.Cookies(); len(c) != 1 || c[0].Secure != plain || strings.Contains(string(text), "will not keep you signed in") != plain {
			t.Errorf("%s: Secure = %v, want %v, and a word about it", host, c, plain)
		}
	}
}
