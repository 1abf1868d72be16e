// Package server puts the engine behind one http.Server: routes, logs,
// limits, health, and an orderly end.
package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/config"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/engine"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/manage"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/open"
	"github.com/watchword-auth/watchword/httpauth"
)

// Bounds of what a client may take of the server.
const (
	headerTimeout = 15 * time.Second  // for a request's header
	readTimeout   = 30 * time.Second  // for header and body together
	writeTimeout  = 60 * time.Second  // from the header's end to the answer's
	idleTimeout   = 120 * time.Second // between requests of a connection
	stuckTimeout  = 10 * time.Second  // while nothing is taken of what is written (HTTP/2)
	maxHeader     = 32 << 10          // bytes; more is answered with 431
)

// stopTimeout is how long requests that are under way get to end.
const stopTimeout = 10 * time.Second

// maxStale is how long verification goes on where facts cannot be read: what
// was revoked meanwhile by another process would still be accepted.
const maxStale = 15 * time.Second

// unready is how old facts may be before the server says that it is not
// ready. Two polls may fail.
const unready = 3 * watchword.PollInterval

// Options are what a server is made from. All are needed.
type Options struct {
	Config config.Config
	DB     *open.Opened
	Seal   []byte
	// Listener is bound already: what the address is decides who the issuer
	// is. The server closes it.
	Listener net.Listener
	Log      *slog.Logger
}

// Server serves one database.
type Server struct {
	config   config.Config
	db       *open.Opened
	log      *slog.Logger
	listener net.Listener
	audit    *auditor
	auth     *watchword.Authority   // the native one
	followed []*watchword.Authority // all, each of which follows the store
	actions  *manage.Actions        // nil: there is no administration over HTTP
	pages    *watchword.Authority   // of the admin pages; nil: there are none
	closers  []func()               // what ends with the server
	http     *http.Server
	longest  time.Duration     // the longest life of an access token
	upstream string            // the authority elsewhere whose users are mirrored; "": none
	tls      *tls.Config       // nil: plain HTTP
	streams  *httpauth.Streams // of services that follow
	stopping atomic.Bool
	requests atomic.Uint64 // so far
}

// New wires everything and reads keys and facts. It serves nothing yet.
func New(ctx context.Context, o Options) (*Server, error) {
	s := &Server{config: o.Config, db: o.DB, log: o.Log, listener: o.Listener, audit: newAuditor(o.DB, o.Log), streams: httpauth.NewStreams()}
	if s.config.Issuer == "" {
		s.config.Issuer = s.URL()
	}
	if s.config.Audience == "" {
		s.config.Audience = s.config.Issuer
	}
	handler, err := s.handler(ctx, o.Seal)
	if err != nil {
		return nil, err
	}
	if s.tls, err = tlsConfig(s.config.TLS, s.log); err != nil {
		return nil, err
	}
	s.http = &http.Server{
		Handler: handler, TLSConfig: s.tls,
		ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout,
		HTTP2:          &http.HTTP2Config{WriteByteTimeout: stuckTimeout},
		MaxHeaderBytes: maxHeader, ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	s.http.RegisterOnShutdown(s.streams.End) // it waits for what is under way
	return s, nil
}

// URL returns the address really listened on. Where that is every address of
// the machine, it is the loopback's.
func (s *Server) URL() string {
	scheme := "http"
	if s.config.TLS.On() {
		scheme = "https"
	}
	addr := s.listener.Addr().String()
	if tcp, ok := s.listener.Addr().(*net.TCPAddr); ok && tcp.IP.IsUnspecified() {
		addr = net.JoinHostPort("127.0.0.1", fmt.Sprint(tcp.Port))
	}
	return scheme + "://" + addr
}

// Run serves until ctx is done, and then ends in order: it says that it is
// not ready, lets requests under way come to their end, and writes down what
// is left of the audit log. ready is called once requests are answered.
func (s *Server) Run(ctx context.Context, ready func()) error {
	served := engine.Served{Issuer: s.config.Issuer, Audience: s.config.Audience, Longest: int64(s.longest / time.Second), Upstream: s.upstream}
	if err := engine.Remember(ctx, s.db, served); err != nil {
		return err
	}
	background, stop := context.WithCancel(context.Background())
	var workers sync.WaitGroup
	for _, work := range []func(context.Context){s.audit.run, s.follow, s.purge, s.rest} {
		workers.Go(func() { work(background) })
	}
	failed := make(chan error, 1)
	go func() { failed <- s.serve() }()
	ready()
	var err error
	select {
	case <-ctx.Done():
		err = s.stop()
	case err = <-failed:
	}
	stop()
	workers.Wait()
	for _, end := range s.closers {
		end()
	}
	return err
}

func (s *Server) serve() error {
	if s.tls != nil {
		return s.http.ServeTLS(s.listener, "", "")
	}
	return s.http.Serve(s.listener)
}

// stop ends the server in order.
func (s *Server) stop() error {
	s.stopping.Store(true)
	s.log.Info("stopping")
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	err := s.http.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		s.log.Warn("requests cut off", "after", stopTimeout)
		err = s.http.Close()
	}
	return err
}

// follow takes notice of what other processes do to the database.
func (s *Server) follow(ctx context.Context) {
	var all sync.WaitGroup
	for _, auth := range s.followed {
		all.Go(func() { auth.Run(ctx, func(err error) { s.log.Error("follow store", "error", err) }) })
	}
	all.Wait()
}
