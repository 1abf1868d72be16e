package engine

import (
	"context"

	"github.com/watchword-auth/watchword/cmd/watchword/internal/config"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/open"
)

// Attach opens the table of users that another system keeps, where the
// settings name one and it is not open yet.
func Attach(ctx context.Context, c config.Config, db *open.Opened) error {
	if c.Users.DSN == "" || db.Foreign != nil {
		return nil
	}
	return db.Attach(ctx, c.Users.DSN, c.Users.Django, c.Users.RecordLogin)
}
