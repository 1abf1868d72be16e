package move_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/move"
)

// importsMeanwhile has the site go on while it is read: it can write, and
// PostgreSQL shows one moment throughout.
func importsMeanwhile(t *testing.T, s *site) {
	s.exec(s.schema()...)
	for id := 1; id <= 3500; id++ {
		s.put(id, fmt.Sprintf("user%d", id), "", aHash)
	}
	h, written := newHouse(t), false
	r := s.run(h, move.Options{Progress: func(int, int) {
		if !written {
			written = true
			s.put(9000, "late", "", aHash)
			s.exec(`UPDATE auth_user SET last_name = 'Late' WHERE id = 3499`)
		}
	}}, move.Mapping{})
	if r.Users.Read != 3500 && (s.postgres || r.Users.Read != 3501) {
		t.Errorf("%d users were read, want 3500", r.Users.Read)
	}
	if u, _ := user(t, h, "user3499"); s.postgres && u.LastName != "Lee" {
		t.Errorf("a later change was read: %s", u.LastName)
	}
	again := s.run(h, move.Options{Update: true}, move.Mapping{})
	if u, _ := user(t, h, "late"); u.ID != "9000" || again.Users.Read != 3501 {
		t.Errorf("who came meanwhile is %+v, %d were read", u, again.Users.Read)
	}
	if u, _ := user(t, h, "user3499"); u.LastName != "Late" {
		t.Errorf("the later change was not taken over: %s", u.LastName)
	}
}

// racing is a store in which somebody signs up right before every write.
type racing struct {
	house

	before func(users []watchword.ImportedUser)
}

func (r *racing) ImportUsers(ctx context.Context, source string, users []watchword.ImportedUser) ([]watchword.User, error) {
	r.before(users)
	return r.house.ImportUsers(ctx, source, users)
}

// Who takes a name between the look and the write keeps it, and nobody else
// is left out for it.
func TestTakenMeanwhile(t *testing.T) {
	h := newHouse(t)
	race := &racing{house: h, before: func(users []watchword.ImportedUser) {
		if len(users) < 2 {
			return
		}
		if _, err := h.CreateUser(t.Context(), watchword.NewUser{User: watchword.User{Login: "Bob"}}); err != nil {
			t.Fatal(err)
		}
	}}
	f := file(t, "users.csv", "id,login\n5,ann\n6,bob\n7,eve\n")
	r := run(t, f, race, move.Options{})
	want := []move.LeftOut{{Named: move.Named{Place: "line 3", Login: "bob"}, Kind: move.Meanwhile, Why: "id, login or e-mail address was taken while the import ran"}}
	if !reflect.DeepEqual(r.LeftOut, want) || r.Users.Added != 2 {
		t.Errorf("%d were added, left out %+v", r.Users.Added, r.LeftOut)
	}
	if u, _ := user(t, h, "bob"); u.Login != "Bob" {
		t.Errorf("bob is %+v", u)
	}
}

// failing is a store whose disk is full.
type failing struct{ house }

var errFull = errors.New("the disk is full")

func (failing) ImportUsers(context.Context, string, []watchword.ImportedUser) ([]watchword.User, error) {
	return nil, errFull
}

// A write that fails ends the import, and the reading beside it.
func TestWriteFails(t *testing.T) {
	s := sqliteSite(t)
	s.exec(s.schema()...)
	for id := 1; id <= 6000; id++ {
		s.put(id, fmt.Sprintf("user%d", id), "", aHash)
	}
	d, err := s.django(move.Mapping{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := move.Run(t.Context(), d, failing{newHouse(t)}, move.Options{Now: now, Until: now})
	if !errors.Is(err, errFull) || r.Users.Added != 0 {
		t.Errorf("Run = %+v, %v", r.Users, err)
	}
}
