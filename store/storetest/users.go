package storetest

import (
	"errors"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/watchword-auth/watchword"
)

// Users is the contract of [watchword.UserAdmin], [watchword.PasswordUsers],
// [watchword.HashSampler] and [watchword.LoginRecorder], and of
// [watchword.Sessions] where the store keeps the session's user itself.
func Users(t *testing.T, open Open) {
	check(t, open, []contract{
		{
			"what is created is found", "A user comes back by id, login and address as he was created.",
			userIsFound,
		}, {
			"what changes is told", "Making, changing and deleting a user leave a fact about his record, refused changes and sign-ins none; the last about each user is kept.",
			recordsAreTold,
		}, {
			"ids count up", "Ids are decimal numbers in order of creation; a refused user takes none.",
			idsCountUp,
		}, {
			"ids are never used again", "The id of a deleted user names nobody else, the newest's included: old tokens bear it.",
			idsAreNotReused,
		}, {
			"an id may be brought along", "Imports keep the ids of their origin, and later ones count on from there.",
			idsOfImports,
		}, {
			"ids are canonical", "Only the canonical decimal is an id: else one user has two subjects.",
			idsAreCanonical,
		}, {
			"one name space", "Logins and addresses share one case-folded name space, so that what is typed means one user.",
			oneNameSpace,
		}, {
			"names move and are freed", "A changed or deleted name is free again, and only then.",
			namesMove,
		}, {
			"changes change what they name", "Fields that a change does not name stay as they are.",
			changesAreExact,
		}, {
			"a change may name its version", "A change that was decided upon another version of the user changes nothing.",
			changesNameTheirVersion,
		}, {
			"the last superuser stays", "A change that says NotLast leaves an active superuser, or changes nothing.",
			lastSuperuserStays,
		}, {
			"a new password ends sessions", "A new password ends the user's sessions but the one kept, with facts, and moves the version on.",
			passwordEnds,
		}, {
			"disabling ends sessions", "Disabling ends every session, and enabling again opens none.",
			disablingEnds,
		}, {
			"deleting ends sessions", "Deleting a user ends his sessions with facts.",
			deletingEnds,
		}, {
			"changed rights make claims stale", "Changed rights end nothing; facts say which tokens are stale.",
			rightsAreFacts,
		}, {
			"changed rights reach issued tokens", "The fact about an issued token's session lives as long as the token.",
			rightsOfIssued,
		}, {
			"ending reaches what was purged", "The fact about a user covers every number given out so far, purged ones too: their access tokens may live.",
			endingReachesThePurged,
		}, {
			"a session needs its user", "A session of a user who is gone, disabled or of another version is not made.",
			sessionNeedsUser,
		}, {
			"a session falls with its user", "A session whose user is gone ends at its refresh; one whose user is kept elsewhere is not judged by our users.",
			sessionFallsWithUser,
		}, {
			"sign-in against password change", "Of sessions made while the password changes, none of the old version survives.",
			signInRacesPassword,
		}, {
			"an upgrade loses against a change", "A hash is swapped only where the old one stands, and moves no version.",
			swapHash,
		}, {
			"one sample of each class", "Every class of hash in the table is sampled once.",
			hashSamples,
		}, {
			"sign-ins are recorded", "The time of the last sign-in is kept.",
			recordLogin,
		}, {
			"lists go on after an id", "Users are listed in order of creation, page by page.",
			listUsers,
		},
	})
}

// house is a store that keeps users and their sessions.
type house interface {
	watchword.Store
	watchword.UserAdmin
	watchword.PasswordUsers
}

const aHash = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$3q2+78r+ur7erb7vyv66vt6tvu/K/rq+3q2+78r+ur4"

func newUser(login string) watchword.NewUser {
	return watchword.NewUser{
		User: watchword.User{
			Login: login, Email: login + "@Example.com", FirstName: "Ada", LastName: "Lovelace",
			Phone: "+44 1", Location: "London", Active: true, Staff: true,
			CreatedAt: base, LastLoginAt: base.Add(-time.Hour),
			Groups: []string{"staff"}, Permissions: []string{"app.view", "app.add"}, Scopes: []string{"read"},
			Extra: []byte(`{"car":42}`),
		},
		PasswordHash: aHash,
	}
}

func createUser(t *testing.T, u watchword.UserAdmin, n watchword.NewUser) watchword.User {
	t.Helper()
	made, err := u.CreateUser(t.Context(), n)
	if err != nil {
		t.Fatalf("CreateUser(%s): %v", n.Login, err)
	}
	return made
}

