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

// file is an answer that is the same for everybody. It is made when somebody
// asks for it first: a server that starts has better things to do, and most
// are never asked.
type file struct {
	plain, zipped making
	tag           func() (string, error)
	header        http.Header
}

// making returns a text that is made anew or once.
type making func() ([]byte, error)

// once has it made once.
func (m making) once() making { return sync.OnceValues(m) }

// newFile is what a function makes.
func newFile(media string, text making) *file {
	text = text.once()
	return &file{plain: text, zipped: zip(text).once(), tag: tagOf(text), header: header(media)}
}

// zippedFile is one that is compressed already, as most browsers take it.
func zippedFile(media string, zipped making) *file {
	zipped = zipped.once()
	return &file{plain: unzip(zipped), zipped: zipped, tag: tagOf(zipped), header: header(media)}
}

// tagOf names a text by its content.
func tagOf(text making) func() (string, error) {
	return sync.OnceValues(func() (string, error) {
		b, err := text()
		sum := sha256.Sum256(b)
		return `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`, err
	})
}

func zip(text making) making {
	return func() ([]byte, error) {
		plain, err := text()
		if err != nil {
			return nil, err
		}
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		if _, err := z.Write(plain); err != nil {
			return nil, err
		}
		err = z.Close()
		return b.Bytes(), err
	}
}

func unzip(zipped making) making {
	return func() ([]byte, error) {
		packed, err := zipped()
		if err != nil {
			return nil, err
		}
		z, err := gzip.NewReader(bytes.NewReader(packed))
		if err != nil {
			return nil, err
		}
		return io.ReadAll(z) // our own: its size is known to be harmless
	}
}

func header(media string) http.Header {
	return http.Header{
		"Content-Type": {media},
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
	tag, err := f.tag()
	if err != nil {
		return httpauth.Reply{}, err
	}
	h := f.header.Clone()
	h.Set("Etag", tag)
	if knows(x.Request, tag) {
		return httpauth.Reply{Status: http.StatusNotModified, Header: h}, nil
	}
	text := f.plain
	if takesGzip(x.Request) {
		h.Set("Content-Encoding", "gzip")
		// RFC 9110, section 8.8.3.3: two encodings are two representations.
		h.Set("Etag", strings.TrimSuffix(tag, `"`)+`-gzip"`)
		text = f.zipped
	}
	b, err := text()
	return httpauth.Reply{Header: h, Body: b}, err
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
