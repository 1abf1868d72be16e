package remote

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/jwt"
)

// maxPage bounds a page of facts or of users in bytes: 10,000 facts, or 500
// users with 8 KiB of extra data each.
const maxPage = 8 << 20

// errTooMuch is an answer beyond its bound. Of pages one can ask for less.
var errTooMuch = errors.New("too much")

// native are the addresses of an authority's native routes.
type native struct {
	base       string // of the routes, without a final slash: …/auth/v1
	introspect string
	revoke     string
}

func (n native) at(route string) string { return n.base + "/" + route }

// nativeRoutes finds the routes in the metadata: RFC 8414 names the token
// endpoint, and the others stand beside it.
func nativeRoutes(m Metadata) (native, error) {
	base, ok := strings.CutSuffix(m.TokenEndpoint, "/token")
	if !ok {
		return native{}, fmt.Errorf("token_endpoint %.256q is none of Watchword's, which end in /token", m.TokenEndpoint)
	}
	return routesUnder(base), nil
}

func routesUnder(base string) native {
	return native{base: base, introspect: base + "/introspect", revoke: base + "/revoke"}
}

// request is one call of the authority.
type request struct {
	method string // "" means POST
	url    string
	// json or form is the body; neither: none.
	json map[string]any
	form url.Values
	// bearer is a token of the user's, asClient the service's own credentials.
	bearer   string
	asClient bool
	from     watchword.Client
	max      int64 // of the answer, in bytes; 0 means maxBody
	patience time.Duration
}

// call asks the authority and returns the body of an answer of status 2xx and,
// unless it is empty, of media type application/json. Any other answer is an
// error with a code: the answer's own where it has one that may be passed on,
// else Unavailable. Nothing else of the answer gets into the error: what is
// shown to users of this service must not hold another system's text.
func (c *Client) call(ctx context.Context, q request) ([]byte, error) {
	if c.ctx.Err() != nil {
		return nil, fmt.Errorf("%w: %w", watchword.Unavailable, errClosed)
	}
	patience := c.c.Timeout + q.patience
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	r, err := c.newRequest(ctx, q)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", watchword.Unavailable, err)
	}
	answer, err := c.http.Do(r)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", watchword.Unavailable, err)
	}
	defer answer.Body.Close()
	fault := func(format string, args ...any) ([]byte, error) {
		return nil, fmt.Errorf("%w: %s: "+format, append([]any{watchword.Unavailable, q.url}, args...)...)
	}
	limit := q.max
	if limit == 0 {
		limit = maxBody
	}
	body, err := io.ReadAll(io.LimitReader(answer.Body, limit+1))
	if err != nil {
		return fault("%w", err)
	}
	if int64(len(body)) > limit {
		return fault("%w: more than %d bytes", errTooMuch, limit)
	}
	stated := answer.Header.Get("Content-Type")
	media, _, err := mime.ParseMediaType(stated)
	isJSON := err == nil && media == "application/json"
	switch {
	case answer.StatusCode >= 400 && isJSON:
		return nil, refusal(q.url, answer.StatusCode, answer.Header, body)
	case answer.StatusCode < 200 || answer.StatusCode >= 300:
		return fault("status %d", answer.StatusCode)
	case len(body) > 0 && !isJSON:
		return fault("media type %.64q", stated)
	}
	return body, nil
}

func (c *Client) newRequest(ctx context.Context, q request) (*http.Request, error) {
	var body io.Reader
	media := ""
	switch {
	case q.json != nil:
		text, err := json.Marshal(q.json)
		if err != nil {
			return nil, err
		}
		body, media = bytes.NewReader(text), "application/json"
	case q.form != nil:
		body, media = strings.NewReader(q.form.Encode()), "application/x-www-form-urlencoded"
	}
	method := q.method
	if method == "" {
		method = http.MethodPost
	}
	r, err := http.NewRequestWithContext(ctx, method, q.url, body)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept", "application/json")
	if media != "" {
		r.Header.Set("Content-Type", media)
	}
	switch {
	case q.asClient:
		// RFC 6749, section 2.3.1: both halves are form-encoded first.
		r.SetBasicAuth(url.QueryEscape(c.c.ClientID), url.QueryEscape(c.c.ClientSecret))
	case q.bearer != "":
		r.Header.Set("Authorization", "Bearer "+q.bearer)
	}
	passOn(r.Header, q.from)
	return r, nil
}

// passOn tells the authority for whom this service asks, so that its limits
// and its session list speak of people and not of this service. The authority
// believes the address where it trusts this service's own as that of a proxy
// ([http] trusted_proxies). It is the one that this service decided on, and
// alone: what a caller wrote into such a header himself goes nowhere.
func passOn(h http.Header, from watchword.Client) {
	if from.Address.IsValid() && from.Address != (netip.Addr{}) {
		h.Set("X-Forwarded-For", from.Address.Unmap().WithZone("").String())
	}
	h.Set("User-Agent", userAgent(from.Device))
}

// userAgent writes a User-Agent that the authority reads back as the same
// label.
func userAgent(label string) string {
	clean := strings.Map(func(r rune) rune {
		if r < 0x20 || r > 0x7e {
			return -1
		}
		return r
	}, label)
	browser, system, _ := strings.Cut(clean, " on ")
	token := map[string]string{
		"Edge": "Edg/0", "Opera": "OPR/0", "Samsung Internet": "SamsungBrowser/0",
		"Firefox": "Firefox/0", "Chrome": "Chrome/0", "Safari": "Safari/0",
	}[browser]
	if token == "" {
		return clean
	}
	switch system {
	case "":
		return token
	case "macOS":
		system = "Mac OS X"
	case "ChromeOS":
		system = "CrOS"
	}
	return token + " (" + system + ")"
}

// refusal turns an answer in the native shape back into the code that it was
// made from.
func refusal(address string, status int, h http.Header, body []byte) error {
	name := ""
	err := jwt.Walk(body, func(member string, v jwt.Value) (err error) {
		if member == "code" {
			name, err = v.Text()
		}
		return err
	})
	code := watchword.Unavailable
	if err == nil {
		code = passable(name)
	}
	reason := &refused{address, status, name}
	if after := seconds(h.Get("Retry-After")); after > 0 && (code == watchword.Unavailable || code == watchword.RateLimited) {
		return fmt.Errorf("%w: %w", &watchword.RetryError{Code: code, After: min(after, time.Hour)}, reason)
	}
	return fmt.Errorf("%w: %w", code, reason)
}

// refused is an authority's own word, for logs.
type refused struct {
	address string
	status  int
	code    string
}

func (r *refused) Error() string {
	return fmt.Sprintf("%s: status %d, code %.64q", r.address, r.status, r.code)
}

// passable returns the code of that name where it says something about the
// caller. What it says about this service, or about the authority itself, is
// to the caller that the service is not available.
func passable(name string) watchword.Code {
	for _, code := range watchword.Codes() {
		if code.Error() != name {
			continue
		}
		switch code {
		case watchword.Internal, watchword.InvalidClient, watchword.UnsupportedGrantType, watchword.CrossOrigin,
			watchword.UnsupportedMediaType, watchword.MethodNotAllowed, watchword.TooLarge:
			return watchword.Unavailable
		default:
			return code
		}
	}
	return watchword.Unavailable
}

// ownFault reports whether the authority refused this service's credentials,
// which asking again does not mend.
func ownFault(err error) bool {
	var r *refused
	return errors.As(err, &r) && (r.status == http.StatusUnauthorized || r.status == http.StatusForbidden)
}
