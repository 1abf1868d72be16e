package dialect_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/dialect"
	"github.com/watchword-auth/watchword/httpauth"
	"github.com/watchword-auth/watchword/remote"
	"github.com/watchword-auth/watchword/remote/easyjwt"
)

// mirror keeps users in memory.
type mirror struct {
	mu     sync.Mutex
	users  map[string]remote.User // by issuer and id
	writes int
}

func (m *mirror) Upsert(_ context.Context, u remote.User) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.users == nil {
		m.users = make(map[string]remote.User)
	}
	m.users[u.Issuer+" "+u.ID] = u
	m.writes++
	return nil
}

func (m *mirror) Delete(_ context.Context, issuer, id string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.users, issuer+" "+id)
	return nil
}

func (m *mirror) User(_ context.Context, issuer, id string) (remote.User, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	u, ok := m.users[issuer+" "+id]
	if !ok {
		return u, watchword.NotFound
	}
	return u, nil
}

// A clientRig is a client service, and what stands behind it.
type clientRig struct {
	t        *testing.T
	upstream *httptest.Server
	service  *easyjwt.Sessions
	users    *mirror
	profile  httpauth.Profile
	handler  http.Handler
}

// newClient makes a client service over an authority.
func newClient(t *testing.T, authority http.Handler, o dialect.Options, change ...func(*easyjwt.Config, *easyjwt.SessionsConfig)) *clientRig {
	t.Helper()
	upstream := httptest.NewServer(authority)
	t.Cleanup(upstream.Close)
	settings := map[string]any{"REMOTE_AUTH_SERVICE_URL": upstream.URL}
	for name, v := range o.Settings {
		settings[name] = v
	}
	o.Settings = settings
	d, err := dialect.EasyJWTClient(o)
	if err != nil {
		t.Fatal(err)
	}
	r := &clientRig{t: t, upstream: upstream, users: &mirror{}, profile: d.Profile}
	u := d.Upstream
	c := easyjwt.Config{
		URL: u.URL, Timeout: u.Timeout, LoginField: u.LoginField, IDField: u.IDField, IDClaim: u.IDClaim,
		Paths: easyjwt.Paths{
			Token: u.TokenPath, Refresh: u.RefreshPath, Verify: u.VerifyPath, User: u.UserPath,
			PasswordChange: u.PasswordChangePath, Blacklist: u.BlacklistPath,
		},
		HeaderName: u.HeaderName, Scheme: u.Scheme, Users: r.users,
		Keys: u.Keys, Audience: u.Audience, Issuer: u.Issuer, Leeway: u.Leeway, Cache: u.Cache,
	}
	pages := easyjwt.SessionsConfig{Lifetime: u.SessionLifetime}
	for _, f := range change {
		f(&c, &pages)
	}
	client, err := easyjwt.New(c)
	if err != nil {
		t.Fatal(err)
	}
	if r.service, err = easyjwt.NewSessions(client, pages); err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	if err := httpauth.Mount(mux, r.service, d.Profile); err != nil {
		t.Fatal(err)
	}
	r.handler = mux
	return r
}

// oddUpstream answers what no client can use, as the recorder's did.
type oddUpstream struct {
	status      int
	media, body string
}

func (o *oddUpstream) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", o.media)
	w.WriteHeader(o.status)
	_, _ = w.Write([]byte(o.body))
}

func (o *oddUpstream) as(name string) {
	*o = map[string]oddUpstream{
		"charset":  {200, "application/json; charset=utf-8", "{}"},
		"html500":  {500, "text/html", "<h1>Server Error (500)</h1>"},
		"badjson":  {200, "application/json", "{not json"},
		"json503":  {503, "application/json", `{"detail":"down"}`},
		"json201":  {201, "application/json", "{}"},
		"redirect": {302, "application/json", "{}"},
	}[name]
}

var refreshSet = regexp.MustCompile(`^refresh_token=([^;]+)(; .*)$`)

