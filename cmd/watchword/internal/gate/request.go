package gate

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/watchword-auth/watchword"
)

// asked is a request as the service will get it.
type asked struct {
	method string
	scheme string
	host   string
	uri    string // path and query as they were sent
	header http.Header
}

// target is a request that everybody reads alike.
type target struct {
	method   string
	path     string   // decoded
	query    string   // as it was sent
	segments []string // of the path, without the empty one after a last slash
}

// Bounds of what is looked at.
const (
	maxURI    = 8 << 10
	maxMethod = 32
)

// ambiguous refuses a request that two programs could read as two requests,
// or that tries to say who sends it.
func ambiguous(format string, args ...any) error {
	return fmt.Errorf("%w: %s", watchword.InvalidRequest, fmt.Sprintf(format, args...))
}

// target reads the request, or refuses it as ambiguous.
func (a asked) target() (target, error) {
	if err := checkMethod(a.method); err != nil {
		return target{}, err
	}
	t, err := readURI(a.uri)
	if err != nil {
		return target{}, err
	}
	t.method = a.method
	if err := checkHost(a.host); err != nil {
		return target{}, err
	}
	return t, checkOverrides(a, t)
}

// checkMethod wants a method in capitals: some programs read "delete" as
// DELETE, and others do not. TRACE shows headers to scripts, and CONNECT asks
// for no path.
func checkMethod(method string) error {
	if method == "" || len(method) > maxMethod || method == http.MethodTrace || method == http.MethodConnect {
		return ambiguous("method %q", method)
	}
	for _, c := range []byte(method) {
		if (c < 'A' || c > 'Z') && c != '-' {
			return ambiguous("method %q", method)
		}
	}
	return nil
}

// checkHost wants one name, with or without a port: it is compared with where
// a browser says that a request comes from.
func checkHost(host string) error {
	if host == "" || len(host) > 255 || strings.ContainsFunc(host, func(r rune) bool {
		return r > 'z' || !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune(".-_:[]", r)
	}) {
		return ambiguous("host %q", host)
	}
	return nil
}

// readURI splits the request target (RFC 9112, section 3.2.1) and decodes its
// path once.
//
// Proxies and frameworks differ in what they make of a path that is not in
// its simplest form: they remove dot segments before or after decoding, merge
// slashes or not, take %2f or a backslash for a slash, cut what follows a
// semicolon, end at a NUL, decode twice, or pass all of it on. Every
// difference is a way around a rule (CVE-2021-41773, CVE-2020-13935 and
// GHSA-vh64-54px-qgf8 are three of many), so none of these forms passes.
func readURI(uri string) (target, error) {
	if len(uri) > maxURI {
		return target{}, ambiguous("target of %d bytes, at most %d are read", len(uri), maxURI)
	}
	for _, c := range []byte(uri) {
		if c <= ' ' || c >= 0x7f || c == '#' {
			return target{}, ambiguous("byte %#x in the target", c)
		}
	}
	raw, query, _ := strings.Cut(uri, "?")
	if !strings.HasPrefix(raw, "/") {
		return target{}, ambiguous("target %q is no path", raw)
	}
	path, err := decodePath(raw)
	if err != nil {
		return target{}, err
	}
	segments := strings.Split(path[1:], "/")
	if last := len(segments) - 1; segments[last] == "" {
		segments = segments[:last] // the root, or a slash at the end
	}
	for _, s := range segments {
		// "." and ".." are among those that end in a dot. Windows drops dots
		// and spaces at the end of a name.
		if s == "" || strings.HasSuffix(s, ".") || strings.TrimSpace(s) != s {
			return target{}, ambiguous("segment %q in the path", s)
		}
	}
	return target{path: path, query: query, segments: segments}, nil
}

// decodePath decodes once, and refuses what only a second decoding, or a more
// generous one, would give a meaning.
func decodePath(raw string) (string, error) {
	b := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		if c == '%' {
			if i+2 >= len(raw) || !isHex(raw[i+1]) || !isHex(raw[i+2]) {
				return "", ambiguous("a percent sign without two digits in the path")
			}
			c = unhex(raw[i+1])<<4 | unhex(raw[i+2])
			i += 2
			if c == '/' || c == '.' {
				return "", ambiguous("an encoded %q in the path", c)
			}
		}
		if c < ' ' || c == 0x7f || strings.IndexByte("%\\;?#", c) >= 0 {
			return "", ambiguous("%q in the path", c)
		}
		b = append(b, c)
	}
	if !utf8.Valid(b) { // overlong forms of a slash among others
		return "", ambiguous("the path is not UTF-8")
	}
	path := string(b)
	if strings.ContainsFunc(path, standsForAnother) {
		return "", ambiguous("a character in the path that stands for another")
	}
	if strings.ContainsFunc(path, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) }) {
		return "", ambiguous("a character in the path that cannot be seen")
	}
	return path, nil
}

