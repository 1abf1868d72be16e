package easyjwt

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/watchword-auth/watchword"
)

const (
	defaultLifetime = 24 * time.Hour
	maxSessions     = 10_000
	maxOfUser       = 50
	// sessionPrefix begins the ids of sessions, so that none is taken for a
	// token.
	sessionPrefix = "session."
	// renewAhead is how long before its end an access token is renewed.
	renewAhead = 10 * time.Second
)

// SessionsConfig says who may have a session, and for how long.
type SessionsConfig struct {
	// Local checks credentials of users that this service has of its own; they
	// are asked first, and never about the authority's. nil: there are none.
	Local func(ctx context.Context, c watchword.Credentials, from watchword.Client) (watchword.User, error)
	// LocalUser finds one of them again. It is needed where Local is set.
	LocalUser func(ctx context.Context, id string) (watchword.User, error)
	// Lifetime is how long after the sign-in a session ends; 0 means 24 h.
	Lifetime time.Duration
}

// Sessions is a Client that also keeps people signed in on pages: a browser
// holds the random id of a session, in a cookie, and the tokens stay here,
// where they are renewed as long as the authority lets them. Its Verify takes
// ids of sessions beside tokens, so that guards protect pages and API alike.
//
// Sessions are kept in memory: with the process they end. There are 10,000 at
// most, and 50 of one user, so that nobody pushes out the others; where there
// would be more, the one that ends first goes.
type Sessions struct {
	*Client

	c SessionsConfig

	mu   sync.Mutex
	kept map[[sha256.Size]byte]*session // by the digest of the id, which is the secret
}

// session is somebody's who signed in.
type session struct {
	until time.Time
	local string // id of a user of this service's own; "": the authority's
	stamp int64  // his version when he signed in

	mu     sync.Mutex // held while tokens are renewed
	tokens watchword.Tokens
	user   watchword.User
}

// NewSessions returns sessions over a client.
func NewSessions(c *Client, config SessionsConfig) (*Sessions, error) {
	if config.Local != nil && config.LocalUser == nil {
		return nil, errors.New("easyjwt: LocalUser is missing")
	}
	if config.Lifetime == 0 {
		config.Lifetime = defaultLifetime
	}
	return &Sessions{Client: c, c: config, kept: make(map[[sha256.Size]byte]*session)}, nil
}

// OpenSession checks credentials, of this service's own users and then at the
// authority, and returns the id of a new session and when it ends.
func (s *Sessions) OpenSession(ctx context.Context, r watchword.SignInRequest) (id string, until time.Time, err error) {
	now := s.Client.c.Now()
	opened := &session{until: now.Add(s.c.Lifetime)}
	switch u, err := s.local(ctx, r); {
	case err == nil:
		opened.local, opened.stamp, opened.user = u.ID, u.Version, u
	case watchword.CodeOf(err) != watchword.InvalidCredentials:
		return "", time.Time{}, err
	default:
		if opened.tokens, err = s.SignIn(ctx, r); err != nil {
			return "", time.Time{}, err
		}
		opened.user = opened.tokens.User
	}
	id = sessionPrefix + rand.Text()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shrink(now, opened)
	s.kept[sha256.Sum256([]byte(id))] = opened
	return id, opened.until, nil
}

// local asks this service's own users; InvalidCredentials where there are none.
func (s *Sessions) local(ctx context.Context, r watchword.SignInRequest) (watchword.User, error) {
	if s.c.Local == nil {
		return watchword.User{}, watchword.InvalidCredentials
	}
	u, err := s.c.Local(ctx, r.Credentials, r.Client)
	if watchword.CodeOf(err) == watchword.UserDisabled && err != nil {
		err = fmt.Errorf("%w: %w", watchword.InvalidCredentials, err)
	}
	return u, err
}

// shrink makes room for a session: it removes those that are over, and of the
// user's, or of all, the one that ends first where there are too many.
func (s *Sessions) shrink(now time.Time, opened *session) {
	type key = [sha256.Size]byte
	var first, own key
	all, his := 0, 0
	for k, one := range s.kept {
		if !now.Before(one.until) {
			delete(s.kept, k)
			continue
		}
		if all++; all == 1 || one.until.Before(s.kept[first].until) {
			first = k
		}
		if one.owner() != opened.owner() {
			continue
		}
		if his++; his == 1 || one.until.Before(s.kept[own].until) {
			own = k
		}
	}
	switch {
	case his >= maxOfUser:
		delete(s.kept, own)
	case all >= maxSessions:
		delete(s.kept, first)
	}
}

// owner tells users apart, those of this service's own from the authority's.
func (one *session) owner() string {
	if one.local != "" {
		return "local:" + one.local
	}
	return one.user.ID
}

