package openapi

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/watchword-auth/watchword/httpauth"
)

// route writes one operation.
func (f *face) route(r httpauth.Described) error {
	method := strings.ToLower(r.Method)
	if !slices.Contains([]string{"get", "put", "post", "delete", "options", "head", "patch", "trace"}, method) {
		return fmt.Errorf("OpenAPI knows no method %s", r.Method)
	}
	doc := r.Route.Doc
	id := doc.ID
	if id == "" {
		below := strings.TrimPrefix(r.Path, strings.TrimSuffix(f.Profile.Prefix, "/"))
		id = word(f.Profile.Name + "_" + method + "_" + strings.Trim(below, "/"))
	}
	if slices.Contains(f.ids, id) {
		return fmt.Errorf("two operations are called %s", id)
	}
	f.ids = append(f.ids, id)
	tags := doc.Tags
	if tags == nil {
		tags = f.about.Tags
	}
	if tags == nil {
		tags = []string{f.Profile.Name}
	}
	for _, name := range tags {
		f.tag(name, f.about.Description)
	}
	o := httpauth.Object{{Name: "operationId", Value: id}, {Name: "summary", Value: or(or(doc.Summary, summary(r.Route.Op)), r.Method+" "+r.Path)}}
	if text := or(doc.Description, description(r.Route.Op)); text != "" {
		o = append(o, httpauth.Pair{Name: "description", Value: text})
	}
	o = append(o, httpauth.Pair{Name: "tags", Value: tags})
	if list := f.security(r); list != nil {
		o = append(o, httpauth.Pair{Name: "security", Value: list})
	}
	if list := f.parameters(r); list != nil {
		o = append(o, httpauth.Pair{Name: "parameters", Value: list})
	}
	body, err := requestBody(r.Route)
	if err != nil {
		return err
	}
	if body != nil {
		o = append(o, httpauth.Pair{Name: "requestBody", Value: body})
	}
	answers, err := f.answers(r)
	if err != nil {
		return err
	}
	p := f.at(r.Path)
	if slices.ContainsFunc(p.operations, func(known httpauth.Pair) bool { return known.Name == method }) {
		return fmt.Errorf("%s %s is described already", r.Method, r.Path)
	}
	p.operations = append(p.operations, httpauth.Pair{Name: method, Value: append(o, httpauth.Pair{Name: "responses", Value: answers})})
	return nil
}

// parameters are those of the path, of the query and of headers.
func (f *face) parameters(r httpauth.Described) []httpauth.Object {
	var list []httpauth.Object
	add := func(in string, p httpauth.Parameter) {
		o := httpauth.Object{{Name: "name", Value: p.Name}, {Name: "in", Value: in}}
		if p.Description != "" {
			o = append(o, httpauth.Pair{Name: "description", Value: p.Description})
		}
		schema := httpauth.Object{{Name: "type", Value: typeOf(p.Example)}}
		if p.OneOf != nil {
			schema = append(schema, httpauth.Pair{Name: "enum", Value: p.OneOf})
		}
		o = append(o, httpauth.Pair{Name: "required", Value: p.Required || in == "path"}, httpauth.Pair{Name: "schema", Value: schema})
		if p.Example != nil {
			o = append(o, httpauth.Pair{Name: "example", Value: p.Example})
		}
		list = append(list, o)
	}
	for part := range strings.SplitSeq(r.Path, "/") {
		if name, ok := strings.CutPrefix(part, "{"); ok {
			add("path", httpauth.Parameter{Name: strings.TrimSuffix(name, "}")})
		}
	}
	for _, p := range r.Route.Doc.Query {
		add("query", p)
	}
	for _, p := range r.Route.Doc.Header {
		add("header", p)
	}
	if f.CSRF != "" && !r.Route.InsecureUnprotected && r.Method != http.MethodGet && r.Method != http.MethodHead && r.Method != http.MethodOptions {
		add("header", httpauth.Parameter{
			Name: f.CSRF, Description: "What the cookie against cross-site requests holds, where cookies carry the token.",
		})
	}
	return list
}

