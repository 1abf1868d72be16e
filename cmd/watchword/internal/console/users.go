package console

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/manage"
)

// userList is the body of the list of users.
type userList struct {
	Query, Show string
	Users       []watchword.User
	Pager       pager
	CanAdd      bool
}

// users lists users by the beginning of their login or e-mail address.
func (c *Console) users(v *visit) error {
	query := v.r.URL.Query()
	body := userList{Query: query.Get("q"), Show: query.Get("show"), CanAdd: c.mayAdd(v)}
	f := watchword.UserFilter{Prefix: body.Query, After: query.Get("after"), Limit: onPage}
	yes, no := true, false
	switch body.Show {
	case "active":
		f.Active = &yes
	case "inactive":
		f.Active = &no
	case "staff":
		f.Ranked = &yes
	case "others":
		f.Ranked = &no
	}
	page, err := c.o.Actions.FindUsers(v.ctx(), v.by, f)
	if err != nil {
		return err
	}
	body.Users = page.Users
	body.Pager = pagesOf(v.r, url.Values{"q": {body.Query}, "show": {body.Show}}, "after", page.Next)
	return c.show(v, http.StatusOK, "users", "users", "Users", body)
}

// userURL is the address of a user's page.
func userURL(id string) string { return prefix + "users/" + url.PathEscape(id) }

// mayAdd reports whether users are added here, and by him.
func (c *Console) mayAdd(v *visit) bool {
	return v.by.Can(manage.AddUsers) && c.o.Actions.ChangesUsers()
}

// newUser shows the empty form.
func (c *Console) newUser(v *visit) error {
	if !c.mayAdd(v) {
		return watchword.PermissionDenied
	}
	return c.showNewUser(v, http.StatusOK, userForm{Active: true})
}

func (c *Console) showNewUser(v *visit, status int, f userForm) error {
	f.New, f.MayRank, f.MayChange, f.Known = true, v.by.Superuser(), true, manage.Permissions()
	return c.show(v, status, "user-new", "users", "Add a user", f)
}

// addUser makes a user. Where no login is given he gets the part of his
// e-mail address before the @, or the whole address where that is taken.
func (c *Console) addUser(v *visit) error {
	f := readUserForm(v)
	u := f.user()
	derived := u.Login == "" && u.Email != ""
	if derived {
		u.Login = beforeAt(u.Email)
	}
	made, err := c.o.Actions.CreateUser(v.ctx(), v.by, manage.NewUser{User: u, Password: f.Password})
	if derived && watchword.CodeOf(err) == watchword.Conflict {
		u.Login = u.Email
		made, err = c.o.Actions.CreateUser(v.ctx(), v.by, manage.NewUser{User: u, Password: f.Password})
	}
	if err != nil {
		if !f.tell(err, derived) {
			return err
		}
		return c.showNewUser(v, refusedForm(err), f)
	}
	if !v.by.Can(manage.ViewUsers) {
		return c.done(v, prefix+"users/new", "user-added")
	}
	return c.done(v, userURL(made.ID), "user-added")
}

// userPage is the body of a user's page.
type userPage struct {
	Form     userForm
	User     watchword.User
	Sessions []manage.Session
	More     bool // there are more sessions

	CanEnd, CanSeeSessions, CanSeeAudit, CanDelete bool
	Self, Elsewhere                                bool // it is oneself; the record is another system's
	PasswordError                                  string
}

// someSessions is how many of a user's sessions his own page shows.
const someSessions = 10

// user shows a user.
func (c *Console) user(v *visit) error {
	u, err := c.o.Actions.User(v.ctx(), v.by, v.r.PathValue("id"))
	if err != nil {
		return err
	}
	return c.showUser(v, http.StatusOK, userPage{User: u, Form: formOf(u)})
}

