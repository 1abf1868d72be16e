package adminapi

import (
	"net/http"
	"net/url"
	"slices"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/manage"
	"github.com/watchword-auth/watchword/httpauth"
)

func (a *API) clients() []httpauth.Route {
	return []httpauth.Route{
		{
			Pattern: "GET admin/clients", Guarded: true, Serve: a.serve(a.listClients),
			Doc: httpauth.Doc{
				Summary: "List machine clients", Description: needs(manage.ViewClients), Query: paging(),
				Answers:  []httpauth.Answer{{Examples: pages("clients", clientRecord(sampleClient()))}},
				Refusals: []watchword.Code{watchword.InvalidRequest, watchword.PermissionDenied},
			},
		},
		{
			Pattern: "POST admin/clients", Guarded: true, Serve: a.serve(a.addClient),
			Doc: httpauth.Doc{
				Summary: "Add a machine client", Description: needs(manage.ChangeClients) + " The secret is shown once. " + holds,
				Header:   idempotency(),
				Body:     bodies(httpauth.Object{{Name: "name", Value: "shop"}, {Name: "scopes", Value: []string{"orders:read"}}, {Name: "user_fields", Value: []string{"email"}}}, "name"),
				Answers:  []httpauth.Answer{{Status: http.StatusCreated, Examples: []any{newClientRecord(sampleNewClient())}}},
				Refusals: []watchword.Code{watchword.PermissionDenied, watchword.Conflict},
			},
		},
		{
			Pattern: "POST admin/clients/{id}/secret", Guarded: true, Serve: a.serve(a.renewClient),
			Doc: httpauth.Doc{
				Summary: "Give a machine client a new secret", Description: needs(manage.ChangeClients) + " The old one ends at once. " + holds,
				Answers:  []httpauth.Answer{{Examples: []any{newClientRecord(sampleNewClient())}}},
				Refusals: []watchword.Code{watchword.PermissionDenied, watchword.NotFound},
			},
		},
		{
			Pattern: "DELETE admin/clients/{id}", Guarded: true, Serve: a.serve(a.deleteClient),
			Doc: httpauth.Doc{
				Summary: "Delete a machine client", Description: needs(manage.ChangeClients) + " Its tokens are refused from then on.",
				Answers:  []httpauth.Answer{{Status: http.StatusNoContent}},
				Refusals: []watchword.Code{watchword.PermissionDenied, watchword.NotFound},
			},
		},
	}
}

const holds = "Nobody but a superuser gets hold of a client with a scope that he does not have himself, nor, without users.view, of one that copies users' records."

func clientRecord(r watchword.ClientRecord) httpauth.Object {
	return httpauth.Object{
		{Name: "id", Value: r.ID},
		{Name: "name", Value: r.Name},
		{Name: "scopes", Value: r.Scopes},
		{Name: "user_fields", Value: r.UserFields},
		{Name: "created_at", Value: instant(r.CreatedAt)},
	}
}

func newClientRecord(n manage.NewClient) httpauth.Object {
	return append(clientRecord(n.ClientRecord), httpauth.Pair{Name: "secret", Value: n.Secret})
}

func sampleClient() watchword.ClientRecord {
	return watchword.ClientRecord{ID: "client_ABCDEFGHIJKLMNOPQRST", Name: "shop", Scopes: []string{"orders:read"}, UserFields: []string{"email"}, CreatedAt: sampleTime()}
}

func sampleNewClient() manage.NewClient {
	return manage.NewClient{ClientRecord: sampleClient(), Secret: "shown-once"}
}

// listClients cuts the page out of all of them: clients are few, and made by
// hand.
func (a *API) listClients(c *call) (httpauth.Reply, error) {
	q := c.query()
	after, limit := q.place(), q.limit()
	if err := q.end(); err != nil {
		return httpauth.Reply{}, err
	}
	list, err := a.actions.Clients(c.Request.Context(), c.by)
	if err != nil {
		return httpauth.Reply{}, err
	}
	if limit == 0 {
		limit = 100
	}
	list = slices.DeleteFunc(list, func(r watchword.ClientRecord) bool { return r.Name <= after && after != "" })
	next := ""
	if len(list) > limit {
		list = list[:limit]
		next = list[limit-1].Name
	}
	return c.page("clients", records(list, clientRecord), next)
}

func (a *API) addClient(c *call) (httpauth.Reply, error) {
	var in struct {
		Name       given[string]   `json:"name"`
		Scopes     given[[]string] `json:"scopes"`
		UserFields given[[]string] `json:"user_fields"`
	}
	body, err := c.body(&in)
	if err != nil {
		return httpauth.Reply{}, err
	}
	return a.receipts.once(c, body, manage.ChangeClients, func() (httpauth.Reply, error) {
		made, err := a.actions.AddClient(c.Request.Context(), c.by, in.Name.value, in.Scopes.value, in.UserFields.value...)
		if err != nil {
			return httpauth.Reply{}, err
		}
		return c.made("clients/"+url.PathEscape(made.ID), newClientRecord(made))
	})
}

func (a *API) renewClient(c *call) (httpauth.Reply, error) {
	renewed, err := a.actions.RenewClientSecret(c.Request.Context(), c.by, c.Request.PathValue("id"))
	if err != nil {
		return httpauth.Reply{}, err
	}
	return c.JSON(http.StatusOK, newClientRecord(renewed))
}

func (a *API) deleteClient(c *call) (httpauth.Reply, error) {
	_, err := a.actions.DeleteClient(c.Request.Context(), c.by, c.Request.PathValue("id"))
	return noContent(), err
}
