package docs

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http"
	"strings"

	"github.com/watchword-auth/watchword/httpauth"
)

// file is an answer that is the same for everybody, kept compressed.
type file struct {
	zipped []byte
	header http.Header
}

// newFile compresses a text.
func newFile(media string, text []byte) (*file, error) {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := z.Write(text); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return zippedFile(media, b.Bytes()), nil
}

// zippedFile is one that is compressed already.
func zippedFile(media string, zipped []byte) *file {
	sum := sha256.Sum256(zipped)
	return &file{zipped: zipped, header: http.Header{
		"Content-Type": {media},
		"Etag":         {`"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`},
		// A new program has new files under the same names: ask, and be told
		// that nothing has changed.
		"Cache-Control": {"no-cache"},
		"Vary":          {"Accept-Encoding"},
	}}
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
		return httpauth.Reply{Header: h, Body: f.zipped}, nil
	}
	z, err := gzip.NewReader(bytes.NewReader(f.zipped))
	if err != nil {
		return httpauth.Reply{}, err
	}
	text, err := io.ReadAll(z) // our own: its size is known to be harmless
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
