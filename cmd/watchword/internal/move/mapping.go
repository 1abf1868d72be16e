package move

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Mapping says where the parts of a user stand in the tables of another
// system. The zero Mapping is Django's own auth_user. A name that is left out
// is Django's, and nothing is missed where there is no such column; one that
// is given must be there; "-" is for none.
type Mapping struct {
	// Table of the users: "auth_user".
	Table string `toml:"table"`
	// IDs is "keep", so that tokens and foreign keys go on meaning the same
	// user, or "new" where those of the source are no positive numbers.
	IDs string `toml:"ids"`

	Columns   Columns   `toml:"columns"`
	Constants Constants `toml:"constants"`
	// Extra has columns that go into the user's own JSON object, by the names
	// that they get there.
	Extra map[string]string `toml:"extra"`

	Groups      Groups      `toml:"groups"`
	Permissions Permissions `toml:"permissions"`
	// Blacklist names tables of refused tokens: those of simplejwt and djwto
	// where none is given.
	Blacklist []Blacklist `toml:"blacklist"`
}

// Columns are the columns of the users' table.
type Columns struct {
	ID          string `toml:"id"`
	Login       string `toml:"login"`
	Email       string `toml:"email"`
	Password    string `toml:"password"`
	FirstName   string `toml:"first_name"`
	LastName    string `toml:"last_name"`
	Phone       string `toml:"phone"`
	Location    string `toml:"location"`
	Active      string `toml:"active"`
	Staff       string `toml:"staff"`
	Superuser   string `toml:"superuser"`
	CreatedAt   string `toml:"created_at"`
	LastLoginAt string `toml:"last_login_at"`
	// Lists: a JSON array, or texts parted by semicolons or spaces.
	Groups      string `toml:"groups"`
	Permissions string `toml:"permissions"`
	Scopes      string `toml:"scopes"`
}

// Constants are what everybody gets whose table does not say.
type Constants struct {
	Active      *bool    `toml:"active"` // default: true
	Staff       bool     `toml:"staff"`
	Superuser   bool     `toml:"superuser"`
	Groups      []string `toml:"groups"`      // beside those of the source
	Permissions []string `toml:"permissions"` // likewise
	Scopes      []string `toml:"scopes"`      // likewise
}

// Groups are the tables of groups: their names, and who is in which.
type Groups struct {
	Table   string `toml:"table"` // "auth_group"
	ID      string `toml:"id"`
	Name    string `toml:"name"`
	Members string `toml:"members"` // the users' table and "_groups"
	User    string `toml:"user"`    // its column for the user: the one that is left
	Group   string `toml:"group"`   // its column for the group: "group_id"
}

// Permissions are the tables of permissions, and who has which. Without Name
// a permission is called as Django does: app_label, a point, codename.
type Permissions struct {
	Table      string `toml:"table"` // "auth_permission"
	ID         string `toml:"id"`
	Name       string `toml:"name"`
	Members    string `toml:"members"` // the users' table and "_user_permissions"
	User       string `toml:"user"`
	Permission string `toml:"permission"` // "permission_id"
	OfGroups   string `toml:"of_groups"`  // "auth_group_permissions"
}

// Blacklist is a table of refused tokens. Where they stand in another table,
// as with simplejwt, Token is the column that points there, and Tokens that
// table.
type Blacklist struct {
	Table   string `toml:"table"`
	ID      string `toml:"id"` // the column with the jti: "jti"
	Expires string `toml:"expires"`
	Token   string `toml:"token"`
	Tokens  string `toml:"tokens"`
}

// none stands for a column or table that is not to be read.
const none = "-"

// check returns what is wrong with the mapping, all at once.
func (m *Mapping) check() error {
	var faults []error
	if m.IDs != "" && m.IDs != "keep" && m.IDs != "new" {
		faults = append(faults, fmt.Errorf("ids: %q is neither keep nor new", m.IDs))
	}
	for _, must := range []struct{ name, column string }{
		{"table", m.Table}, {"columns.id", m.Columns.ID}, {"columns.login", m.Columns.Login},
	} {
		if must.column == none {
			faults = append(faults, fmt.Errorf("%s: this cannot be left out", must.name))
		}
	}
	for name, column := range m.Extra {
		if column == "" || column == none {
			faults = append(faults, fmt.Errorf("extra.%s: no column is named", name))
		}
	}
	for i, b := range m.Blacklist {
		if b.Table == "" || (b.Token == "") != (b.Tokens == "") {
			faults = append(faults, fmt.Errorf("blacklist %d: want table, or table with both token and tokens", i+1))
		}
	}
	return errors.Join(faults...)
}

// filled returns the mapping with the names of tables that were left out.
func (m Mapping) filled() Mapping {
	m.Table = cmp.Or(m.Table, "auth_user")
	m.Groups.Table = cmp.Or(m.Groups.Table, m.beside("auth_group"))
	m.Groups.ID = cmp.Or(m.Groups.ID, "id")
	m.Groups.Name = cmp.Or(m.Groups.Name, "name")
	m.Groups.Members = cmp.Or(m.Groups.Members, m.Table+"_groups")
	m.Groups.Group = cmp.Or(m.Groups.Group, "group_id")
	m.Permissions.Table = cmp.Or(m.Permissions.Table, m.beside("auth_permission"))
	m.Permissions.ID = cmp.Or(m.Permissions.ID, "id")
	m.Permissions.Members = cmp.Or(m.Permissions.Members, m.Table+"_user_permissions")
	m.Permissions.Permission = cmp.Or(m.Permissions.Permission, "permission_id")
	m.Permissions.OfGroups = cmp.Or(m.Permissions.OfGroups, m.beside("auth_group_permissions"))
	if m.Blacklist == nil {
		m.Blacklist = []Blacklist{
			{
				Table: m.beside("token_blacklist_blacklistedtoken"), Token: "token_id", Tokens: m.beside("token_blacklist_outstandingtoken"),
				ID: "jti", Expires: "expires_at",
			},
			{Table: m.beside("djwto_jwtblacklist"), ID: "jti", Expires: "expires"},
		}
	} else {
		m.Blacklist = slices.Clone(m.Blacklist)
		for i := range m.Blacklist {
			m.Blacklist[i].ID = cmp.Or(m.Blacklist[i].ID, "jti")
			m.Blacklist[i].Expires = cmp.Or(m.Blacklist[i].Expires, "expires_at")
		}
	}
	return m
}

// beside returns the name of another table in the schema of the users': the
// first of the search path may hold another site, with groups and refused
// tokens of its own.
func (m Mapping) beside(name string) string {
	if schema, _, ok := strings.Cut(m.Table, "."); ok {
		return schema + "." + name
	}
	return name
}

// keeps reports whether people keep their ids.
func (m Mapping) keeps() bool { return m.IDs != "new" }
