package main_test

import (
	"strings"
	"testing"

	"github.com/watchword-auth/watchword/examples/internal/run"
)

func TestScopes(t *testing.T) {
	t.Parallel()
	p := run.Example(t, "scopes", "127.0.0.1:8000", t.TempDir())
	tests := []struct {
		login               string
		read, write, delete int
	}{
		{"reader", 200, 403, 403},
		{"writer", 200, 204, 403},
		{"admin", 200, 204, 204},
	}
	for _, tt := range tests {
		t.Run(tt.login, func(t *testing.T) {
			access, _ := p.SignIn(t, tt.login, tt.login+"-pass-77")
			for _, try := range []struct {
				method, path string
				want         int
			}{
				{"GET", "/posts", tt.read}, {"PUT", "/posts/news", tt.write}, {"DELETE", "/posts/news", tt.delete},
			} {
				status, body := p.Do(t, try.method, try.path, "text", "Authorization", "Bearer "+access)
				if status != try.want {
					t.Errorf("%s %s = %d %s, want %d", try.method, try.path, status, body, try.want)
				}
				if status == 403 && !strings.Contains(body, `"code":"insufficient_scope"`) {
					t.Errorf("%s %s = %s, want insufficient_scope", try.method, try.path, body)
				}
			}
		})
	}
	t.Run("nobody", func(t *testing.T) {
		if status, _ := p.Do(t, "GET", "/posts", ""); status != 401 {
			t.Errorf("GET /posts without a token = %d, want 401", status)
		}
	})
}
