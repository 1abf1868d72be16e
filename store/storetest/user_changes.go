package storetest

import (
	"testing"
	"time"

	"github.com/watchword-auth/watchword"
)

func update(t *testing.T, u watchword.UserAdmin, id string, c watchword.UserChange, keep int64) watchword.User {
	t.Helper()
	changed, err := u.UpdateUser(t.Context(), id, c, keep, until, base.Add(time.Second))
	if err != nil {
		t.Fatalf("UpdateUser(%s): %v", id, err)
	}
	return changed
}

func lastSuperuserStays(t *testing.T, in Instance) {
	h := need[house](t, in.Store)
	a, b := newUser("a"), newUser("b")
	a.Superuser, b.Superuser = true, true
	boss, other := createUser(t, h, a), createUser(t, h, b)
	createUser(t, h, newUser("c"))
	update(t, h, other.ID, watchword.UserChange{Superuser: ptr(false), NotLast: true}, 0)
	for name, c := range map[string]watchword.UserChange{
		"demoted": {Superuser: ptr(false), NotLast: true}, "disabled": {Active: ptr(false), NotLast: true},
	} {
		_, err := h.UpdateUser(t.Context(), boss.ID, c, 0, until, base)
		wantCode(t, "UpdateUser: the last superuser is "+name, err, watchword.PermissionDenied)
	}
	if u, err := h.UserByID(t.Context(), boss.ID); err != nil || !u.Superuser || !u.Active || u.Version != boss.Version {
		t.Errorf("the refused changes left %+v, %v", u, err)
	}
	update(t, h, boss.ID, watchword.UserChange{FirstName: ptr("B"), Active: ptr(true), NotLast: true}, 0)
	update(t, h, other.ID, watchword.UserChange{Superuser: ptr(true), Active: ptr(false)}, 0) // a superuser, but not an active one
	_, err := h.UpdateUser(t.Context(), boss.ID, watchword.UserChange{Superuser: ptr(false), NotLast: true}, 0, until, base)
	wantCode(t, "UpdateUser where the other is disabled", err, watchword.PermissionDenied)
	update(t, h, boss.ID, watchword.UserChange{Superuser: ptr(false)}, 0)
}

func changesNameTheirVersion(t *testing.T, in Instance) {
	h := need[house](t, in.Store)
	u := createUser(t, h, newUser("a"))
	moved := update(t, h, u.ID, watchword.UserChange{PasswordHash: ptr("new"), IfVersion: u.Version}, 0)
	if moved.Version == u.Version {
		t.Fatalf("a new password left the version at %d", moved.Version)
	}
	s, err := h.CreateSession(t.Context(), ownSession(moved))
	wantCode(t, "CreateSession", err, watchword.Internal)
	_, err = h.UpdateUser(t.Context(), u.ID, watchword.UserChange{PasswordHash: ptr("stale"), IfVersion: u.Version}, 0, until, base)
	wantCode(t, "UpdateUser of an old version", err, watchword.Conflict)
	if _, hash, err := h.UserByLogin(t.Context(), u.Login); hash != "new" || err != nil {
		t.Errorf("the hash is %q, %v", hash, err)
	}
	if s, err := h.Session(t.Context(), s.Number); err != nil || !s.EndedAt.IsZero() {
		t.Errorf("the refused change ended a session: %+v, %v", s, err)
	}
}

func changesAreExact(t *testing.T, in Instance) {
	h := need[house](t, in.Store)
	want := createUser(t, h, newUser("ada"))
	steps := []struct {
		name   string
		change watchword.UserChange
		apply  func(u *watchword.User)
	}{
		{"nothing", watchword.UserChange{}, func(*watchword.User) {}},
		{"phone", watchword.UserChange{Phone: ptr("")}, func(u *watchword.User) { u.Phone = "" }},
		{"names", watchword.UserChange{FirstName: ptr("Augusta"), LastName: ptr("King"), Location: ptr("Surrey")}, func(u *watchword.User) {
			u.FirstName, u.LastName, u.Location = "Augusta", "King", "Surrey"
		}},
		{"login", watchword.UserChange{Login: ptr("Lady"), Email: ptr("")}, func(u *watchword.User) { u.Login, u.Email = "Lady", "" }},
		{"flags", watchword.UserChange{Staff: ptr(false), Superuser: ptr(true)}, func(u *watchword.User) { u.Staff, u.Superuser = false, true }},
		{"lists", watchword.UserChange{Groups: ptr([]string{"x", "y"}), Permissions: ptr([]string(nil)), Scopes: ptr([]string{"a b"})}, func(u *watchword.User) {
			u.Groups, u.Permissions, u.Scopes = []string{"x", "y"}, nil, []string{"a b"}
		}},
		{"extra", watchword.UserChange{Extra: ptr([]byte(`{"a":"é"}`))}, func(u *watchword.User) { u.Extra = []byte(`{"a":"é"}`) }},
		{"enable the enabled", watchword.UserChange{Active: ptr(true)}, func(*watchword.User) {}},
		{"password", watchword.UserChange{PasswordHash: ptr("new")}, func(u *watchword.User) { u.Version = 2 }},
		{"disable", watchword.UserChange{Active: ptr(false)}, func(u *watchword.User) { u.Active, u.Version = false, 3 }},
		{"enable", watchword.UserChange{Active: ptr(true)}, func(u *watchword.User) { u.Active = true }},
	}
	for _, step := range steps {
		step.apply(&want)
		wantEqual(t, step.name, update(t, h, want.ID, step.change, 0), want)
		found, err := h.UserByID(t.Context(), want.ID)
		wantCode(t, "UserByID", err, watchword.Internal)
		wantEqual(t, step.name+", found", found, want)
	}
	if _, hash, err := h.UserByLogin(t.Context(), "lady"); hash != "new" || err != nil {
		t.Errorf("the hash is %q, %v, want the new one", hash, err)
	}
}
