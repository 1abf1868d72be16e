// Package httpauth is the HTTP face of Watchword: routes for signing in,
// refreshing and signing out, and guards for everybody else's routes.
//
// A program mounts a [Profile] over a [Service] and protects its own routes
// with the profile's guard:
//
//	native := httpauth.Native("/auth/v1", nil)
//	err := httpauth.Mount(mux, authority, native)
//	guard := native.Guard(authority)
//	mux.Handle("POST /posts", guard.Require(watchword.Scope("posts:write"))(posts))
//
// [Guard.Require] refuses whoever shows no good token, [Guard.Optional] lets
// those pass who show none, [Guard.Check] only decides. [ClaimsFrom] returns
// what the token says. No guard touches a store or a network.
//
// [Guard.Protect] protects a whole mux, and names what stays open:
//
//	h, err := guard.Protect(mux, "GET /healthz", "POST /auth/v1/token", "/static/")
//
// All of them are func(http.Handler) http.Handler or http.Handlers, and so go
// with any router of net/http.
//
// # Policies
//
// [watchword.Scope], Permission, Role, Claim, Fresh and functions of the
// application's own judge the claims; All, Any, Not and Because put them
// together. A refusal is a 403 whose challenge names the scopes needed (RFC
// 6750, section 3), one for age a 401 with max_age (RFC 9470).
//
//	guard.Require(watchword.Any(watchword.Role("editor"), watchword.Scope("posts:write")))
//	guard.Require(watchword.Fresh(5 * time.Minute)) // for what ends accounts
//
// # Several ways to prove who one is
//
// [Guard.With] puts other schemes beside the tokens; the first that succeeds
// wins. [Basic], [APIKey] and [Digest] are here, and a [Scheme] of the
// application's own has two methods. There are two ways to use them, and they
// go together:
//
//	who := guard.With(httpauth.APIKey{Find: find}, httpauth.Basic{Users: authority})
//	mux.Handle("DELETE /posts/{id}", who.Require(watchword.Role("editor"))(remove)) // the guard strategy: refuses here
//	server.Handler = who.Identify(mux)                                              // the handler strategy: refuses nobody
//
// Handlers ask [IdentityFrom], behind guards too.
//
// # Cookies
//
// [OneCookie] and [TwoCookies] carry tokens where scripts cannot read them,
// [Beside] accepts several transports. What browsers send by themselves other
// sites can make them send, so that unsafe requests must come from the same
// origin: http.CrossOriginProtection sees to it at every route and behind
// every guard, sign-in included, without any setting. A sign-in ends the
// session whose cookies it overwrites, and no route that changes anything can
// be mounted under GET.
//
// Browsers from before 2023 that send neither Sec-Fetch-Site nor Origin need
// a token as well, bound to the session ([CSRFToken]):
//
//	native = native.WithCSRF(httpauth.CSRFToken{Key: sealKey})
//
// Pages then GET /auth/v1/csrf before they sign in, and repeat the cookie
// ww_csrf in X-CSRF-Token. A route is exempted by Route.InsecureUnprotected,
// routes of the application by a copy of the guard with InsecureUnprotected;
// from the check of origins only by AddInsecureBypassPattern of
// http.CrossOriginProtection.
//
// # Front-ends on other origins
//
// Profile.Origins opens exactly those, for CORS and for the check of origins
// in one: every mounted route answers preflights, credentials are allowed
// where tokens ride in cookies and nowhere else, and never any origin by
// wildcard. [Profile.CORS] does the same around the application's own routes.
// Cookies are SameSite=Lax: they reach https://api.example.com from a page of
// https://app.example.com, but not from another site, unless
// Cookies.SameSite says http.SameSiteNoneMode.
//
// # Answers
//
// Every refusal is a [watchword.Code] that one table turns into a status and
// an OAuth error: [ProblemOf]. Its texts are fixed, so that no library's
// message, no parser's and no path gets out; the error itself goes to
// Profile.Report, for logs. Answers carry Cache-Control: no-store, but for the
// public keys and the metadata, and X-Content-Type-Options: nosniff.
//
// # Writing a profile
//
// Systems whose clients expect other paths, names and shapes are served by a
// Profile of their own. It is data:
//
//	httpauth.Profile{
//		Name: "example", Prefix: "/auth", SlashRedirect: 307,
//		Problem: shape,
//		Routes: []httpauth.Route{{
//			Pattern: "POST login", // /auth/login; "POST /login" would stand outside the prefix
//			Op:      httpauth.OpSignIn,
//			In: httpauth.Input{JSON: []httpauth.Field{
//				{Param: httpauth.ParamLogin, Name: "username"},
//				{Param: httpauth.ParamPassword},
//			}},
//			Out: httpauth.Output{Status: 201, Members: []httpauth.Member{
//				{Name: "access", Value: httpauth.AccessToken},
//				{Name: "refresh", Value: httpauth.RefreshToken},
//				{Name: "kind", Text: "bearer"},
//			}},
//		}},
//	}
//
// Routes. An [Op] says what a route does, and so which optional interface of
// the service it needs, which column of the error table it answers by, and
// whether it is guarded; other routes are guarded by Guarded, and by Scopes.
// A path with a final slash matches itself only. Where two profiles are
// mounted together ([MountAll]), a method and path that both have is an
// error, and slash redirects yield to routes.
//
// Input. A [Field] says what a parameter means (Param) and how it is spelled
// (Name). It is required and text unless it says otherwise. JSON and Form
// have their own lists; Multipart adds multipart/form-data; OtherAsEmpty
// answers a body of an unknown type by the fields it lacks. What is wrong is
// in Problem.Faults, one [Fault] per field in their order, so that a profile
// can answer lists such as {"loc":["body","password"],"type":"missing"}.
//
// Output. Members are written in their order, compact, in raw UTF-8 and
// without a final newline; Profile.Style has the alternatives. Encode is for
// what is no flat object of tokens and constants, with [Exchange.JSON] and
// [Object] at hand. The Content-Type is application/json and nothing more.
//
// Refusals. Problem shapes them all: it sees the code, the operation (0 at
// the application's own routes), the faults, the request, and decides
// status, body and challenge. A wrong password is InvalidCredentials at
// OpSignIn; no token at all is Unauthenticated, and the request's
// Authorization header then tells whether there was another scheme;
// RateLimited, Unavailable and MethodNotAllowed come here too, and get their
// Retry-After and Allow headers added unless the shape set them. It must
// never repeat a header or a body that may hold a secret.
//
// Cross-site requests. [Protection] is the place for a token with names and
// a format of the profile's own; a CSRFToken with other names may do.
//
// Guards. [Profile.Guard] answers in the profile's shape, and finds the token
// by the profile's transport: a [Bearer] may name other schemes, compare
// them exactly, or read another header.
//
// The odd route. Route.Serve replaces an operation. It gets an [Exchange]
// whose input was read and whose token was verified, may call Do for what Op
// would have done and Answer for what Out would have said, and the service
// with its optional interfaces, for which Route.Needs asks when the route is
// mounted. It returns errors with a code ([Invalid] for input that no Field can
// judge), and never writes to the connection.
package httpauth
