package httpauth

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/watchword-auth/watchword"
)

// Problem is a refusal as HTTP may tell it. It carries nothing of the error
// behind it but the code: what a profile shapes its answer from cannot leak
// more than stands here.
type Problem struct {
	Code        watchword.Code
	Status      int    // of the table; a profile may answer another
	OAuth       string // "error" of RFC 6749 or 6750; "" where those have none
	Description string // fixed text, or the message of a policy of the application's
	// RetryAfter is positive exactly for 429 and 503.
	RetryAfter time.Duration
	// Scopes are those that the route or the policy demands.
	Scopes []string
	// MaxAge is how old a sign-in may be, for AuthenticationStale.
	MaxAge time.Duration
	// Challenge is the value of WWW-Authenticate; "" for none.
	Challenge string

	// Op is the operation refused; 0 at the application's own routes.
	Op Op
	// Faults say what was wrong with the input, for InvalidRequest.
	Faults []Fault
	// Allow are the path's methods, for MethodNotAllowed.
	Allow []string
	// Request is the one refused, for profiles whose answers repeat part of
	// it. nil from ProblemOf.
	Request *http.Request
}

// Endpoint says which of two specifications answers.
type Endpoint uint8

const (
	// Guarded routes answer by RFC 6750, section 3.1.
	Guarded Endpoint = iota
	// TokenEndpoint is where credentials and refresh tokens are shown:
	// token, refresh, introspect, revoke. They answer by RFC 6749, section
	// 5.2.
	TokenEndpoint
)

// answer is a status and an OAuth error.
type answer struct {
	status int
	oauth  string
}

// row is what a code gets at either kind of endpoint.
type row struct {
	token, guarded answer
	description    string
}

// rows is the only place where codes meet HTTP. A test fails if a code has
// no row.
var rows = [...]row{
	watchword.Internal:             both(http.StatusInternalServerError, "server_error", "the server met an error"),
	watchword.InvalidRequest:       both(http.StatusBadRequest, "invalid_request", "a parameter is missing, repeated or of the wrong type, or the body cannot be read"),
	watchword.Unauthenticated:      both(http.StatusUnauthorized, "", "a token is needed"),
	watchword.InvalidCredentials:   badGrant("the credentials are wrong"),
	watchword.UserDisabled:         badGrant("the user may not sign in"),
	watchword.TokenMalformed:       badGrant("the token cannot be read"),
	watchword.BadSignature:         badGrant("the token is not signed by a key that counts here"),
	watchword.WrongKind:            badGrant("the token is of another kind"),
	watchword.WrongIssuer:          badGrant("the token is another issuer's"),
	watchword.WrongAudience:        badGrant("the token is meant for somebody else"),
	watchword.TokenExpired:         badGrant("the token has expired"),
	watchword.TokenNotYetValid:     badGrant("the token is not valid yet"),
	watchword.TokenRevoked:         badGrant("the token was revoked"),
	watchword.TokenReused:          badGrant("the token has been used already"),
	watchword.SessionEnded:         badGrant("the session has ended"),
	watchword.SessionExpired:       badGrant("the session has expired"),
	watchword.ClaimsStale:          badGrant("the user's rights have changed: refresh"),
	watchword.InsufficientScope:    {answer{http.StatusBadRequest, "invalid_scope"}, answer{http.StatusForbidden, "insufficient_scope"}, "the token lacks a scope"},
	watchword.PermissionDenied:     {answer{http.StatusForbidden, "access_denied"}, answer{http.StatusForbidden, "insufficient_scope"}, "this is not permitted"},
	watchword.InvalidScope:         both(http.StatusBadRequest, "invalid_scope", "a scope cannot be granted"),
	watchword.InvalidClient:        both(http.StatusUnauthorized, "invalid_client", "the client's credentials are wrong or missing"),
	watchword.UnsupportedGrantType: both(http.StatusBadRequest, "unsupported_grant_type", "the grant type is not supported"),
	watchword.PasswordWeak:         both(http.StatusBadRequest, "invalid_request", "the new password is too short, too common or the login"),
	watchword.CrossOrigin:          both(http.StatusForbidden, "invalid_request", "the request comes from another origin, or lacks the CSRF token"),
	watchword.RateLimited:          both(http.StatusTooManyRequests, "temporarily_unavailable", "too many attempts"),
	watchword.NotFound:             both(http.StatusNotFound, "not_found", "there is no such thing"),
	watchword.Conflict:             both(http.StatusConflict, "conflict", "it exists already or has changed meanwhile"),
	watchword.TooLarge:             both(http.StatusRequestEntityTooLarge, "invalid_request", "the request is too large"),
	watchword.UnsupportedMediaType: both(http.StatusUnsupportedMediaType, "invalid_request", "the body is of a type that is not read here"),
	watchword.MethodNotAllowed:     both(http.StatusMethodNotAllowed, "invalid_request", "the method is not allowed here"),
	watchword.Unavailable:          both(http.StatusServiceUnavailable, "temporarily_unavailable", "the service cannot answer now"),
	watchword.AuthenticationStale:  both(http.StatusUnauthorized, "insufficient_user_authentication", "a more recent sign-in is needed"),
	watchword.NotAcceptable:        both(http.StatusNotAcceptable, "invalid_request", "there is no answer in a media type that is accepted"),
}

