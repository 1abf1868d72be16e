package config_test

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/watchword-auth/watchword/cmd/watchword/internal/config"
	"github.com/watchword-auth/watchword/jwt"
)

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestDefaultIsValid(t *testing.T) {
	c, err := config.Load(config.Sources{})
	if err != nil {
		t.Fatalf("Load of nothing = %v, want no fault", err)
	}
	want := config.Default()
	want.Password.Params = c.Password.Params
	if !reflect.DeepEqual(c, want) {
		t.Errorf("Load of nothing = %+v, want %+v", c, want)
	}
}

func TestPrecedence(t *testing.T) {
	file := write(t, "watchword.toml", `addr = "127.0.0.1:1"
db = "sqlite:file.db"
[log]
level = "error"`)
	for _, test := range []struct {
		name  string
		flags map[string]string
		env   []string
		want  string
	}{
		{"file before default", nil, nil, "127.0.0.1:1"},
		{"environment before file", nil, []string{"WATCHWORD_ADDR=127.0.0.1:2"}, "127.0.0.1:2"},
		{"flag before environment", map[string]string{"addr": "127.0.0.1:3"}, []string{"WATCHWORD_ADDR=127.0.0.1:2"}, "127.0.0.1:3"},
		{"the last of two variables", nil, []string{"WATCHWORD_ADDR=127.0.0.1:2", "WATCHWORD_ADDR=127.0.0.1:4"}, "127.0.0.1:4"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, err := config.Load(config.Sources{File: file, Flags: test.flags, Environ: test.env})
			if err != nil {
				t.Fatal(err)
			}
			if c.Addr != test.want {
				t.Errorf("Addr = %q, want %q", c.Addr, test.want)
			}
			if c.DB != "sqlite:file.db" || c.Log.Level != slog.LevelError {
				t.Errorf("what the file alone sets is %q and %v", c.DB, c.Log.Level)
			}
		})
	}
}

func TestFileNamedByVariable(t *testing.T) {
	file := write(t, "w.toml", `issuer = "https://auth.example.com"`)
	c, err := config.Load(config.Sources{Environ: []string{"WATCHWORD_CONFIG=" + file}})
	if err != nil || c.Issuer != "https://auth.example.com" {
		t.Errorf("Load = %q, %v", c.Issuer, err)
	}
}

// The file of the contract, word by word but for the dialect's settings.
func TestContractFile(t *testing.T) {
	file := write(t, "w.toml", `
issuer   = "http://127.0.0.1:8080"
audience = "http://127.0.0.1:8080"
addr     = "127.0.0.1:8080"
db       = "sqlite:watchword.db"
transport = "json"
[http]
origins = ["https://app.example.com"]
trusted_proxies = ["10.0.0.0/8", "::1"]
[lifetimes]
access = "5m"
refresh = "24h"
session = "720h"
grace = "10s"
[limits]
enabled = true
[signup]
enabled = false
[password]
preferred = "argon2id"
[admin]
enabled = true
[keys]
algorithm = "ES256"
rotate_every = "720h"
seal_file = "watchword.db.key"
[[dialect]]
name   = "djwto"
prefix = "/"
sample_routes = true
user_fields = ["email"]
adopt_until = 2027-01-31T00:00:00Z
[dialect.settings]
DJWTO_MODE = "TWO-COOKIES"
`)
	c, err := config.Load(config.Sources{File: file})
	if err != nil {
		t.Fatal(err)
	}
	want := config.Dialect{
		Name: "djwto", Prefix: "/", SampleRoutes: true, UserFields: []string{"email"},
		AdoptUntil: time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC), Settings: map[string]any{"DJWTO_MODE": "TWO-COOKIES"},
	}
	if len(c.Dialects) != 1 || !reflect.DeepEqual(c.Dialects[0], want) {
		t.Errorf("Dialects = %+v, want %+v", c.Dialects, want)
	}
	if got := c.HTTP.TrustedProxies; len(got) != 2 || got[0].String() != "10.0.0.0/8" || got[1].String() != "::1/128" {
		t.Errorf("TrustedProxies = %v", got)
	}
}

