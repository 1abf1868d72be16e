package server

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/mirror"
	"github.com/watchword-auth/watchword/dialect"
	"github.com/watchword-auth/watchword/httpauth"
	"github.com/watchword-auth/watchword/remote/easyjwt"
	"github.com/watchword-auth/watchword/remote/sqlmirror"
)

// makeClient makes the client of the authority that stands behind a dialect,
// and the mirror of its users.
func (s *Server) makeClient(ctx context.Context, d dialect.Dialect) (*easyjwt.Client, *mirror.Mirror, error) {
	if s.config.Signup.Enabled {
		return nil, nil, errors.New("signup.enabled: users come from the authority")
	}
	if s.db.Foreign != nil {
		return nil, nil, errors.New("users.dsn: users come from the authority")
	}
	records, end, err := s.db.Mirror(ctx, sqlmirror.Options{})
	if err != nil {
		return nil, nil, err
	}
	s.closers = append(s.closers, func() { _ = end() }) // it was only read and written whole
	users := mirror.New(records, s.db, func(now time.Time) time.Time { return now.Add(s.longest + 2*time.Minute) })
	u := d.Upstream
	c := easyjwt.Config{
		URL: u.URL, Timeout: u.Timeout, Transport: easyjwt.NewTransport(u.InsecureSkipVerify),
		Paths: easyjwt.Paths{
			Token: u.TokenPath, Refresh: u.RefreshPath, Verify: u.VerifyPath, User: u.UserPath,
			PasswordChange: u.PasswordChangePath, Blacklist: u.BlacklistPath,
		},
		LoginField: u.LoginField, IDField: u.IDField, IDClaim: u.IDClaim, HeaderName: u.HeaderName, Scheme: u.Scheme,
		Users: users, Keys: u.Keys, Audience: u.Audience, Issuer: u.Issuer, Leeway: u.Leeway, Cache: u.Cache,
	}
	if d.KeysURL != "" {
		if c.Keys, err = s.keysOf(d.KeysURL); err != nil {
			return nil, nil, err
		}
	}
	client, err := easyjwt.New(c)
	if err == nil {
		s.upstream = client.Issuer()
	}
	return client, users, err
}

// Mirrors reports whether users come from an authority elsewhere, so that none
// need be made here.
func (s *Server) Mirrors() bool { return s.upstream != "" }

// trust lets those sign in to the server itself, its pages for staff among
// it, whom the first of the authorities elsewhere knows. No face signs them in
// by a password that is set here.
func (s *Server) trust(base *watchword.Config, dialects []madeDialect) {
	if s.upstream == "" {
		return
	}
	own := watchword.NewPasswords(mirror.Own{DB: s.db.DB}, base.Hasher)
	for i := range dialects {
		d := &dialects[i]
		switch {
		case d.client == nil:
			d.engine.Authenticator = own
		case base.Authenticator == nil:
			proof := &mirror.Proof{Client: d.client, Users: d.users}
			if d.made.Upstream.LocalUsers {
				proof.Own = own
			}
			base.Authenticator, base.Allow = proof, proof.Allow
		}
	}
}

// clientFace is the face of an authority elsewhere, with sessions on pages.
func (s *Server) clientFace(base watchword.Config, d madeDialect) (httpauth.Face, error) {
	config := easyjwt.SessionsConfig{Lifetime: d.made.Upstream.SessionLifetime}
	if d.made.Upstream.LocalUsers {
		// By an authority of its own, which limits attempts and tells the audit
		// log, but knows this server's passwords alone.
		base.Authenticator, base.Allow = watchword.NewPasswords(mirror.Own{DB: s.db.DB}, base.Hasher), nil
		own, err := watchword.New(base)
		if err != nil {
			return httpauth.Face{}, fmt.Errorf("dialect %s: %w", d.made.Name, err)
		}
		config.Local, config.LocalUser = own.Authenticate, s.db.UserByID
	}
	sessions, err := easyjwt.NewSessions(d.client, config)
	return httpauth.Face{Service: sessions, Profile: s.dress(d.made.Profile)}, err
}
