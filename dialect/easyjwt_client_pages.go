package dialect

import (
	"errors"
	"html"
	"net/http"
	"strings"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/httpauth"
	"github.com/watchword-auth/watchword/jwt"
)

// Fields of the forms, as Django calls them.
const (
	paramNext   httpauth.Param = "next"
	paramRepeat httpauth.Param = "new_password2"
)

// pageRoutes are those on which people sign in, by a session that the server
// keeps.
func (c *easyjwtClient) pageRoutes() []httpauth.Route {
	form := func(fields ...httpauth.Field) httpauth.Input {
		for i := range fields {
			fields[i].Optional = true // what is missing is said on the page
		}
		fields = append(fields, httpauth.Field{Param: djwtoCSRFField, Optional: true})
		return httpauth.Input{Form: fields, OtherAsEmpty: true}
	}
	return []httpauth.Route{
		{Pattern: "GET login/", Serve: c.serveLoginPage, Needs: needs[easyjwtPages]},
		{
			Pattern: "POST login/", Serve: c.fromForm(c.serveLogin), Needs: needs[easyjwtPages],
			In: form(httpauth.Field{Param: httpauth.ParamLogin, Name: "username"}, httpauth.Field{Param: httpauth.ParamPassword}, httpauth.Field{Param: paramNext}),
		},
		{Pattern: "POST logout/", Serve: c.fromForm(c.serveLeave), Needs: needs[easyjwtPages], In: form()},
		{Pattern: "GET password-change/", Serve: c.servePasswordPage, Needs: needs[easyjwtPages]},
		{
			Pattern: "POST password-change/", Serve: c.fromForm(c.servePassword), Needs: needs[easyjwtPages],
			In: form(
				httpauth.Field{Param: httpauth.ParamCurrent, Name: "old_password"},
				httpauth.Field{Param: httpauth.ParamNew, Name: "new_password1"}, httpauth.Field{Param: paramRepeat},
			),
		},
		{Pattern: "GET password-change/done/", Serve: c.servePasswordDone},
	}
}

// fromForm refuses posts that are not of a form of ours: without a session
// nothing has looked at them yet, and to make a browser sign in as somebody
// else is an attack as well (ASVS 3.5.1).
func (c *easyjwtClient) fromForm(serve func(*httpauth.Exchange) (httpauth.Reply, error)) func(*httpauth.Exchange) (httpauth.Reply, error) {
	return func(x *httpauth.Exchange) (httpauth.Reply, error) {
		if err := new(http.CrossOriginProtection).Check(x.Request); err != nil {
			return httpauth.Reply{}, errors.Join(watchword.CrossOrigin, err)
		}
		if err := checkRepeated(x); err != nil {
			return httpauth.Reply{}, err
		}
		return serve(x)
	}
}

// visitor returns who has a session, and whether the authority knows him.
func (c *easyjwtClient) visitor(x *httpauth.Exchange) (u watchword.User, remote bool, err error) {
	id, _ := cookieValue(x.Request, sessionCookie)
	if id == "" {
		return u, false, watchword.Unauthenticated
	}
	return x.Service.(easyjwtPages).SessionUser(x.Request.Context(), id)
}

func (c *easyjwtClient) serveLoginPage(x *httpauth.Exchange) (httpauth.Reply, error) {
	u, remote, err := c.visitor(x)
	if err != nil {
		return c.loginForm(x, http.StatusOK, "", x.Request.URL.Query().Get("next")), nil
	}
	who := u.Email
	if who == "" {
		who = u.Login
	}
	page := newPage(x.Request, "Signed in")
	page.text("You are signed in as " + who + ".")
	if remote {
		page.link(c.prefix+"password-change/", "Change password")
	}
	page.form(c.prefix+"logout/", "Sign out")
	return page.reply(http.StatusOK), nil
}

