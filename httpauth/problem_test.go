package httpauth_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/httpauth"
)

func TestEveryCodeHasARow(t *testing.T) {
	for _, code := range watchword.Codes() {
		for _, at := range []httpauth.Endpoint{httpauth.Guarded, httpauth.TokenEndpoint} {
			p := httpauth.ProblemOf(code, at)
			if p.Status < 400 || p.Description == "" {
				t.Errorf("ProblemOf(%s, %d) has no row: %+v", code, at, p)
			}
			if p.Status == 500 && code != watchword.Internal {
				t.Errorf("ProblemOf(%s, %d) = 500", code, at)
			}
			if p.Status == 401 && p.Challenge == "" {
				t.Errorf("ProblemOf(%s, %d) is a 401 without a challenge (RFC 9110, section 11.6.1)", code, at)
			}
		}
	}
}

func TestProblemTable(t *testing.T) {
	type want struct {
		status int
		oauth  string
	}
	grant, token := want{400, "invalid_grant"}, want{401, "invalid_token"}
	tests := []struct {
		code         watchword.Code
		ours, theirs want
	}{
		{watchword.Internal, want{500, "server_error"}, want{500, "server_error"}},
		{watchword.InvalidRequest, want{400, "invalid_request"}, want{400, "invalid_request"}},
		{watchword.Unauthenticated, want{401, ""}, want{401, ""}},
		{watchword.InvalidCredentials, grant, token},
		{watchword.UserDisabled, grant, token},
		{watchword.TokenMalformed, grant, token},
		{watchword.BadSignature, grant, token},
		{watchword.WrongKind, grant, token},
		{watchword.WrongIssuer, grant, token},
		{watchword.WrongAudience, grant, token},
		{watchword.TokenExpired, grant, token},
		{watchword.TokenNotYetValid, grant, token},
		{watchword.TokenRevoked, grant, token},
		{watchword.TokenReused, grant, token},
		{watchword.SessionEnded, grant, token},
		{watchword.SessionExpired, grant, token},
		{watchword.ClaimsStale, grant, token},
		{watchword.InsufficientScope, want{400, "invalid_scope"}, want{403, "insufficient_scope"}},
		{watchword.PermissionDenied, want{403, "access_denied"}, want{403, "insufficient_scope"}},
		{watchword.InvalidScope, want{400, "invalid_scope"}, want{400, "invalid_scope"}},
		{watchword.InvalidClient, want{401, "invalid_client"}, want{401, "invalid_client"}},
		{watchword.UnsupportedGrantType, want{400, "unsupported_grant_type"}, want{400, "unsupported_grant_type"}},
		{watchword.PasswordWeak, want{400, "invalid_request"}, want{400, "invalid_request"}},
		{watchword.CrossOrigin, want{403, "invalid_request"}, want{403, "invalid_request"}},
		{watchword.RateLimited, want{429, "temporarily_unavailable"}, want{429, "temporarily_unavailable"}},
		{watchword.NotFound, want{404, "not_found"}, want{404, "not_found"}},
		{watchword.Conflict, want{409, "conflict"}, want{409, "conflict"}},
		{watchword.TooLarge, want{413, "invalid_request"}, want{413, "invalid_request"}},
		{watchword.UnsupportedMediaType, want{415, "invalid_request"}, want{415, "invalid_request"}},
		{watchword.MethodNotAllowed, want{405, "invalid_request"}, want{405, "invalid_request"}},
		{watchword.Unavailable, want{503, "temporarily_unavailable"}, want{503, "temporarily_unavailable"}},
		{watchword.AuthenticationStale, want{401, "insufficient_user_authentication"}, want{401, "insufficient_user_authentication"}},
		{watchword.NotAcceptable, want{406, "invalid_request"}, want{406, "invalid_request"}},
	}
	if len(tests) != len(watchword.Codes()) {
		t.Errorf("%d codes are tested, there are %d", len(tests), len(watchword.Codes()))
	}
	for _, tt := range tests {
		err := fmt.Errorf("layer: %w: detail", tt.code)
		if p := httpauth.ProblemOf(err, httpauth.TokenEndpoint); (want{p.Status, p.OAuth}) != tt.ours {
			t.Errorf("ProblemOf(%s, TokenEndpoint) = %d %s, want %v", tt.code, p.Status, p.OAuth, tt.ours)
		}
		if p := httpauth.ProblemOf(err, httpauth.Guarded); (want{p.Status, p.OAuth}) != tt.theirs {
			t.Errorf("ProblemOf(%s, Guarded) = %d %s, want %v", tt.code, p.Status, p.OAuth, tt.theirs)
		}
	}
}

