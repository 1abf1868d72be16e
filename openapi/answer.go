package openapi

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/watchword-auth/watchword/httpauth"
)

// answer is a status that a route answers, with all examples of it.
type answer struct {
	status      int
	description string
	bodies      []body
	codes       []string // of refusals
	waits       bool
	challenge   string
}

// body are examples of one media type.
type body struct {
	media    string
	names    []string // of the examples: codes, "" for none
	examples [][]byte // JSON, or any text
}

// answers writes a route's answers by status. What is refused is a component,
// because many routes refuse alike.
func (f *face) answers(r httpauth.Described) (httpauth.Object, error) {
	list, err := gather(r)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(list, func(a, b answer) int { return a.status - b.status })
	var o httpauth.Object
	for _, a := range list {
		value, err := a.object()
		if err != nil {
			return nil, err
		}
		if a.status < 300 && f.setsCookies(r.Route.Op) {
			value = slices.Insert(value, 1, httpauth.Pair{Name: "headers", Value: f.cookies()})
		}
		status := strconv.Itoa(a.status)
		if a.status >= 400 {
			name, err := put(&f.document.responses, word(f.Profile.Name)+"_"+status, value)
			if err != nil {
				return nil, err
			}
			value = httpauth.Object{{Name: "$ref", Value: "#/components/responses/" + name}}
		}
		o = append(o, httpauth.Pair{Name: status, Value: value})
	}
	return o, nil
}

// setsCookies reports whether an operation hands out tokens in cookies.
func (f *face) setsCookies(op httpauth.Op) bool {
	return f.Profile.Transport.Ambient() && (op == httpauth.OpToken || op == httpauth.OpSignIn || op == httpauth.OpRefresh)
}

func (f *face) cookies() httpauth.Object {
	var names []string
	for _, c := range f.Carriers {
		if c.Cookie != "" {
			names = append(names, c.Cookie)
		}
	}
	return httpauth.Object{{Name: "Set-Cookie", Value: httpauth.Object{
		{Name: "description", Value: "The tokens: " + strings.Join(names, ", ") + "."},
		{Name: "schema", Value: httpauth.Object{{Name: "type", Value: "string"}}},
	}}}
}

// gather puts what a route answers together by status.
func gather(r httpauth.Described) ([]answer, error) {
	var list []answer
	at := func(status int) *answer {
		i := slices.IndexFunc(list, func(a answer) bool { return a.status == status })
		if i < 0 {
			i = len(list)
			list = append(list, answer{status: status})
		}
		return &list[i]
	}
	for _, one := range r.Answers {
		a := at(one.Status)
		a.description = or(a.description, one.Description)
		for _, v := range one.Examples {
			text, ok := v.(httpauth.Raw)
			if s, plain := v.(string); plain {
				text, ok = httpauth.Raw(s), true
			}
			if !ok {
				return nil, fmt.Errorf("example of %T", v)
			}
			a.example(one.Media, "", text)
		}
	}
	for _, refused := range r.Refusals {
		a := at(refused.Reply.Status)
		code := refused.Code.Error()
		if !slices.Contains(a.codes, code) {
			a.codes = append(a.codes, code)
		}
		a.waits = a.waits || refused.Waits
		a.challenge = or(a.challenge, refused.Reply.Header.Get("WWW-Authenticate"))
		if len(refused.Reply.Body) > 0 {
			a.example(refused.Reply.Header.Get("Content-Type"), code, refused.Reply.Body)
		}
	}
	return list, nil
}

// example adds an example, once.
func (a *answer) example(media, name string, text []byte) {
	media = or(media, "application/json")
	i := slices.IndexFunc(a.bodies, func(b body) bool { return b.media == media })
	if i < 0 {
		i = len(a.bodies)
		a.bodies = append(a.bodies, body{media: media})
	}
	b := &a.bodies[i]
	if slices.ContainsFunc(b.examples, func(known []byte) bool { return string(known) == string(text) }) {
		return
	}
	b.names = append(b.names, name)
	b.examples = append(b.examples, text)
}

func (a *answer) object() (httpauth.Object, error) {
	text := or(a.description, http.StatusText(a.status))
	if a.codes != nil {
		text += ": " + strings.Join(a.codes, ", ")
	}
	o := httpauth.Object{{Name: "description", Value: text}}
	if headers := a.headers(); headers != nil {
		o = append(o, httpauth.Pair{Name: "headers", Value: headers})
	}
	var content httpauth.Object
	for _, b := range a.bodies {
		value, err := b.object()
		if err != nil {
			return nil, err
		}
		content = append(content, httpauth.Pair{Name: b.media, Value: value})
	}
	if content != nil {
		o = append(o, httpauth.Pair{Name: "content", Value: content})
	}
	return o, nil
}

func (a *answer) headers() httpauth.Object {
	var o httpauth.Object
	if a.challenge != "" {
		o = append(o, httpauth.Pair{Name: "WWW-Authenticate", Value: httpauth.Object{
			{Name: "schema", Value: httpauth.Object{{Name: "type", Value: "string"}}}, {Name: "example", Value: a.challenge},
		}})
	}
	if a.waits {
		o = append(o, httpauth.Pair{Name: "Retry-After", Value: httpauth.Object{
			{Name: "description", Value: "Seconds to wait."}, {Name: "schema", Value: httpauth.Object{{Name: "type", Value: "integer"}}},
		}})
	}
	return o
}

func (b body) object() (httpauth.Object, error) {
	if !strings.HasPrefix(b.media, "application/") || !strings.Contains(b.media, "json") {
		return httpauth.Object{{Name: "schema", Value: httpauth.Object{{Name: "type", Value: "string"}}}}, nil
	}
	s, err := shapeOf(b.examples...)
	if err != nil {
		return nil, err
	}
	o := httpauth.Object{{Name: "schema", Value: s.schema()}}
	if b.names[0] == "" {
		return append(o, httpauth.Pair{Name: "example", Value: httpauth.Raw(b.examples[0])}), nil
	}
	var examples httpauth.Object
	for i, text := range b.examples {
		name := b.names[i]
		if slices.ContainsFunc(examples, func(p httpauth.Pair) bool { return p.Name == name }) {
			continue // of input that is wrong in many ways the first says enough
		}
		examples = append(examples, httpauth.Pair{Name: name, Value: httpauth.Object{{Name: "value", Value: httpauth.Raw(text)}}})
	}
	return append(o, httpauth.Pair{Name: "examples", Value: examples}), nil
}
