package move_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/config"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/move"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/open"
	"github.com/watchword-auth/watchword/store"
)

// cases are run against a site of every engine.
func cases() []struct {
	name string
	run  func(t *testing.T, s *site)
} {
	return []struct {
		name string
		run  func(t *testing.T, s *site)
	}{
		{"users", importsUsers},
		{"hashes", importsHashes},
		{"again", importsAgain},
		{"update", importsUpdates},
		{"conflicts", namesConflicts},
		{"blacklists", importsBlacklists},
		{"mapping", importsByMapping},
		{"easyjwt", importsEasyJWT},
		{"new ids", importsNewIDs},
		{"last id", leavesRoom},
		{"bad mappings", refusesMappings},
		{"read only", readsOnly},
		{"interrupted", goesOn},
		{"meanwhile", importsMeanwhile},
	}
}

func TestSQLite(t *testing.T) {
	for _, c := range cases() {
		t.Run(c.name, func(t *testing.T) { c.run(t, sqliteSite(t)) })
	}
}

const aHash = "pbkdf2_sha256$260000$CyOguTr6Rka7ZLXII5d40B$s0lmpiJcNGCdehpSMQsDsTtRtVqPTbMXz2Ow9jyROmE="

// importsUsers looks at everything that a user brings along.
func importsUsers(t *testing.T, s *site) {
	s.exec(s.schema()...)
	s.put(3, "ann", "ann@example.com", aHash)
	s.put(7, "bob", "", aHash)
	s.put(8, "Ümit 🙂", "", "!"+strings.Repeat("x", 40))
	s.exec(
		`UPDATE auth_user SET is_superuser = true, is_staff = true, last_login = NULL WHERE id = 7`,
		`UPDATE auth_user SET is_active = false WHERE id = 8`,
		`INSERT INTO auth_user_groups (user_id, group_id) VALUES (3, 1), (3, 2), (7, 2)`,
		`INSERT INTO auth_user_user_permissions (user_id, permission_id) VALUES (3, 1), (3, 3)`,
	)
	h := newHouse(t)
	r := s.run(h, move.Options{}, move.Mapping{})
	wantUsers(t, r, move.Users{Read: 3, Added: 3})
	if r.Groups != 2 || r.Permissions != 3 {
		t.Errorf("%d groups and %d permissions, want 2 and 3", r.Groups, r.Permissions)
	}
	joined := time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)
	last := time.Date(2024, 3, 19, 9, 7, 3, 863037000, time.UTC)
	for _, want := range []watchword.User{
		{
			ID: "3", Login: "ann", Email: "ann@example.com", FirstName: "Ann", LastName: "Lee", Active: true, CreatedAt: joined, LastLoginAt: last,
			Groups: []string{"Leser & Gäste", "editors"}, Permissions: []string{"auth.change_user", "blog.add_post", "blog.view_post"}, Version: 1,
		},
		{
			ID: "7", Login: "bob", FirstName: "Ann", LastName: "Lee", Active: true, Staff: true, Superuser: true, CreatedAt: joined,
			Groups: []string{"Leser & Gäste"}, Permissions: []string{"blog.view_post"}, Version: 1,
		},
		{ID: "8", Login: "Ümit 🙂", FirstName: "Ann", LastName: "Lee", CreatedAt: joined, LastLoginAt: last, Version: 1},
	} {
		if u, _ := user(t, h, want.Login); !reflect.DeepEqual(u, want) {
			t.Errorf("user %s:\n got %+v\nwant %+v", want.Login, u, want)
		}
	}
	if _, hash := user(t, h, "ümit 🙂"); hash != "" {
		t.Errorf("the hash of who has no password is %q", hash)
	}
}

