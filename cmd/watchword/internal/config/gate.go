package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/watchword-auth/watchword/jwt"
)

// Gate says what `watchword gate` guards and whom it asks. The server reads
// nothing of it.
type Gate struct {
	Addr             string
	Authority        string // the URL of the server that issues tokens
	Audience         string // whom tokens must be for
	ClientID         string // with its secret: the revocation feed is followed
	ClientSecretFile string
	ClientSecret     string // read from the file
	MaxStale         time.Duration
	KeysFile         string         // keeps the authority's keys over restarts
	Upstream         string         // the service behind; "": proxies ask
	TrustedProxies   []netip.Prefix // who may ask, and say where a request comes from
	Cookie           string         // that may carry the token; "": none
	Login            string         // where pages without a token are sent; "": nowhere
	Issuer           string         // of identities; "": the address listened on
	KeyFile          string         // signs identities; "": one made at the start
	Key              *jwt.Key       // read from the file
	Lifetime         time.Duration  // of identities
	Rules            []GateRule
}

// GateRule is a [[gate.rule]] table.
type GateRule struct {
	Path        string
	Methods     []string
	Public      bool
	Scopes      []string
	Permissions []string
}

// gateSettings lists the settings of the gate but its rules.
func gateSettings() []setting {
	return []setting{
		text("gate.addr", func(c *Config) *string { return &c.Gate.Addr }),
		text("gate.authority", func(c *Config) *string { return &c.Gate.Authority }),
		text("gate.audience", func(c *Config) *string { return &c.Gate.Audience }),
		text("gate.client_id", func(c *Config) *string { return &c.Gate.ClientID }),
		text("gate.client_secret_file", func(c *Config) *string { return &c.Gate.ClientSecretFile }),
		duration("gate.max_stale", func(c *Config) *time.Duration { return &c.Gate.MaxStale }),
		text("gate.keys_file", func(c *Config) *string { return &c.Gate.KeysFile }),
		text("gate.upstream", func(c *Config) *string { return &c.Gate.Upstream }),
		prefixes("gate.trusted_proxies", func(c *Config) *[]netip.Prefix { return &c.Gate.TrustedProxies }),
		text("gate.cookie", func(c *Config) *string { return &c.Gate.Cookie }),
		text("gate.login", func(c *Config) *string { return &c.Gate.Login }),
		text("gate.issuer", func(c *Config) *string { return &c.Gate.Issuer }),
		text("gate.key_file", func(c *Config) *string { return &c.Gate.KeyFile }),
		duration("gate.lifetime", func(c *Config) *time.Duration { return &c.Gate.Lifetime }),
	}
}

// readGate takes the gate's table out of the file's tree.
func (l *loader) readGate(tree map[string]any, source string) {
	value, ok := tree["gate"]
	if !ok {
		return
	}
	defer delete(tree, "gate")
	table, ok := value.(map[string]any)
	if !ok {
		l.fault("gate", source, fmt.Errorf("want a table, not %s", typeName(value)))
		return
	}
	if rules, ok := table["rule"]; ok {
		l.readRules(rules, source)
		delete(table, "rule")
	}
	for _, s := range gateSettings() {
		if v, ok := take(tree, s.key); ok {
			l.put(s, v, source)
		}
	}
	for _, key := range sortedKeys(table) {
		l.fault("gate."+key, source, errors.New("unknown setting"))
	}
}

func (l *loader) readRules(value any, source string) {
	list, ok := value.([]any)
	if !ok {
		l.fault("gate.rule", source, errors.New("want tables, each under [[gate.rule]] with two brackets"))
		return
	}
	for i, e := range list {
		table, ok := e.(map[string]any)
		if !ok {
			l.fault("gate.rule", source, fmt.Errorf("want a table, not %s", typeName(e)))
			continue
		}
		var r GateRule
		for _, key := range sortedKeys(table) {
			var err error
			switch v := table[key]; key {
			case "path":
				r.Path, err = readText(v)
			case "methods":
				r.Methods, err = readTexts(v)
			case "public":
				r.Public, err = readBool(v)
			case "scopes":
				r.Scopes, err = readTexts(v)
			case "permissions":
				r.Permissions, err = readTexts(v)
			default:
				// A misspelt permission must not leave a path open.
				err = errors.New("unknown setting: path, methods, public, scopes, permissions")
			}
			if err != nil {
				l.fault(fmt.Sprintf("gate.rule[%d].%s", i, key), source, err)
			}
		}
		l.c.Gate.Rules = append(l.c.Gate.Rules, r)
	}
}

// CheckGate judges the settings of the gate, and reads the files that they
// name. The rules are judged by who obeys them.
func (c *Config) CheckGate() error {
	var faults []error
	fault := func(key, format string, args ...any) {
		faults = append(faults, &Fault{Key: "gate." + key, Err: fmt.Errorf(format, args...)})
	}
	g := &c.Gate
	if _, _, err := net.SplitHostPort(g.Addr); err != nil {
		fault("addr", "%q is not HOST:PORT", g.Addr)
	}
	if g.Authority == "" {
		fault("authority", "is missing: the URL of the server that issues the tokens")
	}
	if g.Audience == "" {
		fault("audience", "is missing: whom the tokens are for, which is the server's audience")
	}
	if (g.ClientID == "") != (g.ClientSecretFile == "") {
		fault("client_id", "goes with client_secret_file: `watchword client add NAME` prints both")
	}
	if g.Upstream == "" && len(g.TrustedProxies) == 0 {
		fault("upstream", "is missing, and so is gate.trusted_proxies: name the service behind the gate, or the proxies that ask it")
	}
	for key, address := range map[string]string{"upstream": g.Upstream, "login": g.Login} {
		if address == "" {
			continue
		}
		u, err := url.Parse(address)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.Fragment != "" || key == "upstream" && u.RawQuery != "" {
			fault(key, "%q is no http or https URL", address)
		}
	}
	if strings.ContainsAny(g.Cookie, " ;,=\"\\\t") {
		fault("cookie", "%q is no name of a cookie", g.Cookie)
	}
	if g.Lifetime < time.Second || g.Lifetime > 5*time.Minute {
		fault("lifetime", "%s is outside 1s to 5m", g.Lifetime)
	}
	if g.ClientSecretFile != "" {
		secret, err := ReadSecret(g.ClientSecretFile)
		if err != nil {
			fault("client_secret_file", "%w", err)
		}
		g.ClientSecret = string(secret)
	}
	if g.KeyFile != "" {
		var err error
		if g.Key, err = readGateKey(g.KeyFile); err != nil {
			fault("key_file", "%w", err)
		}
	}
	return errors.Join(faults...)
}

// readGateKey reads a private key, as PEM or JWK.
func readGateKey(name string) (*jwt.Key, error) {
	data, err := ReadSecret(name)
	if err != nil {
		return nil, err
	}
	k, err := jwt.ParseKey(data)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: %w", name, err)
	case !k.CanSign() || k.Algorithm().Symmetric():
		return nil, fmt.Errorf("%s holds no private key", name)
	default:
		return k, nil
	}
}
