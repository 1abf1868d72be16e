package watchword_test

import (
	"testing"

	"github.com/watchword-auth/watchword"
)

func TestVisible(t *testing.T) {
	for name, text := range map[string]string{
		"nothing": "", "Latin": "ann@example.com", "spaces": "Ann  Example", "composed": "Zoë", "decomposed": "Zoe\u0308",
		"Persian with a non-joiner": "می\u200cخواهم", "Hebrew": "דוד", "Tamil": "ஸ்ரீ", "family": "👨\u200d👩\u200d👧", "heart": "\u2764\ufe0f",
	} {
		if !watchword.Visible(text) {
			t.Errorf("%s: %q is refused", name, text)
		}
	}
	for name, text := range map[string]string{
		"NUL": "a\x00", "line break": "a\nb", "C1": "a\u0085b", "line separator": "a\u2028b", "paragraph separator": "a\u2029b",
		"no width": "adm\u200bin", "joined ASCII": "adm\u200din", "byte order mark": "\ufeffadmin", "soft hyphen": "ad\u00admin",
		"override": "\u202enimda", "isolate": "\u2066a", "mark of direction": "a\u200f", "word joiner": "a\u2060b",
		"filler": "\u3164", "grapheme joiner": "a\u034fb", "varied ASCII": "a\ufe0f", "tag": "a\U000e0041", "unpaired joiner": "\u200d",
	} {
		if watchword.Visible(text) {
			t.Errorf("%s: %q is taken", name, text)
		}
	}
}