func TestDurations(t *testing.T) {
	for _, test := range []struct {
		value string
		want  time.Duration
	}{
		{`"5m"`, 5 * time.Minute},
		{`300`, 5 * time.Minute},
		{`"300"`, 5 * time.Minute},
		{`"1h30m"`, 90 * time.Minute},
	} {
		c, err := config.Load(config.Sources{File: write(t, "w.toml", "lifetimes.access = "+test.value)})
		if err != nil || c.Lifetimes.Access != test.want {
			t.Errorf("access = %s: %v, %v, want %v", test.value, c.Lifetimes.Access, err, test.want)
		}
	}
}

func TestGraceOfZeroIsNone(t *testing.T) {
	c, err := config.Load(config.Sources{Environ: []string{"WATCHWORD_LIFETIMES_GRACE=0"}})
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Lifetimes.Rotation().Grace; got >= 0 {
		t.Errorf("Rotation().Grace = %v, want NoGrace: 0 would mean the default", got)
	}
}

func TestFaults(t *testing.T) {
	short := write(t, "secret", "too short\n")
	for _, test := range []struct {
		name string
		file string
		env  []string
		want []string // parts of the message
	}{
		{"unknown key", `adr = "x"`, nil, []string{"adr", "unknown setting", "did you mean addr?"}},
		{"unknown key in a section", "[limits]\nenabeld = true", nil, []string{"limits.enabeld", "did you mean limits.enabled?"}},
		{"unknown section", "[limit]\nenabled = true", nil, []string{"limit", "unknown setting"}},
		{"section that is none", `limits = true`, nil, []string{"limits", "want a table, not true or false"}},
		{"wrong type", "[limits]\nenabled = \"yes\"", nil, []string{"limits.enabled", "want true or false, not text"}},
		{"number for text", `addr = 8080`, nil, []string{"addr", "want text in quotes, not a whole number"}},
		{"bad duration", "[lifetimes]\naccess = \"5 minutes\"", nil, []string{"lifetimes.access", "is no duration"}},
		{"bad TOML", "addr = \n", nil, []string{"line 1"}},
		{"a key twice", "addr = \"a:1\"\naddr = \"b:1\"", nil, []string{"config", "addr"}},
		{"unknown variable", "", []string{"WATCHWORD_LIMITS_ENABELD=false"}, []string{"WATCHWORD_LIMITS_ENABELD", "unknown variable", "limits.enabled"}},
		{"bad variable", "", []string{"WATCHWORD_LIMITS_ENABLED=nope"}, []string{"limits.enabled", "WATCHWORD_LIMITS_ENABLED", `"nope" is neither true nor false`}},
		{"issuer that is none", `issuer = "auth.example.com"`, nil, []string{"issuer", "no http or https URL"}},
		{"port that is none", `addr = "localhost"`, nil, []string{"addr", "HOST:PORT"}},
		{"unbuilt transport", `transport = "pigeon"`, nil, []string{"transport", "not one of: json"}},
		{"origin with a path", "[http]\norigins = [\"https://a.example/x\"]", nil, []string{"http.origins", "is no origin"}},
		{"any origin", "[http]\norigins = [\"*\"]", nil, []string{"http.origins", "is no origin"}},
		{"proxy that is none", "[http]\ntrusted_proxies = [\"proxy\"]", nil, []string{"http.trusted_proxies", "neither an address nor a network"}},
		{"half a certificate", "[tls]\ncert = \"c.pem\"", nil, []string{"tls", "go together"}},
		{"grace too long", "[lifetimes]\ngrace = \"6m\"", nil, []string{"lifetimes.grace", "outside 0 to 5m"}},
		{"session shorter than access", "[lifetimes]\nsession = \"1m\"", nil, []string{"lifetimes.session", "shorter than lifetimes.access"}},
		{"access of nothing", "[lifetimes]\naccess = 0", nil, []string{"lifetimes.access", "below a second"}},
		{"scheme of passwords", "[password]\npreferred = \"md5\"", nil, []string{"password.preferred"}},
		{"algorithm none", "[keys]\nalgorithm = \"none\"", nil, []string{"keys.algorithm", "unknown"}},
		{"short secret", "[keys]\nalgorithm = \"HS256\"\nsecret_file = '" + short + "'", nil, []string{"keys.secret_file", "9 bytes", "at least 32", "watchword key secret"}},
		{"secret for a key pair", "[keys]\nsecret_file = '" + short + "'", nil, []string{"keys.secret_file", "set HS256"}},
		{"secret that is not there", "[keys]\nalgorithm = \"HS256\"\nsecret_file = \"nowhere\"", nil, []string{"keys.secret_file", "nowhere cannot be read"}},
		{"dialect without a name", "[[dialect]]\nprefix = \"/\"", nil, []string{"dialect[0].name", "is missing"}},
		{"dialect with an unknown key", "[[dialect]]\nname = \"a\"\nprefx = \"/\"", nil, []string{"dialect[0].prefx", "unknown setting"}},
		{"dialect with one bracket", "[dialect]\nname = \"a\"", nil, []string{"dialect", "two brackets"}},
		{"address that is no form", "[sessions]\naddress = \"half\"", nil, []string{"sessions.address", "truncated, full, none"}},
		{"audit log that forgets at once", "[audit]\nkeep = 60", nil, []string{"audit.keep", "below an hour"}},
		{"number below 0", "[audit]\nmax_entries = -1", nil, []string{"audit.max_entries", "whole number"}},
		{"number as text", "[audit]\nmax_entries = \"5\"", nil, []string{"audit.max_entries", "want a whole number, not text"}},
		{"number that is none", "", []string{"WATCHWORD_AUDIT_SAMPLE_VERIFIED=x"}, []string{"audit.sample_verified", "whole number"}},
		{"prefix without a slash", "[[dialect]]\nname = \"a\"\nprefix = \"auth\"", nil, []string{"dialect[0].prefix", "slash"}},
		{"prefix with a wildcard", "[[dialect]]\nname = \"a\"\nprefix = \"/{x}\"", nil, []string{"dialect[0].prefix", "characters"}},
		{"date without zone", "[[dialect]]\nname = \"a\"\nadopt_until = 2027-01-31", nil, []string{"dialect[0].adopt_until", "date with time and zone"}},
		{"DSN twice", "", []string{"WATCHWORD_DB=sqlite:a", "WATCHWORD_DB_FILE=b"}, []string{"WATCHWORD_DB_FILE", "set one of them"}},
		{"file that is not there", "", []string{"WATCHWORD_CONFIG=nowhere.toml"}, []string{"nowhere.toml", "cannot be read"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := config.Sources{Environ: test.env}
			if test.file != "" {
				s.File = write(t, "w.toml", test.file)
			}
			_, err := config.Load(s)
			if err == nil {
				t.Fatal("Load = nil, want a fault")
			}
			for _, part := range test.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("fault %q does not say %q", err, part)
				}
			}
			var f *config.Fault
			if !errors.As(err, &f) {
				t.Errorf("%T is no *Fault", err)
			}
		})
	}
}

