package open

import (
	"context"
	"database/sql"

	"github.com/watchword-auth/watchword/remote/sqlmirror"
)

// Mirror opens the tables in which users of an authority elsewhere are kept, in
// the same database. end is called once they are not needed any more.
func (o *Opened) Mirror(ctx context.Context, options sqlmirror.Options) (m *sqlmirror.Mirror, end func() error, err error) {
	db, end := o.SQL, func() error { return nil }
	if o.Path == "" {
		// Every connection to memory is a database of its own, and the store's
		// is the store's.
		if db, err = sql.Open("sqlite", ":memory:"); err != nil {
			return nil, end, err
		}
		db.SetMaxOpenConns(1)
		end = db.Close
	}
	if m, err = sqlmirror.Open(ctx, db, sqlmirror.SQLite, options); err != nil {
		_ = end() // the first error tells more
		return nil, func() error { return nil }, plain(err)
	}
	return m, end, nil
}
