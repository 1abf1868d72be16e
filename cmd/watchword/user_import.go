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
	"github.com/watchword-auth/watchword/cmd/watchword/internal/move"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/open"
)

type userImportCommands struct {
	Django userImportDjangoCommand `cmd:"" help:"Take over the users of a Django site, with groups, permissions, hashes and blacklists."`
	File   userImportFileCommand   `cmd:"" help:"Take over users from a CSV or JSON-lines file with hashes."`
}

// importFlags are those of every import.
type importFlags struct {
	DryRun    bool `help:"Change nothing, and say what would be done."`
	Update    bool `help:"Take over, too, what has changed there since the last import. It replaces what was changed here."`
	DropEmail bool `help:"Take over without his e-mail address whoever has one that is somebody else's already."`
}

type userImportDjangoCommand struct {
	DSN     string `name:"dsn" xor:"dsn" placeholder:"DSN" help:"The site's database: sqlite:PATH or postgres://…"`
	DSNFile string `name:"dsn-file" xor:"dsn" placeholder:"FILE" type:"path" help:"Read the DSN from this file, for one with a password."`
	Map     string `name:"map" placeholder:"FILE" type:"path" help:"Where the users stand, in TOML, if not in auth_user."`
	importFlags
}

func (userImportDjangoCommand) Help() string {
	return "Nothing in the site's database is changed, and a server may run on ours. The same again goes on where the last run ended, and changes nothing where there is nothing new.\n\nExample:\n  watchword user import django --dsn sqlite:db.sqlite3 --dry-run"
}

// Run imports from the tables of a Django site.
func (c *userImportDjangoCommand) Run(a *app) error {
	dsn := c.DSN
	if c.DSNFile != "" {
		data, err := config.ReadSecret(c.DSNFile)
		if err != nil {
			return err
		}
		dsn = string(data)
	}
	if dsn == "" {
		return usagef("the site's database is missing: --dsn sqlite:PATH or --dsn postgres://…")
	}
	var m move.Mapping
	if c.Map != "" {
		if err := config.ReadTables(c.Map, &m); err != nil {
			return err
		}
	}
	db, err := open.ReadOnly(a.ctx, dsn)
	if err != nil {
		return err
	}
	defer db.Close()
	site, err := move.OpenDjango(a.ctx, db, m)
	if err != nil {
		return err
	}
	defer site.Close()
	return a.bringIn(site, c.importFlags)
}

type userImportFileCommand struct {
	File   string `arg:"" type:"path" help:"The file."`
	Format string `enum:",csv,jsonl" default:"" placeholder:"FORMAT" help:"csv or jsonl; the name's ending says it otherwise."`
	importFlags
}

func (userImportFileCommand) Help() string {
	return "The first row of a CSV file names its columns, of: id, login, email, password_hash, first_name, last_name, phone, location, active, staff, superuser, groups, permissions, scopes, extra, created_at, last_login_at. Lists are parted by semicolons, or JSON arrays.\n\nExample:\n  watchword user import file users.csv --dry-run"
}

// Run imports from a file.
func (c *userImportFileCommand) Run(a *app) error {
	f, err := move.OpenFile(c.File, c.Format)
	if err != nil {
		return err
	}
	return a.bringIn(f, c.importFlags)
}

// bringIn imports from the source and reports.
func (a *app) bringIn(from move.Source, f importFlags) error {
	settings, err := a.config(nil)
	if err != nil {
		return err
	}
	if err := ownUsers(settings); err != nil {
		return err
	}
	if f.DryRun {
		a.dryRunWithoutDatabase(settings)
	}
	return a.with(!f.DryRun, nil, func(ctx context.Context, s *site) error {
		if s.served.Upstream != "" {
			return failf(watchword.PermissionDenied, "users come from the authority %s: import there", printable(s.served.Upstream))
		}
		p := newProgress(a.err)
		r, err := move.Run(ctx, from, s.DB, move.Options{
			DryRun: f.DryRun, Update: f.Update, DropEmails: f.DropEmail,
			Now: s.now, Until: s.until(), Progress: p.show,
		})
		p.end()
		if n := r.Users.Added + r.Users.Updated; n > 0 && !f.DryRun {
			s.tell(watchword.Event{
				Kind: watchword.UserChanged, Detail: fmt.Sprintf("imported %d users from %s", n, from.Name()),
			})
		}
		if err != nil {
			if ctx.Err() != nil {
				return failf(watchword.Unavailable, "interrupted; %d users were added and %d updated, and the same command goes on from there", r.Users.Added, r.Users.Updated)
			}
			return fmt.Errorf("import: %w", err)
		}
		if err := a.show(r, func() error { return a.showImport(r) }); err != nil {
			return err
		}
		if n := r.Users.LeftOut; n > 0 {
			return failf(watchword.Conflict, "%d of %d users were left out, each with its reason above; correct them there and run the same again", n, r.Users.Read)
		}
		return nil
	})
}

