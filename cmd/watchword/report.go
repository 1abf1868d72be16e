package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/config"
)

// usageError is a command line that cannot be understood: exit code 2.
type usageError struct{ err error }

func (u *usageError) Error() string { return u.err.Error() }

func (u *usageError) Unwrap() error { return u.err }

func usagef(format string, args ...any) error { return &usageError{fmt.Errorf(format, args...)} }

// failure is a refusal in words that say what to do next, with a code for
// scripts.
type failure struct {
	code watchword.Code
	text string
}

func (f *failure) Error() string { return f.text }

func (f *failure) Unwrap() error { return f.code }

func failf(code watchword.Code, format string, args ...any) error {
	return &failure{code: code, text: fmt.Sprintf(format, args...)}
}

// report tells an error in one line and returns the exit code.
func report(w io.Writer, asJSON bool, err error) int {
	if err == nil {
		return exitDone
	}
	exit, code := exitFailed, codeOf(err)
	var usage *usageError
	if errors.As(err, &usage) {
		exit, code = exitUsage, "usage"
	}
	text := oneLine(err)
	if exit == exitUsage && !strings.Contains(text, "--help") {
		text += " (--help shows how)"
	}
	if asJSON {
		lines := json.NewEncoder(w)
		lines.SetEscapeHTML(false) // people read it too: <login>
		_ = lines.Encode(struct {
			Error string `json:"error"`
			Code  string `json:"code"`
		}{text, code})
		return exit
	}
	_, _ = fmt.Fprintf(w, "watchword: %s\n", text)
	return exit
}

// codeOf names the error for scripts.
func codeOf(err error) string {
	var fault *config.Fault
	if errors.As(err, &fault) {
		return "invalid_config"
	}
	if code := watchword.CodeOf(err); code != watchword.Internal {
		return code.Error()
	}
	return "failed"
}

// oneLine puts joined errors, which stand on lines of their own, beside each
// other.
func oneLine(err error) string {
	var parts []string
	for line := range strings.Lines(err.Error()) {
		if line = strings.TrimSpace(line); line != "" {
			parts = append(parts, line)
		}
	}
	return strings.Join(parts, "; ")
}

// show prints v as JSON, or what text writes.
func (a *app) show(v any, text func() error) error {
	if !a.globals.JSON {
		return text()
	}
	line, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("write answer: %w", err)
	}
	return a.printf("%s\n", line)
}

// table prints rows in columns under a head.
func (a *app) table(head string, rows [][]string) error {
	w := tabwriter.NewWriter(a.out, 0, 8, 2, ' ', 0)
	if _, err := fmt.Fprintln(w, strings.ReplaceAll(head, " ", "\t")); err != nil {
		return err
	}
	for _, row := range rows {
		for i := range row {
			row[i] = printable(row[i])
		}
		if _, err := fmt.Fprintln(w, strings.Join(row, "\t")); err != nil {
			return err
		}
	}
	return w.Flush()
}

// printable keeps what users and strangers have typed from moving the cursor
// of whoever reads it.
func printable(s string) string {
	if s == "" {
		return "-"
	}
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r == 0x7f || r >= 0x80 && r < 0xa0 || r == '\u2028' || r == '\u2029' || r >= '\u202a' && r <= '\u202e' {
			return '\ufffd'
		}
		return r
	}, s)
}
