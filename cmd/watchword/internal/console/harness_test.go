package console_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/config"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/console"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/djangotest"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/engine"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/manage"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/open"
	"github.com/watchword-auth/watchword/httpauth"
	"github.com/watchword-auth/watchword/password"
	"github.com/watchword-auth/watchword/store/django"
)

const secret = "correct horse battery"

// site is the pages over a database in memory, on a real socket.
type site struct {
	url     string
	db      *open.Opened
	native  *watchword.Authority
	actions *manage.Actions
	hash    string
	later   atomic.Int64 // seconds by which the clock is ahead
	mu      sync.Mutex
	told    []string // everything that events and refusals said
}

// tell notes what would be logged.
func (s *site) tell(what any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.told = append(s.told, fmt.Sprintf("%+v", what))
}

func (s *site) now() time.Time { return time.Now().Add(time.Duration(s.later.Load()) * time.Second) }

// start makes one. Its users: root, a superuser; helper, staff without any
// permission; ann, who is neither.
func start(t *testing.T) *site { return startAt(t, "http://127.0.0.1:8080") }

// startAt makes the pages of an issuer. Where a Django project is given its
// users are those of the pages, and no others are made.
func startAt(t *testing.T, issuer string, projects ...*djangotest.Project) *site {
	t.Helper()
	ctx := t.Context()
	c := config.Default()
	c.DB, c.Issuer, c.Audience = "sqlite::memory:", issuer, "api"
	s := &site{}
	var err error
	if s.db, err = open.Store(ctx, c.DB); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.db.Close(context.Background()) })
	for _, p := range projects {
		if err := s.db.Attach(ctx, p.DSN, django.Config{Table: django.Table{Name: "auth_user"}}, false); err != nil {
			t.Fatal(err)
		}
	}
	seal, err := engine.Seal(ctx, c, s.db)
	if err != nil {
		t.Fatal(err)
	}
	base, err := engine.Config(c, s.db, seal)
	if err != nil {
		t.Fatal(err)
	}
	base.Hasher = cheap(t)
	base.Revocations = watchword.NewRevocationList(s.db)
	base.Limiter = watchword.NewMemoryLimiter(nil, 0)
	base.Now = s.now
	base.Observers = append(base.Observers, func(_ context.Context, e watchword.Event) { s.tell(e) })
	if s.native, err = watchword.NewContext(ctx, base); err != nil {
		t.Fatal(err)
	}
	own, err := console.NewAuthority(ctx, base)
	if err != nil {
		t.Fatal(err)
	}
	numbers, err := watchword.NewNumbers(seal, watchword.NativeProfile)
	if err != nil {
		t.Fatal(err)
	}
	s.actions, err = manage.New(manage.Options{
		Store: s.db, Users: s.db.Roll(), Faces: []*watchword.Authority{s.native, own}, Numbers: numbers, Hasher: base.Hasher, LongestLife: 5 * time.Minute,
		Record: func(ctx context.Context, e watchword.Event) {
			s.tell(e)
			if err := s.db.AppendAudit(ctx, []watchword.AuditEntry{engine.Entry(e)}); err != nil {
				t.Error(err)
			}
		},
		Settings: c.Print, Now: s.now,
	})
	if err != nil {
		t.Fatal(err)
	}
	pages, err := console.New(console.Options{
		Authority: own, Native: s.native, Actions: s.actions, Store: s.db, SealKey: seal, ClientOf: httpauth.ClientOf,
		Faces: []console.Face{{Name: "native", Prefix: "/auth/v1", Routes: []string{"POST /auth/v1/token"}}},
		Report: func(_ *http.Request, _ int, err error) string {
			s.tell(err)
			return "request-1"
		},
		Now: s.now,
	})
	if err != nil {
		t.Fatal(err)
	}
	if s.hash, err = base.Hasher.Hash(ctx, secret); err != nil {
		t.Fatal(err)
	}
	for _, u := range []watchword.User{
		{Login: "root", Email: "root@example.com", Staff: true, Superuser: true, Active: true},
		{Login: "helper", Email: "helper@example.com", Staff: true, Active: true},
		{Login: "ann", Email: "ann@example.com", FirstName: "Ann", Active: true},
	} {
		for _, p := range projects {
			u.CreatedAt = s.now()
			p.Add(t, watchword.NewUser{User: u, PasswordHash: s.hash})
		}
		if len(projects) == 0 {
			s.add(t, u)
		}
	}
	srv := httptest.NewServer(pages)
	t.Cleanup(srv.Close)
	s.url = srv.URL
	return s
}

// cheap hashes fast.
func cheap(t *testing.T) *password.Hasher {
	t.Helper()
	h, err := password.New(password.Config{Preferred: password.Params{Scheme: "pbkdf2-sha256", Rounds: 1000}})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func (s *site) add(t *testing.T, u watchword.User) watchword.User {
	t.Helper()
	u.Active = true
	u, err := s.db.CreateUser(t.Context(), watchword.NewUser{User: u, PasswordHash: s.hash})
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// guest is a browser, as far as cookies go.
type guest struct {
	site   *site
	client *http.Client
}

// answer is an answer whose body was read.
type answer struct {
	status int
	header http.Header
	text   string
}

func (s *site) guest(t *testing.T) *guest {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &guest{s, &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// signedIn is a guest with a session.
func (s *site) signedIn(t *testing.T, login string) *guest {
	t.Helper()
	g := s.guest(t)
	got := g.signIn(t, login, secret)
	if got.status != http.StatusSeeOther {
		t.Fatalf("sign-in of %s = %d %s", login, got.status, got.text)
	}
	return g
}

func (g *guest) signIn(t *testing.T, login, password string) answer {
	t.Helper()
	g.get(t, "signin")
	return g.post(t, "signin", url.Values{"login": {login}, "password": {password}})
}

func (g *guest) get(t *testing.T, path string, header ...string) answer {
	t.Helper()
	return g.do(t, http.MethodGet, path, "", header...)
}

// post sends a form with the token that the page at the same address has, as
// a browser would.
func (g *guest) post(t *testing.T, path string, form url.Values, header ...string) answer {
	t.Helper()
	filled := url.Values{"csrf": {g.token(t)}}
	for name, values := range form {
		filled[name] = values
	}
	return g.do(t, http.MethodPost, path, filled.Encode(), header...)
}

// token is what forms carry: the same for all pages of a session.
func (g *guest) token(t *testing.T) string {
	t.Helper()
	u, err := url.Parse(g.site.url + "/admin/")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range g.client.Jar.Cookies(u) {
		if c.Name == "ww_admin_csrf" {
			return c.Value
		}
	}
	return ""
}

func (g *guest) do(t *testing.T, method, path, body string, header ...string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, g.site.url+"/admin/"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", g.site.url)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	got, err := g.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer got.Body.Close()
	text, err := io.ReadAll(got.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{got.StatusCode, got.Header, string(text)}
}

var hiddenSeen = regexp.MustCompile(`name="seen" value="([0-9a-f]+)"`)

// seen is the fingerprint in a user's form.
func (a answer) seen(t *testing.T) string {
	t.Helper()
	m := hiddenSeen.FindStringSubmatch(a.text)
	if m == nil {
		t.Fatalf("no fingerprint in %s", a.text)
	}
	return m[1]
}
