package console

import (
	"net/http"

	"github.com/watchword-auth/watchword/cmd/watchword/internal/manage"
	"github.com/watchword-auth/watchword/jwt"
)

// ring is the keys of a face.
type ring struct {
	Profile string
	Fixed   bool // by the settings
	Keys    []manage.Key
}

// keyList is the body of the list of keys.
type keyList struct {
	Rings     []ring
	CanChange bool
}

// keys lists the signing keys by the face that they sign for. Those that are
// gone are left out: they count for nothing any more.
func (c *Console) keys(v *visit) error {
	all, err := c.o.Actions.Keys(v.ctx(), v.by)
	if err != nil {
		return err
	}
	body := keyList{CanChange: v.by.Can(manage.ChangeKeys)}
	for _, k := range all {
		if k.State == jwt.Gone.String() {
			continue
		}
		if n := len(body.Rings); n == 0 || body.Rings[n-1].Profile != k.Profile {
			body.Rings = append(body.Rings, ring{Profile: k.Profile, Fixed: k.Fixed})
		}
		last := &body.Rings[len(body.Rings)-1]
		last.Keys = append(last.Keys, k)
	}
	return c.show(v, http.StatusOK, "keys", "keys", "Keys", body)
}

func (c *Console) rotateKeys(v *visit) error {
	if err := c.o.Actions.RotateKeys(v.ctx(), v.by, v.r.PostForm.Get("profile")); err != nil {
		return err
	}
	return c.done(v, prefix+"keys", "keys-rotated")
}

func (c *Console) confirmRetire(v *visit) error {
	if _, err := c.o.Actions.Keys(v.ctx(), v.by); err != nil {
		return err
	}
	query := v.r.URL.Query()
	return c.confirm(v, "keys", confirmation{
		Question: "Retire key " + query.Get("id") + "?",
		Text:     "Every token that it signed is refused at once; their users refresh or sign in again. This is for a key that has leaked: to change keys in peace, rotate.",
		Action:   prefix + "keys/retire", Button: "Retire the key", Back: prefix + "keys",
		Hidden: map[string]string{"profile": query.Get("profile"), "id": query.Get("id")},
	})
}

func (c *Console) retireKey(v *visit) error {
	form := v.r.PostForm
	if err := c.o.Actions.RetireKey(v.ctx(), v.by, form.Get("profile"), form.Get("id")); err != nil {
		return err
	}
	return c.done(v, prefix+"keys", "key-retired")
}
