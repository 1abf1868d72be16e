package main_test

import (
	"path/filepath"
	"testing"

	"github.com/watchword-auth/watchword/examples/internal/run"
)

// TestWalkthrough goes through the document twice: against the example, and
// against the server with es.toml.
func TestWalkthrough(t *testing.T) {
	watchword := run.Watchword(t)
	here := filepath.Join(run.Root(t), "examples", "esmerald-simple-jwt")
	walk := func(t *testing.T, p *run.Program) {
		run.Bash(t, p.Dir, []string{"URL=" + p.URL, "W=" + watchword, "DB=sqlite:es.db"}, filepath.Join(here, "walkthrough.sh"))
	}
	t.Run("example", func(t *testing.T) {
		t.Parallel()
		walk(t, run.Example(t, "esmerald-simple-jwt", "127.0.0.1:8000", t.TempDir()))
	})
	t.Run("serve", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		run.Bash(t, dir, []string{"W=" + watchword, "DB=sqlite:es.db"}, "-c", `set -e; umask 077; "$W" key secret > signing.key
			add() { printf %s "$2" | "$W" user add "$1" --password-stdin --db "$DB" "${@:3}"; }
			add ann ann-pass-77 --email ann@example.com; add ina ina-pass-77 --email ina@example.com --inactive`)
		addr := run.Addr(t)
		walk(t, run.Command(t, addr, dir, watchword, "serve", "--config", filepath.Join(here, "es.toml"), "--addr", addr))
	})
}
