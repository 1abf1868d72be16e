package jwt

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

const (
	// maxDepth bounds how deep objects and arrays may nest. Real claims need three or four.
	maxDepth = 32
	// fewNames is how many names, those of all open objects together, are kept and compared one by
	// one. Above it a map takes over, so that an object of thousands of names costs no quadratic time.
	fewNames = 32
)

// Walk reads payload as one JSON object (RFC 8259) and calls visit for each of its members, in their
// order. It refuses what two readers might understand differently: names that occur twice at any
// depth, also when spelled with escapes, invalid UTF-8, lone surrogates, data after the object, and
// nesting deeper than 32. Such errors wrap [ErrMalformed]; members before the fault have been
// visited by then. An error of visit ends the walk and is returned as it is.
//
// Nothing handed to visit aliases payload.
func Walk(payload []byte, visit func(name string, v Value) error) error {
	if !utf8.Valid(payload) {
		return malformed("JSON is not UTF-8")
	}
	return walk(string(payload), visit)
}

// walk is Walk over a string that is known to be UTF-8.
func walk(s string, visit func(name string, v Value) error) error {
	sc := scanner{s: s}
	sc.skipSpace()
	if sc.peek() != '{' {
		return sc.fault("want an object")
	}
	if err := sc.object(visit); err != nil {
		return err
	}
	sc.skipSpace()
	if sc.pos != len(sc.s) {
		return sc.fault("data after the object")
	}
	return nil
}

// scanner is one strict pass over JSON text. It builds nothing but the names it has to compare.
type scanner struct {
	s     string
	pos   int
	depth int
	names [fewNames]string // of all objects now open, innermost last
	count int              // of names
}

func (sc *scanner) fault(format string, args ...any) error {
	return malformed("JSON at byte %d: %s", sc.pos, fmt.Sprintf(format, args...))
}

// peek returns the byte at hand, or 0 at the end; 0 itself is valid nowhere in JSON.
func (sc *scanner) peek() byte {
	if sc.pos < len(sc.s) {
		return sc.s[sc.pos]
	}
	return 0
}

func (sc *scanner) skipSpace() {
	for sc.pos < len(sc.s) {
		switch sc.s[sc.pos] {
		case ' ', '\t', '\n', '\r':
			sc.pos++
		default:
			return
		}
	}
}

func (sc *scanner) value() error {
	switch c := sc.peek(); c {
	case '"':
		_, err := sc.text()
		return err
	case '{':
		return sc.object(nil)
	case '[':
		return sc.array(nil)
	case 't':
		return sc.literal("true")
	case 'f':
		return sc.literal("false")
	case 'n':
		return sc.literal("null")
	default:
		return sc.number()
	}
}

func (sc *scanner) literal(word string) error {
	if !strings.HasPrefix(sc.s[sc.pos:], word) {
		return sc.fault("want %s", word)
	}
	sc.pos += len(word)
	return nil
}

// object reads an object, whose brace is at hand. visit may be nil.
func (sc *scanner) object(visit func(name string, v Value) error) error {
	if sc.depth++; sc.depth > maxDepth {
		return sc.fault("nested deeper than %d", maxDepth)
	}
	sc.pos++
	outer := sc.count
	var many map[string]struct{}
	sc.skipSpace()
	for first := true; ; first = false {
		if first && sc.peek() == '}' {
			break
		}
		name, err := sc.name()
		if err != nil {
			return err
		}
		if many, err = sc.note(name, outer, many); err != nil {
			return err
		}
		start := sc.pos
		if err := sc.value(); err != nil {
			return err
		}
		if visit != nil {
			if err := visit(name, Value{name: name, raw: sc.s[start:sc.pos]}); err != nil {
				return err
			}
		}
		sc.skipSpace()
		if sc.peek() == '}' {
			break
		}
		if sc.peek() != ',' {
			return sc.fault("want a comma or a closing brace")
		}
		sc.pos++
		sc.skipSpace()
	}
	sc.pos++
	sc.count = outer
	sc.depth--
	return nil
}

