package jwt

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// escapeLen returns the length of the escape that s begins with, a surrogate pair counting as one,
// or 0 when it is none. A lone surrogate stands for no character and is refused.
func escapeLen(s string) int {
	if len(s) < 2 {
		return 0
	}
	switch s[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		r, ok := hex4(s)
		if !ok {
			return 0
		}
		if !utf16.IsSurrogate(r) {
			return 6
		}
		low, ok := hex4(s[6:])
		if !ok || utf16.DecodeRune(r, low) == utf8.RuneError {
			return 0
		}
		return 12
	}
	return 0
}

// hex4 reads an escape of the form \uXXXX at the beginning of s.
func hex4(s string) (rune, bool) {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return 0, false
	}
	var r rune
	for _, c := range []byte(s[2:6]) {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// unquote returns what raw, a string as text returns it, stands for.
func unquote(raw string) string {
	s := raw[1 : len(raw)-1]
	next := strings.IndexByte(s, '\\')
	if next < 0 {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for ; next >= 0; next = strings.IndexByte(s, '\\') {
		b.WriteString(s[:next])
		n := escapeLen(s[next:])
		b.WriteRune(unescape(s[next : next+n]))
		s = s[next+n:]
	}
	b.WriteString(s)
	return b.String()
}

// unescape returns the character of one valid escape.
func unescape(e string) rune {
	switch e[1] {
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	case 'u':
		r, _ := hex4(e)
		if len(e) == 12 {
			low, _ := hex4(e[6:])
			return utf16.DecodeRune(r, low)
		}
		return r
	}
	return rune(e[1])
}

// appendQuoted appends s, which must be UTF-8, to dst as a JSON string. Every name and value that
// reaches a token goes through here or through a JSON encoder: what is not escaped can add members.
func appendQuoted(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for _, c := range []byte(s) {
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c < ' ':
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}
