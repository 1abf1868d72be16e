package easyjwt_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/httpauth"
	"github.com/watchword-auth/watchword/remote"
	"github.com/watchword-auth/watchword/remote/easyjwt"
)

// users are kept in memory.
type users struct {
	mu     sync.Mutex
	byID   map[string]remote.User
	writes int
	fault  error
}

func (u *users) Upsert(_ context.Context, one remote.User) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.fault != nil {
		return u.fault
	}
	if u.byID == nil {
		u.byID = make(map[string]remote.User)
	}
	u.byID[one.ID] = one
	u.writes++
	return nil
}

func (u *users) Delete(context.Context, string, string) error { return nil }

func (u *users) User(_ context.Context, _, id string) (remote.User, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	one, ok := u.byID[id]
	if !ok {
		return one, watchword.NotFound
	}
	return one, nil
}

// An authority answers as it is told, and counts.
type authority struct {
	*httptest.Server

	mu       sync.Mutex
	answers  map[string]string // by path; "" is 401
	asked    map[string]int
	issued   int
	lifetime time.Duration
	now      func() time.Time
}

// jwtOf is a token that nobody signed: the authority's word is what counts.
func jwtOf(payload string) string {
	part := base64.RawURLEncoding.EncodeToString
	return part([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + part([]byte(payload)) + ".c2lnbmF0dXJl"
}

func (a *authority) token(kind string, life time.Duration) string {
	a.issued++
	return jwtOf(fmt.Sprintf(`{"token_type":%q,"exp":%d,"jti":"%d","user_id":3}`, kind, a.now().Add(life).Unix(), a.issued))
}

func newAuthority(t *testing.T) (*authority, *atomic.Int64) {
	t.Helper()
	var skipped atomic.Int64
	start := time.Now()
	a := &authority{answers: make(map[string]string), asked: make(map[string]int), lifetime: 5 * time.Minute}
	a.now = func() time.Time { return start.Add(time.Duration(skipped.Load())) }
	a.answers["/auth/token/verify/"], a.answers["/auth/token/blacklist/"] = "{}", "{}"
	a.answers["/auth/user/"] = `{"id":3,"email":"user@test.com","is_active":true,"is_staff":true,"customuserfield":{"field1":"x"}}`
	a.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.asked[r.URL.Path]++
		answer, known := a.answers[r.URL.Path]
		switch {
		case known:
		case r.URL.Path == "/auth/token/":
			answer = `{"refresh":"` + a.token("refresh", 24*time.Hour) + `","access":"` + a.token("access", a.lifetime) + `"}`
		case r.URL.Path == "/auth/token/refresh/":
			answer = `{"access":"` + a.token("access", a.lifetime) + `"}`
		}
		w.Header().Set("Content-Type", "application/json")
		if answer == "" {
			w.WriteHeader(http.StatusUnauthorized)
			answer = `{"detail":"Token is invalid or expired","code":"token_not_valid"}`
		}
		_, _ = w.Write([]byte(answer))
	}))
	t.Cleanup(a.Close)
	return a, &skipped
}

func (a *authority) answer(path, text string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.answers[path] = text
}

func (a *authority) count(path string) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.asked[path]
}

func newClient(t *testing.T, a *authority, u *users, change ...func(*easyjwt.Config)) *easyjwt.Client {
	t.Helper()
	c := easyjwt.Config{URL: a.URL, Users: u, Now: a.now}
	for _, f := range change {
		f(&c)
	}
	client, err := easyjwt.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func signIn(t *testing.T, s httpauth.Service) watchword.Tokens {
	t.Helper()
	tokens, err := s.SignIn(t.Context(), watchword.SignInRequest{Credentials: watchword.Credentials{Login: "user@test.com", Password: "p"}})
	if err != nil {
		t.Fatal(err)
	}
	return tokens
}

// All faults of a configuration are told at once.
func TestNewRefuses(t *testing.T) {
	_, err := easyjwt.New(easyjwt.Config{
		URL: "ftp://x", Timeout: -1, Cache: time.Hour, Leeway: time.Hour, Paths: easyjwt.Paths{Token: "token", User: "/u/{id}"},
	})
	for _, want := range []string{"URL", `"token"`, `"/u/{id}"`, "Timeout", "Cache", "Leeway", "Users"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("New says nothing of %s: %v", want, err)
		}
	}
}

