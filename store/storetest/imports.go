package storetest

import (
	"strconv"
	"testing"

	"github.com/watchword-auth/watchword"
)

// Imports is the contract of [watchword.UserImporter].
func Imports(t *testing.T, open Open) {
	check(t, open, []contract{
		{
			"who is taken over is a user", "An imported user is found, listed and signs in like any other, with the id of the origin.",
			importedIsFound,
		}, {
			"all or none", "Of a batch of which one user cannot be kept nothing stays, no name and no key.",
			importsAllOrNone,
		}, {
			"what is here is told", "Before anything is written the store tells who is here by key, id, login and address.",
			importsAreMatched,
		}, {
			"a key outlives its user", "Who was taken over and deleted here does not come back unseen.",
			importedAndDeleted,
		}, {
			"keys can be noted", "A user who is here already is remembered under a key, and a digest replaced.",
			importsAreNoted,
		}, {
			"sources are apart", "The same key of another source is somebody else.",
			sourcesAreApart,
		}, {
			"more than a page", "Any number of users is matched and kept at once.",
			importsAreMany,
		}, {
			"ids can be skipped", "Ids that another system has given out name nobody who is added later.",
			idsAreSkipped,
		},
	})
}

type importer interface {
	house
	watchword.UserImporter
}

func imported(key, id, login string) watchword.ImportedUser {
	n := newUser(login)
	n.ID = id
	return watchword.ImportedUser{NewUser: n, Key: key, Digest: []byte("digest of " + login)}
}

func importUsers(t *testing.T, s importer, users ...watchword.ImportedUser) []watchword.User {
	t.Helper()
	made, err := s.ImportUsers(t.Context(), "old", users)
	if err != nil || len(made) != len(users) {
		t.Fatalf("ImportUsers = %d users, %v, want %d", len(made), err, len(users))
	}
	told := ""
	if len(made) == 1 {
		told = made[0].ID
	}
	all := allFacts(t, need[watchword.Facts](t, s))
	if len(made) > 0 && (len(all) == 0 || all[len(all)-1].Kind != watchword.ProfileFact || all[len(all)-1].ID != told) {
		t.Errorf("ImportUsers of %d left the facts %+v, want one about the record of %q at the end", len(made), all, told)
	}
	return made
}

func match(t *testing.T, s importer, users ...watchword.ImportedUser) []watchword.ImportMatch {
	t.Helper()
	found, err := s.MatchImports(t.Context(), "old", users)
	if err != nil || len(found) != len(users) {
		t.Fatalf("MatchImports = %d matches, %v, want %d", len(found), err, len(users))
	}
	return found
}

func importedIsFound(t *testing.T, in Instance) {
	s := need[importer](t, in.Store)
	made := importUsers(t, s, imported("70", "70", "ada"), imported("x", "", "bob"))
	want := newUser("ada").User
	want.ID, want.Version = "70", 1
	wantEqual(t, "the user made", made[0], want)
	if made[1].ID != "71" {
		t.Errorf("the id after 70 is %s", made[1].ID)
	}
	u, hash, err := s.UserByLogin(t.Context(), "ADA@example.com")
	wantCode(t, "UserByLogin", err, watchword.Internal)
	wantEqual(t, "the user found", u, want)
	if hash != aHash {
		t.Errorf("the hash is %q", hash)
	}
	if next := createUser(t, s, newUser("eve")); next.ID != "72" {
		t.Errorf("the next user is %s, want 72", next.ID)
	}
	samples, err := need[watchword.HashSampler](t, in.Store).HashSamples(t.Context())
	if err != nil || len(samples) != 1 {
		t.Errorf("HashSamples = %d, %v, want one", len(samples), err)
	}
}

func importsAllOrNone(t *testing.T, in Instance) {
	s := need[importer](t, in.Store)
	createUser(t, s, newUser("ann"))
	gone := createUser(t, s, newUser("gone"))
	if err := s.DeleteUser(t.Context(), gone.ID, until, base); err != nil {
		t.Fatal(err)
	}
	importUsers(t, s, imported("9", "9", "nine"))
	noKey, noID := imported("", "8", "eight"), imported("8", "08", "eight")
	sameAddress := imported("8", "8", "eight")
	sameAddress.Email = "ANN"
	for _, tt := range []struct {
		name string
		bad  watchword.ImportedUser
		want watchword.Code
	}{
		{"id taken", imported("1", "1", "one"), watchword.Conflict},
		{"id of who is gone", imported("2", gone.ID, "two"), watchword.Conflict},
		{"login taken", imported("8", "8", "Ann"), watchword.Conflict},
		{"address is another's login", sameAddress, watchword.Conflict},
		{"key taken", imported("9", "8", "eight"), watchword.Conflict},
		{"login twice", imported("8", "8", "FRESH"), watchword.Conflict},
		{"no key", noKey, watchword.InvalidRequest},
		{"no id", noID, watchword.InvalidRequest},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := s.ImportUsers(t.Context(), "old", []watchword.ImportedUser{imported("5", "5", "fresh"), tt.bad})
			wantCode(t, "ImportUsers", err, tt.want)
			users, err := s.ListUsers(t.Context(), "", 0)
			if err != nil || len(users) != 2 {
				t.Errorf("%d users are here, %v, want 2", len(users), err)
			}
			wantEqual(t, "the match", match(t, s, imported("5", "5", "fresh"))[0], watchword.ImportMatch{})
		})
	}
	importUsers(t, s, imported("5", "5", "fresh")) // the names are free
	if next := createUser(t, s, newUser("next")); next.ID != "10" {
		t.Errorf("the next user is %s, want 10", next.ID)
	}
}

