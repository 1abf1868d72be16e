package django

import (
	"fmt"
	"strings"
)

// queries are all that is ever sent to the database once it is open.
type queries struct {
	byID, byLogin, first, after, samples string
	swap, record                         string // sent only where it was asked for
}

// mostFound bounds the rows of one login. Where so many are alike, none is
// meant.
const mostFound = 20

// makeQueries writes them for a table that was looked at. Whatever goes into
// them was quoted; what people type goes by parameters alone.
func makeQueries(c Config, f found) queries {
	t := c.Table
	table, id, username := t.beside(t.base()), "u."+quote(t.ID), "u."+quote(t.Username)
	selected := []string{"CAST(" + id + " AS text)", username}
	for i, field := range t.columns()[needed-1:] {
		missing := "NULL"
		if Columns()[i+needed-1] == "is_active" {
			missing = "1 = 1"
		}
		if *field == None {
			selected = append(selected, missing)
			continue
		}
		selected = append(selected, "u."+quote(*field))
	}
	selected = append(selected, groupsOf(c, f, id), permissionsOf(c, f, id))
	from := "SELECT " + strings.Join(selected, ", ") + " FROM " + table + " u"
	return queries{
		byID:    from + " WHERE " + id + " = " + f.kind.parameter("$1"),
		byLogin: from + " WHERE " + matches(c, username),
		first:   from + " ORDER BY " + id + " LIMIT $1",
		after:   from + " WHERE " + id + " > " + f.kind.parameter("$2") + " ORDER BY " + id + " LIMIT $1",
		samples: samples(c, table),
		swap: fmt.Sprintf("UPDATE %s SET %s = $1 WHERE %s = %s AND %[2]s = $3",
			table, quote(t.Password), quote(t.ID), f.kind.parameter("$2")),
		record: fmt.Sprintf("UPDATE %s SET %s = $1 WHERE %s = %s", table, quote(t.LastLogin), quote(t.ID), f.kind.parameter("$2")),
	}
}

// matches is the condition under which a row may be meant by the login $1.
// An index over lower(column) serves it, where there is one.
func matches(c Config, username string) string {
	exact := username + " = CAST($1 AS text)"
	if c.Exact {
		return exact
	}
	either := []string{exact, "lower(" + username + ") = lower(CAST($1 AS text))"}
	if c.Table.Email != None && c.Table.Email != c.Table.Username {
		either = append(either, "lower(u."+quote(c.Table.Email)+") = lower(CAST($1 AS text))")
	}
	return fmt.Sprintf("%s ORDER BY CASE WHEN %s THEN 0 ELSE 1 END LIMIT %d", strings.Join(either, " OR "), exact, mostFound)
}

// array is the aggregate that makes an array of a column.
func array(c Config, column string) string {
	if c.Flavor == SQLite {
		return "json_group_array(" + column + ")"
	}
	return "json_agg(" + column + ")"
}

func groupsOf(c Config, f found, id string) string {
	if c.Table.NoGroups {
		return "NULL"
	}
	return fmt.Sprintf("(SELECT %s FROM %s g JOIN %s m ON m.group_id = g.id WHERE m.%s = %s)",
		array(c, "g.name"), c.Table.beside("auth_group"), c.Table.beside(c.Table.base()+groupsSuffix), quote(f.groupUser), id)
}

// permissionsOf are the user's own and those of his groups, as has_perm names
// them: app_label.codename.
func permissionsOf(c Config, f found, id string) string {
	if c.Table.NoGroups {
		return "NULL"
	}
	return fmt.Sprintf(`(SELECT %s FROM %s p JOIN %s ct ON ct.id = p.content_type_id WHERE p.id IN (
		SELECT o.permission_id FROM %s o WHERE o.%s = %s UNION
		SELECT gp.permission_id FROM %s gp JOIN %s m ON m.group_id = gp.group_id WHERE m.%s = %[6]s))`,
		array(c, "ct.app_label || '.' || p.codename"), c.Table.beside("auth_permission"), c.Table.beside("django_content_type"),
		c.Table.beside(c.Table.base()+permissionsSuffix), quote(f.permissionUser), id,
		c.Table.beside("auth_group_permissions"), c.Table.beside(c.Table.base()+groupsSuffix), quote(f.groupUser))
}

// samples groups the hashes by what stands before salt and digest, and takes
// one of each group: schemes and costs are few, users many. a, b, c, d and e
// are the places of the first five dollar signs.
func samples(c Config, table string) string {
	place := "strpos"
	if c.Flavor == SQLite {
		place = "instr"
	}
	from := fmt.Sprintf("SELECT %s AS p, %s(%[1]s, '$') AS a FROM %[3]s", quote(c.Table.Password), place, table)
	for _, step := range []string{"ab", "bc", "cd", "de"} {
		from = fmt.Sprintf("SELECT q.*, %s + %s(substr(p, %[1]s + 1), '$') AS %[3]s FROM (%[4]s) q", step[:1], place, step[1:], from)
	}
	return fmt.Sprintf(`SELECT min(p) FROM (%s) s GROUP BY CASE
		WHEN p LIKE 'pbkdf2%%' AND p LIKE '%%$%%$%%$%%' THEN substr(p, 1, b)
		WHEN p LIKE 'scrypt$%%' THEN substr(p, 1, b) || substr(p, c + 1, e - c)
		WHEN p LIKE 'argon2$%%' OR p LIKE 'bcrypt%%' OR p LIKE '$argon2%%' THEN substr(p, 1, d)
		WHEN p LIKE '$%%' THEN substr(p, 1, c)
		ELSE substr(p, 1, a) END`, from)
}
