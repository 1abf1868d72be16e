package client_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/client"
	"github.com/watchword-auth/watchword/e2e/browser"
	"github.com/watchword-auth/watchword/httpauth"
	"github.com/watchword-auth/watchword/password"
	"github.com/watchword-auth/watchword/store"
)

const secret = "correct horse battery"

// application is a site over TLS that pages of watchword.js call.
type application struct {
	url   string
	auth  *watchword.Authority
	user  watchword.User
	store *store.Memory

	refreshes atomic.Int64 // requests for new tokens
	calls     atomic.Int64 // of GET and POST /api
	said      atomic.Pointer[string]
	// meddle, where it is set, sees every request first, and says whether it
	// has answered.
	meddle atomic.Pointer[func(w http.ResponseWriter, r *http.Request, next http.Handler) bool]
}

// serve starts one whose access tokens live so long.
func serve(t *testing.T, transport httpauth.Transport, access time.Duration, change ...func(httpauth.Profile) httpauth.Profile) *application {
	t.Helper()
	a := &application{store: store.NewMemory()}
	mux := http.NewServeMux()
	server := httptest.NewUnstartedServer(a.front(mux))
	server.StartTLS()
	t.Cleanup(server.Close)
	// The certificate of httptest is not for localhost; the browser of these
	// tests asks for none.
	a.url = strings.Replace(server.URL, "127.0.0.1", "localhost", 1)
	hasher, err := password.New(password.Config{Preferred: password.Params{Scheme: "pbkdf2-sha256", Rounds: 1000}})
	if err != nil {
		t.Fatal(err)
	}
	hash, err := hasher.Hash(t.Context(), secret)
	if err != nil {
		t.Fatal(err)
	}
	a.user, err = a.store.CreateUser(t.Context(), watchword.NewUser{User: watchword.User{Login: "ann", Active: true}, PasswordHash: hash})
	if err != nil {
		t.Fatal(err)
	}
	seal := make([]byte, 32)
	_, _ = rand.Read(seal)
	a.auth, err = watchword.New(watchword.Config{
		Issuer: a.url, Audience: a.url, Store: a.store, SealKey: seal, Hasher: hasher, AccessLifetime: access,
	})
	if err != nil {
		t.Fatal(err)
	}
	native := httpauth.Native(httpauth.NativePrefix, transport)
	for _, c := range change {
		native = c(native)
	}
	if err := httpauth.Mount(mux, a.auth, native); err != nil {
		t.Fatal(err)
	}
	guard := native.Guard(a.auth).Require()
	api := guard(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		text := string(body)
		a.said.Store(&text)
		_, _ = fmt.Fprintf(w, `{"said":%q}`, text)
	}))
	mux.Handle("GET /api", api)
	mux.Handle("POST /api", api)
	mux.Handle("GET /watchword.js", client.Handler())
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, `<!doctype html><title>page</title><link rel="icon" href="data:,"><script type="module">
			import { Client, AuthError } from "/watchword.js";
			Object.assign(window, { Client, AuthError, events: [] });
			window.start = (options) => {
				window.auth = new Client(options);
				for (const type of ["signedin", "refreshed", "signedout"]) auth.addEventListener(type, () => events.push(type));
				return true;
			};
		</script>`)
	})
	return a
}

// front counts, and lets a test meddle.
func (a *application) front(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/auth/v1/refresh":
			a.refreshes.Add(1)
		case "/api":
			a.calls.Add(1)
		}
		if meddle := a.meddle.Load(); meddle != nil && (*meddle)(w, r, next) {
			return
		}
		next.ServeHTTP(w, r)
	})
}

// page opens a tab with a client made from options.
func (a *application) page(t *testing.T, b *browser.Browser, options string) *browser.Tab {
	t.Helper()
	tab := b.Tab(t)
	tab.Open(a.url + "/")
	tab.Wait(`typeof start === "function"`)
	browser.Eval[bool](tab, `start(`+options+`)`)
	return tab
}

