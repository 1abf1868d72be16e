package main_test

import (
	"crypto/pbkdf2"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	_ "modernc.org/sqlite"

	"github.com/watchword-auth/watchword/examples/internal/run"
)

// TestWalkthrough goes through the guide twice: against the example, and
// against the server with the dialect.
func TestWalkthrough(t *testing.T) {
	watchword := run.Watchword(t)
	walk := func(t *testing.T, p *run.Program, env ...string) {
		run.Bash(t, p.Dir, append(env, "URL="+p.URL, "W="+watchword, "DB=sqlite:oa.db"),
			filepath.Join(run.Root(t), "examples", "esmerald-oauth2", "walkthrough.sh"))
		checkHashes(t, p.Dir)
	}
	t.Run("example", func(t *testing.T) {
		t.Parallel()
		walk(t, run.Example(t, "esmerald-oauth2", "127.0.0.1:8000", t.TempDir()), "POSTS=true")
	})
	t.Run("serve", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		config := `
			db = "sqlite:oa.db"
			[[dialect]]
			name = "oauth2"
			sample_routes = true
			[dialect.settings]
			SECRET_KEY_FILE = "signing.key"
			ALGORITHM = "HS256"
			ACCESS_TOKEN_EXPIRE_MINUTES = 30`
		if err := os.WriteFile(filepath.Join(dir, "oa.toml"), []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
		run.Bash(t, dir, []string{"W=" + watchword}, "-c", `set -e; umask 077; "$W" key secret > signing.key
			printf %s '$2a$12$KplebFTPwFcgGQosJgI4De0PyB2AoRCSxasxHpFoYZPp6uQV/xLzm' |
				"$W" user add janedoe --password-hash-stdin --email janedoe@example.com --first-name Jane --last-name Doe --scope read:posts --db sqlite:oa.db`)
		addr := run.Addr(t)
		walk(t, run.Command(t, addr, dir, watchword, "serve", "--config", "oa.toml", "--addr", addr))
	})
}

// checkHashes looks at what the sign-ins of steps 17 and 18 left in the
// tables: hashes of another scheme than the preferred one are written anew,
// and Django reads those of a table that it shares.
func checkHashes(t *testing.T, dir string) {
	t.Helper()
	for login, prefix := range map[string]string{"janedoe": "$2a$12$Kpleb", "dora": "$2b$12$", "emil": "$2b$12$"} {
		if hash := hashOf(t, filepath.Join(dir, "mixed.db"), login); !strings.HasPrefix(hash, prefix) {
			t.Errorf("where bcrypt is preferred, %s's hash is %.12s…, want %s…", login, hash, prefix)
		}
	}
	for login, password := range map[string]string{"janedoe": "hashsecret", "dora": "dora-pass-77", "emil": "emil-pass-77"} {
		if hash := hashOf(t, filepath.Join(dir, "shared.db"), login); !djangoVerifies(t, hash, password) {
			t.Errorf("where Django's PBKDF2 is preferred, Django would not sign %s in: %.20s…", login, hash)
		}
	}
}

func hashOf(t *testing.T, file, login string) (hash string) {
	t.Helper()
	db, err := sql.Open("sqlite", file+"?_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.QueryRowContext(t.Context(), `SELECT password_hash FROM ww_users WHERE login = ?`, login).Scan(&hash); err != nil {
		t.Fatal(err)
	}
	return hash
}

// djangoVerifies is what Django's PBKDF2PasswordHasher does.
func djangoVerifies(t *testing.T, hash, password string) bool {
	t.Helper()
	parts := strings.Split(hash, "$")
	if len(parts) != 4 || parts[0] != "pbkdf2_sha256" {
		return false
	}
	rounds, err := strconv.Atoi(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	digest, err := pbkdf2.Key(sha256.New, password, []byte(parts[2]), rounds, sha256.Size)
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(digest) == parts[3]
}
