// Package easyjwt is the client of a django-easyjwt auth-service: ours (the
// dialect easyjwt) or the Python one, 0.5.1 and 1.x. A service that has users
// there signs them in, verifies their tokens and keeps a copy of their records
// here.
//
// Begin with [New]. A [Client] is an [httpauth.Service], so that the dialect
// easyjwt-client, or any other profile, can be mounted over it, and its guards
// protect the service's own routes. [Client.Login] is for the application's
// own sign-in; [Sessions] keep people signed in on pages.
//
// What a token says is taken from it only where the authority has just
// vouched for it, or where its signature was checked here ([Config.Keys]).
// Only access tokens open anything. Users are known by issuer and id, never by
// their e-mail address, and what they may do at the authority does not make
// them staff here.
package easyjwt
