package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/config"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/engine"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/open"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/server"
	"github.com/watchword-auth/watchword/password"
)

// audience is the API that the services are.
const audience = "demo"

// authority is a server as `watchword serve` starts it, over a database of its
// own.
type authority struct {
	url          string
	login        string
	secret       string
	clientID     string
	clientSecret string
	http         *http.Client

	stop  context.CancelFunc
	ended chan error
	db    *open.Opened
}

// newAuthority starts one with its files in dir.
func newAuthority(ctx context.Context, dir string) (_ *authority, err error) {
	c := config.Default()
	c.DB = "sqlite:" + filepath.Join(dir, "demo.db")
	c.Audience = audience
	c.Limits.Enabled = false // the same person signs in again and again
	c.Admin.Enabled = false
	a := &authority{http: newHTTPClient(), ended: make(chan error, 1), login: "demo", secret: "the secret of the demo"}
	if a.db, err = open.Store(ctx, c.DB); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = a.db.Close(context.WithoutCancel(ctx))
		}
	}()
	if err := a.people(ctx); err != nil {
		return nil, err
	}
	seal, err := engine.Seal(ctx, c, a.db)
	if err != nil {
		return nil, err
	}
	listener, err := listen(ctx)
	if err != nil {
		return nil, err
	}
	s, err := server.New(ctx, server.Options{Config: c, DB: a.db, Seal: seal, Listener: listener, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		_ = listener.Close()
		return nil, err
	}
	a.url = s.URL()
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	a.stop = stop
	ready := make(chan struct{})
	go func() { a.ended <- s.Run(running, func() { close(ready) }) }()
	select {
	case <-ready:
		return a, nil
	case err := <-a.ended:
		stop()
		return nil, err
	}
}

// people adds who signs in, and the machine that the services are.
func (a *authority) people(ctx context.Context) error {
	hasher, err := password.New(password.Config{})
	if err != nil {
		return err
	}
	hash, err := hasher.Hash(ctx, a.secret)
	if err != nil {
		return err
	}
	if _, err := a.db.CreateUser(ctx, watchword.NewUser{User: watchword.User{Login: a.login, Active: true}, PasswordHash: hash}); err != nil {
		return err
	}
	id, secret, record := watchword.NewClientSecret("services", nil, time.Now())
	a.clientID, a.clientSecret = id, secret
	return a.db.CreateClient(ctx, record)
}

func (a *authority) close() error {
	a.http.CloseIdleConnections()
	a.stop()
	err := <-a.ended
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if closed := a.db.Close(ctx); err == nil {
		err = closed
	}
	return err
}

// tokens are a pair as the authority answers it.
type tokens struct {
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
}

func (a *authority) signIn(ctx context.Context) (t tokens, err error) {
	err = a.post(ctx, "token", map[string]string{"login": a.login, "password": a.secret}, &t)
	return t, err
}

// signOut ends the session. When it returns the authority has acknowledged
// that.
func (a *authority) signOut(ctx context.Context, t tokens) error {
	return a.post(ctx, "logout", map[string]string{"refresh_token": t.Refresh}, &struct{}{})
}

func (a *authority) post(ctx context.Context, route string, body, answer any) error {
	b, err := json.Marshal(body)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, a.url+"/auth/v1/"+route, bytes.NewReader(b))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	got, err := a.http.Do(r)
	if err != nil {
		return err
	}
	defer got.Body.Close()
	text, err := io.ReadAll(got.Body)
	if err != nil {
		return err
	}
	if got.StatusCode != http.StatusOK {
		return fmt.Errorf("POST %s is answered %d %s", route, got.StatusCode, text)
	}
	return json.Unmarshal(text, answer)
}

// newHTTPClient makes one with connections of its own.
func newHTTPClient() *http.Client {
	return &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 16}}
}

func listen(ctx context.Context) (net.Listener, error) {
	var lc net.ListenConfig
	return lc.Listen(ctx, "tcp", "127.0.0.1:0")
}
