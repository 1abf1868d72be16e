package move

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
)

// Pages of the users' table: of names alone they may be larger.
const (
	peoplePage = 1000
	namesPage  = 10_000
)

// resolve decides which column is what.
func (d *Django) resolve(there []string) error {
	c := &d.mapping.Columns
	var faults []error
	// column returns the one given, which must be there, or the usual one
	// where that is there, or "".
	column := func(given, usual string) string {
		if given == none || given == "" && !slices.Contains(there, usual) {
			return ""
		}
		name := cmp.Or(given, usual)
		if err := has(d.mapping.Table, there, name); err != nil {
			faults = append(faults, err)
		}
		return name
	}
	d.id = column(c.ID, "id")
	d.email = column(c.Email, "email")
	// A site whose people sign in with their address has no other name.
	d.login = cmp.Or(column(c.Login, "username"), d.email)
	password := column(c.Password, "password")
	if d.id == "" {
		faults = append(faults, errors.New("there is no column id: name the primary key in the mapping, columns.id"))
	}
	if d.login == "" {
		faults = append(faults, errors.New("there is no column username and none email: name the login's in the mapping, columns.login"))
	}
	if password == "" && c.Password != none {
		faults = append(faults, errors.New(`there is no column password: name it in the mapping, columns.password, or say "-" where nobody has one`))
	}
	for _, f := range []struct{ field, column string }{
		{fieldID, d.id}, // the first, to read on after
		{fieldLogin, d.login},
		{fieldEmail, d.email},
		{fieldHash, password},
		{fieldFirstName, column(c.FirstName, "first_name")},
		{fieldLastName, column(c.LastName, "last_name")},
		{fieldPhone, column(c.Phone, "")},
		{fieldLocation, column(c.Location, "")},
		{fieldActive, column(c.Active, "is_active")},
		{fieldStaff, column(c.Staff, "is_staff")},
		{fieldSuperuser, column(c.Superuser, "is_superuser")},
		{fieldCreatedAt, column(c.CreatedAt, "date_joined")},
		{fieldLastLoginAt, column(c.LastLoginAt, "last_login")},
		{fieldGroups, column(c.Groups, "")},
		{fieldPermissions, column(c.Permissions, "")},
		{fieldScopes, column(c.Scopes, "")},
	} {
		if f.column != "" {
			d.fields, d.columns = append(d.fields, f.field), append(d.columns, f.column)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(d.mapping.Extra)) {
		d.extras, d.columns = append(d.extras, name), append(d.columns, column(d.mapping.Extra[name], ""))
	}
	return errors.Join(faults...)
}

// page reads rows of the users' table whose id comes after the given one,
// and returns the id to go on after; nil after the last.
func (d *Django) page(ctx context.Context, q querier, columns []string, after any, limit int, scan func(row []any) error) (last any, err error) {
	query := `SELECT ` + quoteAll(columns) + ` FROM ` + quote(d.mapping.Table)
	var args []any
	if after != nil {
		query += ` WHERE ` + quoteAll(columns[:1]) + ` > ` + d.place(1)
		args = append(args, after)
	}
	query += ` ORDER BY ` + quoteAll(columns[:1]) + ` LIMIT ` + strconv.Itoa(limit)
	count := 0
	err = each(ctx, q, func(row []any) error {
		count++
		last = key(row[0])
		return scan(row)
	}, query, args...)
	if err != nil || count < limit {
		return nil, err
	}
	return last, nil
}

// key is an id as it can be handed back to the driver that it came from: a
// UUID comes as bytes, which would go as a bytea.
func key(id any) any {
	if b, ok := id.([]byte); ok {
		return string(b)
	}
	return id
}

// Names reads everybody's names.
func (d *Django) Names(ctx context.Context, yield func(key, login, email string) error) error {
	columns := []string{d.id, d.login}
	if d.email != "" {
		columns = append(columns, d.email)
	}
	var after any
	for {
		err := d.read(ctx, func(q querier) (err error) {
			after, err = d.page(ctx, q, columns, after, namesPage, func(row []any) error {
				email := ""
				if d.email != "" {
					email = text(row[2])
				}
				return yield("", text(row[1]), email) // ids were counted
			})
			return err
		})
		if err != nil || after == nil {
			return err
		}
	}
}

// People reads everybody, in order of their ids.
func (d *Django) People(ctx context.Context, yield func(Person) error) error {
	var after any
	for {
		var page []*draft
		err := d.read(ctx, func(q querier) (err error) {
			first := any(nil)
			var last any
			after, err = d.page(ctx, q, d.columns, after, peoplePage, func(row []any) error {
				if last = key(row[0]); first == nil {
					first = last
				}
				page = append(page, d.person(row))
				return nil
			})
			if err != nil || len(page) == 0 {
				return err
			}
			return d.addRights(ctx, q, page, first, last)
		})
		if err != nil {
			return err
		}
		for _, p := range page {
			if err := yield(p.finish(d.mapping.keeps())); err != nil {
				return err
			}
		}
		if after == nil {
			return nil
		}
	}
}

// person reads a row of the users' table.
func (d *Django) person(row []any) *draft {
	c := d.mapping.Constants
	p := &draft{}
	p.Active = c.Active == nil || *c.Active
	p.Staff, p.Superuser = c.Staff, c.Superuser
	p.Groups, p.Permissions, p.Scopes = slices.Clone(c.Groups), slices.Clone(c.Permissions), slices.Clone(c.Scopes)
	for i, name := range d.fields {
		if err := p.put(name, row[i]); err != nil && p.Fault == "" {
			p.Fault = err.Error()
		}
	}
	for i, name := range d.extras {
		if p.extra == nil {
			p.extra = make(map[string]any, len(d.extras))
		}
		p.extra[name] = row[len(d.fields)+i]
	}
	p.Key = p.ID
	p.Place = "id " + tidy(p.ID, 64)
	if isHash(p.ID) { // a mapping took the wrong column for the key
		p.Place = "an id that is a hash"
	}
	return p
}
