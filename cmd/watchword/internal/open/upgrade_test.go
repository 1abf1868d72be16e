package open_test

import (
	"database/sql"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/open"
)

// firstSchema makes a database as the first published step left it, with a
// row in each table that later steps touch.
func firstSchema(t *testing.T) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "watchword.db")
	tables, err := os.ReadFile("../../../../store/migrations/sqlite/001_tables.sql")
	if err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, text := range []string{
		"PRAGMA journal_mode = WAL", string(tables),
		"CREATE TABLE ww_schema (version INTEGER NOT NULL); INSERT INTO ww_schema VALUES (1)",
		"INSERT INTO ww_meta VALUES ('epoch', 'OLD')",
		`INSERT INTO ww_users VALUES (7, 'ada', '', '', '', '', '', 1, 0, 0, NULL, NULL, '[]', '[]', '[]', NULL, 3, '', '');
		 INSERT INTO ww_names VALUES ('ada', 7)`,
		"INSERT INTO ww_clients VALUES ('wiki', 'client_A', x'00', '[\"revocations\"]', NULL)",
		"INSERT INTO ww_audit VALUES (1, 0, 'signed_in', 'native', '7', 'ada', 1, '', '', '', '')",
		"UPDATE ww_counters SET value = 1; INSERT INTO ww_facts VALUES (1, 1, '', 4, 0, 0, NULL, 4102444800000000)",
	} {
		if _, err := db.ExecContext(t.Context(), text); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

// TestUpgrade opens a database of the first schema, several at the same
// instant, and finds in it all that was there.
func TestUpgrade(t *testing.T) {
	path := firstSchema(t)
	stores := make([]*open.Opened, 4)
	var all sync.WaitGroup
	for i := range stores {
		all.Go(func() {
			var err error
			if stores[i], err = open.Store(t.Context(), "sqlite:"+path); err != nil {
				t.Errorf("Store = %v", err)
			}
		})
	}
	all.Wait()
	if t.Failed() {
		t.FailNow()
	}
	for _, o := range stores {
		holdsTheOld(t, o)
		if err := o.Close(t.Context()); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
}

func holdsTheOld(t *testing.T, o *open.Opened) {
	t.Helper()
	if err := o.Integrity(t.Context()); err != nil {
		t.Errorf("Integrity = %v", err)
	}
	u, err := o.UserByID(t.Context(), "7")
	if err != nil || u.Login != "ada" || u.Version != 3 || !u.Active {
		t.Errorf("UserByID = %+v, %v", u, err)
	}
	c, err := o.ClientByID(t.Context(), "client_A")
	if err != nil || !slices.Equal(c.Scopes, []string{watchword.FeedScope}) || c.UserFields != nil {
		t.Errorf("ClientByID = %+v, %v; want a client that may see no user", c, err)
	}
	told, err := o.ListAudit(t.Context(), watchword.AuditFilter{})
	if err != nil || len(told) != 1 || told[0].Actor != "" {
		t.Errorf("ListAudit = %+v, %v", told, err)
	}
	facts, cursor, err := o.FactsSince(t.Context(), watchword.Cursor{}, base, 10)
	if err != nil || len(facts) != 1 || facts[0].Number != 4 || cursor != (watchword.Cursor{Epoch: "OLD", N: 1}) {
		t.Errorf("FactsSince = %+v, %v, %v", facts, cursor, err)
	}
}

// TestUpgradeThatIsBrokenOff leaves the database as it was: steps are taken
// all or none.
func TestUpgradeThatIsBrokenOff(t *testing.T) {
	path := firstSchema(t)
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	// A later step will find its table made by somebody else.
	if _, err := db.ExecContext(t.Context(), "CREATE TABLE ww_imports (id INTEGER)"); err != nil {
		t.Fatal(err)
	}
	if _, err := open.Store(t.Context(), "sqlite:"+path); err == nil {
		t.Fatal("Store succeeded")
	}
	var version, columns int
	err = db.QueryRowContext(t.Context(), "SELECT version, (SELECT count(*) FROM pragma_table_info('ww_audit')) FROM ww_schema").Scan(&version, &columns)
	if err != nil || version != 1 || columns != 11 {
		t.Errorf("schema %d with %d columns, %v; want the first, untouched", version, columns, err)
	}
	if _, err := db.ExecContext(t.Context(), "DROP TABLE ww_imports"); err != nil {
		t.Fatal(err)
	}
	o := opened(t, "sqlite:"+path)
	holdsTheOld(t, o)
	if _, err := o.EndSessions(t.Context(), watchword.Which{UserID: "7"}, base.Add(time.Hour), base); err != nil {
		t.Errorf("EndSessions = %v", err)
	}
}
