package dialect

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// settings reads a dialect's settings as TOML has them, and collects every
// fault. Python's None is false or "".
type settings struct {
	values map[string]any
	known  map[string]Setting
	faults []error
}

// Setting is one that a dialect knows.
type Setting struct {
	Name string
	// Default is the value that it has where it is not set, as TOML has it
	// but without quotes; "" for none.
	Default string
	// Want says what it may be: "a duration", "true or false".
	Want string
}

func read(values map[string]any) *settings {
	return &settings{values: values, known: make(map[string]Setting)}
}

func (s *settings) fault(name, format string, args ...any) {
	s.faults = append(s.faults, fmt.Errorf("%s: %w", name, fmt.Errorf(format, args...)))
}

// know notes a setting. Readers build on each other: the outermost, which
// knows best what is wanted, is the first.
func (s *settings) know(name, want, otherwise string) {
	if s.known[name].Want == "" {
		s.known[name] = Setting{Name: name, Default: otherwise, Want: want}
	}
}

// list returns all settings that were asked for, by name.
func (s *settings) list() []Setting {
	list := make([]Setting, 0, len(s.known))
	for _, name := range slices.Sorted(maps.Keys(s.known)) {
		list = append(list, s.known[name])
	}
	return list
}

// get returns a setting; ok is false where it is absent or stands for None.
func (s *settings) get(name string) (v any, ok bool) {
	s.know(name, "", "")
	v, ok = s.values[name]
	if v == false || v == "" || v == nil {
		return nil, false
	}
	return v, ok
}

func (s *settings) text(name, otherwise string) string {
	s.know(name, "text", otherwise)
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
	s.know(name, strings.Join(allowed, ", "), allowed[0])
	t := s.text(name, allowed[0])
	if !slices.Contains(allowed, t) {
		s.fault(name, "%q is none of %s", t, strings.Join(allowed, ", "))
		return allowed[0]
	}
	return t
}

func (s *settings) boolean(name string, otherwise bool) bool {
	s.know(name, "true or false", strconv.FormatBool(otherwise))
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
	s.know(name, fmt.Sprintf("%d to %d", least, most), strconv.FormatInt(otherwise, 10))
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
	s.know(name, "a duration", brief(otherwise))
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

// brief writes a duration without units that are nought.
func brief(d time.Duration) string {
	t := d.String()
	if strings.HasSuffix(t, "m0s") {
		t = strings.TrimSuffix(t, "0s")
	}
	if strings.HasSuffix(t, "h0m") {
		t = strings.TrimSuffix(t, "0m")
	}
	return t
}

// texts reads a list of text, or one.
func (s *settings) texts(name string, otherwise ...string) []string {
	s.know(name, "texts", strings.Join(otherwise, ", "))
	v, ok := s.get(name)
	if !ok {
		return otherwise
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

// table reads names with a text each.
func (s *settings) table(name string) map[string]string {
	s.know(name, "a table of texts", "")
	v, ok := s.get(name)
	if !ok {
		return nil
	}
	t, ok := v.(map[string]any)
	if !ok {
		s.fault(name, "want a table, not %T", v)
	}
	texts := make(map[string]string, len(t))
	for key, value := range t {
		text, ok := value.(string)
		if !ok {
			s.fault(name, "want text for %s, not %T", key, value)
		}
		texts[key] = text
	}
	return texts
}

// ends reports every fault: those found while reading, and settings that
// nobody asked for. It is called last.
func (s *settings) ends(more ...error) error {
	for _, name := range slices.Sorted(maps.Keys(s.values)) {
		if _, known := s.known[name]; !known {
			s.fault(name, "there is no such setting: %s", strings.Join(slices.Sorted(maps.Keys(s.known)), ", "))
		}
	}
	return errors.Join(append(s.faults, more...)...)
}