func TestAllFaultsTogether(t *testing.T) {
	_, err := config.Load(config.Sources{
		File:    write(t, "w.toml", "issuer = 1\n[limits]\nenabeld = true\n[lifetimes]\ngrace = \"1h\""),
		Flags:   map[string]string{"addr": "nowhere"},
		Environ: []string{"WATCHWORD_LOG_LEVEL=loud"},
	})
	for _, key := range []string{"issuer (", "limits.enabeld", "lifetimes.grace", "addr", "log.level (WATCHWORD_LOG_LEVEL)"} {
		if err == nil || !strings.Contains(err.Error(), key) {
			t.Errorf("%v does not name %q", err, key)
		}
	}
}

func TestKubernetesVariablesAreNotOurs(t *testing.T) {
	_, err := config.Load(config.Sources{Environ: []string{
		"WATCHWORD_PORT=tcp://10.0.0.1:8080", "WATCHWORD_SERVICE_HOST=10.0.0.1", "WATCHWORD_SERVICE_PORT_HTTP=8080",
		"WATCHWORD_PORT_8080_TCP_ADDR=10.0.0.1", "OTHER=1",
	}})
	if err != nil {
		t.Errorf("Load = %v, want no fault", err)
	}
}

func TestDialectFlags(t *testing.T) {
	file := write(t, "w.toml", "[[dialect]]\nname = \"a\"\nprefix = \"/a\"\n[dialect.settings]\nX = 1\n[[dialect]]\nname = \"b\"")
	c, err := config.Load(config.Sources{File: file, Dialects: []string{"a=/other", "c"}})
	if err != nil {
		t.Fatal(err)
	}
	want := []config.Dialect{{Name: "a", Prefix: "/other", Settings: map[string]any{"X": int64(1)}}, {Name: "c"}}
	if !reflect.DeepEqual(c.Dialects, want) {
		t.Errorf("Dialects = %+v, want %+v", c.Dialects, want)
	}
	c, err = config.Load(config.Sources{File: file, Environ: []string{"WATCHWORD_DIALECT=b, d=/d"}})
	if err != nil || len(c.Dialects) != 2 || c.Dialects[0].Name != "b" || c.Dialects[1].Prefix != "/d" {
		t.Errorf("Dialects by variable = %+v, %v", c.Dialects, err)
	}
	if _, err := config.Load(config.Sources{Dialects: []string{"=x"}}); err == nil {
		t.Error("a dialect without a name was taken")
	}
}

