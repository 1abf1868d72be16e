package remote_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/httpauth"
	"github.com/watchword-auth/watchword/remote"
)

var ann = watchword.Credentials{Login: "ann", Password: annPass}

// Everything that the native profile offers works over a service elsewhere,
// mounted unchanged.
func TestMountedOverClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCentral(t, nil)
		client := c.service(t, nil)
		native := httpauth.Native(httpauth.NativePrefix, httpauth.TwoCookies{})
		native.Routes = append(native.Routes, httpauth.SignUpRoute())
		mux := http.NewServeMux()
		if err := httpauth.Mount(mux, client, native); err != nil {
			t.Fatal(err)
		}
		mux.Handle("GET /shop", native.Guard(client).Require(watchword.Scope("read"))(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			claims, _ := httpauth.ClaimsFrom(r.Context())
			_, _ = io.WriteString(w, claims.UserID)
		})))
		jar := map[string]string{}
		do := func(method, path, body string, want int) *httptest.ResponseRecorder {
			t.Helper()
			r := httptest.NewRequest(method, path, strings.NewReader(body))
			r.Header.Set("Sec-Fetch-Site", "same-origin")
			if body != "" {
				r.Header.Set("Content-Type", "application/json")
			}
			for name, value := range jar {
				r.AddCookie(&http.Cookie{Name: name, Value: value})
			}
			w := httptest.NewRecorder()
			mux.ServeHTTP(w, r)
			if w.Code != want {
				t.Fatalf("%s %s = %d %s, want %d", method, path, w.Code, w.Body, want)
			}
			for _, cookie := range w.Result().Cookies() {
				if jar[cookie.Name] = cookie.Value; cookie.MaxAge < 0 {
					delete(jar, cookie.Name)
				}
				if cookie.Name == "ww_refresh" && cookie.MaxAge > 0 && cookie.MaxAge != 24*60*60 {
					t.Errorf("cookie of the refresh token lives %d s", cookie.MaxAge)
				}
			}
			return w
		}
		do("POST", "/auth/v1/token", `{"login":"ann","password":"wrong horse"}`, 400)
		w := do("POST", "/auth/v1/token", `{"login":"ann","password":"right horse"}`, 200)
		if !strings.Contains(w.Body.String(), `"scope":"read write"`) || strings.Contains(w.Body.String(), "access_token") || len(jar) < 2 {
			t.Errorf("signed in with %s and %d cookies", w.Body, len(jar))
		}
		if w := do("GET", "/shop", "", 200); w.Body.String() != annID {
			t.Errorf("/shop = %s", w.Body)
		}
		var me map[string]any
		if err := json.Unmarshal(do("GET", "/auth/v1/me", "", 200).Body.Bytes(), &me); err != nil || me["login"] != "ann" || me["staff"] != true {
			t.Errorf("/me = %v, %v", me, err)
		}
		other := c.signIn("ann")
		var list struct {
			Sessions []struct {
				ID      string
				Current bool
			}
		}
		if err := json.Unmarshal(do("GET", "/auth/v1/sessions", "", 200).Body.Bytes(), &list); err != nil || len(list.Sessions) != 2 {
			t.Fatalf("/sessions = %+v, %v", list, err)
		}
		for _, s := range list.Sessions {
			if !s.Current {
				do("DELETE", "/auth/v1/sessions/"+s.ID, "", 204)
			}
		}
		if _, err := c.Verify(t.Context(), other.Access); !errors.Is(err, watchword.SessionEnded) {
			t.Errorf("Verify = %v of the session that was ended", err)
		}
		do("DELETE", "/auth/v1/sessions/..%2Fme", "", 404)
		before := jar["ww_refresh"]
		time.Sleep(time.Second)
		do("POST", "/auth/v1/refresh", "{}", 200)
		if jar["ww_refresh"] == before {
			t.Error("the refresh token was not replaced")
		}
		do("POST", "/auth/v1/password", `{"current":"no","new":"a better horse"}`, 401)
		do("POST", "/auth/v1/password", `{"current":"right horse","new":"x"}`, 400)
		do("POST", "/auth/v1/password", `{"current":"right horse","new":"a better horse"}`, 200)
		do("GET", "/.well-known/jwks.json", "", 200)
		// The real route measures how long a hash takes, and time stands still here.
		c.fail("/auth/v1/users", answerStatus(202, "application/json", "{}"))
		do("POST", "/auth/v1/users", `{"login":"new","password":"a new horse"}`, 202)
		access := jar["ww_access"]
		do("POST", "/auth/v1/logout", "{}", 200)
		if len(jar) != 0 {
			t.Errorf("%v is left in the jar", jar)
		}
		time.Sleep(100 * time.Millisecond)
		jar["ww_access"] = access
		do("GET", "/shop", "", 401)
	})
}

