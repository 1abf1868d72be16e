package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/config"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/engine"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/manage"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/open"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/server"
)

type serveCommand struct {
	Addr          *string  `placeholder:"HOST:PORT" help:"Listen there; port 0 takes a free one (default: 127.0.0.1:8080)."`
	Issuer        *string  `placeholder:"URL" help:"Who signs the tokens (default: the address really listened on)."`
	Audience      *string  `placeholder:"NAME" help:"Whom the tokens are for (default: the issuer)."`
	Dialect       []string `sep:"none" placeholder:"NAME[=PREFIX]" help:"Answer as another system as well: ${dialects}; again for more."`
	Transport     *string  `placeholder:"NAME" help:"Where tokens ride: json, one-cookie or two-cookies (default: json)."`
	TLSCert       *string  `name:"tls-cert" placeholder:"FILE" help:"Certificate chain, as PEM; read again when it changes."`
	TLSKey        *string  `name:"tls-key" placeholder:"FILE" help:"The certificate's key, as PEM."`
	TLSSelfSigned bool     `name:"tls-self-signed" help:"Make a certificate for localhost, 127.0.0.1 and ::1, for trying out."`
	PrintConfig   bool     `help:"Print the settings, secrets masked, and end."`
}

func (serveCommand) Help() string {
	return "The first start makes the tables, a signing key and a user admin, and prints the password once.\n\nExample:\n  watchword serve --addr 127.0.0.1:8080 --db sqlite:watchword.db"
}

// flags returns the settings that were given, by their keys.
func (c *serveCommand) flags() map[string]string {
	flags := given(map[string]*string{
		"addr": c.Addr, "issuer": c.Issuer, "audience": c.Audience, "transport": c.Transport,
		"tls.cert": c.TLSCert, "tls.key": c.TLSKey,
	})
	if c.TLSSelfSigned {
		flags["tls.self_signed"] = "true"
	}
	return flags
}

// Run serves until the process is asked to end.
func (c *serveCommand) Run(a *app) error {
	settings, err := a.config(c.flags(), c.Dialect...)
	if err != nil {
		return err
	}
	if c.PrintConfig {
		return settings.Print(a.out)
	}
	return a.serve(settings)
}

func (a *app) serve(c config.Config) (err error) {
	// Who reads the log may go away. A server goes on; SIGPIPE would end it.
	signal.Ignore(syscall.SIGPIPE)
	logs := server.NewLogWriter(a.err)
	defer func() { err = errors.Join(err, logs.Close()) }()
	log := logger(logs, c.Log)

	// The address first: where it is taken, nothing has been made yet.
	listener, err := listen(a.ctx, c.Addr)
	if err != nil {
		return err
	}
	defer func() { _ = listener.Close() }() // a server that ran has closed it
	if err := a.rehearse(c, listener); err != nil {
		return err
	}
	db, err := open.Store(a.ctx, c.DB)
	if err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		err = errors.Join(err, db.Close(ctx))
	}()
	if err := engine.Attach(a.ctx, c, db); err != nil {
		return err
	}
	seal, err := engine.Seal(a.ctx, c, db)
	if err != nil {
		return err
	}
	// The keys come with the server, the first user after them: a start that
	// was cut off is made up for by the next.
	s, err := server.New(a.ctx, server.Options{Config: c, DB: db, Seal: seal, Listener: listener, Log: log})
	if err != nil {
		return err
	}
	if !s.Mirrors() {
		if err := a.firstUser(c, db); err != nil {
			return err
		}
	}
	return s.Run(a.ctx, func() { a.noteln("listening on " + s.URL()) })
}

// logger writes as the settings say.
func logger(w io.Writer, c config.Log) *slog.Logger {
	o := &slog.HandlerOptions{Level: c.Level}
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}