// name reads a member's name and the colon after it, up to the value.
func (sc *scanner) name() (string, error) {
	if sc.peek() != '"' {
		return "", sc.fault("want a name")
	}
	raw, err := sc.text()
	if err != nil {
		return "", err
	}
	sc.skipSpace()
	if sc.peek() != ':' {
		return "", sc.fault("want a colon")
	}
	sc.pos++
	sc.skipSpace()
	return unquote(raw), nil
}

// note remembers name as one of the object whose names begin at outer, and refuses it if it is there
// already. RFC 7515, section 4, and RFC 7519, section 4, let a reader choose between refusing and
// taking the last; choosing differently from the next reader is how checks are passed by.
func (sc *scanner) note(name string, outer int, many map[string]struct{}) (map[string]struct{}, error) {
	if many == nil && sc.count < fewNames {
		for _, n := range sc.names[outer:sc.count] {
			if n == name {
				return nil, sc.fault("name %q occurs twice", name)
			}
		}
		sc.names[sc.count] = name
		sc.count++
		return nil, nil
	}
	if many == nil {
		many = make(map[string]struct{}, fewNames)
		for _, n := range sc.names[outer:sc.count] {
			many[n] = struct{}{}
		}
	}
	if _, twice := many[name]; twice {
		return many, sc.fault("name %q occurs twice", name)
	}
	many[name] = struct{}{}
	return many, nil
}

// array reads an array, whose bracket is at hand. visit may be nil.
func (sc *scanner) array(visit func(v Value) error) error {
	if sc.depth++; sc.depth > maxDepth {
		return sc.fault("nested deeper than %d", maxDepth)
	}
	sc.pos++
	sc.skipSpace()
	for first := true; ; first = false {
		if first && sc.peek() == ']' {
			break
		}
		start := sc.pos
		if err := sc.value(); err != nil {
			return err
		}
		if visit != nil {
			if err := visit(Value{raw: sc.s[start:sc.pos]}); err != nil {
				return err
			}
		}
		sc.skipSpace()
		if sc.peek() == ']' {
			break
		}
		if sc.peek() != ',' {
			return sc.fault("want a comma or a closing bracket")
		}
		sc.pos++
		sc.skipSpace()
	}
	sc.pos++
	sc.depth--
	return nil
}

// number reads a number by the grammar of RFC 8259, section 6.
func (sc *scanner) number() error {
	if sc.peek() == '-' {
		sc.pos++
	}
	if sc.peek() == '0' {
		sc.pos++
	} else if !sc.digits() {
		return sc.fault("want a value")
	}
	if sc.peek() == '.' {
		sc.pos++
		if !sc.digits() {
			return sc.fault("want a digit")
		}
	}
	if c := sc.peek(); c == 'e' || c == 'E' {
		sc.pos++
		if c := sc.peek(); c == '+' || c == '-' {
			sc.pos++
		}
		if !sc.digits() {
			return sc.fault("want a digit")
		}
	}
	return nil
}

func (sc *scanner) digits() bool {
	start := sc.pos
	for sc.pos < len(sc.s) && sc.s[sc.pos]-'0' <= 9 {
		sc.pos++
	}
	return sc.pos > start
}

// text reads a string, whose quote is at hand, and returns it with its quotes and escapes.
func (sc *scanner) text() (string, error) {
	s, start := sc.s, sc.pos
	for i := start + 1; i < len(s); i++ {
		c := s[i]
		if c > '\\' || c != '"' && c != '\\' && c >= ' ' {
			continue
		}
		switch c {
		case '"':
			sc.pos = i + 1
			return s[start : i+1], nil
		case '\\':
			n := escapeLen(s[i:])
			if n == 0 {
				sc.pos = i
				return "", sc.fault("bad escape")
			}
			i += n - 1
		default:
			sc.pos = i
			return "", sc.fault("control character in a string")
		}
	}
	sc.pos = len(s)
	return "", sc.fault("string does not end")
}
