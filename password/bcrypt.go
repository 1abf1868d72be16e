package password

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"

	"golang.org/x/crypto/bcrypt"
)

const (
	bcryptSalt   = 22 // characters of 16 bytes
	bcryptDigest = 31 // characters of 23 bytes
)

// bcryptEncoding is bcrypt's own alphabet. It is never changed.
var bcryptEncoding = base64.NewEncoding("./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789").
	WithPadding(base64.NoPadding)

// decodeBcrypt reads 2b$cost$salt-and-digest. Where a format hashes the password first, prehash does. The
// versions 2a, 2b and 2y differ only in the faults of C programs at lengths that are refused here.
func decodeBcrypt(scheme string, f []string, prehash func([]byte) []byte) (stored, bool) {
	if len(f) != 3 || len(f[1]) != 2 || len(f[2]) != bcryptSalt+bcryptDigest {
		return stored{}, false
	}
	switch f[0] {
	case "2a", "2b", "2y":
	default:
		return stored{}, false
	}
	cost, ok := number(strings.TrimPrefix(f[1], "0"), minBcryptCost, maxBcryptCost)
	if !ok {
		return stored{}, false
	}
	return bcryptStored(scheme, cost, f[2][:bcryptSalt], f[2][bcryptSalt:], prehash)
}

// decodePasslibBcrypt reads both versions of passlib's bcrypt_sha256: bcrypt-sha256$2b,12$salt$digest, and
// bcrypt-sha256$v=2,t=2b,r=12$salt$digest, which keys the first hash with the salt.
func decodePasslibBcrypt(f []string) (stored, bool) {
	if len(f) != 4 {
		return stored{}, false
	}
	scheme := "bcrypt-sha256"
	prehash := func(password []byte) []byte {
		mac := hmac.New(sha256.New, []byte(f[2]))
		mac.Write(password)
		return base64Text(mac.Sum(nil))
	}
	o, ok := options(f[1], "v", "t", "r")
	if !ok {
		version, cost, _ := strings.Cut(f[1], ",")
		o = []string{"1", version, cost}
		scheme = "bcrypt-sha256-v1"
		prehash = func(password []byte) []byte {
			sum := sha256.Sum256(password)
			return base64Text(sum[:])
		}
	} else if o[0] != "2" || o[1] != "2b" {
		return stored{}, false
	}
	cost, ok := number(o[2], minBcryptCost, maxBcryptCost)
	if !ok || (o[1] != "2a" && o[1] != "2b") {
		return stored{}, false
	}
	return bcryptStored(scheme, cost, f[2], f[3], prehash)
}

func bcryptStored(scheme string, cost int, salt, digest string, prehash func([]byte) []byte) (stored, bool) {
	// Salts with stray bits at the end come from faulty generators; C libraries write them back without, so
	// such a hash matches nothing there either.
	if _, ok := unbase64(bcryptEncoding, salt, 16, 16); !ok {
		return stored{}, false
	}
	if _, ok := unbase64(bcryptEncoding, digest, 23, 23); !ok {
		return stored{}, false
	}
	hash := fmt.Appendf(nil, "$2b$%02d$%s%s", cost, salt, digest)
	match := func(password []byte) bool {
		if prehash != nil {
			password = prehash(password)
		}
		fits := bcryptFits(password) == nil
		// One that does not fit costs the same as one that does, or the answer's time would tell that the user
		// has a hash of this kind.
		err := bcrypt.CompareHashAndPassword(hash, password[:min(len(password), maxBcryptBytes)])
		return fits && err == nil
	}
	return stored{scheme, fmt.Sprint(cost), match}, true
}

// bcryptFits reports whether bcrypt can tell a password from all others: it reads 72 bytes and repeats what is
// shorter with a zero byte between, so that "a" and "a\x00a" are one to it. Cutting instead has let people in
// without a password where a long login stood before it in the hashed text (Okta, October 2024).
func bcryptFits(password []byte) error {
	switch {
	case len(password) > maxBcryptBytes:
		return ErrTooLong
	case bytes.IndexByte(password, 0) >= 0:
		return ErrNUL
	}
	return nil
}

func hashBcrypt(cost int, password []byte) (string, error) {
	if err := bcryptFits(password); err != nil {
		return "", err
	}
	h, err := bcrypt.GenerateFromPassword(password, cost)
	if err != nil {
		return "", fmt.Errorf("password: %w", err)
	}
	return "$2b$" + string(h[len("$2a$"):]), nil
}

func formatBcrypt(cost int, salt, digest []byte) string {
	return fmt.Sprintf("$2b$%02d$%s%s", cost, bcryptEncoding.EncodeToString(salt), bcryptEncoding.EncodeToString(digest))
}

// hexSHA256 is Django's prehash: 64 bytes of text, so bcrypt reads all of it.
func hexSHA256(password []byte) []byte {
	sum := sha256.Sum256(password)
	return hex.AppendEncode(nil, sum[:])
}

func base64Text(b []byte) []byte { return base64.StdEncoding.AppendEncode(nil, b) }
