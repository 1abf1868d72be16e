package password

import (
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"strconv"
	"strings"
)

// stored is a hash taken apart, all its parameters within their limits.
type stored struct {
	scheme string // as Class names it
	cost   string // as Class names it; empty where the scheme has none
	// match does the work and compares in constant time. It neither keeps nor changes the password.
	match func(password []byte) bool
}

// decode is the one place where the format of a stored hash is recognised.
func decode(encoded string) (stored, bool) {
	if len(encoded) == 0 || len(encoded) > maxEncoded || !printable(encoded) {
		return stored{}, false
	}
	f := strings.Split(encoded, "$")
	switch {
	case len(f) == 1:
		return decodeUnsalted("django-md5-unsalted", md5Sum, f[0])
	case f[0] == "":
		return decodeModular(f[1:])
	case strings.Contains(f[0], ":"):
		return decodeWerkzeug(f)
	default:
		return decodeDjango(f)
	}
}

// decodeModular reads what begins with a dollar: crypt(3), PHC strings, passlib's own.
func decodeModular(f []string) (stored, bool) {
	switch f[0] {
	case "argon2id", "argon2i", "argon2d":
		return decodeArgon2(f[0], f)
	case "2a", "2b", "2y":
		// Not 2x, which marks hashes of a version that read bytes above 127 wrongly, nor 2, older still.
		return decodeBcrypt("bcrypt", f, nil)
	case "bcrypt-sha256":
		return decodePasslibBcrypt(f)
	case "pbkdf2", "pbkdf2-sha224", "pbkdf2-sha256", "pbkdf2-sha384", "pbkdf2-sha512":
		return decodePasslibPBKDF2(f)
	case "scrypt":
		return decodePHCScrypt(f)
	case "5", "6":
		return decodeSHACrypt(f)
	case "1":
		return decodeMD5Crypt(f)
	case "P", "H":
		return decodePHPass(f)
	}
	return stored{}, false
}

// decodeDjango reads what begins with the name of one of Django's hashers, and Werkzeug's oldest form, which
// looks the same.
func decodeDjango(f []string) (stored, bool) {
	switch f[0] {
	case "argon2":
		// Django before 3.2 wrote argon2i.
		return decodeArgon2("django-"+f[1], f[1:])
	case "bcrypt", "bcrypt_sha256":
		if f[1] != "" {
			return stored{}, false
		}
		if f[0] == "bcrypt" {
			return decodeBcrypt("django-bcrypt", f[2:], nil)
		}
		return decodeBcrypt("django-bcrypt-sha256", f[2:], hexSHA256)
	case "pbkdf2_sha256", "pbkdf2_sha1":
		return decodeDjangoPBKDF2(f)
	case "scrypt":
		return decodeDjangoScrypt(f)
	case "md5", "sha1", "sha256", "sha512":
		return decodeSalted(f)
	}
	return stored{}, false
}

// decodeWerkzeug reads method$salt$hex where the method has parameters.
func decodeWerkzeug(f []string) (stored, bool) {
	if len(f) != 3 {
		return stored{}, false
	}
	method := strings.Split(f[0], ":")
	switch method[0] {
	case "pbkdf2":
		return decodeWerkzeugPBKDF2(method, f[1], f[2])
	case "scrypt":
		return decodeWerkzeugScrypt(method, f[1], f[2])
	}
	return stored{}, false
}

// printable: every byte is visible ASCII or a space. All formats are; a stray newline or NUL is a fault in
// the table that strict reading should show.
func printable(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// number reads a decimal number without sign or leading zeros, within bounds.
func number(s string, least, most int) (int, bool) {
	if s == "" || len(s) > 10 || (s[0] == '0' && s != "0") {
		return 0, false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < int64(least) || n > int64(most) {
		return 0, false
	}
	return int(n), true
}

// options reads "a=1,b=2": exactly the names, in their order.
func options(s string, names ...string) ([]string, bool) {
	f := strings.Split(s, ",")
	if len(f) != len(names) {
		return nil, false
	}
	for i, name := range names {
		value, ok := strings.CutPrefix(f[i], name+"=")
		if !ok {
			return nil, false
		}
		f[i] = value
	}
	return f, true
}

// unbase64 decodes s where it is the one encoding of between least and most bytes.
func unbase64(e *base64.Encoding, s string, least, most int) ([]byte, bool) {
	b, err := e.DecodeString(s)
	// Comparing with the encoding refuses line breaks and stray bits at the end, which DecodeString takes.
	if err != nil || len(b) < least || len(b) > most || e.EncodeToString(b) != s {
		return nil, false
	}
	return b, true
}

// unhex decodes s where it is the lower-case encoding of size bytes, as Python's hexdigest writes it.
func unhex(s string, size int) ([]byte, bool) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != size || hex.EncodeToString(b) != s {
		return nil, false
	}
	return b, true
}

// text reports whether s can be a salt that is used as written.
func text(s string) bool { return len(s) > 0 && len(s) <= maxSalt }

func equal(a, b []byte) bool { return subtle.ConstantTimeCompare(a, b) == 1 }