// The authority's refusals come through as its codes, and nothing of its texts.
func TestRefusals(t *testing.T) {
	coded := func(code watchword.Code) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			refuse(httpauth.ProblemOf(code, 0).Status, code.Error())(w, r)
		}
	}
	tests := []struct {
		name string
		with http.HandlerFunc
		want watchword.Code
	}{
		{"unknown code", refuse(400, "moon_phase"), watchword.Unavailable},
		{"no code", answerStatus(400, "application/json", `{"error":"invalid_grant"}`), watchword.Unavailable},
		{"code is a number", answerStatus(400, "application/json", `{"code":7}`), watchword.Unavailable},
		{"HTML", answerStatus(502, "text/html", html), watchword.Unavailable},
		{"HTML that succeeds", answer("text/html", html), watchword.Unavailable},
		{"text", answerStatus(401, "text/plain", "token_expired"), watchword.Unavailable},
		{"success without tokens", answer("application/json", `{}`), watchword.Unavailable},
		{"success with a code", answer("application/json", `{"code":"invalid_credentials"}`), watchword.Unavailable},
		{"tokens twice", answer("application/json", `{"access_token":"a","access_token":"b"}`), watchword.Unavailable},
		{"token is a number", answer("application/json", `{"access_token":1}`), watchword.Unavailable},
		{"a token that does not count", answer("application/json", `{"access_token":"a.b.c","refresh_token":"x","expires_in":300}`), watchword.Unavailable},
		{"cut off", answer("application/json", `{"access_token":"a`), watchword.Unavailable},
		{"10 MB", answer("application/json", `{"x":"`+strings.Repeat("x", 10<<20)+`"}`), watchword.Unavailable},
		{"hangs", stall, watchword.Unavailable},
		{"connection reset", reset, watchword.Unavailable},
		{"redirect", redirectTo("http://localhost/x"), watchword.Unavailable},
		{"status 204", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }, watchword.Unavailable},
	}
	for _, code := range watchword.Codes() {
		want := code
		switch code {
		case watchword.Internal, watchword.InvalidClient, watchword.UnsupportedGrantType, watchword.CrossOrigin,
			watchword.UnsupportedMediaType, watchword.MethodNotAllowed, watchword.TooLarge:
			want = watchword.Unavailable // not the caller's doing
		}
		tests = append(tests, struct {
			name string
			with http.HandlerFunc
			want watchword.Code
		}{code.Error(), coded(code), want})
	}
	synctest.Test(t, func(t *testing.T) {
		c := newCentral(t, nil)
		client := c.service(t, nil)
		tokens := c.signIn("ann")
		claims, err := client.Verify(t.Context(), tokens.Access)
		if err != nil {
			t.Fatal(err)
		}
		calls := map[string]func() error{
			"/auth/v1/token": func() error {
				_, err := client.SignIn(t.Context(), watchword.SignInRequest{Credentials: ann})
				return err
			},
			"/auth/v1/refresh": func() error {
				_, err := client.Refresh(t.Context(), watchword.RefreshRequest{Raw: tokens.Refresh})
				return err
			},
			"/auth/v1/me": func() error { _, err := client.User(t.Context(), claims); return err },
		}
		for path, call := range calls {
			for _, test := range tests {
				c.fail(path, test.with)
				began := time.Now()
				err := call()
				if watchword.CodeOf(err) != test.want || err == nil {
					t.Errorf("%s, %s: %v, want %v", path, test.name, err, test.want)
				}
				if err != nil && (strings.Contains(err.Error(), "inner text") || strings.Contains(err.Error(), "hotel")) {
					t.Errorf("%s, %s: %v tells the authority's text", path, test.name, err)
				}
				if took := time.Since(began); took > 11*time.Second {
					t.Errorf("%s, %s: took %s", path, test.name, took)
				}
			}
			c.fail(path, nil)
		}
	})
}

func answerStatus(status int, media, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", media)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// How long to wait is passed on.
func TestRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCentral(t, nil)
		client := c.service(t, nil)
		for code, status := range map[watchword.Code]int{watchword.RateLimited: 429, watchword.Unavailable: 503} {
			for header, want := range map[string]time.Duration{"17": 17 * time.Second, "99999999999999999999": time.Hour} {
				c.fail("/auth/v1/token", func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("Retry-After", header)
					refuse(status, code.Error())(w, r)
				})
				_, err := client.SignIn(t.Context(), watchword.SignInRequest{Credentials: ann})
				var retry *watchword.RetryError
				if !errors.As(err, &retry) || retry.Code != code || retry.After != want {
					t.Errorf("SignIn = %v, want %v after %s", err, code, want)
				}
			}
		}
	})
}

