// Package ginauth brings [httpauth.Guard] to gin. gin stands on net/http, so
// a request is gin's own and a refusal is the guard's own, with its shape:
//
//	guard := native.Guard(auth)
//	r := gin.New()
//	r.Any("/auth/v1/*path", gin.WrapH(handler)) // of httpauth.Handler(auth, native)
//	r.GET("/posts", ginauth.Require(guard, watchword.Scope("posts:read")), list)
//
// Where only the decision is wanted, guard.Check(c.Request) makes it.
package ginauth

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/httpauth"
)

// Require lets requests through whose token passes the guard's Check, with
// the claims for [Claims]. All others are answered by the guard, and no later
// handler runs. Safe for concurrent use, as are all functions here.
func Require(g *httpauth.Guard, policies ...watchword.Policy) gin.HandlerFunc {
	return Middleware(g.Require(policies...))
}

// Optional lets requests without any token through as well, without claims.
// A token that is shown must pass all the same; see [httpauth.Guard.Optional].
func Optional(g *httpauth.Guard, policies ...watchword.Policy) gin.HandlerFunc {
	return Middleware(g.Optional(policies...))
}

// Middleware is for what else httpauth has of this shape, such as
// [httpauth.Identifier.Identify] and its Require. What it does to the request
// counts for the handlers that follow; a writer that it puts in the place of
// gin's does not, so middleware that compresses, say, is not for here.
func Middleware(m func(http.Handler) http.Handler) gin.HandlerFunc {
	return func(c *gin.Context) {
		passed := false
		m(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			passed = true
			c.Request = r
			c.Next()
		})).ServeHTTP(c.Writer, c.Request)
		if !passed {
			// gin goes on to the next handler unless it is told otherwise.
			c.Abort()
		}
	}
}

// Claims returns the claims that a guard let through. ok is false where none
// ran, or where Optional saw no token. They are in the context of c.Request
// too; see [httpauth.ClaimsFrom].
func Claims(c *gin.Context) (claims *watchword.Claims, ok bool) {
	return httpauth.ClaimsFrom(c.Request.Context())
}
