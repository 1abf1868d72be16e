package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/config"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/mirror"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/open"
	"github.com/watchword-auth/watchword/httpauth"
)

// mayAdd refuses to add users by hand where they come from an authority
// elsewhere, unless one is meant who is known here alone. A database that is
// not there yet has not been served.
func (a *app) mayAdd(c config.Config, login string, local bool) error {
	if _, _, ok := mirror.Remote(login); ok {
		return usagef("%q is the login of a mirrored user: choose another", login)
	}
	path, file := databaseFile(c.DB)
	if _, err := os.Stat(path); local || file && errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return a.with(false, nil, func(_ context.Context, s *site) error {
		if s.served.Upstream == "" {
			return nil
		}
		return failf(watchword.PermissionDenied, "users come from the authority %s: add them there, or give --local for one who is known here alone", printable(s.served.Upstream))
	})
}

// userList is what a list of users shows. Where some are mirrored it has a
// column for their ids at the authority.
type userList struct {
	mirrors bool
	head    string
	records []httpauth.Object
	rows    [][]string
}

func (s *site) userList() *userList {
	l := &userList{mirrors: s.served.Upstream != "", head: "ID LOGIN EMAIL STANDING LAST-LOGIN", records: []httpauth.Object{}}
	if l.mirrors {
		l.head += " REMOTE-ID"
	}
	return l
}

func (l *userList) add(u watchword.User) {
	l.records = append(l.records, recordOf(u))
	row := []string{u.ID, u.Login, u.Email, standing(u), stamp(u.LastLoginAt)}
	if l.mirrors {
		_, id, _ := mirror.Remote(u.Login)
		row = append(row, id)
	}
	l.rows = append(l.rows, row)
}

// mirroredByName finds a mirrored user by what stands before the @ of his
// address, as long as that is one.
func mirroredByName(ctx context.Context, roll open.Roll, name string) (watchword.User, error) {
	name = watchword.FoldLogin(name)
	var found []watchword.User
	for after := ""; ; {
		page, err := roll.ListUsers(ctx, after, listPage)
		if err != nil {
			return watchword.User{}, fmt.Errorf("list users: %w", err)
		}
		for _, u := range page {
			local, _, _ := strings.Cut(u.Email, "@")
			if _, _, ok := mirror.Remote(u.Login); ok && watchword.FoldLogin(local) == name {
				found = append(found, u)
			}
		}
		if len(page) < listPage {
			break
		}
		after = page[len(page)-1].ID
	}
	switch len(found) {
	case 0:
		return watchword.User{}, watchword.NotFound
	case 1:
		return found[0], nil
	default:
		return watchword.User{}, failf(watchword.Conflict, "%d mirrored users are called %s: give the whole address", len(found), printable(name))
	}
}
