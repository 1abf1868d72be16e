package httpauth_test

import (
	"context"
	"encoding/base64"
	"net/url"
	"testing"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/httpauth"
	"github.com/watchword-auth/watchword/jwt"
)

func basic(id, secret string) []string {
	plain := url.QueryEscape(id) + ":" + url.QueryEscape(secret)
	return []string{"Authorization", "Basic " + base64.StdEncoding.EncodeToString([]byte(plain))}
}

func TestGrants(t *testing.T) {
	b := newBench(t)
	id, secret := b.newClient("feed", "revocations", "read")
	tests := map[string]struct {
		body        string
		header      []string
		status      int
		oauth, code string
		scope       string
	}{
		"client, Basic":            {"grant_type=client_credentials", basic(id, secret), 200, "", "", "revocations read"},
		"client, form":             {"grant_type=client_credentials&client_id=" + id + "&client_secret=" + secret, nil, 200, "", "", "revocations read"},
		"client, one scope":        {"grant_type=client_credentials&scope=read", basic(id, secret), 200, "", "", "read"},
		"client, same id in form":  {"grant_type=client_credentials&client_id=" + id, basic(id, secret), 200, "", "", "revocations read"},
		"client, lower-case Basic": {"grant_type=client_credentials", []string{"Authorization", "basic " + basic(id, secret)[1][6:]}, 200, "", "", "revocations read"},
		"client, scope not its":    {"grant_type=client_credentials&scope=read+admin", basic(id, secret), 400, "invalid_scope", "invalid_scope", ""},
		"client, odd scope":        {"grant_type=client_credentials&scope=a%22b", basic(id, secret), 400, "invalid_scope", "invalid_scope", ""},
		"client, none":             {"grant_type=client_credentials", nil, 401, "invalid_client", "invalid_client", ""},
		"client, no secret":        {"grant_type=client_credentials&client_id=" + id, nil, 401, "invalid_client", "invalid_client", ""},
		"client, empty":            {"grant_type=client_credentials", basic("", ""), 401, "invalid_client", "invalid_client", ""},
		"client, bearer":           {"grant_type=client_credentials", bearer("x"), 401, "invalid_client", "invalid_client", ""},
		"client, wrong secret":     {"grant_type=client_credentials", basic(id, secret+"x"), 401, "invalid_client", "invalid_client", ""},
		"client, unknown":          {"grant_type=client_credentials", basic("nobody", secret), 401, "invalid_client", "invalid_client", ""},
		"client, two places":       {"grant_type=client_credentials&client_secret=" + secret, basic(id, secret), 400, "invalid_request", "invalid_request", ""},
		"client, two ids":          {"grant_type=client_credentials&client_id=other", basic(id, secret), 400, "invalid_request", "invalid_request", ""},
		"client, two headers":      {"grant_type=client_credentials", append(basic(id, secret), basic(id, secret)...), 400, "invalid_request", "invalid_request", ""},
		"client, no base64":        {"grant_type=client_credentials", []string{"Authorization", "Basic !"}, 401, "invalid_client", "invalid_client", ""},
		"client, no colon":         {"grant_type=client_credentials", []string{"Authorization", "Basic YQ=="}, 401, "invalid_client", "invalid_client", ""},
		"client, loose base64":     {"grant_type=client_credentials", []string{"Authorization", "Basic YTr="}, 401, "invalid_client", "invalid_client", ""},
		"client, bad escape":       {"grant_type=client_credentials", []string{"Authorization", "Basic " + base64.StdEncoding.EncodeToString([]byte("%z:x"))}, 401, "invalid_client", "invalid_client", ""},
		"client, no Basic value":   {"grant_type=client_credentials", []string{"Authorization", "Basic"}, 401, "invalid_client", "invalid_client", ""},
		"client, in the query":     {"grant_type=client_credentials", nil, 401, "invalid_client", "invalid_client", ""},

		"password":                      {"grant_type=password&username=ann&password=ann-pass-77&scope=posts:read", nil, 200, "", "", "posts:read"},
		"password, known client":        {"grant_type=password&username=ann&password=ann-pass-77", basic(id, secret), 200, "", "", "posts:read posts:write"},
		"password, wrong client":        {"grant_type=password&username=ann&password=ann-pass-77", basic(id, "x"), 401, "invalid_client", "invalid_client", ""},
		"password, wrong":               {"grant_type=password&username=ann&password=x", nil, 400, "invalid_grant", "invalid_credentials", ""},
		"password, unknown":             {"grant_type=password&username=bob&password=x", nil, 400, "invalid_grant", "invalid_credentials", ""},
		"refresh, rubbish":              {"grant_type=refresh_token&refresh_token=x", nil, 400, "invalid_grant", "token_malformed", ""},
		"authorization code":            {"grant_type=authorization_code&code=x", nil, 400, "unsupported_grant_type", "unsupported_grant_type", ""},
		"implicit":                      {"grant_type=token", nil, 400, "unsupported_grant_type", "unsupported_grant_type", ""},
		"another case":                  {"grant_type=Password&username=ann&password=ann-pass-77", nil, 400, "unsupported_grant_type", "unsupported_grant_type", ""},
		"a space":                       {"grant_type=password+&username=ann&password=ann-pass-77", nil, 400, "unsupported_grant_type", "unsupported_grant_type", ""},
		"JWT bearer":                    {"grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer&assertion=x", nil, 400, "unsupported_grant_type", "unsupported_grant_type", ""},
		"a login that is far too long":  {"grant_type=password&password=x&username=" + string(make20k()), nil, 400, "invalid_request", "invalid_request", ""},
		"a password that is far longer": {"grant_type=password&username=ann&password=" + string(make20k()), nil, 400, "invalid_grant", "invalid_credentials", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			path := "/auth/v1/token"
			if name == "client, in the query" {
				path += "?client_id=" + id + "&client_secret=" + secret
			}
			a := b.do(formCall(path, tt.body, tt.header...))
			a.is(t, tt.status, tt.oauth, tt.code)
			if a.status == 200 && a.text(t, "scope") != tt.scope {
				t.Errorf("scope %q, want %q", a.text(t, "scope"), tt.scope)
			}
			if got := a.header.Get("WWW-Authenticate"); a.status == 401 && got != `Basic realm="watchword"` {
				t.Errorf("WWW-Authenticate %q", got)
			}
			if a.header.Get("Cache-Control") != "no-store" || a.header.Get("Pragma") != "no-cache" && a.status == 200 {
				t.Errorf("header %v lacks no-store", a.header)
			}
		})
	}
}

