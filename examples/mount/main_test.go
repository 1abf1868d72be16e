package main_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/watchword-auth/watchword/examples/internal/run"
)

func TestMount(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "shop.key"), []byte(strings.Repeat("7", 32)), 0o600); err != nil {
		t.Fatal(err)
	}
	watchword := run.Watchword(t)
	for login, scope := range map[string]string{"ann": "posts:write", "ben": "posts:read"} {
		add := exec.CommandContext(t.Context(), watchword, "user", "add", login, "--scope", scope, "--password-stdin", "--db", "sqlite:shop.db")
		add.Dir, add.Stdin = dir, strings.NewReader("a good password\n")
		if out, err := add.CombinedOutput(); err != nil {
			t.Fatalf("user add: %v\n%s", err, out)
		}
	}
	p := run.Example(t, "mount", "127.0.0.1:8000", dir)
	post := func(token string) int {
		status, _ := p.Do(t, "POST", "/posts", "", "Authorization", "Bearer "+token)
		return status
	}
	ann, refresh := p.SignIn(t, "ann", "a good password")
	ben, _ := p.SignIn(t, "ben", "a good password")
	if status := post(ann); status != 201 {
		t.Errorf("POST /posts by ann = %d, want 201", status)
	}
	if status := post(ben); status != 403 {
		t.Errorf("POST /posts by ben = %d, want 403", status)
	}
	asJSON := []string{"Content-Type", "application/json"}
	if status, body := p.Do(t, "POST", "/auth/v1/refresh", `{"refresh_token":"`+refresh+`"}`, asJSON...); status != 200 {
		t.Errorf("refresh = %d %s", status, body)
	}
	if status, body := p.Do(t, "POST", "/auth/v1/logout", `{"refresh_token":"`+refresh+`"}`, asJSON...); status != 200 {
		t.Errorf("logout = %d %s", status, body)
	}
	if status := post(ann); status != 401 {
		t.Errorf("POST /posts after signing out = %d, want 401", status)
	}
}
