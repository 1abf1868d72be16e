package remote

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/httpauth"
)

const (
	defaultSessionLife = 24 * time.Hour
	// defaultSessions bounds how many are kept, maxOfUser how many of one user.
	defaultSessions = 10_000
	maxOfUser       = 50
	// localPrefix begins the subjects of this service's own users.
	localPrefix = "local:"
)

// SessionPrefix begins the ids of [Sessions], so that none is taken for a
// token.
const SessionPrefix = "session."

// SessionsConfig says who may have a session, and for how long.
type SessionsConfig struct {
	// Local checks credentials of users that this service has of its own; they
	// are asked first, and never about the authority's. nil: there are none.
	Local func(ctx context.Context, c watchword.Credentials, from watchword.Client) (watchword.User, error)
	// LocalUser finds one of them again. It is needed where Local is set.
	LocalUser func(ctx context.Context, id string) (watchword.User, error)
	// Lifetime is how long after the sign-in a session ends; 0 means 24 h.
	Lifetime time.Duration
	// Max is how many sessions are kept; 0 means 10,000.
	Max int
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Sessions are a Service that also keeps people signed in on pages: a browser
// holds the random id of a session, in a cookie, and the tokens stay here,
// where they are renewed as long as the authority lets them. Its Verify takes
// ids of sessions beside tokens, so that guards protect pages and API alike.
// Package pages has the cookie and the forms. Safe for concurrent use.
//
// Sessions are kept in memory: with the process they end. Their number is
// bounded, and there are 50 of one user at most, so that nobody pushes out the
// others; where there would be more, the one that ends first goes.
type Sessions struct {
	service httpauth.Service
	c       SessionsConfig

	mu   sync.Mutex
	kept map[sessionKey]*session
}

var (
	_ httpauth.Service    = (*Sessions)(nil)
	_ httpauth.UserFinder = (*Sessions)(nil)
	_ httpauth.Issuer     = (*Sessions)(nil)
)

// sessionKey is the digest of an id. The id itself, which is the secret, is
// kept nowhere (ASVS 7.2.2), and how long a look-up takes tells nothing of it.
type sessionKey [sha256.Size]byte

func keyOf(id string) sessionKey { return sha256.Sum256([]byte(id)) }

// session is somebody's who signed in.
type session struct {
	until time.Time
	local string           // id of a user of this service's own; "": the authority's
	stamp int64            // his version when he signed in
	owner string           // tells users apart
	from  watchword.Client // whose browser it is, for the authority's limits and lists

	mu      sync.Mutex // of what follows
	tokens  watchword.Tokens
	user    watchword.User
	renewal *renewal // under way; nil: none
}

// NewSessions returns sessions over a service: a [Client], one of package
// remote/easyjwt, or a *watchword.Authority.
func NewSessions(service httpauth.Service, c SessionsConfig) (*Sessions, error) {
	var faults []error
	if service == nil {
		faults = append(faults, errors.New("remote: sessions need a service"))
	}
	if (c.Local == nil) != (c.LocalUser == nil) {
		faults = append(faults, errors.New("remote: Local and LocalUser go together"))
	}
	if c.Lifetime < 0 || c.Max < 0 {
		faults = append(faults, fmt.Errorf("remote: Lifetime %s or Max %d is negative", c.Lifetime, c.Max))
	}
	c.Lifetime = cmp.Or(c.Lifetime, defaultSessionLife)
	c.Max = cmp.Or(c.Max, defaultSessions)
	if c.Now == nil {
		c.Now = time.Now //nolint:forbidigo // the default of Now
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	return &Sessions{service: service, c: c, kept: make(map[sessionKey]*session)}, nil
}

// OpenSession checks credentials, of this service's own users and then at the
// authority, and returns the id of a new session and when it ends. The id is
// always one that nobody has seen before, so that none can be planted ahead of
// a sign-in (CWE-384).
func (s *Sessions) OpenSession(ctx context.Context, r watchword.SignInRequest) (id string, until time.Time, err error) {
	opened := &session{from: r.Client}
	switch u, err := s.own(ctx, r); {
	case err == nil:
		opened.local, opened.stamp, opened.user, opened.owner = u.ID, u.Version, u, localPrefix+u.ID
	case watchword.CodeOf(err) != watchword.InvalidCredentials:
		return "", time.Time{}, err
	default:
		if opened.tokens, err = s.service.SignIn(ctx, r); err != nil {
			return "", time.Time{}, err
		}
		if opened.tokens.Claims == nil {
			return "", time.Time{}, fmt.Errorf("%w: the service tells no claims of its tokens", watchword.Internal)
		}
		opened.user = s.known(ctx, opened.tokens)
		opened.owner = opened.user.ID
	}
	now := s.c.Now()
	opened.until = now.Add(s.c.Lifetime)
	id = SessionPrefix + rand.Text()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shrink(now, opened.owner)
	s.kept[keyOf(id)] = opened
	return id, opened.until, nil
}

// own asks this service's own users; InvalidCredentials where there are none.
func (s *Sessions) own(ctx context.Context, r watchword.SignInRequest) (watchword.User, error) {
	if s.c.Local == nil {
		return watchword.User{}, watchword.InvalidCredentials
	}
	u, err := s.c.Local(ctx, r.Credentials, r.Client)
	if watchword.CodeOf(err) == watchword.UserDisabled && err != nil {
		err = fmt.Errorf("%w: %w", watchword.InvalidCredentials, err)
	}
	return u, err
}

// known is who has signed in. A service that told no more than his id is asked
// once; where it cannot say he goes without a name.
func (s *Sessions) known(ctx context.Context, t watchword.Tokens) watchword.User {
	finder, ok := s.service.(httpauth.UserFinder)
	if !ok || t.User.Login != "" || t.User.Email != "" {
		return t.User
	}
	if u, err := finder.User(ctx, t.Claims); err == nil && u.ID == t.User.ID {
		return u
	}
	return t.User
}

// shrink makes room for a session: it removes those that are over, and of the
// user's, or of all, the one that ends first where there are too many.
func (s *Sessions) shrink(now time.Time, owner string) {
	var first, own sessionKey
	all, his := 0, 0
	for k, one := range s.kept {
		if !now.Before(one.until) {
			delete(s.kept, k)
			continue
		}
		if all++; all == 1 || one.until.Before(s.kept[first].until) {
			first = k
		}
		if one.owner != owner {
			continue
		}
		if his++; his == 1 || one.until.Before(s.kept[own].until) {
			own = k
		}
	}
	switch {
	case his >= maxOfUser:
		delete(s.kept, own)
	case all >= s.c.Max:
		delete(s.kept, first)
	}
}

// CloseSession ends a session, and the one at the authority as far as that can
// be had. An id that is unknown is no error.
func (s *Sessions) CloseSession(ctx context.Context, id string, from watchword.Client) error {
	one := s.find(id)
	if one == nil {
		return nil
	}
	s.drop(id)
	// What a renewal under way brings must not stay behind.
	t := one.settled(ctx)
	raw := cmp.Or(t.Refresh, t.Access)
	if raw == "" {
		return nil
	}
	return s.service.SignOut(ctx, watchword.SignOutRequest{Raw: raw, Client: from})
}

func (s *Sessions) find(id string) *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	one := s.kept[keyOf(id)]
	if one == nil || !s.c.Now().Before(one.until) {
		return nil
	}
	return one
}

func (s *Sessions) drop(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.kept, keyOf(id))
}

