package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/watchword-auth/watchword/cmd/watchword/internal/config"
	"github.com/watchword-auth/watchword/dialect"
)

// Exit codes.
const (
	exitDone   = 0
	exitFailed = 1 // refused, failed, or something found
	exitUsage  = 2
)

// streams are where a command reads and writes.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// commands is the command line: kong reads the grammar off it.
type commands struct {
	Help helpFlag `short:"h" help:"Show what the command does, with an example."`
	globals

	Serve      serveCommand      `cmd:"" help:"Run the server."`
	User       userCommands      `cmd:"" help:"Who can sign in."`
	Session    sessionCommands   `cmd:"" help:"Who is signed in."`
	Key        keyCommands       `cmd:"" help:"What tokens are signed with."`
	Client     clientCommands    `cmd:"" help:"Machines that may ask."`
	Token      tokenCommands     `cmd:"" help:"Make and examine tokens."`
	Audit      auditCommands     `cmd:"" help:"What has happened."`
	Dialect    dialectCommands   `cmd:"" help:"Other systems that the server answers as."`
	Gate       gateCommand       `cmd:"" help:"Guard a service in any language."`
	Demo       demoCommands      `cmd:"" help:"Start real parts and measure what is promised."`
	Migrate    migrateCommand    `cmd:"" help:"Make the tables, or bring them up to date."`
	Backup     backupCommand     `cmd:"" help:"Copy the database of a running server."`
	Restore    restoreCommand    `cmd:"" help:"Put a backup in the place of the database."`
	Purge      purgeCommand      `cmd:"" help:"Remove rows that can no longer matter."`
	Doctor     doctorCommand     `cmd:"" help:"Report unsafe or impossible settings."`
	Version    versionCommand    `cmd:"" help:"Show the version."`
	Completion completionCommand `cmd:"" help:"Print completions for a shell."`
}

// globals are the flags that every command takes.
type globals struct {
	DB        *string `name:"db" placeholder:"DSN" help:"The database: sqlite:PATH or sqlite::memory: (default: sqlite:watchword.db)."`
	Config    string  `placeholder:"FILE" type:"path" help:"Read settings from this TOML file."`
	LogLevel  *string `placeholder:"LEVEL" help:"debug, info, warn or error."`
	LogFormat *string `placeholder:"FORMAT" help:"text or json."`
	JSON      bool    `name:"json" help:"Print data, and errors, as JSON."`
}

// flags returns the settings that were given, by their keys.
func (g globals) flags() map[string]string {
	return given(map[string]*string{"db": g.DB, "log.level": g.LogLevel, "log.format": g.LogFormat})
}

// given leaves out what was not.
func given(flags map[string]*string) map[string]string {
	set := make(map[string]string)
	for key, value := range flags {
		if value != nil {
			set[key] = *value
		}
	}
	return set
}

// helpFlag prints the help of the command it stands at.
type helpFlag bool

// errHelp ends the run after help was shown.
var errHelp = errors.New("help was shown")

// BeforeReset is called by kong as soon as the flag was seen.
func (helpFlag) BeforeReset(k *kong.Context) error {
	if err := k.PrintUsage(false); err != nil {
		return err
	}
	return errHelp
}

// IsBool tells kong that the flag takes no value.
func (helpFlag) IsBool() bool { return true }

// app is what commands run in.
type app struct {
	streams

	ctx     context.Context // of the process: it ends with SIGTERM
	environ []string
	globals globals
	model   *kong.Application
}

// run parses args, runs the command and returns the exit code. It is all of
// the program but for the process, so that tests can drive it.
func run(ctx context.Context, args []string, s streams, environ []string) int {
	var c commands
	k, err := grammar(&c, s)
	if err != nil {
		fmt.Fprintf(s.err, "watchword: %v\n", err)
		return exitUsage
	}
	parsed, err := k.Parse(protectIDs(args))
	if errors.Is(err, errHelp) {
		return exitDone
	}
	if err == nil {
		a := &app{streams: s, ctx: ctx, environ: environ, globals: c.globals, model: k.Model}
		err = parsed.Run(a)
	} else {
		err = &usageError{err}
	}
	return report(s.err, asJSON(c, args), err)
}

func grammar(c *commands, s streams) (*kong.Kong, error) {
	return kong.New(c,
		kong.Name("watchword"),
		kong.Description("Signs people in and keeps them signed in: tokens checked as cheaply as JWTs and ended as surely as sessions.\n\n"+
			"Settings come from flags, then WATCHWORD_… variables, then the file that --config or WATCHWORD_CONFIG names."),
		kong.Vars{"dialects": strings.Join(dialect.Names(), ", ")},
		kong.NoDefaultHelp(),
		kong.Writers(s.out, s.err),
		kong.Exit(func(int) {}), // run returns instead
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
	)
}

// asJSON finds out how to report, also where parsing ended before --json.
func asJSON(c commands, args []string) bool {
	for _, arg := range args {
		if arg == "--json" {
			return true
		}
	}
	return c.globals.JSON
}

// config loads the settings, with the command's own flags beside the global
// ones.
func (a *app) config(own map[string]string, dialects ...string) (config.Config, error) {
	flags := a.globals.flags()
	for key, value := range own {
		flags[key] = value
	}
	return config.Load(config.Sources{
		Flags: flags, File: a.globals.Config, Dialects: dialects, Environ: a.environ,
	})
}

// printf writes to standard output. Its errors are those of a pipe that
// nobody reads any more.
func (a *app) printf(format string, args ...any) error {
	_, err := fmt.Fprintf(a.out, format, args...)
	return err
}

// noteln writes a line to standard error, for people.
func (a *app) noteln(line string) {
	_, _ = fmt.Fprintln(a.err, strings.TrimSpace(line)) // nowhere to report it to
}
