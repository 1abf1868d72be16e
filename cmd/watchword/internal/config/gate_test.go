package config_test

import (
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/watchword-auth/watchword/cmd/watchword/internal/config"
	"github.com/watchword-auth/watchword/jwt"
)

// The file of docs/gate.md is read, with every setting in it.
func TestGateFile(t *testing.T) {
	page, err := os.ReadFile("../../../../docs/gate.md")
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("(?s)```toml\n(.*?)```").FindSubmatch(page)
	if block == nil {
		t.Fatal("docs/gate.md has no file")
	}
	dir := t.TempDir()
	key, err := jwt.GenerateKey(jwt.EdDSA)
	if err != nil {
		t.Fatal(err)
	}
	private, err := key.MarshalPrivate()
	if err != nil {
		t.Fatal(err)
	}
	text := string(block[1])
	for name, data := range map[string]string{"client.secret": "s3cret\n", "gate.pem": string(private)} {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
		text = strings.ReplaceAll(text, `"`+name+`"`, `"`+filepath.ToSlash(file)+`"`)
	}
	c, err := config.Load(config.Sources{File: write(t, "w.toml", text)})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.CheckGate(); err != nil {
		t.Fatal(err)
	}
	g := c.Gate
	if g.ClientSecret != "s3cret" || g.Key == nil || !g.Key.CanSign() || g.Lifetime != 30*time.Second || g.Upstream != "http://127.0.0.1:3000" ||
		len(g.TrustedProxies) != 1 || g.TrustedProxies[0] != netip.MustParsePrefix("127.0.0.1/32") || g.Cookie != "__Host-ww_access" {
		t.Errorf("the gate is %+v", g)
	}
	if len(g.Rules) != 4 || !g.Rules[0].Public || g.Rules[2].Scopes[0] != "posts:write" || len(g.Rules[2].Methods) != 3 || g.Rules[3].Permissions[0] != "shop.view_order" {
		t.Errorf("the rules are %+v", g.Rules)
	}
	if c, err = config.Load(config.Sources{Environ: []string{"WATCHWORD_GATE_UPSTREAM=http://x", "WATCHWORD_GATE_TRUSTED_PROXIES=10.0.0.0/8,::1"}}); err != nil || c.Gate.Upstream != "http://x" || len(c.Gate.TrustedProxies) != 2 {
		t.Errorf("the environment makes %+v, %v", c.Gate, err)
	}
}

func TestGateRefuses(t *testing.T) {
	for name, tt := range map[string]struct {
		text string
		want []string
	}{
		"misspelt": {
			"[gate]\naudiense = \"x\"\n[[gate.rule]]\npath = \"/a\"\npermission = [\"x\"]\npublic = \"yes\"\n",
			[]string{"gate.audiense", "gate.rule[0].permission", "gate.rule[0].public"},
		},
		"no tables": {"gate = 1\n", []string{"gate (", "want a table, not a whole number"}},
		"one rule":  {"[gate.rule]\npath = \"/a\"\n", []string{"each under [[gate.rule]]"}},
		"a list":    {"[gate]\nrule = [1]\n", []string{"gate.rule"}},
	} {
		_, err := config.Load(config.Sources{File: write(t, "w.toml", tt.text)})
		for _, want := range tt.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: Load = %v, want %q in it", name, err, want)
			}
		}
	}
	c := config.Default()
	c.Gate = config.Gate{
		Addr: "x", ClientID: "x", Login: "javascript:alert(1)", Cookie: "a b", KeyFile: write(t, "k", "no key"),
	}
	err := c.CheckGate()
	for _, want := range []string{
		"gate.addr", "gate.authority", "gate.audience", "gate.client_id", "gate.upstream", "gate.login", "gate.cookie", "gate.lifetime", "gate.key_file",
	} {
		if err == nil || !strings.Contains(err.Error(), want+":") {
			t.Errorf("CheckGate = %v, want %s in it", err, want)
		}
	}
	public, err := jwt.GenerateKey(jwt.ES256)
	if err != nil {
		t.Fatal(err)
	}
	set, err := jwt.PublicSet(public.Public())
	if err != nil {
		t.Fatal(err)
	}
	jwk := strings.TrimSuffix(strings.TrimPrefix(string(set), `{"keys":[`), "]}")
	c.Gate = config.Gate{Addr: ":1", Authority: "https://a", Audience: "x", Upstream: "http://u?q", Lifetime: time.Minute, KeyFile: write(t, "k", jwk), ClientSecretFile: "nowhere"}
	err = c.CheckGate()
	for _, want := range []string{"gate.upstream", "holds no private key", "gate.client_id", "gate.client_secret_file"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("CheckGate = %v, want %q in it", err, want)
		}
	}
}
