package main

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// maxText bounds what is kept of a user in words, in bytes. Longer logins
// could never sign in.
const maxText = 256

// checkText refuses what nobody could type or read back: a line break in a
// login forges a line of every list that shows it.
func checkText(name, text string) error {
	switch {
	case len(text) > maxText:
		return usagef("%s: %d bytes, and at most %d are kept", name, len(text), maxText)
	case !utf8.ValidString(text):
		return usagef("%s: the text is not UTF-8", name)
	case strings.ContainsFunc(text, unicode.IsControl):
		return usagef("%s: line breaks and other control characters are not kept", name)
	case strings.TrimSpace(text) != text:
		return usagef("%s: spaces at the ends are not kept", name)
	}
	return nil
}

// checkLogin is checkText for what people sign in with.
func checkLogin(name, login string) error {
	if login == "" {
		return usagef("%s: a user needs a login", name)
	}
	return checkText(name, login)
}

// checkEmail looks whether text may be an address. Whether it is one, only
// mail to it can tell.
func checkEmail(name, text string) error {
	at := strings.LastIndexByte(text, '@')
	if text != "" && (at < 1 || at == len(text)-1 || strings.ContainsFunc(text, unicode.IsSpace)) {
		return usagef("%s: %q is no address such as ann@example.com", name, text)
	}
	return checkText(name, text)
}

// maxExtra bounds what a user's record carries of the application's own.
const maxExtra = 8 << 10

// extraObject reads the JSON of --extra. It goes into answers as it is, so it
// must be what strict readers take: no name twice, UTF-8 throughout.
func extraObject(text string) ([]byte, error) {
	if text == "" {
		return nil, nil
	}
	if len(text) > maxExtra {
		return nil, usagef("--extra: %d bytes, and at most %d are kept", len(text), maxExtra)
	}
	value := jsontext.Value(text)
	if value.Kind() != '{' || !value.IsValid() {
		return nil, usagef("--extra: want a JSON object such as '{\"plan\":\"pro\"}', no name in it twice")
	}
	return []byte(text), nil
}
