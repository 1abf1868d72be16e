package dialect

import (
	"slices"
	"strings"
	"time"
)

// class reads a setting that names a Python class. The original's own are
// built in, under the names that its documents print and its current ones; a
// module before the name does not matter. Any other would be code, which in
// Go is a function: instead says which. The first known name is the default.
func (s *settings) class(name, instead string, known ...string) string {
	s.know(name, "one of the original's classes: "+strings.Join(known, ", "), known[0])
	text := s.text(name, known[0])
	class := text[strings.LastIndexByte(text, '.')+1:]
	if !slices.Contains(known, class) {
		s.fault(name, "%q is a class of the application's own: use %s, or one of %s", text, instead, strings.Join(known, ", "))
		return known[0]
	}
	return class
}

// none reports whether a setting is given and stands for Python's None.
func (s *settings) none(name string) bool {
	v, given := s.values[name]
	return given && (v == false || v == "" || v == nil)
}

// claim reads a claim's name; "" where the claim is switched off.
func (s *settings) claim(name, otherwise string) string {
	if t := s.text(name, otherwise); !s.none(name) {
		return t
	}
	return ""
}

// only refuses a setting that the original declares and never reads, unless
// it says what is so anyway.
func (s *settings) only(name string, same func() bool, reason string) {
	if _, ok := s.get(name); ok && !same() {
		s.fault(name, "%s", reason)
	}
}

// isEmail reports whether text has the form of an e-mail address, as far as
// validators of web frameworks agree: a local part, and a host with a dot or
// localhost, without spaces and control characters. It is no proof that the
// mailbox exists.
func isEmail(text string) bool {
	local, host, ok := strings.Cut(text, "@")
	if !ok || local == "" || len(local) > 64 || len(text) > 254 || strings.Contains(host, "@") {
		return false
	}
	for _, r := range text {
		if r <= ' ' || r == 0x7f || strings.ContainsRune(`"(),:;<>[\]`, r) {
			return false
		}
	}
	dot := func(s string) bool {
		return strings.HasPrefix(s, ".") || strings.HasSuffix(s, ".") || strings.Contains(s, "..")
	}
	return !dot(local) && !dot(host) && (strings.Contains(host, ".") || host == "localhost")
}

// path reads the path of a route below the prefix; it is returned without its
// first slash.
func (s *settings) path(name, otherwise string) string {
	p := s.text(name, otherwise)
	if rest, ok := strings.CutPrefix(p, "/"); !ok || rest == "" || strings.ContainsAny(p, " \t{}?#%") || strings.Contains(p, "//") {
		s.fault(name, "%q is no path such as %q", p, otherwise)
		return otherwise[1:]
	}
	return p[1:]
}

// leeway reads how far clocks may differ. The originals have no bound; a
// token that outlives its exp by more than clocks differ is a longer lifetime
// by another name.
func (s *settings) leeway(name string) time.Duration {
	d := s.duration(name, 0)
	if d > time.Minute {
		s.fault(name, "%s is above a minute", d)
	}
	return d
}

// publicAlone refuses a public key whose private half is missing: nothing
// could be signed that it verifies.
func (s *settings) publicAlone(k keys, name string) {
	if k.verifying != "" && k.signing == "" && !k.algorithm.Symmetric() {
		s.fault(name, "is the public half of a key whose private half, %s, is missing", k.setting)
	}
}
