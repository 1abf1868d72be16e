package dialect_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
)

// call sends one request and returns the whole answer.
func call(h http.Handler, method, target string, header map[string]string, body string) (int, http.Header, string) {
	req := httptest.NewRequest(method, target, strings.NewReader(body))
	for k, v := range header {
		req.Header.Set(k, v)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, req)
	return w.Code, w.Header(), w.Body.String()
}
