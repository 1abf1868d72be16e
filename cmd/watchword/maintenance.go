package main

import (
	"context"
	"fmt"

	"github.com/watchword-auth/watchword/cmd/watchword/internal/config"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/server"
)

type migrateCommand struct{}

func (migrateCommand) Help() string {
	return "The server does this at its start as well.\n\nExample:\n  watchword migrate --db sqlite:watchword.db"
}

// Run opens the database, which brings its tables up to date.
func (migrateCommand) Run(a *app) error {
	return a.with(true, nil, func(_ context.Context, s *site) error {
		dsn := config.MaskDSN(s.config.DB)
		return a.show(map[string]string{"db": dsn}, func() error { return a.printf("%s is up to date\n", printable(dsn)) })
	})
}

type backupCommand struct {
	File string `arg:"" help:"The file to write; it must not exist."`
}

func (backupCommand) Help() string {
	return "The server may run meanwhile. The seal file is not in the backup: keep it elsewhere, for without it the keys in the backup are worth nothing.\n\nExample:\n  watchword backup watchword-2026-11-22.db"
}

// Run writes the backup.
func (c *backupCommand) Run(a *app) error {
	return a.with(false, nil, func(ctx context.Context, s *site) error {
		if err := s.Backup(ctx, c.File); err != nil {
			return err
		}
		return a.show(map[string]string{"file": c.File}, func() error {
			return a.printf("wrote %s; keep the seal file elsewhere\n", c.File)
		})
	})
}

type purgeCommand struct{}

func (purgeCommand) Help() string {
	return "Facts that have died, sessions that ended a day ago, audit entries past audit.keep and beyond audit.max_entries. The server does this every hour.\n\nExample:\n  watchword purge"
}

// Run removes the rows.
func (purgeCommand) Run(a *app) error {
	return a.with(false, nil, func(ctx context.Context, s *site) error {
		n, err := server.Purge(ctx, s.Opened, s.config.Audit, s.now)
		if err != nil {
			return fmt.Errorf("purge: %w", err)
		}
		return a.show(map[string]int{"removed": n}, func() error { return a.printf("removed %d %s\n", n, plural(n, "row")) })
	})
}
