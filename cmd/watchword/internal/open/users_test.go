package open_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/djangotest"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/open"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/pgtest"
	"github.com/watchword-auth/watchword/store/django"
	"github.com/watchword-auth/watchword/store/storetest"
)

// projects runs a test over Django projects in both databases; each call of
// fresh makes a new one.
func projects(t *testing.T, run func(t *testing.T, fresh func(t *testing.T) *djangotest.Project)) {
	t.Run("sqlite", func(t *testing.T) {
		run(t, func(t *testing.T) *djangotest.Project { return djangotest.SQLite(t) })
	})
	t.Run("postgres", func(t *testing.T) {
		server := pgtest.Start(t)
		n := 0
		run(t, func(t *testing.T) *djangotest.Project {
			n++
			return djangotest.Postgres(t, server, "project"+strconv.Itoa(n))
		})
	})
}

// attached opens a project's users.
func attached(t *testing.T, p *djangotest.Project, c django.Config, record bool) open.Roll {
	t.Helper()
	o := opened(t, "sqlite::memory:")
	if err := o.Attach(t.Context(), p.DSN, c, record); err != nil {
		t.Fatal(err)
	}
	return o.Roll()
}

func TestForeignUsersKeepTheContract(t *testing.T) {
	projects(t, func(t *testing.T, fresh func(t *testing.T) *djangotest.Project) {
		storetest.PasswordUsers(t, func(t *testing.T) storetest.People {
			p := fresh(t)
			return storetest.People{
				Users:  attached(t, p, django.Config{Upgrade: true}, true),
				Add:    func(t *testing.T, n watchword.NewUser) string { return p.Add(t, n) },
				Change: func(t *testing.T, id, hash string, active bool) { p.Change(t, id, hash, active) },
			}
		})
	})
}

func TestOwnUsersKeepTheContract(t *testing.T) {
	storetest.PasswordUsers(t, func(t *testing.T) storetest.People { return storetest.Own(opened(t, "sqlite:"+t.TempDir()+"/w.db")) })
}

func named(login, email string) watchword.NewUser {
	return watchword.NewUser{
		User:         watchword.User{Login: login, Email: email, Active: true, CreatedAt: time.Unix(1e9, 0)},
		PasswordHash: "pbkdf2_sha256$1$salt$" + strings.Repeat("A", 43) + "=",
	}
}

// Whom a login means: see the comment of package django.
func TestWhomALoginMeans(t *testing.T) {
	projects(t, func(t *testing.T, fresh func(t *testing.T) *djangotest.Project) {
		p := fresh(t)
		for _, n := range []watchword.NewUser{
			named("ann", "ann@example.com"),
			named("Bob", "twice@example.com"),
			named("bob", "TWICE@example.com"),
			named("carol", ""),
			named("mike@example.com", "other@example.com"),
			named("Dan", "m\u0131ke@example.org"), // a dotless i, as in CVE-2019-19844
			named("eve", "ann"),                   // somebody's name as an address
			named("kim", "shared@example.com"),
			named("Shared@example.com", "lou@example.com"),
		} {
			p.Add(t, n)
		}
		users, exact := attached(t, p, django.Config{}, false), attached(t, p, django.Config{Exact: true}, false)
		for _, tt := range []struct{ login, want, exactly string }{
			{"ann", "ann", "ann"}, // though it is eve's address too
			{"Ann", "", ""},       // ann's name in another case, or eve's address?
			{"ANN@EXAMPLE.COM", "ann", ""},
			{"ann@example.com", "ann", ""},
			{"Bob", "Bob", "Bob"},
			{"bob", "bob", "bob"},
			{"BOB", "", ""},
			{"twice@example.com", "", ""},
			{"CAROL", "carol", ""},
			{"", "", ""},
			{"mike@example.com", "mike@example.com", "mike@example.com"},
			{"mike@example.org", "", ""},
			{"MIKE@example.org", "", ""},
			{"m\u0131ke@example.org", "Dan", ""},
			{"dan", "Dan", ""},
			{"Shared@example.com", "Shared@example.com", "Shared@example.com"},
			{"shared@example.com", "", ""}, // a name in another case, and somebody else's address
		} {
			for _, roll := range []struct {
				users open.Roll
				want  string
			}{{users, tt.want}, {exact, tt.exactly}} {
				u, _, err := roll.users.UserByLogin(t.Context(), tt.login)
				if u.Login != roll.want || (roll.want == "") != errors.Is(err, watchword.NotFound) {
					t.Errorf("UserByLogin(%q) = %q, %v, want %q", tt.login, u.Login, err, roll.want)
				}
			}
		}
	})
}