func (c *Console) showUser(v *visit, status int, p userPage) error {
	touch, here := v.by.MayTouch(p.User), c.o.Actions.ChangesUsers()
	p.Self, p.Elsewhere = p.User.ID == v.me.ID, !here
	p.Form.MayRank, p.Form.MayChange = v.by.Superuser(), v.by.Can(manage.ChangeUsers) && touch && here
	p.Form.Known = manage.Permissions()
	p.CanDelete = v.by.Can(manage.DeleteUsers) && touch && here && !p.Self
	p.CanSeeAudit, p.CanSeeSessions = v.by.Can(manage.ViewAudit), v.by.Can(manage.ViewSessions)
	p.CanEnd = v.by.Can(manage.EndSessions) && (touch || p.Self)
	if p.CanSeeSessions {
		list, err := c.o.Actions.Sessions(v.ctx(), v.by, manage.SessionFilter{UserID: p.User.ID, Limit: someSessions})
		if err != nil {
			return err
		}
		p.Sessions, p.More = list.Sessions, list.Next != ""
	}
	return c.show(v, status, "user", "users", p.User.Login, p)
}

// saveUser changes what differs from the record, where that is still the one
// that the form was made from.
func (c *Console) saveUser(v *visit) error {
	c.saving.Lock()
	defer c.saving.Unlock()
	u, err := c.o.Actions.User(v.ctx(), v.by, v.r.PathValue("id"))
	if err != nil {
		return err
	}
	f := readUserForm(v)
	f.ID = u.ID
	if f.Seen != fingerprint(u) {
		f.Fault = "Somebody else has changed this user meanwhile, and nothing was saved. Your entries are still here; the record as it is now is shown when you load the page again."
		return c.showUser(v, http.StatusConflict, userPage{User: u, Form: f})
	}
	change, any := f.change(u, v.by.Superuser())
	if !any {
		return c.done(v, userURL(u.ID), "user-same")
	}
	change.IfVersion = u.Version
	if _, err := c.o.Actions.ChangeUser(v.ctx(), v.by, u.ID, change); err != nil {
		if !f.tell(err, false) {
			return err
		}
		return c.showUser(v, refusedForm(err), userPage{User: u, Form: f})
	}
	return c.done(v, userURL(u.ID), "user-saved")
}

// setPassword sets another's password.
func (c *Console) setPassword(v *visit) error {
	id := v.r.PathValue("id")
	_, err := c.o.Actions.SetPassword(v.ctx(), v.by, id, v.r.PostForm.Get("password"))
	var input *manage.InputError
	var why string
	switch {
	case err == nil:
		return c.done(v, userURL(id), "password-set")
	case errors.As(err, &input):
		why = sentence(input.Faults[0].Reason)
	case watchword.CodeOf(err) == watchword.PasswordWeak:
		why = weak(err)
	default:
		return err
	}
	u, err := c.o.Actions.User(v.ctx(), v.by, id)
	if err != nil {
		return err
	}
	return c.showUser(v, http.StatusUnprocessableEntity, userPage{User: u, Form: formOf(u), PasswordError: why})
}

// endSessionsOf ends all sessions of a user.
func (c *Console) endSessionsOf(v *visit) error {
	id := v.r.PathValue("id")
	if _, err := c.o.Actions.EndSessionsOf(v.ctx(), v.by, id); err != nil {
		return err
	}
	return c.done(v, userURL(id), "sessions-ended")
}

func (c *Console) confirmDeleteUser(v *visit) error {
	u, err := c.o.Actions.User(v.ctx(), v.by, v.r.PathValue("id"))
	if err != nil {
		return err
	}
	return c.confirm(v, "users", confirmation{
		Question: "Delete " + u.Login + "?",
		Text:     "The user cannot sign in any more, and all sessions end. The record is gone for good; the audit log keeps what was done. To keep somebody out for a while, clear “Active” instead.",
		Action:   userURL(u.ID) + "/delete", Button: "Delete " + u.Login, Back: userURL(u.ID),
	})
}

func (c *Console) deleteUser(v *visit) error {
	if err := c.o.Actions.DeleteUser(v.ctx(), v.by, v.r.PathValue("id")); err != nil {
		return err
	}
	return c.done(v, prefix+"users", "user-deleted")
}
