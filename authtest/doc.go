// Package authtest is for the tests of programs that accept tokens: an issuer
// inside the test's own process, tokens with any defect, a clock that the test
// moves, and an attack on a handler.
//
//	issuer := authtest.New(t, authtest.Config{Audience: "shop"})
//	handler := routes(issuer.URL()) // the program's own, with remote.New or the like
//	authtest.Attack(t, handler, issuer)
//
// An issuer is a real authority over a store in memory, and serves its native
// routes, key set and metadata on loopback. Nothing here is for production:
// hashes are cheap and limits off.
package authtest
