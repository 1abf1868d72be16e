package console_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/console"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/manage"
)

// Where no login is given it is made from the address; where that is taken it
// is the whole address.
func TestLoginFromTheAddress(t *testing.T) {
	s := start(t)
	g := s.signedIn(t, "root")
	for _, test := range []struct {
		email, want string
		status      int
	}{
		{"user@test.com", "user", http.StatusSeeOther},
		{"user@other.com", "user@other.com", http.StatusSeeOther},
		{"USER@test.com", "", http.StatusUnprocessableEntity},
		{"no address", "", http.StatusUnprocessableEntity},
		{"", "", http.StatusUnprocessableEntity},
	} {
		got := g.post(t, "users/new", url.Values{"email": {test.email}, "password": {"user-pass"}, "active": {"on"}})
		if got.status != test.status {
			t.Errorf("adding %q = %d, want %d\n%s", test.email, got.status, test.status, got.text)
			continue
		}
		if test.want == "" {
			if !strings.Contains(got.text, `aria-invalid="true"`) || strings.Contains(got.text, "user-pass") {
				t.Errorf("adding %q: no fault is told, or the password is:\n%s", test.email, got.text)
			}
			continue
		}
		if u, _, err := s.db.UserByLogin(t.Context(), test.email); err != nil || u.Login != test.want {
			t.Errorf("adding %q makes the login %q, %v, want %q", test.email, u.Login, err, test.want)
		}
	}
}

func TestFaultsStandBesideTheirFields(t *testing.T) {
	s := start(t)
	g := s.signedIn(t, "root")
	got := g.post(t, "users/new", url.Values{
		"login": {"ann"}, "email": {"@"}, "password": {"short"}, "scopes": {`a"b`}, "extra": {`{"a":1,"a":2}`}, "phone": {strings.Repeat("1", 300)},
	})
	for _, field := range []string{"email", "scopes", "extra", "phone"} {
		if !strings.Contains(got.text, `id="`+field+`-error"`) || !strings.Contains(got.text, `aria-describedby="`+field+`-error"`) {
			t.Errorf("%s has no fault", field)
		}
	}
	got = g.post(t, "users/new", url.Values{"login": {"bob"}, "password": {"short"}})
	if !strings.Contains(got.text, `id="password-error"`) || strings.Contains(got.text, `value="short"`) {
		t.Errorf("a weak password = %d %s", got.status, got.text)
	}
	got = g.post(t, "users/new", url.Values{"login": {"ANN"}, "password": {secret}})
	if got.status != http.StatusUnprocessableEntity || !strings.Contains(got.text, `id="login-error"`) {
		t.Errorf("a login that is taken = %d", got.status)
	}
	page := g.get(t, "users/3")
	got = g.post(t, "users/3", url.Values{"seen": {page.seen(t)}, "login": {""}, "email": {"ann@example.com"}, "active": {"on"}})
	if got.status != http.StatusUnprocessableEntity || !strings.Contains(got.text, `id="login-error"`) {
		t.Errorf("no login = %d", got.status)
	}
	if same := g.post(t, "users/3", url.Values{"seen": {page.seen(t)}, "login": {"ann"}, "email": {"ann@example.com"}, "first_name": {"Ann"}, "active": {"on"}}); !strings.HasSuffix(same.header.Get("Location"), "done=user-same") {
		t.Errorf("no change = %d %s", same.status, same.header.Get("Location"))
	}
}

