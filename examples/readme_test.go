// Package examples_test holds the README to what the program does: its
// commands are run and its answers compared.
package examples_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/watchword-auth/watchword/dialect"
	"github.com/watchword-auth/watchword/examples/internal/run"
)

// block is a fenced block of the README that is marked as tested.
type block struct{ text, answer string }

// blocks returns those with the mark, each with the answer that follows it.
func blocks(t *testing.T, mark string) []block {
	t.Helper()
	readme, err := os.ReadFile(filepath.Join(run.Root(t), "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	fence := regexp.MustCompile("(?m)^<!-- " + regexp.QuoteMeta(mark) + " -->\n```[a-z]+\n((?:.*\n)*?)```\n(?:```text\n((?:.*\n)*?)```\n)?")
	var found []block
	for _, m := range fence.FindAllStringSubmatch(string(readme), -1) {
		found = append(found, block{m[1], m[2]})
	}
	if len(found) == 0 {
		t.Fatalf("the README has no block marked %q", mark)
	}
	return found
}

func TestProgramIsTheExample(t *testing.T) {
	const example = "examples/mount/main.go"
	source, err := os.ReadFile(filepath.Join(run.Root(t), example))
	if err != nil {
		t.Fatal(err)
	}
	if got := blocks(t, "same as: "+example)[0].text; got != string(source) {
		t.Errorf("the program in README.md is not %s: copy one to the other", example)
	}
	if lines := regexp.MustCompile(`(?m)^.*\S.*$`).FindAllString(string(source), -1); len(lines) > 25 {
		t.Errorf("%s has %d lines, want at most 25", example, len(lines))
	}
}

// TestTry runs the README's first commands in order, in one shell, and
// compares each answer. An ellipsis there stands for anything.
func TestTry(t *testing.T) {
	dir, addr := t.TempDir(), run.Addr(t)
	p := run.Command(t, addr, dir, run.Watchword(t), "serve", "--addr", addr)
	printed := p.Printed(t, regexp.MustCompile(`(?m)^admin password: (\S+)$`))
	tested := blocks(t, "tested: try")
	const next = "=== next ==="
	var script strings.Builder
	for _, b := range tested {
		text := strings.ReplaceAll(b.text, "127.0.0.1:8080", addr)
		text = regexp.MustCompile(`(?m)^PASSWORD=.*$`).ReplaceAllString(text, "PASSWORD="+printed[1])
		fmt.Fprintf(&script, "%secho; echo '%s'\n", text, next)
	}
	answers := strings.Split(run.Bash(t, dir, nil, "-c", script.String()), next+"\n")
	for i, b := range tested {
		pattern := strings.ReplaceAll(regexp.QuoteMeta(strings.TrimSpace(b.answer)), "…", `[^"]*`)
		if got := strings.TrimSpace(answers[i]); !regexp.MustCompile("^" + pattern + "$").MatchString(got) {
			t.Errorf("%sanswers\n%s\nREADME.md says\n%s", b.text, got, b.answer)
		}
	}
}

// TestComingFrom sends the first request of every dialect in the README's
// table, to a server that has them all.
func TestComingFrom(t *testing.T) {
	t.Setenv("WATCHWORD_ADMIN_EMAIL", "admin@example.com")
	rows := regexp.MustCompile("(?m)^\\| .* \\| `watchword serve (--dialect [a-z0-9-]+)` \\| `(curl .*?)` \\|").FindAllStringSubmatch(page(t, "README.md"), -1)
	engines := 0
	for _, name := range dialect.Names() {
		if d, err := dialect.ByName(name, dialect.Options{}); err != nil || d.Engine != nil {
			engines++ // the others need a second server
		}
	}
	if len(rows) != engines {
		t.Errorf("the README tells of %d dialects, want %d", len(rows), engines)
	}
	dir, addr := t.TempDir(), run.Addr(t)
	args := []string{"serve", "--addr", addr}
	for _, row := range rows {
		args = append(args, strings.Fields(row[1])...)
	}
	p := run.Command(t, addr, dir, run.Watchword(t), args...)
	printed := p.Printed(t, regexp.MustCompile(`(?m)^admin password: (\S+)$`))
	fill := strings.NewReplacer("127.0.0.1:8080", addr, `"email":"…"`, `"email":"admin@example.com"`, "…", printed[1])
	for _, row := range rows {
		if status := run.Bash(t, dir, nil, "-c", fill.Replace(row[2])+` -s -o answer -w '%{http_code}'`); status != "200" {
			answer, _ := os.ReadFile(filepath.Join(dir, "answer"))
			t.Errorf("%s answers %s %s", row[2], status, answer)
		}
	}
}

// TestMount follows the README to the program in it.
func TestMount(t *testing.T) {
	dir := t.TempDir()
	setUp, ok := strings.CutSuffix(blocks(t, "tested: mount")[0].text, "go run ./examples/mount\n")
	if !ok {
		t.Fatal("the block does not end by starting the example")
	}
	run.Bash(t, dir, nil, "-c", "set -e\n"+strings.ReplaceAll(setUp, "go run ./cmd/watchword", run.Watchword(t)))
	p := run.Example(t, "mount", "127.0.0.1:8000", dir)
	access, _ := p.SignIn(t, "ann", "a good password")
	if status, body := p.Do(t, "POST", "/posts", "", "Authorization", "Bearer "+access); status != 201 {
		t.Errorf("POST /posts = %d %s, want 201", status, body)
	}
	if status, _ := p.Do(t, "POST", "/posts", ""); status != 401 {
		t.Errorf("POST /posts without a token = %d, want 401", status)
	}
}
