package load

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"
)

// conn is one connection for one request at a time. It costs a fraction of
// what http.Client does, so that on a machine that both share more is left
// for the server. It is opened when first used, and anew after an error.
type conn struct {
	addr    string
	net     net.Conn
	in      *bufio.Reader
	request []byte
	answer  []byte
}

// maxAnswer bounds what is read of an answer's body.
const maxAnswer = 1 << 20

// exchange sends a request and returns status and body, which is valid until
// the next call. It ends when ctx does.
func (c *conn) exchange(ctx context.Context, method, path, bearer string, body []byte) (int, []byte, error) {
	if err := c.open(ctx); err != nil {
		return 0, nil, err
	}
	status, answer, err := c.do(method, path, bearer, body)
	if err != nil {
		c.close()
	}
	return status, answer, err
}

func (c *conn) open(ctx context.Context) error {
	if c.net == nil {
		var d net.Dialer
		var err error
		if c.net, err = d.DialContext(ctx, "tcp", c.addr); err != nil {
			return err
		}
		c.in = bufio.NewReaderSize(c.net, 8<<10)
	}
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = time.Time{} // none
	}
	return c.net.SetDeadline(deadline)
}

func (c *conn) do(method, path, bearer string, body []byte) (int, []byte, error) {
	b := fmt.Appendf(c.request[:0], "%s %s HTTP/1.1\r\nHost: %s\r\n", method, path, c.addr)
	if method == http.MethodGet {
		b = append(b, "Authorization: Bearer "...)
		b = append(b, bearer...)
		b = append(b, "\r\n\r\n"...)
	} else {
		b = append(b, "Content-Type: application/json\r\nContent-Length: "...)
		b = strconv.AppendInt(b, int64(len(body)), 10)
		b = append(b, "\r\n\r\n"...)
		b = append(b, body...)
	}
	c.request = b
	if _, err := c.net.Write(b); err != nil {
		return 0, nil, err
	}
	r, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return 0, nil, err
	}
	defer r.Body.Close()
	if c.answer == nil {
		c.answer = make([]byte, 0, 4<<10)
	}
	if c.answer, err = appendAll(c.answer[:0], io.LimitReader(r.Body, maxAnswer)); err != nil {
		return 0, nil, err
	}
	if r.Close {
		c.close()
	}
	return r.StatusCode, c.answer, nil
}

// appendAll reads to the end.
func appendAll(b []byte, r io.Reader) ([]byte, error) {
	for {
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if err == io.EOF {
			return b, nil
		}
		if err != nil {
			return b, err
		}
	}
}

func (c *conn) close() {
	if c.net != nil {
		_ = c.net.Close() // nothing is lost with it
		c.net = nil
	}
}
