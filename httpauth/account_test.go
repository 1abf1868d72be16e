package httpauth_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/watchword-auth/watchword"
)

func TestVerify(t *testing.T) {
	b := newBench(t, func(c *watchword.Config) {
		c.Claims = func(_ context.Context, _ watchword.User, s *watchword.ClaimSet) error {
			s.Custom = map[string]any{"tenant": "t1"}
			return nil
		}
	})
	access, refresh := b.signIn()
	verify := func(token string) answer { return b.do(jsonCall("POST", "/auth/v1/verify", `{"token":"`+token+`"}`)) }
	a := verify(access)
	a.is(t, 200, "", "")
	claims, _ := a.object(t)["claims"].(map[string]any)
	if !strings.HasPrefix(a.body, `{"active":true,"claims":{"iss":`) || claims["tenant"] != "t1" || claims["sub"] != "1" {
		t.Errorf("POST /verify = %s", a.body)
	}
	for token, code := range map[string]string{refresh: "bad_signature", "x": "token_malformed", access + "x": "bad_signature"} {
		r := verify(token)
		r.is(t, 401, "invalid_token", code)
		if !strings.HasPrefix(r.header.Get("WWW-Authenticate"), `Bearer error="invalid_token"`) {
			t.Errorf("WWW-Authenticate %q", r.header.Get("WWW-Authenticate"))
		}
	}
	b.clock.advance(time.Hour)
	verify(access).is(t, 401, "invalid_token", "token_expired")
}

func TestMeOfAUserWhoIsGone(t *testing.T) {
	b := newBench(t)
	access, _ := b.signIn()
	now := b.clock.Now()
	if err := b.store.DeleteUser(context.Background(), "1", now.Add(time.Hour), now); err != nil {
		t.Fatal(err)
	}
	b.do(call{method: "GET", path: "/auth/v1/me", header: bearer(access)}).is(t, 401, "invalid_token", "")
	b.do(call{method: "GET", path: "/auth/v1/sessions", header: bearer(access)}).is(t, 401, "invalid_token", "")
}

func TestMeShowsLists(t *testing.T) {
	b := newBench(t)
	b.addUser(cheap(t), watchword.User{Login: "bare", Active: true}, "bare-pass-77")
	token := b.do(jsonCall("POST", "/auth/v1/token", `{"login":"bare","password":"bare-pass-77"}`)).text(t, "access_token")
	a := b.do(call{method: "GET", path: "/auth/v1/me", header: bearer(token)})
	if !strings.Contains(a.body, `"scopes":[],"permissions":[],"groups":[],"created_at":"`) || strings.Contains(a.body, ":null,") {
		t.Errorf("GET /me = %s, want empty lists and no null among them", a.body)
	}
	if at := a.text(t, "last_login_at"); at != "2026-05-04T12:00:00Z" {
		t.Errorf("last_login_at %q, want the sign-in's", at)
	}
}

func TestGuardedRoutesRefuse(t *testing.T) {
	b := newBench(t)
	for _, c := range []call{
		{method: "GET", path: "/auth/v1/me"},
		{method: "GET", path: "/auth/v1/sessions"},
		{method: "DELETE", path: "/auth/v1/sessions/x"},
		jsonCall("POST", "/auth/v1/password", `{"current":"a","new":"b"}`),
		jsonCall("POST", "/auth/v1/password", `{`),
	} {
		a := b.do(c)
		a.is(t, 401, "unauthenticated", "unauthenticated")
		if got := a.header.Get("WWW-Authenticate"); got != "Bearer" {
			t.Errorf("%s %s: WWW-Authenticate %q, want Bearer", c.method, c.path, got)
		}
		c.header = append(c.header, bearer("x.y.z")...)
		b.do(c).is(t, 401, "invalid_token", "token_malformed")
	}
}

func TestPassword(t *testing.T) {
	b := newBench(t)
	access, refresh := b.signIn()
	other, otherRefresh := b.signIn()
	change := func(current, next string) answer {
		return b.do(jsonCall("POST", "/auth/v1/password", `{"current":"`+current+`","new":"`+next+`"}`, bearer(access)...))
	}
	change("wrong", "a long enough one").is(t, 401, "invalid_token", "invalid_credentials")
	for _, weak := range []string{"short", "password123", "ann"} {
		change(annPass, weak).is(t, 400, "invalid_request", "password_weak")
	}
	me := func(token string) answer {
		return b.do(call{method: "GET", path: "/auth/v1/me", header: bearer(token)})
	}
	me(other).is(t, 200, "", "")
	if a := change(annPass, "a long enough one"); a.status != 200 || a.body != "{}" {
		t.Fatalf("POST /password = %d %s, want 200 {}", a.status, a.body)
	}
	me(access).is(t, 200, "", "") // his own session stays
	me(other).is(t, 401, "invalid_token", "session_ended")
	b.do(jsonCall("POST", "/auth/v1/refresh", `{"refresh_token":"`+otherRefresh+`"}`)).is(t, 400, "invalid_grant", "session_ended")
	b.do(jsonCall("POST", "/auth/v1/refresh", `{"refresh_token":"`+refresh+`"}`)).is(t, 200, "", "")
	b.do(jsonCall("POST", "/auth/v1/token", `{"login":"ann","password":"ann-pass-77"}`)).is(t, 400, "invalid_grant", "invalid_credentials")
	b.do(jsonCall("POST", "/auth/v1/token", `{"login":"ann","password":"a long enough one"}`)).is(t, 200, "", "")
}

