package open_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/open"
)

// filled opens a database with one user, who has one open session.
func filled(t *testing.T, path string, at time.Time) *open.Opened {
	t.Helper()
	db, err := open.Store(t.Context(), "sqlite:"+path)
	if err != nil {
		t.Fatal(err)
	}
	u, err := db.CreateUser(t.Context(), watchword.NewUser{User: watchword.User{Login: "ann", Active: true}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.CreateSession(t.Context(), watchword.Session{
		UserID: u.ID, UserVersion: u.Version, OwnUser: true, Generation: 1, CreatedAt: at, IdleUntil: at.Add(time.Hour), ExpiresAt: at.Add(time.Hour),
	})
	if err != nil {
		t.Fatal(err)
	}
	return db
}

func closed(t *testing.T, db *open.Opened) {
	t.Helper()
	if err := db.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
}

func TestRenew(t *testing.T) {
	at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		name  string
		keep  bool
		ended int
		facts int // one of the session, one of everybody
	}{
		{"sessions end and tokens of before are refused", false, 1, 2},
		{"sessions go on where that is asked for", true, 0, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			db := filled(t, filepath.Join(t.TempDir(), "w.db"), at)
			defer closed(t, db)
			_, before, err := db.FactsSince(t.Context(), watchword.Cursor{}, at, 10)
			if err != nil {
				t.Fatal(err)
			}
			ended, err := db.Renew(t.Context(), test.keep, at.Add(time.Hour), at)
			if err != nil || ended != test.ended {
				t.Fatalf("Renew = %d, %v, want %d ended", ended, err, test.ended)
			}
			if _, _, err := db.FactsSince(t.Context(), before, at, 10); !errors.Is(err, watchword.Conflict) {
				t.Errorf("a cursor of before gives %v, want Conflict: the epoch must be new", err)
			}
			facts, _, err := db.FactsSince(t.Context(), watchword.Cursor{}, at, 10)
			facts = slices.DeleteFunc(facts, func(f watchword.Fact) bool { return f.Kind == watchword.ProfileFact })
			if err != nil || len(facts) != test.facts {
				t.Fatalf("facts = %v, %v, want %d", facts, err, test.facts)
			}
			if !test.keep {
				everybody := facts[1]
				if everybody.Kind != watchword.UserFact || everybody.ID != "" || everybody.UpTo != 1<<24+1 || !everybody.Before.Equal(at) ||
					everybody.Until.Before(at.Add(watchword.MaxIssueLifetime)) {
					t.Errorf("fact = %+v, want one about everybody up to %v, for a year", everybody, at)
				}
			}
			s, err := db.CreateSession(t.Context(), watchword.Session{UserID: "x", IdleUntil: at, ExpiresAt: at})
			if err != nil || s.Number != 1<<24+2 {
				t.Errorf("next session = %d, %v, want 2^24 further", s.Number, err)
			}
			u, err := db.CreateUser(t.Context(), watchword.NewUser{User: watchword.User{Login: "bob"}})
			if err != nil || u.ID != "1048578" {
				t.Errorf("next user = %s, %v, want 2^20 further", u.ID, err)
			}
		})
	}
}

func TestRenewOfEmptyTables(t *testing.T) {
	db, err := open.Store(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "w.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer closed(t, db)
	if _, err := db.Renew(t.Context(), false, time.Now(), time.Now()); err != nil {
		t.Fatal(err)
	}
	u, err := db.CreateUser(t.Context(), watchword.NewUser{User: watchword.User{Login: "ann"}})
	if err != nil || u.ID != "1048577" {
		t.Errorf("first user = %s, %v, want 2^20 further", u.ID, err)
	}
}

func TestReplace(t *testing.T) {
	dir := t.TempDir()
	path, backup := filepath.Join(dir, "w.db"), filepath.Join(dir, "backup.db")
	db := filled(t, path, time.Now())
	if err := db.Backup(t.Context(), backup); err != nil {
		t.Fatal(err)
	}
	staged, err := open.Stage(backup, path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := open.Replace(t.Context(), staged, path); !errors.Is(err, open.ErrInUse) {
		t.Fatalf("Replace under an open database = %v, want ErrInUse", err)
	}
	closed(t, db)
	for _, want := range []string{path + ".before-restore", path + ".before-restore-2"} {
		if staged, err = open.Stage(backup, path); err != nil {
			t.Fatal(err)
		}
		kept, err := open.Replace(t.Context(), staged, path)
		if err != nil || kept != want {
			t.Fatalf("Replace = %q, %v, want %q", kept, err, want)
		}
		if _, err := os.Stat(kept); err != nil {
			t.Errorf("the former database: %v", err)
		}
	}
	again, err := open.Store(t.Context(), "sqlite:"+path)
	if err != nil {
		t.Fatal(err)
	}
	defer closed(t, again)
	if _, _, err := again.UserByLogin(t.Context(), "ann"); err != nil {
		t.Errorf("after Replace: %v", err)
	}
}

func TestReplaceOfDamagedDatabase(t *testing.T) {
	dir := t.TempDir()
	path, backup := filepath.Join(dir, "w.db"), filepath.Join(dir, "backup.db")
	closed(t, filled(t, backup, time.Now()))
	for name, text := range map[string]string{path: strings.Repeat("rubbish ", 1024), path + "-wal": "stale"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	staged, err := open.Stage(backup, path)
	if err != nil {
		t.Fatal(err)
	}
	kept, err := open.Replace(t.Context(), staged, path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(kept); err != nil {
		t.Errorf("the damaged database: %v", err)
	}
	if _, err := os.Stat(path + "-wal"); !errors.Is(err, os.ErrNotExist) {
		t.Error("the new database finds the write-ahead log of the old one")
	}
}
