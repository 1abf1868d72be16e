package watchword

import (
	"fmt"
	"slices"
)

// ParseScope splits a scope parameter (RFC 6749, section 3.3). Empty parts
// are dropped, repeats too; a character outside the grammar is InvalidScope.
func ParseScope(s string) ([]string, error) {
	var scopes []string
	start := -1
	for i := 0; i <= len(s); i++ {
		if i < len(s) && s[i] != ' ' {
			if c := s[i]; c < 0x21 || c > 0x7e || c == '"' || c == '\\' {
				return nil, fmt.Errorf("%w: character %q", InvalidScope, c)
			}
			if start < 0 {
				start = i
			}
			continue
		}
		if start >= 0 {
			if word := s[start:i]; !slices.Contains(scopes, word) {
				scopes = append(scopes, word)
			}
			start = -1
		}
	}
	return scopes, nil
}

// granted returns the scopes of a token: those asked for, as far as the user
// may have them. asked nil means all that he may have. What is not permitted
// is left out, and the answer's scope says so (RFC 6749, section 3.3).
func granted(asked, permitted []string) []string {
	if asked == nil {
		return permitted
	}
	out := make([]string, 0, len(asked))
	for _, s := range asked {
		if slices.Contains(permitted, s) {
			out = append(out, s)
		}
	}
	return out
}