func TestForeignRights(t *testing.T) {
	projects(t, func(t *testing.T, fresh func(t *testing.T) *djangotest.Project) {
		p := fresh(t)
		boss := named("boss", "")
		boss.Staff, boss.Superuser = true, true
		p.Add(t, named("ann", ""))
		p.Add(t, boss)
		p.Exec(t, `INSERT INTO "auth_user_groups" ("user_id", "group_id") VALUES (1, 2), (1, 1)`)
		p.Exec(t, `INSERT INTO "auth_user_user_permissions" ("user_id", "permission_id") VALUES (1, 1), (1, 3)`)
		users := attached(t, p, django.Config{}, false)
		ann, err := users.UserByID(t.Context(), "1")
		if err != nil || !slices.Equal(ann.Groups, []string{"buyers", "sales"}) ||
			!slices.Equal(ann.Permissions, []string{"auth.view_user", "shop.add_order", "shop.view_order"}) || ann.Staff || ann.Superuser {
			t.Errorf("UserByID = %+v, %v; want her groups, her permissions and those of the groups, each once", ann, err)
		}
		got, _, err := users.UserByLogin(t.Context(), "boss")
		if err != nil || !got.Staff || !got.Superuser || got.Permissions != nil || got.Groups != nil {
			t.Errorf("UserByLogin = %+v, %v; want the flag alone", got, err)
		}
		var listed []string
		for after := ""; ; {
			page, err := users.ListUsers(t.Context(), after, 1)
			if err != nil {
				t.Fatal(err)
			}
			if len(page) == 0 {
				break
			}
			after = page[0].ID
			listed = append(listed, page[0].Login)
		}
		if !slices.Equal(listed, []string{"ann", "boss"}) {
			t.Errorf("listed %q", listed)
		}
		if _, err := users.ListUsers(t.Context(), "nobody", 0); !errors.Is(err, watchword.NotFound) {
			t.Errorf("ListUsers after nobody = %v, want NotFound", err)
		}
	})
}

func TestForeignUsersAreNotWritten(t *testing.T) {
	projects(t, func(t *testing.T, fresh func(t *testing.T) *djangotest.Project) {
		p := fresh(t)
		n := named("ann", "")
		p.Add(t, n)
		users := attached(t, p, django.Config{}, false)
		if err := users.SwapPasswordHash(t.Context(), "1", n.PasswordHash, "bcrypt$$2b$04$x"); !errors.Is(err, watchword.PermissionDenied) {
			t.Errorf("SwapPasswordHash = %v, want PermissionDenied", err)
		}
		if _, records := users.(watchword.LoginRecorder); records {
			t.Error("sign-ins are recorded though nobody asked for it")
		}
		upgrading := attached(t, p, django.Config{Upgrade: true}, false)
		for _, form := range []string{"$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHQ$x", "$2b$12$x", "sha1$salt$x", "plain", ""} {
			if err := upgrading.SwapPasswordHash(t.Context(), "1", n.PasswordHash, form); !errors.Is(err, watchword.InvalidRequest) {
				t.Errorf("SwapPasswordHash to %q, which Django cannot read = %v, want InvalidRequest", form, err)
			}
		}
		if got := p.Hash(t, "ann"); got != n.PasswordHash {
			t.Errorf("the hash is %q, want what it was", got)
		}
	})
}

func TestAMappedTable(t *testing.T) {
	table := django.Table{
		Name: "members", ID: "uid", Username: "mail", Password: "pw", Email: "mail", FirstName: "given",
		LastName: django.None, Active: "enabled", Staff: django.None, Superuser: django.None, DateJoined: django.None, LastLogin: django.None, NoGroups: true,
	}
	const id = "0190f8a1-53f6-7c53-8c4e-9f8f0a3f9b21"
	projects(t, func(t *testing.T, fresh func(t *testing.T) *djangotest.Project) {
		p := fresh(t)
		kind := "char(36)"
		if p.Postgres {
			kind = "uuid"
		}
		p.Exec(t, `CREATE TABLE "members" ("uid" `+kind+` PRIMARY KEY, "mail" varchar(254) NOT NULL UNIQUE, "pw" varchar(128), "given" text, "enabled" BOOLEAN NOT NULL)`)
		p.Exec(t, `INSERT INTO "members" VALUES ($1, 'Ann@example.com', NULL, NULL, true)`, id)
		users := attached(t, p, django.Config{Table: table, Upgrade: true}, false)
		u, hash, err := users.UserByLogin(t.Context(), "ann@example.com")
		if err != nil || u.ID != id || hash != "" || !u.Active || u.Login != u.Email || u.FirstName != "" {
			t.Errorf("UserByLogin = %+v, %q, %v", u, hash, err)
		}
		for _, other := range []string{"1", strings.ToUpper(id), id[1:], strings.ReplaceAll(id, "-", "0"), "{" + id + "}"} {
			if _, err := users.UserByID(t.Context(), other); !errors.Is(err, watchword.NotFound) {
				t.Errorf("UserByID(%q) = %v, want NotFound", other, err)
			}
		}
		if page, err := users.ListUsers(t.Context(), id, 10); err != nil || len(page) != 0 {
			t.Errorf("ListUsers after the last = %v, %v", page, err)
		}
		o := opened(t, "sqlite::memory:")
		if err := o.Attach(t.Context(), p.DSN, django.Config{Table: table}, true); err == nil || !strings.Contains(err.Error(), "last sign-in") {
			t.Errorf("Attach that is to record where there is no column = %v", err)
		}
	})
}