// importsHashes has everybody sign in whose hash one of Django's hashers
// made, and nobody else, and prints none of them.
func importsHashes(t *testing.T, s *site) {
	s.exec(s.schema()...)
	given := readHashes(t)
	id := 0
	for _, v := range slices.Concat(given.Hashes, given.Refused) {
		id++
		s.put(id, fmt.Sprintf("user%d", id), "", strings.ReplaceAll(v.Hash, "'", "''"))
	}
	s.put(1000, "typed", "", "hunter2-as-it-was-typed")
	h := newHouse(t)
	r := s.run(h, move.Options{}, move.Mapping{})
	if got := r.Hashes; got.Checked != len(given.Hashes) || got.Unchecked != len(given.Refused)+1 || got.Unusable != 0 {
		t.Errorf("hashes %+v, want %d checked and %d not", got, len(given.Hashes), len(given.Refused)+1)
	}
	weak := 0
	for _, c := range r.Hashes.Classes {
		if c.Weak {
			weak += c.Users
		}
	}
	if weak != r.Hashes.Weak || weak == 0 {
		t.Errorf("%d are weak by class, %d in all", weak, r.Hashes.Weak)
	}
	printed, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	passwords := watchword.NewPasswords(h, nil)
	for i, v := range given.Hashes {
		login := fmt.Sprintf("user%d", i+1)
		if _, err := passwords.Authenticate(t.Context(), watchword.Credentials{Login: login, Password: v.Password}); err != nil {
			t.Errorf("%s: sign-in = %v", v.Scheme, err)
		}
		if len(v.Hash) > 20 && strings.Contains(string(printed), v.Hash[len(v.Hash)-12:]) {
			t.Errorf("%s: the report shows the hash", v.Scheme)
		}
	}
	for _, hidden := range []string{"hunter2", "ml1Lqac9GrKKnrSM", "VUcEDO7aZkRCukiUC1gfxQ"} {
		if strings.Contains(string(printed), hidden) {
			t.Errorf("the report shows %s", hidden)
		}
	}
	if _, hash := user(t, h, "typed"); hash != "" {
		t.Error("what is no hash was copied: it may be a password")
	}
}

// importsAgain wants the same import to change nothing, and a dry run to
// count what the import does.
func importsAgain(t *testing.T, s *site) {
	s.exec(s.schema()...)
	for id := 1; id <= 2500; id++ {
		s.put(id, fmt.Sprintf("user%d", id), fmt.Sprintf("u%d@example.com", id), aHash)
	}
	s.put(9000, "USER7", "", aHash)
	h := newHouse(t)
	dry := s.run(h, move.Options{DryRun: true}, move.Mapping{})
	if users, err := h.ListUsers(t.Context(), "", 0); err != nil || len(users) != 0 {
		t.Fatalf("a dry run left %d users, %v", len(users), err)
	}
	var progress []int
	first := s.run(h, move.Options{Progress: func(done, total int) {
		progress = append(progress, done, total)
	}}, move.Mapping{})
	if want := []int{1000, 2501, 2000, 2501, 2501, 2501}; !slices.Equal(progress, want) {
		t.Errorf("progress %v, want %v", progress, want)
	}
	wantUsers(t, first, move.Users{Read: 2501, Added: 2500, LeftOut: 1})
	if dry.DryRun = false; !reflect.DeepEqual(dry, first) {
		t.Errorf("the dry run says\n%+v, the import\n%+v", dry, first)
	}
	again := s.run(h, move.Options{}, move.Mapping{})
	wantUsers(t, again, move.Users{Read: 2501, Same: 2500, LeftOut: 1})
	s.put(9001, "new", "", aHash)
	wantUsers(t, s.run(h, move.Options{}, move.Mapping{}), move.Users{Read: 2502, Same: 2500, Added: 1, LeftOut: 1})
}