func TestProblemOf(t *testing.T) {
	scopes := &watchword.PolicyError{Code: watchword.InsufficientScope, Scopes: []string{"a", "b"}}
	tests := map[string]struct {
		err       error
		at        httpauth.Endpoint
		code      watchword.Code
		challenge string
		retry     time.Duration
	}{
		"an error without a code": {
			err: errors.New("secret detail"), code: watchword.Internal,
		},
		"a code that nobody knows": {
			err: watchword.Code(250), code: watchword.Internal,
		},
		"a disabled user to outsiders": {
			err: watchword.UserDisabled, at: httpauth.TokenEndpoint, code: watchword.InvalidCredentials,
		},
		"a context that was cancelled": {
			err: fmt.Errorf("read: %w", context.Canceled), code: watchword.Unavailable, retry: time.Second,
		},
		"a deadline that passed": {
			err: context.DeadlineExceeded, code: watchword.Unavailable, retry: time.Second,
		},
		"how long to wait": {
			err:  fmt.Errorf("x: %w", &watchword.RetryError{Code: watchword.RateLimited, After: 90 * time.Second}),
			code: watchword.RateLimited, retry: 90 * time.Second,
		},
		"no token": {
			err: watchword.Unauthenticated, code: watchword.Unauthenticated, challenge: "Bearer",
		},
		"a bad token": {
			err: watchword.TokenExpired, code: watchword.TokenExpired,
			challenge: `Bearer error="invalid_token", error_description="the token has expired"`,
		},
		"scopes": {
			err: scopes, code: watchword.InsufficientScope,
			challenge: `Bearer error="insufficient_scope", error_description="the token lacks a scope", scope="a b"`,
		},
		"a client": {
			err: watchword.InvalidClient, at: httpauth.TokenEndpoint, code: watchword.InvalidClient,
			challenge: `Basic realm="watchword"`,
		},
		"a message that would end its quotes": {
			err:  &watchword.PolicyError{Code: watchword.PermissionDenied, Message: "a \"b\" \\ \r\nX: y ü"},
			code: watchword.PermissionDenied, challenge: `Bearer error="insufficient_scope", error_description="a 'b' ? ??X: y ?"`,
		},
		"scopes that would end their quotes": {
			err:  &watchword.PolicyError{Code: watchword.InsufficientScope, Scopes: []string{"a\"\r\n"}},
			code: watchword.InsufficientScope, challenge: `Bearer error="insufficient_scope", error_description="the token lacks a scope", scope="a'??"`,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p := httpauth.ProblemOf(tt.err, tt.at)
			if p.Code != tt.code || p.Challenge != tt.challenge || p.RetryAfter != tt.retry {
				t.Errorf("ProblemOf(%v) = %s, challenge %q, retry %s, want %s, %q, %s",
					tt.err, p.Code, p.Challenge, p.RetryAfter, tt.code, tt.challenge, tt.retry)
			}
			if strings.Contains(p.Description, "detail") {
				t.Errorf("the description shows the error: %q", p.Description)
			}
		})
	}
}

// failing is a service whose every method returns an error.
type failing struct{ err error }

func (f failing) SignIn(context.Context, watchword.SignInRequest) (watchword.Tokens, error) {
	return watchword.Tokens{}, f.err
}

func (f failing) Refresh(context.Context, watchword.RefreshRequest) (watchword.Tokens, error) {
	return watchword.Tokens{}, f.err
}

func (f failing) Verify(context.Context, string, ...watchword.Kind) (*watchword.Claims, error) {
	return nil, f.err
}
func (f failing) SignOut(context.Context, watchword.SignOutRequest) error { return f.err }

// plain is a profile of what every Service can do.
func plain() httpauth.Profile {
	all := httpauth.Native("/auth/v1", nil)
	p := all
	p.Routes = nil
	for _, r := range all.Routes {
		switch r.Op {
		case httpauth.OpRefresh, httpauth.OpVerify, httpauth.OpSignOut:
			p.Routes = append(p.Routes, r)
		case httpauth.OpToken:
			r.Op = httpauth.OpSignIn
			r.In.Form = nil
			p.Routes = append(p.Routes, r)
		}
	}
	return p
}

