package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/config"
	"github.com/watchword-auth/watchword/password"
)

// passwordFlags say where a password comes from.
type passwordFlags struct {
	PasswordStdin     bool `xor:"password" help:"Read the password from standard input; one newline at its end is dropped."`
	PasswordHashStdin bool `xor:"password" help:"Read the password's hash, in any format that is read, from standard input."`
	AllowWeak         bool `help:"Take a password that is short, common or the login."`
}

// maxInput bounds what is read of standard input.
const maxInput = 64 << 10

// input reads standard input to its end.
func (a *app) input() ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(a.in, maxInput+1))
	if err != nil {
		return nil, fmt.Errorf("read standard input: %w", err)
	}
	if len(data) > maxInput {
		return nil, failf(watchword.TooLarge, "standard input has more than %d bytes", maxInput)
	}
	return data, nil
}

// terminal reports whether somebody can be asked.
func (a *app) terminal() bool {
	f, ok := a.in.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// ask reads a password twice without showing it.
func (a *app) ask() (string, error) {
	f, ok := a.in.(*os.File)
	if !ok {
		return "", errNoPassword()
	}
	var typed [2][]byte
	for i, prompt := range []string{"Password: ", "Again: "} {
		if _, err := fmt.Fprint(a.err, prompt); err != nil {
			return "", err
		}
		var err error
		typed[i], err = term.ReadPassword(int(f.Fd()))
		a.noteln("")
		if err != nil {
			return "", fmt.Errorf("read password: %w", err)
		}
	}
	if string(typed[0]) != string(typed[1]) {
		return "", failf(watchword.InvalidRequest, "the two passwords differ: nothing was done")
	}
	return string(typed[0]), nil
}

func errNoPassword() error {
	return usagef("the password is missing: pipe it in with --password-stdin, or its hash with --password-hash-stdin")
}

// newHash reads a password, or takes the one given, and returns its hash by
// the settings; or reads a hash.
func (a *app) newHash(c config.Config, f passwordFlags, login, given string) (string, error) {
	switch {
	case f.PasswordHashStdin:
		return a.readHash()
	case f.PasswordStdin && !a.terminal():
		data, err := a.input()
		if err != nil {
			return "", err
		}
		given = string(config.DropNewline(data))
	case given != "":
	case a.terminal():
		var err error
		if given, err = a.ask(); err != nil {
			return "", err
		}
	default:
		return "", errNoPassword()
	}
	return hashPassword(a.ctx, c, login, given, f.AllowWeak)
}

// readHash reads a stored hash. One that nothing would ever match is
// refused, but for Django's mark of an account without a password.
func (a *app) readHash() (string, error) {
	data, err := a.input()
	if err != nil {
		return "", err
	}
	hash := string(config.DropNewline(data))
	if password.Class(hash) == "" && !strings.HasPrefix(hash, "!") {
		return "", failf(watchword.InvalidRequest, "the hash is in no format that is read, or costs more than is allowed")
	}
	return hash, nil
}

// hashPassword hashes a new password by the settings.
func hashPassword(ctx context.Context, c config.Config, login, new string, allowWeak bool) (string, error) {
	if new == "" {
		return "", failf(watchword.PasswordWeak, "the password is empty")
	}
	if err := password.Weak(new, login); err != nil && !allowWeak {
		return "", failf(watchword.PasswordWeak, "%s: choose another, or insist with --allow-weak", err)
	}
	hasher, err := password.New(password.Config{Preferred: c.Password.Params})
	if err != nil {
		return "", fmt.Errorf("password.preferred: %w", err)
	}
	hash, err := hasher.Hash(ctx, new)
	if errors.Is(err, password.ErrTooLong) || errors.Is(err, password.ErrNUL) {
		return "", failf(watchword.PasswordWeak, "%s", err)
	}
	if err != nil {
		return "", fmt.Errorf("hash password: %w", err)
	}
	return hash, nil
}
