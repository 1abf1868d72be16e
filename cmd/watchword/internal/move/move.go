// Package move takes over the people of another system: from the tables of a
// Django site, or from a file. [Run] reads them twice: once for their names,
// since nobody may get a name that another has, and once for all the rest, in
// batches of which each is written in one transaction. What was written is
// remembered with it, so that the same import again, also after one that was
// killed, finds out by itself what is left to do.
//
// Nothing here prints, and no error and no report holds a password's hash.
package move

import (
	"context"
	"time"

	"github.com/watchword-auth/watchword"
)

// A Source is where people come from. All of its methods read only.
type Source interface {
	// Name is what the source is known again by, without secrets.
	Name() string
	// Names calls yield with the names of everybody. key is "" where the
	// source has seen to it that there is none twice.
	Names(ctx context.Context, yield func(key, login, email string) error) error
	// People calls yield with everybody, in the order of Names.
	People(ctx context.Context, yield func(Person) error) error
	// Tokens calls yield with the tokens that count no longer.
	Tokens(ctx context.Context, yield func(Token) error) error
	// LastID returns the highest id that the source has ever given to
	// anybody, 0 where that is not known or ids are not kept.
	LastID(ctx context.Context) (int64, error)
}

// Person is somebody as the source has him.
type Person struct {
	watchword.User
	Hash  string
	Key   string
	Place string // what to find him by: "id 7", "line 12"
	// Fault says why he cannot be taken over; "" where he can. Kind is what
	// sort of fault: BadRow where it is "".
	Fault, Kind string
	// Cleaned reports that a text was too long or held control characters.
	Cleaned bool
}

// Token is one that the old system refuses.
type Token struct {
	ID string // its jti
	// Hex is the jti in the other spelling that it may have in the token, ""
	// where there is none: a column for UUIDs does not tell whether tokens
	// have the dashes. simplejwt, which had such a column before its version
	// 3, writes jti without.
	Hex     string
	Expires time.Time // zero: never
}

// Store is what people are brought into.
type Store interface {
	watchword.UserAdmin
	watchword.UserImporter
	watchword.Facts
}

// Options say how to import.
type Options struct {
	// DryRun changes nothing and counts the same.
	DryRun bool
	// Update also takes over what has changed in the source since it was
	// imported. Without it an import only ever adds.
	Update bool
	// DropEmails takes over without his address whoever has one that is
	// already somebody's. Without it he is left out.
	DropEmails bool
	// Now is when it happens, and Until how long facts about changed users
	// must live (see watchword.UserAdmin).
	Now, Until time.Time
	// Progress is called after every batch, if it is set.
	Progress func(done, total int)
}

// batchSize is how many people are written in one transaction: enough that
// flushing the disk costs little for each, and so few that who signs in
// meanwhile waits some hundredths of a second.
const batchSize = 1000

// tokenLeeway is how long after its expiry a verifier may still take a token
// (watchword.Config.Leeway is at most that).
const tokenLeeway = 2 * time.Minute

// forever stands for the expiry of a token that has none.
const forever = 10 * 365 * 24 * time.Hour
