package watchword

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/watchword-auth/watchword/password"
)

// User returns the record of the user that the claims speak of. A token
// without a user of ours behind it (a machine's) gets NotFound.
func (a *Authority) User(ctx context.Context, c *Claims) (User, error) {
	u, err := a.userOf(ctx, c)
	if err != nil {
		return User{}, fmt.Errorf("read user: %w", err)
	}
	if !u.Active {
		return User{}, UserDisabled
	}
	return u, nil
}

// userOf finds the user by the id in the token, by the session, or by the
// dialect's own rule. That the session is open was checked, in memory, when
// the claims were verified.
func (a *Authority) userOf(ctx context.Context, c *Claims) (User, error) {
	switch {
	case c.UserID != "":
		return a.c.Users.UserByID(ctx, c.UserID)
	case c.Number > 0:
		s, err := a.session(ctx, c)
		if err != nil {
			return User{}, err
		}
		return a.c.Users.UserByID(ctx, s.UserID)
	case a.c.SubjectUser != nil:
		return a.c.SubjectUser(ctx, c)
	default:
		return User{}, NotFound
	}
}

// PasswordChange asks to change the password of the claims' user.
type PasswordChange struct {
	Claims  *Claims
	Current string
	New     string
	Client  Client
}

// ChangePassword sets a new password and ends the user's other sessions.
// The current one is demanded and counted by the limiter (ASVS 6.2.3).
// Errors: InvalidCredentials, PasswordWeak, RateLimited, Unavailable,
// NotFound where users are kept elsewhere.
func (a *Authority) ChangePassword(ctx context.Context, p PasswordChange) error {
	admin, ok := a.c.Users.(UserAdmin)
	passwords, isPasswords := a.c.Authenticator.(*Passwords)
	if !ok || !isPasswords {
		return fmt.Errorf("%w: users and their passwords are kept elsewhere", NotFound)
	}
	u, err := a.User(ctx, p.Claims)
	if err != nil {
		return err
	}
	proven, err := a.authenticate(ctx, Credentials{Login: u.Login, Password: p.Current}, p.Client)
	if err != nil {
		return err
	}
	if proven.ID != u.ID {
		return fmt.Errorf("%w: the login is somebody else's by now", InvalidCredentials)
	}
	if err := CheckPassword(p.New, u.Login); err != nil {
		return err
	}
	hash, err := passwords.hasher.Hash(ctx, p.New)
	if err != nil {
		return newPasswordError(err)
	}
	now := a.c.Now()
	change := UserChange{PasswordHash: &hash, IfVersion: proven.Version}
	_, err = admin.UpdateUser(ctx, u.ID, change, p.Claims.Number, a.factsUntil(now), now)
	if errors.Is(err, Conflict) {
		// Reset while this change was under way, perhaps to keep out the very
		// one who asks for it: what he proved is not the password any more.
		return fmt.Errorf("%w: %w", InvalidCredentials, err)
	}
	if err != nil {
		return fmt.Errorf("change password: %w", err)
	}
	if err := a.endOthers(ctx, u.ID, p.Claims.Number, now); err != nil {
		return err
	}
	a.tell(ctx, Event{Kind: PasswordChanged, UserID: u.ID, Session: p.Claims.Number, Client: p.Client})
	return nil
}

// endOthers has all sessions of the user but keep end with a password change.
// Users in the same store as the sessions have ended them in the change's own
// transaction, and memory has only to hear of it.
func (a *Authority) endOthers(ctx context.Context, id string, keep int64, now time.Time) error {
	if !a.own {
		_, err := a.end(ctx, Which{UserID: id, Except: keep})
		return err
	}
	if err := a.list.Sync(ctx, now); err != nil {
		return fmt.Errorf("%w: %w", Unavailable, err)
	}
	return nil
}

// CheckPassword judges a password that somebody wants to set: PasswordWeak
// with the reason.
func CheckPassword(new, login string) error {
	if err := password.Weak(new, login); err != nil {
		return fmt.Errorf("%w: %w", PasswordWeak, err)
	}
	return nil
}

// newPasswordError puts a code on what Hash returned.
func newPasswordError(err error) error {
	if errors.Is(err, password.ErrTooLong) || errors.Is(err, password.ErrNUL) {
		return fmt.Errorf("%w: %w", PasswordWeak, err)
	}
	return hashError(err)
}

// SessionInfo is a session as its user sees it.
type SessionInfo struct {
	ID      string
	Current bool
	Session
}

