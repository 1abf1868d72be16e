package easyjwt

import (
	"context"
	"errors"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/httpauth"
	"github.com/watchword-auth/watchword/remote"
)

// Copies is a service that knows the users of its tokens: a [Client], or
// [Sessions].
type Copies interface {
	httpauth.Service
	Copy(ctx context.Context, claims *watchword.Claims) (remote.User, error)
}

// Only returns a service that verifies for those users alone to whom the rule
// says yes, by the copy of their record: permission by the authority's extra
// data. A refusal without a code of its own is PermissionDenied, and its text
// is told to the caller. A guard over the service applies the rule:
//
//	profile.Guard(easyjwt.Only(client, rule)).Require()(handler)
func Only(s Copies, rule func(u remote.User) error) httpauth.Service { return only{s, rule} }

type only struct {
	Copies

	rule func(u remote.User) error
}

// Verify asks the rule once the token is verified. Whom there is no copy of is
// refused like anybody to whom it says no.
func (o only) Verify(ctx context.Context, raw string, kinds ...watchword.Kind) (*watchword.Claims, error) {
	claims, err := o.Copies.Verify(ctx, raw, kinds...)
	if err != nil {
		return nil, err
	}
	u, err := o.Copy(ctx, claims)
	if err != nil && !errors.Is(err, watchword.NotFound) {
		return nil, err
	}
	if err := o.rule(u); err != nil {
		if code := watchword.Code(0); errors.As(err, &code) {
			return nil, err
		}
		return nil, &watchword.PolicyError{Code: watchword.PermissionDenied, Message: err.Error()}
	}
	return claims, nil
}
