// Package browser drives a real headless Chromium for tests. Each [Browser]
// has a profile of its own and ends with its test.
package browser

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// patience bounds what a test waits for in a page. It is no measure of speed:
// a test that comes near it has failed.
const patience = 60 * time.Second

// Host is a name that the browser finds on loopback, a site of its own beside
// localhost and 127.0.0.1.
const Host = "other.test"

// Browser is a Chromium with a new profile.
type Browser struct {
	ctx context.Context
}

// New starts one. A test is skipped where there is no Chromium. Certificates
// are not checked: servers under test make their own. Of all hosts it knows
// loopback and [Host] alone.
func New(t testing.TB, options ...chromedp.ExecAllocatorOption) *Browser {
	t.Helper()
	path, err := find()
	if err != nil {
		t.Skip(err)
	}
	options = append([]chromedp.ExecAllocatorOption{
		chromedp.ExecPath(path),
		chromedp.Headless,
		chromedp.NoSandbox, // as root there is none
		chromedp.DisableGPU,
		chromedp.NoFirstRun,
		chromedp.NoDefaultBrowserCheck,
		chromedp.UserDataDir(t.TempDir()),
		chromedp.WindowSize(1280, 800),
		// Elsewhere than in /dev/shm, which is small in containers.
		chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true),
		chromedp.Flag("disable-features", "Translate,OptimizationHints,MediaRouter,PasswordLeakDetection"),
		chromedp.Flag("password-store", "basic"),
		chromedp.Flag("host-resolver-rules", "MAP "+Host+" 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1"),
		chromedp.IgnoreCertErrors,
	}, options...)
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel)
	ctx, stop := chromedp.NewContext(ctx)
	t.Cleanup(func() {
		if err := chromedp.Cancel(ctx); err != nil {
			t.Logf("end Chromium: %v", err)
		}
		stop()
	})
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start %s: %v", path, err)
	}
	return &Browser{ctx: ctx}
}

// Profile returns the browser with a profile of its own beside those that it
// has, which ends with the test: cookies and storage of nobody else. It takes
// far less time than another Chromium.
func (b *Browser) Profile(t testing.TB) *Browser {
	t.Helper()
	ctx, cancel := chromedp.NewContext(b.ctx, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("open another profile: %v", err)
	}
	return &Browser{ctx: ctx}
}

// find returns the path of Chromium, or an error that names what is missing.
func find() (string, error) {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("there is no Chromium on this machine")
}

// Tab is a page of a browser. Its methods end the test where they fail.
type Tab struct {
	ctx context.Context
	t   testing.TB

	mu       sync.Mutex
	requests []Request
}

// Request is what a page has sent.
type Request struct {
	Method, URL string
	Header      map[string]string // as the page set it; cookies are not among them
	Body        string
}

// Tab opens an empty one. All tabs of a browser share its cookies.
func (b *Browser) Tab(t testing.TB) *Tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(b.ctx)
	t.Cleanup(cancel)
	p := &Tab{ctx: ctx, t: t}
	p.do(ctx) // makes it: what is listened to from here on is its own
	err := chromedp.Listen(ctx, func(event any) {
		if sent, ok := event.(*network.EventRequestWillBeSent); ok {
			p.note(sent)
		}
	})
	if err != nil {
		t.Fatalf("listen to the browser: %v", err)
	}
	return p
}

