package compare

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
)

// node is a JSON value that remembers the order of its members.
type node struct {
	kind    string // "object", "list", "text", "number", "true or false", "null"
	members []member
	items   []*node
	scalar  any
}

type member struct {
	name  string
	value *node
}

const (
	object = "object"
	list   = "list"
	null   = "null"
)

// decode reads JSON text; ok is false where it is none.
func decode(text string) (n *node, ok bool) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	n, err := value(d)
	if err != nil {
		return nil, false
	}
	_, err = d.Token()
	return n, errors.Is(err, io.EOF)
}

func value(d *json.Decoder) (*node, error) {
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t := t.(type) {
	case json.Delim:
		n := &node{kind: object}
		if t == '[' {
			n.kind = list
		}
		for d.More() {
			var name string
			if n.kind == object {
				key, err := d.Token()
				if err != nil {
					return nil, err
				}
				name, _ = key.(string) // the decoder sees to it
			}
			v, err := value(d)
			if err != nil {
				return nil, err
			}
			if n.kind == object {
				n.members = append(n.members, member{name, v})
			} else {
				n.items = append(n.items, v)
			}
		}
		_, err := d.Token()
		return n, err
	case string:
		return &node{kind: "text", scalar: t}, nil
	case json.Number:
		return &node{kind: "number", scalar: t}, nil
	case bool:
		return &node{kind: "true or false", scalar: t}, nil
	default:
		return &node{kind: null}, nil
	}
}

func (n *node) member(name string) *node {
	for _, m := range n.members {
		if m.name == name {
			return m.value
		}
	}
	return nil
}

// like reports whether two values have one shape: members of the same names,
// order and types. null is like anything: the other user has no such value.
// Lists are compared by their first items.
func (n *node) like(o *node) bool {
	if n.kind == null || o.kind == null {
		return true
	}
	if n.kind != o.kind || len(n.members) != len(o.members) {
		return false
	}
	for i, m := range n.members {
		if m.name != o.members[i].name || !m.value.like(o.members[i].value) {
			return false
		}
	}
	return len(n.items) == 0 || len(o.items) == 0 || n.items[0].like(o.items[0])
}

// outline writes the shape.
func (n *node) outline() string {
	switch {
	case n == nil:
		return "absent"
	case n.kind == object:
		parts := make([]string, len(n.members))
		for i, m := range n.members {
			parts[i] = m.name + ": " + m.value.outline()
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case n.kind == list && len(n.items) > 0:
		return "[" + n.items[0].outline() + "]"
	case n.kind == list:
		return "[]"
	default:
		return n.kind
	}
}

// plain writes the value itself.
func plain(n *node) string {
	switch n.kind {
	case object:
		parts := make([]string, len(n.members))
		for i, m := range n.members {
			parts[i] = m.name + ": " + plain(m.value)
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case list:
		parts := make([]string, len(n.items))
		for i, item := range n.items {
			parts[i] = plain(item)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	default:
		text, err := json.Marshal(n.scalar)
		if err != nil {
			return n.kind
		}
		return string(text)
	}
}