func TestSessions(t *testing.T) {
	b := newBench(t)
	b.addUser(cheap(t), watchword.User{Login: "bob", Active: true}, "bob-pass-77")
	signIn := func(login, agent string) string {
		return b.do(jsonCall("POST", "/auth/v1/token", `{"login":"`+login+`","password":"`+login+`-pass-77"}`, "User-Agent", agent)).text(t, "access_token")
	}
	laptop := signIn("ann", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
	b.clock.advance(time.Minute)
	phone := signIn("ann", "curl/8.5.0")
	bob := signIn("bob", "")
	list := func(token string) []any {
		t.Helper()
		a := b.do(call{method: "GET", path: "/auth/v1/sessions", header: bearer(token)})
		a.is(t, 200, "", "")
		l, _ := a.object(t)["sessions"].([]any)
		return l
	}
	sessions := list(laptop)
	if len(sessions) != 2 || len(list(bob)) != 1 {
		t.Fatalf("%d sessions of ann, %d of bob, want 2 and 1", len(sessions), len(list(bob)))
	}
	newest, oldest := sessions[0].(map[string]any), sessions[1].(map[string]any)
	want := map[string]any{
		"id": oldest["id"], "device": "Firefox on Linux", "address": "192.0.2.0/24", "created_at": "2026-05-04T12:00:00Z",
		"last_used_at": "2026-05-04T12:00:00Z", "expires_at": "2026-05-05T12:00:00Z", "current": true,
	}
	if len(oldest) != len(want) {
		t.Errorf("a session is %v", oldest)
	}
	for name, v := range want {
		if oldest[name] != v {
			t.Errorf("%s = %v, want %v", name, oldest[name], v)
		}
	}
	if newest["device"] != "curl" || newest["current"] != false {
		t.Errorf("the other session is %v", newest)
	}
	end := func(token string, id any) answer {
		return b.do(call{method: "DELETE", path: "/auth/v1/sessions/" + id.(string), header: bearer(token)})
	}
	end(bob, newest["id"]).is(t, 404, "not_found", "not_found") // somebody else's
	for _, id := range []string{"x", "..%2f", "1", strings.Repeat("A", 22), strings.Repeat("a", 5000)} {
		end(laptop, id).is(t, 404, "not_found", "not_found")
	}
	if a := end(laptop, newest["id"]); a.status != 204 || a.body != "" {
		t.Errorf("DELETE = %d %q, want 204 and nothing", a.status, a.body)
	}
	if a := end(laptop, newest["id"]); a.status != 204 {
		t.Errorf("a second DELETE = %d, want 204", a.status)
	}
	b.do(call{method: "GET", path: "/auth/v1/me", header: bearer(phone)}).is(t, 401, "invalid_token", "session_ended")
	b.do(call{method: "GET", path: "/auth/v1/me", header: bearer(laptop)}).is(t, 200, "", "")
	if got := len(list(laptop)); got != 1 {
		t.Errorf("%d sessions are left, want 1", got)
	}
}

func TestSignOut(t *testing.T) {
	b := newBench(t)
	me := func(token string) int {
		return b.do(call{method: "GET", path: "/auth/v1/me", header: bearer(token)}).status
	}
	first, firstRefresh := b.signIn()
	second, _ := b.signIn()
	third, thirdRefresh := b.signIn()
	fourth, _ := b.signIn()
	b.do(jsonCall("POST", "/auth/v1/logout", `{"refresh_token":"`+firstRefresh+`"}`)).is(t, 200, "", "")
	if me(first) != 401 || me(second) != 200 {
		t.Errorf("signed out by refresh token: %d and %d, want 401 and 200", me(first), me(second))
	}
	b.do(call{method: "POST", path: "/auth/v1/logout", header: bearer(second)}).is(t, 200, "", "")
	if me(second) != 401 || me(third) != 200 {
		t.Errorf("signed out by access token: %d and %d, want 401 and 200", me(second), me(third))
	}
	// Signing out twice succeeds.
	b.do(call{method: "POST", path: "/auth/v1/logout", header: bearer(second)}).is(t, 200, "", "")
	b.do(jsonCall("POST", "/auth/v1/logout", `{"everywhere":false,"refresh_token":"rubbish"}`)).is(t, 200, "", "")
	if me(third) != 200 {
		t.Error("rubbish signed somebody out")
	}
	b.do(jsonCall("POST", "/auth/v1/logout", `{"everywhere":true,"refresh_token":"`+thirdRefresh+`"}`)).is(t, 200, "", "")
	if me(third) != 401 || me(fourth) != 401 {
		t.Errorf("signed out everywhere: %d and %d, want 401 and 401", me(third), me(fourth))
	}
}
