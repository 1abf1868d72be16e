package server

import (
	"context"
	"time"

	"github.com/watchword-auth/watchword/cmd/watchword/internal/config"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/open"
)

// keepSessions is how long sessions that are over, and facts, are kept after
// they could last matter: for people who look back, and because a clock that
// is fast must not remove what still counts.
const keepSessions = 24 * time.Hour

// Purge removes from the database what can no longer matter, and of the audit
// log what the settings do not keep. It returns the number of rows.
func Purge(ctx context.Context, db *open.Opened, c config.Audit, now time.Time) (int, error) {
	before := now.Add(-keepSessions)
	n, err := db.Purge(ctx, before, before, now.Add(-c.Keep))
	if err != nil || c.MaxEntries == 0 {
		return n, err
	}
	trimmed, err := db.TrimAudit(ctx, c.MaxEntries)
	return n + trimmed, err
}

// purge does so every hour. The first time comes soon, for servers that never
// live for an hour.
func (s *Server) purge(ctx context.Context) {
	timer := time.NewTimer(time.Minute)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		timer.Reset(time.Hour)
		switch n, err := Purge(ctx, s.db, s.config.Audit, time.Now()); {
		case err != nil && ctx.Err() == nil:
			s.log.Error("purge", "error", err)
		case n > 0:
			s.log.Info("purged", "rows", n)
		}
	}
}
