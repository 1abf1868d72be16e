package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/watchword-auth/watchword/remote"
)

func TestGateIsReady(t *testing.T) {
	down := errors.New("connection refused")
	feed := func(known bool, age time.Duration) remote.FeedStats {
		return remote.FeedStats{Following: true, Known: known, Age: age, LastError: down}
	}
	for _, tt := range []struct {
		name  string
		stats remote.Stats
		want  string // "" is ready
	}{
		{"nothing yet", remote.Stats{}, "no keys"},
		{"no keys to be had", remote.Stats{Keys: remote.KeysStats{LastError: down}}, "connection refused"},
		{"keys, and no feed is followed", remote.Stats{Keys: remote.KeysStats{Keys: 1}}, ""},
		{"the feed was not read", remote.Stats{Keys: remote.KeysStats{Keys: 1}, Feed: feed(false, 0)}, "not read yet"},
		{"the feed is fresh", remote.Stats{Keys: remote.KeysStats{Keys: 1}, Feed: feed(true, 30*time.Second)}, ""},
		{"the feed is silent", remote.Stats{Keys: remote.KeysStats{Keys: 1}, Feed: feed(true, 31*time.Second)}, "silent for 31s"},
	} {
		err := ready(tt.stats, 30*time.Second)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: ready = %v, want %q", tt.name, err, tt.want)
		}
	}
}

func TestGateRefusesItsSettings(t *testing.T) {
	rules := filepath.Join(t.TempDir(), "gate.toml")
	if err := os.WriteFile(rules, []byte("[[gate.rule]]\npath = \"admin\"\n[[gate.rule]]\npath = \"/x\"\nmethods = [\"get\"]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		args []string
		want []string
	}{
		"nothing set":     {nil, []string{"gate.authority", "gate.audience", "gate.upstream"}},
		"no service":      {[]string{"--authority", "http://127.0.0.1:1", "--audience", "x", "--upstream", "nowhere"}, []string{"gate.upstream"}},
		"plain http":      {[]string{"--authority", "http://auth.example.com", "--audience", "x", "--upstream", "http://127.0.0.1:1"}, []string{"gate.authority"}},
		"rules as well":   {[]string{"--config", rules}, []string{"gate.authority", "gate.upstream", `rule "admin"`, `rule /x`}},
		"a bad flag":      {[]string{"--secret", "x"}, []string{"unknown flag"}},
		"a taken address": {[]string{"--addr", "256.0.0.1:1", "--authority", "http://127.0.0.1:1", "--audience", "x", "--upstream", "http://127.0.0.1:1"}, []string{"256.0.0.1"}},
	} {
		var stderr bytes.Buffer
		code := run(t.Context(), append([]string{"gate"}, tt.args...), streams{in: strings.NewReader(""), out: &stderr, err: &stderr}, nil)
		if code == exitDone {
			t.Errorf("%s: exit code 0", name)
		}
		for _, want := range tt.want {
			if !strings.Contains(stderr.String(), want) {
				t.Errorf("%s: %s, want %q in it", name, &stderr, want)
			}
		}
	}
}
