package config

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/watchword-auth/watchword/dialect"
)

// Dialect is a [[dialect]] table: a face of another system's making.
type Dialect struct {
	Name   string
	Prefix string // "": the dialect's own default
	// SampleRoutes adds the original's protected sample views.
	SampleRoutes bool
	// UserFields are more of the user's record in the claims.
	UserFields []string
	// AdoptUntil is how long refresh tokens of the old system are taken
	// over; the zero time: not at all.
	AdoptUntil time.Time
	// InsecureShortSecret lets a secret shorter than its hash verify tokens
	// that were issued before.
	InsecureShortSecret bool
	// Settings have the original's names and meaning. What they may be only
	// the dialect knows.
	Settings map[string]any
}

// ResolvedSettings returns the settings with every NAME_FILE replaced by NAME
// and what the file holds, without its last newline.
func (d Dialect) ResolvedSettings() (map[string]any, error) {
	out := make(map[string]any, len(d.Settings))
	var faults []error
	for _, key := range sortedKeys(d.Settings) {
		name, isFile := strings.CutSuffix(key, "_FILE")
		if !isFile {
			out[key] = d.Settings[key]
			continue
		}
		file, err := readText(d.Settings[key])
		if _, twice := d.Settings[name]; twice {
			err = fmt.Errorf("%s is set too: set one of them", name)
		}
		if err == nil {
			var secret []byte
			secret, err = ReadSecret(file)
			out[name] = string(secret)
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("dialect %s: %s: %w", d.Name, key, err))
		}
	}
	return out, errors.Join(faults...)
}

func (l *loader) readDialects(tables any, source string) {
	list, ok := tables.([]any)
	if !ok {
		l.fault("dialect", source, errors.New("want tables, each under [[dialect]] with two brackets"))
		return
	}
	for i, e := range list {
		table, ok := e.(map[string]any)
		if !ok {
			l.fault("dialect", source, fmt.Errorf("want a table, not %s", typeName(e)))
			continue
		}
		l.readDialect(fmt.Sprintf("dialect[%d]", i), table, source)
	}
}

func (l *loader) readDialect(path string, table map[string]any, source string) {
	var d Dialect
	for _, key := range sortedKeys(table) {
		var err error
		switch value := table[key]; key {
		case "name":
			d.Name, err = readText(value)
		case "prefix":
			d.Prefix, err = readText(value)
		case "sample_routes":
			d.SampleRoutes, err = readBool(value)
		case "user_fields":
			d.UserFields, err = readTexts(value)
		case "adopt_until":
			var isTime bool
			if d.AdoptUntil, isTime = value.(time.Time); !isTime {
				err = fmt.Errorf("want a date with time and zone such as 2027-01-31T00:00:00Z, not %s", typeName(value))
			}
		case "insecure_short_secret":
			d.InsecureShortSecret, err = readBool(value)
		case "settings":
			var isTable bool
			if d.Settings, isTable = value.(map[string]any); !isTable {
				err = fmt.Errorf("want a table, not %s", typeName(value))
			}
		default:
			err = errors.New("unknown setting: name, prefix, sample_routes, user_fields, adopt_until, insecure_short_secret, settings")
		}
		if err != nil {
			l.fault(path+"."+key, source, err)
		}
	}
	if d.Name == "" {
		l.fault(path+".name", source, errors.New("is missing"))
	}
	l.checkPrefix(path+".prefix", source, d.Prefix)
	l.c.Dialects = append(l.c.Dialects, d)
}

// checkPrefix wants a path that routes can be put behind.
func (l *loader) checkPrefix(key, source, prefix string) {
	switch {
	case prefix == "":
	case prefix[0] != '/':
		l.fault(key, source, fmt.Errorf("%q does not begin with a slash", prefix))
	case strings.ContainsAny(prefix, "{}?#% \t\n"):
		l.fault(key, source, fmt.Errorf("%q has characters that a path prefix cannot have", prefix))
	}
}

// chooseDialects lets --dialect, or else WATCHWORD_DIALECT, say which ones
// are mounted. One that has a table in the file keeps its settings.
func (l *loader) chooseDialects(flags []string) {
	source := "--dialect"
	if len(flags) == 0 {
		variable, ok := l.env[prefix+"DIALECT"]
		if !ok {
			return
		}
		source = prefix + "DIALECT"
		flags, _ = readTexts(word(variable)) // a word is never refused
	}
	var chosen []Dialect
	for _, flag := range flags {
		name, at, given := strings.Cut(flag, "=")
		if name == "" {
			l.fault("dialect", source, fmt.Errorf("%q is not NAME or NAME=PREFIX", flag))
			continue
		}
		d := Dialect{Name: name}
		if i := slices.IndexFunc(l.c.Dialects, func(d Dialect) bool { return d.Name == name }); i >= 0 {
			d = l.c.Dialects[i]
			d.Settings = maps.Clone(d.Settings)
		}
		if given {
			d.Prefix = at
			l.checkPrefix("dialect", source, at)
		}
		chosen = append(chosen, d)
	}
	l.c.Dialects = chosen
}

// readDialectVariables takes the settings that an original reads from the
// environment too, where the file does not set them, or, with _FILE after
// their names, the files that hold them.
func (l *loader) readDialectVariables() {
	for i, d := range l.c.Dialects {
		for _, name := range dialect.Environment(d.Name) {
			_, set := d.Settings[name]
			_, named := d.Settings[name+"_FILE"]
			if set || named {
				continue
			}
			for _, variable := range []string{name, name + "_FILE"} {
				if value, ok := l.env[variable]; ok {
					settings := maps.Clone(l.c.Dialects[i].Settings)
					if settings == nil {
						settings = make(map[string]any)
					}
					settings[variable] = value
					l.c.Dialects[i].Settings = settings
				}
			}
		}
	}
}
