package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/compare"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/config"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/engine"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/open"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/server"
	"github.com/watchword-auth/watchword/dialect"
)

type dialectCheckCommand struct {
	Against       string `required:"" placeholder:"URL" help:"Where the original runs."`
	Dialect       string `required:"" placeholder:"NAME[=PREFIX]" help:"Which system it is: ${dialects}."`
	Ours          string `placeholder:"URL" help:"Where a server of ours runs (default: one that is made for the check, over a database in memory)."`
	Login         string `placeholder:"LOGIN" help:"Somebody who may sign in there; without one nothing is asked that needs a token."`
	PasswordStdin bool   `help:"Read the password from standard input; one newline at its end is dropped."`
}

func (dialectCheckCommand) Help() string {
	return "Sends the same requests to both and prints where the answers part; what is known to, with its reason. The exit code is 1 where something else does. " +
		"The requests sign in, rightly and wrongly, and refresh; they change nothing else.\n\n" +
		"Example:\n  watchword dialect check --against http://127.0.0.1:8000 --dialect ellar --login ann --password-stdin < password"
}

// checkTimeout bounds the wait for one answer.
const checkTimeout = 15 * time.Second

// checked is the result of a check as --json has it.
type checked struct {
	Dialect     string               `json:"dialect"`
	Against     string               `json:"against"`
	Requests    int                  `json:"requests"`
	LeftOut     int                  `json:"left_out"`
	Differences []compare.Difference `json:"differences"`
}

// Run compares.
func (c *dialectCheckCommand) Run(a *app) (err error) {
	against, settings, made, err := c.read(a)
	if err != nil {
		return err
	}
	credentials, err := c.credentials(a)
	if err != nil {
		return err
	}
	listed, err := dialect.Differences(made.Name)
	if err != nil {
		return err
	}
	ours := compare.Side{URL: strings.TrimSuffix(c.Ours, "/"), Client: checkClient(nil)}
	if c.Ours == "" {
		s, failed := a.rival(settings, strings.HasPrefix(against, "https:"), credentials)
		if failed != nil {
			return failed
		}
		defer func() { err = errors.Join(err, s.stop()) }()
		ours = s.side
	}
	theirs, err := compare.Play(a.ctx, compare.Side{URL: against, Client: checkClient(nil)}, made.Script, credentials)
	if err != nil {
		return noAnswer(err)
	}
	own, err := compare.Play(a.ctx, ours, made.Script, credentials)
	if err != nil {
		return noAnswer(err)
	}
	found, n := compare.Diff(made.Script, theirs, own, listed)
	if found == nil {
		found = []compare.Difference{} // [] and not null as JSON
	}
	result := checked{Dialect: made.Name, Against: against, Requests: n, LeftOut: len(made.Script) - n, Differences: found}
	if err := a.show(result, func() error { return a.printChecked(result) }); err != nil {
		return err
	}
	if n := unknown(found); n > 0 {
		return fmt.Errorf("%d %s of unknown reason: give the dialect the original's settings with --config, or see docs/dialects.md", n, plural(n, "difference"))
	}
	return nil
}

// unknown counts the differences that nobody has explained.
func unknown(found []compare.Difference) int {
	n := 0
	for _, d := range found {
		if !d.Known {
			n++
		}
	}
	return n
}

// noAnswer tells of a server that does not answer in words of its own.
func noAnswer(err error) error {
	if errors.Is(err, compare.ErrNoAnswer) {
		return failf(watchword.Unavailable, "%s", oneLine(err))
	}
	return err
}

// read makes the dialect by the settings.
func (c *dialectCheckCommand) read(a *app) (against string, settings config.Config, made dialect.Dialect, err error) {
	name, _, _ := strings.Cut(c.Dialect, "=")
	if !slices.Contains(dialect.Names(), name) {
		return "", settings, made, usagef("--dialect: there is no dialect %q: %s", name, strings.Join(dialect.Names(), ", "))
	}
	for flag, text := range map[string]string{"--against": c.Against, "--ours": c.Ours} {
		if err := checkAddress(flag, text); err != nil && (flag == "--against" || text != "") {
			return "", settings, made, err
		}
	}
	settings, err = a.config(map[string]string{"db": "sqlite::memory:"}, c.Dialect)
	if err != nil {
		return "", settings, made, err
	}
	made, err = makeDialect(settings, name)
	return strings.TrimSuffix(c.Against, "/"), settings, made, err
}

