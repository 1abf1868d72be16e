package move

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// probeRights reads the tables of groups and permissions, which are small,
// and finds the columns of those that say who has which. A site may have
// neither; tables that a mapping names must be there.
func (d *Django) probeRights(ctx context.Context, q querier) error {
	d.groups, d.perms, d.groupPerms = make(map[string]string), make(map[string]string), make(map[string][]string)
	g, p := d.mapping.Groups, d.mapping.Permissions
	var err error
	if d.groupUser, err = d.members(ctx, q, g.Members, g.User, g.Group); err != nil {
		return fmt.Errorf("groups: %w", err)
	}
	if d.groupUser != "" {
		err := each(ctx, q, func(row []any) error {
			d.groups[text(row[0])] = text(row[1])
			return nil
		}, `SELECT `+quoteAll([]string{g.ID, g.Name})+` FROM `+quote(g.Table))
		if err != nil {
			return fmt.Errorf("read table %s: %w", g.Table, err)
		}
	}
	if d.permUser, err = d.members(ctx, q, p.Members, p.User, p.Permission); err != nil {
		return fmt.Errorf("permissions: %w", err)
	}
	ofGroups, err := d.columnsOf(ctx, q, p.OfGroups)
	if err != nil {
		return err
	}
	if d.permUser == "" && (d.groupUser == "" || len(ofGroups) == 0) {
		return nil
	}
	if err := d.readPermissions(ctx, q); err != nil {
		return fmt.Errorf("read table %s: %w", p.Table, err)
	}
	if d.groupUser == "" || len(ofGroups) == 0 {
		return nil
	}
	if err := has(p.OfGroups, ofGroups, g.Group, p.Permission); err != nil {
		return err
	}
	return each(ctx, q, func(row []any) error {
		group := text(row[0])
		d.groupPerms[group] = append(d.groupPerms[group], d.perms[text(row[1])])
		return nil
	}, `SELECT `+quoteAll([]string{g.Group, p.Permission})+` FROM `+quote(p.OfGroups))
}

// members returns the column for the user of a table that says who is in
// what; "" where there is no such table. Django calls it after the model,
// whose name only the site knows: it is the one that is left.
func (d *Django) members(ctx context.Context, q querier, table, user, other string) (string, error) {
	there, err := d.columnsOf(ctx, q, table)
	if err != nil || len(there) == 0 {
		if err == nil && user != "" {
			err = fmt.Errorf("the source has no table %s", table)
		}
		return "", err
	}
	if err := has(table, there, user, other); err != nil {
		return "", err
	}
	if user != "" {
		return user, nil
	}
	left := slices.DeleteFunc(there, func(c string) bool { return c == "id" || c == other })
	if len(left) != 1 {
		return "", fmt.Errorf("table %s: which of its columns is the user's? Name it in the mapping, as user", table)
	}
	return left[0], nil
}

// readPermissions reads what permissions are called.
func (d *Django) readPermissions(ctx context.Context, q querier) error {
	p := d.mapping.Permissions
	if p.Name != "" {
		return each(ctx, q, func(row []any) error {
			d.perms[text(row[0])] = text(row[1])
			return nil
		}, `SELECT `+quoteAll([]string{p.ID, p.Name})+` FROM `+quote(p.Table))
	}
	return each(ctx, q, func(row []any) error {
		d.perms[text(row[0])] = text(row[1]) + "." + text(row[2])
		return nil
	}, `SELECT p.`+quoteAll([]string{p.ID})+`, c.app_label, p.codename FROM `+quote(p.Table)+` p JOIN `+quote(d.mapping.beside("django_content_type"))+` c ON c.id = p.content_type_id`)
}

// addRights adds groups and permissions to a page of people, whose ids go
// from first to last.
func (d *Django) addRights(ctx context.Context, q querier, page []*draft, first, last any) error {
	byID := make(map[string]*draft, len(page))
	for _, p := range page {
		byID[p.ID] = p
	}
	g, m := d.mapping.Groups, d.mapping.Permissions
	if d.groupUser != "" {
		err := d.between(ctx, q, g.Members, d.groupUser, g.Group, first, last, func(user, group string) {
			if p := byID[user]; p != nil {
				p.Groups = append(p.Groups, d.groups[group])
				p.Permissions = append(p.Permissions, d.groupPerms[group]...)
			}
		})
		if err != nil {
			return err
		}
	}
	if d.permUser == "" {
		return nil
	}
	return d.between(ctx, q, m.Members, d.permUser, m.Permission, first, last, func(user, perm string) {
		if p := byID[user]; p != nil {
			p.Permissions = append(p.Permissions, d.perms[perm])
		}
	})
}

