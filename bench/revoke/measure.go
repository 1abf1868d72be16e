package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/httpauth"
	"github.com/watchword-auth/watchword/remote"
	"github.com/watchword-auth/watchword/store"
)

// patience is how long a token may go on being accepted before the measurement
// gives it up.
const patience = 10 * time.Second

// site is a server on loopback.
type site struct {
	url    string
	server *http.Server
}

func serve(ctx context.Context, h func(url string) (http.Handler, error)) (*site, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &site{url: "http://" + l.Addr().String()}
	handler, err := h(s.url)
	if err != nil {
		_ = l.Close()
		return nil, err
	}
	s.server = &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute, ErrorLog: log.New(io.Discard, "", 0)}
	go func() { _ = s.server.Serve(l) }()
	return s, nil
}

// central is the authority, and what is known of it.
type central struct {
	*site
	auth         *watchword.Authority
	id, secret   string
	calls        atomic.Int64
	withoutWaits bool
	withoutSSE   bool
}

func newCentral(ctx context.Context, o options) (*central, error) {
	c := &central{withoutSSE: o.mode != "stream", withoutWaits: o.mode == "poll"}
	memory := store.NewMemory()
	var record watchword.ClientRecord
	c.id, c.secret, record = watchword.NewClientSecret("services", []string{watchword.FeedScope}, time.Now())
	if err := memory.CreateClient(ctx, record); err != nil {
		return nil, err
	}
	var err error
	c.site, err = serve(ctx, func(url string) (http.Handler, error) {
		c.auth, err = watchword.New(watchword.Config{Issuer: url, Audience: "bench", Store: memory, SealKey: make([]byte, 32), InsecureUnlimited: true})
		if err != nil {
			return nil, err
		}
		mux := http.NewServeMux()
		err := httpauth.Mount(mux, c.auth, httpauth.Native(httpauth.NativePrefix, nil))
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			c.calls.Add(1)
			if c.withoutSSE && r.Header.Get("Accept") == "text/event-stream" || c.withoutWaits && r.URL.Query().Has("wait") {
				http.Error(w, "not through this proxy", http.StatusBadGateway)
				return
			}
			mux.ServeHTTP(w, r)
		}), err
	})
	return c, err
}

// token makes a token with a session behind it, which the native sign-out ends.
func (c *central) token(ctx context.Context) (watchword.Tokens, error) {
	return c.auth.Issue(ctx, watchword.IssueRequest{Subject: "somebody", Lifetime: time.Hour})
}

// signOut returns when the authority has acknowledged it.
func (c *central) signOut(ctx context.Context, client *http.Client, token string) (time.Time, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url+"/auth/v1/logout", bytes.NewReader([]byte("{}")))
	if err != nil {
		return time.Time{}, err
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/json")
	answer, err := client.Do(r)
	if err != nil {
		return time.Time{}, err
	}
	acknowledged := time.Now()
	_, _ = io.Copy(io.Discard, answer.Body)
	if answer.Body.Close(); answer.StatusCode != http.StatusOK {
		return time.Time{}, fmt.Errorf("sign-out: status %d", answer.StatusCode)
	}
	return acknowledged, nil
}

// service guards one route, and notes when it last let the watched token in.
type service struct {
	*site
	client  *remote.Client
	served  atomic.Int64
	watched atomic.Pointer[string]
	last    atomic.Int64 // unix nanoseconds
}

func newService(ctx context.Context, c *central) (*service, error) {
	client, err := remote.New(ctx, remote.Config{URL: c.url, Audience: "bench", ClientID: c.id, ClientSecret: c.secret})
	if err != nil {
		return nil, err
	}
	s := &service{client: client}
	guard := httpauth.Native(httpauth.NativePrefix, nil).Guard(client)
	s.site, err = serve(ctx, func(string) (http.Handler, error) {
		return guard.Require()(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			s.served.Add(1)
			if claims, _ := httpauth.ClaimsFrom(r.Context()); claims.ID == *s.watched.Load() {
				s.last.Store(time.Now().UnixNano())
			}
			w.WriteHeader(http.StatusNoContent)
		})), nil
	})
	return s, err
}

