package adminapi_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/adminapi"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/manage"
	"github.com/watchword-auth/watchword/httpauth"
	"github.com/watchword-auth/watchword/password"
	"github.com/watchword-auth/watchword/store"
)

const secret = "correct horse battery"

// The users of a site, in order of their ids.
const (
	root = "1" // superuser
	idle = "2" // staff without a permission
	sam  = "3" // staff with every permission
	eve  = "4" // nobody in particular
	aida = "5" // with the scope admin
	tom  = "6" // nobody in particular, to whom things are done
	tess = "7" // staff, likewise
	tina = "8" // a superuser, likewise
	tim  = "9" // with the scope admin, likewise
)

// site is an API over a store in memory.
type site struct {
	t     *testing.T
	store *store.Memory
	auth  *watchword.Authority
	http  http.Handler

	profile  httpauth.Profile
	receipts watchword.Receipts // the store, but for tests that look at it
	mu       sync.Mutex
	events   []watchword.Event
}

// hasher costs little, and is shared.
var hasher = sync.OnceValue(func() *password.Hasher {
	h, err := password.New(password.Config{Preferred: password.Params{Scheme: "pbkdf2-sha256", Rounds: 1000}})
	if err != nil {
		panic(err)
	}
	return h
})

var hash = sync.OnceValue(func() string {
	hash, err := hasher().Hash(context.Background(), secret)
	if err != nil {
		panic(err)
	}
	return hash
})

// newSite makes one; sam has the permissions given, or else all of them.
func newSite(t *testing.T, permissions ...string) *site {
	t.Helper()
	s := &site{t: t, store: store.NewMemory()}
	s.receipts = s.store
	if permissions == nil {
		for _, p := range manage.Permissions() {
			permissions = append(permissions, string(p))
		}
	}
	admin := []string{"posts:read", "admin"}
	for _, u := range []watchword.User{
		{Login: "root", Superuser: true, Scopes: []string{"posts:read"}},
		{Login: "idle", Staff: true},
		{Login: "sam", Staff: true, Permissions: permissions, Scopes: []string{"posts:read"}, Groups: []string{"editors"}},
		{Login: "eve", Scopes: []string{"posts:read"}, Permissions: permissions},
		{Login: "aida", Scopes: admin},
		{Login: "tom", Email: "tom@example.com", Scopes: []string{"posts:read"}},
		{Login: "tess", Staff: true},
		{Login: "tina", Superuser: true},
		{Login: "tim", Scopes: admin},
	} {
		u.Active = true
		if _, err := s.store.CreateUser(t.Context(), watchword.NewUser{User: u, PasswordHash: hash()}); err != nil {
			t.Fatal(err)
		}
	}
	for name, scopes := range map[string][]string{"shop": {"posts:read"}, "robot": admin, "victim": {"posts:read"}, "daemon": {"admin"}} {
		_, _, record := watchword.NewClientSecret(name, scopes, sampleTime)
		record.ID = "client_" + name
		if err := s.store.CreateClient(t.Context(), record); err != nil {
			t.Fatal(err)
		}
	}
	s.open()
	return s
}

// open makes what a process makes, over the store as it is.
func (s *site) open() {
	s.t.Helper()
	seal := []byte(strings.Repeat("s", 32))
	var err error
	s.auth, err = watchword.New(watchword.Config{
		Issuer: "https://auth.example.com", Audience: "https://auth.example.com", Store: s.store, SealKey: seal, Hasher: hasher(),
		InsecureUnlimited: true,
		Observers: []func(context.Context, watchword.Event){func(ctx context.Context, e watchword.Event) {
			if !manage.Recorded(ctx) {
				s.record(ctx, e)
			}
		}},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	numbers, err := watchword.NewNumbers(seal, watchword.NativeProfile)
	if err != nil {
		s.t.Fatal(err)
	}
	actions, err := manage.New(manage.Options{
		Store: s.store, Faces: []*watchword.Authority{s.auth}, Numbers: numbers, Hasher: hasher(), Record: s.record,
		Settings: func(w io.Writer) error { _, err := io.WriteString(w, "transport = 'json'\n"); return err },
	})
	if err != nil {
		s.t.Fatal(err)
	}
	api, err := adminapi.New(adminapi.Options{Actions: actions, Receipts: s.receipts, Seal: seal})
	if err != nil {
		s.t.Fatal(err)
	}
	cookies := httpauth.Beside{Transport: httpauth.OneCookie{}, Also: []httpauth.Transport{httpauth.Bearer{}}}
	s.profile = api.Profile(cookies)
	if s.http, err = httpauth.Handler(s.auth, s.profile); err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) record(ctx context.Context, e watchword.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = append(s.events, e)
	_ = s.store.AppendAudit(ctx, []watchword.AuditEntry{{At: e.At, Kind: e.Kind.String(), UserID: e.UserID, Actor: e.Actor, Detail: e.Detail}})
}

// told returns what was recorded of a kind.
func (s *site) told(kind watchword.EventKind) []watchword.Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []watchword.Event
	for _, e := range s.events {
		if e.Kind == kind {
			list = append(list, e)
		}
	}
	return list
}

// signIn returns an access token of a user; scopes nil asks for all.
func (s *site) signIn(login string, scopes ...string) watchword.Tokens {
	s.t.Helper()
	tokens, err := s.auth.SignIn(s.t.Context(), watchword.SignInRequest{
		Credentials: watchword.Credentials{Login: login, Password: secret}, Scopes: scopes,
	})
	if err != nil {
		s.t.Fatalf("sign in as %s: %v", login, err)
	}
	return tokens
}

// machine returns an access token of a client.
func (s *site) machine(name string) string {
	s.t.Helper()
	record, err := s.store.ClientByID(s.t.Context(), "client_"+name)
	if err != nil {
		s.t.Fatal(err)
	}
	tokens, err := s.auth.ClientToken(s.t.Context(), record, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	return tokens.Access
}

func (s *site) user(id string) watchword.User {
	s.t.Helper()
	u, err := s.store.UserByID(s.t.Context(), id)
	if err != nil {
		s.t.Fatal(err)
	}
	return u
}

// answer is an answer that was read.
type answer struct {
	status int
	header http.Header
	body   string
}

// members decodes the body.
func (a answer) members(t *testing.T) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(a.body), &m); err != nil {
		t.Fatalf("the answer %d is %q: %v", a.status, a.body, err)
	}
	return m
}

// is demands a status, and of refusals a code and the form of RFC 9457.
func (a answer) is(t *testing.T, status int, code string) {
	t.Helper()
	if a.status != status {
		t.Fatalf("the answer is %d %s, want %d", a.status, a.body, status)
	}
	if status < 400 {
		return
	}
	m := a.members(t)
	if m["code"] != code || m["status"] != float64(status) || m["title"] != http.StatusText(status) || m["type"] != "about:blank" ||
		a.header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("the answer is %s of type %s, want a problem with the code %s", a.body, a.header.Get("Content-Type"), code)
	}
}

// ask sends a request below /auth/v1/admin. Headers are name and value in turn.
func (s *site) ask(token, method, path, body string, headers ...string) answer {
	s.t.Helper()
	r := httptest.NewRequest(method, "https://auth.example.com/auth/v1/admin/"+path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	for pair := range slices.Chunk(headers, 2) {
		r.Header.Set(pair[0], pair[1])
	}
	w := httptest.NewRecorder()
	s.http.ServeHTTP(w, r)
	return answer{w.Code, w.Header(), w.Body.String()}
}
