//go:build !linux

package pgtest

import (
	"os"
	"syscall"
	"testing"
)

// account has nothing to change: what is started runs as who runs the test.
func account(tb testing.TB, _ string) *syscall.SysProcAttr {
	tb.Helper()
	if os.Geteuid() == 0 {
		tb.Skip("PostgreSQL does not run as root")
	}
	return nil
}

func chown(string, *syscall.SysProcAttr) error { return nil }
