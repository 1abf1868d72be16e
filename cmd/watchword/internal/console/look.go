package console

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/manage"
)

// auditList is the body of the audit log.
type auditList struct {
	Kind, UserID, Actor, Since string
	SinceError                 string
	Kinds                      []string
	Entries                    []watchword.AuditEntry
	Pager                      pager
}

// audit lists what happened, newest first.
func (c *Console) audit(v *visit) error {
	query := v.r.URL.Query()
	body := auditList{
		Kind: query.Get("kind"), UserID: strings.TrimSpace(query.Get("user")), Actor: strings.TrimSpace(query.Get("by")),
		Since: query.Get("since"), Kinds: kinds(),
	}
	f := watchword.AuditFilter{Kind: body.Kind, UserID: body.UserID, Actor: body.Actor, Limit: onPage}
	if body.Since != "" {
		var err error
		if f.Since, err = time.Parse(time.DateOnly, body.Since); err != nil {
			body.SinceError = "Want a day such as 2026-11-22."
		}
	}
	f.Before, _ = strconv.ParseInt(query.Get("before"), 10, 64) // what is no number begins at the newest
	page, err := c.o.Actions.Audit(v.ctx(), v.by, f)
	if err != nil {
		return err
	}
	body.Entries = page.Entries
	next := ""
	if page.Next > 0 {
		next = strconv.FormatInt(page.Next, 10)
	}
	asked := url.Values{"kind": {body.Kind}, "user": {body.UserID}, "by": {body.Actor}, "since": {body.Since}}
	body.Pager = pagesOf(v.r, asked, "before", next)
	body.Pager.Dated = true
	return c.show(v, http.StatusOK, "audit", "audit", "Audit log", body)
}

// kinds are the names of what can happen.
func kinds() []string {
	var list []string
	for k := watchword.EventKind(1); k.String() != watchword.EventKind(0).String(); k++ {
		list = append(list, k.String())
	}
	return list
}

// settingsPage is the body of the page of settings.
type settingsPage struct {
	Text  string // as the file that would give them, secrets masked
	Faces []Face
}

func (c *Console) settings(v *visit) error {
	text, err := c.o.Actions.Settings(v.ctx(), v.by)
	if err != nil {
		return err
	}
	return c.show(v, http.StatusOK, "settings", "settings", "Settings", settingsPage{strings.TrimSpace(text), c.o.Faces})
}

// explainPage is the body of the page that explains a token.
type explainPage struct {
	Asked    bool
	Accepted bool
	Best     manage.Explanation
	Why      *watchword.Check // that failed; nil: none
	Others   []manage.Explanation
	Fault    string
}

func (c *Console) explainForm(v *visit) error {
	if !v.by.Can(manage.ExplainTokens) {
		return watchword.PermissionDenied
	}
	return c.show(v, http.StatusOK, "explain", "explain", "Explain a token", explainPage{})
}

// explain tells how each face judges a token. The token is in the body of the
// request, is repeated nowhere and written down nowhere.
func (c *Console) explain(v *visit) error {
	raw := bare(v.text("token"))
	all, err := c.o.Actions.Explain(v.ctx(), v.by, raw)
	if err != nil {
		return err
	}
	body := explainPage{Asked: true}
	if raw == "" {
		body.Asked, body.Fault = false, "Paste a token first."
		return c.show(v, http.StatusUnprocessableEntity, "explain", "explain", "Explain a token", body)
	}
	best := 0
	for i, e := range all {
		if further(e, all[best]) {
			best = i
		}
	}
	for i, e := range all {
		if i != best {
			body.Others = append(body.Others, e)
		}
	}
	if len(all) > 0 {
		body.Best = all[best]
		body.Accepted = body.Best.Claims != nil
		if n := len(body.Best.Checks); !body.Accepted && n > 0 {
			body.Why = &body.Best.Checks[n-1] // after the first that fails there is none
		}
	}
	return c.show(v, http.StatusOK, "explain", "explain", "Explain a token", body)
}

// further reports whether a token got further with a than with b: it is a's
// then, if it is anybody's.
func further(a, b manage.Explanation) bool {
	if (a.Claims != nil) != (b.Claims != nil) {
		return a.Claims != nil
	}
	return passed(a) > passed(b)
}

func passed(e manage.Explanation) int {
	n := 0
	for _, check := range e.Checks {
		if check.Passed {
			n++
		}
	}
	return n
}

// bare takes off what is copied along with a token: the scheme's name, quotes,
// and line breaks that a terminal put in.
func bare(text string) string {
	if scheme, rest, ok := strings.Cut(text, " "); ok && strings.EqualFold(scheme, "Bearer") {
		text = rest
	}
	return strings.Trim(strings.Join(strings.Fields(text), ""), `"'`)
}
