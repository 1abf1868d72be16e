package dialect

import (
	"context"
	"encoding/base64"
	"net/http"
	"strings"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/httpauth"
)

// DjwtoHooks are the functions that applications of djwto replace or
// connect. nil leaves what the dialect does.
type DjwtoHooks struct {
	// User writes the user claim, which must have an id (process_user).
	// perms are those that Permissions returned. It is called for both tokens.
	User func(u watchword.User, perms []string) (httpauth.Object, error)
	// Permissions are those of the user (process_perms); nil: his own and his
	// groups'.
	Permissions func(u watchword.User) []string
	// Claims are added to a token, or replace the user claim
	// (process_claims). Those that decide whether a token counts are the
	// dialect's: naming one is an error.
	Claims func(s *watchword.ClaimSet) (httpauth.Object, error)
	// Authenticator proves who somebody is (user_authenticate).
	Authenticator watchword.Authenticator
	Signals       DjwtoSignals
}

// DjwtoSignals are the handlers connected to the original's signals. They
// are called in order, after the outcome is fixed and before it is answered;
// a panic in one is dropped, and a slow one delays the answer.
type DjwtoSignals struct {
	LoggedIn        []DjwtoHandler // jwt_logged_in: both claims
	LoginFailed     []DjwtoHandler // jwt_login_fail: Error
	Blacklisted     []DjwtoHandler // jwt_blacklisted: ID
	Validated       []DjwtoHandler // jwt_token_validated
	AccessRefreshed []DjwtoHandler // jwt_access_refreshed: both claims
	RefreshUpdated  []DjwtoHandler // jwt_refresh_updated: both claims, the new ones
}

// DjwtoHandler is told of a signal.
type DjwtoHandler func(ctx context.Context, s DjwtoSignal)

// DjwtoSignal is one signal, with the original's name and sender.
type DjwtoSignal struct {
	Name, Sender string
	Request      *http.Request
	// RefreshClaims and AccessClaims are JSON as it was signed.
	RefreshClaims, AccessClaims []byte
	Error                       string // the text of the answer
	ID                          string // jti
}

// emit tells the handlers.
func emit(r *http.Request, handlers []DjwtoHandler, s DjwtoSignal) {
	s.Request = r
	for _, handle := range handlers {
		func() {
			// The outcome is fixed: whoever listens must not change it.
			defer func() { _ = recover() }()
			handle(r.Context(), s)
		}()
	}
}

// withClaims puts the claims of new tokens into a signal.
func (s DjwtoSignal) withClaims(t watchword.Tokens) DjwtoSignal {
	if part := strings.Split(t.Refresh, "."); len(part) == 3 {
		s.RefreshClaims, _ = base64.RawURLEncoding.DecodeString(part[1])
	}
	if t.Claims != nil {
		s.AccessClaims = t.Claims.JSON()
	}
	return s
}
