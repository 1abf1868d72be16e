package main

import (
	"slices"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/manage"
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

// change returns the flags as a change of a user, and the login, where there
// is one, that loginName calls.
func (f userFlags) change(login *string, loginName string) (watchword.UserChange, error) {
	c := watchword.UserChange{
		Login: login, Email: f.Email, FirstName: f.FirstName, LastName: f.LastName, Phone: f.Phone, Location: f.Location,
		Staff: f.Staff, Superuser: f.Superuser,
		Scopes: listed(f.Scope), Permissions: listed(f.Permission), Groups: listed(f.Group),
	}
	if f.Inactive != nil {
		active := !*f.Inactive
		c.Active = &active
	}
	if f.Extra != nil {
		extra := []byte(*f.Extra)
		c.Extra = &extra
	}
	return c, inFlags(manage.CheckChange(c), map[string]string{"login": loginName})
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
	set(&u.Login, c.Login)
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
