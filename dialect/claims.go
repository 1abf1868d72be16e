package dialect

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/httpauth"
	"github.com/watchword-auth/watchword/jwt"
)

// reader reads what the claims of all dialects have in common.
type reader struct {
	numbers *watchword.Numbers
	jti     string // the name of the jti claim
	// visit takes the claims that are the dialect's own.
	visit func(s *watchword.ClaimSet, name string, v jwt.Value) error
	// foreign says of what kind a token of the old system is, which has no
	// jti of ours. It must go by what was signed.
	foreign func(s *watchword.ClaimSet) watchword.Kind
	// settle comes last; nil: all is as it was read.
	settle func(s *watchword.ClaimSet)
}

// read returns the claims. Kind, session and generation come from the jti
// where it is ours; one of another profile of this installation is refused,
// so that dialects which share a secret cannot be played against each other.
func (l reader) read(payload []byte) (*watchword.Claims, error) {
	var s watchword.ClaimSet
	var r jwt.Registered
	elsewhere := false
	err := jwt.Walk(payload, func(name string, v jwt.Value) error {
		if name == "sub" {
			// Systems on older libraries write the id as a number.
			if n, err := v.Int(); err == nil {
				r.Subject = strconv.FormatInt(n, 10)
				return nil
			}
		}
		if known, err := r.Visit(name, v); known || err != nil {
			return err
		}
		if name == l.jti {
			id, err := v.Text()
			r.ID = id
			return err
		}
		if id, err := v.Text(); err == nil {
			_, maker := l.numbers.OpenHex(id)
			elsewhere = elsewhere || maker == watchword.OtherProfile
		}
		return l.visit(&s, name, v)
	})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", watchword.TokenMalformed, err)
	}
	if elsewhere {
		// Another profile's jti, under the name that its settings gave it.
		return nil, fmt.Errorf("%w: a token of another profile", watchword.WrongKind)
	}
	s.ID, s.Issuer, s.Subject, s.Audience = r.ID, r.Issuer, r.Subject, r.Audience
	s.IssuedAt, s.NotBefore, s.Expiry = r.IssuedAt, r.NotBefore, r.Expiry
	switch id, maker := l.numbers.OpenHex(r.ID); maker {
	case watchword.Ours:
		s.Number, s.Generation = id.Number, id.Generation
		if id.Kind != 0 {
			s.Kind = id.Kind // else a pair shares the jti, and visit found the kind
		}
		s.Session = l.numbers.SessionID(id.Number)
	case watchword.OtherProfile:
		return nil, fmt.Errorf("%w: a token of another profile", watchword.WrongKind)
	case watchword.Foreign:
		s.Kind = l.foreign(&s)
	}
	if l.settle != nil {
		l.settle(&s)
	}
	return s.Freeze(payload), nil
}

// tokenID is the jti of the token that is being made.
func tokenID(s *watchword.ClaimSet) watchword.TokenID {
	return watchword.TokenID{Number: s.Number, Generation: s.Generation, Kind: s.Kind}
}

// number returns an id as the original wrote it: a number where it is one.
func number(id string) any {
	if n, err := strconv.ParseInt(id, 10, 64); err == nil && strconv.FormatInt(n, 10) == id {
		return n
	}
	return id
}

// extras are the user's fields asked for by settings, and the claims that
// the application's hook added, in the order of their names.
func extras(o httpauth.Object, s *watchword.ClaimSet, fields []string) (httpauth.Object, error) {
	taken := func(name string) bool {
		return slices.ContainsFunc(o, func(p httpauth.Pair) bool { return p.Name == name })
	}
	for _, f := range fields {
		v, err := userField(s.User, f)
		if err != nil {
			return nil, err
		}
		if !taken(f) {
			o = append(o, httpauth.Pair{Name: f, Value: v})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.Custom)) {
		if taken(name) {
			return nil, fmt.Errorf("custom claim %q is written by the dialect itself", name)
		}
		v, err := json.Marshal(s.Custom[name])
		if err != nil {
			return nil, fmt.Errorf("custom claim %q: %w", name, err)
		}
		o = append(o, httpauth.Pair{Name: name, Value: httpauth.Raw(v)})
	}
	return o, nil
}

// userField returns a field of the user's record by its setting's name.
func userField(u watchword.User, name string) (any, error) {
	switch name {
	case "email":
		return u.Email, nil
	case "first_name":
		return u.FirstName, nil
	case "last_name":
		return u.LastName, nil
	case "phone":
		return u.Phone, nil
	case "location":
		return u.Location, nil
	case "staff":
		return u.Staff, nil
	case "superuser":
		return u.Superuser, nil
	case "groups":
		return u.Groups, nil
	case "permissions":
		return u.Permissions, nil
	}
	var extra map[string]json.RawMessage
	if len(u.Extra) > 0 {
		if err := json.Unmarshal(u.Extra, &extra); err != nil {
			return nil, fmt.Errorf("extra data of user %s: %w", u.ID, err)
		}
	}
	if v, ok := extra[name]; ok {
		return httpauth.Raw(v), nil
	}
	return nil, nil // null, like an attribute that was never set
}

// fullName is the user's name as one text.
func fullName(u watchword.User) string { return strings.TrimSpace(u.FirstName + " " + u.LastName) }

// subjectUser finds the user of a token that has no session of ours: by its
// UserID, or by the field of the user that its subject holds.
func subjectUser(w watchword.Config, field string) func(context.Context, *watchword.Claims) (watchword.User, error) {
	users := w.Users
	if users == nil {
		users, _ = w.Store.(watchword.Users)
	}
	byLogin, ok := users.(watchword.PasswordUsers)
	return func(ctx context.Context, claims *watchword.Claims) (watchword.User, error) {
		switch {
		case users == nil:
			return watchword.User{}, watchword.NotFound
		case claims.UserID != "":
			return users.UserByID(ctx, claims.UserID)
		case field == "id" || claims.Subject == "":
			return watchword.User{}, watchword.NotFound
		case !ok:
			return watchword.User{}, fmt.Errorf("%w: users are not found by %s", watchword.NotFound, field)
		}
		u, _, err := byLogin.UserByLogin(ctx, claims.Subject)
		return named(u, err, userKey(u, field), claims.Subject)
	}
}

// named lets a user be found by a token only where the token has his name
// letter for letter. A login may be typed in any case, and an address too; but
// a system that tells "ANN" from "ann" has signed the token of one of them,
// and once that one is renamed or gone it must not open the other's account.
func named(u watchword.User, err error, name, subject string) (watchword.User, error) {
	if err == nil && name != subject {
		return watchword.User{}, fmt.Errorf("%w: user %q", watchword.NotFound, subject)
	}
	return u, err
}

// userKey is the field of the user that tokens name him by.
func userKey(u watchword.User, field string) string {
	switch field {
	case "email":
		return u.Email
	case "username":
		return u.Login
	default:
		return u.ID
	}
}
