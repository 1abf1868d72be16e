package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain lets the test binary be the program itself when it is called so.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"watchword": main})
}

// TestScripts runs testdata/script: each file is a session at a shell.
// Beside testscript's own commands there are
//
//	serve ARGS…        starts a server on a free port, waits until it listens,
//	                   sets $URL and, at a first start, $PASSWORD
//	down               asks it to end and wants exit code 0; stop is testscript's
//	                   own, and ends the script
//	fails CODE ARGS…   runs watchword and wants that exit code
//	signin LOGIN PW    signs in and sets $ACCESS and $REFRESH
//	http STATUS METHOD PATH [JSON]
//	                   asks the server, with $ACCESS as bearer, and wants that
//	                   status, if need be a moment later
//	shows PATTERN PATH
//	                   waits until the answer to GET matches
//	basic STATUS ID SECRET
//	                   asks for a client's token
//	port               takes the server's port into $PORT
//	take NAME PATTERN  sets a variable from the last output
//	mode MODE FILE     wants that mode
//	site DB STATEMENTS makes the SQLite database of a Django site, or changes it
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"serve": scriptServe, "down": scriptStop, "fails": scriptFails, "signin": scriptSignIn,
			"http": scriptHTTP, "take": scriptTake, "mode": scriptMode, "basic": scriptBasic, "shows": scriptShows, "port": scriptPort,
			"site": scriptSite,
		},
		Setup: func(env *testscript.Env) error {
			env.Values[serverKey{}] = &scriptServer{}
			env.Setenv(cheapName, cheapHash)
			env.Setenv(raceName, raceAtOnce)
			return nil
		},
	})
}

// cheapHash keeps passwords from being most of what the tests do: under the
// race detector argon2id takes a second. serve_first_start unsets it.
const (
	cheapName = "WATCHWORD_PASSWORD_PREFERRED"
	cheapHash = "pbkdf2-sha256 1000"
)

// raceAtOnce keeps programs built with the race detector from sleeping for a
// second when they end.
const (
	raceName   = "GORACE"
	raceAtOnce = "atexit_sleep_ms=0"
)

type serverKey struct{}

// scriptServer is the server of a script.
type scriptServer struct {
	cmd    *exec.Cmd
	stderr *bytes.Buffer
	read   chan struct{} // closed when standard error has ended
}

func serverOf(ts *testscript.TestScript) *scriptServer {
	s, ok := ts.Value(serverKey{}).(*scriptServer)
	if !ok {
		ts.Fatalf("no server in this script")
	}
	return s
}

func scriptServe(ts *testscript.TestScript, _ bool, args []string) {
	s := serverOf(ts)
	if s.cmd != nil {
		ts.Fatalf("a server runs already")
	}
	program, err := exec.LookPath("watchword")
	ts.Check(err)
	c := exec.Command(program, append([]string{"serve", "--addr", "127.0.0.1:0"}, args...)...)
	c.Dir = ts.MkAbs(".")
	c.Env = scriptEnv(ts)
	pipe, err := c.StderrPipe()
	ts.Check(err)
	ts.Check(c.Start())
	s.cmd, s.stderr, s.read = c, &bytes.Buffer{}, make(chan struct{})
	ts.Defer(func() { _ = c.Process.Kill() })
	lines := bufio.NewScanner(pipe)
	listening := false
	for !listening && lines.Scan() {
		fmt.Fprintln(s.stderr, lines.Text())
		if url, ok := strings.CutPrefix(lines.Text(), "listening on "); ok {
			ts.Setenv("URL", url)
			listening = true
		}
		if _, password, ok := strings.Cut(lines.Text(), " password: "); ok {
			ts.Setenv("PASSWORD", password)
		}
	}
	if !listening {
		_ = c.Wait()
		ts.Fatalf("the server does not listen:\n%s", s.stderr)
	}
	go func() {
		defer close(s.read)
		for lines.Scan() {
			fmt.Fprintln(s.stderr, lines.Text())
		}
	}()
}

// scriptEnv is the script's environment.
func scriptEnv(ts *testscript.TestScript) []string {
	env := []string{"HOME=" + ts.Getenv("HOME"), "PATH=" + ts.Getenv("PATH")}
	for _, pair := range os.Environ() {
		name, _, _ := strings.Cut(pair, "=")
		if strings.HasPrefix(name, "GOCOVERDIR") {
			env = append(env, pair)
		}
	}
	for _, name := range []string{
		"WATCHWORD_ADMIN_PASSWORD", "WATCHWORD_ADMIN_PASSWORD_FILE", "DJANGO_SUPERUSER_USERNAME", "DJANGO_SUPERUSER_PASSWORD",
		"WATCHWORD_CONFIG", "WATCHWORD_DB", "WATCHWORD_LOG_LEVEL", cheapName, raceName,
	} {
		if v := ts.Getenv(name); v != "" {
			env = append(env, name+"="+v)
		}
	}
	return env
}

