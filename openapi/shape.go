package openapi

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/watchword-auth/watchword/httpauth"
)

// shape is what examples of a JSON value have in common.
type shape struct {
	kinds   []string // types of JSON Schema, in the order in which they were seen
	members []member
	objects int    // examples that were objects
	items   *shape // of arrays; nil where all were empty
	dates   bool   // all texts so far were times of RFC 3339
}

type member struct {
	name  string
	shape *shape
	seen  int // in how many objects
}

// shapeOf infers what examples have in common.
func shapeOf(examples ...[]byte) (*shape, error) {
	s := &shape{}
	for _, text := range examples {
		d := jsontext.NewDecoder(bytes.NewReader(text))
		if err := s.add(d); err != nil {
			return nil, fmt.Errorf("example %.80s: %w", text, err)
		}
	}
	return s, nil
}

// add reads one example.
func (s *shape) add(d *jsontext.Decoder) error {
	token, err := d.ReadToken()
	if err != nil {
		return err
	}
	switch token.Kind() {
	case '{':
		s.note("object")
		s.objects++
		return s.addMembers(d)
	case '[':
		s.note("array")
		for d.PeekKind() != ']' {
			if s.items == nil {
				s.items = &shape{}
			}
			if err := s.items.add(d); err != nil {
				return err
			}
		}
		_, err = d.ReadToken()
		return err
	case '"':
		_, fault := time.Parse(time.RFC3339, token.String())
		s.dates = fault == nil && (s.dates || !slices.Contains(s.kinds, "string"))
		s.note("string")
	case '0':
		// A sum of money or a share would be a number; nothing here is.
		s.note("integer")
	case 't', 'f':
		s.note("boolean")
	default:
		s.note("null")
	}
	return nil
}

func (s *shape) addMembers(d *jsontext.Decoder) error {
	for d.PeekKind() != '}' {
		name, err := d.ReadToken()
		if err != nil {
			return err
		}
		text := name.String()
		i := slices.IndexFunc(s.members, func(m member) bool { return m.name == text })
		if i < 0 {
			i = len(s.members)
			s.members = append(s.members, member{name: text, shape: &shape{}})
		}
		s.members[i].seen++
		if err := s.members[i].shape.add(d); err != nil {
			return err
		}
	}
	_, err := d.ReadToken()
	return err
}

func (s *shape) note(kind string) {
	if !slices.Contains(s.kinds, kind) {
		s.kinds = append(s.kinds, kind)
	}
}

// schema is the shape as JSON Schema 2020-12.
func (s *shape) schema() httpauth.Object {
	var o httpauth.Object
	switch len(s.kinds) {
	case 0:
		return o // anything
	case 1:
		o = httpauth.Object{{Name: "type", Value: s.kinds[0]}}
	default:
		o = httpauth.Object{{Name: "type", Value: s.kinds}}
	}
	if s.dates {
		o = append(o, httpauth.Pair{Name: "format", Value: "date-time"})
	}
	if s.items != nil {
		o = append(o, httpauth.Pair{Name: "items", Value: s.items.schema()})
	}
	if len(s.members) == 0 {
		return o
	}
	var properties httpauth.Object
	var required []string
	for _, m := range s.members {
		properties = append(properties, httpauth.Pair{Name: m.name, Value: m.shape.schema()})
		if m.seen == s.objects {
			required = append(required, m.name)
		}
	}
	o = append(o, httpauth.Pair{Name: "properties", Value: properties})
	if required != nil {
		o = append(o, httpauth.Pair{Name: "required", Value: required})
	}
	return o
}
