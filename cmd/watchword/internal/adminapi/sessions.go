package adminapi

import (
	"net/http"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/manage"
	"github.com/watchword-auth/watchword/httpauth"
)

func (a *API) sessions() []httpauth.Route {
	return []httpauth.Route{
		{
			Pattern: "GET admin/sessions", Guarded: true, Serve: a.serve(a.listSessions),
			Doc: httpauth.Doc{
				Summary: "List sessions", Description: needs(manage.ViewSessions) + " Newest first.",
				Query: append([]httpauth.Parameter{
					{Name: "user", Description: "Only those of the user with this id.", Example: "7"},
					{Name: "all", Description: "Ended and expired ones too.", Example: true},
				}, paging()...),
				Answers:  []httpauth.Answer{{Examples: pages("sessions", sessionRecord(sampleSession()), sessionRecord(manage.Session{}))}},
				Refusals: []watchword.Code{watchword.InvalidRequest, watchword.PermissionDenied},
			},
		},
		{
			Pattern: "DELETE admin/sessions/{id}", Guarded: true, Serve: a.serve(a.endSession),
			Doc: httpauth.Doc{
				Summary: "End a session", Description: needs(manage.EndSessions) + " " + ranks,
				Answers:  []httpauth.Answer{{Status: http.StatusNoContent}},
				Refusals: []watchword.Code{watchword.PermissionDenied, watchword.NotFound},
			},
		},
		{
			Pattern: "POST admin/sessions/end", Guarded: true, Serve: a.serve(a.endSessions),
			Doc: httpauth.Doc{
				Summary:     "End a user's sessions, or all",
				Description: needs(manage.EndSessions) + " " + ranks + " Everybody's sessions are a superuser's to end; the caller's own is among them.",
				Body:        []any{httpauth.Object{{Name: "user", Value: "7"}, {Name: "all", Value: false}}, httpauth.Object{}},
				Answers:     []httpauth.Answer{{Examples: []any{httpauth.Object{{Name: "ended", Value: int64(2)}}}}},
				Refusals:    []watchword.Code{watchword.PermissionDenied, watchword.NotFound},
			},
		},
	}
}

// sessionRecord is a session as GET /auth/v1/sessions shows one, whose it is,
// and when it ended.
func sessionRecord(s manage.Session) httpauth.Object {
	return append(httpauth.SessionRecord(s.SessionInfo),
		httpauth.Pair{Name: "user_id", Value: s.UserID}, httpauth.Pair{Name: "login", Value: s.Login},
		httpauth.Pair{Name: "profile", Value: s.Profile}, httpauth.Pair{Name: "ended_at", Value: instant(s.EndedAt)})
}

func sampleSession() manage.Session {
	at := sampleTime()
	return manage.Session{Login: "ann", SessionInfo: watchword.SessionInfo{ID: "hZ0mYwV3bQx8n1Tt5kJcRA", Session: watchword.Session{
		UserID: "7", Profile: watchword.NativeProfile, Device: "Firefox on Linux", Address: "192.0.2.0",
		CreatedAt: at, AdvancedAt: at, IdleUntil: at, EndedAt: at,
	}}}
}

func (a *API) listSessions(c *call) (httpauth.Reply, error) {
	q := c.query()
	all := q.flag("all")
	f := manage.SessionFilter{UserID: q.text("user"), All: all != nil && *all, After: q.place(), Limit: q.limit()}
	if err := q.end(); err != nil {
		return httpauth.Reply{}, err
	}
	page, err := a.actions.Sessions(c.Request.Context(), c.by, f)
	if err != nil {
		return httpauth.Reply{}, err
	}
	return c.page("sessions", records(page.Sessions, sessionRecord), page.Next)
}

func (a *API) endSession(c *call) (httpauth.Reply, error) {
	return noContent(), a.actions.EndSession(c.Request.Context(), c.by, c.Request.PathValue("id"))
}

func (a *API) endSessions(c *call) (httpauth.Reply, error) {
	var in struct {
		User given[string] `json:"user"`
		All  given[bool]   `json:"all"`
	}
	if _, err := c.body(&in); err != nil {
		return httpauth.Reply{}, err
	}
	var n int
	var err error
	switch {
	case in.All.value && !in.User.there:
		n, err = a.actions.EndAllSessions(c.Request.Context(), c.by)
	case !in.All.value && in.User.value != "":
		n, err = a.actions.EndSessionsOf(c.Request.Context(), c.by, in.User.value)
	default:
		err = wrong("user", "say either whose sessions, or all")
	}
	if err != nil {
		return httpauth.Reply{}, err
	}
	return c.JSON(http.StatusOK, httpauth.Object{{Name: "ended", Value: int64(n)}})
}
