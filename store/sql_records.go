package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/watchword-auth/watchword"
)

// Keys returns the records of the ring, in the order they were put. Ring and
// records come by one statement, so that they are of one version.
func (d *DB) Keys(ctx context.Context, ring string) ([]watchword.KeyRecord, int64, error) {
	var records []watchword.KeyRecord
	var version int64
	err := d.read(ctx, func(ctx context.Context, q *statements) error {
		return q.each(ctx, func(row scanner) error {
			var k watchword.KeyRecord
			var id, algorithm, state sql.NullString // NULL in a ring without keys
			var imported sql.NullBool
			err := row.Scan(&version, &id, &algorithm, &state, &imported, &k.Sealed,
				(*instant)(&k.CreatedAt), (*instant)(&k.StateAt))
			if err == nil && id.Valid {
				k.ID, k.Algorithm, k.State, k.Imported = id.String, algorithm.String, state.String, imported.Bool
				records = append(records, k)
			}
			return err
		}, `SELECT r.version, k.id, k.algorithm, k.state, k.imported, k.sealed, k.created_at, k.state_at
			FROM ww_rings r LEFT JOIN ww_keys k ON k.ring = r.ring WHERE r.ring = ? ORDER BY k.position`, ring)
	})
	if err != nil {
		return nil, 0, err
	}
	return records, version, nil
}

// PutKeys replaces the records of the ring.
func (d *DB) PutKeys(ctx context.Context, ring string, version int64, records []watchword.KeyRecord, until, _ time.Time) error {
	records = tidyKeys(records)
	return d.write(ctx, func(ctx context.Context, q *statements) error {
		var now int64
		err := q.row(ctx, `SELECT version FROM ww_rings WHERE ring = ?`, ring).Scan(&now)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if now != version {
			return errRingMoved(ring, version, now)
		}
		_, err = q.exec(ctx, `INSERT INTO ww_rings (ring, version) VALUES (?, ?)
			ON CONFLICT (ring) DO UPDATE SET version = excluded.version`, ring, version+1)
		if err != nil {
			return err
		}
		if _, err := q.exec(ctx, `DELETE FROM ww_keys WHERE ring = ?`, ring); err != nil {
			return err
		}
		for i, k := range records {
			_, err := q.exec(ctx, `INSERT INTO ww_keys (ring, position, id, algorithm, state, imported, sealed, created_at, state_at)
				VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
				ring, i, k.ID, k.Algorithm, k.State, k.Imported, k.Sealed, instant(k.CreatedAt), instant(k.StateAt))
			if err != nil {
				return err
			}
		}
		return appendFact(ctx, q, keyFact(until))
	})
}

const clientColumns = `id, name, secret_hash, scopes, user_fields, created_at`

const selectClients = `SELECT ` + clientColumns + ` FROM ww_clients`

func scanClient(row scanner) (c watchword.ClientRecord, err error) {
	err = row.Scan(&c.ID, &c.Name, &c.SecretHash, (*list)(&c.Scopes), (*list)(&c.UserFields), (*instant)(&c.CreatedAt))
	return c, err
}

// CreateClient keeps a machine client.
func (d *DB) CreateClient(ctx context.Context, c watchword.ClientRecord) error {
	c = tidyClient(c)
	return d.write(ctx, func(ctx context.Context, q *statements) error {
		made, err := q.exec(ctx, `INSERT INTO ww_clients (`+clientColumns+`) VALUES (?, ?, ?, ?, ?, ?)
			ON CONFLICT DO NOTHING`, c.ID, c.Name, c.SecretHash, list(c.Scopes), list(c.UserFields), instant(c.CreatedAt))
		if err == nil && made == 0 {
			return errClientTaken(c.Name)
		}
		return err
	})
}

// ClientByID returns the client with that id.
func (d *DB) ClientByID(ctx context.Context, id string) (watchword.ClientRecord, error) {
	var c watchword.ClientRecord
	err := d.read(ctx, func(ctx context.Context, q *statements) (err error) {
		c, err = scanClient(q.row(ctx, selectClients+` WHERE id = ?`, id))
		return err
	})
	if errors.Is(err, sql.ErrNoRows) {
		return watchword.ClientRecord{}, noClient(id)
	}
	if err != nil {
		return watchword.ClientRecord{}, err
	}
	return c, nil
}

// ListClients returns all clients by name.
func (d *DB) ListClients(ctx context.Context) ([]watchword.ClientRecord, error) {
	all := []watchword.ClientRecord{}
	err := d.read(ctx, func(ctx context.Context, q *statements) error {
		return q.each(ctx, func(row scanner) error {
			c, err := scanClient(row)
			all = append(all, c)
			return err
		}, selectClients+` ORDER BY name`)
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

// SetClientSecret replaces the hash of the client's secret.
func (d *DB) SetClientSecret(ctx context.Context, name string, hash []byte) (watchword.ClientRecord, error) {
	var c watchword.ClientRecord
	err := d.write(ctx, func(ctx context.Context, q *statements) (err error) {
		c, err = scanClient(q.row(ctx, `UPDATE ww_clients SET secret_hash = ? WHERE name = ?
			RETURNING `+clientColumns, clone(hash), name))
		if errors.Is(err, sql.ErrNoRows) {
			return noClient(name)
		}
		return err
	})
	if err != nil {
		return watchword.ClientRecord{}, err
	}
	return c, nil
}

// DeleteClient removes the client.
func (d *DB) DeleteClient(ctx context.Context, name string) error {
	return d.write(ctx, func(ctx context.Context, q *statements) error {
		gone, err := q.exec(ctx, `DELETE FROM ww_clients WHERE name = ?`, name)
		if err == nil && gone == 0 {
			return noClient(name)
		}
		return err
	})
}

// Meta returns the value of that name. The name "epoch" is the store's own.
func (d *DB) Meta(ctx context.Context, name string) ([]byte, error) {
	var value []byte
	err := d.read(ctx, func(ctx context.Context, q *statements) error {
		return q.row(ctx, `SELECT value FROM ww_meta WHERE name = ?`, name).Scan(&value)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return nil, noMeta(name)
	}
	if err != nil {
		return nil, err
	}
	return value, nil
}

// SetMeta keeps the value under that name.
func (d *DB) SetMeta(ctx context.Context, name string, value []byte) error {
	value = clone(value)
	return d.write(ctx, func(ctx context.Context, q *statements) error {
		_, err := q.exec(ctx, `INSERT INTO ww_meta (name, value) VALUES (?, ?)
			ON CONFLICT (name) DO UPDATE SET value = excluded.value`, name, value)
		return err
	})
}
