package main

import (
	"context"
	"errors"
	"strings"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/config"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/manage"
)

type userCommands struct {
	Add     userAddCommand     `cmd:"" help:"Add a user."`
	Import  userImportCommands `cmd:"" help:"Take over users from another system."`
	List    userListCommand    `cmd:"" help:"List the users."`
	Show    userShowCommand    `cmd:"" help:"Show a user."`
	Set     userSetCommand     `cmd:"" help:"Change a user."`
	Passwd  userPasswdCommand  `cmd:"" help:"Set a user's password and end the user's sessions."`
	Disable userDisableCommand `cmd:"" help:"Let a user sign in no more and end the user's sessions."`
	Enable  userEnableCommand  `cmd:"" help:"Let a user sign in again."`
	Delete  userDeleteCommand  `cmd:"" help:"Delete a user and end the user's sessions."`
}

type userAddCommand struct {
	Login   string `arg:"" optional:"" help:"The name to sign in with."`
	Local   bool   `help:"In a client service, whose users come from an authority: add one who is known here alone."`
	Noinput bool   `help:"With --superuser: take name, e-mail address and password from WATCHWORD_ADMIN_USERNAME, _EMAIL and _PASSWORD or DJANGO_SUPERUSER_…, or from the files that the same names with _FILE name."`
	userFlags
}

func (userAddCommand) Help() string {
	return "Example:\n  echo 'a good password' | watchword user add ann --email ann@example.com --scope posts:read --password-stdin"
}

// Run adds the user.
func (c *userAddCommand) Run(a *app) error {
	var admin config.Admin
	if c.Noinput {
		var err error
		if admin, err = c.fromEnvironment(a.environ); err != nil {
			return err
		}
	}
	if c.Login == "" {
		return usagef("the login is missing: watchword user add LOGIN")
	}
	change, err := c.change(&c.Login, "the login")
	if err != nil {
		return err
	}
	settings, err := a.config(nil)
	if err != nil {
		return err
	}
	if err := ownUsers(settings); err != nil {
		return err
	}
	if err := a.mayAdd(settings, c.Login, c.Local); err != nil {
		return err
	}
	// Before the database is made: a password that is refused leaves none.
	hash, err := a.newHash(settings, c.passwordFlags, c.Login, admin.Password)
	if err != nil {
		return err
	}
	u := watchword.User{Active: true}
	apply(&u, change)
	return a.with(true, nil, func(ctx context.Context, s *site) error {
		actions, err := s.actions()
		if err != nil {
			return err
		}
		u, err := actions.CreateUser(ctx, operator(), manage.NewUser{User: u, PasswordHash: hash})
		if err != nil {
			return taken(err)
		}
		return a.show(recordOf(u), func() error { return a.printf("added user %s with id %s\n", u.Login, u.ID) })
	})
}

// fromEnvironment fills what was not given on the command line.
func (c *userAddCommand) fromEnvironment(environ []string) (config.Admin, error) {
	if c.Superuser == nil || !*c.Superuser {
		return config.Admin{}, usagef("--noinput goes with --superuser")
	}
	admin, err := config.LoadAdmin(environ)
	if err != nil {
		return admin, err
	}
	if c.Login == "" {
		c.Login = admin.Login
	}
	if c.Email == nil && admin.Email != "" {
		c.Email = &admin.Email
	}
	if c.Staff == nil {
		// As Django's createsuperuser has it, and serve's first start.
		c.Staff = c.Superuser
	}
	if c.Login == "" {
		return admin, usagef("the login is missing: set WATCHWORD_ADMIN_USERNAME or DJANGO_SUPERUSER_USERNAME")
	}
	if admin.Password == "" && !c.PasswordStdin && !c.PasswordHashStdin {
		return admin, usagef("the password is missing: set WATCHWORD_ADMIN_PASSWORD, DJANGO_SUPERUSER_PASSWORD or either with _FILE")
	}
	return admin, nil
}

type userListCommand struct {
	Find   string `placeholder:"TEXT" help:"Only those whose login or e-mail address begins so, in any case."`
	Ranked *bool  `negatable:"" help:"Only staff and superusers, or all but them."`
	Active *bool  `negatable:"" help:"Only those who can sign in, or who cannot."`
}

func (userListCommand) Help() string {
	return "In order of creation; with --find in order of names.\n\nExample:\n  watchword user list --json\n  watchword user list --find ann --no-active"
}

// listPage is how many rows are read at a time.
const listPage = 1000

// Run lists the users.
func (c *userListCommand) Run(a *app) error {
	return a.with(false, nil, func(ctx context.Context, s *site) error {
		if _, err := s.roll(ctx); err != nil {
			return err
		}
		actions, err := s.actions()
		if err != nil {
			return err
		}
		list := s.userList()
		filter := watchword.UserFilter{Prefix: c.Find, Ranked: c.Ranked, Active: c.Active, Limit: listPage}
		for {
			page, err := actions.FindUsers(ctx, operator(), filter)
			if err != nil {
				return err
			}
			for _, u := range page.Users {
				list.add(u)
			}
			if filter.After = page.Next; page.Next == "" {
				break
			}
		}
		return a.show(list.records, func() error { return a.table(list.head, list.rows) })
	})
}