// importsUpdates changes people there and here, and wants each change to stay
// that nobody has asked to be replaced.
func importsUpdates(t *testing.T, s *site) {
	s.exec(s.schema()...)
	for id, login := range []string{"", "both", "there", "here", "password", "deleted", "same"} {
		if login != "" {
			s.put(id, login, login+"@example.com", aHash)
		}
	}
	h := newHouse(t)
	wantUsers(t, s.run(h, move.Options{}, move.Mapping{}), move.Users{Read: 6, Added: 6})
	change := func(login string, c watchword.UserChange) {
		u, _ := user(t, h, login)
		if _, err := h.UpdateUser(t.Context(), u.ID, c, 0, now.Add(time.Hour), now); err != nil {
			t.Fatal(err)
		}
	}
	here, better := "Here", "$2b$04$22g815ODEplzE3b76a8j0OSzNZiD/FanLorQvr6WjnN2JiWpxLICq"
	for _, login := range []string{"both", "here"} {
		change(login, watchword.UserChange{LastName: &here, PasswordHash: &better})
	}
	s.exec(
		`UPDATE auth_user SET last_name = 'There', last_login = '2025-01-01 00:00:00' WHERE username IN ('both', 'there')`,
		`UPDATE auth_user SET password = 'pbkdf2_sha1$1000$gEaggfZmCu3WTpPABQHL2R$Pa+CUMkkaoktM6dRwKqXAwvZ1ak=' WHERE username = 'password'`,
		`UPDATE auth_user SET last_login = '2025-01-01 00:00:00' WHERE username = 'same'`,
		`INSERT INTO auth_user_groups (user_id, group_id) VALUES (2, 1)`,
	)
	gone, _ := user(t, h, "deleted")
	if err := h.DeleteUser(t.Context(), gone.ID, now.Add(time.Hour), now); err != nil {
		t.Fatal(err)
	}
	wantUsers(t, s.run(h, move.Options{}, move.Mapping{}), move.Users{Read: 6, Same: 2, Differing: 3, Deleted: 1})
	if u, _ := user(t, h, "both"); u.LastName != "Here" {
		t.Errorf("who was changed here is called %s", u.LastName)
	}
	dry := s.run(h, move.Options{Update: true, DryRun: true}, move.Mapping{})
	done := s.run(h, move.Options{Update: true}, move.Mapping{})
	wantUsers(t, done, move.Users{Read: 6, Same: 2, Updated: 3, Deleted: 1})
	if dry.Users != done.Users {
		t.Errorf("the dry run says %+v, the update %+v", dry.Users, done.Users)
	}
	for login, want := range map[string]struct {
		name, hash string
		version    int64
	}{
		"both":     {"There", better, 2}, // the password was not changed there
		"there":    {"There", aHash, 1},
		"here":     {"Here", better, 2},
		"password": {"Lee", "pbkdf2_sha1$1000$gEaggfZmCu3WTpPABQHL2R$Pa+CUMkkaoktM6dRwKqXAwvZ1ak=", 2},
		"same":     {"Lee", aHash, 1},
	} {
		if u, hash := user(t, h, login); u.LastName != want.name || hash != want.hash || u.Version != want.version {
			t.Errorf("%s is called %s, version %d, the hash is the one wanted: %t", login, u.LastName, u.Version, hash == want.hash)
		}
	}
	if u, _ := user(t, h, "there"); !slices.Equal(u.Groups, []string{"editors"}) {
		t.Errorf("the groups are %v", u.Groups)
	}
	wantUsers(t, s.run(h, move.Options{Update: true}, move.Mapping{}), move.Users{Read: 6, Same: 5, Deleted: 1})
	// Where nothing is remembered, who is the same by id and login is known.
	other := store.NewMemory()
	for _, login := range []string{"both", "there"} {
		u, hash := user(t, h, login)
		if login == "there" {
			u.FirstName = "Other"
		}
		if _, err := other.CreateUser(t.Context(), watchword.NewUser{User: u, PasswordHash: hash}); err != nil {
			t.Fatal(err)
		}
	}
	s.exec(`DELETE FROM auth_user WHERE id > 2`, `UPDATE auth_user SET password = '`+better+`' WHERE username = 'both'`)
	for range 2 {
		wantUsers(t, s.run(other, move.Options{}, move.Mapping{}), move.Users{Read: 2, Same: 1, Differing: 1})
	}
	wantUsers(t, s.run(other, move.Options{Update: true}, move.Mapping{}), move.Users{Read: 2, Same: 1, Updated: 1})
	if u, _ := user(t, other, "there"); u.FirstName != "Ann" {
		t.Errorf("who was updated is called %s", u.FirstName)
	}
}

