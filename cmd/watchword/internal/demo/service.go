package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/watchword-auth/watchword/httpauth"
	"github.com/watchword-auth/watchword/remote"
)

// maxStale is how old the services let the feed's newest word become.
const maxStale = 2 * time.Second

// service is a program that trusts the authority: one guarded route, verified
// in its own process.
type service struct {
	name   string
	url    string
	wire   *wire
	remote *remote.Client
	server *http.Server
	asked  atomic.Int64 // requests answered
}

// newService starts one. It reaches the authority by its own wire alone.
func newService(ctx context.Context, name string, a *authority) (_ *service, err error) {
	s := &service{name: name}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if s.wire, err = newWire(ctx, strings.TrimPrefix(a.url, "http://")); err != nil {
		return nil, err
	}
	s.remote, err = remote.New(ctx, remote.Config{
		URL: "http://" + s.wire.listener.Addr().String(), Issuer: a.url, Audience: audience,
		ClientID: a.clientID, ClientSecret: a.clientSecret, MaxStale: maxStale,
	})
	if err != nil {
		return nil, err
	}
	guard := httpauth.Native(httpauth.NativePrefix, nil).Guard(s.remote)
	mux := http.NewServeMux()
	mux.Handle("GET /", guard.Require()(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "hello") // the client has gone
	})))
	listener, err := listen(ctx)
	if err != nil {
		return nil, err
	}
	s.url = "http://" + listener.Addr().String()
	s.server = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second, BaseContext: func(net.Listener) context.Context { return ctx }}
	go func() { _ = s.server.Serve(listener) }() // it ends with close
	return s, nil
}

func (s *service) close() {
	if s.server != nil {
		_ = s.server.Close()
	}
	if s.remote != nil {
		s.remote.Close()
	}
	if s.wire != nil {
		s.wire.close()
	}
}

// ask calls the route and reports whether the token was accepted.
func (s *service) ask(ctx context.Context, c *http.Client, token string) (bool, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+"/", nil)
	if err != nil {
		return false, err
	}
	r.Header.Set("Authorization", "Bearer "+token)
	answer, err := c.Do(r)
	if err != nil {
		return false, err
	}
	defer answer.Body.Close()
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		return false, err
	}
	s.asked.Add(1)
	switch answer.StatusCode {
	case http.StatusOK:
		return true, nil
	case http.StatusUnauthorized, http.StatusServiceUnavailable:
		return false, nil
	default:
		return false, fmt.Errorf("service %s answers %d", s.name, answer.StatusCode)
	}
}

// traffic is what a service gets beside the token that is measured.
type traffic struct {
	stop context.CancelFunc
	work sync.WaitGroup
}

// newTraffic has people with a standing token call the services until stopped.
func newTraffic(ctx context.Context, services []*service, people int, token string) *traffic {
	ctx, stop := context.WithCancel(ctx)
	t := &traffic{stop: stop}
	for _, s := range services {
		for range people {
			t.work.Go(func() {
				c := newHTTPClient()
				defer c.CloseIdleConnections()
				for ctx.Err() == nil {
					_, _ = s.ask(ctx, c, token) // refused while the feed is cut
				}
			})
		}
	}
	return t
}

func (t *traffic) end() {
	t.stop()
	t.work.Wait()
}

// watch shows a service a token without pause. started is called at the first
// acceptance; it returns when the last one was answered, once a refusal has
// followed.
func (s *service) watch(ctx context.Context, token string, started func()) (last time.Time, err error) {
	c := newHTTPClient()
	defer c.CloseIdleConnections()
	started = sync.OnceFunc(started)
	for {
		accepted, err := s.ask(ctx, c, token)
		switch {
		case err != nil:
			return last, err
		case accepted:
			last = time.Now()
			started()
		case last.IsZero():
			return last, errors.New("a token that counts was refused")
		default:
			return last, nil
		}
	}
}

// until waits until the service accepts a token.
func (s *service) until(ctx context.Context, token string) error {
	c := newHTTPClient()
	defer c.CloseIdleConnections()
	for {
		accepted, err := s.ask(ctx, c, token)
		if err != nil || accepted {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
}
