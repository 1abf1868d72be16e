// Package doctor judges settings that are allowed but unsafe, or that cannot
// work. Each judgement is a function of its own; [Examine] runs them all.
package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/watchword-auth/watchword/cmd/watchword/internal/config"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/engine"
)

// A Finding names a setting, what is wrong with it, and what to do.
type Finding struct {
	Name    string `json:"name"`
	Finding string `json:"finding"`
	Fix     string `json:"fix"`
}

// Patient is what is examined.
type Patient struct {
	Config config.Config
	// Database is the path of the database file; "" where there is none.
	Database string
	Now      time.Time
}

// Examine returns what is found, in the order of the settings.
func Examine(ctx context.Context, p Patient) []Finding {
	var all []Finding
	for _, judge := range []func(context.Context, Patient) []Finding{
		transport, certificate, lifetimes, limits, users, proxies, keys, dialects, secretFiles,
	} {
		all = append(all, judge(ctx, p)...)
	}
	return all
}

// Impossible turns faults of the settings into findings.
func Impossible(err error) []Finding {
	var all []Finding
	faults := []error{err}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		faults = joined.Unwrap()
	}
	for _, fault := range faults {
		name, text := "config", fault.Error()
		var f *config.Fault
		if errors.As(fault, &f) {
			name, text = f.Key, f.Err.Error()
			if f.Source != "" {
				text += " (" + f.Source + ")"
			}
		}
		all = append(all, Finding{name, text, "the server does not start with it"})
	}
	return all
}

// transport wants tokens and passwords encrypted wherever others could
// listen.
func transport(_ context.Context, p Patient) []Finding {
	var found []Finding
	c := p.Config
	issuer, err := url.Parse(c.Issuer)
	secure := err == nil && issuer.Scheme == "https"
	if c.Issuer != "" && !secure && !loopback(issuer.Hostname()) {
		found = append(found, Finding{"issuer", c.Issuer + " is plain http: passwords and tokens can be read on their way", "use https, here or at a proxy in front"})
	}
	host, _, err := net.SplitHostPort(c.Addr)
	if err != nil || loopback(host) {
		return found
	}
	if !c.TLS.On() && !secure {
		found = append(found, Finding{"addr", c.Addr + " is reached from elsewhere over plain http", "set tls.cert and tls.key, or listen on 127.0.0.1 behind a proxy and set an https issuer"})
	}
	if c.TLS.SelfSigned {
		found = append(found, Finding{"tls.self_signed", "the certificate made at each start is for trying out on this machine", "set tls.cert and tls.key"})
	}
	if c.Issuer == "" {
		found = append(found, Finding{"issuer", "is not set: it would be this machine's address, and change with it", "set the URL that clients use"})
	}
	return found
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback()
}

// renewBefore is how long before its end a certificate should be replaced.
const renewBefore = 14 * 24 * time.Hour

func certificate(_ context.Context, p Patient) []Finding {
	if p.Config.TLS.Cert == "" {
		return nil
	}
	cert, key, err := p.Config.TLS.Read()
	if err != nil {
		return []Finding{{"tls", err.Error(), "the server does not start without them"}}
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return []Finding{{"tls", "certificate and key are no pair: " + err.Error(), "name the key that the certificate was made for"}}
	}
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	switch {
	case err != nil:
		return []Finding{{"tls.cert", err.Error(), "get a new one"}}
	case p.Now.After(leaf.NotAfter):
		return []Finding{{"tls.cert", "expired on " + leaf.NotAfter.UTC().Format(time.DateOnly), "renew it; the server reads it again by itself"}}
	case p.Now.Add(renewBefore).After(leaf.NotAfter):
		return []Finding{{"tls.cert", "expires on " + leaf.NotAfter.UTC().Format(time.DateOnly), "renew it; the server reads it again by itself"}}
	}
	return nil
}

func lifetimes(_ context.Context, p Patient) []Finding {
	var found []Finding
	l := p.Config.Lifetimes
	for _, bound := range []struct {
		name        string
		value, most time.Duration
		why         string
	}{
		{"lifetimes.access", l.Access, time.Hour, "services that verify by themselves may honour a stolen token for so long"},
		{"lifetimes.refresh", l.Refresh, 90 * 24 * time.Hour, "a forgotten device stays signed in for so long"},
		{"lifetimes.session", l.Session, 366 * 24 * time.Hour, "nobody has to prove who he is for so long"},
		{"lifetimes.grace", l.Grace, time.Minute, "a refresh token that was used can be shown again for so long"},
	} {
		if bound.value > bound.most {
			found = append(found, Finding{bound.name, fmt.Sprintf("is %s: %s", bound.value, bound.why), fmt.Sprintf("at most %s", bound.most)})
		}
	}
	if l.Refresh < l.Access {
		found = append(found, Finding{"lifetimes.refresh", fmt.Sprintf("%s is shorter than lifetimes.access, %s: nobody can refresh in time", l.Refresh, l.Access), "make it longer"})
	}
	return found
}

