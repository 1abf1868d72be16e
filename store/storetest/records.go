package storetest

import (
	"errors"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/watchword-auth/watchword"
)

// Keys is the contract of [watchword.KeyStore] and [watchword.Meta].
func Keys(t *testing.T, open Open) {
	check(t, open, []contract{
		{
			"a ring comes back", "The records of a ring come back as they were put, and rings do not mix.",
			ringComesBack,
		}, {
			"one of two changes wins", "Of two who change a ring at once one gets Conflict and reads again.",
			ringVersions,
		}, {
			"values are kept", "A small value comes back as it was set last.",
			metaIsKept,
		},
	})
}

func ringComesBack(t *testing.T, in Instance) {
	k := need[watchword.KeyStore](t, in.Store)
	records, version, err := k.Keys(t.Context(), "native")
	if len(records) != 0 || version != 0 || err != nil {
		t.Fatalf("Keys of an empty store = %v, %d, %v", records, version, err)
	}
	want := []watchword.KeyRecord{
		{ID: "b", Algorithm: "ES256", State: "active", Sealed: []byte{0, 1, 255}, CreatedAt: base, StateAt: base.Add(time.Hour)},
		{ID: "a", Algorithm: "RS256", State: "retiring", Imported: true, Sealed: []byte("x"), CreatedAt: base, StateAt: base},
	}
	for version, records := range [][]watchword.KeyRecord{want[:1], want} {
		if err := k.PutKeys(t.Context(), "native", int64(version), records, until, base); err != nil {
			t.Fatal(err)
		}
	}
	other := []watchword.KeyRecord{{ID: "a", Algorithm: "HS256", State: "next", Sealed: []byte("y"), CreatedAt: base, StateAt: base}}
	if err := k.PutKeys(t.Context(), "djwto", 0, other, until, base); err != nil {
		t.Fatal(err)
	}
	records, version, err = k.Keys(t.Context(), "native")
	if version != 2 || err != nil {
		t.Errorf("version %d, %v, want 2", version, err)
	}
	wantEqual(t, "native", records, want)
	records, _, err = k.Keys(t.Context(), "djwto")
	wantCode(t, "Keys", err, watchword.Internal)
	wantEqual(t, "djwto", records, other)
	if f, ok := in.Store.(watchword.Facts); ok {
		fact := watchword.Fact{Kind: watchword.KeyFact, Until: until}
		wantFacts(t, f, fact, fact, fact)
	}
}

func ringVersions(t *testing.T, in Instance) {
	k := need[watchword.KeyStore](t, in.Store)
	for version := range int64(5) {
		var mu sync.Mutex
		wins := 0
		together(8, func(i int) {
			err := k.PutKeys(t.Context(), "native", version, []watchword.KeyRecord{{ID: strconv.Itoa(i), CreatedAt: base, StateAt: base}}, until, base)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				wins++
			} else if !errors.Is(err, watchword.Conflict) {
				t.Errorf("PutKeys: %v", err)
			}
		})
		if wins != 1 {
			t.Errorf("%d changes of version %d were taken, want 1", wins, version)
		}
	}
	wantCode(t, "PutKeys ahead", k.PutKeys(t.Context(), "native", 9, nil, until, base), watchword.Conflict)
	if records, version, err := k.Keys(t.Context(), "native"); len(records) != 1 || version != 5 || err != nil {
		t.Errorf("Keys = %v, %d, %v, want one record at version 5", records, version, err)
	}
}

func metaIsKept(t *testing.T, in Instance) {
	m := need[watchword.Meta](t, in.Store)
	_, err := m.Meta(t.Context(), "name")
	wantCode(t, "Meta of a name never set", err, watchword.NotFound)
	for _, value := range []string{"one", "two\x00", "one"} {
		if err := m.SetMeta(t.Context(), "name", []byte(value)); err != nil {
			t.Fatal(err)
		}
		got, err := m.Meta(t.Context(), "name")
		if string(got) != value || err != nil {
			t.Errorf("Meta = %q, %v, want %q", got, err, value)
		}
	}
}

// Clients is the contract of [watchword.Clients].
func Clients(t *testing.T, open Open) {
	check(t, open, []contract{
		{
			"a client comes back", "Clients come back as they were created, listed by name.",
			clientComesBack,
		}, {
			"names and ids are taken once", "A second client of the name or the id is a Conflict.",
			clientIsUnique,
		}, {
			"secrets are replaced", "A new secret's hash replaces the old one, and a deleted client is gone.",
			clientSecret,
		},
	})
}