func scriptStop(ts *testscript.TestScript, _ bool, _ []string) {
	s := serverOf(ts)
	if s.cmd == nil {
		ts.Fatalf("no server runs")
	}
	ts.Check(s.cmd.Process.Signal(syscall.SIGTERM))
	<-s.read
	if err := s.cmd.Wait(); err != nil {
		ts.Fatalf("the server ended with %v:\n%s", err, s.stderr)
	}
	s.cmd = nil
	_, _ = io.Copy(ts.Stderr(), s.stderr)
}

func scriptFails(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec("watchword", args[1:]...)
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != want {
		ts.Fatalf("watchword %s: %v, want exit code %d", strings.Join(args[1:], " "), err, want)
	}
}

// request asks the server once.
func request(ts *testscript.TestScript, method, path, body string) (int, []byte) {
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	r, err := http.NewRequest(method, ts.Getenv("URL")+path, reader)
	ts.Check(err)
	r.Header.Set("Content-Type", "application/json")
	if token := ts.Getenv("ACCESS"); token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := http.DefaultClient.Do(r)
	ts.Check(err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	ts.Check(err)
	return answer.StatusCode, text
}

// notice bounds how long a server may take to see what a command did.
const notice = 5 * time.Second

func scriptHTTP(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	body := ""
	if len(args) > 3 {
		body = args[3]
	}
	for end := time.Now().Add(notice); ; {
		status, text := request(ts, args[1], args[2], body)
		if status == want {
			_, _ = ts.Stdout().Write(text)
			return
		}
		if time.Now().After(end) {
			ts.Fatalf("%s %s = %d %s, want %d", args[1], args[2], status, text, want)
		}
		time.Sleep(20 * time.Millisecond) // between two looks at another process
	}
}

func scriptShows(ts *testscript.TestScript, _ bool, args []string) {
	pattern, err := regexp.Compile(args[0])
	ts.Check(err)
	for end := time.Now().Add(notice); ; {
		_, text := request(ts, http.MethodGet, args[1], "")
		if pattern.Match(text) {
			return
		}
		if time.Now().After(end) {
			ts.Fatalf("%s shows %s, want %s", args[1], text, pattern)
		}
		time.Sleep(20 * time.Millisecond) // between two looks at another process
	}
}

func scriptSignIn(ts *testscript.TestScript, _ bool, args []string) {
	ts.Setenv("ACCESS", "")
	body, err := json.Marshal(map[string]string{"login": args[0], "password": args[1]})
	ts.Check(err)
	status, text := request(ts, http.MethodPost, "/auth/v1/token", string(body))
	var answer struct {
		Access  string `json:"access_token"`
		Refresh string `json:"refresh_token"`
	}
	if status != http.StatusOK || json.Unmarshal(text, &answer) != nil {
		ts.Fatalf("sign in = %d %s", status, text)
	}
	ts.Setenv("ACCESS", answer.Access)
	ts.Setenv("REFRESH", answer.Refresh)
}

// scriptTake sets a variable from the last output: take NAME PATTERN, where
// the pattern has one group.
func scriptTake(ts *testscript.TestScript, _ bool, args []string) {
	pattern, err := regexp.Compile(args[1])
	ts.Check(err)
	found := pattern.FindStringSubmatch(ts.ReadFile("stdout"))
	if len(found) != 2 {
		ts.Fatalf("%s is not in the output:\n%s", args[1], ts.ReadFile("stdout"))
	}
	ts.Setenv(args[0], found[1])
}

func scriptMode(ts *testscript.TestScript, _ bool, args []string) {
	info, err := os.Stat(ts.MkAbs(args[1]))
	ts.Check(err)
	if got := fmt.Sprintf("%04o", info.Mode().Perm()); got != args[0] {
		ts.Fatalf("%s has mode %s, want %s", args[1], got, args[0])
	}
}

func scriptPort(ts *testscript.TestScript, _ bool, _ []string) {
	u := ts.Getenv("URL")
	ts.Setenv("PORT", u[strings.LastIndexByte(u, ':')+1:])
}

func scriptBasic(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	r, err := http.NewRequest(http.MethodPost, ts.Getenv("URL")+"/auth/v1/token", strings.NewReader("grant_type=client_credentials"))
	ts.Check(err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(args[1], args[2])
	answer, err := http.DefaultClient.Do(r)
	ts.Check(err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	ts.Check(err)
	if answer.StatusCode != want {
		ts.Fatalf("client credentials = %d %s, want %d", answer.StatusCode, text, want)
	}
	_, _ = ts.Stdout().Write(text)
}
