package twoservices_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/watchword-auth/watchword/examples/internal/run"
)

// TestWalkthrough goes through the document twice: against the two programs,
// and against two servers with auth.toml and client.toml.
func TestWalkthrough(t *testing.T) {
	watchword := run.Watchword(t)
	here := filepath.Join(run.Root(t), "examples", "two-services")
	walk := func(t *testing.T, auth, client *run.Program, clientDB string) {
		run.Bash(t, auth.Dir, []string{"URL=" + client.URL, "AUTH=" + auth.URL, "W=" + watchword, "DB=sqlite:auth.db", "CLIENT_DB=" + clientDB},
			filepath.Join(here, "walkthrough.sh"))
	}
	t.Run("example", func(t *testing.T) {
		t.Parallel()
		auth := run.Example(t, "two-services/auth", "127.0.0.1:8000", t.TempDir())
		client := run.Example(t, "two-services/client", "127.0.0.1:8001", t.TempDir(), "-authority", auth.URL)
		walk(t, auth, client, "")
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
		auth := run.Command(t, addr, dir, watchword, "serve", "--config", filepath.Join(here, "auth.toml"), "--addr", addr)
		// Where the document says :8000, this one is elsewhere.
		text, err := os.ReadFile(filepath.Join(here, "client.toml"))
		if err != nil {
			t.Fatal(err)
		}
		moved := filepath.Join(dir, "client.toml")
		if err := os.WriteFile(moved, []byte(strings.ReplaceAll(string(text), "http://127.0.0.1:8000", auth.URL)), 0o600); err != nil {
			t.Fatal(err)
		}
		addr = run.Addr(t)
		client := run.Command(t, addr, dir, watchword, "serve", "--config", moved, "--addr", addr)
		walk(t, auth, client, "sqlite:client.db")
	})
}
