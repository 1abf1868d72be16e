// Package fiberauth brings [httpauth.Guard] to fiber. fiber stands on
// fasthttp, so every request is translated into one of net/http, and a
// refusal, which keeps the guard's own shape, into an answer of fiber's:
//
//	guard := native.Guard(auth)
//	app := fiber.New()
//	app.All("/auth/v1/*", fiberauth.Handler(handler)) // of httpauth.Handler(auth, native)
//	app.Get("/posts", fiberauth.Require(guard, watchword.Scope("posts:read")), list)
//
// fiber's own adaptor is not for handlers or middleware of ours: of two
// headers of one name it shows the second alone, where two tokens must be
// refused, and its strings change under whoever keeps them.
package fiberauth

import (
	"bytes"
	"io"
	"net/http"

	"github.com/gofiber/fiber/v3"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/httpauth"
)

// Check returns the claims of the request's token; see [httpauth.Guard.Check].
// The error is InvalidRequest where the request has no translation. Safe for
// concurrent use, as are all functions here.
func Check(g *httpauth.Guard, c fiber.Ctx, policies ...watchword.Policy) (*watchword.Claims, error) {
	r, err := request(c)
	if err != nil {
		return nil, err
	}
	return g.Check(r, policies...)
}

// Require lets requests through whose token passes the guard's Check, with
// the claims for [Claims]. All others are answered by the guard: no later
// handler runs, and fiber's error handler hears of nothing.
func Require(g *httpauth.Guard, policies ...watchword.Policy) fiber.Handler {
	return Middleware(g.Require(policies...))
}

// Optional lets requests without any token through as well, without claims.
// A token that is shown must pass all the same; see [httpauth.Guard.Optional].
func Optional(g *httpauth.Guard, policies ...watchword.Policy) fiber.Handler {
	return Middleware(g.Optional(policies...))
}

// Middleware is for what else httpauth has of this shape, such as
// [httpauth.Identifier.Identify] and its Require. Later handlers find the
// context of the request that it lets through in c.Context(); of whatever
// else it does to the request they see nothing, and it has ended when they
// begin.
//
// A request that has no translation gets 400, whatever the route demands: what
// a guard cannot see it cannot judge.
func Middleware(m func(http.Handler) http.Handler) fiber.Handler {
	return func(c fiber.Ctx) error {
		r, err := request(c)
		if err != nil {
			return untranslated()
		}
		passed := false
		a := answer{header: http.Header{}}
		m(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			passed = true
			c.SetContext(r.Context())
		})).ServeHTTP(&a, r)
		if !passed {
			return a.send(c)
		}
		a.headers(c)
		return c.Next()
	}
}

// Handler serves what httpauth serves, such as [httpauth.Handler] of a
// profile. The answer is sent once h has returned.
func Handler(h http.Handler) fiber.Handler {
	return func(c fiber.Ctx) error {
		r, err := request(c)
		if err != nil {
			return untranslated()
		}
		body := bytes.Clone(c.Request().Body())
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		a := answer{header: http.Header{}}
		h.ServeHTTP(&a, r)
		return a.send(c)
	}
}

// untranslated goes to fiber's error handler, which answers 400.
func untranslated() error {
	return fiber.NewError(http.StatusBadRequest, watchword.InvalidRequest.Error())
}

// Claims returns the claims that a guard let through. ok is false where none
// ran, or where Optional saw no token. They are in c.Context() too; see
// [httpauth.ClaimsFrom].
func Claims(c fiber.Ctx) (claims *watchword.Claims, ok bool) {
	return httpauth.ClaimsFrom(c.Context())
}
