package move

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// readJSONL reads an object a line. Empty lines are nobody.
func readJSONL(in *bufio.Reader, yield func(Person) error) error {
	for line := 1; ; line++ {
		text, long, err := readLine(in)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		p := badRow(line, tooLong)
		switch {
		case !long && len(bytes.TrimSpace(text)) == 0:
			continue
		case !long:
			p = readObject(line, text)
		}
		if err := yield(p); err != nil {
			return err
		}
	}
}

// readObject reads one person, strictly: a name that is there twice, or that
// nobody knows, is a fault.
func readObject(line int, text []byte) Person {
	var members map[string]jsontext.Value
	if err := jsonv2.Unmarshal(text, &members); err != nil {
		// The parser's words may repeat what it read.
		return badRow(line, "this is no JSON object in UTF-8, or a name is in it twice")
	}
	d := newRow(line)
	for _, name := range columnNames() { // in a fixed order
		value, ok := members[name]
		if !ok || value.Kind() == 'n' {
			continue
		}
		v, err := jsonValue(name, value)
		if err == nil {
			err = d.put(name, v)
		}
		if err != nil && d.Fault == "" {
			d.Fault = err.Error()
		}
	}
	for name := range members {
		if !slices.Contains(columnNames(), name) && d.Fault == "" {
			d.Fault = errUnknown(name).Error()
		}
	}
	return finishRow(d)
}

// jsonValue returns what put takes: texts and truth values; ids as texts,
// lists and objects as JSON.
func jsonValue(name string, value jsontext.Value) (any, error) {
	kind, fits := value.Kind(), false
	switch name {
	case fieldGroups, fieldPermissions, fieldScopes:
		fits = kind == '['
	case fieldExtra:
		fits = kind == '{'
	case fieldActive, fieldStaff, fieldSuperuser:
		fits = kind == 't' || kind == 'f'
	case fieldID:
		fits = kind == '0'
	}
	if fits {
		return string(value), nil // "true" is read as such
	}
	var s string
	if kind != '"' || name == fieldExtra || json.Unmarshal(value, &s) != nil {
		return nil, fmt.Errorf("%s: this cannot be a %s", name, kind)
	}
	return s, nil
}
