package engine_test

import (
	"bytes"
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/config"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/engine"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/open"
)

func opened(t *testing.T, dsn string) *open.Opened {
	t.Helper()
	db, err := open.Store(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return db
}

func TestServed(t *testing.T) {
	db := opened(t, "sqlite::memory:")
	for _, step := range []struct {
		name           string
		remember, want engine.Served
	}{
		{"the first start", engine.Served{Issuer: "a", Audience: "b", Longest: 300}, engine.Served{Issuer: "a", Audience: "b", Longest: 300}},
		{"longer tokens", engine.Served{Issuer: "a", Audience: "b", Longest: 3600}, engine.Served{Issuer: "a", Audience: "b", Longest: 3600}},
		{"shorter ones: the longer are still about", engine.Served{Issuer: "c", Audience: "c", Longest: 60}, engine.Served{Issuer: "c", Audience: "c", Longest: 3600}},
	} {
		if err := engine.Remember(t.Context(), db, step.remember); err != nil {
			t.Fatal(err)
		}
		got, err := engine.Recall(t.Context(), db)
		if err != nil || got != step.want {
			t.Errorf("%s: Recall = %+v, %v, want %+v", step.name, got, err, step.want)
		}
	}
}

func TestLongestLife(t *testing.T) {
	s := engine.Served{Longest: 600}
	if got := s.LongestLife(5 * time.Minute); got != 10*time.Minute {
		t.Errorf("LongestLife = %v, want that of before", got)
	}
	if got := s.LongestLife(time.Hour); got != time.Hour {
		t.Errorf("LongestLife = %v, want that of the settings", got)
	}
}

func TestSeal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "w.db")
	db := opened(t, "sqlite:"+path)
	c := config.Default()
	if sealed, err := engine.Sealed(t.Context(), db); err != nil || sealed {
		t.Errorf("Sealed of a new database = %v, %v", sealed, err)
	}
	first, err := engine.Seal(t.Context(), c, db)
	if err != nil || len(first) != 32 {
		t.Fatalf("Seal = %d bytes, %v", len(first), err)
	}
	if again, err := engine.Seal(t.Context(), c, db); err != nil || !bytes.Equal(again, first) {
		t.Errorf("the second Seal = %x, %v, want the first one's", again, err)
	}
	if sealed, err := engine.Sealed(t.Context(), db); err != nil || !sealed {
		t.Errorf("Sealed = %v, %v", sealed, err)
	}
	if err := os.WriteFile(path+".key", []byte(strings.Repeat("ab", 32)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := engine.Seal(t.Context(), c, db); err == nil || !strings.Contains(err.Error(), "is not the one") {
		t.Errorf("Seal by another key = %v", err)
	}
	if err := os.Remove(path + ".key"); err != nil {
		t.Fatal(err)
	}
	if _, err := engine.Seal(t.Context(), c, db); err == nil || !strings.Contains(err.Error(), "is missing") {
		t.Errorf("Seal without the file = %v", err)
	}
	if _, err := os.Stat(path + ".key"); err == nil {
		t.Error("a new key was made for a database that has one")
	}
}

func TestSealInMemory(t *testing.T) {
	db := opened(t, "sqlite::memory:")
	key, err := engine.Seal(t.Context(), config.Default(), db)
	if err != nil || len(key) != 32 || bytes.Equal(key, make([]byte, 32)) {
		t.Errorf("Seal = %x, %v", key, err)
	}
}

func TestConfigIsAccepted(t *testing.T) {
	db := opened(t, "sqlite::memory:")
	c := config.Default()
	c.Issuer, c.Audience = "http://localhost", "test"
	c.Keys.RotateEvery = 0
	c.Lifetimes.Grace = 0
	c.Limits.Enabled = false
	w, err := engine.Config(c, db, make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	if w.RotateKeys >= 0 {
		t.Errorf("RotateKeys = %v: 0 in the settings means never, and in the engine the default", w.RotateKeys)
	}
	if w.Rotation.Grace >= 0 {
		t.Errorf("Grace = %v: 0 in the settings means none, and in the engine the default", w.Rotation.Grace)
	}
	if !w.InsecureUnlimited {
		t.Error("limits are on")
	}
	if _, err := watchword.NewContext(t.Context(), w); err != nil {
		t.Error(err)
	}
}

func TestEntry(t *testing.T) {
	at := time.Unix(1000, 0)
	got := engine.Entry(watchword.Event{
		Kind: watchword.SignInFailed, At: at, Profile: "native", UserID: "1", Login: "ann", Session: 2, Code: watchword.RateLimited,
		Client: watchword.Client{Address: netip.MustParseAddr("::ffff:192.0.2.1"), Device: "curl"}, Detail: "x",
	})
	want := watchword.AuditEntry{
		At: at, Kind: "sign_in_failed", Profile: "native", UserID: "1", Login: "ann", Session: 2, Address: "192.0.2.1", Device: "curl", Code: "rate_limited", Detail: "x",
	}
	if got != want {
		t.Errorf("Entry = %+v, want %+v", got, want)
	}
	if got := engine.Entry(watchword.Event{Kind: watchword.SignedIn}); got.Code != "" || got.Address != "" {
		t.Errorf("Entry of a success = %+v", got)
	}
}
