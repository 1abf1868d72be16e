package watchword

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/watchword-auth/watchword/jwt"
)

// AnyAudience, as a Verifier's Audience, accepts tokens for anybody. It must
// be written out: no audience at all is refused by New.
const AnyAudience = "*"

// maxLeeway bounds Verifier.Leeway and Config.Leeway.
const maxLeeway = time.Minute

// AccessType is the typ of native access tokens (RFC 9068, section 2.1).
const AccessType = "at+jwt"

// Verifier turns a raw token into Claims. It serves an authority here and a
// service far away alike. The zero value refuses everything. Safe for
// concurrent use; do not change its fields once it is in use.
type Verifier struct {
	// Keys finds the keys that may have signed. nil refuses everything.
	Keys jwt.KeySource
	// Issuer is compared with iss, byte for byte (PyJWT CVE-2024-53861
	// compared by substring). "" refuses
	// everything, unless InsecureIssuerOptional.
	Issuer string
	// Audience must be among aud; AnyAudience switches the check off.
	Audience string
	// Audiences are further ones that are accepted.
	Audiences []string
	// Type is compared with the header's typ, without regard to case and to
	// a leading "application/" (RFC 7515, section 4.1.9). "" means at+jwt.
	Type string
	// Layout reads the payload. nil means the default without numbers.
	Layout Layout
	// Leeway is allowed on exp, nbf and iat; 0 to 60 s.
	Leeway time.Duration
	// InsecureIssuerOptional, with Issuer "", does not look at iss;
	// InsecureSubjectOptional accepts tokens without sub, and
	// InsecureIssuedAtOptional those without iat. They are for dialects whose
	// tokens have none; such a dialect's key is its own.
	InsecureIssuerOptional   bool
	InsecureSubjectOptional  bool
	InsecureIssuedAtOptional bool
	// Revocations is asked about every token, also one seen before. nil: no
	// token is ever revoked.
	Revocations Revocations
	// Memory remembers tokens checked in full, where Keys is a jwt.KeySet or
	// tells by a method Version() uint64 when keys change. nil: every one is
	// checked anew. It must not be shared with a verifier that differs in
	// anything but Now, Leeway and Revocations.
	Memory *Verified
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Verify checks a raw token in this order: shape, key, algorithm, signature,
// typ, payload, kind, issuer, subject, audience, times, revocation. Nothing
// of the payload is looked at before the signature is good. No kind means
// Access. Errors carry a Code. No store and no network is touched.
func (v *Verifier) Verify(ctx context.Context, raw string, kinds ...Kind) (*Claims, error) {
	// The version is read once, before the keys are: where they change
	// meanwhile, the token is remembered under the old version, which no
	// longer counts, and never under the new one, which may not have its key.
	now := v.now()
	version, known := v.version()
	if known && v.Memory != nil {
		if c := v.Memory.get(raw, version); c != nil {
			if err := v.standing(c, now, kinds, nil); err != nil {
				return nil, err
			}
			return c, nil
		}
	}
	c, err := v.read(ctx, raw, nil)
	if err != nil {
		return nil, err
	}
	if err := v.standing(c, now, kinds, nil); err != nil {
		return nil, err
	}
	if !known || v.Memory == nil {
		c.show(raw)
		return c, nil
	}
	// The clone does not hold on to the request that the token came in.
	raw = strings.Clone(raw)
	c.show(raw)
	v.Memory.put(raw, version, c)
	return c, nil
}

// read does what depends on the token alone: everything up to the audience.
func (v *Verifier) read(ctx context.Context, raw string, t *trace) (*Claims, error) {
	header, payload, err := v.open(ctx, raw, t)
	if err != nil {
		return nil, err
	}
	if !sameType(header.Type, v.typ()) {
		err = fmt.Errorf("%w: typ %q", WrongKind, header.Type)
	}
	if err := t.note(stepType, err); err != nil {
		return nil, err
	}
	layout := v.Layout
	if layout == nil {
		layout = &accessLayout{}
	}
	c, err := layout.Unmarshal(payload)
	t.sees(payload, c)
	if err := t.note(stepPayload, err); err != nil {
		return nil, err
	}
	if err := v.parties(c, t); err != nil {
		return nil, err
	}
	return c, nil
}

// open checks shape, key, algorithm and signature.
func (v *Verifier) open(ctx context.Context, raw string, t *trace) (jwt.Header, []byte, error) {
	if err := t.shape(raw); err != nil {
		return jwt.Header{}, nil, err
	}
	if v.Keys == nil {
		return jwt.Header{}, nil, t.note(stepSignature, fmt.Errorf("%w: no keys", BadSignature))
	}
	header, payload, err := jwt.Open(ctx, raw, v.Keys)
	return header, payload, t.note(stepSignature, openError(err))
}

// openError puts a code on an error of package jwt.
func openError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, jwt.ErrSignature), errors.Is(err, jwt.ErrUnknownKey), errors.Is(err, jwt.ErrAlgorithm):
		return fmt.Errorf("%w: %w", BadSignature, err)
	case errors.Is(err, jwt.ErrMalformed):
		return fmt.Errorf("%w: %w", TokenMalformed, err)
	case CodeOf(err) != Internal:
		return err
	default:
		// A key source that could not answer: refuse, but say that it may
		// pass (a fault never turns into acceptance).
		return fmt.Errorf("%w: %w", Unavailable, err)
	}
}

