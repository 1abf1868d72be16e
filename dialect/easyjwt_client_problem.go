package dialect

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/httpauth"
)

// framed adds the headers that stand on every answer of the original: whoever
// shows a token is not asked for a session.
func (c *easyjwtClient) framed(r httpauth.Reply, request *http.Request, allow string) httpauth.Reply {
	r = framed(r, allow)
	if _, shown := (easyjwtCarrier{c}).header(request); !shown {
		r.Header.Set("Vary", "Accept, Cookie")
	}
	if r.Status == http.StatusUnauthorized {
		r.Header.Set("WWW-Authenticate", c.challenge)
	}
	return r
}

// problem is REST framework's shapes of refusals, and Django's page for those
// of its CSRF check.
func (c *easyjwtClient) problem(p httpauth.Problem) httpauth.Reply {
	if p.Request == nil {
		return c.refusal(p)
	}
	if p.Code == watchword.CrossOrigin {
		return c.crossOrigin(p)
	}
	allow := "POST, OPTIONS"
	switch {
	case p.Code == watchword.MethodNotAllowed:
		allow = strings.Join(append(p.Allow[:len(p.Allow):len(p.Allow)], http.MethodOptions), ", ")
	case p.Request.Method == http.MethodGet, p.Request.Method == http.MethodHead:
		allow = "GET, HEAD, OPTIONS"
	}
	if !takesJSON(p.Request) {
		return c.framed(notAcceptable(), p.Request, allow)
	}
	return c.framed(c.refusal(p), p.Request, allow)
}

// crossOrigin is a refusal of the origin, where there is a list of those that
// may, or of the CSRF check.
func (c *easyjwtClient) crossOrigin(p httpauth.Problem) httpauth.Reply {
	if tokens := p.Op == httpauth.OpSignIn || p.Op == httpauth.OpRefresh || p.Op == httpauth.OpSignOut; tokens && c.checkAllowed(p.Request) != nil {
		return detail(http.StatusForbidden, textNoOrigin, "")
	}
	return htmlReply(http.StatusForbidden, "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>403 Forbidden</title></head>\n"+
		"<body>\n<h1>Forbidden <span>(403)</span></h1>\n<p>CSRF verification failed. Request aborted.</p>\n</body>\n</html>\n")
}

// htmlReply is a page, which says itself what it is written in.
func htmlReply(status int, text string) httpauth.Reply {
	return httpauth.Reply{Status: status, Body: []byte(text), Header: http.Header{"Content-Type": {"text/html"}}}
}

func (c *easyjwtClient) refusal(p httpauth.Problem) httpauth.Reply {
	said := p.Description != httpauth.ProblemOf(p.Code, httpauth.Guarded).Description
	switch {
	case p.Code == watchword.InvalidRequest && len(p.Faults) > 0:
		return fieldFaults(p.Faults)
	case p.Code == watchword.UnsupportedMediaType && p.Request != nil:
		return detail(p.Status, fmt.Sprintf("Unsupported media type \"%.80s\" in request.", p.Request.Header.Get("Content-Type")), "")
	case p.Code == watchword.MethodNotAllowed && p.Request != nil:
		return detail(p.Status, `Method "`+p.Request.Method+`" not allowed.`, "")
	case p.Code == watchword.NotFound:
		return detail(http.StatusNotFound, "Not found.", "")
	case (p.Code == watchword.Unavailable || p.Code == watchword.RateLimited) && said:
		return detail(c.failed(p.Code), p.Description, "")
	case p.Code == watchword.Unauthenticated && !said:
		return detail(http.StatusUnauthorized, "Authentication credentials were not provided.", "")
	case p.Code == watchword.TokenMalformed && !said && p.Request != nil:
		return detail(http.StatusUnauthorized, c.malformed(p.Request), "")
	case p.Status == http.StatusForbidden && said, p.Status == http.StatusUnauthorized && said:
		return detail(p.Status, p.Description, "")
	case p.Status == http.StatusForbidden:
		return detail(p.Status, "You do not have permission to perform this action.", "")
	case p.Status == http.StatusUnauthorized:
		return detail(p.Status, textInvalid, "")
	default:
		return detail(p.Status, http.StatusText(p.Status), "")
	}
}

// malformed says what is wrong with the header.
func (c *easyjwtClient) malformed(r *http.Request) string {
	switch parts, shown := (easyjwtCarrier{c}).header(r); {
	case shown && len(parts) == 1:
		return textNoToken
	case shown && len(parts) > 2:
		return textTokenSpaces
	default:
		return textInvalid
	}
}

// failed is the status where the authority refused or cannot be used. The
// original answers 401 to all of it, and front-ends that sign people out then
// rely on it; with 503 they can tell.
func (c *easyjwtClient) failed(code watchword.Code) int {
	switch {
	case c.unavailable == http.StatusUnauthorized:
		return http.StatusUnauthorized
	case code == watchword.Unavailable:
		return http.StatusServiceUnavailable
	case code == watchword.RateLimited:
		return http.StatusTooManyRequests
	default:
		return http.StatusUnauthorized
	}
}
