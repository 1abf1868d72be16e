// Package compare plays a dialect's script against two servers and tells
// where their answers part.
package compare

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/watchword-auth/watchword/dialect"
)

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 1 << 20

// Side is one of the two servers.
type Side struct {
	URL    string // without a slash at its end
	Client *http.Client
}

// Answer is what a call brought.
type Answer struct {
	// Sent is false where the call needs what nobody gave, or what no answer
	// before it has brought.
	Sent   bool
	Status int
	Header http.Header
	// Body has names in double braces where tokens, passwords and the
	// server's own address were.
	Body   string
	at     time.Time
	tokens map[string]string // by the name that the script gives them
	mask   func(string) string
}

// ErrNoAnswer is about a server that cannot be reached.
var ErrNoAnswer = errors.New("no answer")

// Play sends the calls in order. credentials has "login" and "password", or
// nothing: calls that need them are then not sent.
func Play(ctx context.Context, s Side, script []dialect.Call, credentials map[string]string) ([]Answer, error) {
	p := &player{side: s, values: map[string]string{"url": s.URL}}
	for name, value := range credentials {
		p.values[name] = value
	}
	answers := make([]Answer, 0, len(script))
	for _, call := range script {
		answer, err := p.send(ctx, call)
		if err != nil {
			return nil, err
		}
		answers = append(answers, answer)
	}
	return answers, nil
}

type player struct {
	side   Side
	values map[string]string // by placeholder
}

var placeholder = regexp.MustCompile(`\{\{([a-z]+)( tampered)?\}\}`)

// fill puts values in the place of their names; ok is false where one is
// missing.
func (p *player) fill(text string, escape func(string) string) (filled string, ok bool) {
	ok = true
	filled = placeholder.ReplaceAllStringFunc(text, func(m string) string {
		parts := placeholder.FindStringSubmatch(m)
		value, known := p.values[parts[1]]
		ok = ok && known
		if parts[2] != "" {
			value = tampered(value)
		}
		return escape(value)
	})
	return filled, ok
}

// tampered changes a token's signature, at its first character: the last
// bits of the last one may mean nothing.
func tampered(token string) string {
	i := strings.LastIndexByte(token, '.') + 1
	if i >= len(token) {
		return token + "A"
	}
	other := "A"
	if token[i] == 'A' {
		other = "B"
	}
	return token[:i] + other + token[i+1:]
}

func asIs(s string) string { return s }

// inJSON escapes text that stands between quotes.
func inJSON(s string) string {
	quoted, err := json.Marshal(s)
	if err != nil || len(quoted) < 2 {
		return ""
	}
	return string(quoted[1 : len(quoted)-1])
}

// request makes a call's request; nil where a value is missing.
func (p *player) request(ctx context.Context, call dialect.Call) (*http.Request, error) {
	header, escape := make(http.Header), inJSON
	for _, h := range call.Header {
		value, ok := p.fill(h[1], asIs)
		if !ok {
			return nil, nil //nolint:nilnil // no request, and no fault either
		}
		header.Add(h[0], value)
	}
	if header.Get("Content-Type") == "application/x-www-form-urlencoded" {
		escape = url.QueryEscape
	}
	body, ok := p.fill(call.Body, escape)
	if !ok {
		return nil, nil //nolint:nilnil // the same
	}
	r, err := http.NewRequestWithContext(ctx, call.Method, p.side.URL+call.Path, strings.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", call.Method, call.Path, err)
	}
	r.Header = header
	return r, nil
}

func (p *player) send(ctx context.Context, call dialect.Call) (Answer, error) {
	r, err := p.request(ctx, call)
	if r == nil {
		return Answer{}, err
	}
	at := time.Now()
	answer, err := p.side.Client.Do(r)
	if err != nil {
		return Answer{}, p.fault(err)
	}
	defer func() { _ = answer.Body.Close() }() // it has been read
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return Answer{}, p.fault(err)
	}
	a := Answer{Sent: true, Status: answer.StatusCode, Header: answer.Header, at: at, tokens: taken(call, answer, body)}
	for name, value := range a.tokens {
		p.values[name] = value
	}
	secrets := make(map[string]string, len(p.values))
	for name, value := range p.values {
		secrets[name] = value
	}
	a.mask = func(text string) string { return masked(text, secrets) }
	a.Body = a.mask(string(body))
	return a, nil
}

// fault tells in one line why there is no answer.
func (p *player) fault(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err // the address is told already
	}
	return fmt.Errorf("%w from %s: %w", ErrNoAnswer, p.side.URL, err)
}

// taken finds what later calls need: members of the answer, or cookies.
func taken(call dialect.Call, answer *http.Response, body []byte) map[string]string {
	values := make(map[string]string)
	var members map[string]any
	_ = json.Unmarshal(body, &members) // what is no object has no members
	for name, from := range call.Take {
		if text, ok := members[from].(string); ok && text != "" {
			values[name] = text
		}
		for _, cookie := range answer.Cookies() {
			if cookie.Name == from && cookie.Value != "" {
				values[name] = cookie.Value
			}
		}
	}
	return values
}

var compact = regexp.MustCompile(`eyJ[\w-]*\.[\w-]*\.[\w-]*`)

// masked puts names in the place of secrets, and of what is each server's
// own.
func masked(text string, secrets map[string]string) string {
	text = compact.ReplaceAllString(text, "{{token}}")
	for _, name := range []string{"access", "refresh", "csrf", "password", "url"} {
		if value := secrets[name]; value != "" {
			text = strings.ReplaceAll(strings.ReplaceAll(text, value, "{{"+name+"}}"), inJSON(value), "{{"+name+"}}")
		}
	}
	return text
}
