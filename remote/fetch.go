package remote

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	// maxBody bounds an answer in bytes, after decompression. It is the bound
	// of jwt.ParseKeySet: 100 RSA keys of 8192 bits need less.
	maxBody = 512 << 10
	// maxHeader bounds the header of an answer in bytes.
	maxHeader = 64 << 10
)

// newClient returns a client that follows no redirect: where the keys are is
// decided by the configuration, not by whoever answers.
func newClient(transport http.RoundTripper) *http.Client {
	if transport == nil {
		transport = &http.Transport{
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
			MaxResponseHeaderBytes: maxHeader,
			// A fetch every few minutes gains nothing from an open
			// connection, which could lead to a server long replaced.
			DisableKeepAlives: true,
		}
	}
	return &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// get returns the body and the header of a good answer: status 200, one of
// the media types, at most maxBody bytes.
func get(ctx context.Context, client *http.Client, address string, types ...string) ([]byte, http.Header, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, nil, err
	}
	r.Header.Set("Accept", strings.Join(types, ", "))
	answer, err := client.Do(r)
	if err != nil {
		return nil, nil, err // *url.Error, which names the address
	}
	defer answer.Body.Close()
	fault := func(format string, args ...any) ([]byte, http.Header, error) {
		return nil, nil, fmt.Errorf("%s: "+format, append([]any{address}, args...)...)
	}
	if answer.StatusCode != http.StatusOK {
		return fault("status %d", answer.StatusCode)
	}
	stated := answer.Header.Get("Content-Type")
	if media, _, err := mime.ParseMediaType(stated); err != nil || !slices.Contains(types, media) {
		return fault("media type %.64q", stated)
	}
	if answer.ContentLength > maxBody {
		return fault("more than %d bytes", maxBody)
	}
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxBody+1))
	if err != nil {
		return fault("%w", err)
	}
	if len(body) > maxBody {
		return fault("more than %d bytes", maxBody)
	}
	return body, answer.Header, nil
}

// parseURL reads the address of a request: https, or http on loopback, where
// nobody listens in (OWASP ASVS 12.2.1).
func parseURL(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return nil, err
	case u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "":
		return nil, errors.New("must begin with https:// and a host")
	case u.Scheme == "http" && !loopback(u):
		return nil, errors.New("must be https outside loopback")
	case u.User != nil:
		return nil, errors.New("must not hold a password") // it would be printed with errors
	case strings.Contains(s, "#"):
		return nil, errors.New("must not hold a fragment")
	}
	return u, nil
}

// loopback reports whether a URL leads to this machine: localhost (RFC 6761,
// section 6.3) or a loopback address.
func loopback(u *url.URL) bool {
	host := u.Hostname()
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}

// lifetime returns for how long an answer says it is fresh (RFC 9111, section
// 4.2.1): its max-age without the time it has spent in caches. Where that
// contradicts itself, the shortest counts; where it makes no sense, nothing
// does. Whatever comes out is bounded by the caller, so directives that carry
// lists in quotes need no reader of their own.
func lifetime(h http.Header) time.Duration {
	life, stated := time.Duration(0), false
	for directive := range strings.SplitSeq(strings.Join(h.Values("Cache-Control"), ","), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
		switch strings.ToLower(name) {
		case "no-store", "no-cache":
			return 0
		case "max-age":
			age := seconds(strings.Trim(value, `"`))
			if !stated || age < life {
				life, stated = age, true
			}
		}
	}
	if !stated {
		return defaultLife
	}
	return max(0, life-seconds(h.Get("Age")))
}

// seconds reads delta-seconds (RFC 9111, section 1.2.2): what is too large
// stands for a very long time, what is no number for none.
func seconds(s string) time.Duration {
	const most = 1 << 31
	n, err := strconv.ParseUint(s, 10, 63)
	if errors.Is(err, strconv.ErrRange) {
		n, err = most, nil
	}
	if err != nil {
		return 0
	}
	return time.Duration(min(n, most)) * time.Second
}

// joinPath appends a path to an address, whatever final slash that has.
func joinPath(address, path string) string { return strings.TrimSuffix(address, "/") + path }