// Without a cache the authority is asked about each request, and for the record
// once a token; with one no longer than that, and never beyond exp.
func TestVerifyAsks(t *testing.T) {
	a, skipped := newAuthority(t)
	u := &users{}
	c := newClient(t, a, u)
	access := signIn(t, c).Access
	for range 3 {
		if _, err := c.Verify(t.Context(), access); err != nil {
			t.Fatal(err)
		}
	}
	if v, r := a.count("/auth/token/verify/"), a.count("/auth/user/"); v != 3 || r != 1 {
		t.Errorf("3 requests asked verify %d times and user %d times, want 3 and 1", v, r)
	}
	cached := newClient(t, a, u, func(c *easyjwt.Config) { c.Cache = 4 * time.Minute })
	before := a.count("/auth/token/verify/")
	verify := func() error { _, err := cached.Verify(t.Context(), access); return err }
	if err := errors.Join(verify(), verify(), verify()); err != nil {
		t.Fatal(err)
	}
	if n := a.count("/auth/token/verify/") - before; n != 1 {
		t.Errorf("within the cache's time the authority was asked %d times, want once", n)
	}
	a.answer("/auth/token/verify/", "")
	skipped.Store(int64(3*time.Minute + 50*time.Second))
	if err := verify(); err != nil {
		t.Errorf("within the cache's time: %v", err)
	}
	skipped.Store(int64(5 * time.Minute)) // exp; the cache would go on, had it been asked a moment before
	if err := verify(); watchword.CodeOf(err) != watchword.BadSignature {
		t.Errorf("at exp: %v", err)
	}
}

// The type of a token is looked at here, because the authority's verify route
// is blind to it, and so is whose record comes back.
func TestVerifyRefuses(t *testing.T) {
	a, _ := newAuthority(t)
	u := &users{}
	c := newClient(t, a, u)
	exp := a.now().Add(time.Minute).Unix()
	for name, raw := range map[string]string{
		"refresh token":   jwtOf(fmt.Sprintf(`{"token_type":"refresh","exp":%d,"user_id":3}`, exp)),
		"no type":         jwtOf(fmt.Sprintf(`{"exp":%d,"user_id":3}`, exp)),
		"odd type":        jwtOf(fmt.Sprintf(`{"token_type":"Access","exp":%d,"user_id":3}`, exp)),
		"type twice":      jwtOf(fmt.Sprintf(`{"token_type":"refresh","token_type":"access","exp":%d,"user_id":3}`, exp)),
		"no user":         jwtOf(fmt.Sprintf(`{"token_type":"access","exp":%d}`, exp)),
		"another's":       jwtOf(fmt.Sprintf(`{"token_type":"access","exp":%d,"user_id":4}`, exp)),
		"fraction":        jwtOf(fmt.Sprintf(`{"token_type":"access","exp":%d,"user_id":3.0}`, exp)),
		"no token":        "a.b.c",
		"line break":      "a.b.c\r\nX-Evil: 1",
		"empty":           "",
		"longer than any": strings.Repeat("a", 17<<10),
	} {
		if _, err := c.Verify(t.Context(), raw); err == nil || watchword.CodeOf(err) == watchword.Internal {
			t.Errorf("%s: %v, want a refusal", name, err)
		}
	}
	if u.writes != 0 {
		t.Errorf("%d records were written for tokens that were refused", u.writes)
	}
}

