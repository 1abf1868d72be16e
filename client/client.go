// Package client holds watchword.js, the module that signs people in from a
// page and keeps them signed in: one refresh at a time over all tabs, one
// retry, answers that were lost asked for again. The file can as well be
// copied, it depends on nothing.
package client

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"net/http"
	"time"
)

//go:embed watchword.js
var script []byte

// Script returns the module's text.
func Script() []byte { return bytes.Clone(script) }

// Handler serves the module. Browsers ask each time whether it has changed, so
// that a page and the module it was written for stay together.
func Handler() http.Handler {
	sum := sha256.Sum256(script)
	tag := `"` + hex.EncodeToString(sum[:16]) + `"`
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Type", "text/javascript; charset=utf-8")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-cache")
		h.Set("ETag", tag)
		http.ServeContent(w, r, "watchword.js", time.Time{}, bytes.NewReader(script))
	})
}