func listen(ctx context.Context, addr string) (net.Listener, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", addr)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, failf(watchword.Conflict, "%s is taken by another program: end it, or choose another address with --addr", addr)
	case errors.Is(err, os.ErrPermission):
		return nil, failf(watchword.PermissionDenied, "%s may not be listened on by this user: choose a port above 1023 with --addr", addr)
	case err != nil:
		return nil, fmt.Errorf("listen on %s: %w", addr, inner(err))
	}
	return l, nil
}

// inner leaves out the address, which is told already.
func inner(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err
	}
	return err
}

// rehearse wires a server over a database in memory, where the one of the
// settings is not there yet: a first start that fails leaves nothing behind.
func (a *app) rehearse(c config.Config, listener net.Listener) (err error) {
	path, ok := databaseFile(c.DB)
	if _, missing := os.Stat(path); !ok || !errors.Is(missing, fs.ErrNotExist) {
		return nil
	}
	db, err := open.Store(a.ctx, "sqlite::memory:")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close(a.ctx)) }()
	if err := engine.Attach(a.ctx, c, db); err != nil {
		return err
	}
	seal, err := engine.Seal(a.ctx, c, db)
	if err != nil {
		return err
	}
	_, err = server.New(a.ctx, server.Options{
		Config: c, DB: db, Seal: seal, Listener: listener, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return err
	}
	_, _, err = a.admin(c)
	return err
}

// admin returns the first user's name and password, and the hash. Where the
// environment gives no password one is made, and returned to be shown.
func (a *app) admin(c config.Config) (admin config.Admin, hash string, err error) {
	if admin, err = config.LoadAdmin(a.environ); err != nil {
		return admin, "", err
	}
	if admin.Login == "" {
		admin.Login = "admin"
	}
	names := map[string]string{"login": "the first user's name", "email": "the first user's e-mail address"}
	if err := inFlags(manage.CheckUser(watchword.User{Login: admin.Login, Email: admin.Email}), names); err != nil {
		return admin, "", err
	}
	given := admin.Password
	if given == "" {
		admin.Password = newPassword()
		hash, err = hashPassword(a.ctx, c, admin.Login, admin.Password, false)
		return admin, hash, err
	}
	admin.Password = ""
	if hash, err = hashPassword(a.ctx, c, admin.Login, given, false); err != nil {
		err = fmt.Errorf("the first user's password (WATCHWORD_ADMIN_PASSWORD): %w", err)
	}
	return admin, hash, err
}

// firstUser adds the user admin where there is no user at all, and prints
// the password, unless the environment gave one.
func (a *app) firstUser(c config.Config, db *open.Opened) error {
	if db.Foreign != nil {
		return nil
	}
	users, err := db.ListUsers(a.ctx, "", 1)
	if err != nil {
		return fmt.Errorf("list users: %w", err)
	}
	if len(users) > 0 {
		return nil
	}
	admin, hash, err := a.admin(c)
	if err != nil {
		return err
	}
	u, err := db.CreateUser(a.ctx, watchword.NewUser{
		User:         watchword.User{Login: admin.Login, Email: admin.Email, Active: true, Staff: true, Superuser: true},
		PasswordHash: hash,
	})
	if errors.Is(err, watchword.Conflict) {
		return nil // another server that starts on the same database was faster
	}
	if err != nil {
		return fmt.Errorf("add the first user: %w", err)
	}
	debug.FreeOSMemory() // what the hash took: the server is yet to begin
	if admin.Password != "" {
		a.noteln(fmt.Sprintf("%s password: %s", admin.Login, admin.Password))
	}
	entry := engine.Entry(watchword.Event{
		Kind: watchword.UserChanged, At: time.Now(), Profile: watchword.NativeProfile, UserID: u.ID, Login: u.Login, Detail: "added at the first start",
	})
	return db.AppendAudit(a.ctx, []watchword.AuditEntry{entry})
}

// newPassword returns 130 random bits in groups that can be typed.
func newPassword() string {
	text := strings.ToLower(rand.Text())
	return strings.Join([]string{text[:6], text[6:13], text[13:19], text[19:26]}, "-")
}
