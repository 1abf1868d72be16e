package move

import (
	"strconv"
	"strings"

	"github.com/watchword-auth/watchword"
)

// unusable reports whether the source itself lets nobody in by that hash:
// there is none, or Django's mark for none.
func unusable(hash string) bool { return hash == "" || strings.HasPrefix(hash, "!") }

// whyUnchecked says why a hash cannot be checked, without repeating anything
// of it that is not the name of a scheme: what stands in a column for hashes
// may be a password as it was typed.
func whyUnchecked(hash string) string {
	for _, scheme := range []struct{ prefix, why string }{
		{"argon2$", "argon2, malformed or beyond the bounds"},
		{"$argon2", "argon2, malformed or beyond the bounds"},
		{"bcrypt", "bcrypt, malformed or beyond the bounds"},
		{"$2", "bcrypt, malformed or beyond the bounds"},
		{"pbkdf2", "PBKDF2, malformed or beyond the bounds"},
		{"$pbkdf2", "PBKDF2, malformed or beyond the bounds"},
		{"scrypt", "scrypt, malformed or beyond the bounds"},
		{"$scrypt$", "scrypt, malformed or beyond the bounds"},
		{"$5$", "sha256-crypt, malformed or beyond the bounds"},
		{"$6$", "sha512-crypt, malformed or beyond the bounds"},
		{"crypt$", "crypt(3) of Django, which is not read"},
		{"$y$", "yescrypt, which is not read"},
		{"$gy$", "yescrypt, which is not read"},
		{"$7$", "scrypt of crypt(3), which is not read"},
		{"{", "a hash of LDAP, which is not read"},
		{"md5$", "salted MD5, malformed"},
		{"sha1$", "salted SHA-1, malformed"},
	} {
		if strings.HasPrefix(hash, scheme.prefix) {
			return scheme.why
		}
	}
	return noFormat
}

// isHash reports whether a text is one of the hashes that name their scheme,
// and so must not be shown as a login: a row's columns may have slipped.
func isHash(text string) bool {
	return strings.Contains(text, "$") && (watchword.HashClass(text) != "" || whyUnchecked(text) != noFormat)
}

const noFormat = "in no known format"

// weak reports whether a class of hashes (see password.Class) costs an
// attacker less than OWASP's Password Storage Cheat Sheet asks for today.
// Such hashes are replaced at their owners' next sign-in.
func weak(class string) bool {
	scheme, cost, _ := strings.Cut(class, " ")
	scheme = strings.TrimPrefix(scheme, "django-")
	scheme = strings.TrimPrefix(strings.TrimPrefix(scheme, "passlib-"), "werkzeug-")
	n := numbers(cost)
	switch {
	case strings.HasPrefix(scheme, "argon2"):
		// 19 MiB twice, or more memory and fewer passes.
		return n["m"]*n["t"] < 7*1024*5
	case strings.HasPrefix(scheme, "bcrypt"):
		return n[""] < 10
	case strings.HasPrefix(scheme, "scrypt"):
		return n["n"]*n["r"]*n["p"] < 8192*8*10
	case scheme == "pbkdf2-sha512":
		return n[""] < 210_000
	case scheme == "pbkdf2-sha256":
		return n[""] < 600_000
	case strings.HasPrefix(scheme, "pbkdf2"):
		return n[""] < 1_300_000
	case scheme == "sha512-crypt", scheme == "sha256-crypt":
		return n[""] < 600_000
	}
	return true // one round of something fast, or a few thousand of MD5
}

// numbers reads "m=1 t=2" or "12".
func numbers(cost string) map[string]int {
	n := make(map[string]int)
	for field := range strings.FieldsSeq(cost) {
		name, value, ok := strings.Cut(field, "=")
		if !ok {
			name, value = "", field
		}
		n[name], _ = strconv.Atoi(value) // 0 is weak
	}
	return n
}

// census counts hashes.
type census struct {
	hashes  Hashes
	classes map[string]int
}

// take counts the person's hash and drops one that cannot be checked: what is
// in no known format must not be copied, for it may be a password.
func (c *census) take(p *Person, r *Report) {
	class := watchword.HashClass(p.Hash)
	switch {
	case unusable(p.Hash):
		c.hashes.Unusable++
		p.Hash = ""
	case class == "":
		c.hashes.Unchecked++
		note(&r.Unchecked, Unchecked{Named: named(*p), Why: whyUnchecked(p.Hash)})
		p.Hash = ""
	default:
		c.hashes.Checked++
		c.classes[class]++
		if weak(class) {
			c.hashes.Weak++
		}
	}
}

func named(p Person) Named { return Named{Place: p.Place, Login: p.Login} }
