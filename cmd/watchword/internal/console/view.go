package console

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/watchword-auth/watchword"
)

//go:embed templates
var templateFiles embed.FS

// view is what every page is made from.
type view struct {
	Title   string
	Section string // the item of the menu that the page belongs to
	Menu    []item
	Me      *watchword.User // nil: nobody is signed in
	CSRF    string
	Done    string // what was done just now
	Icon    string // addresses of what is beside the page
	Style   string
	Script  string
	Body    any // of the page's own
}

// item is an entry of the menu.
type item struct{ Section, Title, Icon, URL string }

// pages are the templates by name, each with the layout around it.
type pages map[string]*template.Template

// layouts hold what is around pages and in several of them.
const layouts = "templates/layout/*.html"

// parsePages reads the templates. now is the clock of what is said to be so
// long ago.
func parsePages(now func() time.Time) (pages, error) {
	base, err := template.New("").Funcs(functions(now)).ParseFS(templateFiles, layouts)
	if err != nil {
		return nil, fmt.Errorf("admin pages: %w", err)
	}
	files, err := fs.Glob(templateFiles, "templates/*.html")
	if err != nil {
		return nil, fmt.Errorf("admin pages: %w", err)
	}
	all := make(pages, len(files))
	for _, file := range files {
		page, err := base.Clone()
		if err == nil {
			page, err = page.ParseFS(templateFiles, file)
		}
		if err != nil {
			return nil, fmt.Errorf("admin pages: %w", err)
		}
		all[strings.TrimSuffix(strings.TrimPrefix(file, "templates/"), ".html")] = page
	}
	return all, nil
}

// functions are those of the templates. None of them returns a text that is
// not escaped where it stands.
func functions(now func() time.Time) template.FuncMap {
	return template.FuncMap{
		"ago":   func(t time.Time) string { return ago(t, now()) },
		"utc":   func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") },
		"day":   func(t time.Time) string { return t.UTC().Format(time.DateOnly) },
		"clock": func(t time.Time) string { return t.UTC().Format(time.TimeOnly) },
		"iso":   func(t time.Time) string { return t.UTC().Format(time.RFC3339) },

		"words": func(s string) string { return strings.ReplaceAll(s, "_", " ") },
		"dict":  dict,
		// An id as one segment of a path, whatever is in it.
		"segment": url.PathEscape,
	}
}

// dict passes several values to a template.
func dict(pairs ...any) (map[string]any, error) {
	m := make(map[string]any, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		name, ok := pairs[i].(string)
		if !ok {
			return nil, fmt.Errorf("%v is no name", pairs[i])
		}
		m[name] = pairs[i+1]
	}
	return m, nil
}

// ago says how long before now, or after it, something is.
func ago(t, now time.Time) string {
	if t.IsZero() {
		return "never"
	}
	d, form := now.Sub(t), "%s ago"
	if d < 0 {
		d, form = -d, "in %s"
	}
	for _, u := range []struct {
		one  time.Duration
		name string
	}{{365 * 24 * time.Hour, "year"}, {30 * 24 * time.Hour, "month"}, {24 * time.Hour, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}} {
		if n := int(d / u.one); n > 0 {
			return fmt.Sprintf(form, count(n, u.name))
		}
	}
	if form == "in %s" {
		return "in less than a minute"
	}
	return "just now"
}

// count is a number of things.
func count(n int, name string) string {
	if n == 1 {
		return "1 " + name
	}
	return fmt.Sprintf("%d %ss", n, name)
}

// write answers with a page.
func (c *Console) write(w http.ResponseWriter, status int, name string, v view) error {
	all, err := c.pages()
	if err != nil {
		return err
	}
	return all.write(w, status, name, v)
}

// write executes a page whole before anything of it is sent: half a page
// would look like one.
func (p pages) write(w http.ResponseWriter, status int, name string, v view) error {
	page, ok := p[name]
	if !ok {
		return fmt.Errorf("there is no page %q", name)
	}
	var b bytes.Buffer
	if err := page.ExecuteTemplate(&b, "layout", v); err != nil {
		return fmt.Errorf("page %s: %w", name, err)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // the client has gone
	return nil
}
