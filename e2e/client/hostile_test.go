package client_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/watchword-auth/watchword/e2e/browser"
	"github.com/watchword-auth/watchword/httpauth"
)

// answers meddles with one path.
func (a *application) answers(path string, with func(w http.ResponseWriter, r *http.Request, next http.Handler) bool) {
	meddle := func(w http.ResponseWriter, r *http.Request, next http.Handler) bool {
		return r.URL.Path == path && with(w, r, next)
	}
	a.meddle.Store(&meddle)
}

// status answers so, with a body of a type.
func status(code int, kind, body string, header ...string) func(w http.ResponseWriter, r *http.Request, next http.Handler) bool {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) bool {
		w.Header().Set("Content-Type", kind)
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
		_, _ = io.WriteString(w, body)
		return true
	}
}

const refreshed = "/auth/v1/refresh"

func TestNeverLoops(t *testing.T) {
	shared := browser.New(t)
	for name, m := range modes() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := serve(t, m.transport, 5*time.Minute)
			tab := a.page(t, shared.Profile(t), m.options)
			signIn(t, tab)
			three := func() (calls, refreshes int64) {
				c, r := a.calls.Load(), a.refreshes.Load()
				for range 3 {
					if got := call(tab); got != http.StatusUnauthorized {
						t.Errorf("answered %d", got)
					}
				}
				return a.calls.Load() - c, a.refreshes.Load() - r
			}
			// Every new token is stale at once.
			a.answers("/api", status(401, "application/json", `{"code":"claims_stale"}`))
			if calls, refreshes := three(); calls != 6 || refreshes != 3 {
				t.Errorf("tokens that are always stale: %d calls and %d refreshes, want six and three", calls, refreshes)
			}
			// And has expired by the page's clock.
			browser.Eval[bool](tab, `window.now = Date.now, Date.now = () => now() + 3600e3 * (window.n = (window.n ?? 0) + 1), true`)
			if calls, refreshes := three(); calls != 6 || refreshes > 6 {
				t.Errorf("tokens that always have expired: %d calls and %d refreshes, want six each at most", calls, refreshes)
			}
			browser.Eval[bool](tab, `Date.now = now, true`)
			// Everything is refused: nobody is signed in any more.
			refuse := func(w http.ResponseWriter, r *http.Request, next http.Handler) bool {
				return status(401, "application/json", `{"code":"session_ended"}`)(w, r, next)
			}
			a.meddle.Store(&refuse)
			if calls, refreshes := three(); calls != 3 || refreshes != 1 {
				t.Errorf("refused always: %d calls and %d refreshes, want three and one", calls, refreshes)
			}
			if got := browser.Eval[int](tab, `events.filter(e => e === "signedout").length`); got != 1 {
				t.Errorf("%d events say that nobody is signed in, want one", got)
			}
		})
	}
}

// The session ends on another device.
func TestEndedElsewhere(t *testing.T) {
	shared := browser.New(t)
	a := serve(t, httpauth.TwoCookies{}, 5*time.Minute)
	one, other := a.page(t, shared.Profile(t), `{}`), a.page(t, shared.Profile(t), `{}`)
	signIn(t, one)
	signIn(t, other)
	browser.Eval[bool](other, `auth.signOut({everywhere: true}).then(() => true)`)
	if got := call(one); got != http.StatusUnauthorized || browser.Eval[bool](one, `auth.signedIn || auth.claims !== null`) {
		t.Errorf("answered %d, and knows nothing of it", got)
	}
	if got := browser.Eval[[]string](one, `events`); !slices.Equal(got, []string{"signedin", "signedout"}) {
		t.Errorf("events: %q", got)
	}
	// What has ended elsewhere can be ended here.
	browser.Eval[bool](other, `auth.signOut().then(() => true)`)
}

