package config

import (
	"errors"
	"fmt"
	"strings"

	"github.com/watchword-auth/watchword/store/django"
)

// Users says where the people are, when another system keeps them. The zero
// DSN: in our own database.
type Users struct {
	DSN         string
	Table       string
	Columns     []string // FIELD=COLUMN, where a column is not called as in a new Django project
	Groups      bool     // groups and permissions are read from Django's tables
	Exact       bool     // the user name alone is a login, letter for letter
	Upgrade     bool     // a sign-in may write a hash anew
	RecordLogin bool     // a sign-in is written down
	Django      django.Config
}

// checkUsers reads the mapping. Hashes that Django is to read are spelled as
// it spells them, whatever name the scheme was given by.
func (l *loader) checkUsers() {
	u := &l.c.Users
	if u.DSN == "" {
		fresh := Default().Users
		for key, set := range map[string]bool{
			"users.table": u.Table != fresh.Table, "users.columns": len(u.Columns) > 0, "users.groups": u.Groups != fresh.Groups,
			"users.exact": u.Exact, "users.upgrade": u.Upgrade, "users.record_login": u.RecordLogin,
		} {
			if set {
				l.fault(key, "", errors.New("users.dsn is not set: name the database that the users are in"))
			}
		}
		return
	}
	u.Django = django.Config{Table: django.Table{Name: u.Table, NoGroups: !u.Groups}, Exact: u.Exact, Upgrade: u.Upgrade}
	for _, pair := range u.Columns {
		field, column, ok := strings.Cut(pair, "=")
		place := u.Django.Table.Column(field)
		switch {
		case !ok || place == nil || column == "":
			l.fault("users.columns", "", fmt.Errorf("%q is not FIELD=COLUMN with a field of: %s", pair, strings.Join(django.Columns(), ", ")))
		case *place != "":
			l.fault("users.columns", "", fmt.Errorf("%s is there twice", field))
		default:
			*place = column
		}
	}
	if err := u.Django.Table.Check(); err != nil {
		l.fault("users", "", err)
	}
	if l.c.Signup.Enabled {
		l.fault("signup.enabled", "", errors.New("the users are another system's ([users]): it makes the accounts"))
	}
	if u.Upgrade {
		l.c.Password.Params = l.c.Password.Params.Django()
	}
}