func make20k() []byte {
	b := make([]byte, 20_000)
	for i := range b {
		b[i] = 'a'
	}
	return b
}

func TestClientTokensHaveNoRefreshTokenAndNoUser(t *testing.T) {
	b := newBench(t)
	id, secret := b.newClient("feed", "read")
	a := b.do(formCall("/auth/v1/token", "grant_type=client_credentials", basic(id, secret)...))
	if got := a.keys(t); got != "access_token expires_in scope token_type" {
		t.Errorf("the answer has %s", got)
	}
	token := a.text(t, "access_token")
	if got := serve(b.profile.Guard(b.auth).Require(watchword.Scope("read"))(subject), call{method: "GET", path: "/", header: bearer(token)}); got.body != id {
		t.Errorf("a guard says %d %s, want %s", got.status, got.body, id)
	}
	b.do(call{method: "GET", path: "/auth/v1/me", header: bearer(token)}).is(t, 403, "insufficient_scope", "permission_denied")
	b.do(call{method: "GET", path: "/auth/v1/sessions", header: bearer(token)}).is(t, 403, "insufficient_scope", "permission_denied")
}

func TestRefreshGrant(t *testing.T) {
	b := newBench(t)
	_, refresh := b.signIn()
	a := b.do(formCall("/auth/v1/token", "grant_type=refresh_token&scope=posts%3Aread&refresh_token="+refresh))
	a.is(t, 200, "", "")
	if a.text(t, "scope") != "posts:read" || a.text(t, "refresh_token") == refresh {
		t.Errorf("answer %s, want scope posts:read and another refresh token", a.body)
	}
	// Inside the grace window the one just used gets the same successor.
	again := b.do(jsonCall("POST", "/auth/v1/refresh", `{"refresh_token":"`+refresh+`"}`))
	if again.text(t, "refresh_token") != a.text(t, "refresh_token") {
		t.Errorf("a repeat got %s, want the successor of before", again.body)
	}
	b.do(jsonCall("POST", "/auth/v1/refresh", `{"scope":"admin","refresh_token":"`+a.text(t, "refresh_token")+`"}`)).
		is(t, 400, "invalid_scope", "invalid_scope")
	b.do(jsonCall("POST", "/auth/v1/refresh", `{"scope":"a\\b","refresh_token":"`+a.text(t, "refresh_token")+`"}`)).
		is(t, 400, "invalid_scope", "invalid_scope")
	b.clock.advance(time.Minute)
	b.do(jsonCall("POST", "/auth/v1/refresh", `{"refresh_token":"`+refresh+`"}`)).is(t, 400, "invalid_grant", "token_reused")
	b.do(jsonCall("POST", "/auth/v1/refresh", `{"refresh_token":"`+a.text(t, "refresh_token")+`"}`)).is(t, 400, "invalid_grant", "session_ended")
}

