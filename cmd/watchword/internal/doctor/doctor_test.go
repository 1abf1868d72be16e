package doctor_test

import (
	"errors"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/watchword-auth/watchword/cmd/watchword/internal/config"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/doctor"
)

var now = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// names returns the names of what is found.
func names(t *testing.T, p doctor.Patient) []string {
	t.Helper()
	var all []string
	for _, f := range doctor.Examine(t.Context(), p) {
		if f.Finding == "" || f.Fix == "" {
			t.Errorf("%s is found without a word on what or what to do", f.Name)
		}
		all = append(all, f.Name)
	}
	return all
}

func TestSettings(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*config.Config)
		want   []string
	}{
		{"the defaults", func(*config.Config) {}, nil},
		{"https at a proxy in front", func(c *config.Config) { c.Addr, c.Issuer = ":8080", "https://auth.example.com" }, nil},
		{"http on loopback", func(c *config.Config) { c.Addr, c.Issuer = "[::1]:8080", "http://localhost:8080" }, nil},
		{"plain http outside loopback", func(c *config.Config) { c.Addr, c.Issuer = "0.0.0.0:80", "http://auth.example.com" }, []string{"issuer", "addr"}},
		{"no issuer outside loopback", func(c *config.Config) { c.Addr = ":8080" }, []string{"addr", "issuer"}},
		{"a certificate for trying out, outside loopback", func(c *config.Config) {
			c.Addr, c.Issuer, c.TLS.SelfSigned = ":8443", "https://auth.example.com", true
		}, []string{"tls.self_signed"}},
		{"access tokens of a day", func(c *config.Config) { c.Lifetimes.Access = 24 * time.Hour }, []string{"lifetimes.access"}},
		{"refresh before anybody can", func(c *config.Config) { c.Lifetimes.Refresh = time.Minute }, []string{"lifetimes.refresh"}},
		{"sessions of ten years", func(c *config.Config) { c.Lifetimes.Session = 10 * 365 * 24 * time.Hour }, []string{"lifetimes.session"}},
		{"a long grace", func(c *config.Config) { c.Lifetimes.Grace = 5 * time.Minute }, []string{"lifetimes.grace"}},
		{"no limits", func(c *config.Config) { c.Limits.Enabled = false }, []string{"limits.enabled"}},
		{"another system's users, read over TLS", func(c *config.Config) { c.Users.DSN = "postgres://u@db/site" }, nil},
		{"another system's users, in the clear", func(c *config.Config) { c.Users.DSN = "postgres://u@db/site?sslmode=disable" }, []string{"users.dsn"}},
		{"another system's users beside us", func(c *config.Config) { c.Users.DSN = "postgres://u@127.0.0.1/site?sslmode=disable" }, nil},
		{"hashes that Django would replace", func(c *config.Config) { c.Users = config.Users{DSN: "sqlite:nowhere", Upgrade: true} }, []string{"users.upgrade"}},
		{"hashes as Django has them", func(c *config.Config) {
			c.Users, c.Password.Preferred = config.Users{DSN: "sqlite:nowhere", Upgrade: true}, "pbkdf2_sha256 1200000"
		}, nil},
		{"everybody is a proxy", func(c *config.Config) {
			c.HTTP.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0"), netip.MustParsePrefix("10.0.0.0/8")}
		}, []string{"http.trusted_proxies", "http.trusted_proxies"}},
		{"keys for ever", func(c *config.Config) { c.Keys.RotateEvery = 0 }, []string{"keys.rotate_every"}},
		{"keys for ten years", func(c *config.Config) { c.Keys.RotateEvery = 10 * 365 * 24 * time.Hour }, []string{"keys.rotate_every"}},
		{"keys for a minute", func(c *config.Config) { c.Keys.RotateEvery = time.Minute }, []string{"keys.rotate_every"}},
		{"short secrets and samples", func(c *config.Config) {
			c.Dialects = []config.Dialect{{Name: "x", InsecureShortSecret: true, SampleRoutes: true}}
		}, []string{"dialect x insecure_short_secret", "dialect x sample_routes"}},
		{"adoption that is over", func(c *config.Config) {
			c.Dialects = []config.Dialect{{Name: "x", AdoptUntil: now.Add(-time.Hour)}}
		}, []string{"dialect x adopt_until"}},
		{"adoption for ever", func(c *config.Config) {
			c.Dialects = []config.Dialect{{Name: "x", AdoptUntil: now.AddDate(5, 0, 0)}}
		}, []string{"dialect x adopt_until"}},
		{"a certificate that is not there", func(c *config.Config) { c.TLS.Cert, c.TLS.Key = "nowhere", "nowhere" }, []string{"tls"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := config.Default()
			test.change(&c)
			if got := names(t, doctor.Patient{Config: c, Now: now}); !slices.Equal(got, test.want) {
				t.Errorf("found %q, want %q", got, test.want)
			}
		})
	}
}

func TestFiles(t *testing.T) {
	dir := t.TempDir()
	c := config.Default()
	c.Keys.SecretFile = filepath.Join(dir, "signing.key")
	database := filepath.Join(dir, "w.db")
	for _, name := range []string{c.Keys.SecretFile, database, database + ".key"} {
		if err := os.WriteFile(name, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	patient := doctor.Patient{Config: c, Database: database, Now: now}
	if got := names(t, patient); got != nil {
		t.Errorf("found %q in files of their owner's alone", got)
	}
	for _, name := range []string{c.Keys.SecretFile, database, database + ".key"} {
		if err := os.Chmod(name, 0o640); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := names(t, patient), []string{"db", "keys.seal_file", "keys.secret_file"}; !slices.Equal(got, want) {
		t.Errorf("found %q in files that others may read, want %q", got, want)
	}
}

func TestTrackedFile(t *testing.T) {
	git, err := exec.LookPath("git")
	if err != nil {
		t.Skip("there is no git")
	}
	dir := t.TempDir()
	c := config.Default()
	c.Keys.SecretFile = filepath.Join(dir, "signing.key")
	if err := os.WriteFile(c.Keys.SecretFile, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) {
		t.Helper()
		if out, err := exec.Command(git, append([]string{"-C", dir}, args...)...).CombinedOutput(); err != nil {
			t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	run("init", "-q")
	if got := names(t, doctor.Patient{Config: c, Now: now}); got != nil {
		t.Errorf("found %q before the file was added", got)
	}
	run("add", "signing.key")
	if got, want := names(t, doctor.Patient{Config: c, Now: now}), []string{"keys.secret_file"}; !slices.Equal(got, want) {
		t.Errorf("found %q after the file was added, want %q", got, want)
	}
}

func TestImpossible(t *testing.T) {
	_, err := config.Load(config.Sources{Environ: []string{"WATCHWORD_ADDR=x", "WATCHWORD_LIFETIMES_GRACE=1h"}})
	var got []string
	for _, f := range doctor.Impossible(err) {
		got = append(got, f.Name)
	}
	if want := []string{"addr", "lifetimes.grace"}; !slices.Equal(got, want) {
		t.Errorf("Impossible = %q, want %q", got, want)
	}
	if got := doctor.Impossible(errors.New("odd")); len(got) != 1 || got[0].Name != "config" {
		t.Errorf("Impossible of something else = %+v", got)
	}
}
