package adminapi

import (
	"net/http"
	"net/url"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/manage"
	"github.com/watchword-auth/watchword/httpauth"
)

func (a *API) users() []httpauth.Route {
	one := []httpauth.Answer{{}}
	for _, o := range userRecords() {
		one[0].Examples = append(one[0].Examples, o)
	}
	return []httpauth.Route{
		{
			Pattern: "GET admin/users", Guarded: true, Serve: a.serve(a.listUsers),
			Doc: httpauth.Doc{
				Summary: "List users", Description: needs(manage.ViewUsers),
				Query: append([]httpauth.Parameter{
					{Name: "q", Description: "How a login or an e-mail address begins, in any case.", Example: "ann"},
					{Name: "ranked", Description: "Only staff and superusers, or all but them.", Example: true},
					{Name: "active", Description: "Only those who can sign in, or cannot.", Example: true},
				}, paging()...),
				Answers:  []httpauth.Answer{{Examples: pages("users", userRecords()...)}},
				Refusals: []watchword.Code{watchword.InvalidRequest, watchword.PermissionDenied},
			},
		},
		{
			Pattern: "POST admin/users", Guarded: true, Serve: a.serve(a.createUser),
			Doc: httpauth.Doc{
				Summary: "Add a user", Description: needs(manage.AddUsers) + " " + ranks,
				Header: idempotency(), Body: withOpenExtra(bodies(append(userBody(), httpauth.Pair{Name: "password", Value: "a good password"}), "login")),
				Answers:  []httpauth.Answer{{Status: http.StatusCreated, Examples: one[0].Examples}},
				Refusals: []watchword.Code{watchword.PermissionDenied, watchword.Conflict, watchword.PasswordWeak},
			},
		},
		{
			Pattern: "GET admin/users/{id}", Guarded: true, Serve: a.serve(a.readUser),
			Doc: httpauth.Doc{
				Summary: "Show a user", Description: needs(manage.ViewUsers), Answers: one,
				Refusals: []watchword.Code{watchword.PermissionDenied, watchword.NotFound},
			},
		},
		{
			Pattern: "PATCH admin/users/{id}", Guarded: true, Serve: a.serve(a.changeUser),
			Doc: httpauth.Doc{
				Summary:     "Change a user",
				Description: needs(manage.ChangeUsers) + " " + ranks + " What is absent stays; lists are replaced as a whole. Disabling ends the user's sessions.",
				Body:        withOpenExtra(bodies(userBody())), Answers: one,
				Refusals: []watchword.Code{watchword.PermissionDenied, watchword.NotFound, watchword.Conflict},
			},
		},
		{
			Pattern: "POST admin/users/{id}/password", Guarded: true, Serve: a.serve(a.setPassword),
			Doc: httpauth.Doc{
				Summary: "Set a user's password", Description: needs(manage.ChangeUsers) + " " + ranks + " It ends the user's sessions.",
				Body:     []any{httpauth.Object{{Name: "password", Value: "a good password"}}},
				Answers:  []httpauth.Answer{{Status: http.StatusNoContent}},
				Refusals: []watchword.Code{watchword.PermissionDenied, watchword.NotFound, watchword.PasswordWeak},
			},
		},
		{
			Pattern: "DELETE admin/users/{id}", Guarded: true, Serve: a.serve(a.deleteUser),
			Doc: httpauth.Doc{
				Summary: "Delete a user", Description: needs(manage.DeleteUsers) + " " + ranks + " The id is never given to anybody else.",
				Answers:  []httpauth.Answer{{Status: http.StatusNoContent}},
				Refusals: []watchword.Code{watchword.PermissionDenied, watchword.NotFound},
			},
		},
	}
}

func (a *API) listUsers(c *call) (httpauth.Reply, error) {
	q := c.query()
	f := watchword.UserFilter{
		Prefix: q.text("q"), Ranked: q.flag("ranked"), Active: q.flag("active"), After: q.place(), Limit: q.limit(),
	}
	if err := q.end(); err != nil {
		return httpauth.Reply{}, err
	}
	page, err := a.actions.FindUsers(c.Request.Context(), c.by, f)
	if err != nil {
		return httpauth.Reply{}, err
	}
	return c.page("users", records(page.Users, userRecord), page.Next)
}