func TestAttachTellsWhatIsMissing(t *testing.T) {
	projects(t, func(t *testing.T, fresh func(t *testing.T) *djangotest.Project) {
		p := fresh(t)
		p.Exec(t, `CREATE TABLE "people" ("id" integer, "name" text, "password" text)`)
		p.Exec(t, `DROP TABLE "auth_user_groups"`)
		for name, tt := range map[string]struct {
			table django.Table
			want  []string
		}{
			"no table":       {django.Table{Name: "nobody"}, []string{"there is no table nobody"}},
			"no columns":     {django.Table{Name: "people"}, []string{"no column username: name the one", "no column is_active", `"-"`, "no table people_groups"}},
			"no joins":       {django.Table{}, []string{"no table auth_user_groups that joins users by group_id"}},
			"no such column": {django.Table{Username: "login", NoGroups: true}, []string{"no column login"}},
			"no password":    {django.Table{Password: django.None}, []string{"column password: nobody signs in without one"}},
			"a quote":        {django.Table{Name: `a"b`}, []string{"is no name"}},
			"three parts":    {django.Table{Name: "a.b.c"}, []string{"more than one dot"}},
		} {
			o := opened(t, "sqlite::memory:")
			err := o.Attach(t.Context(), p.DSN, django.Config{Table: tt.table}, false)
			for _, want := range tt.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("%s: Attach = %v, want %q in it", name, err, want)
				}
			}
		}
	})
}

func TestASchemaOfItsOwn(t *testing.T) {
	p := djangotest.Postgres(t, pgtest.Start(t), "project")
	p.Add(t, named("ann", ""))
	p.Exec(t, `CREATE SCHEMA site`)
	for _, table := range []string{
		"auth_user", "auth_user_groups", "auth_user_user_permissions", "auth_group", "auth_group_permissions", "auth_permission", "django_content_type",
	} {
		p.Exec(t, `ALTER TABLE `+table+` SET SCHEMA site`)
	}
	users := attached(t, p, django.Config{Table: django.Table{Name: "site.auth_user"}}, false)
	if u, err := users.UserByID(t.Context(), "1"); err != nil || u.Login != "ann" {
		t.Errorf("UserByID = %+v, %v", u, err)
	}
	// Rights that are missing show when the table is opened.
	p.Exec(t, `CREATE ROLE reader LOGIN PASSWORD 'r'`)
	p.Exec(t, `GRANT USAGE ON SCHEMA site TO reader`)
	p.Exec(t, `GRANT SELECT ON site.auth_user TO reader`)
	dsn := strings.Replace(p.DSN, "//"+pgtest.User+":", "//reader:", 1)
	dsn = dsn[:strings.Index(dsn, "reader:")] + "reader:r" + dsn[strings.Index(dsn, "@"):]
	o := opened(t, "sqlite::memory:")
	if err := o.Attach(t.Context(), dsn, django.Config{Table: django.Table{Name: "site.auth_user"}}, false); err == nil {
		t.Error("Attach with too few rights succeeded")
	}
	if err := o.Attach(t.Context(), dsn, django.Config{Table: django.Table{Name: "site.auth_user", NoGroups: true}}, false); err != nil {
		t.Errorf("Attach with the rights that are needed = %v", err)
	}
}

func TestForeignUsersAreUnavailable(t *testing.T) {
	projects(t, func(t *testing.T, fresh func(t *testing.T) *djangotest.Project) {
		users := attached(t, fresh(t), django.Config{}, false)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := users.UserByID(ctx, "1"); !errors.Is(err, watchword.Unavailable) {
			t.Errorf("UserByID without time = %v, want Unavailable", err)
		}
		if _, _, err := users.UserByLogin(ctx, "ann"); !errors.Is(err, watchword.Unavailable) {
			t.Errorf("UserByLogin without time = %v, want Unavailable", err)
		}
	})
}

func TestAttachRefuses(t *testing.T) {
	o := opened(t, "sqlite::memory:")
	for name, tt := range map[string]struct{ dsn, want string }{
		"nothing":      {"", "must be sqlite:PATH or postgres://"},
		"another":      {"mysql://root:secret@localhost/x", "must be sqlite:PATH or postgres://"},
		"in memory":    {"sqlite::memory:", "must be sqlite:PATH"},
		"no file":      {"sqlite:" + t.TempDir() + "/none", "no such file"},
		"no database":  {"sqlite:users_test.go", "no SQLite database"},
		"no URL":       {"postgres://u:secret%@localhost/x", "no URL"},
		"nobody there": {"postgres://u:secret@127.0.0.1:1/x", "refused"},
	} {
		err := o.Attach(t.Context(), tt.dsn, django.Config{}, false)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: Attach = %v, want %q in it", name, err, tt.want)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: Attach shows the password: %v", name, err)
		}
	}
}
