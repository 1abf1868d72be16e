package easyjwt

import (
	"context"
	"strings"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/remote"
)

// SessionsConfig says who may have a session, and for how long. Its clock is
// the client's unless set.
type SessionsConfig = remote.SessionsConfig

// Sessions is a Client that also keeps people signed in on pages, by
// [remote.Sessions] over it: its Verify takes ids of sessions beside tokens.
type Sessions struct {
	*Client

	pages *remote.Sessions
}

// NewSessions returns sessions over a client.
func NewSessions(c *Client, config SessionsConfig) (*Sessions, error) {
	if config.Now == nil {
		config.Now = c.c.Now
	}
	pages, err := remote.NewSessions(c, config)
	if err != nil {
		return nil, err
	}
	return &Sessions{Client: c, pages: pages}, nil
}

// OpenSession is [remote.Sessions.OpenSession].
func (s *Sessions) OpenSession(ctx context.Context, r watchword.SignInRequest) (id string, until time.Time, err error) {
	return s.pages.OpenSession(ctx, r)
}

// CloseSession is [remote.Sessions.CloseSession].
func (s *Sessions) CloseSession(ctx context.Context, id string, from watchword.Client) error {
	return s.pages.CloseSession(ctx, id, from)
}

// SessionUser is [remote.Sessions.SessionUser].
func (s *Sessions) SessionUser(ctx context.Context, id string) (u watchword.User, remote bool, err error) {
	return s.pages.SessionUser(ctx, id)
}

// Verify is [remote.Sessions.Verify].
func (s *Sessions) Verify(ctx context.Context, raw string, kinds ...watchword.Kind) (*watchword.Claims, error) {
	return s.pages.Verify(ctx, raw, kinds...)
}

// User is [remote.Sessions.User].
func (s *Sessions) User(ctx context.Context, claims *watchword.Claims) (watchword.User, error) {
	return s.pages.User(ctx, claims)
}

// Record is [Client.Record], of the holder of a session too.
func (s *Sessions) Record(ctx context.Context, raw string) ([]byte, error) {
	if !strings.HasPrefix(raw, remote.SessionPrefix) {
		return s.Client.Record(ctx, raw)
	}
	access, err := s.pages.SessionToken(ctx, raw)
	if err != nil {
		return nil, err
	}
	return s.Client.Record(ctx, access)
}
