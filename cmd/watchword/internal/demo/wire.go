package demo

import (
	"context"
	"io"
	"net"
	"sync"
)

// wire is what lies between a service and the authority, and can be cut.
type wire struct {
	listener net.Listener
	to       string

	mu    sync.Mutex
	isCut bool
	conns map[net.Conn]bool
	work  sync.WaitGroup
}

// newWire carries connections to an address.
func newWire(ctx context.Context, to string) (*wire, error) {
	listener, err := listen(ctx)
	if err != nil {
		return nil, err
	}
	w := &wire{listener: listener, to: to, conns: make(map[net.Conn]bool)}
	w.work.Go(w.accept)
	return w, nil
}

func (w *wire) accept() {
	for {
		conn, err := w.listener.Accept()
		if err != nil {
			return // it was closed
		}
		w.work.Go(func() { w.carry(conn) })
	}
}

// carry joins a connection with one to the other end.
func (w *wire) carry(near net.Conn) {
	defer near.Close()
	if !w.hold(near) {
		return
	}
	defer w.drop(near)
	far, err := net.Dial("tcp", w.to) //nolint:noctx // it ends with the wire
	if err != nil || !w.hold(far) {
		return
	}
	defer w.drop(far)
	defer far.Close()
	var both sync.WaitGroup
	for _, pair := range [][2]net.Conn{{near, far}, {far, near}} {
		both.Go(func() {
			_, _ = io.Copy(pair[0], pair[1]) // one end has gone, or the wire is cut
			_ = pair[0].Close()
			_ = pair[1].Close()
		})
	}
	both.Wait()
}

// hold notes a connection, unless there is none to be had.
func (w *wire) hold(c net.Conn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.isCut {
		w.conns[c] = true
	}
	return !w.isCut
}

func (w *wire) drop(c net.Conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.conns, c)
}

// cut ends all connections and refuses new ones.
func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.isCut = true
	for c := range w.conns {
		_ = c.Close()
	}
}

func (w *wire) mend() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.isCut = false
}

func (w *wire) close() {
	_ = w.listener.Close()
	w.cut()
	w.work.Wait()
}
