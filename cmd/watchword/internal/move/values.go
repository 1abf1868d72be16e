package move

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// This file reads what drivers hand out: the same column comes as another
// type from each. No error repeats a value: where columns have slipped it may
// be a hash.

// text returns a value as a text; NULL is "".
func text(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case []byte:
		return string(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case bool:
		return strconv.FormatBool(v)
	case time.Time:
		return v.UTC().Format(time.RFC3339Nano)
	default:
		return fmt.Sprint(v)
	}
}

// flag reads a truth value; NULL is false.
func flag(v any) (bool, error) {
	switch v := v.(type) {
	case nil:
		return false, nil
	case bool:
		return v, nil
	case int64:
		return v != 0, nil
	}
	switch strings.ToLower(text(v)) {
	case "1", "t", "true", "y", "yes", "on":
		return true, nil
	case "", "0", "f", "false", "n", "no", "off":
		return false, nil
	default:
		return false, errors.New("this is neither true nor false")
	}
}

// Times as databases and files write them. One without a zone is UTC, as
// Django keeps it.
var timeLayouts = []string{
	time.RFC3339Nano, "2006-01-02 15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999Z07",
	"2006-01-02 15:04:05.999999999", "2006-01-02T15:04:05.999999999", "2006-01-02",
}

// instant reads a time; NULL and "" are the zero time.
func instant(v any) (time.Time, error) {
	switch v := v.(type) {
	case time.Time:
		return v.UTC(), nil
	case int64:
		return time.Unix(v, 0).UTC(), nil
	}
	s := text(v)
	if s == "" {
		return time.Time{}, nil
	}
	for _, layout := range timeLayouts {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, errors.New("this is no time such as 2026-01-31T12:00:00Z")
}

// list reads a JSON array of texts, or texts parted by semicolons, or where
// there is none by spaces if spaces part.
func list(s string, spaces bool) ([]string, error) {
	s = strings.TrimSpace(s)
	switch {
	case s == "":
		return nil, nil
	case s[0] == '[':
		var all []string
		if err := json.Unmarshal([]byte(s), &all); err != nil {
			return nil, errors.New("this is no JSON array of texts")
		}
		return all, nil
	case strings.Contains(s, ";") || !spaces:
		return strings.Split(s, ";"), nil
	default:
		return strings.Fields(s), nil
	}
}

// array reads an array of texts as PostgreSQL writes it: {a,"b c","d\"e"}.
func array(s string) ([]string, error) {
	inner, ok := strings.CutSuffix(strings.TrimPrefix(s, "{"), "}")
	fault := errors.New("this is no array of texts")
	var all []string
	for ok && inner != "" {
		var one strings.Builder
		rest, quoted := strings.CutPrefix(inner, `"`)
		for open := quoted; rest != "" && (open || rest[0] != ','); rest = rest[1:] {
			switch c := rest[0]; {
			case c == '"':
				open = false
			case !open && (quoted || c == '{'): // an array in an array, or what stands behind a quote
				return nil, fault
			case c == '\\' && len(rest) > 1:
				rest = rest[1:]
				fallthrough
			default:
				one.WriteByte(rest[0])
			}
		}
		if quoted || one.String() != "NULL" {
			all = append(all, one.String())
		}
		inner = strings.TrimPrefix(rest, ",")
	}
	if !ok {
		return nil, fault
	}
	return all, nil
}

// object makes a JSON object of columns, in the order of their names. A text
// that is an object or array itself is taken as one, as JSON columns are.
func object(values map[string]any) ([]byte, error) {
	if len(values) == 0 {
		return nil, nil
	}
	names := make([]string, 0, len(values))
	for name := range values {
		names = append(names, name)
	}
	slices.Sort(names)
	all := make(map[string]json.RawMessage, len(names))
	for _, name := range names {
		v := values[name]
		switch s := text(v); {
		case v == nil:
			all[name] = json.RawMessage("null")
		case (strings.HasPrefix(s, "{") || strings.HasPrefix(s, "[")) && jsontext.Value(s).IsValid():
			all[name] = json.RawMessage(s)
		default:
			if _, isBytes := v.([]byte); isBytes {
				v = s
			}
			one, err := json.Marshal(v)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			all[name] = one
		}
	}
	return json.Marshal(all) // sorts
}
