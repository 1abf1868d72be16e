package config

import (
	"errors"
	"fmt"
)

// Admin is the first user, as the environment describes him. Empty fields
// were not set.
type Admin struct {
	Login, Email, Password string
}

// String shows no password.
func (a Admin) String() string { return "admin " + a.Login }

// GoString is what %#v prints.
func (a Admin) GoString() string { return a.String() }

// adminFields are the parts of the variables' names; Django calls them so.
func adminFields(a *Admin) map[string]*string {
	return map[string]*string{"USERNAME": &a.Login, "EMAIL": &a.Email, "PASSWORD": &a.Password}
}

const (
	ownAdmin    = prefix + "ADMIN_"
	djangoAdmin = "DJANGO_SUPERUSER_"
)

// adminVariables are our own names.
func adminVariables() []string {
	var names []string
	for field := range adminFields(new(Admin)) {
		names = append(names, ownAdmin+field, ownAdmin+field+"_FILE")
	}
	return names
}

// LoadAdmin reads WATCHWORD_ADMIN_USERNAME, _EMAIL and _PASSWORD, or each as
// DJANGO_SUPERUSER_…, or from the file that the same name with _FILE names.
func LoadAdmin(pairs []string) (Admin, error) {
	env := environ(pairs)
	var (
		a      Admin
		faults []error
	)
	fields := adminFields(&a)
	for _, field := range sortedKeys(fields) {
		for _, name := range []string{ownAdmin + field, djangoAdmin + field} {
			value, err := valueOrFile(env, name)
			if err != nil {
				faults = append(faults, &Fault{Key: name, Source: "environment", Err: err})
			}
			if value != "" {
				*fields[field] = value
				break
			}
		}
	}
	return a, errors.Join(faults...)
}

// valueOrFile returns a variable, or what the file holds that the variable
// with _FILE names.
func valueOrFile(env map[string]string, name string) (string, error) {
	value, file := env[name], env[name+"_FILE"]
	if value != "" && file != "" {
		return "", fmt.Errorf("%s_FILE is set too: set one of them", name)
	}
	if file == "" { // an empty variable is as good as none
		return value, nil
	}
	data, err := ReadSecret(file)
	return string(data), err
}
