package docs

import (
	"embed"
	"html"
	"io/fs"
	"path"
	"strings"

	"github.com/swaggest/swgui/v5/static"

	"github.com/watchword-auth/watchword/httpauth"
)

//go:embed ui
var ui embed.FS

// policy is the Content-Security-Policy of the pages: scripts, styles and
// requests of this server alone, nothing inline, in nobody's frame. The
// interface's pictures are in its style sheet, as data.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// page adds a page that shows the documents, the one of that name first. root
// leads from the page to the server's root, whatever prefix a proxy has put
// before both.
func (b *builder) page(at, root, first string) {
	entries := b.entries
	b.serve(at, newFile("text/html; charset=utf-8", func() ([]byte, error) {
		text, err := ui.ReadFile("ui/page.html")
		if err != nil {
			return nil, err
		}
		var list []httpauth.Object
		for _, e := range entries {
			list = append(list, httpauth.Object{{Name: "name", Value: e.name}, {Name: "url", Value: root + e.path}})
		}
		documents, err := httpauth.Style{ASCII: true}.Marshal(list)
		if err != nil {
			return nil, err
		}
		return []byte(strings.NewReplacer(
			"{{root}}", html.EscapeString(root), "{{documents}}", html.EscapeString(string(documents)), "{{first}}", html.EscapeString(first),
		).Replace(string(text))), nil
	}).with("Content-Security-Policy", policy))
}

// assets adds what the pages load: Swagger UI, and what starts it.
func (b *builder) assets(below string) {
	for _, one := range []struct {
		from        fs.FS
		name, media string
	}{
		{static.FS, "swagger-ui-bundle.js.gz", "text/javascript; charset=utf-8"},
		{static.FS, "swagger-ui-standalone-preset.js.gz", "text/javascript; charset=utf-8"},
		{static.FS, "swagger-ui.css.gz", "text/css; charset=utf-8"},
		{static.FS, "favicon-32x32.png", "image/png"},
		{ui, "ui/start.js", "text/javascript; charset=utf-8"},
		{ui, "ui/page.css", "text/css; charset=utf-8"},
	} {
		read := func() ([]byte, error) { return fs.ReadFile(one.from, one.name) }
		f := newFile(one.media, read)
		name, zipped := strings.CutSuffix(path.Base(one.name), ".gz")
		if zipped {
			f = zippedFile(one.media, read)
		}
		b.serve(below+name, f)
	}
}
