package remote_test

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/jwt"
	"github.com/watchword-auth/watchword/remote"
)

// A service that starts while its authority is down works with the keys of its
// file, and refuses when those have reached the age that they would have
// reached without the restart.
func TestWarmStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "keys.json")
		in := func(c *remote.KeysConfig) { c.File = file }
		key := newKey(t)
		a := newAuthority(key)
		began := time.Now()
		for restart := range 3 {
			k := ready(t, a, in)
			synctest.Wait() // until the file is written
			if s := k.Stats(); s.FileError != nil || s.Keys != 1 {
				t.Fatalf("Stats = %+v at restart %d", s, restart)
			}
			k.Close()
		}
		if n := a.fetches.Load(); n != 1 {
			t.Errorf("%d fetches by three starts within an interval, want 1", n)
		}
		if info, err := os.Stat(file); err != nil || runtime.GOOS != "windows" && info.Mode() != 0o600 {
			t.Errorf("file: %v, %v, want mode 0600", info.Mode(), err)
		}
		a.fail(http.NotFound)
		time.Sleep(20 * time.Hour)
		k := newKeys(t, a, in)
		at := time.Now()
		v := verifier(k, nil)
		if _, err := v.Verify(t.Context(), token(t, key, at)); err != nil || time.Since(at) > 0 {
			t.Errorf("Verify = %v after %s, want nil at once", err, time.Since(at))
		}
		if s := k.Stats(); s.Age != 20*time.Hour || k.Version() == 0 {
			t.Errorf("Stats = %+v, Version = %d", s, k.Version())
		}
		time.Sleep(24*time.Hour - time.Since(began) - time.Nanosecond)
		if _, err := v.Verify(t.Context(), token(t, key, time.Now())); err != nil {
			t.Errorf("Verify = %v just before a day", err)
		}
		time.Sleep(time.Nanosecond)
		if _, err := v.Verify(t.Context(), token(t, key, time.Now())); !errors.Is(err, watchword.Unavailable) {
			t.Errorf("Verify = %v after a day, want Unavailable", err)
		}
	})
}

// Every new answer is written, whole, and nothing else is left behind.
func TestFileFollowsSet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		in := func(c *remote.KeysConfig) { c.File = filepath.Join(dir, "keys.json") }
		a := newAuthority(newKey(t))
		k := ready(t, a, in)
		second := newKey(t)
		a.publish(second)
		time.Sleep(time.Hour)
		synctest.Wait()
		k.Close()
		entries, err := os.ReadDir(dir)
		if err != nil || len(entries) != 1 {
			t.Errorf("directory holds %v, %v, want the file alone", entries, err)
		}
		a.fail(http.NotFound)
		k = newKeys(t, a, in)
		if _, err := k.VerifyingKeys(t.Context(), header(second)); err != nil {
			t.Errorf("VerifyingKeys = %v after a restart", err)
		}
	})
}

// What a file must not decide: everything that is wrong with it leaves the
// keys to the network, and is shown.
func TestFileRefused(t *testing.T) {
	key := newKey(t)
	public, err := jwt.PublicSet(key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := key.MarshalPrivate()
	if err != nil {
		t.Fatal(err)
	}
	start := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) // of every bubble
	content := func(source string, at time.Time, set string) string {
		return fmt.Sprintf(`{"source":%q,"fetched_at":%d,"jwks":%s}`, source, at.Unix(), set)
	}
	good := content(setURL, start, string(public))
	tests := []struct {
		name, content string
		mode          os.FileMode
		fault         string // "": taken
	}{
		{"good", good, 0o600, ""},
		{"good, readable by all", good, 0o644, ""},
		{"good, from a clock a little ahead", content(setURL, start.Add(time.Minute), string(public)), 0o600, ""},
		{"writable by others", good, 0o602, "lets others write"},
		{"writable by the group", good, 0o660, "lets others write"},
		{"of another authority", content("https://evil.example/jwks", start, string(public)), 0o600, "they are of"},
		{"too old", content(setURL, start.Add(-24*time.Hour), string(public)), 0o600, "too old"},
		{"from the future", content(setURL, start.Add(time.Hour), string(public)), 0o600, "in the future"},
		{"without a time", strings.Replace(good, "fetched_at", "fetched", 1), 0o600, "too old"},
		{"without a set", strings.Replace(good, "jwks", "keys", 1), 0o600, "key"},
		{"empty set", content(setURL, start, `{"keys":[]}`), 0o600, "no key that verifies"},
		{"a private key", content(setURL, start, `{"keys":[`+string(private)+`]}`), 0o600, "private"},
		{"cut off", good[:len(good)-2], 0o600, "malformed"},
		{"two sets", strings.Replace(good, `"jwks"`, `"jwks":{},"jwks"`, 1), 0o600, "malformed"},
		{"empty", "", 0o600, "malformed"},
		{"huge", strings.Repeat(" ", 2<<20) + good, 0o600, "malformed"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if runtime.GOOS == "windows" && test.mode&0o022 != 0 {
				t.Skip("no such modes")
			}
			synctest.Test(t, func(t *testing.T) {
				file := filepath.Join(t.TempDir(), "keys.json")
				if err := os.WriteFile(file, []byte(test.content), 0o600); err != nil {
					t.Fatal(err)
				}
				if err := os.Chmod(file, test.mode); err != nil { // past the umask
					t.Fatal(err)
				}
				a := newAuthority(newKey(t))
				a.fail(hang)
				k := newKeys(t, a, func(c *remote.KeysConfig) { c.File = file })
				err := k.Stats().FileError
				if taken := k.Stats().Keys == 1; taken != (test.fault == "") || taken != (err == nil) {
					t.Fatalf("taken %v with %v, want fault %q", taken, err, test.fault)
				}
				if err != nil && !strings.Contains(err.Error(), test.fault) {
					t.Errorf("FileError = %v, want %q in it", err, test.fault)
				}
				a.fail(nil)
				time.Sleep(time.Minute)
				synctest.Wait()
				if s := k.Stats(); s.FileError != nil || s.Keys != 1 {
					t.Errorf("Stats = %+v after a fetch, want the file mended", s)
				}
			})
		})
	}
}

// A disk that cannot be written to costs the warm start and nothing else.
func TestFileCannotBeWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "gone")
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		a := newAuthority(newKey(t))
		a.fail(hang) // nothing is written before the directory has gone
		k := newKeys(t, a, func(c *remote.KeysConfig) { c.File = filepath.Join(dir, "keys.json") })
		if err := os.Remove(dir); err != nil {
			t.Fatal(err)
		}
		a.fail(nil)
		if err := k.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if s := k.Stats(); s.FileError == nil || s.Keys != 1 || s.LastError != nil {
			t.Errorf("Stats = %+v, want keys and a FileError", s)
		}
	})
}
