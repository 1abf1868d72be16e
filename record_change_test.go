package watchword_test

import (
	"strings"
	"testing"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/store"
)

func TestChangeRecord(t *testing.T) {
	b := newBench(t, nil)
	tokens := b.signIn(t)
	text := func(s string) *string { return &s }
	from, err := b.NextFacts(ctx, watchword.Cursor{}, 0, 0)
	want(t, "NextFacts", err, fine)
	u, err := b.ChangeRecord(ctx, watchword.RecordChange{Claims: tokens.Claims, FirstName: text("Ann"), Phone: text("1")})
	want(t, "ChangeRecord", err, fine)
	if u.FirstName != "Ann" || u.Phone != "1" || u.LastName != "" || u.Version != b.ann.Version {
		t.Errorf("the record is %+v", u)
	}
	b.mu.Lock()
	last := b.events[len(b.events)-1]
	told := len(b.events)
	b.mu.Unlock()
	if last.Kind != watchword.UserChanged || last.UserID != "1" || last.Detail != "first_name, phone" || last.Session != tokens.Session.Number {
		t.Errorf("the observer was told %+v", last)
	}
	if _, err := b.Verify(ctx, tokens.Access); err != nil {
		t.Errorf("Verify = %v: a name ends nothing", err)
	}
	page, err := b.NextFacts(ctx, from.Cursor, 0, 0)
	if err != nil || len(page.Facts) != 1 || page.Facts[0].Kind != watchword.ProfileFact || page.Facts[0].ID != b.ann.ID {
		t.Errorf("who copies records is told %+v, %v", page.Facts, err)
	}
	for name, r := range map[string]watchword.RecordChange{
		"too long":        {LastName: text(strings.Repeat("x", 257))},
		"a line break":    {Location: text("a\nb")},
		"no UTF-8":        {Location: text("\xff")},
		"space around it": {Phone: text("1 ")},
	} {
		r.Claims = tokens.Claims
		_, err := b.ChangeRecord(ctx, r)
		want(t, name, err, watchword.InvalidRequest)
	}
	u, err = b.ChangeRecord(ctx, watchword.RecordChange{Claims: tokens.Claims})
	want(t, "nothing to change", err, fine)
	if u.FirstName != "Ann" || len(b.events) != told {
		t.Errorf("nothing to change: %+v, %d events more", u, len(b.events)-told)
	}
	issued, err := b.Issue(ctx, watchword.IssueRequest{Subject: "car:42"})
	want(t, "Issue", err, fine)
	_, err = b.ChangeRecord(ctx, watchword.RecordChange{Claims: issued.Claims, FirstName: text("Kitt")})
	want(t, "a machine's record", err, watchword.NotFound)
}

// Users whom nobody can change here have no record to change.
func TestChangeRecordElsewhere(t *testing.T) {
	elsewhere := struct{ watchword.PasswordUsers }{store.NewMemory()}
	b := newBench(t, func(c *watchword.Config) { c.Users = elsewhere })
	name := "Ann"
	_, err := b.ChangeRecord(ctx, watchword.RecordChange{Claims: &watchword.Claims{UserID: "1"}, FirstName: &name})
	want(t, "ChangeRecord", err, watchword.NotFound)
}
