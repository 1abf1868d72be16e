package main_test

import (
	"database/sql"
	"path/filepath"
	"strings"
	"testing"

	_ "modernc.org/sqlite"

	"github.com/watchword-auth/watchword/examples/internal/run"
)

func TestOwnUsers(t *testing.T) {
	t.Parallel()
	p := run.Example(t, "ownusers", "127.0.0.1:8000", t.TempDir())
	ann, refresh := p.SignIn(t, "Ann@Example.com", "ann-pass-77")
	bob, _ := p.SignIn(t, "bob@example.com", "bob-pass-77")

	status, body := p.Do(t, "GET", "/auth/v1/me", "", "Authorization", "Bearer "+ann)
	if status != 200 || !strings.HasPrefix(body, `{"id":"C-1001","login":"ann@example.com"`) {
		t.Errorf("me = %d %s", status, body)
	}

	db, err := sql.Open("sqlite", filepath.Join(p.Dir, "customers.db")+"?_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var hash string
	if err := db.QueryRowContext(t.Context(), `SELECT passwd FROM customers WHERE id = 'C-1001'`).Scan(&hash); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(hash, "$argon2id$") {
		t.Errorf("hash after the sign-in is %.20s…, want it written anew as argon2id", hash)
	}

	if status, body := p.Do(t, "POST", "/customers/C-1002/block", "", "Authorization", "Bearer "+ann); status != 403 {
		t.Errorf("ann blocks bob = %d %s, want 403", status, body)
	}
	if status, body := p.Do(t, "POST", "/customers/C-1001/block", "", "Authorization", "Bearer "+bob); status != 204 {
		t.Fatalf("bob blocks ann = %d %s", status, body)
	}
	if status, body := p.Do(t, "GET", "/auth/v1/me", "", "Authorization", "Bearer "+ann); status != 401 || !strings.Contains(body, "session_ended") {
		t.Errorf("me of the blocked = %d %s, want session_ended", status, body)
	}
	if status, _ := p.Do(t, "POST", "/auth/v1/refresh", `{"refresh_token":"`+refresh+`"}`, "Content-Type", "application/json"); status != 400 {
		t.Errorf("refresh of the blocked = %d, want 400", status)
	}
	status, body = p.Do(t, "POST", "/auth/v1/token", `{"login":"ann@example.com","password":"ann-pass-77"}`, "Content-Type", "application/json")
	if status != 400 || !strings.Contains(body, "invalid_credentials") {
		t.Errorf("sign-in of the blocked = %d %s", status, body)
	}
}
