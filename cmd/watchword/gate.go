package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/watchword-auth/watchword/cmd/watchword/internal/config"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/gate"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/server"
	"github.com/watchword-auth/watchword/jwt"
	"github.com/watchword-auth/watchword/remote"
)

type gateCommand struct {
	Addr      *string `placeholder:"HOST:PORT" help:"Listen there; port 0 takes a free one (default: 127.0.0.1:9091)."`
	Authority *string `placeholder:"URL" help:"The server that issues the tokens."`
	Audience  *string `placeholder:"NAME" help:"Whom the tokens must be for: the server's audience."`
	Upstream  *string `placeholder:"URL" help:"Hand requests on to this service. Without it the gate only answers proxies."`
}

func (gateCommand) Help() string {
	return "Guards a service in any language: nginx, Caddy and Traefik ask it about every request, or it stands in front itself. " +
		"Rules come from [[gate.rule]] in the file; without any, every request needs a good token.\n\n" +
		"Example:\n  watchword gate --authority https://auth.example.com --audience shop --upstream http://127.0.0.1:3000"
}

// Run guards until the process is asked to end.
func (c *gateCommand) Run(a *app) error {
	settings, err := a.config(given(map[string]*string{
		"gate.addr": c.Addr, "gate.authority": c.Authority, "gate.audience": c.Audience, "gate.upstream": c.Upstream,
	}))
	if err == nil {
		err = errors.Join(settings.CheckGate(), gate.CheckRules(gateRules(settings.Gate)))
	}
	if err != nil {
		return err
	}
	return a.gate(settings)
}

func (a *app) gate(c config.Config) (err error) {
	logs := server.NewLogWriter(a.err)
	defer func() { err = errors.Join(err, logs.Close()) }()
	log := logger(logs, c.Log)

	listener, err := listen(a.ctx, c.Gate.Addr)
	if err != nil {
		return err
	}
	defer func() { _ = listener.Close() }() // a server that ran has closed it
	client, err := remote.New(a.ctx, remote.Config{
		URL: c.Gate.Authority, Audience: c.Gate.Audience, ClientID: c.Gate.ClientID, ClientSecret: c.Gate.ClientSecret,
		MaxStale: c.Gate.MaxStale, File: c.Gate.KeysFile,
		// The authority may start after the gate: until there are keys tokens
		// are refused with 503.
		Background: true,
		Report:     func(err error) { log.Warn("follow authority", "error", err) },
	})
	if err != nil {
		return fmt.Errorf("gate.authority: %w", err)
	}
	defer client.Close()
	if c.Gate.ClientID == "" {
		log.Warn("no revocation feed: a token that is revoked counts here until it expires", "setting", "gate.client_id")
	}
	handler, err := newGate(c.Gate, client, listener, gate.Options{Log: log})
	if err != nil {
		return err
	}
	s := &http.Server{
		Handler: handler, ReadHeaderTimeout: 15 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		BaseContext: func(net.Listener) context.Context { return context.Background() },
	}
	failed := make(chan error, 1)
	go func() { failed <- s.Serve(listener) }()
	a.noteln("listening on http://" + listener.Addr().String())
	select {
	case err := <-failed:
		return err
	case <-a.ctx.Done():
	}
	log.Info("stopping")
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := s.Shutdown(ctx); errors.Is(err, context.DeadlineExceeded) {
		return s.Close()
	}
	return nil
}

// ready says why tokens would be refused with 503.
func ready(s remote.Stats, maxStale time.Duration) error {
	switch {
	case s.Keys.Keys == 0:
		return errors.Join(errors.New("there are no keys of the authority"), s.Keys.LastError)
	case s.Feed.Following && !s.Feed.Known:
		return errors.Join(errors.New("the revocation feed was not read yet"), s.Feed.LastError)
	case s.Feed.Following && s.Feed.Age > maxStale:
		return errors.Join(fmt.Errorf("the revocation feed is silent for %s", s.Feed.Age.Round(time.Second)), s.Feed.LastError)
	default:
		return nil
	}
}

// newGate makes the gate of the settings.
func newGate(c config.Gate, client *remote.Client, listener net.Listener, o gate.Options) (http.Handler, error) {
	o.Ready = func() error { return ready(client.Stats(), c.MaxStale) }
	o.Verify, o.TrustedProxies, o.Cookie, o.Login = client.Verify, c.TrustedProxies, c.Cookie, c.Login
	o.Key, o.Issuer, o.Audience, o.Lifetime = c.Key, c.Issuer, c.Audience, c.Lifetime
	if o.Issuer == "" {
		o.Issuer = "http://" + listener.Addr().String()
	}
	if o.Key == nil {
		key, err := jwt.GenerateKey(jwt.ES256)
		if err != nil {
			return nil, err
		}
		o.Key = key.WithID(key.Thumbprint())
	}
	if c.Upstream != "" {
		u, err := url.Parse(c.Upstream)
		if err != nil {
			return nil, err // checked with the settings
		}
		o.Upstream = u
	}
	o.Rules = gateRules(c)
	return gate.New(o)
}

func gateRules(c config.Gate) []gate.Rule {
	var rules []gate.Rule
	for _, r := range c.Rules {
		rules = append(rules, gate.Rule{Path: r.Path, Methods: r.Methods, Public: r.Public, Scopes: r.Scopes, Permissions: r.Permissions})
	}
	return rules
}
