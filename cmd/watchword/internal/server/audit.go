package server

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/engine"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/manage"
)

// Bounds of the audit queue: entries that wait, entries written at once, and
// how long one waits for company.
const (
	auditQueue = 4096
	auditBatch = 256
	auditDelay = 200 * time.Millisecond
)

// auditor writes events down, behind the back of the requests that caused
// them. Where more happens than the disk takes, entries are dropped, counted
// and reported: nobody's sign-in waits for the log.
type auditor struct {
	store   watchword.AuditLog
	log     *slog.Logger
	queue   chan watchword.AuditEntry
	dropped atomic.Uint64
	limited limitedAttempts
}

// limitedAttempts thins out attempts that the limiter refused: whoever sends
// thousands of them must not fill the disk as well.
type limitedAttempts struct {
	next    atomic.Int64 // unix nanoseconds before which none is written
	skipped atomic.Uint64
}

func newAuditor(store watchword.AuditLog, log *slog.Logger) *auditor {
	return &auditor{store: store, log: log, queue: make(chan watchword.AuditEntry, auditQueue)}
}

// observe takes an event in. It never blocks. Refreshes that went well are
// left out: they are most of all events and say what the session list says;
// a token that was used again is not left out. What is done by administration
// is written down there.
func (a *auditor) observe(ctx context.Context, e watchword.Event) {
	if e.Kind == watchword.Refreshed || e.Kind == watchword.RefreshRepeated || manage.Recorded(ctx) {
		return
	}
	entry := engine.Entry(e)
	if e.Code == watchword.RateLimited {
		skipped, write := a.limited.take(e.At)
		if !write {
			return
		}
		if skipped > 0 {
			entry.Detail = fmt.Sprintf("and %d more since the last", skipped)
		}
	}
	select {
	case a.queue <- entry:
	default:
		a.dropped.Add(1)
	}
}

// take reports whether this attempt is written, at most one a second, and how
// many were not since the last that was.
func (l *limitedAttempts) take(at time.Time) (skipped uint64, write bool) {
	next := l.next.Load()
	if at.UnixNano() < next || !l.next.CompareAndSwap(next, at.Add(time.Second).UnixNano()) {
		l.skipped.Add(1)
		return 0, false
	}
	return l.skipped.Swap(0), true
}

// run writes until ctx is done, and then what is left.
func (a *auditor) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			a.flush()
			return
		case first := <-a.queue:
			a.write(ctx, a.gather(ctx, first))
		}
	}
}

// gather waits a little for more entries.
func (a *auditor) gather(ctx context.Context, first watchword.AuditEntry) []watchword.AuditEntry {
	batch := []watchword.AuditEntry{first}
	timer := time.NewTimer(auditDelay)
	defer timer.Stop()
	for len(batch) < auditBatch {
		select {
		case e := <-a.queue:
			batch = append(batch, e)
		case <-timer.C:
			return batch
		case <-ctx.Done():
			return batch
		}
	}
	return batch
}

// flush writes what waits.
func (a *auditor) flush() {
	for {
		var batch []watchword.AuditEntry
		for len(batch) < auditBatch {
			select {
			case e := <-a.queue:
				batch = append(batch, e)
				continue
			default:
			}
			break
		}
		if len(batch) == 0 {
			return
		}
		a.write(context.Background(), batch)
	}
}

// write writes a batch, also one taken just before the end. A batch that the
// store refuses is lost, and said so.
func (a *auditor) write(ctx context.Context, batch []watchword.AuditEntry) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	if err := a.store.AppendAudit(ctx, batch); err != nil {
		a.dropped.Add(uint64(len(batch)))
		a.log.Error("write audit log", "error", err)
	}
	if n := a.dropped.Swap(0); n > 0 {
		a.log.Warn("audit entries dropped", "entries", n)
	}
}
