package load_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/watchword-auth/watchword/bench/internal/load"
)

// server rotates refresh tokens by the rules, and remembers what it was sent.
type server struct {
	mu     sync.Mutex
	last   map[string]string // refresh token to its successor; "" while it is the last
	reused int
	me     int
	broken int // every so many requests one is refused
	asked  int
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	if s.broken > 0 && r.URL.Path == "/auth/v1/refresh" && s.asked%s.broken == 0 {
		http.Error(w, "no", http.StatusBadRequest)
		return
	}
	switch r.URL.Path {
	case "/auth/v1/token":
		var in struct{ Login, Password string }
		if json.NewDecoder(r.Body).Decode(&in) != nil || in.Login != "ada" || in.Password != "secret" {
			http.Error(w, "no", http.StatusBadRequest)
			return
		}
		s.grant(w, "")
	case "/auth/v1/refresh":
		var in struct {
			Token string `json:"refresh_token"`
		}
		if json.NewDecoder(r.Body).Decode(&in) != nil {
			http.Error(w, "no", http.StatusBadRequest)
			return
		}
		if next, known := s.last[in.Token]; !known || next != "" {
			s.reused++
		}
		s.grant(w, in.Token)
	case "/auth/v1/me":
		if strings.HasPrefix(r.Header.Get("Authorization"), "Bearer access-") {
			s.me++
		}
		fmt.Fprint(w, `{}`)
	default:
		http.NotFound(w, r)
	}
}

func (s *server) grant(w http.ResponseWriter, used string) {
	next := fmt.Sprintf("refresh-%d", len(s.last))
	s.last[next] = ""
	if used != "" {
		s.last[used] = next
	}
	fmt.Fprintf(w, `{"access_token":"access-%d","refresh_token":%q}`, len(s.last), next)
}

func started(t *testing.T, s *server) load.Config {
	t.Helper()
	s.last = make(map[string]string)
	h := httptest.NewServer(s)
	t.Cleanup(h.Close)
	return load.Config{Addr: h.URL, Clients: 3, Duration: 50 * time.Millisecond, Login: "ada", Password: "secret"}
}

func TestRefreshSendsEachTokenOnce(t *testing.T) {
	var s server
	c := started(t, &s)
	c.Op = load.Refresh
	r, err := load.Run(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if r.Requests == 0 || r.Errors != 0 || r.Rate() <= 0 || r.P50 <= 0 || r.P99 < r.P50 {
		t.Errorf("%+v", r)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.reused != 0 {
		t.Errorf("%d refresh tokens were sent twice or never given out", s.reused)
	}
	if refreshes := s.asked - c.Clients; r.Requests != refreshes {
		t.Errorf("%d requests counted, %d were made", r.Requests, refreshes)
	}
}

func TestMeShowsTheAccessToken(t *testing.T) {
	var s server
	c := started(t, &s)
	c.Op = load.Me
	r, err := load.Run(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Errors != 0 || s.me != r.Requests || r.Requests == 0 {
		t.Errorf("%+v, and the server saw %d", r, s.me)
	}
}

func TestErrorsAreCounted(t *testing.T) {
	s := server{broken: 5}
	c := started(t, &s)
	c.Op = load.Refresh
	r, err := load.Run(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if r.Errors == 0 || r.FirstError == nil || !strings.Contains(r.FirstError.Error(), "status 400") {
		t.Errorf("%+v, want refusals", r)
	}
	if s.reused != 0 {
		t.Errorf("%d refresh tokens were sent twice", s.reused)
	}
}

func TestRunRefuses(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*load.Config)
		want   string
	}{
		{"an unknown operation", func(c *load.Config) { c.Op = "dance" }, "refresh, me, login"},
		{"no clients", func(c *load.Config) { c.Clients = 0 }, "above 0"},
		{"a wrong password", func(c *load.Config) { c.Password = "x" }, "sign in"},
		{"nobody there", func(c *load.Config) { c.Addr = "127.0.0.1:1" }, "sign in"},
		{"no such process", func(c *load.Config) { c.PID = 1 << 30 }, "no such file"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if runtime.GOOS != "linux" && test.name == "no such process" {
				t.Skip("/proc is Linux's")
			}
			var s server
			c := started(t, &s)
			c.Op = load.Login
			test.change(&c)
			if _, err := load.Run(context.Background(), c); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("Run = %v, want %q", err, test.want)
			}
		})
	}
}

func TestProcess(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("/proc is Linux's")
	}
	var s server
	c := started(t, &s)
	c.Op, c.PID = load.Login, os.Getpid()
	r, err := load.Run(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if r.ServerMemory < 1<<20 {
		t.Errorf("%d bytes resident", r.ServerMemory)
	}
}
