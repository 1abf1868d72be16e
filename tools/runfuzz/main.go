// Command runfuzz finds every fuzz target of the packages it is given and runs
// each for a while, one after the other: go test fuzzes one target at a time.
//
//	runfuzz -time 5s ./...
package main

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

func run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("runfuzz", flag.ContinueOnError)
	flags.SetOutput(stderr)
	duration := flags.Duration("time", 5*time.Second, "how long each target runs")
	match := flags.String("match", "^Fuzz", "which targets run, a regular expression")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	targets, err := find(*match, flags.Args(), stderr)
	if err != nil {
		fmt.Fprintln(stderr, "runfuzz:", err)
		return 1
	}
	failed := 0
	for _, t := range targets {
		fmt.Fprintf(stdout, "fuzz %s %s for %v\n", t.pkg, t.name, *duration)
		if !t.fuzz(*duration, stdout, stderr) {
			failed++
		}
	}
	fmt.Fprintf(stdout, "fuzz: %d targets, %d failed\n", len(targets), failed)
	if failed > 0 {
		return 1
	}
	return 0
}

type target struct{ pkg, name string }

// find lists the targets. go test -list prints the names of a package's targets
// and then the package's own line, which begins with ok.
func find(match string, packages []string, stderr io.Writer) ([]target, error) {
	cmd := exec.Command("go", append([]string{"test", "-list", match}, packages...)...)
	cmd.Stderr = stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go test -list: %w\n%s", err, out)
	}
	var targets []target
	var names []string
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		switch {
		case len(fields) == 1 && strings.HasPrefix(fields[0], "Fuzz"):
			names = append(names, fields[0])
		case len(fields) > 1 && fields[0] == "ok":
			for _, name := range names {
				targets = append(targets, target{fields[1], name})
			}
			names = nil
		}
	}
	return targets, nil
}

func (t target) fuzz(duration time.Duration, stdout, stderr io.Writer) bool {
	var out bytes.Buffer
	cmd := exec.Command("go", "test", "-run", "^$", "-fuzz", "^"+t.name+"$", "-fuzztime", duration.String(), t.pkg)
	cmd.Stdout = io.MultiWriter(stdout, &out)
	cmd.Stderr = stderr
	err := cmd.Run()
	if err == nil {
		return true
	}
	// Before Go 1.27 a target may fail at the very moment its time is up, with no
	// input found (go.dev/issue/75804). A real failure leaves its input behind.
	if bytes.Contains(out.Bytes(), []byte("context deadline exceeded")) &&
		!bytes.Contains(out.Bytes(), []byte("Failing input written to")) {
		fmt.Fprintf(stdout, "fuzz %s: time was up, no failing input\n", t.name)
		return true
	}
	fmt.Fprintf(stdout, "fuzz %s: %v\n", t.name, err)
	return false
}
