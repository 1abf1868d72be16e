package django

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/watchword-auth/watchword"
)

// explain gives an error of the database its code: Unavailable to what passes
// by itself, as package store does.
func explain(err error) error {
	if err == nil {
		return nil
	}
	var network net.Error
	if errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) || errors.Is(err, io.EOF) || errors.As(err, &network) ||
		errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || passes(err) {
		return fmt.Errorf("%w: %w", watchword.Unavailable, err)
	}
	return err
}

// passes goes by numbers: the text of an error is for people.
func passes(err error) bool {
	var state interface {
		error
		SQLState() string
	}
	if errors.As(err, &state) {
		// PostgreSQL's classes: connection, conflict of transactions, out of
		// something, lock not to be had, intervention of an operator, system.
		for _, class := range []string{"08", "40", "53", "55", "57", "58"} {
			if strings.HasPrefix(state.SQLState(), class) {
				return true
			}
		}
		return false
	}
	var coded interface {
		error
		Code() int
	}
	if errors.As(err, &coded) {
		switch coded.Code() & 0xff { // https://www.sqlite.org/rescode.html
		case 5, 6, 7, 8, 10, 13, 14: // busy, locked, no memory, read-only, I/O, full, cannot open
			return true
		}
	}
	return false
}

// instant scans a time as Django keeps it: PostgreSQL's own type, or SQLite's
// text, which is UTC without saying so.
type instant time.Time

// Scan reads a time. One that cannot be read is none: nothing is decided by
// it, and it must not keep its owner from signing in.
func (i *instant) Scan(value any) error {
	*i = instant{}
	switch v := value.(type) {
	case time.Time:
		*i = instant(v.UTC().Truncate(time.Microsecond))
	case []byte:
		return i.Scan(string(v))
	case string:
		for _, layout := range []string{"2006-01-02 15:04:05.999999", "2006-01-02 15:04:05.999999-07:00", time.RFC3339Nano} {
			if t, err := time.Parse(layout, v); err == nil {
				*i = instant(t.UTC())
				break
			}
		}
	}
	return nil
}
