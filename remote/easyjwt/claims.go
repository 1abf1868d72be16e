package easyjwt

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/jwt"
)

// layout reads the claims of simplejwt. idClaim holds the user's id.
type layout struct{ idClaim string }

// Marshal is never called: a client makes no tokens.
func (layout) Marshal(*watchword.ClaimSet) ([]byte, error) {
	return nil, fmt.Errorf("%w: a client makes no tokens", watchword.Internal)
}

// Unmarshal reads an access, refresh or sliding token. One without a type, or
// without an id of its user, is of no kind, and opens nothing.
func (l layout) Unmarshal(payload []byte) (*watchword.Claims, error) {
	var s watchword.ClaimSet
	var r jwt.Registered
	err := jwt.Walk(payload, func(name string, v jwt.Value) (err error) {
		if name == l.idClaim {
			if s.UserID, err = idText(v); err != nil {
				return err
			}
		}
		if known, err := r.Visit(name, v); known || err != nil {
			return err
		}
		if name == "token_type" {
			var kind string
			kind, err = v.Text()
			for _, k := range []watchword.Kind{watchword.Access, watchword.Refresh, watchword.Sliding} {
				if kind == k.String() {
					s.Kind = k
				}
			}
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", watchword.TokenMalformed, err)
	}
	if s.UserID == "" {
		s.Kind = 0
	}
	s.Subject, s.Issuer, s.Audience, s.ID = s.UserID, r.Issuer, r.Audience, r.ID
	s.Expiry, s.NotBefore, s.IssuedAt = r.Expiry, r.NotBefore, r.IssuedAt
	return s.Freeze(payload), nil
}

// idText reads an id as either version of simplejwt writes it.
func idText(v jwt.Value) (string, error) {
	if n, err := v.Int(); err == nil {
		return strconv.FormatInt(n, 10), nil
	}
	return v.Text()
}

// claims reads a token without looking at its signature: it has come from the
// authority a moment ago, or the authority has vouched for it.
func (c *Client) claims(raw string) (*watchword.Claims, error) {
	parts := strings.Split(raw, ".")
	if len(raw) > jwt.MaxTokenLength || len(parts) != 3 {
		return nil, watchword.TokenMalformed
	}
	payload, err := base64.RawURLEncoding.Strict().DecodeString(parts[1])
	if err != nil {
		return nil, fmt.Errorf("%w: %w", watchword.TokenMalformed, err)
	}
	return layout{c.c.IDClaim}.Unmarshal(payload)
}

// plausible reports whether a text can be shown to the authority as a token:
// nothing in it could end a header, and no token is longer.
func plausible(raw string) bool {
	return raw != "" && len(raw) <= jwt.MaxTokenLength &&
		!strings.ContainsFunc(raw, func(r rune) bool { return r <= ' ' || r > '~' })
}
