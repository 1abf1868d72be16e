package docs

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/watchword-auth/watchword/httpauth"
)

// file is an answer that is the same for everybody.
type file struct {
	plain, zipped func() ([]byte, error)
	header        http.Header
}

// newFile is a text, which is compressed when somebody asks for it first: a
// server that starts has better things to do.
func newFile(media string, text []byte) *file {
	return &file{
		plain:  func() ([]byte, error) { return text, nil },
		zipped: sync.OnceValues(func() ([]byte, error) { return zip(text) }),
		header: header(media, text),
	}
}

// zippedFile is one that is compressed already, as most browsers take it.
func zippedFile(media string, zipped []byte) *file {
	return &file{
		plain:  func() ([]byte, error) { return unzip(zipped) },
		zipped: func() ([]byte, error) { return zipped, nil },
		header: header(media, zipped),
	}
}

func zip(text []byte) ([]byte, error) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(text); err != nil {
		return nil, err
	}
	err := z.Close()
	return b.Bytes(), err
}

func unzip(zipped []byte) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(zipped))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z) // our own: its size is known to be harmless
}

// header is that of a file with a content.
func header(media string, content []byte) http.Header {
	sum := sha256.Sum256(content)
	return http.Header{
		"Content-Type": {media},
		"Etag":         {`"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`},
		// A new program has new files under the same names: ask, and be told
		// that nothing has changed.
		"Cache-Control": {"no-cache"},
		"Vary":          {"Accept-Encoding"},
	}
}

// with adds a header.
func (f *file) with(name, value string) *file {
	f.header.Set(name, value)
	return f
}

// serve answers, compressed where the client takes it.
func (f *file) serve(x *httpauth.Exchange) (httpauth.Reply, error) {
	h := f.header.Clone()
	if knows(x.Request, f.header.Get("Etag")) {
		return httpauth.Reply{Status: http.StatusNotModified, Header: h}, nil
	}
	if takesGzip(x.Request) {
		h.Set("Content-Encoding", "gzip")
		// RFC 9110, section 8.8.3.3: two encodings are two representations.
		h.Set("Etag", strings.TrimSuffix(h.Get("Etag"), `"`)+`-gzip"`)
		zipped, err := f.zipped()
		return httpauth.Reply{Header: h, Body: zipped}, err
	}
	text, err := f.plain()
	return httpauth.Reply{Header: h, Body: text}, err
}

// knows reports whether the client has the file, in either encoding
// (RFC 9110, section 13.1.2).
func knows(r *http.Request, tag string) bool {
	bare := strings.TrimSuffix(tag, `"`)
	for known := range strings.SplitSeq(strings.Join(r.Header.Values("If-None-Match"), ","), ",") {
		known = strings.TrimPrefix(strings.TrimSpace(known), "W/")
		if known == tag || known == bare+`-gzip"` || known == "*" {
			return true
		}
	}
	return false
}

// takesGzip reads Accept-Encoding (RFC 9110, section 12.5.3).
func takesGzip(r *http.Request) bool {
	for part := range strings.SplitSeq(strings.Join(r.Header.Values("Accept-Encoding"), ","), ",") {
		coding, weight, _ := strings.Cut(part, ";")
		if !strings.EqualFold(strings.TrimSpace(coding), "gzip") {
			continue
		}
		weight = strings.ReplaceAll(weight, " ", "")
		return strings.Trim(strings.TrimPrefix(weight, "q="), "0.") != "" || weight == ""
	}
	return false
}
