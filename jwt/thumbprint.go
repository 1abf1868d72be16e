package jwt

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"math/big"
)

// Thumbprint returns the RFC 7638 thumbprint of k with SHA-256, in base64url: 43 characters. It is the
// same for both halves of a pair. That of a secret must not be published: it lets guesses be tested.
func (k *Key) Thumbprint() string {
	p := k.parameters()
	return thumbprint(k.keyType(), func(name string) string { return p[name] })
}

// Thumbprint returns the RFC 7638 thumbprint of any JWK with the key types of RFC 7518 and RFC 8037,
// also of one that [ParseKey] refuses, such as an encryption key. It reads only the members that
// count.
func Thumbprint(jwk []byte) (string, error) {
	d, err := readJWK(jwk)
	if err != nil {
		return "", err
	}
	required := requiredMembers(d.text["kty"])
	if required == nil {
		return "", badKey("unknown key type %.32q", d.text["kty"])
	}
	for _, name := range required {
		if d.text[name] == "" {
			return "", badKey("member %q is missing", name)
		}
	}
	return thumbprint(d.text["kty"], func(name string) string { return d.text[name] }), nil
}

// requiredMembers are those that a thumbprint is made of, in lexicographic order (RFC 7638, section
// 3.2; RFC 8037, section 2).
func requiredMembers(kty string) []string {
	switch kty {
	case "EC":
		return []string{"crv", "kty", "x", "y"}
	case "OKP":
		return []string{"crv", "kty", "x"}
	case "RSA":
		return []string{"e", "kty", "n"}
	case "oct":
		return []string{"k", "kty"}
	}
	return nil
}

func thumbprint(kty string, member func(name string) string) string {
	b := make([]byte, 0, 1024)
	for i, name := range requiredMembers(kty) {
		b = append(b, "{,"[min(i, 1)])
		b = appendQuoted(b, name)
		b = append(b, ':')
		b = appendQuoted(b, member(name))
	}
	sum := sha256.Sum256(append(b, '}'))
	return encode(sum[:])
}

func (k *Key) keyType() string {
	switch k.traits.family {
	case familyHMAC:
		return "oct"
	case familyECDSA:
		return "EC"
	case familyEd25519:
		return "OKP"
	default:
		return "RSA"
	}
}

// parameters returns the members that make up the public half, or the secret.
func (k *Key) parameters() map[string]string {
	p := map[string]string{"kty": k.keyType()}
	switch pub := k.public.(type) {
	case nil:
		p["k"] = encode(k.secret)
	case *rsa.PublicKey:
		p["n"] = encode(pub.N.Bytes())
		p["e"] = encode(big.NewInt(int64(pub.E)).Bytes())
	case *ecdsa.PublicKey:
		point, err := pub.Bytes()
		if err != nil {
			panic("jwt: a key with a point that is not on its curve") // checkPublic lets none in
		}
		size := k.traits.coord
		p["crv"] = k.traits.curve
		p["x"] = encode(point[1 : 1+size])
		p["y"] = encode(point[1+size:])
	case ed25519.PublicKey:
		p["crv"] = k.traits.curve
		p["x"] = encode(pub)
	}
	return p
}
