package httpauth

import (
	"context"

	"github.com/watchword-auth/watchword"
)

// Service is the engine as HTTP sees it: a *watchword.Authority in this
// process, or a client of one elsewhere. Implementations are safe for
// concurrent use, and their errors carry a [watchword.Code].
type Service interface {
	SignIn(ctx context.Context, r watchword.SignInRequest) (watchword.Tokens, error)
	Refresh(ctx context.Context, r watchword.RefreshRequest) (watchword.Tokens, error)
	Verify(ctx context.Context, raw string, kinds ...watchword.Kind) (*watchword.Claims, error)
	SignOut(ctx context.Context, r watchword.SignOutRequest) error
}

// What follows is optional for a Service. [Mount] looks for what the routes
// of a profile need and reports what is missing; nothing is looked for while
// serving.

// UserFinder is needed by [OpWhoami].
type UserFinder interface {
	User(ctx context.Context, c *watchword.Claims) (watchword.User, error)
}

// PasswordChanger is needed by [OpChangePassword].
type PasswordChanger interface {
	ChangePassword(ctx context.Context, p watchword.PasswordChange) error
}

// RecordKeeper is needed by [OpChangeRecord].
type RecordKeeper interface {
	ChangeRecord(ctx context.Context, r watchword.RecordChange) (watchword.User, error)
}

// AccountMaker is needed by [OpSignUp].
type AccountMaker interface {
	SignUp(ctx context.Context, r watchword.SignUpRequest) (watchword.User, error)
}

// SessionKeeper is needed by [OpListSessions] and [OpEndSession].
type SessionKeeper interface {
	Sessions(ctx context.Context, c *watchword.Claims) ([]watchword.SessionInfo, error)
	EndSession(ctx context.Context, c *watchword.Claims, id string, from watchword.Client) error
}

// ClientAuthenticator is needed by [OpToken], [OpIntrospect] and [OpRevoke].
type ClientAuthenticator interface {
	AuthenticateClient(ctx context.Context, id, secret string) (watchword.ClientRecord, error)
	ClientToken(ctx context.Context, r watchword.ClientRecord, scopes []string) (watchword.Tokens, error)
}

// Introspector is needed by [OpIntrospect].
type Introspector interface {
	Introspect(ctx context.Context, raw string) (watchword.Introspection, error)
}

// Revoker is needed by [OpRevoke].
type Revoker interface {
	Revoke(ctx context.Context, raw string, from watchword.Client) error
}

// KeyPublisher is needed by [OpKeys]. The document is a JWK Set, so that
// this package need not know keys.
type KeyPublisher interface {
	JWKS() ([]byte, error)
}

// Issuer is needed by [OpMetadata].
type Issuer interface {
	Issuer() string
}