// standing is a user's rank and state in words.
func standing(u watchword.User) string {
	var words []string
	for _, w := range []struct {
		is   bool
		word string
	}{{!u.Active, "inactive"}, {u.Superuser, "superuser"}, {u.Staff, "staff"}} {
		if w.is {
			words = append(words, w.word)
		}
	}
	return strings.Join(words, ",")
}

type userShowCommand struct {
	Login string `arg:"" help:"The user's login or e-mail address."`
}

func (userShowCommand) Help() string { return "Example:\n  watchword user show ann" }

// Run shows the user's record.
func (c *userShowCommand) Run(a *app) error {
	return a.with(false, nil, func(ctx context.Context, s *site) error {
		u, err := s.user(ctx, c.Login)
		if err != nil {
			return err
		}
		return a.showUser(u)
	})
}

type userSetCommand struct {
	Login    string  `arg:"" help:"The user's login or e-mail address."`
	NewLogin *string `placeholder:"LOGIN" help:"The login from now on."`
	userFlags
}

func (userSetCommand) Help() string {
	return "Lists are replaced as a whole. Tokens made before rights changed are refused as stale, and a refresh mends it.\n\nExample:\n  watchword user set ann --scope posts:read --scope posts:write --no-staff"
}

// Run changes the user.
func (c *userSetCommand) Run(a *app) error {
	change, err := c.change(c.NewLogin, "--new-login")
	if err != nil {
		return err
	}
	return a.changeUser(c.Login, "changed", change, &c.passwordFlags)
}

type userPasswdCommand struct {
	Login string `arg:"" help:"The user's login or e-mail address."`
	passwordFlags
}

func (userPasswdCommand) Help() string {
	return "Without a flag the password is asked for, where standard input is a terminal.\n\nExample:\n  echo 'a better password' | watchword user passwd ann --password-stdin"
}

// Run sets the password.
func (c *userPasswdCommand) Run(a *app) error {
	if !c.PasswordStdin && !c.PasswordHashStdin && !a.terminal() {
		return errNoPassword()
	}
	c.PasswordStdin = !c.PasswordHashStdin
	return a.changeUser(c.Login, "set the password of", watchword.UserChange{}, &c.passwordFlags)
}

type userDisableCommand struct {
	Login string `arg:"" help:"The user's login or e-mail address."`
}

func (userDisableCommand) Help() string { return "Example:\n  watchword user disable ann" }

// Run disables the user.
func (c *userDisableCommand) Run(a *app) error {
	active := false
	return a.changeUser(c.Login, "disabled", watchword.UserChange{Active: &active}, nil)
}

type userEnableCommand struct {
	Login string `arg:"" help:"The user's login or e-mail address."`
}

func (userEnableCommand) Help() string { return "Example:\n  watchword user enable ann" }

// Run enables the user.
func (c *userEnableCommand) Run(a *app) error {
	active := true
	return a.changeUser(c.Login, "enabled", watchword.UserChange{Active: &active}, nil)
}

type userDeleteCommand struct {
	Login string `arg:"" help:"The user's login or e-mail address."`
}

func (userDeleteCommand) Help() string {
	return "The id is never given to anybody else.\n\nExample:\n  watchword user delete ann"
}

// Run deletes the user.
func (c *userDeleteCommand) Run(a *app) error {
	return a.with(false, nil, func(ctx context.Context, s *site) error {
		if err := ownUsers(s.config); err != nil {
			return err
		}
		u, err := s.user(ctx, c.Login)
		if err != nil {
			return err
		}
		actions, err := s.actions()
		if err != nil {
			return err
		}
		if err := actions.DeleteUser(ctx, operator(), u.ID); err != nil {
			return err
		}
		return a.show(recordOf(u), func() error { return a.printf("deleted user %s; sessions ended\n", printable(u.Login)) })
	})
}

// changeUser changes a user and says what was done. With password flags that
// ask for it, the password too.
func (a *app) changeUser(login, done string, change watchword.UserChange, p *passwordFlags) error {
	return a.with(false, nil, func(ctx context.Context, s *site) error {
		if err := ownUsers(s.config); err != nil {
			return err
		}
		u, err := s.user(ctx, login)
		if err != nil {
			return err
		}
		if p != nil && (p.PasswordStdin || p.PasswordHashStdin) {
			hash, err := a.newHash(s.config, *p, u.Login, "")
			if err != nil {
				return err
			}
			change.PasswordHash = &hash
		}
		if change == (watchword.UserChange{}) {
			return usagef("nothing to change was named")
		}
		actions, err := s.actions()
		if err != nil {
			return err
		}
		if u, err = actions.ChangeUser(ctx, operator(), u.ID, change); err != nil {
			return taken(err)
		}
		ended := ""
		if change.PasswordHash != nil || change.Active != nil && !*change.Active {
			ended = "; sessions ended"
		}
		return a.show(recordOf(u), func() error { return a.printf("%s user %s%s\n", done, printable(u.Login), ended) })
	})
}

// taken says what to do about a name that somebody else has.
func taken(err error) error {
	if errors.Is(err, watchword.Conflict) {
		return failf(watchword.Conflict, "the login or e-mail address is taken: `watchword user list` shows by whom")
	}
	return inFlags(err, map[string]string{"login": "the login"})
}
