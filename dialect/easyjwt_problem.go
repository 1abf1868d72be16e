package dialect

import (
	"fmt"
	"mime"
	"net/http"
	"strings"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/httpauth"
)

// detail is REST framework's answer, with simplejwt's code where it has one.
func detail(status int, text, code string) httpauth.Reply {
	o := httpauth.Object{{Name: "detail", Value: text}}
	if code != "" {
		o = append(o, httpauth.Pair{Name: "code", Value: code})
	}
	return httpauth.JSON(status, o)
}

// framed adds the headers that stand on every answer of REST framework.
func framed(r httpauth.Reply, allow string) httpauth.Reply {
	if r.Header == nil {
		r.Header = make(http.Header)
	}
	r.Header.Set("Vary", "Accept")
	r.Header.Set("Allow", allow)
	return r
}

func notAcceptable() httpauth.Reply {
	return detail(http.StatusNotAcceptable, "Could not satisfy the request Accept header.", "")
}

// takesJSON reports whether the client accepts what the original could render:
// JSON, or the pages instead of which JSON is answered here.
func takesJSON(r *http.Request) bool {
	accept := r.Header.Get("Accept")
	if accept == "" {
		return true
	}
	for part := range strings.SplitSeq(accept, ",") {
		media, _, err := mime.ParseMediaType(strings.TrimSpace(part))
		if err != nil {
			continue
		}
		switch media {
		case "*/*", "application/*", "application/json", "text/*", "text/html":
			return true
		}
	}
	return false
}

// problem is REST framework's shapes of refusals.
func (c *easyjwtSettings) problem(p httpauth.Problem) httpauth.Reply {
	if p.Request == nil {
		return c.refusal(p)
	}
	allow := "POST, OPTIONS"
	switch {
	case p.Code == watchword.MethodNotAllowed:
		allow = strings.Join(append(p.Allow[:len(p.Allow):len(p.Allow)], http.MethodOptions), ", ")
	case p.Request.Method == http.MethodGet, p.Request.Method == http.MethodHead:
		allow = "GET, HEAD, OPTIONS"
	}
	if !takesJSON(p.Request) {
		return framed(notAcceptable(), allow)
	}
	r := framed(c.refusal(p), allow)
	if r.Status == http.StatusUnauthorized {
		r.Header.Set("WWW-Authenticate", c.schemes[0]+` realm="api"`)
	}
	return r
}

func (c *easyjwtSettings) refusal(p httpauth.Problem) httpauth.Reply {
	switch {
	case p.Code == watchword.InvalidRequest && len(p.Faults) > 0:
		return fieldFaults(p.Faults)
	case p.Code == watchword.UnsupportedMediaType && p.Request != nil:
		return detail(p.Status, fmt.Sprintf("Unsupported media type \"%.80s\" in request.", p.Request.Header.Get("Content-Type")), "")
	case p.Code == watchword.MethodNotAllowed && p.Request != nil:
		return detail(p.Status, `Method "`+p.Request.Method+`" not allowed.`, "")
	case p.Code == watchword.RateLimited:
		return detail(p.Status, fmt.Sprintf("Request was throttled. Expected available in %d seconds.", int(p.RetryAfter.Seconds()+0.999)), "")
	case p.Status >= 500, p.Code == watchword.TooLarge, p.Code == watchword.InvalidRequest:
		return detail(p.Status, http.StatusText(p.Status), "")
	case p.Op == httpauth.OpSignIn:
		return detail(http.StatusUnauthorized, textNoCredentials, "")
	case p.Op == httpauth.OpVerify && p.Description == textBlacklisted:
		return httpauth.JSON(http.StatusBadRequest, httpauth.Object{{Name: "non_field_errors", Value: []string{textBlacklisted}}})
	case p.Op == httpauth.OpRefresh || p.Op == httpauth.OpVerify || p.Op == httpauth.OpSignOut:
		return detail(http.StatusUnauthorized, p.Description, codeOfText(p.Description))
	default:
		return c.guarded(p)
	}
}

