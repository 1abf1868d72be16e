// Package services holds what needs both ends and real databases: services in
// package remote, their mirror in SQL, and the server that they follow.
package services

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	_ "github.com/lib/pq"
	_ "modernc.org/sqlite"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/pgtest"
	"github.com/watchword-auth/watchword/remote"
	"github.com/watchword-auth/watchword/remote/sqlmirror"
)

// engines are the databases that a mirror lives in, each made anew by a call.
func engines(t *testing.T) map[sqlmirror.Flavor]func(t *testing.T) *sql.DB {
	t.Helper()
	return map[sqlmirror.Flavor]func(t *testing.T) *sql.DB{
		sqlmirror.SQLite: func(t *testing.T) *sql.DB {
			return openSQL(t, "sqlite", "file:"+filepath.Join(t.TempDir(), "mirror.db")+"?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)")
		},
		sqlmirror.PostgreSQL: func(t *testing.T) *sql.DB {
			dsn := pgtest.Start(t)
			return openSQL(t, "postgres", dsn)
		},
	}
}

func openSQL(t *testing.T, driver, dsn string) *sql.DB {
	t.Helper()
	db, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func mirror(t *testing.T, db *sql.DB, f sqlmirror.Flavor, o sqlmirror.Options) *sqlmirror.Mirror {
	t.Helper()
	m, err := sqlmirror.Open(t.Context(), db, f, o)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

const (
	here  = "https://auth.example"
	there = "https://other.example"
)

func person(issuer, id string) remote.User {
	return remote.User{
		Issuer: issuer, ID: id, Login: "ann", Email: "ann@example.com", FirstName: "Ann", LastName: "O'Néill \"A\"; --",
		Phone: "+31", Location: "Utrecht", Active: true, Staff: true, Superuser: true,
		CreatedAt: time.Date(2026, 5, 4, 12, 0, 0, 123456000, time.UTC), Groups: []string{"g"}, Permissions: []string{"p", "q"},
		Scopes: []string{}, Extra: []byte(`{"field":{"one":"1"}}`), Raw: []byte(`{"id":"` + id + `"}`),
	}
}

func TestMirror(t *testing.T) {
	for flavor, database := range engines(t) {
		t.Run(flavor.String(), func(t *testing.T) {
			db := database(t)
			m := mirror(t, db, flavor, sqlmirror.Options{})
			ctx := t.Context()
			ann := person(here, "7")
			for range 2 { // again and again is one row
				if err := m.Upsert(ctx, ann); err != nil {
					t.Fatal(err)
				}
			}
			row, err := m.Row(ctx, here, "7")
			if err != nil {
				t.Fatal(err)
			}
			want := ann
			want.Staff, want.Superuser = false, false // nobody here
			if !reflect.DeepEqual(row.User, want) {
				t.Errorf("Row = %+v\nwant  %+v", row.User, want)
			}
			if byID, err := m.RowByID(ctx, row.ID); err != nil || !reflect.DeepEqual(byID, row) {
				t.Errorf("RowByID = %+v, %v", byID, err)
			}
			// The same id, login and address elsewhere are somebody else.
			if err := m.Upsert(ctx, person(there, "7")); err != nil {
				t.Fatal(err)
			}
			other, err := m.Row(ctx, there, "7")
			if err != nil || other.ID == row.ID {
				t.Errorf("Row = %+v, %v, want a row of its own", other, err)
			}
			// An address moves from one person to the next; nobody's row does.
			bob := person(here, "8")
			ann.Email, bob.FirstName = "new@example.com", "Bob"
			if err := errors.Join(m.Upsert(ctx, ann), m.Upsert(ctx, bob)); err != nil {
				t.Fatal(err)
			}
			if again, err := m.Row(ctx, here, "7"); err != nil || again.ID != row.ID || again.User.FirstName != "Ann" {
				t.Errorf("Row = %+v, %v", again, err)
			}
			// Remote and local ids have nothing to do with each other.
			local := person(here, fmt.Sprint(row.ID))
			local.FirstName = "Mallory"
			if err := m.Upsert(ctx, local); err != nil {
				t.Fatal(err)
			}
			if again, err := m.RowByID(ctx, row.ID); err != nil || again.User.FirstName != "Ann" {
				t.Errorf("RowByID = %+v, %v", again, err)
			}
			if ids, err := m.UserIDs(ctx, here, "", 2); err != nil || len(ids) != 2 || !slices.IsSorted(ids) {
				t.Errorf("UserIDs = %q, %v", ids, err)
			} else if rest, err := m.UserIDs(ctx, here, ids[1], 10); err != nil || len(rest) != 1 {
				t.Errorf("UserIDs = %q, %v after %q", rest, err, ids)
			}
			if rows, err := m.Rows(ctx, row.ID, 2); err != nil || len(rows) != 2 || rows[0].ID <= row.ID {
				t.Errorf("Rows = %+v, %v", rows, err)
			}
			for range 2 {
				if err := m.Delete(ctx, here, "7"); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := m.User(ctx, here, "7"); !errors.Is(err, watchword.NotFound) {
				t.Errorf("User = %v of one who is gone, want NotFound", err)
			}
			if err := m.Upsert(ctx, person(here, "7")); err != nil {
				t.Fatal(err)
			}
			if again, err := m.Row(ctx, here, "7"); err != nil || again.ID == row.ID {
				t.Errorf("Row = %+v, %v, want a local id that nobody had", again, err)
			}
			for _, nobody := range []remote.User{{ID: "1"}, {Issuer: here}} {
				if err := m.Upsert(ctx, nobody); !errors.Is(err, watchword.InvalidRequest) {
					t.Errorf("Upsert(%+v) = %v", nobody, err)
				}
			}
			for _, cursor := range []string{"", "abc.4@12", "def.1@13"} {
				if cursor != "" {
					if err := m.SetCursor(ctx, here, cursor); err != nil {
						t.Fatal(err)
					}
				}
				if got, err := m.Cursor(ctx, here); err != nil || got != cursor {
					t.Errorf("Cursor = %q, %v, want %q", got, err, cursor)
				}
			}
			// Opened once more it is as it was.
			if again, err := mirror(t, db, flavor, sqlmirror.Options{}).Row(ctx, there, "7"); err != nil || again.ID != other.ID {
				t.Errorf("Row = %+v, %v after another Open", again, err)
			}
			if _, err := db.Exec("UPDATE ww_remote_schema SET version = 99"); err != nil {
				t.Fatal(err)
			}
			if _, err := sqlmirror.Open(ctx, db, flavor, sqlmirror.Options{}); err == nil {
				t.Error("Open took the tables of a newer program")
			}
		})
	}
	if _, err := sqlmirror.Open(t.Context(), nil, 0, sqlmirror.Options{}); err == nil {
		t.Error("Open took no engine")
	}
}

// address is nested data that the application keeps in a table of its own.
type address struct{ Street, City string }

func addresses(u remote.User) ([]address, error) {
	extra, err := remote.Extra[struct{ Addresses []address }](u)
	return extra.Addresses, err
}

// Nested rows follow the user in one transaction; flags are mapped where told.
func TestMirrorHooks(t *testing.T) {
	for flavor, database := range engines(t) {
		t.Run(flavor.String(), func(t *testing.T) {
			db, ctx := database(t), t.Context()
			rows := sqlmirror.Rows[address]{
				Table: "addresses", Owner: "user_id", Columns: []string{"street", "city"},
				Of: addresses, Values: func(a address) []any { return []any{a.Street, a.City} },
			}
			hook, err := rows.Hook()
			if err != nil {
				t.Fatal(err)
			}
			refuse := false
			m := mirror(t, db, flavor, sqlmirror.Options{
				Flags: func(u remote.User) (staff, superuser bool) {
					return u.Staff && slices.Contains(u.Groups, "shop"), false
				},
				Hooks: []sqlmirror.Hook{{}, hook, {Upsert: func(context.Context, *sql.Tx, int64, remote.User) error {
					if refuse {
						return watchword.Conflict
					}
					return nil
				}}},
			})
			if _, err := db.ExecContext(ctx, "CREATE TABLE addresses (user_id BIGINT NOT NULL REFERENCES ww_remote_users (id), street TEXT NOT NULL, city TEXT NOT NULL)"); err != nil {
				t.Fatal(err)
			}
			stored := func() (list []string) {
				t.Helper()
				found, err := db.QueryContext(ctx, "SELECT street FROM addresses ORDER BY street")
				if err != nil {
					t.Fatal(err)
				}
				defer found.Close()
				for found.Next() {
					var s string
					if err := found.Scan(&s); err != nil {
						t.Fatal(err)
					}
					list = append(list, s)
				}
				if err := found.Err(); err != nil {
					t.Fatal(err)
				}
				return list
			}
			ann, bob := person(here, "1"), person(here, "2")
			ann.Groups = []string{"shop"}
			ann.Extra = []byte(`{"addresses":[{"street":"A","city":"x"},{"street":"B","city":"y"}]}`)
			bob.Extra = []byte(`{"addresses":[{"street":"Z'; DROP TABLE addresses","city":"x"}]}`)
			if err := errors.Join(m.Upsert(ctx, ann), m.Upsert(ctx, bob)); err != nil {
				t.Fatal(err)
			}
			if u, err := m.User(ctx, here, "1"); err != nil || !u.Staff || u.Superuser {
				t.Errorf("User = %+v, %v, want staff by the mapping alone", u, err)
			}
			ann.Extra = []byte(`{"addresses":[{"street":"B","city":"y"},{"street":"C","city":"z"}]}`)
			if err := m.Upsert(ctx, ann); err != nil {
				t.Fatal(err)
			}
			if got, want := stored(), []string{"B", "C", "Z'; DROP TABLE addresses"}; !slices.Equal(got, want) {
				t.Errorf("stored %q, want %q: stale rows gone, others' left", got, want)
			}
			// All or nothing.
			refuse = true
			ann.Extra, ann.FirstName = nil, "Anna"
			if err := m.Upsert(ctx, ann); !errors.Is(err, watchword.Conflict) {
				t.Errorf("Upsert = %v, want the hook's own refusal", err)
			}
			refuse = false
			if u, err := m.User(ctx, here, "1"); err != nil || u.FirstName != "Ann" || len(stored()) != 3 {
				t.Errorf("User = %+v, %v, stored %q after a refusal", u, err, stored())
			}
			ann.Extra = []byte(`{"addresses":7}`)
			if err := m.Upsert(ctx, ann); !errors.Is(err, watchword.Unavailable) {
				t.Errorf("Upsert = %v of data of another shape", err)
			}
			if err := m.Delete(ctx, here, "1"); err != nil {
				t.Fatal(err)
			}
			if got := stored(); len(got) != 1 {
				t.Errorf("stored %q after the user has gone", got)
			}
			for name, bad := range map[string]sqlmirror.Rows[address]{
				"table":     {Table: "a; DROP TABLE x", Owner: "o", Of: rows.Of, Values: rows.Values},
				"owner":     {Table: "a", Owner: "", Of: rows.Of, Values: rows.Values},
				"column":    {Table: "a", Owner: "o", Columns: []string{"1x"}, Of: rows.Of, Values: rows.Values},
				"functions": {Table: "a", Owner: "o"},
			} {
				if _, err := bad.Hook(); err == nil {
					t.Errorf("%s: Hook took it", name)
				}
			}
		})
	}
}

// Many writers of few users, in two processes' stead, end with whole rows.
func TestMirrorConcurrently(t *testing.T) {
	for flavor, database := range engines(t) {
		t.Run(flavor.String(), func(t *testing.T) {
			db, ctx := database(t), t.Context()
			mirrors := make([]*sqlmirror.Mirror, 4)
			var wg sync.WaitGroup
			for i := range mirrors { // processes that start at once
				wg.Go(func() {
					var err error
					if mirrors[i], err = sqlmirror.Open(ctx, db, flavor, sqlmirror.Options{}); err != nil {
						t.Errorf("Open = %v", err)
					}
				})
			}
			wg.Wait()
			if t.Failed() {
				return
			}
			for worker := range 8 {
				wg.Go(func() {
					m := mirrors[worker%len(mirrors)]
					for i := range 25 {
						u := person(here, fmt.Sprint(i%3))
						u.FirstName = fmt.Sprintf("%d-%d", worker, i)
						u.LastName = u.FirstName
						if err := m.Upsert(ctx, u); err != nil {
							t.Errorf("Upsert = %v", err)
						}
						if i%10 == 9 {
							if err := m.Delete(ctx, here, "0"); err != nil {
								t.Errorf("Delete = %v", err)
							}
						}
					}
				})
			}
			wg.Wait()
			rows, err := mirrors[0].Rows(ctx, 0, 100)
			if err != nil || len(rows) < 2 || len(rows) > 3 {
				t.Fatalf("Rows = %+v, %v", rows, err)
			}
			for _, r := range rows {
				if r.User.FirstName != r.User.LastName {
					t.Errorf("torn row %+v", r)
				}
			}
		})
	}
}
