package watchword

import (
	"context"
	"time"
)

// FactKind says what a fact is about.
type FactKind uint8

// The kinds of facts. Numbers are stored and sent: never reorder.
const (
	// SessionFact: the session with Number has ended.
	SessionFact FactKind = 1
	// UserFact: all sessions of the user ID up to the number UpTo have ended,
	// but not Except. Tokens without a session count by iat <= Before. An
	// empty ID means everybody, and then all tokens count by iat <= Before;
	// UpTo is the last number that a session of theirs can have.
	UserFact FactKind = 2
	// TokenFact: the token whose jti is ID.
	TokenFact FactKind = 3
	// ClaimsFact: tokens of the session Number, or of user ID where Number
	// is 0, with iat <= Before are stale: a refresh mends it.
	ClaimsFact FactKind = 4
	// KeyFact: the set of signing keys changed; ID names the key or is "".
	KeyFact FactKind = 5
	// ProfileFact: the record of user ID was made, changed or deleted. It
	// speaks against no token; whoever keeps a copy of the record fetches it
	// anew. An empty ID means many, as after an import: all are to be
	// fetched.
	ProfileFact FactKind = 6
)

// ProfileFactLife is how long a ProfileFact lives: whoever keeps copies of
// records and has not read the feed for longer copies them all anew.
const ProfileFactLife = 30 * 24 * time.Hour

// A Fact says what no longer counts. It dies with the last token that it
// could concern, at Until.
type Fact struct {
	Kind   FactKind
	ID     string
	Number int64
	UpTo   int64
	Except int64
	Before time.Time // whole seconds, as iat is
	Until  time.Time
}

// Cursor is a place in the order of facts. N comes from one counter that is
// written inside each transaction, so its order is the order of commits.
// Epoch is random, made with the database and anew when a backup is
// restored: cursors of another epoch mean nothing.
type Cursor struct {
	Epoch string
	N     int64
}

// Facts keeps facts in one order.
type Facts interface {
	// AddFact appends f and returns its place.
	AddFact(ctx context.Context, f Fact) (Cursor, error)
	// FactsSince returns at most limit facts after c, those past their Until
	// at `at` left out, and the cursor to ask with next; when that equals c
	// there was nothing new. The zero Cursor starts at the beginning. A
	// cursor of another epoch, or ahead of the store, returns Conflict: start
	// again from the zero Cursor.
	FactsSince(ctx context.Context, c Cursor, at time.Time, limit int) ([]Fact, Cursor, error)
}

// Revocations answers from memory whether a token still counts; no verifier
// waits for a store. Revoked is called for every request and must be safe
// for concurrent use.
type Revocations interface {
	Revoked(c *Claims) (Fact, bool)
}
