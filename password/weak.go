package password

import (
	"bytes"
	"compress/gzip"
	_ "embed" // for the list of common passwords
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// MinLength is how many characters a new password must have (NIST SP 800-63B-4, section 3.1.1.2, beside a
// second factor; ASVS 6.2.1).
const MinLength = 8

// Errors of Weak. All satisfy errors.Is(err, ErrWeak).
var (
	// ErrWeak: the password is easily guessed.
	ErrWeak = errors.New("weak password")
	// ErrTooShort: it has fewer than MinLength characters.
	ErrTooShort = fmt.Errorf("%w: at least %d characters are needed", ErrWeak, MinLength)
	// ErrCommon: it is among the most common passwords.
	ErrCommon = fmt.Errorf("%w: it is one of the most common passwords", ErrWeak)
	// ErrIsLogin: it is the login itself.
	ErrIsLogin = fmt.Errorf("%w: it is the login", ErrWeak)
)

// commonPasswords is described in common/README.md. It stays compressed: a password is set too rarely to keep
// 90 KB for it.
//
//go:embed common/passwords.txt.gz
var commonPasswords []byte

// Weak judges a password that somebody wants to set: nil, or ErrTooShort, ErrIsLogin or ErrCommon. The login and
// the list are compared without regard to case. Which kinds of characters it has is not asked (NIST SP 800-63B-4,
// section 3.1.1.2). It takes about a millisecond, and never looks at passwords that are already set.
func Weak(password, login string) error {
	switch {
	case utf8.RuneCountInString(password) < MinLength:
		return ErrTooShort
	case strings.EqualFold(password, login):
		return ErrIsLogin
	case isCommon(strings.ToLower(password)):
		return ErrCommon
	}
	return nil
}

func isCommon(password string) bool {
	z, err := gzip.NewReader(bytes.NewReader(commonPasswords))
	if err != nil {
		panic("password: embedded list: " + err.Error())
	}
	list, err := io.ReadAll(z)
	if err != nil {
		panic("password: embedded list: " + err.Error())
	}
	for line := range bytes.Lines(list) {
		if string(bytes.TrimSuffix(line, []byte("\n"))) == password {
			return true
		}
	}
	return false
}
