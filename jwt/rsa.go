package jwt

import (
	"crypto/rsa"
	"math/big"
)

const (
	minRSABits     = 2048 // RFC 7518, sections 3.3 and 3.5
	maxRSABits     = 8192 // a verification's cost grows with the square of it
	minRSAExponent = 65537
	maxRSAExponent = 1<<31 - 1
)

// checkRSA refuses RSA keys that are too weak to trust or too large to compute with.
func checkRSA(p *rsa.PublicKey) error {
	if p == nil || p.N == nil || p.N.Sign() <= 0 {
		return badKey("RSA key without a modulus")
	}
	bits := p.N.BitLen()
	if bits < minRSABits || bits > maxRSABits {
		return badKey("RSA key of %d bits; allowed are %d to %d", bits, minRSABits, maxRSABits)
	}
	if p.N.Bit(0) == 0 {
		return badKey("RSA key with an even modulus")
	}
	// With e = 1 a signature is its own message; with e = 3 a verifier's slip in the padding
	// becomes a forgery (Bleichenbacher 2006). FIPS 186-5 demands more than 2^16.
	if p.E < minRSAExponent || p.E > maxRSAExponent || p.E&1 == 0 {
		return badKey("RSA exponent %d; it must be odd and at least %d", p.E, minRSAExponent)
	}
	if hasROCAFingerprint(p.N) {
		return badKey("RSA key made by a generator whose keys can be factored (CVE-2017-15361)")
	}
	return nil
}

// hasROCAFingerprint reports whether n bears the mark of Infineon's generator: modulo each small
// prime, n is a power of 65537. Of honest moduli, one in 2^27.8 bears it by chance and is refused,
// too. Nemec and others, "The Return of Coppersmith's Attack", CCS 2017.
func hasROCAFingerprint(n *big.Int) bool {
	primes := [...]uint64{
		3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71,
		73, 79, 83, 89, 97, 101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
	}
	var m, r big.Int
	for _, p := range primes {
		rest := r.Mod(n, m.SetUint64(p)).Uint64()
		if !isPowerOf65537(rest, p) {
			return false
		}
	}
	return true
}

func isPowerOf65537(rest, p uint64) bool {
	power := uint64(1)
	for {
		if power == rest {
			return true
		}
		power = power * 65537 % p
		if power == 1 {
			return false
		}
	}
}
