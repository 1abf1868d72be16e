package httpauth

import (
	"time"

	"github.com/watchword-auth/watchword"
)

// What documents say of the service routes.

func serviceAuthText(text string) string {
	return text + " For machine clients: id and secret by HTTP Basic, or an access token of theirs with the scope `revocations`."
}

func feedDoc() Doc {
	now := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	until := now.Add(time.Hour)
	page := watchword.FactPage{
		Cursor: watchword.Cursor{Epoch: "4ZQK", N: 12}, Now: now,
		Facts: []watchword.Fact{
			{Kind: watchword.SessionFact, Number: 7, Until: until},
			{Kind: watchword.UserFact, ID: "7", UpTo: 12, Except: 11, Before: now, Until: until},
			{Kind: watchword.KeyFact, Until: until},
		},
	}
	next, _ := page.MarshalJSON() // of kinds that are known
	page.StatusKey, page.Profiles = make([]byte, 32), []string{watchword.NativeProfile}
	first, _ := page.MarshalJSON()
	return Doc{
		Summary: "What no longer counts",
		Description: serviceAuthText("Facts after a cursor; without one all that still matter, and the status key. " +
			"With Accept: text/event-stream a stream that goes on."),
		Token: NeedsClient,
		Query: []Parameter{
			{Name: "cursor", Description: "Where to go on: EPOCH.N of the answer before.", Example: "4ZQK.12"},
			{Name: "limit", Description: "At most so many facts.", Example: int64(watchword.MaxFactPage)},
			{Name: "wait", Description: "Wait so many seconds for a fact.", Example: int64(25)},
		},
		Header: []Parameter{{Name: "Last-Event-ID", Description: "Where a stream goes on.", Example: "4ZQK.12"}},
		Answers: []Answer{
			{Description: "Facts, oldest first.", Examples: []any{Raw(next), Raw(first)}},
			{Description: "A stream.", Media: mediaEvents, Examples: []any{"event: alive\nid: 4ZQK.12\ndata: {\"more\":false,\"now\":1777896000000000,\"facts\":[]}\n\n"}},
		},
		Refusals: []watchword.Code{watchword.InvalidRequest, watchword.InvalidClient, watchword.Conflict, watchword.NotAcceptable, watchword.RateLimited},
	}
}

func statusDoc() Doc {
	return Doc{
		Summary:     "A status list",
		Description: serviceAuthText("The Status List Token of a block of sessions (draft-ietf-oauth-status-list-21)."),
		Token:       NeedsClient,
		Answers:     []Answer{{Description: "A signed token.", Media: mediaStatus, Examples: []any{"eyJhbGciOi…"}}},
		Refusals:    []watchword.Code{watchword.InvalidClient, watchword.NotFound, watchword.NotAcceptable, watchword.RateLimited},
	}
}

func directoryDoc() Doc {
	return Doc{
		Summary:     "Users to copy",
		Description: serviceAuthText("All users by pages, with the fields that the client may see."),
		Token:       NeedsClient,
		Query: []Parameter{
			{Name: "after", Description: "The `next` of the page before.", Example: "7"},
			{Name: "limit", Description: "At most so many users.", Example: int64(watchword.MaxDirectoryPage)},
		},
		Answers: []Answer{{Description: "A page.", Examples: []any{
			Object{{"users", sampleRecords()}, {"next", "7"}, {"cursor", "4ZQK.12"}},
		}}},
		Refusals: []watchword.Code{watchword.InvalidRequest, watchword.InvalidClient, watchword.PermissionDenied, watchword.RateLimited},
	}
}

func directoryUserDoc() Doc {
	var records []any
	for _, o := range sampleRecords() {
		records = append(records, o)
	}
	return Doc{
		Summary:     "One user to copy",
		Description: serviceAuthText("One user, with the fields that the client may see."),
		Token:       NeedsClient,
		Answers:     []Answer{{Description: "The user.", Examples: records}},
		Refusals:    []watchword.Code{watchword.InvalidClient, watchword.PermissionDenied, watchword.NotFound, watchword.RateLimited},
	}
}

// sampleRecords are users as clients with every right, with some, and with
// none see them.
func sampleRecords() []Object {
	whole, open := sampleUser(), sampleUser()
	whole.Extra, open.Extra = []byte(`{"plan":"gold"}`), []byte(`{}`)
	return []Object{
		fullRecord(whole), fullRecord(open), fullRecord(watchword.User{ID: "2", Login: "bob"}), recordFor(whole, watchword.ClientRecord{}),
	}
}
