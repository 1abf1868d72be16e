package main_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/watchword-auth/watchword/examples/internal/run"
)

// TestGuardStrategy starts the example with the guide's second method.
func TestGuardStrategy(t *testing.T) {
	t.Parallel()
	p := run.Example(t, "ellar", "localhost:8000", t.TempDir(), "-strategy", "guard")
	if status, body := p.Do(t, "GET", "/auth/profile", ""); status != 401 || body != `{"detail":"Forbidden"}` {
		t.Errorf("GET /auth/profile = %d %s", status, body)
	}
}

// TestWalkthrough goes through the guide twice: against the example, and
// against the server with the dialect.
func TestWalkthrough(t *testing.T) {
	watchword := run.Watchword(t)
	walk := func(t *testing.T, p *run.Program) {
		run.Bash(t, p.Dir, []string{"URL=" + p.URL, "W=" + watchword, "DB=sqlite:el.db"},
			filepath.Join(run.Root(t), "examples", "ellar", "walkthrough.sh"))
	}
	t.Run("example", func(t *testing.T) {
		t.Parallel()
		walk(t, run.Example(t, "ellar", "localhost:8000", t.TempDir()))
	})
	t.Run("serve", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		config := `
			db = "sqlite:el.db"
			[[dialect]]
			name = "ellar"
			sample_routes = true
			[dialect.settings]
			signing_secret_key_FILE = "signing.key"
			lifetime = "5m"`
		if err := os.WriteFile(filepath.Join(dir, "el.toml"), []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
		run.Bash(t, dir, []string{"W=" + watchword}, "-c", `set -e; umask 077; "$W" key secret > signing.key
			printf %s password | "$W" user add john --password-stdin --allow-weak --db sqlite:el.db`)
		addr := run.Addr(t)
		walk(t, run.Command(t, addr, dir, watchword, "serve", "--config", "el.toml", "--addr", addr))
	})
}
