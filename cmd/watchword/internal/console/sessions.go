package console

import (
	"net/http"
	"net/url"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/manage"
)

// sessionList is the body of the list of sessions.
type sessionList struct {
	UserID   string
	All      bool
	Sessions []manage.Session
	Pager    pager

	CanEnd, CanEndAll bool
}

// sessions lists sessions, newest first.
func (c *Console) sessions(v *visit) error {
	query := v.r.URL.Query()
	body := sessionList{UserID: query.Get("user"), All: query.Get("show") == "all", CanEnd: v.by.Can(manage.EndSessions)}
	body.CanEndAll = body.CanEnd && v.by.Superuser()
	page, err := c.o.Actions.Sessions(v.ctx(), v.by, manage.SessionFilter{
		UserID: body.UserID, All: body.All, After: query.Get("after"), Limit: onPage,
	})
	if err != nil {
		return err
	}
	body.Sessions = page.Sessions
	body.Pager = pagesOf(v.r, url.Values{"user": {body.UserID}, "show": {query.Get("show")}}, "after", page.Next)
	body.Pager.Dated = true
	return c.show(v, http.StatusOK, "sessions", "sessions", "Sessions", body)
}

// endSession ends one session, and goes back to the list or the user that it
// was ended from.
func (c *Console) endSession(v *visit) error {
	if err := c.o.Actions.EndSession(v.ctx(), v.by, v.r.PathValue("id")); err != nil {
		return err
	}
	back := prefix + "sessions"
	if id := v.r.PostForm.Get("from"); id != "" {
		back = userURL(id)
	}
	return c.done(v, back, "session-ended")
}

func (c *Console) confirmEndAll(v *visit) error {
	if !v.by.Superuser() {
		return watchword.PermissionDenied
	}
	return c.confirm(v, "sessions", confirmation{
		Question: "End everybody's sessions?",
		Text:     "Everybody has to sign in again, you too, and every token with a session is refused from now on. This is for the day on which something has leaked.",
		Action:   prefix + "sessions/end", Button: "End all sessions", Back: prefix + "sessions",
	})
}

func (c *Console) endAll(v *visit) error {
	if _, err := c.o.Actions.EndAllSessions(v.ctx(), v.by); err != nil {
		return err
	}
	return c.done(v, prefix+"sessions", "sessions-ended")
}
