package config

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// Sources are where settings come from.
type Sources struct {
	// Flags that were given, by the key of their setting.
	Flags map[string]string
	// File names the TOML file; "" means the one that WATCHWORD_CONFIG
	// names, or none.
	File string
	// Dialects are those of --dialect, as NAME or NAME=PREFIX.
	Dialects []string
	// Environ is the environment as os.Environ returns it.
	Environ []string
}

// Fault is a setting that is wrong. Several come joined.
type Fault struct {
	Key    string // "lifetimes.access"
	Source string // "--addr", "WATCHWORD_ADDR", or the file; "" for what follows from several
	Err    error
}

// Error names the key, where it was set, and what is wrong.
func (f *Fault) Error() string {
	if f.Source == "" {
		return fmt.Sprintf("%s: %v", f.Key, f.Err)
	}
	return fmt.Sprintf("%s (%s): %v", f.Key, f.Source, f.Err)
}

// Unwrap returns what is wrong.
func (f *Fault) Unwrap() error { return f.Err }

// Load reads and checks everything. The error joins all faults, each a
// [*Fault].
func Load(s Sources) (Config, error) {
	c := Default()
	l := &loader{c: &c, env: environ(s.Environ)}
	file := s.File
	if file == "" {
		file = l.env[prefix+"CONFIG"]
	}
	if file != "" {
		l.file(file)
	}
	l.environment()
	for _, known := range slices.Concat(settings(), gateSettings()) {
		if v, ok := s.Flags[known.key]; ok {
			l.put(known, word(v), "--"+flagName(known.key))
		}
	}
	l.chooseDialects(s.Dialects)
	l.readDialectVariables()
	l.check()
	if len(l.faults) > 0 {
		return Config{}, errors.Join(l.faults...)
	}
	return c, nil
}

// flagName is how the setting is called on the command line.
func flagName(key string) string {
	return strings.NewReplacer(".", "-", "_", "-").Replace(key)
}

type loader struct {
	c      *Config
	env    map[string]string
	faults []error
}

func (l *loader) fault(key, source string, err error) {
	l.faults = append(l.faults, &Fault{Key: key, Source: source, Err: err})
}

func (l *loader) put(s setting, value any, source string) {
	if err := s.put(l.c, value); err != nil {
		l.fault(s.key, source, err)
	}
}

// file reads the TOML file. A key that is none is a fault: a misspelt limit
// must not leave a server without one.
func (l *loader) file(name string) {
	data, err := os.ReadFile(name)
	if err != nil {
		l.fault("config", name, fmt.Errorf("cannot be read: %w", unpath(err)))
		return
	}
	var tree map[string]any
	if err := toml.Unmarshal(data, &tree); err != nil {
		l.fault("config", name, tomlError(err))
		return
	}
	tables := tree["dialect"]
	delete(tree, "dialect")
	if tables != nil {
		l.readDialects(tables, name)
	}
	l.readGate(tree, name)
	for _, s := range settings() {
		if v, ok := take(tree, s.key); ok {
			l.put(s, v, name)
		}
	}
	l.unknown(tree, "", name)
}

// take removes the value of a dotted key from the tree.
func take(tree map[string]any, key string) (any, bool) {
	section, rest, nested := strings.Cut(key, ".")
	if !nested {
		v, ok := tree[key]
		delete(tree, key)
		return v, ok
	}
	table, ok := tree[section].(map[string]any)
	if !ok {
		return nil, false
	}
	return take(table, rest)
}

// unknown reports the keys that nobody took.
func (l *loader) unknown(tree map[string]any, path, source string) {
	for _, key := range sortedKeys(tree) {
		table, ok := tree[key].(map[string]any)
		switch isSection := path == "" && slices.ContainsFunc(settings(), func(s setting) bool { return strings.HasPrefix(s.key, key+".") }); {
		case isSection && ok:
			l.unknown(table, key+".", source)
		case isSection:
			l.fault(key, source, fmt.Errorf("want a table, not %s", typeName(tree[key])))
		default:
			l.fault(path+key, source, fmt.Errorf("unknown setting%s", suggestion(path+key)))
		}
	}
}

// environment reads the variables. An unknown one that begins with WATCHWORD_
// is a fault like an unknown key, but for those that Kubernetes gives every
// pod beside a service called watchword.
func (l *loader) environment() {
	known := map[string]bool{prefix + "CONFIG": true, prefix + "DIALECT": true, prefix + "DB_FILE": true, prefix + "USERS_DSN_FILE": true}
	for _, name := range adminVariables() {
		known[name] = true
	}
	for _, s := range slices.Concat(settings(), gateSettings()) {
		name := s.variable()
		known[name] = true
		if v, ok := l.env[name]; ok {
			l.put(s, word(v), name)
		}
	}
	l.dsnFile("db", prefix+"DB", &l.c.DB)
	l.dsnFile("users.dsn", prefix+"USERS_DSN", &l.c.Users.DSN)
	for _, name := range sortedKeys(l.env) {
		if strings.HasPrefix(name, prefix) && !known[name] && !serviceLink.MatchString(name) {
			l.fault(name, "environment", fmt.Errorf("unknown variable%s", suggestion(keyOf(name))))
		}
	}
}

// dsnFile reads a DSN, which may hold a password, from the file that the
// variable with _FILE names, where it is set.
func (l *loader) dsnFile(key, variable string, field *string) {
	source := variable + "_FILE"
	file, ok := l.env[source]
	if !ok {
		return
	}
	if _, both := l.env[variable]; both {
		l.fault(key, source, fmt.Errorf("%s is set too: set one of them", variable))
		return
	}
	dsn, err := ReadSecret(file)
	if err != nil {
		l.fault(key, source, err)
		return
	}
	*field = string(dsn)
}

// serviceLink matches what Kubernetes sets (WATCHWORD_PORT=tcp://…).
var serviceLink = regexp.MustCompile(`^WATCHWORD_(SERVICE_(HOST|PORT)|PORT)(_|$)`)

// keyOf guesses the key that a variable was meant for.
func keyOf(variable string) string {
	return strings.ToLower(strings.TrimPrefix(variable, prefix))
}

// suggestion names the known key that is nearest to a misspelt one.
func suggestion(key string) string {
	flat := strings.ReplaceAll(key, ".", "_")
	best, least := "", 4
	for _, s := range settings() {
		if d := distance(flat, strings.ReplaceAll(s.key, ".", "_")); d < least {
			best, least = s.key, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(": did you mean %s?", best)
}

// distance is how many letters must change (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}

// tomlError says in one line where the text is wrong.
func tomlError(err error) error {
	var d *toml.DecodeError
	if errors.As(err, &d) {
		line, column := d.Position()
		return fmt.Errorf("line %d, column %d: %s", line, column, strings.TrimPrefix(d.Error(), "toml: "))
	}
	return err
}

// environ is the environment as a map; of doubles the last one counts, as in
// a shell.
func environ(pairs []string) map[string]string {
	env := make(map[string]string, len(pairs))
	for _, pair := range pairs {
		if name, value, ok := strings.Cut(pair, "="); ok {
			env[name] = value
		}
	}
	return env
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// unpath takes the path out of an error that is told beside it.
func unpath(err error) error {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}
