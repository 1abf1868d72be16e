package jwt

import (
	"crypto"
	_ "crypto/sha256" // SHA-256 behind crypto.Hash
	_ "crypto/sha512" // SHA-384 and SHA-512 behind crypto.Hash
)

// Algorithm names a signature algorithm of RFC 7518, section 3.1, or RFC 8037. The set is closed and
// has no "none": what is not a constant below is refused everywhere.
type Algorithm string

// The algorithms.
const (
	HS256 Algorithm = "HS256" // HMAC with SHA-256
	HS384 Algorithm = "HS384" // HMAC with SHA-384
	HS512 Algorithm = "HS512" // HMAC with SHA-512
	RS256 Algorithm = "RS256" // RSASSA-PKCS1-v1_5 with SHA-256
	RS384 Algorithm = "RS384" // RSASSA-PKCS1-v1_5 with SHA-384
	RS512 Algorithm = "RS512" // RSASSA-PKCS1-v1_5 with SHA-512
	PS256 Algorithm = "PS256" // RSASSA-PSS with SHA-256, salt of 32 bytes
	PS384 Algorithm = "PS384" // RSASSA-PSS with SHA-384, salt of 48 bytes
	PS512 Algorithm = "PS512" // RSASSA-PSS with SHA-512, salt of 64 bytes
	ES256 Algorithm = "ES256" // ECDSA on P-256 with SHA-256
	ES384 Algorithm = "ES384" // ECDSA on P-384 with SHA-384
	ES512 Algorithm = "ES512" // ECDSA on P-521 with SHA-512
	EdDSA Algorithm = "EdDSA" // Ed25519; Ed448 is not supported
)

// family is what a key's material must be.
type family uint8

const (
	familyNone family = iota
	familyHMAC
	familyRSA
	familyPSS
	familyECDSA
	familyEd25519
)

// traits are the properties of an algorithm that the rest of the package asks for.
type traits struct {
	family family
	hash   crypto.Hash // zero for EdDSA, which hashes inside
	curve  string      // the JWK "crv", for ECDSA and EdDSA
	coord  int         // bytes of an ECDSA coordinate; a signature has twice as many
}

// traits returns the zero traits for a name outside the set.
func (a Algorithm) traits() traits {
	switch a {
	case HS256:
		return traits{family: familyHMAC, hash: crypto.SHA256}
	case HS384:
		return traits{family: familyHMAC, hash: crypto.SHA384}
	case HS512:
		return traits{family: familyHMAC, hash: crypto.SHA512}
	case RS256:
		return traits{family: familyRSA, hash: crypto.SHA256}
	case RS384:
		return traits{family: familyRSA, hash: crypto.SHA384}
	case RS512:
		return traits{family: familyRSA, hash: crypto.SHA512}
	case PS256:
		return traits{family: familyPSS, hash: crypto.SHA256}
	case PS384:
		return traits{family: familyPSS, hash: crypto.SHA384}
	case PS512:
		return traits{family: familyPSS, hash: crypto.SHA512}
	case ES256:
		return traits{family: familyECDSA, hash: crypto.SHA256, curve: "P-256", coord: 32}
	case ES384:
		return traits{family: familyECDSA, hash: crypto.SHA384, curve: "P-384", coord: 48}
	case ES512:
		return traits{family: familyECDSA, hash: crypto.SHA512, curve: "P-521", coord: 66}
	case EdDSA:
		return traits{family: familyEd25519, curve: "Ed25519"}
	}
	return traits{}
}

// Valid reports whether a is one of the algorithms of this package. Names are compared as they are:
// "hs256" and "none" are not valid.
func (a Algorithm) Valid() bool { return a.traits().family != familyNone }

// Symmetric reports whether signer and verifier share one secret. Such keys are never published.
func (a Algorithm) Symmetric() bool { return a.traits().family == familyHMAC }