// What stands between page and server answers in its stead.
func TestProxies(t *testing.T) {
	shared := browser.New(t)
	for name, answer := range map[string]func(w http.ResponseWriter, r *http.Request, next http.Handler) bool{
		"a portal's page":   status(200, "text/html", "<h1>Pay for the net</h1>"),
		"a missing page":    status(404, "text/html", "<h1>Nothing</h1>"),
		"a firewall's page": status(403, "text/html", "<h1>No</h1>"),
		"a login page":      status(401, "text/html", "<h1>Who are you?</h1>"),
		"a limit":           status(429, "application/json", `{"code":"rate_limited"}`, "Retry-After", "7"),
		"an outage":         status(503, "text/html", "", "Retry-After", "60"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := serve(t, httpauth.Bearer{}, 5*time.Minute)
			b := shared.Profile(t)
			tab := a.page(t, b, `{mode: "bearer", storage: localStorage}`)
			signIn(t, tab)
			a.answers(refreshed, answer)
			if got := browser.Eval[string](tab, `auth.refresh().then(() => "", e => e.name + " " + (e.retryAfter ?? ""))`); !strings.HasPrefix(got, "AuthError") ||
				name == "a limit" && got != "AuthError 7" || name == "an outage" && got != "AuthError 60" {
				t.Errorf("refresh throws %q", got)
			}
			if a.refreshes.Load() != 1 {
				t.Errorf("it was asked for %d times, want once", a.refreshes.Load())
			}
			a.meddle.Store(nil)
			browser.Eval[bool](tab, `auth.refresh().then(() => true)`)
			if got := call(tab); got != http.StatusOK || browser.Eval[bool](tab, `events.includes("signedout")`) {
				t.Errorf("afterwards she is answered %d", got)
			}
		})
	}
	t.Run("a gateway's page, once", func(t *testing.T) {
		t.Parallel()
		a := serve(t, httpauth.TwoCookies{}, 5*time.Minute)
		tab := a.page(t, shared.Profile(t), `{}`)
		signIn(t, tab)
		var times atomic.Int64
		a.answers(refreshed, func(w http.ResponseWriter, r *http.Request, next http.Handler) bool {
			return times.Add(1) == 1 && status(502, "text/html", "<h1>Bad gateway</h1>")(w, r, next)
		})
		browser.Eval[bool](tab, `auth.refresh().then(() => true)`)
		if times.Load() != 2 {
			t.Errorf("it was asked for %d times, want twice", times.Load())
		}
	})
}

// Where a server fails each tab would try for eight seconds, one after the
// other.
func TestTabsFailTogether(t *testing.T) {
	a := serve(t, httpauth.OneCookie{}, 5*time.Minute)
	b := browser.New(t)
	tabs := []*browser.Tab{a.page(t, b, `{}`), a.page(t, b, `{}`), a.page(t, b, `{}`)}
	signIn(t, tabs[0])
	go1 := make(chan bool)
	a.answers(refreshed, func(w http.ResponseWriter, r *http.Request, next http.Handler) bool {
		<-go1 // until all tabs wait
		return status(503, "application/json", `{"code":"unavailable"}`, "Retry-After", "60")(w, r, next)
	})
	for _, tab := range tabs {
		browser.Eval[bool](tab, `(window.asked = auth.refresh().then(() => "refreshed", e => e.code + " " + e.retryAfter)), true`)
	}
	tabs[0].Wait(`navigator.locks.query().then(l => l.pending.length === 2)`)
	close(go1)
	for i, tab := range tabs {
		if got := browser.Eval[string](tab, `asked`); got != "unavailable 60" {
			t.Errorf("tab %d: %s", i, got)
		}
	}
	if a.refreshes.Load() != 1 {
		t.Errorf("%d requests, want one", a.refreshes.Load())
	}
	a.meddle.Store(nil)
	browser.Eval[bool](tabs[2], `auth.refresh().then(() => true)`)
}

