// Command timing looks for what the time of a refused sign-in tells a
// stranger: whether somebody is known, disabled, or has a hash of another
// cost. It asks an authority in its own process, or with -addr a running
// server whose limits on sign-ins are off.
//
//	go run ./bench/timing
//	go run ./bench/timing -addr 127.0.0.1:8080 -known ann,old-ann -disabled bob
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"

	"github.com/watchword-auth/watchword/password"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var o options
	flag.IntVar(&o.attempts, "n", 1000, "`number` of sign-ins for each table, shared among its cases")
	tables := flag.String("tables", strings.Join(allTables(), ","), "which stored hashes there are beside the preferred ones, in process")
	flag.IntVar(&o.bcryptCost, "bcrypt", 12, "`cost` of the bcrypt hashes, in process")
	flag.StringVar(&o.addr, "addr", "", "`address` of a running server to ask instead")
	known := flag.String("known", "", "`logins` that exist there, by commas")
	disabled := flag.String("disabled", "", "`logins` that exist there and are disabled, by commas")
	flag.Parse()
	o.tables, o.known, o.disabled = list(*tables), list(*known), list(*disabled)
	if err := run(ctx, os.Stdout, o); err != nil {
		fmt.Fprintln(os.Stderr, "timing:", err)
		stop()
		os.Exit(1)
	}
}

type options struct {
	attempts        int
	tables          []string
	addr            string
	known, disabled []string
	hasher          password.Config // of the authority in process
	bcryptCost      int
}

func list(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ',' })
}

func run(ctx context.Context, w io.Writer, o options) error {
	if o.addr != "" {
		return overHTTP(ctx, w, o)
	}
	for _, name := range o.tables {
		ask, cases, err := inProcess(ctx, name, o.hasher, o.bcryptCost)
		if err != nil {
			return err
		}
		r, err := experiment(ctx, ask, cases, o.attempts)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		r.write(w, "in process, the table holds "+name)
	}
	return nil
}
