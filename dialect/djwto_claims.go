package dialect

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/httpauth"
	"github.com/watchword-auth/watchword/jwt"
)

// djwtoLayout writes both kinds of token. They share one jti, whose kind is
// therefore none: the signed claim type has it.
type djwtoLayout struct {
	*djwtoSettings
	reader
}

// idClaim is the name of the claim that carries the session.
func (c *djwtoSettings) idClaim() string {
	if c.withID {
		return "jti"
	}
	return "sid"
}

// Marshal writes the claims in the original's order. An access token is a
// copy of the refresh token with times of its own and, at the end, the time
// that the refresh token was made.
func (l *djwtoLayout) Marshal(s *watchword.ClaimSet) ([]byte, error) {
	user, err := l.user(s)
	if err != nil {
		return nil, err
	}
	access := s.Kind == watchword.Access
	exp := s.Expiry
	if access && l.access == 0 {
		exp = s.RefreshExpiry
	}
	id := l.numbers.UUID(watchword.TokenID{Number: s.Number, Generation: s.Generation})
	var o httpauth.Object
	add := func(wanted bool, name string, v any) {
		if wanted {
			o = append(o, httpauth.Pair{Name: name, Value: v})
		}
	}
	add(l.issuer != "", "iss", l.issuer)
	add(l.subject != "", "sub", l.subject)
	add(len(l.audience) > 0, "aud", l.written())
	add(l.iat, "iat", s.IssuedAt.Unix())
	add(l.refresh > 0, "exp", exp.Unix())
	add(l.nbf > 0, "nbf", l.notBefore(s).Unix())
	add(l.withID, "jti", id)
	add(true, "type", s.Kind.String())
	add(true, "user", user)
	add(access && l.iat, "refresh_iat", s.RefreshIssuedAt.Unix())
	add(access && l.refresh == 0, "exp", exp.Unix())
	if access {
		if o, err = extras(o, s, nil); err != nil {
			return nil, err
		}
	}
	add(!l.withID, "sid", id)
	if o, err = l.custom(o, s); err != nil {
		return nil, err
	}
	return httpauth.Style{ASCII: true}.Marshal(o)
}

// notBefore is the nbf of a session's tokens, which a refresh does not move.
// What was issued without a sign-in begins with itself.
func (c *djwtoSettings) notBefore(s *watchword.ClaimSet) time.Time {
	if s.AuthTime.IsZero() {
		return s.IssuedAt.Add(c.nbf)
	}
	return s.AuthTime.Add(c.nbf)
}

// written is aud as the setting has it: text or a list.
func (c *djwtoSettings) written() any {
	if c.listed {
		return c.audience
	}
	return c.audience[0]
}

// user is the user claim.
func (c *djwtoSettings) user(s *watchword.ClaimSet) (httpauth.Object, error) {
	perms := s.User.Permissions
	if c.hooks.Permissions != nil {
		perms = c.hooks.Permissions(s.User)
	}
	if c.hooks.User != nil {
		return c.hooks.User(s.User, perms)
	}
	o := httpauth.Object{{Name: "username", Value: s.User.Login}}
	for _, f := range c.fields {
		v, err := userField(s.User, f)
		if err != nil {
			return nil, err
		}
		if f != "username" && f != "id" && f != "perms" {
			o = append(o, httpauth.Pair{Name: f, Value: v})
		}
	}
	return append(o, httpauth.Pair{Name: "id", Value: number(s.User.ID)}, httpauth.Pair{Name: "perms", Value: perms}), nil
}

// custom lets the application add claims, or write the user claim anew. What
// decides whether a token counts stays as it is.
func (c *djwtoSettings) custom(o httpauth.Object, s *watchword.ClaimSet) (httpauth.Object, error) {
	if c.hooks.Claims == nil {
		return o, nil
	}
	more, err := c.hooks.Claims(s)
	if err != nil {
		return nil, fmt.Errorf("claims hook: %w", err)
	}
	for _, m := range more {
		i := slices.IndexFunc(o, func(p httpauth.Pair) bool { return p.Name == m.Name })
		switch {
		case strings.Contains(" iss sub aud iat exp nbf jti sid type refresh_iat ", " "+m.Name+" "):
			return nil, fmt.Errorf("claim %q is written by the dialect itself", m.Name)
		case i < 0:
			o = append(o, m)
		default:
			o[i] = m
		}
	}
	return o, nil
}

// djwtoClaim reads the kind and the user.
func djwtoClaim(s *watchword.ClaimSet, name string, v jwt.Value) error {
	switch name {
	case "type":
		kind, err := v.Text()
		switch kind {
		case watchword.Access.String():
			s.Kind = watchword.Access
		case watchword.Refresh.String():
			s.Kind = watchword.Refresh
		}
		return err
	case "user":
		if err := v.Walk(func(name string, v jwt.Value) (err error) {
			switch name {
			case "id":
				s.UserID, err = textOrNumber(v)
			case "perms":
				s.Permissions, err = v.Texts()
			}
			return err
		}); err != nil {
			return said(watchword.TokenMalformed, textNotValid)
		}
	}
	return nil
}

// Unmarshal reads tokens of ours and of the original, and refuses those that
// lack a claim which is demanded, with the original's words.
func (l *djwtoLayout) Unmarshal(payload []byte) (*watchword.Claims, error) {
	c, err := l.read(payload)
	if err != nil {
		return nil, err
	}
	endless := l.refresh == 0 && c.Kind == watchword.Refresh
	for _, claim := range []struct {
		name   string
		absent bool
	}{
		{"iss", l.issuer != "" && c.Issuer == ""},
		{"sub", l.subject != "" && c.Subject == ""},
		{"aud", len(l.audience) > 0 && !slices.ContainsFunc(slices.Collect(c.Audience()), nonEmpty)},
		{"iat", l.iat && c.IssuedAt.IsZero()},
		{"jti", l.withID && c.ID == ""},
		{"exp", !endless && c.Expiry.IsZero()},
	} {
		if claim.absent {
			return nil, said(watchword.TokenMalformed, `Token is missing the "`+claim.name+`" claim`)
		}
	}
	switch {
	case l.subject != "" && c.Subject != l.subject:
		return nil, said(watchword.TokenMalformed, "Invalid subject")
	case len(l.audience) == 0 && slices.ContainsFunc(slices.Collect(c.Audience()), nonEmpty):
		return nil, fmt.Errorf("%w: meant for somebody else", watchword.WrongAudience)
	case c.UserID == "":
		return nil, said(watchword.TokenMalformed, textNotValid)
	}
	c.Subject = c.UserID
	l.date(c, endless)
	return c, nil
}

func nonEmpty(s string) bool { return s != "" }

// date sets the times that settings leave out of tokens, from those that are
// in them. Without iat it is the earliest that it can have been, so that what
// is known against the user holds against the token.
func (l *djwtoLayout) date(c *watchword.Claims, endless bool) {
	life := l.access
	if life == 0 || c.Kind == watchword.Refresh {
		life = l.refreshLife()
	}
	switch {
	case endless && c.Expiry.IsZero() && c.IssuedAt.IsZero():
		c.Expiry = time.Unix(1<<33, 0) // the year 2242: its session decides
	case endless && c.Expiry.IsZero():
		c.Expiry = c.IssuedAt.Add(life)
	case !l.iat:
		c.IssuedAt = c.Expiry.Add(-life)
	}
}