// The connection hangs after the server has moved on, and in the end the tab
// that waits for it is closed.
func TestHangingAnswer(t *testing.T) {
	shared := browser.New(t)
	for name, closes := range map[string]bool{"the tab waits": false, "the tab is closed": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := serve(t, httpauth.TwoCookies{}, 5*time.Minute)
			b := shared.Profile(t)
			one, other := a.page(t, b, `{}`), a.page(t, b, `{}`)
			signIn(t, one)
			var times atomic.Int64
			moved, over := make(chan bool), make(chan bool)
			t.Cleanup(func() { close(over) })
			a.answers(refreshed, func(_ http.ResponseWriter, r *http.Request, next http.Handler) bool {
				if times.Add(1) > 1 {
					return false
				}
				next.ServeHTTP(httptest.NewRecorder(), r)
				close(moved)
				select {
				case <-r.Context().Done():
				case <-over:
				}
				panic(http.ErrAbortHandler)
			})
			browser.Eval[bool](one, `(window.asked = auth.refresh().then(() => "refreshed", String)), true`)
			<-moved
			browser.Eval[bool](other, `(window.asked = auth.refresh().then(() => "refreshed", String)), true`)
			if closes {
				one.Close()
			} else if got := browser.Eval[string](one, `asked`); got != "refreshed" {
				t.Errorf("the tab that waits: %s", got)
			}
			if got := browser.Eval[string](other, `asked`); got != "refreshed" {
				t.Errorf("the other tab: %s", got)
			}
			if got := call(other); got != http.StatusOK {
				t.Errorf("answered %d", got)
			}
			if open, generation := a.lineages(t); open != 1 || generation != 2 || times.Load() != 2 {
				t.Errorf("%d lineages, generation %d, %d requests", open, generation, times.Load())
			}
		})
	}
}

// A request of Ann's is refused, and before it goes out again Bob is there.
func TestSomebodyElse(t *testing.T) {
	shared := browser.New(t)
	for name, m := range modes() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := serve(t, m.transport, 5*time.Minute)
			b := shared.Profile(t)
			one, other := a.page(t, b, m.options), a.page(t, b, m.options)
			signIn(t, one)
			arrived, there := make(chan bool, 1), make(chan bool)
			a.answers("/api", func(w http.ResponseWriter, r *http.Request, next http.Handler) bool {
				if a.calls.Load() > 1 {
					return false
				}
				arrived <- true
				<-there
				return status(401, "application/json", `{"code":"token_expired"}`)(w, r, next)
			})
			browser.Eval[bool](one, `(window.asked = auth.fetch("/api", {method: "POST", body: "by Ann"}).then(r => r.status)), true`)
			<-arrived
			signIn(t, other) // as far as the module knows, anybody
			close(there)
			if got := browser.Eval[int](one, `asked`); got != http.StatusUnauthorized || a.calls.Load() != 1 || a.said.Load() != nil {
				t.Errorf("answered %d after %d calls: the next person has said what the one before did", got, a.calls.Load())
			}
			if got := call(one); got != http.StatusOK {
				t.Errorf("from then on: %d", got)
			}
		})
	}
}

// Browsers that keep nothing, or answer nothing.
func TestStorage(t *testing.T) {
	shared := browser.New(t)
	for name, script := range map[string]string{
		"no database":                   `indexedDB.open = () => { throw new DOMException("no", "SecurityError") }, true`,
		"a database that is silent":     `indexedDB.open = () => ({}), true`,
		"a database of somebody else's": `new Promise(done => { const o = indexedDB.open("watchword", 1); o.onsuccess = () => { o.result.close(); done(true) } })`,
		"a database of later times":     `new Promise(done => { const o = indexedDB.open("watchword", 9); o.onsuccess = () => { o.result.close(); done(true) } })`,
		"a full disk":                   `Storage.prototype.setItem = () => { throw new DOMException("full", "QuotaExceededError") }, true`,
		"no storage":                    `Object.defineProperty(window, "localStorage", { get() { throw new DOMException("no", "SecurityError") } }), true`,
		"a page that clears it":         `document.addEventListener("called", () => localStorage.clear()), true`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := serve(t, httpauth.TwoCookies{}, 5*time.Minute)
			tab := shared.Profile(t).Tab(t)
			tab.Open(a.url + "/")
			tab.Wait(`typeof start === "function"`)
			browser.Eval[bool](tab, script)
			browser.Eval[bool](tab, `window.addEventListener("unhandledrejection", e => { window.unhandled = String(e.reason) }), start({})`)
			signIn(t, tab)
			browser.Eval[bool](tab, `document.dispatchEvent(new Event("called"))`)
			browser.Eval[bool](tab, `auth.refresh().then(() => auth.signedIn)`)
			if got := call(tab); got != http.StatusOK || a.refreshes.Load() != 1 {
				t.Errorf("answered %d after %d refreshes", got, a.refreshes.Load())
			}
			browser.Eval[bool](tab, `auth.signOut().then(() => true)`)
			if browser.Eval[bool](tab, `auth.signedIn`) {
				t.Error("she is signed in still")
			}
			if got := browser.Eval[string](tab, `window.unhandled ?? ""`); got != "" {
				t.Errorf("nobody caught %s", got)
			}
		})
	}
}

