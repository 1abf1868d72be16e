package httpauth

import (
	"context"
	"net/http"
)

// APIKey is a key in a header of its own, for programs.
type APIKey struct {
	// Header is where it stands; "" means X-API-Key.
	Header string
	// Find returns whose key it is, or NotFound. Look for a hash of the key,
	// such as its SHA-256: a table that is stolen then opens nothing, and how
	// long the search takes tells nothing. Identity.Scheme may be left empty.
	Find func(ctx context.Context, key string) (Identity, error)
}

// Authenticate reads the header. Two of them are refused.
func (a APIKey) Authenticate(r *http.Request) (Identity, bool, error) {
	values := r.Header[a.header()]
	switch {
	case len(values) == 0:
		return Identity{}, false, nil
	case len(values) > 1 || values[0] == "" || len(values[0]) > maxToken || a.Find == nil:
		return Identity{}, true, refused("not one API key")
	}
	i, err := a.Find(r.Context(), values[0])
	if err != nil {
		return Identity{}, true, unknown(err)
	}
	i.Scheme = or(i.Scheme, "APIKey")
	return i, true, nil
}

// Challenge names the header. No specification has a scheme for keys, and a
// 401 must have a challenge.
func (a APIKey) Challenge(*http.Request, error) string { return `APIKey header="` + a.header() + `"` }

func (a APIKey) header() string { return http.CanonicalHeaderKey(or(a.Header, "X-API-Key")) }
