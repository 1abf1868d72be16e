// Command release builds the server for every platform it is published for: one
// static binary each, without cgo, stripped and free of local paths, and a file
// of their SHA-256 sums. The version inside is the one git's tags give.
//
//	release -out dist ./cmd/watchword
package main

import (
	"crypto/sha256"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

var platforms = [...]string{
	"linux/amd64", "linux/arm64",
	"darwin/amd64", "darwin/arm64",
	"windows/amd64", "windows/arm64",
}

func main() {
	out := flag.String("out", "dist", "the folder the binaries go to")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: release [-out DIR] PACKAGE")
		os.Exit(2)
	}
	if err := release(flag.Arg(0), *out); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func release(pkg, out string) error {
	if err := clean(); err != nil {
		return err
	}
	if err := os.MkdirAll(out, 0o750); err != nil {
		return err
	}
	var sums strings.Builder
	for _, p := range platforms {
		goos, goarch, _ := strings.Cut(p, "/")
		name := filepath.Base(pkg) + "_" + goos + "_" + goarch
		if goos == "windows" {
			name += ".exe"
		}
		sum, err := build(pkg, goos, goarch, filepath.Join(out, name))
		if err != nil {
			return fmt.Errorf("%s: %w", p, err)
		}
		fmt.Printf("%s  %s\n", sum, name)
		fmt.Fprintf(&sums, "%s  %s\n", sum, name)
	}
	return os.WriteFile(filepath.Join(out, "SHA256SUMS"), []byte(sums.String()), 0o600)
}

// clean refuses a tree that no commit describes: nobody could build it again.
func clean() error {
	changed, err := exec.Command("git", "status", "--porcelain", "--untracked-files=no").Output()
	if err != nil {
		return fmt.Errorf("git status: %w", err)
	}
	if len(changed) > 0 {
		return fmt.Errorf("there are changes without a commit:\n%s", changed)
	}
	return nil
}

func build(pkg, goos, goarch, file string) (sum string, err error) {
	cmd := exec.Command("go", "build", "-buildvcs=true", "-trimpath", "-ldflags", "-s -w", "-o", file, pkg)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+goos, "GOARCH="+goarch)
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("go build: %w", err)
	}
	binary, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%x", sha256.Sum256(binary)), nil
}
