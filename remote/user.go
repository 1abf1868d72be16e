package remote

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/watchword-auth/watchword/jwt"
)

// User is somebody as an authority elsewhere describes him. Who he is, Issuer
// and ID say together and nothing else does: another authority has users with
// the same ids, an e-mail address moves from one person to the next, and the
// ids of this service's own database mean nothing to the authority. A field
// that the authority does not tell this service is zero.
type User struct {
	Issuer string // of the tokens that speak of him
	ID     string // at that authority; the sub of its native tokens

	Login     string
	Email     string
	FirstName string
	LastName  string
	Phone     string
	Location  string

	Active bool // true where not told
	// Staff and Superuser say what he is at the authority. That makes him
	// neither of them here, unless the mirror is told to map them.
	Staff     bool
	Superuser bool

	CreatedAt   time.Time // zero: not told
	LastLoginAt time.Time // zero: never, or not told

	Groups      []string
	Permissions []string
	Scopes      []string

	Extra json.RawMessage // a JSON object of the application's own, or nil
	Raw   json.RawMessage // the whole record as it came
}

// Users are the users of authorities elsewhere as this service keeps them,
// under Issuer and ID. Both methods may be called twice for the same change,
// and do then the same again; they are safe for concurrent use, and calls
// about one user never overlap within a process. Ready-made for SQL: package
// sqlmirror.
type Users interface {
	// Upsert writes the user as he is now, all fields. It must not return
	// before that is kept.
	Upsert(ctx context.Context, u User) error
	// Delete removes him. Whom it does not know is no error.
	Delete(ctx context.Context, issuer, id string) error
}

// UserFinder is optional for a Users: User returns one as he was last
// written, or watchword.NotFound. With it a service that starts again asks
// the authority only about those whom it does not have.
type UserFinder interface {
	User(ctx context.Context, issuer, id string) (User, error)
}

// CursorKeeper is optional for a Users: the place in the feed up to which the
// mirror is complete, "" before there is one. With it a service that starts
// again reads what changed meanwhile, else everybody anew.
type CursorKeeper interface {
	Cursor(ctx context.Context, issuer string) (string, error)
	// SetCursor must not be kept where an Upsert or Delete that returned
	// before it is lost.
	SetCursor(ctx context.Context, issuer, cursor string) error
}

// UserLister is optional for a Users: at most limit ids of an authority's
// users, in any fixed order, those after the given one; "" starts at the
// first. With it a full reading also removes those who are gone at the
// authority.
type UserLister interface {
	UserIDs(ctx context.Context, issuer, after string, limit int) ([]string, error)
}

// Extra decodes a user's extra data into a type of the application's own, for
// hooks and policies. None at all is the zero T.
func Extra[T any](u User) (T, error) {
	var v T
	if len(u.Extra) == 0 {
		return v, nil
	}
	if err := json.Unmarshal(u.Extra, &v); err != nil {
		return v, fmt.Errorf("extra data of user %s: %w", u.ID, err)
	}
	return v, nil
}

// parseUser reads a record of the native directory. Members it does not know
// stay in Raw.
func parseUser(issuer string, record []byte) (User, error) {
	u := User{Issuer: issuer, Raw: json.RawMessage(record), Active: true}
	texts := map[string]*string{
		"id": &u.ID, "login": &u.Login, "email": &u.Email, "first_name": &u.FirstName,
		"last_name": &u.LastName, "phone": &u.Phone, "location": &u.Location,
	}
	flags := map[string]*bool{"active": &u.Active, "staff": &u.Staff, "superuser": &u.Superuser}
	lists := map[string]*[]string{"groups": &u.Groups, "permissions": &u.Permissions, "scopes": &u.Scopes}
	times := map[string]*time.Time{"created_at": &u.CreatedAt, "last_login_at": &u.LastLoginAt}
	err := jwt.Walk(record, func(name string, v jwt.Value) (err error) {
		switch {
		case v.IsNull(): // a date that never was
		case texts[name] != nil:
			*texts[name], err = v.Text()
		case flags[name] != nil:
			*flags[name], err = v.Bool()
		case lists[name] != nil:
			*lists[name], err = v.Texts()
		case times[name] != nil:
			*times[name], err = timestamp(v)
		case name == "extra":
			u.Extra = v.Raw()
			if u.Extra[0] != '{' {
				err = errors.New("is not an object")
			}
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return nil
	})
	if err != nil {
		return User{}, fmt.Errorf("user record: %w", err)
	}
	if u.ID == "" {
		return User{}, errors.New("user record without id")
	}
	return u, nil
}
