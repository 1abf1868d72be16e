package move

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/watchword-auth/watchword/cmd/watchword/internal/open"
)

// Django reads the tables of a Django site. Which columns there are it finds
// out: they differ from one version to the next, and from site to site.
type Django struct {
	db      *open.Source
	tx      *sql.Tx // of PostgreSQL: one snapshot for everything
	mapping Mapping
	table   string // with its schema, as PostgreSQL found it

	id, login, email string   // columns of the users' table; email may be ""
	columns          []string // those that are read: id, further fields, extras
	fields, extras   []string // what they are
	ownBlacklist     bool     // the mapping names the tables of refused tokens

	groups     map[string]string   // by id
	groupPerms map[string][]string // by id of the group
	perms      map[string]string   // by id
	groupUser  string              // columns for the user in the tables of members,
	permUser   string              // "" where there is no such table
}

// querier is a transaction.
type querier interface {
	QueryContext(ctx context.Context, text string, args ...any) (*sql.Rows, error)
}

// OpenDjango looks at the tables and checks the mapping against them. The
// source stays the caller's to close; Close ends the snapshot before that.
//
// PostgreSQL is read in one snapshot. SQLite is read in short transactions, a
// page in each: a long one would keep the site that goes on meanwhile from
// writing, and a page is all that has to be of one moment.
func OpenDjango(ctx context.Context, db *open.Source, m Mapping) (*Django, error) {
	if err := m.check(); err != nil {
		return nil, fmt.Errorf("mapping: %w", err)
	}
	d := &Django{db: db, mapping: m.filled(), ownBlacklist: m.Blacklist != nil}
	if db.Postgres {
		tx, err := db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
		if err != nil {
			return nil, fmt.Errorf("read the source: %w", err)
		}
		d.tx = tx
	}
	err := d.read(ctx, func(q querier) error { return d.probe(ctx, q) })
	if err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
}

// Close ends the snapshot.
func (d *Django) Close() {
	if d.tx != nil {
		_ = d.tx.Rollback() // nothing was written
	}
}

// Name is the database and the table, with its schema unless that is the
// usual one: sites may live side by side in schemas of one database, and their
// users must not be taken for each other's.
func (d *Django) Name() string {
	return d.db.Name + " " + cmp.Or(d.table, d.mapping.Table)
}

// read has do read in one transaction.
func (d *Django) read(ctx context.Context, do func(q querier) error) error {
	if d.tx != nil {
		return do(d.tx)
	}
	tx, err := d.db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return err
	}
	defer tx.Rollback()
	return do(tx)
}

// probe finds the columns and reads the small tables.
func (d *Django) probe(ctx context.Context, q querier) error {
	there, err := d.columnsOf(ctx, q, d.mapping.Table)
	if err != nil {
		return err
	}
	if len(there) == 0 {
		return d.noTable(ctx, q)
	}
	if err := d.findSchema(ctx, q); err != nil {
		return err
	}
	if err := d.resolve(there); err != nil {
		return err
	}
	if err := d.uniqueIDs(ctx, q); err != nil {
		return err
	}
	return d.probeRights(ctx, q)
}

// findSchema asks PostgreSQL in which schema the table stands.
func (d *Django) findSchema(ctx context.Context, q querier) error {
	if !d.db.Postgres {
		return nil
	}
	err := each(ctx, q, func(row []any) error {
		if d.table = text(row[1]); text(row[0]) != "public" {
			d.table = text(row[0]) + "." + d.table
		}
		return nil
	}, `SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = to_regclass($1)`, quote(d.mapping.Table))
	if err != nil {
		return fmt.Errorf("look at table %s: %w", d.mapping.Table, err)
	}
	return nil
}

// noTable says that the table is not there, and which might be meant.
func (d *Django) noTable(ctx context.Context, q querier) error {
	find := `SELECT m.name FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type = 'table' AND c.name = 'password' ORDER BY m.name`
	if d.db.Postgres {
		find = `SELECT CASE table_schema WHEN 'public' THEN '' ELSE table_schema || '.' END || table_name FROM information_schema.columns WHERE column_name = 'password'
			AND table_schema NOT IN ('pg_catalog', 'information_schema') ORDER BY 1`
	}
	var others []string
	err := each(ctx, q, func(row []any) error {
		others = append(others, text(row[0]))
		return nil
	}, find)
	if err != nil {
		return err
	}
	hint := "is this the site's database?"
	if len(others) > 0 {
		hint = fmt.Sprintf("a mapping (--map) can name another; these have a column password: %s", strings.Join(others, ", "))
	}
	return fmt.Errorf("the source has no table %s: %s", d.mapping.Table, hint)
}

// uniqueIDs makes sure that reading on after an id passes nobody over.
func (d *Django) uniqueIDs(ctx context.Context, q querier) error {
	id := quote(d.columns[0])
	return each(ctx, q, func(row []any) error {
		if text(row[0]) != text(row[1]) {
			return fmt.Errorf("table %s: of %s rows %s have an id of their own in column %s", d.mapping.Table, text(row[0]), text(row[1]), d.columns[0])
		}
		return nil
	}, `SELECT count(*), count(DISTINCT `+id+`) FROM `+quote(d.mapping.Table))
}

// columnsOf returns the columns of a table; none where there is no such table.
func (d *Django) columnsOf(ctx context.Context, q querier, table string) ([]string, error) {
	if table == none {
		return nil, nil
	}
	find, name := `SELECT name FROM pragma_table_info(?)`, table
	if d.db.Postgres {
		find = `SELECT attname FROM pg_attribute WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped ORDER BY attnum`
		name = quote(table)
	}
	var columns []string
	err := each(ctx, q, func(row []any) error {
		columns = append(columns, text(row[0]))
		return nil
	}, find, name)
	if err != nil {
		return nil, fmt.Errorf("look at table %s: %w", table, err)
	}
	return columns, nil
}

// has demands columns of a table that is there.
func has(table string, there []string, columns ...string) error {
	var faults []error
	for _, c := range columns {
		if c != "" && c != none && !slices.Contains(there, c) {
			faults = append(faults, fmt.Errorf("table %s has no column %s: it has %s", table, c, strings.Join(there, ", ")))
		}
	}
	return errors.Join(faults...)
}

// place is the n-th place of a statement.
func (d *Django) place(n int) string {
	if d.db.Postgres {
		return "$" + strconv.Itoa(n)
	}
	return "?"
}

// quote writes a name, of a table also with its schema, as both engines read
// it.
func quote(name string) string {
	parts := strings.Split(name, ".")
	for i, p := range parts {
		parts[i] = `"` + strings.ReplaceAll(p, `"`, `""`) + `"`
	}
	return strings.Join(parts, ".")
}

func quoteAll(names []string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = `"` + strings.ReplaceAll(n, `"`, `""`) + `"`
	}
	return strings.Join(quoted, ", ")
}

// each calls scan with every row. What it gets is overwritten by the next.
func each(ctx context.Context, q querier, scan func(row []any) error, text string, args ...any) error {
	rows, err := q.QueryContext(ctx, text, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		return err
	}
	row, into := make([]any, len(names)), make([]any, len(names))
	for i := range row {
		into[i] = &row[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		if err := scan(row); err != nil {
			return err
		}
	}
	return rows.Err()
}
