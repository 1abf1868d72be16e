package open

import (
	"context"
	"net"
	"time"
)

// patience is how long another system's server may say nothing while an
// answer of its is waited for. The longest that is asked of it is a look
// through all hashes: a million take half a second.
const patience = 30 * time.Second

// dialer makes connections that give up on a server which is gone without a
// word, as one is whose machine has stopped: the driver does not, and hears of
// no end of a context while it reads. Sign-ins would wait for ever.
type dialer struct{ patience time.Duration }

// DialContext dials, and waits for an answer no longer than for any other.
func (d dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := (&net.Dialer{Timeout: d.patience}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return patient{c, d.patience}, nil
}

// Dial and DialTimeout are those of drivers that know no context.
func (d dialer) Dial(network, address string) (net.Conn, error) {
	return d.DialContext(context.Background(), network, address)
}

// DialTimeout dials within the given time.
func (d dialer) DialTimeout(network, address string, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	return d.DialContext(ctx, network, address)
}

// patient is a connection each of whose reads and writes ends in time.
type patient struct {
	net.Conn

	patience time.Duration
}

func (p patient) Read(b []byte) (int, error) {
	if err := p.SetReadDeadline(time.Now().Add(p.patience)); err != nil {
		return 0, err
	}
	return p.Conn.Read(b)
}

func (p patient) Write(b []byte) (int, error) {
	if err := p.SetWriteDeadline(time.Now().Add(p.patience)); err != nil {
		return 0, err
	}
	return p.Conn.Write(b)
}
