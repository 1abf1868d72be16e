package openapi

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/watchword-auth/watchword/httpauth"
)

// Info heads a document.
type Info struct {
	Title, Version, Description string
	// Server is the path, or the URL, below which the routes are as clients
	// see them; "" means "/".
	Server string
}

// Write returns the document of faces, as JSON. It reports routes that would
// be described twice, and examples that cannot be written. Profiles and routes
// that are hidden are left out.
func Write(info Info, faces ...httpauth.Face) ([]byte, error) {
	b := &document{server: strings.TrimSuffix(info.Server, "/")}
	var faults []error
	var all []*face
	for _, f := range faces {
		if f.Profile.About.Hidden {
			continue
		}
		d, err := f.Describe()
		faults = append(faults, err)
		all = append(all, &face{document: b, Description: d, about: d.Profile.About, service: f.Service})
	}
	for _, f := range all {
		f.kin = slices.DeleteFunc(slices.Clone(all), func(other *face) bool { return !same(f.service, other.service) })
		faults = append(faults, f.write())
	}
	if err := errors.Join(faults...); err != nil {
		return nil, fmt.Errorf("openapi: %w", err)
	}
	text, err := httpauth.Style{}.Marshal(b.object(info))
	if err != nil {
		return nil, fmt.Errorf("openapi: %w", err)
	}
	return text, nil
}

// document is one that is being written.
type document struct {
	server    string
	paths     []path
	tags      []httpauth.Object
	schemes   []component
	responses []component
	ids       []string
}

type path struct {
	pattern    string
	operations httpauth.Object // by method
}

// component is a named part.
type component struct {
	name  string
	text  string // as JSON, by which parts are compared
	value httpauth.Object
}

func (b *document) object(info Info) httpauth.Object {
	head := httpauth.Object{{Name: "title", Value: or(info.Title, "Watchword")}}
	if info.Description != "" {
		head = append(head, httpauth.Pair{Name: "description", Value: info.Description})
	}
	head = append(head, httpauth.Pair{Name: "version", Value: or(info.Version, "0")})
	var paths httpauth.Object
	for _, p := range b.paths {
		paths = append(paths, httpauth.Pair{Name: p.pattern, Value: p.operations})
	}
	return httpauth.Object{
		{Name: "openapi", Value: "3.1.0"},
		{Name: "info", Value: head},
		{Name: "servers", Value: []httpauth.Object{{{Name: "url", Value: or(info.Server, "/")}}}},
		{Name: "tags", Value: b.tags},
		{Name: "paths", Value: paths},
		{Name: "components", Value: httpauth.Object{
			{Name: "responses", Value: named(b.responses)},
			{Name: "securitySchemes", Value: named(b.schemes)},
		}},
	}
}

func named(list []component) httpauth.Object {
	var o httpauth.Object
	for _, c := range list {
		o = append(o, httpauth.Pair{Name: c.name, Value: c.value})
	}
	return o
}

// face is a profile that is being described.
type face struct {
	*document
	httpauth.Description

	about   httpauth.About
	service httpauth.Service
	kin     []*face  // all faces over the same service: tokens of one count at the others
	access  []string // names of the schemes that show an access token
	refresh []string // of those that show a refresh token
	client  string   // of the one for machine clients
}

// write writes the face's routes.
func (f *face) write() error {
	if err := f.makeSchemes(); err != nil {
		return err
	}
	var faults []error
	for _, r := range f.Routes {
		if err := f.route(r); err != nil {
			faults = append(faults, fmt.Errorf("profile %s: route %s: %w", f.Profile.Name, r.Route.Pattern, err))
		}
	}
	return errors.Join(faults...)
}

// same reports whether two faces have the same service.
func same(a, b httpauth.Service) bool {
	return a == nil && b == nil || a != nil && b != nil && reflect.TypeOf(a).Comparable() && a == b
}

// tag notes a tag once.
func (b *document) tag(name, description string) {
	if slices.ContainsFunc(b.tags, func(o httpauth.Object) bool { return o[0].Value == name }) {
		return
	}
	o := httpauth.Object{{Name: "name", Value: name}}
	if description != "" {
		o = append(o, httpauth.Pair{Name: "description", Value: description})
	}
	b.tags = append(b.tags, o)
}

// at returns the path's place.
func (b *document) at(pattern string) *path {
	for i := range b.paths {
		if b.paths[i].pattern == pattern {
			return &b.paths[i]
		}
	}
	b.paths = append(b.paths, path{pattern: pattern})
	return &b.paths[len(b.paths)-1]
}

// put finds a part that is the same, or adds it under a name that is free.
func put(list *[]component, name string, value httpauth.Object) (string, error) {
	text, err := httpauth.Style{}.Marshal(value)
	if err != nil {
		return "", err
	}
	free := name
	for n := 2; ; n++ {
		i := slices.IndexFunc(*list, func(c component) bool { return c.name == free })
		if i < 0 {
			break
		}
		if (*list)[i].text == string(text) {
			return free, nil
		}
		free = fmt.Sprintf("%s_%d", name, n)
	}
	*list = append(*list, component{name: free, text: string(text), value: value})
	return free, nil
}

// word makes a name that may stand in a reference and in programs.
func word(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9')
	}), "_")
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
