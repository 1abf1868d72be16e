package main

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/watchword-auth/watchword"
)

// record is a user as GET /auth/v1/me shows one.
type record struct {
	ID          string          `json:"id"`
	Login       string          `json:"login"`
	Email       string          `json:"email"`
	FirstName   string          `json:"first_name"`
	LastName    string          `json:"last_name"`
	Staff       bool            `json:"staff"`
	Superuser   bool            `json:"superuser"`
	Active      bool            `json:"active"`
	Scopes      []string        `json:"scopes"`
	Permissions []string        `json:"permissions"`
	Groups      []string        `json:"groups"`
	CreatedAt   *string         `json:"created_at"`
	LastLoginAt *string         `json:"last_login_at"`
	Phone       string          `json:"phone,omitempty"`
	Location    string          `json:"location,omitempty"`
	Extra       json.RawMessage `json:"extra,omitempty"`
}

func recordOf(u watchword.User) record {
	return record{
		ID: u.ID, Login: u.Login, Email: u.Email, FirstName: u.FirstName, LastName: u.LastName,
		Staff: u.Staff, Superuser: u.Superuser, Active: u.Active,
		Scopes: full(u.Scopes), Permissions: full(u.Permissions), Groups: full(u.Groups),
		CreatedAt: instant(u.CreatedAt), LastLoginAt: instant(u.LastLoginAt),
		Phone: u.Phone, Location: u.Location, Extra: u.Extra,
	}
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
