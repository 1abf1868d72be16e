package django

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// The tables that join users with what they have.
const (
	groupsSuffix      = "_groups"
	permissionsSuffix = "_user_permissions"
)

// found is what a look at the tables has told.
type found struct {
	kind idKind
	// The columns of the joining tables that name the user: user_id, or that
	// of a model of another name.
	groupUser, permissionUser string
}

// column is one of a table's.
type column struct{ name, kind string }

// inspect looks at the tables and reports all that is missing.
func inspect(ctx context.Context, db *sql.DB, c Config) (found, error) {
	var f found
	t := c.Table
	columns, err := columnsOf(ctx, db, c, t.base())
	if err != nil {
		return f, err
	}
	if len(columns) == 0 {
		return f, fmt.Errorf("there is no table %s", t.Name)
	}
	var faults []error
	for i, field := range t.columns() {
		at := slices.IndexFunc(columns, func(c column) bool { return c.name == *field })
		switch {
		case *field == None:
		case at < 0:
			faults = append(faults, fmt.Errorf("table %s has no column %s: name the one that holds %s%s", t.Name, *field, Columns()[i], orNone(i)))
		case i == 0:
			f.kind = kindOf(c.Flavor, columns[at].kind)
		}
	}
	if !t.NoGroups {
		f.groupUser, err = joinColumn(ctx, db, c, t.base()+groupsSuffix, "group_id")
		faults = append(faults, err)
		f.permissionUser, err = joinColumn(ctx, db, c, t.base()+permissionsSuffix, "permission_id")
		faults = append(faults, err)
	}
	return f, errors.Join(faults...)
}

// orNone ends the advice for a column that need not be there.
func orNone(i int) string {
	if i < needed {
		return ""
	}
	return `, or "-" where there is none`
}

// joinColumn returns the column of a joining table that names the user: the
// one that is neither its own id nor the other side's.
func joinColumn(ctx context.Context, db *sql.DB, c Config, table, other string) (string, error) {
	columns, err := columnsOf(ctx, db, c, table)
	if err != nil {
		return "", err
	}
	columns = slices.DeleteFunc(columns, func(c column) bool { return c.name == "id" || c.name == other })
	if len(columns) != 1 {
		return "", fmt.Errorf("there is no table %s that joins users by %s: if the users have neither groups nor permissions of Django's, say so", table, other)
	}
	return columns[0].name, checkName(columns[0].name)
}

// columnsOf returns the columns of a table, none where there is no table.
func columnsOf(ctx context.Context, db *sql.DB, c Config, table string) ([]column, error) {
	query := `SELECT name, type FROM pragma_table_info($1)`
	args := []any{table}
	switch schema, _, qualified := strings.Cut(c.Table.Name, "."); {
	case c.Flavor == PostgreSQL:
		query = `SELECT attname, format_type(atttypid, NULL) FROM pg_attribute
			WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped ORDER BY attnum`
		args = []any{c.Table.beside(table)}
	case qualified:
		query = `SELECT name, type FROM pragma_table_info($1, $2)`
		args = append(args, schema)
	}
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // read only
	var columns []column
	for rows.Next() {
		var c column
		if err := rows.Scan(&c.name, &c.kind); err != nil {
			return nil, err
		}
		columns = append(columns, c)
	}
	return columns, rows.Err()
}

// idKind is what ids are to the database.
type idKind uint8

const (
	idNumber idKind = iota + 1
	idUUID          // PostgreSQL's own type; SQLite keeps them as text
	idText
)

func kindOf(f Flavor, name string) idKind {
	name = strings.ToLower(name)
	switch {
	case strings.Contains(name, "int"), strings.Contains(name, "serial"):
		return idNumber
	case f == PostgreSQL && name == "uuid":
		return idUUID
	default:
		return idText
	}
}

// read turns the text of an id into a parameter. Only the text that the
// database itself would write names a user: "7" does, "07" is nobody.
func (k idKind) read(id string) (any, bool) {
	switch k {
	case idNumber:
		n, err := strconv.ParseInt(id, 10, 64)
		return n, err == nil && strconv.FormatInt(n, 10) == id
	case idUUID:
		return id, isUUID(id)
	default:
		return id, id != "" && !strings.ContainsRune(id, 0)
	}
}

// parameter writes a place for what read returns. The cast keeps PostgreSQL
// from reading a number too large for the column as one.
func (k idKind) parameter(place string) string {
	switch k {
	case idNumber:
		return "CAST(" + place + " AS bigint)"
	case idUUID:
		return "CAST(" + place + " AS uuid)"
	default:
		return "CAST(" + place + " AS text)"
	}
}

// isUUID wants RFC 9562's form in lower case, as PostgreSQL writes it.
func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		switch dash := i == 8 || i == 13 || i == 18 || i == 23; {
		case dash != (s[i] == '-'):
			return false
		case !dash && !strings.ContainsRune("0123456789abcdef", rune(s[i])):
			return false
		}
	}
	return true
}