// get asks the guarded route.
func (s *service) get(ctx context.Context, client *http.Client, token string) (status int, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+"/", nil)
	if err != nil {
		return 0, err
	}
	r.Header.Set("Authorization", "Bearer "+token)
	answer, err := client.Do(r)
	if err != nil {
		return 0, err
	}
	_, _ = io.Copy(io.Discard, answer.Body)
	return answer.StatusCode, answer.Body.Close()
}

// load asks a service at a rate until ctx ends.
func (s *service) load(ctx context.Context, token string, rate int) {
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	tick := time.NewTicker(time.Second / time.Duration(rate))
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			_, _ = s.get(ctx, client, token)
		case <-ctx.Done():
			return
		}
	}
}

func measure(ctx context.Context, o options) (results, error) {
	c, err := newCentral(ctx, o)
	if err != nil {
		return results{}, err
	}
	defer c.server.Close()
	var services []*service
	nobody := ""
	for range o.services {
		s, err := newService(ctx, c)
		if err != nil {
			return results{}, err
		}
		defer s.server.Close()
		defer s.client.Close()
		s.watched.Store(&nobody)
		services = append(services, s)
	}
	busy, err := c.token(ctx)
	if err != nil {
		return results{}, err
	}
	working, stop := context.WithCancel(ctx)
	var work sync.WaitGroup
	defer work.Wait()
	defer stop()
	if o.rate > 0 {
		for _, s := range services {
			work.Go(func() { s.load(working, busy.Access, o.rate) })
		}
	}
	if err := settle(ctx, services, o.mode); err != nil {
		return results{}, err
	}
	return rounds(ctx, c, services, o)
}

// settle waits until every service follows in the mode that is asked for.
func settle(ctx context.Context, services []*service, mode string) error {
	want := map[string]string{"stream": "stream", "wait": "long poll", "poll": "poll"}[mode]
	for _, s := range services {
		for s.client.Stats().Feed.Mode != want {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(10 * time.Millisecond):
			}
		}
	}
	return nil
}

// rounds ends one session after the other while its token is in use at every
// service without pause.
func rounds(ctx context.Context, c *central, services []*service, o options) (results, error) {
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	var r results
	began, calls := time.Now(), c.calls.Load()
	for _, s := range services {
		s.served.Store(0)
	}
	for range o.rounds {
		tokens, err := c.token(ctx)
		if err != nil {
			return r, err
		}
		for _, s := range services {
			s.last.Store(0)
			s.watched.Store(&tokens.Claims.ID)
		}
		var using sync.WaitGroup
		var accepting atomic.Int64
		until, cancel := context.WithTimeout(ctx, patience)
		inUse := make(chan struct{}, len(services))
		for _, s := range services {
			using.Go(func() {
				if !s.use(until, tokens.Access, inUse) {
					accepting.Add(1)
				}
			})
		}
		for range services {
			<-inUse
		}
		acknowledged, err := c.signOut(ctx, client, tokens.Access)
		using.Wait()
		cancel()
		if err != nil {
			return r, err
		}
		r.accepting += int(accepting.Load())
		for _, s := range services {
			r.delays = append(r.delays, time.Unix(0, s.last.Load()).Sub(acknowledged))
		}
	}
	r.elapsed = time.Since(began)
	r.calls = c.calls.Load() - calls - int64(o.rounds) // less the sign-outs
	for _, s := range services {
		r.served += s.served.Load()
	}
	return r, nil
}

// use shows the token until it is refused, without pause, and says through
// inUse when it was first accepted. It returns false where ctx ended first.
func (s *service) use(ctx context.Context, token string, inUse chan<- struct{}) bool {
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	for first := true; ; first = false {
		status, err := s.get(ctx, client, token)
		if first {
			inUse <- struct{}{}
		}
		if err != nil || ctx.Err() != nil {
			return false
		}
		if status == http.StatusUnauthorized {
			return true
		}
	}
}
