package main

import (
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/manage"
)

// maxText bounds the subject of a token, in bytes.
const maxText = 256

// checkText refuses what nobody could type or read back: a line break in a
// name forges a line of every list that shows it.
func checkText(name, text string) error {
	switch {
	case len(text) > maxText:
		return usagef("%s: %d bytes, and at most %d are kept", name, len(text), maxText)
	case !utf8.ValidString(text):
		return usagef("%s: the text is not UTF-8", name)
	case !watchword.Visible(text):
		return usagef("%s: line breaks and other characters that cannot be seen are not kept", name)
	case strings.TrimSpace(text) != text:
		return usagef("%s: spaces at the ends are not kept", name)
	}
	return nil
}

// inFlags turns what is wrong with the input into a usage error that names
// flags. names are those of fields that no flag is named for.
func inFlags(err error, names map[string]string) error {
	var input *manage.InputError
	if !errors.As(err, &input) {
		return err
	}
	faults := make([]string, len(input.Faults))
	for i, f := range input.Faults {
		name, ok := names[f.Field]
		if !ok {
			// The flags of lists are in the singular: each gives one entry.
			name = "--" + strings.TrimSuffix(strings.ReplaceAll(f.Field, "_", "-"), "s")
		}
		faults[i] = name + ": " + f.Reason
	}
	return usagef("%s", strings.Join(faults, "; "))
}
