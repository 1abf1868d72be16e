package password

import (
	"crypto/pbkdf2"
	"crypto/sha1" //nolint:gosec // G505: in PBKDF2 SHA-1 stands; it is written only where it is asked for
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"fmt"
	"hash"
	"strings"
)

// passlibEncoding is passlib's "adapted base64". It is never changed.
var passlibEncoding = base64.NewEncoding("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789./").
	WithPadding(base64.NoPadding)

// digestByName returns the hash of PBKDF2 under the name that all formats share.
func digestByName(name string) func() hash.Hash {
	switch name {
	case "sha1":
		return sha1.New
	case "sha224":
		return sha256.New224
	case "sha256":
		return sha256.New
	case "sha384":
		return sha512.New384
	case "sha512":
		return sha512.New
	}
	return nil
}

// decodeDjangoPBKDF2 reads pbkdf2_sha256$rounds$salt$base64; the salt is used as written.
func decodeDjangoPBKDF2(f []string) (stored, bool) {
	if len(f) != 4 || !text(f[2]) {
		return stored{}, false
	}
	name := strings.TrimPrefix(f[0], "pbkdf2_")
	digest, ok := unbase64(base64.StdEncoding, f[3], 0, maxEncoded)
	if !ok {
		return stored{}, false
	}
	return pbkdf2Stored("django-pbkdf2-", name, f[1], []byte(f[2]), digest)
}

// decodePasslibPBKDF2 reads pbkdf2-sha256$rounds$salt$digest; without a name the hash is SHA-1.
func decodePasslibPBKDF2(f []string) (stored, bool) {
	if len(f) != 4 {
		return stored{}, false
	}
	_, name, named := strings.Cut(f[0], "-")
	if !named {
		name = "sha1"
	}
	// Like passlib, take + for the dot it writes.
	salt, okSalt := unbase64(passlibEncoding, strings.ReplaceAll(f[2], "+", "."), 0, maxSalt)
	digest, okDigest := unbase64(passlibEncoding, strings.ReplaceAll(f[3], "+", "."), 0, maxEncoded)
	if !okSalt || !okDigest {
		return stored{}, false
	}
	return pbkdf2Stored("pbkdf2-", name, f[1], salt, digest)
}

// decodeWerkzeugPBKDF2 reads pbkdf2:sha256:rounds$salt$hex; the salt is used as written.
func decodeWerkzeugPBKDF2(method []string, salt, hexDigest string) (stored, bool) {
	if len(method) != 3 || !text(salt) {
		return stored{}, false
	}
	h := digestByName(method[1])
	if h == nil {
		return stored{}, false
	}
	digest, ok := unhex(hexDigest, h().Size())
	if !ok {
		return stored{}, false
	}
	return pbkdf2Stored("werkzeug-pbkdf2-", method[1], method[2], []byte(salt), digest)
}

func pbkdf2Stored(family, name, rounds string, salt, digest []byte) (stored, bool) {
	h := digestByName(name)
	n, ok := number(rounds, 1, maxPBKDF2Rounds)
	if h == nil || !ok || len(digest) != h().Size() {
		return stored{}, false
	}
	match := func(password []byte) bool {
		key, err := pbkdf2.Key(h, string(password), salt, n, len(digest))
		return err == nil && equal(digest, key)
	}
	return stored{family + name, rounds, match}, true
}

func formatPBKDF2(p Params, salt, digest []byte) string {
	if p.Scheme == schemeDjangoPBKDF2 || p.Scheme == schemeDjangoSHA1 {
		// Django puts the salt into the hash as it stands in the string.
		return fmt.Sprintf("pbkdf2_%s$%d$%s$%s", p.digest(), p.Rounds, salt, base64.StdEncoding.EncodeToString(digest))
	}
	return fmt.Sprintf("$pbkdf2-sha256$%d$%s$%s", p.Rounds, passlibEncoding.EncodeToString(salt), passlibEncoding.EncodeToString(digest))
}