func TestDisabledUsersAreAnsweredLikeWrongPasswords(t *testing.T) {
	b := newBench(t)
	b.addUser(cheap(t), watchword.User{Login: "ina", Active: false}, "ina-pass-77")
	wrong := b.do(jsonCall("POST", "/auth/v1/token", `{"login":"ann","password":"nope"}`))
	unknown := b.do(jsonCall("POST", "/auth/v1/token", `{"login":"nobody","password":"nope"}`))
	disabled := b.do(jsonCall("POST", "/auth/v1/token", `{"login":"ina","password":"ina-pass-77"}`))
	wrong.is(t, 400, "invalid_grant", "invalid_credentials")
	if unknown.body != wrong.body || disabled.body != wrong.body || unknown.status != wrong.status || disabled.status != wrong.status {
		t.Errorf("answers differ:\n%d %s\n%d %s\n%d %s", wrong.status, wrong.body, unknown.status, unknown.body, disabled.status, disabled.body)
	}
}

func TestLimitsAreAnsweredWith429(t *testing.T) {
	b := newBench(t, func(c *watchword.Config) {
		c.InsecureUnlimited = false
		c.Limiter = watchword.NewMemoryLimiter(func(string) watchword.Rate { return watchword.Rate{Burst: 2, Every: 90 * time.Second} }, 0)
	})
	bad, good := `{"login":"ann","password":"x"}`, `{"login":"ANN","password":"ann-pass-77"}`
	for range 2 {
		b.do(jsonCall("POST", "/auth/v1/token", bad)).is(t, 400, "invalid_grant", "")
	}
	a := b.do(jsonCall("POST", "/auth/v1/token", good))
	a.is(t, 429, "temporarily_unavailable", "rate_limited")
	if got := a.header.Get("Retry-After"); got != "90" {
		t.Errorf("Retry-After %q, want 90", got)
	}
	b.clock.advance(90 * time.Second)
	b.do(jsonCall("POST", "/auth/v1/token", good)).is(t, 200, "", "")
}

