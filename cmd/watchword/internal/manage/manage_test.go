package manage_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/manage"
	"github.com/watchword-auth/watchword/jwt"
	"github.com/watchword-auth/watchword/store"
)

func TestCan(t *testing.T) {
	staff := watchword.User{ID: "1", Active: true, Staff: true, Permissions: []string{"users.view", "auth.change_user"}}
	off := staff
	off.Active = false
	root := watchword.User{ID: "2", Active: true, Superuser: true}
	gone := root
	gone.Active = false
	plain := staff
	plain.Staff = false
	for _, test := range []struct {
		name                                        string
		by                                          manage.Actor
		view, change, delete, superuser, staff, low bool // low: may touch somebody without rank
	}{
		{name: "nobody", low: true},
		{name: "the command line", by: manage.Actor{Operator: true}, view: true, change: true, delete: true, superuser: true, staff: true, low: true},
		{name: "staff", by: manage.Actor{User: staff}, view: true, change: true, staff: true, low: true},
		{name: "staff with a narrow token", by: manage.Actor{User: staff, Narrowed: true}, low: true},
		{name: "disabled staff", by: manage.Actor{User: off}, low: true},
		{name: "disabled staff with the scope", by: manage.Actor{User: off, Admin: true}, low: true},
		{name: "a user with permissions", by: manage.Actor{User: plain}, low: true},
		{name: "a user with the scope", by: manage.Actor{User: plain, Admin: true}, view: true, change: true, delete: true, low: true},
		{name: "a superuser", by: manage.Actor{User: root}, view: true, change: true, delete: true, superuser: true, staff: true, low: true},
		{name: "a superuser with a narrow token", by: manage.Actor{User: root, Narrowed: true}, low: true},
		{name: "a disabled superuser", by: manage.Actor{User: gone}, low: true},
		{name: "a machine", by: manage.Actor{Machine: "client_x"}, low: true},
		{name: "a machine with the scope", by: manage.Actor{Machine: "client_x", Admin: true}, view: true, change: true, delete: true, low: true},
		{name: "the scope alone", by: manage.Actor{Admin: true}, low: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := []bool{
				test.by.Can(manage.ViewUsers), test.by.Can(manage.ChangeUsers), test.by.Can(manage.DeleteUsers), test.by.Superuser(), test.by.Staff(),
				test.by.MayTouch(watchword.User{ID: "9"}), test.by.MayTouch(watchword.User{ID: "9", Staff: true}),
				test.by.MayTouch(watchword.User{ID: "9", Scopes: []string{"admin"}}),
			}
			want := []bool{test.view, test.change, test.delete, test.superuser, test.staff, test.low, test.superuser, test.superuser}
			if !slices.Equal(got, want) {
				t.Errorf("view, change, delete, superuser, staff, touch one, staff, a holder of admin = %v, want %v", got, want)
			}
		})
	}
}

// people are users whom another system keeps.
type people struct{ list []watchword.User }

func (p people) UserByID(_ context.Context, id string) (watchword.User, error) {
	return p.find(func(u watchword.User) bool { return u.ID == id })
}

func (p people) UserByLogin(_ context.Context, login string) (watchword.User, string, error) {
	u, err := p.find(func(u watchword.User) bool { return strings.EqualFold(u.Login, login) })
	return u, "", err
}

func (p people) SwapPasswordHash(context.Context, string, string, string) error {
	return watchword.Conflict
}

func (p people) ListUsers(_ context.Context, after string, limit int) ([]watchword.User, error) {
	i := slices.IndexFunc(p.list, func(u watchword.User) bool { return u.ID == after }) + 1
	return slices.Clone(p.list[i:min(i+limit, len(p.list))]), nil
}

func (p people) find(is func(watchword.User) bool) (watchword.User, error) {
	if i := slices.IndexFunc(p.list, is); i >= 0 {
		return p.list[i], nil
	}
	return watchword.User{}, watchword.NotFound
}

