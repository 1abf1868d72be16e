package remote

import (
	"context"
	"fmt"
	"time"

	"github.com/watchword-auth/watchword"
)

// judging bounds how long a policy may take to find a user.
const judging = 5 * time.Second

// Require returns a policy over the user as this service keeps him, for what
// no token says, such as the authority's extra data:
//
//	member := client.Require(func(_ context.Context, u remote.User) error {
//		extra, err := remote.Extra[struct{ Plan string }](u)
//		if err == nil && extra.Plan != "paid" {
//			err = errors.New("not paid")
//		}
//		return err
//	})
//	guard.Require(watchword.Because("You do not have permission to this service", member))
//
// judge says yes by nil. An error of its own is a refusal: 403 with
// PermissionDenied and a fixed text, or that of [watchword.Because]. The user
// is as he was last written, which is as new as the feed, or without one as his
// last sign-in here. Whom Users does not have is refused; where it cannot
// answer, the refusal is Unavailable, and always where it is no [UserFinder].
func (c *Client) Require(judge func(ctx context.Context, u User) error) watchword.Policy {
	finder, ok := c.c.Users.(UserFinder)
	return Require(func(ctx context.Context, claims *watchword.Claims) (User, error) {
		if !ok {
			return User{}, fmt.Errorf("%w: Users (%T) finds no users", watchword.Unavailable, c.c.Users)
		}
		return finder.User(ctx, c.issuer, claims.UserID)
	}, judge)
}

// Require is [Client.Require] over users that find finds.
func Require(find func(ctx context.Context, c *watchword.Claims) (User, error), judge func(ctx context.Context, u User) error) watchword.Policy {
	return func(c *watchword.Claims) error {
		// A policy has no context; the request's own ends with the server's
		// patience, this one before it.
		ctx, cancel := context.WithTimeout(context.Background(), judging)
		defer cancel()
		if c.UserID == "" {
			return &watchword.PolicyError{Code: watchword.PermissionDenied}
		}
		u, err := find(ctx, c)
		switch watchword.CodeOf(err) {
		case watchword.NotFound:
			return fmt.Errorf("%w: %w", &watchword.PolicyError{Code: watchword.PermissionDenied}, err)
		case watchword.Internal:
			if err != nil {
				return fmt.Errorf("%w: %w", watchword.Unavailable, err)
			}
		default:
			return err
		}
		if err := judge(ctx, u); err != nil {
			if watchword.CodeOf(err) == watchword.Internal {
				err = fmt.Errorf("%w: %w", &watchword.PolicyError{Code: watchword.PermissionDenied}, err)
			}
			return err
		}
		return nil
	}
}
