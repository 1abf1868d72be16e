package jwt

import (
	"errors"
	"fmt"
)

// The errors of this package. Each that comes from a token wraps exactly one of these; the text
// beside it is for logs, not for clients.
var (
	// ErrMalformed means that the input is not what this package reads: too long, not three parts,
	// not canonical base64url, not strict JSON, or a header that asks for something refused.
	ErrMalformed = errors.New("malformed token")
	// ErrAlgorithm means that the header names an algorithm that does not exist here, or one that
	// is not the key's.
	ErrAlgorithm = errors.New("algorithm not allowed")
	// ErrUnknownKey means that no key was found for the header.
	ErrUnknownKey = errors.New("unknown key")
	// ErrSignature means that the signature was not made by the key over this token.
	ErrSignature = errors.New("signature does not match")
	// ErrClaim means that a claim is missing its type or its range: a date that is a string, an
	// issuer that is a number, a registered name in the wrong case.
	ErrClaim = errors.New("claim is malformed")
	// ErrExpired means that the token's time is over (RFC 7519, section 4.1.4).
	ErrExpired = errors.New("token has expired")
	// ErrNotYetValid means that the token's time has not begun (RFC 7519, sections 4.1.5 and 4.1.6).
	ErrNotYetValid = errors.New("token is not valid yet")
	// ErrKey means that key material was refused: malformed, too weak, or meant for another use.
	ErrKey = errors.New("key refused")
)

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrMalformed}, args...)...)
}

func badKey(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrKey}, args...)...)
}

func badClaim(name, format string, args ...any) error {
	return fmt.Errorf("%w: %q "+format, append([]any{ErrClaim, name}, args...)...)
}
