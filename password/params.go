package password

import (
	"crypto/pbkdf2"
	"crypto/rand"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/scrypt"
)

// The schemes that can be preferred.
const (
	schemeArgon2       = "argon2id"
	schemeBcrypt       = "bcrypt"
	schemeScrypt       = "scrypt"
	schemePBKDF2       = "pbkdf2-sha256"
	schemeDjangoArgon2 = "django-argon2"
	schemeDjangoBcrypt = "django-bcrypt"
	schemeDjangoSHA    = "django-bcrypt-sha256"
	schemeDjangoScrypt = "django-scrypt"
	schemeDjangoPBKDF2 = "django-pbkdf2-sha256"
	schemeDjangoSHA1   = "django-pbkdf2-sha1"
)

// Params say which hash to write. The zero value is argon2id with 19 MiB, two passes and one lane (OWASP
// Password Storage Cheat Sheet). A field the scheme has no use for must be zero; one it has use for and that is
// zero takes the default.
type Params struct {
	// Scheme is one of
	//
	//	argon2id               $argon2id$v=19$m=19456,t=2,p=1$…        Memory, Time, Parallelism
	//	bcrypt                 $2b$12$…                                Cost
	//	scrypt                 $scrypt$ln=14,r=8,p=5$…                 Cost, BlockSize, Parallelism
	//	pbkdf2-sha256          $pbkdf2-sha256$600000$…                 Rounds
	//	django-argon2          argon2$argon2id$…                       as argon2id
	//	django-bcrypt          bcrypt$$2b$12$…                         as bcrypt
	//	django-bcrypt-sha256   bcrypt_sha256$$2b$12$…                  as bcrypt
	//	django-scrypt          scrypt$16384$…$8$5$…                    as scrypt
	//	django-pbkdf2-sha256   pbkdf2_sha256$600000$…                  as pbkdf2-sha256
	//	django-pbkdf2-sha1     pbkdf2_sha1$1300000$…                   as pbkdf2-sha256
	//
	// Django's own names argon2, bcrypt_sha256, pbkdf2_sha256 and pbkdf2_sha1 stand for its spelling too. Its names
	// bcrypt and scrypt are also those of the scheme and mean the plain form: write django-bcrypt, django-scrypt, or
	// see [Params.Django]. An underscore may stand for the hyphen in names that begin with django, as passlib has it.
	//
	// Both plain bcrypt forms refuse passwords over 72 bytes; django-bcrypt-sha256 takes any.
	Scheme string
	// Memory is argon2's, in KiB. Default 19456.
	Memory uint32
	// Time is argon2's number of passes. Default 2.
	Time uint32
	// Parallelism is the number of lanes of argon2 (default 1) or scrypt's p (default 5).
	Parallelism uint32
	// Cost is a power of two: of bcrypt's rounds (default 12), of scrypt's N (default 14).
	Cost int
	// BlockSize is scrypt's r. Default 8.
	BlockSize int
	// Rounds is PBKDF2's number of iterations. Default 600,000; 1,300,000 with SHA-1 (both OWASP's).
	Rounds int
}

// Schemes lists the names of the schemes that can be preferred, the default first.
func Schemes() []string {
	return []string{
		schemeArgon2, schemeBcrypt, schemeScrypt, schemePBKDF2,
		schemeDjangoArgon2, schemeDjangoBcrypt, schemeDjangoSHA, schemeDjangoScrypt, schemeDjangoPBKDF2,
		schemeDjangoSHA1,
	}
}

// resolve fills in the defaults and checks the result.
func (p Params) resolve() (Params, error) {
	p.Scheme = canonical(p.Scheme)
	want := Params{Scheme: p.Scheme} // what the scheme has use for
	switch p.family() {
	case schemeArgon2:
		p.Memory, p.Time, p.Parallelism = or(p.Memory, 19<<10), or(p.Time, 2), or(p.Parallelism, 1)
		want.Memory, want.Time, want.Parallelism = p.Memory, p.Time, p.Parallelism
	case schemeBcrypt:
		p.Cost = or(p.Cost, 12)
		want.Cost = p.Cost
	case schemeScrypt:
		p.Cost, p.BlockSize, p.Parallelism = or(p.Cost, 14), or(p.BlockSize, 8), or(p.Parallelism, 5)
		want.Cost, want.BlockSize, want.Parallelism = p.Cost, p.BlockSize, p.Parallelism
		if p.Cost < 1 || p.Cost > maxScryptLog2N {
			return p, fmt.Errorf("password: Cost of %s is %d, want 1 to %d", p.Scheme, p.Cost, maxScryptLog2N)
		}
	case schemePBKDF2:
		rounds := 600_000
		if p.Scheme == schemeDjangoSHA1 {
			rounds = 1_300_000
		}
		p.Rounds = or(p.Rounds, rounds)
		want.Rounds = p.Rounds
	default:
		return p, fmt.Errorf("password: unknown scheme %q, want one of %q", p.Scheme, Schemes())
	}
	if p != want {
		return p, fmt.Errorf("password: %+v has a field set that %s has no use for", p, p.Scheme)
	}
	// What is written must be readable: the decoder's limits are the limits.
	if _, ok := decode(p.sample()); !ok {
		return p, fmt.Errorf("password: %+v is beyond the limits for stored hashes", p)
	}
	return p, nil
}

// canonical replaces Django's own names that can mean nothing else.
func canonical(scheme string) string {
	switch scheme {
	case "":
		return schemeArgon2
	case "argon2":
		return schemeDjangoArgon2
	case "bcrypt_sha256":
		return schemeDjangoSHA
	case "pbkdf2_sha256":
		return schemeDjangoPBKDF2
	case "pbkdf2_sha1":
		return schemeDjangoSHA1
	}
	if strings.HasPrefix(scheme, "django_") {
		return strings.ReplaceAll(scheme, "_", "-")
	}
	return scheme
}

