package adminapi

import (
	"net/http"
	"strconv"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/manage"
	"github.com/watchword-auth/watchword/httpauth"
)

func (a *API) look() []httpauth.Route {
	return []httpauth.Route{
		{
			Pattern: "GET admin/audit", Guarded: true, Serve: a.serve(a.listAudit),
			Doc: httpauth.Doc{
				Summary: "List what has happened", Description: needs(manage.ViewAudit) + " Newest first.",
				Query: append([]httpauth.Parameter{
					{Name: "kind", Description: "Only events of this kind.", Example: "sign_in_failed"},
					{Name: "user", Description: "Only what was done to the user or client with this id.", Example: "7"},
					{Name: "actor", Description: "Only what this one did: user:ID, client:ID or command line.", Example: "user:1"},
					{Name: "since", Description: "Only what happened since, in RFC 3339.", Example: "2026-01-31T12:00:00Z"},
				}, paging()...),
				Answers:  []httpauth.Answer{{Examples: pages("entries", entryRecord(sampleEntry(), "hZ0mYwV3bQx8n1Tt5kJcRA"))}},
				Refusals: []watchword.Code{watchword.InvalidRequest, watchword.PermissionDenied},
			},
		},
		{
			Pattern: "POST admin/explain", Guarded: true, Serve: a.serve(a.explain),
			Doc: httpauth.Doc{
				Summary:     "Explain a token",
				Description: needs(manage.ExplainTokens) + " Each check of an access token by each face, up to the first that fails, and what would have made it pass.",
				Body:        []any{httpauth.Object{{Name: "token", Value: "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"}}},
				Answers:     []httpauth.Answer{{Examples: []any{explained(sampleExplanations())}}},
				Refusals:    []watchword.Code{watchword.PermissionDenied},
			},
		},
		{
			Pattern: "GET admin/settings", Guarded: true, Serve: a.serve(a.settings),
			Doc: httpauth.Doc{
				Summary: "Show the settings as they run", Description: needs(manage.ViewSettings) + " As the TOML file that would give them, secrets masked.",
				Answers:  []httpauth.Answer{{Examples: []any{httpauth.Object{{Name: "toml", Value: "transport = 'json'\n"}}}}},
				Refusals: []watchword.Code{watchword.PermissionDenied},
			},
		},
		{
			Pattern: "GET admin/dialects", Guarded: true, Serve: a.serve(a.dialects),
			Doc: httpauth.Doc{
				Summary: "List the faces that are served", Description: needs(manage.ViewSettings) + " The native one comes first.",
				Answers:  []httpauth.Answer{{Examples: []any{faces(manage.Face{Profile: watchword.NativeProfile, Issuer: "https://auth.example.com"})}}},
				Refusals: []watchword.Code{watchword.PermissionDenied},
			},
		},
	}
}

func entryRecord(e watchword.AuditEntry, session string) httpauth.Object {
	return httpauth.Object{
		{Name: "id", Value: e.ID},
		{Name: "at", Value: instant(e.At)},
		{Name: "kind", Value: e.Kind},
		{Name: "profile", Value: e.Profile},
		{Name: "user_id", Value: e.UserID},
		{Name: "login", Value: e.Login},
		{Name: "session", Value: session},
		{Name: "address", Value: e.Address},
		{Name: "device", Value: e.Device},
		{Name: "code", Value: e.Code},
		{Name: "actor", Value: e.Actor},
		{Name: "detail", Value: e.Detail},
	}
}

func sampleEntry() watchword.AuditEntry {
	return watchword.AuditEntry{
		ID: 42, At: sampleTime(), Kind: "user_changed", Profile: watchword.NativeProfile, UserID: "7", Login: "ann",
		Address: "192.0.2.7", Device: "Firefox on Linux", Actor: "user:1", Detail: "email",
	}
}

