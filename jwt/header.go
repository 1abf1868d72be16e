package jwt

import (
	"fmt"
	"strings"
)

// A header is read before anything is known about who sent it.
const (
	// maxHeaderLength bounds the header's segment in bytes.
	maxHeaderLength = 4 << 10
	// maxHeaderMembers bounds the number of its members. Real headers have two to six.
	maxHeaderMembers = 32
)

// Header is what is read of a token's protected header (RFC 7515, section 4). All else in it is either
// refused or, where the RFC says so, ignored.
type Header struct {
	Algorithm Algorithm // alg
	KeyID     string    // kid; "" when absent
	Type      string    // typ as it stands; "" when absent. Comparing it is up to the caller.
}

// ParseHeader reads the header of a token without checking the signature. It serves to decide where to
// look for keys; nothing it returns is to be believed before [Open] has returned the same. It is as
// strict as Open: errors wrap [ErrMalformed] or [ErrAlgorithm].
func ParseHeader(token string) (Header, error) {
	p, err := split(token)
	if err != nil {
		return Header{}, err
	}
	return decodeHeader(token[:p.header])
}

// decodeHeader reads the first segment of a token.
func decodeHeader(segment string) (Header, error) {
	if len(segment) > maxHeaderLength {
		return Header{}, malformed("header longer than %d bytes", maxHeaderLength)
	}
	decoded, ok := appendDecoded(nil, []byte(segment))
	if !ok {
		return Header{}, malformed("header is not canonical base64url")
	}
	return readHeader(decoded)
}

// readHeader reads the JSON of a header.
func readHeader(data []byte) (Header, error) {
	var h Header
	var alg string
	members := 0
	err := Walk(data, func(name string, v Value) error {
		if members++; members > maxHeaderMembers {
			return malformed("more than %d members", maxHeaderMembers)
		}
		var err error
		switch name {
		case "alg":
			alg, err = v.Text()
		case "typ":
			h.Type, err = v.Text()
		case "kid":
			h.KeyID, err = v.Text()
			if err == nil && (h.KeyID == "" || len(h.KeyID) > maxKeyID) {
				err = malformed("kid is empty or longer than %d bytes", maxKeyID)
			}
		default:
			err = refuseMember(name)
		}
		return err
	})
	if err != nil {
		return Header{}, fmt.Errorf("header: %w", err)
	}
	if alg == "" {
		return Header{}, malformed("header names no algorithm")
	}
	h.Algorithm = Algorithm(alg)
	if !h.Algorithm.Valid() {
		return Header{}, fmt.Errorf("%w: header names %.32q", ErrAlgorithm, alg)
	}
	return h, nil
}

// refuseMember refuses the header members that would change what a token means or where its key comes
// from; all others are ignored (RFC 7515, section 4).
func refuseMember(name string) error {
	switch name {
	case "crit", "b64":
		// RFC 7515, section 4.1.11: an extension that is not understood must be refused, and we
		// understand none, RFC 7797's included. Ignoring crit is the commonest fault of JOSE
		// libraries (CVE-2025-59420).
		return malformed("member %q is not supported", name)
	case "jku", "jwk", "x5u", "x5c":
		// The sender's own key, or where to fetch it: CVE-2018-0114, and a request to any host.
		return malformed("member %q is not trusted", name)
	case "enc", "zip", "epk", "apu", "apv", "p2s", "p2c":
		return malformed("member %q belongs to encryption", name)
	}
	for _, known := range [...]string{"alg", "typ", "kid", "crit", "b64", "jku", "jwk", "x5u", "x5c"} {
		if strings.EqualFold(name, known) {
			return malformed("member %q is %q in the wrong case", name, known)
		}
	}
	return nil
}
