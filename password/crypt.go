package password

import (
	"bytes"
	"crypto/md5" //nolint:gosec // G501: phpass is made of it; read, never written
	"fmt"
	"strconv"
	"strings"

	"github.com/go-crypt/crypt/algorithm/md5crypt"
	"github.com/go-crypt/crypt/algorithm/shacrypt"
)

// cryptAlphabet is crypt(3)'s; its value is a character's place.
const cryptAlphabet = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// decodeSHACrypt reads 5$salt$digest or 5$rounds=N$salt$digest, and 6 for SHA-512 (Drepper, "Unix crypt using
// SHA-256 and SHA-512").
func decodeSHACrypt(f []string) (stored, bool) {
	rounds := defaultSHACryptRounds
	if len(f) == 4 {
		o, ok := options(f[1], "rounds")
		if !ok {
			return stored{}, false
		}
		// The specification moves rounds outside its range to the nearer end and then writes the end, so no hash
		// names any other.
		if rounds, ok = number(o[0], minSHACryptRounds, maxSHACryptRounds); !ok {
			return stored{}, false
		}
		f = []string{f[0], f[2], f[3]}
	}
	scheme, size := "sha256-crypt", 43
	if f[0] == "6" {
		scheme, size = "sha512-crypt", 86
	}
	if len(f) != 3 || len(f[1]) > maxSHACryptSalt || !inCryptAlphabet(f[1]) || len(f[2]) != size || !inCryptAlphabet(f[2]) {
		return stored{}, false
	}
	d, err := shacrypt.Decode(fmt.Sprintf("$%s$rounds=%d$%s$%s", f[0], rounds, f[1], f[2]))
	if err != nil {
		return stored{}, false
	}
	match := func(password []byte) bool { return cryptFits(password, rounds) && d.MatchBytes(password) }
	return stored{scheme, strconv.Itoa(rounds), match}, true
}

// decodeMD5Crypt reads 1$salt$digest.
func decodeMD5Crypt(f []string) (stored, bool) {
	if len(f) != 3 || len(f[1]) > maxMD5CryptSalt || !inCryptAlphabet(f[1]) || len(f[2]) != 22 || !inCryptAlphabet(f[2]) {
		return stored{}, false
	}
	d, err := md5crypt.DecodeVariant(md5crypt.VariantStandard)("$" + strings.Join(f, "$"))
	if err != nil {
		return stored{}, false
	}
	match := func(password []byte) bool { return cryptFits(password, md5CryptRounds) && d.MatchBytes(password) }
	return stored{"md5-crypt", "", match}, true
}

// decodePHPass reads P$ or H$ and 31 characters: log2 of the rounds, eight of salt, 22 of digest.
func decodePHPass(f []string) (stored, bool) {
	if len(f) != 2 || len(f[1]) != 31 || !inCryptAlphabet(f[1]) {
		return stored{}, false
	}
	log2 := strings.IndexByte(cryptAlphabet, f[1][0])
	if log2 < minPHPassLog2 || log2 > maxPHPassLog2 {
		return stored{}, false
	}
	salt, digest := []byte(f[1][1:9]), []byte(f[1][9:])
	match := func(password []byte) bool {
		if cryptWork(len(password), 1<<log2) > maxCryptWork {
			return false
		}
		sum := md5.Sum(append(salt[:len(salt):len(salt)], password...)) //nolint:gosec // G401: the format demands it
		buf := append(sum[:], password...)
		for range 1 << log2 {
			sum = md5.Sum(buf) //nolint:gosec // G401: the format demands it
			copy(buf, sum[:])
		}
		return equal(digest, encodeCrypt(sum[:]))
	}
	return stored{"phpass", strconv.Itoa(1 << log2), match}, true
}

// encodeCrypt writes six bits a character, the lowest first, as phpass does.
func encodeCrypt(b []byte) []byte {
	var out []byte
	for i := 0; i < len(b); i += 3 {
		var v uint32
		n := min(3, len(b)-i)
		for j := range n {
			v |= uint32(b[i+j]) << (8 * j)
		}
		for range n + 1 {
			out = append(out, cryptAlphabet[v&63])
			v >>= 6
		}
	}
	return out
}

// cryptFits reports whether a password may be given to crypt(3)'s schemes: in C it ends at the first zero
// byte, so no hash in existence stands for one that has any.
func cryptFits(password []byte, rounds int) bool {
	return bytes.IndexByte(password, 0) < 0 && cryptWork(len(password), rounds) <= maxCryptWork
}

// cryptWork is about how many bytes are hashed: each round reads the password up to twice and some 128 bytes
// more, and SHA-crypt reads the password once for each of its bytes before the first.
func cryptWork(length, rounds int) int64 {
	n := int64(length)
	return n*n + int64(rounds)*(2*n+128)
}

// Growth returns how many times as long a password of n bytes takes at most as the empty one does, with hashes of
// a class that Class returned. It is 1 but for the schemes of crypt(3) and phpass, which read the password in every
// round: whoever makes refusals equally long must reckon with it, since strangers choose n.
func Growth(class string, n int) float64 {
	scheme, cost, _ := strings.Cut(class, " ")
	var block, fixed, copies, rounds int // fixed: digest, salt and the hash's own padding
	switch scheme {
	case "sha512-crypt":
		block, fixed, copies = 128, 64+maxSHACryptSalt+17, 2
	case "sha256-crypt":
		block, fixed, copies = 64, 32+maxSHACryptSalt+9, 2
	case "md5-crypt":
		block, fixed, copies, rounds = 64, 16+maxMD5CryptSalt+9, 2, md5CryptRounds
	case "phpass":
		block, fixed, copies = 64, 16+9, 1
	default:
		return 1
	}
	if rounds == 0 {
		rounds, _ = number(cost, 1, maxSHACryptRounds+1<<maxPHPassLog2)
	}
	if rounds == 0 || cryptWork(n, rounds) > maxCryptWork {
		return 1 // refused before any work
	}
	blocks := (fixed + copies*n + block - 1) / block // of a round; with the empty password it is one
	return float64(blocks) + float64(n)*float64(n)/float64(block*rounds)
}

func inCryptAlphabet(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return !strings.ContainsRune(cryptAlphabet, r) }) < 0
}
