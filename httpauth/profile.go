package httpauth

import (
	"net/http"

	"github.com/watchword-auth/watchword"
)

// Profile says how a service speaks HTTP: which routes there are, what they
// read, what they answer. It is data, made from settings, and not changed
// once it is mounted. See the package documentation for how to write one.
type Profile struct {
	// Name is said in errors of Mount.
	Name string
	// Prefix is part of every pattern that does not begin with a slash:
	// "/auth/v1", or "/" for none.
	Prefix string
	Routes []Route
	// Transport is where tokens ride; nil means Bearer.
	Transport Transport
	// Kinds of token that guarded routes accept; nil means access tokens.
	Kinds []watchword.Kind
	// Problem shapes refusals; nil means the native
	// {"error","error_description","code"}. It is called with every problem
	// of the profile's routes and guards; [Problem.Op] says of which.
	Problem func(Problem) Reply
	// Style is how JSON is laid out.
	Style Style
	// SlashRedirect is the status of redirects from a route's path with one
	// slash at its end more or less, such as 301 or 307; 0: there are none.
	SlashRedirect int
	// ClientOf tells who asks; nil means [ClientOf].
	ClientOf func(*http.Request) watchword.Client
	// Origins are the front-ends on other origins, such as
	// "https://app.example.com" (see [CheckOrigin]): their pages may call
	// (CORS), with credentials where the transport is ambient, and Origin
	// trusts them. Browsers send SameSite=Lax cookies only between hosts of
	// one site.
	Origins []string
	// Headers are further ones that Serve functions read, so that those pages
	// may send them.
	Headers []string
	// Origin judges requests of ambient transports; nil means the strict
	// zero value. Origins are added to it.
	Origin *http.CrossOriginProtection
	// Protect judges them further, at the routes and behind the guards; nil
	// means that Origin is enough. See [CSRFToken].
	Protect Protection
	// Report hears of every refusal; see [Guard.Report].
	Report func(r *http.Request, p Problem, err error)
	// About is for documents.
	About About

	// Streams is shared by the streams of the profile's routes, so that the
	// program can count and end them; nil: they end with their clients.
	Streams *Streams

	cors *cors // set by bind
}

// Op is what a route does.
type Op uint8

// The operations. Which interface beside [Service] one needs stands with the
// interface.
const (
	// OpCustom does what Route.Serve does.
	OpCustom Op = iota
	// OpToken is the OAuth 2.0 token endpoint: sign-in, refresh or client
	// credentials by grant_type. JSON without one is a sign-in.
	OpToken
	OpSignIn  // ParamLogin, ParamPassword, ParamScope: tokens
	OpRefresh // ParamRefresh or the transport's, ParamScope: tokens
	OpVerify  // ParamToken: claims
	// OpSignOut ends the sessions of the tokens shown: ParamRefresh, the
	// transport's refresh and access token; with ParamEverywhere all of the
	// user's. It succeeds whatever was shown, unless the service failed. With
	// ParamOthers it ends all of the user's but the one shown, whose tokens
	// stay where they are, and refuses a token that does not count.
	OpSignOut
	OpWhoami         // guarded: the user
	OpChangePassword // guarded; ParamCurrent, ParamNew
	OpListSessions   // guarded: the user's sessions
	OpEndSession     // guarded; {id} in the path
	OpIntrospect     // RFC 7662; ParamToken, the client by Basic or form
	OpRevoke         // RFC 7009; ParamToken, the client by Basic or form
	OpKeys           // the JWK Set, cacheable
	OpMetadata       // RFC 8414, cacheable
	// OpCSRF issues the cookie of Profile.Protect.
	OpCSRF
	// OpSignUp makes an account: ParamLogin, ParamPassword, ParamEmail,
	// ParamFirstName, ParamLastName. It answers alike, and in the same time,
	// whether or not there was one already.
	OpSignUp
	// OpChangeRecord is guarded: ParamFirstName, ParamLastName, ParamPhone and
	// ParamLocation of the user himself, those that are there. An empty text
	// is one.
	OpChangeRecord
)

// guarded reports whether the operation is about the bearer of a token.
func (o Op) guarded() bool {
	switch o {
	case OpWhoami, OpChangePassword, OpListSessions, OpEndSession, OpChangeRecord:
		return true
	default:
		return false
	}
}

// changes reports whether the operation changes something, so that no GET
// may do it where browsers send the token (ASVS 3.5.3).
func (o Op) changes() bool {
	switch o {
	case OpToken, OpSignIn, OpRefresh, OpSignOut, OpChangePassword, OpEndSession, OpRevoke, OpSignUp, OpChangeRecord:
		return true
	default:
		return false
	}
}

// endpoint says which column of the error table the operation answers by.
func (o Op) endpoint() Endpoint {
	switch o {
	case OpToken, OpSignIn, OpRefresh, OpIntrospect, OpRevoke:
		return TokenEndpoint
	default:
		return Guarded
	}
}

// Route is one method and path.
type Route struct {
	// Pattern is a method and a path as in http.ServeMux: "POST token" is
	// below the profile's prefix, "GET /.well-known/jwks.json" is not. A path
	// that ends in a slash matches itself only, nothing below it.
	Pattern string
	Op      Op
	In      Input
	Out     Output
	// Guarded demands an access token, whose claims are then in
	// Exchange.Claims. Operations about the bearer always do.
	Guarded bool
	// Scopes are those that the token of a guarded route must have.
	Scopes []string
	// InsecureUnprotected exempts the route from Profile.Protect. Origin
	// judges all the same.
	InsecureUnprotected bool
	// Kinds of token that OpVerify accepts; nil means access tokens.
	Kinds []watchword.Kind
	// Serve replaces what Op does, for the odd route. It may call
	// [Exchange.Do] for what Op would have done, and the Service and its
	// optional interfaces, never a store. What it returns as an error is
	// answered by the error table and the profile's Problem.
	Serve func(*Exchange) (Reply, error)
	// Needs is asked when the route is mounted and reports what a Serve
	// function misses in the service; nil: nothing beyond what Op needs.
	Needs func(Service) error
	// Optional leaves the route out where Needs finds something missing,
	// instead of refusing to mount the profile.
	Optional bool
	// Doc is for documents.
	Doc Doc
}

// Output says what a route answers when all went well.
type Output struct {
	Status int // 0 means 200; 204 has no body
	// Members of the JSON object, in order.
	Members []Member
	// Encode answers instead of Members.
	Encode func(*Exchange, Result) (Reply, error)
}

// Member is one member of an answer: a constant Text, a Value of the tokens,
// or whatever From returns (see [Pair] for the types).
type Member struct {
	Name  string
	Text  string
	Value Value
	From  func(Result) any
}

// Value names part of the tokens.
type Value uint8

// The values.
const (
	AccessToken  Value = iota + 1 // left out where the transport carries it
	RefreshToken                  // likewise, and where there is none
	ExpiresIn                     // whole seconds
	GrantedScope                  // space-separated
)

// Result is what an operation yields; which fields are set depends on it.
type Result struct {
	Tokens watchword.Tokens // OpToken, OpSignIn, OpRefresh
	// InBody says that the tokens go into the body whatever the transport: a
	// machine keeps no cookies.
	InBody        bool
	Claims        *watchword.Claims
	User          watchword.User          // OpWhoami, OpChangeRecord
	Sessions      []watchword.SessionInfo // OpListSessions
	Introspection watchword.Introspection // OpIntrospect
	CSRF          *http.Cookie            // OpCSRF

	signedIn bool // the tokens are of a new session
}