func userIsFound(t *testing.T, in Instance) {
	h := need[house](t, in.Store)
	n := newUser("Ada")
	made := createUser(t, h, n)
	want := n.User
	want.ID, want.Version = "1", 1
	wantEqual(t, "created", made, want)
	byID, err := h.UserByID(t.Context(), "1")
	wantCode(t, "UserByID", err, watchword.Internal)
	wantEqual(t, "by id", byID, want)
	for _, login := range []string{"Ada", "ada", "ADA@example.COM"} {
		u, hash, err := h.UserByLogin(t.Context(), login)
		wantCode(t, "UserByLogin "+login, err, watchword.Internal)
		wantEqual(t, "by login "+login, u, want)
		wantEqual(t, "hash", hash, aHash)
	}
	bare := createUser(t, h, watchword.NewUser{User: watchword.User{Login: "bare", Groups: []string{}}})
	if bare.CreatedAt.IsZero() || bare.Active || bare.Groups != nil || bare.Extra != nil || bare.Version != 1 {
		t.Errorf("a bare user came back as %+v", bare)
	}
	found, hash, err := h.UserByLogin(t.Context(), "bare")
	wantCode(t, "UserByLogin bare", err, watchword.Internal)
	wantEqual(t, "bare", found, bare)
	wantEqual(t, "bare hash", hash, "")
	for _, login := range []string{"", "nobody", "ada ", " ada", "1"} {
		_, _, err := h.UserByLogin(t.Context(), login)
		wantCode(t, "UserByLogin "+strconv.Quote(login), err, watchword.NotFound)
	}
}

func idsCountUp(t *testing.T, in Instance) {
	h := need[house](t, in.Store)
	for i := 1; i <= 3; i++ {
		if got := createUser(t, h, newUser("user"+strconv.Itoa(i))).ID; got != strconv.Itoa(i) {
			t.Fatalf("id %q, want %d", got, i)
		}
	}
	_, err := h.CreateUser(t.Context(), newUser("USER2"))
	wantCode(t, "CreateUser of a taken login", err, watchword.Conflict)
	if got := createUser(t, h, newUser("user4")).ID; got != "4" {
		t.Errorf("id %q after a refusal, want 4", got)
	}
}

func idsAreNotReused(t *testing.T, in Instance) {
	h := need[house](t, in.Store)
	createUser(t, h, newUser("a"))
	newest := createUser(t, h, newUser("b"))
	if err := h.DeleteUser(t.Context(), newest.ID, until, base); err != nil {
		t.Fatal(err)
	}
	if got := createUser(t, h, newUser("b")).ID; got != "3" {
		t.Errorf("id %q after the newest was deleted, want 3", got)
	}
	again := newUser("c")
	again.ID = newest.ID
	_, err := h.CreateUser(t.Context(), again)
	wantCode(t, "CreateUser with the id of a deleted user", err, watchword.Conflict)
}

func idsOfImports(t *testing.T, in Instance) {
	h := need[house](t, in.Store)
	for _, id := range []string{"41", "7"} {
		n := newUser("user" + id)
		n.ID = id
		if got := createUser(t, h, n).ID; got != id {
			t.Fatalf("id %q, want %q", got, id)
		}
	}
	n := newUser("other")
	n.ID = "7"
	_, err := h.CreateUser(t.Context(), n)
	wantCode(t, "CreateUser with a taken id", err, watchword.Conflict)
	if got := createUser(t, h, newUser("next")).ID; got != "42" {
		t.Errorf("the next id is %q, want 42", got)
	}
}

func idsAreCanonical(t *testing.T, in Instance) {
	h := need[house](t, in.Store)
	createUser(t, h, newUser("a"))
	for _, id := range []string{"", "01", "+1", "1 ", "-1", "0", "1.0", "1e0", "one", "99999999999999999999"} {
		_, err := h.UserByID(t.Context(), id)
		wantCode(t, "UserByID "+strconv.Quote(id), err, watchword.NotFound)
		_, err = h.UpdateUser(t.Context(), id, watchword.UserChange{Phone: ptr("1")}, 0, until, base)
		wantCode(t, "UpdateUser "+strconv.Quote(id), err, watchword.NotFound)
		wantCode(t, "DeleteUser", h.DeleteUser(t.Context(), id, until, base), watchword.NotFound)
		wantCode(t, "SwapPasswordHash", h.SwapPasswordHash(t.Context(), id, aHash, "x"), watchword.NotFound)
		s := ownSession(watchword.User{ID: id, Version: 1})
		_, err = h.CreateSession(t.Context(), s)
		wantCode(t, "CreateSession", err, watchword.UserDisabled)
		if id == "" {
			continue // the next free one
		}
		n := newUser("b")
		n.ID = id
		_, err = h.CreateUser(t.Context(), n)
		wantCode(t, "CreateUser "+strconv.Quote(id), err, watchword.InvalidRequest)
	}
}

