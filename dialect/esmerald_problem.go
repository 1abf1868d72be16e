package dialect

import (
	"net/http"
	"strings"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/httpauth"
)

// The texts of the library beneath the original, which it hands on. The same
// three whatever was wrong: parsers' own words are nobody's business.
const (
	textExpired   = "Signature has expired"
	textSignature = "Signature verification failed"
	textSegments  = "Not enough segments"
)

// tokenText tells what was wrong with a token; "" where the token was in
// order and its session or user is not.
func tokenText(code watchword.Code) string {
	switch code {
	case watchword.TokenExpired, watchword.SessionExpired:
		return textExpired
	case watchword.TokenMalformed:
		return textSegments
	case watchword.BadSignature, watchword.WrongIssuer, watchword.WrongAudience, watchword.TokenNotYetValid:
		return textSignature
	default:
		return ""
	}
}

// problem is Esmerald's {"detail": text}, without a challenge.
func (c *esmeraldSettings) problem(p httpauth.Problem) httpauth.Reply {
	detail := func(status int, text string) httpauth.Reply {
		return httpauth.JSON(status, httpauth.Object{{Name: "detail", Value: text}})
	}
	switch {
	case p.Code == watchword.InvalidRequest && len(p.Faults) > 0:
		return esmeraldInvalid(p.Request, esmeraldFaults(p.Faults))
	case p.Status >= 500, p.Status == http.StatusTooManyRequests, p.Status == http.StatusMethodNotAllowed, p.Status == http.StatusRequestEntityTooLarge:
		return detail(p.Status, http.StatusText(p.Status))
	case p.Op == httpauth.OpSignIn:
		return detail(http.StatusUnauthorized, "Invalid credentials.")
	case p.Op == httpauth.OpRefresh && p.Code == watchword.WrongKind:
		return detail(http.StatusUnauthorized, "Only refresh tokens are allowed.")
	case p.Op == httpauth.OpRefresh && tokenText(p.Code) == "":
		return detail(http.StatusUnauthorized, "Invalid credentials.")
	case p.Code == watchword.Unauthenticated:
		return detail(http.StatusUnauthorized, c.noToken(p.Request))
	case p.Status == http.StatusForbidden:
		return detail(http.StatusForbidden, "You do not have permission to perform this action.")
	case tokenText(p.Code) != "":
		return detail(http.StatusUnauthorized, tokenText(p.Code))
	case p.Status == http.StatusUnauthorized:
		return detail(http.StatusUnauthorized, "Not Authorized.")
	default:
		return detail(p.Status, http.StatusText(p.Status))
	}
}

// noToken is what the framework's middleware says of a header that shows no
// token. It repeats a scheme, and nothing that may be a secret sent without
// one.
func (c *esmeraldSettings) noToken(r *http.Request) string {
	if r != nil {
		scheme, rest, _ := strings.Cut(r.Header.Get(c.header), " ")
		if rest != "" && len(scheme) <= 16 && isWord(scheme) {
			return "'" + scheme + "' is not an authorized header."
		}
	}
	return "Token not found in the request header"
}

func isWord(s string) bool {
	for _, r := range s {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' {
			return false
		}
	}
	return s != ""
}

// esmeraldInvalid is the framework's answer to input that its model refuses.
func esmeraldInvalid(r *http.Request, faults []httpauth.Object) httpauth.Reply {
	url, method := "", http.MethodPost
	if r != nil {
		url, method = requestURL(r), r.Method
	}
	return httpauth.JSON(http.StatusBadRequest, httpauth.Object{
		{Name: "detail", Value: "Validation failed for " + url + " with method " + method + "."}, {Name: "errors", Value: faults},
	})
}

// esmeraldFaults are pydantic's records, whose loc is within the body.
func esmeraldFaults(faults []httpauth.Fault) []httpauth.Object {
	list := make([]httpauth.Object, 0, len(faults))
	for _, f := range pydanticFaults(faults) {
		loc := f[1].Value.([]any)
		list = append(list, httpauth.Object{f[0], {Name: "loc", Value: loc[1:]}, f[2]})
	}
	return list
}
