package jwt

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/subtle"
	"hash"
	"sync"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// scratch is what one signature or one check of it needs, kept between uses: an HMAC holds the
// digested key, and buffers their size. No scratch is shared at a time.
type scratch struct {
	hash  hash.Hash // for HMAC keyed with the secret; nil for EdDSA
	token []byte    // a whole token
	sum   []byte    // a digest or an HMAC
	sig   []byte    // a signature as it stands in a token
	der   []byte    // the same for ECDSA in ASN.1
}

func newPool(t traits, secret []byte) *sync.Pool {
	return &sync.Pool{New: func() any {
		s := new(scratch)
		switch t.family {
		case familyHMAC:
			s.hash = hmac.New(t.hash.New, secret)
		case familyRSA, familyPSS, familyECDSA:
			s.hash = t.hash.New()
		default: // Ed25519 hashes inside
		}
		return s
	}}
}

// digest returns the hash or the HMAC of input, valid until the next call.
func (s *scratch) digest(input []byte) []byte {
	s.hash.Reset()
	s.hash.Write(input)
	s.sum = s.hash.Sum(s.sum[:0])
	return s.sum
}

// check reports whether sig is k's signature of input.
func (k *Key) check(s *scratch, input, sig []byte) bool {
	switch k.traits.family {
	case familyHMAC:
		return subtle.ConstantTimeCompare(s.digest(input), sig) == 1
	case familyRSA:
		p := k.public.(*rsa.PublicKey)
		return len(sig) == p.Size() && rsa.VerifyPKCS1v15(p, k.traits.hash, s.digest(input), sig) == nil
	case familyPSS:
		// RFC 7518, section 3.5: the salt is as long as the hash. Other lengths are valid PSS and
		// no valid signature here.
		p := k.public.(*rsa.PublicKey)
		o := rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: k.traits.hash}
		return len(sig) == p.Size() && rsa.VerifyPSS(p, k.traits.hash, s.digest(input), sig, &o) == nil
	case familyECDSA:
		// RFC 7518, section 3.4: both numbers in full length, so that a signature has one spelling.
		// crypto/ecdsa refuses zero and numbers beyond the order (CVE-2022-21449).
		if len(sig) != 2*k.traits.coord {
			return false
		}
		s.der = appendDER(s.der[:0], sig)
		return ecdsa.VerifyASN1(k.public.(*ecdsa.PublicKey), s.digest(input), s.der)
	case familyEd25519:
		return ed25519.Verify(k.public.(ed25519.PublicKey), input, sig)
	}
	return false
}

// signature returns k's signature of input, valid until s is used again.
func (k *Key) signature(s *scratch, input []byte) ([]byte, error) {
	switch k.traits.family {
	case familyHMAC:
		return s.digest(input), nil
	case familyRSA:
		return k.signer.Sign(rand.Reader, s.digest(input), k.traits.hash)
	case familyPSS:
		return k.signer.Sign(rand.Reader, s.digest(input),
			&rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: k.traits.hash})
	case familyECDSA:
		der, err := k.signer.Sign(rand.Reader, s.digest(input), k.traits.hash)
		if err != nil {
			return nil, err
		}
		var ok bool
		if s.sig, ok = appendRaw(s.sig[:0], der, k.traits.coord); !ok {
			return nil, badKey("the signer made no ECDSA signature")
		}
		return s.sig, nil
	case familyEd25519:
		return k.signer.Sign(rand.Reader, input, crypto.Hash(0))
	}
	return nil, unknownAlgorithm(k.alg)
}

// appendDER appends the ASN.1 form of raw, two big-endian numbers of one length, to dst.
// ecdsa.VerifyASN1 is the standard library's fast way; ecdsa.Verify would go through big.Int.
func appendDER(dst, raw []byte) []byte {
	r, s := trim(raw[:len(raw)/2]), trim(raw[len(raw)/2:])
	n := derLen(r) + derLen(s)
	dst = append(dst, byte(asn1.SEQUENCE))
	if n >= 0x80 { // P-521 only, and below 256
		dst = append(dst, 0x81)
	}
	dst = append(dst, byte(n))
	return appendDERInt(appendDERInt(dst, r), s)
}

// trim drops leading zeros, but leaves one byte.
func trim(n []byte) []byte {
	for len(n) > 1 && n[0] == 0 {
		n = n[1:]
	}
	return n
}

// derLen is the length of n as an ASN.1 INTEGER: tag, length, and a zero before a set sign bit.
func derLen(n []byte) int { return 2 + int(n[0]>>7) + len(n) }

func appendDERInt(dst, n []byte) []byte {
	dst = append(dst, byte(asn1.INTEGER), byte(derLen(n)-2))
	if n[0]&0x80 != 0 {
		dst = append(dst, 0)
	}
	return append(dst, n...)
}

// appendRaw appends the two numbers of an ASN.1 signature to dst, each in size bytes.
func appendRaw(dst, der []byte, size int) ([]byte, bool) {
	var r, s []byte
	input, inner := cryptobyte.String(der), cryptobyte.String(nil)
	if !input.ReadASN1(&inner, asn1.SEQUENCE) || !input.Empty() ||
		!inner.ReadASN1Integer(&r) || !inner.ReadASN1Integer(&s) || !inner.Empty() ||
		len(r) > size || len(s) > size {
		return dst, false
	}
	for _, n := range [...][]byte{r, s} {
		for range size - len(n) {
			dst = append(dst, 0)
		}
		dst = append(dst, n...)
	}
	return dst, true
}