func TestFailuresOfTheService(t *testing.T) {
	calls := map[string]call{
		"token":   jsonCall("POST", "/auth/v1/token", `{"login":"a","password":"b"}`),
		"refresh": jsonCall("POST", "/auth/v1/refresh", `{"refresh_token":"x"}`),
		"verify":  jsonCall("POST", "/auth/v1/verify", `{"token":"x"}`),
		"logout":  jsonCall("POST", "/auth/v1/logout", `{"refresh_token":"x"}`),
	}
	failures := []struct {
		name   string
		err    error
		status int
		retry  string
	}{
		{"a fault", errors.New("dial tcp 10.0.0.1: secret"), 500, ""},
		{"unavailable", fmt.Errorf("%w: store: disk full", watchword.Unavailable), 503, "1"},
		{"busy", &watchword.RetryError{Code: watchword.Unavailable, After: 1200 * time.Millisecond}, 503, "2"},
		{"too many", &watchword.RetryError{Code: watchword.RateLimited, After: 30*time.Second - 1}, 429, "30"},
	}
	for _, f := range failures {
		var reported error
		p := plain()
		p.Report = func(_ *http.Request, _ httpauth.Problem, err error) { reported = err }
		h, err := httpauth.Handler(failing{f.err}, p)
		if err != nil {
			t.Fatal(err)
		}
		for name, c := range calls {
			t.Run(f.name+"/"+name, func(t *testing.T) {
				reported = nil
				a := serve(h, c)
				if a.status != f.status || a.header.Get("Retry-After") != f.retry {
					t.Errorf("%d, Retry-After %q, want %d, %q", a.status, a.header.Get("Retry-After"), f.status, f.retry)
				}
				if !errors.Is(reported, f.err) {
					t.Errorf("reported %v, want %v", reported, f.err)
				}
				if strings.Contains(a.body, "secret") || strings.Contains(a.body, "disk") {
					t.Errorf("the answer shows the error: %s", a.body)
				}
				if a.header.Get("Cache-Control") != "no-store" || a.header.Get("X-Content-Type-Options") != "nosniff" {
					t.Errorf("header %v lacks no-store or nosniff", a.header)
				}
			})
		}
	}
}

func TestSignOutSucceedsWhateverWasShown(t *testing.T) {
	for _, code := range []watchword.Code{
		watchword.TokenMalformed, watchword.BadSignature, watchword.TokenExpired, watchword.SessionEnded, watchword.NotFound,
	} {
		h, err := httpauth.Handler(failing{code}, plain())
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []call{
			jsonCall("POST", "/auth/v1/logout", `{"refresh_token":"x"}`),
			jsonCall("POST", "/auth/v1/logout", `{"everywhere":true}`, bearer("x")...),
			{method: "POST", path: "/auth/v1/logout"},
		} {
			if a := serve(h, c); a.status != 200 || a.body != "{}" {
				t.Errorf("%s: POST /logout %s = %d %s, want 200 {}", code, c.body, a.status, a.body)
			}
		}
	}
}

// asking is a service that remembers the context and client it was called
// with.
type asking struct {
	failing
	ctx    context.Context
	client watchword.Client
}

func (a *asking) SignIn(ctx context.Context, r watchword.SignInRequest) (watchword.Tokens, error) {
	a.ctx, a.client = ctx, r.Client
	return watchword.Tokens{Access: "a", Refresh: "r"}, nil
}

func TestTheRequestsContextAndClientArePassedOn(t *testing.T) {
	type key struct{}
	s := &asking{}
	h, err := httpauth.Handler(s, plain())
	if err != nil {
		t.Fatal(err)
	}
	r := jsonCall("POST", "/auth/v1/token", `{"login":"a","password":"b"}`,
		"User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "X-Forwarded-For", "9.9.9.9").request()
	r.RemoteAddr = "192.0.2.7:1234"
	r = r.WithContext(context.WithValue(r.Context(), key{}, "here"))
	h.ServeHTTP(httptest.NewRecorder(), r)
	if s.ctx == nil || s.ctx.Value(key{}) != "here" {
		t.Error("the service was not given the request's context")
	}
	if s.client.Address.String() != "192.0.2.7" || s.client.Device != "Firefox on Linux" {
		t.Errorf("client %+v, want 192.0.2.7 and Firefox on Linux", s.client)
	}
}
