package watchword

import "time"

// Rotation says what happens to a refresh token that was used.
// The zero value rotates, with a grace window of [DefaultGrace] in which the
// token just used is answered with the same successor again.
type Rotation struct {
	Mode RotationMode
	// Grace is how long, after its successor was made, a refresh token may
	// be shown again. 0 means DefaultGrace, NoGrace none; at most 5 minutes.
	Grace   time.Duration
	InGrace GraceAnswer
}

// DefaultGrace is long enough for a browser's parallel tabs and a lost
// answer, and short enough that a thief gains little.
const DefaultGrace = 10 * time.Second

// NoGrace switches the grace window off.
const NoGrace time.Duration = -1

// MaxGrace bounds the grace window.
const MaxGrace = 5 * time.Minute

// MaxGeneration is where a session ends that was refreshed so often: what
// fits a TokenID. At one refresh a second that is after 194 days.
const MaxGeneration = 1<<24 - 1

// RotationMode says whether refreshing makes a new refresh token.
type RotationMode uint8

const (
	// Rotate gives a successor each time, so that reuse shows theft.
	Rotate RotationMode = iota
	// Keep leaves the refresh token as it is until the session's end, or
	// until it is renewed. It is for dialects whose originals do not rotate.
	Keep
)

// GraceAnswer says what a repeat inside the grace window gets.
type GraceAnswer uint8

const (
	// Repeat answers with the successor made before.
	Repeat GraceAnswer = iota
	// Refuse answers TokenReused, without ending the session.
	Refuse
)

// Advance asks a session to move one generation on.
type Advance struct {
	From     int           // the generation that the token shown bears
	Rotation Rotation      // with Grace resolved: no zero, no NoGrace
	Idle     time.Duration // the idle limit from now on
	// Renew, with Rotation.Mode Keep, makes the current token anew: dated
	// now, and with the idle limit from now. The one shown before it keeps
	// counting, because it is of the same generation. Rotation renews anyway.
	Renew bool
	// UserGone says that the user is gone, disabled or of another version,
	// as far as the caller knows. A store that keeps the user itself
	// (Session.OwnUser) sets it from its own rows.
	UserGone bool
	// Until is how long a fact lives that this call may have to write.
	Until time.Time
}

// Advance is the refresh machine, whole: what becomes of a session when a
// refresh token of generation a.From is shown at the time at. It is the only
// place where this is decided; every store runs it inside a transaction that
// holds the session's row. It returns the session as it has to stand
// afterwards and nil or the reason for the refusal. The session was changed
// if it differs from s in Generation, AdvancedAt or EndedAt; if EndedAt was
// set, a fact must be written with it.
//
// docs/refresh.md has the table, the model that checks it, and what that
// proves. RFC 9700, section 4.14.2 asks for rotation with reuse detection;
// the grace window covers the direct predecessor only
// (django-oauth-toolkit issue 1617 let every ancestor through).
func (s Session) Advance(a Advance, at time.Time) (Session, error) {
	switch {
	case !s.EndedAt.IsZero():
		return s, SessionEnded
	case a.UserGone:
		return s.end(at), SessionEnded
	case !s.Open(at):
		return s.end(at), SessionExpired
	case a.From == s.Generation && s.Generation >= MaxGeneration:
		return s.end(at), SessionExpired
	case a.From == s.Generation:
		if a.Rotation.Mode == Keep && !a.Renew {
			return s, nil
		}
		if a.Rotation.Mode == Rotate {
			s.Generation++
		}
		s.AdvancedAt = at
		s.IdleUntil = earlier(at.Add(a.Idle), s.ExpiresAt)
		return s, nil
	case a.From == s.Generation-1 && a.Rotation.Mode == Rotate && within(s.AdvancedAt, at, a.Rotation.Grace):
		if a.Rotation.InGrace == Refuse {
			return s, TokenReused
		}
		return s, nil
	default:
		// Older than the window allows, or newer than the session itself: a
		// thief, a restored database, or a forgery. Whoever holds the other
		// copy must sign in again.
		return s.end(at), TokenReused
	}
}

// end returns the session ended at at.
func (s Session) end(at time.Time) Session {
	s.EndedAt = at
	return s
}

// within reports whether at most grace has passed since t. A negative age
// (a clock that stepped back) counts as 0.
func within(t, at time.Time, grace time.Duration) bool {
	return grace > 0 && max(at.Sub(t), 0) <= grace
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