// checkAddress wants the address of a server. What it says never repeats a
// password in it.
func checkAddress(flag, text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return usagef("%s: want an address such as http://127.0.0.1:8000", flag)
	}
	return nil
}

func (c *dialectCheckCommand) credentials(a *app) (map[string]string, error) {
	if (c.Login == "") == c.PasswordStdin {
		return nil, usagef("--login and --password-stdin go together")
	}
	if c.Login == "" {
		return nil, nil //nolint:nilnil // nobody signs in
	}
	data, err := a.input()
	if err != nil {
		return nil, err
	}
	return map[string]string{"login": c.Login, "password": string(config.DropNewline(data))}, nil
}

func checkClient(t *tls.Config) *http.Client {
	return &http.Client{
		Timeout:       checkTimeout,
		Transport:     &http.Transport{TLSClientConfig: t, Proxy: http.ProxyFromEnvironment},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func (a *app) printChecked(c checked) error {
	for _, d := range c.Differences {
		mark := "differs"
		if d.Known {
			mark = "known  "
		}
		if err := a.printf("%s  %s %s (%s): %s\n         there  %s\n         here   %s\n", mark, d.Method, d.Path, d.Request, d.What, brief(d.Theirs), brief(d.Ours)); err != nil {
			return err
		}
		if d.Known {
			if err := a.printf("         since  %s (%s)\n", d.Reason, d.Row); err != nil {
				return err
			}
		}
	}
	n := unknown(c.Differences)
	if err := a.printf("%d %s, %d %s, and %d known\n", c.Requests, plural(c.Requests, "request"), n, plural(n, "difference"), len(c.Differences)-n); err != nil {
		return err
	}
	if c.LeftOut == 0 {
		return nil
	}
	return a.printf("left out: %d %s for somebody who is signed in (--login)\n", c.LeftOut, plural(c.LeftOut, "request"))
}

// brief keeps an answer to one line of a terminal.
func brief(text string) string {
	const most = 300
	if len(text) > most {
		text = text[:most] + "…"
	}
	return printable(strings.ToValidUTF8(text, "\ufffd"))
}

// rival is a server of ours made for a check.
type rival struct {
	side compare.Side
	stop func() error
}

// rival starts a server over a database in memory that knows nobody but the
// one who signs in.
func (a *app) rival(c config.Config, secure bool, credentials map[string]string) (*rival, error) {
	c.DB, c.TLS = "sqlite::memory:", config.TLS{SelfSigned: secure}
	c.Limits.Enabled = false // the script is wrong more often than people are
	var lc net.ListenConfig
	listener, err := lc.Listen(a.ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen: %w", inner(err))
	}
	db, err := open.Store(a.ctx, c.DB)
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	undo := func(err error) (*rival, error) {
		return nil, errors.Join(err, listener.Close(), db.Close(context.WithoutCancel(a.ctx)))
	}
	seal, err := engine.Seal(a.ctx, c, db)
	if err != nil {
		return undo(err)
	}
	s, err := server.New(a.ctx, server.Options{Config: c, DB: db, Seal: seal, Listener: listener, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return undo(err)
	}
	if err := a.double(c, db, credentials); err != nil {
		return undo(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(a.ctx))
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- s.Run(ctx, func() { close(ready) }) }()
	stop := func() error {
		cancel()
		return errors.Join(<-ended, db.Close(context.WithoutCancel(a.ctx)))
	}
	select {
	case <-ready:
	case err := <-ended:
		ended <- err
		return nil, stop()
	}
	var t *tls.Config
	if secure {
		t = &tls.Config{InsecureSkipVerify: true} //nolint:gosec // G402: our own server's certificate, made a moment ago, on loopback
	}
	return &rival{side: compare.Side{URL: s.URL(), Client: checkClient(t)}, stop: stop}, nil
}

// double adds the one who signs in, with something in every field, so that
// the shapes of records can be compared.
func (a *app) double(c config.Config, db *open.Opened, credentials map[string]string) error {
	login := credentials["login"]
	if login == "" {
		return nil
	}
	hash, err := hashPassword(a.ctx, c, login, credentials["password"], true)
	if err != nil {
		return err
	}
	u := watchword.User{Login: login, Email: login, FirstName: "First", LastName: "Last", Active: true}
	if !strings.Contains(login, "@") {
		u.Email = login + "@example.com"
	}
	_, err = db.CreateUser(a.ctx, watchword.NewUser{User: u, PasswordHash: hash})
	return err
}
