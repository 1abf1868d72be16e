package django

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// None as a column's name says that the table has no such column.
const None = "-"

// Table says how the table of users and its columns are called. An empty
// field stands for the name in a new Django project, [None] for a column that
// is not there.
type Table struct {
	// Name of the table, with or without a schema before a dot. Default:
	// auth_user.
	Name string

	ID       string // id
	Username string // username; email where USERNAME_FIELD says so
	Password string // password

	Email     string // email
	FirstName string // first_name
	LastName  string // last_name
	// Active: is_active. With None everybody who is in the table is active.
	Active     string
	Staff      string // is_staff
	Superuser  string // is_superuser
	DateJoined string // date_joined
	LastLogin  string // last_login

	// NoGroups says that the users have neither groups nor permissions of
	// Django's; else these are read from NAME_groups, NAME_user_permissions
	// and Django's own tables.
	NoGroups bool
}

// Column returns the field that holds the name of the column which a new
// Django project calls name, or nil where there is none.
func (t *Table) Column(name string) *string {
	i := slices.Index(Columns(), name)
	if i < 0 {
		return nil
	}
	return t.columns()[i]
}

// Columns lists the columns as a new Django project calls them, the three
// that must be there first.
func Columns() []string {
	return []string{
		"id", "username", "password",
		"email", "first_name", "last_name", "is_active", "is_staff", "is_superuser", "date_joined", "last_login",
	}
}

// needed is how many of Columns must be there.
const needed = 3

// columns are the fields in the order of Columns.
func (t *Table) columns() []*string {
	return []*string{
		&t.ID, &t.Username, &t.Password,
		&t.Email, &t.FirstName, &t.LastName, &t.Active, &t.Staff, &t.Superuser, &t.DateJoined, &t.LastLogin,
	}
}

// resolve fills in the defaults, and reports every name that is none.
func (t Table) resolve() (Table, error) {
	if t.Name == "" {
		t.Name = "auth_user"
	}
	var faults []error
	if strings.Count(t.Name, ".") > 1 {
		faults = append(faults, fmt.Errorf("table %q has more than one dot", t.Name))
	}
	for _, part := range strings.Split(t.Name, ".") {
		if err := checkName(part); err != nil {
			faults = append(faults, fmt.Errorf("table %q: %w", t.Name, err))
		}
	}
	for i, field := range t.columns() {
		name := Columns()[i]
		if *field == "" {
			*field = name
		}
		if err := checkName(*field); err != nil {
			faults = append(faults, fmt.Errorf("column %s: %w", name, err))
		}
		if *field == None && i < needed {
			faults = append(faults, fmt.Errorf("column %s: nobody signs in without one", name))
		}
	}
	return t, errors.Join(faults...)
}

// Check reports every name of the table that is none, without looking at a
// database.
func (t Table) Check() error {
	_, err := t.resolve()
	return err
}

// checkName wants what can be quoted.
func checkName(name string) error {
	if name == "" || len(name) > 63 || strings.ContainsAny(name, "\"\x00") {
		return fmt.Errorf("%q is no name of 1 to 63 bytes without quotes", name)
	}
	return nil
}

// beside returns the quoted name of another table of the project, in the
// schema of the users'.
func (t Table) beside(name string) string {
	if schema, _, ok := strings.Cut(t.Name, "."); ok {
		return quote(schema) + "." + quote(name)
	}
	return quote(name)
}

// base is the table's name without its schema.
func (t Table) base() string {
	_, name, ok := strings.Cut(t.Name, ".")
	if !ok {
		return t.Name
	}
	return name
}

// quote makes an identifier of a name that was checked.
func quote(name string) string { return `"` + name + `"` }
