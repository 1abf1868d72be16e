package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/config"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/engine"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/open"
)

type restoreCommand struct {
	File         string `arg:"" help:"A file that backup wrote."`
	KeepSessions bool   `help:"Let sessions and tokens of before go on. What was ended since the backup was made is open again."`
}

func (restoreCommand) Help() string {
	return "The server must not be running, and the seal file must be in its place. The former database is kept beside the new one. " +
		"All sessions end, and access tokens issued before are refused; numbers of users and sessions jump, so that none is given twice.\n\n" +
		"Example:\n  watchword restore watchword-2026-11-22.db"
}

// Run restores. All is done to a copy; putting it in place is the last step.
func (c *restoreCommand) Run(a *app) (err error) {
	settings, err := a.config(nil)
	if err != nil {
		return err
	}
	path, ok := databaseFile(settings.DB)
	if !ok {
		return failf(watchword.InvalidRequest, "only a database in a file can be restored: name it with --db sqlite:PATH")
	}
	if path, err = filepath.Abs(path); err != nil {
		return err
	}
	staged, err := open.Stage(c.File, path)
	if err != nil {
		return err
	}
	defer func() {
		if removed := os.Remove(staged); removed != nil && !errors.Is(removed, os.ErrNotExist) {
			err = errors.Join(err, removed)
		}
	}()
	settings.Keys.SealFile = engine.SealFile(settings, path)
	ended, err := c.prepare(a.ctx, settings, staged)
	if err != nil {
		return err
	}
	kept, err := open.Replace(a.ctx, staged, path)
	if errors.Is(err, open.ErrInUse) {
		return failf(watchword.Conflict, "%s is in use: stop the server, then restore", path)
	}
	if err != nil {
		return err
	}
	return a.show(map[string]any{"file": c.File, "ended": ended, "kept_sessions": c.KeepSessions, "former": kept}, func() error {
		return a.printRestored(c, ended, kept)
	})
}

func (a *app) printRestored(c *restoreCommand, ended int, kept string) error {
	what := fmt.Sprintf("%d %s ended, and access tokens issued before now are refused", ended, plural(ended, "session"))
	if c.KeepSessions {
		what = "sessions and tokens of before go on"
	}
	former := ""
	if kept != "" {
		former = "; the former database is " + kept
	}
	return a.printf("restored %s: %s%s\n", c.File, what, former)
}

// prepare checks the copy and makes it a database of its own.
func (c *restoreCommand) prepare(ctx context.Context, settings config.Config, staged string) (ended int, err error) {
	db, err := open.Store(ctx, "sqlite:"+staged)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", c.File, err)
	}
	defer func() { err = errors.Join(err, db.Close(context.WithoutCancel(ctx))) }()
	if err := db.Integrity(ctx); err != nil {
		return 0, fmt.Errorf("%s: %w", c.File, err)
	}
	if err := c.recognise(ctx, db); err != nil {
		return 0, err
	}
	if _, err := engine.Seal(ctx, settings, db); err != nil {
		return 0, err
	}
	served, err := engine.Recall(ctx, db)
	if err != nil {
		return 0, err
	}
	now := time.Now()
	until := now.Add(served.LongestLife(settings.Lifetimes.Access) + time.Minute)
	if ended, err = db.Renew(ctx, c.KeepSessions, until, now); err != nil {
		return 0, err
	}
	entry := engine.Entry(watchword.Event{
		Kind: watchword.Revoked, At: now, Profile: watchword.NativeProfile, Client: watchword.Client{Device: commandLine},
		Detail: fmt.Sprintf("backup restored, %d sessions ended", ended),
	})
	return ended, db.AppendAudit(ctx, []watchword.AuditEntry{entry})
}

// recognise refuses a database of something else, in which opening it has
// just made our tables.
func (c *restoreCommand) recognise(ctx context.Context, db *open.Opened) error {
	users, err := db.ListUsers(ctx, "", 1)
	if err != nil {
		return fmt.Errorf("%s: %w", c.File, err)
	}
	keys, _, err := db.Keys(ctx, watchword.NativeProfile)
	if err != nil {
		return fmt.Errorf("%s: %w", c.File, err)
	}
	if len(users) == 0 && len(keys) == 0 {
		return failf(watchword.InvalidRequest, "%s has neither users nor keys in it: it is no backup of a server's database", c.File)
	}
	return nil
}
