package watchword

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
)

// Bounds of what is read from a sign-in. A longer login exists nowhere.
const maxLogin = 256

// SignInRequest asks for tokens in exchange for credentials.
type SignInRequest struct {
	Credentials Credentials
	// Scopes asked for; nil means all that the user may have, an empty list
	// none. What he may not have is left out.
	Scopes []string
	Client Client
}

// SignIn checks credentials and opens a session. Errors: InvalidCredentials
// (also for disabled users: outsiders learn nothing), RateLimited and
// Unavailable as [RetryError], PermissionDenied from the Allow hook,
// InvalidRequest.
func (a *Authority) SignIn(ctx context.Context, r SignInRequest) (Tokens, error) {
	a.maintain(ctx)
	iat := second(a.c.Now())
	u, err := a.authenticate(ctx, r.Credentials, r.Client)
	if err != nil {
		return Tokens{}, err
	}
	// What another process changed a moment ago is to be known: a token dated
	// that second would be stale at birth. Where nothing can be read it is, at
	// worst, and a refresh mends it.
	_ = a.list.Sync(ctx, a.c.Now())
	if u, iat, err = a.current(ctx, u, 0, iat); err != nil {
		return Tokens{}, err
	}
	s, err := a.openSession(ctx, u, r)
	if err != nil {
		a.tell(ctx, Event{Kind: SignInFailed, Login: r.Credentials.Login, UserID: u.ID, Client: r.Client, Code: CodeOf(err)})
		if CodeOf(err) == UserDisabled {
			// The user changed between the check and the session: this
			// sign-in began before a password change and does not survive it.
			return Tokens{}, fmt.Errorf("%w: %w", InvalidCredentials, err)
		}
		return Tokens{}, err
	}
	t, err := a.mint(ctx, u, s, iat)
	if err != nil {
		return Tokens{}, err
	}
	if rec, ok := a.c.Users.(LoginRecorder); ok && !a.c.SkipLastLogin {
		// The sign-in stands without it.
		_ = rec.RecordLogin(ctx, u.ID, s.CreatedAt)
	}
	a.tell(ctx, Event{Kind: SignedIn, UserID: u.ID, Login: u.Login, Session: s.Number, Client: r.Client})
	return t, nil
}

// Authenticate checks credentials, limited and told to observers as in
// SignIn, without opening a session: for HTTP Basic and the like.
func (a *Authority) Authenticate(ctx context.Context, c Credentials, from Client) (User, error) {
	return a.authenticate(ctx, c, from)
}

// authenticate takes an attempt from the limiter, asks the authenticator and
// the Allow hook, and gives the attempt back unless it was a wrong guess.
func (a *Authority) authenticate(ctx context.Context, c Credentials, from Client) (User, error) {
	if c.Login == "" || len(c.Login) > maxLogin {
		return User{}, fmt.Errorf("%w: login has %d bytes, want 1 to %d", InvalidRequest, len(c.Login), maxLogin)
	}
	attempt, err := a.attempt(ctx, c.Login, from)
	if err != nil {
		a.tell(ctx, Event{Kind: SignInFailed, Login: c.Login, Client: from, Code: CodeOf(err)})
		return User{}, err
	}
	u, err := a.c.Authenticator.Authenticate(ctx, c)
	switch code := CodeOf(err); {
	case err == nil:
	case code == InvalidCredentials || code == UserDisabled:
		a.tell(ctx, Event{Kind: SignInFailed, Login: c.Login, UserID: u.ID, Client: from, Code: code})
		return User{}, fmt.Errorf("%w: %w", InvalidCredentials, err)
	default:
		attempt.refund(ctx)
		return User{}, err
	}
	attempt.succeed(ctx)
	if err := a.allowed(ctx, u); err != nil {
		a.tell(ctx, Event{Kind: SignInFailed, Login: c.Login, UserID: u.ID, Client: from, Code: CodeOf(err)})
		return User{}, err
	}
	return u, nil
}

// allowed asks the hook.
func (a *Authority) allowed(ctx context.Context, u User) error {
	if a.c.Allow == nil {
		return nil
	}
	err := a.c.Allow(ctx, u)
	if err == nil {
		return nil
	}
	var code Code
	if errors.As(err, &code) {
		return err
	}
	return fmt.Errorf("%w: %w", PermissionDenied, err)
}

