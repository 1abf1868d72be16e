package dialect

import (
	"net/http"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/httpauth"
)

// about is what documents say. The scheme has the name that generators of
// documents for REST framework give it.
func (c *easyjwtSettings) about() httpauth.About {
	return httpauth.About{
		Title: "Django EasyJWT", Description: "The routes of django-easyjwt's auth service, and of simplejwt.",
		Tags: []string{"auth"}, Scheme: "jwtAuth",
	}
}

// The objects in which REST framework refuses.
func nonField(text string) httpauth.Object {
	return httpauth.Object{{Name: "non_field_errors", Value: []string{text}}}
}

func detailObject(text string) httpauth.Object {
	return httpauth.Object{{Name: "detail", Value: text}}
}

// notAcceptableDoc is what every route answers to who takes no JSON.
func notAcceptableDoc() httpauth.Answer {
	return httpauth.Answer{
		Status: http.StatusNotAcceptable, Examples: []any{detailObject("Could not satisfy the request Accept header.")},
	}
}

// doc is a route's, with what all of them answer.
func (c *easyjwtSettings) doc(summary, description string, answers ...httpauth.Answer) httpauth.Doc {
	return httpauth.Doc{Summary: summary, Description: description, Answers: append(answers, notAcceptableDoc())}
}

// guardedDoc is that of a route which looks for the token itself.
func (c *easyjwtSettings) guardedDoc(summary, description string, answers ...httpauth.Answer) httpauth.Doc {
	d := c.doc(summary, description, answers...)
	d.Token = httpauth.NeedsAccess
	d.Refusals = []watchword.Code{watchword.NotFound, watchword.PermissionDenied}
	return d
}

func (c *easyjwtSettings) verifyDoc() httpauth.Doc {
	return c.doc("Verify a token", "Of whatever kind.",
		httpauth.Answer{Status: http.StatusOK, Examples: []any{httpauth.Object{}}},
		httpauth.Answer{Status: http.StatusBadRequest, Examples: []any{nonField(textBlacklisted)}})
}

func (c *easyjwtSettings) blacklistDoc() httpauth.Doc {
	d := c.doc("Blacklist a refresh token", "Ends its session, and so its access tokens.",
		httpauth.Answer{Status: http.StatusOK, Examples: []any{httpauth.Object{}}})
	d.Refusals = []watchword.Code{watchword.WrongKind}
	return d
}

func (c *easyjwtSettings) createDoc() httpauth.Doc {
	made := func(phone any) httpauth.Object {
		return httpauth.Object{
			{Name: "id", Value: 7},
			{Name: "email", Value: "new@example.com"},
			{Name: "first_name", Value: "Ann"},
			{Name: "last_name", Value: "Example"},
			{Name: "phone", Value: phone},
		}
	}
	d := c.doc("Make an account", "",
		httpauth.Answer{Status: http.StatusCreated, Examples: []any{made("123"), made(nil)}},
		httpauth.Answer{Status: http.StatusBadRequest, Examples: []any{
			httpauth.Object{{Name: "email", Value: []string{"This email already exists."}}},
		}})
	d.Refusals = []watchword.Code{watchword.RateLimited}
	return d
}

func (c *easyjwtSettings) passwordDoc() httpauth.Doc {
	d := c.doc("Change the password", "Ends the user's sessions.",
		httpauth.Answer{Status: http.StatusOK, Examples: []any{httpauth.Object{}}},
		httpauth.Answer{Status: http.StatusBadRequest, Examples: []any{nonField("Invalid credentials.")}})
	d.Refusals = []watchword.Code{watchword.RateLimited}
	return d
}
