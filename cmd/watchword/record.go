package main

import (
	"strings"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/mirror"
	"github.com/watchword-auth/watchword/httpauth"
)

// recordOf is a user as GET /auth/v1/me shows one, and what else is kept of
// him where there is any.
func recordOf(u watchword.User) httpauth.Object {
	o := httpauth.UserRecord(u)
	if _, id, ok := mirror.Remote(u.Login); ok {
		o = append(o, httpauth.Pair{Name: "remote_id", Value: id})
	}
	if len(u.Extra) > 0 {
		o = append(o, httpauth.Pair{Name: "extra", Value: httpauth.Raw(u.Extra)})
	}
	return o
}

// full returns a list that JSON writes as [] where it is empty.
func full(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

// instant is a time for JSON: null where there is none.
func instant(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	s := stamp(t)
	return &s
}

// showUser prints one user, a field a line.
func (a *app) showUser(u watchword.User) error {
	return a.show(recordOf(u), func() error {
		rows := [][]string{}
		for _, f := range []struct{ name, value string }{
			{"id", u.ID},
			{"login", u.Login},
			{"email", u.Email},
			{"name", strings.TrimSpace(u.FirstName + " " + u.LastName)},
			{"phone", u.Phone},
			{"location", u.Location},
			{"standing", standing(u)},
			{"scopes", strings.Join(u.Scopes, " ")},
			{"permissions", strings.Join(u.Permissions, ", ")},
			{"groups", strings.Join(u.Groups, ", ")},
			{"created", stamp(u.CreatedAt)},
			{"last login", stamp(u.LastLoginAt)},
			{"extra", string(u.Extra)},
		} {
			if f.value != "" {
				rows = append(rows, []string{f.name, f.value})
			}
		}
		return a.table("FIELD VALUE", rows)
	})
}