// sameType compares media types as RFC 7515, section 4.1.9 does.
func sameType(got, want string) bool {
	const prefix = "application/"
	if len(got) > len(prefix) && strings.EqualFold(got[:len(prefix)], prefix) && !strings.Contains(got[len(prefix):], "/") {
		got = got[len(prefix):]
	}
	return strings.EqualFold(got, want)
}

// parties checks who issued the token, about whom, and for whom.
func (v *Verifier) parties(c *Claims, t *trace) error {
	var err error
	if optional := v.Issuer == "" && v.InsecureIssuerOptional; !optional && (v.Issuer == "" || c.Issuer != v.Issuer) {
		err = fmt.Errorf("%w: %q", WrongIssuer, c.Issuer)
	}
	if err := t.note(stepIssuer, err); err != nil {
		return err
	}
	if c.Subject == "" && !v.InsecureSubjectOptional {
		err = fmt.Errorf("%w: no sub", TokenMalformed)
	}
	if err := t.note(stepSubject, err); err != nil {
		return err
	}
	// golang-jwt CVE-2020-26160: an empty list of audiences is no audience.
	if v.Audience != AnyAudience && (v.Audience == "" || !c.HasAudience(v.Audience)) &&
		!slices.ContainsFunc(v.Audiences, c.HasAudience) {
		err = fmt.Errorf("%w: %q", WrongAudience, c.audience)
	}
	return t.note(stepAudience, err)
}

// standing does what changes with time: kind, times and revocation. It runs
// for tokens seen before as well.
func (v *Verifier) standing(c *Claims, now time.Time, kinds []Kind, t *trace) error {
	var err error
	if len(kinds) == 0 && c.Kind != Access || len(kinds) > 0 && !slices.Contains(kinds, c.Kind) {
		err = WrongKind
	}
	if err := t.note(stepKind, err); err != nil {
		return err
	}
	if err := v.times(c, now, t); err != nil {
		return err
	}
	if v.Revocations == nil {
		return nil
	}
	if f, revoked := v.Revocations.Revoked(c); revoked {
		err = revokedError(f)
	}
	return t.note(stepRevocation, err)
}

// times checks exp, iat and nbf. exp equal to now is expired (RFC 7519,
// section 4.1.4: "on or after").
func (v *Verifier) times(c *Claims, now time.Time, t *trace) error {
	var err error
	switch {
	case c.Expiry.IsZero():
		err = fmt.Errorf("%w: no exp", TokenMalformed)
	case !now.Before(c.Expiry.Add(v.Leeway)):
		err = TokenExpired
	}
	if err := t.note(stepExpiry, err); err != nil {
		return err
	}
	switch {
	case c.IssuedAt.IsZero() && !v.InsecureIssuedAtOptional:
		err = fmt.Errorf("%w: no iat", TokenMalformed)
	case c.IssuedAt.After(now.Add(v.Leeway)), c.NotBefore.After(now.Add(v.Leeway)):
		err = TokenNotYetValid
	}
	return t.note(stepIssued, err)
}

// revokedError says which kind of fact spoke.
func revokedError(f Fact) error {
	switch f.Kind {
	case SessionFact, UserFact:
		return SessionEnded
	case ClaimsFact:
		return ClaimsStale
	default:
		return TokenRevoked
	}
}

func (v *Verifier) now() time.Time {
	if v.Now == nil {
		return time.Now() //nolint:forbidigo // the default of Now, the one place where a verifier takes the clock
	}
	return v.Now()
}

func (v *Verifier) typ() string {
	if v.Type == "" {
		return AccessType
	}
	return v.Type
}

// version tells the memory when keys have changed. known is false of keys
// that may change without telling: what was checked by one of them must not
// be remembered, since nobody says when it is withdrawn.
func (v *Verifier) version() (version uint64, known bool) { return keyVersion(v.Keys) }

func keyVersion(keys jwt.KeySource) (version uint64, known bool) {
	switch s := keys.(type) {
	case interface{ Version() uint64 }:
		return s.Version(), true
	case jwt.KeySet: // fixed
		return 0, true
	default:
		return 0, false
	}
}
