package console

import (
	"errors"
	"net/http"

	"github.com/watchword-auth/watchword"
)

// signInPage is the body of the page at the door.
type signInPage struct {
	Login, Next, Fault string
	Plain              bool // the browser will not keep the cookie
}

// signInForm shows the door. Who is inside already goes on.
func (c *Console) signInForm(w http.ResponseWriter, r *http.Request) {
	next := onward(r.URL.Query().Get("next"))
	v, err := c.door.enter(w, r)
	switch {
	case err != nil:
		c.refuse(w, r, nil, err)
	case v != nil:
		http.Redirect(w, r, next, http.StatusSeeOther) //nolint:gosec // G710: onward let it pass
	default:
		c.showSignIn(w, r, http.StatusOK, signInPage{Next: next})
	}
}

func (c *Console) showSignIn(w http.ResponseWriter, r *http.Request, status int, body signInPage) {
	body.Plain = !encrypted(r) && !loopback(r.Host)
	page := c.view("", "Sign in", body)
	var err error
	if page.CSRF, err = c.door.forgery.issue(w, r, nil); err == nil {
		err = c.write(w, status, "signin", page)
	}
	if err != nil {
		c.refuse(w, r, nil, err)
	}
}

// signIn opens a session. A refusal is the same for a login that does not
// exist, a wrong password and one who is not of the staff.
func (c *Console) signIn(w http.ResponseWriter, r *http.Request) {
	err := parseForm(w, r)
	if err == nil {
		err = c.door.forgery.check(r, nil)
	}
	if err != nil {
		c.refuse(w, r, nil, err)
		return
	}
	body := signInPage{Login: r.PostForm.Get("login"), Next: onward(r.PostForm.Get("next"))}
	err = c.door.open(w, r, watchword.Credentials{Login: body.Login, Password: r.PostForm.Get("password")})
	var retry *watchword.RetryError
	switch code := watchword.CodeOf(err); {
	case err == nil:
		http.Redirect(w, r, body.Next, http.StatusSeeOther)
	case errors.As(err, &retry) && code == watchword.RateLimited:
		w.Header().Set("Retry-After", seconds(retry.After))
		body.Fault = "There were too many attempts. Try again in " + wait(retry.After) + "."
		c.o.Report(r, http.StatusTooManyRequests, err)
		c.showSignIn(w, r, http.StatusTooManyRequests, body)
	case code == watchword.InvalidCredentials, code == watchword.PermissionDenied, code == watchword.InvalidRequest:
		// 403: 401 demands a challenge, and HTTP has none for forms (RFC 9110,
		// section 15.5.2).
		body.Fault = "Login or password is wrong, or this account may not use these pages."
		c.o.Report(r, http.StatusForbidden, err)
		c.showSignIn(w, r, http.StatusForbidden, body)
	default:
		c.refuse(w, r, nil, err)
	}
}

// signOut ends the session at once.
func (c *Console) signOut(v *visit) error {
	if err := c.door.leave(v.w, v.r); err != nil {
		return err
	}
	http.Redirect(v.w, v.r, prefix+"signin", http.StatusSeeOther)
	return nil
}
