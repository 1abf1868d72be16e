package console_test

import (
	"fmt"
	"html"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/watchword-auth/watchword"
)

// Whoever goes on page by page comes back the same way.
func TestPagesOfLists(t *testing.T) {
	s := start(t)
	for i := range 700 {
		u := watchword.User{Login: fmt.Sprintf("walker%03d", i), Active: true}
		if _, err := s.db.CreateUser(t.Context(), watchword.NewUser{User: u}); err != nil {
			t.Fatal(err)
		}
	}
	g := s.signedIn(t, "root")
	row := regexp.MustCompile(`<a href="/admin/users/\d+">(walker\d+)</a>`)
	link := func(text, what string) string {
		m := regexp.MustCompile(`<a class="button tight"[^>]* href="/admin/([^"]*)">` + what + `</a>`).FindStringSubmatch(text)
		if m == nil {
			return ""
		}
		return html.UnescapeString(m[1])
	}
	path := "users?q=walker"
	var firsts, paths []string
	for path != "" {
		got := g.get(t, path)
		if got.status != http.StatusOK {
			t.Fatalf("GET %s = %d", path, got.status)
		}
		firsts, paths = append(firsts, row.FindStringSubmatch(got.text)[1]), append(paths, path)
		path = link(got.text, "More →")
	}
	if len(firsts) != 14 || firsts[13] != "walker650" {
		t.Fatalf("the pages begin with %v", firsts)
	}
	path = paths[13]
	back := 0
	for at := 12; ; at-- {
		text := g.get(t, path).text
		if first := link(text, "Start"); first != "users?q=walker" {
			t.Fatalf("%s begins at %q", path, first)
		}
		if path = link(text, "← Back"); path == "" || at == 0 {
			break
		}
		back++
		if got := row.FindStringSubmatch(g.get(t, path).text)[1]; got != firsts[at] {
			t.Errorf("back from page %d is %s, want %s", at+2, got, firsts[at])
		}
	}
	if back != 10 {
		t.Errorf("one can go back %d pages, want the 10 that the address remembers", back)
	}
	if text := g.get(t, paths[1]).text; link(text, "← Back") != "users?q=walker" {
		t.Errorf("back to the first page is %q", link(text, "← Back"))
	}
	// What an address remembers is anybody's to write.
	hostile := g.get(t, "users?after=id:1&trail=%22%3E%3Cscript%3E&trail=//evil.example"+strings.Repeat("&trail=x", 50))
	if hostile.status != http.StatusOK || strings.Contains(hostile.text, "<script>") || strings.Contains(hostile.text, `href="//`) {
		t.Errorf("a hostile trail = %d", hostile.status)
	}
	if got := g.get(t, "users?q=walker&after=%22"); got.status != http.StatusBadRequest {
		t.Errorf("a place that is none = %d", got.status)
	}
}