func (c *easyjwtClient) loginForm(x *httpauth.Exchange, status int, fault, next string) httpauth.Reply {
	page := newPage(x.Request, "Sign in")
	page.fault(fault)
	page.form(c.prefix+"login/", "Sign in",
		input{"username", "E-mail", "text", ""}, input{"password", "Password", "password", ""}, input{"next", "", "hidden", httpauth.LocalPath(next)})
	return page.reply(status)
}

// serveLogin opens a session. The one that the browser had ends: nobody holds
// it any more, unless he stole it (ASVS 7.2.4).
func (c *easyjwtClient) serveLogin(x *httpauth.Exchange) (httpauth.Reply, error) {
	pages, ctx := x.Service.(easyjwtPages), x.Request.Context()
	next := httpauth.LocalPath(x.Text(paramNext))
	id, until, err := pages.OpenSession(ctx, watchword.SignInRequest{
		Credentials: watchword.Credentials{Login: x.Text(httpauth.ParamLogin), Password: x.Text(httpauth.ParamPassword)}, Client: x.Client,
	})
	switch code := watchword.CodeOf(err); {
	case err == nil:
	case code == watchword.Unavailable, code == watchword.RateLimited:
		return c.loginForm(x, http.StatusServiceUnavailable, "Sign-in is not possible now. Please try again later.", next), nil
	case code == watchword.Internal:
		return httpauth.Reply{}, err
	default:
		return c.loginForm(x, http.StatusUnauthorized, "Please enter a correct e-mail and password.", next), nil
	}
	if old, _ := cookieValue(x.Request, sessionCookie); old != "" {
		_ = pages.CloseSession(ctx, old, x.Client)
	}
	if next == "" {
		next = c.prefix + "login/"
	}
	r := redirect(next)
	r.Header.Add("Set-Cookie", pageCookie(x.Request, id, until))
	// A new one: whoever knew the CSRF token before does not know it now.
	setCSRFCookie(r.Header, x.Request, newCSRFToken())
	return r, nil
}

// serveLeave ends the session here in any case.
func (c *easyjwtClient) serveLeave(x *httpauth.Exchange) (httpauth.Reply, error) {
	if id, _ := cookieValue(x.Request, sessionCookie); id != "" {
		_ = x.Service.(easyjwtPages).CloseSession(x.Request.Context(), id, x.Client)
	}
	r := redirect(c.prefix + "login/")
	r.Header.Add("Set-Cookie", pageCookie(x.Request, "", time.Time{}))
	return r, nil
}

// toLogin sends somebody without a session to the form, and back afterwards.
func (c *easyjwtClient) toLogin() httpauth.Reply {
	r := redirect(c.prefix + "login/?next=" + c.prefix + "password-change/")
	r.Header.Set("Vary", "Cookie")
	return r
}

func (c *easyjwtClient) servePasswordPage(x *httpauth.Exchange) (httpauth.Reply, error) {
	_, remote, err := c.visitor(x)
	if err != nil {
		return c.toLogin(), nil
	}
	return c.passwordForm(x, http.StatusOK, remote, ""), nil
}

func (c *easyjwtClient) passwordForm(x *httpauth.Exchange, status int, remote bool, fault string) httpauth.Reply {
	page := newPage(x.Request, "Password change")
	if !remote {
		page.text("Your account is one of this service's own: ask whoever runs it.")
		return page.reply(status)
	}
	page.fault(fault)
	page.form(c.prefix+"password-change/", "Change my password",
		input{"old_password", "Old password", "password", ""},
		input{"new_password1", "New password", "password", ""}, input{"new_password2", "New password confirmation", "password", ""})
	return page.reply(status)
}