// Verify returns the claims of a token or of a session. A session that the
// authority has ended is over; one about which it cannot be asked goes on, and
// answers Unavailable once its access token has expired. Claims of this
// service's own users have a subject that begins with "local:", and no user id:
// it would be taken for the authority's.
func (s *Sessions) Verify(ctx context.Context, raw string, kinds ...watchword.Kind) (*watchword.Claims, error) {
	if !strings.HasPrefix(raw, SessionPrefix) {
		return s.service.Verify(ctx, raw, kinds...)
	}
	if len(kinds) > 0 && !slices.Contains(kinds, watchword.Access) && !slices.Contains(kinds, watchword.Sliding) {
		return nil, fmt.Errorf("%w: a session stands for an access token", watchword.WrongKind)
	}
	one := s.find(raw)
	if one == nil {
		return nil, watchword.Unauthenticated
	}
	if one.local != "" {
		return s.localClaims(ctx, raw, one)
	}
	access, err := s.access(ctx, raw, one, "")
	if err != nil {
		return nil, err
	}
	claims, err := s.service.Verify(ctx, access, watchword.Access, watchword.Sliding)
	if errors.Is(err, watchword.ClaimsStale) {
		// His rights have changed, and the session goes on by what they are now.
		if access, err = s.access(ctx, raw, one, access); err != nil {
			return nil, err
		}
		claims, err = s.service.Verify(ctx, access, watchword.Access, watchword.Sliding)
	}
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
	// Its own name for the session lets a CSRF token be bound to it. It leads
	// nowhere: half of a digest.
	key := keyOf(id)
	set := watchword.ClaimSet{
		Kind: watchword.Access, Subject: localPrefix + u.ID, Scopes: u.Scopes, Permissions: u.Permissions,
		Session: localPrefix + hex.EncodeToString(key[:len(key)/2]),
	}
	return set.Freeze([]byte("{}")), nil
}

