package storetest

import (
	"fmt"
	"slices"
	"testing"

	"github.com/watchword-auth/watchword"
)

// Search is the contract of [watchword.UserSearcher].
func Search(t *testing.T, open Open) {
	check(t, open, []contract{
		{
			"a search finds", "A prefix finds logins and addresses in any case, and filters select among those.",
			searchFinds,
		}, {
			"pages have everybody once", "Each user is on one page, however the pages are cut.",
			searchPages,
		}, {
			"cursors are the search's own", "A cursor of another search, or of nobody, is refused and not guessed at.",
			searchCursors,
		},
	})
}

type searching interface {
	watchword.UserAdmin
	watchword.UserSearcher
}

// crowd makes the users that the cases search for.
func crowd(t *testing.T, in Instance) searching {
	s := need[searching](t, in.Store)
	for _, u := range []watchword.User{
		{Login: "Ann", Email: "ann@example.com", Active: true},
		{Login: "bob", Email: "BOSS@example.com", Active: true, Superuser: true},
		{Login: "anna", Email: "zoe@example.com"},
		{Login: "éloïse", Email: "anz@example.com", Active: true, Staff: true},
		{Login: "an", Active: true},
		{Login: "%_", Active: true},
		{Login: "ann\U0010FFFFx", Active: true},
	} {
		if _, err := s.CreateUser(t.Context(), watchword.NewUser{User: u}); err != nil {
			t.Fatalf("CreateUser(%s): %v", u.Login, err)
		}
	}
	return s
}

// found returns the ids that a search finds, by pages of a size, in order.
func found(t *testing.T, s watchword.UserSearcher, f watchword.UserFilter, size int) []string {
	t.Helper()
	var ids []string
	f.Limit, f.After = size, ""
	for range 100 {
		users, next, err := s.FindUsers(t.Context(), f)
		if err != nil || len(users) > size {
			t.Fatalf("FindUsers(%+v) = %d users, %v", f, len(users), err)
		}
		for _, u := range users {
			ids = append(ids, u.ID)
		}
		if next == "" {
			slices.Sort(ids)
			return ids
		}
		if len(users) != size {
			t.Fatalf("FindUsers(%+v) = %d users and another page", f, len(users))
		}
		f.After = next
	}
	t.Fatalf("FindUsers(%+v) has no last page", f)
	return nil
}

// searches are the filters of the cases, and whom each finds.
func searches() []struct {
	filter watchword.UserFilter
	want   []string
} {
	yes, no := ptr(true), ptr(false)
	return []struct {
		filter watchword.UserFilter
		want   []string
	}{
		{watchword.UserFilter{}, []string{"1", "2", "3", "4", "5", "6", "7"}},
		{watchword.UserFilter{Prefix: "ann"}, []string{"1", "3", "7"}},
		{watchword.UserFilter{Prefix: "AN"}, []string{"1", "3", "4", "5", "7"}},
		{watchword.UserFilter{Prefix: "ÉLO"}, []string{"4"}},
		{watchword.UserFilter{Prefix: "boss@"}, []string{"2"}},
		{watchword.UserFilter{Prefix: "%"}, []string{"6"}},
		{watchword.UserFilter{Prefix: "_"}, nil},
		{watchword.UserFilter{Prefix: "ann\U0010FFFF"}, []string{"7"}},
		{watchword.UserFilter{Prefix: "nobody"}, nil},
		{watchword.UserFilter{Ranked: yes}, []string{"2", "4"}},
		{watchword.UserFilter{Ranked: no}, []string{"1", "3", "5", "6", "7"}},
		{watchword.UserFilter{Active: no}, []string{"3"}},
		{watchword.UserFilter{Active: yes}, []string{"1", "2", "4", "5", "6", "7"}},
		{watchword.UserFilter{Ranked: no, Active: no}, []string{"3"}},
		{watchword.UserFilter{Prefix: "an", Ranked: yes}, []string{"4"}},
		{watchword.UserFilter{Prefix: "an", Ranked: no, Active: yes}, []string{"1", "5", "7"}},
		{watchword.UserFilter{Prefix: "an", Active: no}, []string{"3"}},
		{watchword.UserFilter{Prefix: "b", Active: no}, nil},
	}
}

func searchFinds(t *testing.T, in Instance) {
	s := crowd(t, in)
	for _, c := range searches() {
		wantEqual(t, describe(c.filter), found(t, s, c.filter, 100), c.want)
	}
}

func searchPages(t *testing.T, in Instance) {
	s := crowd(t, in)
	for _, c := range searches() {
		for size := 1; size <= 3; size++ {
			wantEqual(t, fmt.Sprintf("%s by %d", describe(c.filter), size), found(t, s, c.filter, size), c.want)
		}
	}
}

func describe(f watchword.UserFilter) string {
	text := fmt.Sprintf("prefix %q", f.Prefix)
	if f.Ranked != nil {
		text += fmt.Sprintf(", ranked %v", *f.Ranked)
	}
	if f.Active != nil {
		text += fmt.Sprintf(", active %v", *f.Active)
	}
	return text
}

func searchCursors(t *testing.T, in Instance) {
	s := crowd(t, in)
	next := func(f watchword.UserFilter) string {
		t.Helper()
		f.Limit = 1
		_, next, err := s.FindUsers(t.Context(), f)
		if err != nil || next == "" {
			t.Fatalf("FindUsers(%+v) = next %q, %v", f, next, err)
		}
		return next
	}
	all, some := next(watchword.UserFilter{}), next(watchword.UserFilter{Prefix: "an"})
	for _, f := range []watchword.UserFilter{
		{After: some},
		{Prefix: "an", After: all},
		{Prefix: "bo", After: some},
		{After: "nonsense"},
		{After: "' OR 1=1 --"},
		{Prefix: "an", After: "\x00"},
	} {
		_, _, err := s.FindUsers(t.Context(), f)
		wantCode(t, fmt.Sprintf("FindUsers(%+v)", f), err, watchword.InvalidRequest)
	}
}
