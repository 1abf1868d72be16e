package httpauth_test

import (
	"strings"
	"testing"
)

func TestNativeRound(t *testing.T) {
	b := newBench(t)
	a := b.do(jsonCall("POST", "/auth/v1/token", `{"login":"ann","password":"ann-pass-77"}`))
	a.is(t, 200, "", "")
	if got, want := a.keys(t), "access_token expires_in refresh_token scope token_type"; got != want {
		t.Errorf("token answer has %s, want %s", got, want)
	}
	if !strings.HasPrefix(a.body, `{"access_token":"`) || a.text(t, "token_type") != "Bearer" ||
		a.text(t, "scope") != "posts:read posts:write" || a.object(t)["expires_in"] != 300.0 {
		t.Errorf("token answer %s", a.body)
	}
	if got := a.header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control %q, want no-store", got)
	}
	if got := a.header.Get("Content-Type"); got != "application/json" {
		t.Errorf("Content-Type %q, want application/json", got)
	}
	access, refresh := a.text(t, "access_token"), a.text(t, "refresh_token")

	me := b.do(call{method: "GET", path: "/auth/v1/me", header: bearer(access)})
	if want := `{"id":"1","login":"ann","email":"ann@example.com","first_name":"Ann","last_name":"Lee","staff":false,` +
		`"superuser":false,"active":true,"scopes":["posts:read","posts:write"],"permissions":["p1"],"groups":["g1"],` +
		`"created_at":"`; me.status != 200 || !strings.HasPrefix(me.body, want) {
		t.Errorf("GET /me = %d %s, want 200 %s", me.status, me.body, want)
	}

	next := b.do(jsonCall("POST", "/auth/v1/refresh", `{"refresh_token":"`+refresh+`"}`))
	next.is(t, 200, "", "")
	if next.text(t, "refresh_token") == refresh {
		t.Error("the refresh token did not rotate")
	}

	out := b.do(jsonCall("POST", "/auth/v1/logout", `{"refresh_token":"`+next.text(t, "refresh_token")+`"}`))
	if out.status != 200 || out.body != "{}" {
		t.Errorf("POST /logout = %d %s, want 200 {}", out.status, out.body)
	}
	for _, token := range []string{access, next.text(t, "access_token")} {
		b.do(call{method: "GET", path: "/auth/v1/me", header: bearer(token)}).is(t, 401, "invalid_token", "session_ended")
	}
	b.do(jsonCall("POST", "/auth/v1/refresh", `{"refresh_token":"`+next.text(t, "refresh_token")+`"}`)).
		is(t, 400, "invalid_grant", "session_ended")
}
