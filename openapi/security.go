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
		name, err := put(&f.schemes, f.nameOf(c), f.scheme(c))
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
	for _, r := range f.Routes {
		switch r.Route.Op {
		case httpauth.OpToken, httpauth.OpIntrospect, httpauth.OpRevoke:
			f.client, err = put(&f.schemes, "client", httpauth.Object{
				{Name: "type", Value: "http"},
				{Name: "scheme", Value: "basic"},
				{Name: "description", Value: "Id and secret of a machine client (RFC 6749, section 2.3.1)."},
			})
			return err
		default:
		}
	}
	return nil
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

func (f *face) scheme(c httpauth.Carrier) httpauth.Object {
	var o httpauth.Object
	text := f.about.SchemeDescription
	switch {
	case bearer(c):
		o = httpauth.Object{{Name: "type", Value: "http"}, {Name: "scheme", Value: "bearer"}, {Name: "bearerFormat", Value: "JWT"}}
	case c.Cookie != "":
		o = httpauth.Object{{Name: "type", Value: "apiKey"}, {Name: "in", Value: "cookie"}, {Name: "name", Value: c.Cookie}}
		text = "Set at sign-in, and sent by browsers."
	default:
		// OpenAPI knows the schemes that are registered, in Authorization.
		o = httpauth.Object{{Name: "type", Value: "apiKey"}, {Name: "in", Value: "header"}, {Name: "name", Value: c.Header}}
		text = strings.TrimSpace(text + " The value is " + c.Scheme + ", a space and the token.")
	}
	if text != "" {
		o = append(o, httpauth.Pair{Name: "description", Value: text})
	}
	return o
}

// flows notes the OAuth 2.0 flows of the route that signs in by a form, and
// reports whether there is one.
func (f *face) flows() (bool, error) {
	i := slices.IndexFunc(f.Routes, func(r httpauth.Described) bool {
		form := slices.ContainsFunc(r.Route.In.Form, func(p httpauth.Field) bool {
			return p.Param == httpauth.ParamLogin && or(p.Name, string(p.Param)) == "username"
		})
		op := r.Route.Op
		return form && (op == httpauth.OpToken || op == httpauth.OpSignIn)
	})
	if i < 0 || len(f.Routes[i].Answers) == 0 {
		return false, nil
	}
	always, ever := f.handsOut(f.Routes[i].Answers[0])
	if !ever {
		return false, nil
	}
	route := f.Routes[i].Route
	url := f.server + f.Routes[i].Path
	scopes := httpauth.Object{}
	for _, s := range f.scopes() {
		scopes = append(scopes, httpauth.Pair{Name: s.Name, Value: s.Description})
	}
	password := httpauth.Object{{Name: "tokenUrl", Value: url}}
	refresh := f.about.RefreshURL
	if refresh == "" && route.Op == httpauth.OpToken {
		refresh = url
	}
	if refresh != "" {
		password = append(password, httpauth.Pair{Name: "refreshUrl", Value: refresh})
	}
	var flows httpauth.Object
	if always {
		flows = append(flows, httpauth.Pair{Name: "password", Value: append(password, httpauth.Pair{Name: "scopes", Value: scopes})})
	}
	if route.Op == httpauth.OpToken {
		flows = append(flows, httpauth.Pair{Name: "clientCredentials", Value: httpauth.Object{
			{Name: "tokenUrl", Value: url}, {Name: "scopes", Value: scopes},
		}})
	}
	o := httpauth.Object{{Name: "type", Value: "oauth2"}}
	if f.about.SchemeDescription != "" {
		o = append(o, httpauth.Pair{Name: "description", Value: f.about.SchemeDescription})
	}
	name, err := put(&f.schemes, word(or(f.about.Scheme, "oauth2")), append(o, httpauth.Pair{Name: "flows", Value: flows}))
	f.access = append(f.access, name)
	return true, err
}

// handsOut reports whether the body of an answer has an access token, where a
// client of OAuth 2.0 looks for it (RFC 6749, section 5.1): always, or at
// least for machines.
func (f *face) handsOut(a httpauth.Answer) (always, ever bool) {
	always = len(a.Examples) > 0
	for _, v := range a.Examples {
		raw, _ := v.(httpauth.Raw)
		s, err := shapeOf(raw)
		has := err == nil && slices.ContainsFunc(s.members, func(m member) bool { return m.name == "access_token" })
		always, ever = always && has, ever || has
	}
	return always, ever
}

// scopes are those that the profile declares, and those that its routes
// demand.
func (f *face) scopes() []httpauth.ScopeInfo {
	list := slices.Clone(f.about.Scopes)
	for _, r := range f.Routes {
		for _, name := range r.Route.Scopes {
			if !slices.ContainsFunc(list, func(s httpauth.ScopeInfo) bool { return s.Name == name }) {
				list = append(list, httpauth.ScopeInfo{Name: name})
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
