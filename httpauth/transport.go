package httpauth

import (
	"net/http"
	"slices"
	"strings"

	"github.com/watchword-auth/watchword"
)

// Transport decides where tokens ride. Implementations are safe for
// concurrent use.
type Transport interface {
	// Access finds the access token. ok says that something was shown; an
	// empty token beside it means that it was not readable as one, and is
	// refused like a bad token.
	Access(r *http.Request) (token string, ok bool)
	// Refresh finds the refresh token where it does not come in the body.
	Refresh(r *http.Request) (token string, ok bool)
	// Write puts tokens into the answer's headers. It sets all or nothing.
	Write(w http.ResponseWriter, t watchword.Tokens) error
	// Clear takes back what Write wrote.
	Clear(w http.ResponseWriter)
	// Ambient reports whether browsers send the token unasked, so that
	// cross-site checks apply and answers carry no tokens in the body.
	Ambient() bool
}

// maxToken bounds a token in bytes before anything is done with it. The
// engine makes and reads none that is longer.
const maxToken = 16 << 10

// Bearer is the JSON transport: tokens go out in the body, the access token
// comes in the Authorization header (RFC 6750, section 2.1), the refresh
// token in the body. Tokens in a form or a query are never looked at
// (sections 2.2 and 2.3: they end up in logs). The zero value is the native
// one.
type Bearer struct {
	// Schemes are the names accepted before the token; nil means "Bearer".
	Schemes []string
	// ExactCase compares them as they are written. RFC 9110, section 11.1
	// does not.
	ExactCase bool
	// Header is where the token stands; "" means Authorization.
	Header string
}

// Access reads the header. One header of another scheme is no token. Two
// headers, or what follows the scheme being empty, several words or longer
// than any token, are an unreadable one. Whether the characters are those of
// a token is left to whoever verifies it, who looks at each of them anyway:
// doing so here as well would cost as much as all the rest.
func (t Bearer) Access(r *http.Request) (token string, ok bool) {
	name := "Authorization"
	if t.Header != "" {
		name = http.CanonicalHeaderKey(t.Header)
	}
	values := r.Header[name]
	if len(values) == 0 {
		return "", false
	}
	if len(values) > 1 {
		return "", true
	}
	scheme, rest, _ := strings.Cut(values[0], " ")
	if !t.names(scheme) {
		return "", false
	}
	// credentials = "Bearer" 1*SP b64token
	rest = strings.TrimLeft(rest, " ")
	if len(rest) > maxToken || strings.IndexByte(rest, ' ') >= 0 {
		return "", true
	}
	return rest, true
}

func (t Bearer) names(scheme string) bool {
	if t.Schemes == nil {
		return scheme == "Bearer" || !t.ExactCase && strings.EqualFold(scheme, "Bearer")
	}
	return slices.ContainsFunc(t.Schemes, func(known string) bool {
		return scheme == known || !t.ExactCase && strings.EqualFold(scheme, known)
	})
}

// Refresh finds nothing: refresh tokens come in the body.
func (Bearer) Refresh(*http.Request) (token string, ok bool) { return "", false }

// Write does nothing: tokens go out in the body.
func (Bearer) Write(http.ResponseWriter, watchword.Tokens) error { return nil }

// Clear does nothing.
func (Bearer) Clear(http.ResponseWriter) {}

// Ambient is false: scripts add the header themselves.
func (Bearer) Ambient() bool { return false }