// codeOfText is simplejwt's code beside a text.
func codeOfText(text string) string {
	switch text {
	case textNoActive:
		return "no_active_account"
	case textChanged:
		return "password_changed"
	default:
		return "token_not_valid"
	}
}

// guarded is simplejwt's authentication class, and REST framework's
// permissions.
func (c *easyjwtSettings) guarded(p httpauth.Problem) httpauth.Reply {
	var raw string
	var shown bool
	if p.Request != nil {
		raw, shown = c.transport().Access(p.Request)
	}
	switch {
	case p.Code == watchword.Unauthenticated:
		return detail(http.StatusUnauthorized, "Authentication credentials were not provided.", "")
	case p.Code == watchword.TokenMalformed && shown && raw == "":
		return detail(http.StatusUnauthorized, "Authorization header must contain two space-delimited values", "bad_authorization_header")
	case p.Code == watchword.NotFound:
		return detail(http.StatusUnauthorized, "User not found", "user_not_found")
	case p.Code == watchword.UserDisabled:
		return detail(http.StatusUnauthorized, "User is inactive", "user_inactive")
	case p.Status == http.StatusForbidden:
		text := p.Description
		if text == httpauth.ProblemOf(p.Code, httpauth.Guarded).Description {
			text = "You do not have permission to perform this action."
		}
		return detail(http.StatusForbidden, text, "")
	case p.Description == textChanged:
		return detail(http.StatusUnauthorized, textChanged, codeOfText(textChanged))
	case p.Status != http.StatusUnauthorized:
		return detail(p.Status, http.StatusText(p.Status), "")
	}
	text := c.tokenProblem(p.Code, raw)
	switch text {
	case textNoUser:
		return detail(http.StatusUnauthorized, textNoUser, codeOfText(textNoUser))
	case textBlacklisted:
		text = textInvalid // the original blacklists no access tokens
	}
	messages := make([]httpauth.Object, 0, len(c.kinds))
	for _, k := range c.kinds {
		class := "AccessToken"
		if k == watchword.Sliding {
			class = "SlidingToken"
		}
		messages = append(messages, httpauth.Object{
			{Name: "token_class", Value: class}, {Name: "token_type", Value: k.String()}, {Name: "message", Value: text},
		})
	}
	return httpauth.JSON(http.StatusUnauthorized, httpauth.Object{
		{Name: "detail", Value: "Given token not valid for any token type"},
		{Name: "code", Value: codeOfText(text)},
		{Name: "messages", Value: messages},
	})
}

// fieldFaults is REST framework's answer to input: a list for every field.
func fieldFaults(faults []httpauth.Fault) httpauth.Reply {
	var o httpauth.Object
	for _, f := range faults {
		name, text := f.Name, "Not a valid string."
		switch f.Kind {
		case httpauth.FaultSyntax:
			return detail(http.StatusBadRequest, "JSON parse error - the body cannot be read", "")
		case httpauth.FaultNotObject:
			name, text = "non_field_errors", "Invalid data. Expected a dictionary, but got "+pythonType(f.Got)+"."
		case httpauth.FaultMissing:
			text = "This field is required."
		case httpauth.FaultBlank:
			text = "This field may not be blank."
		case httpauth.FaultNull:
			text = "This field may not be null."
		case httpauth.FaultType:
			if f.Got == "string" {
				text = "Null characters are not allowed."
			}
		case httpauth.FaultValue:
			text = "Ensure this field has no more than 255 characters." // the only thing that is Valid or not
		}
		o = append(o, httpauth.Pair{Name: name, Value: []string{text}})
	}
	return httpauth.JSON(http.StatusBadRequest, o)
}

// pythonType is what Python calls a kind of JSON value.
func pythonType(kind string) string {
	switch kind {
	case "array":
		return "list"
	case "string":
		return "str"
	case "number":
		return "int"
	case "boolean":
		return "bool"
	case "null":
		return "NoneType"
	default:
		return kind
	}
}
