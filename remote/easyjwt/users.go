package easyjwt

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/jwt"
	"github.com/watchword-auth/watchword/remote"
)

// Fetch returns the record of the user whom an access token speaks of, as the
// authority tells it, and writes the copy.
func (c *Client) Fetch(ctx context.Context, raw string) (remote.User, error) {
	claims, err := c.claims(raw)
	if err != nil || !plausible(raw) {
		return remote.User{}, refusal(watchword.TokenMalformed, textIncorrect, err)
	}
	return c.sync(ctx, claims, raw)
}

// Record returns the record of the bearer of a token that Verify has accepted
// as the authority tells it now.
func (c *Client) Record(ctx context.Context, raw string) ([]byte, error) {
	u, err := c.Fetch(ctx, raw)
	return u.Raw, err
}

// User returns the copy of the user whom claims speak of, or
// [watchword.NotFound]. He is nobody's staff here.
func (c *Client) User(ctx context.Context, claims *watchword.Claims) (watchword.User, error) {
	u, err := c.Copy(ctx, claims)
	return local(u), err
}

// Copy is User with all that is kept of him. It needs a Users that is a
// [remote.UserFinder].
func (c *Client) Copy(ctx context.Context, claims *watchword.Claims) (remote.User, error) {
	finder, ok := c.c.Users.(remote.UserFinder)
	if !ok {
		return remote.User{}, watchword.NotFound
	}
	return finder.User(ctx, c.c.URL, claims.UserID)
}

// CopyJSON is Copy with the record alone, as the authority told it.
func (c *Client) CopyJSON(ctx context.Context, claims *watchword.Claims) ([]byte, error) {
	u, err := c.Copy(ctx, claims)
	return u.Raw, err
}

// user returns the copy of a user, fetched with his token where there is none.
func (c *Client) user(ctx context.Context, id, raw string) (remote.User, error) {
	if finder, ok := c.c.Users.(remote.UserFinder); ok {
		u, err := finder.User(ctx, c.c.URL, id)
		if err == nil || !errors.Is(err, watchword.NotFound) {
			return u, unkept(err)
		}
	}
	claims, err := c.claims(raw)
	if err != nil {
		return remote.User{}, refusal(watchword.TokenMalformed, textIncorrect, err)
	}
	return c.sync(ctx, claims, raw)
}

// sync fetches the user of a token and writes his copy. claims is nil where
// the token could not be read; then it is fetched all the same, since only the
// authority's own words say what is wrong with it, and nothing is written.
func (c *Client) sync(ctx context.Context, claims *watchword.Claims, raw string) (remote.User, error) {
	id := ""
	if claims != nil {
		id = claims.UserID
	}
	done := c.lock(id)
	defer done()
	record, err := c.send(ctx, request{
		method: http.MethodGet, path: strings.Replace(c.c.Paths.User, userPlace, url.PathEscape(id), 1), bearer: raw,
	})
	if err != nil {
		return remote.User{}, download(err)
	}
	u, err := c.parseUser(record)
	switch {
	case err != nil:
		return remote.User{}, refusal(watchword.Unavailable, textBadUser, err)
	case id == "" || u.ID != id:
		// Another's record than the one that the token speaks of: whoever is
		// behind it, it is not him.
		return remote.User{}, refusal(watchword.BadSignature, textIncorrect, nil)
	}
	return u, unkept(c.c.Users.Upsert(ctx, u))
}

// download turns a refusal of the user's route into the original's words.
func download(err error) error {
	r, ok := err.(*Refusal) //nolint:errorlint // send wraps nothing
	switch {
	case !ok:
		return err
	case r.Code == watchword.Unavailable && r.Status == 0:
		return r // there was no answer
	default:
		return refusal(r.of(watchword.BadSignature).Code, textFailed, r)
	}
}

// unkept is a copy that could not be written or read.
func unkept(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, watchword.Conflict):
		return refusal(watchword.InvalidCredentials, textOtherModels, err)
	default:
		return err
	}
}

// parseUser reads the user's record. What it does not know is Extra.
func (c *Client) parseUser(record []byte) (remote.User, error) {
	u := remote.User{Issuer: c.c.URL, Raw: json.RawMessage(record)}
	texts := map[string]*string{
		"username": &u.Login, "email": &u.Email, "first_name": &u.FirstName, "last_name": &u.LastName,
		"phone": &u.Phone, "location": &u.Location,
	}
	flags := map[string]*bool{"is_active": &u.Active, "is_staff": &u.Staff, "is_superuser": &u.Superuser}
	times := map[string]*time.Time{"date_joined": &u.CreatedAt, "last_login": &u.LastLoginAt}
	extra := make(map[string]json.RawMessage)
	err := jwt.Walk(record, func(name string, v jwt.Value) (err error) {
		if name == c.c.IDField {
			u.ID, err = idText(v)
			if err != nil || name == "id" {
				return err
			}
		}
		switch {
		case texts[name] == nil && flags[name] == nil && times[name] == nil:
			if name != "id" {
				extra[name] = json.RawMessage(v.Raw())
			}
		case v.IsNull():
		case texts[name] != nil:
			*texts[name], err = v.Text()
		case flags[name] != nil:
			err = json.Unmarshal(v.Raw(), flags[name])
		default:
			var text string
			if text, err = v.Text(); err == nil {
				*times[name], err = time.Parse(time.RFC3339, text)
			}
		}
		return err
	})
	if err == nil && len(extra) > 0 {
		u.Extra, err = json.Marshal(extra)
	}
	return u, err
}

// local is a mirrored user as this service's own code sees users. What he is
// at the authority makes him no staff here.
func local(u remote.User) watchword.User {
	return watchword.User{
		ID: u.ID, Login: u.Login, Email: u.Email, FirstName: u.FirstName, LastName: u.LastName,
		Phone: u.Phone, Location: u.Location, Active: u.Active, CreatedAt: u.CreatedAt, LastLoginAt: u.LastLoginAt,
		Groups: u.Groups, Permissions: u.Permissions, Scopes: u.Scopes, Extra: u.Extra,
	}
}

// userLock keeps calls about one user apart.
type userLock struct {
	mu      sync.Mutex
	waiting int
}

// lock waits until nobody else writes the user's copy, so that what was
// fetched later is also written later.
func (c *Client) lock(id string) (unlock func()) {
	c.mu.Lock()
	l := c.users[id]
	if l == nil {
		l = &userLock{}
		c.users[id] = l
	}
	l.waiting++
	c.mu.Unlock()
	l.mu.Lock()
	return func() {
		l.mu.Unlock()
		c.mu.Lock()
		defer c.mu.Unlock()
		if l.waiting--; l.waiting == 0 {
			delete(c.users, id)
		}
	}
}
