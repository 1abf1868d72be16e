package server

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/console"
	"github.com/watchword-auth/watchword/httpauth"
)

// openPages makes the authority of the admin pages' sessions, unless they are
// switched off. It comes after those of the faces and follows the store as
// they do.
func (s *Server) openPages(ctx context.Context, base watchword.Config) error {
	if !s.config.Admin.Enabled {
		return nil
	}
	auth, err := console.NewAuthority(ctx, base)
	if err != nil {
		return err
	}
	s.pages = auth
	s.followed = append(s.followed, auth)
	return nil
}

// pagesPath is where the admin pages are.
const pagesPath = "/admin/"

// mountPages puts the admin pages beside the faces.
func (s *Server) mountPages(mux *http.ServeMux, faces []httpauth.Face, seal []byte) error {
	if s.pages == nil {
		return nil
	}
	o := console.Options{
		Authority: s.pages, Native: s.auth, Actions: s.actions, Store: s.db, SealKey: seal,
		ClientOf: httpauth.ClientBehind(s.config.HTTP.TrustedProxies...), Report: s.pageRefused,
	}
	for _, f := range faces {
		face := console.Face{Name: f.Profile.Name, Prefix: f.Profile.Prefix, Routes: f.Profile.Patterns()}
		for _, route := range face.Routes {
			// It would stand before the page, and get what people type there.
			if _, path, _ := strings.Cut(route, " "); strings.HasPrefix(path, pagesPath) {
				return fmt.Errorf("%s has the route %s, where the admin pages are: give it another path or set admin.enabled to false", face.Name, route)
			}
		}
		o.Faces = append(o.Faces, face)
	}
	pages, err := console.New(o)
	if err != nil {
		return err
	}
	mux.Handle(pagesPath, pages)
	return nil
}

// pageRefused logs why a page was not shown, and returns the request's id.
func (s *Server) pageRefused(r *http.Request, status int, err error) string {
	id, level := requestID(r.Context()), slog.LevelDebug
	if status >= http.StatusInternalServerError {
		level = slog.LevelError
	}
	s.log.Log(r.Context(), level, "page refused", "request_id", id, "status", status, "error", err)
	return id
}
