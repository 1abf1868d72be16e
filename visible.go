package watchword

import "unicode"

// Visible reports whether all of a text can be seen where it is shown, and in
// its order: it holds no control characters, no breaks of lines, nothing that
// turns the direction of what stands around it (CVE-2021-42574), and nothing
// without any width. A login "admin" with such a character in it would be
// another account and look the same. What joins letters or varies a sign is
// taken where Persian, Indic scripts and emoji have it: after a character
// that is not ASCII. Letters of different scripts that look alike are not its
// concern.
func Visible(text string) bool {
	before := rune(0)
	for _, r := range text {
		joins := r == '\u200c' || r == '\u200d' || unicode.Is(unicode.Variation_Selector, r)
		switch {
		case joins && before <= unicode.MaxASCII:
			return false
		case joins:
		case unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Other_Default_Ignorable_Code_Point):
			return false
		}
		before = r
	}
	return true
}
