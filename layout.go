package watchword

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/watchword-auth/watchword/jwt"
)

// accessLayout writes native access tokens: the JWT profile of RFC 9068 with
// sid (OpenID Connect), permissions, and status (Token Status List). Tokens of
// somebody who signed in have auth_time (RFC 9068, section 2.2.1), so that
// [Fresh] needs no look at the session.
type accessLayout struct {
	issuer  string
	numbers *Numbers
}

// NewAccessLayout returns the default layout. Services that only verify may
// pass nil for numbers; session facts then find no number.
func NewAccessLayout(issuer string, numbers *Numbers) Layout {
	return &accessLayout{issuer: issuer, numbers: numbers}
}

// Marshal writes the members in a fixed order.
func (l *accessLayout) Marshal(s *ClaimSet) ([]byte, error) {
	b := make([]byte, 0, 512)
	b = appendMember(b, '{', "iss", s.Issuer)
	b = appendMember(b, ',', "sub", s.Subject)
	b = append(b, `,"aud":`...)
	if len(s.Audience) == 1 {
		b = appendText(b, s.Audience[0])
	} else {
		b = appendTexts(b, s.Audience)
	}
	b = appendInt(b, "exp", s.Expiry.Unix())
	b = appendInt(b, "iat", s.IssuedAt.Unix())
	if !s.NotBefore.IsZero() {
		b = appendInt(b, "nbf", s.NotBefore.Unix())
	}
	if !s.AuthTime.IsZero() {
		b = appendInt(b, "auth_time", s.AuthTime.Unix())
	}
	b = appendMember(b, ',', "jti", s.ID)
	b = appendMember(b, ',', "client_id", s.ClientID)
	b = appendMember(b, ',', "scope", strings.Join(s.Scopes, " "))
	b = append(b, `,"permissions":`...)
	b = appendTexts(b, s.Permissions)
	if s.Number > 0 {
		block, idx := l.numbers.Status(s.Number)
		b = appendMember(b, ',', "sid", s.Session)
		b = append(b, `,"status":{"status_list":{"idx":`...)
		b = strconv.AppendInt(b, idx, 10)
		b = append(b, `,"uri":`...)
		b = appendText(b, StatusURI(l.issuer, block))
		b = append(b, '}', '}')
	}
	return appendCustom(b, s.Custom, accessNames)
}

// StatusURI names the status list of a block of sessions.
func StatusURI(issuer string, block int64) string {
	return strings.TrimSuffix(issuer, "/") + "/auth/v1/status/" + strconv.FormatInt(block, 10)
}

// accessNames are the members that accessLayout writes itself.
const accessNames = " iss sub aud exp iat nbf auth_time jti client_id scope permissions sid status "

// appendCustom adds the custom claims in the order of their names and closes
// the object. jwx GHSA-4cf7-xm37-g63h: names are escaped too.
func appendCustom(b []byte, custom map[string]any, taken string) ([]byte, error) {
	names := make([]string, 0, len(custom))
	for name := range custom {
		if strings.Contains(taken, " "+name+" ") {
			return nil, fmt.Errorf("custom claim %q is written by the layout itself", name)
		}
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		v, err := json.Marshal(custom[name])
		if err != nil {
			return nil, fmt.Errorf("custom claim %q: %w", name, err)
		}
		b = append(appendText(append(b, ','), name), ':')
		b = append(b, v...)
	}
	return append(b, '}'), nil
}

// Unmarshal reads what Marshal wrote, and what other issuers write by
// RFC 9068: scope and permissions may be absent, permissions may come as any
// array of strings, and unknown members stay in the payload for [Custom].
func (l *accessLayout) Unmarshal(payload []byte) (*Claims, error) {
	c := &Claims{Kind: Access, payload: payload}
	var r jwt.Registered
	err := jwt.Walk(payload, func(name string, v jwt.Value) error {
		if known, err := r.Visit(name, v); known || err != nil {
			return err
		}
		var err error
		switch name {
		case "client_id":
			c.ClientID, err = v.Text()
		case "scope":
			var scope string
			scope, err = v.Text()
			c.scopes = strings.Fields(scope)
		case "permissions":
			c.permissions, err = v.Texts()
		case "sid":
			c.Session, err = v.Text()
		case "auth_time":
			c.AuthTime, err = v.Time()
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", TokenMalformed, err)
	}
	c.Issuer, c.Subject, c.UserID, c.audience, c.ID = r.Issuer, r.Subject, r.Subject, r.Audience, r.ID
	c.Expiry, c.NotBefore, c.IssuedAt = r.Expiry, r.NotBefore, r.IssuedAt
	if c.Session != "" && l.numbers != nil {
		if number, ok := l.numbers.Session(c.Session); ok {
			c.Number = number
		}
	}
	return c, nil
}

// Appending JSON by hand keeps the order of members and costs one buffer.

func appendMember(b []byte, before byte, name, value string) []byte {
	b = append(b, before, '"')
	b = append(b, name...)
	b = append(b, '"', ':')
	return appendText(b, value)
}

func appendInt(b []byte, name string, value int64) []byte {
	b = append(b, ',', '"')
	b = append(b, name...)
	b = append(b, '"', ':')
	return strconv.AppendInt(b, value, 10)
}

func appendTexts(b []byte, values []string) []byte {
	b = append(b, '[')
	for i, v := range values {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendText(b, v)
	}
	return append(b, ']')
}

// appendText appends a JSON string. What needs no escape, nearly all, is
// copied; the rest goes through encoding/json, which also mends invalid
// UTF-8.
func appendText(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c >= 0x7f || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			quoted, err := json.Marshal(s)
			if err != nil { // a string always marshals
				panic(err)
			}
			return append(b, quoted...)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}

// second cuts a time to what NumericDate holds (RFC 7519, section 2), and to
// UTC.
func second(t time.Time) time.Time { return time.Unix(t.Unix(), 0).UTC() }