func oneNameSpace(t *testing.T, in Instance) {
	h := need[house](t, in.Store)
	named := func(login, email string) watchword.NewUser {
		return watchword.NewUser{User: watchword.User{Login: login, Email: email, Active: true}}
	}
	for _, tt := range []struct {
		login, email string
		want         watchword.Code
	}{
		{"ada", "ada@example.com", watchword.Internal},
		{"ADA", "other@example.com", watchword.Conflict},
		{"other", "Ada@Example.com", watchword.Conflict},
		{"ada@EXAMPLE.com", "", watchword.Conflict}, // somebody's address as a login
		{"other", "ada", watchword.Conflict},        // and the reverse
		{"same@example.com", "SAME@example.com", watchword.Internal},
		{"no-address", "", watchword.Internal},
		{"no-address-2", "", watchword.Internal},
		{"", "only@example.com", watchword.Internal},
		{"\u212Aarl", "", watchword.Internal}, // the Kelvin sign
		{"karl", "", watchword.Conflict},
	} {
		_, err := h.CreateUser(t.Context(), named(tt.login, tt.email))
		wantCode(t, "CreateUser "+tt.login+" "+tt.email, err, tt.want)
	}
	_, err := h.UpdateUser(t.Context(), "1", watchword.UserChange{Email: ptr("ONLY@example.com")}, 0, until, base)
	wantCode(t, "UpdateUser to a taken address", err, watchword.Conflict)
	u, err := h.UserByID(t.Context(), "1")
	if err != nil || u.Email != "ada@example.com" {
		t.Errorf("after a refused change the address is %q, %v", u.Email, err)
	}
	var mu sync.Mutex
	made := 0
	together(20, func(i int) {
		_, err := h.CreateUser(t.Context(), named([]string{"race", "RACE"}[i%2], ""))
		mu.Lock()
		defer mu.Unlock()
		if err == nil {
			made++
		} else if !errors.Is(err, watchword.Conflict) {
			t.Errorf("CreateUser: %v", err)
		}
	})
	if made != 1 {
		t.Errorf("%d users got the same login, want 1", made)
	}
}

func namesMove(t *testing.T, in Instance) {
	h := need[house](t, in.Store)
	a, b := createUser(t, h, newUser("a")), createUser(t, h, newUser("b"))
	update(t, h, a.ID, watchword.UserChange{Login: ptr("A")}, 0) // his own in another case
	update(t, h, a.ID, watchword.UserChange{Login: ptr("c")}, 0)
	update(t, h, b.ID, watchword.UserChange{Login: ptr("a")}, 0)
	if err := h.DeleteUser(t.Context(), a.ID, until, base); err != nil {
		t.Fatal(err)
	}
	update(t, h, b.ID, watchword.UserChange{Email: ptr("C")}, 0)
	for login, want := range map[string]string{"a": b.ID, "c": b.ID, "b": "", "a@example.com": "", "b@example.com": ""} {
		u, _, err := h.UserByLogin(t.Context(), login)
		if u.ID != want || (want == "") != errors.Is(err, watchword.NotFound) {
			t.Errorf("UserByLogin(%q) = %q, %v, want %q", login, u.ID, err, want)
		}
	}
}

func recordLogin(t *testing.T, in Instance) {
	h := need[house](t, in.Store)
	r := need[watchword.LoginRecorder](t, in.Store)
	want := createUser(t, h, newUser("ada"))
	want.LastLoginAt = base.Add(time.Minute)
	if err := r.RecordLogin(t.Context(), want.ID, want.LastLoginAt); err != nil {
		t.Fatal(err)
	}
	got, err := h.UserByID(t.Context(), want.ID)
	wantCode(t, "UserByID", err, watchword.Internal)
	wantEqual(t, "the user", got, want)
	wantCode(t, "RecordLogin of nobody", r.RecordLogin(t.Context(), "99", base), watchword.NotFound)
}

func listUsers(t *testing.T, in Instance) {
	h := need[house](t, in.Store)
	var want []watchword.User
	for i := range 12 {
		want = append(want, createUser(t, h, newUser("user"+strconv.Itoa(i))))
	}
	if err := h.DeleteUser(t.Context(), "5", until, base); err != nil {
		t.Fatal(err)
	}
	want = slices.Delete(want, 4, 5)
	var got []watchword.User
	after := ""
	for {
		page, err := h.ListUsers(t.Context(), after, 4)
		if err != nil || len(page) > 4 {
			t.Fatalf("ListUsers(%q) = %d users, %v", after, len(page), err)
		}
		if len(page) == 0 {
			break
		}
		got = append(got, page...)
		after = page[len(page)-1].ID
	}
	wantEqual(t, "users", got, want)
	all, err := h.ListUsers(t.Context(), "", 0)
	if err != nil || len(all) != len(want) {
		t.Errorf("ListUsers without a limit = %d users, %v, want %d", len(all), err, len(want))
	}
}
