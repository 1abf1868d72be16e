// Package echoauth brings [httpauth.Guard] to echo. echo stands on net/http,
// so a request is echo's own and a refusal is the guard's own, with its shape:
//
//	guard := native.Guard(auth)
//	e := echo.New()
//	e.Any("/auth/v1/*", echo.WrapHandler(handler)) // of httpauth.Handler(auth, native)
//	e.GET("/posts", list, echoauth.Require(guard, watchword.Scope("posts:read")))
//
// Where only the decision is wanted, guard.Check(c.Request()) makes it.
package echoauth

import (
	"net/http"

	"github.com/labstack/echo/v5"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/httpauth"
)

// Require lets requests through whose token passes the guard's Check, with
// the claims for [Claims]. All others are answered by the guard: no later
// handler runs, and echo's error handler hears of nothing. Safe for concurrent
// use, as are all functions here.
func Require(g *httpauth.Guard, policies ...watchword.Policy) echo.MiddlewareFunc {
	return Middleware(g.Require(policies...))
}

// Optional lets requests without any token through as well, without claims.
// A token that is shown must pass all the same; see [httpauth.Guard.Optional].
func Optional(g *httpauth.Guard, policies ...watchword.Policy) echo.MiddlewareFunc {
	return Middleware(g.Optional(policies...))
}

// Middleware is for what else httpauth has of this shape, such as
// [httpauth.Identifier.Identify] and its Require. What it does to the request
// counts for the handlers that follow; a writer that it puts in the place of
// echo's does not. (echo.WrapMiddleware wraps the writer once more for every
// middleware, which none of ours needs.)
func Middleware(m func(http.Handler) http.Handler) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c *echo.Context) (err error) {
			m(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				c.SetRequest(r)
				err = next(c)
			})).ServeHTTP(c.Response(), c.Request())
			return err
		}
	}
}

// Claims returns the claims that a guard let through. ok is false where none
// ran, or where Optional saw no token. They are in the context of c.Request()
// too; see [httpauth.ClaimsFrom].
func Claims(c *echo.Context) (claims *watchword.Claims, ok bool) {
	return httpauth.ClaimsFrom(c.Request().Context())
}