func importsAreMatched(t *testing.T, in Instance) {
	s := need[importer](t, in.Store)
	ann := createUser(t, s, newUser("ann"))
	bob := importUsers(t, s, imported("k7", "", "bob"))[0]
	gone := createUser(t, s, newUser("gone"))
	if err := s.DeleteUser(t.Context(), gone.ID, until, base); err != nil {
		t.Fatal(err)
	}
	known := watchword.Import{Key: "k7", UserID: bob.ID, Digest: []byte("digest of bob")}
	crossed := imported("k9", "", "ANN@EXAMPLE.COM")
	crossed.Email = "Bob"
	for _, tt := range []struct {
		name string
		user watchword.ImportedUser
		want watchword.ImportMatch
	}{
		{"nobody", imported("k1", "99", "nobody"), watchword.ImportMatch{}},
		{"by key", imported("k7", "", "robert"), watchword.ImportMatch{Known: known, User: bob, PasswordHash: aHash}},
		{"by key before id", imported("k7", ann.ID, "robert"), watchword.ImportMatch{Known: known, User: bob, PasswordHash: aHash}},
		{"by id", imported("k2", ann.ID, "annie"), watchword.ImportMatch{User: ann, PasswordHash: aHash}},
		{"by id of who is gone", imported("k3", gone.ID, "gone"), watchword.ImportMatch{Gone: true}},
		{"by names", imported("k4", "", "Ann"), watchword.ImportMatch{LoginOf: ann.ID, EmailOf: ann.ID}},
		{"by names of others", crossed, watchword.ImportMatch{LoginOf: ann.ID, EmailOf: bob.ID}},
	} {
		wantEqual(t, tt.name, match(t, s, tt.user)[0], tt.want)
	}
}

func importedAndDeleted(t *testing.T, in Instance) {
	s := need[importer](t, in.Store)
	importUsers(t, s, imported("5", "5", "ann"))
	if err := s.DeleteUser(t.Context(), "5", until, base); err != nil {
		t.Fatal(err)
	}
	want := watchword.ImportMatch{Known: watchword.Import{Key: "5", UserID: "5", Digest: []byte("digest of ann")}, Gone: true}
	wantEqual(t, "the match", match(t, s, imported("5", "5", "ann"))[0], want)
}

func importsAreNoted(t *testing.T, in Instance) {
	s := need[importer](t, in.Store)
	ann := createUser(t, s, newUser("ann"))
	for _, digest := range []string{"one", "two"} {
		note := watchword.Import{Key: "a", UserID: ann.ID, Digest: []byte(digest)}
		wantCode(t, "NoteImports", s.NoteImports(t.Context(), "old", []watchword.Import{note}), watchword.Internal)
		wantEqual(t, "the note", match(t, s, imported("a", "", "x"))[0].Known, note)
	}
	err := s.NoteImports(t.Context(), "old", []watchword.Import{{Key: "b", UserID: ann.ID}, {Key: "c", UserID: "no"}})
	wantCode(t, "NoteImports of no id", err, watchword.InvalidRequest)
	wantEqual(t, "what it left", match(t, s, imported("b", "", "x"))[0].Known, watchword.Import{})
}

func sourcesAreApart(t *testing.T, in Instance) {
	s := need[importer](t, in.Store)
	importUsers(t, s, imported("1", "", "ann"))
	found, err := s.MatchImports(t.Context(), "other", []watchword.ImportedUser{imported("1", "", "bob")})
	if err != nil || found[0].Known.Key != "" {
		t.Errorf("another source's key is known: %+v, %v", found, err)
	}
	if _, err := s.ImportUsers(t.Context(), "other", []watchword.ImportedUser{imported("1", "", "bob")}); err != nil {
		t.Error(err)
	}
}

func importsAreMany(t *testing.T, in Instance) {
	s := need[importer](t, in.Store)
	var users []watchword.ImportedUser
	for i := 1; i <= 300; i++ {
		n := strconv.Itoa(i)
		users = append(users, imported(n, n, "user"+n))
	}
	made := importUsers(t, s, users[:200]...)
	for i, m := range match(t, s, users...) {
		switch {
		case i >= 200 && (m.Known.Key != "" || m.User.ID != "" || m.LoginOf != ""):
			t.Fatalf("user %d is here: %+v", i+1, m)
		case i < 200:
			want := watchword.ImportMatch{
				Known: watchword.Import{Key: users[i].Key, UserID: users[i].ID, Digest: users[i].Digest},
				User:  made[i], PasswordHash: aHash, LoginOf: users[i].ID, EmailOf: users[i].ID,
			}
			wantEqual(t, "match of user "+users[i].ID, m, want)
		}
	}
	if none, err := s.MatchImports(t.Context(), "old", nil); err != nil || len(none) != 0 {
		t.Errorf("MatchImports of nobody = %v, %v", none, err)
	}
}

func idsAreSkipped(t *testing.T, in Instance) {
	s := need[importer](t, in.Store)
	for _, last := range []int64{40, 7} {
		wantCode(t, "SkipUserIDs", s.SkipUserIDs(t.Context(), last), watchword.Internal)
	}
	importUsers(t, s, imported("3", "3", "three"))
	if next := createUser(t, s, newUser("next")); next.ID != "41" {
		t.Errorf("the next user is %s, want 41", next.ID)
	}
}