// What the authority answers is bounded, exactly JSON, and from where the
// settings say.
func TestHostileAuthority(t *testing.T) {
	elsewhere := 0
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere++ }))
	defer other.Close()
	for _, tt := range []struct {
		name  string
		serve http.HandlerFunc
		text  string
	}{
		{"redirect", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
		}, "Authentication service returned an invalid response."},
		{"endless", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			for range 1 << 10 {
				if _, err := w.Write([]byte(strings.Repeat(" ", 1<<10))); err != nil {
					return
				}
			}
		}, "Authentication service returned an invalid response."},
		{"slow", func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // only then the server notices that the client has gone
			<-r.Context().Done()
		}, "Authentication Service Timed Out."},
		{"cut off", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Length", "100")
			_, _ = w.Write([]byte("{"))
		}, "Authentication Service Connection Error."},
		{"doubles", answers(200, `{"access":"a","access":"b"}`), "Authentication service returned an invalid response."},
		{"no tokens", answers(200, `{}`), "Authentication service returned an invalid response."},
		{"a list", answers(400, `["no"]`), "Authentication service returned an invalid response."},
		{"long words", answers(401, `{"detail":"`+strings.Repeat("x", 2000)+`\n"}`), strings.Repeat("x", 500)},
		{"a script's type", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html; "+strings.Repeat("y", 2000))
		}, "Authentication Service response has incorrect content-type. Expected application/json but received text/html; " + strings.Repeat("y", 489)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := httptest.NewServer(tt.serve)
			defer s.Close()
			timeout := 5 * time.Second
			if tt.name == "slow" {
				timeout = 50 * time.Millisecond
			}
			c, err := easyjwt.New(easyjwt.Config{URL: s.URL, Users: &users{}, Timeout: timeout})
			if err != nil {
				t.Fatal(err)
			}
			_, err = c.SignIn(t.Context(), watchword.SignInRequest{Credentials: watchword.Credentials{Login: "a", Password: "b"}})
			refusal := (*easyjwt.Refusal)(nil)
			if !errors.As(err, &refusal) || refusal.Text != tt.text {
				t.Errorf("SignIn = %v, want the text %q", err, tt.text)
			}
			if p := httpauth.ProblemOf(err, httpauth.Guarded); p.Description != tt.text || strings.Contains(p.Description, s.URL) {
				t.Errorf("the caller is told %q", p.Description)
			}
		})
	}
	if elsewhere != 0 {
		t.Errorf("a redirect was followed, with a password, %d times", elsewhere)
	}
}

