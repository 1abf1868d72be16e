// Package docs serves the OpenAPI documents of what is mounted, and Swagger UI
// as pages over them. All of it comes from this program; the pages load
// nothing from anywhere else.
package docs

import (
	"net/http"
	"runtime/debug"
	"slices"

	"github.com/watchword-auth/watchword/httpauth"
	"github.com/watchword-auth/watchword/openapi"
)

// Options say what is described.
type Options struct {
	// Service is anything that the routes can be mounted over; they do not use
	// it.
	Service httpauth.Service
	// Faces are what is mounted, the native one and those that belong to it
	// first.
	Faces []httpauth.Face
	// Dialects are the faces of other systems.
	Dialects []httpauth.Face
	// Server is the path of the server's root as clients see it; "" for none.
	Server string
}

// native is the document of what is Watchword's own.
const native = "native"

// esmerald reports whether a dialect's original shows its document at
// /docs/swagger.
func esmerald(name string) bool { return name == "esmerald" || name == "oauth2" }

// entry is a document in the list that a page offers.
type entry struct{ name, path string }

// New makes the face with the documents and the pages.
func New(o Options) httpauth.Face {
	b := &builder{info: openapi.Info{Title: "Watchword", Version: version(), Server: o.Server}}
	// Dialects first: whoever looks for the scheme of the system that he
	// comes from finds it first.
	b.document("everything", "/openapi.json", slices.Concat(o.Dialects, o.Faces)...)
	b.document(native, "/openapi/"+native+".json", o.Faces...)
	swagger := ""
	for _, d := range o.Dialects {
		if d.Profile.About.Hidden {
			continue
		}
		name := d.Profile.Name
		b.document(name, "/openapi/"+name+".json", d)
		if esmerald(name) && swagger == "" {
			swagger = name
		}
	}
	b.page("/docs", "", "everything")
	if swagger != "" {
		b.page("/docs/swagger", "../", swagger)
	}
	b.assets("/docs/assets/")
	return httpauth.Face{Service: o.Service, Profile: httpauth.Profile{
		Name: "docs", Prefix: "/", Routes: b.routes, SlashRedirect: http.StatusPermanentRedirect,
		About: httpauth.About{Hidden: true},
	}}
}

// version is the program's, as far as it knows.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "devel"
}

type builder struct {
	info    openapi.Info
	routes  []httpauth.Route
	entries []entry
}

// serve adds a route that answers a file.
func (b *builder) serve(path string, f *file) {
	b.routes = append(b.routes, httpauth.Route{Pattern: "GET " + path, Serve: f.serve})
}

// document adds a document, and lists it.
func (b *builder) document(name, path string, faces ...httpauth.Face) {
	info := b.info
	if len(faces) == 1 {
		info.Title, info.Description = faces[0].Profile.About.Title, faces[0].Profile.About.Description
	}
	b.serve(path, newFile("application/json", func() ([]byte, error) { return openapi.Write(info, faces...) }))
	b.entries = append(b.entries, entry{name, path[1:]})
}
