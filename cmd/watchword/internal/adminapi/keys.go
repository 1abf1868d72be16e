package adminapi

import (
	"net/http"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/manage"
	"github.com/watchword-auth/watchword/httpauth"
)

func (a *API) keys() []httpauth.Route {
	face := httpauth.Pair{Name: "profile", Value: watchword.NativeProfile}
	kid := httpauth.Pair{Name: "kid", Value: sampleKey().ID}
	return []httpauth.Route{
		{
			Pattern: "GET admin/keys", Guarded: true, Serve: a.serve(a.listKeys),
			Doc: httpauth.Doc{
				Summary: "List signing keys", Description: needs(manage.ViewKeys) + " Of all faces, those that are gone included. Nothing in it is secret.",
				Answers:  []httpauth.Answer{{Examples: []any{keyList(sampleKey())}}},
				Refusals: []watchword.Code{watchword.PermissionDenied},
			},
		},
		{
			Pattern: "POST admin/keys/rotate", Guarded: true, Serve: a.serve(a.rotateKeys),
			Doc: httpauth.Doc{
				Summary:     "Sign with the next key",
				Description: needs(manage.ChangeKeys) + " The former key verifies until the last token that it signed has expired. No profile means the native face.",
				Body:        []any{httpauth.Object{face}, httpauth.Object{}},
				Answers:     []httpauth.Answer{{Status: http.StatusNoContent}},
				Refusals:    []watchword.Code{watchword.PermissionDenied, watchword.NotFound, watchword.Conflict},
			},
		},
		{
			Pattern: "POST admin/keys/retire", Guarded: true, Serve: a.serve(a.retireKey),
			Doc: httpauth.Doc{
				Summary: "Take a key out of use", Description: needs(manage.ChangeKeys) + " What it signed is refused at once: for a key that has leaked.",
				Body:     []any{httpauth.Object{kid, face}, httpauth.Object{kid}},
				Answers:  []httpauth.Answer{{Status: http.StatusNoContent}},
				Refusals: []watchword.Code{watchword.PermissionDenied, watchword.NotFound, watchword.Conflict},
			},
		},
	}
}

func keyRecord(k manage.Key) httpauth.Object {
	return httpauth.Object{
		{Name: "profile", Value: k.Profile},
		{Name: "kid", Value: k.ID},
		{Name: "alg", Value: k.Algorithm},
		{Name: "state", Value: k.State},
		{Name: "imported", Value: k.Imported},
		{Name: "fixed", Value: k.Fixed},
		{Name: "created_at", Value: instant(k.CreatedAt)},
		{Name: "state_at", Value: instant(k.StateAt)},
	}
}

func keyList(keys ...manage.Key) httpauth.Object {
	return httpauth.Object{{Name: "keys", Value: records(keys, keyRecord)}}
}

func sampleKey() manage.Key {
	return manage.Key{Profile: watchword.NativeProfile, KeyRecord: watchword.KeyRecord{
		ID: "ylPXx2OEVBBjSDiVKI3LaMskNA2VCqE6X9tnsQHYJuo", Algorithm: "ES256", State: "active", CreatedAt: sampleTime(), StateAt: sampleTime(),
	}}
}

func (a *API) listKeys(c *call) (httpauth.Reply, error) {
	if err := c.query().end(); err != nil {
		return httpauth.Reply{}, err
	}
	keys, err := a.actions.Keys(c.Request.Context(), c.by)
	if err != nil {
		return httpauth.Reply{}, err
	}
	return c.JSON(http.StatusOK, keyList(keys...))
}

func (a *API) rotateKeys(c *call) (httpauth.Reply, error) {
	var in struct {
		Profile given[string] `json:"profile"`
	}
	if _, err := c.body(&in); err != nil {
		return httpauth.Reply{}, err
	}
	return noContent(), a.actions.RotateKeys(c.Request.Context(), c.by, in.Profile.value)
}

func (a *API) retireKey(c *call) (httpauth.Reply, error) {
	var in struct {
		ID      given[string] `json:"kid"`
		Profile given[string] `json:"profile"`
	}
	if _, err := c.body(&in); err != nil {
		return httpauth.Reply{}, err
	}
	if in.ID.value == "" {
		return httpauth.Reply{}, wrong("kid", "it is missing")
	}
	return noContent(), a.actions.RetireKey(c.Request.Context(), c.by, in.Profile.value, in.ID.value)
}
