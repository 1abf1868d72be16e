package console

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/manage"
	"github.com/watchword-auth/watchword/httpauth"
)

// Profile is that of the pages' sessions. They are a face of their own, with
// keys of its own: a token of the API opens no page, not even one made with a
// key that has leaked or is shared with another system, and a token from the
// pages' cookie opens no route.
const Profile = "admin-pages"

// staffOnly proves who members of the staff are, and nobody else. The
// password of anybody else is not even tried: who is unknown, who is not
// staff and whose password is wrong are one case, in answer, time and limits.
type staffOnly struct {
	users watchword.PasswordUsers
	proof watchword.Authenticator
}

// nobody is a login that cannot exist: none holds control characters.
const nobody = "\x00"

// Authenticate looks for the user first. That costs the same for everybody.
func (s staffOnly) Authenticate(ctx context.Context, c watchword.Credentials) (watchword.User, error) {
	u, _, err := s.users.UserByLogin(ctx, c.Login)
	if err != nil && !errors.Is(err, watchword.NotFound) {
		return watchword.User{}, fmt.Errorf("find user: %w", err)
	}
	if err != nil || !staff(u) {
		c.Login = nobody
	}
	if u, err = s.proof.Authenticate(ctx, c); err != nil {
		return watchword.User{}, err
	}
	if !staff(u) { // no longer, or never where users are kept elsewhere
		return watchword.User{}, watchword.InvalidCredentials
	}
	return u, nil
}

// staff reports whether the pages are for him.
func staff(u watchword.User) bool { return u.Active && (u.Staff || u.Superuser) }

// NewAuthority makes the authority of the pages' own sessions from what the
// native one is made from: over the same users, store, facts and limits, and
// with the same observers. It follows the store like any other.
func NewAuthority(ctx context.Context, native watchword.Config) (*watchword.Authority, error) {
	c := native
	users, ok := c.Users.(watchword.PasswordUsers)
	if c.Users == nil {
		users, ok = c.Store.(watchword.PasswordUsers)
	}
	if !ok {
		return nil, errors.New("admin pages: users cannot be found by their login: set admin.enabled to false")
	}
	proof := c.Authenticator
	if proof == nil {
		proof = watchword.NewPasswords(users, c.Hasher)
	}
	c.Profile, c.Authenticator = Profile, staffOnly{users, proof}
	c.Keys, c.KeyRing, c.KeyAlgorithm = nil, Profile, ""
	c.Audience, c.Audiences = strings.TrimSuffix(c.Issuer, "/")+prefix, nil
	c.Allow = func(ctx context.Context, u watchword.User) error {
		if !staff(u) {
			return watchword.PermissionDenied
		}
		if native.Allow != nil {
			return native.Allow(ctx, u)
		}
		return nil
	}
	// A browser with several tabs refreshes in parallel, whatever the settings
	// say of programs: the window of grace is the usual one.
	c.Rotation = watchword.Rotation{}
	c.SampleVerified = 0
	a, err := watchword.NewContext(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("admin pages: %w", err)
	}
	return a, nil
}

// door lets people in and keeps them in.
type door struct {
	auth    *watchword.Authority
	store   watchword.Sessions
	jar     jar
	forgery forgery
	clients func(*http.Request) watchword.Client
}

// enter finds out who asks; nil is somebody who has to sign in. It asks the
// store each time, so that a session that was ended anywhere, or a flag taken
// away, counts at the next click and not when a token expires.
func (d *door) enter(w http.ResponseWriter, r *http.Request) (*visit, error) {
	claims, err := d.claims(w, r)
	if err != nil || claims == nil {
		return nil, err
	}
	ctx := r.Context()
	s, err := d.store.Session(ctx, claims.Number)
	if err == nil && (!s.EndedAt.IsZero() || s.UserID != claims.UserID) {
		err = watchword.SessionEnded
	}
	if err != nil {
		return nil, d.outside(w, r, err)
	}
	u, err := d.auth.User(ctx, claims)
	if err != nil {
		return nil, d.outside(w, r, err)
	}
	if !staff(u) {
		// What he still holds is worth nothing from now on.
		return nil, d.leave(w, r)
	}
	by := manage.Actor{
		User: u, Admin: slices.Contains(u.Scopes, manage.ScopeAdmin), Scopes: u.Scopes, Session: claims.Number, From: d.clients(r),
	}
	return &visit{w: w, r: r, me: u, claims: claims, by: by}, nil
}

// claims reads the session's access token, and refreshes it where it is too
// old. nil: there is none that counts.
func (d *door) claims(w http.ResponseWriter, r *http.Request) (*watchword.Claims, error) {
	if raw := read(r, d.jar.access); raw != "" {
		claims, err := d.auth.Verify(r.Context(), raw)
		if err == nil {
			return claims, nil
		}
		if watchword.CodeOf(err) == watchword.Unavailable {
			return nil, err
		}
	}
	raw := read(r, d.jar.refresh)
	if raw == "" {
		return nil, nil
	}
	tokens, err := d.auth.Refresh(r.Context(), watchword.RefreshRequest{Raw: raw, Client: d.clients(r)})
	if err != nil {
		return nil, d.outside(w, r, err)
	}
	d.jar.put(w, r, tokens)
	return tokens.Claims, nil
}

// outside says of a fault whether it is that nobody is signed in, which is
// none, and takes the cookies back then.
func (d *door) outside(w http.ResponseWriter, r *http.Request, err error) error {
	if code := watchword.CodeOf(err); code == watchword.Internal || code == watchword.Unavailable {
		return err
	}
	d.jar.clear(w, r)
	return nil
}

// open signs somebody in, with a new session whatever he held before: a
// session planted in his browser stays the planter's (ASVS 7.2.4).
func (d *door) open(w http.ResponseWriter, r *http.Request, c watchword.Credentials) error {
	tokens, err := d.auth.SignIn(r.Context(), watchword.SignInRequest{Credentials: c, Client: d.clients(r)})
	if err != nil {
		return err
	}
	if err := d.end(r); err != nil {
		return err
	}
	d.jar.put(w, r, tokens)
	_, err = d.forgery.issue(w, r, tokens.Claims)
	return err
}

// leave ends the session and takes the cookies back, also where the session
// cannot be ended.
func (d *door) leave(w http.ResponseWriter, r *http.Request) error {
	d.jar.clear(w, r)
	return d.end(r)
}

// end ends the session that the cookies show, if any.
func (d *door) end(r *http.Request) error {
	for _, name := range []string{d.jar.refresh, d.jar.access} {
		raw := read(r, name)
		if raw == "" {
			continue
		}
		err := d.auth.SignOut(r.Context(), watchword.SignOutRequest{Raw: raw, Client: d.clients(r)})
		if code := watchword.CodeOf(err); err != nil && (code == watchword.Internal || code == watchword.Unavailable) {
			return err
		}
	}
	return nil
}

// onward returns where to go after signing in: a page of ours, or the first
// one.
func onward(next string) string {
	if to := httpauth.LocalPath(next); strings.HasPrefix(to, prefix) && !strings.HasPrefix(to, prefix+"sign") {
		return to
	}
	return prefix
}
