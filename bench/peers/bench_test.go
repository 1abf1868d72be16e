package main

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/watchword-auth/watchword/bench/internal/load"
	"github.com/watchword-auth/watchword/bench/internal/measure"
)

// TestBench runs every table in process, as short as can be.
func TestBench(t *testing.T) {
	var out strings.Builder
	o := options{Options: measure.Options{Rounds: 1, Time: time.Microsecond}}
	if err := bench(t.Context(), &out, o); err != nil {
		t.Fatal(err)
	}
	for _, title := range []string{
		"### Verify, HS256", "### Verify, RS256", "### Sign, EdDSA", "### Guard over bare net/http, ES256",
		"### Refresh in memory, access token ES256", "### Targets",
	} {
		if !strings.Contains(out.String(), title+"\n") {
			t.Errorf("no table %q in\n%s", title, out.String())
		}
	}
}

// TestLimitServer makes sure that the limit's server rotates and refuses, or
// its figures would mean nothing.
func TestLimitServer(t *testing.T) {
	k := testKeys(t)
	server := httptest.NewServer(newLimitServer(k))
	defer server.Close()
	for _, op := range load.Ops() {
		r, err := load.Run(t.Context(), load.Config{
			Addr: server.URL, Op: op, Clients: 2, Duration: 20 * time.Millisecond, Login: "admin", Password: adminPassword,
		})
		if err != nil || r.FirstError != nil || r.Requests == 0 {
			t.Errorf("%s: %+v, %v", op, r, err)
		}
	}
	s := httptest.NewServer(newLimitServer(testKeys(t)))
	defer s.Close()
	token, err := newLimit(k, "HS256").sign([]byte(`{"sid":"session-0","gen":1}`))
	if err != nil {
		t.Fatal(err)
	}
	for name, body := range map[string]string{"another's": `{"refresh_token":"` + token + `"}`, "none": `{}`} {
		answer, err := s.Client().Post(s.URL+"/auth/v1/refresh", "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if answer.Body.Close(); answer.StatusCode != 400 {
			t.Errorf("%s token: status %d, want 400", name, answer.StatusCode)
		}
	}
}
