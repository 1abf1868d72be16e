package console

import (
	"net/http"
	"net/url"
)

// onPage is how many rows a page of a list has.
const onPage = 50

// maxTrail is how many pages one can go back, one by one.
const maxTrail = 10

// pager leads to the pages around this one, by addresses; "" is none. Lists
// are read from where the last page ended, so that the last of a million users
// is no slower than the first; there is no way to page 7, and the way back is
// what the address remembers of the way here.
type pager struct {
	First, Before, After string
	Dated                bool // the newest come first
}

// pagesOf returns the links below a list of which more follows at next. query
// is what the list was asked for with; cursor is the name of where it begins.
// The places of the pages before are in "trail": what they hold is judged like
// any other place when it is gone to.
func pagesOf(r *http.Request, query url.Values, cursor, next string) pager {
	asked := r.URL.Query()
	here, trail := asked.Get(cursor), asked["trail"]
	if len(trail) > maxTrail {
		trail = trail[len(trail)-maxTrail:]
	}
	link := func(at string, trail ...string) string {
		q := url.Values{}
		for name, values := range query {
			if len(values) > 0 && values[0] != "" {
				q.Set(name, values[0])
			}
		}
		if at != "" {
			q.Set(cursor, at)
		}
		if len(trail) > 0 {
			q["trail"] = trail
		}
		if len(q) == 0 {
			return r.URL.Path
		}
		return r.URL.Path + "?" + q.Encode()
	}
	var p pager
	if here != "" {
		p.First = link("")
		if last := len(trail) - 1; last >= 0 {
			p.Before = link(trail[last], trail[:last]...)
		}
	}
	if next != "" {
		if here == "" {
			trail = nil
		}
		further := append(trail[:len(trail):len(trail)], here)
		p.After = link(next, further[max(len(further)-maxTrail, 0):]...)
	}
	return p
}
