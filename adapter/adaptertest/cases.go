package adaptertest

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/httpauth"
	"github.com/watchword-auth/watchword/password"
	"github.com/watchword-auth/watchword/store"
)

// contract is a request, the status that it gets, and the sentence that
// explains it.
type contract struct {
	name, sentence string
	post           bool
	path           string
	header         []string // names and values; see tokens.names
	body           string
	status         int
	cookied        int // where cookies count; 0 means the same
}

// statusOf is the status that one of the guards answers with.
func (c contract) statusOf(guard string) int {
	status := c.status
	if guard == cookies && c.cookied != 0 {
		status = c.cookied
	}
	if guard == denying && status >= 400 && !c.answersItself() {
		status = http.StatusTeapot
	}
	return status
}

func (c contract) method() string {
	if c.post {
		return http.MethodPost
	}
	return http.MethodGet
}

// answersItself reports whether what the path leads to asks nothing of the
// wiring's guard before it answers.
func (c contract) answersItself() bool {
	return c.path == "/checked" || strings.HasPrefix(c.path, "/auth/v1/")
}

// The guards that every case is asked of.
const (
	native  = "native"
	cookies = "cookies beside bearer"
	denying = "an answer of one's own"
)

func cases() []contract {
	bearer := func(name string) []string { return []string{"Authorization", "Bearer {" + name + "}"} }
	cookie := func(name string) []string { return []string{"Cookie", "other=1; __Host-ww_access={" + name + "}"} }
	jsonBody := []string{"Content-Type", "application/json"}
	return []contract{
		{name: "no guard", sentence: "What has no guard is open.", path: "/open", status: 200},
		{name: "no token", sentence: "Who shows nothing is asked for a token.", path: "/posts", status: 401},
		{name: "another scheme", sentence: "Another scheme is no token.", path: "/posts", header: []string{"Authorization", "Basic eDp5"}, status: 401},
		{name: "a bad token", sentence: "A bad token is refused.", path: "/posts", header: bearer("bad"), status: 401},
		{name: "a refresh token", sentence: "A refresh token opens nothing.", path: "/posts", header: bearer("refresh"), status: 401},
		{name: "an expired token", sentence: "An expired token is refused.", path: "/posts", header: bearer("expired"), status: 401},
		{name: "an ended session", sentence: "Who signed out is refused.", path: "/posts", header: bearer("ended"), status: 401},
		{name: "a lacking scope", sentence: "A missing scope is named.", path: "/posts", header: bearer("bob"), status: 403},
		{name: "two headers", sentence: "Two tokens are none.", path: "/posts", header: append(bearer("ann"), bearer("ann")...), status: 401},
		{name: "good", sentence: "A good token is let through.", path: "/posts", header: bearer("ann"), status: 200},
		{name: "good, in lower case", sentence: "Schemes have no case.", path: "/posts", header: []string{"authorization", "bearer {ann}"}, status: 200},
		{name: "good, posted", sentence: "A bearer is not ambient.", post: true, path: "/posts?a=b%2Fc", header: append(bearer("ann"), "Origin", "https://evil.example"), status: 200},

		{name: "optional, none", sentence: "Strangers pass as nobody.", path: "/optional", status: 200},
		{name: "optional, bad", sentence: "A bad token is never a stranger's.", path: "/optional", header: bearer("bad"), status: 401},
		{name: "optional, expired", sentence: "Who has expired hears of it.", path: "/optional", header: bearer("expired"), status: 401},
		{name: "optional, good", sentence: "Who is known is known.", path: "/optional", header: bearer("bob"), status: 200},

		{name: "checked, none", sentence: "Check decides, the handler answers.", path: "/checked", status: 200},
		{name: "checked, bad", sentence: "Check decides, the handler answers.", path: "/checked", header: bearer("bad"), status: 200},
		{name: "checked, good", sentence: "Check decides, the handler answers.", path: "/checked", header: bearer("ann"), status: 200},

		{name: "wrong password", sentence: "Bodies reach the handler.", post: true, path: "/auth/v1/token", header: jsonBody, body: `{"login":"ann","password":"wrong"}`, status: 400},
		{name: "no body", sentence: "An empty body is an empty body.", post: true, path: "/auth/v1/token", header: jsonBody, status: 400},
		{name: "verified", sentence: "Bodies reach the handler.", post: true, path: "/auth/v1/verify", header: jsonBody, body: `{"token":"{ann}"}`, status: 200},
		{name: "who am I", sentence: "Headers reach the handler.", path: "/auth/v1/me", header: bearer("ann"), status: 200},
		{name: "who are we", sentence: "Two tokens are none.", path: "/auth/v1/me", header: append(bearer("ann"), bearer("bob")...), status: 401},
		{name: "wrong method", sentence: "The handler answers for all methods.", path: "/auth/v1/token", status: 405},
		{name: "no such path", sentence: "The handler answers for all paths below it.", path: "/auth/v1/nothing", status: 404},

		{name: "a cookie", sentence: "Cookies are read where the guard reads them.", path: "/posts", header: cookie("ann"), status: 401, cookied: 200},
		{name: "a bad cookie", sentence: "A bad cookie is refused.", path: "/posts", header: cookie("bad"), status: 401, cookied: 401},
		{name: "the cookie twice", sentence: "Two tokens that disagree are none.", path: "/posts", header: []string{"Cookie", "__Host-ww_access={ann}; __Host-ww_access={bob}"}, status: 401, cookied: 401},
		{name: "a cookie against a bearer", sentence: "Two tokens that disagree are none.", path: "/posts", header: append(cookie("ann"), bearer("bob")...), status: 403, cookied: 401},
		{name: "posted from elsewhere", sentence: "Other origins post in nobody's name.", post: true, path: "/posts", header: append(cookie("ann"), "Sec-Fetch-Site", "cross-site"), status: 401, cookied: 403},
		{name: "posted from another host", sentence: "The origin is compared with the host.", post: true, path: "/posts", header: append(cookie("ann"), "Origin", "https://evil.example"), status: 401, cookied: 403},
		{name: "posted from here", sentence: "The origin is compared with the host.", post: true, path: "/posts", header: append(cookie("ann"), "Origin", "{url}"), status: 401, cookied: 200},
		{name: "a socket from elsewhere", sentence: "A WebSocket is judged as unsafe.", path: "/posts", header: append(cookie("ann"), "Sec-Fetch-Site", "cross-site", "Connection", "Upgrade", "Upgrade", "websocket"), status: 401, cookied: 403},
	}
}