// servePassword has the authority change the password.
func (c *easyjwtClient) servePassword(x *httpauth.Exchange) (httpauth.Reply, error) {
	u, remote, err := c.visitor(x)
	if err != nil {
		return c.toLogin(), nil
	}
	old, pass := x.Text(httpauth.ParamCurrent), x.Text(httpauth.ParamNew)
	switch {
	case !remote:
		return c.passwordForm(x, http.StatusForbidden, false, ""), nil
	case old == "" || pass == "":
		return c.passwordForm(x, http.StatusBadRequest, true, "This field is required."), nil
	case pass != x.Text(paramRepeat):
		return c.passwordForm(x, http.StatusBadRequest, true, "The two password fields didn't match."), nil
	}
	err = x.Service.(easyjwtPages).SetPassword(x.Request.Context(), u.Email, old, pass, x.Client)
	refused := answered(nil)
	switch code := watchword.CodeOf(err); {
	case err == nil:
		return redirect(c.prefix + "password-change/done/"), nil
	case code == watchword.Unavailable, code == watchword.RateLimited:
		return c.passwordForm(x, http.StatusServiceUnavailable, true, "The password cannot be changed now. Please try again later."), nil
	case errors.As(err, &refused):
		return c.passwordForm(x, http.StatusBadRequest, true, reasons(refused.Answer())), nil
	default:
		return httpauth.Reply{}, err
	}
}

func (c *easyjwtClient) servePasswordDone(x *httpauth.Exchange) (httpauth.Reply, error) {
	page := newPage(x.Request, "Password change successful")
	page.text("Your password was changed.")
	page.link(c.prefix+"login/", "Sign in")
	return page.reply(http.StatusOK), nil
}

// reasons are the texts of a refusal's lists, or its detail.
func reasons(answer []byte) string {
	var list []string
	_ = jwt.Walk(answer, func(name string, v jwt.Value) error { // what cannot be read has no reasons
		if texts, err := v.Texts(); err == nil && name != "code" {
			list = append(list, texts...)
		}
		return nil
	})
	if list == nil {
		return "The password was not changed."
	}
	return strings.Join(list, " ")
}

// clientPage is a plain one: a heading, texts, and forms that repeat the CSRF
// cookie.
type clientPage struct {
	body   strings.Builder
	header http.Header
	token  string
}

// input is a field of a form.
type input struct{ name, label, kind, value string }

func newPage(r *http.Request, title string) *clientPage {
	p := &clientPage{header: http.Header{
		"Content-Type":            {"text/html; charset=utf-8"},
		"Content-Security-Policy": {"default-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"},
		"Referrer-Policy":         {"same-origin"}, // no-referrer would take the Origin from our own forms
		"Vary":                    {"Cookie"},
	}}
	p.token = csrfFor(p.header, r)
	title = html.EscapeString(title)
	p.body.WriteString("<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><title>" +
		title + "</title></head>\n<body>\n<h1>" + title + "</h1>\n")
	return p
}

func (p *clientPage) text(s string) { p.body.WriteString("<p>" + html.EscapeString(s) + "</p>\n") }

func (p *clientPage) fault(s string) {
	if s != "" {
		p.body.WriteString("<p role=\"alert\">" + html.EscapeString(s) + "</p>\n")
	}
}

func (p *clientPage) link(to, text string) {
	p.body.WriteString("<p><a href=\"" + html.EscapeString(to) + "\">" + html.EscapeString(text) + "</a></p>\n")
}

func (p *clientPage) form(action, submit string, inputs ...input) {
	p.body.WriteString("<form method=\"post\" action=\"" + html.EscapeString(action) + "\">\n")
	for _, f := range append(inputs, input{string(djwtoCSRFField), "", "hidden", p.token}) {
		field := "<input type=\"" + f.kind + "\" name=\"" + f.name + "\" value=\"" + html.EscapeString(f.value) + "\">"
		if f.kind != "hidden" {
			field = "<p><label>" + html.EscapeString(f.label) + " " + field + "</label></p>"
		}
		p.body.WriteString(field + "\n")
	}
	p.body.WriteString("<p><button type=\"submit\">" + html.EscapeString(submit) + "</button></p>\n</form>\n")
}

func (p *clientPage) reply(status int) httpauth.Reply {
	p.body.WriteString("</body>\n</html>\n")
	return httpauth.Reply{Status: status, Header: p.header, Body: []byte(p.body.String())}
}
