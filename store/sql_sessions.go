package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/watchword-auth/watchword"
)

const (
	sessionColumns = `s.number, s.profile, s.user_id, s.user_version, s.own_user, s.client_id, s.scopes, s.device,
		s.address, s.generation, s.created_at, s.advanced_at, s.idle_until, s.expires_at, s.ended_at, s.origin, s.purge_hour`

	selectSession = `SELECT ` + sessionColumns + ` FROM ww_sessions s WHERE s.number = ?`

	// selectToAdvance reads the session together with the user who holds it.
	selectToAdvance = `SELECT ` + sessionColumns + `, u.active, u.version
		FROM ww_sessions s LEFT JOIN ww_users u ON u.id = s.own_user WHERE s.number = ?`

	selectOrigin = `SELECT ` + sessionColumns + ` FROM ww_sessions s WHERE s.origin = ?`

	insertSession = `INSERT INTO ww_sessions (profile, user_id, user_version, own_user, client_id, scopes, device, address,
		generation, created_at, advanced_at, idle_until, expires_at, ended_at, origin, purge_hour)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING number`

	// updateStep is the refresh that changes no index: nearly every one.
	updateStep = `UPDATE ww_sessions SET generation = ?, advanced_at = ?, idle_until = ? WHERE number = ?`

	updateSession = `UPDATE ww_sessions SET generation = ?, advanced_at = ?, idle_until = ?, ended_at = ?, purge_hour = ?
		WHERE number = ?`
)

// sessionRow is a session with what only its row says.
type sessionRow struct {
	watchword.Session
	purgeHour int64
}

// scanSession reads sessionColumns, and into further places what follows.
func scanSession(row scanner, further ...any) (sessionRow, error) {
	var r sessionRow
	var own sql.NullInt64
	s := &r.Session
	err := row.Scan(append([]any{
		&s.Number, &s.Profile, &s.UserID, &s.UserVersion, &own, &s.ClientID, (*list)(&s.Scopes), &s.Device,
		&s.Address, &s.Generation, (*instant)(&s.CreatedAt), (*instant)(&s.AdvancedAt), (*instant)(&s.IdleUntil),
		(*instant)(&s.ExpiresAt), (*instant)(&s.EndedAt), &s.Origin, &r.purgeHour,
	}, further...)...)
	s.OwnUser = own.Valid
	return r, err
}

// purgeHour is the hour in which the session ceases to matter.
func purgeHour(s watchword.Session) int64 { return hour(lastNeeded(s)) }

func hour(t time.Time) int64 { return micros(t) / time.Hour.Microseconds() }

// CreateSession keeps s under the next number. Where Origin is taken, the
// session that has it comes beside the Conflict.
func (d *DB) CreateSession(ctx context.Context, s watchword.Session) (watchword.Session, error) {
	s = tidySession(s)
	var own sql.NullInt64
	if s.OwnUser {
		if own.Int64, own.Valid = parseID(s.UserID); !own.Valid {
			return watchword.Session{}, errUserMoved(s.UserID)
		}
	}
	made := s
	err := d.write(ctx, func(ctx context.Context, q *statements) error {
		if own.Valid {
			var active bool
			var version int64
			err := q.row(ctx, `SELECT active, version FROM ww_users WHERE id = ?`, own.Int64).Scan(&active, &version)
			if errors.Is(err, sql.ErrNoRows) || (err == nil && (!active || version != s.UserVersion)) {
				return errUserMoved(s.UserID)
			}
			if err != nil {
				return err
			}
		}
		if s.Origin != nil {
			first, err := scanSession(q.row(ctx, selectOrigin, s.Origin))
			if err == nil {
				made = first.Session
				return errOriginTaken()
			}
			if !errors.Is(err, sql.ErrNoRows) {
				return err
			}
		}
		return q.row(ctx, insertSession, s.Profile, s.UserID, s.UserVersion, own, s.ClientID, list(s.Scopes), s.Device, s.Address,
			s.Generation, instant(s.CreatedAt), instant(s.AdvancedAt), micros(s.IdleUntil), micros(s.ExpiresAt),
			instant(s.EndedAt), s.Origin, purgeHour(s)).Scan(&made.Number)
	})
	if err != nil && !errors.Is(err, watchword.Conflict) {
		return watchword.Session{}, err
	}
	return made, err
}

// Session returns the session with that number.
func (d *DB) Session(ctx context.Context, number int64) (watchword.Session, error) {
	var found sessionRow
	err := d.read(ctx, func(ctx context.Context, q *statements) (err error) {
		found, err = scanSession(q.row(ctx, selectSession, number))
		return err
	})
	if errors.Is(err, sql.ErrNoRows) {
		return watchword.Session{}, noSession(number)
	}
	if err != nil {
		return watchword.Session{}, err
	}
	return found.Session, nil
}

// AdvanceSession runs the refresh machine on the session.
func (d *DB) AdvanceSession(ctx context.Context, number int64, a watchword.Advance, at time.Time) (watchword.Session, error) {
	var next watchword.Session
	var refusal error // beside a session, and what it changed is to be kept
	err := d.write(ctx, func(ctx context.Context, q *statements) error {
		var active sql.NullBool
		var version sql.NullInt64
		s, err := scanSession(q.row(ctx, selectToAdvance, number), &active, &version)
		if errors.Is(err, sql.ErrNoRows) {
			return noSession(number)
		}
		if err != nil {
			return err
		}
		a := a
		a.UserGone = a.UserGone || (s.OwnUser && (!active.Bool || version.Int64 != s.UserVersion))
		var moved, ended bool
		next, moved, ended, refusal = advance(s.Session, a, at)
		if !moved {
			return nil
		}
		if ended {
			if err := appendFact(ctx, q, sessionFact(number, factLife(s.Session, a.Until))); err != nil {
				return err
			}
		}
		return updateAdvanced(ctx, q, s, next)
	})
	if err != nil {
		return watchword.Session{}, err
	}
	return next, refusal
}