func newClient(id, name string) watchword.ClientRecord {
	return watchword.ClientRecord{
		ID: id, Name: name, SecretHash: []byte("hash of " + name), Scopes: []string{"revocations"}, UserFields: []string{"email", "extra"}, CreatedAt: base,
	}
}

func createClient(t *testing.T, c watchword.Clients, record watchword.ClientRecord) {
	t.Helper()
	if err := c.CreateClient(t.Context(), record); err != nil {
		t.Fatalf("CreateClient(%s): %v", record.Name, err)
	}
}

func clientComesBack(t *testing.T, in Instance) {
	c := need[watchword.Clients](t, in.Store)
	if all, err := c.ListClients(t.Context()); len(all) != 0 || err != nil {
		t.Fatalf("ListClients of an empty store = %v, %v", all, err)
	}
	cars, bikes := newClient("id-1", "cars"), newClient("id-2", "bikes")
	bikes.Scopes = nil
	createClient(t, c, cars)
	createClient(t, c, bikes)
	for _, want := range []watchword.ClientRecord{cars, bikes} {
		got, err := c.ClientByID(t.Context(), want.ID)
		wantCode(t, "ClientByID", err, watchword.Internal)
		wantEqual(t, want.Name, got, want)
	}
	_, err := c.ClientByID(t.Context(), "cars")
	wantCode(t, "ClientByID of a name", err, watchword.NotFound)
	all, err := c.ListClients(t.Context())
	wantCode(t, "ListClients", err, watchword.Internal)
	wantEqual(t, "all", all, []watchword.ClientRecord{bikes, cars})
}

func clientIsUnique(t *testing.T, in Instance) {
	c := need[watchword.Clients](t, in.Store)
	createClient(t, c, newClient("id-1", "cars"))
	wantCode(t, "CreateClient of a taken name", c.CreateClient(t.Context(), newClient("id-2", "cars")), watchword.Conflict)
	wantCode(t, "CreateClient of a taken id", c.CreateClient(t.Context(), newClient("id-1", "bikes")), watchword.Conflict)
	createClient(t, c, newClient("id-2", "Cars"))
}

func clientSecret(t *testing.T, in Instance) {
	c := need[watchword.Clients](t, in.Store)
	want := newClient("id-1", "cars")
	createClient(t, c, want)
	want.SecretHash = []byte{0, 1, 2}
	got, err := c.SetClientSecret(t.Context(), "cars", want.SecretHash)
	wantCode(t, "SetClientSecret", err, watchword.Internal)
	wantEqual(t, "answered", got, want)
	got, err = c.ClientByID(t.Context(), "id-1")
	wantCode(t, "ClientByID", err, watchword.Internal)
	wantEqual(t, "found", got, want)
	_, err = c.SetClientSecret(t.Context(), "bikes", nil)
	wantCode(t, "SetClientSecret of nobody", err, watchword.NotFound)
	wantCode(t, "DeleteClient", c.DeleteClient(t.Context(), "cars"), watchword.Internal)
	wantCode(t, "DeleteClient again", c.DeleteClient(t.Context(), "cars"), watchword.NotFound)
	_, err = c.ClientByID(t.Context(), "id-1")
	wantCode(t, "ClientByID of a deleted one", err, watchword.NotFound)
}

// Audit is the contract of [watchword.AuditLog].
func Audit(t *testing.T, open Open) {
	check(t, open, []contract{
		{
			"entries come back, newest first", "Entries come back as they were appended, newest first, page by page and filtered.",
			auditComesBack,
		}, {
			"old entries are purged", "Purge removes the entries older than the time given, and ids are not used again.",
			auditIsPurged,
		}, {
			"too many entries are trimmed", "TrimAudit leaves the newest entries, as many as it is told, and says how many it removed.",
			auditIsTrimmed,
		},
	})
}

func entry(i int) watchword.AuditEntry {
	return watchword.AuditEntry{
		At: base.Add(time.Duration(i) * time.Minute), Kind: []string{"signed_in", "reused"}[i%2], Profile: "native",
		UserID: strconv.Itoa(i % 3), Login: "ada", Session: int64(i), Address: "192.0.2.7", Device: "curl",
		Code: "token_reused", Actor: []string{"", "", "user:7", "command line"}[i%4], Detail: "generation 3",
	}
}

func appendEntries(t *testing.T, a watchword.AuditLog, from, to int) {
	t.Helper()
	var entries []watchword.AuditEntry
	for i := from; i < to; i++ {
		entries = append(entries, entry(i))
	}
	if err := a.AppendAudit(t.Context(), entries); err != nil {
		t.Fatalf("AppendAudit: %v", err)
	}
}