func (p *Tab) note(sent *network.EventRequestWillBeSent) {
	r := Request{Method: sent.Request.Method, URL: sent.Request.URL, Header: make(map[string]string)}
	for name, value := range sent.Request.Headers {
		r.Header[name] = fmt.Sprint(value)
	}
	for _, part := range sent.Request.PostDataEntries {
		r.Body += string(part.Bytes)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.requests = append(p.requests, r)
}

func (p *Tab) do(ctx context.Context, steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	if err := chromedp.Do(ctx, steps...); err != nil {
		p.t.Fatalf("in the browser: %v", err)
	}
}

// Do does what chromedp's actions say.
func (p *Tab) Do(steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	p.do(ctx, steps...)
}

// Run does what one of chromedp's actions says and returns its value.
func Run[T any](p *Tab, action chromedp.Action[T]) T {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	value, err := chromedp.Run(ctx, action)
	if err != nil {
		p.t.Fatalf("in the browser: %v", err)
	}
	return value
}

// Open goes to a page and waits until it is loaded.
func (p *Tab) Open(url string) {
	p.t.Helper()
	p.Do(chromedp.Navigate(url))
}

// Fill types a text into the field that the CSS selector names, in place of
// what stood there.
func (p *Tab) Fill(selector, text string) {
	p.t.Helper()
	field := chromedp.CSS(selector)
	p.Do(chromedp.WaitVisible(field), chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`document.querySelector(%q).value = ""`, selector)),
		chromedp.SendKeys(field, text))
}

// Close closes the tab, as a person does.
func (p *Tab) Close() {
	p.t.Helper()
	if err := chromedp.Cancel(p.ctx); err != nil {
		p.t.Fatalf("in the browser: close the tab: %v", err)
	}
}

// Click clicks on what the CSS selector names, once it is to be seen.
func (p *Tab) Click(selector string) {
	p.t.Helper()
	p.Do(chromedp.Click(chromedp.CSS(selector), chromedp.NodeVisible))
}

// Follow is Click for what leads to another page, and waits until that is
// loaded.
func (p *Tab) Follow(selector string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	if _, err := chromedp.RunResponse(ctx, chromedp.Click(chromedp.CSS(selector), chromedp.NodeVisible)); err != nil {
		p.t.Fatalf("in the browser: follow %s: %v", selector, err)
	}
}

// Text returns the text of what the CSS selector names, once it is there.
func (p *Tab) Text(selector string) string {
	p.t.Helper()
	return Run(p, chromedp.Text(chromedp.CSS(selector)))
}

// Eval runs a script in the page and returns its value, or that of its
// promise.
func Eval[T any](p *Tab, script string) T {
	p.t.Helper()
	return Run(p, chromedp.Evaluate[T](script, chromedp.EvalAwaitPromise))
}

// Wait waits until the script's value is true, also where the page goes to
// another one meanwhile.
func (p *Tab) Wait(script string) {
	p.t.Helper()
	for until := time.Now().Add(patience); ; {
		ctx, cancel := context.WithTimeout(p.ctx, patience)
		_, err := chromedp.Run(ctx, chromedp.Poll[bool](script, chromedp.WithPollingTimeout(patience)))
		cancel()
		switch {
		case err == nil:
			return
		case !leaving(err) || time.Now().After(until):
			p.t.Fatalf("in the browser: wait for %s: %v", script, err)
		}
	}
}

// leaving reports that the page a script ran in is gone.
func leaving(err error) bool {
	for _, said := range []string{"Cannot find context", "context was destroyed", "navigated or closed"} {
		if strings.Contains(err.Error(), said) {
			return true
		}
	}
	return false
}

// Requests returns what the tab has sent so far.
func (p *Tab) Requests() []Request {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]Request(nil), p.requests...)
}

// Cookies returns the cookies that the browser would send to the URL.
func (p *Tab) Cookies(url string) []*network.Cookie {
	p.t.Helper()
	got, err := chromedp.Call(p.ctx, network.GetCookies, network.GetCookiesParams{URLs: []string{url}})
	if err != nil {
		p.t.Fatalf("read cookies: %v", err)
	}
	return got.Cookies
}

// Screenshot writes the page, as far as the window shows it, as a PNG.
func (p *Tab) Screenshot(file string) {
	p.t.Helper()
	png := Run(p, chromedp.CaptureScreenshot())
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(file, png, 0o644); err != nil {
		p.t.Fatal(err)
	}
}

// Context is the tab's, for what has no method here.
func (p *Tab) Context() context.Context { return p.ctx }
