package watchword

import (
	"context"
	"slices"
	"time"
)

// PollInterval is how often [Authority.Run] reads facts: the bound for a
// change made by another process.
const PollInterval = time.Second / 2

// maintenanceEvery is how often keys are looked at.
const maintenanceEvery = time.Minute

// Run follows what other processes do to the store until ctx is done: facts,
// keys. One authority per process needs it; those that share its
// Revocations share its facts, and call [Authority.Refollow] for their keys.
// A program that is alone on its store does not need it. report hears of
// errors; nil ignores them (verification refuses after MaxStale).
func (a *Authority) Run(ctx context.Context, report func(error)) {
	ticker := time.NewTicker(PollInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if err := a.Follow(ctx); err != nil && ctx.Err() == nil && report != nil {
			report(err)
		}
	}
}

// Follow reads the facts since the last time, reads the keys again where
// they have changed, and rotates those that are due.
func (a *Authority) Follow(ctx context.Context) error {
	if err := a.list.Sync(ctx, a.c.Now()); err != nil {
		return err
	}
	if err := a.followKeys(ctx); err != nil {
		return err
	}
	return a.maintainKeys(ctx)
}

func (a *Authority) followKeys(ctx context.Context) error {
	if a.stored == nil {
		return nil
	}
	a.stored.mu.Lock()
	seen := a.stored.seen
	a.stored.mu.Unlock()
	if seen == a.list.keys.Load() {
		return nil
	}
	return a.loadRing(ctx)
}

// maintain is maintainKeys for programs that do not call Run: at most once a
// minute, by whoever comes by, and never in anybody's way.
func (a *Authority) maintain(ctx context.Context) {
	_ = a.maintainKeys(ctx) // tried again in a minute
}

func (a *Authority) maintainKeys(ctx context.Context) error {
	if a.stored == nil {
		return nil
	}
	now := a.c.Now()
	since := now.Unix() - a.maintained.Load() // negative where the clock was set back: then it is due
	if since >= 0 && since < int64(maintenanceEvery/time.Second) || !a.maintenance.TryLock() {
		return nil
	}
	defer a.maintenance.Unlock()
	a.maintained.Store(now.Unix())
	a.stored.mu.Lock()
	records := a.stored.records
	a.stored.mu.Unlock()
	if due, err := a.aged(slices.Clone(records), now); err != nil || due == nil {
		return err
	}
	return a.changeRing(ctx, a.aged)
}

// StaleFor returns how old the facts in memory are. Before the first read ok
// is false.
func (a *Authority) StaleFor() (age time.Duration, ok bool) { return a.list.Age(a.c.Now()) }
