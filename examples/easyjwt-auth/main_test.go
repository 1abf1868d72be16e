package main_test

import (
	"path/filepath"
	"testing"

	"github.com/watchword-auth/watchword/examples/internal/run"
)

// TestWalkthrough goes through the document twice: against the example, and
// against the server with auth.toml.
func TestWalkthrough(t *testing.T) {
	watchword := run.Watchword(t)
	here := filepath.Join(run.Root(t), "examples", "easyjwt-auth")
	walk := func(t *testing.T, p *run.Program) {
		run.Bash(t, p.Dir, []string{"URL=" + p.URL, "W=" + watchword, "DB=sqlite:auth.db"}, filepath.Join(here, "walkthrough.sh"))
	}
	t.Run("example", func(t *testing.T) {
		t.Parallel()
		walk(t, run.Example(t, "easyjwt-auth", "127.0.0.1:8000", t.TempDir()))
	})
	t.Run("serve", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		run.Bash(t, dir, []string{"W=" + watchword, "DB=sqlite:auth.db"}, "-c", `set -e
			DJANGO_SUPERUSER_EMAIL=admin@test.com DJANGO_SUPERUSER_USERNAME=admin DJANGO_SUPERUSER_PASSWORD=admin-pass \
				"$W" user add --superuser --noinput --db "$DB"
			add() { printf %s "$2" | "$W" user add "$1" --password-stdin --db "$DB" "${@:3}"; }
			add staff staff-pass --email staff@test.com --staff; add user user-pass --email user@test.com`)
		addr := run.Addr(t)
		walk(t, run.Command(t, addr, dir, watchword, "serve", "--config", filepath.Join(here, "auth.toml"), "--addr", addr))
	})
}
