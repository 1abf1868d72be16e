package remote

import (
	"fmt"
	"strconv"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/jwt"
)

// DialectLayout reads the tokens that an authority writes in the shape of
// another system, for Config.Verifier. What such tokens have of their session
// rides in their jti, which only the feed's numbers can open:
//
//	Profile: "easyjwt",
//	Verifier: func(n *watchword.Numbers) (watchword.Verifier, error) {
//		return watchword.Verifier{
//			Type: "JWT", Audience: watchword.AnyAudience, InsecureIssuerOptional: true,
//			Layout: remote.DialectLayout{Numbers: n, User: "user_id", Kind: "token_type", Access: "access"},
//		}, nil
//	},
//
// It never writes. Safe for concurrent use.
type DialectLayout struct {
	// Numbers opens jti; nil, where there is no feed, opens none.
	Numbers *watchword.Numbers
	// ID is the claim with the token's id; "" means jti.
	ID string
	// User is the claim with the user's id, a text or an integer; "" means sub.
	User string
	// Kind is the claim that says what a token is for, and Access its value in
	// access tokens. With "" the jti alone says it, so that without a feed no
	// token has a kind, and all are refused.
	Kind, Access string
}

// Marshal refuses.
func (DialectLayout) Marshal(*watchword.ClaimSet) ([]byte, error) {
	return nil, fmt.Errorf("%w: a service makes no tokens", watchword.Internal)
}

// Unmarshal reads an access token. One of another kind has the kind Refresh,
// which opens nothing; one of another profile of the authority is WrongKind,
// so that dialects which share a secret cannot be played against each other.
func (l DialectLayout) Unmarshal(payload []byte) (*watchword.Claims, error) {
	var s watchword.ClaimSet
	var r jwt.Registered
	user, kind, id := l.User, "", ""
	if user == "" {
		user = "sub"
	}
	err := jwt.Walk(payload, func(name string, v jwt.Value) (err error) {
		if name == user {
			if s.UserID, err = textOrNumber(v); err != nil {
				return err
			}
		}
		switch name {
		case "sub": // older libraries write a number
			r.Subject, err = textOrNumber(v)
			return err
		case l.Kind:
			kind, err = v.Text()
		}
		if err == nil && name == l.ID {
			id, err = v.Text()
		}
		if err == nil {
			_, err = r.Visit(name, v)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", watchword.TokenMalformed, err)
	}
	if l.ID == "" {
		id = r.ID
	}
	if s.Subject = r.Subject; s.Subject == "" {
		s.Subject = s.UserID
	}
	s.ID, s.Issuer, s.Audience = id, r.Issuer, r.Audience
	s.IssuedAt, s.NotBefore, s.Expiry = r.IssuedAt, r.NotBefore, r.Expiry
	if l.Kind != "" {
		s.Kind = watchword.Refresh
		if kind == l.Access {
			s.Kind = watchword.Access
		}
	}
	if l.Numbers == nil {
		return s.Freeze(payload), nil
	}
	switch own, maker := l.Numbers.OpenHex(id); maker {
	case watchword.Ours:
		s.Number, s.Session = own.Number, l.Numbers.SessionID(own.Number)
		switch {
		case l.Kind == "":
			s.Kind = own.Kind
		case own.Kind != 0 && own.Kind != s.Kind:
			s.Kind = watchword.Refresh // the two disagree; own.Kind 0 is a pair that shares its jti
		}
	case watchword.OtherProfile:
		return nil, fmt.Errorf("%w: a token of another profile", watchword.WrongKind)
	case watchword.Foreign: // of the old system; Kind has said what it is
	}
	return s.Freeze(payload), nil
}

// textOrNumber reads an id.
func textOrNumber(v jwt.Value) (string, error) {
	if n, err := v.Int(); err == nil {
		return strconv.FormatInt(n, 10), nil
	}
	return v.Text()
}
