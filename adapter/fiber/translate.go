package fiberauth

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/gofiber/fiber/v3"

	"github.com/watchword-auth/watchword"
)

// request translates what fiber received, as its middleware has left it. Every
// string is a copy: fasthttp reuses its buffers for the next request, while
// verified tokens and claims stay in memory. The body is left out: no guard
// reads it.
//
// What net/http would not have let in is refused: another protocol than
// HTTP/1.x, a target that is no URI, a control character in a header.
func request(c fiber.Ctx) (*http.Request, error) {
	in := c.Request()
	proto := string(in.Header.Protocol())
	major, minor, ok := http.ParseHTTPVersion(proto)
	if !ok || major != 1 {
		return nil, fmt.Errorf("%w: protocol %q", watchword.InvalidRequest, proto)
	}
	target := string(in.Header.RequestURI())
	u, err := url.ParseRequestURI(target)
	if err != nil {
		return nil, fmt.Errorf("%w: the target is no URI", watchword.InvalidRequest)
	}
	header := http.Header{}
	for name, value := range in.Header.All() {
		if strings.ContainsFunc(string(value), control) {
			return nil, fmt.Errorf("%w: a control character in %s", watchword.InvalidRequest, name)
		}
		header.Add(string(name), string(value))
	}
	header.Del("Host") // as in net/http, which has it in a field
	r := &http.Request{
		Method: strings.Clone(c.Method()), URL: u, RequestURI: target, Host: string(in.Host()),
		Proto: proto, ProtoMajor: major, ProtoMinor: minor, Header: header,
		Body: http.NoBody, RemoteAddr: c.RequestCtx().RemoteAddr().String(), TLS: c.RequestCtx().TLSConnectionState(),
	}
	return r.WithContext(c.Context()), nil
}

// control reports the characters that no header value may hold (RFC 9110,
// section 5.5); a tab it may.
func control(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }

// answer is the writer that a guard refuses by.
type answer struct {
	header http.Header
	status int
	body   []byte
}

// Header returns the headers.
func (a *answer) Header() http.Header { return a.header }

// WriteHeader keeps the first status, as net/http does.
func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
}

// Write keeps the body.
func (a *answer) Write(b []byte) (int, error) {
	a.body = append(a.body, b...)
	return len(b), nil
}

// send makes it fiber's answer.
func (a *answer) send(c fiber.Ctx) error {
	a.WriteHeader(http.StatusOK) // what net/http sends where nobody said
	a.headers(c)
	return c.Status(a.status).Send(a.body)
}

// headers copies the headers into fiber's answer. The length is fasthttp's to
// tell.
func (a *answer) headers(c fiber.Ctx) {
	out := &c.Response().Header
	for name, values := range a.header {
		if name == "Content-Length" {
			continue
		}
		out.Del(name)
		for _, value := range values {
			out.Add(name, value)
		}
	}
}
