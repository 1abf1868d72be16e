package browser_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/watchword-auth/watchword/e2e/browser"
)

func TestPageOfARealServer(t *testing.T) {
	server := browser.Serve(t, t.TempDir(), "--addr", "127.0.0.1:0", "--tls-self-signed")
	tab := browser.New(t).Tab(t)
	tab.Open(server.URL + "/healthz")
	if got, want := strings.TrimSpace(tab.Text("body")), `{"status":"ok"}`; got != want {
		t.Errorf("the page says %q, want %q", got, want)
	}
	// The answer's Content-Security-Policy lets no page ask for more.
	if failed := browser.Eval[bool](tab, `fetch("/auth/v1/me").then(() => false, () => true)`); !failed {
		t.Error("a script under the policy of an API's answer has asked for more")
	}
	sent := slices.ContainsFunc(tab.Requests(), func(r browser.Request) bool {
		return r.Method == "GET" && r.URL == server.URL+"/healthz"
	})
	if !sent {
		t.Errorf("the tab has noted %+v, want GET /healthz among them", tab.Requests())
	}
}
