package httpauth

import (
	"net/http"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Reply is a whole answer.
type Reply struct {
	Status int // 0 means 200
	// Header adds to the answer's. Without a Content-Type, a body is
	// "application/json", exactly.
	Header http.Header
	Body   []byte

	stream func(http.ResponseWriter) // writes the body in its own time
}

// Object is a JSON object whose members keep their order.
type Object []Pair

// Pair is a member of an Object. Values may be nil, text, booleans, numbers,
// []string, Object, []Object, []any, [Raw], and what package json marshals.
type Pair struct {
	Name  string
	Value any
}

// Raw is JSON text that is written as it is.
type Raw []byte

// MarshalJSON returns the members in their order.
func (o Object) MarshalJSON() ([]byte, error) { return Style{}.Marshal(o) }

// Style is how JSON is laid out. The zero value is compact and leaves
// non-ASCII characters as they are; {true, true} is what Python's json.dumps
// writes by default.
type Style struct {
	Spaced bool // ", " and ": "
	ASCII  bool // everything else as \u escapes
}

// Marshal returns v as JSON, without a final newline.
func (s Style) Marshal(v any) ([]byte, error) {
	b, err := appendJSON(make([]byte, 0, 512), v)
	if err != nil || s == (Style{}) {
		return b, err
	}
	return s.restyle(b), nil
}

// Reply returns v as JSON in this style. A value that cannot be written, a
// programmer's error, becomes a 500.
func (s Style) Reply(status int, v any) Reply {
	b, err := s.Marshal(v)
	if err != nil {
		return Reply{Status: http.StatusInternalServerError, Header: make(http.Header)}
	}
	return Reply{Status: status, Header: make(http.Header), Body: b}
}

// JSON returns v as a compact JSON answer; see [Style.Reply].
func JSON(status int, v any) Reply { return Style{}.Reply(status, v) }

func appendJSON(b []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return append(b, "null"...), nil
	case Raw:
		return append(b, v...), nil
	case string:
		return appendText(b, v), nil
	case bool:
		return strconv.AppendBool(b, v), nil
	case int:
		return strconv.AppendInt(b, int64(v), 10), nil
	case int64:
		return strconv.AppendInt(b, v, 10), nil
	case Object:
		return appendObject(b, v)
	case []string:
		return appendList(b, v)
	case []Object:
		return appendList(b, v)
	case []any:
		return appendList(b, v)
	default:
		text, err := json.Marshal(v, json.Deterministic(true))
		return append(b, text...), err
	}
}

func appendObject(b []byte, o Object) (_ []byte, err error) {
	b = append(b, '{')
	for i, m := range o {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendText(b, m.Name), ':')
		if b, err = appendJSON(b, m.Value); err != nil {
			return nil, err
		}
	}
	return append(b, '}'), nil
}

// appendList writes nil as an empty list: no answer says null where it means
// none.
func appendList[T any](b []byte, list []T) (_ []byte, err error) {
	b = append(b, '[')
	for i, v := range list {
		if i > 0 {
			b = append(b, ',')
		}
		if b, err = appendJSON(b, v); err != nil {
			return nil, err
		}
	}
	return append(b, ']'), nil
}

// appendText writes invalid UTF-8 as U+FFFD, which is what the error says.
func appendText(b []byte, s string) []byte {
	b, _ = jsontext.AppendQuote(b, s)
	return b
}

// restyle lays compact JSON out anew. Commas and colons outside of strings
// are structure, and non-ASCII characters stand only inside of them.
func (s Style) restyle(compact []byte) []byte {
	out := make([]byte, 0, len(compact)*5/4)
	for i, quoted := 0, false; i < len(compact); i++ {
		switch c := compact[i]; {
		case c >= utf8.RuneSelf && s.ASCII:
			r, size := utf8.DecodeRune(compact[i:])
			out = appendEscaped(out, r)
			i += size - 1
		case c == '\\': // only inside strings
			out = append(out, c, compact[i+1])
			i++
		case c == '"':
			quoted = !quoted
			out = append(out, c)
		case (c == ',' || c == ':') && !quoted && s.Spaced:
			out = append(out, c, ' ')
		default:
			out = append(out, c)
		}
	}
	return out
}

// appendEscaped writes a character as one \u escape or, beyond the basic
// plane, as two (RFC 8259, section 7).
func appendEscaped(b []byte, r rune) []byte {
	const hex = "0123456789abcdef"
	unit := func(u rune) {
		b = append(b, '\\', 'u', hex[u>>12&15], hex[u>>8&15], hex[u>>4&15], hex[u&15])
	}
	if r > 0xffff {
		r -= 0x10000
		unit(0xd800 + r>>10)
		r = 0xdc00 + r&0x3ff
	}
	unit(r)
	return b
}

// write sends the reply, with those of the further headers that it has not
// set itself. The reply is only read: a profile may return the same one
// again and again.
func (r Reply) write(w http.ResponseWriter, further ...header) {
	h := w.Header()
	for name, values := range r.Header {
		switch name = http.CanonicalHeaderKey(name); name {
		case "Vary", "Set-Cookie":
			h[name] = slices.Concat(h[name], values) // others have said something too
		default:
			h[name] = slices.Clone(values)
		}
	}
	for _, f := range further {
		if f.value != "" && len(h[f.name]) == 0 {
			h[f.name] = []string{f.value}
		}
	}
	if len(r.Body) > 0 && len(h["Content-Type"]) == 0 {
		h["Content-Type"] = []string{"application/json"}
	}
	h["X-Content-Type-Options"] = []string{"nosniff"}
	status := r.Status
	if status == 0 {
		status = http.StatusOK
	}
	if r.stream != nil {
		w.WriteHeader(status)
		r.stream(w)
		return
	}
	if status != http.StatusNoContent && status != http.StatusNotModified {
		h["Content-Length"] = []string{strconv.Itoa(len(r.Body))}
	}
	w.WriteHeader(status)
	// Whoever asked may be gone by now, and there is nobody to tell.
	_, _ = w.Write(r.Body)
}

// header is one header, its name in canonical form; "" is not sent.
type header struct{ name, value string }
