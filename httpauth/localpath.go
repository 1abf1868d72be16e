package httpauth

import (
	"net/url"
	pathpkg "path"
	"strings"
)

// LocalPath returns the path and query of this server that a text names, or ""
// for anything else, and for what a browser may take for another host: a link
// to a sign-in must not lead on to one (CWE-601). It is for where people go
// after a form; whether they may is the page's own to decide.
func LocalPath(next string) string {
	u, err := url.Parse(next)
	switch {
	case err != nil || u.Scheme != "" || u.Host != "" || u.Opaque != "" || u.User != nil:
		return ""
	case strings.ContainsFunc(next, func(r rune) bool { return r <= ' ' || r > '~' || r == '\\' }) || strings.Contains(u.Path, `\`):
		return ""
	case !strings.HasPrefix(u.Path, "/") || pathpkg.Clean(u.Path) != strings.TrimSuffix(u.Path, "/") && u.Path != "/":
		return ""
	default:
		return u.RequestURI()
	}
}