// A page that "back" brings as it was has heard nothing meanwhile.
func TestBack(t *testing.T) {
	a := serve(t, httpauth.TwoCookies{}, 5*time.Minute)
	b := browser.New(t)
	one := a.page(t, b, `{}`)
	signIn(t, one)
	// Without its channel it is as deaf as a page that is kept.
	browser.Eval[bool](one, `BroadcastChannel.prototype.postMessage = () => {}, auth.signOut().then(() => true)`)
	other := a.page(t, b, `{}`)
	signIn(t, other)
	browser.Eval[bool](other, `events.length = 0, BroadcastChannel.prototype.postMessage = () => {}, true`)
	browser.Eval[bool](one, `auth.refresh().then(() => true)`)
	browser.Eval[bool](one, `auth.signOut().then(() => true)`)
	other.Wait(`!auth.signedIn`)
	if got := browser.Eval[[]string](other, `dispatchEvent(new PageTransitionEvent("pageshow", {persisted: true})), events`); !slices.Equal(got, []string{"signedout"}) {
		t.Errorf("events: %q", got)
	}
	if got := browser.Eval[[]string](other, `dispatchEvent(new PageTransitionEvent("pageshow", {persisted: true})), events`); len(got) != 1 {
		t.Errorf("it is told again: %q", got)
	}
	// And by the browser's own buttons.
	signIn(t, other)
	other.Open(a.url + "/auth/v1/me")
	browser.Eval[bool](one, `auth.signOut().then(() => true)`)
	browser.Eval[bool](other, `history.back(), true`)
	other.Wait(`typeof start === "function"`)
	if browser.Eval[bool](other, `typeof auth !== "undefined" && auth.signedIn`) {
		t.Error("the page before is still signed in")
	}
}

// Another page of the site signs in without this module.
func TestSignedInWithoutIt(t *testing.T) {
	a := serve(t, httpauth.OneCookie{}, 5*time.Minute)
	tab := a.page(t, browser.New(t), `{}`)
	if got := call(tab); got != http.StatusUnauthorized || browser.Eval[int](tab, `events.length`) != 0 {
		t.Errorf("a visitor is answered %d, and hears of somebody who is signed out", got)
	}
	if call(tab); a.refreshes.Load() != 1 {
		t.Errorf("for visitors there were %d requests for new tokens, want one", a.refreshes.Load())
	}
	browser.Eval[bool](tab, `fetch("/auth/v1/token", {method: "POST", headers: {"Content-Type": "application/json"},
		body: JSON.stringify({login: "ann", password: "`+secret+`"})}).then(r => r.ok)`)
	if got := call(tab); got != http.StatusOK {
		t.Errorf("signed in, and answered %d", got)
	}
	if !browser.Eval[bool](tab, `auth.refresh().then(() => auth.signedIn)`) {
		t.Error("the module has not found out")
	}
	browser.Eval[bool](tab, `auth.signOut().then(() => true)`)
	if !browser.Eval[bool](tab, `auth.refresh().then(() => false, e => e instanceof AuthError && !auth.signedIn)`) {
		t.Error("nobody has new tokens")
	}
}

