package httpauth_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/watchword-auth/watchword/httpauth"
)

func TestDeviceLabel(t *testing.T) {
	tests := map[string]string{
		"": "",
		"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0":                                                                     "Firefox on Linux",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36":                            "Chrome on Windows",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36 Edg/141.0.0.0":              "Edge on Windows",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15":                      "Safari on macOS",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1":    "Safari on iPhone",
		"Mozilla/5.0 (iPad; CPU OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/141.0.0.0 Mobile/15E148 Safari/604.1":          "Chrome on iPad",
		"Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Mobile Safari/537.36":                      "Chrome on Android",
		"Mozilla/5.0 (Linux; Android 15; SM-S931B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36": "Samsung Internet on Android",
		"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36 OPR/120.0":                   "Opera on ChromeOS",
		"Firefox/1":                            "Firefox",
		"curl/8.5.0":                           "curl",
		"python-requests/2.32.3":               "python-requests",
		"Go-http-client/1.1":                   "Go-http-client",
		"<script>alert(1)":                     "",
		"a\x1b[31mb":                           "a",
		"Jürgen":                               "J",
		strings.Repeat("a", 1000):              strings.Repeat("a", 40),
		strings.Repeat(" ", 600) + "Firefox/1": "",
	}
	for agent, want := range tests {
		if got := httpauth.DeviceLabel(agent); got != want {
			t.Errorf("DeviceLabel(%q) = %q, want %q", agent, got, want)
		}
	}
}

func TestClientAddress(t *testing.T) {
	trusted := httpauth.ClientBehind(netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8"))
	tests := map[string]struct {
		remote    string
		forwarded []string
		direct    string // by ClientOf
		behind    string // by ClientBehind
	}{
		"direct":                 {"192.0.2.1:1", nil, "192.0.2.1", "192.0.2.1"},
		"a stranger's word":      {"192.0.2.1:1", []string{"9.9.9.9"}, "192.0.2.1", "192.0.2.1"},
		"a proxy's word":         {"10.0.0.1:1", []string{"9.9.9.9"}, "10.0.0.1", "9.9.9.9"},
		"what stands before":     {"10.0.0.1:1", []string{"1.1.1.1, 9.9.9.9"}, "10.0.0.1", "9.9.9.9"},
		"two proxies":            {"10.0.0.1:1", []string{"1.1.1.1, 9.9.9.9, 10.0.0.2"}, "10.0.0.1", "9.9.9.9"},
		"two headers":            {"10.0.0.1:1", []string{"1.1.1.1", "9.9.9.9"}, "10.0.0.1", "9.9.9.9"},
		"proxies alone":          {"10.0.0.1:1", []string{"10.0.0.3, 10.0.0.2"}, "10.0.0.1", "10.0.0.3"},
		"no header":              {"10.0.0.1:1", nil, "10.0.0.1", "10.0.0.1"},
		"rubbish":                {"10.0.0.1:1", []string{"x"}, "10.0.0.1", "10.0.0.1"},
		"rubbish in between":     {"10.0.0.1:1", []string{"9.9.9.9, x, 10.0.0.2"}, "10.0.0.1", "10.0.0.2"},
		"IPv6":                   {"[fd00::1]:1", []string{"2001:db8::7"}, "fd00::1", "2001:db8::7"},
		"a zone":                 {"[fe80::1%eth0]:1", nil, "fe80::1", "fe80::1"},
		"an IPv4 address mapped": {"[::ffff:10.0.0.1]:1", []string{"::ffff:9.9.9.9"}, "10.0.0.1", "9.9.9.9"},
		"no address":             {"@", []string{"9.9.9.9"}, "invalid IP", "invalid IP"},
	}
	for name, tt := range tests {
		r := call{method: "GET", path: "/"}.request()
		r.RemoteAddr = tt.remote
		r.Header["X-Forwarded-For"] = tt.forwarded
		if got := httpauth.ClientOf(r).Address.String(); got != tt.direct {
			t.Errorf("%s: ClientOf = %s, want %s", name, got, tt.direct)
		}
		if got := trusted(r).Address.String(); got != tt.behind {
			t.Errorf("%s: ClientBehind = %s, want %s", name, got, tt.behind)
		}
	}
}
