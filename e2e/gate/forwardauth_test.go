package gate_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// behindForwardAuth starts a proxy that asks as Traefik's ForwardAuth does by
// its documentation: with all headers of the request but the hop-by-hop ones,
// and X-Forwarded-Method, -Proto, -Host, -Uri and -For of its own; 2xx lets
// the request pass with the headers of authResponseHeaders in place of the
// client's; everything else goes back to the client.
func behindForwardAuth(t *testing.T, s *site) string {
	t.Helper()
	page := s.snippet(t, "yaml", "127.0.0.1:0")
	address := regexp.MustCompile(`address: (\S+)`).FindStringSubmatch(page)
	names := regexp.MustCompile(`authResponseHeaders: \[(.*?)\]`).FindStringSubmatch(page)
	excluded := regexp.MustCompile("!HeaderRegexp\\(`(.*?)`, `(.*?)`\\)").FindAllStringSubmatch(page, -1)
	if address == nil || names == nil || len(excluded) != 2 {
		t.Fatalf("the page's snippet does not say what is needed:\n%s", page)
	}
	upstream, err := url.Parse(s.service.URL)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(upstream)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, e := range excluded {
			if slices.ContainsFunc(r.Header.Values(e[1]), regexp.MustCompile(e[2]).MatchString) {
				http.NotFound(w, r) // no router's rule matches
				return
			}
		}
		answer, err := askAs(r, address[1])
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		defer answer.Body.Close()
		if answer.StatusCode < 200 || answer.StatusCode >= 300 {
			w.WriteHeader(answer.StatusCode)
			_, _ = io.Copy(w, answer.Body)
			return
		}
		for name := range strings.SplitSeq(names[1], ", ") {
			r.Header.Del(name)
			if values := answer.Header.Values(name); len(values) > 0 {
				r.Header[name] = values
			}
		}
		// The middleware of the page that takes the token away.
		r.Header.Del("Authorization")
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	return strings.TrimPrefix(front.URL, "http://")
}

// askAs asks the gate about a request.
func askAs(r *http.Request, address string) (*http.Response, error) {
	asking, err := http.NewRequestWithContext(r.Context(), http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	asking.Header = r.Header.Clone()
	for _, value := range r.Header.Values("Connection") {
		for name := range strings.SplitSeq(value, ",") {
			asking.Header.Del(strings.TrimSpace(name))
		}
	}
	for _, name := range []string{"Connection", "Keep-Alive", "Te", "Trailer", "Transfer-Encoding", "Upgrade", "X-Forwarded-For"} {
		asking.Header.Del(name)
	}
	asking.Header.Set("X-Forwarded-Method", r.Method)
	asking.Header.Set("X-Forwarded-Proto", "http")
	asking.Header.Set("X-Forwarded-Host", r.Host)
	asking.Header.Set("X-Forwarded-Uri", r.URL.RequestURI())
	return http.DefaultTransport.RoundTrip(asking)
}
