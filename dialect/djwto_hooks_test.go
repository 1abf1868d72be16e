package dialect_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/dialect"
	"github.com/watchword-auth/watchword/httpauth"
)

// TestDjwtoFunctions: what the document replaces by assignment is given as
// functions (DJ-42 DJ-43).
func TestDjwtoFunctions(t *testing.T) {
	hooks := dialect.DjwtoHooks{
		User: func(u watchword.User, perms []string) (httpauth.Object, error) {
			return httpauth.Object{
				{Name: "username", Value: u.Login}, {Name: "email", Value: u.Email}, {Name: "id", Value: 1}, {Name: "perms", Value: perms},
			}, nil
		},
		Permissions: func(watchword.User) []string { return []string{"perm1"} },
		Claims: func(s *watchword.ClaimSet) (httpauth.Object, error) {
			return httpauth.Object{{Name: "tenant", Value: "of " + s.User.Login}}, nil
		},
		Authenticator: onlyAnn{},
	}
	d := newDjwto(t, nil, hooks)
	status, _, body := call(d, "POST", "/login/", map[string]string{"Content-Type": "application/x-www-form-urlencoded"}, "username=x&password=anything")
	var p struct{ Refresh, Access string }
	if err := json.Unmarshal([]byte(body), &p); err != nil || status != 200 {
		t.Fatalf("sign in: %d %s", status, body)
	}
	claims, order := decodePart(t, p.Access, 1)
	if got := fmt.Sprint(claims["user"], claims["tenant"]); got != "map[email:alice@djwto.com id:1 perms:[perm1] username:alice]of alice" {
		t.Errorf("claims %s, in order %v", got, order)
	}
	d.wantView("/testapp/perms_protect/", p.Access, 200, "perms also worked!")

	hooks.Claims = func(*watchword.ClaimSet) (httpauth.Object, error) {
		return httpauth.Object{{Name: "exp", Value: 1 << 40}}, nil
	}
	d = newDjwto(t, nil, hooks)
	if status, _, body := call(d, "POST", "/login/", map[string]string{"Content-Type": "application/x-www-form-urlencoded"}, "username=x&password=y"); status != 500 || body != `{"error": "Failed to process request."}` {
		t.Errorf("a function that sets exp: %d %s", status, body)
	}
}

// onlyAnn lets everybody in as alice.
type onlyAnn struct{}

func (onlyAnn) Authenticate(context.Context, watchword.Credentials) (watchword.User, error) {
	return watchword.User{ID: "1", Login: "alice", Email: "alice@djwto.com", Active: true, Version: 1}, nil
}

