package store

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"github.com/watchword-auth/watchword"
)

// How far numbers jump when a backup is put back. Nobody knows how many were
// given out since it was made, and a number given twice would let the first
// owner's tokens open what is the second one's. 2^24 sessions and 2^20 users
// are more than any backup is behind; session numbers reach to 2^44.
const (
	sessionJump = 1 << 24
	userJump    = 1 << 20
)

// Renew makes a copy of a database, such as a backup that is put back, one of
// its own: cursors into the other one's facts mean nothing in it (a new
// epoch), and no number of a user or session that the other may have given
// out is given again. Unless keepSessions is set, all sessions end, by facts
// that live until `until`, and every access token issued up to at is refused
// for as long as any can live: which ones were issued since, nobody knows. It
// returns how many sessions it ended. Nobody else may have the database open.
func (d *DB) Renew(ctx context.Context, keepSessions bool, until, at time.Time) (ended int, err error) {
	err = d.write(ctx, func(ctx context.Context, q *statements) (err error) {
		if !keepSessions {
			if ended, err = endWhere(ctx, q, everySession, until, at); err != nil {
				return err
			}
		}
		if err := jump(ctx, q, "ww_sessions", sessionJump); err != nil {
			return err
		}
		if !keepSessions {
			everybody := watchword.Fact{Kind: watchword.UserFact, Before: at, Until: at.Add(watchword.MaxIssueLifetime)}
			if err := q.row(ctx, `SELECT seq FROM sqlite_sequence WHERE name = 'ww_sessions'`).Scan(&everybody.UpTo); err != nil {
				return err
			}
			if err := appendFact(ctx, q, tidyFact(everybody)); err != nil {
				return err
			}
		}
		if err := jump(ctx, q, "ww_users", userJump); err != nil {
			return err
		}
		_, err = q.exec(ctx, `UPDATE ww_meta SET value = ? WHERE name = ?`, []byte(rand.Text()), metaEpoch)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("renew database: %w", err)
	}
	return ended, nil
}

// jump moves on the number that a table has last given out.
func jump(ctx context.Context, q *statements, table string, by int64) error {
	// A table that never had a row has no row here either.
	_, err := q.exec(ctx, `INSERT INTO sqlite_sequence (name, seq)
		SELECT ?, 0 WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = ?)`, table, table)
	if err != nil {
		return err
	}
	_, err = q.exec(ctx, `UPDATE sqlite_sequence SET seq = seq + ? WHERE name = ?`, by, table)
	return err
}
