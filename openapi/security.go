package openapi

import (
	"cmp"
	"slices"
	"strings"

	"github.com/watchword-auth/watchword/httpauth"
)

// makeSchemes notes the ways to show a token: the password flow where a route
// signs in by its form, and the transport's headers and cookies.
func (f *face) makeSchemes() error {
	flow, err := f.flows()
	if err != nil {
		return err
	}
	for _, c := range f.Carriers {
		if flow && f.about.Scheme != "" && !c.Refresh && bearer(c) {
			continue // the flow's token rides there
		}
		text := f.about.SchemeDescription
		if flow || text == "" {
			text = "An access token."
		}
		name, err := put(&f.schemes, f.nameOf(c), scheme(c, text))
		if err != nil {
			return err
		}
		if c.Refresh {
			f.refresh = append(f.refresh, name)
		} else {
			f.access = append(f.access, name)
		}
	}
	if f.refresh == nil {
		f.refresh = f.access // where the header shows either
	}
	if slices.ContainsFunc(f.Routes, forClients) {
		f.client, err = put(&f.schemes, "client", httpauth.Object{
			{Name: "type", Value: "http"},
			{Name: "scheme", Value: "basic"},
			{Name: "description", Value: "Id and secret of a machine client (RFC 6749, section 2.3.1)."},
		})
	}
	return err
}

// forClients reports whether a machine client may show its secret at a route.
func forClients(r httpauth.Described) bool {
	op := r.Route.Op
	return op == httpauth.OpToken || op == httpauth.OpIntrospect || op == httpauth.OpRevoke || r.Token == httpauth.NeedsClient
}

func bearer(c httpauth.Carrier) bool {
	return c.Header == "Authorization" && strings.EqualFold(c.Scheme, "Bearer")
}

// nameOf is the name of a header's or a cookie's scheme. Those of dialects
// are known to their clients.
func (f *face) nameOf(c httpauth.Carrier) string {
	switch {
	case c.Cookie != "":
		return word(c.Cookie)
	case f.about.Scheme != "" && f.access == nil:
		return word(f.about.Scheme)
	case bearer(c):
		return "bearer"
	default:
		return word(c.Header + "_" + c.Scheme)
	}
}

func scheme(c httpauth.Carrier, text string) httpauth.Object {
	var o httpauth.Object
	switch {
	case bearer(c):
		o = httpauth.Object{{Name: "type", Value: "http"}, {Name: "scheme", Value: "bearer"}, {Name: "bearerFormat", Value: "JWT"}}
	case c.Cookie != "":
		o = httpauth.Object{{Name: "type", Value: "apiKey"}, {Name: "in", Value: "cookie"}, {Name: "name", Value: c.Cookie}}
		text = "Set at sign-in, and sent by browsers."
	default:
		// OpenAPI knows the schemes that are registered, in Authorization.
		o = httpauth.Object{{Name: "type", Value: "apiKey"}, {Name: "in", Value: "header"}, {Name: "name", Value: c.Header}}
		text += " The value is " + c.Scheme + ", a space and the token."
	}
	return append(o, httpauth.Pair{Name: "description", Value: text})
}

// flows notes the OAuth 2.0 flows of the route that signs in by a form, and
// reports whether there is one.
func (f *face) flows() (bool, error) {
	for _, k := range f.kin {
		i := slices.IndexFunc(k.Routes, func(r httpauth.Described) bool {
			form := slices.ContainsFunc(r.Route.In.Form, func(p httpauth.Field) bool {
				return p.Param == httpauth.ParamLogin && or(p.Name, string(p.Param)) == "username"
			})
			return form && (r.Route.Op == httpauth.OpToken || r.Route.Op == httpauth.OpSignIn)
		})
		if i < 0 || len(k.Routes[i].Answers) == 0 {
			continue
		}
		if always, ever := handsOut(k.Routes[i].Answers[0]); ever {
			name, err := f.flow(k.about, k.Routes[i], always)
			f.access = append(f.access, name)
			return true, err
		}
	}
	return false, nil
}