// Django returns the parameters with the same algorithm and costs in Django's spelling, for a table whose hashes
// Django reads too; those that are in it already as they are. Plain bcrypt becomes django-bcrypt, whose passwords
// end at 72 bytes as well.
func (p Params) Django() Params {
	switch canonical(p.Scheme) {
	case schemeArgon2:
		p.Scheme = schemeDjangoArgon2
	case schemeBcrypt:
		p.Scheme = schemeDjangoBcrypt
	case schemeScrypt:
		p.Scheme = schemeDjangoScrypt
	case schemePBKDF2:
		p.Scheme = schemeDjangoPBKDF2
	}
	return p
}

// family is the scheme in its plain spelling: the algorithm, and the fields it has use for.
func (p Params) family() string {
	switch p.Scheme {
	case schemeDjangoArgon2:
		return schemeArgon2
	case schemeDjangoBcrypt, schemeDjangoSHA:
		return schemeBcrypt
	case schemeDjangoScrypt:
		return schemeScrypt
	case schemeDjangoPBKDF2, schemeDjangoSHA1:
		return schemePBKDF2
	}
	return p.Scheme
}

func or[T comparable](v, fallback T) T {
	var zero T
	if v == zero {
		return fallback
	}
	return v
}

// accepts says why a password cannot be hashed, before a slot is taken for it.
func (p Params) accepts(password string) error {
	if p.Scheme == schemeBcrypt || p.Scheme == schemeDjangoBcrypt {
		return bcryptFits([]byte(password))
	}
	return nil
}

// hash computes a hash with a fresh salt. Only bcrypt can fail, for passwords that accepts refuses.
func (p Params) hash(password []byte) (string, error) {
	if p.family() == schemeBcrypt {
		if p.Scheme == schemeDjangoSHA {
			password = hexSHA256(password)
		}
		h, err := hashBcrypt(p.Cost, password)
		return p.prefix() + h, err
	}
	salt := p.salt()
	var (
		digest []byte
		err    error
	)
	switch p.family() {
	case schemeArgon2:
		digest = argon2.IDKey(password, salt, p.Time, p.Memory, uint8(p.Parallelism), uint32(p.size()))
	case schemeScrypt:
		digest, err = scrypt.Key(password, salt, 1<<p.Cost, p.BlockSize, int(p.Parallelism), p.size())
	case schemePBKDF2:
		digest, err = pbkdf2.Key(digestByName(p.digest()), string(password), salt, p.Rounds, p.size())
	}
	if err != nil {
		return "", fmt.Errorf("password: %w", err)
	}
	return p.format(salt, digest), nil
}

// sample returns a hash of these parameters that no password is known to match, without the work of one.
func (p Params) sample() string { return p.format(p.salt(), random(p.size())) }

func (p Params) format(salt, digest []byte) string {
	switch p.family() {
	case schemeArgon2:
		return p.prefix() + formatArgon2(p, salt, digest)
	case schemeScrypt:
		return formatScrypt(p, salt, digest)
	case schemePBKDF2:
		return formatPBKDF2(p, salt, digest)
	default:
		return p.prefix() + formatBcrypt(p.Cost, salt, digest)
	}
}

// prefix is what Django puts before a hash it leaves in the form of its library.
func (p Params) prefix() string {
	switch p.Scheme {
	case schemeDjangoArgon2:
		return "argon2"
	case schemeDjangoBcrypt:
		return "bcrypt$"
	case schemeDjangoSHA:
		return "bcrypt_sha256$"
	}
	return ""
}

// size is the length of the digest in bytes, the one the format's own library writes.
func (p Params) size() int {
	switch {
	case p.family() == schemeBcrypt:
		return 23
	case p.Scheme == schemeDjangoScrypt:
		return 64
	case p.Scheme == schemeDjangoSHA1:
		return 20
	}
	return 32
}

// digest is the name of PBKDF2's hash.
func (p Params) digest() string {
	if p.Scheme == schemeDjangoSHA1 {
		return "sha1"
	}
	return "sha256"
}

// salt returns 128 random bits or more: 16 bytes, or, where Django is to read the hash, letters and digits in the
// number that Django takes. It measures a salt by its characters, argon2's too, and writes a hash with a shorter
// one anew at the next sign-in; with a longer one its scrypt would not fit into the 128 characters of its column.
func (p Params) salt() []byte {
	switch p.Scheme {
	case schemeDjangoArgon2, schemeDjangoScrypt, schemeDjangoPBKDF2, schemeDjangoSHA1:
		return randomText(djangoSalt)
	}
	return random(16)
}

// djangoSalt is how many of 62 characters make 128 bits or more: 131.
const djangoSalt = 22

// randomText returns n random letters and digits.
func randomText(n int) []byte {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	text := make([]byte, 0, n)
	for len(text) < n {
		for _, b := range random(n) {
			// Bytes beyond the last whole alphabet would favour its first letters.
			if int(b) < 256/len(letters)*len(letters) && len(text) < n {
				text = append(text, letters[int(b)%len(letters)])
			}
		}
	}
	return text
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails; it ends the program where there is no randomness
	return b
}

// Unusable returns what Django stores for a user without a password: an exclamation mark and 40 random
// characters. Verify never matches it. The random part keeps whatever is derived from the hash, such as links
// to reset it, from being the same for two users.
func Unusable() string { return "!" + (rand.Text() + rand.Text())[:40] }