// namesConflicts wants each who cannot come to be named with the reason, and
// all others to come.
func namesConflicts(t *testing.T, s *site) {
	s.exec(s.schema()...)
	h := newHouse(t)
	for _, login := range []string{"admin", "gone", "taken"} {
		u, err := h.CreateUser(t.Context(), watchword.NewUser{User: watchword.User{Login: login, Email: login + "@here.example", Active: true}})
		if err != nil {
			t.Fatal(err)
		}
		if login == "gone" {
			if err := h.DeleteUser(t.Context(), u.ID, now.Add(time.Hour), now); err != nil {
				t.Fatal(err)
			}
		}
	}
	s.put(1, "root", "root@example.com", aHash)
	s.put(2, "second", "", aHash)
	s.put(10, "ann", "shared@example.com", aHash)
	s.put(11, "ANN", "", aHash)
	s.put(12, "bob", "Shared@Example.com", aHash)
	s.put(13, "eve", "Zed", aHash) // as if she were zed
	s.put(14, "zed", "", aHash)
	s.put(15, "Taken", "", aHash)
	s.put(16, "dan", "TAKEN@here.example", aHash)
	s.put(17, "line\nbreak", "", aHash)
	s.put(18, "fine", "fine", aHash)
	s.put(19, "7@https://auth.example.com", "", aHash)
	s.put(20, strings.Repeat("é", 129), "", aHash)
	want := map[string]string{
		"id 1": move.IDTaken, "id 2": move.IDGone, "id 11": move.LoginTwice, "id 12": move.EmailTwice, "id 13": move.EmailIsLogin,
		"id 15": move.LoginTaken, "id 16": move.EmailTaken, "id 17": move.BadRow, "id 19": move.BadRow, "id 20": move.BadRow,
	}
	for _, dry := range []bool{true, false, false} {
		r := s.run(h, move.Options{DryRun: dry}, move.Mapping{})
		got := make(map[string]string)
		for _, l := range r.LeftOut {
			got[l.Place] = l.Kind
			if l.Why == "" || strings.Contains(l.Login, "\n") {
				t.Errorf("left out %+v", l)
			}
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("left out %v, want %v", got, want)
		}
	}
	r := s.run(h, move.Options{DropEmails: true}, move.Mapping{})
	wantUsers(t, r, move.Users{Read: 13, Same: 3, Added: 3, LeftOut: 7, WithoutEmail: 3})
	if u, _ := user(t, h, "bob"); u.Email != "" {
		t.Errorf("bob has the address %s of ann", u.Email)
	}
	again := s.run(h, move.Options{DropEmails: true}, move.Mapping{})
	wantUsers(t, again, move.Users{Read: 13, Same: 6, LeftOut: 7})
}

// importsBlacklists wants live refused tokens to be facts, once.
func importsBlacklists(t *testing.T, s *site) {
	s.exec(s.schema()...)
	s.put(5, "ann", "", aHash)
	h := newHouse(t)
	if r := s.run(h, move.Options{}, move.Mapping{}); r.Blacklist != (move.Blacklisted{}) {
		t.Errorf("a site without blacklists has %+v", r.Blacklist)
	}
	s.exec(s.blacklists()...)
	s.exec(
		`INSERT INTO token_blacklist_outstandingtoken (token, expires_at, user_id, jti) VALUES
			('a.b.c', '2026-03-05 00:00:00', 5, 'live'), ('a.b.c', '2026-03-01 00:00:00', 5, 'dead'),
			('a.b.c', '2026-03-05 00:00:00', 5, 'not refused'), ('a.b.c', '2026-03-04 05:06:00', NULL, 'within the leeway')`,
		`INSERT INTO token_blacklist_blacklistedtoken (blacklisted_at, token_id) VALUES ('2026-03-01 00:00:00', 1), ('2026-03-01 00:00:00', 2), ('2026-03-01 00:00:00', 4)`,
		`INSERT INTO djwto_jwtblacklist (jti, expires, created_at) VALUES
			('of djwto', '2026-03-04 06:00:00', '2026-03-01 00:00:00'), ('for ever', NULL, '2026-03-01 00:00:00'),
			('dead too', '2026-03-01 00:00:00', '2026-03-01 00:00:00'), ('live', '2026-03-05 00:00:00', '2026-03-01 00:00:00')`,
	)
	want := move.Blacklisted{Rows: 7, Live: 5, Added: 4}
	if r := s.run(h, move.Options{DryRun: true}, move.Mapping{}); r.Blacklist != want {
		t.Errorf("the dry run says %+v, want %+v", r.Blacklist, want)
	}
	if r := s.run(h, move.Options{}, move.Mapping{}); r.Blacklist != want {
		t.Errorf("blacklist %+v, want %+v", r.Blacklist, want)
	}
	want.Added = 0
	if r := s.run(h, move.Options{}, move.Mapping{}); r.Blacklist != want {
		t.Errorf("blacklist %+v, want %+v", r.Blacklist, want)
	}
	list := watchword.NewRevocationList(h)
	if err := list.Sync(t.Context(), now); err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]bool{"live": true, "of djwto": true, "for ever": true, "within the leeway": true, "dead": false, "not refused": false} {
		if _, revoked := list.Revoked((&watchword.ClaimSet{ID: id, Kind: watchword.Refresh}).Freeze(nil)); revoked != want {
			t.Errorf("%s is refused: %t, want %t", id, revoked, want)
		}
	}
	// The newest user there is gone, and his tokens may live.
	s.exec(`DELETE FROM auth_user WHERE id = 5`)
	if s.postgres {
		s.exec(`SELECT setval(pg_get_serial_sequence('auth_user', 'id'), 77)`)
	} else {
		s.put(77, "newest", "", aHash)
		s.exec(`DELETE FROM auth_user WHERE id = 77`)
	}
	s.run(h, move.Options{}, move.Mapping{})
	if u, err := h.CreateUser(t.Context(), watchword.NewUser{User: watchword.User{Login: "next"}}); err != nil || u.ID != "78" {
		t.Errorf("the next user is %s, %v, want 78", u.ID, err)
	}
}

