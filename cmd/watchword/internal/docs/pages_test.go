package docs_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/watchword-auth/watchword/cmd/watchword/internal/docs"
	"github.com/watchword-auth/watchword/dialect"
	"github.com/watchword-auth/watchword/httpauth"
)

// pages are what is served beside two dialects.
func pages(t *testing.T, dialects ...httpauth.Face) http.Handler {
	t.Helper()
	own := faceOf(t, "ellar", dialect.Options{})
	own.Profile = httpauth.Native(httpauth.NativePrefix, nil)
	made := docs.New(docs.Options{Service: own.Service, Faces: []httpauth.Face{own}, Dialects: dialects})
	h, err := httpauth.Handler(made.Service, made.Profile)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func ask(h http.Handler, method, path string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// ES-25: pages are HTML, and name nothing that is elsewhere; each thing they
// name is there.
func TestPages(t *testing.T) {
	h := pages(t, faceOf(t, "oauth2", dialect.Options{}), faceOf(t, "djwto", dialect.Options{}))
	loads := regexp.MustCompile(`(?:src|href)="([^"]*)"`)
	for path, root := range map[string]string{"/docs": "", "/docs/swagger": "../"} {
		w := ask(h, "GET", path)
		text := w.Body.String()
		if w.Code != 200 || w.Header().Get("Content-Type") != "text/html; charset=utf-8" || strings.Contains(text, "{{") {
			t.Errorf("GET %s = %d %v\n%s", path, w.Code, w.Header(), text)
		}
		policy := w.Header().Get("Content-Security-Policy")
		if !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "frame-ancestors 'none'") || strings.Contains(policy, "unsafe") {
			t.Errorf("GET %s: policy %q", path, policy)
		}
		for _, m := range loads.FindAllStringSubmatch(text, -1) {
			at, ok := strings.CutPrefix(m[1], root)
			if got := ask(h, "GET", "/"+at); !ok || got.Code != 200 {
				t.Errorf("GET %s names %s, which answers %d", path, m[1], got.Code)
			}
		}
		for _, name := range []string{"native", "oauth2", "djwto"} {
			if !strings.Contains(text, root+"openapi/"+name+".json") {
				t.Errorf("GET %s does not list %s", path, name)
			}
		}
	}
	if w := ask(h, "GET", "/docs/"); w.Code != http.StatusPermanentRedirect || w.Header().Get("Location") != "/docs" {
		t.Errorf("GET /docs/ = %d %v", w.Code, w.Header())
	}
	if w := ask(h, "POST", "/openapi.json"); w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" {
		t.Errorf("POST /openapi.json = %d %v", w.Code, w.Header())
	}
	for _, path := range []string{"/docs/assets/", "/docs/assets/embed.go", "/docs/assets/../docs.go", "/openapi/none.json", "/openapi/"} {
		if w := ask(h, "GET", path); w.Code == 200 {
			t.Errorf("GET %s = 200", path)
		}
	}
}

// Where no dialect of Esmerald's is mounted its address is nobody's, and a
// dialect that hides itself has no document.
func TestPagesFollowTheDialects(t *testing.T) {
	h := pages(t, faceOf(t, "ellar", dialect.Options{}), faceOf(t, "esmerald", dialect.Options{Settings: map[string]any{"enable_openapi": false}}))
	for path, want := range map[string]int{"/docs": 200, "/docs/swagger": 404, "/openapi/ellar.json": 200, "/openapi/esmerald.json": 404} {
		if w := ask(h, "GET", path); w.Code != want {
			t.Errorf("GET %s = %d, want %d", path, w.Code, want)
		}
	}
	if text := ask(h, "GET", "/openapi.json").Body.String(); strings.Contains(text, "/auth/signin") {
		t.Error("the hidden dialect is in the document")
	}
}

// Files are compressed for who takes that, and sent once.
func TestFiles(t *testing.T) {
	h := pages(t)
	for _, path := range []string{"/openapi.json", "/docs", "/docs/assets/swagger-ui-bundle.js", "/docs/assets/start.js"} {
		plain := ask(h, "GET", path)
		for accept, zipped := range map[string]bool{
			"gzip": true, "br, GZIP;q=0.5": true, "deflate, gzip;q=1.0, *;q=0.5": true, "gzip;q=0": false, "gzip; q=0.000": false, "br": false, "": false,
		} {
			w := ask(h, "GET", path, "Accept-Encoding", accept)
			if got := w.Header().Get("Content-Encoding") == "gzip"; got != zipped {
				t.Errorf("GET %s for %q: compressed %t", path, accept, got)
			}
			text := w.Body.Bytes()
			if zipped {
				z, err := gzip.NewReader(bytes.NewReader(text))
				if err != nil {
					t.Fatal(err)
				}
				if text, err = io.ReadAll(z); err != nil {
					t.Fatal(err)
				}
			}
			if !bytes.Equal(text, plain.Body.Bytes()) || w.Header().Get("Vary") != "Accept-Encoding" {
				t.Errorf("GET %s for %q is another file", path, accept)
			}
			tag := w.Header().Get("Etag")
			if again := ask(h, "GET", path, "Accept-Encoding", accept, "If-None-Match", `"other", W/`+tag); again.Code != http.StatusNotModified || again.Body.Len() != 0 {
				t.Errorf("GET %s with %s = %d", path, tag, again.Code)
			}
		}
		if w := ask(h, "GET", path, "If-None-Match", `"other"`); w.Code != 200 {
			t.Errorf("GET %s with another tag = %d", path, w.Code)
		}
	}
}
