package dialect

import (
	"net/http"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/httpauth"
)

// Carriers are the header or, in the cookie modes, the cookies that are read.
func (t djwtoTransport) Carriers() []httpauth.Carrier {
	if t.c.accessCookie == "" {
		return []httpauth.Carrier{{Header: "Authorization", Scheme: "Bearer"}}
	}
	return []httpauth.Carrier{{Cookie: t.c.accessCookie}, {Cookie: refreshCookie, Refresh: true}}
}

func (c *djwtoSettings) about() httpauth.About {
	return httpauth.About{
		Title: "djwto", Description: "The routes of djwto.",
		SchemeDescription: "The access token; below the path of refreshing, the refresh token.",
	}
}

// pairDoc is an answer with both tokens, or in the cookie modes a text.
func (c *djwtoSettings) pairDoc(text string) httpauth.Object {
	if c.accessCookie != "" {
		return message(text)
	}
	return httpauth.Object{{Name: "refresh", Value: "eyJ0eXAiOiJKV1QifQ.e30.c2ln"}, {Name: "access", Value: "eyJ0eXAiOiJKV1QifQ.e30.c2ln"}}
}

func (c *djwtoSettings) loginDoc() httpauth.Doc {
	return httpauth.Doc{
		Summary: "Sign in", Description: "Whoever is signed in already is told so.",
		Answers: []httpauth.Answer{{Examples: []any{c.pairDoc("Tokens successfully created."), message("User already authenticated.")}}},
	}
}

func (c *djwtoSettings) validateDoc(token httpauth.TokenUse) httpauth.Doc {
	return httpauth.Doc{
		Summary: "Validate a token", Token: token, Answers: []httpauth.Answer{{Examples: []any{message("Token is valid")}}},
	}
}

// refreshDoc: a session that is over is answered as the original's failure is.
func (c *djwtoSettings) refreshDoc(summary, text string) httpauth.Doc {
	return httpauth.Doc{
		Summary: summary, Token: httpauth.NeedsRefresh, Refusals: []watchword.Code{watchword.PermissionDenied},
		Answers: []httpauth.Answer{{Examples: []any{c.pairDoc(text)}}},
	}
}

func (c *djwtoSettings) logoutDoc() httpauth.Doc {
	return httpauth.Doc{
		Summary: "Blacklist the refresh token", Description: "Ends its session.", Token: httpauth.NeedsRefresh,
		Refusals: []watchword.Code{watchword.Conflict},
		Answers:  []httpauth.Answer{{Examples: []any{message("Token successfully blacklisted.")}}},
	}
}

func (c *djwtoSettings) deleteDoc() httpauth.Doc {
	d := httpauth.Doc{
		Summary: "Sign out", Description: "Ends the session of the token shown.", Token: httpauth.NeedsAccess,
		Answers: []httpauth.Answer{{Status: http.StatusNoContent}},
	}
	if c.accessCookie != "" {
		d.Description, d.Token = "Takes the cookies away, and ends the session of whatever tokens were sent.", httpauth.OptionalAccess
		d.Answers = []httpauth.Answer{{Examples: []any{message("Tokens successfully deleted.")}}}
	}
	return d
}

func viewDoc(text string) httpauth.Doc {
	return httpauth.Doc{
		Summary: "Sample view", Token: httpauth.NeedsAccess, Refusals: []watchword.Code{watchword.PermissionDenied},
		Answers: []httpauth.Answer{{Media: "text/html; charset=utf-8", Examples: []any{text}}},
	}
}
