package jwt

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"math/big"
	"slices"
)

// MarshalPrivate returns k as a private JWK, for sealing at rest: [ParseKey] reads it back. It fails
// for keys whose private part is elsewhere, for public keys, and for short secrets, which ParseKey
// would refuse.
func (k *Key) MarshalPrivate() ([]byte, error) {
	p := k.parameters()
	private := k.signer
	switch s := private.(type) {
	case nil:
		if k.secret == nil {
			return nil, badKey("%v has no private half", k)
		}
		if k.short {
			return nil, badKey("%v is shorter than its hash", k)
		}
	case *ecdsa.PrivateKey:
		scalar, err := s.Bytes()
		if err != nil {
			return nil, badKey("%v: %v", k, err)
		}
		p["d"] = encode(scalar)
	case ed25519.PrivateKey:
		p["d"] = encode(s.Seed())
	case *rsa.PrivateKey:
		if len(s.Primes) != 2 {
			return nil, badKey("%v has not two primes", k)
		}
		c := s.Precomputed
		if c.Dp == nil {
			whole := *s
			whole.Precompute()
			c = whole.Precomputed
		}
		for name, n := range map[string]*big.Int{
			"d": s.D, "p": s.Primes[0], "q": s.Primes[1], "dp": c.Dp, "dq": c.Dq, "qi": c.Qinv,
		} {
			p[name] = encode(n.Bytes())
		}
	default:
		return nil, badKey("%v is held elsewhere", k)
	}
	return k.appendJWK(nil, p), nil
}

// appendJWK appends the JWK with the parameters p, sorted by name, to dst.
func (k *Key) appendJWK(dst []byte, p map[string]string) []byte {
	p["alg"] = string(k.alg)
	if k.id != "" {
		p["kid"] = k.id
	}
	p["use"] = "sig"
	names := make([]string, 0, len(p))
	for name := range p {
		names = append(names, name)
	}
	slices.Sort(names)
	for i, name := range names {
		dst = append(dst, "{,"[min(i, 1)])
		dst = appendQuoted(dst, name)
		dst = append(dst, ':')
		dst = appendQuoted(dst, p[name])
	}
	switch holdsPrivate := k.signer != nil || k.secret != nil; {
	case !holdsPrivate:
	case !k.mayVerify:
		dst = append(dst, `,"key_ops":["sign"]`...)
	case !k.maySign:
		dst = append(dst, `,"key_ops":["verify"]`...)
	}
	return append(dst, '}')
}