// listed returns which entries the filter selects.
func listed(t *testing.T, a watchword.AuditLog, f watchword.AuditFilter) []int64 {
	t.Helper()
	found, err := a.ListAudit(t.Context(), f)
	if err != nil {
		t.Fatalf("ListAudit: %v", err)
	}
	var sessions []int64
	for _, e := range found {
		want := entry(int(e.Session))
		want.ID = e.ID
		wantEqual(t, "entry", e, want)
		sessions = append(sessions, e.Session)
	}
	return sessions
}

func auditComesBack(t *testing.T, in Instance) {
	a := need[watchword.AuditLog](t, in.Store)
	appendEntries(t, a, 0, 0)
	appendEntries(t, a, 0, 4)
	appendEntries(t, a, 4, 9)
	wantEqual(t, "all", listed(t, a, watchword.AuditFilter{}), []int64{8, 7, 6, 5, 4, 3, 2, 1, 0})
	wantEqual(t, "a kind", listed(t, a, watchword.AuditFilter{Kind: "reused"}), []int64{7, 5, 3, 1})
	wantEqual(t, "a user", listed(t, a, watchword.AuditFilter{UserID: "2"}), []int64{8, 5, 2})
	wantEqual(t, "both", listed(t, a, watchword.AuditFilter{UserID: "2", Kind: "reused"}), []int64{5})
	wantEqual(t, "an actor", listed(t, a, watchword.AuditFilter{Actor: "user:7"}), []int64{6, 2})
	wantEqual(t, "an actor and a kind", listed(t, a, watchword.AuditFilter{Actor: "command line", Kind: "reused"}), []int64{7, 3})
	wantEqual(t, "nothing", listed(t, a, watchword.AuditFilter{Kind: "none"}), nil)
	since := base.Add(7 * time.Minute)
	wantEqual(t, "since a time", listed(t, a, watchword.AuditFilter{Since: since}), []int64{8, 7})
	wantEqual(t, "all three", listed(t, a, watchword.AuditFilter{Since: since, UserID: "2", Kind: "signed_in"}), []int64{8})
	wantEqual(t, "since the future", listed(t, a, watchword.AuditFilter{Since: since.Add(time.Hour)}), nil)
	first, err := a.ListAudit(t.Context(), watchword.AuditFilter{Limit: 2})
	if err != nil || len(first) != 2 || first[0].ID <= first[1].ID {
		t.Fatalf("ListAudit = %+v, %v, want two, newest first", first, err)
	}
	wantEqual(t, "second page", listed(t, a, watchword.AuditFilter{Limit: 2, Before: first[1].ID}), []int64{6, 5})
}

func auditIsPurged(t *testing.T, in Instance) {
	a := need[watchword.AuditLog](t, in.Store)
	p := need[watchword.Purger](t, in.Store)
	appendEntries(t, a, 0, 1200) // more than a small transaction's worth
	newest, err := a.ListAudit(t.Context(), watchword.AuditFilter{Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	if n, err := p.Purge(t.Context(), base, base, base.Add(1198*time.Minute)); n != 1198 || err != nil {
		t.Fatalf("Purge = %d, %v, want 1198", n, err)
	}
	wantEqual(t, "left", listed(t, a, watchword.AuditFilter{}), []int64{1199, 1198})
	if n, err := p.Purge(t.Context(), base, base, base.Add(9999*time.Minute)); n != 2 || err != nil {
		t.Fatalf("Purge = %d, %v, want 2", n, err)
	}
	appendEntries(t, a, 0, 1)
	after, err := a.ListAudit(t.Context(), watchword.AuditFilter{})
	if err != nil || len(after) != 1 || after[0].ID <= newest[0].ID {
		t.Errorf("after a purge the log is %+v, %v, want one entry with a new id", after, err)
	}
}

func auditIsTrimmed(t *testing.T, in Instance) {
	a := need[watchword.AuditLog](t, in.Store)
	trimmer := need[watchword.AuditTrimmer](t, in.Store)
	trim := func(keep, want int) {
		t.Helper()
		if n, err := trimmer.TrimAudit(t.Context(), keep); n != want || err != nil {
			t.Fatalf("TrimAudit(%d) = %d, %v, want %d", keep, n, err, want)
		}
	}
	trim(0, 0)
	appendEntries(t, a, 0, 1200) // more than a small transaction's worth
	trim(1200, 0)
	trim(9999, 0)
	trim(2, 1198)
	wantEqual(t, "left", listed(t, a, watchword.AuditFilter{}), []int64{1199, 1198})
	trim(0, 2)
	wantEqual(t, "nothing left", listed(t, a, watchword.AuditFilter{}), nil)
	appendEntries(t, a, 7, 8)
	wantEqual(t, "after all", listed(t, a, watchword.AuditFilter{}), []int64{7})
}
