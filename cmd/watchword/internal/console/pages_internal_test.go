package console

import (
	"html"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/manage"
)

// evil does something in each of the places where text can stand, were it not
// escaped there.
const evil = `"'><script>evil()</script></title></textarea></pre><img src=x onerror=evil()>{{.}}` + "\x00\u202e&amp;"

// bodies returns for every template what it is executed with: nothing at all,
// and all fields filled with text.
func bodies(text string, at time.Time) map[string]any {
	list := []string{text}
	fields := map[string]string{}
	for _, name := range []string{"login", "email", "password", "first_name", "last_name", "phone", "location", "groups", "permissions", "scopes", "extra", "name", "current", "new", "again"} {
		if text != "" {
			fields[name] = text
		}
	}
	u := watchword.User{
		ID: text, Login: text, Email: text, FirstName: text, LastName: text, Phone: text, Location: text,
		Groups: list, Permissions: list, Scopes: list, Extra: []byte(text), CreatedAt: at, LastLoginAt: at,
	}
	form := formOf(u)
	form.Errors, form.Fault, form.MayRank, form.MayChange = fields, text, true, true
	added := form
	added.New = true
	info := watchword.SessionInfo{ID: text, Session: watchword.Session{
		UserID: text, Profile: text, Device: text, Address: text, CreatedAt: at, AdvancedAt: at,
	}}
	sessions := []manage.Session{{SessionInfo: info, Login: text}, {SessionInfo: info}}
	p := pager{First: text, Before: text, After: text}
	check := watchword.Check{Name: text, Input: text, Fix: text, Code: watchword.TokenExpired}
	explained := manage.Explanation{Profile: text, Checks: []watchword.Check{check, {Name: text, Input: text, Passed: true}}}
	key := manage.Key{Profile: text, KeyRecord: watchword.KeyRecord{ID: text, Algorithm: text, State: text, CreatedAt: at, StateAt: at}}
	client := watchword.ClientRecord{ID: text, Name: text, Scopes: list, CreatedAt: at}
	entry := watchword.AuditEntry{
		At: at, Kind: text, Profile: text, UserID: text, Login: text, Actor: text, Address: text, Device: text, Code: text, Detail: text,
	}
	return map[string]any{
		"account": accountPage{Me: u, Permissions: list, Sessions: []watchword.SessionInfo{info, info}, Errors: fields},
		"audit": auditList{
			Kind: text, UserID: text, Actor: text, Since: text, SinceError: text, Kinds: list, Entries: []watchword.AuditEntry{entry}, Pager: p,
		},
		"client-new":    clientForm{Name: text, Scopes: text, Errors: fields, Fault: text},
		"client-secret": manage.NewClient{ClientRecord: client, Secret: text},
		"clients":       clientList{Clients: []watchword.ClientRecord{client}, CanChange: true},
		"confirm":       confirmation{Question: text, Text: text, Action: text, Button: text, Back: text, Hidden: map[string]string{"name": text}},
		"explain":       explainPage{Asked: true, Best: explained, Why: &check, Others: []manage.Explanation{explained}, Fault: text},
		"keys":          keyList{Rings: []ring{{Profile: text, Keys: []manage.Key{key}}}, CanChange: true},
		"problem":       problem{Text: text, Request: text, Back: text, Way: text},
		"sessions":      sessionList{UserID: text, Sessions: sessions, Pager: p, CanEnd: true, CanEndAll: true},
		"settings":      settingsPage{Text: text, Faces: []Face{{Name: text, Prefix: text, Routes: list}}},
		"signin":        signInPage{Login: text, Next: text, Fault: text, Plain: true},
		"user": userPage{
			Form: form, User: u, Sessions: sessions, More: true, CanEnd: true, CanSeeSessions: true, CanSeeAudit: true, CanDelete: true,
			PasswordError: text,
		},
		"user-new": added,
		"users":    userList{Query: text, Show: text, Users: []watchword.User{u}, Pager: p, CanAdd: true},
	}
}

// Every template takes nothing at all and the worst that may stand anywhere,
// and writes neither as anything but text.
func TestTemplates(t *testing.T) {
	all, err := parsePages(time.Now)
	if err != nil {
		t.Fatal(err)
	}
	nothing, worst := bodies("", time.Time{}), bodies(evil, time.Unix(1e9, 0))
	if len(all) != len(worst) {
		t.Errorf("%d templates, %d are tested", len(all), len(worst))
	}
	for name := range all {
		plain := written(t, all, name, nothing[name], "")
		got := written(t, all, name, worst[name], evil)
		if plain == "" || got == "" {
			continue
		}
		for _, sign := range []string{"<script>evil", "<img", "onerror=evil()>{", "</script></title>"} {
			if strings.Contains(got, sign) {
				t.Errorf("%s: %q stands in the page", name, sign)
			}
		}
		// As many tags open and close as without text, save for lists.
		for _, tag := range []string{"<script", "</title>", "<html", "</main>"} {
			if strings.Count(got, tag) != strings.Count(plain, tag) {
				t.Errorf("%s: %d of %s, and %d in a page without text", name, strings.Count(got, tag), tag, strings.Count(plain, tag))
			}
		}
		if !strings.Contains(html.UnescapeString(got), `<script>evil()</script>`) && name != "client-secret" {
			t.Errorf("%s: the text is nowhere to be read", name)
		}
		for _, never := range []string{"<no value>", "ZgotmplZ", " style=", "javascript:", " onclick", "<style"} {
			if strings.Contains(got, never) {
				t.Errorf("%s: %q stands in the page", name, never)
			}
		}
	}
}

// written is a page as one who is signed in gets it.
func written(t *testing.T, all pages, name string, body any, text string) string {
	t.Helper()
	w := httptest.NewRecorder()
	v := view{
		Title: text, Section: text, Menu: []item{{text, text, text, text}}, Me: &watchword.User{Login: text}, CSRF: text, Done: text, Body: body,
		Icon: text, Style: text, Script: text,
	}
	if err := all.write(w, 200, name, v); err != nil {
		t.Errorf("%s with %.10q: %v", name, text, err)
		return ""
	}
	return w.Body.String()
}

func TestAgo(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		at   time.Time
		want string
	}{
		{time.Time{}, "never"},
		{now, "just now"},
		{now.Add(-59 * time.Second), "just now"},
		{now.Add(-time.Minute), "1 minute ago"},
		{now.Add(-119 * time.Minute), "1 hour ago"},
		{now.Add(-49 * time.Hour), "2 days ago"},
		{now.Add(-70 * 24 * time.Hour), "2 months ago"},
		{now.Add(-800 * 24 * time.Hour), "2 years ago"},
		{now.Add(30 * time.Second), "in less than a minute"},
		{now.Add(3 * time.Hour), "in 3 hours"},
	} {
		if got := ago(test.at, now); got != test.want {
			t.Errorf("ago(%s) = %q, want %q", test.at, got, test.want)
		}
	}
}