// The list is found by prefix and read page by page.
func TestFindUsers(t *testing.T) {
	s := start(t)
	for i := range 120 {
		s.add(t, watchword.User{Login: "u" + string(rune('a'+i/26)) + string(rune('a'+i%26)), Email: "x" + string(rune('a'+i/26)) + string(rune('a'+i%26)) + "@example.com"})
	}
	g := s.signedIn(t, "root")
	for _, test := range []struct {
		query     string
		has, lack []string
	}{
		{"q=AN", []string{">ann<"}, []string{"users/1\""}},
		{"q=xab", []string{">uab<"}, []string{">uac<"}},
		{"q=nobody", []string{"Nobody is like that"}, []string{"<table"}},
		{"show=staff", []string{">root<", ">helper<"}, []string{">ann<"}},
		{"show=inactive", []string{"Nobody is like that"}, nil},
		{"q=u&show=others", []string{"show=others", "q=u", `rel="next"`}, []string{"users/1\"", `rel="prev"`}},
	} {
		text := g.get(t, "users?"+test.query).text
		for _, part := range test.has {
			if !strings.Contains(text, part) {
				t.Errorf("users?%s lacks %q", test.query, part)
			}
		}
		for _, part := range test.lack {
			if strings.Contains(text, part) {
				t.Errorf("users?%s has %q", test.query, part)
			}
		}
	}
	seen, next := 0, "users"
	link := regexp.MustCompile(`rel="next" href="/admin/([^"]+)"`)
	row := regexp.MustCompile(`<th scope="row">`)
	for pages := 0; next != ""; pages++ {
		if pages > 5 {
			t.Fatal("the pages have no end")
		}
		text := g.get(t, strings.ReplaceAll(next, "&amp;", "&")).text
		seen += len(row.FindAllString(text, -1))
		next = ""
		if m := link.FindStringSubmatch(text); m != nil {
			next = m[1]
		}
	}
	if seen != 123 {
		t.Errorf("%d users on all pages, want 123", seen)
	}
	if got := g.get(t, "users?after=nonsense"); got.status != http.StatusBadRequest {
		t.Errorf("a made-up cursor = %d", got.status)
	}
}

// What an administrator does to a user, and what becomes of it.
func TestUserActions(t *testing.T) {
	s := start(t)
	g := s.signedIn(t, "root")
	ann := watchword.SignInRequest{Credentials: watchword.Credentials{Login: "ann", Password: secret}}
	for range 2 {
		if _, err := s.native.SignIn(t.Context(), ann); err != nil {
			t.Fatal(err)
		}
	}
	open := func() int {
		list, err := s.db.ListSessions(t.Context(), watchword.SessionFilter{UserID: "3"}, s.now())
		if err != nil {
			t.Fatal(err)
		}
		return len(list)
	}
	ends := regexp.MustCompile(`action="/admin/(sessions/[^"]+/end)"`).FindStringSubmatch(g.get(t, "users/3").text)
	if ends == nil {
		t.Fatal("the user's page offers no session to end")
	}
	if got := g.post(t, ends[1], url.Values{"from": {"3"}}); got.header.Get("Location") != "/admin/users/3?done=session-ended" || open() != 1 {
		t.Errorf("ending a session = %d %s, %d are left", got.status, got.header.Get("Location"), open())
	}
	if got := g.post(t, "users/3/password", url.Values{"password": {"12345678"}}); got.status != http.StatusUnprocessableEntity {
		t.Errorf("a common password = %d", got.status)
	}
	if got := g.post(t, "users/3/password", url.Values{"password": {"a new one for ann"}}); got.status != http.StatusSeeOther || open() != 0 {
		t.Errorf("setting the password = %d, %d sessions are left", got.status, open())
	}
	if _, err := s.native.SignIn(t.Context(), ann); err == nil {
		t.Error("the old password still signs in")
	}
	ann.Credentials.Password = "a new one for ann"
	if _, err := s.native.SignIn(t.Context(), ann); err != nil {
		t.Errorf("the new password: %v", err)
	}
	if got := g.post(t, "users/3/sessions/end", nil); got.status != http.StatusSeeOther || open() != 0 {
		t.Errorf("ending all sessions = %d, %d are left", got.status, open())
	}
	if got := g.get(t, "users/3/delete"); !strings.Contains(got.text, "Delete ann?") {
		t.Errorf("the question = %d %s", got.status, got.text)
	}
	if got := g.post(t, "users/3/delete", nil); got.header.Get("Location") != "/admin/users?done=user-deleted" {
		t.Errorf("deleting = %d", got.status)
	}
	if got := g.get(t, "users?done=user-deleted"); !strings.Contains(got.text, "The user was deleted") {
		t.Error("the page does not tell what was done")
	}
	if got := g.get(t, "users/3"); got.status != http.StatusNotFound {
		t.Errorf("the page of one who is gone = %d", got.status)
	}
	if got := g.post(t, "users/1/delete", nil); got.status != http.StatusForbidden {
		t.Errorf("deleting oneself = %d", got.status)
	}
	audit := g.get(t, "audit?by=user:1").text
	for _, done := range []string{"deleted", "user:1", "password"} {
		if !strings.Contains(audit, done) {
			t.Errorf("the audit log does not have %q", done)
		}
	}
	if text := g.get(t, "users?done=%3Cscript%3E").text; strings.Contains(text, "role=\"status\"") {
		t.Error("the page tells what no code stands for")
	}
}

