package watchword

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/watchword-auth/watchword/jwt"
)

// Check is one step of a verification, as [Verifier.Explain] tells it.
type Check struct {
	Name   string // "signature", "expiry", …
	Input  string // what was looked at; for the payload, all of it
	Passed bool
	Code   Code   // where it did not pass
	Fix    string // what would have made it pass
}

// Explain runs the checks of [Verifier.Verify], the very same code, and
// returns each with its input and result, up to and including the first that
// fails. The claims are nil unless all passed.
func (v *Verifier) Explain(ctx context.Context, raw string, kinds ...Kind) ([]Check, *Claims) {
	t := &trace{v: v, now: v.now()}
	c, err := v.read(ctx, raw, t)
	if err == nil {
		err = v.standing(c, t.now, kinds, t)
	}
	if err != nil {
		return t.checks, nil
	}
	return t.checks, c
}

// A step is a check of the verifier, in their order.
type step string

const (
	stepShape      step = "shape"
	stepSignature  step = "signature"
	stepType       step = "type"
	stepPayload    step = "payload"
	stepIssuer     step = "issuer"
	stepSubject    step = "subject"
	stepAudience   step = "audience"
	stepKind       step = "kind"
	stepExpiry     step = "expiry"
	stepIssued     step = "issued"
	stepRevocation step = "revocation"
)

// trace collects checks for Explain. Verify passes nil, which costs nothing.
type trace struct {
	v       *Verifier
	now     time.Time
	raw     string
	header  jwt.Header
	payload []byte
	claims  *Claims
	checks  []Check
}

// shape reads the header once more, since jwt.Open tells it only of tokens
// whose signature is good.
func (t *trace) shape(raw string) (err error) {
	if t == nil {
		return nil
	}
	t.raw = raw
	t.header, err = jwt.ParseHeader(raw)
	return t.note(stepShape, openError(err))
}

// sees keeps what later checks look at.
func (t *trace) sees(payload []byte, c *Claims) {
	if t == nil {
		return
	}
	if c == nil {
		c = &Claims{}
	}
	t.payload, t.claims = payload, c
}

// note records a check and returns err.
func (t *trace) note(s step, err error) error {
	if t == nil {
		return err
	}
	c := Check{Name: string(s), Input: t.input(s), Passed: err == nil}
	if err != nil {
		c.Code, c.Fix = CodeOf(err), t.fix(s, err)
	}
	t.checks = append(t.checks, c)
	return err
}

// input says what the check looked at.
func (t *trace) input(s step) string {
	switch s {
	case stepShape:
		return fmt.Sprintf("%d bytes", len(t.raw))
	case stepSignature:
		return fmt.Sprintf("alg %s, kid %q", t.header.Algorithm, t.header.KeyID)
	case stepType:
		return t.header.Type
	case stepPayload:
		return string(t.payload)
	case stepIssuer:
		return t.claims.Issuer
	case stepSubject:
		return t.claims.Subject
	case stepAudience:
		return strings.Join(t.claims.audience, " ")
	case stepKind:
		return t.claims.Kind.String()
	case stepExpiry:
		return stamp(t.claims.Expiry, t.now)
	case stepIssued:
		return stamp(t.claims.IssuedAt, t.now)
	case stepRevocation:
		return strings.TrimSpace(fmt.Sprintf("session %s, jti %s", t.claims.Session, t.claims.ID))
	default:
		return ""
	}
}

// fix says what would have made the check pass.
func (t *trace) fix(s step, err error) string {
	switch s {
	case stepShape:
		return "three base64url parts whose header is a JSON object without crit, b64, jku, x5u, x5c or jwk"
	case stepSignature:
		return "a signature by a key of this issuer that is not retired, made with that key's own algorithm"
	case stepType:
		return "a header with typ " + t.v.typ()
	case stepPayload:
		return "a JSON object with every claim of its right type and none twice"
	case stepIssuer:
		return "iss " + t.v.Issuer
	case stepSubject:
		return "a sub that is not empty"
	case stepAudience:
		return "aud " + t.v.Audience
	case stepKind:
		return "a token of the kind asked for"
	case stepExpiry:
		return "exp after " + t.now.UTC().Format(time.RFC3339)
	case stepIssued:
		return "iat and nbf not after " + t.now.UTC().Format(time.RFC3339)
	case stepRevocation:
		if errors.Is(err, ClaimsStale) {
			return "a refresh: the user's rights have changed since"
		}
		return "a new sign-in: the session, the user or the token was ended"
	default:
		return ""
	}
}

func stamp(at, now time.Time) string {
	if at.IsZero() {
		return "absent"
	}
	return fmt.Sprintf("%s (%s from now)", at.UTC().Format(time.RFC3339), at.Sub(now).Round(time.Second))
}
