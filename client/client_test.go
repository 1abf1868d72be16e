package client_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/watchword-auth/watchword/client"
)

// Browsers load no module of another type, and ask each time whether it has
// changed.
func TestHandler(t *testing.T) {
	ask := func(tag string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodGet, "/watchword.js", nil)
		r.Header.Set("If-None-Match", tag)
		w := httptest.NewRecorder()
		client.Handler().ServeHTTP(w, r)
		return w
	}
	got := ask("")
	if got.Code != http.StatusOK || !bytes.Equal(got.Body.Bytes(), client.Script()) {
		t.Errorf("answered %d and %d bytes, want the module's %d", got.Code, got.Body.Len(), len(client.Script()))
	}
	for name, want := range map[string]string{
		"Content-Type": "text/javascript; charset=utf-8", "X-Content-Type-Options": "nosniff", "Cache-Control": "no-cache",
	} {
		if value := got.Header().Get(name); value != want {
			t.Errorf("%s: %q, want %q", name, value, want)
		}
	}
	if again := ask(got.Header().Get("ETag")); again.Code != http.StatusNotModified || again.Body.Len() != 0 {
		t.Errorf("whoever has it is answered %d and %d bytes", again.Code, again.Body.Len())
	}
}
