package console

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/manage"
	"github.com/watchword-auth/watchword/httpauth"
)

// visit is a request of somebody who is signed in.
type visit struct {
	w      http.ResponseWriter
	r      *http.Request
	me     watchword.User // as the store has him now
	claims *watchword.Claims
	by     manage.Actor // the same, as actions know him
	csrf   string
}

func (v *visit) ctx() context.Context { return v.r.Context() }

// text returns a field of the form without spaces around it.
func (v *visit) text(name string) string { return strings.TrimSpace(v.r.PostForm.Get(name)) }

// maxForm bounds a form, in bytes.
const maxForm = 128 << 10

// parseForm reads the body of a form. Fields in the address are no form.
func parseForm(w http.ResponseWriter, r *http.Request) error {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			return fmt.Errorf("%w: %w", watchword.TooLarge, err)
		}
		return fmt.Errorf("%w: %w", watchword.InvalidRequest, err)
	}
	return nil
}

// inside serves a page to whom is signed in, and shows the door to anybody
// else. What a form does it does only where the form was ours.
func (c *Console) inside(serve func(*visit) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v, err := c.door.enter(w, r)
		if err != nil {
			c.refuse(w, r, nil, err)
			return
		}
		if v == nil {
			c.showDoor(w, r)
			return
		}
		if r.Method == http.MethodPost {
			if err = parseForm(w, r); err == nil {
				err = c.door.forgery.check(r, v.claims)
			}
		}
		if err == nil {
			v.csrf, err = c.door.forgery.issue(w, r, v.claims)
		}
		if err == nil {
			err = serve(v)
		}
		if err != nil {
			c.refuse(w, r, v, err)
		}
	})
}

// showDoor sends somebody to sign in, and back to the page that he asked for.
// What he sent with a form is gone: it was not his to send.
func (c *Console) showDoor(w http.ResponseWriter, r *http.Request) {
	to := prefix + "signin"
	if asked := r.URL.RequestURI(); r.Method == http.MethodGet && onward(asked) == asked && asked != prefix {
		to += "?next=" + url.QueryEscape(asked)
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// show answers with a page.
func (c *Console) show(v *visit, status int, page, section, title string, body any) error {
	w := c.view(section, title, body)
	w.Me, w.Menu, w.CSRF = &v.me, menu(v.by), v.csrf
	w.Done = doneTexts()[v.r.URL.Query().Get("done")]
	return c.write(v.w, status, page, w)
}

func (c *Console) view(section, title string, body any) view {
	return view{
		Title: title, Section: section, Body: body,
		Icon: c.assets.urls["icon.svg"], Style: c.assets.urls["style.css"], Script: c.assets.urls["script.js"],
	}
}

// done sends the browser on to a page, which tells what was done. The address
// carries a code and no text: nobody can make the pages say what he likes.
func (c *Console) done(v *visit, to, code string) error {
	if code != "" {
		to += "?" + url.Values{"done": {code}}.Encode()
	}
	http.Redirect(v.w, v.r, to, http.StatusSeeOther) //nolint:gosec // G710: to begins with our own prefix
	return nil
}

// doneTexts are what was done, by code.
func doneTexts() map[string]string {
	return map[string]string{
		"user-added":       "The user was added.",
		"user-saved":       "Saved.",
		"user-same":        "Nothing was changed.",
		"user-deleted":     "The user was deleted, and his sessions ended.",
		"password-set":     "The password was set, and the user's sessions ended.",
		"password-changed": "Your password was changed, and your other sessions ended.",
		"session-ended":    "The session was ended.",
		"sessions-ended":   "The sessions were ended.",
		"keys-rotated":     "The next key signs from now on.",
		"key-retired":      "The key was retired: what it signed is refused.",
		"client-deleted":   "The client was deleted: its tokens are refused.",
	}
}

// problem is the body of a page that tells of a refusal.
type problem struct{ Text, Request, Back, Way string }

// refuse tells why a page is not shown, as far as it is anybody's business.
func (c *Console) refuse(w http.ResponseWriter, r *http.Request, v *visit, err error) {
	p := httpauth.ProblemOf(err, httpauth.Guarded)
	title, text := refusal(p.Code)
	var policy *watchword.PolicyError
	if errors.As(err, &policy) && policy.Message != "" {
		text = "You may not do this: " + policy.Message + "."
	}
	status := p.Status
	if status == http.StatusUnauthorized {
		status = http.StatusForbidden // no scheme of HTTP's own would help
	}
	id := c.o.Report(r, status, err)
	if p.RetryAfter > 0 {
		w.Header().Set("Retry-After", seconds(p.RetryAfter))
	}
	body := problem{Text: text, Back: prefix, Way: "Back to the start"}
	if status >= http.StatusInternalServerError {
		body.Request = id
	}
	page := c.view("", title, body)
	if v != nil {
		page.Me, page.Menu, page.CSRF = &v.me, menu(v.by), v.csrf
	}
	if err := c.write(w, status, "problem", page); err != nil {
		c.o.Report(r, http.StatusInternalServerError, err)
		http.Error(w, "internal", http.StatusInternalServerError)
	}
}

// refusal is what people are told of a code.
func refusal(code watchword.Code) (title, text string) {
	switch code {
	case watchword.NotFound:
		return "Not found", "There is no such page, or what it showed is gone."
	case watchword.PermissionDenied, watchword.InsufficientScope:
		return "Not allowed", "You lack the permission for this. A superuser can give it to you."
	case watchword.CrossOrigin:
		return "Sent from elsewhere", "This form is out of date, or another site sent it. Nothing was changed. Go back, load the page again and repeat it."
	case watchword.Conflict:
		return "Changed meanwhile", "Somebody else has changed this meanwhile. Nothing was changed. Load the page again and repeat it."
	case watchword.RateLimited:
		return "Too many attempts", "There were too many attempts. Wait a little and try again."
	case watchword.Unavailable:
		return "Not available", "The server cannot do this right now. Try again in a moment."
	case watchword.TooLarge:
		return "Too large", "That is more than is taken here."
	case watchword.InvalidRequest:
		return "Not understood", "The request is not one that these pages make."
	default:
		return "Something went wrong", "This is the server's fault, and it was written down."
	}
}

// seconds is how long to wait, for Retry-After.
func seconds(d time.Duration) string { return strconv.Itoa(max(int(math.Ceil(d.Seconds())), 1)) }

// wait is how long to wait, for people.
func wait(d time.Duration) string {
	if d < time.Minute {
		return count(max(int(math.Ceil(d.Seconds())), 1), "second")
	}
	return count(int(math.Ceil(d.Minutes())), "minute")
}