// tokens are those that the cases show.
type tokens struct {
	cases  []contract
	names  *strings.Replacer
	auth   *watchword.Authority
	native http.Handler
}

// newTokens signs people in and lets some of their tokens go stale.
func newTokens(t *testing.T) *tokens {
	t.Helper()
	hasher, err := password.New(password.Config{Preferred: password.Params{Scheme: "argon2id", Memory: 64, Time: 1}})
	if err != nil {
		t.Fatal(err)
	}
	hash, err := hasher.Hash(t.Context(), "a good password")
	if err != nil {
		t.Fatal(err)
	}
	people := store.NewMemory()
	for login, scopes := range map[string][]string{"ann": {"posts:read"}, "bob": nil} {
		u := watchword.User{Login: login, Active: true, Scopes: scopes}
		if _, err := people.CreateUser(t.Context(), watchword.NewUser{User: u, PasswordHash: hash}); err != nil {
			t.Fatal(err)
		}
	}
	c := &clock{now: time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)}
	auth, err := watchword.New(watchword.Config{
		Issuer: "https://auth.example", Audience: "https://api.example", Store: people, SealKey: make([]byte, 32),
		Hasher: hasher, Now: c.Now, InsecureUnlimited: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	signIn := func(login string) watchword.Tokens {
		got, err := auth.SignIn(t.Context(), watchword.SignInRequest{Credentials: watchword.Credentials{Login: login, Password: "a good password"}})
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	expired := signIn("ann")
	c.advance(expired.ExpiresIn + time.Minute)
	ended := signIn("ann")
	if err := auth.SignOut(t.Context(), watchword.SignOutRequest{Raw: ended.Refresh}); err != nil {
		t.Fatal(err)
	}
	ann, bob := signIn("ann"), signIn("bob")
	handler, err := httpauth.Handler(auth, httpauth.Native("/auth/v1", nil))
	if err != nil {
		t.Fatal(err)
	}
	return &tokens{cases(), strings.NewReplacer(
		"{ann}", ann.Access, "{bob}", bob.Access, "{refresh}", ann.Refresh,
		"{expired}", expired.Access, "{ended}", ended.Access, "{bad}", ann.Access[:len(ann.Access)-8]+"AAAAAAAA",
	), auth, handler}
}

// guards are a profile's own, one that reads cookies too, and one whose
// refusals the application shapes.
func (s *tokens) guards(t *testing.T) map[string]*httpauth.Guard {
	t.Helper()
	own := httpauth.Native("/auth/v1", nil).Guard(s.auth)
	own.Deny = func(w http.ResponseWriter, r *http.Request, p httpauth.Problem) {
		w.Header().Add("X-Told", r.Method+" "+r.URL.Path+" "+r.URL.RawQuery+" "+r.RequestURI)
		w.Header().Add("X-Told", p.Code.Error())
		w.Header().Add("Set-Cookie", "a=1; Secure; HttpOnly")
		w.Header().Add("Set-Cookie", "b=2; Secure; HttpOnly")
		w.WriteHeader(http.StatusTeapot)
	}
	return map[string]*httpauth.Guard{
		native:  httpauth.Native("/auth/v1", nil).Guard(s.auth),
		cookies: httpauth.Native("/auth/v1", httpauth.Beside{Transport: httpauth.OneCookie{}, Also: []httpauth.Transport{httpauth.Bearer{}}}).Guard(s.auth),
		denying: own,
	}
}

// clock is the time of the tests.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

// Now is the authority's clock.
func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}
