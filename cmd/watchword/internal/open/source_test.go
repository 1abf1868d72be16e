package open_test

import (
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/watchword-auth/watchword/cmd/watchword/internal/open"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/pgtest"
)

// A source that cannot be read says what to do about it, in one line.
func TestReadOnlyRefuses(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "notes.txt")
	if err := os.WriteFile(text, []byte("this is a text and no database at all\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, dsn, want string }{
		{"no file", "sqlite:" + filepath.Join(dir, "none"), "no such file"},
		{"a directory", "sqlite:" + dir, "this is no file"},
		{"a device", "sqlite:" + os.DevNull, "this is no file"},
		{"a text", "sqlite:" + text, "no SQLite database"},
		{"cut short", "sqlite:" + cutShort(t), "must be undone first"},
		{"a password that is no URL", "postgres://u:sec/ret@localhost/x", "special characters of a password"},
		{"an option that is none", "postgres://u:secret@localhost/x?sslmode=perhaps", "not understood"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, err := open.ReadOnly(t.Context(), tt.dsn)
			if err == nil {
				_ = s.Close()
				t.Fatal("ReadOnly succeeded")
			}
			if line := err.Error(); !strings.Contains(line, tt.want) || strings.Contains(line, "\n") || strings.Contains(line, "sec") {
				t.Errorf("ReadOnly(%q) = %q, want one line with %q", tt.dsn, line, tt.want)
			}
		})
	}
}

// cutShort returns a database whose writer was killed in the middle of a
// change: its journal lies beside it.
func cutShort(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "site.db")
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=cache_size(1)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	for _, text := range []string{
		`CREATE TABLE t (x text)`,
		`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500) INSERT INTO t SELECT hex(randomblob(100)) FROM n`,
		`BEGIN`,
		`UPDATE t SET x = x || x`, // more than the cache holds, so that some of it is in the file
	} {
		if _, err := db.ExecContext(t.Context(), text); err != nil {
			t.Fatal(err)
		}
	}
	killed := filepath.Join(dir, "killed.db")
	for _, side := range []string{"", "-journal"} {
		data, err := os.ReadFile(path + side)
		if err == nil {
			err = os.WriteFile(killed+side, data, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return killed
}

// A source is known again by where it is, not by how that was spelt, and two
// servers are two sources.
func TestSourceNames(t *testing.T) {
	server := pgtest.Start(t)
	host := strings.SplitN(strings.SplitN(server, "@", 2)[1], "/", 2)[0]
	user := strings.SplitN(server, "@", 2)[0]
	name, port, _ := strings.Cut(host, ":")
	for _, dsn := range []string{
		server,
		user + "@" + host + "/ignored?sslmode=disable&dbname=postgres",
		user + "@/postgres?sslmode=disable&host=" + name + "&port=" + port,
	} {
		s, err := open.ReadOnly(t.Context(), dsn)
		if err != nil {
			t.Fatal(err)
		}
		if want := "postgres://" + host + "/postgres"; s.Name != want {
			t.Errorf("a source is called %s, want %s", s.Name, want)
		}
		_ = s.Close()
	}
}