// lineages returns how many sessions ann has, and the highest generation.
func (a *application) lineages(t *testing.T) (open int, generation int) {
	t.Helper()
	list, err := a.store.ListSessions(context.Background(), watchword.SessionFilter{UserID: a.user.ID}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range list {
		generation = max(generation, s.Generation)
	}
	return len(list), generation
}

func signIn(t *testing.T, tab *browser.Tab) {
	t.Helper()
	if !browser.Eval[bool](tab, `auth.signIn("ann", "`+secret+`").then(() => auth.signedIn)`) {
		t.Fatal("signed in, and not signed in")
	}
}

// call returns the status of a call of the API.
func call(tab *browser.Tab) int {
	return browser.Eval[int](tab, `auth.fetch("/api").then(r => r.status)`)
}

// modes are the transports, with what the module calls them.
func modes() map[string]struct {
	transport httpauth.Transport
	options   string
} {
	return map[string]struct {
		transport httpauth.Transport
		options   string
	}{
		"json":        {httpauth.Bearer{}, `{mode: "bearer", storage: localStorage}`},
		"one-cookie":  {httpauth.OneCookie{}, `{}`},
		"two-cookies": {httpauth.TwoCookies{}, `{}`},
	}
}

func TestLife(t *testing.T) {
	shared := browser.New(t)
	for name, m := range modes() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := serve(t, m.transport, 2*time.Second)
			tab := a.page(t, shared.Profile(t), m.options)
			if got := call(tab); got != http.StatusUnauthorized {
				t.Errorf("a stranger is answered %d", got)
			}
			if got := browser.Eval[string](tab, `auth.signIn("ann", "wrong").catch(e => e.code + " " + e.status)`); got != "invalid_credentials 400" {
				t.Errorf("a wrong password: %s", got)
			}
			signIn(t, tab)
			if got := call(tab); got != http.StatusOK {
				t.Errorf("signed in, and answered %d", got)
			}
			subject := browser.Eval[string](tab, `auth.claims?.sub ?? "unknown"`)
			if want := map[bool]string{true: "unknown", false: a.user.ID}[name == "one-cookie"]; subject != want {
				t.Errorf("the page reads the subject %q, want %q", subject, want)
			}
			hidden(t, tab, a.url, name)
			asked := a.refreshes.Load()
			browser.Eval[bool](tab, `new Promise(done => setTimeout(done, 2500, true))`)
			if got := call(tab); got != http.StatusOK || a.refreshes.Load() == asked {
				t.Errorf("after the token's end: %d, with %d refreshes", got, a.refreshes.Load()-asked)
			}
			if got := browser.Eval[string](tab, `auth.fetch("/api", {method: "POST", body: "häß"}).then(r => r.json()).then(j => j.said)`); got != "häß" {
				t.Errorf("the API was told %q", got)
			}
			browser.Eval[bool](tab, `auth.signOut().then(() => true)`)
			if got := call(tab); got != http.StatusUnauthorized {
				t.Errorf("signed out, and answered %d", got)
			}
			if open, _ := a.lineages(t); open != 0 {
				t.Errorf("%d sessions are left", open)
			}
			if got := browser.Eval[[]string](tab, `events`); !slices.Equal(slices.Compact(got[max(0, len(got)-3):]), []string{"signedin", "refreshed", "signedout"}) {
				t.Errorf("events: %q", got)
			}
		})
	}
}

// hidden looks at what a script can reach.
func hidden(t *testing.T, tab *browser.Tab, url, transport string) {
	t.Helper()
	if transport == "json" {
		if n := len(tab.Cookies(url + "/auth/v1/refresh")); n != 0 {
			t.Errorf("%d cookies without a cookie transport", n)
		}
		return
	}
	readable := browser.Eval[string](tab, `document.cookie`)
	for _, c := range tab.Cookies(url + "/auth/v1/refresh") {
		open := c.Name == "__Host-ww_payload"
		if c.HTTPOnly == open || !c.Secure || c.SameSite != "Lax" {
			t.Errorf("cookie %s: HttpOnly %v, Secure %v, SameSite %s", c.Name, c.HTTPOnly, c.Secure, c.SameSite)
		}
		if strings.Contains(readable, c.Name) != open || !open && strings.Contains(readable, c.Value) {
			t.Errorf("a script reads %q", readable)
		}
	}
}

