package manage_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/manage"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/open"
)

// million fills a database with as many users, of whom every 10,000th is staff
// and every third is disabled.
func million(b *testing.B) *open.Opened {
	b.Helper()
	db, err := open.Store(b.Context(), "sqlite:"+filepath.Join(b.TempDir(), "w.db"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = db.Close(context.Background()) })
	for _, text := range []string{
		`INSERT INTO ww_users (login, email, first_name, last_name, phone, location, active, staff, superuser, created_at,
			user_groups, permissions, scopes, version, password_hash, hash_class)
			WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000)
			SELECT 'user' || i, 'mail' || i || '@example.com', 'First', 'Last', '', '', i % 3 <> 0, i % 10000 = 0, 0, 0, '[]', '[]', '[]', 1, '', '' FROM n`,
		`INSERT INTO ww_names (name, user_id) SELECT login, id FROM ww_users UNION ALL SELECT email, id FROM ww_users ORDER BY 1`,
	} {
		if _, err := db.SQL.ExecContext(b.Context(), text); err != nil {
			b.Fatal(err)
		}
	}
	return db
}

// BenchmarkFindUsers takes the first page, and one far back, of lists of a
// million users.
func BenchmarkFindUsers(b *testing.B) {
	actions, err := manage.New(manage.Options{Store: million(b), Record: func(context.Context, watchword.Event) {}})
	if err != nil {
		b.Fatal(err)
	}
	yes, no := true, false
	by := manage.Actor{Operator: true}
	for _, list := range []struct {
		name  string
		f     watchword.UserFilter
		pages int // to the one far back
	}{
		{"all", watchword.UserFilter{}, 500},
		{"prefix of all", watchword.UserFilter{Prefix: "user"}, 500},
		{"prefix of few", watchword.UserFilter{Prefix: "mail77777"}, 0},
		{"prefix of none", watchword.UserFilter{Prefix: "zoe"}, 0},
		{"staff", watchword.UserFilter{Ranked: &yes}, 0},
		{"staff by prefix", watchword.UserFilter{Ranked: &yes, Prefix: "user9"}, 0},
		{"disabled", watchword.UserFilter{Active: &no}, 9},
		{"disabled by prefix of one", watchword.UserFilter{Active: &no, Prefix: "user999000"}, 0},
		{"disabled by prefix of all", watchword.UserFilter{Active: &no, Prefix: "u"}, 500},
		{"disabled by prefix of ten thousand", watchword.UserFilter{Active: &no, Prefix: "user77"}, 30},
		{"disabled staff by prefix", watchword.UserFilter{Active: &no, Ranked: &yes, Prefix: "user9"}, 0},
		{"active, no staff, by prefix", watchword.UserFilter{Active: &yes, Ranked: &no, Prefix: "user5"}, 500},
	} {
		back := list.f
		for range list.pages {
			page, err := actions.FindUsers(b.Context(), by, back)
			if err != nil {
				b.Fatal(err)
			}
			back.After = page.Next
		}
		for where, f := range map[string]watchword.UserFilter{"first": list.f, fmt.Sprintf("page %d", list.pages+1): back} {
			if where != "first" && list.pages == 0 {
				continue
			}
			b.Run(list.name+"/"+where, func(b *testing.B) {
				for b.Loop() {
					if _, err := actions.FindUsers(b.Context(), by, f); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkAudit looks for what there is little or nothing of in a log of a
// million sign-ins.
func BenchmarkAudit(b *testing.B) {
	db, err := open.Store(b.Context(), "sqlite:"+filepath.Join(b.TempDir(), "w.db"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = db.Close(context.Background()) })
	if _, err := db.SQL.ExecContext(b.Context(), `INSERT INTO ww_audit (at, kind, profile, user_id, login, session, address, device, code, actor, detail)
		WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000)
		SELECT i, 'signed_in', 'native', i % 10000, '', 0, '', '', '', NULL, '' FROM n`); err != nil {
		b.Fatal(err)
	}
	actions, err := manage.New(manage.Options{Store: db, Record: func(context.Context, watchword.Event) {}})
	if err != nil {
		b.Fatal(err)
	}
	for name, f := range map[string]watchword.AuditFilter{
		"user":               {UserID: "77"},
		"actor":              {Actor: "user:1"},
		"kind and actor":     {Kind: "signed_in", Actor: "user:1"},
		"kind and user":      {Kind: "signed_in", UserID: "77"},
		"user by an actor":   {UserID: "77", Actor: "user:1"},
		"kind that is not":   {Kind: "denied"},
		"all three together": {Kind: "signed_in", UserID: "77", Actor: "user:1"},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := actions.Audit(b.Context(), manage.Actor{Operator: true}, f); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
