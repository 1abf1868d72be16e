package adminapi_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/httpauth"
)

// TestNobodyClimbs tries the ways to more than one has.
func TestNobodyClimbs(t *testing.T) {
	for _, test := range []struct{ name, who, method, path, body string }{
		{"staff makes himself a superuser", "sam", "PATCH", "users/3", `{"superuser":true}`},
		{"staff gives himself a scope", "sam", "PATCH", "users/3", `{"scopes":["posts:read","admin"]}`},
		{"staff gives himself a permission", "sam", "PATCH", "users/3", `{"permissions":["everything"]}`},
		{"staff changes himself at all", "sam", "PATCH", "users/3", `{"first_name":"S"}`},
		{"staff takes over the superuser by address", "sam", "PATCH", "users/1", `{"email":"sam@example.com"}`},
		{"staff takes over the superuser by password", "sam", "POST", "users/1/password", `{"password":"a good password"}`},
		{"staff demotes the superuser", "sam", "PATCH", "users/1", `{"superuser":false}`},
		{"staff makes a friend staff by a new account", "sam", "POST", "users", `{"login":"friend","staff":true}`},
		{"staff gives a friend a permission beyond his", "sam", "POST", "users", `{"login":"friend","permissions":["users.view","shop.refund"]}`},
		{"staff gives a friend a group beyond his", "sam", "POST", "users", `{"login":"friend","groups":["editors","admins"]}`},
		{"a false flag beside a true one", "sam", "POST", "users", `{"login":"friend","staff":false,"superuser":true}`},
		{"staff lets a machine do what he may not", "sam", "POST", "clients", `{"name":"friend","scopes":["posts:read","posts:write"]}`},
		{"staff gets at a machine's scope", "sam", "POST", "clients/daemon/secret", ``},
		{"a holder of admin hands it on", "aida", "PATCH", "users/6", `{"scopes":["posts:read","admin"]}`},
		{"a holder of admin makes a machine with it", "aida", "POST", "clients", `{"name":"friend","scopes":["admin"]}`},
		{"a holder of admin makes himself staff", "aida", "PATCH", "users/5", `{"staff":true}`},
		{"a holder of admin takes over another", "aida", "POST", "users/9/password", `{"password":"a good password"}`},
		{"a user with permissions, but no staff", "eve", "PATCH", "users/6", `{"first_name":"T"}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newSite(t)
			s.ask(s.signIn(test.who).Access, test.method, test.path, test.body).is(t, http.StatusForbidden, "permission_denied")
			if len(s.told(watchword.UserChanged))+len(s.told(watchword.PasswordChanged)) > 0 {
				t.Error("something was done")
			}
			for _, id := range []string{root, sam, aida, tim} {
				if u := s.user(id); u.Superuser != (id == root) || u.Staff != (id == sam) || u.Email != "" {
					t.Errorf("user %s is %+v", id, u)
				}
			}
		})
	}
}

// TestClientsThatCopyUsers: who may not see users gets at them by no machine.
func TestClientsThatCopyUsers(t *testing.T) {
	const copier = `{"name":"friend","scopes":["posts:read"],"user_fields":["email"]}`
	s := newSite(t, "clients.change")
	token := s.signIn("sam").Access
	s.ask(token, "POST", "clients", copier).is(t, http.StatusForbidden, "permission_denied")
	s.ask(s.signIn("root").Access, "POST", "clients", copier).is(t, http.StatusCreated, "")
	s.ask(token, "POST", "clients/friend/secret", "").is(t, http.StatusForbidden, "permission_denied")
	s = newSite(t, "clients.change", "users.view")
	s.ask(s.signIn("sam").Access, "POST", "clients", copier).is(t, http.StatusCreated, "")
}

// TestRightsCountAsTheyAre: what a token says is not what counts.
func TestRightsCountAsTheyAre(t *testing.T) {
	s := newSite(t)
	boss, staff := s.signIn("root").Access, s.signIn("sam").Access
	s.ask(staff, "GET", "users", "").is(t, http.StatusOK, "")
	s.ask(boss, "PATCH", "users/3", `{"permissions":[]}`).is(t, http.StatusOK, "")
	if got := s.ask(staff, "GET", "users", ""); got.status < 400 {
		t.Errorf("the answer to a token of before is %d", got.status)
	}
	s.ask(s.signIn("sam").Access, "GET", "users", "").is(t, http.StatusForbidden, "permission_denied")
	staff = s.signIn("tess").Access
	s.ask(boss, "PATCH", "users/7", `{"active":false}`).is(t, http.StatusOK, "")
	if got := s.ask(staff, "GET", "users", ""); got.status != http.StatusUnauthorized {
		t.Errorf("the answer to one who was disabled is %d %s", got.status, got.body)
	}
	robot := s.machine("robot")
	s.ask(boss, "DELETE", "clients/robot", "").is(t, http.StatusNoContent, "")
	s.ask(robot, "GET", "users", "").is(t, http.StatusUnauthorized, "session_ended")
	ended := s.signIn("sam")
	s.ask(boss, "DELETE", "sessions/"+s.auth.SessionID(ended.Session.Number), "").is(t, http.StatusNoContent, "")
	if got := s.ask(ended.Access, "GET", "users", ""); got.status != http.StatusUnauthorized {
		t.Errorf("the answer in a session that has ended is %d %s", got.status, got.body)
	}
}

// TestIssuedTokens: a token that was issued without a sign-in is nobody's,
// whatever its subject.
func TestIssuedTokens(t *testing.T) {
	s := newSite(t)
	issue := func(subject string, scopes ...string) string {
		tokens, err := s.auth.Issue(t.Context(), watchword.IssueRequest{Subject: subject, Scopes: scopes})
		if err != nil {
			t.Fatal(err)
		}
		return tokens.Access
	}
	s.ask(issue(root), "GET", "users", "").is(t, http.StatusForbidden, "permission_denied")
	s.ask(issue("watchword"), "GET", "users", "").is(t, http.StatusForbidden, "permission_denied")
	s.ask(issue(root, "admin"), "GET", "users", "").is(t, http.StatusOK, "")
	s.ask(issue(root, "admin"), "PATCH", "users/6", `{"staff":true}`).is(t, http.StatusForbidden, "permission_denied")
	if denied := s.told(watchword.Denied); denied[len(denied)-1].Actor != "client:"+root {
		t.Errorf("the log says %+v", denied)
	}
}

// TestOwnSessions: one's own are free to end, of whatever standing one is.
func TestOwnSessions(t *testing.T) {
	s := newSite(t)
	here, there := s.signIn("sam"), s.signIn("sam")
	s.ask(here.Access, "DELETE", "sessions/"+s.auth.SessionID(there.Session.Number), "").is(t, http.StatusNoContent, "")
	s.ask(here.Access, "POST", "sessions/end", `{"user":"3"}`).is(t, http.StatusOK, "")
	if got := s.ask(here.Access, "GET", "users", ""); got.status != http.StatusUnauthorized {
		t.Errorf("the answer in a session that was ended is %d", got.status)
	}
}

// TestNothingToChange leaves no trace.
func TestNothingToChange(t *testing.T) {
	s := newSite(t)
	s.ask(s.signIn("root").Access, "PATCH", "users/6", `{}`).is(t, http.StatusOK, "")
	s.ask(s.signIn("sam").Access, "PATCH", "users/7", `{}`).is(t, http.StatusForbidden, "permission_denied")
	if told := s.told(watchword.UserChanged); len(told) > 0 {
		t.Errorf("the log says %+v", told)
	}
}

func TestNobodyShutsHimselfOut(t *testing.T) {
	s := newSite(t)
	boss := s.signIn("root")
	s.ask(boss.Access, "PATCH", "users/1", `{"active":false}`).is(t, http.StatusForbidden, "permission_denied")
	s.ask(boss.Access, "DELETE", "users/1", "").is(t, http.StatusForbidden, "permission_denied")
	// There is tina, so root may step down or change; a password keeps the
	// session in which it was set.
	s.ask(boss.Access, "POST", "users/1/password", `{"password":"a good password"}`).is(t, http.StatusNoContent, "")
	s.ask(boss.Access, "GET", "users", "").is(t, http.StatusOK, "")
	s.ask(boss.Access, "DELETE", "users/8", "").is(t, http.StatusNoContent, "")
	s.ask(boss.Access, "PATCH", "users/1", `{"superuser":false}`).is(t, http.StatusForbidden, "permission_denied")
	s.ask(boss.Access, "PATCH", "users/1", `{"superuser":true,"staff":true}`).is(t, http.StatusOK, "")
	if u := s.user(root); !u.Superuser || !u.Active {
		t.Errorf("the last superuser is %+v", u)
	}
}

// TestTwoSuperusersAtOnce: each disables the other at the same moment.
func TestTwoSuperusersAtOnce(t *testing.T) {
	for range 20 {
		s := newSite(t)
		tokens := map[string]string{tina: s.signIn("root").Access, root: s.signIn("tina").Access}
		var both sync.WaitGroup
		for victim, token := range tokens {
			both.Go(func() { s.ask(token, "PATCH", "users/"+victim, `{"active":false}`) })
		}
		both.Wait()
		if !s.user(root).Active && !s.user(tina).Active {
			t.Fatal("nobody is left")
		}
	}
}

// TestStrangersDoNotFillTheLog: refusals of those who have no business here
// are counted, those of staff each written.
func TestStrangersDoNotFillTheLog(t *testing.T) {
	s := newSite(t)
	token, staff := s.signIn("eve").Access, s.signIn("idle").Access
	for range 50 {
		s.ask(token, "GET", "users", "").is(t, http.StatusForbidden, "permission_denied")
	}
	s.ask(staff, "GET", "users", "").is(t, http.StatusForbidden, "permission_denied")
	s.ask(staff, "GET", "keys", "").is(t, http.StatusForbidden, "permission_denied")
	var by []string
	for _, e := range s.told(watchword.Denied) {
		by = append(by, e.Actor)
	}
	if text := strings.Join(by, " "); strings.Count(text, "user:"+idle) != 2 || strings.Count(text, "user:"+eve) > 5 || !strings.Contains(text, "user:"+eve) {
		t.Errorf("the log says of refusals: %s", text)
	}
}

// TestCookiesFromElsewhere: the browser sends the cookie along with whatever
// page asks it to.
func TestCookiesFromElsewhere(t *testing.T) {
	s := newSite(t)
	token := s.signIn("root").Access
	name := ""
	for _, candidate := range []string{"__Host-ww_access", "ww_access"} {
		if s.ask("", "GET", "users", "", "Cookie", candidate+"="+token).status == http.StatusOK {
			name = candidate
		}
	}
	if name == "" {
		t.Fatal("no cookie is taken")
	}
	for i, pattern := range s.profile.Patterns() {
		method, path, _ := strings.Cut(pattern, " ")
		if method == http.MethodGet {
			continue
		}
		path = strings.ReplaceAll(strings.TrimPrefix(path, "/auth/v1/admin/"), "{id}", "6")
		for _, headers := range [][]string{
			{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "https://evil.example"}, {"Origin", "null"},
		} {
			got := s.ask("", method, path, fmt.Sprintf(`{"login":"new%d"}`, i), append([]string{"Cookie", name + "=" + token}, headers...)...)
			got.is(t, http.StatusForbidden, "cross_origin")
		}
	}
	s.ask("", "POST", "users", `{"login":"new"}`, "Cookie", name+"="+token, "Sec-Fetch-Site", "same-origin").is(t, http.StatusCreated, "")
}

// TestPreflight: pages of a front-end elsewhere may send what the routes read.
func TestPreflight(t *testing.T) {
	s := newSite(t)
	s.profile.Origins = []string{"https://app.example.com"}
	var err error
	if s.http, err = httpauth.Handler(s.auth, s.profile); err != nil {
		t.Fatal(err)
	}
	for origin, allowed := range map[string]string{"https://app.example.com": "https://app.example.com", "https://evil.example": ""} {
		got := s.ask("", "OPTIONS", "users", "", "Origin", origin, "Access-Control-Request-Method", "POST")
		if a := got.header.Get("Access-Control-Allow-Origin"); a != allowed || allowed != "" && !strings.Contains(got.header.Get("Access-Control-Allow-Headers"), "Idempotency-Key") {
			t.Errorf("to %s it says %v", origin, got.header)
		}
	}
}
