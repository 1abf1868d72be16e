package console

import (
	"net/http"
	"strings"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/manage"
)

// routes mounts every page. What is asked for with GET changes nothing; what
// changes something is a form's POST, and each goes through [Console.inside]
// but those that open the door.
func (c *Console) routes() {
	c.mux.Handle("GET "+prefix+"assets/", c.assets)
	c.mux.HandleFunc("GET "+prefix+"signin", c.signInForm)
	c.mux.HandleFunc("POST "+prefix+"signin", c.signIn)
	for pattern, serve := range map[string]func(*visit) error{
		"GET {$}":      c.home,
		"POST signout": c.signOut,

		"GET account":                    c.account,
		"POST account/password":          c.changeOwnPassword,
		"POST account/sessions/{id}/end": c.endOwnSession,
		"POST account/sessions/end":      c.endOtherSessions,
		"GET users":                      c.users,
		"GET users/new":                  c.newUser,
		"POST users/new":                 c.addUser,
		"GET users/{id}":                 c.user,
		"POST users/{id}":                c.saveUser,
		"POST users/{id}/password":       c.setPassword,
		"POST users/{id}/sessions/end":   c.endSessionsOf,
		"GET users/{id}/delete":          c.confirmDeleteUser,
		"POST users/{id}/delete":         c.deleteUser,
		"GET sessions":                   c.sessions,
		"POST sessions/{id}/end":         c.endSession,
		"GET sessions/end":               c.confirmEndAll,
		"POST sessions/end":              c.endAll,
		"GET keys":                       c.keys,
		"POST keys/rotate":               c.rotateKeys,
		"GET keys/retire":                c.confirmRetire,
		"POST keys/retire":               c.retireKey,
		"GET clients":                    c.clients,
		"GET clients/new":                c.newClient,
		"POST clients/new":               c.addClient,
		"GET clients/secret":             c.confirmSecret,
		"POST clients/secret":            c.renewSecret,
		"GET clients/delete":             c.confirmDeleteClient,
		"POST clients/delete":            c.deleteClient,
		"GET audit":                      c.audit,
		"GET explain":                    c.explainForm,
		"POST explain":                   c.explain,
		"GET settings":                   c.settings,
	} {
		c.mux.Handle(under(pattern), c.inside(serve))
	}
	// Anything else is unknown, but only to whom is signed in.
	c.mux.Handle(prefix, c.inside(func(*visit) error { return watchword.NotFound }))
}

// under puts the pages' prefix between a pattern's method and path.
func under(pattern string) string {
	method, path, _ := strings.Cut(pattern, " ")
	return method + " " + prefix + path
}

// menu is what the actor's permissions allow him to see.
func menu(by manage.Actor) []item {
	var list []item
	for _, one := range []struct {
		needs manage.Permission
		item
	}{
		{manage.ViewUsers, item{"users", "Users", "users", prefix + "users"}},
		{manage.ViewSessions, item{"sessions", "Sessions", "sessions", prefix + "sessions"}},
		{manage.ViewKeys, item{"keys", "Keys", "keys", prefix + "keys"}},
		{manage.ViewClients, item{"clients", "Machine clients", "clients", prefix + "clients"}},
		{manage.ViewAudit, item{"audit", "Audit log", "audit", prefix + "audit"}},
		{manage.ExplainTokens, item{"explain", "Explain a token", "explain", prefix + "explain"}},
		{manage.ViewSettings, item{"settings", "Settings", "settings", prefix + "settings"}},
	} {
		if by.Can(one.needs) {
			list = append(list, one.item)
		}
	}
	return list
}

// home is the first page that there is for somebody.
func (c *Console) home(v *visit) error {
	to := prefix + "account"
	if list := menu(v.by); len(list) > 0 {
		to = list[0].URL
	}
	http.Redirect(v.w, v.r, to, http.StatusSeeOther)
	return nil
}
