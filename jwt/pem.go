package jwt

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"strings"
)

// ParsePEM reads one PEM block: a private key as PKCS #8 ("PRIVATE KEY"), PKCS #1 ("RSA PRIVATE KEY")
// or SEC 1 ("EC PRIVATE KEY"), or a public key as SubjectPublicKeyInfo ("PUBLIC KEY") or PKCS #1 ("RSA
// PUBLIC KEY"). An empty a stands for the default of the key's type: the curve's algorithm, EdDSA, or
// RS256. The id is the thumbprint. Encrypted keys, certificates and secrets are refused; errors wrap
// [ErrKey] or [ErrAlgorithm].
func ParsePEM(data []byte, a Algorithm) (*Key, error) {
	if len(data) > maxKeyData {
		return nil, badKey("longer than %d bytes", maxKeyData)
	}
	if a != "" && !a.Valid() {
		return nil, unknownAlgorithm(a)
	}
	if a.Symmetric() {
		// A public key in PEM taken for a secret is how RS256 becomes HS256 (CVE-2022-29217).
		return nil, badKey("%s takes a secret, not a PEM block", a)
	}
	block, err := onlyBlock(data)
	if err != nil {
		return nil, err
	}
	parsed, err := parseBlock(block)
	if err != nil {
		return nil, err
	}
	if signer, ok := parsed.(crypto.Signer); ok {
		if a == "" {
			a = defaultAlgorithm(signer.Public())
		}
		if err := checkPrivate(a, signer); err != nil {
			return nil, err
		}
		return NewKey("", a, signer)
	}
	if a == "" {
		a = defaultAlgorithm(parsed)
	}
	if a == "" {
		return nil, badKey("%T is not a signature key of this package", parsed)
	}
	return NewPublicKey("", a, parsed)
}

// checkPrivate refuses private keys that NewKey, which sees public halves only, cannot judge.
func checkPrivate(a Algorithm, s crypto.Signer) error {
	if a == "" {
		return badKey("%T is not a signature key of this package", s)
	}
	if k, ok := s.(*rsa.PrivateKey); ok && len(k.Primes) != 2 {
		return badKey("RSA keys of more than two primes are not supported")
	}
	return nil
}

// onlyBlock returns the one block of data. OpenSSL writes the parameters of a curve as a block of
// their own before the key; that one is skipped.
func onlyBlock(data []byte) (*pem.Block, error) {
	rest := bytes.TrimSpace(data)
	for {
		if !bytes.HasPrefix(rest, []byte("-----BEGIN ")) {
			return nil, badKey("neither a JWK nor a PEM block")
		}
		block, after := pem.Decode(rest)
		if block == nil {
			return nil, badKey("the PEM block is malformed")
		}
		rest = bytes.TrimSpace(after)
		if block.Type == "EC PARAMETERS" {
			continue
		}
		if len(rest) > 0 {
			return nil, badKey("data after the PEM block; want one key")
		}
		return block, nil
	}
}

func parseBlock(block *pem.Block) (any, error) {
	if block.Type == "ENCRYPTED PRIVATE KEY" || strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED") {
		return nil, badKey("the PEM block is encrypted; decrypt it first")
	}
	var parsed any
	var err error
	switch block.Type {
	case "PRIVATE KEY":
		parsed, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case "RSA PRIVATE KEY":
		parsed, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		parsed, err = x509.ParseECPrivateKey(block.Bytes)
	case "PUBLIC KEY":
		parsed, err = x509.ParsePKIXPublicKey(block.Bytes)
	case "RSA PUBLIC KEY":
		parsed, err = x509.ParsePKCS1PublicKey(block.Bytes)
	default:
		return nil, badKey("PEM block of type %.40q", block.Type)
	}
	if err != nil {
		return nil, badKey("PEM block %q: %v", block.Type, err)
	}
	return parsed, nil
}

// defaultAlgorithm returns "" for keys that none of our algorithms uses.
func defaultAlgorithm(p crypto.PublicKey) Algorithm {
	switch p := p.(type) {
	case *rsa.PublicKey:
		return RS256
	case ed25519.PublicKey:
		return EdDSA
	case *ecdsa.PublicKey:
		switch p.Curve {
		case elliptic.P256():
			return ES256
		case elliptic.P384():
			return ES384
		case elliptic.P521():
			return ES512
		}
	}
	return ""
}
