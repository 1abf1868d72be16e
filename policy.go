package watchword

import (
	"fmt"
	"strings"
)

// A Policy says yes (nil) or no to claims that were verified. A refusal
// carries InsufficientScope or PermissionDenied; see [PolicyError].
type Policy func(*Claims) error

// PolicyError is a policy's refusal.
type PolicyError struct {
	Code Code // InsufficientScope or PermissionDenied
	// Scopes are those that would have been needed, for the challenge
	// (RFC 6750, section 3).
	Scopes []string
	// Message is for the caller; "" leaves the standard text.
	Message string
}

// Error names the code and what was missing.
func (e *PolicyError) Error() string {
	if e.Message != "" {
		return e.Code.Error() + ": " + e.Message
	}
	return e.Code.Error() + ": " + strings.Join(e.Scopes, " ")
}

// Unwrap returns the code.
func (e *PolicyError) Unwrap() error { return e.Code }

// Scope demands every one of the scopes.
func Scope(scopes ...string) Policy {
	return func(c *Claims) error {
		for _, s := range scopes {
			if !c.HasScope(s) {
				return &PolicyError{Code: InsufficientScope, Scopes: scopes}
			}
		}
		return nil
	}
}

// Permission demands every one of the permissions.
func Permission(permissions ...string) Policy {
	return func(c *Claims) error {
		for _, p := range permissions {
			if !c.HasPermission(p) {
				return &PolicyError{Code: PermissionDenied, Message: fmt.Sprintf("permission %q is needed", p)}
			}
		}
		return nil
	}
}

// All demands every policy, in order; the first refusal is the answer.
// All() says yes.
func All(policies ...Policy) Policy {
	return func(c *Claims) error {
		for _, p := range policies {
			if err := p(c); err != nil {
				return err
			}
		}
		return nil
	}
}

// Any demands one of the policies; the last refusal is the answer. Any()
// says no.
func Any(policies ...Policy) Policy {
	return func(c *Claims) error {
		var err error = &PolicyError{Code: PermissionDenied, Message: "no policy allows this"}
		for _, p := range policies {
			if err = p(c); err == nil {
				return nil
			}
		}
		return err
	}
}

// Not turns a policy round.
func Not(p Policy) Policy {
	return func(c *Claims) error {
		if p(c) != nil {
			return nil
		}
		return &PolicyError{Code: PermissionDenied}
	}
}

// Because gives a policy's refusal a message of the application's own.
func Because(message string, p Policy) Policy {
	return func(c *Claims) error {
		err := p(c)
		if err == nil {
			return nil
		}
		refusal := &PolicyError{Code: CodeOf(err), Message: message}
		if refusal.Code != InsufficientScope {
			refusal.Code = PermissionDenied
		}
		return refusal
	}
}
