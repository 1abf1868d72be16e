// Command load asks a running server over its public routes and prints how
// fast it answered. The server's limits on sign-ins should be off
// (WATCHWORD_LIMITS_ENABLED=false) for -op login.
//
//	go run ./bench/load -addr 127.0.0.1:8080 -login admin -password-file password.txt -op refresh -clients 8 -seconds 5
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/watchword-auth/watchword/bench/internal/load"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, w io.Writer) error {
	var c load.Config
	var seconds float64
	var file string
	flags := flag.NewFlagSet("load", flag.ContinueOnError)
	flags.StringVar(&c.Addr, "addr", "127.0.0.1:8080", "the server's `address`")
	flags.StringVar(&c.Op, "op", load.Refresh, "what to ask: "+strings.Join(load.Ops(), ", "))
	flags.IntVar(&c.Clients, "clients", 8, "`number` of clients, each with a connection and a session")
	flags.Float64Var(&seconds, "seconds", 5, "how `long`")
	flags.StringVar(&c.Login, "login", "admin", "`name` of the user to sign in")
	flags.StringVar(&file, "password-file", "-", "`file` with the password, one final newline dropped; - is standard input")
	flags.IntVar(&c.PID, "pid", 0, "the server's `process`, to tell what it uses (Linux)")
	if err := flags.Parse(args); err != nil {
		return err
	}
	c.Duration = time.Duration(seconds * float64(time.Second))
	var err error
	if c.Password, err = password(file); err != nil {
		return err
	}
	r, err := load.Run(ctx, c)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "%s, %d clients, %.1f s: %.0f req/s, p50 %.2f ms, p99 %.2f ms, %d good, %d errors, client CPU %d us/req",
		c.Op, c.Clients, r.Elapsed.Seconds(), r.Rate(), milliseconds(r.P50), milliseconds(r.P99),
		r.Requests, r.Errors, r.ClientCPU.Microseconds())
	if c.PID != 0 {
		fmt.Fprintf(w, ", server CPU %d us/req, %.1f MiB resident", r.ServerCPU.Microseconds(), float64(r.ServerMemory)/(1<<20))
	}
	fmt.Fprintln(w)
	if r.FirstError != nil {
		return fmt.Errorf("the first of %d errors: %w", r.Errors, r.FirstError)
	}
	return nil
}

// password reads a secret, which never comes by a flag's value: those are
// seen by everybody on the machine.
func password(file string) (string, error) {
	var b []byte
	var err error
	if file == "-" {
		b, err = io.ReadAll(os.Stdin)
	} else {
		b, err = os.ReadFile(file)
	}
	return strings.TrimSuffix(string(b), "\n"), err
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
