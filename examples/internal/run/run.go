// Package run builds programs and starts them on free loopback ports, for the
// tests of the examples.
package run

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// Program is a program that was started. It ends with the test.
type Program struct {
	URL string // http://HOST:PORT, or https
	// Dir is where it runs, and so where its files are.
	Dir    string
	out    lockedBuffer
	client *http.Client
}

// client returns one that takes the certificates that programs on loopback
// make for themselves.
func client() *http.Client {
	return &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true,
	}}
}

// Root returns the root of the repository.
func Root(t testing.TB) string {
	t.Helper()
	_, file, _, ok := runtime.Caller(0)
	if !ok {
		t.Fatal("where am I?")
	}
	return filepath.Join(filepath.Dir(file), "..", "..", "..")
}

// Addr returns a loopback address that was free a moment ago.
func Addr(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// Watchword builds the command and returns its path.
func Watchword(t testing.TB) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "watchword")
	build(t, bin, "./cmd/watchword")
	return bin
}

// Example starts the example of that name in dir. Examples listen where
// their documents say; here the address in main.go is replaced by a free one.
// addr may begin with https://.
func Example(t testing.TB, name, addr, dir string, args ...string) *Program {
	t.Helper()
	file := filepath.Join(Root(t), "examples", name, "main.go")
	source, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	scheme, addr := split(addr)
	if !bytes.Contains(source, []byte(addr)) {
		t.Fatalf("%s does not say %s", file, addr)
	}
	free := Addr(t)
	temp := t.TempDir()
	moved := filepath.Join(temp, "main.go")
	if err := os.WriteFile(moved, bytes.ReplaceAll(source, []byte(addr), []byte(free)), 0o600); err != nil {
		t.Fatal(err)
	}
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {file: moved}})
	if err != nil {
		t.Fatal(err)
	}
	list := filepath.Join(temp, "overlay.json")
	if err := os.WriteFile(list, overlay, 0o600); err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(temp, "example")
	build(t, bin, "-overlay", list, "./examples/"+name)
	p := &Program{URL: scheme + free, Dir: dir, client: client()}
	p.start(t, bin, args...)
	return p
}

// split returns the scheme before an address, with its slashes, and the rest.
func split(addr string) (scheme, rest string) {
	if rest, ok := strings.CutPrefix(addr, "https://"); ok {
		return "https://", rest
	}
	return "http://", addr
}

// Command starts another program with its arguments, which must listen on
// addr, which may begin with https://.
func Command(t testing.TB, addr, dir, bin string, args ...string) *Program {
	t.Helper()
	scheme, addr := split(addr)
	p := &Program{URL: scheme + addr, Dir: dir, client: client()}
	p.start(t, bin, args...)
	return p
}

// Output returns what the program has printed so far.
func (p *Program) Output() string { return p.out.String() }

// Printed waits until the program has printed what fits, and returns the match
// and its groups. What it writes arrives here a little later than what it
// answers.
func (p *Program) Printed(t testing.TB, fits *regexp.Regexp) []string {
	t.Helper()
	for {
		if match := fits.FindStringSubmatch(p.Output()); match != nil {
			return match
		}
		select {
		case <-t.Context().Done():
			t.Fatalf("nothing that fits %s was printed", fits)
		case <-time.After(10 * time.Millisecond): // a buffer tells nobody that it grows
		}
	}
}

// lockedBuffer is written by a program while a test reads it.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func build(t testing.TB, bin string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"build", "-o", bin}, args...)...)
	cmd.Dir = Root(t)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// start starts the program and returns once it answers.
func (p *Program) start(t testing.TB, bin string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(context.Background(), bin, args...) // ended below, in order
	cmd.Dir, cmd.Stdout, cmd.Stderr = p.Dir, &p.out, &p.out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		<-ended
		if t.Failed() {
			t.Logf("%s:\n%s", filepath.Base(bin), p.Output())
		}
	})
	for {
		// What is answered does not matter: it is, so it serves.
		resp, err := p.client.Get(p.URL)
		if err == nil {
			resp.Body.Close()
			return
		}
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("%s ended: %v", filepath.Base(bin), err)
		case <-t.Context().Done():
			t.Fatal(t.Context().Err())
		case <-time.After(10 * time.Millisecond): // until it listens there is nothing to wait on
		}
	}
}

// Bash runs bash with its arguments and further variables in its
// environment, returns what it printed, and fails the test where it fails.
// It skips where a command that the scripts need is missing.
func Bash(t testing.TB, dir string, env []string, args ...string) string {
	t.Helper()
	for _, need := range []string{"bash", "curl", "openssl"} {
		if _, err := exec.LookPath(need); err != nil {
			t.Skipf("%s is missing", need)
		}
	}
	cmd := exec.CommandContext(t.Context(), "bash", args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return string(out)
}

// Do sends a request and returns status and body. header is pairs of name
// and value.
func (p *Program) Do(t testing.TB, method, path, body string, header ...string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, p.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if len(header)%2 != 0 {
		t.Fatal(errors.New("header is no list of pairs"))
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := p.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// SignIn returns the tokens of a sign-in at the native route.
func (p *Program) SignIn(t testing.TB, login, password string) (access, refresh string) {
	t.Helper()
	body, err := json.Marshal(map[string]string{"login": login, "password": password})
	if err != nil {
		t.Fatal(err)
	}
	status, answer := p.Do(t, "POST", "/auth/v1/token", string(body), "Content-Type", "application/json")
	if status != http.StatusOK {
		t.Fatalf("sign-in of %s = %d %s", login, status, answer)
	}
	var tokens struct {
		Access  string `json:"access_token"`
		Refresh string `json:"refresh_token"`
	}
	if err := json.Unmarshal([]byte(answer), &tokens); err != nil {
		t.Fatal(err)
	}
	return tokens.Access, tokens.Refresh
}
