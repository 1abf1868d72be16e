package password

import (
	"context"
	"runtime"
	"time"
)

// slots lets a bounded number of hashes run at once.
type slots struct {
	// held is full when all slots are taken. The runtime serves blocked senders in order of arrival and hands a
	// freed place to the first of them, so nobody who arrives later overtakes.
	held chan struct{}
	wait time.Duration
}

func newSlots(n int, wait time.Duration) slots {
	if n == 0 {
		n = runtime.GOMAXPROCS(0)
	}
	return slots{held: make(chan struct{}, n), wait: wait}
}

// take waits for a slot; the caller must release it. It fails with a *BusyError or ctx's error.
func (s slots) take(ctx context.Context) (release func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	select {
	case s.held <- struct{}{}:
		return s.release, nil
	default:
	}
	timer := time.NewTimer(s.wait)
	defer timer.Stop()
	select {
	case s.held <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-timer.C:
		return nil, &BusyError{RetryAfter: s.retryAfter()}
	}
	// Nobody may be there any more to read the answer.
	if err := ctx.Err(); err != nil {
		s.release()
		return nil, err
	}
	return s.release, nil
}

func (s slots) release() { <-s.held }

// retryAfter is the wait in whole seconds: a queue that has not moved for that long needs as long again. HTTP's
// Retry-After has no finer unit (RFC 9110, section 10.2.3).
func (s slots) retryAfter() time.Duration {
	return max(time.Second, (s.wait + time.Second - 1).Truncate(time.Second))
}
