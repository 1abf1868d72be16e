// Package pgtest starts a PostgreSQL server of a test's own: on a free port
// of the loopback address, with its data in a directory that goes with it. It
// is imported by tests alone.
package pgtest

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// User is the superuser of the server that [Start] starts.
const User = "watchword"

// readyWithin bounds the wait for a server that starts but never answers. It
// is no measure of speed: a loaded machine must fit in it.
const readyWithin = 2 * time.Minute

// Start starts a server and returns the data source name of its database
// "postgres", as the user [User], whose password stands in it. Further
// databases are made with CREATE DATABASE and named by [Database]. The server
// ends with the test, and on Linux with the test's process, however that
// ends. Where PostgreSQL is not installed the test is skipped.
//
// The server does not wait for the disk: nothing outlives the test.
func Start(tb testing.TB) (dsn string) {
	tb.Helper()
	initdb, postgres := program(tb, "initdb"), program(tb, "postgres")
	// Not tb.TempDir: that lies below a directory that only its owner enters,
	// and the server may run as somebody else.
	dir, err := os.MkdirTemp("", "pgtest-")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = os.RemoveAll(dir) })
	as := account(tb, dir)

	password := rand.Text()
	secret := filepath.Join(dir, "password")
	if err := os.WriteFile(secret, []byte(password), 0o600); err != nil {
		tb.Fatal(err)
	}
	data := filepath.Join(dir, "data")
	make := exec.CommandContext(tb.Context(), initdb, "--pgdata="+data, "--username="+User, "--pwfile="+secret, //nolint:gosec // G204: the program was found by name
		"--auth=scram-sha-256", "--encoding=UTF8", "--no-locale", "--no-sync")
	make.Dir, make.SysProcAttr = dir, as
	if err := chown(secret, as); err != nil {
		tb.Fatal(err)
	}
	if out, err := make.CombinedOutput(); err != nil {
		tb.Fatalf("initdb: %v\n%s", err, out)
	}
	// Somebody else may take the free port before the server does.
	var faults []error
	for range 3 {
		port, err := serve(tb, postgres, data, as)
		if err == nil {
			return (&url.URL{
				Scheme: "postgres", User: url.UserPassword(User, password),
				Host: net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), Path: "/postgres", RawQuery: "sslmode=disable",
			}).String()
		}
		faults = append(faults, err)
	}
	tb.Fatal(errors.Join(faults...))
	return ""
}

// Database returns the data source name of another database of the server.
func Database(dsn, name string) string {
	u, err := url.Parse(dsn)
	if err != nil {
		panic("pgtest: " + err.Error()) // not one of Start's
	}
	u.Path = "/" + name
	return u.String()
}

// program finds one of PostgreSQL's programs: Debian keeps those of the
// server out of PATH, by version.
func program(tb testing.TB, name string) string {
	tb.Helper()
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name) // the pattern is good
	best, newest := "", -1
	for _, path := range found {
		version, err := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path))))
		if err == nil && version > newest {
			best, newest = path, version
		}
	}
	if best == "" {
		tb.Skipf("%s is missing: PostgreSQL's server is not installed", name)
	}
	return best
}

// serve starts the server and waits until it answers.
func serve(tb testing.TB, postgres, data string, as *syscall.SysProcAttr) (port int, err error) {
	if port, err = freePort(tb.Context()); err != nil {
		return 0, err
	}
	log := &bytes.Buffer{}                                                                    // read once the process has ended
	server := exec.Command(postgres, "-D", data, "-h", "127.0.0.1", "-p", strconv.Itoa(port), //nolint:gosec,noctx // G204: found by name; Cleanup ends it, in order
		"-c", "unix_socket_directories=", "-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off",
		"-c", "shared_buffers=32MB", "-c", "max_connections=40")
	server.Dir, server.SysProcAttr, server.Stdout, server.Stderr = filepath.Dir(data), as, log, log
	if err := server.Start(); err != nil {
		return 0, err
	}
	var fault error // to be read once ended is closed
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		fault = server.Wait()
	}()
	stop := func() {
		_ = server.Process.Signal(os.Interrupt) // "fast": connections are cut
		<-ended
	}
	deadline := time.Now().Add(readyWithin)
	for {
		select {
		case <-ended:
			return 0, fmt.Errorf("postgres ended: %w\n%s", fault, log)
		case <-time.After(20 * time.Millisecond): // until the next try
		}
		if ready(data) {
			tb.Cleanup(stop)
			return port, nil
		}
		if time.Now().After(deadline) {
			stop()
			return 0, fmt.Errorf("postgres is not ready after %v\n%s", readyWithin, log)
		}
	}
}

// ready reads the last line of postmaster.pid, where the server writes how
// far it is (PostgreSQL 10 and later).
func ready(data string) bool {
	text, err := os.ReadFile(filepath.Join(data, "postmaster.pid"))
	if err != nil {
		return false
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.TrimSpace(lines[len(lines)-1]) == "ready"
}

func freePort(ctx context.Context) (int, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	port := l.Addr().(*net.TCPAddr).Port
	return port, l.Close()
}