// leavesRoom imports from a table whose ids end where all numbers end: users
// can be added afterwards all the same.
func leavesRoom(t *testing.T, s *site) {
	s.exec(s.userTable("auth_user", s.bigserial, `"username" varchar(150) NOT NULL UNIQUE,`))
	s.put(7, "ann", "", aHash)
	s.put(1<<62, "high", "", aHash)
	s.put(1<<63-1, "last", "", aHash)
	h := newHouse(t)
	r := s.run(h, move.Options{}, move.Mapping{})
	wantUsers(t, r, move.Users{Read: 3, Added: 2, LeftOut: 1})
	if len(r.LeftOut) != 1 || r.LeftOut[0].Login != "last" || r.LeftOut[0].Kind != move.BadID {
		t.Errorf("left out %+v, want the one with the last id", r.LeftOut)
	}
	if u, err := h.CreateUser(t.Context(), watchword.NewUser{User: watchword.User{Login: "next"}}); err != nil || u.ID != "4611686018427387905" {
		t.Errorf("the next user is %q, %v", u.ID, err)
	}
}

// importsByMapping reads a table of another shape.
func importsByMapping(t *testing.T, s *site) {
	s.exec(
		`CREATE TABLE people (nr integer PRIMARY KEY, nick text, secret text, roles text, rights text, scp text, plan text, age integer, prefs text, enabled text, born text)`,
		`INSERT INTO people VALUES (4, 'ann', '`+aHash+`', 'a;b', '["x.y", "z"]', 'read write', 'pro', 30, '{"dark":true}', 'yes', '2020-01-02')`,
		`INSERT INTO people VALUES (5, 'bob', NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'no', NULL)`,
		`INSERT INTO people VALUES (6, 'eve', NULL, NULL, '["x', NULL, NULL, NULL, NULL, 'no', NULL)`,
		`INSERT INTO people VALUES (7, 'zed', NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'perhaps', NULL)`,
		`INSERT INTO people VALUES (8, 'sue', NULL, NULL, NULL, 'bad"scope', NULL, NULL, NULL, 'no', NULL)`,
		`INSERT INTO people VALUES (9, 'max', NULL, NULL, NULL, NULL, '`+strings.Repeat("x", 9000)+`', NULL, NULL, 'no', NULL)`,
		`CREATE TABLE refused (id text, over `+s.datetime+`)`,
		`INSERT INTO refused VALUES ('one', '2026-03-05 00:00:00')`,
	)
	h := newHouse(t)
	r := s.run(h, move.Options{}, move.Mapping{
		Table: "people",
		Columns: move.Columns{
			ID: "nr", Login: "nick", Password: "secret", Groups: "roles", Permissions: "rights", Scopes: "scp", Active: "enabled", CreatedAt: "born",
		},
		Constants: move.Constants{Staff: true, Groups: []string{"moved"}, Scopes: []string{"profile"}},
		Extra:     map[string]string{"plan": "plan", "years": "age", "prefs": "prefs"},
		Blacklist: []move.Blacklist{{Table: "refused", ID: "id", Expires: "over"}},
	})
	wantUsers(t, r, move.Users{Read: 6, Added: 2, LeftOut: 4})
	if r.Blacklist.Added != 1 {
		t.Errorf("blacklist %+v", r.Blacklist)
	}
	u, _ := user(t, h, "ann")
	want := watchword.User{
		ID: "4", Login: "ann", Active: true, Staff: true, CreatedAt: time.Date(2020, 1, 2, 0, 0, 0, 0, time.UTC), Version: 1,
		Groups: []string{"a", "b", "moved"}, Permissions: []string{"x.y", "z"}, Scopes: []string{"profile", "read", "write"},
		Extra: []byte(`{"plan":"pro","prefs":{"dark":true},"years":30}`),
	}
	if !reflect.DeepEqual(u, want) {
		t.Errorf("ann:\n got %+v\nwant %+v", u, want)
	}
	if u, _ := user(t, h, "bob"); u.Active || string(u.Extra) != `{"plan":null,"prefs":null,"years":null}` || !slices.Equal(u.Groups, []string{"moved"}) {
		t.Errorf("bob: %+v", u)
	}
}

