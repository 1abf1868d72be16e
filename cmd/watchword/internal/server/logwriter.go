package server

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// LogWriter hands what is written on to another writer in a goroutine of its
// own, so that no request ever waits for whoever reads the log: a pipe that
// is full, a terminal that is held. What does not fit its buffer is dropped
// and counted. Make one with [NewLogWriter].
type LogWriter struct {
	to io.Writer

	mu      sync.Mutex
	wake    *sync.Cond
	pending []byte
	dropped int
	closed  bool
	done    chan struct{}
}

// maxPending bounds what waits to be written.
const maxPending = 1 << 20

// NewLogWriter starts the goroutine; Close ends it.
func NewLogWriter(to io.Writer) *LogWriter {
	w := &LogWriter{to: to, done: make(chan struct{})}
	w.wake = sync.NewCond(&w.mu)
	go w.run()
	return w
}

// Write takes a line. It never fails.
func (w *LogWriter) Write(line []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed || len(w.pending)+len(line) > maxPending {
		w.dropped++
		return len(line), nil
	}
	w.pending = append(w.pending, line...)
	w.wake.Signal()
	return len(line), nil
}

func (w *LogWriter) run() {
	defer close(w.done)
	var spare []byte
	for {
		w.mu.Lock()
		for len(w.pending) == 0 && !w.closed {
			w.wake.Wait()
		}
		lines, dropped, closed := w.pending, w.dropped, w.closed
		w.pending, w.dropped = spare[:0], 0
		w.mu.Unlock()
		if dropped > 0 {
			lines = fmt.Appendf(lines, "%d log lines were dropped: nobody read them\n", dropped)
		}
		_, _ = w.to.Write(lines) // there is nowhere to report it to
		if closed {
			return
		}
		if spare = lines; cap(spare) > maxPending/16 {
			spare = nil // a burst's buffer is not kept for ever
		}
	}
}

// Close writes what waits and ends the goroutine, but does not wait for a
// reader that does not read.
func (w *LogWriter) Close() error {
	w.mu.Lock()
	w.closed = true
	w.wake.Signal()
	w.mu.Unlock()
	timer := time.NewTimer(time.Second)
	defer timer.Stop()
	select {
	case <-w.done:
	case <-timer.C:
	}
	return nil
}