func TestPrintedSettingsAreTheSame(t *testing.T) {
	secret := write(t, "secret", strings.Repeat("s", 32)+"\n")
	file := write(t, "w.toml", `db = "postgres://ann:hidden-one@db.example/w?sslmode=require"
[http]
trusted_proxies = ["10.1.2.3/8"]
[keys]
algorithm = "HS256"
secret_file = '`+secret+`'
[[dialect]]
name = "a"
user_fields = ["email"]
[dialect.settings]
A_SIGNING_KEY = "hidden-two"
A_KEY_FILE = "shown.key"
A_MODE = "x"
[dialect.settings.nested]
password = "hidden-three"
`)
	c, err := config.Load(config.Sources{File: file})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := c.Print(&b); err != nil {
		t.Fatal(err)
	}
	printed := b.String()
	for _, hidden := range []string{"hidden-one", "hidden-two", "hidden-three", "ssssss"} {
		if strings.Contains(printed, hidden) {
			t.Errorf("printed settings show the secret %q:\n%s", hidden, printed)
		}
	}
	again, err := config.Load(config.Sources{File: write(t, "again.toml", printed)})
	if err != nil {
		t.Fatalf("printed settings do not load: %v\n%s", err, printed)
	}
	c.DB, again.DB = "", ""
	if got := again.Dialects[0].Settings["A_KEY_FILE"]; got != "shown.key" {
		t.Errorf("A_KEY_FILE = %v: the name of a file is no secret", got)
	}
	c.Dialects[0].Settings, again.Dialects[0].Settings = nil, nil
	c.Keys.Secret, again.Keys.Secret = nil, nil
	if !reflect.DeepEqual(c, again) {
		t.Errorf("printed settings load as\n%+v, want\n%+v", again, c)
	}
}