// SessionUser returns who has a session, as he was told when he signed in, and
// whether the authority knows his password.
func (s *Sessions) SessionUser(ctx context.Context, id string) (u watchword.User, remote bool, err error) {
	if _, err := s.Verify(ctx, id); err != nil {
		return watchword.User{}, false, err
	}
	one := s.find(id)
	if one == nil {
		return watchword.User{}, false, watchword.Unauthenticated
	}
	one.mu.Lock()
	defer one.mu.Unlock()
	return one.user, one.local == "", nil
}

// SessionToken returns the access token behind a session, renewed where it is
// about to expire, for calls to other services in the user's name. NotFound
// where there is none: the session is unknown, or of a user of this service's
// own. It must not be shown to the browser.
func (s *Sessions) SessionToken(ctx context.Context, id string) (string, error) {
	one := s.find(id)
	if one == nil || one.local != "" {
		return "", watchword.NotFound
	}
	return s.access(ctx, id, one, "")
}

// SignIn is the service's: it yields tokens and no session.
func (s *Sessions) SignIn(ctx context.Context, r watchword.SignInRequest) (watchword.Tokens, error) {
	return s.service.SignIn(ctx, r)
}

// Refresh is the service's.
func (s *Sessions) Refresh(ctx context.Context, r watchword.RefreshRequest) (watchword.Tokens, error) {
	return s.service.Refresh(ctx, r)
}

// SignOut is the service's; of the id of a session it is CloseSession.
func (s *Sessions) SignOut(ctx context.Context, r watchword.SignOutRequest) error {
	if strings.HasPrefix(r.Raw, SessionPrefix) {
		return s.CloseSession(ctx, r.Raw, r.Client)
	}
	return s.service.SignOut(ctx, r)
}

// User returns the user whom claims speak of, this service's own too.
func (s *Sessions) User(ctx context.Context, claims *watchword.Claims) (watchword.User, error) {
	// Claims of ours were never in a token.
	if id, ok := strings.CutPrefix(claims.Subject, localPrefix); ok && claims.UserID == "" && claims.Token() == "" && s.c.LocalUser != nil {
		return s.c.LocalUser(ctx, id)
	}
	finder, ok := s.service.(httpauth.UserFinder)
	if !ok {
		return watchword.User{}, fmt.Errorf("%w: the service finds no users", watchword.NotFound)
	}
	return finder.User(ctx, claims)
}

// Issuer returns the service's, "" where it has none.
func (s *Sessions) Issuer() string {
	if i, ok := s.service.(httpauth.Issuer); ok {
		return i.Issuer()
	}
	return ""
}