func TestOwnPassword(t *testing.T) {
	s := start(t)
	g, elsewhere := s.signedIn(t, "helper"), s.signedIn(t, "helper")
	form := func(current, new, again string) url.Values {
		return url.Values{"current": {current}, "new": {new}, "again": {again}}
	}
	for _, test := range []struct {
		name  string
		form  url.Values
		field string
	}{
		{"another current one", form("wrong", "a better password", "a better password"), "current"},
		{"a weak one", form(secret, "short", "short"), "new"},
		{"two that differ", form(secret, "a better password", "another password"), "again"},
	} {
		if got := g.post(t, "account/password", test.form); got.status != http.StatusUnprocessableEntity || !strings.Contains(got.text, `id="`+test.field+`-error"`) {
			t.Errorf("%s = %d", test.name, got.status)
		}
	}
	if got := g.post(t, "account/password", form(secret, "a better password", "a better password")); got.header.Get("Location") != "/admin/account?done=password-changed" {
		t.Fatalf("the change = %d %s", got.status, got.text)
	}
	if got := g.get(t, "account"); got.status != http.StatusOK {
		t.Errorf("the session that changed it = %d", got.status)
	}
	if got := elsewhere.get(t, "account"); got.status != http.StatusSeeOther {
		t.Errorf("the other session = %d", got.status)
	}
	// And one's own sessions, without any permission.
	third := s.guest(t)
	third.signIn(t, "helper", "a better password")
	ends := regexp.MustCompile(`action="/admin/(account/sessions/[^"/]+/end)"`).FindStringSubmatch(g.get(t, "account").text)
	if ends == nil {
		t.Fatal("the other session cannot be ended")
	}
	if got := g.post(t, ends[1], nil); got.status != http.StatusSeeOther || third.get(t, "account").status != http.StatusSeeOther {
		t.Errorf("ending one's other session = %d", got.status)
	}
	third.signIn(t, "helper", "a better password")
	if got := g.post(t, "account/sessions/end", nil); got.status != http.StatusSeeOther || third.get(t, "account").status != http.StatusSeeOther || g.get(t, "account").status != http.StatusOK {
		t.Errorf("ending all others = %d", got.status)
	}
	root := s.signedIn(t, "root")
	list, err := s.db.ListSessions(t.Context(), watchword.SessionFilter{UserID: "1"}, s.now())
	if err != nil || len(list) != 1 {
		t.Fatalf("%d sessions of root, %v", len(list), err)
	}
	if got := g.post(t, "account/sessions/"+s.native.SessionID(list[0].Number)+"/end", nil); got.status != http.StatusNotFound || root.get(t, "account").status != http.StatusOK {
		t.Errorf("ending somebody else's = %d", got.status)
	}
}