func limits(_ context.Context, p Patient) []Finding {
	if p.Config.Limits.Enabled {
		return nil
	}
	return []Finding{{"limits.enabled", "is false: passwords can be guessed as fast as they are hashed", "remove it; it is for load tests"}}
}

// proxies finds networks that are too large to be anybody's proxies.
func proxies(_ context.Context, p Patient) []Finding {
	var found []Finding
	for _, network := range p.Config.HTTP.TrustedProxies {
		if least := 8; network.Bits() < least || network.Addr().Is6() && network.Bits() < 2*least {
			found = append(found, Finding{"http.trusted_proxies", network.String() + " lets strangers say which address they come from", "name the proxies alone"})
		}
	}
	return found
}

func keys(_ context.Context, p Patient) []Finding {
	k := p.Config.Keys
	switch {
	case k.Secret != nil:
		return nil // somebody else's to rotate as well
	case k.RotateEvery == 0:
		return []Finding{{"keys.rotate_every", "is 0: the signing key is never replaced", "such as 720h"}}
	case k.RotateEvery > 366*24*time.Hour:
		return []Finding{{"keys.rotate_every", fmt.Sprintf("is %s: a key that leaked unseen signs for so long", k.RotateEvery), "such as 720h"}}
	case k.RotateEvery < p.Config.Lifetimes.Access:
		return []Finding{{"keys.rotate_every", fmt.Sprintf("%s is shorter than lifetimes.access, %s", k.RotateEvery, p.Config.Lifetimes.Access), "such as 720h"}}
	}
	return nil
}

func dialects(_ context.Context, p Patient) []Finding {
	var found []Finding
	for _, d := range p.Config.Dialects {
		if d.InsecureShortSecret {
			found = append(found, Finding{"dialect " + d.Name + " insecure_short_secret", "a secret that can be guessed verifies tokens", "remove it once the old tokens have expired"})
		}
		switch {
		case d.AdoptUntil.IsZero():
		case d.AdoptUntil.Before(p.Now):
			found = append(found, Finding{"dialect " + d.Name + " adopt_until", "is past", "remove it, and the old system's keys with it"})
		case d.AdoptUntil.After(p.Now.AddDate(1, 0, 0)):
			found = append(found, Finding{"dialect " + d.Name + " adopt_until", "is more than a year away: refresh tokens of the old system are taken over until then", "the life of its refresh tokens is enough"})
		}
		if d.SampleRoutes {
			found = append(found, Finding{"dialect " + d.Name + " sample_routes", "the original's sample views are served", "remove it; they are for trying out"})
		}
	}
	return found
}

// secretFiles looks after every file that is worth stealing.
func secretFiles(ctx context.Context, p Patient) []Finding {
	type secretFile struct{ name, file string }
	var files []secretFile
	if p.Database != "" {
		files = append(files, secretFile{"db", p.Database}, secretFile{"keys.seal_file", engine.SealFile(p.Config, p.Database)})
	}
	if file, ok := strings.CutPrefix(p.Config.Users.DSN, "sqlite:"); ok {
		files = append(files, secretFile{"users.dsn", file})
	}
	files = append(files, secretFile{"keys.secret_file", p.Config.Keys.SecretFile}, secretFile{"tls.key", p.Config.TLS.Key})
	for _, d := range p.Config.Dialects {
		for _, key := range slices.Sorted(maps.Keys(d.Settings)) {
			if file, ok := d.Settings[key].(string); ok && strings.HasSuffix(key, "_FILE") {
				files = append(files, secretFile{"dialect " + d.Name + " " + key, file})
			}
		}
	}
	var found []Finding
	for _, f := range files {
		name, file := f.name, f.file
		info, err := os.Stat(file)
		if err != nil {
			continue // that it is missing the server says
		}
		if config.Exposed(info.Mode()) {
			found = append(found, Finding{name, fmt.Sprintf("%s has mode %04o: others than its owner have access", file, info.Mode().Perm()), "chmod 600 " + file})
		}
		if tracked(ctx, file) {
			found = append(found, Finding{name, file + " is tracked by git: whoever has the repository has it", "git rm --cached it, and replace what it holds"})
		}
	}
	return found
}

// tracked asks git, where there is one.
func tracked(ctx context.Context, file string) bool {
	git, err := exec.LookPath("git")
	if err != nil {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	// The file's name is an argument after "--", never an option.
	c := exec.CommandContext(ctx, git, "ls-files", "--error-unmatch", "--", filepath.Base(file)) //nolint:gosec // G204: the program is git, the argument a file name
	c.Dir = filepath.Dir(file)
	out, err := c.Output()
	return err == nil && strings.TrimSpace(string(out)) != ""
}
