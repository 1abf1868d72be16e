package load

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"
)

// process is what the system tells of another process.
type process struct {
	cpu      time.Duration // in user and system mode
	resident int64         // bytes of memory
}

// tick is the unit of times in /proc, the same on all of Linux.
const tick = time.Second / 100

// processOf reads /proc; of 0 it tells nothing.
func processOf(pid int) (process, error) {
	if pid == 0 {
		return process{}, nil
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return process{}, err
	}
	// The name, in parentheses, may hold anything; see proc(5).
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 13 {
		return process{}, fmt.Errorf("/proc/%d/stat has %d fields", pid, len(fields))
	}
	user, err := strconv.ParseInt(string(fields[11]), 10, 64)
	if err != nil {
		return process{}, err
	}
	system, err := strconv.ParseInt(string(fields[12]), 10, 64)
	if err != nil {
		return process{}, err
	}
	p := process{cpu: time.Duration(user+system) * tick}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return process{}, err
	}
	for line := range bytes.Lines(status) {
		if rest, ok := bytes.CutPrefix(line, []byte("VmRSS:")); ok {
			kib, err := strconv.ParseInt(string(bytes.TrimSpace(bytes.TrimSuffix(bytes.TrimSpace(rest), []byte("kB")))), 10, 64)
			if err != nil {
				return process{}, err
			}
			p.resident = kib << 10
		}
	}
	return p, nil
}
