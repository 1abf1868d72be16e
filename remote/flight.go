package remote

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/watchword-auth/watchword"
)

// flights lets callers who want the same thing at the same moment share one
// attempt. It ends with the client, not with whoever began it: he may hang up
// and the others still want the answer. Each of them waits within his own
// context.
type flights[T any] struct {
	c *Client

	mu      sync.Mutex
	flying  map[string]*flight[T]
	waiting int
}

type flight[T any] struct {
	done   chan struct{}
	result T
	err    error
}

// do returns what work returns, or Unavailable where ctx ends or too many wait
// already: whoever is slow behind this must not be able to fill its memory.
func (g *flights[T]) do(ctx context.Context, key string, work func(ctx context.Context) (T, error)) (T, error) {
	var none T
	f, err := g.join(key, work)
	if err != nil {
		return none, err
	}
	defer g.leave()
	select {
	case <-f.done:
		return f.result, f.err
	case <-ctx.Done():
		return none, fmt.Errorf("%w: waiting for the authority: %w", watchword.Unavailable, context.Cause(ctx))
	}
}

func (g *flights[T]) join(key string, work func(ctx context.Context) (T, error)) (*flight[T], error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.waiting >= maxWaiting {
		return nil, fmt.Errorf("%w: too many wait for the authority", watchword.Unavailable)
	}
	f := g.flying[key]
	if f == nil {
		f = &flight[T]{done: make(chan struct{})}
		started := g.c.spawn(func(ctx context.Context) {
			ctx, cancel := context.WithTimeout(ctx, 2*g.c.c.Timeout)
			defer cancel()
			f.result, f.err = work(ctx)
			g.mu.Lock()
			delete(g.flying, key)
			g.mu.Unlock()
			close(f.done)
		})
		if !started {
			return nil, fmt.Errorf("%w: %w", watchword.Unavailable, errClosed)
		}
		if g.flying == nil {
			g.flying = make(map[string]*flight[T])
		}
		g.flying[key] = f
	}
	g.waiting++
	return f, nil
}

func (g *flights[T]) leave() {
	g.mu.Lock()
	g.waiting--
	g.mu.Unlock()
}

var errClosed = errors.New("the client is closed")

// spawn runs f in the background until Close, which it cannot outlive; after
// Close it does nothing.
func (c *Client) spawn(f func(ctx context.Context)) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ctx.Err() != nil {
		return false
	}
	c.work.Go(func() { f(c.ctx) })
	return true
}