func (a *API) listAudit(c *call) (httpauth.Reply, error) {
	q := c.query()
	f := watchword.AuditFilter{Kind: q.text("kind"), UserID: q.text("user"), Actor: q.text("actor"), Limit: q.limit()}
	if since := q.text("since"); since != "" {
		var err error
		if f.Since, err = time.Parse(time.RFC3339, since); err != nil {
			q.fault("since", "want a time such as 2026-01-31T12:00:00Z")
		}
	}
	if place := q.place(); place != "" {
		var err error
		if f.Before, err = strconv.ParseInt(place, 10, 64); err != nil || f.Before < 1 {
			q.fault("cursor", "it is none of this list")
		}
	}
	if err := q.end(); err != nil {
		return httpauth.Reply{}, err
	}
	page, err := a.actions.Audit(c.Request.Context(), c.by, f)
	if err != nil {
		return httpauth.Reply{}, err
	}
	next := ""
	if page.Next > 0 {
		next = strconv.FormatInt(page.Next, 10)
	}
	return c.page("entries", records(page.Entries, func(e watchword.AuditEntry) httpauth.Object {
		return entryRecord(e, a.actions.SessionID(e.Session))
	}), next)
}

func (a *API) explain(c *call) (httpauth.Reply, error) {
	var in struct {
		Token given[string] `json:"token"`
	}
	if _, err := c.body(&in); err != nil {
		return httpauth.Reply{}, err
	}
	if in.Token.value == "" {
		return httpauth.Reply{}, wrong("token", "it is missing")
	}
	list, err := a.actions.Explain(c.Request.Context(), c.by, in.Token.value)
	if err != nil {
		return httpauth.Reply{}, err
	}
	return c.JSON(http.StatusOK, explained(list))
}

func explained(list []manage.Explanation) httpauth.Object {
	accepted := false
	all := records(list, func(e manage.Explanation) httpauth.Object {
		accepted = accepted || e.Claims != nil
		return httpauth.Object{
			{Name: "profile", Value: e.Profile},
			{Name: "accepted", Value: e.Claims != nil},
			{Name: "checks", Value: records(e.Checks, checkRecord)},
		}
	})
	return httpauth.Object{{Name: "accepted", Value: accepted}, {Name: "faces", Value: all}}
}

func checkRecord(c watchword.Check) httpauth.Object {
	code := ""
	if !c.Passed {
		code = c.Code.Error()
	}
	return httpauth.Object{
		{Name: "check", Value: c.Name},
		{Name: "input", Value: c.Input},
		{Name: "passed", Value: c.Passed},
		{Name: "code", Value: code},
		{Name: "fix", Value: c.Fix},
	}
}

func sampleExplanations() []manage.Explanation {
	return []manage.Explanation{{Profile: watchword.NativeProfile, Checks: []watchword.Check{
		{Name: "shape", Input: "61 bytes", Passed: true},
		{Name: "signature", Input: `alg ES256, kid ""`, Code: watchword.BadSignature, Fix: "a signature by a key of this issuer that is not retired"},
	}}}
}

func (a *API) settings(c *call) (httpauth.Reply, error) {
	if err := c.query().end(); err != nil {
		return httpauth.Reply{}, err
	}
	text, err := a.actions.Settings(c.Request.Context(), c.by)
	if err != nil {
		return httpauth.Reply{}, err
	}
	return c.JSON(http.StatusOK, httpauth.Object{{Name: "toml", Value: text}})
}

func (a *API) dialects(c *call) (httpauth.Reply, error) {
	if err := c.query().end(); err != nil {
		return httpauth.Reply{}, err
	}
	list, err := a.actions.Dialects(c.Request.Context(), c.by)
	if err != nil {
		return httpauth.Reply{}, err
	}
	return c.JSON(http.StatusOK, faces(list...))
}

func faces(list ...manage.Face) httpauth.Object {
	return httpauth.Object{{Name: "faces", Value: records(list, func(f manage.Face) httpauth.Object {
		return httpauth.Object{{Name: "profile", Value: f.Profile}, {Name: "issuer", Value: f.Issuer}}
	})}}
}