func TestIntrospect(t *testing.T) {
	b := newBench(t)
	access, refresh := b.signIn()
	id, secret := b.newClient("rs")
	ask := func(token string, header ...string) answer {
		return b.do(formCall("/auth/v1/introspect", "token_type_hint=refresh_token&token="+url.QueryEscape(token), header...))
	}
	a := ask(access, basic(id, secret)...)
	if got, want := a.keys(t), "active aud client_id exp iat iss jti scope sid sub token_type username"; got != want {
		t.Errorf("introspection has %s, want %s", got, want)
	}
	for name, want := range map[string]any{
		"active": true, "sub": "1", "username": "ann", "client_id": "watchword", "aud": audience, "iss": issuer, "token_type": "Bearer",
		"scope": "posts:read posts:write", "exp": float64(b.clock.Now().Unix() + 300), "iat": float64(b.clock.Now().Unix()),
	} {
		if got := a.object(t)[name]; got != want {
			t.Errorf("%s = %v, want %v", name, got, want)
		}
	}
	if r := ask(refresh, basic(id, secret)...); r.object(t)["active"] != true || r.object(t)["token_type"] != nil || r.text(t, "username") != "ann" {
		t.Errorf("a refresh token is %s", r.body)
	}
	inactive := func(name, token string) {
		t.Helper()
		if r := ask(token, basic(id, secret)...); r.status != 200 || r.body != `{"active":false}` {
			t.Errorf("%s: %d %s, want 200 inactive and nothing else", name, r.status, r.body)
		}
	}
	inactive("rubbish", "x")
	inactive("changed", access+"x")
	ask(access).is(t, 401, "invalid_client", "invalid_client")
	ask(access, basic(id, "x")...).is(t, 401, "invalid_client", "invalid_client")
	ask(access, bearer(access)...).is(t, 401, "invalid_client", "invalid_client")
	b.do(formCall("/auth/v1/introspect", "", basic(id, secret)...)).is(t, 400, "invalid_request", "invalid_request")
	b.do(formCall("/auth/v1/introspect", "token=", basic(id, secret)...)).is(t, 400, "invalid_request", "invalid_request")
	b.do(formCall("/auth/v1/introspect?token="+access, "", basic(id, secret)...)).is(t, 400, "invalid_request", "invalid_request")
	next := b.do(jsonCall("POST", "/auth/v1/refresh", `{"refresh_token":"`+refresh+`"}`))
	inactive("a refresh token used before", refresh)
	b.do(jsonCall("POST", "/auth/v1/logout", `{"refresh_token":"`+next.text(t, "refresh_token")+`"}`))
	inactive("an ended session", access)
	inactive("an ended session's refresh token", next.text(t, "refresh_token"))
	b.clock.advance(time.Hour)
	inactive("expired", access)
}

func TestRevoke(t *testing.T) {
	b := newBench(t)
	id, secret := b.newClient("one", "read")
	otherID, otherSecret := b.newClient("two", "read")
	revoke := func(token string, header ...string) answer {
		return b.do(formCall("/auth/v1/revoke", "token="+url.QueryEscape(token), header...))
	}
	me := func(token string) answer {
		return serve(b.profile.Guard(b.auth).Require()(subject), call{method: "GET", path: "/", header: bearer(token)})
	}
	access, refresh := b.signIn()
	revoke(access).is(t, 401, "invalid_client", "invalid_client")
	revoke(access, basic(id, "x")...).is(t, 401, "invalid_client", "invalid_client")
	revoke("", basic(id, secret)...).is(t, 400, "invalid_request", "invalid_request")
	if a := me(access); a.status != 200 {
		t.Fatalf("nothing was revoked, and the token gets %d", a.status)
	}
	revoke(access, basic(id, secret)...).is(t, 200, "", "")
	if a := me(access); a.status != 401 {
		t.Errorf("a revoked access token gets %d", a.status)
	}
	next := b.do(jsonCall("POST", "/auth/v1/refresh", `{"refresh_token":"`+refresh+`"}`))
	next.is(t, 200, "", "") // the session goes on
	revoke(next.text(t, "refresh_token"), basic(id, secret)...).is(t, 200, "", "")
	if a := me(next.text(t, "access_token")); a.status != 401 {
		t.Errorf("the access token of a revoked refresh token gets %d", a.status)
	}
	for _, token := range []string{"rubbish", access, refresh, access + "x"} {
		revoke(token, basic(id, secret)...).is(t, 200, "", "") // RFC 7009, section 2.2
	}

	machine := b.do(formCall("/auth/v1/token", "grant_type=client_credentials", basic(id, secret)...)).text(t, "access_token")
	revoke(machine, basic(otherID, otherSecret)...).is(t, 403, "access_denied", "permission_denied")
	if a := me(machine); a.status != 200 {
		t.Errorf("another client's request revoked the token: %d", a.status)
	}
	revoke(machine, basic(id, secret)...).is(t, 200, "", "")
	if a := me(machine); a.status != 401 {
		t.Errorf("a client's own token gets %d after it was revoked", a.status)
	}
}