// CloseSession ends a session, and the one at the authority as far as that can
// be had. An id that is unknown is no error.
func (s *Sessions) CloseSession(ctx context.Context, id string, from watchword.Client) error {
	one := s.find(id)
	if one == nil {
		return nil
	}
	s.drop(id)
	one.mu.Lock()
	t := one.tokens
	one.mu.Unlock()
	s.vouched.forget(t.Access)
	if t.Refresh == "" {
		return nil
	}
	return s.SignOut(ctx, watchword.SignOutRequest{Raw: t.Refresh, Client: from})
}

func (s *Sessions) find(id string) *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	one := s.kept[sha256.Sum256([]byte(id))]
	if one == nil || !s.Client.c.Now().Before(one.until) {
		return nil
	}
	return one
}

func (s *Sessions) drop(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.kept, sha256.Sum256([]byte(id)))
}

// Verify returns the claims of a token or of a session. Those of a user of this
// service's own have a subject that begins with "local:", and no user id: it
// would be taken for the authority's.
func (s *Sessions) Verify(ctx context.Context, raw string, kinds ...watchword.Kind) (*watchword.Claims, error) {
	if !strings.HasPrefix(raw, sessionPrefix) {
		return s.Client.Verify(ctx, raw, kinds...)
	}
	one := s.find(raw)
	if one == nil {
		return nil, watchword.Unauthenticated
	}
	if one.local != "" {
		return s.localClaims(ctx, raw, one)
	}
	access, err := s.access(ctx, raw, one)
	if err != nil {
		return nil, err
	}
	claims, err := s.Client.Verify(ctx, access, watchword.Access, watchword.Sliding)
	if err != nil && !passing(err) {
		s.drop(raw)
	}
	return claims, err
}

func (s *Sessions) localClaims(ctx context.Context, id string, one *session) (*watchword.Claims, error) {
	u, err := s.c.LocalUser(ctx, one.local)
	if err != nil && !errors.Is(err, watchword.NotFound) {
		return nil, err
	}
	if err != nil || !u.Active || u.Version != one.stamp {
		s.drop(id)
		return nil, watchword.Unauthenticated
	}
	set := watchword.ClaimSet{Kind: watchword.Access, Subject: "local:" + u.ID, Scopes: u.Scopes, Permissions: u.Permissions}
	return set.Freeze([]byte("{}")), nil
}

// access returns the session's access token, renewed where it is about to
// expire. Whoever asks meanwhile waits, so that no refresh token is shown
// twice.
func (s *Sessions) access(ctx context.Context, id string, one *session) (string, error) {
	one.mu.Lock()
	defer one.mu.Unlock()
	t := &one.tokens
	now := s.Client.c.Now()
	if t.Claims.Expiry.IsZero() || now.Add(renewAhead).Before(t.Claims.Expiry) || t.Refresh == "" {
		return t.Access, nil
	}
	renewed, err := s.Refresh(ctx, watchword.RefreshRequest{Raw: t.Refresh})
	switch {
	case err == nil:
		if renewed.Refresh == "" {
			renewed.Refresh = t.Refresh
		}
		one.tokens = renewed
	case passing(err) && now.Before(t.Claims.Expiry):
		// The authority is away for a moment, and the token is still good.
	case passing(err):
		return "", err
	default:
		s.drop(id)
		return "", watchword.Unauthenticated
	}
	return one.tokens.Access, nil
}

// passing reports whether an error says nothing about the token.
func passing(err error) bool {
	code := watchword.CodeOf(err)
	return code == watchword.Unavailable || code == watchword.RateLimited || code == watchword.Internal
}

// SessionUser returns who has a session, and whether the authority knows his
// password.
func (s *Sessions) SessionUser(ctx context.Context, id string) (u watchword.User, remote bool, err error) {
	if _, err := s.Verify(ctx, id); err != nil {
		return watchword.User{}, false, err
	}
	one := s.find(id)
	if one == nil {
		return watchword.User{}, false, watchword.Unauthenticated
	}
	return one.user, one.local == "", nil
}

// User returns the user whom claims speak of, this service's own too.
func (s *Sessions) User(ctx context.Context, claims *watchword.Claims) (watchword.User, error) {
	if id, ok := strings.CutPrefix(claims.Subject, "local:"); ok && claims.UserID == "" && s.c.LocalUser != nil {
		return s.c.LocalUser(ctx, id)
	}
	return s.Client.User(ctx, claims)
}

// Record is [Client.Record], of the holder of a session too.
func (s *Sessions) Record(ctx context.Context, raw string) ([]byte, error) {
	if !strings.HasPrefix(raw, sessionPrefix) {
		return s.Client.Record(ctx, raw)
	}
	one := s.find(raw)
	if one == nil || one.local != "" {
		return nil, watchword.NotFound
	}
	access, err := s.access(ctx, raw, one)
	if err != nil {
		return nil, err
	}
	return s.Client.Record(ctx, access)
}
