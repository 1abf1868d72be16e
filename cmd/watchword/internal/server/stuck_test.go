package server_test

import (
	"crypto/tls"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/watchword-auth/watchword/cmd/watchword/internal/config"
)

// stuckListener has connections that take nothing any more once stuck is set:
// a write ends by its deadline, which is not waited for, or when the
// connection is closed.
type stuckListener struct {
	net.Listener
	stuck atomic.Bool
}

func (l *stuckListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	closed := make(chan struct{})
	return &stuckConn{Conn: c, stuck: &l.stuck, closed: closed, end: sync.OnceFunc(func() { close(closed) })}, nil
}

type stuckConn struct {
	net.Conn
	stuck   *atomic.Bool
	limited atomic.Bool
	closed  chan struct{}
	end     func()
}

func (c *stuckConn) SetWriteDeadline(t time.Time) error {
	c.limited.Store(!t.IsZero())
	return c.Conn.SetWriteDeadline(t)
}

func (c *stuckConn) Write(b []byte) (int, error) {
	if !c.stuck.Load() {
		return c.Conn.Write(b)
	}
	if c.limited.Load() {
		return 0, os.ErrDeadlineExceeded
	}
	<-c.closed
	return 0, net.ErrClosed
}

func (c *stuckConn) Close() error {
	c.end()
	return c.Conn.Close()
}

// The deadlines of answers end streams of HTTP/2 and not the connection under
// them: who takes nothing would hold it, and what waits to be written, for as
// long as it pleases him.
func TestConnectionsThatTakeNothingAreClosed(t *testing.T) {
	listener := &stuckListener{}
	s := serveOn(t, func(l net.Listener) net.Listener { listener.Listener = l; return listener }, func(c *config.Config) { c.TLS.SelfSigned = true })
	client := &http.Client{Transport: &http.Transport{
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true}, // it is self-signed
		ForceAttemptHTTP2: true,
	}}
	defer client.CloseIdleConnections()
	answer, err := client.Get(s.url + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	if err := answer.Body.Close(); err != nil || answer.ProtoMajor != 2 {
		t.Fatalf("readyz over %s, %v", answer.Proto, err)
	}
	listener.stuck.Store(true)
	if answer, err = client.Get(s.url + "/readyz"); err == nil {
		_ = answer.Body.Close()
		t.Error("the connection goes on")
	}
}
