package console

import "net/http"

// confirmation is the body of a page that asks before something is done that
// cannot be taken back.
type confirmation struct {
	Question string // "Delete user ann?"
	Text     string // what follows from it
	Action   string // where the form goes
	Button   string
	Back     string
	Hidden   map[string]string
}

// confirm asks.
func (c *Console) confirm(v *visit, section string, body confirmation) error {
	return c.show(v, http.StatusOK, "confirm", section, body.Question, body)
}
