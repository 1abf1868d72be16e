package dialect

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/httpauth"
	"github.com/watchword-auth/watchword/jwt"
)

// The texts of ellar-jwt's one exception.
var (
	// ErrEllarToken is any token that does not count.
	ErrEllarToken = errors.New("Token is invalid or expired") //nolint:staticcheck // ST1005: the original's text
	// ErrEllarAlgorithm is a token signed by another algorithm than the one
	// configured.
	ErrEllarAlgorithm = errors.New("Invalid algorithm specified") //nolint:staticcheck // ST1005: the original's text
)

// EllarTokens is ellar-jwt's JWTService: it signs and reads claims of the
// application's own, apart from any session. Such tokens are not recorded; a
// server can revoke one by its jti only. Safe for concurrent use.
type EllarTokens struct {
	options  Options
	settings *ellarSettings
	key      *jwt.Key
	now      func() time.Time
}

// NewEllarTokens makes a service from the settings of [Ellar], of which
// signing_secret_key must be given. now is the clock.
func NewEllarTokens(o Options, now func() time.Time) (*EllarTokens, error) {
	c, err := readEllar(o)
	if err != nil {
		return nil, err
	}
	if c.keys.signing == "" {
		return nil, errors.New("signing_secret_key is not set")
	}
	key, err := c.keys.signingKey()
	if err != nil {
		return nil, err
	}
	return &EllarTokens{options: o, settings: c, key: key, now: now}, nil
}

// With returns a service with some settings overridden, as the original's
// sign and decode take them per call.
func (t *EllarTokens) With(settings map[string]any) (*EllarTokens, error) {
	o := t.options
	o.Settings = maps.Clone(o.Settings)
	if o.Settings == nil {
		o.Settings = make(map[string]any)
	}
	maps.Copy(o.Settings, settings)
	return NewEllarTokens(o, t.now)
}

// Sign makes a token of claims, in their order. exp, iat and the jti claim
// are the service's: unlike the original's caller, nobody overrides them but
// by With(lifetime). Configured audience and issuer win over the caller's.
// headers are added to alg and typ. Values are encoded by their own
// MarshalJSON where they have one.
func (t *EllarTokens) Sign(claims httpauth.Object, headers map[string]string) (string, error) {
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails
	now := t.now().Unix()
	o := httpauth.Object{
		{Name: "exp", Value: now + int64(t.settings.lifetime.Seconds())},
		{Name: "iat", Value: now},
		{Name: t.settings.jtiName, Value: hex.EncodeToString(id[:])},
	}
	for _, p := range claims {
		switch {
		case slices.ContainsFunc(o, func(q httpauth.Pair) bool { return q.Name == p.Name }):
			return "", fmt.Errorf("claim %q is written by the service itself", p.Name)
		case p.Name == "aud" && t.settings.audience != "", p.Name == "iss" && t.settings.issuer != "":
		default:
			o = append(o, p)
		}
	}
	if t.settings.audience != "" {
		o = append(o, httpauth.Pair{Name: "aud", Value: t.settings.audience})
	}
	if t.settings.issuer != "" {
		o = append(o, httpauth.Pair{Name: "iss", Value: t.settings.issuer})
	}
	payload, err := httpauth.Style{ASCII: true}.Marshal(o)
	if err != nil {
		return "", err
	}
	header := httpauth.Object{{Name: "alg", Value: string(t.key.Algorithm())}}
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		header = append(header, httpauth.Pair{Name: name, Value: headers[name]})
	}
	text, err := httpauth.Style{}.Marshal(append(header, httpauth.Pair{Name: "typ", Value: "JWT"}))
	if err != nil {
		return "", err
	}
	return jwt.SignHeader(t.key, text, payload)
}

// Verify returns the claims of a token that counts. exp is demanded, unlike
// in the original. Errors: ErrEllarToken, ErrEllarAlgorithm.
func (t *EllarTokens) Verify(ctx context.Context, token string) (map[string]any, error) {
	header, err := jwt.ParseHeader(token)
	if err != nil {
		return nil, ErrEllarToken
	}
	if header.Algorithm != t.key.Algorithm() {
		return nil, ErrEllarAlgorithm
	}
	key := t.key.WithID(header.KeyID) // one key, whatever it was called
	if key == nil {
		return nil, ErrEllarToken
	}
	v := watchword.Verifier{
		Keys: jwt.KeySet{key}, Type: header.Type, Now: t.now, Leeway: t.settings.leeway, Layout: serviceLayout{},
		Issuer: t.settings.issuer, InsecureIssuerOptional: true, Audience: t.settings.audience,
		InsecureSubjectOptional: true, InsecureIssuedAtOptional: true,
	}
	if v.Audience == "" {
		v.Audience = watchword.AnyAudience
	}
	c, err := v.Verify(ctx, token)
	if err != nil {
		return nil, ErrEllarToken
	}
	var claims map[string]any
	if err := json.Unmarshal(c.JSON(), &claims); err != nil {
		return nil, ErrEllarToken
	}
	return claims, nil
}

// serviceLayout reads registered claims alone.
type serviceLayout struct{}

func (serviceLayout) Marshal(*watchword.ClaimSet) ([]byte, error) {
	return nil, errors.New("the service writes its claims itself")
}

func (serviceLayout) Unmarshal(payload []byte) (*watchword.Claims, error) {
	r, err := jwt.ParseRegistered(payload)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", watchword.TokenMalformed, err)
	}
	s := watchword.ClaimSet{
		Kind: watchword.Access, ID: r.ID, Issuer: r.Issuer, Subject: r.Subject, Audience: r.Audience,
		IssuedAt: r.IssuedAt, NotBefore: r.NotBefore, Expiry: r.Expiry,
	}
	return s.Freeze(payload), nil
}

// ParseUnverified decodes header and claims of a token without checking
// anything. Never decide by what it returns.
func ParseUnverified(token string) (header, claims map[string]any, err error) {
	parts := strings.Split(token, ".")
	if len(token) > jwt.MaxTokenLength || len(parts) != 3 {
		return nil, nil, fmt.Errorf("%w: not three parts", jwt.ErrMalformed)
	}
	for i, to := range []*map[string]any{&header, &claims} {
		b, err := base64.RawURLEncoding.Strict().DecodeString(parts[i])
		if err != nil {
			return nil, nil, fmt.Errorf("%w: %w", jwt.ErrMalformed, err)
		}
		if err := json.Unmarshal(b, to); err != nil {
			return nil, nil, fmt.Errorf("%w: %w", jwt.ErrMalformed, err)
		}
	}
	return header, claims, nil
}
