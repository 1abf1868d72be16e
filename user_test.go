package watchword_test

import (
	"strings"
	"testing"

	"github.com/watchword-auth/watchword"
)

func TestFoldLogin(t *testing.T) {
	tests := []struct {
		name, a, b string
		same       bool
	}{
		{"the case of ASCII", "Ada@Example.COM", "ada@example.com", true},
		{"the Kelvin sign is a k", "\u212Aarl", "karl", true},
		{"the long s is an s", "jo\u017Fé", "JOSÉ", true},
		{"the final sigma is a sigma", "ΝΊΚΟΣ", "νίκος", true},
		{"Cyrillic", "ИВАН", "иван", true},
		{"the dotted capital I is no i", "\u0130da", "ida", false},
		{"the dotless i is no i", "\u0131da", "ida", false},
		{"letters that only look alike", "аda", "ada", false},
		{"a space in front", " ada", "ada", false},
		{"composed and decomposed", "jos\u00e9", "jose\u0301", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a, b := watchword.FoldLogin(tt.a), watchword.FoldLogin(tt.b)
			if (a == b) != tt.same {
				t.Errorf("FoldLogin(%q) = %q, FoldLogin(%q) = %q, want the same: %v", tt.a, a, tt.b, b, tt.same)
			}
			if strings.EqualFold(tt.a, tt.b) != tt.same {
				t.Errorf("EqualFold(%q, %q) = %v", tt.a, tt.b, !tt.same)
			}
		})
	}
	if got := watchword.FoldLogin("Grüße-7_É"); got != watchword.FoldLogin(got) {
		t.Errorf("folding twice differs: %q", got)
	}
	if got := watchword.FoldLogin("ADA.Lovelace"); got != "ada.lovelace" {
		t.Errorf("FoldLogin(ADA.Lovelace) = %q, want plain lower case", got)
	}
}
