package storetest

import (
	"errors"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/watchword-auth/watchword"
)

// People are users under test whom, perhaps, another program keeps.
type People struct {
	Users watchword.PasswordUsers
	// Add puts a user in as the keeper of the table would, and returns the
	// id: names, address, flags, dates and hash; no more is asked for.
	Add func(t *testing.T, n watchword.NewUser) (id string)
	// Change sets hash and Active as the keeper would.
	Change func(t *testing.T, id, hash string, active bool)
}

// PasswordUsers is the contract of [watchword.PasswordUsers] and, where they
// have it, of [watchword.HashSampler] and [watchword.LoginRecorder], for
// users in whatever table.
func PasswordUsers(t *testing.T, open func(t *testing.T) People) {
	for _, c := range []struct {
		name, sentence string
		run            func(t *testing.T, p People)
	}{
		{
			"who is there is found", "A user comes back by id, login and address as he stands in the table.",
			personIsFound,
		}, {
			"nobody else is found", "An id or login that nobody has is NotFound, whatever is in it.",
			nobodyIsFound,
		}, {
			"the disabled are found as such", "Whether somebody may sign in is for the engine to say.",
			disabledIsFound,
		}, {
			"changes move the version", "A new hash and a deactivation each move the version, so that sessions end.",
			changesMoveTheVersion,
		}, {
			"an upgrade loses against a change", "A hash is swapped only where the old one stands.",
			personsHashIsSwapped,
		}, {
			"one sample of each class", "Every class of hash in the table is sampled once.",
			peopleAreSampled,
		}, {
			"sign-ins are recorded", "The time of the last sign-in is kept.",
			personsLoginIsRecorded,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			defer func() {
				if t.Failed() {
					t.Log(c.sentence)
				}
			}()
			c.run(t, open(t))
		})
	}
}

// Hashes of three classes, in a spelling that every table may hold.
const (
	personsHash = "pbkdf2_sha256$600000$c2FsdHNhbHRzYWx0c2FsdA$MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI="
	dearerHash  = "pbkdf2_sha256$1200000$c2FsdHNhbHRzYWx0c2FsdA$MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI="
	otherHash   = "argon2$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$3q2+78r+ur7erb7vyv66vt6tvu/K/rq+3q2+78r+ur4"
)

func person(login string) watchword.NewUser {
	return watchword.NewUser{
		User: watchword.User{
			Login: login, Email: login + "@Example.com", FirstName: "Ada", LastName: "Lovelace", Active: true, Staff: true,
			CreatedAt: base, LastLoginAt: base.Add(-time.Hour),
		},
		PasswordHash: personsHash,
	}
}

func personIsFound(t *testing.T, p People) {
	for _, login := range []string{"ada", "Бетти", "o'hara; --"} {
		n := person(login)
		want := n.User
		want.ID = p.Add(t, n)
		for _, asked := range []string{login, n.Email} {
			got, hash, err := p.Users.UserByLogin(t.Context(), asked)
			wantCode(t, "UserByLogin "+strconv.Quote(asked), err, watchword.Internal)
			want.Version = got.Version
			wantEqual(t, "UserByLogin "+strconv.Quote(asked), got, want)
			if hash != personsHash {
				t.Errorf("hash = %q, want %q", hash, personsHash)
			}
		}
		got, err := p.Users.UserByID(t.Context(), want.ID)
		wantCode(t, "UserByID", err, watchword.Internal)
		wantEqual(t, "UserByID", got, want)
	}
}

func nobodyIsFound(t *testing.T, p People) {
	id := p.Add(t, person("ada"))
	for _, other := range []string{
		"", "0", "-1", "+" + id, "0" + id, id + " ", id + "\x00", "9999", "99999999999", "99999999999999999999", "1.0", "NULL", "ada",
		"00000000-0000-0000-0000-000000000000", "' OR 1=1 --", "\xff",
	} {
		_, err := p.Users.UserByID(t.Context(), other)
		wantCode(t, "UserByID "+strconv.Quote(other), err, watchword.NotFound)
	}
	for _, other := range []string{"", "ad", "ada ", " ada", "ada\x00", "ada\xff", "%", "ad_", "' OR 1=1 --", "@example.com", "\\"} {
		_, _, err := p.Users.UserByLogin(t.Context(), other)
		wantCode(t, "UserByLogin "+strconv.Quote(other), err, watchword.NotFound)
	}
}