// updateAdvanced writes what the machine changed.
func updateAdvanced(ctx context.Context, q *statements, was sessionRow, s watchword.Session) error {
	hour := purgeHour(s)
	if s.EndedAt.IsZero() && hour == was.purgeHour {
		_, err := q.exec(ctx, updateStep, s.Generation, instant(s.AdvancedAt), micros(s.IdleUntil), s.Number)
		return err
	}
	_, err := q.exec(ctx, updateSession, s.Generation, instant(s.AdvancedAt), micros(s.IdleUntil), instant(s.EndedAt), hour, s.Number)
	return err
}

// EndSessions ends what w names, expired ones too: a clock that is set back
// must not open what somebody has signed out of.
func (d *DB) EndSessions(ctx context.Context, w watchword.Which, until, at time.Time) (int, error) {
	if err := only(w); err != nil {
		return 0, err
	}
	var ended int
	err := d.write(ctx, func(ctx context.Context, q *statements) (err error) {
		switch {
		case w.All:
			ended, err = endWhere(ctx, q, everySession, until, at)
		case w.UserID != "":
			ended, err = endUser(ctx, q, w.UserID, w.Except, until, at)
		default:
			ended, err = endWhere(ctx, q, oneSession, until, at, w.Number)
		}
		return err
	})
	return ended, err
}

// endUser ends the user's sessions but one and says so by a fact of his own.
func endUser(ctx context.Context, q *statements, id string, except int64, until, at time.Time) (int, error) {
	ended, err := endWhere(ctx, q, sessionsOfUser, until, at, id, except)
	if err != nil {
		return 0, err
	}
	// Not the highest number of a row that is there: tokens of sessions that
	// were purged, or that a restored backup knows nothing of, count as well.
	var last int64
	err = q.row(ctx, `SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'ww_sessions'), 0)`).Scan(&last)
	if err != nil {
		return 0, err
	}
	return ended, appendFact(ctx, q, userFact(id, last, except, until, at))
}

// selection is a choice among the sessions that have not ended, as the end
// of a WHERE clause.
type selection string

const (
	everySession   selection = ``
	oneSession     selection = ` AND number = ?`
	sessionsOfUser selection = ` AND user_id = ? AND number <> ?`
)

const (
	countOpen  = `SELECT count(*) FROM ww_sessions WHERE ended_at IS NULL`
	insertOpen = `INSERT INTO ww_facts (n, kind, id, number, up_to, except_session, before, until)
		SELECT ? + row_number() OVER (ORDER BY number), ?, '', number, 0, 0, ?,
			CASE WHEN generation = 0 AND expires_at > ? THEN expires_at ELSE ? END FROM ww_sessions WHERE ended_at IS NULL`
	endOpen = `UPDATE ww_sessions SET ended_at = ?,
		purge_hour = CASE WHEN origin IS NULL AND purge_hour > ? THEN ? ELSE purge_hour END WHERE ended_at IS NULL`
)

// endWhere ends the sessions selected, a fact each, however many they are.
func endWhere(ctx context.Context, q *statements, which selection, until, at time.Time, args ...any) (int, error) {
	count, err := factsWhere(ctx, q, which, sessionFact(0, until), args...)
	if err != nil || count == 0 {
		return 0, err
	}
	at = stamp(at)
	_, err = q.exec(ctx, endOpen+string(which), append([]any{instant(at), hour(at), hour(at)}, args...)...)
	return count, err
}

// factsWhere appends a fact like f for every session selected.
func factsWhere(ctx context.Context, q *statements, which selection, f watchword.Fact, args ...any) (int, error) {
	var count int
	if err := q.row(ctx, countOpen+string(which), args...).Scan(&count); err != nil || count == 0 {
		return 0, err
	}
	last, err := places(ctx, q, count)
	if err != nil {
		return 0, err
	}
	_, err = q.exec(ctx, insertOpen+string(which), append([]any{last - int64(count), f.Kind, instant(f.Before), micros(f.Until), micros(f.Until)}, args...)...)
	return count, err
}

// ListSessions returns sessions, newest first.
func (d *DB) ListSessions(ctx context.Context, f watchword.SessionFilter, at time.Time) ([]watchword.Session, error) {
	text := `SELECT ` + sessionColumns + ` FROM ww_sessions s WHERE s.number < ?`
	args := []any{below(f.Before)}
	if f.UserID != "" {
		text += ` AND s.user_id = ?`
		args = append(args, f.UserID)
	}
	if !f.All {
		text += ` AND s.ended_at IS NULL AND s.idle_until > ? AND s.expires_at > ?`
		args = append(args, micros(at), micros(at))
	}
	text += ` ORDER BY s.number DESC LIMIT ?`
	var found []watchword.Session
	err := d.read(ctx, func(ctx context.Context, q *statements) error {
		return q.each(ctx, func(row scanner) error {
			s, err := scanSession(row)
			found = append(found, s.Session)
			return err
		}, text, append(args, limitOr(f.Limit))...)
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}
