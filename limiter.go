package watchword

import (
	"context"
	"strings"
	"sync"
	"time"
)

// Limiter bounds how often something may be tried. Take is asked before the
// attempt, so that a thousand at once cannot slip through; what succeeds is
// given back.
type Limiter interface {
	// Take counts an attempt under key. A positive retryAfter means: refused,
	// and not before that time.
	Take(ctx context.Context, key string, at time.Time) (retryAfter time.Duration, err error)
	// Refund gives one attempt back.
	Refund(ctx context.Context, key string, at time.Time) error
	// Reset forgets the key.
	Reset(ctx context.Context, key string) error
}

// Rate is a bucket: Burst attempts at once, and one more every Every.
type Rate struct {
	Burst int
	Every time.Duration
}

// MemoryLimiter is a Limiter for one process. It holds at most a fixed
// number of keys; what has recovered fully is forgotten. Safe for concurrent
// use.
type MemoryLimiter struct {
	rate func(key string) Rate
	max  int

	mu      sync.Mutex
	buckets map[string]time.Time // when the bucket will be empty again (GCRA)
}

// NewMemoryLimiter makes a limiter whose rate is looked up by key.
// nil means [DefaultRate]. max bounds the number of keys; 0 means 100,000,
// about 10 MB.
func NewMemoryLimiter(rate func(key string) Rate, max int) *MemoryLimiter {
	if rate == nil {
		rate = DefaultRate
	}
	if max <= 0 {
		max = 100_000
	}
	return &MemoryLimiter{rate: rate, max: max, buckets: make(map[string]time.Time)}
}

// DefaultRate is the rate of failed sign-ins, documented in docs/limits.md as
// OWASP ASVS 6.1.1 asks: 10 at once and then one every 30 seconds for a
// login, 100 at once and then one every 2 seconds for an address (keys that
// begin with "address:"). A person who mistypes never meets them; a guesser
// gets 2,890 attempts a day at one login. Nobody is locked out for longer
// than those 30 seconds after an attack stops, and sessions that are signed
// in are not touched.
func DefaultRate(key string) Rate {
	if strings.HasPrefix(key, "address:") {
		return Rate{Burst: 100, Every: 2 * time.Second}
	}
	return Rate{Burst: 10, Every: 30 * time.Second}
}

// Take counts an attempt by the generic cell rate algorithm: a bucket is one
// time stamp, and time that passes empties it.
func (l *MemoryLimiter) Take(_ context.Context, key string, at time.Time) (time.Duration, error) {
	r := l.rate(key)
	full := time.Duration(r.Burst) * r.Every
	l.mu.Lock()
	defer l.mu.Unlock()
	empty, known := l.buckets[key]
	if !known && len(l.buckets) >= l.max {
		l.forget(at)
		if len(l.buckets) >= l.max {
			// Full of keys that all still count: somebody sprays. Refusing
			// is the only answer that keeps the bound and the limit.
			return r.Every, nil
		}
	}
	// A clock that stepped back must not lock anybody out for longer than a
	// whole bucket.
	if empty.Before(at) || empty.Sub(at) > full {
		empty = at
	}
	next := empty.Add(r.Every)
	if wait := next.Sub(at) - full; wait > 0 {
		return wait, nil
	}
	l.buckets[key] = next
	return 0, nil
}

// Refund gives one attempt back.
func (l *MemoryLimiter) Refund(_ context.Context, key string, at time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	empty, known := l.buckets[key]
	if !known {
		return nil
	}
	if empty = empty.Add(-l.rate(key).Every); empty.After(at) {
		l.buckets[key] = empty
	} else {
		delete(l.buckets, key)
	}
	return nil
}

// Reset forgets the key.
func (l *MemoryLimiter) Reset(_ context.Context, key string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.buckets, key)
	return nil
}

// forget drops the keys that have recovered.
func (l *MemoryLimiter) forget(at time.Time) {
	for key, empty := range l.buckets {
		if !empty.After(at) {
			delete(l.buckets, key)
		}
	}
}
