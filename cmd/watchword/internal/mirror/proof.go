package mirror

import (
	"context"
	"errors"
	"strings"
	"sync"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/remote/easyjwt"
)

// Proof lets people sign in to this server with the password that they have at
// the authority, as their account here. Its Allow keeps them in for as long as
// the authority would: it renews their tokens there.
type Proof struct {
	// Own are asked first; nil: this server has no users of its own.
	Own    watchword.Authenticator
	Client *easyjwt.Client
	Users  *Mirror

	mu       sync.Mutex
	sessions *easyjwt.Sessions
	kept     map[string]string // by account: the last session there
}

// Authenticate asks this server's own users and then the authority. Whoever
// may not sign in is refused alike.
func (p *Proof) Authenticate(ctx context.Context, c watchword.Credentials) (watchword.User, error) {
	if p.Own != nil {
		u, err := p.Own.Authenticate(ctx, c)
		if err == nil || watchword.CodeOf(err) != watchword.InvalidCredentials {
			return u, err
		}
	}
	if strings.ContainsFunc(c.Login, func(r rune) bool { return r < ' ' }) {
		c.Login = "nobody@invalid" // which cannot be, and takes as long
	}
	sessions, err := p.there()
	if err != nil {
		return watchword.User{}, err
	}
	id, _, err := sessions.OpenSession(ctx, watchword.SignInRequest{Credentials: c})
	if err != nil {
		return watchword.User{}, refused(err)
	}
	u, _, err := sessions.SessionUser(ctx, id)
	if err == nil {
		u, err = p.Users.Account(ctx, p.Client.Issuer(), u.ID)
	}
	if err != nil {
		return watchword.User{}, err
	}
	if !u.Active {
		return watchword.User{}, watchword.UserDisabled
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.kept[u.ID] = id
	return u, nil
}

// Allow is for [watchword.Config]: it vetoes the refresh of somebody whose
// tokens the authority does not renew. After a restart it knows of none, and
// people sign in again.
func (p *Proof) Allow(ctx context.Context, u watchword.User) error {
	if _, _, ok := Remote(u.Login); !ok {
		return nil
	}
	sessions, err := p.there()
	if err != nil {
		return err
	}
	p.mu.Lock()
	id := p.kept[u.ID]
	p.mu.Unlock()
	if id == "" {
		return watchword.PermissionDenied
	}
	if _, err := sessions.Verify(ctx, id); err != nil {
		if code := watchword.CodeOf(err); code == watchword.Unavailable || code == watchword.RateLimited {
			return err
		}
		return errors.Join(watchword.PermissionDenied, err)
	}
	return nil
}

// there returns the sessions at the authority, made at first use.
func (p *Proof) there() (*easyjwt.Sessions, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.sessions != nil {
		return p.sessions, nil
	}
	var err error
	if p.sessions, err = easyjwt.NewSessions(p.Client, easyjwt.SessionsConfig{}); err != nil {
		return nil, err
	}
	p.kept = make(map[string]string)
	return p.sessions, nil
}

// refused is InvalidCredentials, unless the authority could not be asked.
func refused(err error) error {
	switch code := watchword.CodeOf(err); code {
	case watchword.Unavailable, watchword.RateLimited, watchword.Internal:
		return err
	default:
		return errors.Join(watchword.InvalidCredentials, err)
	}
}
