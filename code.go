package watchword

import (
	"errors"
	"fmt"
	"time"
)

// Code says why something was refused. It is an error: callers branch with
// errors.Is(err, watchword.TokenExpired) or [CodeOf], never on text.
//
// The text of a Code is its stable snake_case name, which HTTP answers carry
// as "code". The zero value is Internal, so that a code forgotten is a fault
// on our side and never an acceptance.
type Code uint8

// The codes. Which HTTP status each one gets is decided in one table, in
// package httpauth.
const (
	// Internal is a fault of the program or of something it depends on.
	Internal Code = iota
	// InvalidRequest: a parameter is missing, doubled or of the wrong type.
	InvalidRequest
	// Unauthenticated: no token was shown at all.
	Unauthenticated
	// InvalidCredentials: login or password is wrong; it never says which.
	InvalidCredentials
	// UserDisabled: the user may not sign in or go on. Answers to outsiders
	// are those of InvalidCredentials.
	UserDisabled
	// TokenMalformed: no token of ours, by its form.
	TokenMalformed
	// BadSignature: the signature does not verify, or the key is unknown.
	BadSignature
	// WrongKind: a token of another kind, such as a refresh token at a route.
	WrongKind
	// WrongIssuer: the iss claim is another's.
	WrongIssuer
	// WrongAudience: the aud claim does not name this audience.
	WrongAudience
	// TokenExpired: the exp claim has been reached.
	TokenExpired
	// TokenNotYetValid: the nbf or iat claim lies in the future.
	TokenNotYetValid
	// TokenRevoked: a fact says that this token no longer counts.
	TokenRevoked
	// TokenReused: a refresh token was shown again after its successor had
	// been used, or after the grace window. The session is ended.
	TokenReused
	// SessionEnded: signed out, or ended by somebody else.
	SessionEnded
	// SessionExpired: the idle or the absolute limit is past.
	SessionExpired
	// ClaimsStale: the user's rights changed after the token was made. A
	// refresh mends it.
	ClaimsStale
	// InsufficientScope: the token lacks a scope that the route needs.
	InsufficientScope
	// PermissionDenied: the token lacks a permission, or a policy said no.
	PermissionDenied
	// InvalidScope: a scope was asked for that cannot be granted.
	InvalidScope
	// InvalidClient: the machine client's credentials are wrong.
	InvalidClient
	// UnsupportedGrantType: the token endpoint knows no such grant.
	UnsupportedGrantType
	// PasswordWeak: the new password is too short, too common or the login.
	PasswordWeak
	// CrossOrigin: a browser sent the request from another origin.
	CrossOrigin
	// RateLimited: too many attempts; a [RetryError] says how long to wait.
	RateLimited
	// NotFound: no such record.
	NotFound
	// Conflict: the record exists already, or has moved on meanwhile.
	Conflict
	// TooLarge: the request is larger than the stated bound.
	TooLarge
	// UnsupportedMediaType: the body is of a type that is not read here.
	UnsupportedMediaType
	// MethodNotAllowed: the path exists, for other methods.
	MethodNotAllowed
	// Unavailable: something needed cannot be reached or is overloaded; a
	// [RetryError] may say when to come back.
	Unavailable
	// AuthenticationStale: the user proved who he is too long ago for what is
	// asked (RFC 9470). Signing in again mends it, a refresh does not.
	AuthenticationStale
	// NotAcceptable: there is no answer of the media types asked for.
	NotAcceptable

	codes // the number of codes
)

var codeNames = [codes]string{ //nolint:gosec // G101: names of refusals, no credentials
	Internal:             "internal",
	InvalidRequest:       "invalid_request",
	Unauthenticated:      "unauthenticated",
	InvalidCredentials:   "invalid_credentials",
	UserDisabled:         "user_disabled",
	TokenMalformed:       "token_malformed",
	BadSignature:         "bad_signature",
	WrongKind:            "wrong_kind",
	WrongIssuer:          "wrong_issuer",
	WrongAudience:        "wrong_audience",
	TokenExpired:         "token_expired",
	TokenNotYetValid:     "token_not_yet_valid",
	TokenRevoked:         "token_revoked",
	TokenReused:          "token_reused",
	SessionEnded:         "session_ended",
	SessionExpired:       "session_expired",
	ClaimsStale:          "claims_stale",
	InsufficientScope:    "insufficient_scope",
	PermissionDenied:     "permission_denied",
	InvalidScope:         "invalid_scope",
	InvalidClient:        "invalid_client",
	UnsupportedGrantType: "unsupported_grant_type",
	PasswordWeak:         "password_weak",
	CrossOrigin:          "cross_origin",
	RateLimited:          "rate_limited",
	NotFound:             "not_found",
	Conflict:             "conflict",
	TooLarge:             "too_large",
	UnsupportedMediaType: "unsupported_media_type",
	MethodNotAllowed:     "method_not_allowed",
	Unavailable:          "unavailable",
	AuthenticationStale:  "authentication_stale",
	NotAcceptable:        "not_acceptable",
}

// Error returns the code's stable name.
func (c Code) Error() string {
	if c >= codes {
		return fmt.Sprintf("code_%d", uint8(c))
	}
	return codeNames[c]
}

// Codes returns every code, in order. Tests use it to show that no table
// forgets one.
func Codes() []Code {
	all := make([]Code, codes)
	for i := range all {
		all[i] = Code(i)
	}
	return all
}

// CodeOf returns the code that err carries, and Internal for any error that
// carries none. CodeOf(nil) is Internal too: ask only about errors.
func CodeOf(err error) Code {
	var c Code
	if errors.As(err, &c) {
		return c
	}
	return Internal
}

// A RetryError is a refusal that passes by itself: RateLimited or
// Unavailable, with the time to wait.
type RetryError struct {
	Code  Code
	After time.Duration // at least this long; HTTP rounds it up to seconds
}

// Error names the code and the time to wait.
func (e *RetryError) Error() string {
	return fmt.Sprintf("%s: retry after %s", e.Code.Error(), e.After)
}

// Unwrap returns the code.
func (e *RetryError) Unwrap() error { return e.Code }
