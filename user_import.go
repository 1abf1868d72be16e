package watchword

import "context"

// ImportedUser is a user of another system, as he is to stand here.
type ImportedUser struct {
	// NewUser with the ID that he has there, or without one for the next free.
	NewUser
	// Key is what he is called there: unique in the source, and never "".
	Key string
	// Digest is what the importer knows the source's record again by. Stores
	// keep it and decide nothing by it.
	Digest []byte
}

// Import is what a store remembers of a user whom it took over.
type Import struct {
	Key    string
	UserID string
	Digest []byte
}

// ImportMatch is what a store has of somebody who is to be taken over.
type ImportMatch struct {
	// Known is what was remembered under his key; its Key is "" where he was
	// never taken over.
	Known Import
	// User is the one whom Known names, or else the one with the ID that was
	// asked for, and PasswordHash is his. His ID is "" where there is none.
	User         User
	PasswordHash string
	// Gone reports that the id was of a user who was deleted.
	Gone bool
	// LoginOf and EmailOf are the ids of the users who sign in with that
	// login and that e-mail address by now; "" for nobody.
	LoginOf, EmailOf string
}

// UserImporter is optional for a UserAdmin: it takes over the users of
// another system, many at a time, and remembers whom it has, so that an
// import can be repeated. A source is a name for one table of one system.
type UserImporter interface {
	// MatchImports returns, in the order of users, what is here of each. It
	// changes nothing.
	MatchImports(ctx context.Context, source string, users []ImportedUser) ([]ImportMatch, error)
	// ImportUsers keeps all of the users and remembers their keys, or does
	// nothing: Conflict where an id, a key, a login or an address is taken.
	// It returns the users with their IDs.
	ImportUsers(ctx context.Context, source string, users []ImportedUser) ([]User, error)
	// NoteImports remembers keys of users who are here already, all or none.
	NoteImports(ctx context.Context, source string, notes []Import) error
	// SkipUserIDs has ids of later users come after last: ids that another
	// system has given out, also to users who are gone, name nobody here.
	SkipUserIDs(ctx context.Context, last int64) error
}
