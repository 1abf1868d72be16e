package dialect

import (
	"net/http"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/httpauth"
)

// Carriers are the header, by each scheme, and the cookies that are read.
func (t easyjwtCarrier) Carriers() []httpauth.Carrier {
	var list []httpauth.Carrier
	for _, scheme := range t.c.schemes {
		list = append(list, httpauth.Carrier{Header: "Authorization", Scheme: scheme})
	}
	if t.c.pages {
		list = append(list, httpauth.Carrier{Cookie: sessionCookie})
	}
	if t.c.inCookie {
		list = append(list, httpauth.Carrier{Cookie: t.c.cookie.name, Refresh: true})
	}
	return list
}

func (c *easyjwtClient) about() httpauth.About {
	return httpauth.About{
		Title: "Django EasyJWT, client service", Description: "The routes of django-easyjwt's client service, which asks the auth service.",
		Tags: []string{"auth"}, Scheme: "jwtAuth",
	}
}

// doc is a route's. What the authority refuses is told on as it says it.
func (c *easyjwtClient) doc(summary string, answers ...any) httpauth.Doc {
	return httpauth.Doc{
		Summary: summary, Refusals: []watchword.Code{watchword.Unauthenticated},
		Answers: []httpauth.Answer{
			{Examples: answers},
			{Status: http.StatusUnauthorized, Examples: []any{
				httpauth.Object{{Name: "detail", Value: textInvalid}, {Name: "code", Value: "token_not_valid"}},
			}},
			notAcceptableDoc(),
		},
	}
}

// tokensDoc is that of a route which hands out tokens, the refresh token
// where no cookie carries it and the authority has made one.
func (c *easyjwtClient) tokensDoc(summary string) httpauth.Doc {
	access := httpauth.Pair{Name: "access", Value: "eyJ0eXAiOiJKV1QifQ.e30.c2ln"}
	if c.inCookie {
		return c.doc(summary, httpauth.Object{access})
	}
	return c.doc(summary, httpauth.Object{{Name: "refresh", Value: "eyJ0eXAiOiJKV1QifQ.e30.c2ln"}, access}, httpauth.Object{access})
}

// refreshDoc: the token stands in the body or in the cookie, never in either.
func (c *easyjwtClient) refreshDoc() httpauth.Doc {
	d := c.tokensDoc("Refresh")
	if c.inCookie {
		d.Token = httpauth.NeedsRefresh
	}
	return d
}

// recordDoc shows a user's record, as the authority tells it.
func (c *easyjwtClient) recordDoc(summary string) httpauth.Doc {
	record := func(login any) httpauth.Object {
		return httpauth.Object{
			{Name: "id", Value: 3},
			{Name: "first_name", Value: "Ann"},
			{Name: "email", Value: "ann@example.com"},
			{Name: "last_name", Value: "Example"},
			{Name: "date_joined", Value: "2026-01-31T12:00:00Z"},
			{Name: "last_login", Value: login},
			{Name: "is_active", Value: true},
			{Name: "is_staff", Value: false},
			{Name: "is_superuser", Value: false},
		}
	}
	d := c.doc(summary, record("2026-01-31T12:00:00Z"), record(nil))
	d.Refusals = append(d.Refusals, watchword.NotFound)
	return d
}

func (c *easyjwtClient) sampleDoc() httpauth.Doc {
	d := c.doc("Sample view", "success")
	d.Refusals = append(d.Refusals, watchword.PermissionDenied)
	return d
}
