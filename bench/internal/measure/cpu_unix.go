//go:build unix

package measure

import (
	"syscall"
	"time"
)

// CPU returns the processor time that this process has used, in user and
// system mode, its garbage collector included.
func CPU() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err) // cannot fail for one's own process
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