// EZ-45 EZ-46 EZ-47 EZ-48 EZ-49 EZ-61 EZ-62 EZ-66
func TestGoldenEasyJWTClient(t *testing.T) {
	differences := readDifferences(t, "easyjwt-client")
	const csrf = "d5Hq0vXzC7mYtR2uB9kLwP4nJ6sGfE8aD1iQyTxVbNcMoZrUhKjWgSlFpAeI3O5H"
	odd := &oddUpstream{}
	replays := make(map[string]*replay)
	for setup, s := range map[string]struct {
		authority, client map[string]any
	}{
		"client-1.1.0": {},
		"client-1.1.0-cookie": {
			authority: map[string]any{"ROTATE_REFRESH_TOKENS": true, "BLACKLIST_AFTER_ROTATION": true, "AUDIENCE": "aud1", "ISSUER": "iss1"},
			client:    map[string]any{"REFRESH_TOKEN_IN_COOKIE": true},
		},
		"client-0.5.1":              {client: map[string]any{"surface": "0.5.1", "REMOTE_AUTH_SERVICE_USER_PATH": "/auth/users/{user_id}/"}},
		"client-1.1.0-auth-down":    {},
		"client-1.1.0-odd-upstream": {},
	} {
		rig, authority := easyjwtHandler(t, dialect.Options{Settings: s.authority})
		if setup == "client-1.1.0-odd-upstream" {
			authority = odd
		}
		c := newClient(t, authority, dialect.Options{Settings: s.client, SampleRoutes: true})
		if setup == "client-1.1.0-auth-down" {
			c.upstream.Close()
		}
		tokens, parties := map[string]string{"host": strings.TrimPrefix(c.upstream.URL, "http://"), "csrf64": csrf}, map[string]any{}
		if s.authority["AUDIENCE"] != nil {
			parties = map[string]any{"aud": "aud1", "iss": "iss1"}
		}
		r := &replay{t: t, server: c.handler, now: rig.now, tokens: tokens, differences: differences, make: rig.easyjwtForgeries(tokens, parties)}
		r.cookies = r.clientCookies
		replays[setup] = r
	}
	played := 0
	for _, e := range readGolden(t, "easyjwt").Exchanges {
		if !easyjwtLater(e) {
			continue
		}
		name := path.Base(e.ID)
		if _, kind, ok := strings.Cut(name, "-upstream-"); ok {
			odd.as(kind)
		}
		if name == "token-wrong-csrf" {
			e.Request.Headers["X-CSRFToken"] = strings.Repeat("x", 64)
		}
		replays[e.Setup].play(e)
		played++
	}
	if played != 115 {
		t.Errorf("%d exchanges were replayed, want the 115 of the client service", played)
	}
	replays["client-1.1.0"].finish()
}

// clientCookies compares Set-Cookie, and takes the refresh token out of it.
func (r *replay) clientCookies(e exchange, answer *http.Response) {
	var want, got []string
	for _, h := range e.Response.Headers {
		if h[0] == "Set-Cookie" {
			want = append(want, h[1])
		}
	}
	for _, set := range answer.Header.Values("Set-Cookie") {
		if m := refreshSet.FindStringSubmatch(set); m != nil && m[1] != `""` {
			for _, w := range want {
				if p := placeholder.FindStringSubmatch(w); p != nil {
					r.tokens[p[1]] = m[1]
					set = "refresh_token={{" + p[1] + "}}" + m[2]
				}
			}
		}
		set = regexp.MustCompile(`csrftoken=\w{64}`).ReplaceAllString(set, "csrftoken={{csrf64}}")
		set = regexp.MustCompile(`expires=\w{3}, \d\d \w{3} 20[0-9: ]+ GMT`).ReplaceAllString(set, "expires={{date}}")
		got = append(got, set)
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		r.differs(e, "cookies", fmt.Sprint(got), fmt.Sprint(want))
	}
}