func disabledIsFound(t *testing.T, p People) {
	n := person("ada")
	n.Active = false
	id := p.Add(t, n)
	byLogin, hash, err := p.Users.UserByLogin(t.Context(), "ada")
	if err != nil || byLogin.Active || hash != personsHash {
		t.Errorf("UserByLogin = %+v, %q, %v; want the inactive record and its hash", byLogin, hash, err)
	}
	if byID, err := p.Users.UserByID(t.Context(), id); err != nil || byID.Active {
		t.Errorf("UserByID = %+v, %v; want the inactive record", byID, err)
	}
}

func changesMoveTheVersion(t *testing.T, p People) {
	id := p.Add(t, person("ada"))
	seen := make(map[int64]string)
	look := func(when string) {
		t.Helper()
		u, err := p.Users.UserByID(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if was, there := seen[u.Version]; there {
			t.Errorf("%s the version is the one of %s", when, was)
		}
		if u.Version <= 0 {
			t.Errorf("%s the version is %d, want a positive one", when, u.Version)
		}
		seen[u.Version] = when
		byLogin, _, err := p.Users.UserByLogin(t.Context(), "ada")
		if err != nil || byLogin.Version != u.Version {
			t.Errorf("%s the version by login is %d, %v, want %d", when, byLogin.Version, err, u.Version)
		}
	}
	look("at first")
	p.Change(t, id, dearerHash, true)
	look("with another hash")
	p.Change(t, id, dearerHash, false)
	look("deactivated")
}

func personsHashIsSwapped(t *testing.T, p People) {
	id := p.Add(t, person("ada"))
	if err := p.Users.SwapPasswordHash(t.Context(), id, personsHash, otherHash); err != nil {
		t.Fatal(err)
	}
	wantCode(t, "SwapPasswordHash from the old one", p.Users.SwapPasswordHash(t.Context(), id, personsHash, dearerHash), watchword.Conflict)
	for _, other := range []string{"99", "no id", ""} {
		wantCode(t, "SwapPasswordHash of nobody", p.Users.SwapPasswordHash(t.Context(), other, otherHash, dearerHash), watchword.NotFound)
	}
	if _, hash, err := p.Users.UserByLogin(t.Context(), "ada"); err != nil || hash != otherHash {
		t.Errorf("hash = %q, %v; want the first upgrade's", hash, err)
	}
}

func peopleAreSampled(t *testing.T, p People) {
	sampler, ok := p.Users.(watchword.HashSampler)
	if !ok {
		t.Skip("no HashSampler")
	}
	if got, err := sampler.HashSamples(t.Context()); err != nil || len(got) != 0 {
		t.Errorf("samples of an empty table: %q, %v", got, err)
	}
	want := []string{otherHash, dearerHash, personsHash}
	for i, hash := range append(want, personsHash, otherHash, "", "!unusable") {
		n := person("user" + strconv.Itoa(i))
		n.PasswordHash = hash
		p.Add(t, n)
	}
	got, err := sampler.HashSamples(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// One of what is no hash does no harm.
	got = slices.DeleteFunc(got, func(hash string) bool { return watchword.HashClass(hash) == "" })
	slices.Sort(got)
	wantEqual(t, "samples", got, want)
}

func personsLoginIsRecorded(t *testing.T, p People) {
	recorder, ok := p.Users.(watchword.LoginRecorder)
	if !ok {
		t.Skip("no LoginRecorder")
	}
	n := person("ada")
	n.LastLoginAt = time.Time{}
	id := p.Add(t, n)
	at := base.Add(time.Minute)
	if err := recorder.RecordLogin(t.Context(), id, at); err != nil {
		t.Fatal(err)
	}
	if u, err := p.Users.UserByID(t.Context(), id); err != nil || !u.LastLoginAt.Equal(at) {
		t.Errorf("LastLoginAt = %v, %v, want %v", u.LastLoginAt, err, at)
	}
	if err := recorder.RecordLogin(t.Context(), "99", base); !errors.Is(err, watchword.NotFound) {
		t.Errorf("RecordLogin of nobody = %v, want NotFound", err)
	}
}

// Own returns the users of a store that keeps them itself, for the suite
// [PasswordUsers].
func Own(store interface {
	watchword.PasswordUsers
	watchword.UserAdmin
},
) People {
	return People{
		Users: store,
		Add: func(t *testing.T, n watchword.NewUser) string {
			t.Helper()
			u, err := store.CreateUser(t.Context(), n)
			if err != nil {
				t.Fatal(err)
			}
			return u.ID
		},
		Change: func(t *testing.T, id, hash string, active bool) {
			t.Helper()
			_, err := store.UpdateUser(t.Context(), id, watchword.UserChange{PasswordHash: &hash, Active: &active}, 0, until, base)
			if err != nil {
				t.Fatal(err)
			}
		},
	}
}