// both is the row of a code that is answered alike everywhere.
func both(status int, oauth, description string) row {
	return row{answer{status, oauth}, answer{status, oauth}, description}
}

// badGrant is the row of what RFC 6749 calls invalid_grant, and RFC 6750
// invalid_token.
func badGrant(description string) row {
	return row{answer{http.StatusBadRequest, "invalid_grant"}, answer{http.StatusUnauthorized, "invalid_token"}, description}
}

// defaultRetry is the Retry-After of a refusal that did not say how long.
const defaultRetry = time.Second

// ProblemOf returns what HTTP may tell of an error. An error without a code
// is Internal; one of a context that ended is Unavailable.
func ProblemOf(err error, at Endpoint) Problem {
	code := watchword.CodeOf(err)
	switch {
	case code == watchword.Internal && (errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)):
		code = watchword.Unavailable
	case code == watchword.UserDisabled && at == TokenEndpoint:
		// Outsiders do not learn that the login exists.
		code = watchword.InvalidCredentials
	}
	if int(code) >= len(rows) {
		code = watchword.Internal
	}
	r := rows[code]
	a := r.guarded
	if at == TokenEndpoint {
		a = r.token
	}
	p := Problem{Code: code, Status: a.status, OAuth: a.oauth, Description: r.description}
	if refusal := (*watchword.PolicyError)(nil); errors.As(err, &refusal) {
		p.Scopes, p.MaxAge = refusal.Scopes, refusal.MaxAge
		if refusal.Message != "" {
			p.Description = refusal.Message
		}
	}
	if input := (*inputError)(nil); errors.As(err, &input) {
		p.Faults = input.faults
	}
	p.RetryAfter = retryAfter(err, p.Status)
	p.Challenge = challenge(p)
	return p
}

func retryAfter(err error, status int) time.Duration {
	if status != http.StatusTooManyRequests && status != http.StatusServiceUnavailable {
		return 0
	}
	if retry := (*watchword.RetryError)(nil); errors.As(err, &retry) && retry.After > 0 {
		return retry.After
	}
	return defaultRetry
}

// challenge is the WWW-Authenticate of a problem: RFC 9110, section 11.6.1
// demands one with every 401, RFC 6750, section 3 with a 403 for scopes.
func challenge(p Problem) string {
	switch {
	case p.Code == watchword.InvalidClient:
		return `Basic realm="watchword"`
	case p.Status == http.StatusUnauthorized && p.OAuth == "":
		// "the resource server SHOULD NOT include an error code"
		return "Bearer"
	case p.Status == http.StatusUnauthorized, p.OAuth == "insufficient_scope":
		c := `Bearer error="` + p.OAuth + `", error_description="` + quotable(p.Description) + `"`
		if p.Code == watchword.InsufficientScope && len(p.Scopes) > 0 {
			c += `, scope="` + quotable(strings.Join(p.Scopes, " ")) + `"`
		}
		if p.Code == watchword.AuthenticationStale {
			// RFC 9470, section 3.
			c += `, max_age="` + strconv.FormatInt(int64(p.MaxAge/time.Second), 10) + `"`
		}
		return c
	default:
		return ""
	}
}

// quotable maps text to the characters that RFC 6750, section 3 allows
// inside the quotes, so that no message can end the attribute or the header.
func quotable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '"':
			return '\''
		case r < 0x20 || r > 0x7e || r == '\\':
			return '?'
		default:
			return r
		}
	}, s)
}

// seconds is a wait as Retry-After has it: whole seconds, rounded up.
func seconds(d time.Duration) string {
	return strconv.FormatInt(int64((d+time.Second-1)/time.Second), 10)
}

// nativeProblem is the native shape: {"error","error_description","code"}.
func nativeProblem(p Problem) Reply {
	oauth := p.OAuth
	if oauth == "" {
		oauth = p.Code.Error()
	}
	r := JSON(p.Status, Object{{"error", oauth}, {"error_description", p.Description}, {"code", p.Code.Error()}})
	if p.Challenge != "" {
		r.Header.Set("WWW-Authenticate", p.Challenge)
	}
	return r
}
