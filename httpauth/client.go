package httpauth

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/watchword-auth/watchword"
)

// ClientOf tells who asks: the address of the connection, and a label made
// from the User-Agent. It believes no forwarding header; see [ClientBehind].
func ClientOf(r *http.Request) watchword.Client {
	return watchword.Client{Address: remoteAddress(r), Device: DeviceLabel(r.UserAgent())}
}

// ClientBehind is ClientOf for servers behind proxies. Where the connection
// comes from a trusted address, X-Forwarded-For is read from its end, and the
// first address that is not trusted is the client's: what stands before it,
// anybody may have written.
func ClientBehind(trusted ...netip.Prefix) func(*http.Request) watchword.Client {
	trusted = slices.Clone(trusted)
	isTrusted := func(a netip.Addr) bool {
		return slices.ContainsFunc(trusted, func(p netip.Prefix) bool { return p.Contains(a) })
	}
	return func(r *http.Request) watchword.Client {
		c := ClientOf(r)
		if !isTrusted(c.Address) {
			return c
		}
		hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
		for _, hop := range slices.Backward(hops) {
			a, err := netip.ParseAddr(strings.TrimSpace(hop))
			if err != nil {
				break // what came before an unreadable hop is hearsay
			}
			c.Address = a.Unmap().WithZone("")
			if !isTrusted(c.Address) {
				break
			}
		}
		return c
	}
}

func remoteAddress(r *http.Request) netip.Addr {
	a, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return a.Addr().Unmap().WithZone("")
}

// Bounds of a User-Agent: what is read of it, and what is kept where no
// browser is recognised.
const (
	maxUserAgent = 512
	maxProduct   = 40
)

// DeviceLabel makes a short label for people from a User-Agent, such as
// "Firefox on Linux", or the name of the program. The text itself is never
// kept: it is the sender's, of any length, and tells more than is needed.
func DeviceLabel(userAgent string) string {
	if len(userAgent) > maxUserAgent {
		userAgent = userAgent[:maxUserAgent]
	}
	browser := firstName(userAgent, [][2]string{
		// Every later one is named by those before it as well.
		{"Edg", "Edge"},
		{"OPR/", "Opera"},
		{"SamsungBrowser/", "Samsung Internet"},
		{"Firefox/", "Firefox"},
		{"FxiOS/", "Firefox"},
		{"CriOS/", "Chrome"},
		{"Chrome/", "Chrome"},
		{"Safari/", "Safari"},
	})
	if browser == "" {
		return product(userAgent)
	}
	system := firstName(userAgent, [][2]string{
		{"iPhone", "iPhone"},
		{"iPad", "iPad"},
		{"Android", "Android"},
		{"Windows", "Windows"},
		{"CrOS", "ChromeOS"},
		{"Mac OS X", "macOS"},
		{"Linux", "Linux"},
	})
	if system == "" {
		return browser
	}
	return browser + " on " + system
}

func firstName(s string, names [][2]string) string {
	for _, n := range names {
		if strings.Contains(s, n[0]) {
			return n[1]
		}
	}
	return ""
}

// product is the first product's name (RFC 9110, section 10.1.5).
func product(userAgent string) string {
	end := strings.IndexFunc(userAgent, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("-_.", r))
	})
	if end >= 0 {
		userAgent = userAgent[:end]
	}
	return userAgent[:min(len(userAgent), maxProduct)]
}
