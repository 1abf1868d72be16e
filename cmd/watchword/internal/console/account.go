package console

import (
	"errors"
	"net/http"

	"github.com/watchword-auth/watchword"
)

// accountPage is the body of one's own page.
type accountPage struct {
	Me          watchword.User
	Permissions []string
	Sessions    []watchword.SessionInfo
	Errors      map[string]string
}

func (c *Console) account(v *visit) error {
	return c.showAccount(v, http.StatusOK, nil)
}

func (c *Console) showAccount(v *visit, status int, faults map[string]string) error {
	sessions, err := c.o.Native.Sessions(v.ctx(), v.claims)
	if err != nil {
		return err
	}
	return c.show(v, status, "account", "account", "Your account", accountPage{v.me, v.me.Permissions, sessions, faults})
}

// changeOwnPassword demands the current one, which counts with the limiter.
func (c *Console) changeOwnPassword(v *visit) error {
	form := v.r.PostForm
	if form.Get("new") != form.Get("again") {
		return c.showAccount(v, http.StatusUnprocessableEntity, map[string]string{"again": "The two differ."})
	}
	err := c.o.Native.ChangePassword(v.ctx(), watchword.PasswordChange{
		Claims: v.claims, Current: form.Get("current"), New: form.Get("new"), Client: v.by.From,
	})
	var retry *watchword.RetryError
	switch code := watchword.CodeOf(err); {
	case err == nil:
		return c.done(v, prefix+"account", "password-changed")
	case code == watchword.PasswordWeak:
		return c.showAccount(v, http.StatusUnprocessableEntity, map[string]string{"new": weak(err)})
	case code == watchword.InvalidCredentials:
		return c.showAccount(v, http.StatusUnprocessableEntity, map[string]string{"current": "That is not your password."})
	case code == watchword.NotFound:
		return c.showAccount(v, http.StatusUnprocessableEntity, map[string]string{"current": "Your password is kept by another system, and changed there."})
	case code == watchword.RateLimited && errors.As(err, &retry):
		v.w.Header().Set("Retry-After", seconds(retry.After))
		return c.showAccount(v, http.StatusTooManyRequests, map[string]string{
			"current": "There were too many attempts. Try again in " + wait(retry.After) + ".",
		})
	default:
		return err
	}
}

func (c *Console) endOwnSession(v *visit) error {
	if err := c.o.Native.EndSession(v.ctx(), v.claims, v.r.PathValue("id"), v.by.From); err != nil {
		return err
	}
	return c.done(v, prefix+"account", "session-ended")
}

// endOtherSessions ends all of one's own sessions but this one.
func (c *Console) endOtherSessions(v *visit) error {
	_, err := c.door.auth.End(v.ctx(), watchword.Which{UserID: v.me.ID, Except: v.claims.Number})
	if err != nil {
		return err
	}
	return c.done(v, prefix+"account", "sessions-ended")
}
