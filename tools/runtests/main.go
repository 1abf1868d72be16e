// Command runtests runs go test with its arguments and says at the end which
// tests were left out, each with its reason. With CI=true a test left out is a
// failure: a suite that silently stopped running proves nothing. Only a reason
// that begins with "does not apply" is taken for what it is, a case of a contract
// that has no meaning for one of its implementations.
//
// Packages' lines are printed as they come, the output of a test only if it fails.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
)

func main() {
	os.Exit(run(os.Args[1:], os.Getenv("CI") == "true", os.Stdout, os.Stderr))
}

func run(args []string, ci bool, stdout, stderr io.Writer) int {
	cmd := exec.Command("go", append([]string{"test", "-json"}, args...)...)
	cmd.Stderr = stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		fmt.Fprintln(stderr, "runtests:", err)
		return 1
	}
	if err := cmd.Start(); err != nil {
		fmt.Fprintln(stderr, "runtests:", err)
		return 1
	}
	r := report{out: stdout, pending: map[test][]string{}}
	if err := r.read(out); err != nil {
		fmt.Fprintln(stderr, "runtests:", err)
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		return 1
	}
	failed := cmd.Wait() != nil
	fmt.Fprintf(stdout, "%d passed, %d failed, %d skipped\n", r.passed, r.failed, len(r.skipped))
	for _, s := range r.skipped {
		fmt.Fprintln(stdout, "skipped:", s)
	}
	if failed || r.failed > 0 {
		return 1
	}
	if ci && r.leftOut {
		fmt.Fprintln(stderr, "runtests: with CI=true nothing may be left out")
		return 1
	}
	return 0
}

// An event is a line of go test -json; go doc test2json names the actions.
type event struct {
	Action  string
	Package string
	Test    string
	Output  string
}

type test struct{ pkg, name string }

const notApplicable = "does not apply"

type report struct {
	out            io.Writer
	pending        map[test][]string // output of tests that have not ended yet
	passed, failed int
	skipped        []string
	leftOut        bool // a test that does apply was skipped
}

func (r *report) read(in io.Reader) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			// go test prints a few faults (no such package, say) as plain text.
			fmt.Fprintln(r.out, lines.Text())
			continue
		}
		r.add(e)
	}
	return lines.Err()
}

func (r *report) add(e event) {
	id := test{e.Package, e.Test}
	switch e.Action {
	case "build-output":
		fmt.Fprint(r.out, e.Output)
	case "output":
		if e.Test == "" {
			r.packageLine(e.Output)
			return
		}
		r.pending[id] = append(r.pending[id], e.Output)
	case "pass":
		if e.Test != "" {
			r.passed++
		}
		delete(r.pending, id)
	case "skip":
		if e.Test != "" {
			why := reason(r.pending[id])
			r.skipped = append(r.skipped, e.Package+" "+e.Test+": "+why)
			r.leftOut = r.leftOut || !strings.HasPrefix(why, notApplicable)
		}
		delete(r.pending, id)
	case "fail":
		if e.Test != "" {
			r.failed++
			r.print(id)
			return
		}
		r.printPackage(e.Package) // a panic or a time-out takes tests along that never ended
	}
}

// packageLine prints what a package says of itself, but for a bare PASS: the
// line that begins with ok follows.
func (r *report) packageLine(line string) {
	if line != "PASS\n" {
		fmt.Fprint(r.out, line)
	}
}

func (r *report) print(id test) {
	fmt.Fprint(r.out, strings.Join(r.pending[id], ""))
	delete(r.pending, id)
}

func (r *report) printPackage(pkg string) {
	var left []test
	for id := range r.pending {
		if id.pkg == pkg {
			left = append(left, id)
		}
	}
	slices.SortFunc(left, func(a, b test) int { return strings.Compare(a.name, b.name) })
	for _, id := range left {
		r.print(id)
	}
}

// where is what go test puts before what a test says: file.go:12:
var where = regexp.MustCompile(`^\S+\.go:\d+: `)

// reason is what a skipped test said, without go test's own frame.
func reason(output []string) string {
	var said []string
	for _, line := range output {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "===") && !strings.HasPrefix(line, "---") {
			said = append(said, where.ReplaceAllString(line, ""))
		}
	}
	if said == nil {
		return "no reason given"
	}
	return strings.Join(said, " ")
}
