package open

import (
	"errors"
	"net"
	"os"
	"testing"
	"time"

	"github.com/lib/pq"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/store/django"
)

// A server that takes connections and says nothing is given up on, and users
// who cannot be asked for are unavailable, not unknown.
func TestASilentServer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() // the system takes connections for it
	db, err := postgresHandle("postgres://u:p@"+l.Addr().String()+"/site?sslmode=disable", dialer{time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	_, err = django.Open(t.Context(), db, django.Config{Flavor: django.PostgreSQL})
	if !errors.Is(err, watchword.Unavailable) || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("Open at a silent server = %v, want unavailable by a deadline", err)
	}
}

var (
	_ pq.Dialer        = dialer{}
	_ pq.DialerContext = dialer{}
)
