package password

import (
	"encoding/base64"
	"fmt"
	"strings"

	goargon2 "github.com/go-crypt/crypt/algorithm/argon2"
	"golang.org/x/crypto/argon2"
)

// decodeArgon2 reads variant$v=19$m=,t=,p=$salt$digest, the reference implementation's form (RFC 9106 has
// none). Version 16, which that form means where v is missing, has weaker passes and no maintained
// implementation in Go: it is not read.
func decodeArgon2(scheme string, f []string) (stored, bool) {
	if len(f) != 5 || f[1] != fmt.Sprintf("v=%d", argon2.Version) {
		return stored{}, false
	}
	o, ok := options(f[2], "m", "t", "p")
	if !ok {
		return stored{}, false
	}
	p, okP := number(o[2], 1, maxArgon2Lanes)
	t, okT := number(o[1], 1, maxArgon2Time)
	m, okM := number(o[0], 8*p, maxArgon2Memory) // RFC 9106, section 3.1: at least 8p
	salt, okSalt := unbase64(base64.RawStdEncoding, f[3], minArgon2Salt, maxArgon2Salt)
	digest, okDigest := unbase64(base64.RawStdEncoding, f[4], minArgon2Digest, maxArgon2Digest)
	if !okP || !okT || !okM || m*t > maxArgon2Work || !okSalt || !okDigest {
		return stored{}, false
	}

	var match func(password []byte) bool
	switch f[0] {
	case "argon2id":
		match = func(password []byte) bool {
			return equal(digest, argon2.IDKey(password, salt, uint32(t), uint32(m), uint8(p), uint32(len(digest))))
		}
	case "argon2i":
		match = func(password []byte) bool {
			return equal(digest, argon2.Key(password, salt, uint32(t), uint32(m), uint8(p), uint32(len(digest))))
		}
	case "argon2d":
		// x/crypto leaves argon2d out. go-crypt has it, behind a decoder that checks no bounds: ours has.
		d, err := goargon2.DecodeVariant(goargon2.VariantD)("$" + strings.Join(f, "$"))
		if err != nil {
			return stored{}, false
		}
		match = d.MatchBytes
	default:
		return stored{}, false
	}
	scheme = strings.Replace(scheme, "django-argon2id", schemeDjangoArgon2, 1)
	return stored{scheme, fmt.Sprintf("m=%d t=%d p=%d", m, t, p), match}, true
}

func formatArgon2(p Params, salt, digest []byte) string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, p.Memory, p.Time, p.Parallelism,
		base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(digest))
}
