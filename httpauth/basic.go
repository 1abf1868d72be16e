package httpauth

import (
	"context"
	"encoding/base64"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/watchword-auth/watchword"
)

// UserAuthenticator checks a password without opening a session, and bounds
// how often that may fail. An Authority is one.
type UserAuthenticator interface {
	Authenticate(ctx context.Context, c watchword.Credentials, from watchword.Client) (watchword.User, error)
}

// Basic is HTTP Basic against the user store (RFC 7617), for tools that can do
// nothing better. Every request costs a password hash and an attempt of the
// login's (docs/limits.md), of which there are ten at once, and carries the
// password: only over TLS. Browsers ask for it in a window of their own and
// then send it unasked, so that unsafe requests from other origins are
// refused.
type Basic struct {
	Users UserAuthenticator
	// Realm is shown by browsers; "" means watchword.
	Realm string
	// Origin judges unsafe requests; nil means the strict zero value.
	Origin *http.CrossOriginProtection
	// ClientOf tells who asks; nil means [ClientOf].
	ClientOf func(*http.Request) watchword.Client
}

// Authenticate reads the Authorization header.
func (b Basic) Authenticate(r *http.Request) (Identity, bool, error) {
	encoded, shown, err := authorization(r, "Basic")
	if !shown || err != nil {
		return Identity{}, shown, err
	}
	if err := checkOrigin(b.Origin, r); err != nil {
		return Identity{}, true, err
	}
	login, password, ok := userPass(encoded)
	if !ok || b.Users == nil {
		return Identity{}, true, refused("unreadable Basic credentials")
	}
	client := ClientOf
	if b.ClientOf != nil {
		client = b.ClientOf
	}
	u, err := b.Users.Authenticate(r.Context(), watchword.Credentials{Login: login, Password: password}, client(r))
	if err != nil {
		return Identity{}, true, err
	}
	return Identity{Scheme: "Basic", Claims: UserClaims(u), User: u}, true, nil
}

// Challenge asks for UTF-8 (RFC 7617, section 2.1).
func (b Basic) Challenge(*http.Request, error) string {
	return `Basic realm="` + quotable(or(b.Realm, "watchword")) + `", charset="UTF-8"`
}

// userPass reads credentials as RFC 7617, section 2 has them; those of OAuth
// clients are encoded once more.
func userPass(encoded string) (login, password string, ok bool) {
	plain, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil || !utf8.Valid(plain) {
		return "", "", false
	}
	login, password, ok = strings.Cut(string(plain), ":")
	// "The user-id and password MUST NOT contain any control characters"
	return login, password, ok && login != "" && strings.IndexFunc(string(plain), unicode.IsControl) < 0
}