// openSession writes the session of a user who has proved who he is.
func (a *Authority) openSession(ctx context.Context, u User, r SignInRequest) (Session, error) {
	now := a.c.Now()
	return a.createSession(ctx, u, Session{
		ClientID: PeopleClient, Scopes: storedScopes(r.Scopes), Device: r.Client.Device, Address: addressText(r.Client.Address),
		Generation: 1, CreatedAt: now, AdvancedAt: now,
		IdleUntil: earlier(now.Add(a.c.RefreshLifetime), now.Add(a.c.SessionLifetime)),
		ExpiresAt: now.Add(a.c.SessionLifetime),
	})
}

// createSession writes a session of the user as he was read. Beside Conflict
// it returns the session that has the same Origin.
func (a *Authority) createSession(ctx context.Context, u User, s Session) (Session, error) {
	s.Profile, s.UserID, s.UserVersion, s.OwnUser = a.c.Profile, u.ID, u.Version, a.own
	s.Address = a.c.SessionAddress.shorten(s.Address)
	s, err := a.c.Store.CreateSession(ctx, s)
	if err != nil {
		return s, fmt.Errorf("open session: %w", err)
	}
	if a.own {
		return s, nil
	}
	// A store of users elsewhere cannot check the version in the same
	// transaction, so the user is read again after the session stands: a
	// change before this read is seen here, one after it ends the session.
	again, err := a.c.Users.UserByID(ctx, u.ID)
	if err == nil && again.Active && again.Version == u.Version {
		return s, nil
	}
	if err != nil && !errors.Is(err, NotFound) {
		return Session{}, fmt.Errorf("read user again: %w", err)
	}
	if _, err := a.end(ctx, Which{Number: s.Number}); err != nil {
		return Session{}, err
	}
	return Session{}, UserDisabled
}

// storedScopes keeps the empty list, which asks for nothing, apart from nil,
// which asks for all: stores need not tell the two apart. "" is a scope that
// nobody can have (RFC 6749, section 3.3).
func storedScopes(asked []string) []string {
	if asked != nil && len(asked) == 0 {
		return []string{""}
	}
	return asked
}

// addressText is an address as stores keep it.
func addressText(ip netip.Addr) string {
	if !ip.IsValid() {
		return ""
	}
	return ip.Unmap().String()
}

// An attempt is what the limiter was asked for.
type attempt struct {
	a             *Authority
	login, origin string
}

// attempt counts a try under the login, folded so that no spelling has a
// bucket of its own (Authelia CVE-2026-47203), and under the address, an
// IPv6 one by its /64.
func (a *Authority) attempt(ctx context.Context, login string, from Client) (attempt, error) {
	t := attempt{a: a, login: "login:" + FoldLogin(login), origin: originKey(from.Address)}
	if a.c.Limiter == nil {
		return t, nil
	}
	now := a.c.Now()
	wait, err := a.c.Limiter.Take(ctx, t.login, now)
	if err != nil {
		return t, fmt.Errorf("%w: limiter: %w", Unavailable, err)
	}
	if wait > 0 {
		return t, &RetryError{Code: RateLimited, After: wait}
	}
	if t.origin == "" {
		return t, nil
	}
	wait, err = a.c.Limiter.Take(ctx, t.origin, now)
	if err == nil && wait == 0 {
		return t, nil
	}
	_ = a.c.Limiter.Refund(ctx, t.login, now)
	if err != nil {
		return t, fmt.Errorf("%w: limiter: %w", Unavailable, err)
	}
	return t, &RetryError{Code: RateLimited, After: wait}
}

// succeed forgets the failures of the login, and gives the address its
// attempt back; its failures stay, or a thief with one account of his own
// could reset the count as he goes.
func (t attempt) succeed(ctx context.Context) {
	if t.a.c.Limiter == nil {
		return
	}
	_ = t.a.c.Limiter.Reset(ctx, t.login)
	if t.origin != "" {
		_ = t.a.c.Limiter.Refund(ctx, t.origin, t.a.c.Now())
	}
}

// refund gives both attempts back: nothing was learned.
func (t attempt) refund(ctx context.Context) {
	if t.a.c.Limiter == nil {
		return
	}
	now := t.a.c.Now()
	_ = t.a.c.Limiter.Refund(ctx, t.login, now)
	if t.origin != "" {
		_ = t.a.c.Limiter.Refund(ctx, t.origin, now)
	}
}

func originKey(ip netip.Addr) string {
	if !ip.IsValid() {
		return ""
	}
	return "address:" + network(ip, 32, 64).Addr().String()
}
