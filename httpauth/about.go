package httpauth

import "github.com/watchword-auth/watchword"

// About is what documents say of a profile beyond what its routes tell. The
// zero value will do: nothing is decided by it.
type About struct {
	// Title and Description head the profile's routes.
	Title, Description string
	// Tags are those of routes that name none; nil means the profile's name.
	Tags []string
	// Scheme is what the way to show a token is called; "" means a name made
	// of the transport. It names the password flow where the profile has one.
	Scheme string
	// SchemeDescription says what somebody who wants to sign in should know.
	SchemeDescription string
	// Scopes are those that may be asked for, beside those that routes
	// demand.
	Scopes []ScopeInfo
	// RefreshURL is where the password flow's tokens are refreshed; "" means
	// the token endpoint where it does that too, and nowhere else.
	RefreshURL string
	// NoScheme leaves out that routes demand a token.
	NoScheme bool
	// Hidden leaves the profile out of documents.
	Hidden bool
}

// ScopeInfo is a scope, and what it permits.
type ScopeInfo struct{ Name, Description string }

// Doc is what documents say of a route beyond what it tells by Op, In, Out,
// Guarded and Scopes. The zero value will do for every operation; a route with
// a Serve function of its own needs the examples from which the schemas are
// made.
type Doc struct {
	// ID names the operation; "" means a name made of profile, method and
	// path. Distinct within a server.
	ID string
	// Summary is a few words; "" means those of the operation.
	Summary     string
	Description string
	Tags        []string // nil: the profile's
	// Token says which token Serve looks for by itself. Guarded routes and
	// operations say it themselves.
	Token TokenUse
	// Query and Header are parameters that Serve reads. Those in the path are
	// known.
	Query, Header []Parameter
	// Body are examples of a JSON body that Serve reads itself, from the
	// whole one to the shortest: what is not in all of them is optional.
	Body []any
	// Answers are examples likewise. Where one is a success, they stand in the
	// place of what Out says; others are added.
	Answers []Answer
	// Refusals are codes that Serve returns beyond those of Op.
	Refusals []watchword.Code
	// Hidden leaves the route out of documents.
	Hidden bool
}

// TokenUse says which token a route wants to see.
type TokenUse uint8

// What a route may want.
const (
	NoToken        TokenUse = iota
	OptionalAccess          // served without one as well
	NeedsAccess
	NeedsRefresh // where the transport carries it
	NeedsClient  // a machine client's id and secret, or an access token
	// ListedAccess is listed with one, as another system's document has it,
	// and not looked at.
	ListedAccess
)

// Parameter is one of the query or the header.
type Parameter struct {
	Name, Description string
	Required          bool
	// Example tells the type too; nil means text.
	Example any
	OneOf   []string
}

// Answer is a status with examples of its body.
type Answer struct {
	Status      int // 0 means 200
	Description string
	// Media is the body's type; "" means application/json. Examples of other
	// types are text.
	Media string
	// Examples as [Pair] has its values; none: no body.
	Examples []any
}
