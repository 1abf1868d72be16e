package watchword

import (
	"context"
	"time"
)

// Session is one sign-in and everything refreshed from it. Stores keep it
// under its Number; outside it is known by an id that only the issuer can
// make from the number (see Authority.SessionID).
type Session struct {
	// Number is given by the store, from 1, densely, and never used again:
	// it is the session's place in the status list.
	Number int64
	// Profile names the face (native, or a dialect) that made the session.
	// Tokens of another profile do not open it.
	Profile string

	UserID      string
	UserVersion int64 // the user's Version when he proved who he is
	// OwnUser says that the user lives in the same store as the session, so
	// that the store itself refuses to create or advance it once the user is
	// gone, disabled or of another version.
	OwnUser bool

	ClientID string   // "watchword" for people
	Scopes   []string // asked for at sign-in; nil: all that the user may have
	Device   string
	Address  string

	// Generation of the refresh token that is current; the first is 1. A
	// session of generation 0 was issued without one: its only access token
	// lives until ExpiresAt, and a fact about it lives at least as long.
	Generation int
	CreatedAt  time.Time // also when the user proved who he is
	AdvancedAt time.Time // when Generation was reached
	IdleUntil  time.Time // the current refresh token's exp
	ExpiresAt  time.Time // absolute limit
	EndedAt    time.Time // zero: open

	// Origin is the SHA-256 of the foreign refresh token that the session
	// was adopted from, without its signature; unique among sessions, and nil
	// for our own.
	Origin []byte
}

// Open reports whether the session is neither ended nor past a limit at at.
func (s Session) Open(at time.Time) bool {
	return s.EndedAt.IsZero() && at.Before(s.IdleUntil) && at.Before(s.ExpiresAt)
}

// Store is what an authority needs to remember: sessions and facts in one,
// because they share transactions.
type Store interface {
	Sessions
	Facts
}

// Sessions keeps sessions. Each method is one transaction, takes the time
// from its caller and is safe for concurrent use. When a call returns
// without error its effect survives a crash of the process and of the
// machine (memory stores: of neither).
type Sessions interface {
	// CreateSession writes s and returns it with its Number. With s.OwnUser
	// it returns UserDisabled where the user is gone, disabled or no longer
	// of s.UserVersion. Conflict: Origin is taken.
	CreateSession(ctx context.Context, s Session) (Session, error)
	// Session returns the session with that number, or NotFound.
	Session(ctx context.Context, number int64) (Session, error)
	// AdvanceSession applies [Session.Advance] atomically and returns the
	// session as it then stands, also beside the errors TokenReused,
	// SessionEnded and SessionExpired; NotFound comes without one. Where
	// the machine ends the session, the fact is written in the same
	// transaction.
	AdvanceSession(ctx context.Context, number int64, a Advance, at time.Time) (Session, error)
	// EndSessions ends the open sessions that w names and appends the facts
	// in the same transaction; they live until `until`. It returns how many
	// it ended; ending what has ended is no error.
	EndSessions(ctx context.Context, w Which, until, at time.Time) (int, error)
}

// Which names sessions to end: one by Number, all of a user by UserID, or
// every one by All. Exactly one of the three must be set.
type Which struct {
	Number int64
	UserID string
	Except int64 // with UserID: this one stays
	All    bool
}

// SessionFilter selects sessions for a list.
type SessionFilter struct {
	UserID string // "": of everybody
	All    bool   // ended and expired ones too
	Before int64  // numbers below this one; 0: from the newest
	Limit  int    // at most so many; 0 means 100
}

// SessionLister lists sessions, newest first.
type SessionLister interface {
	ListSessions(ctx context.Context, f SessionFilter, at time.Time) ([]Session, error)
}

// Purger removes what can no longer matter: facts and receipts past their Until, sessions
// that ended or expired before `before`, and audit entries older than
// `audit`. It works in small transactions and returns the number of rows
// removed.
type Purger interface {
	Purge(ctx context.Context, at, before, audit time.Time) (int, error)
}
