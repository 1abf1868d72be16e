package httpauth

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/watchword-auth/watchword"
)

// What follows is needed by the routes of [ServiceRoutes]: by all of them the
// first.

// ServiceAuthenticator tells which machine client asks.
type ServiceAuthenticator interface {
	AuthenticateService(ctx context.Context, id, secret string, from watchword.Client) (watchword.ClientRecord, error)
	ClientOf(ctx context.Context, c *watchword.Claims) (watchword.ClientRecord, error)
}

// FactFeed has the facts in order.
type FactFeed interface {
	NextFacts(ctx context.Context, c watchword.Cursor, limit int, wait time.Duration) (watchword.FactPage, error)
}

// StatusLister has the status lists.
type StatusLister interface {
	StatusList(ctx context.Context, block int64) (watchword.StatusList, error)
}

// UserDirectory has the users' records.
type UserDirectory interface {
	Directory(ctx context.Context, after string, limit int) (watchword.DirectoryPage, error)
	DirectoryUser(ctx context.Context, id string) (watchword.User, error)
}

// ServiceRoutes are those by which services elsewhere follow: what was
// revoked, as a feed and as status lists, and the users whose records they
// copy. They serve machine clients alone, which show their id and secret by
// HTTP Basic, or an access token of theirs that has the scope "revocations".
// [Native] has them; a service that cannot serve one does without it.
func ServiceRoutes() []Route {
	return []Route{
		{
			Pattern: "GET revocations", Optional: true, Needs: needsAll(needsFeed, needsServices),
			Serve: serveFeed, Doc: feedDoc(),
		},
		{
			Pattern: "GET status/{block}", Optional: true, Needs: needsAll(needsStatus, needsServices),
			Serve: serveStatus, Doc: statusDoc(),
		},
		{
			Pattern: "GET directory", Optional: true, Needs: needsAll(needsDirectory, needsServices),
			Serve: serveDirectory, Doc: directoryDoc(),
		},
		{
			Pattern: "GET directory/{id}", Optional: true, Needs: needsAll(needsDirectory, needsServices),
			Serve: serveDirectoryUser, Doc: directoryUserDoc(),
		},
	}
}

func needsAll(needs ...func(Service) error) func(Service) error {
	return func(s Service) error {
		faults := make([]error, len(needs))
		for i, need := range needs {
			faults[i] = need(s)
		}
		return errors.Join(faults...)
	}
}

func needsServices(s Service) error {
	_, err := needs[ServiceAuthenticator](s, "ServiceAuthenticator")
	return err
}

func needsFeed(s Service) error {
	_, err := needs[FactFeed](s, "FactFeed")
	return err
}

func needsStatus(s Service) error {
	_, err := needs[StatusLister](s, "StatusLister")
	return err
}

func needsDirectory(s Service) error {
	_, err := needs[UserDirectory](s, "UserDirectory")
	return err
}

// caller is the machine client that asks.
type caller struct {
	client watchword.ClientRecord
	// again tells whether it still may. For a bearer that costs no store, and
	// is asked before every event; for Basic the store is read.
	again  func(ctx context.Context) error
	bearer bool
}

// callerOf tells who asks, or why it may not. Cookies are not looked at: a
// service has none.
func callerOf(x *Exchange) (caller, error) {
	s := x.Service.(ServiceAuthenticator) // Needs has seen to it
	ctx := x.Request.Context()
	if encoded, shown, err := authorization(x.Request, "Basic"); shown {
		if err != nil {
			return caller{}, fmt.Errorf("%w: %w", watchword.InvalidClient, err)
		}
		id, secret, err := decodeBasic(encoded)
		if err != nil {
			// It counts as a failure like any other.
			id, secret = "", base64.StdEncoding.EncodeToString([]byte(encoded))
		}
		check := func(ctx context.Context) (watchword.ClientRecord, error) {
			return s.AuthenticateService(ctx, id, secret, x.Client)
		}
		client, err := check(ctx)
		return caller{client: client, again: func(ctx context.Context) error { _, err := check(ctx); return err }}, err
	}
	raw, shown := Bearer{}.Access(x.Request)
	switch {
	case !shown:
		return caller{}, watchword.Unauthenticated
	case raw == "":
		return caller{}, fmt.Errorf("%w: not one token in the form of one", watchword.TokenMalformed)
	}
	check := func(ctx context.Context) (*watchword.Claims, error) {
		c, err := x.Service.Verify(ctx, raw)
		if err != nil {
			return nil, err
		}
		return c, judgeClaims(c, []watchword.Policy{watchword.Scope(watchword.FeedScope)})
	}
	c, err := check(ctx)
	if err != nil {
		return caller{}, err
	}
	client, err := s.ClientOf(ctx, c)
	if errors.Is(err, watchword.InvalidClient) {
		err = fmt.Errorf("%w: %w", watchword.TokenRevoked, err) // what was shown is a token
	}
	return caller{client: client, bearer: true, again: func(ctx context.Context) error { _, err := check(ctx); return err }}, err
}