// Twenty tabs, whose token has expired, call at the same moment.
func TestTabs(t *testing.T) {
	const tabs = 20
	shared := browser.New(t)
	for name, m := range modes() {
		t.Run(name, func(t *testing.T) {
			a := serve(t, m.transport, time.Minute)
			b := shared.Profile(t)
			first := a.page(t, b, m.options)
			signIn(t, first)
			all := []*browser.Tab{first}
			for range tabs - 1 {
				all = append(all, a.page(t, b, m.options))
			}
			// The pages' clock, which the module goes by, is an hour ahead; that of
			// its locks and of the server is not.
			for _, tab := range all {
				browser.Eval[bool](tab, `Date.now = (now => () => now() + 3600e3)(Date.now), true`)
			}
			at := time.Now().Add(time.Hour + 1500*time.Millisecond).UnixMilli()
			statuses := make([]int, tabs)
			var done sync.WaitGroup
			for i, tab := range all {
				done.Go(func() {
					statuses[i] = browser.Eval[int](tab, fmt.Sprintf(
						`new Promise(go => setTimeout(go, %d - Date.now())).then(() => auth.fetch("/api")).then(r => r.status)`, at))
				})
			}
			done.Wait()
			for i, status := range statuses {
				if status != http.StatusOK {
					t.Errorf("tab %d is answered %d", i, status)
				}
			}
			open, generation := a.lineages(t)
			if asked := a.refreshes.Load(); open != 1 || asked != 1 || generation != 2 {
				t.Errorf("%d lineages, %d requests for new tokens, generation %d: want one of each, and two", open, asked, generation)
			}

			// All ask for new tokens, and the first answer is lost.
			var once atomic.Bool
			lose := func(_ http.ResponseWriter, r *http.Request, next http.Handler) bool {
				if r.URL.Path != "/auth/v1/refresh" || once.Swap(true) {
					return false
				}
				next.ServeHTTP(httptest.NewRecorder(), r)
				panic(http.ErrAbortHandler)
			}
			a.meddle.Store(&lose)
			at = time.Now().Add(time.Hour + time.Second).UnixMilli()
			for i, tab := range all {
				done.Go(func() {
					statuses[i] = browser.Eval[int](tab, fmt.Sprintf(
						`new Promise(go => setTimeout(go, %d - Date.now())).then(() => auth.refresh()).then(() => auth.fetch("/api")).then(r => r.status)`, at))
				})
			}
			done.Wait()
			for i, status := range statuses {
				if status != http.StatusOK {
					t.Errorf("tab %d has new tokens and is answered %d", i, status)
				}
			}
			// A tab that was late asks for its own.
			open, later := a.lineages(t)
			if asked := a.refreshes.Load(); open != 1 || later <= generation || int(asked) != later {
				t.Errorf("%d lineages, %d requests for new tokens, generation %d", open, asked, later)
			}
		})
	}
}

// The access cookie has expired, and with it what a page could notice by
// itself.
func TestSignOutInOneTab(t *testing.T) {
	shared := browser.New(t)
	for name, m := range modes() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := serve(t, m.transport, 2*time.Second)
			b := shared.Profile(t)
			one, other := a.page(t, b, m.options), a.page(t, b, m.options)
			signIn(t, one)
			if got := call(other); got != http.StatusOK {
				t.Fatalf("the other tab is answered %d", got)
			}
			browser.Eval[bool](one, `new Promise(done => setTimeout(done, 2500, true))`)
			browser.Eval[bool](one, `auth.signOut().then(() => true)`)
			other.Wait(`events.includes("signedout")`)
			if browser.Eval[bool](other, `auth.signedIn`) || call(other) != http.StatusUnauthorized {
				t.Error("the other tab is still signed in")
			}
			if open, _ := a.lineages(t); open != 0 {
				t.Errorf("%d sessions are left", open)
			}
		})
	}
}

// The server answers a refresh, and the answer never arrives.
func TestLostAnswer(t *testing.T) {
	shared := browser.New(t)
	for name, m := range modes() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := serve(t, m.transport, 5*time.Minute)
			tab := a.page(t, shared.Profile(t), m.options)
			signIn(t, tab)
			var lost atomic.Int64
			meddle := func(_ http.ResponseWriter, r *http.Request, next http.Handler) bool {
				if r.URL.Path != "/auth/v1/refresh" || lost.Add(1) > 2 {
					return false
				}
				next.ServeHTTP(httptest.NewRecorder(), r) // it is done, and
				panic(http.ErrAbortHandler)               // nobody hears of it
			}
			a.meddle.Store(&meddle)
			browser.Eval[bool](tab, `auth.refresh().then(() => true)`)
			if got := call(tab); got != http.StatusOK {
				t.Errorf("after two answers were lost: %d", got)
			}
			if open, generation := a.lineages(t); open != 1 || generation != 2 || lost.Load() != 3 {
				t.Errorf("%d lineages, generation %d, %d requests", open, generation, lost.Load())
			}
		})
	}
}