// Sessions returns the open sessions of the claims' user, newest first, at
// most 100.
func (a *Authority) Sessions(ctx context.Context, c *Claims) ([]SessionInfo, error) {
	lister, ok := a.c.Store.(SessionLister)
	if !ok {
		return nil, fmt.Errorf("%w: the store lists no sessions", NotFound)
	}
	u, err := a.User(ctx, c)
	if err != nil {
		return nil, err
	}
	list, err := lister.ListSessions(ctx, SessionFilter{UserID: u.ID}, a.c.Now())
	if err != nil {
		return nil, fmt.Errorf("list sessions: %w", err)
	}
	infos := make([]SessionInfo, len(list))
	for i, s := range list {
		infos[i] = SessionInfo{ID: a.numbers.SessionID(s.Number), Current: s.Number == c.Number, Session: s}
	}
	return infos, nil
}

// EndSession ends one session of the claims' own user, by its opaque id.
// Anybody else's is NotFound (ASVS 8.2.2).
func (a *Authority) EndSession(ctx context.Context, c *Claims, id string, from Client) error {
	number, ok := a.numbers.Session(id)
	if !ok {
		return fmt.Errorf("%w: no such session", NotFound)
	}
	u, err := a.User(ctx, c)
	if err != nil {
		return err
	}
	s, err := a.c.Store.Session(ctx, number)
	if err == nil && s.UserID != u.ID || errors.Is(err, NotFound) {
		return fmt.Errorf("%w: no such session", NotFound)
	}
	if err != nil {
		return fmt.Errorf("read session: %w", err)
	}
	if _, err := a.end(ctx, Which{Number: number}); err != nil {
		return err
	}
	a.tell(ctx, Event{Kind: Revoked, UserID: u.ID, Session: number, Client: from, Detail: "session"})
	return nil
}

// End ends what w names, for operators.
func (a *Authority) End(ctx context.Context, w Which) (int, error) {
	n, err := a.end(ctx, w)
	if err == nil && n > 0 {
		a.tell(ctx, Event{Kind: Revoked, UserID: w.UserID, Session: w.Number, Detail: fmt.Sprintf("%d sessions", n)})
	}
	return n, err
}

// IssueRequest asks for an access token without anybody signing in: for a
// machine, a test, a car.
type IssueRequest struct {
	Subject     string
	Scopes      []string
	Permissions []string
	Lifetime    time.Duration // 0: the authority's
}

// MaxIssueLifetime bounds IssueRequest.Lifetime.
const MaxIssueLifetime = 366 * 24 * time.Hour

// Issue makes such a token, with a session behind it, so that it is listed
// and can be ended; it cannot be refreshed.
func (a *Authority) Issue(ctx context.Context, r IssueRequest) (Tokens, error) {
	if r.Subject == "" || strings.ContainsAny(r.Subject, "\x00\n") {
		return Tokens{}, fmt.Errorf("%w: subject %q", InvalidRequest, r.Subject)
	}
	if r.Lifetime == 0 {
		r.Lifetime = a.c.AccessLifetime
	}
	if r.Lifetime < time.Second || r.Lifetime > MaxIssueLifetime {
		return Tokens{}, fmt.Errorf("%w: lifetime %s is outside 1 s to %s", InvalidRequest, r.Lifetime, MaxIssueLifetime)
	}
	now := a.c.Now()
	exp := second(now).Add(r.Lifetime)
	s, err := a.c.Store.CreateSession(ctx, Session{
		Profile: a.c.Profile, UserID: r.Subject, ClientID: PeopleClient, Scopes: r.Scopes, Device: "issued",
		Generation: 0, CreatedAt: now, AdvancedAt: now, IdleUntil: exp, ExpiresAt: exp,
	})
	if err != nil {
		return Tokens{}, fmt.Errorf("record token: %w", err)
	}
	u := User{ID: r.Subject, Login: r.Subject, Active: true, Scopes: r.Scopes, Permissions: r.Permissions}
	iat, err := a.mintTime(ctx, u.ID, s.Number)
	if err != nil {
		return Tokens{}, err
	}
	set := a.claimSet(u, s, iat)
	set.Expiry = exp
	if err := a.customise(ctx, u, set); err != nil {
		return Tokens{}, err
	}
	raw, claims, err := a.sign(set)
	if err != nil {
		return Tokens{}, err
	}
	return Tokens{Access: raw, ExpiresIn: exp.Sub(iat), Claims: claims, User: u, Session: s}, nil
}
