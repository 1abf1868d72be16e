package server

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/mirror"
	"github.com/watchword-auth/watchword/dialect"
	"github.com/watchword-auth/watchword/remote"
	"github.com/watchword-auth/watchword/remote/easyjwt"
)

// madeDialect is a dialect of the settings and what its engine is to be.
type madeDialect struct {
	made   dialect.Dialect
	engine watchword.Config
	// client, of the authority elsewhere that stands behind the dialect, and
	// its users; nil: there is an engine.
	client *easyjwt.Client
	users  *mirror.Mirror
}

// makeDialects makes the dialects of the settings, and reports the faults of
// all of them.
func (s *Server) makeDialects(ctx context.Context, base watchword.Config) ([]madeDialect, error) {
	var list []madeDialect
	var faults []error
	seen := make(map[string]bool)
	for _, d := range s.config.Dialects {
		if seen[d.Name] {
			faults = append(faults, fmt.Errorf("dialect %s is there twice", d.Name))
			continue
		}
		seen[d.Name] = true
		settings, err := d.ResolvedSettings()
		if err != nil {
			faults = append(faults, err)
			continue
		}
		made, err := dialect.ByName(d.Name, dialect.Options{
			Prefix: d.Prefix, Settings: settings, SampleRoutes: d.SampleRoutes, UserFields: d.UserFields,
			InsecureShortSecret: d.InsecureShortSecret, AdoptUntil: d.AdoptUntil, Exposed: s.exposed(),
		})
		if err != nil {
			faults = append(faults, err)
			continue
		}
		one := madeDialect{made: made}
		if made.Upstream != nil {
			one.client, one.users, err = s.makeClient(ctx, made)
		} else {
			one.engine, err = s.makeEngine(base, made)
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("dialect %s: %w", d.Name, err))
			continue
		}
		for _, note := range made.Notes {
			s.log.Warn("dialect "+d.Name, "note", note)
		}
		list = append(list, one)
	}
	return list, errors.Join(faults...)
}

// makeEngine returns what the engine of a dialect is to be.
func (s *Server) makeEngine(base watchword.Config, made dialect.Dialect) (watchword.Config, error) {
	engine, err := made.Engine(base)
	if err == nil && made.KeysURL != "" {
		engine.VerifyKeys, err = s.keysOf(made.KeysURL)
	}
	return engine, err
}

// keysOf follows the key set of another system until the server ends.
func (s *Server) keysOf(url string) (*remote.Keys, error) {
	keys, err := remote.NewKeys(remote.KeysConfig{URL: url})
	if err == nil {
		s.closers = append(s.closers, keys.Close)
	}
	return keys, err
}

// exposed reports whether other machines can reach the server.
func (s *Server) exposed() bool {
	addr, err := netip.ParseAddrPort(s.listener.Addr().String())
	return err != nil || !addr.Addr().Unmap().IsLoopback()
}

// longest returns the longest life of a token of any face that has no session
// to end.
func longest(base watchword.Config, dialects []madeDialect) time.Duration {
	life := base.AccessLifetime
	for _, d := range dialects {
		life = max(life, d.engine.AccessLifetime)
		if until := d.engine.AdoptUntil; !until.IsZero() {
			// A refresh token of the old system can be shown until then, and
			// facts must still speak against it.
			life = max(life, time.Until(until))
		}
	}
	return life
}