// standsForAnother reports whether a Unicode normal form (NFC, NFKC) or a code
// page turns a character into a slash, a backslash, a dot, a percent sign, a
// semicolon, a question mark or a number sign, or into several that hold one:
// U+2100 becomes "a/c", and U+2488 "1.".
func standsForAnother(r rune) bool {
	switch {
	case r < 0x37e:
		return false
	case 0x2024 <= r && r <= 0x2026, 0x2047 <= r && r <= 0x2049, 0x2488 <= r && r <= 0x249b:
		return true
	}
	return strings.ContainsRune("\u037e\u2044\u2100\u2101\u2105\u2106\u2215\u2216\u29f8\u29f9\u33c2\u33c7\u33d8"+
		"\ufe14\ufe16\ufe19\ufe30\ufe52\ufe54\ufe56\ufe5f\ufe68\ufe6a\uff03\uff05\uff0e\uff0f\uff1b\uff1f\uff3c\U0001f100", r)
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

func unhex(c byte) byte {
	switch {
	case c <= '9':
		return c - '0'
	case c <= 'F':
		return c - 'A' + 10
	default:
		return c - 'a' + 10
	}
}

// overridden says what a header would replace in a framework that believes
// it: the method, the path, or neither. plain is its name by plainName.
func overridden(plain string) (method, uri bool) {
	switch plain {
	case "x-http-method-override", "x-http-method", "x-method-override":
		return true, false
	case "x-original-url", "x-rewrite-url", "x-original-uri":
		return false, true
	default:
		return false, false
	}
}

// checkOverrides refuses a request that says two things about itself.
func checkOverrides(a asked, t target) error {
	for name, values := range a.header {
		method, uri := overridden(plainName(name))
		for _, v := range values {
			if method && v != a.method || uri && v != a.uri {
				return ambiguous("%s says another method or path", name)
			}
		}
	}
	if len(a.header["Authorization"]) > 1 {
		return ambiguous("two Authorization headers")
	}
	// A connection that has become HTTP/2 (h2c) carries requests that nobody
	// here sees; a WebSocket carries none.
	for _, protocol := range a.header["Upgrade"] {
		if !strings.EqualFold(protocol, "websocket") {
			return ambiguous("an upgrade to %q", protocol)
		}
	}
	// Symfony, Rails and others take the method from this parameter.
	for pair := range strings.FieldsFuncSeq(t.query, func(r rune) bool { return r == '&' || r == ';' }) {
		name, value, _ := strings.Cut(pair, "=")
		decoded, err := url.QueryUnescape(name)
		if err != nil {
			continue // no framework reads it as a name either
		}
		if value != a.method && namesMethod(decoded) {
			return ambiguous("the parameter _method says another method")
		}
	}
	return nil
}

// namesMethod reports whether some framework reads a parameter's name as
// _method: PHP drops spaces before it and what follows a NUL, and reads
// ".method" and "[method" likewise; qs, of Express, takes brackets for a list
// or an object, whose first element method-override obeys.
func namesMethod(name string) bool {
	name, _, _ = strings.Cut(strings.TrimLeft(name, " "), "\x00")
	if strings.EqualFold(strings.NewReplacer(".", "_", " ", "_", "[", "_").Replace(name), "_method") {
		return true
	}
	for part := range strings.FieldsFuncSeq(name, func(r rune) bool { return r == '[' || r == ']' }) {
		if strings.EqualFold(part, "_method") {
			return true
		}
	}
	return false
}

// plainName is a header's name as CGI and its heirs see it: case is lost, and
// so is which character stood between the words.
func plainName(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case 'A' <= r && r <= 'Z':
			return r + ('a' - 'A')
		case 'a' <= r && r <= 'z', '0' <= r && r <= '9':
			return r
		default:
			return '-'
		}
	}, name)
}