func TestRetriesOnce(t *testing.T) {
	a := serve(t, httpauth.TwoCookies{}, 5*time.Minute)
	tab := a.page(t, browser.New(t), `{}`)
	signIn(t, tab)
	refuse := func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		if r.URL.Path == "/api" {
			w.WriteHeader(http.StatusUnauthorized)
		}
		return r.URL.Path == "/api"
	}
	a.meddle.Store(&refuse)
	if got := call(tab); got != http.StatusUnauthorized || a.calls.Load() != 2 || a.refreshes.Load() != 1 {
		t.Errorf("answered %d after %d calls and %d refreshes, want 401 after two and one", got, a.calls.Load(), a.refreshes.Load())
	}
	a.meddle.Store(nil)
	// Where another tab has refreshed since the request went out, its tokens do.
	if got := call(tab); got != http.StatusOK || a.refreshes.Load() != 1 {
		t.Errorf("answered %d after %d refreshes", got, a.refreshes.Load())
	}
}

// Rights changed: the server says so, a refresh mends it, nobody is asked.
func TestStaleClaims(t *testing.T) {
	a := serve(t, httpauth.TwoCookies{}, 5*time.Minute)
	tab := a.page(t, browser.New(t), `{}`)
	signIn(t, tab)
	permissions := []string{"orders.add"}
	now := time.Now()
	if _, err := a.store.UpdateUser(t.Context(), a.user.ID, watchword.UserChange{Permissions: &permissions}, 0, now.Add(time.Hour), now); err != nil {
		t.Fatal(err)
	}
	if err := a.auth.Follow(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := call(tab); got != http.StatusOK || a.refreshes.Load() != 1 {
		t.Errorf("answered %d after %d refreshes", got, a.refreshes.Load())
	}
	if got := browser.Eval[[]string](tab, `auth.claims.permissions`); !slices.Equal(got, permissions) {
		t.Errorf("the page reads the permissions %q", got)
	}
}

// A caller that gives up leaves the refresh to the others.
func TestAbort(t *testing.T) {
	a := serve(t, httpauth.TwoCookies{}, 5*time.Minute)
	tab := a.page(t, browser.New(t), `{}`)
	signIn(t, tab)
	slow := func(_ http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		if r.URL.Path == "/auth/v1/refresh" {
			time.Sleep(300 * time.Millisecond) // a slow server, for the time in which one is aborted
		}
		return false
	}
	a.meddle.Store(&slow)
	got := browser.Eval[[]string](tab, `(() => {
		const stop = new AbortController();
		const waiting = [auth.refresh({signal: stop.signal}), auth.refresh()];
		setTimeout(() => stop.abort(), 50);
		return Promise.allSettled(waiting).then(list => list.map(p => p.status + " " + (p.reason?.name ?? "")));
	})()`)
	if want := []string{"rejected AbortError", "fulfilled "}; !slices.Equal(got, want) || a.refreshes.Load() != 1 {
		t.Errorf("%q after %d refreshes, want %q after one", got, a.refreshes.Load(), want)
	}
	if got := browser.Eval[string](tab, `(() => {
		const stop = new AbortController();
		stop.abort();
		return auth.fetch("/api", {signal: stop.signal}).then(() => "answered", e => e.name);
	})()`); got != "AbortError" {
		t.Errorf("a call that was aborted: %s", got)
	}
}

// Tokens go to the origins that were named.
func TestOtherOrigins(t *testing.T) {
	var got atomic.Pointer[http.Header]
	other := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := r.Header.Clone()
		got.Store(&h)
		w.Header().Set("Access-Control-Allow-Origin", "*")
		w.Header().Set("Access-Control-Allow-Headers", "Authorization")
	}))
	defer other.Close()
	otherURL := strings.Replace(other.URL, "127.0.0.1", "localhost", 1)
	shared := browser.New(t)
	for name, m := range modes() {
		t.Run(name, func(t *testing.T) {
			a := serve(t, m.transport, 5*time.Minute)
			tab := a.page(t, shared.Profile(t), m.options)
			signIn(t, tab)
			browser.Eval[int](tab, `auth.fetch("`+otherURL+`/").then(r => r.status)`)
			for _, name := range []string{"Authorization", "Cookie"} {
				if value := (*got.Load()).Get(name); value != "" {
					t.Errorf("another origin got %s: %s", name, value)
				}
			}
		})
	}
	t.Run("named", func(t *testing.T) {
		a := serve(t, httpauth.Bearer{}, 5*time.Minute)
		tab := a.page(t, shared.Profile(t), `{mode: "bearer", origins: ["`+otherURL+`"]}`)
		signIn(t, tab)
		browser.Eval[int](tab, `auth.fetch("`+otherURL+`/").then(r => r.status)`)
		if value := (*got.Load()).Get("Authorization"); !strings.HasPrefix(value, "Bearer ") {
			t.Errorf("an origin that was named got Authorization: %q", value)
		}
	})
}

