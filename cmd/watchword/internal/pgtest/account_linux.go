package pgtest

import (
	"os"
	"os/user"
	"strconv"
	"syscall"
	"testing"
)

// account returns how the programs are to be started, and gives dir to who
// they run as: PostgreSQL refuses to be root. What is started dies with this
// process, also where a test's time is up and no Cleanup runs.
func account(tb testing.TB, dir string) *syscall.SysProcAttr {
	tb.Helper()
	as := &syscall.SysProcAttr{Pdeathsig: syscall.SIGQUIT}
	if os.Geteuid() != 0 {
		return as
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
		if err1 != nil || err2 != nil {
			continue
		}
		as.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid), Groups: []uint32{}}
		if err := chown(dir, as); err != nil {
			tb.Fatal(err)
		}
		return as
	}
	tb.Skip("PostgreSQL does not run as root, and there is no user postgres or nobody")
	return nil
}

func chown(path string, as *syscall.SysProcAttr) error {
	if as.Credential == nil {
		return nil
	}
	return os.Chown(path, int(as.Credential.Uid), int(as.Credential.Gid))
}
