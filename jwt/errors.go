package jwt

import (
	"errors"
	"fmt"
	"strings"
)

// The errors of this package, to be told apart with errors.Is; the text beside them is for logs, not
// for clients.
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
	// ErrClaim means that a claim has the wrong type or range, or a registered name is in the wrong
	// case: a date that is a string, an issuer that is a number, "EXP". It wraps ErrMalformed.
	ErrClaim = fmt.Errorf("%w: member", ErrMalformed)
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
	return fmt.Errorf("%w %q "+format, append([]any{ErrClaim, name}, args...)...)
}

// badKeyJSON turns an error about the JSON of a key into one about the key.
func badKeyJSON(what string, err error) error {
	if errors.Is(err, ErrKey) {
		return err
	}
	return badKey("%s: %s", what, strings.TrimPrefix(err.Error(), ErrMalformed.Error()+": "))
}
