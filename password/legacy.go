package password

import (
	"crypto/hmac"
	"crypto/md5"  //nolint:gosec // G501: read, never written
	"crypto/sha1" //nolint:gosec // G505: read, never written
	"crypto/sha256"
	"crypto/sha512"
	"hash"
)

// What is read here is broken: it protects a stolen table for minutes. It is read so that its owners can sign
// in once and have it replaced, and never written.

// decodeSalted reads name$salt$hex. Two systems write that and mean different things: Django's MD5 and SHA-1
// hashers the hash of salt and password, Werkzeug before version 1 the HMAC of the password keyed with the
// salt. The string does not tell which, so both are tried. Django's unsalted ones leave the salt empty.
func decodeSalted(f []string) (stored, bool) {
	if len(f) != 3 || len(f[1]) > maxSalt {
		return stored{}, false
	}
	var (
		h      func() hash.Hash
		django bool
	)
	switch f[0] {
	case "md5":
		h, django = md5.New, true
	case "sha1":
		h, django = sha1.New, true
	case "sha256":
		h = sha256.New
	case "sha512":
		h = sha512.New
	}
	if f[1] == "" {
		switch f[0] {
		case "md5":
			return decodeUnsalted("django-md5-unsalted", md5Sum, f[2])
		case "sha1":
			return decodeUnsalted("django-sha1-unsalted", sha1Sum, f[2])
		}
		return stored{}, false
	}
	digest, ok := unhex(f[2], h().Size())
	if !ok {
		return stored{}, false
	}
	salt := []byte(f[1])
	match := func(password []byte) bool {
		mac := hmac.New(h, salt)
		mac.Write(password)
		matches := equal(digest, mac.Sum(nil))
		if django {
			d := h()
			d.Write(salt)
			d.Write(password)
			matches = equal(digest, d.Sum(nil)) || matches
		}
		return matches
	}
	return stored{"salted-" + f[0], "", match}, true
}

// decodeUnsalted reads the bare hexadecimal digest of the password.
func decodeUnsalted(scheme string, sum func([]byte) []byte, hexDigest string) (stored, bool) {
	digest, ok := unhex(hexDigest, len(sum(nil)))
	if !ok {
		return stored{}, false
	}
	return stored{scheme, "", func(password []byte) bool { return equal(digest, sum(password)) }}, true
}

func md5Sum(b []byte) []byte {
	sum := md5.Sum(b) //nolint:gosec // G401: the formats demand it
	return sum[:]
}

func sha1Sum(b []byte) []byte {
	sum := sha1.Sum(b) //nolint:gosec // G401: the formats demand it
	return sum[:]
}
