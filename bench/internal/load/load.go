// Package load asks a running server over its public routes, as fast as it
// answers: a closed loop of some clients, a connection and a session each.
package load

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/watchword-auth/watchword/bench/internal/measure"
	"github.com/watchword-auth/watchword/bench/internal/stats"
)

// The operations.
const (
	Refresh = "refresh" // POST refresh: each new refresh token is sent once
	Me      = "me"      // GET me, with the access token of the sign-in
	Login   = "login"   // POST token: a new session each time
)

// Ops are the operations that Run knows.
func Ops() []string { return []string{Refresh, Me, Login} }

// Config says what is asked of whom.
type Config struct {
	// Addr is the server: "127.0.0.1:8080", or with "http://" before it.
	Addr string
	// Prefix of the native routes; "" means "/auth/v1".
	Prefix   string
	Op       string
	Clients  int
	Duration time.Duration
	// Login and Password of a user; every client signs in with them.
	Login, Password string
	// PID is the server's process, whose processor time and memory are then
	// reported (Linux only); 0: they are not.
	PID int
}

// patience is how long after the end an answer is waited for.
const patience = 30 * time.Second

// Result is what came of it.
type Result struct {
	Requests int // answered well
	Errors   int // answered otherwise, or not at all
	Elapsed  time.Duration
	P50, P99 time.Duration // of good answers
	// ClientCPU and ServerCPU are processor time for each good answer.
	ClientCPU, ServerCPU time.Duration
	// ServerMemory is what was resident at the end, in bytes.
	ServerMemory int64
	// FirstError tells what the first of the errors was.
	FirstError error
}

// Rate returns the good answers a second.
func (r Result) Rate() float64 {
	if r.Elapsed <= 0 {
		return 0
	}
	return float64(r.Requests) / r.Elapsed.Seconds()
}

// Run signs all clients in, and then has each of them ask, wait for the
// answer and ask again, until the time is over. It returns an error where the
// load could not be made; refusals are counted.
func Run(ctx context.Context, c Config) (Result, error) {
	if !slices.Contains(Ops(), c.Op) {
		return Result{}, fmt.Errorf("operation %q is unknown: %s", c.Op, strings.Join(Ops(), ", "))
	}
	if c.Clients < 1 || c.Duration <= 0 {
		return Result{}, errors.New("clients and duration must be above 0")
	}
	if c.Prefix == "" {
		c.Prefix = "/auth/v1"
	}
	c.Addr = strings.TrimSuffix(strings.TrimPrefix(c.Addr, "http://"), "/")
	clients := make([]*client, c.Clients)
	for i := range clients {
		clients[i] = &client{config: &c, conn: conn{addr: c.Addr}}
		defer clients[i].conn.close()
		if err := clients[i].signIn(ctx); err != nil {
			return Result{}, fmt.Errorf("sign in: %w", err)
		}
	}
	before, err := processOf(c.PID)
	if err != nil {
		return Result{}, err
	}
	own, begun := measure.CPU(), time.Now()
	end := begun.Add(c.Duration)
	ctx, cancel := context.WithDeadline(ctx, end.Add(patience))
	defer cancel()
	var all sync.WaitGroup
	for _, cl := range clients {
		all.Go(func() { cl.run(ctx, end) })
	}
	all.Wait()
	r := Result{Elapsed: time.Since(begun)}
	own = measure.CPU() - own
	after, err := processOf(c.PID)
	if err != nil {
		return Result{}, fmt.Errorf("the server's process: %w", err)
	}
	var took []time.Duration
	for _, cl := range clients {
		took = append(took, cl.took...)
		r.Errors += cl.errors
		if r.FirstError == nil {
			r.FirstError = cl.first
		}
	}
	r.Requests = len(took)
	r.P50, r.P99 = stats.Percentile(took, 0.50), stats.Percentile(took, 0.99)
	if r.Requests > 0 {
		r.ClientCPU = own / time.Duration(r.Requests)
		r.ServerCPU = (after.cpu - before.cpu) / time.Duration(r.Requests)
	}
	r.ServerMemory = after.resident
	return r, nil
}

// client is one session on one connection.
type client struct {
	config          *Config
	conn            conn
	access, refresh string
	body            []byte

	took   []time.Duration
	errors int
	first  error
}

// run asks until the end has come, and waits for the last answer.
func (c *client) run(ctx context.Context, end time.Time) {
	for begun := time.Now(); begun.Before(end) && ctx.Err() == nil; begun = time.Now() {
		err := c.once(ctx)
		if err == nil {
			c.took = append(c.took, time.Since(begun))
			continue
		}
		c.errors++
		if c.first == nil {
			c.first = err
		}
		// The session may be gone, or the token used up without an answer.
		if err := c.signIn(ctx); err != nil {
			return
		}
	}
}

// once does the operation.
func (c *client) once(ctx context.Context) error {
	switch c.config.Op {
	case Login:
		return c.signIn(ctx)
	case Me:
		_, err := c.ask(ctx, http.MethodGet, "/me", nil)
		return err
	}
	c.body = append(c.body[:0], `{"refresh_token":"`...)
	c.body = append(c.body, c.refresh...)
	c.body = append(c.body, `"}`...)
	used := c.refresh
	if err := c.tokens(ctx, "/refresh", c.body); err != nil {
		return err
	}
	if c.refresh == used {
		return errors.New("the refresh token came back unchanged: this server does not rotate")
	}
	return nil
}

func (c *client) signIn(ctx context.Context) error {
	body, err := json.Marshal(map[string]string{"login": c.config.Login, "password": c.config.Password})
	if err != nil {
		return err
	}
	return c.tokens(ctx, "/token", body)
}

// tokens asks for tokens and keeps them.
func (c *client) tokens(ctx context.Context, path string, body []byte) error {
	answer, err := c.ask(ctx, http.MethodPost, path, body)
	if err != nil {
		return err
	}
	var t struct {
		Access  string `json:"access_token"`
		Refresh string `json:"refresh_token"`
	}
	if err := json.Unmarshal(answer, &t); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if t.Access == "" || t.Refresh == "" {
		return fmt.Errorf("%s: an answer without tokens (the transport must be json)", path)
	}
	c.access, c.refresh = t.Access, t.Refresh
	return nil
}

// ask returns the body of a good answer.
func (c *client) ask(ctx context.Context, method, path string, body []byte) ([]byte, error) {
	status, answer, err := c.conn.exchange(ctx, method, c.config.Prefix+path, c.access, body)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if status != http.StatusOK {
		return nil, fmt.Errorf("%s: status %d: %.200s", path, status, answer)
	}
	return answer, nil
}
