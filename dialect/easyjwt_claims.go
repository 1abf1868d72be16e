package dialect

import (
	"crypto/sha256"
	"fmt"
	"strconv"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/httpauth"
	"github.com/watchword-auth/watchword/jwt"
)

// easyjwtLayout writes all kinds of token.
type easyjwtLayout struct {
	*easyjwtSettings
	reader
}

// Marshal writes the claims in the order of simplejwt.
func (l *easyjwtLayout) Marshal(s *watchword.ClaimSet) ([]byte, error) {
	id := tokenID(s)
	if l.sliding && id.Kind == watchword.Access {
		id.Kind = watchword.Sliding
	}
	var o httpauth.Object
	add := func(name string, v any) {
		if name != "" {
			o = append(o, httpauth.Pair{Name: name, Value: v})
		}
	}
	add(l.typeClaim, id.Kind.String())
	add("exp", s.Expiry.Unix())
	add("iat", s.IssuedAt.Unix())
	add(l.jtiClaim, l.numbers.Hex(id))
	if id.Kind == watchword.Sliding {
		add(l.slidingExp, s.RefreshExpiry.Unix())
	}
	add(l.userClaim, l.userID(s.User))
	if l.revoke {
		add(l.revokeName, revocationMark(s.User))
	}
	if id.Kind != watchword.Refresh {
		var err error
		if o, err = extras(o, s, l.fields); err != nil {
			return nil, err
		}
	}
	switch {
	case l.audience == nil:
	case l.audiences:
		add("aud", l.audience)
	default:
		add("aud", l.audience[0])
	}
	if l.issuer != "" {
		add("iss", l.issuer)
	}
	return httpauth.Style{ASCII: true}.Marshal(o)
}

// userID is the user's id claim, a number where it is one.
func (c *easyjwtSettings) userID(u watchword.User) any {
	key := userKey(u, c.userField)
	if c.stringID || c.userField != "id" {
		return key
	}
	return number(key)
}

// revocationMark changes with the user's password. The original takes the
// digest of the stored hash, which whoever steals a token can try passwords
// against; the count of changes tells him nothing.
func revocationMark(u watchword.User) string {
	return fmt.Sprintf("%X", sha256.Sum256([]byte("password "+u.ID+" "+strconv.FormatInt(u.Version, 10))))
}

// Unmarshal reads tokens of ours and of the original.
func (l *easyjwtLayout) Unmarshal(payload []byte) (*watchword.Claims, error) { return l.read(payload) }

// visit reads the kind, and what USER_ID_CLAIM holds, into UserID.
func (c *easyjwtSettings) visit(s *watchword.ClaimSet, name string, v jwt.Value) (err error) {
	switch name {
	case c.userClaim:
		s.UserID, err = textOrNumber(v)
	case c.typeClaim:
		var kind string
		kind, err = v.Text()
		for _, k := range []watchword.Kind{watchword.Access, watchword.Refresh, watchword.Sliding} {
			if kind == k.String() {
				s.Kind = k
			}
		}
	}
	return err
}

// settle says who the token is about. One without a jti is of no kind, where
// the original demands it.
func (c *easyjwtSettings) settle(s *watchword.ClaimSet) {
	if c.jtiNeeded && s.ID == "" {
		s.Kind = 0
	}
	if c.userClaim == "sub" {
		s.UserID = s.Subject
	}
	s.Subject = s.UserID
	if c.userField != "id" {
		s.UserID = ""
	}
}

// textOrNumber reads an id as either version of simplejwt writes it.
func textOrNumber(v jwt.Value) (string, error) {
	if n, err := v.Int(); err == nil {
		return strconv.FormatInt(n, 10), nil
	}
	return v.Text()
}

// renewal reads sliding tokens where the engine asks for refresh tokens: they
// renew themselves, until the time that they state.
type renewal struct{ *easyjwtLayout }

// Unmarshal reads a sliding token as a refresh token; others are none.
func (l renewal) Unmarshal(payload []byte) (*watchword.Claims, error) {
	c, err := l.easyjwtLayout.Unmarshal(payload)
	if err != nil {
		return nil, err
	}
	if c.Kind != watchword.Sliding {
		c.Kind = 0
		return c, nil
	}
	c.Kind = watchword.Refresh
	err = jwt.Walk(payload, func(name string, v jwt.Value) (err error) {
		if name == l.slidingExp {
			c.Expiry, err = v.Time()
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", watchword.TokenMalformed, l.slidingExp, err)
	}
	return c, nil
}

// The original's texts about a token.
const (
	textInvalid       = "Token is invalid or expired"
	textWrongType     = "Token has wrong type"
	textBlacklisted   = "Token is blacklisted"
	textNoUser        = "Token contained no recognizable user identification"
	textChanged       = "The user's password has been changed."
	textNoActive      = "No active account found for the given token."
	textNoCredentials = "No active account found with the given credentials" //nolint:gosec // G101: a refusal, no credentials
)

// tokenProblem is the original's text for a token that was refused with the
// code. What it lacks is read from the token once more: by now its signature
// is known to be good, or nothing is told but that it is invalid.
func (c *easyjwtSettings) tokenProblem(code watchword.Code, raw string) string {
	switch code {
	case watchword.WrongKind, watchword.TokenMalformed:
	case watchword.TokenRevoked, watchword.TokenReused, watchword.SessionEnded:
		return textBlacklisted
	default:
		return textInvalid
	}
	_, claims, err := ParseUnverified(raw)
	if err != nil {
		return textInvalid
	}
	lacks := func(name string) bool {
		v, ok := claims[name]
		return name != "" && (!ok || v == nil || v == "")
	}
	switch {
	case lacks("exp"):
		return "Token has no 'exp' claim"
	case c.jtiNeeded && lacks(c.jtiClaim):
		return "Token has no id"
	case lacks(c.typeClaim):
		return "Token has no type"
	case code == watchword.WrongKind:
		return textWrongType
	case lacks(c.userClaim):
		return textNoUser
	default:
		return textInvalid
	}
}
