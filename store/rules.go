package store

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/watchword-auth/watchword"
)

// This file has what both stores must do alike.

// Names in the table of small values that the stores use themselves.
const metaEpoch = "epoch"

// defaultLimit is the length of a list where none is asked for.
const defaultLimit = 100

// limitOr returns the length to list with.
func limitOr(limit int) int {
	if limit <= 0 {
		return defaultLimit
	}
	return limit
}

// below returns the number that a list stays below: 0 asks for no bound.
func below(before int64) int64 {
	if before == 0 {
		return math.MaxInt64
	}
	return before
}

// stamp returns t as stores keep it: microseconds, UTC.
func stamp(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Microsecond)
}

// whole returns t in whole seconds, as iat is.
func whole(t time.Time) time.Time { return stamp(t).Truncate(time.Second) }

// clone returns a copy of list that is nil when it is empty.
func clone[T any](list []T) []T {
	if len(list) == 0 {
		return nil
	}
	return slices.Clone(list)
}

// parseID returns the number that a user's id of ours stands for. Only the
// canonical decimal is one: "7" is a user, "07" and "+7" are nobody.
func parseID(id string) (int64, bool) {
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil || n <= 0 || formatID(n) != id {
		return 0, false
	}
	return n, true
}

func formatID(n int64) string { return strconv.FormatInt(n, 10) }

func errBadID(id string) error {
	return fmt.Errorf("%w: user id %q is no positive number", watchword.InvalidRequest, id)
}

func noUser(id string) error { return fmt.Errorf("%w: user %q", watchword.NotFound, id) }

func noSession(number int64) error {
	return fmt.Errorf("%w: session %d", watchword.NotFound, number)
}

// errTaken is the refusal of a login or address that belongs to another.
func errTaken() error {
	return fmt.Errorf("%w: login or e-mail address is taken", watchword.Conflict)
}

// errUserMoved is the refusal of a session whose user is gone, disabled or of
// another version than the one who proved who he is.
func errUserMoved(id string) error {
	return fmt.Errorf("%w: user %q", watchword.UserDisabled, id)
}

func errOriginTaken() error {
	return fmt.Errorf("%w: a session was made from this token before", watchword.Conflict)
}

// tidySession returns a copy of s as it is kept.
func tidySession(s watchword.Session) watchword.Session {
	s.Scopes = clone(s.Scopes)
	s.Origin = clone(s.Origin)
	s.CreatedAt = stamp(s.CreatedAt)
	s.AdvancedAt = stamp(s.AdvancedAt)
	s.IdleUntil = stamp(s.IdleUntil)
	s.ExpiresAt = stamp(s.ExpiresAt)
	s.EndedAt = stamp(s.EndedAt)
	return s
}

// tidyUser returns a copy of u as it is kept.
func tidyUser(u watchword.User) watchword.User {
	u.Groups = clone(u.Groups)
	u.Permissions = clone(u.Permissions)
	u.Scopes = clone(u.Scopes)
	u.Extra = clone(u.Extra)
	u.CreatedAt = stamp(u.CreatedAt)
	u.LastLoginAt = stamp(u.LastLoginAt)
	return u
}

// tidyFact returns f as it is kept.
func tidyFact(f watchword.Fact) watchword.Fact {
	f.Before = whole(f.Before)
	f.Until = stamp(f.Until)
	return f
}

// today is the one look at a clock in this package: UserAdmin.CreateUser is
// given no time, and a record without a date of joining is no use, nor a fact
// without an end. Nothing is decided by it.
func today() time.Time { return time.Now() } //nolint:forbidigo // see above

// firstUser returns the user that n makes, of version 1, without its id, and
// the id that n asks for, 0 for the next free one.
func firstUser(n watchword.NewUser) (u watchword.User, id int64, err error) {
	if n.ID != "" {
		var ok bool
		if id, ok = parseID(n.ID); !ok {
			return watchword.User{}, 0, errBadID(n.ID)
		}
	}
	u = n.User
	u.Version = 1
	if u.CreatedAt.IsZero() {
		u.CreatedAt = today()
	}
	return tidyUser(u), id, nil
}

// folded returns the entries of the user in the one name space of logins and
// addresses. His own two may be equal.
func folded(u watchword.User) []string {
	var all []string
	for _, name := range []string{u.Login, u.Email} {
		if f := watchword.FoldLogin(name); f != "" && !slices.Contains(all, f) {
			all = append(all, f)
		}
	}
	return all
}

// errUserChanged is the refusal of a change that was decided upon another
// version of the user.
func errUserChanged(id string) error {
	return fmt.Errorf("%w: user %q was changed meanwhile", watchword.Conflict, id)
}

// decidedOn reports whether the change was decided upon u as he stands.
func decidedOn(c watchword.UserChange, u watchword.User) bool {
	return c.IfVersion == 0 || c.IfVersion == u.Version
}

// errLastSuperuser is the refusal of a change that says NotLast.
func errLastSuperuser() error {
	return fmt.Errorf("%w: the last active superuser stays one", watchword.PermissionDenied)
}

