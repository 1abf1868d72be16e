package client_test

import (
	"bufio"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/watchword-auth/watchword/client"
	"github.com/watchword-auth/watchword/e2e/browser"
)

// A page on another port of the host, and the built server: what a front-end
// of its own has.
func TestFrontEndOfABuiltServer(t *testing.T) {
	shared := browser.New(t)
	for name, options := range map[string]string{"json": `mode: "bearer"`, "one-cookie": ``, "two-cookies": ``} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pages := http.NewServeMux()
			pages.Handle("GET /watchword.js", client.Handler())
			pages.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "text/html")
				_, _ = io.WriteString(w, `<!doctype html><script type="module">window.Client = (await import("/watchword.js")).Client</script>`)
			})
			front := httptest.NewTLSServer(pages)
			defer front.Close()
			page := strings.Replace(front.URL, "127.0.0.1", "localhost", 1)

			dir := t.TempDir()
			browser.Command(t, dir, secret, "user", "add", "ann", "--password-stdin", "--first-name", "Ann")
			config := filepath.Join(dir, "w.toml")
			if err := os.WriteFile(config, []byte(`transport = "`+name+`"`+"\n[http]\norigins = [\""+page+"\"]\n[lifetimes]\naccess = \"2s\"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			server := browser.Serve(t, dir, "--addr", "localhost:0", "--tls-self-signed", "--config", config)
			base := strings.Replace(server.URL, "127.0.0.1", "localhost", 1)

			tab := shared.Profile(t).Tab(t)
			tab.Open(page + "/")
			tab.Wait(`typeof Client === "function"`)
			browser.Eval[bool](tab, `(window.auth = new Client({base: "`+base+`/auth/v1", `+options+`}), true)`)
			me := func() string {
				return browser.Eval[string](tab, `auth.fetch("`+base+`/auth/v1/me").then(r => r.json()).then(j => j.first_name ?? j.code)`)
			}
			if got := me(); got != "unauthenticated" {
				t.Errorf("a stranger is %q", got)
			}
			browser.Eval[bool](tab, `auth.signIn("ann", "`+secret+`").then(() => true)`)
			if got := me(); got != "Ann" {
				t.Errorf("signed in as %q", got)
			}
			if name != "json" {
				hidden(t, tab, base, name)
			}
			browser.Eval[bool](tab, `new Promise(done => setTimeout(done, 2500, true))`)
			if got := me(); got != "Ann" {
				t.Errorf("after the token's end she is %q", got)
			}
			browser.Eval[bool](tab, `auth.signOut({everywhere: true}).then(() => true)`)
			if got := me(); got != "unauthenticated" {
				t.Errorf("signed out she is %q", got)
			}
			if list := browser.Command(t, dir, "", "session", "list", "--json"); strings.TrimSpace(list) != "[]" {
				t.Errorf("sessions are left: %s", list)
			}
		})
	}
}

// The example's page, by its buttons.
func TestExamplePage(t *testing.T) {
	shared := browser.New(t)
	for _, transport := range []string{"json", "one-cookie", "two-cookies"} {
		t.Run(transport, func(t *testing.T) {
			t.Parallel()
			address := startExample(t, "-addr", "localhost:0", "-transport", transport, "-access", "2s")
			tab := shared.Profile(t).Tab(t)
			tab.Open(address + "/")
			tab.Wait(`"ready" in document.body.dataset`)
			tab.Fill("[name=login]", "ann")
			tab.Fill("[name=password]", "wrong")
			tab.Click("#signin button")
			tab.Wait(`document.getElementById("refused").textContent !== ""`)
			tab.Fill("[name=password]", secret)
			tab.Click("#signin button")
			tab.Wait(`document.getElementById("orders").value === "0"`)
			tab.Click("#order")
			tab.Wait(`document.getElementById("orders").value === "1"`)
			browser.Eval[bool](tab, `new Promise(done => setTimeout(done, 2500, true))`)
			tab.Click("#order")
			tab.Wait(`document.getElementById("orders").value === "2"`)
			if got := tab.Text("#log"); !strings.Contains(got, "refreshed") {
				t.Errorf("there was no refresh:\n%s", got)
			}
			if got, want := strings.Contains(tab.Text("#claims"), "ann") || strings.Contains(tab.Text("#claims"), address), transport != "one-cookie"; got != want {
				t.Errorf("claims are shown: %v, want %v", got, want)
			}
			if file := os.Getenv("SCREENSHOTS"); file != "" {
				tab.Screenshot(filepath.Join(file, "browser-"+transport+".png"))
			}
			tab.Click("#everywhere")
			tab.Wait(`!document.getElementById("signin").hidden`)
			for _, c := range tab.Cookies(address + "/auth/v1/") {
				if strings.Contains(c.Name, "ww_") {
					t.Errorf("cookie %s is left", c.Name)
				}
			}
			outside := slices.ContainsFunc(tab.Requests(), func(r browser.Request) bool {
				return !strings.HasPrefix(r.URL, address) && !strings.HasPrefix(r.URL, "data:")
			})
			if outside {
				t.Errorf("the page asked elsewhere: %+v", tab.Requests())
			}
		})
	}
}

// example builds examples/browser, once, and returns its path.
var example = sync.OnceValues(func() (string, error) { return browser.Build("examples/browser") })

// startExample runs examples/browser and returns its address.
func startExample(t *testing.T, args ...string) string {
	t.Helper()
	program, err := example()
	if err != nil {
		t.Fatalf("build the example: %v", err)
	}
	c := exec.Command(program, args...)
	c.Dir = t.TempDir()
	stderr, err := c.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Process.Signal(os.Interrupt)
		if err := c.Wait(); err != nil {
			t.Errorf("the example ended with %v", err)
		}
	})
	lines := bufio.NewScanner(stderr)
	for lines.Scan() {
		if _, address, ok := strings.Cut(lines.Text(), "listening on "); ok {
			return address
		}
	}
	t.Fatal("the example does not listen")
	return ""
}
