package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// adminPassword is that of the user whom the server under test is made with.
const adminPassword = "the-bench-signs-in-9"

// A running server is a process of its own.
type running struct {
	addr string
	cmd  *exec.Cmd
	done chan error
}

// buildServer compiles the server as it is released into dir.
func buildServer(ctx context.Context, dir string) (string, error) {
	path := filepath.Join(dir, "watchword")
	//nolint:gosec // G204: a path of our own making
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", path,
		"github.com/watchword-auth/watchword/cmd/watchword")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the server: %w: %s", err, out)
	}
	return path, nil
}

// serve starts the server on a new database in dir. All settings are the
// defaults but the limits on sign-ins, which are off.
func serve(ctx context.Context, path, dir string) (*running, error) {
	file := filepath.Join(dir, "password")
	if err := os.WriteFile(file, []byte(adminPassword), 0o600); err != nil {
		return nil, err
	}
	//nolint:gosec // G204: the server just built
	cmd := exec.CommandContext(ctx, path, "serve", "--addr", "127.0.0.1:0", "--db", "sqlite:"+filepath.Join(dir, "watchword.db"))
	cmd.Env = append(os.Environ(), "WATCHWORD_ADMIN_PASSWORD_FILE="+file, "WATCHWORD_LIMITS_ENABLED=false")
	return start(cmd)
}

// serveLimit starts this program as the limit's server.
func serveLimit(ctx context.Context) (*running, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return start(exec.CommandContext(ctx, self, "-serve-limit")) //nolint:gosec // G204: this very program
}

// start runs a server and waits until it says where it listens.
func start(cmd *exec.Cmd) (*running, error) {
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	r := &running{cmd: cmd, done: make(chan error, 1)}
	in := bufio.NewReader(stderr)
	var said strings.Builder
	for r.addr == "" {
		line, err := in.ReadString('\n')
		said.WriteString(line)
		if _, addr, ok := strings.Cut(strings.TrimSpace(line), "listening on http://"); ok {
			r.addr = addr
		} else if err != nil {
			return nil, errors.Join(fmt.Errorf("the server ended: %s", said.String()), cmd.Wait())
		}
	}
	go func() {
		_, err := io.Copy(io.Discard, in) // its log
		r.done <- errors.Join(err, cmd.Wait())
	}()
	return r, nil
}

// stop ends the server in order.
func (r *running) stop() error {
	if err := r.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return <-r.done
}
