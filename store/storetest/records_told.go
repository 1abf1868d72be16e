package storetest

import (
	"testing"
	"time"

	"github.com/watchword-auth/watchword"
)

// recordsAreTold holds a store to the facts that copies of its users live on.
func recordsAreTold(t *testing.T, in Instance) {
	type store interface {
		watchword.UserAdmin
		watchword.LoginRecorder
		watchword.Facts
	}
	s := need[store](t, in.Store)
	at := base.Add(time.Second)
	told := func(what string, want ...string) {
		t.Helper()
		var got []string
		for _, f := range allFacts(t, s) {
			if f.Kind != watchword.ProfileFact {
				continue
			}
			got = append(got, f.ID)
			if f.Until.Before(at.Add(watchword.ProfileFactLife)) {
				t.Errorf("%s: the fact lives until %v, less than %v", what, f.Until, watchword.ProfileFactLife)
			}
		}
		wantEqual(t, what, got, want)
	}
	ada, err := s.CreateUser(t.Context(), watchword.NewUser{User: watchword.User{Login: "ada", Active: true}})
	wantCode(t, "CreateUser", err, watchword.Internal)
	bob, err := s.CreateUser(t.Context(), watchword.NewUser{User: watchword.User{Login: "bob", Active: true}})
	wantCode(t, "CreateUser", err, watchword.Internal)
	told("two made", ada.ID, bob.ID)

	_, err = s.CreateUser(t.Context(), watchword.NewUser{User: watchword.User{Login: "ADA", Active: true}})
	wantCode(t, "CreateUser(taken)", err, watchword.Conflict)
	_, err = s.UpdateUser(t.Context(), bob.ID, watchword.UserChange{Login: ptr("ada")}, 0, until, at)
	wantCode(t, "UpdateUser(taken)", err, watchword.Conflict)
	wantCode(t, "DeleteUser(nobody)", s.DeleteUser(t.Context(), "77", until, at), watchword.NotFound)
	wantCode(t, "RecordLogin", s.RecordLogin(t.Context(), bob.ID, at), watchword.Internal)
	told("what was refused, and a sign-in", ada.ID, bob.ID)

	_, err = s.UpdateUser(t.Context(), bob.ID, watchword.UserChange{Extra: ptr([]byte(`{"plan":"gold"}`))}, 0, until, at)
	wantCode(t, "UpdateUser", err, watchword.Internal)
	_, err = s.UpdateUser(t.Context(), ada.ID, watchword.UserChange{Staff: ptr(true), Active: ptr(false)}, 0, until, at)
	wantCode(t, "UpdateUser", err, watchword.Internal)
	told("two changed: the last fact about each", bob.ID, ada.ID)

	wantCode(t, "DeleteUser", s.DeleteUser(t.Context(), bob.ID, until, at), watchword.Internal)
	told("one deleted", ada.ID, bob.ID)

	_, last, err := s.FactsSince(t.Context(), watchword.Cursor{}, at, 0)
	wantCode(t, "FactsSince", err, watchword.Internal)
	for _, name := range []string{"Ada", "Augusta", "Ada"} {
		_, err = s.UpdateUser(t.Context(), ada.ID, watchword.UserChange{FirstName: &name}, 0, until, at)
		wantCode(t, "UpdateUser", err, watchword.Internal)
	}
	told("one changed often", bob.ID, ada.ID)
	since, _, err := s.FactsSince(t.Context(), last, at, 0)
	wantCode(t, "FactsSince", err, watchword.Internal)
	wantEqual(t, "after the cursor", since, []watchword.Fact{{Kind: watchword.ProfileFact, ID: ada.ID, Until: at.Add(watchword.ProfileFactLife)}})
}
