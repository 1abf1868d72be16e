package store

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"

	"github.com/watchword-auth/watchword"
)

const (
	insertAudit = `INSERT INTO ww_audit (at, kind, profile, user_id, login, session, address, device, code, actor, detail)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, nullif(?, ''), ?)`

	selectAudit = `SELECT id, at, kind, profile, user_id, login, session, address, device, code, coalesce(actor, ''), detail FROM ww_audit
		WHERE id < ?`
)

// AppendAudit keeps the entries in their order; the IDs they come with are
// not looked at.
func (d *DB) AppendAudit(ctx context.Context, entries []watchword.AuditEntry) error {
	if len(entries) == 0 {
		return nil
	}
	entries = slices.Clone(entries)
	return d.write(ctx, func(ctx context.Context, q *statements) error {
		for _, e := range entries {
			_, err := q.exec(ctx, insertAudit, instant(stamp(e.At)), e.Kind, e.Profile, e.UserID, e.Login,
				e.Session, e.Address, e.Device, e.Code, e.Actor, e.Detail)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// ListAudit returns entries, newest first.
func (d *DB) ListAudit(ctx context.Context, f watchword.AuditFilter) ([]watchword.AuditEntry, error) {
	text, args := selectAudit, []any{below(f.Before)}
	// Of several conditions that have an index the one of a user has the
	// fewest entries, and that of a kind the most. With the plus the others
	// match none: SQLite would take any.
	plus := ""
	for _, c := range []struct{ column, value string }{{"user_id", f.UserID}, {"actor", f.Actor}, {"kind", f.Kind}} {
		if c.value != "" {
			text += ` AND ` + plus + c.column + ` = ?`
			args = append(args, c.value)
			plus = "+"
		}
	}
	if !f.Since.IsZero() {
		text += ` AND at >= ?`
		args = append(args, instant(stamp(f.Since)))
	}
	text += ` ORDER BY id DESC LIMIT ?`
	var found []watchword.AuditEntry
	err := d.read(ctx, func(ctx context.Context, q *statements) error {
		return q.each(ctx, func(row scanner) error {
			var e watchword.AuditEntry
			err := row.Scan(&e.ID, (*instant)(&e.At), &e.Kind, &e.Profile, &e.UserID, &e.Login,
				&e.Session, &e.Address, &e.Device, &e.Code, &e.Actor, &e.Detail)
			found = append(found, e)
			return err
		}, text, append(args, limitOr(f.Limit))...)
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

// purgeStep is the number of rows that one transaction of a purge removes:
// sign-ins and refreshes wait for no more than that.
const purgeStep = 500

const (
	purgeFacts = `DELETE FROM ww_facts WHERE n IN (SELECT n FROM ww_facts WHERE until <= ? LIMIT ?)`

	purgeReceipts = `DELETE FROM ww_receipts WHERE id IN (SELECT id FROM ww_receipts WHERE until <= ? LIMIT ?)`

	// Only hours that are over: their rows are all due, so that no step reads
	// what it does not remove.
	purgeSessions = `DELETE FROM ww_sessions WHERE number IN (SELECT number FROM ww_sessions WHERE purge_hour < ? LIMIT ?)`

	// Entries lie nearly in order of time, so the oldest ids tell whether
	// there is anything to do.
	purgeAudit = `DELETE FROM ww_audit WHERE at < ? AND id IN (SELECT id FROM ww_audit ORDER BY id LIMIT ?)`
)

// Purge removes what can no longer matter, in transactions of some hundred
// rows. Sessions may stay for up to an hour more. It stops at the first error and returns what it had removed.
func (d *DB) Purge(ctx context.Context, at, before, audit time.Time) (int, error) {
	removed := 0
	for _, step := range []struct {
		text string
		args []any
	}{
		{purgeFacts, []any{micros(at)}},
		{purgeReceipts, []any{micros(at)}},
		{purgeSessions, []any{hour(before)}},
		{purgeAudit, []any{micros(audit)}},
	} {
		n, err := d.remove(ctx, step.text, step.args...)
		removed += n
		if err != nil {
			return removed, err
		}
	}
	return removed, nil
}

// remove repeats a statement that removes at most as many rows as its last
// argument says, until it finds fewer.
func (d *DB) remove(ctx context.Context, text string, args ...any) (removed int, err error) {
	for {
		var n int64
		err := d.write(ctx, func(ctx context.Context, q *statements) (err error) {
			n, err = q.exec(ctx, text, append(args, purgeStep)...)
			return err
		})
		if err != nil {
			return removed, err
		}
		removed += int(n)
		if n < purgeStep {
			return removed, nil
		}
	}
}

const (
	newestAuditTooMany = `SELECT id FROM ww_audit ORDER BY id DESC LIMIT 1 OFFSET ?`

	trimAudit = `DELETE FROM ww_audit WHERE id <= ? AND id IN (SELECT id FROM ww_audit ORDER BY id LIMIT ?)`
)

// TrimAudit removes all but the newest keep entries, in transactions of some
// hundred.
func (d *DB) TrimAudit(ctx context.Context, keep int) (int, error) {
	var last int64
	err := d.read(ctx, func(ctx context.Context, q *statements) error {
		return q.row(ctx, newestAuditTooMany, max(keep, 0)).Scan(&last)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return d.remove(ctx, trimAudit, last)
}