// mustNotBeLast reports whether the change, which makes next of u, is refused
// where no other is an active superuser.
func mustNotBeLast(c watchword.UserChange, u, next watchword.User) bool {
	return c.NotLast && u.Superuser && u.Active && (!next.Superuser || !next.Active)
}

// ends reports whether the change ends what was signed in before.
func ends(c watchword.UserChange) bool {
	return c.PasswordHash != nil || disables(c)
}

func disables(c watchword.UserChange) bool { return c.Active != nil && !*c.Active }

// changed returns u as c leaves it, but for the password.
func changed(u watchword.User, c watchword.UserChange) watchword.User {
	set(&u.Login, c.Login)
	set(&u.Email, c.Email)
	set(&u.FirstName, c.FirstName)
	set(&u.LastName, c.LastName)
	set(&u.Phone, c.Phone)
	set(&u.Location, c.Location)
	set(&u.Active, c.Active)
	set(&u.Staff, c.Staff)
	set(&u.Superuser, c.Superuser)
	set(&u.Groups, c.Groups)
	set(&u.Permissions, c.Permissions)
	set(&u.Scopes, c.Scopes)
	set(&u.Extra, c.Extra)
	if ends(c) {
		u.Version++
	}
	return tidyUser(u)
}

func set[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

// kept returns the session that outlives the change. One who is disabled
// keeps none, whatever the caller wished.
func kept(c watchword.UserChange, keep int64) int64 {
	if disables(c) {
		return 0
	}
	return keep
}

// only checks that w names its sessions in exactly one way: a Which that was
// not filled in must never mean everybody.
func only(w watchword.Which) error {
	ways := 0
	for _, set := range []bool{w.Number != 0, w.UserID != "", w.All} {
		if set {
			ways++
		}
	}
	if ways != 1 || (w.Except != 0 && w.UserID == "") {
		return fmt.Errorf("%w: sessions to end must be named by number, by user or as all", watchword.InvalidRequest)
	}
	return nil
}

// advance runs the refresh machine and tells what is to be written: whether
// the session moved, and whether it ended and leaves a fact.
func advance(s watchword.Session, a watchword.Advance, at time.Time) (next watchword.Session, moved, ended bool, err error) {
	next, err = s.Advance(a, stamp(at))
	next = tidySession(next)
	ended = s.EndedAt.IsZero() && !next.EndedAt.IsZero()
	return next, ended || next.Generation != s.Generation || !next.AdvancedAt.Equal(s.AdvancedAt), ended, err
}

func sessionFact(number int64, until time.Time) watchword.Fact {
	return tidyFact(watchword.Fact{Kind: watchword.SessionFact, Number: number, Until: until})
}

// factLife is how long a fact about the session lives: as asked, but that of
// one which was issued without a refresh token as long as its access token.
func factLife(s watchword.Session, until time.Time) time.Time {
	if s.Generation == 0 && s.ExpiresAt.After(until) {
		return s.ExpiresAt
	}
	return until
}

// userFact says that all sessions of the user up to a number have ended; by
// its Before it reaches tokens that have no session too.
func userFact(id string, upTo, except int64, until, at time.Time) watchword.Fact {
	return tidyFact(watchword.Fact{
		Kind: watchword.UserFact, ID: id, UpTo: upTo, Except: except, Before: at, Until: until,
	})
}

// claimsFact speaks of one session, or of a user where number is 0.
func claimsFact(id string, number int64, until, at time.Time) watchword.Fact {
	return tidyFact(watchword.Fact{
		Kind: watchword.ClaimsFact, ID: id, Number: number, Before: at, Until: until,
	})
}

// profileFact says that the user's record was made, changed or deleted.
func profileFact(id string, at time.Time) watchword.Fact {
	return tidyFact(watchword.Fact{Kind: watchword.ProfileFact, ID: id, Until: at.Add(watchword.ProfileFactLife)})
}

// replacesOlder reports whether f makes those before it needless that are of
// its kind and about the same user. Whoever has not read them reads f; and
// nobody fills the store by changing his own record again and again.
func replacesOlder(f watchword.Fact) bool { return f.Kind == watchword.ProfileFact }

// importFact says so of users who were taken over. A million of them are not
// worth a million facts: of more than one it says that there are many.
func importFact(made []watchword.User, at time.Time) watchword.Fact {
	if len(made) == 1 {
		return profileFact(made[0].ID, at)
	}
	return profileFact("", at)
}

// lastNeeded returns the time from which the session can no longer matter. A
// session that was adopted is needed until its absolute limit even when it
// has ended before: as long as its row stands, the foreign token that it was
// made from opens no second one.
func lastNeeded(s watchword.Session) time.Time {
	if len(s.Origin) != 0 {
		return s.ExpiresAt
	}
	last := s.IdleUntil
	if s.ExpiresAt.Before(last) {
		last = s.ExpiresAt
	}
	if !s.EndedAt.IsZero() && s.EndedAt.Before(last) {
		last = s.EndedAt
	}
	return last
}
