package server

import (
	"context"
	"slices"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/adminapi"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/engine"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/manage"
	"github.com/watchword-auth/watchword/httpauth"
	"github.com/watchword-auth/watchword/password"
)

// newActions makes what the pages and the JSON API for administration call.
func (s *Server) newActions(seal []byte, hasher *password.Hasher) (*manage.Actions, error) {
	numbers, err := watchword.NewNumbers(seal, watchword.NativeProfile)
	if err != nil {
		return nil, err
	}
	var claimed []string
	for _, d := range s.config.Dialects {
		claimed = append(claimed, d.UserFields...)
	}
	o := manage.Options{
		Store: s.db, Users: s.db.Roll(), Faces: slices.Clone(s.followed), Numbers: numbers, Hasher: hasher, FixedKey: s.config.Keys.Secret,
		Upstream: s.upstream, Claimed: claimed, LongestLife: s.longest, Record: s.recordAdmin, Settings: s.config.Print,
	}
	return manage.New(o)
}

// recordAdmin writes down what was done, before whoever did it is told so: it
// must not get lost where the queue of everything else is full.
func (s *Server) recordAdmin(ctx context.Context, e watchword.Event) {
	ctx, cancel := context.WithTimeout(ctx, stopTimeout)
	defer cancel()
	if err := s.db.AppendAudit(ctx, []watchword.AuditEntry{engine.Entry(e)}); err != nil {
		s.log.Error("write audit log", "error", err, "kind", e.Kind.String(), "actor", e.Actor, "detail", e.Detail)
	}
}

// withAdmin adds the JSON API for administration to the faces, behind the guard
// of the native one, which is the first. Where the settings switch it off,
// there is none, and no pages either.
func (s *Server) withAdmin(faces []httpauth.Face, seal []byte, hasher *password.Hasher) ([]httpauth.Face, error) {
	if !s.config.Admin.Enabled {
		return faces, nil
	}
	var err error
	if s.actions, err = s.newActions(seal, hasher); err != nil {
		return nil, err
	}
	api, err := adminapi.New(adminapi.Options{Actions: s.actions, Receipts: s.db, Seal: seal})
	if err != nil {
		return nil, err
	}
	profile := s.dress(api.Profile(faces[0].Profile.Transport))
	return append(faces, httpauth.Face{Service: faces[0].Service, Profile: profile}), nil
}
