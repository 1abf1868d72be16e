package watchword

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/watchword-auth/watchword/jwt"
)

// A Policy says yes (nil) or no to claims that were verified. A refusal
// carries InsufficientScope, PermissionDenied or AuthenticationStale; see
// [PolicyError]. A policy that cannot tell returns another code, such as
// Unavailable.
type Policy func(*Claims) error

// PolicyError is a policy's refusal.
type PolicyError struct {
	Code Code // InsufficientScope, PermissionDenied or AuthenticationStale
	// Scopes are those that would have been needed, for the challenge
	// (RFC 6750, section 3).
	Scopes []string
	// MaxAge is how long ago the user may have signed in (RFC 9470).
	MaxAge time.Duration
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

// Not turns a policy round: it says yes where p refuses. Where p cannot tell,
// its error stays: a store that is down must open nothing.
func Not(p Policy) Policy {
	return func(c *Claims) error {
		err := p(c)
		switch {
		case err == nil:
			return &PolicyError{Code: PermissionDenied}
		case isRefusal(err):
			return nil
		default:
			return err
		}
	}
}

// isRefusal tells a no from not knowing.
func isRefusal(err error) bool {
	code := CodeOf(err)
	return code == InsufficientScope || code == PermissionDenied || code == AuthenticationStale
}

// Because gives a policy's refusal, also an error without a code, a message of
// the application's own. The challenge still names what would have been
// needed. Where p cannot tell, its error stays.
func Because(message string, p Policy) Policy {
	return func(c *Claims) error {
		err := p(c)
		if err == nil {
			return nil
		}
		refusal := PolicyError{Code: PermissionDenied}
		code := Code(0)
		switch known := (*PolicyError)(nil); {
		case errors.As(err, &known):
			refusal = *known
		case isRefusal(err):
			refusal.Code = CodeOf(err)
		case errors.As(err, &code):
			return err
		}
		refusal.Message = message
		return &refusal
	}
}

// Role demands every one of the roles. A token's roles are its claims "roles"
// and "groups" (RFC 9068, section 2.2.3.1), each a text or a list of texts.
// Native tokens have neither unless Config.Claims adds one, for instance
//
//	set.Custom = map[string]any{"roles": u.Groups}
//
// The claims are read anew at each request, in about a microsecond.
func Role(roles ...string) Policy {
	return func(c *Claims) error {
		has := claimTexts(c, "roles", "groups")
		for _, r := range roles {
			if !slices.Contains(has, r) {
				return &PolicyError{Code: PermissionDenied, Message: fmt.Sprintf("role %q is needed", r)}
			}
		}
		return nil
	}
}

// Claim demands that a claim is one of the values, or a list that has one of
// them. Numbers and booleans are compared as they stand in the token: "7",
// "true". A claim that is absent, null or an object is none of them. Like
// [Role] it reads the claims anew.
func Claim(name string, values ...string) Policy {
	return func(c *Claims) error {
		for _, has := range claimTexts(c, name) {
			if slices.Contains(values, has) {
				return nil
			}
		}
		return &PolicyError{Code: PermissionDenied, Message: fmt.Sprintf("claim %q is not what is needed", name)}
	}
}

// claimTexts returns the texts of the claims of those names. What is of
// another type is left out, so that it grants nothing.
func claimTexts(c *Claims, names ...string) []string {
	var texts []string
	add := func(v jwt.Value) {
		text, err := v.Text()
		if raw := string(v.Raw()); err == nil {
			texts = append(texts, text)
		} else if raw != "" && raw != "null" && raw[0] != '{' && raw[0] != '[' {
			texts = append(texts, raw)
		}
	}
	// A payload that cannot be read was not verified, and has nothing.
	_ = jwt.Walk(c.payload, func(name string, v jwt.Value) error {
		if !slices.Contains(names, name) {
			return nil
		}
		if v.Each(func(e jwt.Value) error { add(e); return nil }) != nil {
			add(v)
		}
		return nil
	})
	return texts
}

// Fresh demands that the user proved who he is, by signing in, at most maxAge
// ago; a refresh does not count. It is for what must not be open to whoever
// finds a screen unlocked, and is refused with AuthenticationStale: 401 and a
// challenge with max_age, after which clients ask for the password again (RFC
// 9470). Tokens without auth_time, those of machines and of most dialects
// among them, are refused.
func Fresh(maxAge time.Duration) Policy {
	return func(c *Claims) error {
		now := time.Now() //nolint:forbidigo // a policy has no clock but this one
		if c.AuthTime.IsZero() || now.Sub(c.AuthTime) > maxAge {
			return &PolicyError{Code: AuthenticationStale, MaxAge: maxAge}
		}
		return nil
	}
}
