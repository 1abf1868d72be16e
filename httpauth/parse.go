package httpauth

import (
	"bytes"
	"errors"
	"io"
	"mime/multipart"
	"net/url"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// maxParts bounds the parameters of a form.
const maxParts = 64

// parseJSON reads exactly one JSON object and keeps the members that fields
// name. The decoder refuses duplicate names and invalid UTF-8 at any depth;
// names are compared byte for byte, so "Password" is not "password".
func parseJSON(body []byte, fields []Field, strict bool) (map[string]rawValue, error) {
	d := jsontext.NewDecoder(bytes.NewReader(body))
	if kind := d.PeekKind(); kind != '{' {
		if err := d.SkipValue(); err != nil {
			return nil, syntaxFault("no JSON")
		}
		if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
			return nil, syntaxFault("more than one JSON value")
		}
		return nil, Invalid(Fault{Kind: FaultNotObject, Got: kindName(byte(kind))})
	}
	if _, err := d.ReadToken(); err != nil {
		return nil, syntaxFault("no JSON")
	}
	found := make(map[string]rawValue, len(fields))
	for d.PeekKind() != '}' {
		token, err := d.ReadToken()
		if err != nil {
			return nil, syntaxFault("no JSON")
		}
		name := token.String()
		if !slices.ContainsFunc(fields, func(f Field) bool { return f.name() == name }) {
			if err := d.SkipValue(); err != nil {
				return nil, syntaxFault("no JSON")
			}
			if strict {
				return nil, Invalid(Fault{Kind: FaultValue, Param: Param(name), Name: name, Reason: "there is no such member"})
			}
			continue
		}
		if found[name], err = readValue(d); err != nil {
			return nil, err
		}
	}
	if _, err := d.ReadToken(); err != nil {
		return nil, syntaxFault("no JSON")
	}
	if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, syntaxFault("more than one JSON value")
	}
	return found, nil
}

// readValue reads a member's value. Of objects and arrays only the kind is
// kept: no field takes one.
func readValue(d *jsontext.Decoder) (rawValue, error) {
	kind := d.PeekKind()
	if kind == '{' || kind == '[' {
		if err := d.SkipValue(); err != nil {
			return rawValue{}, syntaxFault("no JSON")
		}
		return rawValue{kind: byte(kind)}, nil
	}
	token, err := d.ReadToken()
	if err != nil {
		return rawValue{}, syntaxFault("no JSON")
	}
	return rawValue{kind: byte(kind), text: token.String()}, nil
}

// parseForm reads application/x-www-form-urlencoded. It is stricter than
// url.ParseQuery: a repeated name is refused.
func parseForm(body []byte) (map[string]rawValue, error) {
	found := make(map[string]rawValue)
	for pair := range strings.SplitSeq(string(body), "&") {
		if pair == "" {
			continue
		}
		rawName, rawText, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(rawName)
		if err != nil {
			return nil, syntaxFault("escapes in a form")
		}
		text, err := url.QueryUnescape(rawText)
		if err != nil {
			return nil, syntaxFault("escapes in a form")
		}
		if err := add(found, name, []byte(text)); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// parseMultipart reads multipart/form-data (RFC 7578). Files are refused.
func parseMultipart(body []byte, boundary string) (map[string]rawValue, error) {
	if boundary == "" {
		return nil, syntaxFault("no boundary")
	}
	r := multipart.NewReader(bytes.NewReader(body), boundary)
	found := make(map[string]rawValue)
	for {
		part, err := r.NextRawPart()
		if errors.Is(err, io.EOF) {
			return found, nil
		}
		if err != nil {
			return nil, syntaxFault("no multipart form")
		}
		if part.FormName() == "" || part.FileName() != "" {
			return nil, syntaxFault("a part without a name, or a file")
		}
		text, err := io.ReadAll(part) // bounded by the body
		if err != nil {
			return nil, syntaxFault("no multipart form")
		}
		if err := add(found, part.FormName(), text); err != nil {
			return nil, err
		}
	}
}

// add keeps a form parameter. "Parameters MUST NOT be included more than
// once" (RFC 6749, section 3.1), and a server that takes the first beside a
// proxy that looks at the last is how filters are passed.
func add(found map[string]rawValue, name string, text []byte) error {
	if _, twice := found[name]; twice {
		return syntaxFault("a parameter is repeated")
	}
	if len(found) >= maxParts {
		return syntaxFault("too many parameters")
	}
	v, err := textOf(text)
	if err != nil {
		return err
	}
	found[name] = v
	return nil
}
