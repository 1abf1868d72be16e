package move

import (
	"errors"
	"fmt"
	"strconv"
)

// draft is a person who is being read.
type draft struct {
	Person

	extra map[string]any
}

// Names of what a source can say of a person, as columns of files have them
// and as mappings do.
const (
	fieldID          = "id"
	fieldLogin       = "login"
	fieldEmail       = "email"
	fieldHash        = "password_hash"
	fieldFirstName   = "first_name"
	fieldLastName    = "last_name"
	fieldPhone       = "phone"
	fieldLocation    = "location"
	fieldActive      = "active"
	fieldStaff       = "staff"
	fieldSuperuser   = "superuser"
	fieldGroups      = "groups"
	fieldPermissions = "permissions"
	fieldScopes      = "scopes"
	fieldExtra       = "extra"
	fieldCreatedAt   = "created_at"
	fieldLastLoginAt = "last_login_at"
)

// put puts a value into the person. Texts are taken as they are.
func (d *draft) put(name string, v any) error {
	var err error
	switch name {
	case fieldID:
		d.ID = text(v)
	case fieldLogin:
		d.Login = text(v)
	case fieldEmail:
		d.Email = text(v)
	case fieldHash:
		d.Hash = text(v)
	case fieldFirstName:
		d.FirstName = text(v)
	case fieldLastName:
		d.LastName = text(v)
	case fieldPhone:
		d.Phone = text(v)
	case fieldLocation:
		d.Location = text(v)
	case fieldActive:
		d.Active, err = flag(v)
	case fieldStaff:
		d.Staff, err = flag(v)
	case fieldSuperuser:
		d.Superuser, err = flag(v)
	case fieldCreatedAt:
		d.CreatedAt, err = instant(v)
	case fieldLastLoginAt:
		d.LastLoginAt, err = instant(v)
	case fieldGroups, fieldPermissions, fieldScopes:
		err = d.putList(name, v)
	case fieldExtra:
		d.Extra = []byte(text(v))
	default:
		return errUnknown(name)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// errUnknown is the fault of a name that no column has. What does not look
// like a name is not repeated: a file without a row of names begins with
// somebody's hash.
func errUnknown(name string) error {
	for _, r := range name {
		if (r < 'a' || r > 'z') && r != '_' {
			name = ""
		}
	}
	if name == "" || len(name) > 32 {
		return errors.New("a name is not known")
	}
	return fmt.Errorf("the name %s is not known", name)
}

// putList appends to what constants and groups have brought.
func (d *draft) putList(name string, v any) error {
	// No scope has a space in it; groups and permissions may.
	all, err := list(text(v), name == fieldScopes)
	// Of PostgreSQL's types those of texts come as strings.
	if b, ok := v.([]byte); ok && len(b) > 0 && b[0] == '{' {
		all, err = array(string(b))
	}
	if err != nil {
		return err
	}
	to := &d.Groups
	switch name {
	case fieldPermissions:
		to = &d.Permissions
	case fieldScopes:
		to = &d.Scopes
	}
	*to = append(*to, all...)
	return nil
}

// finish returns the person. keep is whether people keep their ids.
func (d *draft) finish(keep bool) Person {
	if len(d.extra) > 0 {
		var err error
		if d.Extra, err = object(d.extra); err != nil && d.Fault == "" {
			d.Fault = err.Error()
		}
	}
	if !keep {
		d.ID = ""
	}
	if keep && d.Fault == "" && !isID(d.ID) {
		d.Kind = BadID
		d.Fault = "the id is no positive number up to 2^62, as ids here are"
	}
	return d.Person
}

// maxID is the highest id that is taken over: one at the end of all numbers
// would leave none for who is added afterwards. Ids made of the time and a
// machine's number are below it.
const maxID = 1 << 62

// isID reports whether an id can be one of ours.
func isID(id string) bool {
	n, err := strconv.ParseInt(id, 10, 64)
	return err == nil && n > 0 && n <= maxID && strconv.FormatInt(n, 10) == id
}