// userInput is a user as requests describe one.
type userInput struct {
	Login       given[string]   `json:"login"`
	Email       given[string]   `json:"email"`
	FirstName   given[string]   `json:"first_name"`
	LastName    given[string]   `json:"last_name"`
	Phone       given[string]   `json:"phone"`
	Location    given[string]   `json:"location"`
	Active      given[bool]     `json:"active"`
	Staff       given[bool]     `json:"staff"`
	Superuser   given[bool]     `json:"superuser"`
	Groups      given[[]string] `json:"groups"`
	Permissions given[[]string] `json:"permissions"`
	Scopes      given[[]string] `json:"scopes"`
	Extra       jsontext.Value  `json:"extra"` // null: none
}

func (in userInput) change() watchword.UserChange {
	c := watchword.UserChange{
		Login: in.Login.pointer(), Email: in.Email.pointer(), FirstName: in.FirstName.pointer(), LastName: in.LastName.pointer(),
		Phone: in.Phone.pointer(), Location: in.Location.pointer(),
		Active: in.Active.pointer(), Staff: in.Staff.pointer(), Superuser: in.Superuser.pointer(),
		Groups: in.Groups.pointer(), Permissions: in.Permissions.pointer(), Scopes: in.Scopes.pointer(),
	}
	if in.Extra != nil {
		extra := in.extra()
		c.Extra = &extra
	}
	return c
}

// user is who the request describes, where he is new.
func (in userInput) user() watchword.User {
	return watchword.User{
		Login: in.Login.value, Email: in.Email.value, FirstName: in.FirstName.value, LastName: in.LastName.value,
		Phone: in.Phone.value, Location: in.Location.value,
		Active: in.Active.value || !in.Active.there, Staff: in.Staff.value, Superuser: in.Superuser.value,
		Groups: in.Groups.value, Permissions: in.Permissions.value, Scopes: in.Scopes.value, Extra: in.extra(),
	}
}

func (in userInput) extra() []byte {
	if in.Extra.Kind() == 'n' {
		return nil
	}
	return in.Extra
}

func (a *API) createUser(c *call) (httpauth.Reply, error) {
	var in struct {
		userInput `json:",inline"`
		Password  given[string] `json:"password"`
	}
	body, err := c.body(&in)
	if err != nil {
		return httpauth.Reply{}, err
	}
	return a.receipts.once(c, body, manage.AddUsers, func() (httpauth.Reply, error) {
		u, err := a.actions.CreateUser(c.Request.Context(), c.by, manage.NewUser{User: in.user(), Password: in.Password.value})
		if err != nil {
			return httpauth.Reply{}, err
		}
		return c.made("users/"+url.PathEscape(u.ID), userRecord(u))
	})
}

func (a *API) readUser(c *call) (httpauth.Reply, error) {
	u, err := a.actions.User(c.Request.Context(), c.by, c.Request.PathValue("id"))
	if err != nil {
		return httpauth.Reply{}, err
	}
	return c.JSON(http.StatusOK, userRecord(u))
}

func (a *API) changeUser(c *call) (httpauth.Reply, error) {
	var in userInput
	if _, err := c.body(&in); err != nil {
		return httpauth.Reply{}, err
	}
	u, err := a.actions.ChangeUser(c.Request.Context(), c.by, c.Request.PathValue("id"), in.change())
	if err != nil {
		return httpauth.Reply{}, err
	}
	return c.JSON(http.StatusOK, userRecord(u))
}

func (a *API) setPassword(c *call) (httpauth.Reply, error) {
	var in struct {
		Password given[string] `json:"password"`
	}
	if _, err := c.body(&in); err != nil {
		return httpauth.Reply{}, err
	}
	if !in.Password.there {
		return httpauth.Reply{}, wrong("password", "it is missing")
	}
	_, err := a.actions.SetPassword(c.Request.Context(), c.by, c.Request.PathValue("id"), in.Password.value)
	return noContent(), err
}

func (a *API) deleteUser(c *call) (httpauth.Reply, error) {
	return noContent(), a.actions.DeleteUser(c.Request.Context(), c.by, c.Request.PathValue("id"))
}