func TestKeys(t *testing.T) {
	b := newBench(t)
	const path = "/.well-known/jwks.json"
	a := b.do(call{method: "GET", path: path})
	keys, err := jwt.ParseKeySet([]byte(a.body))
	if err != nil || len(keys) != 2 || a.status != 200 {
		t.Fatalf("%d %s: %d keys, %v, want the active and the next one", a.status, a.body, len(keys), err)
	}
	if got := a.header.Get("Cache-Control"); got != "public, max-age=300" {
		t.Errorf("Cache-Control %q", got)
	}
	tag := a.header.Get("Etag")
	for match, status := range map[string]int{tag: 304, "W/" + tag: 304, `"x", ` + tag: 304, "*": 304, `"x"`: 200, "": 200} {
		c := b.do(call{method: "GET", path: path, header: []string{"If-None-Match", match}})
		if c.status != status || status == 304 && c.body != "" || c.header.Get("Etag") != tag {
			t.Errorf("If-None-Match %s: %d, %d bytes, want %d", match, c.status, len(c.body), status)
		}
	}
	if err := b.auth.RotateKeys(context.Background()); err != nil {
		t.Fatal(err)
	}
	if c := b.do(call{method: "GET", path: path, header: []string{"If-None-Match", tag}}); c.status != 200 || c.header.Get("Etag") == tag {
		t.Errorf("after a rotation: %d, tag %s", c.status, c.header.Get("Etag"))
	}
}

func TestSecretsAreNotPublished(t *testing.T) {
	b := newBench(t, func(c *watchword.Config) { c.KeyAlgorithm = jwt.HS256 })
	if a := b.do(call{method: "GET", path: "/.well-known/jwks.json"}); a.status != 200 || a.body != `{"keys":[]}` {
		t.Errorf("%d %s, want no keys", a.status, a.body)
	}
}

func TestMetadata(t *testing.T) {
	tests := map[string]struct{ issuer, prefix, path, token, keys string }{
		"root":              {"https://a.example", "/auth/v1", "/.well-known/oauth-authorization-server", "https://a.example/auth/v1/token", "https://a.example/.well-known/jwks.json"},
		"a slash":           {"https://a.example/", "/auth/v1", "/.well-known/oauth-authorization-server", "https://a.example/auth/v1/token", "https://a.example/.well-known/jwks.json"},
		"a port":            {"http://127.0.0.1:8080", "/auth/v1", "/.well-known/oauth-authorization-server", "http://127.0.0.1:8080/auth/v1/token", "http://127.0.0.1:8080/.well-known/jwks.json"},
		"a path":            {"https://a.example/t/1", "/auth/v1", "/.well-known/oauth-authorization-server/t/1", "https://a.example/t/1/auth/v1/token", "https://a.example/t/1/.well-known/jwks.json"},
		"a path, plain":     {"https://a.example/t/1", "/auth/v1", "/.well-known/oauth-authorization-server", "https://a.example/t/1/auth/v1/token", "https://a.example/t/1/.well-known/jwks.json"},
		"a path, repeated":  {"https://a.example/t", "/t/auth", "/.well-known/oauth-authorization-server/t", "https://a.example/t/auth/token", "https://a.example/.well-known/jwks.json"},
		"a path, its start": {"https://a.example/t", "/tt", "/.well-known/oauth-authorization-server/t", "https://a.example/t/tt/token", "https://a.example/t/.well-known/jwks.json"},
		"no prefix":         {"https://a.example", "/", "/.well-known/oauth-authorization-server", "https://a.example/token", "https://a.example/.well-known/jwks.json"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, func(c *watchword.Config) { c.Issuer = tt.issuer })
			b.mount(httpauth.Native(tt.prefix, nil))
			a := b.do(call{method: "GET", path: tt.path})
			a.is(t, 200, "", "")
			if a.text(t, "issuer") != tt.issuer || a.text(t, "token_endpoint") != tt.token || a.text(t, "jwks_uri") != tt.keys {
				t.Errorf("metadata %s", a.body)
			}
			if got, want := a.keys(t), "grant_types_supported introspection_endpoint introspection_endpoint_auth_methods_supported issuer jwks_uri "+
				"response_types_supported revocation_endpoint revocation_endpoint_auth_methods_supported token_endpoint token_endpoint_auth_methods_supported"; got != want {
				t.Errorf("metadata has %s, want %s", got, want)
			}
			if a.header.Get("Cache-Control") != "public, max-age=300" || a.header.Get("Content-Type") != "application/json" {
				t.Errorf("header %v", a.header)
			}
		})
	}
}
