package jwt

import (
	"context"
	"fmt"
	"strings"
)

const (
	// MaxTokenLength bounds a token in bytes. Longer ones are neither read nor made.
	MaxTokenLength = 16 << 10

	// MaxDocumentLength bounds what [SignDocument] makes, in bytes.
	MaxDocumentLength = 1 << 20

	// maxCandidates bounds how many keys are tried for a token whose header names none, so that a
	// forged token costs a known number of verifications.
	maxCandidates = 8
)

// parts are the offsets of a token's two dots.
type parts struct {
	header  int
	payload int
}

// split finds the parts of a token. It looks at the length first and at no more dots than matter
// (CVE-2025-30204, CVE-2025-27144).
func split(token string) (parts, error) {
	if len(token) > MaxTokenLength {
		return parts{}, malformed("longer than %d bytes", MaxTokenLength)
	}
	first := strings.IndexByte(token, '.')
	if first < 0 {
		return parts{}, malformed("not three parts")
	}
	last := strings.LastIndexByte(token, '.')
	if last == first || strings.IndexByte(token[first+1:last], '.') >= 0 {
		// Five parts are an encrypted token (RFC 7516), which is not supported.
		return parts{}, malformed("not three parts")
	}
	if first == 0 || last == len(token)-1 {
		return parts{}, malformed("header or signature is empty")
	}
	return parts{first, last}, nil
}

// Sign returns payload as a compact token signed by k, with alg, kid where k has an id, and typ where
// it is not empty in the header. The payload may be any bytes; it is not looked at. Errors
// wrap [ErrKey] when k cannot sign and [ErrMalformed] when the token would be longer than
// [MaxTokenLength]; those of a key service are returned as they are.
func Sign(k *Key, typ string, payload []byte) (string, error) {
	for i := range k.segments {
		if commonType(i) == typ {
			return k.sign(k.segments[i], payload, MaxTokenLength)
		}
	}
	header := k.header(typ)
	if _, err := readHeader(header); err != nil { // typ may be no UTF-8
		return "", err
	}
	return k.sign(encode(header), payload, MaxTokenLength)
}

// SignDocument is Sign for what is fetched once in a while and not shown with
// every request, such as a status list: it may be as long as
// [MaxDocumentLength], and [Open] reads it only where it is no longer than a
// token.
func SignDocument(k *Key, typ string, payload []byte) (string, error) {
	header := k.header(typ)
	if _, err := readHeader(header); err != nil {
		return "", err
	}
	return k.sign(encode(header), payload, MaxDocumentLength)
}

// SignHeader is Sign with a header of the caller's making, for systems that expect other members or
// another order. The header must be one that [Open] accepts, and must name the algorithm of k and,
// where it has a kid and k an id, that id.
func SignHeader(k *Key, header, payload []byte) (string, error) {
	h, err := readHeader(header)
	if err != nil {
		return "", err
	}
	if h.Algorithm != k.alg {
		return "", fmt.Errorf("%w: the header names %s, the key is for %s", ErrAlgorithm, h.Algorithm, k.alg)
	}
	if h.KeyID != "" && k.id != "" && h.KeyID != k.id {
		return "", badKey("the header names key %q, this is %q", h.KeyID, k.id)
	}
	return k.sign(encode(header), payload, MaxTokenLength)
}

// sign makes the token in one buffer: header, dot, payload, dot, signature.
func (k *Key) sign(header string, payload []byte, most int) (string, error) {
	if !k.maySign {
		return "", badKey("%v may not sign", k)
	}
	if len(header) > maxHeaderLength || encoding.EncodedLen(len(payload)) > most {
		return "", malformed("longer than %d bytes", most)
	}
	s := k.pool.Get().(*scratch)
	if most == MaxTokenLength { // the buffer of a document is not kept for tokens
		defer k.pool.Put(s)
	}
	b := append(s.token[:0], header...)
	b = append(b, '.')
	b = encoding.AppendEncode(b, payload)
	s.token = b
	sig, err := k.signature(s, b)
	if err != nil {
		return "", err
	}
	b = append(b, '.')
	b = encoding.AppendEncode(b, sig)
	s.token = b
	if len(b) > most {
		return "", malformed("longer than %d bytes", most)
	}
	return string(b), nil
}