func typeOf(example any) string {
	switch example.(type) {
	case int, int64:
		return "integer"
	case bool:
		return "boolean"
	default:
		return "string"
	}
}

// requestBody is what the route reads; nil where it reads nothing.
func requestBody(route httpauth.Route) (httpauth.Object, error) {
	var content httpauth.Object
	required := false
	add := func(media string, schema httpauth.Object) {
		content = append(content, httpauth.Pair{Name: media, Value: httpauth.Object{{Name: "schema", Value: schema}}})
	}
	in := route.In
	if route.Doc.Body != nil {
		examples, err := written(route.Doc.Body)
		if err != nil {
			return nil, err
		}
		s, err := shapeOf(examples...)
		if err != nil {
			return nil, err
		}
		content = append(content, httpauth.Pair{Name: "application/json", Value: httpauth.Object{
			{Name: "schema", Value: s.schema()}, {Name: "example", Value: httpauth.Raw(examples[0])},
		}})
		required = true
	}
	if in.Form != nil {
		form := fieldsSchema(in, true)
		add("application/x-www-form-urlencoded", form)
		if in.Multipart {
			add("multipart/form-data", form)
		}
	}
	if in.JSON != nil {
		add("application/json", fieldsSchema(in, false))
	}
	for _, field := range slices.Concat(in.JSON, in.Form) {
		required = required || !field.Optional
	}
	if content == nil {
		return nil, nil //nolint:nilnil // no body, and no fault either
	}
	return httpauth.Object{{Name: "required", Value: required}, {Name: "content", Value: content}}, nil
}

// fieldsSchema is the object that fields make.
func fieldsSchema(in httpauth.Input, form bool) httpauth.Object {
	fields := in.JSON
	if form {
		fields = in.Form
	}
	properties := httpauth.Object{}
	var required []string
	for _, f := range fields {
		name := or(f.Name, string(f.Param))
		properties = append(properties, httpauth.Pair{Name: name, Value: fieldSchema(f, form)})
		if !f.Optional {
			required = append(required, name)
		}
	}
	o := httpauth.Object{{Name: "type", Value: "object"}, {Name: "properties", Value: properties}}
	if required != nil {
		o = append(o, httpauth.Pair{Name: "required", Value: required})
	}
	if in.Strict {
		o = append(o, httpauth.Pair{Name: "additionalProperties", Value: false})
	}
	return o
}

func fieldSchema(f httpauth.Field, form bool) httpauth.Object {
	var o httpauth.Object
	switch {
	case f.Flag:
		o = httpauth.Object{{Name: "type", Value: "boolean"}}
	case f.NumberAsText && !form:
		o = httpauth.Object{{Name: "type", Value: []string{"string", "number"}}}
	default:
		o = httpauth.Object{{Name: "type", Value: "string"}}
	}
	switch f.Param {
	case httpauth.ParamPassword, httpauth.ParamCurrent, httpauth.ParamNew, httpauth.ParamClientSecret:
		o = append(o, httpauth.Pair{Name: "format", Value: "password"})
	case httpauth.ParamScope:
		o = append(o, httpauth.Pair{Name: "description", Value: "Scopes, with spaces between them."})
	default:
	}
	if f.OneOf != nil {
		values := slices.Clone(f.OneOf)
		if f.Optional {
			values = append(values, "") // empty is absent (RFC 6749, section 3.1)
		}
		o = append(o, httpauth.Pair{Name: "enum", Value: values})
	} else if !f.Optional && !f.Flag {
		o = append(o, httpauth.Pair{Name: "minLength", Value: 1})
	}
	return o
}

// written are examples as JSON.
func written(examples []any) ([][]byte, error) {
	list := make([][]byte, len(examples))
	for i, v := range examples {
		text, err := httpauth.Style{}.Marshal(v)
		if err != nil {
			return nil, fmt.Errorf("example: %w", err)
		}
		list[i] = text
	}
	return list, nil
}
