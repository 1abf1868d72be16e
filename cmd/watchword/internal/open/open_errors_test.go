package open_test

import (
	"context"
	"database/sql"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/open"
)

func TestRefused(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "notes.txt")
	if err := os.WriteFile(text, []byte("this is a text and no database at all\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	short := filepath.Join(dir, "short")
	if err := os.WriteFile(short, []byte("SQLite"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, dsn, want string }{
		{"nothing", "", "or sqlite:PATH"},
		{"a bare path", "watchword.db", "or sqlite:PATH"},
		{"no path", "sqlite:", "or sqlite:PATH"},
		{"another engine", "mysql://root:secret@localhost/db", "or sqlite:PATH"},
		{"PostgreSQL", "postgres://root:secret@localhost/db", "PostgreSQL is not supported yet"},
		{"a directory", "sqlite:" + dir, "this is a directory"},
		{"in no directory", "sqlite:" + filepath.Join(dir, "none", "x.db"), "the directory does not exist"},
		{"a text", "sqlite:" + text, "no SQLite database"},
		{"a text, shorter than the magic", "sqlite:" + short, "no SQLite database"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o, err := open.Store(t.Context(), tt.dsn)
			if err == nil {
				_ = o.Close(t.Context())
				t.Fatal("Store succeeded")
			}
			line := err.Error()
			if !strings.Contains(line, tt.want) || strings.Contains(line, "\n") || strings.Contains(line, "secret") {
				t.Errorf("Store(%q) = %q, want one line with %q", tt.dsn, line, tt.want)
			}
		})
	}
	left, err := os.ReadFile(text)
	if err != nil || !strings.HasPrefix(string(left), "this is a text") {
		t.Errorf("the text was changed to %q, %v", left, err)
	}
}

func TestDamaged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "watchword.db")
	o, err := open.Store(t.Context(), "sqlite:"+path)
	if err != nil {
		t.Fatal(err)
	}
	for range 300 {
		if _, err := o.AddFact(t.Context(), fact("a")); err != nil {
			t.Fatal(err)
		}
	}
	if err := o.Integrity(t.Context()); err != nil {
		t.Errorf("Integrity of a whole database: %v", err)
	}
	if err := o.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, damage := range map[string]func(b []byte) []byte{
		"cut":           func(b []byte) []byte { return b[:len(b)/2] },
		"first page":    func(b []byte) []byte { return flip(b, 100, 2000) },
		"other pages":   func(b []byte) []byte { return flip(b, 4096, len(b)) },
		"header alone":  func(b []byte) []byte { return b[:100] },
		"zeros instead": func(b []byte) []byte { return make([]byte, len(b)) },
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "damaged.db")
			if err := os.WriteFile(path, damage(append([]byte(nil), whole...)), 0o600); err != nil {
				t.Fatal(err)
			}
			o, err := open.Store(t.Context(), "sqlite:"+path)
			if err == nil {
				err = o.Integrity(t.Context())
				_ = o.Close(context.Background())
			}
			if err == nil || strings.Contains(err.Error(), "\n") {
				t.Errorf("the damage is not found, or not in one line: %v", err)
			}
		})
	}
}

func flip(b []byte, from, to int) []byte {
	for i := from; i < to; i++ {
		b[i] ^= 0x55
	}
	return b
}

// TestNewerProgram opens a database whose schema this program does not know.
func TestNewerProgram(t *testing.T) {
	path := filepath.Join(t.TempDir(), "watchword.db")
	o, err := open.Store(t.Context(), "sqlite:"+path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := o.SQL.ExecContext(t.Context(), "UPDATE ww_schema SET version = version + 1"); err != nil {
		t.Fatal(err)
	}
	if err := o.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := open.Store(t.Context(), "sqlite:"+path); err == nil || !strings.Contains(err.Error(), "newer program") {
		t.Errorf("Store = %v, want a refusal that names the reason", err)
	}
}

// TestBesideOthers opens a database that an application uses for itself.
func TestBesideOthers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "application.db")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), "CREATE TABLE users (id INTEGER); CREATE TABLE sessions (id INTEGER); PRAGMA user_version = 77"); err != nil {
		t.Fatal(err)
	}
	o := opened(t, "sqlite:"+path)
	if _, err := o.CreateUser(t.Context(), watchword.NewUser{User: watchword.User{Login: "ada"}}); err != nil {
		t.Error(err)
	}
	var version int
	if err := db.QueryRowContext(t.Context(), "PRAGMA user_version").Scan(&version); err != nil || version != 77 {
		t.Errorf("the application's schema version is %d, %v, want 77", version, err)
	}
}

func TestFileMode(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("modes are POSIX")
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "a b?c#d%20é.db")
	o := opened(t, "sqlite:"+path)
	if err := o.SetMeta(t.Context(), "a", []byte("b")); err != nil {
		t.Fatal(err)
	}
	if err := o.Backup(t.Context(), path+".bak"); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 4 { // the database, -wal, -shm and the copy
		t.Errorf("the directory has %v", entries)
	}
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil || info.Mode() != fs.FileMode(0o600) || !strings.HasPrefix(entry.Name(), filepath.Base(path)) {
			t.Errorf("%s has mode %v, %v, want 0600", entry.Name(), info.Mode(), err)
		}
	}
}

func TestDurable(t *testing.T) {
	o := opened(t, "sqlite:"+filepath.Join(t.TempDir(), "watchword.db"))
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "busy_timeout": "5000"} {
		var got string
		if err := o.SQL.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got); err != nil || got != want {
			t.Errorf("%s is %q, %v, want %q", pragma, got, err, want)
		}
	}
}

func TestBackup(t *testing.T) {
	dir := t.TempDir()
	o := opened(t, "sqlite:"+filepath.Join(dir, "watchword.db"))
	u, err := o.CreateUser(t.Context(), watchword.NewUser{User: watchword.User{Login: "ada"}})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "copy.db")
	if err := o.Backup(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	if err := o.Backup(t.Context(), path); err == nil || !strings.Contains(err.Error(), "exists") {
		t.Errorf("Backup onto a file = %v, want a refusal", err)
	}
	if err := o.Backup(t.Context(), filepath.Join(dir, "none", "copy.db")); err == nil {
		t.Error("Backup into no directory succeeded")
	}
	if err := o.DeleteUser(t.Context(), u.ID, base, base); err != nil {
		t.Fatal(err)
	}
	copied := opened(t, "sqlite:"+path)
	if err := copied.Integrity(t.Context()); err != nil {
		t.Error(err)
	}
	if got, err := copied.UserByID(t.Context(), u.ID); err != nil || got.Login != "ada" {
		t.Errorf("the copy has %+v, %v", got, err)
	}
	inMemory := opened(t, "sqlite::memory:")
	if err := inMemory.Backup(t.Context(), filepath.Join(dir, "memory.db")); err == nil {
		t.Error("Backup of a database in memory succeeded")
	}
	if err := inMemory.Integrity(t.Context()); err != nil {
		t.Errorf("Integrity of a database in memory: %v", err)
	}
}

// TestInMemoryIsOwn opens two databases in memory: neither sees the other.
func TestInMemoryIsOwn(t *testing.T) {
	a, b := opened(t, "sqlite::memory:"), opened(t, "sqlite::memory:")
	if err := a.SetMeta(t.Context(), "name", []byte("value")); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Meta(t.Context(), "name"); watchword.CodeOf(err) != watchword.NotFound {
		t.Errorf("the other database answers %v", err)
	}
}