// The authority hears of the caller and not of this service, and of nothing
// that the caller made up.
func TestCallerPassedOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCentral(t, nil)
		client := c.service(t, nil)
		from := watchword.Client{Address: netip.MustParseAddr("::ffff:203.0.113.9"), Device: "Firefox on Linux"}
		if _, err := client.SignIn(t.Context(), watchword.SignInRequest{Credentials: ann, Client: from}); err != nil {
			t.Fatal(err)
		}
		r := c.lastCall("POST /auth/v1/token")
		if got := r.Header.Values("X-Forwarded-For"); !slices.Equal(got, []string{"203.0.113.9"}) {
			t.Errorf("X-Forwarded-For = %q", got)
		}
		behind := httpauth.ClientBehind(netip.MustParsePrefix("127.0.0.0/8"))
		r.RemoteAddr = "127.0.0.1:4711"
		if got := behind(r); got.Address != netip.MustParseAddr("203.0.113.9") || got.Device != "Firefox on Linux" {
			t.Errorf("the authority sees %+v", got)
		}
		if _, err := client.SignIn(t.Context(), watchword.SignInRequest{Credentials: ann, Client: watchword.Client{Device: "evil\r\nX-Forwarded-For: 1.2.3.4"}}); err != nil {
			t.Fatal(err)
		}
		r = c.lastCall("POST /auth/v1/token")
		if got := r.Header.Values("X-Forwarded-For"); len(got) != 0 || strings.ContainsAny(r.UserAgent(), "\r\n") {
			t.Errorf("X-Forwarded-For = %q, User-Agent = %q", got, r.UserAgent())
		}
		if !strings.HasPrefix(r.Header.Get("Authorization"), "") || r.Header.Get("Cookie") != "" {
			t.Errorf("headers = %v", r.Header)
		}
	})
}

// Every label survives the way to the authority.
func TestDevicePassedOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCentral(t, nil)
		client := c.service(t, nil)
		labels := []string{"", "curl", "python-requests", "my-app.v2"}
		for _, browser := range []string{"Edge", "Opera", "Samsung Internet", "Firefox", "Chrome", "Safari"} {
			labels = append(labels, browser)
			for _, system := range []string{"iPhone", "iPad", "Android", "Windows", "ChromeOS", "macOS", "Linux"} {
				labels = append(labels, browser+" on "+system)
			}
		}
		for _, label := range labels {
			_ = client.SignOut(t.Context(), watchword.SignOutRequest{Raw: "x", Client: watchword.Client{Device: label}})
			r := c.lastCall("POST /auth/v1/logout")
			if got := httpauth.ClientOf(r).Device; got != label {
				t.Errorf("label %q arrives as %q, by %q", label, got, r.UserAgent())
			}
		}
	})
}

// No scopes at all must not become all scopes on the way.
func TestScopesPassedOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCentral(t, nil)
		client := c.service(t, nil)
		for _, test := range []struct{ asked, want []string }{
			{nil, []string{"read", "write"}}, {[]string{}, nil}, {[]string{"read"}, []string{"read"}}, {[]string{"read", "admin"}, []string{"read"}},
		} {
			tokens, err := client.SignIn(t.Context(), watchword.SignInRequest{Credentials: ann, Scopes: test.asked})
			if err != nil {
				t.Fatal(err)
			}
			if got := slices.Collect(tokens.Claims.Scopes()); !slices.Equal(got, test.want) {
				t.Errorf("asked for %q, got %q", test.asked, got)
			}
		}
	})
}

// What a service must not be used for.
func TestProxyRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCentral(t, nil)
		client := c.service(t, nil)
		calls := c.total()
		if _, err := client.AuthenticateClient(t.Context(), c.id, c.secret); !errors.Is(err, watchword.InvalidClient) {
			t.Errorf("AuthenticateClient = %v", err)
		}
		if _, err := client.ClientToken(t.Context(), watchword.ClientRecord{ID: c.id}, nil); !errors.Is(err, watchword.InvalidClient) {
			t.Errorf("ClientToken = %v", err)
		}
		if _, err := client.User(t.Context(), &watchword.Claims{UserID: annID}); !errors.Is(err, watchword.Unauthenticated) {
			t.Errorf("User = %v of claims without a token", err)
		}
		if c.total() != calls {
			t.Error("the authority was asked")
		}
		tokens := c.signIn("ann")
		if i, err := client.Introspect(t.Context(), tokens.Access); err != nil || i.Claims == nil {
			t.Errorf("Introspect = %+v, %v", i, err)
		}
		if i, err := client.Introspect(t.Context(), tokens.Refresh); err != nil || i.Claims != nil {
			t.Errorf("Introspect = %+v, %v of a refresh token", i, err)
		}
		if err := client.Revoke(t.Context(), tokens.Access, watchword.Client{}); err != nil {
			t.Error(err)
		}
		time.Sleep(100 * time.Millisecond)
		if i, err := client.Introspect(t.Context(), tokens.Access); err != nil || i.Claims != nil {
			t.Errorf("Introspect = %+v, %v of a revoked token", i, err)
		}
		without := c.service(t, func(r *remote.Config) { r.ClientID, r.ClientSecret = "", "" })
		if err := without.Revoke(t.Context(), tokens.Access, watchword.Client{}); !errors.Is(err, watchword.InvalidClient) {
			t.Errorf("Revoke = %v without credentials", err)
		}
		if checks, claims := client.Explain(t.Context(), c.signIn("ann").Access); len(checks) == 0 || claims == nil {
			t.Errorf("Explain = %v, %v", checks, claims)
		}
	})
}