func newActions(t *testing.T, change func(*manage.Options)) *manage.Actions {
	t.Helper()
	o := manage.Options{Store: store.NewMemory(), Record: func(context.Context, watchword.Event) {}}
	if change != nil {
		change(&o)
	}
	m, err := manage.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestUsersOfAnotherSystem(t *testing.T) {
	m := newActions(t, func(o *manage.Options) {
		o.Users = people{[]watchword.User{{ID: "1", Login: "ann", Active: true, Staff: true}, {ID: "2", Login: "bob", Active: true}, {ID: "3", Login: "carl"}}}
	})
	root := manage.Actor{User: watchword.User{ID: "1", Active: true, Superuser: true}}
	find := func(f watchword.UserFilter) string {
		t.Helper()
		var logins []string
		for range 9 {
			page, err := m.FindUsers(t.Context(), root, f)
			if err != nil {
				t.Fatalf("FindUsers(%+v): %v", f, err)
			}
			for _, u := range page.Users {
				logins = append(logins, u.Login)
			}
			if page.Next == "" {
				break
			}
			f.After = page.Next
		}
		return strings.Join(logins, " ")
	}
	yes, no := true, false
	for _, test := range []struct {
		f    watchword.UserFilter
		want string
	}{
		{watchword.UserFilter{}, "ann bob carl"},
		{watchword.UserFilter{Limit: 1}, "ann bob carl"},
		{watchword.UserFilter{Active: &no, Limit: 1}, "carl"},
		{watchword.UserFilter{Ranked: &yes}, "ann"},
		{watchword.UserFilter{Prefix: "BOB"}, "bob"},
		{watchword.UserFilter{Prefix: "bob", Ranked: &yes}, ""},
		{watchword.UserFilter{Prefix: "b"}, ""},
	} {
		if got := find(test.f); got != test.want {
			t.Errorf("FindUsers(%+v) = %q, want %q", test.f, got, test.want)
		}
	}
	for name, do := range map[string]func() error{
		"add": func() error {
			_, err := m.CreateUser(t.Context(), root, manage.NewUser{User: watchword.User{Login: "new"}})
			return err
		},
		"change": func() error {
			_, err := m.ChangeUser(t.Context(), root, "2", watchword.UserChange{Active: &no})
			return err
		},
		"set the password": func() error { _, err := m.SetPassword(t.Context(), root, "2", "a good password"); return err },
		"delete":           func() error { return m.DeleteUser(t.Context(), root, "2") },
	} {
		if err := do(); !errors.Is(err, watchword.PermissionDenied) {
			t.Errorf("%s = %v, want permission_denied", name, err)
		}
	}
	if _, err := m.EndSessionsOf(t.Context(), root, "2"); err != nil {
		t.Errorf("EndSessionsOf = %v: sessions are ours", err)
	}
}

// TestMirroredUsers: who comes from an authority elsewhere is not made here.
func TestMirroredUsers(t *testing.T) {
	records := store.NewMemory()
	m := newActions(t, func(o *manage.Options) { o.Store, o.Upstream = records, "https://auth.example.com" })
	u, err := records.CreateUser(t.Context(), watchword.NewUser{User: watchword.User{Login: "7@https://auth.example.com", Active: true}})
	if err != nil {
		t.Fatal(err)
	}
	root, here := manage.Actor{User: watchword.User{ID: "99", Active: true, Superuser: true}}, manage.Actor{Operator: true}
	if _, err := m.CreateUser(t.Context(), root, manage.NewUser{User: watchword.User{Login: "new"}}); !errors.Is(err, watchword.PermissionDenied) {
		t.Errorf("CreateUser = %v, want permission_denied", err)
	}
	if _, err := m.CreateUser(t.Context(), here, manage.NewUser{User: watchword.User{Login: "new"}}); err != nil {
		t.Errorf("CreateUser by the command line = %v", err)
	}
	if _, err := m.CreateUser(t.Context(), here, manage.NewUser{User: watchword.User{Login: "8@https://auth.example.com"}}); !errors.Is(err, watchword.InvalidRequest) {
		t.Errorf("CreateUser with a mirrored login = %v, want invalid_request", err)
	}
	login := "own"
	if _, err := m.ChangeUser(t.Context(), root, u.ID, watchword.UserChange{Login: &login}); !errors.Is(err, watchword.InvalidRequest) {
		t.Errorf("a new login = %v, want invalid_request", err)
	}
	if _, err := m.SetPassword(t.Context(), root, u.ID, "a good password"); !errors.Is(err, watchword.InvalidRequest) {
		t.Errorf("a password = %v, want invalid_request", err)
	}
	yes := true
	if _, err := m.ChangeUser(t.Context(), root, u.ID, watchword.UserChange{Staff: &yes}); err != nil {
		t.Errorf("staff here = %v", err)
	}
}

// TestTheCommandLine may do what nobody else may: the database is there.
func TestTheCommandLine(t *testing.T) {
	m := newActions(t, nil)
	here := manage.Actor{Operator: true}
	u, err := m.CreateUser(t.Context(), here, manage.NewUser{
		User: watchword.User{Login: "root", Active: true, Staff: true, Superuser: true, Scopes: []string{"admin"}}, PasswordHash: "!",
	})
	if err != nil {
		t.Fatal(err)
	}
	hash := "!"
	if _, err := m.ChangeUser(t.Context(), here, u.ID, watchword.UserChange{PasswordHash: &hash}); err != nil {
		t.Errorf("a hash = %v", err)
	}
	root := manage.Actor{User: u}
	if _, err := m.ChangeUser(t.Context(), root, u.ID, watchword.UserChange{PasswordHash: &hash}); !errors.Is(err, watchword.InvalidRequest) {
		t.Errorf("a hash by a superuser = %v, want invalid_request", err)
	}
	if _, err := m.CreateUser(t.Context(), root, manage.NewUser{User: watchword.User{Login: "new"}, PasswordHash: "!"}); !errors.Is(err, watchword.InvalidRequest) {
		t.Errorf("a user with a hash = %v, want invalid_request", err)
	}
	if err := m.DeleteUser(t.Context(), here, u.ID); err != nil {
		t.Errorf("the last superuser = %v", err)
	}
}

func TestFixedKey(t *testing.T) {
	key, err := jwt.NewSecret("one", jwt.HS256, []byte(strings.Repeat("k", 32)))
	if err != nil {
		t.Fatal(err)
	}
	ring, err := jwt.NewKeyring(jwt.RingKey{Key: key, State: jwt.Active})
	if err != nil {
		t.Fatal(err)
	}
	records := store.NewMemory()
	auth, err := watchword.New(watchword.Config{
		Issuer: "https://auth.example.com", Audience: "https://auth.example.com", Store: records, SealKey: make([]byte, 32), Keys: ring,
	})
	if err != nil {
		t.Fatal(err)
	}
	m := newActions(t, func(o *manage.Options) { o.Store, o.FixedKey, o.Faces = records, key, []*watchword.Authority{auth} })
	here := manage.Actor{Operator: true}
	keys, err := m.Keys(t.Context(), here)
	if err != nil || len(keys) != 1 || !keys[0].Fixed || keys[0].ID != "one" || keys[0].Algorithm != "HS256" || keys[0].Sealed != nil {
		t.Errorf("Keys = %+v, %v", keys, err)
	}
	if err := m.RotateKeys(t.Context(), here, ""); !errors.Is(err, watchword.Conflict) {
		t.Errorf("RotateKeys = %v, want conflict", err)
	}
	if err := m.RetireKey(t.Context(), here, "", "one"); !errors.Is(err, watchword.Conflict) {
		t.Errorf("RetireKey = %v, want conflict", err)
	}
}

func TestNewRefuses(t *testing.T) {
	record := func(context.Context, watchword.Event) {}
	for name, o := range map[string]manage.Options{
		"nothing":   {},
		"no record": {Store: store.NewMemory()},
		"no store":  {Record: record},
	} {
		if _, err := manage.New(o); err == nil {
			t.Errorf("%s: New = nil", name)
		}
	}
}

// TestRefusalsOfStrangers: the first is written, and the next tells how many
// were not.
func TestRefusalsOfStrangers(t *testing.T) {
	now := time.Date(2026, time.May, 4, 12, 0, 0, 0, time.UTC)
	var told []string
	m := newActions(t, func(o *manage.Options) {
		o.Now = func() time.Time { return now }
		o.Record = func(_ context.Context, e watchword.Event) { told = append(told, e.Detail) }
	})
	stranger := manage.Actor{User: watchword.User{ID: "7", Active: true}}
	for range 5 {
		if _, err := m.Clients(t.Context(), stranger); !errors.Is(err, watchword.PermissionDenied) {
			t.Fatalf("Clients = %v", err)
		}
	}
	now = now.Add(time.Second)
	_, _ = m.Clients(t.Context(), stranger)
	want := []string{"permission clients.view is needed", "permission clients.view is needed (and 4 refusals of strangers since the last)"}
	if !slices.Equal(told, want) {
		t.Errorf("the log says %q, want %q", told, want)
	}
}

// Extra data that tokens carry is what services go by: a superuser's to change.
func TestClaimedExtraData(t *testing.T) {
	m, err := manage.New(manage.Options{
		Store: store.NewMemory(), Claimed: []string{"role"}, Record: func(context.Context, watchword.Event) {},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	staff := manage.Actor{User: watchword.User{ID: "9", Active: true, Staff: true, Permissions: []string{"users.add", "users.change"}}}
	operator := manage.Actor{Operator: true}
	of := func(extra string) *[]byte { b := []byte(extra); return &b }
	if _, err := m.CreateUser(ctx, staff, manage.NewUser{User: watchword.User{Login: "friend", Extra: *of(`{"role":"owner"}`)}}); !errors.Is(err, watchword.PermissionDenied) {
		t.Errorf("staff makes a user with a role: %v", err)
	}
	u, err := m.CreateUser(ctx, operator, manage.NewUser{User: watchword.User{Login: "ann", Extra: *of(`{"role":{"level":9007199254740992},"plan":"pro"}`)}})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name, extra string
		refused     bool
	}{
		{"a member that is no claim", `{"plan":"free","role":{"level":9007199254740992}}`, false},
		{"the same in another layout", "{\n  \"role\": { \"level\": 9007199254740992 }\n}", false},
		{"another value", `{"role":"owner"}`, true},
		{"a number that is the same only as a float", `{"role":{"level":9007199254740993}}`, true},
		{"the value taken away", `{"plan":"pro"}`, true},
		{"all taken away", ``, true},
		{"the name by an escape", `{"r\u006fle":"owner"}`, true},
	} {
		_, err := m.ChangeUser(ctx, staff, u.ID, watchword.UserChange{Extra: of(test.extra)})
		if errors.Is(err, watchword.PermissionDenied) != test.refused || !test.refused && err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
	}
	if _, err := m.ChangeUser(ctx, operator, u.ID, watchword.UserChange{Extra: of(`{"role":"owner"}`)}); err != nil {
		t.Errorf("the operator: %v", err)
	}
}

// Two superusers whom two servers take from each other at the same time: one
// stays.
func TestLastSuperuserOfTwoServers(t *testing.T) {
	ctx := t.Context()
	db := store.NewMemory()
	server := func() *manage.Actions {
		m, err := manage.New(manage.Options{Store: db, Record: func(context.Context, watchword.Event) {}})
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	one, two := server(), server()
	superuser := func(login string) manage.Actor {
		u, err := one.CreateUser(ctx, manage.Actor{Operator: true}, manage.NewUser{User: watchword.User{Login: login, Active: true, Superuser: true}})
		if err != nil {
			t.Fatal(err)
		}
		return manage.Actor{User: u}
	}
	no := false
	for name, take := range map[string]func(m *manage.Actions, by manage.Actor, id string) error{
		"demoted": func(m *manage.Actions, by manage.Actor, id string) error {
			_, err := m.ChangeUser(ctx, by, id, watchword.UserChange{Superuser: &no})
			return err
		},
		"disabled": func(m *manage.Actions, by manage.Actor, id string) error {
			_, err := m.ChangeUser(ctx, by, id, watchword.UserChange{Active: &no})
			return err
		},
		"deleted": func(m *manage.Actions, by manage.Actor, id string) error { return m.DeleteUser(ctx, by, id) },
	} {
		for i := range 50 {
			a, b := superuser(fmt.Sprint(name, "-a", i)), superuser(fmt.Sprint(name, "-b", i))
			var all sync.WaitGroup
			errs := make([]error, 2)
			all.Go(func() { errs[0] = take(one, a, b.User.ID) })
			all.Go(func() { errs[1] = take(two, b, a.User.ID) })
			all.Wait()
			if (errs[0] == nil) == (errs[1] == nil) {
				t.Fatalf("%s each other: %v, %v", name, errs[0], errs[1])
			}
			for j, err := range errs {
				if err != nil && !errors.Is(err, watchword.PermissionDenied) {
					t.Errorf("%s each other: the refusal of %d is %v", name, j, err)
				}
			}
			for _, u := range []watchword.User{a.User, b.User} { // clear the stage
				_ = one.DeleteUser(ctx, manage.Actor{Operator: true}, u.ID)
			}
		}
	}
}
