package main_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/watchword-auth/watchword/examples/internal/run"
)

// TestWalkthrough goes through the document in each of the three modes,
// against the example and against the server with dj.toml, first with curl
// and then with Python.
func TestWalkthrough(t *testing.T) {
	watchword := run.Watchword(t)
	for _, mode := range []string{"JSON", "ONE-COOKIE", "TWO-COOKIES"} {
		t.Run("example "+mode, func(t *testing.T) {
			t.Parallel()
			p := run.Example(t, "djwto", "https://localhost:8001", t.TempDir(), "-mode", mode)
			walk(t, p, watchword)
			for _, name := range []string{
				"jwt_logged_in", "jwt_login_fail", "jwt_blacklisted", "jwt_token_validated", "jwt_access_refreshed", "jwt_refresh_updated",
			} {
				p.Printed(t, regexp.MustCompile("signal "+name+", sender "))
			}
		})
		t.Run("serve "+mode, func(t *testing.T) {
			t.Parallel()
			walk(t, serve(t, watchword, mode), watchword)
		})
	}
}

// walk runs both scripts. The second one finds what the first one found.
func walk(t *testing.T, p *run.Program, watchword string) {
	t.Helper()
	here := filepath.Join(run.Root(t), "examples", "djwto")
	env := []string{"URL=" + p.URL, "W=" + watchword, "DB=sqlite:dj.db"}
	run.Bash(t, p.Dir, env, filepath.Join(here, "walkthrough.sh"))
	t.Run("python", func(t *testing.T) {
		if err := exec.CommandContext(t.Context(), "python3", "--version").Run(); err != nil {
			t.Skip("does not apply: python3 is missing, and walkthrough.sh has gone the same way")
		}
		run.Bash(t, p.Dir, env, "-c", `python3 "$0"`, filepath.Join(here, "walkthrough.py"))
	})
}

// serve starts the server with dj.toml, in that mode.
func serve(t *testing.T, watchword, mode string) *run.Program {
	t.Helper()
	printed, err := os.ReadFile("dj.toml")
	if err != nil {
		t.Fatal(err)
	}
	const said = `DJWTO_MODE = "JSON"`
	if !strings.Contains(string(printed), said) {
		t.Fatalf("dj.toml does not say %s", said)
	}
	dir := t.TempDir()
	config := strings.Replace(string(printed), said, `DJWTO_MODE = "`+mode+`"`, 1)
	if err := os.WriteFile(filepath.Join(dir, "dj.toml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	run.Bash(t, dir, []string{"W=" + watchword}, "-c", `set -e; umask 077; "$W" key secret > signing.key
		printf %s pass | "$W" user add alice --password-stdin --allow-weak --email alice@djwto.com --db sqlite:dj.db`)
	addr := run.Addr(t)
	return run.Command(t, "https://"+addr, dir, "bash", "-c",
		`DJWTO_SIGNING_KEY=$(cat signing.key) exec "$0" serve --config dj.toml --tls-self-signed --addr "$1"`, watchword, addr)
}