// TestDjwtoSignals: names, senders, counts and payloads (DJ-41).
func TestDjwtoSignals(t *testing.T) {
	var got []string
	var last dialect.DjwtoSignal
	note := func(_ context.Context, s dialect.DjwtoSignal) {
		got, last = append(got, s.Name+" of "+s.Sender), s
	}
	breaks := func(context.Context, dialect.DjwtoSignal) { panic("a handler that breaks") }
	all := []dialect.DjwtoHandler{breaks, note}
	d := newDjwto(t, nil, dialect.DjwtoHooks{Signals: dialect.DjwtoSignals{
		LoggedIn: all, LoginFailed: all, Blacklisted: all, Validated: all, AccessRefreshed: all, RefreshUpdated: all,
	}})
	bearer := map[string]string{}
	step := func(want, method, path, form string) string {
		t.Helper()
		got, last = nil, dialect.DjwtoSignal{}
		header := map[string]string{"Content-Type": "application/x-www-form-urlencoded"}
		if raw := bearer["raw"]; raw != "" {
			header["Authorization"] = "Bearer " + raw
		}
		_, _, body := call(d, method, path, header, form)
		if s := strings.Join(got, ", "); s != want {
			t.Errorf("%s %s told %q, want %q", method, path, s, want)
		}
		if want != "" && (last.Request == nil || last.Request.URL.Path != path) {
			t.Errorf("%s: request %v", want, last.Request)
		}
		return body
	}
	claims := func(kind string, b []byte) map[string]any {
		t.Helper()
		var c map[string]any
		if err := json.Unmarshal(b, &c); err != nil || c["type"] != kind {
			t.Errorf("%s claims %s, %v", kind, b, err)
		}
		return c
	}
	step("jwt_login_fail of GetTokensView", "POST", "/login/", "username=alice&password=nope")
	if last.Error != `{"__all__": ["Please enter a correct username and password. Note that both fields may be case-sensitive."]}` {
		t.Errorf("error %s", last.Error)
	}
	step("jwt_login_fail of GetTokensView", "POST", "/login/", "")
	if last.Error != `{"username": ["This field is required."], "password": ["This field is required."]}` {
		t.Errorf("error %s", last.Error)
	}
	var p struct{ Refresh, Access string }
	if err := json.Unmarshal([]byte(step("jwt_logged_in of GetTokensView", "POST", "/login/", "username=alice&password=pass")), &p); err != nil {
		t.Fatal(err)
	}
	jti := claims("refresh", last.RefreshClaims)["jti"]
	claims("access", last.AccessClaims)
	bearer["raw"] = p.Access
	step("", "POST", "/login/", "username=alice&password=pass")
	step("jwt_token_validated of ValidateTokensView", "POST", "/validate_access/", "")
	step("", "POST", below+"validate_refresh/", "")
	bearer["raw"] = p.Refresh
	step("jwt_token_validated of ValidateTokensView", "POST", below+"validate_refresh/", "")
	step("jwt_access_refreshed of RefreshAccessView", "POST", below+"refresh_access/", "")
	claims("refresh", last.RefreshClaims)
	claims("access", last.AccessClaims)
	d.pass(time.Second)
	step("jwt_refresh_updated of UpdateRefreshView", "POST", below+"update_refresh/", "")
	if c := claims("refresh", last.RefreshClaims); c["iat"].(float64) != float64(d.now().Unix()) || c["jti"] != jti {
		t.Errorf("the claims are not the new ones: %v", c)
	}
	step("jwt_blacklisted of BlackListTokenView", "POST", below+"logout/", "")
	if last.ID != jti {
		t.Errorf("jti %s, want %v", last.ID, jti)
	}
	step("", "POST", below+"logout/", "")
	step("", "POST", below+"refresh_access/", "")
}

// TestDjwtoGuards are the decorators (DJ-37 DJ-38 DJ-39 DJ-40).
func TestDjwtoGuards(t *testing.T) {
	show := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		claims, ok := httpauth.ClaimsFrom(r.Context())
		raw, _ := dialect.RawToken(r.Context())
		_, _ = fmt.Fprintf(w, "%v %s %d", ok, claims.Kind, strings.Count(raw, "."))
	})
	test := func(_ *http.Request, claims *watchword.Claims) (bool, string) {
		return claims != nil && claims.UserID == "4", "Only for dave."
	}
	for _, tt := range []struct {
		mode           string
		absent, other  string // texts
		refreshAbsent  string
		notRefreshText string
	}{
		{
			"JSON", `Token not found in \"HTTP_AUTHORIZATION\" header.`, "Access token was not sent in authorization header.",
			`Token not found in \"HTTP_AUTHORIZATION\" header.`, "Refresh token was not sent in authorization header.",
		},
		{
			"ONE-COOKIE", `Cookie \"jwt_access\" cannot be empty.`, `Cookie \"jwt_access\" does not hold an access token.`,
			`Cookie \"jwt_refresh\" cannot be empty.`, `POST variable \"jwt_type\" must be equal to \"refresh\".`,
		},
	} {
		t.Run(tt.mode, func(t *testing.T) {
			d := newDjwto(t, map[string]any{"DJWTO_MODE": tt.mode, "DJWTO_CSRF": false}, dialect.DjwtoHooks{})
			g := d.guards
			mux := http.NewServeMux()
			mux.Handle("/login", g.RequireLogin(show))
			mux.Handle("/test", g.RequireLogin(g.RequireTest(test)(show)))
			mux.Handle("/outside", g.RequireTest(test)(show))
			mux.Handle(below+"mine/", g.IsRefresh(show))
			mux.Handle("/elsewhere", g.IsRefresh(show))
			alice, dave := d.pairOf(tt.mode, "alice"), d.pairOf(tt.mode, "dave")
			want := func(path string, header map[string]string, form string, status int, body string) {
				t.Helper()
				h := map[string]string{"Content-Type": "application/x-www-form-urlencoded"}
				for k, v := range header {
					h[k] = v
				}
				if status == 403 {
					body = `{"error": "` + body + `"}`
				}
				if got, _, text := call(mux, "POST", path, h, form); got != status || text != body {
					t.Errorf("%s with %q = %d %s, want %d %s", path, form, got, text, status, body)
				}
			}
			access := func(p djwtoPair) map[string]string {
				if tt.mode == "JSON" {
					return map[string]string{"Authorization": "Bearer " + p.access}
				}
				return map[string]string{"Cookie": "jwt_access=" + p.access}
			}
			refresh := func(p djwtoPair) map[string]string {
				if tt.mode == "JSON" {
					return map[string]string{"Authorization": "Bearer " + p.refresh}
				}
				return map[string]string{"Cookie": "jwt_access=" + p.access + "; jwt_refresh=" + p.refresh}
			}
			want("/login", nil, "", 403, tt.absent)
			want("/login", access(alice), "", 200, "true access 2")
			want("/login", access(djwtoPair{access: alice.refresh}), "", 403, tt.other)
			want("/test", access(alice), "", 403, "Only for dave.")
			want("/test", access(dave), "", 200, "true access 2")
			want("/outside", access(dave), "", 403, "Only for dave.")
			want(below+"mine/", nil, "jwt_type=refresh", 403, tt.refreshAbsent)
			want(below+"mine/", refresh(alice), "jwt_type=refresh", 200, "true refresh 2")
			want(below+"mine/", access(alice), "", 403, tt.notRefreshText)
			want("/elsewhere", refresh(alice), "jwt_type=refresh", 403, "Refresh token is only sent in path: api/token/refresh")
			if err := d.auth.SignOut(t.Context(), watchword.SignOutRequest{Raw: alice.refresh}); err != nil {
				t.Fatal(err)
			}
			want(below+"mine/", refresh(alice), "jwt_type=refresh", 403, "Input jti token is already blacklisted.")
		})
	}
	if _, err := dialect.NewDjwtoGuards(nil, httpauth.Native("/auth/v1", nil)); err == nil {
		t.Error("guards of another profile")
	}
}

