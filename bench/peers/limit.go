package main

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"hash"
	"math/big"
	"strings"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

var b64 = base64.RawURLEncoding

var errLimit = errors.New("bad signature")

// limit is base64 and the standard library's cryptography, its state kept
// between calls, and nothing else: no JSON is read and no claim checked. No
// library can be faster without cryptography of its own. One goroutine at a
// time may use it.
type limit struct {
	alg     string
	mac     hash.Hash
	keys    keys
	header  string
	sum     []byte
	scratch []byte
}

func newLimit(k keys, alg string) *limit {
	return &limit{
		alg: alg, mac: hmac.New(sha256.New, k.secret), keys: k,
		header: b64.EncodeToString([]byte(`{"alg":"` + alg + `","typ":"JWT"}`)),
	}
}

// open returns the payload of a token whose signature is good.
func (l *limit) open(token string) ([]byte, error) {
	dot := strings.LastIndexByte(token, '.')
	first := strings.IndexByte(token, '.')
	if dot <= first {
		return nil, errLimit
	}
	sig, err := b64.DecodeString(token[dot+1:])
	if err != nil {
		return nil, err
	}
	if !l.good([]byte(token[:dot]), sig) {
		return nil, errLimit
	}
	return b64.DecodeString(token[first+1 : dot])
}

func (l *limit) good(input, sig []byte) bool {
	switch l.alg {
	case "HS256":
		l.mac.Reset()
		l.mac.Write(input)
		l.sum = l.mac.Sum(l.sum[:0])
		return hmac.Equal(l.sum, sig)
	case "ES256":
		if len(sig) != 64 {
			return false
		}
		digest := sha256.Sum256(input)
		return ecdsa.VerifyASN1(&l.keys.ecdsa.PublicKey, digest[:], asn1Signature(sig))
	case "EdDSA":
		return ed25519.Verify(l.keys.ed25519.Public().(ed25519.PublicKey), input, sig)
	default:
		digest := sha256.Sum256(input)
		return rsa.VerifyPKCS1v15(&l.keys.rsa.PublicKey, crypto.SHA256, digest[:], sig) == nil
	}
}

// sign returns the payload as a token.
func (l *limit) sign(payload []byte) (string, error) {
	b := append(l.scratch[:0], l.header...)
	b = append(b, '.')
	b = b64.AppendEncode(b, payload)
	sig, err := l.signature(b)
	if err != nil {
		return "", err
	}
	b = append(b, '.')
	l.scratch = b64.AppendEncode(b, sig)
	return string(l.scratch), nil
}

func (l *limit) signature(input []byte) ([]byte, error) {
	digest := sha256.Sum256(input)
	switch l.alg {
	case "HS256":
		l.mac.Reset()
		l.mac.Write(input)
		l.sum = l.mac.Sum(l.sum[:0])
		return l.sum, nil
	case "ES256":
		sig, err := ecdsa.SignASN1(rand.Reader, l.keys.ecdsa, digest[:])
		if err != nil {
			return nil, err
		}
		return rawSignature(sig)
	case "EdDSA":
		return ed25519.Sign(l.keys.ed25519, input), nil
	default:
		return rsa.SignPKCS1v15(nil, l.keys.rsa, crypto.SHA256, digest[:])
	}
}

// asn1Signature turns the two numbers of a token's signature into the form
// that crypto/ecdsa reads.
func asn1Signature(raw []byte) []byte {
	b := append(make([]byte, 0, 72), byte(asn1.SEQUENCE), 0)
	for _, n := range [...][]byte{raw[:32], raw[32:]} {
		n = bytes.TrimLeft(n, "\x00")
		if len(n) == 0 || n[0]&0x80 != 0 {
			b = append(b, byte(asn1.INTEGER), byte(len(n)+1), 0)
		} else {
			b = append(b, byte(asn1.INTEGER), byte(len(n)))
		}
		b = append(b, n...)
	}
	b[1] = byte(len(b) - 2)
	return b
}

// rawSignature is the way back.
func rawSignature(der []byte) ([]byte, error) {
	var r, s big.Int
	var inner cryptobyte.String
	input := cryptobyte.String(der)
	if !input.ReadASN1(&inner, asn1.SEQUENCE) || !inner.ReadASN1Integer(&r) || !inner.ReadASN1Integer(&s) {
		return nil, errLimit
	}
	raw := make([]byte, 64)
	r.FillBytes(raw[:32])
	s.FillBytes(raw[32:])
	return raw, nil
}
