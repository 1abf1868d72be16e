package browser

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// Main runs a package's tests, and removes what [Build] has built for them. A
// TestMain calls it.
func Main(m *testing.M) int {
	code := m.Run()
	if dir, err := built(); err == nil {
		_ = os.RemoveAll(dir) // what is left there is in nobody's way
	}
	return code
}

// built is where programs are built.
var built = sync.OnceValues(func() (string, error) { return os.MkdirTemp("", "watchword-e2e-") })

// Program builds the command watchword, once for a test binary, and returns
// its path.
func Program(t testing.TB) string {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

var program = sync.OnceValues(func() (string, error) { return Build("cmd/watchword") })

// Build builds a command of this project and returns its path.
func Build(command string) (string, error) {
	dir, err := built()
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, filepath.Base(command))
	build := exec.Command("go", "build", "-o", path, "github.com/watchword-auth/watchword/"+command)
	build.Stderr = os.Stderr
	return path, build.Run()
}

// Server is a running `watchword serve`.
type Server struct {
	URL string
	Dir string // where it runs, and its database is
	t   testing.TB
	cmd *exec.Cmd
}

// Serve starts `watchword serve` with further arguments in a directory, and
// returns once it listens. It ends with the test.
func Serve(t testing.TB, dir string, args ...string) *Server {
	t.Helper()
	s := &Server{Dir: dir, t: t, cmd: exec.Command(Program(t), append([]string{"serve"}, args...)...)}
	s.cmd.Dir = dir
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	s.cmd.Stderr = w
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	var said []string
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		if url, ok := strings.CutPrefix(lines.Text(), "listening on "); ok {
			s.URL = url
			go func() {
				for lines.Scan() { // a full pipe would hold nobody up, but keep it empty
				}
				_ = r.Close()
			}()
			return s
		}
		said = append(said, lines.Text())
	}
	t.Fatalf("watchword serve %q does not listen:\n%s", args, strings.Join(said, "\n"))
	return nil
}

// Stop ends the server in order; a second time it does nothing.
func (s *Server) Stop() {
	if s.cmd.ProcessState != nil {
		return
	}
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		s.t.Errorf("stop the server: %v", err)
	}
	if err := s.cmd.Wait(); err != nil {
		s.t.Errorf("the server ended with %v", err)
	}
}

// Command runs `watchword` with arguments in a directory, its standard input
// being the text, and returns its standard output.
func Command(t testing.TB, dir, stdin string, args ...string) string {
	t.Helper()
	c := exec.Command(Program(t), args...)
	c.Dir, c.Stdin = dir, strings.NewReader(stdin)
	var stderr strings.Builder
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil {
		t.Fatalf("watchword %q: %v\n%s", args, err, &stderr)
	}
	return string(out)
}
