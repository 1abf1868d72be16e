package watchword

import (
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"time"
)

// Kind says what a token is for.
type Kind uint8

// The kinds. The numbers go into jti: never reorder.
const (
	Access  Kind = 1
	Refresh Kind = 2
	// Sliding is one token for both, of systems that have such.
	Sliding Kind = 3
)

// String returns "access", "refresh" or "sliding".
func (k Kind) String() string {
	switch k {
	case Access:
		return "access"
	case Refresh:
		return "refresh"
	case Sliding:
		return "sliding"
	default:
		return "unknown"
	}
}

// Claims are what a verified token says. They are shared between requests
// and read-only; what is a list is read through methods.
type Claims struct {
	Kind       Kind
	ID         string // jti
	Issuer     string // iss
	Subject    string // sub
	UserID     string // of our user, as far as the token tells it; "" else
	ClientID   string // client_id
	IssuedAt   time.Time
	NotBefore  time.Time // zero: not stated
	AuthTime   time.Time // when the user proved who he is; zero: not stated
	Expiry     time.Time
	Session    string // the session's opaque id; "": the token has none
	Number     int64  // the session's number; 0: the token has none
	Generation int    // refresh tokens only

	audience    []string
	scopes      []string
	permissions []string
	payload     []byte
	shown       *string // a pointer, so that nobody prints the token with the claims
}

// ClaimSet is claims while they are made: by the mint, by a [Layout] that
// reads them from the wire, and by the hook that adds custom ones.
type ClaimSet struct {
	Kind        Kind
	ID          string
	Issuer      string
	Subject     string
	UserID      string
	ClientID    string
	Audience    []string
	IssuedAt    time.Time
	NotBefore   time.Time
	AuthTime    time.Time
	Expiry      time.Time
	Session     string
	Number      int64
	Generation  int
	Scopes      []string
	Permissions []string
	// RefreshExpiry is until when the session can be refreshed as it stands,
	// on making; for sliding tokens, which say so themselves.
	RefreshExpiry time.Time
	// RefreshIssuedAt is when the refresh token as it stands was made, on
	// making.
	RefreshIssuedAt time.Time

	// User is whom the token speaks of; zero for machine clients and on
	// reading.
	User User
	// Custom claims, written after the others. A name that the layout writes
	// itself is an error: nobody overrides exp by a hook. Values are encoded
	// by encoding/json.
	Custom map[string]any
}

// Freeze makes claims of the set, for a Layout's Unmarshal. The set's slices
// and payload must not be changed afterwards. payload is what [Custom] reads
// from.
func (s *ClaimSet) Freeze(payload []byte) *Claims {
	return &Claims{
		Kind: s.Kind, ID: s.ID, Issuer: s.Issuer, Subject: s.Subject, UserID: s.UserID, ClientID: s.ClientID,
		IssuedAt: s.IssuedAt, NotBefore: s.NotBefore, AuthTime: s.AuthTime, Expiry: s.Expiry,
		Session: s.Session, Number: s.Number, Generation: s.Generation,
		audience: s.Audience, scopes: s.Scopes, permissions: s.Permissions, payload: payload,
	}
}

// HasScope reports whether the scope was granted, by exact comparison
// (RFC 6749, section 3.3).
func (c *Claims) HasScope(scope string) bool { return slices.Contains(c.scopes, scope) }

// HasPermission reports whether the token carries the permission.
func (c *Claims) HasPermission(p string) bool { return slices.Contains(c.permissions, p) }

// HasAudience reports whether the token is meant for the audience.
func (c *Claims) HasAudience(a string) bool { return slices.Contains(c.audience, a) }

// Scopes yields the granted scopes in the token's order.
func (c *Claims) Scopes() iter.Seq[string] { return slices.Values(c.scopes) }

// Permissions yields the permissions in the token's order.
func (c *Claims) Permissions() iter.Seq[string] { return slices.Values(c.permissions) }

// Audience yields the audiences in the token's order.
func (c *Claims) Audience() iter.Seq[string] { return slices.Values(c.audience) }

// JSON returns a copy of the payload as it was signed.
func (c *Claims) JSON() []byte { return slices.Clone(c.payload) }

// Token returns the token whose claims these are, for a service that has to
// show it to its issuer again; "" where no [Verifier] returned them. It is as
// secret as the header that it came in.
func (c *Claims) Token() string {
	if c.shown == nil {
		return ""
	}
	return *c.shown
}

// WithToken returns a copy whose Token is raw: for a service that has the issuer
// judge raw's signature, and so reads the claims otherwise.
func (c *Claims) WithToken(raw string) *Claims {
	copied := *c
	copied.show(raw)
	return &copied
}

func (c *Claims) show(raw string) { c.shown = &raw }

// Custom decodes the whole payload into a type of the caller's, for claims
// that [Claims] has no field for. Member names are matched as encoding/json
// does; that the payload has no doubles was checked before.
func Custom[T any](c *Claims) (T, error) {
	var v T
	if err := json.Unmarshal(c.payload, &v); err != nil {
		return v, fmt.Errorf("custom claims: %w", err)
	}
	return v, nil
}

// A Layout decides what claims are called on the wire, and their order.
// The default, for access tokens, follows RFC 9068. Both methods must be
// safe for concurrent use.
type Layout interface {
	Marshal(s *ClaimSet) ([]byte, error)
	// Unmarshal reads strictly; a payload it cannot read is TokenMalformed.
	// It must set Kind from what was signed, never guess it.
	Unmarshal(payload []byte) (*Claims, error)
}
