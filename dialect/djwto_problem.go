package dialect

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/httpauth"
	"github.com/watchword-auth/watchword/jwt"
)

// The original's texts, which front-ends compare.
const (
	textAlgorithm  = "The specified alg value is not allowed"
	textEnded      = "Input jti token is already blacklisted."
	textInactive   = "User is inactive."
	textNoAccess   = "Can't update access token."
	textNoID       = "No jti claim was available in the input token. The value is mandatory in order to use the Blacklist API."
	textNoPerms    = "Invalid permissions for jwt token."
	textFewPerms   = "Insufficient Permissions."
	textNoLogin    = "Login must happen before evaluating permissions."
	textNoRefresh  = "Refresh token was not sent in authorization header."
	textNoUpdate   = "Can't update refresh token."
	textNotValid   = "Failed to validate token."
	textProcess    = "Failed to process request."
	textWrongLogin = "Please enter a correct username and password. Note that both fields may be case-sensitive."
)

// djwtoStyle is what Python's json.dumps writes.
func djwtoStyle() httpauth.Style { return httpauth.Style{Spaced: true, ASCII: true} }

// said is a refusal with the original's words.
func said(code watchword.Code, text string) error {
	return &watchword.PolicyError{Code: code, Message: text}
}

// say puts the original's words on what the engine says of a token.
func (c *djwtoSettings) say(raw string, err error) error {
	text := ""
	if refusal := (*watchword.PolicyError)(nil); err == nil || errors.As(err, &refusal) && refusal.Message != "" {
		return err
	}
	code := watchword.CodeOf(err)
	switch {
	case code == watchword.BadSignature || code == watchword.TokenMalformed:
		text = c.unreadable(raw, code)
	case code == watchword.TokenNotYetValid && !early(raw):
		text = "The token is not yet valid (iat)"
	default:
		if text = djwtoText(code); text == "" {
			return err
		}
	}
	return fmt.Errorf("%w: %w", said(code, text), err)
}

// unreadable says what the original's library finds first in a token that
// was refused before it was read: the header's algorithm.
func (c *djwtoSettings) unreadable(raw string, code watchword.Code) string {
	part := strings.Split(raw, ".")
	if len(part) == 3 {
		header, _ := base64.RawURLEncoding.DecodeString(part[0])
		var alg string
		err := jwt.Walk(header, func(name string, v jwt.Value) (err error) {
			if name == "alg" {
				alg, err = v.Text()
			}
			return err
		})
		if err == nil && alg != string(c.keys.algorithm) {
			return textAlgorithm
		}
	}
	return djwtoText(code)
}

// early reports whether a token whose signature is good has an nbf, and no
// later iat.
func early(raw string) bool {
	part := strings.Split(raw, ".")
	if len(part) != 3 {
		return false
	}
	payload, err := base64.RawURLEncoding.DecodeString(part[1])
	if err != nil {
		return false
	}
	var r jwt.Registered
	err = jwt.Walk(payload, func(name string, v jwt.Value) error {
		_, err := r.Visit(name, v)
		return err
	})
	return err == nil && !r.NotBefore.IsZero() && !r.IssuedAt.After(r.NotBefore)
}

// djwtoText is what the original, or the library beneath it, says of a token
// for which no route has better words; "" where it is not about the token.
func djwtoText(code watchword.Code) string {
	switch code {
	case watchword.WrongIssuer:
		return "Invalid issuer"
	case watchword.WrongAudience:
		return "Invalid audience"
	case watchword.TokenNotYetValid:
		return "The token is not yet valid (nbf)"
	case watchword.SessionEnded, watchword.TokenRevoked, watchword.TokenReused:
		return textEnded
	case watchword.ClaimsStale:
		return "Permissions have changed since the token was made."
	case watchword.UserDisabled:
		return textInactive
	case watchword.PermissionDenied, watchword.InsufficientScope:
		return textFewPerms
	case watchword.WrongKind:
		return textNotValid
	default:
		return tokenText(code)
	}
}

