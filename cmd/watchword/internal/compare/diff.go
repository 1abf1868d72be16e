package compare

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/watchword-auth/watchword/dialect"
)

// Difference is where two answers part.
type Difference struct {
	Request string `json:"request"`
	Method  string `json:"method"`
	Path    string `json:"path"`
	What    string `json:"what"` // as in dialect.Difference
	Theirs  string `json:"theirs"`
	Ours    string `json:"ours"`
	// Known says that the difference is meant; Reason and Row say why.
	Known  bool   `json:"known"`
	Reason string `json:"reason"`
	Row    string `json:"row"`
}

// Diff compares the answers to a script, call by call, and returns how many
// calls were answered by both.
func Diff(script []dialect.Call, theirs, ours []Answer, listed []dialect.Difference) (list []Difference, compared int) {
	for i, call := range script {
		if !theirs[i].Sent || !ours[i].Sent {
			continue
		}
		compared++
		d := &differ{call: call, listed: listed}
		d.answers(theirs[i], ours[i])
		list = append(list, d.found...)
	}
	return list, compared
}

// differ collects the differences of one call.
type differ struct {
	call   dialect.Call
	listed []dialect.Difference
	found  []Difference
}

func (d *differ) differs(what, theirs, ours string) {
	if theirs == ours {
		return
	}
	f := Difference{Request: d.call.Name, Method: d.call.Method, Path: d.call.Path, What: what, Theirs: theirs, Ours: ours}
	for _, known := range d.listed {
		answer := ours
		if strings.HasPrefix(what, "claim ") {
			answer = known.Answer // its value is another for every user
		}
		if known.Of(d.call.Name, what, answer) {
			f.Known, f.Reason, f.Row = true, known.Reason, known.Row
			break
		}
	}
	d.found = append(d.found, f)
}

// headers are those that clients act upon.
func headers() []string {
	return []string{"Content-Type", "Location", "Www-Authenticate", "Allow"}
}

func (d *differ) answers(theirs, ours Answer) {
	d.differs("status", fmt.Sprint(theirs.Status), fmt.Sprint(ours.Status))
	for _, name := range headers() {
		d.differs("header "+strings.ToLower(name), header(theirs, name), header(ours, name))
	}
	d.cookies(theirs, ours)
	a, ok := decode(theirs.Body)
	b, too := decode(ours.Body)
	switch {
	case d.call.Shape && ok && too && theirs.Status == ours.Status:
		if !a.like(b) {
			d.differs("body", a.outline(), b.outline())
		}
	default:
		d.differs("body", theirs.Body, ours.Body)
	}
	for name := range d.call.Take {
		if theirs.tokens[name] != "" && ours.tokens[name] != "" {
			d.tokens(theirs, ours, name)
		}
	}
}

// header returns a header's value, without what is the server's own.
func header(a Answer, name string) string {
	value := a.mask(strings.Join(a.Header.Values(name), ", "))
	switch name {
	case "Allow": // a set
		var methods []string
		for m := range strings.SplitSeq(value, ",") {
			methods = append(methods, strings.TrimSpace(m))
		}
		slices.Sort(methods)
		return strings.Join(slices.Compact(methods), ", ")
	case "Location":
		return strings.TrimPrefix(value, "{{url}}")
	default:
		return value
	}
}

// cookies compares which are set, and their attributes, but no values.
func (d *differ) cookies(theirs, ours Answer) {
	a, b := setCookies(theirs), setCookies(ours)
	d.differs("cookies", names(a), names(b))
	for name, attributes := range a {
		if own, ok := b[name]; ok {
			d.differs("attributes of "+name, attributes, own)
		}
	}
}

func names(cookies map[string]string) string {
	var list []string
	for name := range cookies {
		list = append(list, name)
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}

// setCookies returns the attributes of cookies by name. Expires says what
// Max-Age says, by another clock.
func setCookies(a Answer) map[string]string {
	set := make(map[string]string)
	for _, c := range (&http.Response{Header: a.Header}).Cookies() {
		parts := []string{"Path=" + c.Path, "Domain=" + c.Domain, fmt.Sprintf("Max-Age=%d", c.MaxAge)}
		if c.HttpOnly {
			parts = append(parts, "HttpOnly")
		}
		if c.Secure {
			parts = append(parts, "Secure")
		}
		switch c.SameSite {
		case http.SameSiteLaxMode:
			parts = append(parts, "SameSite=Lax")
		case http.SameSiteStrictMode:
			parts = append(parts, "SameSite=Strict")
		case http.SameSiteNoneMode:
			parts = append(parts, "SameSite=None")
		case http.SameSiteDefaultMode:
		}
		set[c.Name] = strings.Join(parts, "; ")
	}
	return set
}