// flow notes the flows of one route. about is its profile's; people get their
// token in the answer, or machines alone do.
func (f *face) flow(about httpauth.About, r httpauth.Described, people bool) (string, error) {
	url := f.server + r.Path
	scopes := httpauth.Object{}
	for _, s := range f.scopes() {
		scopes = append(scopes, httpauth.Pair{Name: s.Name, Value: s.Description})
	}
	password := httpauth.Object{{Name: "tokenUrl", Value: url}}
	refresh := about.RefreshURL
	if refresh == "" && r.Route.Op == httpauth.OpToken {
		refresh = url
	}
	if refresh != "" {
		password = append(password, httpauth.Pair{Name: "refreshUrl", Value: refresh})
	}
	var flows httpauth.Object
	if people {
		flows = append(flows, httpauth.Pair{Name: "password", Value: append(password, httpauth.Pair{Name: "scopes", Value: scopes})})
	}
	if r.Route.Op == httpauth.OpToken {
		flows = append(flows, httpauth.Pair{Name: "clientCredentials", Value: httpauth.Object{
			{Name: "tokenUrl", Value: url}, {Name: "scopes", Value: scopes},
		}})
	}
	o := httpauth.Object{{Name: "type", Value: "oauth2"}}
	if about.SchemeDescription != "" {
		o = append(o, httpauth.Pair{Name: "description", Value: about.SchemeDescription})
	}
	return put(&f.schemes, word(or(about.Scheme, "oauth2")), append(o, httpauth.Pair{Name: "flows", Value: flows}))
}

// handsOut reports whether the body of an answer has an access token, where a
// client of OAuth 2.0 looks for it (RFC 6749, section 5.1): always, or at
// least for machines.
func handsOut(a httpauth.Answer) (always, ever bool) {
	always = len(a.Examples) > 0
	for _, v := range a.Examples {
		raw, _ := v.(httpauth.Raw)
		s, err := shapeOf(raw)
		has := err == nil && slices.ContainsFunc(s.members, func(m member) bool { return m.name == "access_token" })
		always, ever = always && has, ever || has
	}
	return always, ever
}

// scopes are those that profiles over the service declare, and those that
// their routes demand.
func (f *face) scopes() []httpauth.ScopeInfo {
	var list []httpauth.ScopeInfo
	add := func(s httpauth.ScopeInfo) {
		if !slices.ContainsFunc(list, func(known httpauth.ScopeInfo) bool { return known.Name == s.Name }) {
			list = append(list, s)
		}
	}
	for _, k := range f.kin {
		for _, s := range k.about.Scopes {
			add(s)
		}
	}
	for _, k := range f.kin {
		for _, r := range k.Routes {
			for _, name := range r.Route.Scopes {
				add(httpauth.ScopeInfo{Name: name})
			}
		}
	}
	slices.SortStableFunc(list, func(a, b httpauth.ScopeInfo) int { return cmp.Compare(a.Name, b.Name) })
	return list
}

// security are the alternatives of a route; nil where it wants nothing.
func (f *face) security(r httpauth.Described) []httpauth.Object {
	if f.about.NoScheme {
		return nil
	}
	// For schemes other than OAuth 2.0 these are "role names which are
	// required for the execution" (OpenAPI 3.1, Security Requirement Object).
	scopes := r.Route.Scopes
	if scopes == nil {
		scopes = []string{}
	}
	var list []httpauth.Object
	by := func(names ...string) {
		for _, name := range names {
			list = append(list, httpauth.Object{{Name: name, Value: scopes}})
		}
	}
	nothing := func() { list = append(list, httpauth.Object{}) }
	ownRefresh := slices.ContainsFunc(f.Carriers, func(c httpauth.Carrier) bool { return c.Refresh })
	switch {
	case r.Route.Op == httpauth.OpIntrospect, r.Route.Op == httpauth.OpRevoke, r.Route.Op == httpauth.OpToken:
		nothing() // in the form
		by(f.client)
	case r.Token == httpauth.NeedsAccess, r.Token == httpauth.ListedAccess:
		by(f.access...)
	case r.Token == httpauth.NeedsRefresh:
		by(f.refresh...)
	case r.Token == httpauth.NeedsClient:
		by(f.client)
		by(f.access...)
	case r.Token == httpauth.OptionalAccess:
		nothing()
		by(f.access...)
		if ownRefresh {
			by(f.refresh...)
		}
	case r.Route.Op == httpauth.OpRefresh && ownRefresh:
		nothing()
		by(f.refresh...)
	}
	return list
}