// A page that is set up for another transport says so.
func TestWrongMode(t *testing.T) {
	shared := browser.New(t)
	for mode, transport := range map[string]httpauth.Transport{"bearer": httpauth.OneCookie{}, "cookie": httpauth.Bearer{}} {
		a := serve(t, transport, 5*time.Minute)
		tab := a.page(t, shared.Profile(t), `{mode: "`+mode+`"}`)
		if got := browser.Eval[string](tab, `auth.signIn("ann", "`+secret+`").then(() => "", e => e.message)`); !strings.Contains(got, mode) {
			t.Errorf("mode %s against another transport: %q", mode, got)
		}
	}
}

// An origin that gets the token sends the request on to one that must not.
func TestRedirectElsewhere(t *testing.T) {
	var got atomic.Pointer[http.Header]
	cors := func(w http.ResponseWriter, r *http.Request) bool {
		w.Header().Set("Access-Control-Allow-Origin", "*")
		w.Header().Set("Access-Control-Allow-Headers", "Authorization")
		return r.Method != http.MethodOptions
	}
	last := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if cors(w, r) {
			h := r.Header.Clone()
			got.Store(&h)
		}
	}))
	defer last.Close()
	named := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if cors(w, r) {
			http.Redirect(w, r, last.URL, http.StatusTemporaryRedirect)
		}
	}))
	defer named.Close()
	a := serve(t, httpauth.Bearer{}, 5*time.Minute)
	tab := a.page(t, browser.New(t), `{mode: "bearer", origins: ["`+named.URL+`"]}`)
	signIn(t, tab)
	browser.Eval[int](tab, `auth.fetch("`+named.URL+`/").then(r => r.status)`)
	if h := got.Load(); h == nil || h.Get("Authorization") != "" || strings.Contains(h.Get("Referer"), "ey") {
		t.Errorf("another origin got %v", h)
	}
}

// Whatever has a body can be sent again.
func TestBodies(t *testing.T) {
	a := serve(t, httpauth.TwoCookies{}, 5*time.Minute)
	tab := a.page(t, browser.New(t), `{}`)
	signIn(t, tab)
	var times atomic.Int64
	a.answers("/api", func(w http.ResponseWriter, r *http.Request, next http.Handler) bool {
		_, _ = io.Copy(io.Discard, http.MaxBytesReader(w, r.Body, 0)) // as a guard that does not read it
		if times.Add(1)%2 == 1 {
			return status(401, "application/json", `{"code":"token_expired"}`)(w, r, next)
		}
		return false
	})
	for name, request := range map[string]string{
		"text":           `"/api", {method: "POST", body: "said"}`,
		"a blob":         `"/api", {method: "POST", body: new Blob(["said"])}`,
		"bytes":          `"/api", {method: "POST", body: new TextEncoder().encode("said")}`,
		"a form":         `"/api", {method: "POST", body: (() => { const f = new FormData(); f.set("x", "said"); return f })()}`,
		"parameters":     `"/api", {method: "POST", body: new URLSearchParams({x: "said"})}`,
		"a Request":      `new Request("/api", {method: "POST", body: "said"})`,
		"a Request, URL": `new Request(new URL("/api", location), {method: "POST", body: "said", keepalive: true}), {cache: "no-store"}`,
	} {
		times.Store(0)
		got := browser.Eval[string](tab, `auth.fetch(`+request+`).then(async r => r.status + " " + await r.text())`)
		if !strings.HasPrefix(got, "200") || times.Load() != 2 {
			t.Errorf("%s: %s after %d calls", name, got, times.Load())
		}
	}
	times.Store(0)
	if got := browser.Eval[int](tab, `auth.fetch("/api", {method: "HEAD"}).then(r => r.status)`); got != http.StatusOK {
		t.Errorf("HEAD is answered %d", got)
	}
}

