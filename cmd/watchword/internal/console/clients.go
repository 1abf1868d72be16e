package console

import (
	"errors"
	"net/http"
	"slices"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/manage"
)

// clientList is the body of the list of machine clients.
type clientList struct {
	Clients   []watchword.ClientRecord
	CanChange bool
}

func (c *Console) clients(v *visit) error {
	list, err := c.o.Actions.Clients(v.ctx(), v.by)
	if err != nil {
		return err
	}
	body := clientList{list, v.by.Can(manage.ChangeClients)}
	return c.show(v, http.StatusOK, "clients", "clients", "Machine clients", body)
}

// clientForm is a client to be added.
type clientForm struct {
	Name, Scopes string
	Errors       map[string]string
	Fault        string
}

func (c *Console) newClient(v *visit) error {
	if !v.by.Can(manage.ChangeClients) {
		return watchword.PermissionDenied
	}
	return c.show(v, http.StatusOK, "client-new", "clients", "Add a machine client", clientForm{})
}

// addClient makes a client and shows its secret. There is no page to go on
// to: the secret is nowhere but in this answer.
func (c *Console) addClient(v *visit) error {
	f := clientForm{Name: v.text("name"), Scopes: v.text("scopes"), Errors: make(map[string]string)}
	made, err := c.o.Actions.AddClient(v.ctx(), v.by, f.Name, words(f.Scopes))
	var input *manage.InputError
	var policy *watchword.PolicyError
	switch {
	case err == nil:
		return c.showSecret(v, made)
	case errors.As(err, &input):
		for _, fault := range input.Faults {
			f.Errors[fault.Field] = sentence(fault.Reason)
		}
	case errors.As(err, &policy) && v.by.Can(manage.ChangeClients):
		f.Fault = sentence(policy.Message)
	case watchword.CodeOf(err) == watchword.Conflict:
		f.Errors["name"] = "There is a client with this name already."
	default:
		return err
	}
	return c.show(v, refusedForm(err), "client-new", "clients", "Add a machine client", f)
}

func (c *Console) showSecret(v *visit, made manage.NewClient) error {
	return c.show(v, http.StatusOK, "client-secret", "clients", "The secret of "+made.Name, made)
}

// asked returns the client that is asked about.
func (c *Console) asked(v *visit) (watchword.ClientRecord, error) {
	id := v.r.URL.Query().Get("id")
	list, err := c.o.Actions.Clients(v.ctx(), v.by)
	if err != nil {
		return watchword.ClientRecord{}, err
	}
	i := slices.IndexFunc(list, func(r watchword.ClientRecord) bool { return r.ID == id })
	if i < 0 {
		return watchword.ClientRecord{}, watchword.NotFound
	}
	return list[i], nil
}

func (c *Console) confirmSecret(v *visit) error {
	client, err := c.asked(v)
	if err != nil {
		return err
	}
	return c.confirm(v, "clients", confirmation{
		Question: "Give " + client.Name + " a new secret?",
		Text:     "The old one ends at once: the client gets no more tokens until it knows the new one.",
		Action:   prefix + "clients/secret", Button: "Make a new secret", Back: prefix + "clients",
		Hidden: map[string]string{"id": client.ID},
	})
}

func (c *Console) renewSecret(v *visit) error {
	made, err := c.o.Actions.RenewClientSecret(v.ctx(), v.by, v.r.PostForm.Get("id"))
	if err != nil {
		return err
	}
	return c.showSecret(v, made)
}

func (c *Console) confirmDeleteClient(v *visit) error {
	client, err := c.asked(v)
	if err != nil {
		return err
	}
	return c.confirm(v, "clients", confirmation{
		Question: "Delete " + client.Name + "?",
		Text:     "The client gets no more tokens, and those that it has are refused.",
		Action:   prefix + "clients/delete", Button: "Delete " + client.Name, Back: prefix + "clients",
		Hidden: map[string]string{"id": client.ID},
	})
}

func (c *Console) deleteClient(v *visit) error {
	if _, err := c.o.Actions.DeleteClient(v.ctx(), v.by, v.r.PostForm.Get("id")); err != nil {
		return err
	}
	return c.done(v, prefix+"clients", "client-deleted")
}
