package adminapi

import (
	"net/http"
	"slices"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/manage"
	"github.com/watchword-auth/watchword/httpauth"
)

// userRecord is a user as GET /auth/v1/me shows one, and all else that is kept
// of him.
func userRecord(u watchword.User) httpauth.Object {
	extra := any(nil)
	if len(u.Extra) > 0 {
		extra = httpauth.Raw(u.Extra)
	}
	phone, location := u.Phone, u.Location
	u.Phone, u.Location = "", "" // they have their places, also where they are empty
	return append(httpauth.UserRecord(u),
		httpauth.Pair{Name: "phone", Value: phone}, httpauth.Pair{Name: "location", Value: location}, httpauth.Pair{Name: "extra", Value: extra})
}

// records writes each entry of a list.
func records[T any](list []T, record func(T) httpauth.Object) []httpauth.Object {
	all := make([]httpauth.Object, len(list))
	for i, one := range list {
		all[i] = record(one)
	}
	return all
}

// page answers with a part of a list.
func (c *call) page(name string, list []httpauth.Object, next string) (httpauth.Reply, error) {
	return c.JSON(http.StatusOK, httpauth.Object{{Name: name, Value: list}, {Name: "next", Value: cursor(next)}})
}

// made answers with something new, and where it is.
func (c *call) made(path string, o httpauth.Object) (httpauth.Reply, error) {
	r, err := c.JSON(http.StatusCreated, o)
	if err == nil {
		r.Header.Set("Location", httpauth.NativePrefix+"/admin/"+path)
	}
	return r, err
}

// instant is RFC 3339 in UTC, null for never.
func instant(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format(time.RFC3339)
}

// What documents show.

// ranks is what every route that touches users says.
const ranks = "Staff, superusers and holders of the scope admin are a superuser's to touch, and nobody else grants what he does not have himself."

func needs(p manage.Permission) string { return "Needs the permission " + string(p) + "." }

// pages are examples of a list with and without a next page.
func pages(name string, entries ...httpauth.Object) []any {
	return []any{
		httpauth.Object{{Name: name, Value: entries}, {Name: "next", Value: sampleCursor}},
		httpauth.Object{{Name: name, Value: entries}, {Name: "next", Value: nil}},
	}
}

// bodies are examples of a body: the whole one, and the members that must be
// there.
func bodies(whole httpauth.Object, required ...string) []any {
	least := httpauth.Object{}
	for _, p := range whole {
		for _, name := range required {
			if p.Name == name {
				least = append(least, p)
			}
		}
	}
	return []any{whole, least}
}

func sampleTime() time.Time { return time.Date(2026, time.January, 31, 12, 0, 0, 0, time.UTC) }

func sampleUser() watchword.User {
	return watchword.User{
		ID: "7", Login: "ann", Email: "ann@example.com", FirstName: "Ann", LastName: "Example", Phone: "+49 30 1234", Location: "Berlin",
		Active: true, Groups: []string{"editors"}, Permissions: []string{"posts.edit"}, Scopes: []string{"posts:read"},
		CreatedAt: sampleTime(), LastLoginAt: sampleTime(), Extra: []byte(`{"plan":"pro"}`),
	}
}

// userRecords are a record with all there can be, one with extra data of
// nothing, and one with nothing.
func userRecords() []httpauth.Object {
	whole := sampleUser()
	open := whole
	open.Extra = []byte(`{}`)
	return []httpauth.Object{userRecord(whole), userRecord(open), userRecord(watchword.User{ID: "8", Login: "bob", CreatedAt: whole.CreatedAt})}
}

// withOpenExtra adds an example whose extra data is another object.
func withOpenExtra(examples []any) []any {
	whole := slices.Clone(examples[0].(httpauth.Object))
	for i, p := range whole {
		if p.Name == "extra" {
			whole[i].Value = httpauth.Object{}
		}
	}
	return append(examples, whole)
}

func userBody() httpauth.Object {
	return httpauth.Object{
		{Name: "login", Value: "ann"},
		{Name: "email", Value: "ann@example.com"},
		{Name: "first_name", Value: "Ann"},
		{Name: "last_name", Value: "Example"},
		{Name: "phone", Value: "+49 30 1234"},
		{Name: "location", Value: "Berlin"},
		{Name: "active", Value: true},
		{Name: "staff", Value: false},
		{Name: "superuser", Value: false},
		{Name: "groups", Value: []string{"editors"}},
		{Name: "permissions", Value: []string{"posts.edit"}},
		{Name: "scopes", Value: []string{"posts:read"}},
		{Name: "extra", Value: httpauth.Raw(`{"plan":"pro"}`)},
	}
}