func TestSecretFile(t *testing.T) {
	secret := strings.Repeat("0123456789abcdef", 2)
	c, err := config.Load(config.Sources{Environ: []string{
		"WATCHWORD_KEYS_ALGORITHM=HS256", "WATCHWORD_KEYS_SECRET_FILE=" + write(t, "secret", secret+"\n"),
	}})
	if err != nil {
		t.Fatal(err)
	}
	want, err := jwt.NewSecret("", jwt.HS256, []byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	if c.Keys.Secret == nil || c.Keys.Secret.Thumbprint() != want.Thumbprint() {
		t.Error("the secret is not the text's bytes without the last newline")
	}
}

func TestDropNewline(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "a": "a", "a\n": "a", "a\r\n": "a", "a\n\n": "a\n", " a \n": " a ", "\n": "", "a\r": "a\r",
	} {
		if got := config.DropNewline([]byte(in)); string(got) != want {
			t.Errorf("DropNewline(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestSeal(t *testing.T) {
	name := filepath.Join(t.TempDir(), "w.db.key")
	if _, err := config.ReadSeal(name); !errors.Is(err, config.ErrNoSeal) {
		t.Fatalf("ReadSeal of nothing = %v, want ErrNoSeal", err)
	}
	key, err := config.MakeSeal(name)
	if err != nil || len(key) != 32 {
		t.Fatalf("MakeSeal = %d bytes, %v", len(key), err)
	}
	info, err := os.Stat(name)
	if err != nil || config.Exposed(info.Mode()) {
		t.Errorf("seal file has mode %v, %v", info.Mode(), err)
	}
	if again, err := config.MakeSeal(name); err != nil || !bytes.Equal(again, key) {
		t.Errorf("MakeSeal over an existing file = %x, %v: it must return that one's key", again, err)
	}
	left, err := os.ReadDir(filepath.Dir(name))
	if err != nil || len(left) != 1 {
		t.Errorf("MakeSeal leaves %v, %v", left, err)
	}
	for what, spoil := range map[string]func() error{
		"world-readable": func() error { return os.Chmod(name, 0o644) },
		"not hex":        func() error { return os.WriteFile(name, []byte(strings.Repeat("x", 64)), 0o600) },
		"too short":      func() error { return os.WriteFile(name, []byte("abcd"), 0o600) },
	} {
		if err := errors.Join(os.Chmod(name, 0o600), spoil()); err != nil {
			t.Fatal(err)
		}
		if _, err := config.ReadSeal(name); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("ReadSeal of a file that is %s = %v, want an error that names it", what, err)
		}
	}
}

func TestAdmin(t *testing.T) {
	file := write(t, "password", "from file\n")
	for _, test := range []struct {
		name string
		env  []string
		want config.Admin
		bad  bool
	}{
		{"nothing", nil, config.Admin{}, false},
		{"our names", []string{"WATCHWORD_ADMIN_USERNAME=ann", "WATCHWORD_ADMIN_EMAIL=a@b", "WATCHWORD_ADMIN_PASSWORD=pw"}, config.Admin{Login: "ann", Email: "a@b", Password: "pw"}, false},
		{"Django's names", []string{"DJANGO_SUPERUSER_USERNAME=bob", "DJANGO_SUPERUSER_PASSWORD=pw"}, config.Admin{Login: "bob", Password: "pw"}, false},
		{"ours before Django's", []string{"DJANGO_SUPERUSER_USERNAME=bob", "WATCHWORD_ADMIN_USERNAME=ann"}, config.Admin{Login: "ann"}, false},
		{"from a file", []string{"WATCHWORD_ADMIN_PASSWORD_FILE=" + file}, config.Admin{Password: "from file"}, false},
		{"both", []string{"WATCHWORD_ADMIN_PASSWORD=x", "WATCHWORD_ADMIN_PASSWORD_FILE=" + file}, config.Admin{}, true},
		{"file that is not there", []string{"DJANGO_SUPERUSER_PASSWORD_FILE=nowhere"}, config.Admin{}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := config.LoadAdmin(test.env)
			if (err != nil) != test.bad || err == nil && got != test.want {
				t.Errorf("LoadAdmin = %#v, %v, want %#v", got, err, test.want)
			}
			if _, err := config.Load(config.Sources{Environ: test.env}); err != nil {
				t.Errorf("Load = %v: it must know these variables", err)
			}
		})
	}
}

// DJ-34: the signing key of djwto may come from the environment, as in the original;
// what the file says wins.
func TestDialectVariables(t *testing.T) {
	env := []string{"DJWTO_SIGNING_KEY=from the environment"}
	tests := []struct {
		name, file string
		want       any
	}{
		{"environment", "[[dialect]]\nname = \"djwto\"\n", "from the environment"},
		{"file first", "[[dialect]]\nname = \"djwto\"\n[dialect.settings]\nDJWTO_SIGNING_KEY = \"from the file\"\n", "from the file"},
		{"another dialect's", "[[dialect]]\nname = \"ellar\"\n", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, err := config.Load(config.Sources{File: write(t, "w.toml", tt.file), Environ: env})
			if err != nil {
				t.Fatal(err)
			}
			if got := c.Dialects[0].Settings["DJWTO_SIGNING_KEY"]; got != tt.want {
				t.Errorf("DJWTO_SIGNING_KEY = %v, want %v", got, tt.want)
			}
		})
	}
}
