package main

import (
	"slices"
	"strings"

	"github.com/watchword-auth/watchword"
)

// userFlags are what add and set can say of a user. nil was not said.
type userFlags struct {
	Email      *string  `placeholder:"ADDRESS" help:"E-mail address: may be used to sign in, too."`
	FirstName  *string  `placeholder:"NAME" help:"First name."`
	LastName   *string  `placeholder:"NAME" help:"Last name."`
	Phone      *string  `placeholder:"NUMBER" help:"Telephone number."`
	Location   *string  `placeholder:"PLACE" help:"Location."`
	Staff      *bool    `negatable:"" help:"May see the pages for staff."`
	Superuser  *bool    `negatable:"" help:"May do everything."`
	Inactive   *bool    `negatable:"" help:"Cannot sign in."`
	Scope      []string `sep:"none" placeholder:"S" help:"A scope that may be granted; again for more, an empty one for none."`
	Permission []string `sep:"none" placeholder:"P" help:"A permission, any text; again for more, an empty one for none."`
	Group      []string `sep:"none" placeholder:"G" help:"A group; again for more, an empty one for none."`
	Extra      *string  `placeholder:"JSON" help:"An object of your own, at most 8 KiB, shown in the user's record; empty for none."`
	passwordFlags
}

// change returns the flags as a change of a user.
func (f userFlags) change() (watchword.UserChange, error) {
	c := watchword.UserChange{
		Email: f.Email, FirstName: f.FirstName, LastName: f.LastName, Phone: f.Phone, Location: f.Location,
		Staff: f.Staff, Superuser: f.Superuser,
		Scopes: listed(f.Scope), Permissions: listed(f.Permission), Groups: listed(f.Group),
	}
	if f.Inactive != nil {
		active := !*f.Inactive
		c.Active = &active
	}
	if err := f.checkTexts(); err != nil {
		return c, err
	}
	for _, scope := range f.Scope {
		if parsed, err := watchword.ParseScope(scope); err != nil || len(parsed) > 1 {
			return c, usagef("--scope: %q is no scope: one word of printable ASCII without quotes and backslashes", scope)
		}
	}
	if f.Extra != nil {
		extra, err := extraObject(*f.Extra)
		if err != nil {
			return c, err
		}
		c.Extra = &extra
	}
	return c, nil
}

func (f userFlags) checkTexts() error {
	if f.Email != nil {
		if err := checkEmail("--email", *f.Email); err != nil {
			return err
		}
	}
	for _, one := range []struct {
		flag string
		text *string
	}{
		{"--first-name", f.FirstName}, {"--last-name", f.LastName}, {"--phone", f.Phone}, {"--location", f.Location},
	} {
		if one.text == nil {
			continue
		}
		if err := checkText(one.flag, *one.text); err != nil {
			return err
		}
	}
	for _, list := range [][]string{f.Permission, f.Group} {
		for _, text := range list {
			if err := checkText("--permission and --group", text); err != nil {
				return err
			}
		}
	}
	return nil
}

// listed returns the values given, without repeats; nil where the flag was
// not given.
func listed(values []string) *[]string {
	if values == nil {
		return nil
	}
	list := []string{}
	for _, v := range values {
		if v != "" && !slices.Contains(list, v) {
			list = append(list, v)
		}
	}
	return &list
}

// apply puts a change into a user that is not kept yet.
func apply(u *watchword.User, c watchword.UserChange) {
	set(&u.Email, c.Email)
	set(&u.FirstName, c.FirstName)
	set(&u.LastName, c.LastName)
	set(&u.Phone, c.Phone)
	set(&u.Location, c.Location)
	set(&u.Active, c.Active)
	set(&u.Staff, c.Staff)
	set(&u.Superuser, c.Superuser)
	set(&u.Scopes, c.Scopes)
	set(&u.Permissions, c.Permissions)
	set(&u.Groups, c.Groups)
	set(&u.Extra, c.Extra)
}

func set[T any](to, from *T) {
	if from != nil {
		*to = *from
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
