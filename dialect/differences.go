package dialect

import (
	"embed"
	"fmt"
	"path"
	"strings"
)

// Difference is an answer of ours that is not the original's, with the
// reason. The tests hold the list against recordings of the originals.
type Difference struct {
	// Exchange is a pattern (see [path.Match]) of recorded exchanges, each of
	// which is a set-up of the original, a slash and a name.
	Exchange string
	// What differs: "status", "body", "cookies", "header NAME", "claim NAME",
	// "order of claims", "header of the token", "attributes of COOKIE".
	What string
	// Answer is ours; "*" where it has no fixed text.
	Answer string
	Row    string // of the list of features
	Reason string
}

// Of reports whether the difference is that of an exchange, whatever the
// original's set-up.
func (d Difference) Of(name, what, answer string) bool {
	_, pattern, ok := strings.Cut(d.Exchange, "/")
	if !ok {
		pattern = d.Exchange
	}
	fits, err := path.Match(pattern, name)
	return err == nil && fits && d.What == what && (d.Answer == "*" || d.Answer == answer)
}

//go:embed differences/*.txt
var differences embed.FS

// Differences returns what a dialect answers otherwise than its original.
func Differences(name string) ([]Difference, error) {
	text, err := differences.ReadFile("differences/" + name + ".txt")
	if err != nil {
		return nil, fmt.Errorf("there is no dialect %q: %s", name, strings.Join(Names(), ", "))
	}
	var list []Difference
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		f := strings.Split(line, " | ")
		if len(f) != 5 {
			return nil, fmt.Errorf("differences of %s: %q has %d columns, want 5", name, line, len(f))
		}
		d := Difference{Exchange: f[0], What: f[1], Answer: f[2], Row: f[3], Reason: f[4]}
		if n := len(list); d.Reason == "the same" && n > 0 {
			d.Reason = list[n-1].Reason
		}
		list = append(list, d)
	}
	return list, nil
}
