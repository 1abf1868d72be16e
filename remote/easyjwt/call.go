package easyjwt

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/jwt"
)

const (
	// maxAnswer bounds the authority's answers in bytes; a user's record with
	// 8 KiB of extra data is the largest.
	maxAnswer = 256 << 10
	// maxText bounds what of its answers is told on as text.
	maxText = 500
)

// request is one to the authority.
type request struct {
	method, path string
	body         map[string]string // nil: none
	bearer       string            // "": none
	from         watchword.Client
}

// send asks the authority and returns the body of a good answer: 200 or 201,
// exactly application/json. Errors are *Refusal.
func (c *Client) send(ctx context.Context, q request) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, c.c.Timeout)
	defer cancel()
	r, err := c.request(ctx, q)
	if err != nil {
		return nil, refusal(watchword.Unavailable, textRequest, err)
	}
	answer, err := c.http.Do(r)
	if err != nil {
		return nil, unreachable(err)
	}
	defer answer.Body.Close()
	// The original compares the whole value.
	if stated := answer.Header.Get("Content-Type"); stated != "application/json" {
		return nil, refusal(watchword.Unavailable, textContentType+shown(stated), fmt.Errorf("status %d", answer.StatusCode))
	}
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, unreachable(err)
	case len(body) > maxAnswer:
		return nil, refusal(watchword.Unavailable, textBadAnswer, fmt.Errorf("more than %d bytes", maxAnswer))
	case answer.StatusCode == http.StatusOK || answer.StatusCode == http.StatusCreated:
		return body, nil
	default:
		return nil, refused(answer, body)
	}
}

func (c *Client) request(ctx context.Context, q request) (*http.Request, error) {
	var body []byte
	if q.body != nil {
		var err error
		if body, err = json.Marshal(q.body); err != nil {
			return nil, err
		}
	}
	r, err := http.NewRequestWithContext(ctx, q.method, c.c.URL+q.path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json")
	if q.bearer != "" {
		r.Header.Set(c.c.HeaderName, c.c.Scheme+" "+q.bearer)
	}
	if q.from.Address.IsValid() {
		// One address, the one we saw, and nothing of what the caller said: the
		// authority counts attempts by it where it trusts this service as a
		// proxy.
		r.Header.Set("X-Forwarded-For", q.from.Address.String())
	}
	return r, nil
}

// unreachable says why there is no answer. What the system says stays in the
// log: it names addresses of the private network.
func unreachable(err error) *Refusal {
	timeout := net.Error(nil)
	switch {
	case errors.Is(err, context.Canceled):
		return refusal(watchword.Unavailable, textRequest, err)
	case errors.As(err, &timeout) && timeout.Timeout():
		return refusal(watchword.Unavailable, textTimedOut, err)
	default:
		return refusal(watchword.Unavailable, textConnection, err)
	}
}

// refused is the authority's answer of another status.
func refused(answer *http.Response, body []byte) *Refusal {
	status, code := answer.StatusCode, watchword.Unauthenticated
	cause := fmt.Errorf("status %d", status)
	switch {
	case status == http.StatusTooManyRequests:
		code = watchword.RateLimited
		if n, err := strconv.Atoi(answer.Header.Get("Retry-After")); err == nil && n > 0 && n < 1<<20 {
			cause = &watchword.RetryError{Code: code, After: time.Duration(n) * time.Second}
		}
	case status >= http.StatusInternalServerError || status < http.StatusBadRequest:
		code = watchword.Unavailable
	}
	text := textFailed
	err := jwt.Walk(body, func(name string, v jwt.Value) error {
		if detail, err := v.Text(); name == "detail" && err == nil {
			text = shown(detail)
		}
		return nil
	})
	if err != nil {
		return refusal(code, textBadAnswer, fmt.Errorf("status %d: %w", status, err))
	}
	r := refusal(code, text, cause)
	r.Status = status
	r.JSON = body
	return r
}

// shown is the authority's text as it is told on: one line, of bounded length.
func shown(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "\ufffd"))
	if len(text) > maxText {
		text = strings.ToValidUTF8(text[:maxText], "")
	}
	return text
}

// object reads a good answer's members that are text.
func object(body []byte) (map[string]string, error) {
	texts := make(map[string]string)
	err := jwt.Walk(body, func(name string, v jwt.Value) error {
		if text, err := v.Text(); err == nil {
			texts[name] = text
		}
		return nil
	})
	if err != nil {
		return nil, refusal(watchword.Unavailable, textBadAnswer, err)
	}
	return texts, nil
}
