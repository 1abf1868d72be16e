package console

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"net/http"
	"path"
	"strings"
	"time"
)

//go:embed assets
var assetFiles embed.FS

// assets are what pages need beside themselves. Each is known by an address
// with its hash, so that browsers keep it, and ask again when it is another.
type assets struct {
	byURL map[string]asset
	urls  map[string]string // by file name
}

type asset struct {
	contentType string
	body        []byte
}

func loadAssets() (assets, error) {
	a := assets{byURL: make(map[string]asset), urls: make(map[string]string)}
	for name, contentType := range map[string]string{
		"style.css": "text/css; charset=utf-8", "script.js": "text/javascript; charset=utf-8", "icon.svg": "image/svg+xml",
	} {
		body, err := assetFiles.ReadFile("assets/" + name)
		if err != nil {
			return a, fmt.Errorf("admin pages: %w", err)
		}
		sum := sha256.Sum256(body)
		ext := path.Ext(name)
		url := prefix + "assets/" + strings.TrimSuffix(name, ext) + "-" + hex.EncodeToString(sum[:6]) + ext
		a.byURL[url], a.urls[name] = asset{contentType, body}, url
	}
	return a, nil
}

// ServeHTTP answers with an asset. There is nothing secret in any.
func (a assets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	file, ok := a.byURL[r.URL.Path]
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", file.contentType)
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(file.body))
}