func (d *Django) between(ctx context.Context, q querier, table, user, other string, first, last any, add func(user, other string)) error {
	column := quoteAll([]string{user})
	return each(ctx, q, func(row []any) error {
		add(text(row[0]), text(row[1]))
		return nil
	}, `SELECT `+quoteAll([]string{user, other})+` FROM `+quote(table)+
		` WHERE `+column+` >= `+d.place(1)+` AND `+column+` <= `+d.place(2), first, last)
}

// Tokens reads the blacklists.
func (d *Django) Tokens(ctx context.Context, yield func(Token) error) error {
	return d.read(ctx, func(q querier) error {
		for _, b := range d.mapping.Blacklist {
			query, err := d.blacklist(ctx, q, b)
			if err != nil {
				return err
			}
			if query == "" {
				continue
			}
			err = each(ctx, q, func(row []any) error {
				expires, err := instant(row[1])
				if err != nil {
					return fmt.Errorf("column %s: %w", b.Expires, err)
				}
				return yield(Token{ID: text(row[0]), Hex: hexUUID(row), Expires: expires})
			}, query)
			if err != nil {
				return fmt.Errorf("table %s: %w", b.Table, err)
			}
		}
		return nil
	})
}

// hexUUID returns an id from a column of PostgreSQL's type for UUIDs without
// its dashes; "" of any other.
func hexUUID(row []any) string {
	if len(row) < 3 || text(row[2]) != "true" {
		return ""
	}
	return strings.ReplaceAll(text(row[0]), "-", "")
}

// blacklist returns the statement that reads one: id, expiry, and of
// PostgreSQL whether the id is a UUID. It is "" where a site has none of those
// that come to mind.
func (d *Django) blacklist(ctx context.Context, q querier, b Blacklist) (string, error) {
	there, err := d.columnsOf(ctx, q, b.Table)
	if err != nil {
		return "", err
	}
	if len(there) == 0 {
		if d.ownBlacklist {
			return "", fmt.Errorf("the source has no table %s", b.Table)
		}
		return "", nil
	}
	wanted := quoteAll([]string{b.ID, b.Expires})
	if d.db.Postgres {
		wanted += `, pg_typeof(` + quoteAll([]string{b.ID}) + `) = 'uuid'::regtype`
	}
	if b.Tokens == "" {
		return `SELECT ` + wanted + ` FROM ` + quote(b.Table), has(b.Table, there, b.ID, b.Expires)
	}
	tokens, err := d.columnsOf(ctx, q, b.Tokens)
	if err != nil {
		return "", err
	}
	if err := errors.Join(has(b.Table, there, b.Token), has(b.Tokens, tokens, "id", b.ID, b.Expires)); err != nil {
		return "", err
	}
	return `SELECT ` + wanted + ` FROM ` + quote(b.Tokens) + ` WHERE id IN (SELECT ` + quoteAll([]string{b.Token}) + ` FROM ` + quote(b.Table) + `)`, nil
}

// LastID asks what the table counts with, since the newest users may be gone,
// and the largest id that stands in it.
func (d *Django) LastID(ctx context.Context) (int64, error) {
	if !d.mapping.keeps() {
		return 0, nil
	}
	var last int64
	more := func(row []any) error {
		n, err := strconv.ParseInt(text(row[0]), 10, 64)
		if row[0] != nil && err != nil {
			return fmt.Errorf("column %s: these ids are no numbers: say ids = \"new\" in the mapping, and everybody gets a new one", d.id)
		}
		if n <= maxID { // whose id is higher is left out
			last = max(last, n)
		}
		return nil
	}
	err := d.read(ctx, func(q querier) error {
		highest := `SELECT ` + quoteAll([]string{d.id}) + ` FROM ` + quote(d.mapping.Table) + ` ORDER BY 1 DESC LIMIT 1`
		if err := each(ctx, q, more, highest); err != nil {
			return err
		}
		if d.db.Postgres {
			// last_value is NULL where the role may not read the sequence.
			return each(ctx, q, more, `SELECT last_value FROM pg_sequences
				WHERE format('%I.%I', schemaname, sequencename) = pg_get_serial_sequence($1, $2)`, quote(d.mapping.Table), d.id)
		}
		counted, err := d.columnsOf(ctx, q, "sqlite_sequence")
		if err != nil || len(counted) == 0 {
			return err
		}
		return each(ctx, q, more, `SELECT seq FROM sqlite_sequence WHERE name = ?`, d.mapping.Table)
	})
	return last, err
}
