// Command api compares the core's exported API with that of the last release
// and fails where a program that compiled against it no longer would: that needs
// a new major version. Before the first release it has nothing to compare with.
//
//	api PATH-OF-APIDIFF
package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

const module = "github.com/watchword-auth/watchword"

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: api PATH-OF-APIDIFF")
		os.Exit(2)
	}
	if err := compare(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "api:", err)
		os.Exit(1)
	}
}

func compare(apidiff string) (err error) {
	apidiff, err = filepath.Abs(apidiff)
	if err != nil {
		return err
	}
	tags, err := output(".", "git", "tag", "--list", "v[0-9]*", "--merged", "HEAD", "--sort", "-version:refname")
	if err != nil {
		return err
	}
	tag, _, _ := strings.Cut(tags, "\n")
	if tag == "" {
		fmt.Println("no release yet, nothing to compare with")
		return nil
	}
	dir, err := os.MkdirTemp("", "api-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	tree, exported := filepath.Join(dir, "tree"), filepath.Join(dir, "old")
	if _, err := output(".", "git", "worktree", "add", "--quiet", "--detach", tree, tag); err != nil {
		return err
	}
	defer func() {
		_, removed := output(".", "git", "worktree", "remove", "--force", tree)
		err = errors.Join(err, removed)
	}()
	if _, err := output(tree, apidiff, "-m", "-w", exported, module); err != nil {
		return err
	}
	broken, err := output(".", apidiff, "-m", "-incompatible", exported, module)
	if err != nil {
		return err
	}
	if broken != "" {
		return fmt.Errorf("what %s promised is broken:\n%s", tag, broken)
	}
	fmt.Println("compatible with", tag)
	return nil
}

// output runs a command in dir, outside the workspace, and returns what it printed.
func output(dir, name string, args ...string) (string, error) {
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w", filepath.Base(name), strings.Join(args, " "), err)
	}
	return strings.TrimSpace(string(out)), nil
}
