package dialect

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
)

// settings reads a dialect's settings as TOML has them, and collects every
// fault. Python's None is false or "".
type settings struct {
	values map[string]any
	known  map[string]bool
	faults []error
}

func read(values map[string]any) *settings {
	return &settings{values: values, known: make(map[string]bool)}
}

func (s *settings) fault(name, format string, args ...any) {
	s.faults = append(s.faults, fmt.Errorf("%s: %w", name, fmt.Errorf(format, args...)))
}

// get returns a setting; ok is false where it is absent or stands for None.
func (s *settings) get(name string) (v any, ok bool) {
	s.known[name] = true
	v, ok = s.values[name]
	if v == false || v == "" || v == nil {
		return nil, false
	}
	return v, ok
}

func (s *settings) text(name, otherwise string) string {
	v, ok := s.get(name)
	if !ok {
		return otherwise
	}
	t, ok := v.(string)
	if !ok {
		s.fault(name, "want text, not %T", v)
	}
	return t
}

// oneOf is text from a closed set, the first of which is the default.
func (s *settings) oneOf(name string, allowed ...string) string {
	t := s.text(name, allowed[0])
	if !slices.Contains(allowed, t) {
		s.fault(name, "%q is none of %s", t, strings.Join(allowed, ", "))
		return allowed[0]
	}
	return t
}

func (s *settings) boolean(name string, otherwise bool) bool {
	s.known[name] = true
	v, ok := s.values[name]
	if !ok {
		return otherwise
	}
	b, ok := v.(bool)
	if !ok {
		s.fault(name, "want true or false, not %T", v)
	}
	return b
}

// integer reads a whole number within bounds.
func (s *settings) integer(name string, otherwise, least, most int64) int64 {
	v, ok := s.get(name)
	if !ok {
		return otherwise
	}
	n, ok := v.(int64)
	if !ok || n < least || n > most {
		s.fault(name, "want a whole number from %d to %d, not %v", least, most, v)
		return otherwise
	}
	return n
}

// duration reads "5m" or seconds.
func (s *settings) duration(name string, otherwise time.Duration) time.Duration {
	v, ok := s.get(name)
	if !ok {
		return otherwise
	}
	var d time.Duration
	var err error
	switch v := v.(type) {
	case string:
		d, err = time.ParseDuration(v)
	case int64:
		if v > math.MaxInt64/int64(time.Second) {
			err = errors.New("too long")
		}
		d = time.Duration(v) * time.Second
	case float64:
		d = time.Duration(v * float64(time.Second))
	default:
		err = fmt.Errorf("want a duration such as \"5m\", or seconds, not %T", v)
	}
	switch {
	case err != nil:
		s.fault(name, "%w", err)
	case d < 0:
		s.fault(name, "%s is negative", d)
	}
	return d
}

// texts reads a list of text, or one.
func (s *settings) texts(name string) []string {
	v, ok := s.get(name)
	if !ok {
		return nil
	}
	switch v := v.(type) {
	case string:
		return []string{v}
	case []string:
		return v
	case []any:
		list := make([]string, 0, len(v))
		for _, e := range v {
			t, ok := e.(string)
			if !ok {
				s.fault(name, "want a list of text, not %T in it", e)
			}
			list = append(list, t)
		}
		return list
	default:
		s.fault(name, "want a list of text, not %T", v)
		return nil
	}
}

// table reads a table of text.
func (s *settings) table(name string) map[string]string {
	v, ok := s.get(name)
	if !ok {
		return nil
	}
	m, ok := v.(map[string]any)
	if !ok {
		s.fault(name, "want a table, not %T", v)
		return nil
	}
	t := make(map[string]string, len(m))
	for k, e := range m {
		if t[k], ok = e.(string); !ok {
			s.fault(name+"."+k, "want text, not %T", e)
		}
	}
	return t
}

// ends reports every fault: those found while reading, and settings that
// nobody asked for. It is called last.
func (s *settings) ends(more ...error) error {
	for _, name := range slices.Sorted(maps.Keys(s.values)) {
		if !s.known[name] {
			s.fault(name, "there is no such setting: %s", strings.Join(slices.Sorted(maps.Keys(s.known)), ", "))
		}
	}
	return errors.Join(append(s.faults, more...)...)
}
