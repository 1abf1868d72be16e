package remote

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/watchword-auth/watchword/jwt"
)

const (
	// defaultLife is how long a set is fresh whose answer does not say.
	defaultLife = 5 * time.Minute
	// maxRefresh bounds the time between fetches: an answer marked as fresh for
	// a year must not hide a withdrawn key for as long.
	maxRefresh = time.Hour
)

// follow fetches whenever the set wants it, until Close.
func (k *Keys) follow() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-k.ctx.Done():
			return
		case <-timer.C:
			timer.Reset(k.tend())
		}
	}
}

// tend begins a fetch if one is due, and returns how long to sleep. That is
// never longer than MinInterval, so that a clock that jumped is noticed.
func (k *Keys) tend() time.Duration {
	now := k.c.Now()
	var due time.Duration
	// A set from the future means a clock set back: its age tells nothing.
	if s := k.set.Load(); s != nil && !now.Before(s.fetched) {
		due = s.fresh - now.Sub(s.fetched)
	}
	k.mu.Lock()
	due = max(due, k.pause(now))
	k.mu.Unlock()
	if due > 0 {
		return min(due, k.c.MinInterval)
	}
	k.begin()
	return k.c.MinInterval
}

// pause returns how long no fetch may begin. The caller holds mu.
func (k *Keys) pause(now time.Time) time.Duration {
	since := now.Sub(k.tried)
	if k.tried.IsZero() || since < 0 {
		return 0
	}
	return max(0, k.c.MinInterval-since)
}

// begin returns a channel that is closed when the fetch in the air is over. It
// begins one unless MinInterval forbids it; then, and after Close, it returns
// nil. This is the only place where a fetch begins.
func (k *Keys) begin() <-chan struct{} {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.flying {
		return k.over
	}
	now := k.c.Now()
	if k.ctx.Err() != nil || k.pause(now) > 0 {
		return nil
	}
	k.flying, k.tried = true, now
	k.stats.Fetches++
	number := k.stats.Fetches
	k.work.Go(func() { k.fly(now, number) })
	return k.over
}

// fly makes one fetch, tells those who wait, and only then writes File: nobody
// waits for a disk.
func (k *Keys) fly(now time.Time, number uint64) {
	s, err := k.fetch()
	if err == nil {
		s.fetch = number
		k.hold(s, now)
	}
	k.mu.Lock()
	k.flying, k.err = false, err
	if err != nil {
		k.stats.Failures++
	}
	close(k.over)
	k.over = make(chan struct{})
	k.mu.Unlock()
	if err == nil && k.c.File != "" {
		k.save()
	}
}

// fetch asks for the set, and for its address first if only the issuer is known.
func (k *Keys) fetch() (*keySet, error) {
	ctx, cancel := context.WithTimeout(k.ctx, k.c.Timeout)
	defer cancel()
	address := k.c.URL
	if address == "" {
		m, err := discover(ctx, k.client, k.c.Issuer)
		if err != nil {
			return nil, err
		}
		if m.JWKSURI == "" {
			return nil, fmt.Errorf("metadata of %s: no jwks_uri", k.c.Issuer)
		}
		address = m.JWKSURI
	}
	body, header, err := get(ctx, k.client, address, "application/jwk-set+json", "application/json")
	if err != nil {
		return nil, err
	}
	s, err := parseSet(body)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", address, err)
	}
	s.fresh = k.freshness(lifetime(header))
	return s, nil
}

// freshness returns how long after its fetch a set is fetched again: a while
// before its life is over, within our own bounds.
func (k *Keys) freshness(life time.Duration) time.Duration {
	return max(k.c.MinInterval, min(life/5*4, maxRefresh, k.c.MaxStale/2))
}

// hold puts s in the place of the set held. Its age counts from when it was
// asked for, not from when the answer came.
func (k *Keys) hold(s *keySet, asked time.Time) {
	s.fetched = asked.Round(0)
	s.version = 2
	if old := k.set.Load(); old != nil {
		s.version = old.version
		if old.print != s.print || k.tooOld(old) {
			s.version += 2
		}
	}
	k.set.Store(s)
}

// parseSet reads a JWK Set that may be trusted: public keys, at least one.
func parseSet(body []byte) (*keySet, error) {
	keys, err := jwt.ParseKeySet(body)
	if err != nil {
		return nil, err
	}
	// What is published is no secret, and what is secret must not be
	// published: a set with either kind was put there by mistake, and whoever
	// has read it can sign (RFC 8725, section 3.5).
	if slices.ContainsFunc(keys, func(key *jwt.Key) bool { return key.Algorithm().Symmetric() || key.CanSign() }) {
		return nil, fmt.Errorf("%w: key set: holds a secret or private key", jwt.ErrKey)
	}
	keys = slices.DeleteFunc(keys, func(key *jwt.Key) bool { return !key.CanVerify() })
	if len(keys) == 0 {
		return nil, fmt.Errorf("%w: key set: no key that verifies", jwt.ErrKey)
	}
	prints := make([]string, len(keys))
	for i, key := range keys {
		prints[i] = fmt.Sprintf("%s %s %q", key.Algorithm(), key.Thumbprint(), key.ID())
	}
	slices.Sort(prints) // a server that shuffles its keys changes nothing
	return &keySet{keys: keys, raw: body, print: strings.Join(prints, "\n")}, nil
}