func answers(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

// An authority that asks for patience says for how long.
func TestRetryAfter(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Retry-After", "17")
		answers(429, `{"detail":"Request was throttled."}`)(w, r)
	}))
	defer s.Close()
	c, err := easyjwt.New(easyjwt.Config{URL: s.URL, Users: &users{}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Renew(t.Context(), watchword.RefreshRequest{Raw: "x"})
	retry := (*watchword.RetryError)(nil)
	if watchword.CodeOf(err) != watchword.RateLimited || !errors.As(err, &retry) || retry.After != 17*time.Second {
		t.Errorf("Renew = %v", err)
	}
}

// A mirror that cannot take a user says so in the original's words, and one
// that fails is no refusal of the token.
func TestMirrorFaults(t *testing.T) {
	a, _ := newAuthority(t)
	u := &users{fault: watchword.Conflict}
	c := newClient(t, a, u)
	_, err := c.Login(t.Context(), watchword.Credentials{Login: "a", Password: "b"}, watchword.Client{})
	if p := httpauth.ProblemOf(err, httpauth.Guarded); watchword.CodeOf(err) != watchword.InvalidCredentials || !strings.Contains(p.Description, "Different User models?") {
		t.Errorf("a conflict: %v", err)
	}
	u.fault = errors.New("disk full")
	if _, err = c.Login(t.Context(), watchword.Credentials{Login: "a", Password: "b"}, watchword.Client{}); watchword.CodeOf(err) != watchword.Internal {
		t.Errorf("a fault: %v", err)
	}
	u.fault = nil
	got, err := c.Login(t.Context(), watchword.Credentials{Login: "a", Password: "b"}, watchword.Client{})
	if err != nil || got.ID != "3" || got.Issuer != a.URL || string(got.Extra) != `{"customuserfield":{"field1":"x"}}` {
		t.Errorf("Login = %+v, %v", got, err)
	}
}

// EZ-56: permission by the record's extra data, as a policy in Go.
func TestPermission(t *testing.T) {
	a, _ := newAuthority(t)
	c := newClient(t, a, &users{})
	access := signIn(t, c).Access
	claims, err := c.Verify(t.Context(), access)
	if err != nil {
		t.Fatal(err)
	}
	member := watchword.Because("You do not have permission to this service", remote.Require(c.Copy, func(_ context.Context, u remote.User) error {
		if string(u.Extra) != `{"customuserfield":{"field1":"field1 value"}}` {
			return errors.New("another value")
		}
		return nil
	}))
	if p := httpauth.ProblemOf(member(claims), httpauth.Guarded); p.Status != 403 || p.Description != "You do not have permission to this service" {
		t.Errorf("with other data: %d %s", p.Status, p.Description)
	}
	a.answer("/auth/user/", `{"id":3,"customuserfield":{"field1":"field1 value"},"is_active":true}`)
	if _, err := c.Fetch(t.Context(), access); err != nil {
		t.Fatal(err)
	}
	if err := member(claims); err != nil {
		t.Errorf("with the right data: %v", err)
	}
}

// Sessions renew their tokens once however many requests come at the same
// time, outlive an authority that is away for a moment, and end when it says
// so.
func TestSessionsRenew(t *testing.T) {
	a, skipped := newAuthority(t)
	u := &users{}
	s, err := easyjwt.NewSessions(newClient(t, a, u), easyjwt.SessionsConfig{Lifetime: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	open := func() string {
		id, _, err := s.OpenSession(t.Context(), watchword.SignInRequest{Credentials: watchword.Credentials{Login: "a", Password: "b"}})
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	id := open()
	skipped.Store(int64(5 * time.Minute))
	var wait sync.WaitGroup
	for range 20 {
		wait.Go(func() {
			if _, err := s.Verify(t.Context(), id); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if n := a.count("/auth/token/refresh/"); n != 1 {
		t.Errorf("20 requests renewed the tokens %d times, want once", n)
	}
	// About to expire, and the authority cannot renew for a moment.
	skipped.Store(int64(10*time.Minute - 5*time.Second))
	a.answer("/auth/token/refresh/", "not JSON")
	if _, err := s.Verify(t.Context(), id); err != nil {
		t.Errorf("while the token is still good: %v", err)
	}
	skipped.Store(int64(10 * time.Minute))
	if _, err := s.Verify(t.Context(), id); watchword.CodeOf(err) != watchword.Unavailable {
		t.Errorf("when it is not: %v", err)
	}
	a.answer("/auth/token/refresh/", "")
	if _, err := s.Verify(t.Context(), id); watchword.CodeOf(err) != watchword.Unauthenticated {
		t.Errorf("when the authority refuses: %v", err)
	}
	id = open()
	skipped.Add(int64(time.Hour))
	if _, err := s.Verify(t.Context(), id); watchword.CodeOf(err) != watchword.Unauthenticated {
		t.Errorf("after its lifetime: %v", err)
	}
	id = open()
	if err := s.CloseSession(t.Context(), id, watchword.Client{}); err != nil || a.count("/auth/token/blacklist/") != 1 {
		t.Errorf("CloseSession = %v, and the authority was told %d times", err, a.count("/auth/token/blacklist/"))
	}
	if err := s.CloseSession(t.Context(), id, watchword.Client{}); err != nil {
		t.Errorf("again: %v", err)
	}
	if _, err := s.Record(t.Context(), id); !errors.Is(err, watchword.NotFound) {
		t.Errorf("its record: %v", err)
	}
}

// One user's sessions do not push out another's: his own first one goes.
func TestSessionsOfOneUser(t *testing.T) {
	a, skipped := newAuthority(t)
	own := func(_ context.Context, c watchword.Credentials, _ watchword.Client) (watchword.User, error) {
		return watchword.User{ID: c.Login, Login: c.Login, Active: true}, nil
	}
	find := func(_ context.Context, id string) (watchword.User, error) {
		return watchword.User{ID: id, Active: true}, nil
	}
	s, err := easyjwt.NewSessions(newClient(t, a, &users{}), easyjwt.SessionsConfig{Local: own, LocalUser: find})
	if err != nil {
		t.Fatal(err)
	}
	open := func(login string) string {
		skipped.Add(int64(time.Second))
		id, _, err := s.OpenSession(t.Context(), watchword.SignInRequest{Credentials: watchword.Credentials{Login: login}})
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	other, first := open("bob"), open("ann")
	var last string
	for range 50 {
		last = open("ann")
	}
	for id, want := range map[string]bool{other: true, first: false, last: true} {
		if _, err := s.Verify(t.Context(), id); (err == nil) != want {
			t.Errorf("a session that should go on = %t: %v", want, err)
		}
	}
}

// What is said of a refusal never shows a token or a password.
func TestErrorsKeepSecrets(t *testing.T) {
	a, _ := newAuthority(t)
	c := newClient(t, a, &users{})
	a.Close()
	_, err := c.SignIn(t.Context(), watchword.SignInRequest{Credentials: watchword.Credentials{Login: "a", Password: "a-secret-word"}})
	_, err2 := c.Verify(t.Context(), jwtOf(`{"token_type":"access","user_id":3}`))
	for _, err := range []error{err, err2} {
		if err == nil || strings.Contains(err.Error(), "a-secret-word") || strings.Contains(err.Error(), "eyJ") {
			t.Errorf("the error is %v", err)
		}
	}
}