// A server that demands a CSRF token beside the right origin.
func TestCSRFToken(t *testing.T) {
	a := serve(t, httpauth.TwoCookies{}, 5*time.Minute, func(p httpauth.Profile) httpauth.Profile {
		return p.WithCSRF(httpauth.CSRFToken{Key: []byte(strings.Repeat("k", 32))})
	})
	tab := a.page(t, browser.New(t), `{}`)
	signIn(t, tab)
	browser.Eval[bool](tab, `auth.refresh().then(() => true)`)
	if got := browser.Eval[int](tab, `auth.fetch("/api", {method: "POST", body: "x"}).then(r => r.status)`); got != http.StatusOK {
		t.Errorf("a post is answered %d", got)
	}
	if got := browser.Eval[int](tab, `fetch("/api", {method: "POST", body: "x"}).then(r => r.status)`); got != http.StatusForbidden {
		t.Errorf("a post without the token is answered %d", got)
	}
	browser.Eval[bool](tab, `auth.signOut().then(() => true)`)
	if open, _ := a.lineages(t); open != 0 {
		t.Errorf("%d sessions are left", open)
	}
}

// Another site makes the browser send forms, with whatever cookies it sends.
func TestCrossSiteForms(t *testing.T) {
	shared := browser.New(t)
	for name, transport := range map[string]httpauth.Transport{"one-cookie": httpauth.OneCookie{}, "two-cookies": httpauth.TwoCookies{}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := serve(t, transport, 5*time.Minute)
			evil := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				q := r.URL.Query()
				w.Header().Set("Content-Type", "text/html")
				_, _ = fmt.Fprintf(w, `<!doctype html><form method="post" action="%s" enctype="%s"><input name='%s' value='%s'><button>win</button></form>`,
					a.url+q.Get("path"), q.Get("type"), q.Get("name"), q.Get("value"))
			}))
			defer evil.Close()
			b := shared.Profile(t)
			tab := a.page(t, b, `{}`)
			signIn(t, tab)
			before, generation := a.lineages(t)
			page := b.Tab(t)
			for _, host := range []string{browser.Host, "localhost"} { // another site, and another port of ours
				for _, form := range []struct{ path, kind, name, value string }{
					{"/api", "text/plain", "said", "evil"},
					{"/auth/v1/logout", "text/plain", `{"everywhere":true,"x":"`, `"}`},
					{"/auth/v1/logout", "application/x-www-form-urlencoded", "everywhere", "true"},
					{"/auth/v1/refresh", "text/plain", `{"x":"`, `"}`},
					{"/auth/v1/password", "text/plain", `{"current":"` + secret + `","new":"evil evil evil","x":"`, `"}`},
					{"/auth/v1/token", "text/plain", `{"login":"ann","password":"` + secret + `","x":"`, `"}`},
					{"/auth/v1/token", "application/x-www-form-urlencoded", "grant_type", "password"},
				} {
					at := strings.Replace(evil.URL, "127.0.0.1", host, 1)
					page.Open(at + "/?" + url.Values{"path": {form.path}, "type": {form.kind}, "name": {form.name}, "value": {form.value}}.Encode())
					page.Follow("button")
					page.Wait(`location.href.startsWith("` + a.url + `")`)
				}
			}
			if said := a.said.Load(); said != nil {
				t.Errorf("the API was told %q", *said)
			}
			if open, g := a.lineages(t); open != before || g != generation {
				t.Errorf("%d sessions of generation %d, want %d of %d", open, g, before, generation)
			}
			if got := call(tab); got != http.StatusOK {
				t.Errorf("after that she is answered %d", got)
			}
			if got := browser.Eval[bool](tab, `auth.signIn("ann", "`+secret+`").then(() => true)`); !got {
				t.Error("the password has changed")
			}
		})
	}
}
