package gate

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/jwt"
)

// The headers that say who asks. Lists are separated by spaces; what is not
// a plain character in a value is percent-encoded (RFC 3986), so that neither
// a space nor a line break in somebody's name makes two of one.
const (
	headerUser        = "X-Watchword-User"
	headerScopes      = "X-Watchword-Scopes"
	headerPermissions = "X-Watchword-Permissions"
	headerIdentity    = "X-Watchword-Identity"

	// ownHeaders begins all of them, in the form of plainName.
	ownHeaders = "x-watchword-"
)

// IdentityType is the typ of the token in X-Watchword-Identity. It is no
// access token, and nobody who looks at the type takes it for one.
const IdentityType = "identity+jwt"

// claimsOwn reports whether a header pretends to be the gate's, in any
// spelling that a service might not tell from it: X_Watchword_User is the
// same variable to CGI, WSGI and PHP.
func claimsOwn(name string) bool { return strings.HasPrefix(plainName(name), ownHeaders) }

// smuggled returns a header that pretends to be the gate's, or a Connection
// that would have one removed on the way (RFC 9110, section 7.6.1).
func smuggled(h http.Header) string {
	for name, values := range h {
		if claimsOwn(name) {
			return name
		}
		if name != "Connection" {
			continue
		}
		for option := range strings.SplitSeq(strings.Join(values, ","), ",") {
			if option = strings.TrimSpace(option); claimsOwn(option) || strings.EqualFold(option, "Authorization") || strings.EqualFold(option, "Cookie") {
				return "Connection: " + option
			}
		}
	}
	return ""
}

// strip removes whatever pretends to be the gate's.
func strip(h http.Header) {
	for name := range h {
		if claimsOwn(name) {
			delete(h, name)
		}
	}
}

// identify writes who asks into h; nil claims write nothing.
func (g *Gate) identify(h http.Header, c *watchword.Claims) error {
	if c == nil {
		return nil
	}
	scopes, permissions := slices.Collect(c.Scopes()), slices.Collect(c.Permissions())
	token, err := g.identity(c, scopes, permissions)
	if err != nil {
		return err
	}
	h.Set(headerUser, url.PathEscape(c.Subject))
	h.Set(headerIdentity, token)
	for name, list := range map[string][]string{headerScopes: scopes, headerPermissions: permissions} {
		for i, s := range list {
			list[i] = url.PathEscape(s)
		}
		if len(list) > 0 {
			h.Set(name, strings.Join(list, " "))
		}
	}
	return nil
}

// identity makes the signed form of the same. It lives for seconds, and never
// longer than the token that it stands for.
func (g *Gate) identity(c *watchword.Claims, scopes, permissions []string) (string, error) {
	now := g.o.Now().Truncate(time.Second)
	expiry := now.Add(g.o.Lifetime)
	if !c.Expiry.IsZero() && c.Expiry.Before(expiry) {
		expiry = c.Expiry
	}
	payload, err := json.Marshal(struct {
		Issuer      string   `json:"iss"`
		Audience    string   `json:"aud"`
		Subject     string   `json:"sub"`
		IssuedAt    int64    `json:"iat"`
		Expiry      int64    `json:"exp"`
		ID          string   `json:"jti"`
		ClientID    string   `json:"client_id,omitempty"`
		Session     string   `json:"sid,omitempty"`
		Scope       string   `json:"scope,omitempty"`
		Permissions []string `json:"permissions,omitempty"`
	}{
		g.o.Issuer, g.o.Audience, c.Subject, now.Unix(), expiry.Unix(), rand.Text(), c.ClientID, c.Session,
		strings.Join(scopes, " "), permissions,
	})
	if err != nil {
		return "", fmt.Errorf("write identity: %w", err)
	}
	token, err := jwt.Sign(g.o.Key, IdentityType, payload)
	if err != nil {
		return "", fmt.Errorf("sign identity: %w", err)
	}
	return token, nil
}
