package dialect

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/httpauth"
	"github.com/watchword-auth/watchword/jwt"
)

// bearer returns the claims and the user of the token shown.
func (c *easyjwtSettings) bearer(x *httpauth.Exchange) (*watchword.Claims, watchword.User, error) {
	raw, shown := x.Transport().Access(x.Request)
	switch {
	case !shown:
		return nil, watchword.User{}, watchword.Unauthenticated
	case raw == "":
		return nil, watchword.User{}, watchword.TokenMalformed
	}
	ctx := x.Request.Context()
	claims, err := x.Service.Verify(ctx, raw, c.kinds...)
	if watchword.CodeOf(err) == watchword.SessionEnded && err != nil && c.changed(x, raw) {
		err = refused(err, textChanged)
	}
	if err != nil {
		return nil, watchword.User{}, err
	}
	u, err := x.Service.(httpauth.UserFinder).User(ctx, claims)
	return claims, u, err
}

// changed reports whether a token whose session has ended bears the mark of
// another password than its user's.
func (c *easyjwtSettings) changed(x *httpauth.Exchange, raw string) bool {
	if !c.revoke {
		return false
	}
	_, claims, err := ParseUnverified(raw) // Verify looked at its signature
	if err != nil {
		return false
	}
	id := fmt.Sprint(claims[c.userClaim])
	if n, ok := claims[c.userClaim].(float64); ok {
		id = fmt.Sprint(int64(n))
	}
	s := watchword.ClaimSet{Subject: id}
	if c.userField == "id" {
		s.UserID = id
	}
	u, err := x.Service.(httpauth.UserFinder).User(x.Request.Context(), s.Freeze(nil))
	return err == nil && claims[c.revokeName] != revocationMark(u)
}

// serveOwn answers the bearer's record.
func (c *easyjwtSettings) serveOwn(x *httpauth.Exchange) (httpauth.Reply, error) {
	claims, u, err := c.bearer(x)
	if err != nil {
		return httpauth.Reply{}, err
	}
	return x.Answer(httpauth.Result{User: u, Claims: claims})
}

// serveUser answers a record by its id: one's own, and to staff any. Others
// look like those that do not exist.
func (c *easyjwtSettings) serveUser(x *httpauth.Exchange) (httpauth.Reply, error) {
	claims, u, err := c.bearer(x)
	if err != nil {
		return httpauth.Reply{}, err
	}
	id := x.Request.PathValue("id")
	if id != u.ID {
		err = watchword.NotFound
		if u.Staff || u.Superuser {
			s := watchword.ClaimSet{UserID: id, Subject: id}
			u, err = x.Service.(httpauth.UserFinder).User(x.Request.Context(), s.Freeze(nil))
		}
		switch code := watchword.CodeOf(err); {
		case err == nil:
		case code == watchword.NotFound, code == watchword.UserDisabled:
			return x.JSON(http.StatusNotFound, httpauth.Object{{Name: "detail", Value: "Not found."}})
		default:
			return httpauth.Reply{}, err
		}
	}
	return x.Answer(httpauth.Result{User: u, Claims: claims})
}

// encodeRecord is the nine fields of the user's record, and what the
// application keeps beside them.
func encodeRecord(x *httpauth.Exchange, r httpauth.Result) (httpauth.Reply, error) {
	u := r.User
	o := httpauth.Object{
		{Name: "id", Value: number(u.ID)},
		{Name: "first_name", Value: u.FirstName},
		{Name: "email", Value: u.Email},
		{Name: "last_name", Value: u.LastName},
		{Name: "date_joined", Value: isoformat(u.CreatedAt)},
		{Name: "last_login", Value: isoformat(u.LastLoginAt)},
		{Name: "is_active", Value: u.Active},
		{Name: "is_staff", Value: u.Staff},
		{Name: "is_superuser", Value: u.Superuser},
	}
	// Services copy the record into a table like Django's. What the application
	// keeps says nothing there of who somebody is and what he may, or whoever
	// edits it could name another's id, or give is_superuser a second time,
	// which is the one that counts (CWE-915).
	fixed := []string{"pk", "username", "password", "groups", "user_permissions"}
	for _, p := range o {
		fixed = append(fixed, p.Name)
	}
	var err error
	if len(u.Extra) > 0 {
		err = jwt.Walk(u.Extra, func(name string, v jwt.Value) error {
			if slices.Contains(fixed, name) {
				return nil
			}
			o = append(o, httpauth.Pair{Name: name, Value: httpauth.Raw(v.Raw())})
			return nil
		})
	}
	if err != nil {
		return httpauth.Reply{}, fmt.Errorf("extra data of user %s: %w", u.ID, err)
	}
	return x.JSON(http.StatusOK, o)
}

// isoformat is a time as Python writes it, null for none.
func isoformat(t time.Time) any {
	switch t = t.UTC(); {
	case t.IsZero():
		return nil
	case t.Nanosecond()/1000 == 0:
		return t.Format("2006-01-02T15:04:05Z")
	default:
		return t.Format("2006-01-02T15:04:05.000000Z")
	}
}