// problem is {"error": text}: 403 for whatever is wrong with a token, without
// a challenge.
func (c *djwtoSettings) problem(p httpauth.Problem) httpauth.Reply {
	switch {
	case p.Code == watchword.CrossOrigin:
		return page(http.StatusForbidden, "403 Forbidden", "CSRF verification failed. Request aborted.")
	case p.Code == watchword.NotFound:
		return page(http.StatusNotFound, "Not Found", "The requested resource was not found on this server.")
	case p.Code == watchword.MethodNotAllowed:
		return noBody(p.Status, djwtoMethods(p.Allow))
	case p.Status >= http.StatusInternalServerError && p.Code != watchword.Unavailable:
		return djwtoError(p.Status, textProcess)
	case p.Op == httpauth.OpSignIn:
		return c.noSignIn(p)
	case p.Code == watchword.Unauthenticated && p.Request != nil:
		return djwtoError(http.StatusForbidden, spoken(p, c.absent(p.Request)))
	case p.Op == httpauth.OpRefresh && isOver(p.Code):
		// What front-ends branch on. It tells nothing.
		return djwtoError(http.StatusInternalServerError, spoken(p, textNoAccess))
	case p.Code == watchword.Conflict:
		return djwtoError(p.Status, spoken(p, textEnded))
	case p.Code == watchword.InvalidRequest:
		return djwtoError(p.Status, textProcess)
	case djwtoText(p.Code) != "":
		return djwtoError(http.StatusForbidden, spoken(p, djwtoText(p.Code)))
	default:
		return djwtoError(p.Status, http.StatusText(p.Status))
	}
}

// noSignIn answers a refused sign-in. Where scripts are to send a token
// against cross-site requests, they learn it here too.
func (c *djwtoSettings) noSignIn(p httpauth.Problem) httpauth.Reply {
	var r httpauth.Reply
	switch {
	case p.Code == watchword.InvalidCredentials:
		r = djwtoError(http.StatusUnauthorized, spoken(p, signInText(nil)))
		r.Header.Set("WWW-Authenticate", "Bearer realm=api")
	case p.Code == watchword.RateLimited, p.Code == watchword.Unavailable, p.Code == watchword.TooLarge:
		r = djwtoError(p.Status, http.StatusText(p.Status))
	default:
		r = djwtoError(p.Status, textProcess)
	}
	if p.Request != nil {
		c.keepCSRF(r.Header, p.Request)
	}
	return r
}

// spoken returns the words of whoever refused, or others where he had none.
func spoken(p httpauth.Problem, otherwise string) string {
	if p.Description != httpauth.ProblemOf(p.Code, httpauth.Guarded).Description {
		return p.Description
	}
	return otherwise
}

// isOver reports whether a session has ended, whoever ended it.
func isOver(code watchword.Code) bool {
	return code == watchword.SessionEnded || code == watchword.TokenRevoked || code == watchword.TokenReused
}

// signInText is the JSON document that the original's form makes of what is
// wrong with it: the fields that were left empty, or nothing in particular.
func signInText(empty []string) string {
	var o httpauth.Object
	for _, field := range empty {
		o = append(o, httpauth.Pair{Name: field, Value: []string{"This field is required."}})
	}
	if o == nil {
		o = httpauth.Object{{Name: "__all__", Value: []string{textWrongLogin}}}
	}
	b, _ := djwtoStyle().Marshal(o) // texts cannot fail
	return string(b)
}

func djwtoError(status int, text string) httpauth.Reply {
	return djwtoStyle().Reply(status, httpauth.Object{{Name: "error", Value: text}})
}

// page is a page for people, such as the original's framework shows.
func page(status int, title, text string) httpauth.Reply {
	body := "\n<!doctype html>\n<html lang=\"en\">\n<head>\n  <title>" + title + "</title>\n</head>\n<body>\n  <h1>" +
		title + "</h1><p>" + text + "</p>\n</body>\n</html>\n"
	return httpauth.Reply{Status: status, Header: http.Header{"Content-Type": {"text/html"}}, Body: []byte(body)}
}

// noBody is the framework's answer to a method: those that there are, in its
// order, and nothing else.
func noBody(status int, allow string) httpauth.Reply {
	return httpauth.Reply{Status: status, Header: http.Header{
		"Content-Type": {"text/html; charset=utf-8"}, "Allow": {allow},
	}}
}

func djwtoMethods(allow []string) string {
	var ordered []string
	for _, m := range []string{"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"} {
		if m == http.MethodOptions || slices.Contains(allow, m) {
			ordered = append(ordered, m)
		}
	}
	return strings.Join(ordered, ", ")
}
