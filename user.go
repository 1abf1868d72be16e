package watchword

import (
	"context"
	"net/netip"
	"strings"
	"time"
	"unicode"
)

// User is somebody who can sign in. It carries no secret: a password's hash
// never leaves the store but through [PasswordUsers].
type User struct {
	// ID is stable and never used again. Our stores count 1, 2, 3 …; other
	// stores may use any text. It is the "sub" of native tokens.
	ID        string
	Login     string // unique with Email in one case-folded name space
	Email     string
	FirstName string
	LastName  string
	Phone     string
	Location  string

	Active    bool // false: cannot sign in, refresh or use a token
	Staff     bool
	Superuser bool

	CreatedAt   time.Time
	LastLoginAt time.Time // zero: never

	Groups      []string
	Permissions []string // the user's own and his groups'
	Scopes      []string // those that may be granted to him
	Extra       []byte   // a JSON object of the application's own, or nil

	// Version grows when the password changes and when the user is disabled.
	// A session remembers the version it was authenticated at and dies with
	// it. Stores of others may leave it 0.
	Version int64
}

// Credentials are what somebody shows to sign in. They print redacted.
type Credentials struct {
	Login    string // user name or e-mail address
	Password string
}

// Client is who asks: for limits, the session list and the audit. No
// decision about identity rests on it.
type Client struct {
	Address netip.Addr // the zero Addr: unknown
	Device  string     // a label for people, made from the User-Agent
}

// An Authenticator turns credentials into a user. It is the seam for every
// other way to prove who one is. A refusal is InvalidCredentials or
// UserDisabled, and takes as long for a login that does not exist.
type Authenticator interface {
	Authenticate(ctx context.Context, c Credentials) (User, error)
}

// Users finds users by id. UserByID returns NotFound for an unknown id, and
// the record of a disabled user as it is.
type Users interface {
	UserByID(ctx context.Context, id string) (User, error)
}

// PasswordUsers are users whose password hashes we may read.
type PasswordUsers interface {
	Users
	// UserByLogin finds a user by login or e-mail address, both in one
	// case-folded name space, or returns NotFound.
	UserByLogin(ctx context.Context, login string) (u User, hash string, err error)
	// SwapPasswordHash writes new only where old still stands, else it
	// returns Conflict: an upgrade at sign-in that loses against a password
	// change writes nothing. It does not move the user's Version.
	SwapPasswordHash(ctx context.Context, id, old, new string) error
}

// FoldLogin returns the form under which logins and e-mail addresses are
// unique, looked up and counted by limiters: two texts have the same form
// exactly if strings.EqualFold holds for them. It is for comparing, not for
// showing. Nothing is trimmed and nothing composed: " a" and "a" are two
// logins, as are the composed and the decomposed "é". Whatever counts
// attempts by login must fold first, or every spelling has a bucket of its
// own (CVE-2026-47203).
func FoldLogin(login string) string { return strings.Map(fold, login) }

// fold returns one fixed rune of all those that are r in another case.
func fold(r rune) rune {
	least := r
	for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
		least = min(least, next)
	}
	if 'A' <= least && least <= 'Z' {
		return least + ('a' - 'A')
	}
	return least
}

// HashSampler is optional for a PasswordUsers: one stored hash of every
// class (see password.Class) that stands in the table, so that a failed
// sign-in can be made to take as long as the dearest of them.
type HashSampler interface {
	HashSamples(ctx context.Context) ([]string, error)
}

// HashKeeper is optional for a PasswordUsers: while KeepsHashes reports true
// no hash is written anew at sign-in, and none is computed for it.
type HashKeeper interface {
	KeepsHashes() bool
}

// LoginRecorder is optional for a Users: it is told of every sign-in.
type LoginRecorder interface {
	RecordLogin(ctx context.Context, id string, at time.Time) error
}

// NewUser is what a user is made from.
type NewUser struct {
	User
	// PasswordHash in any format that package password reads; "" makes an
	// account that cannot sign in with a password.
	PasswordHash string
}

// UserChange says what to change of a user: nil fields stay as they are.
type UserChange struct {
	Login, Email, FirstName, LastName, Phone, Location *string
	Active, Staff, Superuser                           *bool
	Groups, Permissions, Scopes                        *[]string
	Extra                                              *[]byte
	// PasswordHash moves the user's Version on.
	PasswordHash *string
	// IfVersion is the Version that the change was decided upon: where the
	// user's is another by now nothing is changed, and the answer is Conflict.
	// 0: whatever it is.
	IfVersion int64
	// NotLast refuses what would leave no active superuser, with
	// PermissionDenied. Only the store can tell, in the transaction of the
	// change: another server may be taking the other one at this moment.
	NotLast bool
}

// Rights reports whether the change touches what tokens say of the user, so
// that those made before it are stale.
func (c UserChange) Rights() bool {
	return c.Staff != nil || c.Superuser != nil || c.Groups != nil || c.Permissions != nil || c.Scopes != nil
}

// UserAdmin keeps users. Our stores have it; it is found by type assertion
// where it is needed.
type UserAdmin interface {
	// CreateUser returns the user with ID, Version and CreatedAt set, or
	// Conflict where login or e-mail address is taken.
	CreateUser(ctx context.Context, n NewUser) (User, error)
	// UpdateUser changes what c names and, in the same transaction, ends
	// what no longer counts: a new password hash or Active=false ends the
	// user's sessions (but Number keep, 0 for none) with facts that live
	// until `until`; changed rights write a claims fact.
	UpdateUser(ctx context.Context, id string, c UserChange, keep int64, until, at time.Time) (User, error)
	// DeleteUser removes the user and ends his sessions likewise. The id is
	// never used again.
	DeleteUser(ctx context.Context, id string, until, at time.Time) error
	// ListUsers returns at most limit users whose id comes after the given
	// one, in order of creation; "" starts at the first.
	ListUsers(ctx context.Context, after string, limit int) ([]User, error)
}
