package main

import (
	"slices"
	"testing"
)

func TestProtectIDs(t *testing.T) {
	const session, key = "-Q1jwxoLC2_nPizeIk0yfQ", "--rPXx2OEVBBjSDiVKI3LaMskNA2VCqE6X9tnsQHYJu"
	for _, test := range []struct {
		name       string
		args, want []string
	}{
		{"nothing to protect", []string{"session", "end", "--user", "ann"}, []string{"session", "end", "--user", "ann"}},
		{"a session", []string{"session", "end", session, "--json"}, []string{"session", "end", "--json", "--", session}},
		{"a key", []string{"key", "retire", key}, []string{"key", "retire", "--", key}},
		{"protected already", []string{"session", "end", "--", session}, []string{"session", "end", "--", session}},
		{"a flag of that length", []string{"user", "add", "--password-hash-stdinx"}, []string{"user", "add", "--password-hash-stdinx"}},
		{"a short flag", []string{"-h"}, []string{"-h"}},
		{"standard input", []string{"token", "inspect", "-"}, []string{"token", "inspect", "-"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := protectIDs(test.args); !slices.Equal(got, test.want) {
				t.Errorf("protectIDs(%q) = %q, want %q", test.args, got, test.want)
			}
		})
	}
}