// Aborted while it waits for its turn, between refresh and retry, and while a
// lost answer is asked for again.
func TestAbortAtEveryStage(t *testing.T) {
	a := serve(t, httpauth.TwoCookies{}, 5*time.Minute)
	tab := a.page(t, browser.New(t), `{}`)
	browser.Eval[bool](tab, `addEventListener("unhandledrejection", e => { window.unhandled = String(e.reason) }), true`)
	signIn(t, tab)
	aborted := func(stage, script string) {
		t.Helper()
		if got := browser.Eval[string](tab, `(() => { const stop = new AbortController(); `+script+` })().then(() => "done", e => e.name)`); got != "AbortError" {
			t.Errorf("%s: %s", stage, got)
		}
	}
	// Somebody holds the lock.
	name := `"watchword " + new URL("/auth/v1", location)`
	browser.Eval[bool](tab, `new Promise(held => navigator.locks.request(`+name+`, () => new Promise(free => { window.free = free; held(true) })))`)
	for _, stage := range []string{`auth.signIn("ann", "x", {signal: stop.signal})`, `auth.signOut({signal: stop.signal})`, `auth.refresh({signal: stop.signal})`} {
		aborted("waiting: "+stage, `const p = `+stage+`; stop.abort(); return p`)
	}
	browser.Eval[bool](tab, `free(), auth.refresh().then(() => true)`)
	if got := call(tab); got != http.StatusOK {
		t.Errorf("answered %d", got)
	}
	// The first try is refused, and while new tokens come nobody waits any more.
	refuse := status(401, "application/json", `{"code":"token_expired"}`)
	a.answers("/api", refuse)
	calls := a.calls.Load()
	aborted("between refresh and retry", `auth.addEventListener("refreshed", () => stop.abort(), {once: true}); return auth.fetch("/api", {signal: stop.signal})`)
	if n := a.calls.Load() - calls; n != 1 {
		t.Errorf("%d calls, want one", n)
	}
	a.answers("/auth/v1/logout", status(503, "text/plain", ""))
	aborted("while it pauses", `setTimeout(() => stop.abort(), 100); return auth.signOut({signal: stop.signal})`)
	if got := browser.Eval[string](tab, `window.unhandled ?? ""`); got != "" {
		t.Errorf("nobody caught %s", got)
	}
}

// Whoever stops listening may still use it.
func TestClose(t *testing.T) {
	a := serve(t, httpauth.TwoCookies{}, 5*time.Minute)
	tab := a.page(t, browser.New(t), `{}`)
	signIn(t, tab)
	if !browser.Eval[bool](tab, `auth.close(), auth.close(), auth.refresh().then(() => auth.signOut()).then(() => !auth.signedIn)`) {
		t.Error("signed out, and signed in")
	}
}

// A cookie with claims that the program has given another name.
func TestNamedCookie(t *testing.T) {
	a := serve(t, httpauth.TwoCookies{Cookies: httpauth.Cookies{Payload: "who"}}, 5*time.Minute)
	tab := a.page(t, browser.New(t), `{payload: "who"}`)
	signIn(t, tab)
	if got := browser.Eval[string](tab, `auth.claims.sub`); got != a.user.ID {
		t.Errorf("the page reads the subject %q", got)
	}
}

// Two servers under two prefixes have two locks, and two sessions.
func TestTwoBases(t *testing.T) {
	a := serve(t, httpauth.Bearer{}, 5*time.Minute)
	tab := a.page(t, browser.New(t), `{mode: "bearer", storage: localStorage}`)
	signIn(t, tab)
	if browser.Eval[bool](tab, `(window.second = new Client({base: "/other/v1", mode: "bearer", storage: localStorage})).signedIn`) {
		t.Error("the second client takes the first one's session for its own")
	}
	browser.Eval[bool](tab, `auth.signOut().then(() => true)`)
	if got := browser.Eval[string](tab, `second.refresh().catch(e => e.code)`); got != "unauthenticated" {
		t.Error("the second client has tokens")
	}
}