func TestKeysAndSessions(t *testing.T) {
	s := start(t)
	g, other := s.signedIn(t, "root"), s.signedIn(t, "helper")
	active := func() string {
		list, err := s.native.Keys(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range list {
			if k.State == "active" {
				return k.ID
			}
		}
		return ""
	}
	first := active()
	if got := g.post(t, "keys/rotate", url.Values{"profile": {"native"}}); got.status != http.StatusSeeOther || active() == first {
		t.Errorf("rotating = %d", got.status)
	}
	if got := g.get(t, "keys/retire?"+url.Values{"profile": {"native"}, "id": {first}}.Encode()); !strings.Contains(got.text, "Retire key "+first) {
		t.Errorf("the question = %d", got.status)
	}
	if got := g.post(t, "keys/retire", url.Values{"profile": {"native"}, "id": {first}}); got.status != http.StatusSeeOther {
		t.Errorf("retiring = %d", got.status)
	}
	if text := g.get(t, "keys").text; strings.Contains(text, first) || !strings.Contains(text, active()) || !strings.Contains(text, console.Profile) {
		t.Error("the list of keys is not that of those in use")
	}
	if got := g.post(t, "keys/retire", url.Values{"profile": {"native"}, "id": {"none"}}); got.status != http.StatusNotFound {
		t.Errorf("retiring what is not there = %d", got.status)
	}
	if text := g.get(t, "sessions").text; !strings.Contains(text, ">helper<") || !strings.Contains(text, "this one") {
		t.Error("the list of sessions lacks some")
	}
	if got := g.post(t, "sessions/end", nil); got.status != http.StatusSeeOther || other.get(t, "account").status != http.StatusSeeOther || g.get(t, "account").status != http.StatusSeeOther {
		t.Errorf("ending all sessions = %d", got.status)
	}
}

// A secret is in the one answer that makes it, and nowhere else.
func TestClientSecretsAreShownOnce(t *testing.T) {
	s := start(t)
	g := s.signedIn(t, "root")
	shown := regexp.MustCompile(`<output id="client-secret"[^>]*>([^<]+)<`)
	id := regexp.MustCompile(`<output id="client-id"[^>]*>([^<]+)<`)
	made := g.post(t, "clients/new", url.Values{"name": {"a/b ../c?"}, "scopes": {"orders:read orders:write"}})
	first := shown.FindStringSubmatch(made.text)
	if first == nil {
		t.Fatalf("adding a client = %d %s", made.status, made.text)
	}
	clientID := id.FindStringSubmatch(made.text)[1]
	if _, err := s.native.AuthenticateClient(t.Context(), clientID, first[1]); err != nil {
		t.Errorf("the secret: %v", err)
	}
	if got := g.post(t, "clients/new", url.Values{"name": {"a/b ../c?"}}); got.status != http.StatusUnprocessableEntity {
		t.Errorf("the same name again = %d", got.status)
	}
	if got := g.post(t, "clients/new", url.Values{"name": {""}, "scopes": {`"`}}); got.status != http.StatusUnprocessableEntity || !strings.Contains(got.text, "name-error") {
		t.Errorf("no name = %d", got.status)
	}
	ask := regexp.MustCompile(`href="/admin/(clients/secret[^"]*)"`).FindStringSubmatch(g.get(t, "clients").text)
	if got := g.get(t, strings.ReplaceAll(ask[1], "&amp;", "&")); !strings.Contains(got.text, "a new secret?") {
		t.Errorf("the question = %d", got.status)
	}
	second := shown.FindStringSubmatch(g.post(t, "clients/secret", url.Values{"id": {clientID}}).text)
	if second == nil || second[1] == first[1] {
		t.Fatal("no new secret")
	}
	if _, err := s.native.AuthenticateClient(t.Context(), clientID, first[1]); err == nil {
		t.Error("the old secret still counts")
	}
	for _, path := range []string{"clients", "audit", "clients/secret?id=" + clientID} {
		if text := g.get(t, path).text; strings.Contains(text, first[1]) || strings.Contains(text, second[1]) {
			t.Errorf("%s shows a secret", path)
		}
	}
	if got := g.post(t, "clients/delete", url.Values{"id": {clientID}}); got.status != http.StatusSeeOther {
		t.Errorf("deleting = %d", got.status)
	}
	if got := g.get(t, "clients/delete?id=nobody"); got.status != http.StatusNotFound {
		t.Errorf("asking about nobody = %d", got.status)
	}
	if s.said(first[1]) || s.said(second[1]) {
		t.Error("a secret was logged")
	}
}

// said reports whether a text was in anything that is written down.
func (s *site) said(text string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Contains(strings.Join(s.told, "\n"), text)
}

func TestExplainTellsWhy(t *testing.T) {
	s := start(t)
	g := s.signedIn(t, "root")
	tokens, err := s.native.SignIn(t.Context(), watchword.SignInRequest{Credentials: watchword.Credentials{Login: "ann", Password: secret}})
	if err != nil {
		t.Fatal(err)
	}
	ask := func(token string) string {
		t.Helper()
		got := g.post(t, "explain", url.Values{"token": {token}})
		if got.status != http.StatusOK {
			t.Errorf("explain = %d %s", got.status, got.text)
		}
		if strings.Contains(got.text, token) {
			t.Error("the page repeats the token")
		}
		return got.text
	}
	for _, pasted := range []string{tokens.Access, "Bearer " + tokens.Access, "  " + tokens.Access[:40] + "\r\n" + tokens.Access[40:] + "\n", `"` + tokens.Access + `"`} {
		if text := ask(pasted); !strings.Contains(text, "Accepted") || !strings.Contains(text, "counts now") {
			t.Errorf("%.20q is not accepted", pasted)
		}
	}
	if text := ask(tokens.Access[:len(tokens.Access)-6] + "AAAAAA"); !strings.Contains(text, "bad_signature") || !strings.Contains(text, "it would take a signature") {
		t.Error("a wrong signature is not told as such")
	}
	if _, err := s.db.EndSessions(t.Context(), watchword.Which{UserID: "3"}, s.now().AddDate(0, 0, 1), s.now()); err != nil {
		t.Fatal(err)
	}
	if err := s.native.Follow(t.Context()); err != nil {
		t.Fatal(err)
	}
	if text := ask(tokens.Access); !strings.Contains(text, "session_ended") {
		t.Error("an ended session is not told as such")
	}
	if own := ask(g.cookies(t)["ww_admin"]); !strings.Contains(own, "Accepted") || !strings.Contains(own, console.Profile) {
		t.Error("a token of the pages is not explained as such")
	}
	if s.said(tokens.Access) || strings.Contains(g.get(t, "audit").text, tokens.Access) {
		t.Error("the token was written down")
	}
	if got := g.post(t, "explain", nil); got.status != http.StatusUnprocessableEntity {
		t.Errorf("nothing to explain = %d", got.status)
	}
	if got := g.get(t, "explain?token="+tokens.Access); strings.Contains(got.text, "Accepted") || strings.Contains(got.text, "Refused") {
		t.Error("a token in the address is explained: addresses are logged")
	}
}

func TestAuditFilter(t *testing.T) {
	s := start(t)
	g := s.signedIn(t, "root")
	if _, err := s.actions.SetPassword(t.Context(), manage.Actor{Operator: true}, "3", "another password"); err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string]bool{
		"": true, "kind=password_changed": true, "kind=signed_in": false, "user=3": true, "user=2": false, "by=command+line": true, "by=user:1": false,
		"since=2020-01-01": true, "since=2999-01-01": false, "before=1": false, "before=x": true,
	} {
		if got := strings.Contains(g.get(t, "audit?"+query).text, `<span class="pill">password changed`); got != want {
			t.Errorf("audit?%s shows the entry: %v", query, got)
		}
	}
	if text := g.get(t, "audit?since=yesterday").text; !strings.Contains(text, "since-error") {
		t.Error("a day that is none is not told")
	}
}

