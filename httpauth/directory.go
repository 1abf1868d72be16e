package httpauth

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/watchword-auth/watchword"
)

// UserFields are the names of fields that a machine client may be allowed to
// copy (see [watchword.ClientRecord]). The id is always shown.
func UserFields() []string {
	var names []string
	for _, m := range fullRecord(watchword.User{}) {
		if m.Name != "id" {
			names = append(names, m.Name)
		}
	}
	return names
}

// fullRecord is all that a copy of a user can have.
func fullRecord(u watchword.User) Object {
	var extra any
	if len(u.Extra) > 0 {
		extra = Raw(u.Extra)
	}
	known := UserRecord(u)
	// Those that a record shows only where they are set, a copy always has:
	// it must learn that they were taken away.
	for _, m := range (Object{{"phone", u.Phone}, {"location", u.Location}, {"extra", extra}}) {
		if !slices.ContainsFunc(known, func(k Pair) bool { return k.Name == m.Name }) {
			known = append(known, m)
		}
	}
	return known
}

// recordFor is the user as the client may see him.
func recordFor(u watchword.User, c watchword.ClientRecord) Object {
	return slices.DeleteFunc(fullRecord(u), func(m Pair) bool { return m.Name != "id" && !slices.Contains(c.UserFields, m.Name) })
}

// mirror is callerOf for those who may see users.
func mirror(x *Exchange) (caller, error) {
	who, err := callerOf(x)
	if err == nil && len(who.client.UserFields) == 0 {
		err = fmt.Errorf("%w: no fields of users are the client's to see", watchword.PermissionDenied)
	}
	return who, err
}

func serveDirectory(x *Exchange) (Reply, error) {
	who, err := mirror(x)
	if err != nil {
		return Reply{}, err
	}
	q, err := queryOf(x.Request)
	if err != nil {
		return Reply{}, err
	}
	limit, err := q.number("limit", watchword.MaxDirectoryPage, 1, watchword.MaxDirectoryPage)
	if err != nil {
		return Reply{}, err
	}
	page, err := x.Service.(UserDirectory).Directory(x.Request.Context(), q.text("after"), limit)
	if err != nil {
		return Reply{}, err
	}
	users := make([]Object, len(page.Users))
	for i, u := range page.Users {
		users[i] = recordFor(u, who.client)
	}
	return x.JSON(http.StatusOK, Object{{"users", users}, {"next", page.Next}, {"cursor", page.Cursor.String()}})
}

func serveDirectoryUser(x *Exchange) (Reply, error) {
	who, err := mirror(x)
	if err != nil {
		return Reply{}, err
	}
	u, err := x.Service.(UserDirectory).DirectoryUser(x.Request.Context(), x.Request.PathValue("id"))
	if err != nil {
		return Reply{}, err
	}
	return x.JSON(http.StatusOK, recordFor(u, who.client))
}
