package remote

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/jwt"
)

// directoryLimit is how many users are asked for at once.
const directoryLimit = 500

// directoryUser fetches a user's record with this service's own credentials,
// or returns NotFound.
func (c *Client) directoryUser(ctx context.Context, id string) (User, error) {
	n, err := c.native(ctx)
	if err != nil {
		return User{}, err
	}
	body, err := c.call(ctx, request{method: http.MethodGet, url: n.at("directory/" + url.PathEscape(id)), asClient: true})
	if errors.Is(err, watchword.NotFound) {
		// An address that nobody serves answers the same. Nobody is deleted
		// because of a proxy, or of an authority without a directory.
		if _, fault := c.directoryPage(ctx, "", 1); fault != nil {
			return User{}, fmt.Errorf("%w: user %.64q was not found, and neither was the directory: %v", watchword.Unavailable, id, fault) //nolint:errorlint // its code is about another question
		}
		return User{}, err
	}
	if err != nil {
		return User{}, err
	}
	u, err := parseUser(c.issuer, body)
	if err == nil && u.ID != id {
		err = fmt.Errorf("asked for user %.64q, got %.64q", id, u.ID)
	}
	if err != nil {
		return User{}, fmt.Errorf("%w: directory: %w", watchword.Unavailable, err)
	}
	return u, nil
}

// directoryPage is a page of all users. The cursor was read before them.
type directoryPage struct {
	users  []User
	next   string
	cursor watchword.Cursor
}

func (c *Client) directoryPage(ctx context.Context, after string, limit int) (directoryPage, error) {
	n, err := c.native(ctx)
	if err != nil {
		return directoryPage{}, err
	}
	query := url.Values{"limit": {strconv.Itoa(limit)}}
	if after != "" {
		query.Set("after", after)
	}
	body, err := c.call(ctx, request{method: http.MethodGet, url: n.at("directory") + "?" + query.Encode(), asClient: true, max: maxPage})
	if err != nil {
		return directoryPage{}, err
	}
	p, err := parseDirectory(c.issuer, body)
	if err == nil && p.next != "" && (p.next == after || len(p.users) == 0) {
		err = fmt.Errorf("the page after %.64q leads nowhere", after)
	}
	if err != nil {
		return directoryPage{}, fmt.Errorf("%w: directory: %w", watchword.Unavailable, err)
	}
	return p, nil
}

func parseDirectory(issuer string, body []byte) (directoryPage, error) {
	var p directoryPage
	cursor := ""
	err := jwt.Walk(body, func(name string, v jwt.Value) (err error) {
		switch name {
		case "users":
			return v.Each(func(e jwt.Value) error {
				u, err := parseUser(issuer, e.Raw())
				p.users = append(p.users, u)
				return err
			})
		case "next":
			p.next, err = v.Text()
		case "cursor":
			cursor, err = v.Text()
		}
		return err
	})
	if err != nil {
		return directoryPage{}, err
	}
	p.cursor, err = watchword.ParseCursor(cursor)
	return p, err
}
