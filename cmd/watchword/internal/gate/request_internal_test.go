package gate

import (
	"net/url"
	"path"
	"strings"
	"testing"
)

// FuzzReadURI: a target that passes means one thing to whoever reads it:
// decoded again it stays what it is, cleaned it stays what it is, and it is
// what net/url makes of it.
func FuzzReadURI(f *testing.F) {
	for _, seed := range []string{
		"/", "/a/b?c=d", "/a/../b", "//", "/%2e%2e/", "/a%2fb", "/a;b", "/%c0%af", "/a%00", "/%25", "/\\", "/a.", "/%20a", "/%ef%bc%8f", "/é", "*", "", "?",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, uri string) {
		got, err := readURI(uri)
		if err != nil {
			return
		}
		if again, err := url.PathUnescape(got.path); err != nil || again != got.path {
			t.Errorf("%q decodes to %q, and that to %q, %v", uri, got.path, again, err)
		}
		cleaned := path.Clean(got.path)
		if want := strings.TrimSuffix(got.path, "/"); cleaned != want && got.path != "/" {
			t.Errorf("%q decodes to %q, and cleaned that is %q", uri, got.path, cleaned)
		}
		if strings.ContainsAny(got.path, "\\;%?#\x00\r\n") {
			t.Errorf("%q decodes to %q", uri, got.path)
		}
		u, err := url.ParseRequestURI(uri)
		if err != nil || u.Path != got.path || u.RawQuery != got.query || u.Host != "" {
			t.Errorf("%q is %q with %q, and to net/url %+v, %v", uri, got.path, got.query, u, err)
		}
		if joined := "/" + strings.Join(got.segments, "/"); joined != strings.TrimSuffix(got.path, "/") && got.path != "/" {
			t.Errorf("%q has segments %q", uri, got.segments)
		}
	})
}