// pairOf signs in, in either mode.
func (r *djwtoRig) pairOf(mode, login string) djwtoPair {
	r.t.Helper()
	if mode == "JSON" {
		return r.signIn(login)
	}
	_, header, _ := call(r, "POST", "/login/", map[string]string{"Content-Type": "application/x-www-form-urlencoded"}, "username="+login+"&password=pass")
	jar := cookieJar(header)
	return djwtoPair{jar["jwt_refresh"], jar["jwt_access"]}
}

// TestDjwtoCookiesThatAreTooLong: what browsers would drop is refused, and
// the session with it.
func TestDjwtoCookiesThatAreTooLong(t *testing.T) {
	d := newDjwto(t, map[string]any{"DJWTO_MODE": "TWO-COOKIES"}, dialect.DjwtoHooks{
		Permissions: func(watchword.User) []string { return slices.Repeat([]string{"app.a_long_permission"}, 200) },
	})
	status, header, body := call(d, "POST", "/login/", map[string]string{"Content-Type": "application/x-www-form-urlencoded"}, aliceForm.Encode())
	if status != 500 || body != `{"error": "Failed to process request."}` || strings.Contains(strings.Join(header["Set-Cookie"], ""), "jwt_") {
		t.Errorf("sign-in = %d %s %v", status, body, header)
	}
	if open, err := d.store.ListSessions(t.Context(), watchword.SessionFilter{}, d.now()); err != nil || len(open) != 0 {
		t.Errorf("%d sessions are open, %v", len(open), err)
	}
}

// TestDjwtoIssues: tokens for what nobody signs in as.
func TestDjwtoIssues(t *testing.T) {
	d := newDjwto(t, map[string]any{"DJWTO_NBF_LIFETIME": "1m"}, dialect.DjwtoHooks{})
	issued, err := d.auth.Issue(t.Context(), watchword.IssueRequest{Subject: "car:42", Permissions: []string{"perm1"}, Lifetime: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	claims, _ := decodePart(t, issued.Access, 1)
	if got := fmt.Sprint(claims["user"]); got != "map[id:car:42 perms:[perm1] username:car:42]" {
		t.Errorf("user = %s", got)
	}
	d.pass(time.Minute)
	d.wantView("/testapp/perms_protect/", issued.Access, 200, "perms also worked!")
	d.want("POST", below+"refresh_access/", issued.Access, 403, `{"error": "Refresh token was not sent in authorization header."}`)
}
