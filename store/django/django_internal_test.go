package django

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/watchword-auth/watchword"
)

// stateError is an error of PostgreSQL, codeError one of SQLite.
type (
	stateError string
	codeError  int
)

func (e stateError) Error() string    { return "state " + string(e) }
func (e stateError) SQLState() string { return string(e) }
func (e codeError) Error() string     { return fmt.Sprint("code ", int(e)) }
func (e codeError) Code() int         { return int(e) }

func TestErrorsThatPass(t *testing.T) {
	for _, tt := range []struct {
		err    error
		passes bool
	}{
		{context.Canceled, true},
		{context.DeadlineExceeded, true},
		{driver.ErrBadConn, true},
		{io.EOF, true},
		{stateError("57P01"), true},  // the server is being shut down
		{stateError("53300"), true},  // too many connections
		{stateError("40001"), true},  // a conflict of transactions
		{stateError("42501"), false}, // a right is missing
		{stateError("42P01"), false}, // a table is
		{codeError(5), true},         // busy
		{codeError(5 | 2<<8), true},
		{codeError(8), true},
		{codeError(1), false},
		{errors.New("anything"), false},
	} {
		got := explain(fmt.Errorf("read: %w", tt.err))
		if errors.Is(got, watchword.Unavailable) != tt.passes || !errors.Is(got, tt.err) {
			t.Errorf("explain(%v) = %v, passes = %t, want %t", tt.err, got, !tt.passes, tt.passes)
		}
	}
	if explain(nil) != nil {
		t.Error("no error became one")
	}
}

func TestTimesAreRead(t *testing.T) {
	want := time.Date(2026, 3, 4, 5, 6, 7, 654321000, time.UTC)
	for _, value := range []any{
		want, want.In(time.FixedZone("", 3600)), "2026-03-04 05:06:07.654321", []byte("2026-03-04 05:06:07.654321"),
		"2026-03-04 05:06:07.654321+00:00", "2026-03-04T06:06:07.654321+01:00",
	} {
		var got instant
		if err := got.Scan(value); err != nil || !time.Time(got).Equal(want) || time.Time(got).Location() != time.UTC {
			t.Errorf("Scan(%v) = %v, %v, want %v", value, time.Time(got), err, want)
		}
	}
	for _, value := range []any{nil, "", "yesterday", int64(5)} {
		got := instant(want)
		if err := got.Scan(value); err != nil || !time.Time(got).IsZero() {
			t.Errorf("Scan(%v) = %v, %v, want no time and no error", value, time.Time(got), err)
		}
	}
}

// What goes into statements was quoted, whatever an operator has typed.
func TestNamesAreQuoted(t *testing.T) {
	for _, name := range []string{"", `a"b`, "a\x00", strings.Repeat("a", 64)} {
		if err := (Table{Password: name, Name: "t"}).Check(); (err == nil) != (name == "") {
			t.Errorf("Check of a column %q = %v", name, err)
		}
		if err := (Table{Name: "s." + name}).Check(); err == nil {
			t.Errorf("Check of a table s.%q passed", name)
		}
	}
	table, err := Table{Name: "a b.c;d", Username: "x' OR 1=1 --", Email: "e mail"}.resolve()
	if err != nil {
		t.Fatal(err)
	}
	q := makeQueries(Config{Flavor: PostgreSQL, Table: table}, found{kind: idNumber, groupUser: "u", permissionUser: "u"})
	for _, statement := range []string{q.byID, q.byLogin, q.first, q.after, q.samples, q.swap, q.record} {
		if !strings.Contains(statement, `"a b"."c;d"`) {
			t.Errorf("no quoted table in %s", statement)
		}
		outside := ""
		for i, part := range strings.Split(statement, `"`) {
			if i%2 == 0 {
				outside += part
			}
		}
		if strings.ContainsAny(outside, ";") || strings.Contains(outside, "OR 1=1") {
			t.Errorf("a name escapes its quotes in %s", statement)
		}
	}
}

func TestUUIDs(t *testing.T) {
	const id = "0190f8a1-53f6-7c53-8c4e-9f8f0a3f9b21"
	for text, want := range map[string]bool{
		id: true, strings.ToUpper(id): false, id + "0": false, id[1:]: false, "": false,
		strings.Replace(id, "-", "0", 1): false, strings.Replace(id, "f", "-", 1): false, strings.Replace(id, "f", "g", 1): false,
	} {
		if got := isUUID(text); got != want {
			t.Errorf("isUUID(%q) = %t, want %t", text, got, want)
		}
	}
}