// Every answer says what browsers must not do with it.
func TestHeaders(t *testing.T) {
	s := start(t)
	g := s.signedIn(t, "root")
	for _, path := range []string{"users", "signin", "nowhere", "explain", "assets/none"} {
		h := g.get(t, path).header
		for name, want := range map[string]string{
			"Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
			"X-Content-Type-Options":  "nosniff", "X-Frame-Options": "DENY", "Cache-Control": "no-store", "Referrer-Policy": "same-origin",
			"Cross-Origin-Opener-Policy": "same-origin",
		} {
			if h.Get(name) != want {
				t.Errorf("%s: %s = %q, want %q", path, name, h.Get(name), want)
			}
		}
	}
	if got := g.do(t, http.MethodHead, "users", ""); got.status != http.StatusOK || got.text != "" {
		t.Errorf("HEAD = %d %q", got.status, got.text)
	}
}

// Settings are shown as they run, without what is secret in them.
func TestSettings(t *testing.T) {
	s := start(t)
	text := s.signedIn(t, "root").get(t, "settings").text
	for _, part := range []string{"POST /auth/v1/token", "issuer", "127.0.0.1:8080"} {
		if !strings.Contains(text, part) {
			t.Errorf("the settings lack %q", part)
		}
	}
}

// A page and all that belongs to it stay below 150,000 bytes, with a full list.
func TestPageWeight(t *testing.T) {
	s := start(t)
	for i := range 60 {
		s.add(t, watchword.User{Login: strings.Repeat("x", 30) + string(rune('a'+i)), Email: strings.Repeat("y", 30) + string(rune('a'+i)) + "@example.com", Staff: true})
	}
	g := s.signedIn(t, "root")
	page := g.get(t, "users").text
	assets := regexp.MustCompile(`(?:href|src)="/admin/(assets/[^"]+)"`).FindAllStringSubmatch(page, -1)
	if len(assets) != 3 {
		t.Errorf("%d files beside the page, want 3", len(assets))
	}
	total := len(page)
	for _, a := range assets {
		got := g.get(t, a[1])
		if got.status != http.StatusOK || !strings.Contains(got.header.Get("Cache-Control"), "immutable") || got.header.Get("Content-Type") == "" {
			t.Errorf("%s = %d %v", a[1], got.status, got.header)
		}
		t.Logf("%s: %d bytes", a[1], len(got.text))
		total += len(got.text)
	}
	t.Logf("page: %d bytes, in all: %d", len(page), total)
	if total >= 150_000 {
		t.Errorf("%d bytes in all", total)
	}
}
