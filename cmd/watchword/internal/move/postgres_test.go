package move_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/move"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/pgtest"
)

func TestPostgres(t *testing.T) {
	server := pgtest.Start(t)
	t.Run("schemas", func(t *testing.T) { keepsSchemasApart(t, postgresSite(t, postgresEngines()[0], server, "schemas")) })
	t.Run("arrays", func(t *testing.T) { importsArrays(t, postgresSite(t, postgresEngines()[0], server, "arrays")) })
	t.Run("UUIDs of tokens", func(t *testing.T) { refusesUUIDs(t, postgresSite(t, postgresEngines()[0], server, "uuids")) })
	for i, e := range postgresEngines() {
		t.Run(e.name, func(t *testing.T) {
			for j, c := range cases() {
				t.Run(c.name, func(t *testing.T) { c.run(t, postgresSite(t, e, server, fmt.Sprintf("site_%d_%d", i, j))) })
			}
		})
	}
}

// importsArrays reads lists from columns of PostgreSQL's own arrays.
func importsArrays(t *testing.T, s *site) {
	s.exec(
		`CREATE TABLE people (id integer PRIMARY KEY, username text, password text, roles text[], scp varchar(20)[])`,
		`INSERT INTO people VALUES (1, 'ann', '', ARRAY['a', 'b c', 'd,"e"', 'f\g', '{h}', NULL, 'NULL'], '{read,write}'), (2, 'bob', '', '{}', NULL),
			(3, 'eve', '', '{{a},{b}}', NULL)`,
	)
	h := newHouse(t)
	r := s.run(h, move.Options{}, move.Mapping{Table: "people", Columns: move.Columns{Groups: "roles", Scopes: "scp"}})
	wantUsers(t, r, move.Users{Read: 3, Added: 2, LeftOut: 1})
	u, _ := user(t, h, "ann")
	if want := []string{"NULL", "a", "b c", `d,"e"`, `f\g`, "{h}"}; !slices.Equal(u.Groups, want) || !slices.Equal(u.Scopes, []string{"read", "write"}) {
		t.Errorf("groups %q and scopes %q, want %q and read, write", u.Groups, u.Scopes, want)
	}
	if u, _ := user(t, h, "bob"); len(u.Groups) != 0 {
		t.Errorf("an empty array became %q", u.Groups)
	}
}

// refusesUUIDs reads the blacklist as simplejwt before its version 3 made it:
// the database writes a UUID with dashes, and the tokens have it without.
func refusesUUIDs(t *testing.T, s *site) {
	const dashed, hex = "0190f8a1-53f6-7c53-8c4e-9f8f0a3f9b21", "0190f8a153f67c538c4e9f8f0a3f9b21"
	s.exec(s.schema()...)
	s.exec(s.blacklists()...)
	s.exec(
		`ALTER TABLE token_blacklist_outstandingtoken ALTER jti TYPE uuid USING jti::uuid`,
		`INSERT INTO token_blacklist_outstandingtoken (token, expires_at, jti) VALUES ('a.b.c', '2026-03-05 00:00:00', '`+dashed+`')`,
		`INSERT INTO token_blacklist_blacklistedtoken (blacklisted_at, token_id) VALUES ('2026-03-01 00:00:00', 1)`,
	)
	h := newHouse(t)
	for _, added := range []int{1, 0} {
		if r := s.run(h, move.Options{}, move.Mapping{}); r.Blacklist != (move.Blacklisted{Rows: 1, Live: 1, Added: added}) {
			t.Errorf("blacklist %+v, want one row, live, and %d added", r.Blacklist, added)
		}
	}
	list := watchword.NewRevocationList(h)
	if err := list.Sync(t.Context(), now); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{dashed, hex} {
		if _, revoked := list.Revoked((&watchword.ClaimSet{ID: id, Kind: watchword.Refresh}).Freeze(nil)); !revoked {
			t.Errorf("%s is not refused", id)
		}
	}
}

// keepsSchemasApart imports two sites of one database, each in a schema of
// its own, with people of the same ids; groups and blacklists are those of
// the same schema, whatever else the search path finds.
func keepsSchemasApart(t *testing.T, s *site) {
	s.exec(s.schema()...)
	s.exec(s.blacklists()...)
	s.put(1, "root", "", aHash)
	s.exec(`CREATE SCHEMA b`)
	s.db.SetMaxOpenConns(1) // which has the search path
	s.exec(`SET search_path = b`)
	s.exec(s.schema()...)
	s.exec(s.blacklists()...)
	s.put(1, "other", "", aHash)
	s.exec(
		`UPDATE auth_group SET name = 'of b' WHERE id = 1`, `UPDATE auth_permission SET codename = 'of_b' WHERE id = 2`,
		`UPDATE django_content_type SET app_label = 'news' WHERE id = 2`,
		`INSERT INTO auth_user_groups (user_id, group_id) VALUES (1, 1)`,
		`INSERT INTO djwto_jwtblacklist (jti, created_at) VALUES ('of b', '2026-03-01 00:00:00')`,
	)
	h := newHouse(t)
	wantUsers(t, s.run(h, move.Options{}, move.Mapping{}), move.Users{Read: 1, Added: 1})
	other := move.Mapping{Table: "b.auth_user"}
	r := s.run(h, move.Options{Update: true}, other)
	wantUsers(t, r, move.Users{Read: 1, LeftOut: 1})
	if len(r.LeftOut) != 1 || r.LeftOut[0].Kind != move.IDTaken {
		t.Errorf("left out %+v, want an id that is taken", r.LeftOut)
	}
	if r.Blacklist.Rows != 1 {
		t.Errorf("%d rows of a blacklist, want the one of that schema", r.Blacklist.Rows)
	}
	if u, _ := user(t, h, "root"); u.ID != "1" {
		t.Errorf("the first site's user is %+v", u)
	}
	h = newHouse(t)
	wantUsers(t, s.run(h, move.Options{}, other), move.Users{Read: 1, Added: 1})
	u, _ := user(t, h, "other")
	if !slices.Equal(u.Groups, []string{"of b"}) || !slices.Equal(u.Permissions, []string{"news.of_b", "news.view_post"}) {
		t.Errorf("groups %q and permissions %q are not those of the schema", u.Groups, u.Permissions)
	}
	// The same table by another way is known again.
	s.dsn += "&search_path=b"
	wantUsers(t, s.run(h, move.Options{}, move.Mapping{}), move.Users{Read: 1, Same: 1})
}
