// Package adminapi is administration as JSON over HTTP: each route reads its
// request, has package manage act, and writes the answer. Who may what is
// decided there, and there alone.
package adminapi

import (
	"errors"
	"net/http"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/manage"
	"github.com/watchword-auth/watchword/httpauth"
)

// Options are what an API is made from. All but Now are needed.
type Options struct {
	Actions *manage.Actions
	// Receipts keeps the answers to requests with an Idempotency-Key.
	Receipts watchword.Receipts
	// Seal is the database's seal key: what is kept in receipts hangs on it.
	Seal []byte
	Now  func() time.Time // nil means time.Now
}

// API is the routes. Make one with [New].
type API struct {
	actions  *manage.Actions
	receipts *receipts
}

// New checks the wiring.
func New(o Options) (*API, error) {
	if o.Actions == nil || o.Receipts == nil || len(o.Seal) != 32 {
		return nil, errors.New("adminapi: Actions, Receipts and a Seal of 32 bytes are needed")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	receipts, err := newReceipts(o)
	if err != nil {
		return nil, err
	}
	return &API{o.Actions, receipts}, nil
}

// Profile returns the routes, below /auth/v1/admin. t is the native face's
// transport, whose tokens count here.
func (a *API) Profile(t httpauth.Transport) httpauth.Profile {
	routes := a.users()
	routes = append(routes, a.sessions()...)
	routes = append(routes, a.keys()...)
	routes = append(routes, a.clients()...)
	routes = append(routes, a.look()...)
	return httpauth.Profile{
		Name: "admin", Prefix: httpauth.NativePrefix, Transport: t, Routes: routes, Problem: problem,
		Headers: []string{idempotencyKey},
		About: httpauth.About{
			Title: "Administration",
			Description: "For tokens with the scope admin, and for staff by their permissions. " +
				"Lists come in pages: `next` is the `cursor` of the following one, null after the last. Errors are problem details (RFC 9457).",
			Tags:   []string{"Administration"},
			Scopes: []httpauth.ScopeInfo{{Name: manage.ScopeAdmin, Description: "administer users, sessions, keys and clients"}},
		},
	}
}

// call is a request whose bearer is known.
type call struct {
	*httpauth.Exchange
	by manage.Actor
}

// serve finds out who asks before do is run.
func (a *API) serve(do func(c *call) (httpauth.Reply, error)) func(*httpauth.Exchange) (httpauth.Reply, error) {
	return func(x *httpauth.Exchange) (httpauth.Reply, error) {
		by, err := a.actions.Actor(x.Request.Context(), x.Claims, x.Client)
		if err != nil {
			return httpauth.Reply{}, err
		}
		reply, err := do(&call{x, by})
		return reply, told(err)
	}
}

// told turns what is wrong with the input into what the profile's answer
// lists.
func told(err error) error {
	var input *manage.InputError
	if !errors.As(err, &input) {
		return err
	}
	faults := make([]httpauth.Fault, len(input.Faults))
	for i, f := range input.Faults {
		faults[i] = httpauth.Fault{Kind: httpauth.FaultValue, Param: httpauth.Param(f.Field), Name: f.Field, Reason: f.Reason}
	}
	return httpauth.Invalid(faults...)
}

// problem is RFC 9457.
func problem(p httpauth.Problem) httpauth.Reply {
	o := httpauth.Object{
		{Name: "type", Value: "about:blank"}, // section 4.2.1: the title is the status's
		{Name: "title", Value: http.StatusText(p.Status)},
		{Name: "status", Value: int64(p.Status)},
		{Name: "detail", Value: p.Description},
		{Name: "code", Value: p.Code.Error()},
	}
	if len(p.Faults) > 0 {
		o = append(o, httpauth.Pair{Name: "errors", Value: faults(p.Faults)})
	}
	r := httpauth.JSON(p.Status, o)
	if r.Header == nil {
		r.Header = make(http.Header)
	}
	r.Header.Set("Content-Type", "application/problem+json")
	if p.Challenge != "" {
		r.Header.Set("WWW-Authenticate", p.Challenge)
	}
	return r
}

func faults(list []httpauth.Fault) []httpauth.Object {
	all := make([]httpauth.Object, 0, len(list))
	for _, f := range list {
		reason := f.Reason
		if reason == "" {
			reason = "the value is missing, or of the wrong type"
		}
		all = append(all, httpauth.Object{{Name: "field", Value: f.Name}, {Name: "reason", Value: reason}})
	}
	return all
}

// noContent is the answer to what is done.
func noContent() httpauth.Reply { return httpauth.Reply{Status: http.StatusNoContent} }
