package manage

import (
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/watchword-auth/watchword"
)

// ranked reports whether the user can administer, or might by a flag alone.
func ranked(u watchword.User) bool {
	return u.Staff || u.Superuser || slices.Contains(u.Scopes, ScopeAdmin)
}

// touches says why the actor may not touch the user: whoever sets somebody's
// password, or his address, can sign in as him, so nobody touches one above
// himself, nor one beside him (Django's staff could, and became superusers).
func touches(by Actor, u watchword.User) (why string) {
	if by.Superuser() || !ranked(u) {
		return ""
	}
	return "only a superuser touches staff, superusers and holders of the scope admin"
}

// gives says why the actor may not give the user what the change gives him
// beyond what he has. Taking away is free, but for extra data: what a member
// stands for, or its absence, only the application knows.
func (m *Actions) gives(by Actor, u watchword.User, c watchword.UserChange) (why string) {
	if by.Superuser() {
		return ""
	}
	if c.Staff != nil && *c.Staff || c.Superuser != nil && *c.Superuser {
		return "only a superuser sets staff or superuser"
	}
	for _, list := range []struct {
		kind     string
		had, new []string
	}{
		{"scope", u.Scopes, listed(c.Scopes)},
		{"permission", u.Permissions, listed(c.Permissions)},
		{"group", u.Groups, listed(c.Groups)},
	} {
		for _, name := range list.new {
			if slices.Contains(list.had, name) {
				continue
			}
			if why := grants(by, list.kind, name); why != "" {
				return why
			}
		}
	}
	if c.Extra == nil {
		return ""
	}
	had, new := members(u.Extra), members(*c.Extra)
	for _, name := range m.o.Claimed {
		if string(had[name]) != string(new[name]) {
			return fmt.Sprintf("only a superuser changes the extra data that tokens carry: %q", name)
		}
	}
	return ""
}

// members returns those of an object, without layout. Not as RFC 8785 would
// write them: large numbers that differ become the same one there.
func members(object []byte) map[string]jsontext.Value {
	var all map[string]jsontext.Value
	if json.Unmarshal(object, &all) != nil {
		return nil // there is none, and no other would be kept
	}
	for name, value := range all {
		_ = value.Compact() // it was read just now
		all[name] = value
	}
	return all
}

// grants says why the actor may not grant a scope, permission or group to
// anybody, be it a user or a machine. A group counts like a permission: what
// follows from it, the application knows.
func grants(by Actor, kind, name string) (why string) {
	switch {
	case by.Superuser():
		return ""
	case kind == "scope" && name == ScopeAdmin:
		// It would outlive the token by which it was granted.
		return "only a superuser grants the scope admin"
	case !by.has(kind, name):
		return fmt.Sprintf("only a superuser grants a %s that he does not have himself: %q", kind, name)
	default:
		return ""
	}
}

func listed(list *[]string) []string {
	if list == nil {
		return nil
	}
	return *list
}

func disables(c watchword.UserChange) bool { return c.Active != nil && !*c.Active }

// changeTo is the change that gives somebody who has nothing what u has.
func changeTo(u watchword.User) watchword.UserChange {
	return watchword.UserChange{
		Staff: &u.Staff, Superuser: &u.Superuser, Groups: &u.Groups, Permissions: &u.Permissions, Scopes: &u.Scopes,
	}
}

// changedFields names what a change touches, never to what.
func changedFields(c watchword.UserChange) string {
	var names []string
	for _, f := range []struct {
		name    string
		changed bool
	}{
		{"login", c.Login != nil},
		{"email", c.Email != nil},
		{"first_name", c.FirstName != nil},
		{"last_name", c.LastName != nil},
		{"phone", c.Phone != nil},
		{"location", c.Location != nil},
		{"active", c.Active != nil},
		{"staff", c.Staff != nil},
		{"superuser", c.Superuser != nil},
		{"groups", c.Groups != nil},
		{"permissions", c.Permissions != nil},
		{"scopes", c.Scopes != nil},
		{"extra", c.Extra != nil},
		{"password", c.PasswordHash != nil},
	} {
		if f.changed {
			names = append(names, f.name)
		}
	}
	return strings.Join(names, ", ")
}