// importsEasyJWT reads easyjwt's own user model by the mapping of the docs.
func importsEasyJWT(t *testing.T, s *site) {
	s.exec(s.schema()...)
	s.exec(s.userTable("user", s.bigserial, `"location" text NULL, "phone" varchar(15) NULL, "modified_date" `+s.datetime+` NULL, "creation_date" `+s.datetime+` NULL,`))
	s.exec(s.memberTables("user", "user_id", "bigint")...)
	s.putInto("user", 2, `"phone" = '+49 1'`, "user@test.com", aHash)
	s.exec(`INSERT INTO user_groups (user_id, group_id) VALUES (2, 1)`)
	var m move.Mapping
	if err := config.ReadTables(filepath.Join("..", "..", "..", "..", "docs", "move-in", "easyjwt.toml"), &m); err != nil {
		t.Fatal(err)
	}
	h := newHouse(t)
	wantUsers(t, s.run(h, move.Options{}, m), move.Users{Read: 1, Added: 1})
	u, hash := user(t, h, "User@test.com")
	if u.ID != "2" || u.Login != "user@test.com" || u.Email != "user@test.com" || u.Phone != "+49 1" || !slices.Equal(u.Groups, []string{"editors"}) || hash != aHash {
		t.Errorf("the user is %+v", u)
	}
	// Without columns of its own the table alone says as much.
	wantUsers(t, s.run(newHouse(t), move.Options{}, move.Mapping{Table: "user"}), move.Users{Read: 1, Added: 1})
}

