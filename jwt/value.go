package jwt

import (
	"strconv"
	"time"
)

// maxDate is the last second of the year 9999, the largest date this package reads or writes.
const maxDate = 253402300799

// Value is one JSON value, already checked by [Walk]. Its readers are strict: each accepts one JSON
// type and converts nothing. Their errors wrap [ErrClaim]. The zero Value is refused by all of them.
type Value struct {
	name string // the member it was found in, for messages
	raw  string
}

// Raw returns a copy of the JSON text of v, as it stood in the payload.
func (v Value) Raw() []byte { return []byte(v.raw) }

// IsNull reports whether v is the JSON null, which all readers refuse.
func (v Value) IsNull() bool { return v.raw == "null" }

func (v Value) first() byte {
	if v.raw == "" {
		return 0
	}
	return v.raw[0]
}

// Text returns the string v.
func (v Value) Text() (string, error) {
	if v.first() != '"' {
		return "", badClaim(v.name, "is not a string")
	}
	return unquote(v.raw), nil
}

// Texts returns the strings of v, which is one string or an array of strings, as an audience is
// (RFC 7519, section 4.1.3). An empty array gives an empty slice.
func (v Value) Texts() ([]string, error) {
	if v.first() == '"' {
		return []string{unquote(v.raw)}, nil
	}
	if v.first() != '[' {
		return nil, badClaim(v.name, "is neither a string nor an array of strings")
	}
	texts := []string{}
	err := v.Each(func(e Value) error {
		if e.first() != '"' {
			return badClaim(v.name, "is neither a string nor an array of strings")
		}
		texts = append(texts, unquote(e.raw))
		return nil
	})
	if err != nil {
		return nil, err
	}
	return texts, nil
}

// Int returns the integer v. Fractions, exponents and what does not fit are refused.
func (v Value) Int() (int64, error) {
	if c := v.first(); c != '-' && (c < '0' || c > '9') {
		return 0, badClaim(v.name, "is not a number")
	}
	n, err := strconv.ParseInt(v.raw, 10, 64)
	if err != nil {
		return 0, badClaim(v.name, "is not an integer of 64 bits")
	}
	return n, nil
}

// Time returns the date v: whole seconds since 1970-01-01T00:00:00Z, up to the end of the year 9999,
// in UTC. RFC 7519, section 2, lets a NumericDate have a fraction; no issuer needs one, and readers
// disagree on how to round it.
func (v Value) Time() (time.Time, error) {
	n, err := v.Int()
	if err != nil {
		return time.Time{}, err
	}
	if n < 0 || n > maxDate {
		return time.Time{}, badClaim(v.name, "is not a date between the years 1970 and 9999")
	}
	return time.Unix(n, 0).UTC(), nil
}

// Bool returns the boolean v.
func (v Value) Bool() (bool, error) {
	switch v.raw {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, badClaim(v.name, "is not a boolean")
}

// Walk calls visit for each member of the object v, as the function Walk does.
func (v Value) Walk(visit func(name string, v Value) error) error {
	if v.first() != '{' {
		return badClaim(v.name, "is not an object")
	}
	return walk(v.raw, visit)
}

// Each calls visit for each element of the array v, in order. An error of visit ends it and is
// returned as it is.
func (v Value) Each(visit func(v Value) error) error {
	if v.first() != '[' {
		return badClaim(v.name, "is not an array")
	}
	sc := scanner{s: v.raw}
	return sc.array(func(e Value) error {
		e.name = v.name
		return visit(e)
	})
}