// KeySource finds the keys that may have made a signature. It is asked with a header that nobody has
// checked, and must be safe for concurrent use.
type KeySource interface {
	// VerifyingKeys returns the keys that may verify a token with header h: the one that h.KeyID
	// names, or when it names none, those of h.Algorithm. Having none, it returns an error that
	// wraps ErrUnknownKey. The caller must not change the slice.
	VerifyingKeys(ctx context.Context, h Header) ([]*Key, error)
}

// recogniser is a KeySource that knows the header segments its own keys write, and so spares decoding
// them. It must answer as VerifyingKeys would for the decoded header, or false.
type recogniser interface {
	recognise(segment string) (Header, []*Key, bool)
}

// Open checks the signature of a compact token by one of keys and returns its header and payload. The
// algorithm is the key's, and the header must name the same. It does not compare the type and reads
// no claims: see [ParseRegistered].
//
// Errors wrap [ErrMalformed], [ErrAlgorithm], [ErrUnknownKey] or [ErrSignature]; those of keys are
// returned as they are. With an error, header and payload are zero.
func Open(ctx context.Context, token string, keys KeySource) (Header, []byte, error) {
	p, err := split(token)
	if err != nil {
		return Header{}, nil, err
	}
	if keys == nil {
		return Header{}, nil, fmt.Errorf("%w: there are no keys at all", ErrUnknownKey)
	}
	h, candidates, err := find(ctx, token[:p.header], keys)
	if err != nil {
		return Header{}, nil, err
	}
	payload, err := openAny(token, p, h, candidates)
	if err != nil {
		return Header{}, nil, err
	}
	return h, payload, nil
}

// find reads the header and asks for keys, or does neither where the header is known as it is.
func find(ctx context.Context, segment string, keys KeySource) (Header, []*Key, error) {
	if r, ok := keys.(recogniser); ok {
		if h, candidates, ok := r.recognise(segment); ok {
			return h, candidates, nil
		}
	}
	h, err := decodeHeader(segment)
	if err != nil {
		return Header{}, nil, err
	}
	candidates, err := keys.VerifyingKeys(ctx, h)
	return h, candidates, err
}

// openAny tries the candidates that the header allows.
func openAny(token string, p parts, h Header, candidates []*Key) ([]byte, error) {
	if len(candidates) > maxCandidates {
		return nil, fmt.Errorf("%w: the header names no key, and there are more than %d", ErrUnknownKey, maxCandidates)
	}
	// The refusal returned is the most telling one: a key that did not fit, a key for another
	// algorithm, no key.
	refusal, tried := ErrUnknownKey, false
	for _, k := range candidates {
		switch {
		case k == nil || !k.mayVerify:
		case h.KeyID != "" && k.id != "" && k.id != h.KeyID:
		case k.alg != h.Algorithm:
			// The header never chooses (RFC 8725, section 3.1).
			if !tried {
				refusal = ErrAlgorithm
			}
		default:
			payload, fits, err := k.open(token, p)
			if fits || err != nil {
				return payload, err
			}
			refusal, tried = ErrSignature, true
		}
	}
	return nil, refusal
}

// open checks the signature by k and returns the payload. Without an error, fits tells whether the
// signature is k's.
func (k *Key) open(token string, p parts) (payload []byte, fits bool, err error) {
	s := k.pool.Get().(*scratch)
	defer k.pool.Put(s)
	s.token = append(s.token[:0], token...)
	var ok bool
	if s.sig, ok = appendDecoded(s.sig[:0], s.token[p.payload+1:]); !ok {
		// Text that is no signature is none of the key's either; who asks for one of the two gets it.
		return nil, false, fmt.Errorf("%w: %w", ErrSignature, malformed("signature is not canonical base64url"))
	}
	if !k.check(s, s.token[:p.payload], s.sig) {
		return nil, false, nil
	}
	// Only now is the payload worth a look (CVE-2024-51744).
	segment := s.token[p.header+1 : p.payload]
	if payload, ok = appendDecoded(make([]byte, 0, encoding.DecodedLen(len(segment))), segment); !ok {
		return nil, false, malformed("payload is not canonical base64url")
	}
	return payload, true, nil
}
