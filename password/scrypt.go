package password

import (
	"encoding/base64"
	"fmt"
	"math/bits"

	"golang.org/x/crypto/scrypt"
)

// decodePHCScrypt reads scrypt$ln=,r=,p=$salt$digest, as passlib writes it.
func decodePHCScrypt(f []string) (stored, bool) {
	if len(f) != 4 {
		return stored{}, false
	}
	o, ok := options(f[1], "ln", "r", "p")
	if !ok {
		return stored{}, false
	}
	ln, okLn := number(o[0], 1, maxScryptLog2N)
	salt, okSalt := unbase64(base64.RawStdEncoding, f[2], 0, maxSalt)
	digest, okDigest := unbase64(base64.RawStdEncoding, f[3], minScryptDigest, maxScryptDigest)
	if !okLn || !okSalt || !okDigest {
		return stored{}, false
	}
	return scryptStored("scrypt", 1<<ln, o[1], o[2], salt, digest)
}

// decodeDjangoScrypt reads scrypt$N$salt$r$p$base64; the salt is used as written.
func decodeDjangoScrypt(f []string) (stored, bool) {
	if len(f) != 6 || !text(f[2]) {
		return stored{}, false
	}
	n, okN := number(f[1], 2, 1<<maxScryptLog2N)
	digest, okDigest := unbase64(base64.StdEncoding, f[5], maxScryptDigest, maxScryptDigest)
	if !okN || !okDigest {
		return stored{}, false
	}
	return scryptStored("django-scrypt", n, f[3], f[4], []byte(f[2]), digest)
}

// decodeWerkzeugScrypt reads scrypt:N:r:p$salt$hex; the salt is used as written.
func decodeWerkzeugScrypt(method []string, salt, hexDigest string) (stored, bool) {
	if len(method) != 4 || !text(salt) {
		return stored{}, false
	}
	n, okN := number(method[1], 2, 1<<maxScryptLog2N)
	digest, okDigest := unhex(hexDigest, maxScryptDigest)
	if !okN || !okDigest {
		return stored{}, false
	}
	return scryptStored("werkzeug-scrypt", n, method[2], method[3], []byte(salt), digest)
}

func scryptStored(scheme string, n int, blockSize, parallelism string, salt, digest []byte) (stored, bool) {
	r, okR := number(blockSize, 1, maxScryptFactor)
	p, okP := number(parallelism, 1, maxScryptFactor)
	// RFC 7914, section 2: N is a power of two.
	memory := 128 * int64(n) * int64(r)
	if !okR || !okP || bits.OnesCount(uint(n)) != 1 || memory > maxScryptMemory || memory*int64(p) > maxScryptWork {
		return stored{}, false
	}
	match := func(password []byte) bool {
		key, err := scrypt.Key(password, salt, n, r, p, len(digest))
		return err == nil && equal(digest, key)
	}
	return stored{scheme, fmt.Sprintf("n=%d r=%d p=%d", n, r, p), match}, true
}

func formatScrypt(p Params, salt, digest []byte) string {
	if p.Scheme == schemeDjangoScrypt {
		// Django puts the salt into the hash as it stands in the string.
		return fmt.Sprintf("scrypt$%d$%s$%d$%d$%s", 1<<p.Cost, salt, p.BlockSize, p.Parallelism, base64.StdEncoding.EncodeToString(digest))
	}
	return fmt.Sprintf("$scrypt$ln=%d,r=%d,p=%d$%s$%s", p.Cost, p.BlockSize, p.Parallelism,
		base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(digest))
}
