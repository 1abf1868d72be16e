package pgtest_test

import (
	"database/sql"
	"net/url"
	"testing"

	_ "github.com/lib/pq"

	"github.com/watchword-auth/watchword/cmd/watchword/internal/pgtest"
)

// The server answers who knows the password, keeps several databases, and
// tells those without the password nothing.
func TestStart(t *testing.T) {
	dsn := pgtest.Start(t)
	if err := exec(t, dsn, `CREATE DATABASE other`); err != nil {
		t.Fatal(err)
	}
	if err := exec(t, pgtest.Database(dsn, "other"), `CREATE TABLE here (id bigint)`); err != nil {
		t.Error(err)
	}
	if err := exec(t, dsn, `SELECT * FROM here`); err == nil {
		t.Error("the databases are one")
	}
	if err := exec(t, pgtest.Database(dsn, "none"), `SELECT 1`); err == nil {
		t.Error("a database that was never made answers")
	}
	if err := exec(t, "postgres://"+pgtest.User+":wrong@"+host(t, dsn)+"/postgres?sslmode=disable", `SELECT 1`); err == nil {
		t.Error("a wrong password opens the database")
	}
}

func exec(t *testing.T, dsn, text string) error {
	t.Helper()
	db, err := sql.Open("postgres", dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	_, err = db.ExecContext(t.Context(), text)
	return err
}

func host(t *testing.T, dsn string) string {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	return u.Host
}
