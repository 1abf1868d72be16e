package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/config"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/engine"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/manage"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/open"
)

// commandLine is who did it, in the audit log.
const commandLine = "command line"

// site is the opened database, as commands work on it. A server may run on
// it meanwhile: it takes notice by the facts that are written.
type site struct {
	*open.Opened
	app    *app
	config config.Config
	served engine.Served
	now    time.Time
	events []watchword.Event
}

// open opens the database of the settings. Unless make is set, it must be
// there: a command that only looks must not leave an empty one behind.
func (a *app) open(make bool, own map[string]string) (*site, error) {
	c, err := a.config(own)
	if err != nil {
		return nil, err
	}
	if path, ok := databaseFile(c.DB); ok && !make {
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return nil, failf(watchword.NotFound, "there is no database %s: name it with --db, or start the server, which makes it", path)
		}
	}
	db, err := open.Store(a.ctx, c.DB)
	if err != nil {
		return nil, err
	}
	s := &site{Opened: db, app: a, config: c, now: time.Now()}
	if s.served, err = engine.Recall(a.ctx, db); err != nil {
		return nil, errors.Join(err, db.Close(a.ctx))
	}
	return s, nil
}

// databaseFile returns the path of a database in a file.
func databaseFile(dsn string) (string, bool) {
	path, ok := strings.CutPrefix(dsn, "sqlite:")
	return path, ok && path != ":memory:"
}

// with opens the database, does the work, writes down what happened and
// closes it.
func (a *app) with(make bool, own map[string]string, do func(ctx context.Context, s *site) error) (err error) {
	s, err := a.open(make, own)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.finish()) }()
	return do(a.ctx, s)
}

// finish writes the audit entries and closes. What was done stands, also
// where the command was interrupted right after.
func (s *site) finish() error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.app.ctx), 10*time.Second)
	defer cancel()
	var err error
	if len(s.events) > 0 {
		var entries []watchword.AuditEntry
		for _, e := range s.events {
			entries = append(entries, engine.Entry(e))
		}
		if err = s.AppendAudit(ctx, entries); err != nil {
			err = fmt.Errorf("write audit log: %w", err)
		}
	}
	return errors.Join(err, s.Close(ctx))
}

// tell notes what was done, for the audit log.
func (s *site) tell(e watchword.Event) {
	e.Client.Device, e.Actor = commandLine, operator().Name()
	if e.At.IsZero() {
		e.At = s.now
	}
	if e.Profile == "" {
		e.Profile = watchword.NativeProfile
	}
	s.events = append(s.events, e)
}

// operator is who acts: the database is his.
func operator() manage.Actor {
	return manage.Actor{Operator: true, From: watchword.Client{Device: commandLine}}
}

// actions returns what the pages and the API for administration do, for users,
// sessions and clients. Of keys it knows nothing.
func (s *site) actions() (*manage.Actions, error) {
	return manage.New(manage.Options{
		Store: s.Opened, Users: s.Roll(), LongestLife: s.served.LongestLife(s.config.Lifetimes.Access),
		Record: func(_ context.Context, e watchword.Event) { s.tell(e) },
		Now:    func() time.Time { return s.now },
	})
}

// until is how long a fact written now must live: as long as the longest
// access token that any server on this database has made, whatever settings
// this command was given, and two minutes for clocks that differ and for the
// leeway of verifiers, as the engine adds them.
func (s *site) until() time.Time {
	return s.now.Add(s.served.LongestLife(s.config.Lifetimes.Access) + 2*time.Minute)
}

// user finds a user by login or e-mail address.
func (s *site) user(ctx context.Context, login string) (watchword.User, error) {
	roll, err := s.roll(ctx)
	if err != nil {
		return watchword.User{}, err
	}
	u, _, err := roll.UserByLogin(ctx, login)
	if errors.Is(err, watchword.NotFound) && s.served.Upstream != "" {
		u, err = mirroredByName(ctx, roll, login)
	}
	if errors.Is(err, watchword.NotFound) {
		return u, failf(watchword.NotFound, "there is no user %q: `watchword user list` shows them", login)
	}
	if err != nil {
		return u, fmt.Errorf("find user: %w", err)
	}
	return u, nil
}

// roll returns the people who sign in. Another system's table is opened only
// where somebody is looked for: keys and backups do not need it.
func (s *site) roll(ctx context.Context) (open.Roll, error) {
	if err := engine.Attach(ctx, s.config, s.Opened); err != nil {
		return nil, err
	}
	return s.Roll(), nil
}

// ownUsers refuses to change users whom another system keeps.
func ownUsers(c config.Config) error {
	if c.Users.DSN == "" {
		return nil
	}
	return failf(watchword.PermissionDenied, "the users are kept in Django's table %s (users.dsn in the settings): change them there", printable(c.Users.Table))
}

// authority makes the native authority over the database, for what needs its
// keys. Its events go to the audit log.
func (s *site) authority(ctx context.Context) (*watchword.Authority, error) {
	seal, err := engine.Seal(ctx, s.config, s.Opened)
	if err != nil {
		return nil, err
	}
	if err := engine.Attach(ctx, s.config, s.Opened); err != nil {
		return nil, err
	}
	c, err := engine.Config(s.config, s.Opened, seal)
	if err != nil {
		return nil, err
	}
	c.Issuer, c.Audience = s.names()
	c.Observers = append(c.Observers, func(_ context.Context, e watchword.Event) { s.tell(e) })
	return watchword.NewContext(ctx, c)
}

// names returns issuer and audience: those of the settings, else those that
// the server last had.
func (s *site) names() (issuer, audience string) {
	issuer, audience = s.config.Issuer, s.config.Audience
	switch {
	case issuer == "" && audience == "":
		issuer, audience = s.served.Issuer, s.served.Audience
	case issuer == "":
		issuer = s.served.Issuer
	case audience == "":
		audience = issuer
	}
	if issuer == "" {
		issuer = unknownIssuer
	}
	if audience == "" {
		audience = issuer
	}
	return issuer, audience
}

// unknownIssuer stands where no server has run yet, for commands whose work
// has nothing to do with it.
const unknownIssuer = "http://issuer.invalid"

// stamp writes a time as the HTTP API does.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Truncate(time.Second).Format(time.RFC3339)
}
