package jwt

import (
	"strings"
	"time"
)

// Registered are the claims of RFC 7519, section 4.1. A claim that is absent has the zero value; an
// audience that is present is never nil. All times are in UTC.
type Registered struct {
	Issuer    string    // iss
	Subject   string    // sub
	Audience  []string  // aud
	Expiry    time.Time // exp
	NotBefore time.Time // nbf
	IssuedAt  time.Time // iat
	ID        string    // jti
}

// ParseRegistered reads the registered claims of payload in one strict pass and leaves out the rest.
// Besides what [Walk] refuses, it refuses a registered claim of the wrong type, null among them, and
// a name that is a registered one but for its case. Errors wrap [ErrMalformed] or [ErrClaim]. It
// checks no value: see [Registered.Check], and compare issuer and audience yourself.
func ParseRegistered(payload []byte) (Registered, error) {
	var r Registered
	err := Walk(payload, func(name string, v Value) error {
		_, err := r.Visit(name, v)
		return err
	})
	if err != nil {
		return Registered{}, err
	}
	return r, nil
}

// Visit takes one member of a payload. It reports whether the name is a registered one, in which case
// r now holds it. It is for a caller's own [Walk], which reads other claims in the same pass.
func (r *Registered) Visit(name string, v Value) (bool, error) {
	var err error
	switch name {
	case "iss":
		r.Issuer, err = v.Text()
	case "sub":
		r.Subject, err = v.Text()
	case "aud":
		r.Audience, err = v.Texts()
	case "exp":
		r.Expiry, err = v.Time()
	case "nbf":
		r.NotBefore, err = v.Time()
	case "iat":
		r.IssuedAt, err = v.Time()
	case "jti":
		r.ID, err = v.Text()
	default:
		return false, refuseFolded(name, v)
	}
	return true, err
}

// refuseFolded refuses a name that a reader who ignores case, as encoding/json does, would take for a
// registered one: "EXP" beside "exp" is one claim to us and another to them.
func refuseFolded(name string, v Value) error {
	// The long s folds to s and takes two bytes, so "iss" has folded forms of up to five.
	if len(name) < 3 || len(name) > 5 {
		return nil
	}
	for _, known := range [...]string{"iss", "sub", "aud", "exp", "nbf", "iat", "jti"} {
		if strings.EqualFold(name, known) {
			return badClaim(v.name, "is %q in the wrong case", known)
		}
	}
	return nil
}

// Check compares the dates with now, allowing clocks to differ by leeway. A token has expired when
// now is at or after exp + leeway (RFC 7519, section 4.1.4: "on or after"): the error wraps
// [ErrExpired]. One whose nbf or iat lies after now + leeway is refused with [ErrNotYetValid]. Dates
// that are absent are not checked; whoever demands one looks at the field.
func (r Registered) Check(now time.Time, leeway time.Duration) error {
	if !r.Expiry.IsZero() && !now.Before(r.Expiry.Add(leeway)) {
		return ErrExpired
	}
	latest := now.Add(leeway)
	if r.NotBefore.After(latest) || r.IssuedAt.After(latest) {
		return ErrNotYetValid
	}
	return nil
}