// importsNewIDs gives new ids to who is known by a UUID, and knows him again.
func importsNewIDs(t *testing.T, s *site) {
	s.exec(s.schema()...)
	s.exec(s.userTable("accounts_member", s.uuid+" NOT NULL PRIMARY KEY", `"username" varchar(150) NOT NULL UNIQUE,`))
	s.exec(s.memberTables("accounts_member", "member_id", s.uuid)...)
	const first, second = "0b2d199d-f233-4203-bdab-693c03bca505", "ffb2d199-f233-4203-bdab-693c03bca505"
	s.putInto("accounts_member", second, `"username" = 'zed'`, "", aHash)
	s.putInto("accounts_member", first, `"username" = 'ann'`, "ann@example.com", aHash)
	s.exec(`INSERT INTO accounts_member_groups (member_id, group_id) VALUES ('` + first + `', 1)`)
	h := newHouse(t)
	d, err := s.django(move.Mapping{Table: "accounts_member"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := move.Run(t.Context(), d, h, move.Options{Now: now, Until: now}); err == nil || !strings.Contains(err.Error(), `ids = "new"`) {
		t.Errorf("UUIDs as ids: %v, want to be told how", err)
	}
	d.Close()
	m := move.Mapping{Table: "accounts_member", IDs: "new", Extra: map[string]string{"old_id": "id"}}
	wantUsers(t, s.run(h, move.Options{}, m), move.Users{Read: 2, Added: 2})
	wantUsers(t, s.run(h, move.Options{}, m), move.Users{Read: 2, Same: 2})
	u, _ := user(t, h, "ann")
	if u.ID != "1" || !slices.Equal(u.Groups, []string{"editors"}) || string(u.Extra) != `{"old_id":"`+first+`"}` {
		t.Errorf("ann is %+v, %s", u, u.Extra)
	}
	s.exec(`UPDATE accounts_member SET username = 'anna' WHERE username = 'ann'`)
	wantUsers(t, s.run(h, move.Options{Update: true}, m), move.Users{Read: 2, Same: 1, Updated: 1})
	if u, _ := user(t, h, "anna"); u.ID != "1" {
		t.Errorf("who is called otherwise now is user %s", u.ID)
	}
}

// refusesMappings wants faults to be found before anything is read.
func refusesMappings(t *testing.T, s *site) {
	s.exec(s.schema()...)
	s.exec(`CREATE TABLE people (nr integer, password text, login text)`, `INSERT INTO people VALUES (1, '', 'a'), (1, '', 'b'), (NULL, '', 'c')`)
	for _, tt := range []struct {
		name string
		m    move.Mapping
		want string
	}{
		{"no table", move.Mapping{Table: "persons"}, "these have a column password: "},
		{"no column", move.Mapping{Columns: move.Columns{Phone: "telephone"}}, "no column telephone: it has id, "},
		{"two faults", move.Mapping{Columns: move.Columns{Email: "mail", Login: "nick"}}, "nick"},
		{"no login", move.Mapping{Table: "people"}, "columns.login"},
		{"ids not unique", move.Mapping{Table: "people", Columns: move.Columns{ID: "nr", Login: "login"}}, "of 3 rows 1 have an id of their own"},
		{"ids", move.Mapping{IDs: "some"}, "neither keep nor new"},
		{"no id", move.Mapping{Columns: move.Columns{ID: "-"}}, "columns.id"},
		{"members", move.Mapping{Groups: move.Groups{Members: "nowhere", User: "user_id"}}, "no table nowhere"},
		{"member", move.Mapping{Groups: move.Groups{User: "owner"}}, "no column owner"},
		{"extra", move.Mapping{Extra: map[string]string{"a": ""}}, "extra.a"},
		{"blacklist", move.Mapping{Blacklist: []move.Blacklist{{Table: "x", Token: "y"}}}, "blacklist 1"},
	} {
		if _, err := s.django(tt.m); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
	d, err := s.django(move.Mapping{Blacklist: []move.Blacklist{{Table: "nowhere"}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := move.Run(t.Context(), d, newHouse(t), move.Options{Now: now}); err == nil || !strings.Contains(err.Error(), "no table nowhere") {
		t.Errorf("a blacklist that is not there: %v", err)
	}
}

// readsOnly tries to write.
func readsOnly(t *testing.T, s *site) {
	s.exec(s.schema()...)
	s.put(1, "ann", "", aHash)
	if !s.postgres {
		before := sum(t, s.path)
		s.run(newHouse(t), move.Options{}, move.Mapping{})
		if sum(t, s.path) != before {
			t.Error("the import changed the source")
		}
		if files, err := os.ReadDir(filepath.Dir(s.path)); err != nil || len(files) != 1 {
			t.Errorf("beside the source lie %v, %v", files, err)
		}
	}
	db, err := open.ReadOnly(t.Context(), s.dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, text := range []string{`DELETE FROM auth_user`, `CREATE TABLE x (y integer)`, `UPDATE auth_user SET username = 'x'`} {
		if _, err := db.ExecContext(t.Context(), text); err == nil {
			t.Errorf("%s was done", text)
		}
	}
}

// goesOn stops an import in the middle.
func goesOn(t *testing.T, s *site) {
	s.exec(s.schema()...)
	for id := 1; id <= 2200; id++ {
		s.put(id, fmt.Sprintf("user%d", id), "", aHash)
	}
	h := newHouse(t)
	d, err := s.django(move.Mapping{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	r, err := move.Run(ctx, d, h, move.Options{Now: now, Until: now, Progress: func(int, int) { stop() }})
	if !errors.Is(err, context.Canceled) || r.Users.Added != 1000 {
		t.Errorf("stopped: %v, %d added, want 1000", err, r.Users.Added)
	}
	d.Close()
	wantUsers(t, s.run(h, move.Options{}, move.Mapping{}), move.Users{Read: 2200, Same: 1000, Added: 1200})
}
