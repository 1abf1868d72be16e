package server

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/watchword-auth/watchword/cmd/watchword/internal/docs"
	"github.com/watchword-auth/watchword/httpauth"
)

// withDocs adds the documents of the faces, and the pages over them, unless
// the settings say otherwise. The first face is the native one.
func (s *Server) withDocs(faces []httpauth.Face) []httpauth.Face {
	if !s.config.Docs.Enabled {
		return faces
	}
	o := docs.Options{Service: faces[0].Service, Server: rootPath(s.config.Issuer)}
	for _, f := range faces {
		if f.Service == o.Service {
			o.Faces = append(o.Faces, f)
		} else {
			o.Dialects = append(o.Dialects, f)
		}
	}
	o.Faces = append(o.Faces, httpauth.Face{Profile: health()})
	made := docs.New(o)
	made.Profile = s.dress(made.Profile)
	return append(faces, made)
}

// rootPath is the path of the server's root as its clients see it, behind a
// proxy: the issuer's, unless the routes repeat it.
func rootPath(issuer string) string {
	u, err := url.Parse(issuer)
	if err != nil {
		return ""
	}
	path := strings.TrimSuffix(u.Path, "/")
	if strings.HasPrefix(httpauth.NativePrefix+"/", path+"/") {
		return ""
	}
	return path
}

// health describes what the server answers of itself.
func health() httpauth.Profile {
	says := func(status int, texts ...string) httpauth.Answer {
		a := httpauth.Answer{Status: status}
		for _, text := range texts {
			a.Examples = append(a.Examples, httpauth.Object{{Name: "status", Value: text}})
		}
		return a
	}
	return httpauth.Profile{
		Name: "server", Prefix: "/", About: httpauth.About{Tags: []string{"Server"}, Description: "How the server is."},
		Routes: []httpauth.Route{
			{Pattern: "GET healthz", Doc: httpauth.Doc{Summary: "Say that the process answers", Answers: []httpauth.Answer{says(http.StatusOK, "ok")}}},
			{Pattern: "GET readyz", Doc: httpauth.Doc{
				Summary: "Say whether requests should be sent here",
				Answers: []httpauth.Answer{
					says(http.StatusOK, "ready"),
					says(http.StatusServiceUnavailable, "starting", "stopping", "store unreachable"),
				},
			}},
		},
	}
}
