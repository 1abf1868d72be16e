package main

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// process starts a server of its own and returns it with its address and
// what is left of its standard error.
func process(t *testing.T, args ...string) (c *exec.Cmd, url string, stderr io.ReadCloser) {
	t.Helper()
	program, err := exec.LookPath("watchword")
	if err != nil {
		t.Fatal(err)
	}
	c = exec.Command(program, append([]string{"serve", "--addr", "127.0.0.1:0"}, args...)...)
	c.Dir = t.TempDir()
	c.Env = append(os.Environ(), cheapName+"="+cheapHash, raceName+"="+raceAtOnce)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	c.Stderr = w
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Process.Kill() }) // it has ended, if all went well
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		if url, ok := strings.CutPrefix(lines.Text(), "listening on "); ok {
			return c, url, r
		}
	}
	t.Fatal("the server does not listen")
	return nil, "", nil
}

func get(t *testing.T, url string) int {
	t.Helper()
	answer, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	if err := answer.Body.Close(); err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode
}

func TestSignals(t *testing.T) {
	for _, signal := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		t.Run(signal.String(), func(t *testing.T) {
			c, url, stderr := process(t)
			defer stderr.Close()
			if got := get(t, url+"/readyz"); got != http.StatusOK {
				t.Errorf("readyz = %d", got)
			}
			if err := c.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			if err := c.Wait(); err != nil {
				t.Errorf("the server ended with %v, want exit code 0", err)
			}
		})
	}
}

// timeout(1) sends SIGTERM to its child and then to the group of both.
func TestSecondSIGTERM(t *testing.T) {
	c, url, stderr := process(t)
	defer stderr.Close()
	// A request under way keeps the server from ending between the two.
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "POST /auth/v1/logout HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	answers := bufio.NewReader(conn)
	if line, err := answers.ReadString('\n'); err != nil || !strings.Contains(line, " 100 ") {
		t.Fatalf("answer %q, %v, want 100", line, err)
	}
	for range 1000 { // as long as it takes until the first has been heard
		if err := c.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := io.WriteString(conn, "{}"); err != nil {
		t.Fatal(err)
	}
	if _, err := answers.ReadString('\n'); err != nil { // the end of the 100
		t.Fatal(err)
	}
	answer, err := http.ReadResponse(answers, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := answer.Body.Close(); err != nil || answer.StatusCode != http.StatusOK {
		t.Errorf("the request under way is answered %d, %v, want 200", answer.StatusCode, err)
	}
	if err := c.Wait(); err != nil {
		t.Errorf("the server ended with %v, want exit code 0", err)
	}
}

// Whoever starts a server may read its first lines and no more.
func TestLogThatNobodyReads(t *testing.T) {
	const requests = 1500 // more lines than a pipe holds
	for _, test := range []struct {
		name string
		end  func(stderr io.ReadCloser) error
	}{
		{"the pipe is closed", func(r io.ReadCloser) error { return r.Close() }},
		{"the pipe is full", func(io.ReadCloser) error { return nil }},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, url, stderr := process(t, "--db", "sqlite::memory:")
			defer stderr.Close()
			if err := test.end(stderr); err != nil {
				t.Fatal(err)
			}
			for range requests {
				if got := get(t, url+"/healthz"); got != http.StatusOK {
					t.Fatalf("healthz = %d", got)
				}
			}
			if err := c.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			if err := c.Wait(); err != nil {
				t.Errorf("the server ended with %v, want exit code 0", err)
			}
		})
	}
}
