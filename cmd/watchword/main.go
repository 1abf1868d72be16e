// Command watchword is an authentication server, and the commands to look
// after it. `watchword --help` lists them; `watchword serve` starts it.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The first signal asks for an orderly end. A second interrupt, from
	// somebody who waits, gets what it would get without us. SIGTERM comes
	// twice from those who tell a process and then its group, timeout(1)
	// among them, and says nothing new: it must not cut off what the first
	// has begun.
	context.AfterFunc(ctx, func() {
		signal.Notify(make(chan os.Signal, 1), syscall.SIGTERM)
		stop()
	})
	code := run(ctx, os.Args[1:], streams{in: os.Stdin, out: os.Stdout, err: os.Stderr}, os.Environ())
	stop()
	os.Exit(code)
}
