package main_test

import (
	"strings"
	"testing"

	"github.com/watchword-auth/watchword/examples/internal/run"
)

func TestClaims(t *testing.T) {
	t.Parallel()
	p := run.Example(t, "claims", "127.0.0.1:8000", t.TempDir())
	access, _ := p.SignIn(t, "ann", "ann-pass-77")
	bearer := "Bearer " + access
	if status, body := p.Do(t, "GET", "/plan", "", "Authorization", bearer); status != 200 || body != "tenant 42, plan silver\n" {
		t.Errorf("GET /plan = %d %s", status, body)
	}
	status, body := p.Do(t, "GET", "/export", "", "Authorization", bearer)
	if status != 403 || !strings.Contains(body, "this needs the plan gold") {
		t.Errorf("GET /export = %d %s", status, body)
	}
	if status, _ := p.Do(t, "GET", "/plan", ""); status != 401 {
		t.Errorf("GET /plan without a token = %d, want 401", status)
	}
}