// dryRunWithoutDatabase has a dry run take place in memory where there is no
// database yet: it must not leave one behind.
func (a *app) dryRunWithoutDatabase(c config.Config) {
	path, ok := databaseFile(c.DB)
	if !ok {
		return
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		memory := "sqlite::memory:"
		a.globals.DB = &memory
	}
}

// mostShown bounds the names in each list that people get to see; --json has
// all of them, up to move.MostNamed.
const mostShown = 50

// showImport prints a report.
func (a *app) showImport(r *move.Report) error {
	did := "imported"
	if r.DryRun {
		did = "dry run: nothing was changed; would be imported"
	}
	u, h, b := r.Users, r.Hashes, r.Blacklist
	if err := a.printf("%s from %s\n", did, printable(r.Source)); err != nil {
		return err
	}
	rows := [][]string{}
	for _, row := range []struct {
		name   string
		n      int
		always bool
		remark string
	}{
		{"users read", u.Read, true, ""},
		{"added", u.Added, true, ""},
		{"here already", u.Same, false, "nothing new of them"},
		{"updated", u.Updated, false, ""},
		{"differ", u.Differing, false, "changed there since, or never known to be the same; left as they are here: --update takes over what is there"},
		{"deleted here", u.Deleted, false, "taken over once and deleted since: not brought back"},
		{"left out", u.LeftOut, true, ""},
		{"without e-mail", u.WithoutEmail, false, "theirs is somebody else's"},
		{"texts cleaned", u.Cleaned, false, "too long, or with control characters"},
		{"long lists", u.LongLists, false, "of groups, permissions and scopes: they make long tokens"},
		{"groups", r.Groups, true, ""},
		{"permissions", r.Permissions, true, ""},
		{"hashes checked", h.Checked, true, "these sign in as before"},
		{"of those, weak", h.Weak, false, "replaced by better ones as their owners sign in"},
		{"no password", h.Unusable, false, "cannot sign in with one there either"},
		{"not checked", h.Unchecked, false, "cannot sign in until they get a new password"},
		{"blacklist rows", b.Rows, true, ""},
		{"of those, live", b.Live, b.Rows > 0, "refused here too"},
		{"newly refused", b.Added, b.Live > 0, ""},
	} {
		if row.n != 0 || row.always {
			rows = append(rows, []string{row.name, fmt.Sprint(row.n), row.remark})
		}
	}
	for _, c := range h.Classes {
		remark := ""
		if c.Weak {
			remark = "weak"
		}
		rows = append(rows, []string{"hash " + c.Class, fmt.Sprint(c.Users), remark})
	}
	if err := a.importTable(rows); err != nil {
		return err
	}
	return a.showLists(r)
}

// importTable prints rows of a name, a number and a remark.
func (a *app) importTable(rows [][]string) error {
	for _, row := range rows {
		line := strings.TrimRight(fmt.Sprintf("  %-38s %10s  %s", printable(row[0]), row[1], row[2]), " ")
		if err := a.printf("%s\n", line); err != nil {
			return err
		}
	}
	return nil
}

// showLists prints who is concerned.
func (a *app) showLists(r *move.Report) error {
	var leftOut, unchecked, differing, long, without []string
	for _, l := range r.LeftOut {
		leftOut = append(leftOut, fmt.Sprintf("%s %s: %s (%s)", printable(l.Place), printable(l.Login), l.Why, l.Kind))
	}
	for _, l := range r.Unchecked {
		unchecked = append(unchecked, fmt.Sprintf("%s %s: %s", printable(l.Place), printable(l.Login), l.Why))
	}
	for _, l := range r.Differing {
		differing = append(differing, printable(l.Place)+" "+printable(l.Login))
	}
	for _, l := range r.LongLists {
		long = append(long, printable(l.Place)+" "+printable(l.Login))
	}
	for _, l := range r.WithoutEmail {
		without = append(without, printable(l.Place)+" "+printable(l.Login))
	}
	for _, list := range []struct {
		title string
		lines []string
		all   int
	}{
		{"left out", leftOut, r.Users.LeftOut},
		{"whose password cannot be checked", unchecked, r.Hashes.Unchecked},
		{"who differ", differing, r.Users.Differing},
		{"with long lists", long, r.Users.LongLists},
		{"without e-mail", without, r.Users.WithoutEmail},
	} {
		if list.all == 0 {
			continue
		}
		shown := list.lines[:min(len(list.lines), mostShown)]
		if err := a.printf("%s:\n  %s\n", list.title, strings.Join(shown, "\n  ")); err != nil {
			return err
		}
		if more := list.all - len(shown); more > 0 {
			if err := a.printf("  and %d more (--json lists up to %d)\n", more, move.MostNamed); err != nil {
				return err
			}
		}
	}
	return nil
}
