package store

import (
	"context"
	"time"

	"github.com/watchword-auth/watchword"
)

const (
	insertFact = `INSERT INTO ww_facts (n, kind, id, number, up_to, except_session, before, until)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?)`

	selectFacts = `SELECT n, kind, id, number, up_to, except_session, before, until FROM ww_facts
		WHERE n > ? AND n <= ? AND until > ? ORDER BY n LIMIT ?`

	// The number is ProfileFact's, written out for the index that has it too.
	dropRecordFacts = `DELETE FROM ww_facts WHERE kind = 6 AND id = ?`

	selectHead = `SELECT m.value, c.value FROM ww_meta m, ww_counters c WHERE m.name = 'epoch' AND c.name = 'fact'`
)

// places takes the next places in the order of facts and returns the last of
// them. Whoever writes the counter holds it until his commit, so that nobody
// can take a later place and commit it earlier.
func places(ctx context.Context, q *statements, count int) (last int64, err error) {
	err = q.row(ctx, `UPDATE ww_counters SET value = value + ? WHERE name = 'fact' RETURNING value`, count).Scan(&last)
	return last, err
}

// appendFact keeps f at the next place.
func appendFact(ctx context.Context, q *statements, f watchword.Fact) error {
	if replacesOlder(f) {
		if _, err := q.exec(ctx, dropRecordFacts, f.ID); err != nil {
			return err
		}
	}
	n, err := places(ctx, q, 1)
	if err != nil {
		return err
	}
	_, err = q.exec(ctx, insertFact, n, f.Kind, f.ID, f.Number, f.UpTo, f.Except, instant(f.Before), micros(f.Until))
	return err
}

// head returns the place of the last fact.
func head(ctx context.Context, q *statements) (c watchword.Cursor, err error) {
	var epoch []byte
	err = q.row(ctx, selectHead).Scan(&epoch, &c.N)
	c.Epoch = string(epoch)
	return c, err
}

// AddFact appends f.
func (d *DB) AddFact(ctx context.Context, f watchword.Fact) (watchword.Cursor, error) {
	var c watchword.Cursor
	err := d.write(ctx, func(ctx context.Context, q *statements) (err error) {
		if err := appendFact(ctx, q, tidyFact(f)); err != nil {
			return err
		}
		c, err = head(ctx, q)
		return err
	})
	if err != nil {
		return watchword.Cursor{}, err
	}
	return c, nil
}

// FactsSince returns the facts after c. It needs no transaction around its
// two reads: once the head was read, all facts up to it are committed.
func (d *DB) FactsSince(ctx context.Context, c watchword.Cursor, at time.Time, limit int) ([]watchword.Fact, watchword.Cursor, error) {
	var found []watchword.Fact
	var next watchword.Cursor
	err := d.read(ctx, func(ctx context.Context, q *statements) (err error) {
		if next, err = head(ctx, q); err != nil {
			return err
		}
		if err := follows(c, next); err != nil || c.N == next.N {
			return err
		}
		last := next.N
		err = q.each(ctx, func(row scanner) error {
			var f watchword.Fact
			err := row.Scan(&last, &f.Kind, &f.ID, &f.Number, &f.UpTo, &f.Except, (*instant)(&f.Before), (*instant)(&f.Until))
			found = append(found, f)
			return err
		}, selectFacts, c.N, next.N, micros(at), limitOr(limit))
		if len(found) == limitOr(limit) {
			next.N = last // there may be more
		}
		return err
	})
	if err != nil {
		return nil, watchword.Cursor{}, err
	}
	return found, next, nil
}
