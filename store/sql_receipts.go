package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/watchword-auth/watchword"
)

// ClaimReceipt keeps r where no receipt of its ID counts.
func (d *DB) ClaimReceipt(ctx context.Context, r watchword.Receipt, at time.Time) (watchword.Receipt, bool, error) {
	r = tidyReceipt(r)
	var standing watchword.Receipt
	var claimed bool
	err := d.write(ctx, func(ctx context.Context, q *statements) error {
		if _, err := q.exec(ctx, `DELETE FROM ww_receipts WHERE id = ? AND until <= ?`, r.ID, micros(at)); err != nil {
			return err
		}
		made, err := q.exec(ctx, `INSERT INTO ww_receipts (id, mark, answer, until) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`,
			r.ID, r.Mark, r.Answer, micros(r.Until))
		if standing, claimed = r, made == 1; err != nil || claimed {
			return err
		}
		var until int64
		err = q.row(ctx, `SELECT id, mark, answer, until FROM ww_receipts WHERE id = ?`, r.ID).
			Scan(&standing.ID, &standing.Mark, &standing.Answer, &until)
		standing.Until = time.UnixMicro(until).UTC()
		return err
	})
	if err != nil {
		return watchword.Receipt{}, false, err
	}
	return standing, claimed, nil
}

// SettleReceipt gives a receipt its answer.
func (d *DB) SettleReceipt(ctx context.Context, r watchword.Receipt) error {
	r = tidyReceipt(r)
	return d.write(ctx, func(ctx context.Context, q *statements) error {
		var id []byte
		err := q.row(ctx, `UPDATE ww_receipts SET answer = ?, until = ? WHERE id = ? RETURNING id`, r.Answer, micros(r.Until), r.ID).Scan(&id)
		if errors.Is(err, sql.ErrNoRows) {
			return noReceipt()
		}
		return err
	})
}

// DropReceipt forgets a receipt.
func (d *DB) DropReceipt(ctx context.Context, id []byte) error {
	id = clone(id)
	return d.write(ctx, func(ctx context.Context, q *statements) error {
		_, err := q.exec(ctx, `DELETE FROM ww_receipts WHERE id = ?`, id)
		return err
	})
}
